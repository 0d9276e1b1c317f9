"""Spike tasks: samples that are spikes already, or events of a camera or cochlea."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.classification import Labelled
from evoneuro.coding import Encoder, pack, unpack
from evoneuro.coding.trains import WORD, Trains, words
from evoneuro.errors import EvoNeuroError, nearest
from evoneuro.events import Binning, Recordings, trains_of
from evoneuro.samples import KEPT_BYTES, Feed
from evoneuro.scene import Scene, picture

DENSE_STEPS = 2**24  # numbers of a dense raster that are packed at a time
BINNED = 256  # recordings that are binned at a time


class SpikeTask(Labelled):
    """A task on spikes: `load` returns samples and labels; there is no encoder, channels feed input neurons directly.

    Samples are a raster (samples, steps, channels), a list with one array-like of (time, channel) events each, times in
    steps, or recordings of an event camera or cochlea: structured arrays with x, y, t, p, or `Recordings` of
    `evoneuro.events`, which stay in their files and are read one after another; `load` may return `Recordings` alone,
    for they have labels and parts. The window must hold the longest sample.

    Attributes:
        channels: number of input neurons; None: that of the data.
        binning: how recordings become spikes: parameters of `evoneuro.events.Binning`, such as
            {"size": (34, 34), "steps": 60, "step": 5000, "pool": 2}.
    """

    kind = "spikes"

    temporal = True
    channels: int | None = None
    binning: Mapping[str, Any] | None = None

    def _samples(self, samples: Any) -> Trains:
        """Spikes of all samples, packed along time: uint32 (samples, words, channels)."""
        if isinstance(samples, np.ndarray) and samples.ndim == 3:
            return self._packed(samples)
        if isinstance(samples, Recordings) or (len(samples) and getattr(samples[0], "dtype", np.dtype(int)).names):
            return self._binned(samples)
        events = [self._events(i, sample) for i, sample in enumerate(samples)]
        self._steps = int(max((sample[:, 0].max(initial=0) for sample in events), default=0)) + 1
        channels = self.channels or int(max((sample[:, 1].max(initial=0) for sample in events), default=0)) + 1
        trains = np.zeros((len(events), words(self._steps), channels), np.uint32)
        for i, sample in enumerate(events):
            if (sample[:, 1] >= channels).any():
                raise EvoNeuroError(
                    f"task {self.name!r}: sample {i}: channel {int(sample[:, 1].max())}, there are {channels}"
                )
            time, channel = sample.astype(np.int64).T
            np.bitwise_or.at(trains[i], (time // WORD, channel), np.uint32(1) << (time % WORD).astype(np.uint32))
        return trains

    def _packed(self, raster: npt.NDArray[Any]) -> Trains:
        """A dense raster (samples, steps, channels), in which any number but 0 is a spike."""
        self._steps = raster.shape[1]
        trains = np.zeros((len(raster), words(self._steps), raster.shape[2]), np.uint32)
        some = max(1, DENSE_STEPS // max(1, raster[0].size)) if len(raster) else 1
        for start in range(0, len(raster), some):
            part = pack(raster[start : start + some].transpose(1, 0, 2))
            trains[start : start + some] = part.transpose(2, 0, 1)
        return trains

    def _binned(self, recordings: Any) -> Trains:
        """Recordings, one after another; what is too large to keep goes through a file that nobody else sees."""
        if self.binning is None:
            raise EvoNeuroError(
                f"task {self.name!r}: recordings need `binning`, such as "
                '{"size": (34, 34), "steps": 60, "step": 5000}: pixels, steps, microseconds per step'
            )
        known = Binning.__dataclass_fields__
        for name in self.binning:
            if name not in known:
                raise EvoNeuroError(f"task.binning: unknown parameter {name!r}.{nearest(name, known)}")
        try:
            binning = Binning(**self.binning)
        except TypeError as error:
            raise EvoNeuroError(f"task.binning: {error}") from None
        self._steps = binning.steps
        trains = _room((len(recordings), words(binning.steps), binning.channels))
        for start in range(0, len(recordings), BINNED):
            positions = range(start, min(start + BINNED, len(recordings)))
            trains[positions.start : positions.stop] = trains_of(recordings, positions, binning).transpose(2, 0, 1)
        return trains

    def _events(self, i: int, sample: Any) -> npt.NDArray[np.float64]:
        """Sample i as (events, 2): time and channel."""
        what = f"task {self.name!r}: sample {i}"
        try:
            events = np.asarray(sample, np.float64)
        except (TypeError, ValueError) as error:
            raise EvoNeuroError(f"{what}: expected (time, channel) pairs of numbers: {error}") from None
        if not events.size:
            return np.zeros((0, 2))
        if events.ndim != 2 or events.shape[1] != 2:
            raise EvoNeuroError(
                f"{what}: expected (time, channel) pairs, an array (events, 2), got shape {events.shape}; "
                "rasters come as one array (samples, steps, channels)"
            )
        if not np.isfinite(events).all() or (events < 0).any():
            raise EvoNeuroError(f"{what}: times and channels must be numbers >= 0")
        return events

    def loaded_arrays(self) -> dict[str, npt.NDArray[Any]] | None:
        """Samples, targets, and the steps that the longest sample lasts."""
        arrays = super().loaded_arrays()
        return None if arrays is None else {**arrays, "steps": np.array(self._steps)}

    def adopt_arrays(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over samples, targets and their length that another process loaded."""
        super().adopt_arrays(arrays)
        self._steps = int(arrays["steps"])

    def coding(self, seed: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """No encoder, for the data are spikes, and the decoder's specification.

        Raises:
            EvoNeuroError: the samples last longer than the window.
        """
        self._loaded()
        if self._steps > self.window:
            raise EvoNeuroError(
                f"task {self.name!r}: its samples last {self._steps} steps, its window is {self.window} and would cut "
                f"them; set window to {self._steps} or more"
            )
        return None, self._decoder()

    def inputs(self, seed: int) -> int:
        """Input neurons: the channels of the data."""
        return int(self._loaded()[0].shape[2])

    def raster(self, part: str, seed: int) -> npt.NDArray[np.uint8]:
        """Spikes of train, validation or test: uint8 (steps, samples, channels)."""
        trains = self._loaded()[0][self.members(part, seed)]
        return unpack(np.ascontiguousarray(trains.transpose(1, 2, 0)), self._steps)

    def scene(self, part: str, seed: int, number: int) -> Scene | None:
        """Of a camera, where events were: those of the whole sample, dark where they were many."""
        if self.binning is None:
            return None
        polarities, rows, columns = Binning(**self.binning).shape
        counts = self.raster(part, seed)[:, number].sum(axis=0, dtype=np.float64)
        if rows == 1 or counts.size != polarities * rows * columns:
            return None
        image = counts.reshape(polarities, rows, columns).sum(axis=0)
        return picture(image / max(1.0, float(image.max())))

    def _chunk(self, part: str, seed: int, lanes: slice, encoder: Encoder | None, gain: int, window: int) -> Feed:
        trains = self._loaded()[0][self.members(part, seed)[lanes]]
        return np.ascontiguousarray(trains.transpose(1, 2, 0))

    def _lane_bytes(self, encoder: Encoder | None, window: int) -> int:
        return int(self._loaded()[0][0].nbytes)


def _room(shape: tuple[int, ...]) -> Trains:
    """Zeros of that shape, in memory or, if they are many, in a file without a name."""
    if 4 * int(np.prod(shape)) <= KEPT_BYTES:
        return np.zeros(shape, np.uint32)
    with tempfile.TemporaryFile(prefix="evoneuro-") as file:
        return np.memmap(file, np.uint32, "w+", shape=shape)
