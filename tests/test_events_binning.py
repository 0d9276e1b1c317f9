"""Binning against a loop over events, and packed trains against the packed raster."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from event_data import recording, recordings
from hypothesis import given
from hypothesis import strategies as st

from evoneuro.coding import pack, unpack
from evoneuro.errors import EvoNeuroError
from evoneuro.events import Binning, Events, make_events, trains_of


def by_loop(binning: Binning, size: tuple[int, int], events: Events) -> npt.NDArray[np.uint8]:
    """What the definitions say, an event at a time, in Python's integers."""
    polarities, rows, columns = binning.shape
    counts = np.zeros((binning.steps, polarities, rows, columns), int)
    times = [int(t) for t in events["t"]]
    start = min(times, default=0) if binning.start is None else binning.start
    since = [t - start for t in times]
    span = max([0, *since]) + 1 if binning.duration is None else binning.duration
    polarity = binning.polarity or "both"
    for s, event in zip(since, events, strict=True):
        x, y, _, p = (int(value) for value in event)
        if polarity in ("on", "off") and p != (polarity == "on"):
            continue
        step = s // binning.step if binning.step is not None else s * binning.steps // span
        if 0 <= step < binning.steps and (binning.duration is None or s < binning.duration):
            counts[step, p if polarities == 2 else 0, y // binning.pool, x // binning.pool] += 1
    return (counts >= binning.threshold).astype(np.uint8).reshape(binning.steps, -1)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Binning, tuple[int, int], Events]:
    size = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    events = draw(recordings(size[0] - 1, size[1] - 1, (-20, 200)))
    binning = Binning(
        size,
        steps=draw(st.integers(1, 70)),
        step=draw(st.none() | st.integers(1, 9)),
        polarity=draw(st.sampled_from(["", "both", "merge", "on", "off"])),
        pool=draw(st.integers(1, 4)),
        start=draw(st.none() | st.integers(-30, 100)),
        duration=draw(st.none() | st.integers(1, 200)),
        threshold=draw(st.integers(1, 3)),
    )
    return binning, size, events


@given(cases())
def test_equals_a_loop_over_events(case: tuple[Binning, tuple[int, int], Events]) -> None:
    binning, size, events = case
    raster = binning.raster(events)
    assert raster.dtype == np.uint8
    assert raster.shape == (binning.steps, binning.channels)
    assert (raster == by_loop(binning, size, events)).all()


@given(cases())
def test_trains_are_the_packed_raster(case: tuple[Binning, tuple[int, int], Events]) -> None:
    binning, _, events = case
    trains = binning.trains(events)
    assert trains.dtype == np.uint32
    assert (trains == pack(binning.raster(events)[:, None])[:, :, 0]).all()


def test_channels_are_polarity_row_column() -> None:
    """4 x 2 pixels: the ON event of column 3, row 1 is the last of 16 channels."""
    binning = Binning((4, 2), steps=1, step=10)
    assert (binning.shape, binning.channels) == ((2, 2, 4), 16)
    for x, y, p, channel in ((0, 0, 0, 0), (3, 0, 0, 3), (0, 1, 0, 4), (0, 0, 1, 8), (3, 1, 1, 15)):
        assert np.flatnonzero(binning.raster(make_events([x], y, 0, p))).tolist() == [channel]


def test_pooling_keeps_what_is_left_over() -> None:
    binning = Binning((5, 3), steps=1, step=1, pool=2, polarity="merge")
    assert (binning.shape, binning.channels) == ((1, 2, 3), 6)
    assert np.flatnonzero(binning.raster(make_events([4], 2, 0, 1))).tolist() == [5]


def test_a_cochlea() -> None:
    binning = Binning(700, steps=100, step=10_000, pool=5)
    assert binning.channels == 140
    spikes = np.array([(0, 0), (995_000, 699)], [("t", int), ("x", int)])
    assert np.argwhere(binning.raster(spikes)).tolist() == [[0, 0], [99, 139]]


def test_stretching_reaches_both_ends() -> None:
    """10 us to 4 steps: the first event is in the first step, the last in the last."""
    t = np.arange(100, 110)
    binning = Binning((1, 1), steps=4, polarity="merge", start=None)
    steps = [int(np.flatnonzero(Binning._steps(binning, t) == step).size) for step in range(4)]
    assert steps == [3, 2, 3, 2]
    assert binning.raster(make_events(0 * t, 0, t, 1)).sum() == 4


def test_the_first_saccade_only() -> None:
    events = make_events([0, 1, 2], 0, [104_999, 105_000, 200_000], 1)
    for binning in (
        Binning((3, 1), steps=105, step=1000, polarity="merge", duration=105_000),
        Binning((3, 1), steps=105, polarity="merge", duration=105_000),
        Binning((3, 1), steps=300, step=1000, polarity="merge", duration=105_000),
    ):
        assert np.argwhere(binning.raster(events)).tolist() == [[104, 0]]


def test_no_events() -> None:
    nothing = make_events([], [], [], [])
    for threshold in (1, 2):
        binning = Binning((2, 2), steps=40, threshold=threshold, start=None)
        assert not binning.raster(nothing).any()
        assert binning.trains(nothing).shape == (2, 8)


def test_recordings_as_lanes() -> None:
    events = [recording(seed, 300) for seed in range(150)]
    binning = Binning((34, 34), steps=70, step=5000, pool=4)
    positions = [*range(149, 10, -1), 3, 3]
    trains = trains_of(events, positions, binning)
    assert trains.shape == (3, binning.channels, len(positions))
    assert trains.flags.c_contiguous
    rasters = np.stack([binning.raster(events[position]) for position in positions], axis=1)
    assert (unpack(trains, 70) == rasters).all()
    assert trains_of(events, [], binning).shape == (3, binning.channels, 0)


def test_events_beside_the_sensor() -> None:
    with pytest.raises(EvoNeuroError, match=r"x 34 or y 2; expected x below 34 and y below 34: is size \(34, 34\)"):
        Binning((34, 34), steps=1).raster(make_events([34, 0], [0, 2], 0, 1))


def test_a_span_that_integers_cannot_stretch() -> None:
    events = make_events([0, 0], 0, [-(2**53), 2**53], 1)
    with pytest.raises(EvoNeuroError, match="too long to be stretched to 1024 steps"):
        Binning((1, 1), steps=1024, start=None).raster(events)
    assert Binning((1, 1), steps=1024, step=2**45, start=None).raster(events).sum() == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (34, 34, 2)}, r"size: expected \(width, height\)"),
        ({"size": 0}, "size: expected 1 to"),
        ({"size": "34"}, "size: expected an integer"),
        ({"steps": 0}, "steps: expected 1 to"),
        ({"step": 0}, "step: expected 1 to"),
        ({"step": 0.5}, "step: expected an integer"),
        ({"pool": 0}, "pool: expected 1 to"),
        ({"threshold": 0}, "threshold: expected 1 to"),
        ({"duration": 0}, "duration: expected 1 to"),
        ({"polarity": "onn"}, "Did you mean 'on'"),
    ],
)
def test_says_what_is_wrong(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        Binning(**({"size": (34, 34), "steps": 8} | settings))
