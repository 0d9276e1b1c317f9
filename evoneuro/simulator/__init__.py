"""Simulators: each takes (network, lanes) and behaves exactly as `evoneuro.neuron` says.

`SIMULATORS` is the registry that the conformance suite runs over. `LaneSimulator` is the one that evaluation uses.
"cuda" needs a GPU and the extra `cuda`; `runnable` says what this machine has, `cuda.best` what evaluation should take.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from evoneuro.coding.trains import Trains
from evoneuro.network import Network
from evoneuro.neuron import Charges, Reference, Spikes
from evoneuro.simulator.cuda import CudaSimulator, available
from evoneuro.simulator.lanes import LaneSimulator


class Simulator(Protocol):
    """Many lanes of one network; see `evoneuro.neuron.Reference` for what the methods promise."""

    name: str

    def clear(self) -> None: ...

    def run(self, charges: Charges) -> Spikes: ...

    def decide(self, trains: Trains) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]: ...


class _Factory(Protocol):
    def __call__(self, network: Network, lanes: int = 1) -> Simulator: ...


def _lanes(network: Network, lanes: int = 1) -> LaneSimulator:
    return LaneSimulator([network], lanes)


def _cuda(network: Network, lanes: int = 1) -> CudaSimulator:
    return CudaSimulator([network], lanes)


SIMULATORS: dict[str, _Factory] = {"numpy": Reference, "numba": _lanes, "cuda": _cuda}


def runnable() -> list[str]:
    """Those of `SIMULATORS` that this machine can run."""
    return [name for name in SIMULATORS if name != "cuda" or available()]


__all__ = ["SIMULATORS", "CudaSimulator", "LaneSimulator", "Simulator", "runnable"]
