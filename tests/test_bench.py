"""The bench: what it measures with is right, and its command gives the document that it promises."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance import SimulatorFactory, TrainCases
from strategies import random_network, random_trains

from evoneuro.bench.ceiling import Ceiling, Missing
from evoneuro.bench.document import disagreements
from evoneuro.bench.event_driven import Cleared, EventDriven
from evoneuro.bench.kernels import peak_of, slope
from evoneuro.bench.loops import CASES, balancing_network, load_control
from evoneuro.bench.networks import Request, Size, make_workload
from evoneuro.bench.networks import random_network as bench_network
from evoneuro.bench.peers import PEERS, Ours, Peer, check_portable
from evoneuro.bench.plan import FULL
from evoneuro.bench.tables import markdown, short
from evoneuro.bench.timing import Patience, in_turns
from evoneuro.cli import main
from evoneuro.errors import EvoNeuroError
from evoneuro.evaluate import evaluate
from evoneuro.network import NO_FLOOR
from evoneuro.neuron import Reference
from evoneuro.simulator.lanes import decide_shared


class TestEventDriven(TrainCases):
    """The baseline is a simulator like any other."""

    @pytest.fixture
    def simulator(self) -> SimulatorFactory:
        return EventDriven


@pytest.mark.parametrize("style", ["plain", "leaks", "subtract", "delays", "mixed"])
@pytest.mark.parametrize("lanes", [1, 5])
def test_cleared_lanes_decide_as_the_reference_does(style: str, lanes: int) -> None:
    for seed in range(8):
        network = random_network(seed, style)
        trains = random_trains(seed, network, lanes)
        loop = Cleared(network)
        loop.decide(trains)  # leaves nothing behind
        found, expected = loop.decide(trains), decide_shared([network], trains)
        reference = Reference(network, lanes).decide(trains)
        for got, ours, wanted in zip(found[:2], expected[:2], reference, strict=True):
            assert np.array_equal(got, wanted), f"{style}, seed {seed}"
            assert np.array_equal(ours[0], wanted), f"{style}, seed {seed}"
        assert np.array_equal(found[2], expected[2]), f"{style}, seed {seed}"


# Networks


@pytest.mark.parametrize("size", FULL.sizes, ids=str)
@pytest.mark.parametrize("activity", FULL.activities)
@pytest.mark.parametrize("floor", [-127, NO_FLOOR])
def test_the_activity_is_what_was_asked(size: Size, activity: float, floor: int) -> None:
    workload = make_workload(Request(size, activity, 128, v_min=floor))
    assert workload.activity == pytest.approx(activity, rel=0.2)
    assert (workload.network.neurons, workload.network.synapses) == size
    assert Ours(workload.network).run(workload.trains).mean() == pytest.approx(activity, rel=0.2)


def test_a_workload_is_a_function_of_its_request() -> None:
    request = Request(Size(10, 30), 0.08, 20)
    one, other = make_workload(request), make_workload(request)
    assert one.network == other.network
    assert np.array_equal(one.trains, other.trains)
    wider = make_workload(Request(Size(10, 30), 0.08, 40))
    assert np.array_equal(wider.first(20), one.trains)
    assert make_workload(Request(Size(10, 30), 0.08, 20, seed=1)).network != one.network


def test_networks_have_mixed_signs_and_delays() -> None:
    network = bench_network(Request(Size(50, 300), 0.08, 1))
    assert (network.weight > 0).any()
    assert (network.weight < 0).any()
    assert (network.delay.min(), network.delay.max()) == (1, 15)
    assert len({*zip(network.pre.tolist(), network.post.tolist(), strict=True)}) == 300


def test_more_synapses_than_pairs_are_refused() -> None:
    with pytest.raises(EvoNeuroError, match="at most 16 pairs"):
        bench_network(Request(Size(4, 17), 0.1, 1))


def test_the_balancing_network_has_eight_synapses_and_balances() -> None:
    task = load_control()
    network = balancing_network(task)
    assert network.synapses == 8
    assert evaluate(task, [network], CASES)[0].score > 475


# Peers


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
@pytest.mark.parametrize("size", [Size(10, 30), Size(30, 120)], ids=str)
def test_a_peer_that_is_installed_gives_our_spikes(peer: type[Peer], size: Size) -> None:
    workload = make_workload(Request(size, 0.15, 3, v_min=NO_FLOOR))
    try:
        subject = peer(workload.network)
    except Missing as reason:
        pytest.skip(str(reason))
    expected = Ours(workload.network).run(workload.trains)
    for _ in range(2):  # the second time, too, from a cleared state
        assert np.array_equal(subject.run(workload.trains), expected)
    assert expected.any()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"leak": [3] * 10}, "shift leak"),
        ({"refractory": [1] * 10}, "refractory"),
        ({"threshold": [0] * 10}, "thresholds below 1"),
        ({"v_min": -127}, "floor"),
        ({"reset": "subtract", "v_max": 999}, "reset by subtraction"),
        ({"pre": [0, 0], "post": [1, 1], "weight": [1, 1], "delay": [1, 2]}, "two synapses"),
    ],
)
def test_what_peers_cannot_express_is_named(change: dict[str, Any], reason: str) -> None:
    network = bench_network(Request(Size(10, 30), 0.1, 1, v_min=NO_FLOOR))
    check_portable(network)
    with pytest.raises(Missing, match=reason):
        check_portable(replace(network, **change))


# The C kernel


def test_without_a_source_there_is_no_ceiling(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="from a checkout only"):
        Ceiling(tmp_path / "ceiling.c")


def test_a_source_that_is_no_c_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ceiling.c").write_text("this is not C")
    with pytest.raises(Missing, match=r"does not compile|needs a C compiler"):
        Ceiling(tmp_path / "ceiling.c")
    (tmp_path / "ceiling.c").write_text("int other(void) { return 0; }")
    with pytest.raises(Missing, match=r"exports no ceiling_decide|needs a C compiler"):
        Ceiling(tmp_path / "ceiling.c")


# Times and numbers


def test_candidates_take_turns() -> None:
    calls: list[str] = []
    patience = Patience(turns=3, seconds=0.0, most=60.0)
    seconds = in_turns({name: lambda name=name: calls.append(name) for name in "ab"}, patience)  # type: ignore[misc]
    assert calls[-6:] == ["a", "b"] * 3
    assert all(0 < value < 1 for value in seconds.values())


def test_a_slope_is_the_exponent() -> None:
    values = [1, 2, 4, 8, 16, 32]
    assert slope(values, [0.5 * value**2 for value in values]) == pytest.approx(2)


def test_peak_memory_counts_arrays() -> None:
    assert 2**20 <= peak_of(lambda: np.zeros(2**20, np.uint8)) < 2**21


def test_numbers_are_short() -> None:
    assert [short(v) for v in (0.5, 12.3456, 1234.0, 21.44e6, 3e9)] == ["0.5", "12.3", "1.23 k", "21.4 M", "3 G"]


# The command


@pytest.mark.slow
def test_quick(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One document with all documented keys, a page, a picture; every spike agreed."""
    out = tmp_path / "bench"
    assert main(["bench", "--quick", "--json", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert text.count("\n") == 1
    document = json.loads(text)
    keys = (
        "machine",
        "versions",
        "simulator",
        "closed_loop",
        "evaluations",
        "generation",
        "growth",
        "memory",
        "scaling",
        "peers",
    )
    assert tuple(document) == keys
    assert {"processor", "cores", "system", "python", "load_average"} <= set(document["machine"])
    assert {"numpy", "numba"} <= {name for name, version in document["versions"].items() if version}
    assert all(row["spikes_equal"] for row in document["simulator"])
    assert all(row["times_event_driven"] > 0 for row in document["simulator"])
    assert [row["workers"] for row in document["scaling"]] == [1, 2]
    assert {row["axis"] for row in document["growth"]} == set(FULL.growth)
    assert all(0 <= row["share_neither"] < 1 for row in document["evaluations"]["batches"])
    assert all("refused" in row or row["spikes_equal"] for row in document["peers"])
    assert json.loads((out / "bench.json").read_text()) == document
    assert (out / "growth.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "README.md").read_text()
    assert "evoneuro bench --quick" in page
    assert document["machine"]["processor"] in page
    assert disagreements(document) == []
    document["simulator"][0]["spikes_equal"] = False
    assert disagreements(document) == ["simulator at 10 neurons, 1 lanes"]
    assert "| NO |" in markdown(document, "evoneuro bench")
