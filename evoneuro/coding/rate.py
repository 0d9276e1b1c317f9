"""Rate codes: the larger a value, the more often its neuron fires."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.coding.encoder import Encoder, Gain, Quantised, ceil_divide, stretch
from evoneuro.coding.trains import Trains, packed, words


@dataclass(frozen=True)
class CountingEncoder(Encoder):
    """An encoder whose inputs fire k times, at steps 0, interval, ... (k-1)*interval.

    Attributes:
        max_spikes: K, spikes for the full range.
        interval: steps from one spike to the next.
    """

    max_spikes: int = 8
    interval: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("max_spikes", 1, 1024)
        self._settle("interval", 1, 1024)

    def _spikes(self, counts: npt.NDArray[np.int64], window: int) -> Trains:
        """Trains (lanes, inputs, words) of spike counts (lanes, inputs); what lies past the words is dropped."""
        length = words(window)
        table = np.zeros((self.max_spikes + 2, length), np.uint32)
        for k in range(self.max_spikes + 1):
            step = k * self.interval
            table[k + 1] = table[k]
            if step < length * 32:
                table[k + 1, step // 32] |= np.uint32(1 << (step % 32))
        return table[counts]


@dataclass(frozen=True)
class CountEncoder(CountingEncoder):
    """Spike count: k = ceil(u * K) on one neuron per value.

    Source: TENNLab framework-open, "spike count" encoding (regular rate code). Exact where K divides 2**bits.
    """

    rounding: str = "up"

    kind: ClassVar[str] = "count"

    @property
    def neurons_per_value(self) -> int:
        """One: its number of spikes says the value."""
        return 1

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        counts = ceil_divide(self._unipolar(q, gain) * self.max_spikes, 1 << self.bits)
        return self._spikes(counts, window)


@dataclass(frozen=True)
class Regular(Encoder):
    """Integrate-and-fire rate: v += u in each step; at v >= 1 the neuron fires and v -= 1. It goes on for the window.

    So a neuron has fired floor(t * u) times after t steps, as evenly as steps allow. Source: SpikingJelly and PopSAN,
    `PopSpikeEncoderDeterministic`, whose threshold of 0.999 makes up for float sums; integers need no such margin.
    """

    rounding: str = "nearest"

    kind: ClassVar[str] = "regular"

    @property
    def neurons_per_value(self) -> int:
        """One: how often it fires says the value."""
        return 1

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        one, u = 1 << self.bits, self._unipolar(q, gain)
        raster = np.zeros((window, *u.shape), bool)
        potential = np.zeros_like(u)
        for step in raster:
            potential += u
            np.greater_equal(potential, one, out=step)
            potential -= one * step
        return packed(raster.transpose(1, 2, 0))


@dataclass(frozen=True)
class Bernoulli(Encoder):
    """Rate by coin: in each step of the window a neuron fires with probability p = clip(gain * u + offset, 0, 1).

    The coin is a hash, not a generator: an observation always has the same train, in any lane, batch and simulator,
    and at any time. With r(s, n) = number n of the SplitMix64 sequence that begins at s, the key of a lane is
    r(... r(r(seed, q of value 0), q of value 1) ...), of its whole row before gain; input i of it has the key
    r(key, i), and fires in step t if the first `bits` bits of r(r(key, i), t), as a number, are below p * 2**bits. So
    rows that differ anywhere have coins of their own, and for one row a larger gain or offset only adds spikes.

    Source of the equation: snnTorch, `spikegen.rate`.

    Attributes:
        offset: in quantised units, -2**bits to 2**bits.
        seed: another seed, other coins; 0 to 2**32 - 1.
    """

    rounding: str = "nearest"
    offset: int = 0
    seed: int = 0

    kind: ClassVar[str] = "bernoulli"
    tabular: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("offset", -(1 << self.bits), 1 << self.bits)
        self._settle("seed", 0, 2**32 - 1)

    @property
    def neurons_per_value(self) -> int:
        """One: how likely it fires in a step says the value."""
        return 1

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        below = np.clip(stretch(q, gain) + self.offset, 0, 1 << self.bits).astype(np.uint64)
        key = np.full(len(q), self.seed, np.uint64)
        for column in q.T:
            key = splitmix64(key, column.astype(np.uint64))
        keys = splitmix64(key[:, None], np.arange(q.shape[1], dtype=np.uint64))
        raster = np.zeros((window, *q.shape), bool)
        for t in range(window):
            coin = splitmix64(keys, np.array([t], np.uint64)) >> np.uint64(64 - self.bits)
            np.less(coin, below, out=raster[t])
        return packed(raster.transpose(1, 2, 0))


def splitmix64(seed: npt.NDArray[np.uint64], number: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Number `number`, counted from 0, of the SplitMix64 sequence of each seed; all arithmetic is modulo 2**64."""
    z = seed + (number + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: npt.NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed
