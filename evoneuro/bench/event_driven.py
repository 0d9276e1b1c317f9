"""The baseline: a compiled event-driven loop, one lane at a time, as one would write it for a single network.

Only neurons are visited to which something arrives (or that could fire without it), so silence costs next to nothing;
that is what the lane kernel must beat by doing many lanes at once. It obeys `evoneuro.neuron` to the last spike and
passes the same conformance suite.

Spikes in flight are charges already added up: a ring of steps, a power of two long, holds what arrives at each neuron,
and a list per step says at whom. The potential of a neuron that nobody visited is brought up to date when it is: leak
none and the clip are idempotent, a full leak forgets at once, and a shift leak is repeated until it rests.

Whether an event is the first of its neuron and whether a neuron fires are as good as random to the processor, so both
are arithmetic and not branches; positions are unsigned, which spares numba's test for negative ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from evoneuro.coding import decoder_from_spec
from evoneuro.coding.trains import Trains
from evoneuro.errors import EvoNeuroError, check_shape
from evoneuro.network import Integers, Network
from evoneuro.neuron import Charges, Spikes, check_charges

Unsigned = npt.NDArray[np.uint32]

NOTHING = np.int32(-(2**31))  # in the ring: no event; no sum of charges can be so low
# without counting references to arrays, which would cost more than an event: nothing in a kernel may allocate
_jit = numba.njit(nogil=True, cache=True, _nrt=False)  # type: ignore[call-overload]


class Wiring(NamedTuple):
    """One network as flat arrays; N neurons, S synapses, I inputs.

    Attributes:
        threshold, refractory: int32 [N].
        keep: int32 [N], mask of the potential that leak leaves: 0 for a full leak, else -1.
        shift: int32 [N], shift leak, or 0.
        output: int32 [N], which output a neuron is, or -1.
        inputs: uint32 [I], positions.
        outgoing: uint32 [N + 1], where each neuron's outgoing synapses start.
        post, delay: uint32 [S]; weight: int32 [S].
        v_min, v_max: int32; charge, window, evidence, lead: integers; subtract: bool.
    """

    threshold: Integers
    refractory: Integers
    keep: Integers
    shift: Integers
    output: Integers
    inputs: Unsigned
    outgoing: Unsigned
    post: Unsigned
    delay: Unsigned
    weight: Integers
    v_min: np.int32
    v_max: np.int32
    charge: np.int32
    window: int
    evidence: int
    lead: int
    subtract: bool


class Flight(NamedTuple):
    """Everything that lives on, by lane; R is the length of the ring.

    Attributes:
        v: int32 [lanes, N], potentials.
        settled: int64 [lanes, N], last step whose leak `v` has seen; beyond the present step while refractory.
        ring: int32 [lanes, R, N], charge that arrives at each neuron, or `NOTHING`.
        listed: uint32 [lanes, R, N + 1], to whom; the first `waiting` of each step.
        waiting: uint32 [lanes, R], how many.
        clock: int64 [lanes], steps done.
    """

    v: Integers
    settled: npt.NDArray[np.int64]
    ring: Integers
    listed: Unsigned
    waiting: Unsigned
    clock: npt.NDArray[np.int64]


class Scratch(NamedTuple):
    """Rows for the lane at work: int32 [outputs], uint32 [N + 1], uint32 [I]."""

    counts: Integers
    fired: Unsigned
    word: Unsigned


class EventDriven:
    """The baseline with the interface of a simulator: see `evoneuro.neuron.Reference` for what the methods promise.

    Attributes:
        spikes: int64 [N], spikes since the last `clear`, over all lanes.
    """

    name = "event-driven"

    def __init__(self, network: Network, lanes: int = 1) -> None:
        self.network = network
        self.lanes = lanes
        self._wiring, self._scratch = _wire(network), _scratch(network)
        self.clear()

    def clear(self) -> None:
        """Forget everything: potentials, refractory neurons, spikes in flight."""
        self._flight = _flight(self.network, self.lanes)
        self.spikes = np.zeros(self.network.neurons, np.int64)

    def run(self, charges: Charges) -> Spikes:
        """Spikes uint8 (steps, lanes, neurons) on charges (steps, lanes, inputs)."""
        charges = check_charges(self.network, charges, self.lanes)
        raster = np.zeros((len(charges), self.lanes, self.network.neurons), np.uint8)
        _run(self._wiring, self._flight, self._scratch, charges, raster, self.spikes)
        return raster

    def decide(self, trains: Trains) -> tuple[Integers, Integers]:
        """Choice and latency, int32 [lanes] each, on trains uint32 (words, inputs, lanes); state lives on."""
        check_shape("trains", trains.shape, ("words", len(self.network.inputs), self.lanes))
        choice, latency = np.empty((2, self.lanes), np.int32)
        _decide(self._wiring, self._flight, self._scratch, False, trains, choice, latency, self.spikes)
        return choice, latency


class Cleared:
    """The baseline at its best: every lane starts cleared, so that all of them share one small lane of memory."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._wiring, self._scratch = _wire(network), _scratch(network)
        self._flight = _flight(network, 1)

    def decide(self, trains: Trains) -> tuple[Integers, Integers, npt.NDArray[np.int64]]:
        """As `evoneuro.simulator.lanes.decide_shared` of one network: choice, latency, spikes of each neuron."""
        check_shape("trains", trains.shape, ("words", len(self.network.inputs), "lanes"))
        choice, latency = np.empty((2, trains.shape[2]), np.int32)
        spikes = np.zeros(self.network.neurons, np.int64)
        _decide(self._wiring, self._flight, self._scratch, True, trains, choice, latency, spikes)
        return choice, latency, spikes


