"""Decoders and packed trains."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.coding import DECODERS, Count, Race, decoder_from_spec, pack, unpack
from evoneuro.coding.trains import packed, single, words
from evoneuro.errors import EvoNeuroError

# Decoders


@pytest.mark.parametrize("decoder", [Count(), Race(), Race(3, 2), Race(0, 1)], ids=str)
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
    ],
    ids=str,
)
def test_a_wrong_decoder_is_refused_with_a_message(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(EvoNeuroError) as caught:
        decoder_from_spec(spec)
    assert message in str(caught.value)


# Packed trains


@given(st.integers(0, 100), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32))
@settings(max_examples=100)
def test_pack_and_unpack_are_inverse(steps: int, lanes: int, inputs: int, seed: int) -> None:
    spikes = np.random.default_rng(seed).integers(0, 2, (steps, lanes, inputs), np.uint8)
    trains = pack(spikes)
    assert trains.shape == (-(-steps // 32), inputs, lanes)
    assert trains.dtype == np.uint32
    assert unpack(trains, steps).tolist() == spikes.tolist()
    assert unpack(trains, steps).dtype == np.uint8
    assert unpack(trains, len(trains) * 32)[steps:].sum() == 0


def test_a_bit_is_a_step() -> None:
    spikes = np.zeros((70, 2, 3), int)
    spikes[0, 0, 0] = spikes[31, 0, 0] = spikes[32, 1, 2] = spikes[69, 0, 1] = 1
    trains = pack(spikes)
    assert trains[0, 0, 0] == 1 + 2**31
    assert trains[1, 2, 1] == 1
    assert trains[2, 1, 0] == 2**5
    assert np.count_nonzero(trains) == 3


@pytest.mark.parametrize("spike", [True, 5, -1, 256, 0.5])
def test_any_value_but_0_is_a_spike(spike: Any) -> None:
    assert pack([[[spike, 0]]]).tolist() == [[[1], [0]]]


def test_unpack_stops_after_the_steps_asked_for() -> None:
    assert unpack(np.full((2, 1, 1), 0xFFFFFFFF, np.uint32), 33).sum() == 33


@pytest.mark.parametrize(("steps", "expected"), [(0, 0), (1, 1), (32, 1), (33, 2), (64, 2), (65, 3)])
def test_words(steps: int, expected: int) -> None:
    assert words(steps) == expected


@given(st.integers(0, 100), st.integers(0, 2**32))
@settings(max_examples=100)
def test_packed_keeps_the_axes_before_time(steps: int, seed: int) -> None:
    spikes = np.random.default_rng(seed).integers(0, 2, (steps, 3, 2), np.uint8)
    lanes_first = packed(spikes.transpose(1, 2, 0))
    assert lanes_first.shape == (3, 2, -(-steps // 32))
    assert lanes_first.dtype == np.uint32
    assert (lanes_first.transpose(2, 1, 0) == pack(spikes)).all()


def test_single_is_one_spike_or_none() -> None:
    steps = np.array([[0, 31, 32], [-1, 63, 64]])
    trains = single(steps, 2)
    assert trains.shape == (2, 3, 2)
    assert trains.dtype == np.uint32
    assert trains.tolist() == [[[1, 0], [2**31, 0], [0, 1]], [[0, 0], [0, 2**31], [0, 0]]]
