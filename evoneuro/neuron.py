"""THE neuron step, and the plainest simulator that obeys it.

A network lives in discrete time. A neuron carries a potential `v` and a refractory counter `r`, both integers
and both 0 at the start. In step t every neuron i does, in this order:

1. refractory: if r > 0: r <- r - 1; what arrives is discarded, v stays, and the step is over.
2. leak:       v <- v - (v >> leak), an arithmetic shift, unless leak is none. 0 forgets everything. The shift
               rounds down, so it is not symmetric: at leak 7, 100 stays 100 but -100 decays to 0.
3. clip:       v <- min(max(v, v_min), v_max).
4. integrate:  v <- v + sum_j weight_ij * spike_j[t - delay_ij] + input_i[t], with delay >= 1.
5. fire:       if v >= threshold: spike_i[t] = 1, r <- refractory, and v <- 0 (reset "zero") or
               v <- v - threshold (reset "subtract").

A neuron with threshold <= 0 can fire only in a step in which an event arrives: a spike on any of its synapses,
whatever the weights sum to, or an input whose charge is not 0.

Potentials, counters and spikes in flight persist from one call to the next, until `clear`. Where a decision
stops the clock of a lane early, that lane's neurons and its spikes in flight stand still.

The order of the sub-steps and the clip before integration are those of TENNLab's RISP simulator
(framework-open, src/risp.cpp, process_events); the refractory counter and the shift leak are ours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Feed, Output, decoder_from_spec, is_graded, pack, unpack
from evoneuro.errors import EvoNeuroError, check_shape
from evoneuro.network import NO_LEAK, Integers, Network

Charges = npt.NDArray[np.integer]
Spikes = npt.NDArray[np.uint8]


class Reference:
    """The neuron step in plain numpy, many lanes of one network at once: slow, and what all others must equal.

    Attributes:
        output: what the output neurons did in the last decision; there only with `record`, and after a decision.
    """

    name = "numpy"
    output: Output

    def __init__(self, network: Network, lanes: int = 1, record: bool = False) -> None:
        self.network = network
        self.lanes = lanes
        self.record = record
        self.clear()

    def clear(self) -> None:
        """Forget everything: potentials, refractory counters, spikes in flight."""
        longest = int(self.network.delay.max(initial=1))
        self.v = np.zeros((self.lanes, self.network.neurons), np.int64)
        self.r = np.zeros((self.lanes, self.network.neurons), np.int64)
        # past[d - 1]: who fired d steps ago, by the lane's own clock
        self.past = np.zeros((longest, self.lanes, self.network.neurons), np.uint8)

    def run(self, charges: Charges) -> Spikes:
        """Simulate as many steps as `charges` has.

        Args:
            charges: integers (steps, lanes, inputs), what each input neuron gets.

        Returns:
            uint8 (steps, lanes, neurons): 1 where a neuron fired.

        Raises:
            EvoNeuroError: a wrong shape, or a charge beyond the network's `input_max`.
        """
        charges = check_charges(self.network, charges, self.lanes)
        everywhere = np.ones(self.lanes, bool)
        spikes = [self.step(charge, everywhere) for charge in charges]
        return np.array(spikes, np.uint8).reshape(len(charges), self.lanes, self.network.neurons)

    def step(self, charge: Charges, running: npt.NDArray[np.bool_]) -> Spikes:
        """One step of the lanes that are `running` (bool [lanes]); the clock of the others stands.

        Args:
            charge: integers (lanes, inputs).

        Returns:
            uint8 (lanes, neurons).
        """
        net = self.network
        arriving = np.zeros_like(self.v)
        event = np.zeros(self.v.shape, bool)
        arriving[:, net.inputs] += charge
        event[:, net.inputs] |= charge != 0
        spike = self.past[net.delay - 1, :, net.pre]  # (synapses, lanes)
        np.add.at(arriving.T, net.post, spike * net.weight[:, None].astype(np.int64))
        np.logical_or.at(event.T, net.post, spike == 1)

        ready = (self.r == 0) & running[:, None]
        v = np.where(net.leak == NO_LEAK, self.v, self.v - (self.v >> np.maximum(net.leak, 0)))
        v = np.clip(v, net.v_min, net.v_max) + arriving
        fired = ready & (v >= net.threshold) & (event | (net.threshold > 0))
        after = np.zeros_like(v) if net.reset == "zero" else v - net.threshold
        self.v = np.where(ready, np.where(fired, after, v), self.v)
        self.r = np.where(fired, net.refractory, np.where(running[:, None], np.maximum(self.r - 1, 0), self.r))
        spikes: Spikes = fired.astype(np.uint8)
        self.past[:, running] = np.concatenate([spikes[None], self.past[:-1]])[:, running]
        return spikes

    def decide(self, feed: Feed) -> tuple[Integers, Integers]:
        """One decision of each lane: feed its window, count output spikes, stop its clock where the decoder says so.

        Args:
            feed: trains uint32 (words, inputs, lanes), each of whose spikes brings the network's `input_charge`, or
                charges int32 (steps, inputs, lanes); what lies beyond its end is silence.

        Returns:
            The chosen output (ties: the lowest) and the steps it took, int32 [lanes] each.

        Raises:
            EvoNeuroError: a wrong shape or dtype, or a charge beyond the network's `input_max`.
        """
        net = self.network
        fed = self._fed(feed)
        stop = decoder_from_spec(net.decoder)
        fired = np.zeros((net.window, self.lanes, len(net.outputs)), np.uint8)
        counts = np.zeros((self.lanes, len(net.outputs)), np.int64)
        latency = np.full(self.lanes, net.window, np.int32)
        running = np.ones(self.lanes, bool)
        for t in range(net.window):
            fired[t] = self.step(fed[t] * running[:, None], running)[:, net.outputs]
            counts += fired[t]
            best, second = np.sort(np.c_[counts, np.zeros(self.lanes, np.int64)])[:, ::-1].T[:2]
            decided = (stop.evidence > 0) & (best >= stop.evidence) | (stop.lead > 0) & (best - second >= stop.lead)
            latency[running & decided] = t + 1
            running &= ~decided
        if self.record:
            self.output = Output(pack(fired), self.v[:, net.outputs].T.astype(np.int32), net.window)
        return counts.argmax(axis=1).astype(np.int32), latency

    def _fed(self, feed: Feed) -> npt.NDArray[np.int64]:
        """What each input neuron gets in each step of the window: charges (window, lanes, inputs)."""
        net = self.network
        fed = np.zeros((net.window, self.lanes, len(net.inputs)), np.int64)
        if check_feed(feed, len(net.inputs), self.lanes):
            check_bound("charges", feed, net.input_max)
            fed[: len(feed)] = feed[: net.window].transpose(0, 2, 1)
        else:
            spikes = unpack(feed, min(net.window, 32 * len(feed)))
            fed[: len(spikes)] = spikes.astype(np.int64) * net.input_charge
        return fed


def check_charges(network: Network, charges: Charges, lanes: int) -> npt.NDArray[np.int32]:
    """`charges` as int32, if it is a raster that `network` can take on `lanes` lanes.

    Raises:
        EvoNeuroError: a wrong dtype or shape, or a charge beyond `input_max`.
    """
    charges = np.asarray(charges)
    if not (np.issubdtype(charges.dtype, np.integer) or charges.dtype == bool):
        raise EvoNeuroError(f"raster: expected integer charges, got dtype {charges.dtype}")
    check_shape("raster", charges.shape, ("steps", lanes, len(network.inputs)))
    check_bound("raster", charges, network.input_max)
    return charges.astype(np.int32)


def check_feed(feed: Feed, inputs: int, lanes: int | str) -> bool:
    """Whether `feed` is charges and not trains, if its shape is that of a feed; `lanes` is a word where any will do.

    Raises:
        EvoNeuroError: a wrong dtype or shape.
    """
    graded = is_graded(feed)
    if graded:
        check_shape("charges", feed.shape, ("steps", inputs, lanes))
    else:
        check_shape("trains", feed.shape, ("words", inputs, lanes))
    return graded


def check_bound(what: str, charges: Charges, input_max: int) -> None:
    """Raise unless every charge is within `input_max` of 0."""
    if largest(charges) > input_max:
        raise EvoNeuroError(f"{what}: a charge of {largest(charges)}; this network's input_max is {input_max}")


def largest(charges: Charges) -> int:
    """The largest |charge|."""
    return max(int(charges.max(initial=0)), -int(charges.min(initial=0)))
