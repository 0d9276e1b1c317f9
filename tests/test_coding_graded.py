"""Graded codes against their equations: charge, current, phase."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from encoded import ramp, raster_of, steps_of
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.coding import Charge, Current, Phase

quantised = st.integers(1, 16).flatmap(lambda bits: st.tuples(st.just(bits), st.integers(0, 2**bits)))


def amount(q: int, bits: int, gain: int, charge: int) -> int:
    """ceil(u * charge) of the stretched value."""
    return math.ceil(Fraction(min(math.ceil(Fraction(q * gain, 16)), 2**bits), 2**bits) * charge)


@given(quantised, st.integers(1, 256), st.integers(1, 2**15))
@settings(max_examples=200)
def test_charge_is_one_event_at_0(bits_q: tuple[int, int], gain: int, charge: int) -> None:
    bits, q = bits_q
    charges = steps_of(Charge((0,), (1,), bits=bits, charge=charge), np.array([[q]]), 5, gain=gain)[:, 0, 0]
    assert charges.tolist() == [amount(q, bits, gain, charge), 0, 0, 0, 0]
    assert (charges[0] == 0) == (q == 0)


@given(quantised, st.integers(1, 256), st.integers(1, 2**15), st.floats(-1, 1))
@settings(max_examples=200)
def test_current_is_the_same_in_every_step(bits_q: tuple[int, int], gain: int, charge: int, part: float) -> None:
    bits, q = bits_q
    bias = int(part * charge)
    encoder = Current((0,), (1,), bits=bits, charge=charge, bias=bias)
    charges = steps_of(encoder, np.array([[q]]), 5, gain=gain)[:, 0, 0]
    assert charges.tolist() == [min(max(amount(q, bits, gain, charge) + bias, -charge), charge)] * 5


def test_a_bias_of_half_the_charge_makes_the_current_bipolar() -> None:
    charges = raster_of(Current((-1,), (1,), charge=100, bias=-50), [[-1.0], [0.0], [1.0]], 1)[0, :, 0]
    assert charges.tolist() == [-50, 0, 50]


@pytest.mark.parametrize(
    ("value", "phases"),
    [(192, "11000000"), (1, "00000001"), (128, "10000000"), (255, "11111111"), (256, "11111111"), (0, "00000000")],
)
def test_phase_is_the_published_example(value: int, phases: str) -> None:
    # SpikingJelly's table of weighted phases, K = 8; 256/256 is beyond it
    charges = steps_of(Phase((0,), (1,), phases=8, charge=128), np.array([[value]]), 20)[:, 0, 0]
    period = [int(bit) * (128 >> k) for k, bit in enumerate(phases)]
    assert charges.tolist() == (period * 3)[:20]
    assert sum(period) == min(value, 255)  # a charge of 2**(K-1): a period carries b itself


@given(quantised, st.integers(1, 16), st.integers(1, 256))
@settings(max_examples=200)
def test_phase_is_the_binary_number(bits_q: tuple[int, int], phases: int, gain: int) -> None:
    bits, q = bits_q
    u = Fraction(min(math.ceil(Fraction(q * gain, 16)), 2**bits), 2**bits)
    charges = steps_of(Phase((0,), (1,), bits=bits, phases=phases, charge=2**15), np.array([[q]]), phases, gain=gain)[
        :, 0, 0
    ]
    b = min(math.floor(u * 2**phases), 2**phases - 1)
    assert charges.tolist() == [(b >> (phases - 1 - k) & 1) * (2**15 >> k) for k in range(phases)]


@pytest.mark.parametrize("gain", [1, 7, 16, 40, 256])
def test_a_larger_value_never_carries_less_and_nothing_more_than_charge(gain: int) -> None:
    for cls in (Charge, Current, Phase):
        charges = raster_of(cls((0,), (1,), gain=gain), ramp(0, 1), 7)[:, :, 0]
        assert (np.diff(charges.sum(axis=0)) >= 0).all()
        assert np.abs(charges).max() <= 127
