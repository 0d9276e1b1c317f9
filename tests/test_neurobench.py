"""NeuroBench as a judge: its model gives our spikes, and what it counts is what we count."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from strategies import STYLES, random_network, random_trains

from evoneuro import ClassificationTask, ControlTask, Network, SpikeTask
from evoneuro.cli import main
from evoneuro.coding import decoder_from_spec, unpack
from evoneuro.errors import EvoNeuroError
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.judge.held_out import HeldOut, held_out
from evoneuro.judge.neurobench import PACKAGES, check_installed, judge, measure
from evoneuro.neuron import Reference
from evoneuro.simulator import lane_simulator

LANES = 5
TEST = Cases(0, "test", count=4)
TINY = ["--generations", "2", "--population", "12", "--workers", "0", "--quiet"]

try:
    check_installed()
    absent = ""
except EvoNeuroError as error:
    absent = str(error)
needs_neurobench = pytest.mark.skipif(bool(absent), reason=absent)


def recorded(network: Network, trains: npt.NDArray[np.uint32], keep_state: bool = True) -> HeldOut:
    """Trains (decisions, words, inputs, lanes) as held-out cases, with our simulator's counts; lane 0 ends early."""
    lanes = trains.shape[3]
    decisions = np.full(lanes, len(trains))
    decisions[0] = max(1, len(trains) - 1)
    simulator = lane_simulator([network], lanes)
    steps = 0
    for number, window in enumerate(trains):
        live = number < decisions
        if number and not live.all() and simulator.live[0] == lanes:
            simulator.repack(live)
        steps += int(simulator.decide(np.ascontiguousarray(window[:, :, live]))[1].sum())
        if not keep_state:
            simulator.forget()
    ours = Evaluation(0.0, np.zeros(lanes), 0.0, 0.0, simulator.spikes.copy(), int(decisions.sum()), steps)
    return HeldOut(network, np.ascontiguousarray(trains.transpose(3, 0, 1, 2)), decisions, None, keep_state, ours)


def raster(held: HeldOut) -> npt.NDArray[np.uint8]:
    """Spikes (lanes, ticks, neurons) of the numpy reference, each lane's clock stopped where its decoder says so."""
    network, lanes = held.network, len(held.decisions)
    reference, stop = Reference(network, lanes), decoder_from_spec(network.decoder)
    found = []
    for number in range(held.trains.shape[1]):
        fed = unpack(held.trains[:, number].transpose(1, 2, 0), network.window).astype(np.int64) * network.input_charge
        running = number < held.decisions
        counts = np.zeros((lanes, len(network.outputs) + 1), np.int64)
        for charge in fed:
            found.append(reference.step(charge * running[:, None], running))
            counts[:, :-1] += found[-1][:, network.outputs]
            second, best = np.sort(counts)[:, -2:].T
            running = running & ~((stop.evidence > 0) & (best >= stop.evidence))
            running = running & ~((stop.lead > 0) & (best - second >= stop.lead))
        if not held.keep_state:
            reference.clear()
    return np.array(found).transpose(1, 0, 2)


def some_trains(seed: int, network: Network, decisions: int) -> npt.NDArray[np.uint32]:
    return np.array([random_trains(100 * seed + number, network, LANES) for number in range(decisions)])


@needs_neurobench
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("decisions", "keep_state"), [(1, True), (3, True), (3, False)])
def test_the_model_gives_the_spikes_of_the_reference(style: str, decisions: int, keep_state: bool) -> None:
    import torch

    from evoneuro.judge.model import Judged

    fired = 0
    for seed in range(12):
        network = random_network(seed, style)
        held = recorded(network, some_trains(seed, network, decisions), keep_state)
        charges = np.array([held.charges(lane) for lane in range(LANES)])
        found = Judged(network, keep_state)(torch.from_numpy(charges)).numpy()
        assert np.array_equal(found, raster(held)), f"{style}, seed {seed}"
        assert np.array_equal(found.sum(axis=(0, 1)), held.evaluation.spikes), f"{style}, seed {seed}"
        fired += int(found.sum())
    assert fired


