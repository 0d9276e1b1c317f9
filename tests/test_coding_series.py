"""Encoders of series against their equations: changes, crossings, and where the spikes of a sample stand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from encoded import raster_of, steps_of, times_of
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.coding import Crossing, Delta, Encoder, MovingWindow, SendOnDelta, StepForward

series = st.lists(st.integers(0, 256), min_size=1, max_size=20)
deltas = st.integers(1, 60)
gains = st.integers(1, 256)


def events_of(encoder: Any, row: list[int], gain: int = 16) -> list[int]:
    """Rising minus falling spikes of each sample of a series of one value; a sample has no spikes of both."""
    q = np.array(row)[None, :, None]
    raster = steps_of(encoder, q, len(row) * encoder.interval, gain=gain)[:, 0].astype(int)
    rising, falling = raster.reshape(len(row), encoder.interval, 2).sum(axis=1).T
    assert not (rising * falling).any()
    return (rising - falling).tolist()


def sign(x: Fraction | int) -> int:
    return (x > 0) - (x < 0)


# Send on delta


@given(series, deltas, gains, st.integers(1, 5))
@settings(max_examples=300)
def test_send_on_delta_is_the_loop_with_at_most_interval_spikes(
    row: list[int], delta: int, gain: int, interval: int
) -> None:
    x = [Fraction(q * gain, 16) for q in row]
    reference, expected = x[0], [0]
    for value in x[1:]:
        n = 0
        while value - reference >= delta and n < interval:
            reference += delta
            n += 1
        while reference - value >= delta and -n < interval:
            reference -= delta
            n -= 1
        expected.append(n)
    assert events_of(SendOnDelta((0,), (1,), delta=delta, interval=interval), row, gain) == expected


@given(series, st.integers(5, 60))
@settings(max_examples=200)
def test_the_error_of_send_on_delta_is_below_delta(row: list[int], delta: int) -> None:
    encoder = SendOnDelta((0,), (1,), delta=delta, interval=52)  # 256 / 5 spikes are the most that a sample needs
    rebuilt = row[0] + delta * np.cumsum(events_of(encoder, row))
    assert np.abs(rebuilt - row).max() < delta


@given(series, deltas, st.integers(1, 3))
@settings(max_examples=100)
def test_send_on_delta_catches_up(row: list[int], delta: int, interval: int) -> None:
    encoder = SendOnDelta((0,), (1,), delta=delta, interval=interval)
    still = [*row, *[row[-1]] * 260]
    assert abs(row[0] + delta * sum(events_of(encoder, still)) - row[-1]) < delta


def test_send_on_delta_by_hand() -> None:
    encoder = SendOnDelta((0,), (256,), delta=10, interval=4)
    # r is 100; 125 gives 2 spikes and r = 120; 60 would give 6, but has 4 and leaves r = 80; then 2 more
    assert times_of(encoder, [[[100.0], [125.0], [60.0], [60.0]]], 16) == [[4, 6], [8, 9, 10, 11, 12, 14]]


@given(series, deltas, gains, st.integers(1, 5))
@settings(max_examples=100)
def test_step_forward_is_send_on_delta_with_one_spike(row: list[int], delta: int, gain: int, interval: int) -> None:
    found = events_of(StepForward((0,), (1,), delta=delta, interval=interval), row, gain)
    assert found == events_of(SendOnDelta((0,), (1,), delta=delta), row, gain)
    q = np.array(row)[None, :, None]
    raster = steps_of(StepForward((0,), (1,), delta=delta, interval=interval), q, len(row) * interval)
    assert not raster[np.arange(len(raster)) % interval != 0].any()


# Memoryless delta, moving window


@given(series, deltas, gains, st.booleans())
@settings(max_examples=200)
def test_delta_is_snntorchs_equation(row: list[int], delta: int, gain: int, padding: bool) -> None:
    x = [Fraction(q * gain, 16) for q in row]
    changes = [b - a for a, b in zip([x[0] if padding else Fraction(0), *x], x, strict=False)]
    expected = [sign(change) if abs(change) >= delta else 0 for change in changes]
    assert events_of(Delta((0,), (1,), delta=delta, padding=padding), row, gain) == expected


@pytest.mark.parametrize(("padding", "expected"), [(False, [1, 1, -1, 1, 0]), (True, [0, 1, -1, 1, 0])])
def test_the_published_examples_of_delta(padding: bool, expected: list[int]) -> None:
    # snnTorch, spikegen.delta([1, 2, 0, 2, 2.9], threshold=1, off_spike=True); a quantised step is a tenth
    encoder = Delta((0,), (25.6,), delta=10, padding=padding)
    q = encoder.quantise([[[1.0], [2.0], [0.0], [2.0], [2.9]]])[0, :, 0].tolist()
    assert events_of(encoder, q) == expected


@given(series, deltas, gains, st.integers(1, 6))
@settings(max_examples=200)
def test_moving_window_compares_with_the_mean_of_the_samples_before(
    row: list[int], delta: int, gain: int, samples: int
) -> None:
    x, expected = [Fraction(q * gain, 16) for q in row], [0]
    for k in range(1, len(row)):
        before = x[max(0, k - samples) : k]
        excess = x[k] - sum(before) / len(before)
        expected.append(sign(excess) if abs(excess) >= delta else 0)
    assert events_of(MovingWindow((0,), (1,), delta=delta, samples=samples), row, gain) == expected


@given(series, deltas)
@settings(max_examples=50)
def test_a_moving_window_of_one_sample_is_the_memoryless_delta(row: list[int], delta: int) -> None:
    window, memoryless = MovingWindow((0,), (1,), delta=delta, samples=1), Delta((0,), (1,), delta=delta, padding=True)
    assert events_of(window, row) == events_of(memoryless, row)


def test_only_send_on_delta_sees_a_slow_drift() -> None:
    drift = list(range(0, 200))
    assert sum(events_of(SendOnDelta((0,), (1,), delta=20), drift)) == 9
    assert sum(events_of(StepForward((0,), (1,), delta=20), drift)) == 9
    assert not any(events_of(Delta((0,), (1,), delta=20), drift))


@pytest.mark.parametrize("cls", [SendOnDelta, StepForward, Delta, MovingWindow])
def test_what_falls_is_what_rises_turned_over(cls: type[Any]) -> None:
    q = np.random.default_rng(0).integers(0, 257, (20, 15, 2))
    how = {"padding": True} if cls is Delta else {}
    encoder: Encoder = cls((0, 0), (1, 1), interval=3, **how)
    assert (steps_of(encoder, q)[:, :, [1, 0, 3, 2]] == steps_of(encoder, 256 - q)).all()


@pytest.mark.parametrize("cls", [SendOnDelta, StepForward, Delta, MovingWindow])
def test_twice_the_gain_is_half_the_delta(cls: type[Any]) -> None:
    q = np.random.default_rng(1).integers(0, 257, (20, 15, 2))
    wide, narrow = cls((0, 0), (1, 1), delta=20, interval=3), cls((0, 0), (1, 1), delta=10, interval=3)
    assert (steps_of(wide, q, gain=32) == steps_of(narrow, q)).all()


# Crossing


def crossings_of_tonic(image: npt.NDArray[np.uint8], neurons: int) -> set[tuple[int, int]]:
    """(sample, input) of tonic's SMNIST, its inputs in our order and crossings at their later sample."""
    half = neurons // 2
    thresholds = np.linspace(0.0, 254.0, half).astype(np.uint8)
    lower, higher = image[:, None] < thresholds, image[:, None] >= thresholds
    onset = np.argwhere(lower[:-1] & higher[1:])
    offset = np.argwhere(higher[:-1] & lower[1:])
    touch = np.flatnonzero(image == 255)
    return (
        {(int(t) + 1, int(i)) for t, i in onset}
        | {(int(t) + 1, int(i) + half) for t, i in offset}
        | {(int(t), 2 * half) for t in touch}
    )


