"""Population codes: which neurons of a value fire says where in its range it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.coding.encoder import Gain, Quantised, ceil_divide
from evoneuro.coding.rate import CountingEncoder


@dataclass(frozen=True)
class FlipFlop(CountingEncoder):
    """Flip-flop: below the centre the first of two neurons fires, above it the second, k = ceil(K * |x| / limit).

    Source: TENNLab framework-open, markdown/cartpole_example.md (K = 8, interval 3, 24 steps).
    """

    kind: ClassVar[str] = "flip-flop"

    @property
    def neurons_per_value(self) -> int:
        """Two: one for each side of the centre."""
        return 2

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        offset = self._bipolar(q, gain)
        k = ceil_divide(np.abs(offset) * self.max_spikes, 1 << (self.bits - 1))
        pair = np.stack([np.where(offset <= 0, k, 0), np.where(offset > 0, k, 0)], axis=-1)
        return self._spikes(pair.reshape(len(q), self.inputs), window)


@dataclass(frozen=True)
class Argyle(CountingEncoder):
    """Argyle-m: m neurons with evenly spaced centres; the two nearest share the value (linear B-spline).

    p = u * (m - 1); neuron j fires k_j = ceil(K * max(0, 1 - |p - j|)) times. Source: TENNLab framework-open,
    markdown/sine_example.md; argyle-4 of the cart-pole networks.

    Attributes:
        neurons: m.
    """

    bits: int = 16
    neurons: int = 4

    kind: ClassVar[str] = "argyle"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("neurons", 2, 64)

    @property
    def neurons_per_value(self) -> int:
        """`neurons`, of which a value shares its spikes between two."""
        return self.neurons

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        one = 1 << self.bits
        place = self._stretched(q, gain) * (self.neurons - 1)
        distance = np.abs(place[:, :, None] - one * np.arange(self.neurons))
        counts = ceil_divide(np.maximum(one - distance, 0) * self.max_spikes, one)
        return self._spikes(counts.reshape(len(q), self.inputs), window)


@dataclass(frozen=True)
class Bins(CountingEncoder):
    """Bins: the range in n equal parts with a neuron each; the one that holds the value fires K times, the rest never.

    Bin j is [j/n, (j+1)/n) of the range, the last one with its upper end; exact where n divides 2**bits. Source: the
    binning of TENNLab's encoders.

    Attributes:
        neurons: n.
    """

    rounding: str = "floor"
    max_spikes: int = 1
    neurons: int = 8

    kind: ClassVar[str] = "bins"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("neurons", 2, 1024)

    @property
    def neurons_per_value(self) -> int:
        """`neurons`, one for each bin."""
        return self.neurons

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        held = np.minimum((self._stretched(q, gain) * self.neurons) >> self.bits, self.neurons - 1)
        counts = np.where(held[:, :, None] == np.arange(self.neurons), self.max_spikes, 0)
        return self._spikes(counts.reshape(len(q), self.inputs), window)
