"""The lane kernel in numba (`evoneuro.simulator.kernel`): a population of networks, many lanes each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder
from evoneuro.coding.trains import Trains
from evoneuro.errors import EvoNeuroError, check_shape
from evoneuro.network import NEURON_GENES, SYNAPSE_GENES, Integers, Network
from evoneuro.neuron import Charges, Spikes, check_charges
from evoneuro.simulator import kernel
from evoneuro.simulator.compiled import compile_networks
from evoneuro.simulator.encoding import ActsOnTrains, Gains


class JitSimulator(ActsOnTrains):
    """P networks with `lanes` lanes each; state persists from decision to decision until `clear`.

    Attributes:
        live: int32 [P], lanes of each network that still run (`repack` lets finished ones go).
        spikes: int64 [all neurons], spikes since the last `clear`, over all lanes.
    """

    name = "numba"

    def __init__(
        self, networks: Sequence[Network], lanes: int = 1, encoder: Encoder | None = None, gains: Gains | None = None
    ) -> None:
        if len({len(network.inputs) for network in networks}) != 1:
            raise EvoNeuroError("a batch needs networks with equally many inputs")
        self.networks = networks
        self.lanes = lanes
        self.compiled = compile_networks(networks)
        self.encoder, self.gains = encoder, gains
        self._scratch: kernel.Scratch | None = None
        self.clear()

    def clear(self) -> None:
        """Forget everything and let all lanes run again."""
        neurons = len(self.compiled.threshold)
        words = int(self.compiled.words.max(initial=1))
        self.state = kernel.State(
            np.zeros((neurons, self.lanes), np.int32),
            np.zeros((neurons, self.lanes), np.int32),
            np.zeros((words, neurons, self.lanes), np.uint32),
        )
        self.live = np.full(len(self.networks), self.lanes, np.int32)
        self.spikes = np.zeros(neurons, np.int64)

    def run(self, charges: Charges) -> Spikes:
        """Simulate the batch's only network; arguments and result as in `evoneuro.neuron.Reference.run`."""
        assert len(self.networks) == 1, "run() records one network"
        network = self.networks[0]
        charges = check_charges(network, charges, self.lanes)
        raster = np.zeros((len(charges), self.lanes, network.neurons), np.uint8)
        by_lane = np.ascontiguousarray(charges.transpose(0, 2, 1))
        kernel.run(self.compiled, kernel.scratch(self.compiled, 0), by_lane, self.state, raster, self.spikes)
        return raster

    def decide(self, trains: Trains) -> tuple[Integers, Integers]:
        """One decision of every live lane: see `LaneSimulator`."""
        total = int(self.live.sum())
        check_shape("trains", trains.shape, ("words", len(self.networks[0].inputs), total))
        columns = np.concatenate([[0], np.cumsum(self.live[:-1], dtype=np.int64)])
        choice, latency = np.empty((2, 1, total), np.int32)
        if self._scratch is None or len(self._scratch.trains) != len(trains):
            self._scratch = kernel.scratch(self.compiled, len(trains))
        kernel.decide(
            self.compiled, self._scratch, self.live, columns, trains, self.state, True, choice, latency, self.spikes
        )
        return choice[0], latency[0]

    def forget(self) -> None:
        """Clear potentials, counters and spikes in flight; lanes and spike counts stay as they are."""
        for array in self.state:
            array[:] = 0

    def repack(self, keep: npt.NDArray[np.bool_]) -> None:
        """Let the live lanes go that are not in `keep`: see `LaneSimulator`."""
        left = np.empty_like(self.live)
        kernel.repack(self.compiled, self.live, keep, self.state, left)
        self.live = left


def warm_up() -> None:
    """Compile what evaluation needs, or load it from the compiler's cache, so that no deadline counts it."""
    genes: dict[str, Any] = {name: np.ones(2, np.int32) for name in NEURON_GENES}
    synapse: dict[str, Any] = {name: np.ones(1, np.int32) for name in ("post", *SYNAPSE_GENES)}
    first = np.zeros(1, np.int32)
    network = Network(ids=np.arange(2), pre=first, inputs=first, outputs=first + 1, **genes, **synapse)
    simulator = JitSimulator([network])
    simulator.decide(np.zeros((1, 1, 1), np.uint32))
    simulator.repack(np.zeros(1, bool))


def decide_shared(networks: Sequence[Network], trains: Trains) -> tuple[Integers, Integers, npt.NDArray[np.int64]]:
    """One decision of every network on the same trains: see `evoneuro.simulator.lanes.decide_shared`."""
    for network in networks:
        check_shape("trains", trains.shape, ("words", len(network.inputs), "lanes"))
    compiled = compile_networks(networks)
    lanes = trains.shape[2]
    live = np.full(len(networks), lanes, np.int32)
    # at least two rows, for the kernel takes one row as shared by all
    choice, latency = np.empty((2, max(len(networks), 2), lanes), np.int32)
    spikes = np.zeros(len(compiled.threshold), np.int64)
    nothing = kernel.State(np.empty((0, 0), np.int32), np.empty((0, 0), np.int32), np.empty((0, 0, 0), np.uint32))
    columns = np.zeros(len(networks), np.int64)
    kernel.decide(
        compiled, kernel.scratch(compiled, len(trains)), live, columns, trains, nothing, False, choice, latency, spikes
    )
    return choice[: len(networks)], latency[: len(networks)], spikes