@needs_neurobench
@pytest.mark.parametrize("style", STYLES)
def test_neurobench_counts_what_we_count(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches, too: a limit on memory makes some."""
    monkeypatch.setattr("evoneuro.judge.neurobench.MEMORY", 40_000)
    for seed in range(6):
        network = random_network(seed, style)
        held = recorded(network, some_trains(seed, network, 2))
        found = measure(held)
        spikes, cells = held.evaluation.spikes, network.neurons * held.ticks * LANES
        seen = np.bincount(network.pre[network.weight != 0], minlength=network.neurons)
        assert found["Effective_ACs"] == int(spikes @ seen) / LANES, f"{style}, seed {seed}"
        assert found["Effective_MACs"] == 0
        assert round(found["ActivationSparsity"] * cells) == cells - spikes.sum(), f"{style}, seed {seed}"
        assert found["ActivationSparsity"] == pytest.approx(1 - spikes.sum() / cells, rel=1e-12)


@needs_neurobench
def test_parallel_synapses_are_counted_one_by_one() -> None:
    """Also where their weights cancel; one of weight 0 is not seen."""
    network = Network(
        ids=[0, 1], threshold=[1, 1], leak=[-1, -1], refractory=[0, 0], inputs=[0], outputs=[1], window=4,
        pre=[0, 0, 0, 0, 0], post=[1, 1, 1, 1, 1], weight=[5, -5, 5, 0, 7], delay=[1, 1, 1, 2, 3],
    )  # type: ignore[arg-type]  # fmt: skip
    held = recorded(network, np.full((1, 1, 1, LANES), 1, np.uint32))
    assert held.evaluation.spikes.tolist() == [LANES, 2 * LANES]
    found = measure(held)
    assert found["Effective_ACs"] == 4
    assert found["ParameterCount"] == (2 * 2) * 5  # delay 1 three times, delays 2 and 3
    assert found["ConnectionSparsity"] == 16 / 20
    assert found["Dense"] == 20 * 4


@needs_neurobench
def test_a_network_without_synapses() -> None:
    network = random_network(3, "plain")
    none = np.zeros(0, np.int32)
    bare = Network(**{**vars(network), "pre": none, "post": none, "weight": none, "delay": none})
    found = measure(recorded(bare, some_trains(1, bare, 1)))
    assert (found["Effective_ACs"], found["ConnectionSparsity"]) == (0, 1)


# Tasks


class Blobs(ClassificationTask):
    def load(self) -> tuple[Any, Any]:
        rng = np.random.default_rng(1)
        labels = np.arange(60) % 3
        return rng.normal(size=(60, 2)) + 4 * np.array([[0, 1], [1, 0], [-1, -1]])[labels], labels


class Taps(SpikeTask):
    def load(self) -> tuple[Any, Any]:
        events = [[[0, 0], [5, 1]], [[0, 1], [5, 0]], [[1, 0]]] * 10
        return events, [0, 1, 1] * 10


class Walk(ControlTask):
    """Episodes of 1 to 12 decisions; it writes into the observations that it gave."""

    low, high, actions, max_steps = (-4.0,), (4.0,), (-1.0, 1.0), 12

    def reset(self, keys: npt.NDArray[np.uint64]) -> tuple[Any, Any]:
        place = np.array(keys % np.uint64(7), float)[:, None] - 3
        return place, place

    def step(self, state: Any, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        state += np.where(action, 1.0, -0.5)[:, None]
        over = np.abs(state[:, 0]) > 4
        return state, state, np.ones(len(state)), over, np.zeros(len(state), bool)


def random_member(task: Any, seed: int) -> Network:
    """A dense network for a task, which spikes."""
    rng = np.random.default_rng(seed)
    encoder, decoder = task.coding(0)
    inputs, outputs = task.inputs(0), task.outputs
    n = inputs + outputs + 2
    pre, post = np.nonzero(rng.random((n, n)) < 0.6)
    size = len(pre)
    return Network(
        ids=np.arange(n), threshold=rng.integers(1, 4, n), leak=rng.choice([-1, 0, 2], n),
        refractory=rng.integers(0, 2, n), pre=pre, post=post, weight=rng.integers(-2, 5, size),
        delay=rng.integers(1, 5, size), inputs=np.arange(inputs), outputs=inputs + np.arange(outputs),
        window=task.window, encoder=encoder, decoder=decoder,
    )  # type: ignore[arg-type]  # fmt: skip


@needs_neurobench
@pytest.mark.parametrize("decoder", [{"kind": "count"}, {"kind": "race", "evidence": 2}, {"kind": "race", "lead": 3}])
@pytest.mark.parametrize("task", [Blobs(), Taps(), Walk(), Walk(keep_state=False)], ids=lambda task: task.name)
def test_every_kind_of_task(task: Any, decoder: dict[str, Any]) -> None:
    operations = 0.0
    for seed in range(4):
        network = random_member(task, seed)
        network = Network(**{**vars(network), "decoder": decoder})
        found = judge(task, network, TEST)
        assert all(found["agree"].values()), found
        assert set(found["agree"]) == set(found["counts"]) < set(found["metrics"])
        assert ("ClassificationAccuracy" in found["metrics"]) == (task.kind != "control")
        operations += found["counts"]["Effective_ACs"]
        if not found["zero_weights"]:
            assert found["acs_per_decision"] == pytest.approx(found["energy"], rel=1e-12)
    assert operations


def test_control_is_recorded_as_it_was_evaluated() -> None:
    task = Walk()
    network = random_member(task, 0)
    held = held_out(task, network, Cases(0, "test", count=9))
    assert held.decisions.sum() == held.evaluation.decisions
    assert 1 <= held.decisions.min() < held.decisions.max() <= 12
    for sample in range(9):
        over = np.isnan(held.charges(sample)).all(axis=1)
        assert over.sum() == held.ticks - held.decisions[sample] * network.window
        assert not over[: held.decisions[sample] * network.window].any()


def test_what_the_model_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_member(Blobs(), 0)
    traced = Network(**{**vars(network), "decoder": {"kind": "trace"}})
    with pytest.raises(EvoNeuroError, match="decoder 'trace': NeuroBench"):
        held_out(Blobs(), traced, TEST)
    monkeypatch.setattr("evoneuro.coding.FlipFlop.graded", True)
    with pytest.raises(EvoNeuroError, match="encoder 'flip-flop': NeuroBench"):
        held_out(Blobs(), network, TEST)


# The command


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The best network of a small run of iris."""
    out = tmp_path_factory.mktemp("runs")
    assert main(["run", "iris", "--seed", "1", "--out", str(out), *TINY]) == 0
    return f"{next(out.iterdir())}:best"


@needs_neurobench
def test_an_evolved_network(flowers: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["neurobench", flowers, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["evaluate", flowers, "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    assert {name: found[name] for name in ("score", "synapses", "energy")} == {
        name: ours[name] for name in ("score", "synapses", "energy")
    }
    assert all(found["agree"].values())
    assert found["metrics"]["ClassificationAccuracy"] == pytest.approx(ours["score"], abs=1e-6)
    assert found["samples"] == ours["episodes"] == 30
    assert found["ticks"] == 24
    assert main(["neurobench", flowers]) == 0
    text = capsys.readouterr().out
    assert "Footprint" in text
    assert text.count("equal") == 4


@needs_neurobench
def test_an_evolved_controller(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "cartpole", "--out", str(tmp_path), *TINY]) == 0
    capsys.readouterr()
    net = f"{next(tmp_path.iterdir())}:best"
    arguments = ["--episodes", "3", "--seed", "2", "--set", "task.max_steps=12"]
    assert main(["neurobench", net, *arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert all(found["agree"].values())
    assert "ClassificationAccuracy" not in found["metrics"]
    assert found["samples"] == 3
    assert main(["evaluate", net, *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["energy"] == found["energy"]


@needs_neurobench
def test_a_difference_is_told(
    flowers: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evoneuro.judge.neurobench._visible_events", lambda network, spikes: 1)
    capsys.readouterr()
    assert main(["neurobench", flowers]) == 1
    captured = capsys.readouterr()
    assert "DIFFERENT" in captured.out
    assert captured.err.startswith("evoneuro: error: Effective_ACs: NeuroBench counts ")
    assert captured.err.count("\n") == 1


@needs_neurobench
def test_a_metric_that_fails_is_told(
    flowers: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> Any:
        raise ValueError("broken on purpose")

    for package, name in (("static", "Footprint"), ("workload", "SynapticOperations")):
        with monkeypatch.context() as patch:
            patch.setattr(getattr(import_module(f"neurobench.metrics.{package}"), name), "__call__", broken)
            capsys.readouterr()
            assert main(["neurobench", flowers]) == 1
            assert f"failed to compute {name}" in capsys.readouterr().err


@pytest.mark.parametrize("name", PACKAGES)
def test_without_the_extra(
    flowers: str, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in PACKAGES[PACKAGES.index(name) :]:
        monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    capsys.readouterr()
    assert main(["neurobench", flowers]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert 'pip install "evoneuro[neurobench]"' in captured.err
    assert "without CUDA" in captured.err


def test_mistakes(flowers: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["neurobench", flowers, "--set", "search.population=3"]) == 2
    assert "neurobench sets parameters of the task only" in capsys.readouterr().err
    assert main(["neurobench", "none.json"]) == 2
    assert "none.json" in capsys.readouterr().err