def _wire(network: Network) -> Wiring:
    stop = decoder_from_spec(network.decoder)
    least = np.bincount(network.post, np.minimum(network.weight, 0), minlength=network.neurons)
    least[network.inputs] -= network.input_max
    if least.min(initial=0) <= NOTHING:
        raise EvoNeuroError(f"the event-driven baseline needs charges above {NOTHING}; lower the weights")
    output = np.full(network.neurons, -1, np.int32)
    output[network.outputs] = np.arange(len(network.outputs))
    return Wiring(
        threshold=network.threshold,
        refractory=network.refractory,
        keep=np.where(network.leak == 0, 0, -1).astype(np.int32),
        shift=np.maximum(network.leak, 0),
        output=output,
        inputs=network.inputs.astype(np.uint32),
        outgoing=np.concatenate([[0], np.cumsum(network.out_degree)]).astype(np.uint32),  # synapses are sorted by pre
        post=network.post.astype(np.uint32),
        delay=network.delay.astype(np.uint32),
        weight=network.weight,
        v_min=np.int32(network.v_min),
        v_max=np.int32(network.v_max),
        charge=np.int32(network.input_charge),
        window=network.window,
        evidence=stop.evidence,
        lead=stop.lead,
        subtract=network.reset == "subtract",
    )


def _flight(network: Network, lanes: int) -> Flight:
    length = 1 << int(network.delay.max(initial=1)).bit_length()  # a power of two above the longest delay
    return Flight(
        v=np.zeros((lanes, network.neurons), np.int32),
        settled=np.full((lanes, network.neurons), -1, np.int64),
        ring=np.full((lanes, length, network.neurons), NOTHING, np.int32),
        listed=np.empty((lanes, length, network.neurons + 1), np.uint32),  # one place for who is listed already
        waiting=np.zeros((lanes, length), np.uint32),
        clock=np.zeros(lanes, np.int64),
    )


def _scratch(network: Network) -> Scratch:
    return Scratch(
        counts=np.zeros(max(1, len(network.outputs)), np.int32),
        fired=np.empty(network.neurons + 1, np.uint32),
        word=np.zeros(max(1, len(network.inputs)), np.uint32),
    )


@_jit
def _arrive(row, slot, neuron, charge, ring, listed, count):
    """`charge` reaches `neuron` in the step of `slot`."""
    before = ring[row, slot, neuron]
    first = before == NOTHING
    ring[row, slot, neuron] = charge if first else np.int32(before + charge)
    listed[row, slot, count[row, slot]] = neuron
    count[row, slot] += np.uint32(first)


@_jit
def _faded(x, shift, v_min, v_max, steps):
    """The potential after `steps` steps of shift leak and clip with no event."""
    while steps > 0:
        before = x
        x = np.int32(x - (x >> shift))
        x = min(max(x, v_min), v_max)
        if x == before:
            break
        steps -= 1
    return x


@_jit
def _step(
    row, t, mask, threshold, refractory, keep, shift, output, outgoing, post, delay, weight, v_min, v_max, subtract,
    v, settled, ring, listed, count, counts, fired, spikes,
):  # fmt: skip
    """One step of one lane, its inputs having arrived.

    Args:
        row: of the lane; t: the step, by its clock; mask: length of the ring - 1.
        threshold ... subtract: of `Wiring`; v ... count: of `Flight`.
        counts: int32 [outputs], added to; spikes: int64 [N], added to.
        fired: gets the neurons that fire.

    Returns:
        How many neurons fired, and whether an output is among them.
    """
    slot = np.uint32(t & mask)
    number = np.uint32(0)
    for k in range(count[row, slot]):
        i = listed[row, slot, k]
        charge = ring[row, slot, i]
        ring[row, slot, i] = NOTHING
        if t <= settled[row, i]:  # refractory
            continue
        x = v[row, i]
        if shift[i] > 0:
            x = _faded(x, shift[i], v_min, v_max, t - settled[row, i])
        else:
            x = np.int32(x & keep[i])
            x = min(max(x, v_min), v_max)
        x = np.int32(x + charge)
        level = threshold[i]
        fires = x >= level
        rest = np.int32(x - level) if subtract else np.int32(0)
        v[row, i] = rest if fires else x
        settled[row, i] = t + (refractory[i] if fires else 0)
        spikes[i] += np.int64(fires)
        fired[number] = i
        number += np.uint32(fires)
    count[row, slot] = 0
    seen = False
    for k in range(number):
        i = fired[k]
        if output[i] >= 0:
            counts[output[i]] += 1
            seen = True
        for s in range(outgoing[i], outgoing[i + np.uint32(1)]):
            _arrive(row, np.uint32((t + delay[s]) & mask), post[s], weight[s], ring, listed, count)
    return number, seen


