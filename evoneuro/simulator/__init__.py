"""Simulators: each takes (network, lanes) and behaves exactly as `evoneuro.neuron` says.

`SIMULATORS` is the registry that the conformance suite runs over. `LaneSimulator` is the one that evaluation uses.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from evoneuro.coding.trains import Trains
from evoneuro.network import Network
from evoneuro.neuron import Charges, Reference, Spikes
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


SIMULATORS: dict[str, _Factory] = {"numpy": Reference, "numba": _lanes}

__all__ = ["SIMULATORS", "LaneSimulator", "Simulator"]
