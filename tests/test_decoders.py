"""Decoders: each against its equation, read step by step from a dense raster; specifications and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.coding import DECODERS, Count, Decoder, Output, Race, decoder_from_spec, pack
from evoneuro.coding.choices import ABSTAINED, FirstSpike, Membrane, MultiCount, Population, Trace
from evoneuro.coding.decoder import counts, first_spikes, traces
from evoneuro.coding.values import Bins, Latency, MembraneValue, Pair, Rate, TraceValue
from evoneuro.errors import EvoNeuroError


def output(*trains: str, potentials: Any = None) -> Output:
    """What one lane's outputs did: a line of 0 and 1 for each, step 0 first."""
    raster = np.array([[int(bit) for bit in train] for train in trains], np.uint8)
    ends = [0] * len(trains) if potentials is None else potentials
    return Output(pack(raster.T[:, None]), np.array(ends, np.int32)[:, None], raster.shape[1])


def said(decoder: Decoder, *trains: str, potentials: Any = None) -> Any:
    """What a decoder reads of one lane."""
    return decoder.read(output(*trains, potentials=potentials))[0].tolist()


# By hand


@pytest.mark.parametrize(
    ("decoder", "trains", "expected"),
    [
        (FirstSpike(), ("0010", "0100"), 1),
        (FirstSpike(), ("0100", "0100"), 0),
        (FirstSpike("first"), ("0000", "0000"), 0),
        (FirstSpike("abstain"), ("0000", "0000"), ABSTAINED),
        (FirstSpike("abstain"), ("0000", "0001"), 1),
        (Population(2), ("1000", "1000", "1110", "0000"), 1),
        (Population(2), ("1100", "0000", "1000", "1000"), 0),
        (Population(1), ("0", "1"), 1),
        (Trace(1), ("1100", "0001"), 1),  # 2 early spikes have decayed to less than a late one
        (Trace(15), ("1100", "0001"), 0),
        (Trace(3), ("0000", "0000"), 0),
        (MultiCount((2, 3)), ("01", "11", "10", "11", "11"), [1, 1]),
        (MultiCount((1, 2)), ("11", "00", "00"), [0, 0]),
    ],
    ids=str,
)
def test_choices_by_hand(decoder: Decoder, trains: tuple[str, ...], expected: Any) -> None:
    assert said(decoder, *trains) == expected


def test_choices_by_potential() -> None:
    assert said(Membrane(), "00", "00", "00", potentials=[-3, 5, 5]) == 1
    assert said(Membrane(), "00", "00", potentials=[-7, -9]) == 0
    assert said(FirstSpike(), "00", "00", potentials=[1, 2]) == 1
    assert said(FirstSpike(), "01", "00", potentials=[1, 2]) == 0


@pytest.mark.parametrize(
    ("decoder", "trains", "expected"),
    [
        (Rate((-1.0,), (1.0,), 4), ("0000",), [-1]),
        (Rate((-1.0,), (1.0,), 4), ("0110",), [0]),
        (Rate((-1.0,), (1.0,), 2), ("1110",), [1]),  # clipped
        (Rate((0.0, 10.0), (1.0, 20.0), 4), ("1000", "1110"), [0.25, 17.5]),
        (Pair((-2.0,), (2.0,), 2), ("00", "00"), [0]),
        (Pair((-2.0,), (2.0,), 2), ("11", "00"), [2]),
        (Pair((-2.0,), (2.0,), 2), ("10", "11"), [-1]),
        (Pair((-2.0,), (2.0,), 2), ("0000", "1111"), [-2]),  # clipped
        (Bins((0.0,), (4.0,), 5), ("00", "00", "00", "00", "00"), [2]),
        (Bins((0.0,), (4.0,), 5), ("10", "00", "00", "00", "00"), [0]),
        (Bins((0.0,), (4.0,), 5), ("10", "00", "00", "00", "11"), [8 / 3]),
        (Bins((0.0, 0.0), (1.0, 1.0), 2), ("11", "10", "00", "11"), [1 / 3, 1]),
        (Latency((0.0,), (1.0,)), ("1000",), [1]),
        (Latency((0.0,), (1.0,)), ("0011",), [0.5]),
        (Latency((0.0,), (1.0,)), ("0000",), [0]),
        (TraceValue((0.0,), (1.0,), 1), ("0001",), [0.5]),
        (TraceValue((0.0,), (1.0,), 1), ("1111",), [1 - 1 / 16]),
        (TraceValue((0.0,), (1.0,), 1), ("0000",), [0]),
    ],
    ids=str,
)
def test_values_by_hand(decoder: Decoder, trains: tuple[str, ...], expected: list[float]) -> None:
    assert said(decoder, *trains) == pytest.approx(expected, abs=1e-12)