@_jit
def _revisit(row, slot, threshold, v, ring, listed, count):
    """Reset "subtract" may leave enough for a next spike: such neurons are visited in every step."""
    for i in range(np.uint32(v.shape[1])):
        if v[row, i] >= threshold[i] and ring[row, slot, i] == NOTHING:
            _arrive(row, slot, np.uint32(i), np.int32(0), ring, listed, count)


@_jit
def _won(counts):
    """The output with most spikes, ties to the lowest; its count and its lead over the next best one."""
    winner, best, second = 0, counts[0], np.int32(0)
    for o in range(1, len(counts)):
        if counts[o] > best:
            winner, best, second = o, counts[o], best
        elif counts[o] > second:
            second = counts[o]
    return winner, best, best - second


@_jit
def _clear(row, v, settled, ring, listed, count):
    """A cleared lane: only what is still in flight has to be taken back."""
    for i in range(v.shape[1]):
        v[row, i] = 0
        settled[row, i] = -1
    for slot in range(count.shape[1]):
        for k in range(count[row, slot]):
            ring[row, slot, listed[row, slot, k]] = NOTHING
        count[row, slot] = 0


@_jit
def _decide(w, f, b, cleared, trains, choice, latency, spikes):
    """One decision of every lane.

    Args:
        w, f, b: `Wiring`, `Flight`, `Scratch`.
        cleared: every lane starts and ends cleared, and all use the first row of `Flight`.
        trains: uint32 (words, inputs, lanes).
        choice, latency: int32 [lanes], written.
        spikes: int64 [N], added to.
    """
    v, settled, ring, listed, count, clock = f.v, f.settled, f.ring, f.listed, f.waiting, f.clock
    counts, fired, word = b.counts, b.fired, b.word
    inputs, charge, threshold = w.inputs, w.charge, w.threshold
    mask = count.shape[1] - 1
    for lane in range(trains.shape[2]):
        row = np.uint32(0 if cleared else lane)
        begin = 0 if cleared else clock[lane]
        for o in range(len(counts)):
            counts[o] = 0
        decided = w.window
        waiting = np.uint32(0)
        for step in range(w.window):
            t = begin + step
            slot = np.uint32(t & mask)
            place = np.uint32(step & 31)
            if place == 0:
                waiting = np.uint32(0)
                for channel in range(len(inputs)):
                    word[channel] = trains[step >> 5, channel, lane] if step >> 5 < len(trains) else np.uint32(0)
                    waiting |= word[channel]
            if charge != 0 and (waiting >> place) & np.uint32(1):
                for channel in range(len(inputs)):
                    if (word[channel] >> place) & np.uint32(1):
                        _arrive(row, slot, inputs[channel], charge, ring, listed, count)
            if w.subtract:
                _revisit(row, slot, threshold, v, ring, listed, count)
            if count[row, slot] == 0:
                continue
            _, seen = _step(
                row, t, mask, threshold, w.refractory, w.keep, w.shift, w.output, w.outgoing, w.post, w.delay,
                w.weight, w.v_min, w.v_max, w.subtract, v, settled, ring, listed, count, counts, fired, spikes,
            )  # fmt: skip
            if seen and (w.evidence > 0 or w.lead > 0):
                _, best, lead = _won(counts)
                if 0 < w.evidence <= best or 0 < w.lead <= lead:
                    decided = step + 1
                    break
        choice[lane] = _won(counts)[0]
        latency[lane] = decided
        if cleared:
            _clear(row, v, settled, ring, listed, count)
        else:
            clock[lane] = begin + decided


@_jit
def _run(w, f, b, charges, raster, spikes):
    """Feed every lane `charges` int32 (steps, lanes, inputs) and record uint8 (steps, lanes, N)."""
    v, settled, ring, listed, count, clock = f.v, f.settled, f.ring, f.listed, f.waiting, f.clock
    mask = count.shape[1] - 1
    for lane in range(charges.shape[1]):
        row = np.uint32(lane)
        begin = clock[lane]
        for step in range(len(charges)):
            t = begin + step
            slot = np.uint32(t & mask)
            for channel in range(charges.shape[2]):
                if charges[step, lane, channel] != 0:
                    _arrive(row, slot, w.inputs[channel], charges[step, lane, channel], ring, listed, count)
            if w.subtract:
                _revisit(row, slot, w.threshold, v, ring, listed, count)
            number, _ = _step(
                row, t, mask, w.threshold, w.refractory, w.keep, w.shift, w.output, w.outgoing, w.post, w.delay,
                w.weight, w.v_min, w.v_max, w.subtract, v, settled, ring, listed, count, b.counts, b.fired, spikes,
            )  # fmt: skip
            for k in range(number):
                raster[step, lane, b.fired[k]] = 1
        clock[lane] = begin + len(charges)
