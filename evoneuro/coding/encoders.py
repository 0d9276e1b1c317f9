"""Encoders: from observations to spike trains, in two moves.

1. `quantise`: each value becomes an integer q in [0, 2**bits], where 0 stands for `low`, 2**bits for `high` and
   2**(bits-1) for the centre of the range. This is the only place where there is a float.
2. `encode`: integers become spike trains (uint32 words, inputs, lanes). `gain`, in sixteenths, first stretches q
   about the centre (bipolar encoders) or from 0 (unipolar ones); it may be a gene, so it can differ by lane.

In the equations u = q / 2**bits, and K is `max_spikes`. Value v owns the inputs v*m ... v*m + m - 1, m being
`neurons_per_value`. Rounding up is exact: where K divides 2**(bits-1), ceil(K * |x| / limit) of the real value is
ceil(K * |q - centre| / 2**(bits-1)) of the integer, since quantisation itself rounds away from the centre.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.coding.kinds import from_spec
from evoneuro.coding.trains import Trains, words
from evoneuro.errors import EvoNeuroError, check_choice, check_integer

GROUP = "evoneuro.encoders"

Quantised = npt.NDArray[np.int64]

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

    Class attributes:
        tabular: whether the trains of a value depend on that value and the gain alone, by one table for all values.
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
        for name in ("low", "high"):
            given = getattr(self, name)
            try:
                values = tuple(float(value) for value in given)
            except (TypeError, ValueError):
                values = None
            if values is None or isinstance(given, str):
                raise EvoNeuroError(f"encoder {self.kind!r}: {name}: expected a list of numbers, got {given!r:.80}")
            object.__setattr__(self, name, values)
        if len(self.low) != len(self.high):
            raise EvoNeuroError(f"encoder {self.kind!r}: low has {len(self.low)} values, high has {len(self.high)}")
        for i, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            if not (np.isfinite(high - low) and low < high):
                raise EvoNeuroError(
                    f"encoder {self.kind!r}: value {i}: expected finite low < high, got {low} and {high}"
                )
        self._settle("bits", 1, 16)
        self._settle("gain", 1, 256)
        check_choice(f"encoder {self.kind!r}: rounding", self.rounding, ROUNDINGS)

    def _settle(self, name: str, low: int, high: int) -> None:
        object.__setattr__(self, name, check_integer(f"encoder {self.kind!r}: {name}", getattr(self, name), low, high))

    @property
    def neurons_per_value(self) -> int:
        """Input neurons for each value."""
        raise NotImplementedError

    @property
    def inputs(self) -> int:
        """Input neurons in all."""
        return len(self.low) * self.neurons_per_value

    def quantise(self, observations: npt.ArrayLike) -> Quantised:
        """Integers (lanes, values) in [0, 2**bits] of observations (lanes, values).

        Raises:
            EvoNeuroError: a wrong number of values, or NaN, with its row and column.
        """
        try:
            x = np.asarray(observations, np.float64)
        except (TypeError, ValueError):
            raise EvoNeuroError(f"observations: expected numbers of shape (lanes, {len(self.low)})") from None
        if x.ndim != 2 or x.shape[1] != len(self.low):
            raise EvoNeuroError(f"observations: expected shape (lanes, {len(self.low)}), got {x.shape}")
        low, high = np.array(self.low), np.array(self.high)
        half = 1 << (self.bits - 1)
        offset = (x - (low + high) / 2) / ((high - low) / 2) * half
        if np.isnan(offset).any():
            row, column = np.argwhere(np.isnan(offset))[0]
            raise EvoNeuroError(f"observations: NaN in row {row}, column {column}")
        if self.rounding == "away":
            steps = np.copysign(np.ceil(np.abs(offset)), offset)
        elif self.rounding == "nearest":
            steps = np.rint(offset)
        else:
            steps = np.floor(offset) if self.rounding == "floor" else np.ceil(offset)
        q: Quantised = np.clip(steps, -half, half).astype(np.int64) + half
        return q

    def encode(self, q: Quantised, window: int, gain: npt.ArrayLike | None = None) -> Trains:
        """Trains uint32 (words, inputs, lanes) of quantised values (lanes, values).

        Args:
            window: steps that the trains must cover.
            gain: int [lanes] or one for all; the encoder's own if None.
        """
        g = np.asarray(self.gain if gain is None else gain, np.int64).reshape(-1, 1)
        trains = self._trains(q, g, words(window))
        return np.ascontiguousarray(trains.transpose(2, 1, 0))

    def _trains(self, q: Quantised, gain: npt.NDArray[np.int64], length: int) -> Trains:
        """Trains uint32 (lanes, inputs, words)."""
        raise NotImplementedError

    def spec(self) -> dict[str, Any]:
        """The encoder as plain data, for the network file."""
        fields = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {"kind": self.kind, **fields}

    def _bipolar(self, q: Quantised, gain: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Offset from the centre after gain, in [-half, half]; stretching rounds away from the centre."""
        half = 1 << (self.bits - 1)
        offset = q - half
        stretched = np.minimum(_ceil_divide(np.abs(offset) * gain, UNIT_GAIN), half)
        return np.where(offset < 0, -stretched, stretched)

    def _unipolar(self, q: Quantised, gain: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """q after gain, in [0, 2**bits]; stretching rounds up."""
        return np.minimum(_ceil_divide(q * gain, UNIT_GAIN), 1 << self.bits)


@dataclass(frozen=True)
class _SpikeCountEncoder(Encoder):
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

    def _spikes(self, counts: npt.NDArray[np.int64], length: int) -> Trains:
        """Trains (lanes, inputs, words) of spike counts (lanes, inputs); what lies past the words is dropped."""
        table = np.zeros((self.max_spikes + 2, length), np.uint32)
        for k in range(self.max_spikes + 1):
            step = k * self.interval
            table[k + 1] = table[k]
            if step < length * 32:
                table[k + 1, step // 32] |= np.uint32(1 << (step % 32))
        return table[counts]


@dataclass(frozen=True)
class CountEncoder(_SpikeCountEncoder):
    """Spike count: k = ceil(u * K) on one neuron per value.

    Source: TENNLab framework-open, "spike count" encoding (regular rate code). Exact where K divides 2**bits.
    """

    rounding: str = "up"

    kind: ClassVar[str] = "count"

    @property
    def neurons_per_value(self) -> int:
        return 1

    def _trains(self, q: Quantised, gain: npt.NDArray[np.int64], length: int) -> Trains:
        counts = _ceil_divide(self._unipolar(q, gain) * self.max_spikes, 1 << self.bits)
        return self._spikes(counts, length)


@dataclass(frozen=True)
class FlipFlop(_SpikeCountEncoder):
    """Flip-flop: below the centre the first of two neurons fires, above it the second, k = ceil(K * |x| / limit).

    Source: TENNLab framework-open, markdown/cartpole_example.md (K = 8, interval 3, 24 steps).
    """

    kind: ClassVar[str] = "flip-flop"

    @property
    def neurons_per_value(self) -> int:
        return 2

    def _trains(self, q: Quantised, gain: npt.NDArray[np.int64], length: int) -> Trains:
        offset = self._bipolar(q, gain)
        k = _ceil_divide(np.abs(offset) * self.max_spikes, 1 << (self.bits - 1))
        pair = np.stack([np.where(offset <= 0, k, 0), np.where(offset > 0, k, 0)], axis=-1)
        return self._spikes(pair.reshape(len(q), self.inputs), length)


@dataclass(frozen=True)
class Argyle(_SpikeCountEncoder):
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
        return self.neurons

    def _trains(self, q: Quantised, gain: npt.NDArray[np.int64], length: int) -> Trains:
        one = 1 << self.bits
        place = (self._bipolar(q, gain) + one // 2) * (self.neurons - 1)
        distance = np.abs(place[:, :, None] - one * np.arange(self.neurons))
        counts = _ceil_divide(np.maximum(one - distance, 0) * self.max_spikes, one)
        return self._spikes(counts.reshape(len(q), self.inputs), length)


@dataclass(frozen=True)
class TimeToFirstSpike(Encoder):
    """Time to first spike, linear: one spike at t = floor((steps - 1) * (1 - u) + 1/2) per value.

    Source: the linear latency encoder of SpikingJelly and snnTorch.

    Attributes:
        steps: length of the code; the smallest value fires in the last of them.
    """

    rounding: str = "nearest"
    steps: int = 16

    kind: ClassVar[str] = "time-to-first-spike"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("steps", 2, 2**15)

    @property
    def neurons_per_value(self) -> int:
        return 1

    def _trains(self, q: Quantised, gain: npt.NDArray[np.int64], length: int) -> Trains:
        one = 1 << self.bits
        step = ((self.steps - 1) * (one - self._unipolar(q, gain)) + one // 2) // one
        word = np.arange(length)
        return np.where(
            step[..., None] // 32 == word, np.uint32(1) << (step % 32).astype(np.uint32)[..., None], np.uint32(0)
        )


ENCODERS: dict[str, type[Encoder]] = {cls.kind: cls for cls in (FlipFlop, Argyle, CountEncoder, TimeToFirstSpike)}


def encoder_from_spec(spec: Mapping[str, Any]) -> Encoder:
    """The encoder of a specification such as `{"kind": "count", "low": [0], "high": [1]}`.

    Raises:
        EvoNeuroError: an unknown kind or parameter, or a value out of range.
    """
    encoder: Encoder = from_spec("encoder", spec, ENCODERS, GROUP, Encoder)
    return encoder


def _ceil_divide(a: npt.NDArray[np.int64], b: int) -> npt.NDArray[np.int64]:
    return -(-a // b)
