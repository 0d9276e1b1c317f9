"""Simulators: each takes (network, lanes) and behaves exactly as `evoneuro.neuron` says.

`SIMULATORS` is the registry that the conformance suite runs over, `runnable` those of them that this machine has, and
`lane_simulator` what evaluation takes.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Feed, Output
from evoneuro.network import Network
from evoneuro.neuron import Charges, Reference, Spikes
from evoneuro.simulator.decided import Decided
from evoneuro.simulator.lanes import KERNELS, Kernel, LaneSimulator, decide_shared, lane_simulator


class Simulator(Protocol):
    """Many lanes of one network; see `evoneuro.neuron.Reference` for what the methods promise.

    One that was made with `record` has `output` after each decision.
    """

    name: str
    output: Output

    def clear(self) -> None:
        """Forget all: potentials, refractory steps and spikes in flight."""
        ...

    def run(self, charges: Charges) -> Spikes:
        """Spikes uint8 (steps, lanes, neurons) on charges int (steps, lanes, inputs); the state lives on."""
        ...

    def decide(self, feed: Feed) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """One decision for each lane: choices and latencies, int32 [lanes] each; the state lives on."""
        ...


class _Factory(Protocol):
    def __call__(self, network: Network, lanes: int = 1, record: bool = False) -> Simulator: ...


def _alone(kernel: Kernel, network: Network, lanes: int = 1, record: bool = False) -> Simulator:
    return kernel.simulator([network], lanes, record=record)


SIMULATORS: dict[str, _Factory] = {
    "numpy": Reference,
    **{name: partial(_alone, kernel) for name, kernel in KERNELS.items()},
}


def runnable() -> list[str]:
    """Those of `SIMULATORS` that this machine can run."""
    return [name for name in SIMULATORS if name not in KERNELS or KERNELS[name].available()]


__all__ = ["SIMULATORS", "Decided", "LaneSimulator", "Simulator", "decide_shared", "lane_simulator", "runnable"]