@pytest.mark.parametrize("n", [2, 8, 49])
def test_crossing_is_tonics_smnist(n: int) -> None:
    rng = np.random.default_rng(n)
    images = rng.integers(0, 256, (20, 60)).astype(np.uint8)
    images[rng.random(images.shape) < 0.2] = 255
    images[0] = 0
    encoder = Crossing((0,), (255,), thresholds=n)
    raster = raster_of(encoder, images[:, :, None], 60)
    assert raster.shape == (60, 20, 2 * n + 1)
    for k, image in enumerate(images):
        found = {(int(t), int(i)) for t, i in np.argwhere(raster[:, k])}
        assert found == crossings_of_tonic(image, 2 * n + 1)


def test_crossing_twice_per_event_is_tonics_duplicate() -> None:
    q = np.random.default_rng(3).integers(0, 257, (5, 20, 2))
    once = steps_of(Crossing((0, 0), (1, 1)), q, 20)
    twice = steps_of(Crossing((0, 0), (1, 1), interval=2, spikes=2), q, 40)
    assert (twice == np.repeat(once, 2, axis=0)).all()


def test_crossings_say_between_which_thresholds_a_value_is() -> None:
    q = np.random.default_rng(4).integers(0, 257, (30, 25, 1))
    raster = steps_of(Crossing((0,), (1,), thresholds=9), q, 25).astype(int)
    onset, offset, touch = raster[:, :, :9], raster[:, :, 9:18], raster[:, :, 18]
    levels = np.arange(9) * 254 // 8
    above = (q[:, :1, 0] >= levels[:, None, None]).sum(axis=0) + np.cumsum((onset - offset).sum(axis=2), axis=0).T
    assert (above == (q[:, :, 0, None] >= levels).sum(axis=2)).all()
    assert ((q[:, :, 0] == 256) == touch.T).all()
    assert not onset[:, :, 0].any()
    assert not offset[:, :, 0].any()


# Where the spikes of a sample stand


@pytest.mark.parametrize(
    ("n", "interval", "steps"), [(1, 8, [0]), (2, 8, [0, 4]), (3, 8, [0, 2, 5]), (8, 8, list(range(8))), (2, 3, [0, 1])]
)
def test_spikes_of_a_sample_are_spread_over_its_steps(n: int, interval: int, steps: list[int]) -> None:
    encoder = SendOnDelta((0,), (256,), delta=10, interval=interval)
    assert times_of(encoder, [[[50.0], [50.0 + 10 * n]]], 2 * interval) == [[interval + t for t in steps], []]


@pytest.mark.parametrize("window", [1, 7, 33, 100])
def test_a_series_ends_in_silence_and_a_window_cuts_it(window: int) -> None:
    q = np.random.default_rng(5).integers(0, 257, (4, 9, 2))
    encoder = SendOnDelta((0, 0), (1, 1), interval=7)
    whole = steps_of(encoder, q, 63)
    found = steps_of(encoder, q, window)
    assert (found[:63] == whole[:window]).all()
    assert not found[63:].any()
