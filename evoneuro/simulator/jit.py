"""The lane kernel in numba (`evoneuro.simulator.kernel`): a population of networks, many lanes each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder, Feed, Output, Trains
from evoneuro.errors import EvoNeuroError
from evoneuro.network import NEURON_GENES, SYNAPSE_GENES, Integers, Network
from evoneuro.neuron import Charges, Spikes, check_charges
from evoneuro.simulator import kernel
from evoneuro.simulator.compiled import compile_networks
from evoneuro.simulator.decided import NOTHING, Decided, Record, recorded_outputs
from evoneuro.simulator.encoding import ActsOnFeeds, Gains
from evoneuro.simulator.feed import check_own, check_shared


class JitSimulator(ActsOnFeeds):
    """P networks with `lanes` lanes each; state persists from decision to decision until `clear`.

    Attributes:
        live: int32 [P], lanes of each network that still run (`repack` lets finished ones go).
        spikes: int64 [all neurons], spikes since the last `clear`, over all lanes.
        output: see `LaneSimulator`.
    """

    name = "numba"
    output: Output

    def __init__(
        self,
        networks: Sequence[Network],
        lanes: int = 1,
        encoder: Encoder | None = None,
        gains: Gains | None = None,
        record: bool = False,
    ) -> None:
        if len({len(network.inputs) for network in networks}) != 1:
            raise EvoNeuroError("a batch needs networks with equally many inputs")
        self.networks = networks
        self.lanes = lanes
        self.compiled = compile_networks(networks)
        self.encoder, self.gains, self.record = encoder, gains, record
        self._outputs = recorded_outputs(self.compiled) if record else 0
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

    def decide(self, feed: Feed) -> tuple[Integers, Integers]:
        """One decision of every live lane: see `LaneSimulator`."""
        total = int(self.live.sum())
        trains, charges = _parts(feed, check_own(self.compiled, feed, self.live, total))
        columns = np.concatenate([[0], np.cumsum(self.live[:-1], dtype=np.int64)])
        choice, latency = np.empty((2, 1, total), np.int32)
        if self._scratch is None or len(self._scratch.trains) != len(trains):
            self._scratch = kernel.scratch(self.compiled, len(trains))
        record = Record.room(self.compiled, self._outputs, 1, total) if self.record else NOTHING
        kernel.decide(
            self.compiled, self._scratch, self.live, columns, trains, charges, self.state, True, choice, latency,
            self.spikes, record,
        )  # fmt: skip
        if self.record:
            self.output = record.together(self.compiled)
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


def decide_shared(networks: Sequence[Network], feed: Feed, record: bool = False) -> Decided:
    """One decision of every network on the same feed: see `evoneuro.simulator.lanes.decide_shared`."""
    compiled = compile_networks(networks)
    trains, charges = _parts(feed, check_shared(compiled, feed))
    lanes = feed.shape[2]
    live = np.full(len(networks), lanes, np.int32)
    # at least two rows, for the kernel takes one row as shared by all
    choice, latency = np.empty((2, max(len(networks), 2), lanes), np.int32)
    spikes = np.zeros(len(compiled.threshold), np.int64)
    nothing = kernel.State(np.empty((0, 0), np.int32), np.empty((0, 0), np.int32), np.empty((0, 0, 0), np.uint32))
    columns = np.zeros(len(networks), np.int64)
    written = Record.room(compiled, recorded_outputs(compiled), len(networks), lanes) if record else NOTHING
    kernel.decide(
        compiled, kernel.scratch(compiled, len(trains)), live, columns, trains, charges, nothing, False, choice,
        latency, spikes, written,
    )  # fmt: skip
    return Decided(choice[: len(networks)], latency[: len(networks)], spikes, written.each(compiled) if record else ())


def _parts(feed: Feed, graded: bool) -> tuple[Trains, Integers]:
    """`feed` as trains and charges, one of which is over at once."""
    _, inputs, lanes = feed.shape
    if graded:
        # contiguous, for another layout would be compiled anew
        return np.zeros((0, inputs, lanes), np.uint32), np.ascontiguousarray(feed)
    return feed, np.zeros((0, inputs, lanes), np.int32)
