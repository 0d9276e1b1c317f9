"""The lane kernel: the neuron step of `evoneuro.neuron` over many lanes side by side, compiled by numba.

Lanes are the innermost, contiguous axis, so that the compiler vectorises over them. Spikes in flight are kept as
history: bit (d - 1) of a neuron's history says whether it fired d steps ago, by the lane's own clock. A synapse of
delay d tests that one bit. So a lane that stands still just keeps its words, and nothing has to be realigned when the
lanes of a block stop at different steps.

A neuron to which nothing arrives is left alone where that changes no spike: it cannot fire, and what leak and clip
would do to its potential they do just as well in the next step that matters (leak none and the clip are idempotent, a
full leak forgets at once; a shift leak is left alone only at potential 0).

Work goes block by block: `BLOCK` lanes of one network are copied into scratch rows that stay in the caches, run for a
whole window, and are copied back. A source whose bit is set in no lane of the block is skipped. A lane whose race is
decided leaves the block and the last one takes its column, so early decisions really stop the simulation.

The functions take plain arrays and hold no Python object: they release the interpreter lock. Integers are cast back
to 32 bits after each operation since numba would widen them to 64 and halve the vectors.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from evoneuro.network import Integers
from evoneuro.simulator.compiled import Compiled
from evoneuro.simulator.decided import Record

BLOCK = 128  # lanes: rows of 512 bytes, a handful of full vectors
UNROLL = 8  # lanes that a vector holds at least: blocks are padded to it, so that no lane is left to a scalar loop

# without counting references to arrays, which costs more than a step: nothing here may allocate
_jit = numba.njit(nogil=True, cache=True, _nrt=False)  # type: ignore[call-overload]


class State(NamedTuple):
    """What lives on between decisions, by lane: column k belongs to the k-th lane of each network.

    Attributes:
        v, r: int32 [all neurons, lanes], potential and refractory counter.
        past: uint32 [words, all neurons, lanes], spike history.
    """

    v: Integers
    r: Integers
    past: npt.NDArray[np.uint32]


class Scratch(NamedTuple):
    """Rows of one block."""

    v: Integers
    r: Integers
    past: npt.NDArray[np.uint32]  # [2, words, neurons, BLOCK]: before and after the step, in turn
    active: npt.NDArray[np.uint32]  # [2, words, neurons]: history bits that any lane has set
    drive: Integers  # [inputs, BLOCK]
    driven: npt.NDArray[np.bool_]  # [inputs]
    trains: npt.NDArray[np.uint32]  # [words, inputs, BLOCK]
    train_bits: npt.NDArray[np.uint32]  # [words, inputs]: train bits that any lane has set
    counts: Integers  # [outputs, BLOCK]
    lane: Integers  # [BLOCK]: which lane sits in a column
    arriving: Integers
    event: npt.NDArray[np.uint32]
    fire: npt.NDArray[np.uint32]
    resting: npt.NDArray[np.bool_]  # [neurons]: shift leak: potential 0 in all lanes; else: left alone in this step


def scratch(c: Compiled, train_words: int) -> Scratch:
    """Rows that hold any one block of the batch."""
    neurons, inputs, outputs = (max(1, int(np.diff(starts).max())) for starts in (c.neurons, c.inputs, c.outputs))
    words = max(1, int(c.words.max()))
    return Scratch(
        v=np.empty((neurons, BLOCK), np.int32),
        r=np.empty((neurons, BLOCK), np.int32),
        past=np.empty((2, words, neurons, BLOCK), np.uint32),
        active=np.empty((2, words, neurons), np.uint32),
        drive=np.empty((inputs, BLOCK), np.int32),
        driven=np.empty(inputs, np.bool_),
        trains=np.empty((train_words, inputs, BLOCK), np.uint32),
        train_bits=np.empty((train_words, inputs), np.uint32),
        counts=np.empty((outputs, BLOCK), np.int32),
        lane=np.empty(BLOCK, np.int32),
        arriving=np.empty(BLOCK, np.int32),
        event=np.empty(BLOCK, np.uint32),
        fire=np.empty(BLOCK, np.uint32),
        resting=np.empty(neurons, np.bool_),
    )


@_jit
def _shift(i, words, lanes, before, past, active):
    """Neuron i's history grows a step older, nothing fired yet. Where `active` is 0 a row means silence, unread."""
    after = 1 - before
    for w in range(words - 1, -1, -1):
        any_bits = np.uint32(0)
        if active[before, w, i]:
            for k in range(lanes):
                history = np.uint32(past[before, w, i, k] << 1)
                past[after, w, i, k] = history
                any_bits |= history
        if w > 0 and active[before, w - 1, i] >> np.uint32(31):
            for k in range(lanes):
                carried = np.uint32(past[before, w - 1, i, k] >> 31)
                past[after, w, i, k] = np.uint32(past[after, w, i, k] | carried) if any_bits else carried
            any_bits |= np.uint32(1)
        active[after, w, i] = any_bits


