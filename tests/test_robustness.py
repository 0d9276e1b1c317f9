"""Robustness: perturbed networks are networks, variants depend on their key alone, and the objective is journaled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blueprints import BOUNDS, grown_genomes, make_blueprint
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import STYLES, random_charges, random_network, random_trains
from test_evaluate import CASES, Counter, wire

from evoneuro import EvoNeuroError, Network
from evoneuro.check import probe
from evoneuro.cli import main
from evoneuro.coding import pack, unpack
from evoneuro.coding.jitter import jittered
from evoneuro.config import Config
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases, Evaluation, Jitter, Perturbations
from evoneuro.express import express
from evoneuro.keys import generator, hashed
from evoneuro.launch import resume, start
from evoneuro.networks import Networks
from evoneuro.objectives import Robustness, find_own, losses, measure, plugged
from evoneuro.record import Run
from evoneuro.robustness import KINDS, dead_neurons, evaluate_robust, noisy_weights, scores_by_kind, variants
from evoneuro.run import Silent
from evoneuro.samples import SampleTask
from evoneuro.simulator.lanes import KERNELS, VARIABLE
from evoneuro.store import Store
from evoneuro.task import load_task
from evoneuro.workers.worker import evaluate_batch
from evoneuro.workers.worker import pack as sent
from evoneuro.workers.worker import unpack as unpacked

Perturb = Callable[[Networks, float, np.random.Generator], Networks]

ASKED = Perturbations(variants=2, weight_noise=0.3, dead=0.2, jitter=2)
BOTH: list[Perturb] = [noisy_weights, dead_neurons]


def rng(sub: int = 0) -> np.random.Generator:
    return generator(7, "perturbation", sub=sub)


def checked(network: Network) -> Network:
    """The network through the constructor, which refuses what is out of bounds or would wrap."""
    return Network(**{f.name: getattr(network, f.name) for f in fields(Network)})


def many() -> Networks:
    """Networks of every style."""
    return Networks.of([random_network(seed, style) for style in STYLES for seed in range(12)])


def grown(name: str) -> Networks:
    blueprint = make_blueprint(name)
    return express(grown_genomes(blueprint, 3, 20), blueprint)


# Networks


@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
@pytest.mark.parametrize("perturb", BOTH)
def test_a_perturbed_network_is_a_network(perturb: Perturb, share: float) -> None:
    for batch in (many(), *map(grown, BOUNDS)):
        found = perturb(batch, share, rng())
        for before, after in zip(batch, found, strict=True):
            assert checked(after) == after
            assert np.abs(after.weight).max(initial=0) <= np.abs(before.weight).max(initial=0)
            assert after.threshold.tolist() == before.threshold.tolist()
            assert after.outputs.tolist() == before.outputs.tolist()


@pytest.mark.parametrize("perturb", BOTH)
def test_no_strength_changes_nothing(perturb: Perturb) -> None:
    batch = many()
    assert perturb(batch, 0.0, rng()).fingerprints() == batch.fingerprints()
    assert perturb(batch, 0.5, rng()).fingerprints() != batch.fingerprints()


@pytest.mark.parametrize("perturb", BOTH)
def test_a_perturbation_knows_only_its_key_and_its_network(perturb: Perturb) -> None:
    batch = many()
    together = perturb(batch, 0.4, rng(1)).fingerprints()
    assert [perturb(Networks.of([network]), 0.4, rng(1)).fingerprints()[0] for network in batch] == together
    assert perturb(batch[::-1], 0.4, rng(1)).fingerprints() == together[::-1]
    assert perturb(batch, 0.4, rng(2)).fingerprints() != together


def test_noise_has_the_deviation_that_is_asked_for() -> None:
    synapses = 20_000
    weight = [0] * (synapses - 1) + [1000]
    net = wire(pre=[0] * synapses, post=[2] * synapses, weight=weight, delay=[1] * synapses)
    noise = noisy_weights(Networks.of([net]), 0.1, rng()).weight[net.weight == 0]
    assert abs(noise.mean()) < 3 * 100 / np.sqrt(synapses)
    assert noise.std() == pytest.approx(100, rel=0.03)


def test_potentials_that_could_leave_32_bits_keep_their_weights() -> None:
    # both sums fill 31 bits: any noise that adds would wrap; the other network of the batch is perturbed all the same
    half = 2**30 - 1
    full = wire(pre=[0, 1, 0, 1], post=[2, 2, 3, 3], weight=[half, half, half - 9, 9], delay=[1] * 4)
    other = wire(weight=[100, 90])
    found = [noisy_weights(Networks.of([full, other]), 0.5, rng(sub)) for sub in range(8)]
    for batch in found:
        assert checked(batch[0]) == batch[0]
    assert {tuple(batch[1].weight.tolist()) for batch in found} != {(100, 90)}


def test_dead_neurons_send_nothing() -> None:
    net = wire(
        ids=range(14), threshold=[1] * 14, leak=[-1] * 14, refractory=[0] * 14,
        pre=range(14), post=[2] * 14, weight=[1] * 14, delay=[1] * 14, inputs=[0, 1], outputs=[2, 3],
    )  # fmt: skip
    for share, count in ((0.01, 1), (0.25, 3), (0.26, 4), (1.0, 12)):
        killed = [dead_neurons(Networks.of([net]), share, rng(sub))[0] for sub in range(20)]
        gone = [set(range(14)) - set(network.pre.tolist()) for network in killed]
        assert all(len(neurons) == count and not neurons & {2, 3} for neurons in gone)
        assert set.union(*gone) >= ({0, 1} if count > 1 else set())
        assert len({tuple(neurons) for neurons in gone}) > 1 or count == 12


# Inputs


def spikes_of(feed: Any, window: int) -> Any:
    """(steps, lanes, inputs) within the window."""
    raster = feed.transpose(0, 2, 1) if feed.dtype == np.int32 else unpack(feed, 32 * len(feed))
    return raster[:window]


@given(st.integers(0, 10**6), st.sampled_from(sorted(STYLES)), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_spikes_move_and_charges_are_kept(seed: int, style: str, reach: int) -> None:
    network, lanes = random_network(seed, style), 3
    keys = hashed(seed, np.arange(lanes))
    trains = random_trains(seed, network, lanes)
    found = jittered(trains, keys, reach, network.window, 1)
    before, after = spikes_of(trains, network.window), spikes_of(found, network.window)
    assert spikes_of(found, 10**6).sum() == after.sum() <= before.sum()
    reached = np.zeros_like(before)
    for shift in range(-reach, reach + 1):
        for step in np.argwhere(before.any(axis=(1, 2)))[:, 0]:
            reached[np.clip(step + shift, 0, network.window - 1)] |= before[step]
    assert (after <= reached).all()
    charges = random_charges(seed, network, lanes)
    free = jittered(charges, keys, reach, network.window, 2**40 if reach else network.input_max)
    assert spikes_of(free, 10**6).sum(axis=0).tolist() == spikes_of(charges, network.window).sum(axis=0).tolist()
    held = jittered(charges, keys, reach, network.window, network.input_max)
    assert np.abs(held).max(initial=0) <= network.input_max
    if reach == 0:
        assert after[: len(before)].tolist() == before.tolist()


def test_jitter_is_uniform_and_each_lane_has_its_own() -> None:
    window, lanes = 40, 4000
    spikes = np.zeros((window, lanes, 1), np.uint8)
    spikes[20] = 1
    keys = hashed(3, np.arange(lanes))
    found = unpack(jittered(pack(spikes), keys, 2, window, 1), window)[:, :, 0]
    where = found.argmax(axis=0)
    assert found.sum(axis=0).tolist() == [1] * lanes
    assert (np.abs(np.bincount(where - 18, minlength=5) - lanes / 5) < 5 * np.sqrt(lanes / 5)).all()
    some = np.arange(7, lanes, 3)
    again = unpack(jittered(pack(spikes[:, some]), keys[some], 2, window, 1), window)[:, :, 0]
    assert again.argmax(axis=0).tolist() == where[some].tolist()
    longer = np.concatenate([spikes, np.ones((50, lanes, 1), np.uint8)])  # of a network with a longer window
    assert (unpack(jittered(pack(longer), keys, 2, window, 1), window)[:, :, 0].argmax(axis=0) == where).all()


def test_hashed_words_are_as_published() -> None:
    # the first words of SplitMix64 from state 0 (https://prng.di.unimi.it/splitmix64.c)
    assert hashed(0, np.arange(3)).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@pytest.mark.parametrize(
    "name",
    [
        "cartpole",
        "iris",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("temporal-xor", "mackey-glass")),
        "charges",
    ],
)
def test_jitter_is_blind_to_the_batch_and_to_the_simulator(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graded = name == "charges"
    task = load_task("iris" if graded else name, {"encoder": {"kind": "current"}} if graded else {})
    base = probe(task)
    networks = [replace(base, weight=np.roll(base.weight, k), window=base.window - k) for k in range(4)]
    cases = Cases(4, "episodes", 2, 3, jitter=Jitter(99, 3))
    together = evaluate(task, networks, cases)
    assert [evaluate(task, [network], cases)[0] for network in networks] == together
    assert evaluate(task, networks[::-1], cases) == together[::-1]
    assert evaluate(task, networks, replace(cases, jitter=Jitter(99, 0))) == evaluate(
        task, networks, replace(cases, jitter=None)
    )
    assert evaluate(task, networks, replace(cases, jitter=Jitter(98, 3))) != together
    for kernel in ("native", "numba"):
        if KERNELS[kernel].available():
            monkeypatch.setenv(VARIABLE, kernel)
            assert evaluate(task, networks, cases) == together, kernel


def test_minibatches_are_jittered_as_the_whole_would_be() -> None:
    task, whole = load_task("iris", {"batch": 20}), load_task("iris")
    network = probe(whole)
    cases = Cases(4, "episodes", 2, 1, jitter=Jitter(5, 2))
    assert isinstance(task, SampleTask)
    chosen = task.cases("train", 4, 2)
    found = evaluate(task, [network], cases)[0].case_scores
    assert found.tolist() == evaluate(whole, [network], cases)[0].case_scores[chosen].tolist()


# Robustness


def test_robustness_is_the_lowest_of_the_kinds_means() -> None:
    task, cases = load_task("iris"), Cases(1, "episodes", perturbations=ASKED)
    networks = [replace(probe(task), weight=np.roll(probe(task).weight, k)) for k in range(5)]
    found = evaluate_robust(task, networks, cases)
    by_kind = scores_by_kind(task, networks, cases)
    assert tuple(by_kind) == KINDS
    assert all(scores.shape == (2, 5) for scores in by_kind.values())
    lowest = np.min([scores.mean(axis=0) for scores in by_kind.values()], axis=0)
    assert [e.robustness for e in found] == lowest.tolist()
    plain = evaluate(task, networks, replace(cases, perturbations=None))
    assert [replace(e, robustness=float("nan")) for e in found] == plain
    assert [evaluate_robust(task, [network], cases)[0] for network in networks] == found
    assert unpacked(sent(found)) == found


def test_variants_depend_on_seed_stream_kind_and_number() -> None:
    batch = Networks.of([random_network(1, "mixed")])
    cases = Cases(1, "episodes", 0, 1, perturbations=ASKED)

    def prints(cases: Cases) -> list[Any]:
        return [(v.kind, v.networks.fingerprints(), v.cases.jitter) for v in variants(batch, cases)]

    assert prints(cases) == prints(replace(cases, generation=9, count=4))
    assert prints(cases) != prints(replace(cases, seed=2))
    assert prints(cases) != prints(replace(cases, stream="validation"))
    jitters = [v.cases.jitter for v in variants(batch, cases) if v.kind == "input_jitter"]
    assert len({jitter.key for jitter in jitters if jitter is not None}) == 2
    only = replace(cases, perturbations=Perturbations(variants=4, weight_noise=0, dead=0.1, jitter=0))
    assert [v.kind for v in variants(batch, only)] == ["dead_neurons"] * 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"variants": 0}, "robustness.variants"), ({"dead": 1.5}, "robustness.dead"), ({"jitter": -1}, "jitter"),
     ({"weight_noise": 0.0, "dead": 0.0, "jitter": 0}, "nothing would be perturbed")],
)  # fmt: skip
def test_perturbations_out_of_range(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        Perturbations(**changes)
    with pytest.raises(EvoNeuroError, match=message):
        Config.from_document({"task": "iris", "robustness": changes})


class Fragile(Counter):
    """Raises, or scores nonsense, where a lane acts as the unperturbed wire never does."""

    nonsense = False

    def step(self, state: Any, action: Any) -> Any:
        state, observation, reward, over, cut = super().step(state, action)
        wrong = (action == 1) != (state["sign"] > 0)
        if wrong.any() and not self.nonsense:
            raise ValueError("never seen")
        return state, observation, np.where(wrong, 1e308, reward), over, cut


def test_a_variant_that_fails_fails_its_network_alone() -> None:
    asked = Perturbations(variants=3, weight_noise=0.0, dead=0.5, jitter=0)
    cases = replace(CASES, perturbations=asked)
    dull = wire(pre=[], post=[], weight=[], delay=[])  # always output 0, dead or alive: wrong in the second lane
    assert [e.failure is None for e in evaluate_batch(Fragile(), [wire()], CASES)] == [True]
    (failed,) = evaluate_batch(Fragile(), [wire()], cases)
    assert failed.failure is not None
    assert "ValueError: never seen" in failed.failure
    assert failed.failure.endswith(("under dead neurons 0", "under dead neurons 1", "under dead neurons 2"))
    both = evaluate_batch(Counter(), [wire(), dull], cases)
    assert all(np.isfinite(e.robustness) for e in both)


def test_a_score_that_is_not_finite_fails_its_network_alone() -> None:
    asked = Perturbations(variants=3, weight_noise=0.0, dead=0.5, jitter=0)
    firm = wire(pre=[0, 1, 1], post=[2, 3, 3], weight=[1, 1, 1], delay=[1, 1, 2])
    with np.errstate(over="ignore"):
        found = evaluate_robust(Fragile(nonsense=True), [wire(), firm], replace(CASES, perturbations=asked))
    reasons = [e.failure for e in found if e.failure is not None]
    assert all(reason.startswith("its score is inf under dead neurons") for reason in reasons)
    assert reasons


def test_the_objective_is_measured_only_where_it_is_chosen() -> None:
    own = find_own(["score", "robustness"])
    assert [type(objective) for objective in own.values()] == [Robustness]
    assert plugged(own) == {}
    good = Evaluation(0.5, np.ones(2), 3.0, 7.0, np.zeros(4, np.int64), 2, 6, robustness=0.25)
    found = measure([wire()] * 2, [good, Evaluation.failed("raised")], own)
    assert found.shape == (2, 7)
    assert losses(found, ["robustness"], own).tolist() == [[-0.25], [np.inf]]
    assert measure([wire()], [good]).shape == (1, 6)


# Runs

OBJECTIVES = ["score", "robustness", "synapses"]
SMALL: dict[str, Any] = {
    "task": "iris", "seed": 3, "budget": {"generations": 6}, "workers": {"count": 0},
    "search": {"population": 16, "objectives": OBJECTIVES, "constraints": ["robustness >= 0.3"]},
    "robustness": {"variants": 2, "jitter": 2}, "parameters": {"batch": 60}, "episodes": {"refresh": 3, "every": 4},
}  # fmt: skip


def config(out: Path, **changes: Any) -> Config:
    return Config.from_document({**SMALL, "out": str(out), **changes})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return start(config(tmp_path_factory.mktemp("robust")))


class Interrupted(Silent):
    """Ends the run after a generation."""

    def __init__(self, last: int) -> None:
        self.last = last

    def generation(self, summary: Mapping[str, Any]) -> None:
        if summary["generation"] == self.last:
            raise KeyboardInterrupt


def interrupted(config: Config, last: int) -> Path:
    with pytest.raises(KeyboardInterrupt):
        start(config, Interrupted(last))
    return next(Path(config.out).iterdir())


def test_a_resumed_run_has_the_same_bits(undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = interrupted(config(tmp_path), 2)
    record, left = Store.record, [3]

    def fail_later(self: Store, generation: int, purpose: str, results: Any) -> None:
        record(self, generation, purpose, results)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # amid a generation, whose journaled evaluations are then read
        patch.setattr(Store, "record", fail_later)
        with pytest.raises(KeyboardInterrupt):
            resume(path)
    run = resume(path)
    assert run.status()["digest"] == undisturbed.status()["digest"]
    store = Store.read(path)
    kept = [e.robustness for g in range(6) for e in store.evaluations(g, "offspring").values()]
    assert np.isfinite(kept).sum() > 48
    assert all(np.isnan(e.robustness) for e in store.evaluations(5, "validation").values())
    store.close()


@pytest.mark.slow
def test_workers_change_nothing(undisturbed: Run, tmp_path: Path) -> None:
    run = start(config(tmp_path, workers={"count": 2}))
    assert run.status()["digest"] == undisturbed.status()["digest"]


def test_the_front_says_it(undisturbed: Run) -> None:
    for member in undisturbed.front:
        assert 0.3 <= member.measures["robustness"] <= 1
    assert undisturbed.front.best("robustness").measures["robustness"] == max(
        member.measures["robustness"] for member in undisturbed.front
    )
    best = undisturbed.front.best("robustness").measures
    assert best["robustness"] > 0.6  # chance is 0.33


def test_more_noise_costs_more(undisturbed: Run) -> None:
    network = undisturbed.front[0].network
    task = load_task("iris")

    def mean(**strengths: Any) -> float:
        asked = Perturbations(**{"variants": 20, "weight_noise": 0.0, "dead": 0.0, "jitter": 0, **strengths})
        (scores,) = scores_by_kind(task, [network], Cases(3, "test", perturbations=asked)).values()
        return float(scores.mean())

    (plain,) = evaluate(task, [network], Cases(3, "test"))
    for name, strengths in (("weight_noise", (0.02, 0.3, 1.0)), ("dead", (0.05, 0.5, 1.0)), ("jitter", (1, 5, 24))):
        low, middle, high = (mean(**{name: strength}) for strength in strengths)
        assert low >= middle >= high, (name, low, middle, high)
        assert low > high, (name, low, high)
        assert plain.score > high


# Commands


def test_front_reports_robustness(undisturbed: Run, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(undisturbed.path)
    arguments = ["front", path, "--robustness", "--variants", "3"]
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    members, reports = document["front"], document["robustness"]
    assert [report["id"] for report in reports] == [member["id"] for member in members]
    for member, report in zip(members, reports, strict=True):
        assert report["score"] == member["validation_score"]
        assert report["robustness"] == min(report[kind]["mean"] for kind in KINDS)
        assert all(report[kind]["worst"] <= report[kind]["mean"] + 1e-12 for kind in KINDS)
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["id", "score", "robustness", "weight", "noise", "worst", "dead", "neurons", "worst",
                                "input", "jitter", "worst"] for line in lines)  # fmt: skip
    assert main(["front", path, "--json"]) == 0
    assert "robustness" not in json.loads(capsys.readouterr().out)


def test_evaluate_reports_robustness(undisturbed: Run, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", f"{undisturbed.path}:best"]
    assert main([*arguments, "--robustness", "--variants", "2", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["robustness"]["score"] == document["score"]
    assert set(document["robustness"]) == {"score", "robustness", *KINDS}
    assert main([*arguments, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain == {key: value for key, value in document.items() if key != "robustness"}
    assert main([*arguments, "--robustness", "--variants", "2"]) == 0
    assert "weight noise" in capsys.readouterr().out


def test_a_run_can_be_told_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "iris", "--generations", "1", "--population", "8", "--workers", "0", "--out", str(tmp_path)]
    chosen = ['--set=search.objectives=["score", "robustness"]', "--set=robustness.variants=1"]
    assert main([*arguments, *chosen, "--json"]) == 0
    assert all("robustness" in member for member in json.loads(capsys.readouterr().out)["front"])
    assert main([*arguments, "--set=robustness.jiter=1"]) == 2
    assert "robustness.jitter" in capsys.readouterr().err
