"""Packed trains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.coding import pack, unpack
from evoneuro.coding.trains import packed, single, words


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
