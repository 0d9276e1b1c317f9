"""Many lanes of many networks: what evaluation simulates with, on the fastest kernel that this machine has.

A GPU where numba-cuda finds one, else the C kernel if it was built, else numba's. All give the same bits.
`EVONEURO_SIMULATOR` in the environment names one of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder, Feed, Output
from evoneuro.errors import check_choice
from evoneuro.network import Integers, Network
from evoneuro.neuron import Charges, Spikes
from evoneuro.simulator import cuda, jit, native
from evoneuro.simulator.decided import Decided
from evoneuro.simulator.encoding import Gains

VARIABLE = "EVONEURO_SIMULATOR"

Decisions = tuple[Integers, Integers]


class LaneSimulator(Protocol):
    """P networks with equally many lanes each; state persists from decision to decision until `clear`.

    Attributes:
        name: of the kernel.
        live: int32 [P], lanes of each network that still run.
        output: what the output neurons of every live lane did in the last decision, network after network; there only
            in a simulator that records, and after a decision. Trains have the words of the longest window, and hold
            nothing of the steps after a lane's clock stopped; potentials are those after its last step. Each decision
            writes new arrays.
    """

    name: str
    live: Integers
    output: Output

    @property
    def spikes(self) -> npt.NDArray[np.int64]:
        """Spikes since the last `clear`, over all lanes, int64 [all neurons], network after network."""

    def clear(self) -> None:
        """Forget everything and let all lanes run again."""

    def run(self, charges: Charges) -> Spikes:
        """Simulate the only network; arguments and result as in `evoneuro.neuron.Reference.run`."""

    def decide(self, feed: Feed) -> Decisions:
        """One decision of every live lane.

        Args:
            feed: network after network, trains uint32 (words, inputs, live lanes), each of whose spikes brings the
                network's `input_charge`, or charges int32 (steps, inputs, live lanes), which come as they are. What
                lies beyond its end is silence.

        Returns:
            The chosen output and the steps it took, int32 [live lanes] each.

        Raises:
            EvoNeuroError: a wrong shape or dtype, or a charge beyond the `input_max` of the network that gets it.
        """

    def act(self, observations: npt.NDArray[np.float64]) -> Decisions:
        """One decision of every live lane, on what the encoder given at the start makes of observations.

        Args:
            observations: finite numbers (live lanes, values), network after network.

        Returns:
            The chosen output and the steps it took, int32 [live lanes] each.
        """

    def forget(self) -> None:
        """Clear potentials, counters and spikes in flight; lanes and spike counts stay as they are."""

    def repack(self, keep: npt.NDArray[np.bool_]) -> None:
        """Let the live lanes go that are not in `keep`, bool [live lanes]."""


@dataclass(frozen=True)
class Kernel:
    """One implementation of the lanes.

    Attributes:
        available: whether this machine has it.
        simulator: makes a `LaneSimulator` of (networks, lanes, encoder, gains, record).
        decide_shared: see the function below.
        warm_up: compiles or loads what both need.
    """

    available: Callable[[], bool]
    simulator: Callable[..., LaneSimulator]
    decide_shared: Callable[[Sequence[Network], Feed, bool], Decided]
    warm_up: Callable[[], None]


KERNELS = {  # the fastest first
    "cuda": Kernel(cuda.available, cuda.CudaSimulator, cuda.decide_shared, cuda.warm_up),
    "native": Kernel(native.available, native.NativeSimulator, native.decide_shared, native.warm_up),
    "numba": Kernel(lambda: True, jit.JitSimulator, jit.decide_shared, jit.warm_up),
}


def chosen() -> str:
    """The name of the kernel that is used.

    Raises:
        EvoNeuroError: the environment variable names an unknown one.
    """
    named = os.environ.get(VARIABLE)
    return check_choice(f"environment variable {VARIABLE}", named, KERNELS) if named else fastest()


@cache
def fastest() -> str:
    """The first of `KERNELS` that this machine has."""
    return next(name for name, kernel in KERNELS.items() if kernel.available())


def lane_simulator(
    networks: Sequence[Network],
    lanes: int = 1,
    encoder: Encoder | None = None,
    gains: Gains | None = None,
    record: bool = False,
) -> LaneSimulator:
    """A simulator of `lanes` lanes of each network.

    Args:
        encoder: what `act` encodes with.
        gains: of the encoder, int64 [P]; None: its own.
        record: whether each decision leaves `output`; all networks then need equally many outputs.
    """
    return KERNELS[chosen()].simulator(networks, lanes, encoder, gains, record)


def decide_shared(networks: Sequence[Network], feed: Feed, record: bool = False) -> Decided:
    """One decision per lane from a cleared state, every network on the same feed: a data set.

    Args:
        feed: trains uint32 (words, inputs, lanes), or charges int32 (steps, inputs, lanes): see `LaneSimulator`.
        record: whether to say what the outputs did; all networks then need equally many of them.

    Raises:
        EvoNeuroError: a wrong shape or dtype, or a charge beyond the `input_max` of some network.
    """
    return KERNELS[chosen()].decide_shared(networks, feed, record)


def warm_up() -> None:
    """Compile or load what evaluation needs, so that no deadline counts it."""
    KERNELS[chosen()].warm_up()
