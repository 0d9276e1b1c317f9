"""Simulators: each takes (network, lanes) and behaves exactly as `evoneuro.neuron` says.

`SIMULATORS` is the registry that the conformance suite runs over; evaluation takes `lane_simulator`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from evoneuro.coding.trains import Trains
from evoneuro.network import Network
from evoneuro.neuron import Charges, Reference, Spikes
from evoneuro.simulator import native
from evoneuro.simulator.jit import JitSimulator
from evoneuro.simulator.lanes import LaneSimulator, decide_shared, lane_simulator
from evoneuro.simulator.native import NativeSimulator


class Simulator(Protocol):
    """Many lanes of one network; see `evoneuro.neuron.Reference` for what the methods promise."""

    name: str

    def clear(self) -> None: ...

    def run(self, charges: Charges) -> Spikes: ...

    def decide(self, trains: Trains) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]: ...


class _Factory(Protocol):
    def __call__(self, network: Network, lanes: int = 1) -> Simulator: ...


def _numba(network: Network, lanes: int = 1) -> Simulator:
    return JitSimulator([network], lanes)


def _native(network: Network, lanes: int = 1) -> Simulator:
    return NativeSimulator([network], lanes)


SIMULATORS: dict[str, _Factory] = {"numpy": Reference, "numba": _numba}
if native.available():
    SIMULATORS["native"] = _native

__all__ = ["SIMULATORS", "LaneSimulator", "Simulator", "decide_shared", "lane_simulator"]
