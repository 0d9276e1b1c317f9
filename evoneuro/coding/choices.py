"""Decoders that choose: a class or a discrete action. Ties go to the lowest output.

n_c are the spikes of output c in the window, t_c is the step of its first one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.coding.decoder import Decoder, Longs, Output, counts, first_spikes, traces
from evoneuro.errors import EvoNeuroError, check_choice, check_integer

ABSTAINED = -1  # the choice of a network that made none: never right, and in control the first action


@dataclass(frozen=True)
class Count(Decoder):
    """Winner takes all: after the whole window, argmax n_c.

    Source: TENNLab framework-open, markdown/cartpole_example.md.
    """

    kind: ClassVar[str] = "count"


@dataclass(frozen=True)
class Race(Decoder):
    """Stop at the first step in which one output has `evidence` spikes, or `lead` more than every other.

    0 switches a condition off; whoever has not decided by the end of the window is counted as in `Count`. With
    evidence 1 the first spike decides.
    """

    kind: ClassVar[str] = "race"
    evidence: int = 1
    lead: int = 0

    def __post_init__(self) -> None:
        for name in ("evidence", "lead"):
            self._settle(name, 0, 2**16)
        if not (self.evidence or self.lead):
            raise EvoNeuroError("decoder 'race': evidence and lead are both 0; use 'count' to read the whole window")


@dataclass(frozen=True)
class FirstSpike(Decoder):
    """The first spike decides, argmin t_c, and stops the clock; `silent` says what becomes of a silent window.

    Attributes:
        silent: "first": output 0; "abstain": no choice, which is never right; "potential": the output whose potential
            is highest at the end.
    """

    silent: str = "potential"

    kind: ClassVar[str] = "first-spike"
    records: ClassVar[bool] = True
    evidence = 1

    def __post_init__(self) -> None:
        check_choice("decoder 'first-spike': silent", self.silent, ("first", "abstain", "potential"))

    def read(self, output: Output) -> Longs:
        """The output that fires first, int64 [lanes]; what `silent` says where none does."""
        first = first_spikes(output)
        instead: Any = {"first": 0, "abstain": ABSTAINED}.get(self.silent)
        if instead is None:
            instead = output.potentials.argmax(axis=0)
        found: Longs = np.where((first < output.window).any(axis=0), first.argmin(axis=0), instead)
        return found


@dataclass(frozen=True)
class Population(Decoder):
    """Population vote: `members` outputs stand for one choice, and the group with most spikes wins.

    Choice c owns the outputs c * members to (c + 1) * members - 1. Source: snnTorch, functional, population codes.
    """

    members: int = 4

    kind: ClassVar[str] = "population"
    records: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._settle("members", 1, 1024)

    def neurons(self, choices: int) -> int:
        """`members` output neurons for each choice."""
        return choices * self.members

    def read(self, output: Output) -> Longs:
        """The group with the most spikes, int64 [lanes]; the lowest of equals."""
        found = counts(output)
        votes = found.reshape(-1, self.members, found.shape[1]).sum(axis=1)
        return _highest(votes)


@dataclass(frozen=True)
class Membrane(Decoder):
    """The highest potential after the window, argmax v_c; the outputs integrate and never fire.

    Source: the membrane losses of snnTorch, functional, of which this reads the last step.
    """

    kind: ClassVar[str] = "membrane"
    records: ClassVar[bool] = True
    silences: ClassVar[bool] = True

    def read(self, output: Output) -> Longs:
        """The output with the highest potential after the window, int64 [lanes]; the lowest of equals."""
        return _highest(output.potentials)


@dataclass(frozen=True)
class Trace(Decoder):
    """The highest exponential trace after the window: late spikes count for more.

    Each step r <- r - (r >> shift), and r <- r + 2**16 where the output fires: a decay of 1 - 2**-shift per step.
    """

    shift: int = 3

    kind: ClassVar[str] = "trace"
    records: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._settle("shift", 1, 15)

    def read(self, output: Output) -> Longs:
        """The output with the highest trace after the window, int64 [lanes]; the lowest of equals."""
        return _highest(traces(output, self.shift))


@dataclass(frozen=True)
class MultiCount(Decoder):
    """Several choices at once, of 2, 3, ... possibilities each: in every group of outputs the one with most spikes.

    Attributes:
        sizes: possibilities of each choice; their outputs stand one group after another.
    """

    sizes: tuple[int, ...] = (2, 2)

    kind: ClassVar[str] = "multi-count"
    records: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.sizes, list | tuple) or not self.sizes:
            raise EvoNeuroError(f"decoder 'multi-count': sizes: expected a list of integers, got {self.sizes!r}")
        sizes = tuple(check_integer("decoder 'multi-count': sizes", size, 1, 2**16) for size in self.sizes)
        object.__setattr__(self, "sizes", sizes)

    def neurons(self, choices: int) -> int:
        """An output neuron for each choice of each group."""
        return sum(self.sizes)

    def read(self, output: Output) -> Longs:
        """The choices of each group: int64 (lanes, groups)."""
        groups = np.split(counts(output), np.cumsum(self.sizes)[:-1])
        return np.stack([_highest(group) for group in groups], axis=1)


def _highest(found: npt.NDArray[np.integer]) -> Longs:
    """Which row is the highest in each column, the first of equal ones: int64 [columns]."""
    winner: Longs = found.argmax(axis=0)
    return winner
