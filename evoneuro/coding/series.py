"""Encoders of series: each sample (a row of values) gives `interval` steps, sample k those from k * interval on.

What is encoded are changes, in quantised units: nothing is clipped but by the quantisation itself, and the gain
multiplies them, so that gain 32 is half the `delta`. All are causal: spikes of a sample depend on it and earlier ones.
n spikes of one sample stand at steps floor(j * interval / n), j = 0 ... n-1, of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.coding.encoder import UNIT_GAIN, Encoder, Gain, Quantised
from evoneuro.coding.trains import Trains, packed
from evoneuro.errors import EvoNeuroError


@dataclass(frozen=True)
class SeriesEncoder(Encoder):
    """An encoder that reads series (lanes, times, values).

    Attributes:
        interval: steps per sample.
    """

    rounding: str = "nearest"
    interval: int = 1

    series: ClassVar[bool] = True
    tabular: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("interval", 1, 1024)

    def _seen(self, q: Quantised, window: int) -> Quantised:
        """The samples that begin within the window, or the first."""
        return q[:, : max(1, -(-window // self.interval))]

    def _spread(self, counts: npt.NDArray[np.int64], window: int) -> Trains:
        """Trains (lanes, inputs, words) of spikes per sample (lanes, times, inputs), at most `interval` each."""
        patterns = np.zeros((self.interval + 1, self.interval), bool)
        for n in range(1, self.interval + 1):
            patterns[n, np.arange(n) * self.interval // n] = True
        lanes, _, inputs = counts.shape
        return packed(fitted(patterns[counts.transpose(0, 2, 1)].reshape(lanes, inputs, -1), window))


def fitted(steps: npt.NDArray[Any], window: int) -> npt.NDArray[Any]:
    """(lanes, inputs, window) of (lanes, inputs, steps): cut, or followed by nothing."""
    return np.pad(steps[:, :, :window], ((0, 0), (0, 0), (0, max(0, window - steps.shape[2]))))


@dataclass(frozen=True)
class ChangeEncoder(SeriesEncoder):
    """An encoder of changes: value v's neuron 2v fires when it has risen by `delta`, 2v + 1 when it has fallen by it.

    Attributes:
        delta: in quantised units.
    """

    delta: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("delta", 1, 2**16)

    @property
    def neurons_per_value(self) -> int:
        """Two: one for rises and one for falls."""
        return 2

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        # x * gain >= delta * 16 is x * gain / 16 >= delta without a division, so without a rounding
        events = self._events(self._seen(q, window) * gain, self.delta * UNIT_GAIN)
        pair = np.stack([np.maximum(events, 0), np.maximum(-events, 0)], axis=-1)
        return self._spread(pair.reshape(*events.shape[:2], -1), window)

    def _events(self, x: npt.NDArray[np.int64], delta: int) -> npt.NDArray[np.int64]:
        """Spikes (lanes, times, values) of samples: n > 0 of the rising neuron, n < 0 of the falling one."""
        raise NotImplementedError


@dataclass(frozen=True)
class SendOnDelta(ChangeEncoder):
    """Send on delta, level crossing with memory: while x - r >= delta, ON and r += delta; while r - x >= delta, OFF.

    The reference r begins at the first sample, which is silent. A sample has at most `interval` spikes; what is left of
    the change then is caught up with at the samples after it. Where nothing is left, |x - r| < delta.
    """

    kind: ClassVar[str] = "send-on-delta"

    @property
    def most(self) -> int:
        """Spikes that a sample can have."""
        return self.interval

    def _events(self, x: npt.NDArray[np.int64], delta: int) -> npt.NDArray[np.int64]:
        events = np.zeros_like(x)
        reference = x[:, 0].copy()
        for k in range(1, x.shape[1]):
            gap = x[:, k] - reference
            events[:, k] = np.sign(gap) * np.minimum(np.abs(gap) // delta, self.most)
            reference += events[:, k] * delta
        return events


@dataclass(frozen=True)
class StepForward(SendOnDelta):
    """Step forward: send on delta with at most one spike per sample, at its first step.

    Source: Petro et al. 2020 as JuSquare/SpikeCoding implements it (`StepForwardEncoding`). There a change has to be
    above the threshold; here, as in the other encoders of changes, it has to reach it: the error stays below delta.
    """

    kind: ClassVar[str] = "step-forward"

    @property
    def most(self) -> int:
        """One: the baseline moves by a single step in a sample."""
        return 1


@dataclass(frozen=True)
class Delta(ChangeEncoder):
    """Memoryless delta: ON if x_k - x_(k-1) >= delta, OFF if <= -delta. Slow drifts are lost.

    Source: snnTorch, `spikegen.delta` with off_spike.

    Attributes:
        padding: whether the first sample follows itself, and is silent; otherwise it follows 0, which is `low`.
    """

    padding: bool = False

    kind: ClassVar[str] = "delta"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_flag("padding")

    def _events(self, x: npt.NDArray[np.int64], delta: int) -> npt.NDArray[np.int64]:
        change = np.diff(x, axis=1, prepend=x[:, :1] if self.padding else 0)
        return np.sign(change) * (np.abs(change) >= delta)


@dataclass(frozen=True)
class MovingWindow(ChangeEncoder):
    """Moving window: ON if x_k is at least delta above the mean of the `samples` before it, OFF if as much below.

    The mean is exact: sums are compared. Source: Petro et al. 2020 as JuSquare/SpikeCoding implements it
    (`MovingWindowEncoding`, whose first mean looks ahead and which has a strict >). Here the first samples are compared
    with as many as there are, and the very first is silent.

    Attributes:
        samples: w, in the mean.
    """

    samples: int = 4

    kind: ClassVar[str] = "moving-window"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("samples", 1, 2**15)

    def _events(self, x: npt.NDArray[np.int64], delta: int) -> npt.NDArray[np.int64]:
        before = np.pad(np.cumsum(x, axis=1), ((0, 0), (1, 0), (0, 0)))  # sum of the samples before each
        here = np.arange(x.shape[1])
        first = np.maximum(here - self.samples, 0)
        count = (here - first)[:, None]
        excess = count * x - (before[:, here] - before[:, first])
        return np.sign(excess) * (np.abs(excess) >= np.maximum(count, 1) * delta)


@dataclass(frozen=True)
class Crossing(SeriesEncoder):
    """Crossing of n thresholds: a value has n onset neurons, n offset neurons and a touch neuron, in this order.

    Onset j fires at the sample with which u comes to or above threshold h_j, offset j where it comes below it, and
    touch at every sample with u = 1. h_j = floor(j * (2**bits - 2) / (n - 1)) / 2**bits. Nothing is below h_0 = 0, so
    the first pair is always silent. The gain stretches values from 0.

    Source: tonic, `SMNIST`: values in 0..255, n = 49, and interval = spikes = 2 for its `duplicate`. It numbers inputs
    backwards, and stamps a crossing with the sample before it, which no causal encoder can.

    Attributes:
        thresholds: n.
        spikes: of each event, at most `interval`.
    """

    rounding: str = "floor"
    thresholds: int = 8
    spikes: int = 1

    kind: ClassVar[str] = "crossing"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("thresholds", 2, 256)
        self._settle("spikes", 1, 1024)
        if self.spikes > self.interval:
            raise EvoNeuroError(
                f"encoder {self.kind!r}: {self.spikes} spikes per event do not fit {self.interval} steps per sample; "
                "raise interval or lower spikes"
            )

    @property
    def neurons_per_value(self) -> int:
        """Two for each threshold, upward and downward, and one that fires at the top of the range."""
        return 2 * self.thresholds + 1

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        u = self._unipolar(self._seen(q, window), gain)
        levels = np.arange(self.thresholds) * ((1 << self.bits) - 2) // (self.thresholds - 1)
        above = u[..., None] >= levels
        before = np.concatenate([above[:, :1], above[:, :-1]], axis=1)  # the first sample crosses nothing
        touch = (u == 1 << self.bits)[..., None]
        fires = np.concatenate([above & ~before, before & ~above, touch], axis=-1)
        return self._spread(fires.reshape(*u.shape[:2], -1) * self.spikes, window)
