"""Events -> spikes: pixels to channels, microseconds to steps, several events of a channel and step to one spike.

Channels stand in the order polarity, row, column: channel = (p * rows + y) * columns + x, of pooled rows and columns,
where p counts only with two polarities (0 OFF, 1 ON).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evoneuro.coding.trains import WORD, Trains, words
from evoneuro.errors import EvoNeuroError, check_choice, check_integer
from evoneuro.events.form import LATEST, Events, as_events
from evoneuro.events.recordings import Recordings

POLARITIES = ("both", "merge", "on", "off")
_LANES_AT_ONCE = 64  # recordings binned before they are written side by side: a cache line is 16 lanes


@dataclass(frozen=True)
class Binning:
    """How events become spikes.

    Attributes:
        size: (width, height) of the sensor in pixels, or the number of channels of a cochlea.
        steps: how many steps.
        step: microseconds per step, events after the last step being dropped; None: the recording, or what `start` and
            `duration` leave of it, is stretched or squeezed to `steps`.
        polarity: "both" (two channels per pixel), "merge" (polarity ignored), "on" or "off" (one polarity only).
            Empty: "both" for pixels, "merge" for a cochlea.
        pool: side of the squares of pixels that share a channel; neighbours of a cochlea; what is left over at the
            right and lower edge is a channel, too.
        start: time of the first step in microseconds, earlier events being dropped; None: the recording's first event.
        duration: microseconds from the start on, later events being dropped (105,000 for N-MNIST's first saccade);
            None: to the end.
        threshold: events in a channel and step that make a spike.
    """

    size: tuple[int, int] | int
    steps: int
    step: int | None = None
    polarity: str = ""
    pool: int = 1
    start: int | None = 0
    duration: int | None = None
    threshold: int = 1

    def __post_init__(self) -> None:
        sides = self.size if isinstance(self.size, tuple | list) else (self.size, 1)
        if len(sides) != 2:
            raise EvoNeuroError(f"binning: size: expected (width, height) or a number of channels, got {self.size!r}")
        for side in sides:
            check_integer("binning: size", side, 1, 2**16)
        check_integer("binning: steps", self.steps, 1, 2**24)
        check_integer("binning: pool", self.pool, 1, 2**16)
        check_integer("binning: threshold", self.threshold, 1, 2**31)
        if self.polarity:
            check_choice("binning: polarity", self.polarity, POLARITIES)
        for name, low in (("step", 1), ("start", -LATEST), ("duration", 1)):
            if getattr(self, name) is not None:
                check_integer(f"binning: {name}", getattr(self, name), low, LATEST)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Polarities, rows, columns."""
        width, height = self._sensor
        return 1 + (self._polarity == "both"), -(-height // self.pool), -(-width // self.pool)

    @property
    def channels(self) -> int:
        """Number of channels."""
        polarities, rows, columns = self.shape
        return polarities * rows * columns

    @property
    def _sensor(self) -> tuple[int, int]:
        """Width and height."""
        return self.size if isinstance(self.size, tuple | list) else (self.size, 1)

    @property
    def _polarity(self) -> str:
        return self.polarity or ("both" if isinstance(self.size, tuple | list) else "merge")

    def raster(self, events: Events) -> npt.NDArray[np.uint8]:
        """Spikes (steps, channels) of a recording's events."""
        raster = np.zeros((self.steps, self.channels), np.uint8)
        steps, channels = self._spikes(events)
        raster[steps, channels] = 1
        return raster

    def trains(self, events: Events) -> Trains:
        """Packed spikes (words, channels) of a recording's events."""
        trains = np.zeros((words(self.steps), self.channels), np.uint32)
        steps, channels = self._spikes(events)
        bits = np.uint32(1) << (steps % WORD).astype(np.uint32)
        np.bitwise_or.at(trains.reshape(-1), steps // WORD * self.channels + channels, bits)
        return trains

    def _spikes(self, events: Events) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Step and channel of every spike; with a threshold of 1, a spike may come more than once."""
        events = as_events(events)
        self._check_inside(events)
        steps = self._steps(events["t"])
        kept = (steps >= 0) & (steps < self.steps)
        if self._polarity in ("on", "off"):
            kept &= events["p"] == (self._polarity == "on")
        if not kept.all():
            events, steps = events[kept], steps[kept]
        channels = self._channels(events)
        if self.threshold == 1:
            return steps, channels
        cells = np.sort(steps * self.channels + channels)
        first = np.flatnonzero(np.concatenate(([True], cells[1:] != cells[:-1]))) if len(cells) else cells
        enough = np.diff(first, append=len(cells)) >= self.threshold
        return cells[first[enough]] // self.channels, cells[first[enough]] % self.channels

    def _check_inside(self, events: Events) -> None:
        """Raise unless all events are on the sensor."""
        width, height = self._sensor
        if len(events) and (events["x"].max() >= width or events["y"].max() >= height):
            raise EvoNeuroError(
                f"an event at x {events['x'].max()} or y {events['y'].max()}; expected x below {width} and y below "
                f"{height}: is size {self.size!r} that of the sensor?"
            )

    def _steps(self, t: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Step of each time; below 0 or from `steps` on for what is dropped."""
        if not len(t):
            return t
        since = t - (int(t.min()) if self.start is None else self.start)
        span = max(int(since.max()) + 1, 1) if self.duration is None else self.duration
        if self.step is not None:
            step: npt.NDArray[np.int64] = since // self.step
            return step if self.duration is None else np.where(since < span, step, self.steps)
        if span * self.steps >= 2**63 or -int(since.min()) * self.steps >= 2**63:
            raise EvoNeuroError(f"times over {span} us are too long to be stretched to {self.steps} steps; set step")
        stretched: npt.NDArray[np.int64] = since * self.steps // span
        return stretched

    def _channels(self, events: Events) -> npt.NDArray[np.int64]:
        polarities, rows, columns = self.shape
        x, y = events["x"].astype(np.int64), events["y"].astype(np.int64)
        if self.pool > 1:
            x //= self.pool
            y //= self.pool
        channels = y * columns + x
        if polarities == 2:
            channels += events["p"].astype(np.int64) * (rows * columns)
        return channels


def trains_of(recordings: Recordings | Sequence[Events], positions: Sequence[int], binning: Binning) -> Trains:
    """Packed spikes (words, channels, lanes) of the recordings at `positions`, a lane each, read one after another."""
    chosen = [int(position) for position in positions]
    trains = np.empty((words(binning.steps), binning.channels, len(chosen)), np.uint32)
    source = recordings.stream(chosen) if isinstance(recordings, Recordings) else (recordings[i] for i in chosen)
    for first in range(0, len(chosen), _LANES_AT_ONCE):
        some = [binning.trains(next(source)) for _ in chosen[first : first + _LANES_AT_ONCE]]
        trains[:, :, first : first + len(some)] = np.stack(some, axis=-1)
    return trains
