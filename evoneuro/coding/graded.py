"""Graded codes: events that carry charges. `encode` gives them as int32 (steps, inputs, lanes), 0 being no event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.coding.encoder import Encoder, Gain, Quantised, ceil_divide
from evoneuro.errors import EvoNeuroError


@dataclass(frozen=True)
class GradedEncoder(Encoder):
    """An encoder of one neuron per value whose events carry charges.

    Attributes:
        charge: no event carries more, whatever the gain.
    """

    charge: int = 127

    graded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("charge", 1, 2**15)

    @property
    def neurons_per_value(self) -> int:
        """One: the charge says the value."""
        return 1

    def _amount(self, q: Quantised, gain: Gain) -> npt.NDArray[np.int64]:
        """ceil(u * charge), (lanes, values)."""
        return ceil_divide(self._unipolar(q, gain) * self.charge, 1 << self.bits)


@dataclass(frozen=True)
class Charge(GradedEncoder):
    """Charge injection: one event at t = 0 that carries ceil(u * charge); u = 0 gives none.

    Source: TENNLab framework-open, "val" encoding on RISP, rounded to integers.
    """

    rounding: str = "up"

    kind: ClassVar[str] = "charge"

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        charges = np.zeros((*q.shape, window), np.int32)
        charges[:, :, :1] = self._amount(q, gain)[:, :, None]
        return charges


@dataclass(frozen=True)
class Current(GradedEncoder):
    """Direct current: in every step of the window an event that carries ceil(u * charge) + bias, at most +-charge.

    No neuron fires for it: the network's input neurons do. Source: the direct coding of values by a first layer that
    integrates them, I(t) = gain * u + bias.

    Attributes:
        bias: in units of charge; -charge to charge. bias = -charge / 2 makes the current bipolar.
    """

    rounding: str = "nearest"
    bias: int = 0

    kind: ClassVar[str] = "current"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("bias", -self.charge, self.charge)

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        current = np.clip(self._amount(q, gain) + self.bias, -self.charge, self.charge).astype(np.int32)
        return np.broadcast_to(current[:, :, None], (*q.shape, window))


@dataclass(frozen=True)
class Phase(GradedEncoder):
    """Phase, or weighted binary: step t is phase k = t mod K, which has an event if bit k of b is 1, bit 0 the highest.

    b = min(floor(u * 2**K), 2**K - 1), and the event of phase k carries charge >> k: exactly half of the one before it
    where the charge is a power of 2. The periods repeat for the window. Source: SpikingJelly, `WeightedPhaseEncoder`.

    Attributes:
        phases: K, the period; the last one must carry something, so charge >= 2**(K-1).
    """

    rounding: str = "floor"
    phases: int = 7

    kind: ClassVar[str] = "phase"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("phases", 1, 16)
        if not self.charge >> (self.phases - 1):
            raise EvoNeuroError(
                f"encoder {self.kind!r}: the last of {self.phases} phases would carry {self.charge} >> "
                f"{self.phases - 1} = 0; expected a charge of at least {1 << (self.phases - 1)}, or at most "
                f"{self.charge.bit_length()} phases"
            )

    def _coded(self, q: Quantised, gain: Gain, window: int) -> npt.NDArray[Any]:
        b = np.minimum((self._unipolar(q, gain) << self.phases) >> self.bits, (1 << self.phases) - 1)
        phase = np.arange(window) % self.phases
        bit = (b[:, :, None] >> (self.phases - 1 - phase)) & 1
        return np.asarray(bit * (self.charge >> phase), np.int32)
