"""What encoders share: quantisation against exact fractions, and the gain."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from encoded import CARTPOLE, counts_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evoneuro.coding import Argyle, CountEncoder, Encoder, FlipFlop, TimeToFirstSpike
from evoneuro.coding.encoder import stretch
from evoneuro.errors import EvoNeuroError

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


def round_away(offset: Fraction) -> int:
    return math.ceil(offset) if offset > 0 else math.floor(offset)


ROUND = {"away": round_away, "nearest": round, "floor": math.floor, "up": math.ceil}


# Quantisation


@given(
    st.integers(-800, 800),
    st.integers(1, 800),
    st.integers(-(2**14), 2**14),
    st.integers(1, 16),
    st.sampled_from(sorted(ROUND)),
)
@settings(max_examples=300)
def test_quantise_is_the_rounded_fraction_of_the_range(low: int, size: int, x: int, bits: int, rounding: str) -> None:
    # eighths and sixteenths, exact as floats
    encoder = CountEncoder((low / 8,), ((low + size) / 8,), bits=bits, rounding=rounding)
    u = (Fraction(x, 16) - Fraction(low, 8)) / Fraction(size, 8)
    half = 2 ** (bits - 1)
    expected = half + min(max(ROUND[rounding]((2 * u - 1) * half), -half), half)
    assert encoder.quantise([[x / 16]]).tolist() == [[expected]]


@pytest.mark.parametrize(
    ("rounding", "steps"), [("away", [-2, -1, 0, 1, 2]), ("nearest", [-2, 0, 0, 0, 2]), ("floor", [-2, -1, 0, 0, 1])]
)
def test_halves_go_by_the_rounding(rounding: str, steps: list[int]) -> None:
    encoder = FlipFlop((-2.0,), (2.0,), bits=2, rounding=rounding)  # half a step is 0.5
    q = encoder.quantise([[-1.5], [-0.5], [0.0], [0.5], [1.5]])
    assert (q[:, 0] - 2).tolist() == steps


@pytest.mark.parametrize("cls", [FlipFlop, Argyle, CountEncoder, TimeToFirstSpike])
@pytest.mark.parametrize("bits", [1, 8, 16])
def test_the_ends_and_the_centre_of_ranges_are_exact_away_from_the_centre(cls: type[Encoder], bits: int) -> None:
    encoder = cls(*CARTPOLE, bits=bits, rounding="away")
    middle = [(low + high) / 2 for low, high in zip(encoder.low, encoder.high, strict=True)]
    far = [[value] * 4 for value in (-1e30, 1e30, -math.inf, math.inf)]
    q = encoder.quantise([encoder.low, middle, encoder.high, *far])
    top = 2**bits
    assert q.T.tolist() == [[0, top // 2, top, 0, top, 0, top]] * 4


@pytest.mark.parametrize(("row", "column"), [(0, 1), (2, 0), (3, 1)])
def test_nan_is_named_by_row_and_column(row: int, column: int) -> None:
    x = np.zeros((4, 2))
    x[row, column] = math.nan
    with pytest.raises(EvoNeuroError, match=f"observations: NaN in row {row}, column {column}"):
        CountEncoder((0, 0), (1, 1)).quantise(x)


@pytest.mark.parametrize("x", [[1.0, 2.0], [[1.0]], [[1.0, 2.0, 3.0]], [[[1.0, 2.0]]], 1.0])
def test_observations_of_another_shape_are_refused(x: Any) -> None:
    with pytest.raises(EvoNeuroError, match=r"observations: expected shape \(lanes, 2\), got "):
        CountEncoder((0, 0), (1, 1)).quantise(x)


@given(st.lists(finite, min_size=1, max_size=3), st.lists(finite, min_size=1, max_size=3))
@settings(max_examples=100)
def test_any_finite_observation_has_a_code(low: list[float], x: list[float]) -> None:
    assume(all(value + 1 > value for value in low))
    encoder = FlipFlop(low, [value + 1 for value in low])  # type: ignore[arg-type]
    q = encoder.quantise([(x * 3)[: len(low)]])
    assert ((q >= 0) & (q <= 256)).all()


# Gain


@given(st.integers(1, 16), st.integers(0, 2**16), st.integers(1, 256))
@settings(max_examples=200)
def test_gain_is_exact_and_16_is_the_identity(bits: int, q: int, gain: int) -> None:
    encoder, q = CountEncoder((0,), (1,), bits=bits), q % (2**bits + 1)
    offset = q - 2 ** (bits - 1)
    values, own = np.array([[q]]), np.array([[gain]])
    away = round_away(Fraction(offset * gain, 16))
    bipolar = min(max(away, -(2 ** (bits - 1))), 2 ** (bits - 1))
    assert stretch(values, own) == math.ceil(Fraction(q * gain, 16))
    assert encoder._unipolar(values, own) == min(math.ceil(Fraction(q * gain, 16)), 2**bits)
    assert encoder._bipolar(values, own) == bipolar
    assert encoder._stretched(values, own) == bipolar + 2 ** (bits - 1)
    for same in (encoder._unipolar, encoder._stretched):
        assert same(values, np.array([[16]])) == q


@given(st.integers(1, 256), st.floats(-1, 1))
@settings(max_examples=200)
def test_gain_stretches_about_the_centre(gain: int, x: float) -> None:
    encoder = FlipFlop((-1.0,), (1.0,), gain=gain)
    offset = abs(int(encoder.quantise([[x]])[0, 0]) - 128)
    spikes = math.ceil(Fraction(min(math.ceil(Fraction(offset * gain, 16)), 128) * 8, 128))
    assert counts_of(encoder, [[x]]) == [[spikes, 0] if x <= 0 else [0, spikes]]


@given(st.integers(1, 256), st.integers(1, 16), st.floats(0, 1))
@settings(max_examples=200)
def test_gain_of_a_unipolar_value_rounds_up(gain: int, bits: int, u: float) -> None:
    encoder = CountEncoder((0.0,), (1.0,), bits=bits, max_spikes=32, interval=1, gain=gain)
    q = int(encoder.quantise([[u]])[0, 0])
    stretched = min(math.ceil(Fraction(q * gain, 16)), 2**bits)
    assert counts_of(encoder, [[u]]) == [[math.ceil(Fraction(stretched * 32, 2**bits))]]


@pytest.mark.parametrize(("gain", "count"), [(8, 2), (16, 4), (24, 6), (32, 8), (256, 8)])
def test_gain_stretches_a_unipolar_value_from_0(gain: int, count: int) -> None:
    assert counts_of(CountEncoder((0.0,), (1.0,), gain=gain), [[0.5]]) == [[count]]
