"""Latency codes against their equations: time to first spike, logarithmic latency, rank order."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from encoded import ramp, raster_of, steps_of, times_of
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.coding import Encoder, LogLatency, RankOrder, TimeToFirstSpike, unpack

# Time to first spike


@given(st.integers(2, 200), st.integers(1, 16), st.integers(0, 2**16))
@settings(max_examples=200)
def test_time_to_first_spike_is_the_equation_of_the_quantised_value(steps: int, bits: int, q: int) -> None:
    q %= 2**bits + 1
    encoder = TimeToFirstSpike((0.0,), (1.0,), bits=bits, steps=steps)
    train = unpack(encoder.encode(np.array([[q]]), steps), steps)[:, 0, 0]
    expected = math.floor((steps - 1) * (1 - Fraction(q, 2**bits)) + Fraction(1, 2))
    assert np.flatnonzero(train).tolist() == [expected]


def test_time_to_first_spike_by_hand() -> None:
    encoder = TimeToFirstSpike((0.0,), (4.0,), steps=5)
    raster = raster_of(encoder, [[4.0], [3.0], [2.0], [1.0], [0.0]], 5)[:, :, 0]
    assert raster.tolist() == np.eye(5, dtype=int).tolist()


def test_the_published_example_of_linear_latency() -> None:
    # snnTorch, spikegen.latency([0.02, 0.5, 1], num_steps=5, normalize=True, linear=True): steps 4, 2, 0
    encoder = TimeToFirstSpike((0,), (1,), steps=5)
    assert times_of(encoder, [[0.02]]) + times_of(encoder, [[0.5]]) + times_of(encoder, [[1.0]]) == [[4], [2], [0]]


@given(st.integers(0, 256), st.integers(0, 256), st.integers(0, 40), st.integers(2, 40))
@settings(max_examples=200)
def test_what_is_below_the_threshold_is_silent_and_start_delays_the_rest(
    q: int, threshold: int, start: int, steps: int
) -> None:
    encoder = TimeToFirstSpike((0,), (1,), threshold=threshold, start=start, steps=steps)
    plain = np.flatnonzero(steps_of(TimeToFirstSpike((0,), (1,), steps=steps), np.array([[q]]), 80))
    found = np.flatnonzero(steps_of(encoder, np.array([[q]]), 80))
    assert found.tolist() == ([] if q < threshold else (plain + start).tolist())


def test_complements_and_the_bias_spike_code_as_eventprop_does() -> None:
    # x, 1 - x, y, 1 - y and the bias; the second row is silent in y
    encoder = TimeToFirstSpike((0, 0), (1, 1), steps=5, complement=True, bias=2, threshold=100)
    assert (encoder.inputs, encoder.neurons_per_value, encoder.tabular) == (5, 2, False)
    assert times_of(encoder, [[1.0, 0.5]]) == [[0], [], [2], [2], [2]]
    assert times_of(encoder, [[0.0, 0.25]]) == [[], [0], [], [1], [2]]
    without = TimeToFirstSpike((0, 0), (1, 1), steps=5, complement=True)
    assert (without.inputs, without.tabular) == (4, True)
    assert times_of(TimeToFirstSpike((0,), (1,), bias=40, steps=5), [[1.0]], 41) == [[0], [40]]
    assert times_of(TimeToFirstSpike((0,), (1,), bias=40, steps=5), [[1.0]], 32) == [[0], []]


# Logarithmic latency


@given(st.integers(2, 200), st.integers(1, 12), st.integers(0, 2**12))
@settings(max_examples=200)
def test_exponential_latency_is_spikingjellys_equation(steps: int, bits: int, q: int) -> None:
    q %= 2**bits + 1
    found = np.flatnonzero(steps_of(LogLatency((0,), (1,), bits=bits, steps=steps), np.array([[q]]), steps))
    exact = (steps - 1) - math.log(math.expm1(steps - 1) * (q / 2**bits) + 1)
    assert len(found) == 1
    assert abs(found[0] - exact) <= 0.5 + 1e-6


def test_exponential_latency_of_very_long_codes_does_not_overflow() -> None:
    encoder = LogLatency((0,), (1,), bits=16, steps=2000)
    q = np.array([[0], [1], [2**15], [2**16]])
    assert steps_of(encoder, q, 2000)[:, :, 0].argmax(axis=0).tolist() == [1999, 11, 1, 0]


@given(st.integers(2, 200), st.integers(2, 12), st.data())
@settings(max_examples=200)
def test_rc_latency_is_snntorchs_equation(steps: int, bits: int, data: st.DataObject) -> None:
    one = 2**bits
    q, h = data.draw(st.integers(0, one)), data.draw(st.integers(1, one - 1))
    encoder = LogLatency((0,), (1,), bits=bits, steps=steps, form="rc", threshold=h)
    found = np.flatnonzero(steps_of(encoder, np.array([[q]]), steps)).tolist()
    if q < h:
        assert found == []
        return
    u, theta, epsilon = max(q / one, (h + 1) / one), h / one, 1 / one
    tau = (steps - 1) / math.log((theta + epsilon) / epsilon)
    assert len(found) == 1
    assert abs(found[0] - tau * math.log(u / (u - theta))) <= 0.5 + 1e-6
    assert q > h + 1 or found == [steps - 1]


@pytest.mark.parametrize("gain", [1, 7, 16, 40, 256])
def test_a_larger_value_never_fires_later(gain: int) -> None:
    encoders: list[Encoder] = [
        TimeToFirstSpike((0,), (1,), gain=gain),
        LogLatency((0,), (1,), gain=gain),
        LogLatency((0,), (1,), gain=gain, form="rc", threshold=1),
    ]
    for encoder in encoders:
        raster = raster_of(encoder, ramp(0, 1))[:, :, 0]
        step = np.where(raster.any(axis=0), raster.argmax(axis=0), 99)
        assert (np.diff(step) <= 0).all()
        assert step[-1] < step[0]
        assert (raster.sum(axis=0) <= 1).all()


# Rank order


@given(st.lists(st.integers(0, 16), min_size=1, max_size=12), st.integers(1, 5))
@settings(max_examples=200)
def test_ranks_are_those_of_a_stable_sort(row: list[int], interval: int) -> None:
    n = len(row)
    raster = steps_of(RankOrder((0,) * n, (1,) * n, bits=4, interval=interval), np.array([row]), n * interval)[:, 0]
    assert (raster.sum(axis=0) == 1).all()
    expected = sorted(range(n), key=lambda i: (-row[i], i))
    assert raster[::interval].argmax(axis=1).tolist() == expected


def test_rank_order_by_hand() -> None:
    encoder = RankOrder((0, 0, -10), (1, 1, 10), interval=2)
    assert times_of(encoder, [[0.2, 0.9, 0.0]]) == [[4], [0], [2]]  # 0 is the middle of the last range
    assert times_of(encoder, [[0.5, 0.5, 0.0]]) == [[0], [2], [4]]
    assert times_of(encoder, [[0.6, 0.9, 0.0]], gain=256) == [[0], [2], [4]]  # all are at the end of their range
