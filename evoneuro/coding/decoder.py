"""What all decoders share, and what they read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from evoneuro.coding.trains import WORD, Trains
from evoneuro.errors import check_integer

Longs = npt.NDArray[np.int64]


class Output(NamedTuple):
    """What the output neurons did in one decision: what simulators record and decoders read.

    Attributes:
        trains: uint32 (words, outputs, lanes), their spikes, bit t % 32 of word t // 32 being step t.
        potentials: int32 (outputs, lanes), their potentials after the last step.
        window: steps that a decision could take.
    """

    trains: Trains
    potentials: npt.NDArray[np.int32]
    window: int


@dataclass(frozen=True)
class Decoder:
    """What all decoders share. `evidence` and `lead` are the stopping rule that simulators obey; 0 is never.

    Class attributes:
        records: whether `read` decides from a record of the whole decision; otherwise the simulator has decided.
        continuous: whether values come out, and not a choice.
        silences: whether the output neurons only integrate and never fire.
    """

    kind: ClassVar[str] = ""
    records: ClassVar[bool] = False
    continuous: ClassVar[bool] = False
    silences: ClassVar[bool] = False
    evidence = 0
    lead = 0

    def neurons(self, choices: int) -> int:
        """Output neurons for so many classes or actions, or so many values."""
        return choices

    def read(self, output: Output) -> npt.NDArray[Any]:
        """What the outputs say: int [lanes], the choice, or float64 (lanes, values)."""
        raise NotImplementedError

    def spec(self) -> dict[str, Any]:
        """The decoder as plain data, for the network file."""
        fields = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {"kind": self.kind, **fields}

    def _settle(self, name: str, low: int, high: int) -> None:
        value = check_integer(f"decoder {self.kind!r}: {name}", getattr(self, name), low, high)
        object.__setattr__(self, name, value)


def counts(output: Output) -> Longs:
    """Spikes of each output: int64 (outputs, lanes)."""
    found: Longs = np.bitwise_count(output.trains).sum(axis=0, dtype=np.int64)
    return found


def first_spikes(output: Output) -> Longs:
    """Step of each output's first spike, the window where there is none: int64 (outputs, lanes)."""
    first = np.full(output.trains.shape[1:], output.window, np.int64)
    for word in range(len(output.trains) - 1, -1, -1):
        train = output.trains[word]
        lowest = np.bitwise_count((train & (~train + np.uint32(1))) - np.uint32(1))  # zeros below the lowest bit
        first = np.where(train != 0, WORD * word + lowest, first)
    return first


def traces(output: Output, shift: int) -> Longs:
    """Trace of each output after the window, r <- r - (r >> shift), + 2**16 where it fires: int64 (outputs, lanes)."""
    trace = np.zeros(output.trains.shape[1:], np.int64)
    for t in range(output.window):
        trace -= trace >> shift
        trace += ((output.trains[t // WORD] >> np.uint32(t % WORD)) & np.uint32(1)).astype(np.int64) << TRACE_BITS
    return trace


TRACE_BITS = 16  # what one spike adds to a trace, as a power of two