@_jit
def _step(
    first, count, words, v_min, v_max, keep, lanes, before,
    threshold, leak, refractory, channel, incoming, pre, weight, delay,
    v, r, past, active, resting, drive, driven, arriving, event, fire, spikes,
):  # fmt: skip
    """One step of one network in the first `lanes` columns, a multiple of UNROLL.

    Arrays come one by one and not as tuples, whose parts numba would count references of in the innermost loops.

    Args:
        first, count: where the network's neurons stand in the arrays of the batch, and how many they are.
        before: 0 or 1, the history that the step reads.
        words, v_min, v_max: of the network; keep: -1 for reset "subtract", 0 for "zero".
        threshold ... delay: arrays of `Compiled`; v ... fire: rows of `Scratch`.
        spikes: int64 [all neurons], what each neuron fires is added, over all lanes.
    """
    after = 1 - before
    for i in range(count):
        n = first + i
        needs_event = threshold[n] <= 0
        start = incoming[n]
        stop = incoming[n + 1]
        if channel[n] >= 0 and driven[channel[n]]:
            for k in range(lanes):
                arriving[k] = drive[channel[n], k]
        else:
            # the first synapse on which a spike arrives; before it, nothing does
            while start < stop:
                bit = np.uint32(1 << ((delay[start] - 1) & 31))
                if active[before, (delay[start] - 1) >> 5, pre[start]] & bit:
                    break
                start += 1
            if start == stop and refractory[n] == 0 and keep == 0 and (leak[n] <= 0 or resting[i]):
                resting[i] = True
                _shift(i, words, lanes, before, past, active)
                continue
            for k in range(lanes):
                arriving[k] = 0
        if needs_event:
            for k in range(lanes):
                event[k] = np.uint32(arriving[k] != 0)
        for s in range(start, stop):
            word = (delay[s] - 1) >> 5
            bit = np.uint32(1 << ((delay[s] - 1) & 31))
            sender = pre[s]
            if active[before, word, sender] & bit:
                w = weight[s]
                for k in range(lanes):
                    spike = np.uint32(past[before, word, sender, k] & bit) != 0
                    arriving[k] = np.int32(arriving[k] + (w if spike else np.int32(0)))
                if needs_event:
                    for k in range(lanes):
                        event[k] |= past[before, word, sender, k] & bit

        _shift(i, words, lanes, before, past, active)
        # leak none: the shifted part is masked away
        mask = np.int32(0) if leak[n] < 0 else np.int32(-1)
        shift = np.int32(leak[n] & 15)
        level = threshold[n]
        fired_lanes = np.int32(0)
        if refractory[n] == 0 and not needs_event:
            for k in range(lanes):
                x = v[i, k]
                x = np.int32(x - np.int32(np.int32(x >> (shift & 15)) & mask))
                x = v_min if x < v_min else x
                x = v_max if x > v_max else x
                x = np.int32(x + arriving[k])
                fired = x >= level
                v[i, k] = np.int32(np.int32(x - level) & keep) if fired else x
                fire[k] = np.uint32(fired)
                fired_lanes = np.int32(fired_lanes + np.int32(fired))
        else:
            pause = refractory[n]
            for k in range(lanes):
                ready = r[i, k] == 0
                x = v[i, k]
                x = np.int32(x - np.int32(np.int32(x >> (shift & 15)) & mask))
                x = v_min if x < v_min else x
                x = v_max if x > v_max else x
                x = np.int32(x + arriving[k])
                fired = ready and x >= level and (not needs_event or event[k] != 0)
                rest = np.int32(np.int32(x - level) & keep) if fired else x
                v[i, k] = rest if ready else v[i, k]
                r[i, k] = (pause if fired else np.int32(0)) if ready else np.int32(r[i, k] - 1)
                fire[k] = np.uint32(fired)
                fired_lanes = np.int32(fired_lanes + np.int32(fired))
        if fired_lanes > 0:
            if active[after, 0, i]:
                for k in range(lanes):
                    past[after, 0, i, k] |= fire[k]
            else:
                for k in range(lanes):
                    past[after, 0, i, k] = fire[k]
            active[after, 0, i] |= np.uint32(1)
            spikes[n] += fired_lanes
        resting[i] = False
        if leak[n] > 0:
            potentials = np.int32(0)
            for k in range(lanes):
                potentials |= v[i, k]
            resting[i] = potentials == 0


