"""How networks lie in memory for the C kernel, and which of its variants fits them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from evoneuro.network import NO_LEAK, Integers
from evoneuro.ragged import starts_of
from evoneuro.simulator.compiled import Compiled

WIDTHS = (16, 32, 64)  # lanes of a block
LANE_BITS = (16, 32)
FEW, MANY = 2, 32  # up to so many lanes of networks from so many neurons on are driven by events, one at a time
CACHED = 2**18  # bytes of state that one block should not exceed
NARROW = 2**15 - 1  # largest number of a 16-bit lane

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Variant:
    """One kernel of the library.

    Attributes:
        width: lanes of a block; 1 is the kernel that is driven by events.
        bits: of a lane.
        instructions: "avx512", "avx2", "base" or "events"; None: the best that runs here.
    """

    width: int
    bits: int
    instructions: str | None = None

    @property
    def driven_by_events(self) -> bool:
        """Whether neurons are visited only when something arrives."""
        return self.width == 1

    @property
    def limits(self) -> np.iinfo[Any]:
        """Smallest and largest number of a lane."""
        return np.iinfo(np.int16 if self.bits == 16 else np.int32)


class Layout:
    """Networks as lanes.c reads them (its `job` says what each array is), and what a block of each weighs."""

    def __init__(self, c: Compiled, variant: Variant) -> None:
        sizes = np.diff(c.neurons).astype(np.int64)
        longest = _per_network(np.maximum, c.delay, c.incoming[c.neurons], 1)
        pauses = _per_network(np.maximum, c.refractory, c.neurons, 0) > 0
        row = variant.width * variant.bits // 8
        if variant.driven_by_events:
            words = 2 ** np.ceil(np.log2(longest + 1)).astype(np.int64)  # steps of the ring
            self.synapses, starts = _outgoing(c)
            self.block_bytes = _padded(3 * row * sizes)
            ring = row * (2 * sizes + words + words * (2 * sizes + 1))
            scratch = int((ring + self.block_bytes).max(initial=0))
        else:
            words = -(-longest // variant.bits)
            self.synapses, starts = _incoming(c, variant.bits), c.incoming
            self.block_bytes = _padded(row * sizes * (1 + 2 * words + pauses))
            scratch = int(self.block_bytes.max(initial=0))
        self.body = _body(c, starts, variant.limits)
        self.settings = _settings(c, words, pauses, variant.limits)
        self.output, self.input = c.output_neuron, c.input_neuron
        self.neuron_start, self.output_start = c.neurons.astype(np.int64), c.outputs.astype(np.int64)
        self.input_start = c.inputs.astype(np.int64)
        self.synapse_start = starts[c.neurons].astype(np.int64) * self.synapses.itemsize  # bytes
        outputs, inputs = (int(np.diff(starts).max(initial=1)) for starts in (c.outputs, c.inputs))
        rows = aligned((outputs + inputs) * row)
        self.counts, self.drive, self.scratch = rows[: outputs * row], rows[outputs * row :], aligned(scratch)


def choose(c: Compiled, lanes: int) -> Variant:
    """The kernel that is fastest for so many lanes of such networks: see FEW and WIDTHS.

    Lanes are as narrow as static bounds on the potential allow, and blocks as wide as they are filled and cached.
    """
    neurons = int(np.diff(c.neurons).max(initial=1))
    if lanes <= FEW and neurons >= MANY and takes_events(c):
        return Variant(1, 32)
    bits = 16 if _fits_16_bits(c) else 32
    fitting = [w for w in WIDTHS if w < 2 * lanes and 3 * neurons * w * bits // 8 <= CACHED]
    return Variant(max(fitting, default=WIDTHS[0]), bits)


def takes_events(c: Compiled) -> bool:
    """Whether the kernel that is driven by events can run these networks."""
    return not c.subtract.any() and bool((c.delay <= 32).all())


def _body(c: Compiled, starts: Integers, limits: np.iinfo[Any]) -> Integers:
    """`neuron` in lanes.c: int32 [all neurons, 8]; `starts` says where each neuron's synapses are."""
    begins = np.repeat(starts[c.neurons[:-1]], np.diff(c.neurons))
    leaks = -(c.leak != NO_LEAK).astype(np.int32)
    columns = [
        np.maximum(c.threshold, limits.min), np.maximum(c.leak, 0), leaks, c.refractory, c.channel, c.threshold <= 0,
        starts[:-1] - begins, starts[1:] - begins,
    ]  # fmt: skip
    return np.stack(columns, axis=1).astype(np.int32)


