"""Latency codes: the larger a value, the earlier its neuron fires, once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.coding.encoder import Encoder, Gain, Quantised
from evoneuro.coding.trains import single, words
from evoneuro.errors import EvoNeuroError, check_choice

FORMS = ("exponential", "rc")


@dataclass(frozen=True)
class LatencyEncoder(Encoder):
    """An encoder that fires once per value, `start` and a delay of 0 to steps - 1 after the window begins.

    Attributes:
        steps: length of the code; the smallest value fires in the last of them.
        threshold: in quantised units; smaller values do not fire at all (snnTorch's `clip`). 0: all fire.
        start: the step of the largest value (snnTorch's `first_spike_time`; its `num_steps` is start + steps).
        bias: the step at which one more input, the last, fires whatever the values (EventProp); -1: there is none.
        complement: whether each value has a second neuron, which codes 1 - u (EventProp: x, 1 - x, y, 1 - y).
    """

    rounding: str = "nearest"
    steps: int = 16
    threshold: int = 0
    start: int = 0
    bias: int = -1
    complement: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("steps", 2, 2**15)
        self._settle("threshold", 0, 1 << self.bits)
        self._settle("start", 0, 2**15)
        self._settle("bias", -1, 2**16)
        self._check_flag("complement")
        object.__setattr__(self, "tabular", self.bias < 0)  # the bias neuron belongs to no value

    @property
    def neurons_per_value(self) -> int:
        """One, or two with `complement`, of which the second fires early where the value is low."""
        return 2 if self.complement else 1

    @property
    def inputs(self) -> int:
        """Input neurons in all, the bias neuron included where there is one."""
        return len(self.low) * self.neurons_per_value + (self.bias >= 0)

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        u = self._unipolar(q, gain)
        if self.complement:
            u = np.stack([u, (1 << self.bits) - u], axis=-1).reshape(len(u), -1)
        step = np.where(u < self.threshold, -1, self.start + self._delay(u))
        if self.bias >= 0:
            step = np.pad(step, ((0, 0), (0, 1)), constant_values=self.bias)
        return single(step, words(window))

    def _delay(self, u: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Steps from `start` to the spike, of values in quantised units that are not below the threshold."""
        raise NotImplementedError


@dataclass(frozen=True)
class TimeToFirstSpike(LatencyEncoder):
    """Time to first spike, linear: one spike at t = start + floor((steps - 1) * (1 - u) + 1/2) per value.

    Source: the linear latency encoders of SpikingJelly (`LatencyEncoder`) and snnTorch (`spikegen.latency` with linear
    and normalize); bias spike and complements as in EventProp's coding of Yin-Yang.
    """

    kind: ClassVar[str] = "time-to-first-spike"

    def _delay(self, u: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        one = 1 << self.bits
        return ((self.steps - 1) * (one - u) + one // 2) // one


@dataclass(frozen=True)
class LogLatency(LatencyEncoder):
    """Time to first spike, logarithmic: one spike per value, at `start` and a delay rounded to whole steps.

    Form "exponential" (SpikingJelly, `LatencyEncoder` with "log"): delay = (steps - 1) - ln(a * u + 1), where
    a = exp(steps - 1) - 1 makes it 0 at u = 1; a step is a factor of e.

    Form "rc" (snnTorch, `spikegen.latency`): the time in which a capacitor charges to the threshold h,
    delay = tau * ln(u / (u - h)) with u at least one quantisation step above h, and tau such that this least u fires in
    the last step (snnTorch's `normalize` measures tau on the batch). It needs a threshold, and even u = 1 may wait.

    Delays are a table that is computed once from the quantised values.

    Attributes:
        form: "exponential" or "rc".
    """

    form: str = "exponential"

    kind: ClassVar[str] = "log-latency"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(f"encoder {self.kind!r}: form", self.form, FORMS)
        if self.form == "rc" and not 0 < self.threshold < 1 << self.bits:
            raise EvoNeuroError(
                f"encoder {self.kind!r}: form 'rc' charges to the threshold: expected 1 to {(1 << self.bits) - 1} "
                f"quantised steps, got {self.threshold}"
            )

    def _delay(self, u: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return _log_delays(self.form, self.bits, self.threshold, self.steps)[u]


@lru_cache(maxsize=64)
def _log_delays(form: str, bits: int, threshold: int, steps: int) -> npt.NDArray[np.int64]:
    """Delays of all quantised values, int64 [2**bits + 1]."""
    one = 1 << bits
    u = np.arange(one + 1)
    if form == "rc":
        charged = np.maximum(u, threshold + 1)
        delay = np.log(charged / (charged - threshold)) * ((steps - 1) / np.log(threshold + 1))
    else:  # a * u + 1 is exp(steps - 1) * (u + (1 - u) * exp(1 - steps)), whose second factor does not overflow
        with np.errstate(divide="ignore"):
            delay = np.minimum(-np.log((u + (one - u) * np.exp(1.0 - steps)) / one), steps - 1)
    found: npt.NDArray[np.int64] = np.floor(delay + 0.5).astype(np.int64)
    found.flags.writeable = False
    return found


@dataclass(frozen=True)
class RankOrder(Encoder):
    """Rank order: the value of rank r (0: the largest) fires at t = r * interval; equal values by their position.

    Ranks are of the quantised values after gain, each in its own range: only the order of values counts. Source: rank
    order coding of evolving spiking networks (eSNN).

    Attributes:
        interval: steps from one rank to the next.
    """

    rounding: str = "nearest"
    interval: int = 1

    kind: ClassVar[str] = "rank-order"
    tabular: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("interval", 1, 1024)

    @property
    def neurons_per_value(self) -> int:
        """One: its place in the order says the value."""
        return 1

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        order = np.argsort(-self._unipolar(q, gain), axis=1, kind="stable")
        rank = np.argsort(order, axis=1, kind="stable")  # a permutation's order is its inverse
        return single(rank * self.interval, words(window))
