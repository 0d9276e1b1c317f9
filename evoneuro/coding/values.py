"""Decoders that give values: continuous actions and what regression predicts.

Each turns what its output neurons did into a fraction f in [0, 1] with an integer numerator and denominator; the value
is low + (high - low) * f, the only place where there is a float.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.coding.decoder import TRACE_BITS, Decoder, Longs, Output, counts, first_spikes, traces
from evoneuro.coding.ranges import checked_ranges

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ValueDecoder(Decoder):
    """What decoders of values share.

    Attributes:
        low, high: range of each value; silence and most spikes are its ends, or as the decoder says.
    """

    low: tuple[float, ...] = (0.0,)
    high: tuple[float, ...] = (1.0,)

    records: ClassVar[bool] = True
    continuous: ClassVar[bool] = True

    def __post_init__(self) -> None:
        low, high = checked_ranges(f"decoder {self.kind!r}", self.low, self.high, least=1)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    @property
    def neurons_per_value(self) -> int:
        """Output neurons for each value."""
        return 1

    def neurons(self, choices: int) -> int:
        """Output neurons for so many values."""
        return choices * self.neurons_per_value

    def read(self, output: Output) -> Values:
        """The values of each lane: float64 (lanes, values)."""
        numerator, denominator = self._fraction(output)
        low, high = np.array(self.low), np.array(self.high)
        values: Values = low + (high - low) * (numerator / denominator).T
        return values

    def _fraction(self, output: Output) -> tuple[Longs, Longs | int]:
        """Numerators (values, lanes) and denominators, one for all or (values, lanes)."""
        raise NotImplementedError

    def _by_value(self, found: Longs) -> Longs:
        """What was found of each output, (outputs, lanes), as (values, neurons per value, lanes)."""
        return found.reshape(len(self.low), self.neurons_per_value, -1)


@dataclass(frozen=True)
class Rate(ValueDecoder):
    """Rate: f = min(n, K) / K, K being `max_spikes`."""

    max_spikes: int = 8

    kind: ClassVar[str] = "rate"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("max_spikes", 1, 2**16)

    def _fraction(self, output: Output) -> tuple[Longs, int]:
        return np.minimum(counts(output), self.max_spikes), self.max_spikes


@dataclass(frozen=True)
class Pair(ValueDecoder):
    """Antagonists: one neuron pulls up, another down, f = 1/2 + (n_up - n_down) / 2 K, clipped; silence is the middle.

    Value v owns the outputs 2 v (up) and 2 v + 1 (down).
    """

    max_spikes: int = 8

    kind: ClassVar[str] = "pair"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("max_spikes", 1, 2**16)

    @property
    def neurons_per_value(self) -> int:
        """Two: what one counts is taken from what the other counts."""
        return 2

    def _fraction(self, output: Output) -> tuple[Longs, int]:
        up, down = self._by_value(counts(output)).transpose(1, 0, 2)
        k = self.max_spikes
        return np.clip(up - down, -k, k) + k, 2 * k


@dataclass(frozen=True)
class Bins(ValueDecoder):
    """Population: `members` neurons stand for evenly spaced values, and their spikes vote for the mean.

    f = sum_j n_j j / ((members - 1) sum_j n_j); silence is the middle.
    """

    members: int = 5

    kind: ClassVar[str] = "bins"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("members", 2, 1024)

    @property
    def neurons_per_value(self) -> int:
        """`members`, each of which stands for a place in the range."""
        return self.members

    def _fraction(self, output: Output) -> tuple[Longs, Longs]:
        found = self._by_value(counts(output))
        votes = found.sum(axis=1)
        place = (found * np.arange(self.members)[:, None]).sum(axis=1)
        silent = votes == 0
        return np.where(silent, 1, place), np.where(silent, 2, votes * (self.members - 1))


@dataclass(frozen=True)
class Latency(ValueDecoder):
    """Time to first spike: f = 1 - t / T, T being the window; silence is 0."""

    kind: ClassVar[str] = "latency"

    def _fraction(self, output: Output) -> tuple[Longs, int]:
        return output.window - first_spikes(output), output.window


@dataclass(frozen=True)
class TraceValue(ValueDecoder):
    """Exponential trace after the window, as in decoder `trace`: f = r / r_full, clipped.

    r_full = 2**(16 + shift) is where a neuron gets that fires in every step.
    """

    shift: int = 3

    kind: ClassVar[str] = "trace-value"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("shift", 1, 15)

    def _fraction(self, output: Output) -> tuple[Longs, int]:
        full = 1 << (TRACE_BITS + self.shift)
        return np.minimum(traces(output, self.shift), full), full


@dataclass(frozen=True)
class MembraneValue(ValueDecoder):
    """Potential after the window; the outputs never fire: f = 1/2 + v / 2 `scale`, clipped; 0 is the middle."""

    scale: int = 127

    kind: ClassVar[str] = "membrane-value"
    silences: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("scale", 1, 2**30)

    def _fraction(self, output: Output) -> tuple[Longs, int]:
        v = np.clip(output.potentials.astype(np.int64), -self.scale, self.scale)
        return v + self.scale, 2 * self.scale
