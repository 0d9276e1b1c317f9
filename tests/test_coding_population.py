"""Population codes against their published equations: flip-flop, argyle, bins."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from encoded import CARTPOLE, counts_of, ramp, raster_of
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.coding import Argyle, Bins, FlipFlop, unpack

# Flip-flop


@given(
    st.integers(0, 10).flatmap(lambda k: st.tuples(st.just(k), st.integers(k + 1, 16).filter(lambda bits: bits <= 16))),
    st.floats(1e-3, 1e3),
    st.floats(-1.5, 1.5),
)
@settings(max_examples=400)
def test_flip_flop_is_the_published_equation(k_and_bits: tuple[int, int], limit: float, part: float) -> None:
    k, bits = k_and_bits
    x = part * limit
    encoder = FlipFlop((-limit,), (limit,), bits=bits, max_spikes=2**k, interval=1)
    spikes = math.ceil(min(abs(x) / limit, 1.0) * 2**k)
    assert counts_of(encoder, [[x]]) == [[spikes, 0] if x <= 0 else [0, spikes]]


@pytest.mark.parametrize("bits", [4, 8, 16])
@pytest.mark.parametrize("spikes", [1, 2, 4, 8])
def test_flip_flop_steps_exactly_at_the_eighths(spikes: int, bits: int) -> None:
    encoder = FlipFlop((-8.0,), (8.0,), bits=bits, max_spikes=spikes)
    for j in range(-8, 9):
        for x in (j - 1e-9, float(j), j + 1e-9):
            expected = math.ceil(min(abs(Fraction(x)) / 8, 1) * spikes)
            assert counts_of(encoder, [[x]]) == [[expected, 0] if x <= 0 else [0, expected]], x


def test_flip_flop_of_cart_pole() -> None:
    # k = ceil(8 |x| / limit): 0.5/2.4 -> 2, 2.0 -> 8, 0.01/0.209 -> 1, 0 -> 0; spikes at 0, 3, 6, ... 21
    raster = raster_of(FlipFlop(*CARTPOLE), [[-0.5, 2.5, 0.01, 0.0]], 24)[:, 0]
    assert raster.shape == (24, 8)
    assert [np.flatnonzero(train).tolist() for train in raster.T] == [
        [0, 3], [], [], [0, 3, 6, 9, 12, 15, 18, 21], [], [0], [], [],
    ]  # fmt: skip


# Argyle


def test_argyle_of_the_published_example() -> None:
    # TENNLab cart-pole, argyle-4: x = -1.17261 in +-2.4, K = 8
    encoder = Argyle((-2.4,), (2.4,), neurons=4, max_spikes=8)
    assert counts_of(encoder, [[-1.17261]]) == [[2, 7, 0, 0]]


@given(st.integers(2, 12), st.integers(1, 20), st.integers(1, 16), st.integers(0, 2**16))
@settings(max_examples=300)
def test_argyle_is_the_equation_of_the_quantised_value(m: int, spikes: int, bits: int, q: int) -> None:
    q %= 2**bits + 1
    encoder = Argyle((-1.0,), (1.0,), bits=bits, neurons=m, max_spikes=spikes, interval=1)
    place = Fraction(q, 2**bits) * (m - 1)
    expected = [math.ceil(spikes * max(Fraction(0), 1 - abs(place - j))) for j in range(m)]
    trains = encoder.encode(np.array([[q]]), spikes)
    counts = unpack(trains, spikes).sum(axis=0).tolist()
    assert counts == [expected]
    assert sum(expected) in (spikes, spikes + 1)
    assert sum(count > 0 for count in expected) <= 2


@given(st.integers(2, 8), st.floats(-1, 1))
@settings(max_examples=200)
def test_argyle_is_near_the_published_equation(m: int, x: float) -> None:
    encoder = Argyle((-1.0,), (1.0,), neurons=m)
    place = (Fraction(x) + 1) / 2 * (m - 1)
    slack = Fraction(8 * (m - 1), 2**16)
    for j, count in enumerate(counts_of(encoder, [[x]])[0]):
        exact = 8 * max(Fraction(0), 1 - abs(place - j))
        assert exact - slack <= count < exact + slack + 1


# Bins


@given(st.integers(2, 20), st.integers(1, 16), st.integers(1, 9), st.integers(0, 2**16))
@settings(max_examples=200)
def test_only_the_bin_of_the_quantised_value_fires(n: int, bits: int, spikes: int, q: int) -> None:
    q %= 2**bits + 1
    encoder = Bins((0,), (1,), bits=bits, neurons=n, max_spikes=spikes, interval=1)
    counts = unpack(encoder.encode(np.array([[q]]), spikes), spikes).sum(axis=0).tolist()
    held = min(math.floor(Fraction(q, 2**bits) * n), n - 1)
    assert counts == [[spikes if j == held else 0 for j in range(n)]]


@pytest.mark.parametrize("n", [2, 8, 32])
def test_bins_that_divide_the_steps_are_those_of_the_real_value(n: int) -> None:
    encoder = Bins((0,), (1,), neurons=n)
    x = np.concatenate([ramp(0, 1), np.arange(n + 1)[:, None] / n, np.arange(1, n)[:, None] / n - 1e-9])
    held = np.clip(np.floor(x[:, 0] * n), 0, n - 1)
    assert (raster_of(encoder, x, 1)[0].argmax(axis=1) == held).all()
    assert (raster_of(encoder, x).sum(axis=(0, 2)) == 1).all()


@pytest.mark.parametrize("gain", [1, 7, 16, 40, 256])
def test_a_larger_value_never_lies_lower(gain: int) -> None:
    for cls in (FlipFlop, Argyle, Bins):
        counts = raster_of(cls((-1,), (1,), gain=gain), ramp(-1, 1)).sum(axis=0, dtype=int)
        strength = counts.argmax(axis=1) if cls is Bins else counts[:, -1] - counts[:, 0]
        assert (np.diff(strength) >= 0).all()
        assert strength[-1] > strength[0] or gain < 16