@_jit
def _load(first, count, words, start, lanes, padded, threshold, refractory, sv, sr, spast, v, r, past, active):
    """Bring `lanes` lanes from `start` on into the scratch rows, cleared ones behind them; 0 lanes clear them all.

    Only what will be read is written: refractory counters where there are any, history where there was a spike.
    """
    for i in range(count):
        for k in range(lanes):
            v[i, k] = sv[first + i, start + k]
        for k in range(lanes, padded):
            v[i, k] = 0
        if refractory[first + i] > 0 or threshold[first + i] <= 0:
            for k in range(lanes):
                r[i, k] = sr[first + i, start + k]
            for k in range(lanes, padded):
                r[i, k] = 0
        for w in range(words):
            any_bits = np.uint32(0)
            for k in range(lanes):
                any_bits |= spast[w, first + i, start + k]
            active[0, w, i] = any_bits
            if any_bits:
                for k in range(lanes):
                    past[0, w, i, k] = spast[w, first + i, start + k]
                for k in range(lanes, padded):
                    past[0, w, i, k] = 0


@_jit
def _store(first, count, words, k, lane, now, refractory, sv, sr, spast, v, r, past, active):
    """Give column k back to its lane; `now` is the history that was written last."""
    for i in range(count):
        sv[first + i, lane] = v[i, k]
        if refractory[first + i] > 0:
            sr[first + i, lane] = r[i, k]
        for w in range(words):
            spast[w, first + i, lane] = past[now, w, i, k] if active[now, w, i] else np.uint32(0)


@_jit
def _drop(count, words, channels, outputs, k, last, now, v, r, past, trains, counts, lane):
    """Column `last` takes the place of column k, and is cleared: padding must stay silent."""
    lane[k] = lane[last]
    for i in range(count):
        v[i, k] = v[i, last]
        v[i, last] = 0
        r[i, k] = r[i, last]
        r[i, last] = 0
        for w in range(words):
            past[now, w, i, k] = past[now, w, i, last]
            past[now, w, i, last] = 0
    for w in range(len(trains)):
        for channel in range(channels):
            trains[w, channel, k] = trains[w, channel, last]
            trains[w, channel, last] = 0
    for o in range(outputs):
        counts[o, k] = counts[o, last]


@_jit
def _load_trains(channels, column, lanes, padded, given, trains, train_bits):
    """The trains of `lanes` lanes from `column` on, silent ones behind them."""
    for w in range(len(given)):
        for channel in range(channels):
            any_bits = np.uint32(0)
            for k in range(lanes):
                train = given[w, channel, column + k]
                trains[w, channel, k] = train
                any_bits |= train
            train_bits[w, channel] = any_bits
            if any_bits:
                for k in range(lanes, padded):
                    trains[w, channel, k] = 0


@_jit
def _feed(channels, charge, t, lanes, trains, train_bits, drive, driven):
    """What the encoder gives the input neurons in step t."""
    word = t >> 5
    bit = np.uint32(1 << (t & 31))
    for channel in range(channels):
        driven[channel] = word < len(trains) and (train_bits[word, channel] & bit) != 0
        if driven[channel]:
            for k in range(lanes):
                drive[channel, k] = charge if np.uint32(trains[word, channel, k] & bit) != 0 else np.int32(0)


@_jit
def _feed_charges(channels, column, t, lanes, padded, charges, lane, drive, driven):
    """The charges of step t, which belong to the lanes from `column` on; padding gets none."""
    for channel in range(channels):
        any_bits = np.int32(0)
        for k in range(lanes):
            charge = charges[t, channel, column + lane[k]]
            drive[channel, k] = charge
            any_bits |= charge
        for k in range(lanes, padded):
            drive[channel, k] = 0
        driven[channel] = any_bits != 0


