"""What decisions leave behind: choices, and what the output neurons did where that is recorded."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Output, Trains
from evoneuro.coding.trains import words
from evoneuro.errors import EvoNeuroError
from evoneuro.network import Integers
from evoneuro.simulator.compiled import Compiled


class Decided(NamedTuple):
    """One decision of P networks on the same lanes.

    Attributes:
        choice, latency: int32 (P, lanes), the chosen output and the steps it took.
        spikes: int64 [all neurons], over all lanes.
        output: of each network what its outputs did; empty if nothing was recorded. All are views of one array.
    """

    choice: Integers
    latency: Integers
    spikes: npt.NDArray[np.int64]
    output: tuple[Output, ...] = ()


class Record(NamedTuple):
    """Where a kernel writes what output neurons do in one decision; of length 0 where nothing is recorded.

    Networks have a row each where all get the same lanes; else there is one row, in which their lanes follow one
    another.

    Attributes:
        trains: uint32 (rows, words of the longest window, outputs, lanes), zeros: kernels set bits.
        potentials: int32 (rows, outputs, lanes).
    """

    trains: Trains
    potentials: Integers

    @classmethod
    def room(cls, c: Compiled, outputs: int, rows: int, lanes: int) -> Record:
        """Memory for networks that have so many outputs each."""
        length = words(int(c.window.max(initial=0)))
        return cls(np.zeros((rows, length, outputs, lanes), np.uint32), np.zeros((rows, outputs, lanes), np.int32))

    def together(self, c: Compiled) -> Output:
        """The only row."""
        return Output(self.trains[0], self.potentials[0], int(c.window.max()))

    def each(self, c: Compiled) -> tuple[Output, ...]:
        """Row by row, as `Decided` has it."""
        rows = zip(self.trains, self.potentials, c.window.tolist(), strict=True)
        return tuple(Output(trains, potentials, window) for trains, potentials, window in rows)


NOTHING = Record(np.zeros((0, 0, 0, 0), np.uint32), np.zeros((0, 0, 0), np.int32))  # what kernels do not write


def recorded_outputs(c: Compiled) -> int:
    """How many outputs each network has.

    Raises:
        EvoNeuroError: not all equally many.
    """
    found = np.unique(np.diff(c.outputs))
    if len(found) > 1:
        raise EvoNeuroError(f"a recorded batch needs networks with equally many outputs, got {found.tolist()}")
    return int(found.max(initial=0))
