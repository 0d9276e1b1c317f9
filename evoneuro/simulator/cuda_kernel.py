"""The lane kernel on a GPU: the neuron step of `evoneuro.neuron` through numba-cuda, one thread per lane.

Only `evoneuro.simulator.cuda` imports this file, and only when it is asked for: numba-cuda is an optional extra.

A thread takes one lane of one network through a whole window. The threads of a block belong to the same network, so
they read the same genes and walk the same synapses together; lanes are the innermost axis of all state, so that
neighbouring threads read neighbouring words. A lane whose race is decided leaves the loop.

Spikes in flight are kept as rings of history bits: with S = 32 x words slots, bit t % S of a neuron says whether it
fired at time t of the lane's own clock. A synapse of delay d tests the bit of time t - d. Nothing is shifted, and a
step writes only its own slot. S is larger than the longest delay, so that this slot is none that the step reads.

Integers are cast back to 32 bits after each operation, since numba would widen them to 64.

What differs by the kind of feed, and by whether outputs are recorded, is compiled apart: `deciding` has a kernel for
each case, in which these are constants.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

# few lanes make a small grid, which is the user's choice and no news to them
warnings.filterwarnings("ignore", message="Grid size .* will likely result in GPU under-utilization")


class State(NamedTuple):
    """What lives on between decisions, in device memory; a column belongs to a lane.

    Attributes:
        v, r: int32 [all neurons, columns], potential and refractory counter.
        past: uint32 [words, all neurons, columns], rings of history bits.
        clock: int32 [networks, columns], the slot of the step to come.
        counts: int32 [all outputs, columns], the decoder's; of one decision only.
    """

    v: Any
    r: Any
    past: Any
    clock: Any
    counts: Any


@cuda.jit(device=True)
def _clear(c, p, k, state):
    """Column k of network p forgets everything."""
    for n in range(c.neurons[p], c.neurons[p + 1]):
        state.v[n, k] = 0
        state.r[n, k] = 0
        for w in range(c.words[p]):
            state.past[w, n, k] = 0
    state.clock[p, k] = 0


@cuda.jit(device=True)
def _neuron(c, p, n, k, now, charge, state):
    """One step of neuron n (of all neurons) in column k of network p; whether it fires.

    Args:
        c: `Compiled`, with `words` that suit rings.
        now: the slot of this step.
        charge: what the encoder gives.
    """
    fired = False
    if c.refractory[n] > 0 and state.r[n, k] > 0:
        state.r[n, k] -= 1
    else:
        arriving = np.int32(charge)
        event = arriving != 0
        for s in range(c.incoming[n], c.incoming[n + 1]):
            slot = np.int32(now - c.delay[s])
            if slot < 0:
                slot = np.int32(slot + 32 * c.words[p])
            if (state.past[slot >> 5, c.neurons[p] + c.pre[s], k] >> np.uint32(slot & 31)) & np.uint32(1):
                arriving = np.int32(arriving + c.weight[s])
                event = True
        v = np.int32(state.v[n, k])
        if c.leak[n] >= 0:
            v = np.int32(v - (v >> c.leak[n]))
        v = np.int32(max(v, c.v_min[p]))
        v = np.int32(min(v, c.v_max[p]))
        v = np.int32(v + arriving)
        fired = v >= c.threshold[n] and (c.threshold[n] > 0 or event)
        if fired:
            v = np.int32(v - c.threshold[n]) if c.subtract[p] else np.int32(0)
            state.r[n, k] = c.refractory[n]
        state.v[n, k] = v
    bit = np.uint32(np.uint32(1) << np.uint32(now & 31))
    history = state.past[now >> 5, n, k]
    state.past[now >> 5, n, k] = history | bit if fired else history & ~bit
    return fired


@cuda.jit(device=True)
def _next(c, p, now):
    """The slot after `now`."""
    return np.int32(now + 1) if now + 1 < 32 * c.words[p] else np.int32(0)


@cuda.jit(device=True)
def _count(c, p, k, now, state):
    """Count the output spikes of the step just done; whether there was any."""
    any_spike = False
    for o in range(c.outputs[p], c.outputs[p + 1]):
        if (state.past[now >> 5, c.neurons[p] + c.output_neuron[o], k] >> np.uint32(now & 31)) & np.uint32(1):
            state.counts[o, k] += 1
            any_spike = True
    return any_spike


@cuda.jit(device=True)
def _winner(c, p, k, counts):
    """The output with most spikes, ties to the lowest; its count and the next best one."""
    winner, best, second = np.int32(0), np.int32(-1), np.int32(0)
    for o in range(c.outputs[p], c.outputs[p + 1]):
        count = np.int32(counts[o, k])
        if count > best:
            second = best if best > 0 else np.int32(0)
            winner, best = np.int32(o - c.outputs[p]), count
        elif count > second:
            second = count
    return winner, best, second


@cuda.jit(device=True)
def _by_train(c, p, channel, t, column, trains):
    """What trains uint32 (words, inputs, lanes) give in step t."""
    if (t >> 5) < trains.shape[0] and (trains[t >> 5, channel, column] >> np.uint32(t & 31)) & np.uint32(1):
        return np.int32(c.input_charge[p])
    return np.int32(0)


@cuda.jit(device=True)
def _by_charge(c, p, channel, t, column, charges):
    """What charges int32 (steps, inputs, lanes) give in step t."""
    return np.int32(charges[t, channel, column]) if t < charges.shape[0] else np.int32(0)


@cuda.jit(device=True)
def _record_spikes(c, p, k, t, now, state, row, column, trains):
    """Write down the output spikes of step t, the step just done."""
    for o in range(c.outputs[p], c.outputs[p + 1]):
        if (state.past[now >> 5, c.neurons[p] + c.output_neuron[o], k] >> np.uint32(now & 31)) & np.uint32(1):
            trains[row, t >> 5, o - c.outputs[p], column] |= np.uint32(np.uint32(1) << np.uint32(t & 31))


@functools.cache
def deciding(graded: bool, recording: bool) -> Any:
    """The kernel that decides on charges if `graded`, else on trains, and records outputs if `recording`."""
    charge_of = _by_charge if graded else _by_train

    @cuda.jit
    def decide(c, blocks, live, feed, feed_at, result_at, fresh, state, result, spikes, trains, potentials):
        """One decision of every live lane of every network.

        Where there are more lanes than columns, a column takes one lane after another; then `fresh` must be true.

        Args:
            c: `Compiled`, with `words` that suit rings.
            blocks: how many blocks of threads each network has.
            live: int32 [networks], lanes of each.
            feed: trains or charges.
            feed_at, result_at: int64 [networks], where each network's lanes start in `feed` and in `result`.
            fresh: whether lanes start from the cleared state.
            state: read and written.
            result: int32 [lanes, 2], choice and latency, written.
            spikes: int64 [all neurons], added to.
            trains, potentials: as in `Record`, written if `recording`; lanes stand as in `feed`, in the network's own
                row, or in row 0 if there is but one.
        """
        p = cuda.blockIdx.x // blocks
        k = cuda.blockIdx.x % blocks * cuda.blockDim.x + cuda.threadIdx.x
        columns = state.v.shape[1]
        if k >= columns:
            return
        row = p if trains.shape[0] > 1 else 0
        for lane in range(k, live[p], columns):
            column = feed_at[p] + lane
            if fresh:
                _clear(c, p, k, state)
            for o in range(c.outputs[p], c.outputs[p + 1]):
                state.counts[o, k] = 0
                if recording:
                    for w in range(trains.shape[1]):
                        trains[row, w, o - c.outputs[p], column] = 0
            now = np.int32(state.clock[p, k])
            latency = c.window[p]
            for t in range(c.window[p]):
                for n in range(c.neurons[p], c.neurons[p + 1]):
                    channel = c.channel[n]
                    charge = charge_of(c, p, channel, t, column, feed) if channel >= 0 else np.int32(0)
                    if _neuron(c, p, n, k, now, charge, state):
                        cuda.atomic.add(spikes, n, 1)
                spoke = _count(c, p, k, now, state)
                if recording and spoke:
                    _record_spikes(c, p, k, t, now, state, row, column, trains)
                now = _next(c, p, now)
                if spoke and (c.evidence[p] > 0 or c.lead[p] > 0):
                    _, best, second = _winner(c, p, k, state.counts)
                    if 0 < c.evidence[p] <= best or 0 < c.lead[p] <= best - second:
                        latency = np.int32(t + 1)
                        break
            state.clock[p, k] = now
            result[result_at[p] + lane, 0] = _winner(c, p, k, state.counts)[0]
            result[result_at[p] + lane, 1] = latency
            if recording:
                for o in range(c.outputs[p], c.outputs[p + 1]):
                    potentials[row, o - c.outputs[p], column] = state.v[c.neurons[p] + c.output_neuron[o], k]

    return decide


@cuda.jit
def run(c, charges, fresh, state, raster, spikes):
    """Feed network 0 of the batch any charges and record everybody.

    Args:
        charges: int32 (steps, inputs, lanes).
        raster: uint8 (steps, neurons, lanes), written.
        c, fresh, state, spikes: as in `deciding`.
    """
    k = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if k >= charges.shape[2]:
        return
    if fresh:
        _clear(c, 0, k, state)
    now = np.int32(state.clock[0, k])
    for t in range(charges.shape[0]):
        for n in range(c.neurons[1]):
            charge = charges[t, c.channel[n], k] if c.channel[n] >= 0 else np.int32(0)
            fired = _neuron(c, 0, n, k, now, charge, state)
            raster[t, n, k] = 1 if fired else 0
            if fired:
                cuda.atomic.add(spikes, n, 1)
        now = _next(c, 0, now)
    state.clock[0, k] = now


@cuda.jit
def repack(c, blocks, live, starts, source, state, packed):
    """Copy the lanes that go on from `state` to `packed`, where they stand side by side.

    Args:
        c, blocks: as in `deciding`.
        live: int32 [networks], how many lanes of each go on.
        starts: int64 [networks], where each network's lanes start in `source`.
        source: int32 [lanes], the column from which each comes.
    """
    p = cuda.blockIdx.x // blocks
    k = cuda.blockIdx.x % blocks * cuda.blockDim.x + cuda.threadIdx.x
    if k >= live[p]:
        return
    origin = source[starts[p] + k]
    for n in range(c.neurons[p], c.neurons[p + 1]):
        packed.v[n, k] = state.v[n, origin]
        packed.r[n, k] = state.r[n, origin]
        for w in range(c.words[p]):
            packed.past[w, n, k] = state.past[w, n, origin]
    packed.clock[p, k] = state.clock[p, origin]