@_jit
def _count(first, outputs, lanes, now, output_neuron, past, active, counts):
    """Count the output spikes of the step just done; whether there was any."""
    fired = False
    for o in range(outputs):
        neuron = output_neuron[first + o]
        if active[now, 0, neuron] & np.uint32(1):
            for k in range(lanes):
                counts[o, k] = np.int32(counts[o, k] + np.int32(past[now, 0, neuron, k] & np.uint32(1)))
            fired = True
    return fired


@_jit
def _record_spikes(first, outputs, row, column, t, lanes, now, output_neuron, past, active, lane, trains):
    """Write down the output spikes of step t, for the lanes from `column` on."""
    bit = np.uint32(1 << (t & 31))
    for o in range(outputs):
        neuron = output_neuron[first + o]
        if active[now, 0, neuron] & np.uint32(1):
            for k in range(lanes):
                if past[now, 0, neuron, k] & np.uint32(1):
                    trains[row, t >> 5, o, column + lane[k]] |= bit


@_jit
def _record_potentials(c, p, k, v, resting, row, column, potentials):
    """Write down the potentials of the outputs in column k of the block, which is lane `column`.

    To one that the step left alone, its leak and its floor are applied here.
    """
    for o in range(c.outputs[p + 1] - c.outputs[p]):
        i = c.output_neuron[c.outputs[p] + o]
        x = v[i, k]
        if resting[i]:
            x = np.int32(0) if c.leak[c.neurons[p] + i] == 0 else max(x, c.v_min[p])
        potentials[row, o, column] = x


@_jit
def _winner(outputs, k, counts):
    """The output with most spikes in column k, ties to the lowest; its count and the next best one."""
    winner, best, second = 0, np.int32(-1), np.int32(-1)
    for o in range(outputs):
        count = counts[o, k]
        if count > best:
            winner, best, second = o, count, best
        elif count > second:
            second = count
    return winner, best, max(second, np.int32(0))