def _settings(c: Compiled, words: Longs, pauses: npt.NDArray[np.bool_], limits: np.iinfo[Any]) -> Integers:
    """`settings` in lanes.c: int32 [P, 12]."""
    events = _per_network(np.minimum, c.threshold, c.neurons, 1) <= 0
    plain = (words == 1) & ~pauses & ~events & (c.subtract == 0)
    columns = [
        np.diff(c.inputs), np.diff(c.outputs), words, pauses, plain, c.v_min, c.v_max, c.subtract, c.input_charge,
        c.window, np.minimum(c.evidence, limits.max), np.minimum(c.lead, limits.max),
    ]  # fmt: skip
    return np.stack(columns, axis=1).astype(np.int32)


def _incoming(c: Compiled, bits: int) -> npt.NDArray[Any]:
    """`synapse16` or `synapse32` in lanes.c, by postsynaptic neuron."""
    neurons = np.repeat(np.repeat(np.diff(c.neurons), np.diff(c.neurons)), np.diff(c.incoming))
    age = c.delay - 1
    synapses = np.empty(len(age), [("row", "i4"), ("weight", f"i{bits // 8}"), ("bit", f"u{bits // 8}")])
    synapses["row"] = age // bits * neurons + c.pre
    synapses["weight"] = c.weight
    synapses["bit"] = np.uint32(1) << (age % bits).astype(np.uint32)
    return synapses


def _outgoing(c: Compiled) -> tuple[npt.NDArray[Any], Integers]:
    """`outgoing` in lanes.c, by presynaptic neuron, and where those of each neuron start."""
    first = np.repeat(c.neurons[:-1], np.diff(c.neurons))  # of each neuron's network
    post = np.repeat(np.arange(len(first)), np.diff(c.incoming))
    pre = c.pre + first[post]
    order = np.argsort(pre, kind="stable")
    synapses = np.stack([(post - first[post])[order], c.weight[order], c.delay[order]], axis=1).astype(np.int32)
    return synapses.view([("post", "i4"), ("weight", "i4"), ("delay", "i4")])[:, 0], starts_of(
        np.bincount(pre, minlength=len(first))
    )


def _fits_16_bits(c: Compiled) -> bool:
    """Whether no potential, counter or charge of any network can leave 16 bits (see `Network.potential_bounds`)."""
    owner = np.repeat(np.arange(len(c.v_min)), np.diff(c.neurons))
    most = _segment_sums(np.maximum(c.weight, 0), c.incoming)
    least = _segment_sums(np.minimum(c.weight, 0), c.incoming)
    fed = np.where(c.channel >= 0, c.input_max[owner], 0)
    kept = np.where(c.subtract[owner] > 0, c.v_max[owner], np.maximum(c.threshold - 1, 0))
    low, high = c.v_min[owner] + least - fed, kept + most + fed
    return bool(
        (low >= -NARROW).all()
        and (high <= NARROW).all()
        and (c.threshold <= NARROW).all()
        and (c.window < NARROW).all()
    )


def _segment_sums(values: Integers, starts: Integers) -> Longs:
    total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return cast("npt.NDArray[np.int64]", total[starts[1:]] - total[starts[:-1]])


def _per_network(ufunc: np.ufunc, values: Integers, starts: Integers, initial: int) -> Longs:
    """`ufunc` reduced over each network's part of `values`, `initial` where there is none."""
    found = np.full(len(starts) - 1, initial, np.int64)
    filled = np.flatnonzero(np.diff(starts))
    if len(filled):
        found[filled] = ufunc(ufunc.reduceat(values, starts[filled]), initial)
    return found


def aligned(size: int) -> npt.NDArray[np.uint8]:
    """Zeros that start where a cache line does."""
    memory = np.zeros(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size]


def _padded(sizes: npt.NDArray[np.int64]) -> Longs:
    return -(-sizes // 64) * 64
