"""What all encoders share: from observations to spike trains or charges, in two moves.

1. `quantise`: each value becomes an integer q in [0, 2**bits], where 0 stands for `low`, 2**bits for `high` and
   2**(bits-1) for the centre of the range. This is the only place where a float depends on an observation.
2. `encode`: integers become spike trains, or charges where the encoder is graded. `gain`, in sixteenths, first
   stretches q about the centre (bipolar encoders) or from 0 (unipolar ones); it may be a gene, so that it can differ
   by lane.

In the equations of all encoders u = q / 2**bits after the gain, and K is `max_spikes`. Value v owns the inputs
v*m ... v*m + m - 1, m being `neurons_per_value`. Where an equation has exp or log, a table of it is computed once for
all q and rounded to integers; exporters write out the same table.

Rounding up is exact: where K divides 2**(bits-1), ceil(K * |x| / limit) of the real value is
ceil(K * |q - centre| / 2**(bits-1)) of the integer, since quantisation itself rounds away from the centre.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.coding.ranges import checked_ranges
from evoneuro.errors import EvoNeuroError, check_choice, check_integer, check_shape

Quantised = npt.NDArray[np.int64]
Gain = npt.NDArray[np.int64]  # one, or one for each lane, of shape (1 or lanes, 1), or (1 or lanes, 1, 1) for series

UNIT_GAIN = 16
ROUNDINGS = ("away", "nearest", "floor", "up")


@dataclass(frozen=True)
class Encoder:
    """What all encoders share.

    Attributes:
        low, high: range of each value; beyond it values are clipped.
        bits: resolution of the quantised value, 1..16.
        rounding: "away" from the centre of the range, "nearest" (half to even), "floor" or "up".
        gain: stretch of the quantised value in sixteenths, 16 being 1.0.

    Class attributes, of which `tabular` and `graded` may depend on an encoder's parameters: ask the object.
        tabular: whether what a value's inputs get depends on that value and the gain alone, by one table for all.
        graded: whether `encode` gives charges, int32 (steps, inputs, lanes), and not trains.
        series: whether it reads series (lanes, times, values), one row of values after another.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    bits: int = 8
    rounding: str = "away"
    gain: int = UNIT_GAIN

    kind: ClassVar[str] = ""
    tabular: ClassVar[bool] = True
    graded: ClassVar[bool] = False
    series: ClassVar[bool] = False

    def __post_init__(self) -> None:
        low, high = checked_ranges(f"encoder {self.kind!r}", self.low, self.high)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        self._settle("bits", 1, 16)
        self._settle("gain", 1, 256)
        check_choice(f"encoder {self.kind!r}: rounding", self.rounding, ROUNDINGS)

    def _settle(self, name: str, low: int, high: int) -> None:
        object.__setattr__(self, name, check_integer(f"encoder {self.kind!r}: {name}", getattr(self, name), low, high))

    def _check_flag(self, name: str) -> None:
        if not isinstance(getattr(self, name), bool):
            given = getattr(self, name)
            raise EvoNeuroError(f"encoder {self.kind!r}: {name}: expected true or false, got {given!r:.80}")

    @property
    def neurons_per_value(self) -> int:
        """Input neurons for each value."""
        raise NotImplementedError

    @property
    def inputs(self) -> int:
        """Input neurons in all."""
        return len(self.low) * self.neurons_per_value

    def quantise(self, observations: npt.ArrayLike) -> Quantised:
        """Integers in [0, 2**bits] of observations (lanes, values), or (lanes, times, values) of series.

        Raises:
            EvoNeuroError: a wrong number of values, a series of no samples, or NaN, with its place.
        """
        axes = ("lanes", "times", len(self.low)) if self.series else ("lanes", len(self.low))
        try:
            x = np.asarray(observations, np.float64)
        except (TypeError, ValueError):
            wanted = ", ".join(map(str, axes))
            raise EvoNeuroError(f"observations: expected numbers of shape ({wanted})") from None
        check_shape("observations", x.shape, axes)
        if self.series and not x.shape[1]:
            raise EvoNeuroError("observations: a series of no samples; expected at least one")
        low, high = np.array(self.low), np.array(self.high)
        half = 1 << (self.bits - 1)
        offset = (x - (low + high) / 2) / ((high - low) / 2) * half
        if np.isnan(offset).any():
            names = ("row", "time", "column") if self.series else ("row", "column")
            place = zip(names, np.argwhere(np.isnan(offset))[0], strict=True)
            raise EvoNeuroError(f"observations: NaN in {', '.join(f'{name} {index}' for name, index in place)}")
        if self.rounding == "away":
            steps = np.copysign(np.ceil(np.abs(offset)), offset)
        elif self.rounding == "nearest":
            steps = np.rint(offset)
        else:
            steps = np.floor(offset) if self.rounding == "floor" else np.ceil(offset)
        q: Quantised = np.clip(steps, -half, half).astype(np.int64) + half
        return q

    def encode(self, q: Quantised, window: int, gain: npt.ArrayLike | None = None) -> npt.NDArray[Any]:
        """Trains uint32 (words, inputs, lanes), or charges int32 (steps, inputs, lanes) if graded.

        Args:
            q: what `quantise` gave, int (lanes, values), or (lanes, times, values) of series.
            window: steps that the result must cover. What lies beyond is cut off, or is in bits that nobody reads.
            gain: int [lanes] or one for all; the encoder's own if None.
        """
        given = np.asarray(self.gain if gain is None else gain, np.int64)
        coded = self._coded(q, given.reshape(-1, *(1,) * (q.ndim - 1)), window)
        return np.ascontiguousarray(coded.transpose(2, 1, 0))

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        """What `encode` gives, lanes first: trains (lanes, inputs, words) or charges (lanes, inputs, steps)."""
        raise NotImplementedError

    def spec(self) -> dict[str, Any]:
        """The encoder as plain data, for the network file."""
        fields = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {"kind": self.kind, **fields}

    def _stretched(self, q: Quantised, gain: Gain) -> npt.NDArray[np.int64]:
        """q after gain about the centre, in [0, 2**bits]."""
        return self._bipolar(q, gain) + (1 << (self.bits - 1))

    def _bipolar(self, q: Quantised, gain: Gain) -> npt.NDArray[np.int64]:
        """Offset from the centre after gain, in [-half, half]; stretching rounds away from the centre."""
        half = 1 << (self.bits - 1)
        offset = q - half
        stretched = np.minimum(stretch(np.abs(offset), gain), half)
        return np.where(offset < 0, -stretched, stretched)

    def _unipolar(self, q: Quantised, gain: Gain) -> npt.NDArray[np.int64]:
        """q after gain, in [0, 2**bits]; stretching rounds up."""
        return np.minimum(stretch(q, gain), 1 << self.bits)


def stretch(q: Quantised, gain: Gain) -> npt.NDArray[np.int64]:
    """q times the gain, rounded up."""
    return ceil_divide(q * gain, UNIT_GAIN)


def ceil_divide(a: npt.NDArray[np.int64], b: int) -> npt.NDArray[np.int64]:
    """a / b, rounded up."""
    return -(-a // b)
