"""Rate codes against their equations: count, regular, bernoulli."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from encoded import counts_of, ramp, raster_of, steps_of, times_of
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.coding import Bernoulli, CountEncoder, Regular
from evoneuro.coding.rate import splitmix64

# Count


@pytest.mark.parametrize("interval", [1, 2, 3, 7])
def test_the_spikes_of_a_count_stand_at_multiples_of_the_interval(interval: int) -> None:
    encoder = CountEncoder((0.0,), (8.0,), bits=8, rounding="nearest", interval=interval)
    for k in range(9):
        train = raster_of(encoder, [[float(k)]], 64)[:, 0, 0]
        assert np.flatnonzero(train).tolist() == [j * interval for j in range(k) if j * interval < 64]


def test_what_does_not_fit_the_window_is_dropped() -> None:
    encoder = CountEncoder((0.0,), (1.0,), interval=10)
    assert encoder.encode(encoder.quantise([[1.0]]), 24).shape == (1, 1, 1)
    assert np.flatnonzero(raster_of(encoder, [[1.0]], 24)).tolist() == [0, 10, 20]
    assert np.flatnonzero(raster_of(encoder, [[1.0]], 71)).tolist() == [0, 10, 20, 30, 40, 50, 60, 70]


@given(st.integers(1, 16), st.integers(1, 40), st.floats(0, 1))
@settings(max_examples=200)
def test_count_is_the_equation_of_the_quantised_value(bits: int, spikes: int, u: float) -> None:
    encoder = CountEncoder((0.0,), (1.0,), bits=bits, max_spikes=spikes, interval=1)
    q = int(encoder.quantise([[u]])[0, 0])
    assert counts_of(encoder, [[u]]) == [[math.ceil(Fraction(q, 2**bits) * spikes)]]


@given(st.integers(0, 7), st.floats(0, 1))
@settings(max_examples=200)
def test_count_is_within_one_level_of_the_published_equation(k: int, u: float) -> None:
    encoder = CountEncoder((0.0,), (1.0,), bits=8, max_spikes=2**k, interval=1)
    exact = Fraction(u) * 2**k
    [[count]] = counts_of(encoder, [[u]])
    if u >= 0.5:
        assert count == math.ceil(exact)
    else:
        assert math.ceil(exact - Fraction(2**k, 256)) <= count <= math.ceil(exact)


@pytest.mark.parametrize("gain", [1, 7, 16, 40, 256])
def test_a_larger_value_never_has_fewer_spikes(gain: int) -> None:
    for encoder in (CountEncoder((0,), (1,), gain=gain), Regular((0,), (1,), gain=gain)):
        counts = raster_of(encoder, ramp(0, 1)).sum(axis=0, dtype=int)[:, 0]
        assert (np.diff(counts) >= 0).all()
        assert counts[-1] > counts[0]


# Regular


@given(st.integers(1, 12), st.integers(0, 2**12), st.integers(1, 80))
@settings(max_examples=200)
def test_regular_has_fired_floor_of_t_u_times_after_t_steps(bits: int, q: int, window: int) -> None:
    q %= 2**bits + 1
    train = steps_of(Regular((0,), (1,), bits=bits), np.array([[q]]), window)[:, 0, 0]
    counts = np.cumsum(train, dtype=int).tolist()
    assert counts == [math.floor(Fraction(q, 2**bits) * t) for t in range(1, window + 1)]


def test_regular_by_hand() -> None:
    # u = 3/8: the potential is 3, 6, 9 -> fires and keeps 1, 4, 7, 10 -> 2, 5, 8 -> 0, and again
    encoder = Regular((0,), (8,), bits=3)
    assert times_of(encoder, [[3.0]], 16) == [[2, 5, 7, 10, 13, 15]]
    assert times_of(encoder, [[0.0]], 16) == [[]]
    assert times_of(encoder, [[8.0]], 16) == [list(range(16))]


@given(st.integers(1, 255))
def test_spikes_of_regular_are_as_even_as_steps_allow(q: int) -> None:
    gaps = np.diff(np.flatnonzero(steps_of(Regular((0,), (1,)), np.array([[q]]), 600)))
    assert len(gaps) == 0 or np.ptp(gaps) <= 1
    assert len(gaps) == 0 or set(gaps.tolist()) <= {256 // q, -(-256 // q)}


# Bernoulli


def test_splitmix64_is_the_known_sequence() -> None:
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert splitmix64(np.array([1234567], np.uint64), np.arange(5, dtype=np.uint64)).tolist() == known


def mixed(seed: int, number: int) -> int:
    z = (seed + (number + 1) * 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


@given(
    st.integers(1, 16),
    st.lists(st.integers(0, 2**16), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
    st.integers(1, 256),
    st.floats(-1, 1),
)
@settings(max_examples=60)
def test_bernoulli_is_the_documented_hash(bits: int, row: list[int], seed: int, gain: int, part: float) -> None:
    one = 2**bits
    row, offset, n = [q % (one + 1) for q in row], int(part * one), len(row)
    encoder = Bernoulli((0,) * n, (1,) * n, bits=bits, seed=seed, offset=offset)
    found = steps_of(encoder, np.array([row]), 40, gain=gain)[:, 0]
    key = seed
    for q in row:
        key = mixed(key, q)
    for i, q in enumerate(row):
        p = min(max(math.ceil(Fraction(q * gain, 16)) + offset, 0), one)
        coins = [mixed(mixed(key, i), t) * one // 2**64 for t in range(40)]
        assert found[:, i].tolist() == [coin < p for coin in coins]


def test_bernoulli_fires_as_often_as_it_should() -> None:
    rng = np.random.default_rng(0)
    q = rng.integers(0, 257, (400, 6))
    q[:, 0], q[:, 1], q[:, 2] = 0, 256, 64
    raster = steps_of(Bernoulli((0,) * 6, (1,) * 6), q, 100)
    assert not raster[:, :, 0].any()
    assert raster[:, :, 1].all()
    assert raster[:, :, 2].mean() == pytest.approx(0.25, abs=0.01)  # 5 standard deviations are 0.011
    assert (raster[:, :, 3:].mean(axis=0) - q[:, 3:] / 256).mean() == pytest.approx(0, abs=0.007)


def test_coins_of_bernoulli_are_independent() -> None:
    q = np.full((2000, 2), 128)
    q[:, 1] = np.arange(2000) % 257  # the other value alone gives a row coins of its own
    first = steps_of(Bernoulli((0, 0), (1, 1)), q[:257], 64)[:, :, 0].astype(float) - 0.5
    for other in (first[1:].T @ first[:-1], first[:, 1:].T @ first[:, :-1]):
        assert np.abs(np.diagonal(other)).mean() < 3
    again = steps_of(Bernoulli((0, 0), (1, 1)), q, 64)
    assert (again[:, :257] == again[:, 257:514]).all()
    seeds = [steps_of(Bernoulli((0, 0), (1, 1), seed=s), q[:257], 64)[:, :, 0] for s in (0, 1)]
    assert (seeds[0] == seeds[1]).mean() == pytest.approx(0.5, abs=0.02)


def test_a_larger_gain_or_offset_only_adds_spikes_to_bernoulli() -> None:
    q = np.random.default_rng(2).integers(0, 257, (50, 3))
    encoder = Bernoulli((0,) * 3, (1,) * 3)
    few, more = (steps_of(encoder, q, 64, gain=gain) for gain in (10, 25))
    assert (few <= more).all()
    assert few.sum() < more.sum()
    assert (steps_of(encoder, q, 64) <= steps_of(Bernoulli((0,) * 3, (1,) * 3, offset=20), q, 64)).all()