@_jit
def decide(
    c: Compiled, b: Scratch, live, columns, given, charges, state: State, persistent, choice, latency, spikes,
    record: Record,
):  # fmt: skip
    """One decision of every live lane of every network.

    Args:
        b: scratch rows, with as many words of trains as `given`.
        live: int32 [networks], live lanes of each.
        columns: int64 [networks], where a network's first lane stands in what it is given and in what is written.
        given: uint32 (words, inputs, lanes), trains.
        charges: int32 (steps, inputs, lanes); in these steps they stand for the trains.
        state: read and written if `persistent`; else every lane starts cleared and ends forgotten.
        choice, latency: int32 [rows, lanes], written at column `columns + lane`: in the network's own row, or in row 0
            if there is but one.
        spikes: int64 [all neurons], added to.
        record: written in the same rows and columns, unless it has none.
    """
    v, r, past, active, trains, counts, lane = b.v, b.r, b.past, b.active, b.trains, b.counts, b.lane
    sv, sr, spast = state.v, state.r, state.past
    for p in range(len(live)):
        row = p if len(choice) > 1 else 0
        first, count, words = c.neurons[p], c.neurons[p + 1] - c.neurons[p], c.words[p]
        channels, outputs = c.inputs[p + 1] - c.inputs[p], c.outputs[p + 1] - c.outputs[p]
        evidence, lead = c.evidence[p], c.lead[p]
        recording = len(record.trains) > 0
        for start in range(0, live[p], BLOCK):
            lanes = min(BLOCK, live[p] - start)
            padded = -(-lanes // UNROLL) * UNROLL
            loaded = lanes if persistent else 0
            _load(
                first, count, words, start, loaded, padded, c.threshold, c.refractory, sv, sr, spast, v, r, past, active
            )
            _load_trains(channels, columns[p] + start, lanes, padded, given, trains, b.train_bits)
            for i in range(count):
                b.resting[i] = not persistent
            for k in range(lanes):
                lane[k] = start + k
                for o in range(outputs):
                    counts[o, k] = 0
            now = 0
            for t in range(c.window[p]):
                padded = -(-lanes // UNROLL) * UNROLL
                if t < len(charges):
                    _feed_charges(channels, columns[p], t, lanes, padded, charges, lane, b.drive, b.driven)
                else:
                    _feed(channels, c.input_charge[p], t, padded, trains, b.train_bits, b.drive, b.driven)
                _step(
                    first, count, words, c.v_min[p], c.v_max[p], -c.subtract[p], padded, now,
                    c.threshold, c.leak, c.refractory, c.channel, c.incoming, c.pre, c.weight, c.delay,
                    v, r, past, active, b.resting, b.drive, b.driven, b.arriving, b.event, b.fire, spikes,
                )  # fmt: skip
                now = 1 - now
                fired = _count(c.outputs[p], outputs, lanes, now, c.output_neuron, past, active, counts)
                if fired and recording:
                    _record_spikes(
                        c.outputs[p], outputs, row, columns[p], t, lanes, now, c.output_neuron, past, active, lane,
                        record.trains,
                    )  # fmt: skip
                if not fired or (evidence == 0 and lead == 0):
                    continue
                for k in range(lanes - 1, -1, -1):
                    winner, best, second = _winner(outputs, k, counts)
                    if 0 < evidence <= best or 0 < lead <= best - second:
                        choice[row, columns[p] + lane[k]] = winner
                        latency[row, columns[p] + lane[k]] = t + 1
                        if recording:
                            _record_potentials(c, p, k, v, b.resting, row, columns[p] + lane[k], record.potentials)
                        if persistent:
                            _store(
                                first, count, words, k, lane[k], now, c.refractory, sv, sr, spast, v, r, past, active
                            )
                        lanes -= 1
                        _drop(count, words, channels, outputs, k, lanes, now, v, r, past, trains, counts, lane)
                if lanes == 0:
                    break
            for k in range(lanes):
                choice[row, columns[p] + lane[k]] = _winner(outputs, k, counts)[0]
                latency[row, columns[p] + lane[k]] = c.window[p]
                if recording:
                    _record_potentials(c, p, k, v, b.resting, row, columns[p] + lane[k], record.potentials)
                if persistent:
                    _store(first, count, words, k, lane[k], now, c.refractory, sv, sr, spast, v, r, past, active)


@_jit
def run(c: Compiled, b: Scratch, charges, state: State, raster, spikes):
    """Feed network 0 of the batch any charges and record everybody.

    Args:
        b: scratch rows.
        charges: int32 (steps, inputs, lanes).
        state: read and written.
        raster: uint8 (steps, lanes, neurons), written.
        spikes: int64 [all neurons], added to.
    """
    v, r, past, active, drive = b.v, b.r, b.past, b.active, b.drive
    sv, sr, spast = state.v, state.r, state.past
    count, words = c.neurons[1], c.words[0]
    b.resting[:] = False
    b.driven[:] = True
    for start in range(0, charges.shape[2], BLOCK):
        lanes = min(BLOCK, charges.shape[2] - start)
        padded = -(-lanes // UNROLL) * UNROLL
        _load(0, count, words, start, lanes, padded, c.threshold, c.refractory, sv, sr, spast, v, r, past, active)
        now = 0
        for t in range(len(charges)):
            for channel in range(charges.shape[1]):
                drive[channel] = 0
                for k in range(lanes):
                    drive[channel, k] = charges[t, channel, start + k]
            _step(
                0, count, words, c.v_min[0], c.v_max[0], -c.subtract[0], padded, now,
                c.threshold, c.leak, c.refractory, c.channel, c.incoming, c.pre, c.weight, c.delay,
                v, r, past, active, b.resting, drive, b.driven, b.arriving, b.event, b.fire, spikes,
            )  # fmt: skip
            now = 1 - now
            for i in range(count):
                for k in range(lanes):
                    raster[t, start + k, i] = past[now, 0, i, k] & 1 if active[now, 0, i] else 0
        for k in range(lanes):
            _store(0, count, words, k, start + k, now, c.refractory, sv, sr, spast, v, r, past, active)


@_jit
def repack(c: Compiled, live, keep, state: State, left):
    """Close ranks, so that the lanes that go on come first.

    Args:
        keep: bool [live lanes of all networks, one after another].
        left: int32 [networks], written: how many lanes of each go on.
    """
    offset = 0
    for p in range(len(live)):
        left[p] = 0
        for k in range(live[p]):
            if keep[offset + k]:
                to = left[p]
                left[p] += 1
                if to != k:
                    for n in range(c.neurons[p], c.neurons[p + 1]):
                        state.v[n, to] = state.v[n, k]
                        state.r[n, to] = state.r[n, k]
                        for w in range(c.words[p]):
                            state.past[w, n, to] = state.past[w, n, k]
        offset += live[p]