def test_values_by_potential() -> None:
    decoder = MembraneValue((-1.0,) * 4, (1.0,) * 4, 8)
    assert said(decoder, *["0"] * 4, potentials=[0, 4, -8, 100]) == [0, 0.5, -1, 1]
    assert said(MembraneValue((0.0,), (1.0,), 2**30), "0", potentials=[-(2**31)]) == [0]  # no sum leaves 32 bits


# Against the equations, on any output


@st.composite
def outputs(draw: Any) -> tuple[Any, Output]:
    """A raster (steps, lanes, outputs) with 12 outputs, and what is recorded of it."""
    steps, lanes = draw(st.integers(1, 70)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    raster = (rng.random((steps, lanes, 12)) < draw(st.sampled_from([0, 0.02, 0.3, 1]))).astype(np.uint8)
    potentials = rng.integers(-(2**20), 2**20, (12, lanes)).astype(np.int32)
    return raster, Output(pack(raster), potentials, steps)


def each(raster: Any, read: Any) -> Any:
    """`read` of the trains of every lane, each a list (outputs) of lists of bits."""
    return [read([raster[:, lane, k].tolist() for k in range(raster.shape[2])]) for lane in range(raster.shape[1])]


def trace(train: list[int], shift: int) -> int:
    r = 0
    for bit in train:
        r = r - (r >> shift) + (65536 if bit else 0)
    return r


def first(train: list[int]) -> int:
    return train.index(1) if 1 in train else len(train)


@given(outputs(), st.integers(1, 15))
def test_what_decoders_read(given_: Any, shift: int) -> None:
    raster, record = given_
    assert counts(record).T.tolist() == each(raster, lambda trains: [sum(train) for train in trains])
    assert first_spikes(record).T.tolist() == each(raster, lambda trains: [first(train) for train in trains])
    assert traces(record, shift).T.tolist() == each(raster, lambda trains: [trace(t, shift) for t in trains])


@settings(deadline=None)
@given(outputs(), st.sampled_from([1, 2, 3, 4, 6, 12]), st.integers(1, 15))
def test_choices_are_their_equations(given_: Any, members: int, shift: int) -> None:
    raster, record = given_

    def highest(values: list[int]) -> int:
        return max(range(len(values)), key=lambda k: (values[k], -k))

    def groups(trains: Any) -> list[int]:
        return [sum(map(sum, trains[k : k + members])) for k in range(0, 12, members)]

    found = Population(members).read(record).tolist()
    assert found == each(raster, lambda trains: highest(groups(trains)))
    assert Trace(shift).read(record).tolist() == each(raster, lambda trains: highest([trace(t, shift) for t in trains]))
    assert Membrane().read(record).tolist() == [highest(lane.tolist()) for lane in record.potentials.T]
    sizes = (members, 12 - members) if members < 12 else (12,)
    picked = MultiCount(sizes).read(record)
    for k, (start, size) in enumerate(zip((0, members), sizes, strict=False)):
        expected = each(raster, lambda trains, a=start, n=size: highest([sum(t) for t in trains[a : a + n]]))
        assert picked[:, k].tolist() == expected
    for silent in ("first", "abstain", "potential"):
        found = FirstSpike(silent).read(record)
        for lane, choice in enumerate(found.tolist()):
            times = [first(raster[:, lane, k].tolist()) for k in range(12)]
            instead = {"first": 0, "abstain": -1, "potential": highest(record.potentials[:, lane].tolist())}[silent]
            assert choice == (times.index(min(times)) if min(times) < record.window else instead)


@settings(deadline=None)
@given(outputs(), st.integers(1, 40), st.integers(1, 15), st.integers(1, 2**21))
def test_values_are_their_equations(given_: Any, most: int, shift: int, scale: int) -> None:
    raster, record = given_
    window = record.window

    def bins(group: list[Any]) -> float:
        votes = [sum(train) for train in group]
        return sum(n * j for j, n in enumerate(votes)) / (3 * sum(votes)) if sum(votes) else 0.5

    def pair(up: Any, down: Any) -> float:
        return 0.5 + max(-most, min(most, sum(up) - sum(down))) / (2 * most)

    def ranges(count: int) -> Any:
        return tuple(-float(k) for k in range(count)), tuple(k + 1.0 for k in range(count))

    fractions: list[tuple[Any, Any]] = [
        (Rate(*ranges(12), most), lambda trains: [min(sum(t), most) / most for t in trains]),
        (Pair(*ranges(6), most), lambda trains: [pair(*trains[k : k + 2]) for k in range(0, 12, 2)]),
        (Bins(*ranges(3), 4), lambda trains: [bins(trains[k : k + 4]) for k in range(0, 12, 4)]),
        (Latency(*ranges(12)), lambda trains: [1 - first(t) / window for t in trains]),
        (TraceValue(*ranges(12), shift), lambda trains: [min(trace(t, shift) / 2 ** (16 + shift), 1) for t in trains]),
    ]
    for decoder, equation in fractions:
        low, high = np.array(decoder.low), np.array(decoder.high)
        found = decoder.read(record)
        assert found.shape == (raster.shape[1], len(low))
        assert ((low <= found) & (found <= high)).all()
        np.testing.assert_allclose(found, low + (high - low) * np.array(each(raster, equation)), rtol=0, atol=1e-9)
    low, high = (np.array(ends) for ends in ranges(12))
    expected = low + (high - low) * np.clip(0.5 + record.potentials.T / (2 * scale), 0, 1)
    np.testing.assert_allclose(MembraneValue(*ranges(12), scale).read(record), expected, rtol=0, atol=1e-9)


@given(outputs())
def test_lanes_are_read_apart(given_: Any) -> None:
    _, record = given_
    for decoder in (FirstSpike(), Population(3), Trace(), MultiCount((5, 7)), Bins((0.0,) * 3, (1.0,) * 3, 4)):
        together = decoder.read(record)
        for lane in range(record.trains.shape[2]):
            alone = Output(record.trains[:, :, lane : lane + 1], record.potentials[:, lane : lane + 1], record.window)
            assert np.array_equal(decoder.read(alone)[0], together[lane])


# What tasks and simulators ask


def test_output_neurons() -> None:
    assert [Count().neurons(3), Race().neurons(3), FirstSpike().neurons(3), Membrane().neurons(3)] == [3, 3, 3, 3]
    assert Population(4).neurons(3) == 12
    assert MultiCount((2, 3)).neurons(2) == 5
    assert [Rate().neurons(2), Latency().neurons(2), TraceValue().neurons(2), MembraneValue().neurons(2)] == [2] * 4
    assert Pair().neurons(2) == 4
    assert Bins(members=7).neurons(2) == 14


def test_who_records_gives_values_or_silences() -> None:
    of = {kind: (cls.records, cls.continuous, cls.silences) for kind, cls in DECODERS.items()}
    values = {"rate", "pair", "bins", "latency", "trace-value", "membrane-value"}
    assert {kind for kind, (records, _, _) in of.items() if not records} == {"count", "race"}
    assert {kind for kind, (_, continuous, _) in of.items() if continuous} == values
    assert {kind for kind, (_, _, silences) in of.items() if silences} == {"membrane", "membrane-value"}
    # the first spike stops the clock, everybody else waits for the end of the window
    stop = {kind for kind, cls in DECODERS.items() if (cls.evidence or cls.lead)}
    assert stop == {"race", "first-spike"}


# Specifications


@pytest.mark.parametrize(
    "decoder",
    [
        Count(), Race(), Race(3, 2), Race(0, 1), FirstSpike("abstain"), Population(3), Membrane(), Trace(4),
        MultiCount((2, 3)), Rate((0.0, -1.5), (1.0, 2.0), 4), Pair(max_spikes=3), Bins((-0.1,), (0.1,), 7),
        Latency((2,), (3,)), TraceValue(shift=2), MembraneValue(scale=9),
    ],
    ids=str,
)  # fmt: skip
def test_decoder_specifications_come_back(decoder: Any) -> None:
    assert decoder_from_spec(json.loads(json.dumps(decoder.spec()))) == decoder


def test_stopping_rules() -> None:
    rules = {
        str(spec): decoder_from_spec(spec) for spec in (None, {"kind": "count"}, {"kind": "race"}, Race(0, 4).spec())
    }
    assert [(rule.evidence, rule.lead) for rule in rules.values()] == [(0, 0), (0, 0), (1, 0), (0, 4)]
    assert Race(2, 3).spec() == {"kind": "race", "evidence": 2, "lead": 3}
    assert Count().spec() == {"kind": "count"}


def test_the_registry_knows_its_kinds() -> None:
    assert {kind: cls.kind for kind, cls in DECODERS.items()} == {kind: kind for kind in DECODERS}


def test_a_whole_number_written_as_a_float_is_an_integer() -> None:
    assert json.dumps(decoder_from_spec({"kind": "race", "evidence": 2.0}).spec()) == json.dumps(Race(2).spec())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "rase"}, "decoder: no such name: 'rase'. Did you mean 'rate'?"),
        ({"evidence": 2}, "decoder: no such name: None"),
        ({"kind": "race", "evidense": 2}, "decoder 'race': unknown parameter 'evidense'. Did you mean 'evidence'?"),
        ({"kind": "count", "evidence": 2}, "decoder 'count': unknown parameter 'evidence'"),
        ({"kind": "race", "evidence": 0}, "evidence and lead are both 0; use 'count'"),
        ({"kind": "race", "evidence": -1}, "decoder 'race': evidence: expected 0 to 65536, got -1"),
        ({"kind": "race", "lead": 65537}, "decoder 'race': lead: expected 0 to 65536, got 65537"),
        ({"kind": "race", "lead": 1.5}, "decoder 'race': lead: expected an integer"),
        ({"kind": "first-spike", "silent": "firts"}, "silent: no such name: 'firts'. Did you mean 'first'?"),
        ({"kind": "population", "members": 0}, "decoder 'population': members: expected 1 to 1024, got 0"),
        ({"kind": "trace", "shift": 16}, "decoder 'trace': shift: expected 1 to 15, got 16"),
        ({"kind": "multi-count", "sizes": 3}, "sizes: expected a list of integers, got 3"),
        ({"kind": "multi-count", "sizes": []}, "sizes: expected a list of integers, got []"),
        ({"kind": "multi-count", "sizes": [2, 0]}, "sizes: expected 1 to 65536, got 0"),
        ({"kind": "rate", "max_spikes": 0}, "decoder 'rate': max_spikes: expected 1 to 65536, got 0"),
        ({"kind": "pair", "max_spikes": 0}, "decoder 'pair': max_spikes: expected 1 to 65536, got 0"),
        ({"kind": "bins", "members": 1}, "decoder 'bins': members: expected 2 to 1024, got 1"),
        ({"kind": "trace-value", "shift": 0}, "decoder 'trace-value': shift: expected 1 to 15, got 0"),
        ({"kind": "membrane-value", "scale": 0}, "decoder 'membrane-value': scale: expected 1 to"),
        ({"kind": "rate", "low": "ab"}, "decoder 'rate': low: expected a list of numbers, got 'ab'"),
        ({"kind": "rate", "low": []}, "decoder 'rate': low: expected a list of numbers, got []"),
        ({"kind": "rate", "low": [0, 0]}, "decoder 'rate': low has 2 values, high has 1"),
        ({"kind": "latency", "low": [1.0]}, "value 0: expected finite low < high, got 1.0 and 1.0"),
        ({"kind": "bins", "high": [float("inf")]}, "value 0: expected finite low < high, got 0.0 and inf"),
    ],
    ids=str,
)
def test_a_wrong_decoder_is_refused_with_a_message(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(EvoNeuroError) as caught:
        decoder_from_spec(spec)
    assert message in str(caught.value)
