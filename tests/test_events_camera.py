"""The event camera: ramps worked out by hand, a pixel at a time as the oracle, and the promise that memory keeps."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from evoneuro.errors import EvoNeuroError
from evoneuro.events import Camera, Events

DARK = 1e-3


def film_of(levels: Any) -> npt.NDArray[np.float64]:
    """Frames (times, 1, width) whose logarithms, with DARK added, are `levels` (times, width) or (times,)."""
    levels = np.asarray(levels, float)
    return (np.exp(levels) - DARK).reshape(len(levels), 1, -1)


def pixel_by_loop(levels: list[float], times: list[int], contrast: float, refractory: int = 0) -> list[tuple[int, int]]:
    """Times and polarities of one pixel as ESIM's description says it, an event at a time."""
    events: list[tuple[int, int]] = []
    memory = levels[0]
    for (a, b), (start, stop) in zip(pairwise(levels), pairwise(times), strict=True):
        sign = 1 if b > a else -1
        while sign * (b - memory) >= contrast:
            memory += sign * contrast
            t = start + round((memory - a) / (b - a) * (stop - start))
            if not events or not refractory or t - events[-1][0] >= refractory:
                events.append((t, (sign + 1) // 2))
    return events


def test_a_ramp_up() -> None:
    """1.1 in 1100 us at a contrast of 0.25: four crossings, 250 us apart."""
    events = Camera(contrast=0.25).record(film_of([0.0, 1.1]), [0, 1100])
    assert events.tolist() == [(0, 0, 250, 1), (0, 0, 500, 1), (0, 0, 750, 1), (0, 0, 1000, 1)]


def test_a_ramp_down() -> None:
    events = Camera(contrast=0.3).record(film_of([0.0, -0.7]), [1000, 1700])
    assert events.tolist() == [(0, 0, 1300, 0), (0, 0, 1600, 0)]


def test_a_slow_ramp_is_remembered() -> None:
    """0.5 in ten frames of 0.05: no two frames differ by the contrast, and still there are events at 0.2 and 0.4."""
    levels = np.linspace(0.01, 0.51, 11)
    events = Camera(contrast=0.2).record(film_of(levels), np.arange(11) * 100)
    assert events["t"].tolist() == [400, 800]


def test_a_pixel_goes_back_by_as_much_as_it_came() -> None:
    """Up 0.5 and down again at 0.2: ON at 0.2 and 0.4, and OFF only at 0.2, a contrast below the last ON, and at 0."""
    events = Camera(contrast=0.2).record(film_of([0.0, 0.5, -0.1]), [0, 500, 1100])
    assert events[["t", "p"]].tolist() == [(200, 1), (400, 1), (800, 0), (1000, 0)]


def test_pixels_have_their_places() -> None:
    frames = np.ones((2, 3, 4))
    frames[1, 2, 1] = math.exp(0.3)
    events = Camera(contrast=0.25).record(frames, [0, 100])
    assert [(x, y, p) for x, y, _, p in events.tolist()] == [(1, 2, 1)]


def test_rest_after_an_event() -> None:
    """Ten crossings 100 us apart: with a rest of 250 us every third one is left, with one of 100 us all are."""
    for rest, times in ((250, [100, 400, 700, 1000]), (100, range(100, 1001, 100)), (10**6, [100])):
        events = Camera(contrast=0.1, refractory=rest).record(film_of([0.0, 1.05]), [0, 1050])
        assert events["t"].tolist() == list(times)


levels = st.lists(st.floats(-3, 3), min_size=2, max_size=8)


@given(levels, st.floats(0.05, 1.0), st.integers(0, 400))
def test_equals_a_pixel_at_a_time(levels: list[float], contrast: float, refractory: int) -> None:
    film = film_of(levels)
    reached = np.log(film + DARK).reshape(-1).tolist()
    times = [100 * i for i in range(len(levels))]
    expected = pixel_by_loop(reached, times, contrast, refractory)
    events = Camera(contrast, refractory=refractory).record(film, times)
    near = [abs(change - round(change)) for change in (np.array(reached) - reached[0]) / contrast]
    if min((n for n in near[1:]), default=1) > 1e-9:  # else rounding decides whether the last level is reached
        assert events["p"].tolist() == [p for _, p in expected]
        assert np.abs(events["t"] - [t for t, _ in expected]).max(initial=0) <= (1 if not refractory else 400)


@given(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.floats(0, 100)),
    st.floats(0.05, 1.0),
    st.sampled_from([0.0, 0.02]),
)
def test_events_account_for_the_change(frames: npt.NDArray[np.float64], contrast: float, mismatch: float) -> None:
    """The change of every pixel's logarithm and the sum of its events differ by one contrast at most."""
    camera = Camera(contrast, mismatch)
    thresholds = camera.thresholds(*frames.shape[1:], np.random.default_rng(1))
    events = camera.record(frames, np.arange(len(frames)) * 1000, thresholds=thresholds)
    total = np.zeros(frames.shape[1:])
    np.add.at(total, (events["y"], events["x"]), np.where(events["p"] == 1, 1.0, -1.0))
    change = np.log(frames[-1] + DARK) - np.log(frames[0] + DARK)
    assert (np.abs(change - total * thresholds) <= thresholds * (1 + 1e-9)).all()
    assert (np.diff(events["t"]) >= 0).all()
    assert events["t"].min(initial=0) >= 0
    assert events["t"].max(initial=0) <= (len(frames) - 1) * 1000


REAL = Camera(contrast=0.2, mismatch=0.05, refractory=300, noise=50.0)


def films(number: int = 60, side: int = 8) -> npt.NDArray[np.float64]:
    return np.exp(np.random.default_rng(7).normal(0, 1, (number, 24, side, side)))


def generators(number: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(number)]


def same(left: list[Events], right: list[Events]) -> bool:
    return len(left) == len(right) and all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("camera", [Camera(), REAL, Camera(refractory=5000), Camera(noise=10.0)], ids=str)
def test_a_film_is_the_same_alone_and_among_others(camera: Camera) -> None:
    """60 films are more than are worked on together; each is a function of its own frames and generator."""
    times = np.arange(24) * 1000
    together = camera.record_all(films(), times, generators(60))
    alone = [camera.record(film, times, rng) for film, rng in zip(films(), generators(60), strict=True)]
    assert same(together, alone)
    assert same(together, camera.record_all(films(), times, generators(60)))


def test_rest_holds_for_every_pixel() -> None:
    events = REAL.record(films(1)[0], np.arange(24) * 1000, np.random.default_rng(0))
    for place in range(64):
        own = events[(events["y"] == place // 8) & (events["x"] == place % 8)]
        assert (np.diff(own["t"]) >= 300).all()
        assert len(own) > 10


def test_noise_has_its_rate() -> None:
    """A film in which nothing happens: 20 events per pixel and second, in 2 s of 100 pixels, are 4000 +- 63."""
    still = np.ones((3, 10, 10))
    events = Camera(noise=20.0).record(still, [0, 10**6, 2 * 10**6], np.random.default_rng(3))
    assert abs(len(events) - 4000) < 4 * 63
    assert 0.45 < events["p"].mean() < 0.55
    assert not len(Camera().record(still, [0, 10**6, 2 * 10**6]))


def test_mismatch_has_its_spread() -> None:
    thresholds = Camera(contrast=0.2, mismatch=0.02).thresholds(100, 100, np.random.default_rng(0))
    assert abs(thresholds.mean() - 0.2) < 1e-3
    assert abs(thresholds.std() - 0.02) < 1e-3
    assert Camera(contrast=0.2, mismatch=1.0).thresholds(100, 100, np.random.default_rng(0)).min() == pytest.approx(
        0.02
    )


def test_one_frame_shows_no_change() -> None:
    assert not len(Camera().record(np.ones((1, 2, 2)), [5]))


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_a_generator_decides(seed: int) -> None:
    film, times = films(1)[0], np.arange(24) * 1000
    one, two = (REAL.record(film, times, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("frames", "times", "message"),
    [
        (np.ones((2, 2)), [0, 1], "frames: expected shape"),
        (-np.ones((2, 1, 1)), [0, 1], "brightness is a finite number >= 0"),
        (np.full((2, 1, 1), np.inf), [0, 1], "brightness is a finite number >= 0"),
        (np.ones((0, 1, 1)), [], "at least one frame and pixel"),
        ([[["a"]]], [0], "frames: expected numbers"),
        (np.ones((2, 1, 1)), [0], r"times: expected shape \(2\)"),
        (np.ones((2, 1, 1)), [1, 1], "times: expected whole microseconds"),
        (np.ones((2, 1, 1)), np.array([2, 1], np.uint8), "times: expected whole microseconds"),
        (np.ones((2, 1, 1)), [0.5, 1], "times: expected whole microseconds"),
        (np.ones((2, 1, 1)), [0, np.nan], "times: expected whole microseconds"),
        (np.ones((2, 1, 1)), [0, np.inf], "times: expected whole microseconds"),
        (np.ones((2, 1, 1)), ["a", "b"], "times: expected whole microseconds"),
    ],
)
def test_says_what_is_wrong_with_a_film(frames: Any, times: Any, message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        Camera().record(frames, times)


def test_says_what_is_wrong_with_a_camera() -> None:
    for name, value in (("contrast", 0.0), ("mismatch", -1.0), ("noise", np.nan), ("dark", 0.0), ("refractory", -1)):
        with pytest.raises(EvoNeuroError, match=f"camera: {name}: expected"):
            Camera(**{name: value})  # type: ignore[arg-type]
    with pytest.raises(EvoNeuroError, match="expected 1 generators"):
        REAL.record(np.ones((2, 1, 1)), [0, 1])
    with pytest.raises(EvoNeuroError, match="thresholds: expected numbers > 0"):
        Camera().record(np.ones((2, 1, 1)), [0, 1], thresholds=np.zeros((1, 1)))
    with pytest.raises(EvoNeuroError, match="thresholds: expected shape"):
        Camera().record(np.ones((2, 1, 1)), [0, 1], thresholds=np.ones((2, 2)))
    with pytest.raises(EvoNeuroError, match="cut the film in pieces"):
        Camera(refractory=2**53).record(np.ones((2, 40, 40)), [0, 1])
