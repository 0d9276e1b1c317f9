"""Encoders by name, and the two that are made of another encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.coding.encoder import ROUNDINGS, UNIT_GAIN, Encoder, Gain, Quantised
from evoneuro.coding.graded import Charge, Current, Phase
from evoneuro.coding.kinds import from_spec
from evoneuro.coding.latency import LogLatency, RankOrder, TimeToFirstSpike
from evoneuro.coding.population import Argyle, Bins, FlipFlop
from evoneuro.coding.rate import Bernoulli, CountEncoder, Regular
from evoneuro.coding.series import Crossing, Delta, MovingWindow, SendOnDelta, StepForward, fitted
from evoneuro.coding.trains import packed, unpack
from evoneuro.errors import EvoNeuroError, check_choice

__all__ = ["ENCODERS", "GROUP", "ROUNDINGS", "UNIT_GAIN", "Encoder", "Gaussian", "Stream", "encoder_from_spec"]

GROUP = "evoneuro.encoders"

CENTRES = ("bohte", "even")


@dataclass(frozen=True)
class ComposedEncoder(Encoder):
    """An encoder that prepares values for another one.

    Attributes:
        inner: kind and own parameters of the other, as in a specification; what all encoders have (low, high, bits,
            rounding, gain) is the outer encoder's. It is given as a mapping or an encoder, and kept as an encoder.
    """

    inner: Any = None

    def _settle_inner(self, low: tuple[float, ...], high: tuple[float, ...], default: Mapping[str, Any]) -> None:
        given = default if self.inner is None else self.inner
        given = _own(given) if isinstance(given, Encoder) else given
        if not isinstance(given, Mapping):
            raise EvoNeuroError(
                f"encoder {self.kind!r}: inner: expected a specification such as {{'kind': 'count'}}, got {given!r:.80}"
            )
        for name in given:
            if name in SHARED:
                raise EvoNeuroError(f"encoder {self.kind!r}: inner: {name!r} is the outer encoder's; give it there")
        shared = {"low": low, "high": high, "bits": self.bits, "rounding": self.rounding}
        inner = encoder_from_spec({**given, **shared})
        if inner.series:
            raise EvoNeuroError(f"encoder {self.kind!r}: inner: {inner.kind!r} reads series; expected one of values")
        object.__setattr__(self, "inner", inner)
        object.__setattr__(self, "graded", inner.graded)

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), "inner": _own(self.inner)}


@dataclass(frozen=True)
class Gaussian(ComposedEncoder):
    """Gaussian receptive fields: m fields per value; `inner` codes their activations a_j = exp(-(u - c_j)**2 / 2 s**2).

    Centres "bohte", j = 0 ... m-1: c_j = (2j - 1) / (2 (m - 2)), the first and the last outside of the range;
    "even": c_j = j / (m - 1). With d the distance of neighbours, s = d / beta. Activations are a table, computed once
    from the quantised values (the gain stretches about the centre) and rounded to the same number of bits. `inner`
    meets them as values of 0 to 1 with gain 1.

    Without `inner` it is time-to-first-spike, 16 steps, with no spike below a = 0.1. Source: Bohte, Kok and La Poutre
    2002 as JuSquare/SpikeCoding implements it (`BohteEncoding`: centres and s); "even" with inner "regular" or
    "bernoulli" is PopSAN's encoder and SpikingJelly's `PopSpikeEncoderDeterministic` or `PopSpikeEncoderRandom`.

    Attributes:
        neurons: m.
        centres: "bohte", which needs m >= 3, or "even".
        beta: distance of neighbouring centres in standard deviations.
    """

    rounding: str = "nearest"
    neurons: int = 8
    centres: str = "bohte"
    beta: float = 1.5

    kind: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(f"encoder {self.kind!r}: centres", self.centres, CENTRES)
        self._settle("neurons", 3 if self.centres == "bohte" else 2, 64)
        beta = self.beta
        if isinstance(beta, bool) or not isinstance(beta, int | float) or not 0.01 <= beta <= 100:
            raise EvoNeuroError(f"encoder {self.kind!r}: beta: expected a number from 0.01 to 100, got {beta!r:.80}")
        object.__setattr__(self, "beta", float(beta))
        fields_in_all = len(self.low) * self.neurons
        early = {"kind": "time-to-first-spike", "threshold": -(-(1 << self.bits) // 10)}
        self._settle_inner((0.0,) * fields_in_all, (1.0,) * fields_in_all, early)
        object.__setattr__(self, "tabular", self.inner.tabular)

    @property
    def neurons_per_value(self) -> int:
        """Input neurons for each value: what the inner encoder needs for each field."""
        return self.neurons * int(self.inner.neurons_per_value)

    @property
    def inputs(self) -> int:
        """Input neurons in all: those of the inner encoder, which sees every field as a value."""
        return int(self.inner.inputs)

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        table = _activations(self.bits, self.neurons, self.centres, self.beta)
        active = table[self._stretched(q, gain)].reshape(len(q), -1)
        coded: npt.NDArray[Any] = self.inner._coded(active, np.full((1, 1), UNIT_GAIN), window)
        return coded


@lru_cache(maxsize=16)
def _activations(bits: int, neurons: int, centres: str, beta: float) -> npt.NDArray[np.int64]:
    """Activation of each field by each quantised value, int64 (2**bits + 1, neurons), in [0, 2**bits]."""
    one, j = 1 << bits, np.arange(neurons)
    distance = 1 / (neurons - 2) if centres == "bohte" else 1 / (neurons - 1)
    centre = (j - 0.5) * distance if centres == "bohte" else j * distance
    deviations = (np.arange(one + 1)[:, None] / one - centre) * (beta / distance)
    found = np.floor(np.exp(-(deviations**2) / 2) * one + 0.5).astype(np.int64)
    found.flags.writeable = False
    return found


@dataclass(frozen=True)
class Stream(ComposedEncoder):
    """Stream: a series whose every sample is encoded afresh by `inner`, into the `interval` steps that follow.

    What does not fit into them is cut. Without `inner` it is flip-flop with 4 spikes, 2 steps apart.

    Attributes:
        interval: steps per sample.
    """

    interval: int = 8

    kind: ClassVar[str] = "stream"
    series: ClassVar[bool] = True
    tabular: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("interval", 1, 2**15)
        self._settle_inner(self.low, self.high, {"kind": "flip-flop", "max_spikes": 4, "interval": 2})

    @property
    def neurons_per_value(self) -> int:
        """Input neurons for each value: those of the inner encoder, which codes one row after another."""
        return int(self.inner.neurons_per_value)

    @property
    def inputs(self) -> int:
        """Input neurons in all: those of the inner encoder."""
        return int(self.inner.inputs)

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        seen = q[:, : max(1, -(-window // self.interval))]
        lanes, times, values = seen.shape
        gains = np.repeat(np.broadcast_to(gain.ravel(), lanes), times)
        coded = self.inner.encode(seen.reshape(lanes * times, values), self.interval, gains)
        steps = coded if self.graded else unpack(coded, self.interval).transpose(0, 2, 1)
        by_lane = steps.reshape(self.interval, self.inputs, lanes, times).transpose(2, 1, 3, 0)
        all_steps = fitted(by_lane.reshape(lanes, self.inputs, -1), window)
        return all_steps if self.graded else packed(all_steps)


_KINDS: tuple[type[Encoder], ...] = (
    FlipFlop, Argyle, Bins, Gaussian, CountEncoder, Regular, Bernoulli, TimeToFirstSpike, LogLatency, RankOrder,
    Charge, Current, Phase, Stream, SendOnDelta, StepForward, Delta, MovingWindow, Crossing,
)  # fmt: skip
ENCODERS: dict[str, type[Encoder]] = {cls.kind: cls for cls in _KINDS}

SHARED = tuple(field.name for field in fields(Encoder))


def encoder_from_spec(spec: Mapping[str, Any]) -> Encoder:
    """The encoder of a specification such as `{"kind": "count", "low": [0], "high": [1]}`.

    Raises:
        EvoNeuroError: an unknown kind or parameter, or a value out of range.
    """
    encoder: Encoder = from_spec("encoder", spec, ENCODERS, GROUP, Encoder)
    return encoder


def _own(encoder: Encoder) -> dict[str, Any]:
    """The specification of an encoder without what all encoders have."""
    return {name: value for name, value in encoder.spec().items() if name not in SHARED}
