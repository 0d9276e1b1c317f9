"""The lane kernel in C (`native/lanes.c`), for whoever had a compiler when the package was installed.

The library is called through ctypes: it needs neither Python's headers nor a build for each of its versions, and a
call releases the interpreter lock. Where it is missing, `evoneuro.simulator.jit` does the same on numba.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Sequence
from importlib import machinery
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from evoneuro.coding.encoders import ROUNDINGS, Encoder
from evoneuro.coding.trains import Trains
from evoneuro.errors import EvoNeuroError, check_shape
from evoneuro.network import NO_LEAK, Integers, Network
from evoneuro.neuron import Charges, Spikes, check_charges
from evoneuro.ragged import starts_of
from evoneuro.simulator.compiled import Compiled, compile_networks

WIDTHS = (16, 32, 64)  # lanes of a block
LANE_BITS = (16, 32)
INSTRUCTIONS = ("avx512", "avx2", "base")
FEW, MANY = 2, 32  # up to so many lanes of networks from so many neurons on are driven by events, one at a time
CACHED = 2**18  # bytes of state that one block should not exceed
NARROW = 2**15 - 1  # largest number of a 16-bit lane

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
Gains = Longs


_Field = tuple[str, type[ctypes.c_int64] | type[ctypes.c_void_p]]


def _fields(kind: type[ctypes.c_int64] | type[ctypes.c_void_p], names: str) -> list[_Field]:
    return [(name, kind) for name in names.split()]


class _Job(ctypes.Structure):
    """`job` in lanes.c: pointers, and a few numbers."""

    _fields_ = [
        *_fields(ctypes.c_int64, "networks"),
        *_fields(ctypes.c_void_p, "neuron_start synapse_start output_start input_start block_bytes settings"),
        *_fields(ctypes.c_void_p, "body synapses output input"),
        *_fields(ctypes.c_void_p, "state state_start block_start now scratch counts live column trains"),
        *_fields(ctypes.c_int64, "train_words word_stride channel_stride"),
        *_fields(ctypes.c_void_p, "observations"),
        *_fields(ctypes.c_int64, "values neurons_per_value half rounding"),
        *_fields(ctypes.c_void_p, "centre reach table encoded choice latency"),
        *_fields(ctypes.c_int64, "row_stride"),
        *_fields(ctypes.c_void_p, "spikes"),
    ]

    def point(self, **arrays: npt.NDArray[Any] | int | None) -> None:
        """Set fields: an array's address, a number, or null. The caller keeps the arrays."""
        for name, value in arrays.items():
            setattr(self, name, _address(value) if isinstance(value, np.ndarray) else value)


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled kernel, or None where it was not built, or for another machine."""
    folder = Path(__file__).parent
    found = (folder / f"_lanes{suffix}" for suffix in machinery.EXTENSION_SUFFIXES)
    path = next((path for path in found if path.exists()), None)
    if path is None:
        return None
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError:
        return None
    loaded.lanes_set.restype = ctypes.c_char_p
    return loaded


def available() -> bool:
    """Whether the kernel was built and loads."""
    return library() is not None


def instruction_set() -> str:
    """The vectors that the kernel uses on this processor: "avx512", "avx2" or "base"."""
    kernel = Kernel(WIDTHS[0], LANE_BITS[0])
    return str(kernel.library.lanes_set(kernel.which).decode())


def kernels() -> list[tuple[str, int, int]]:
    """Instruction set, block width and lane bits of all kernels that run on this processor."""
    found = library()
    assert found is not None
    everything = [*itertools.product(INSTRUCTIONS, WIDTHS, LANE_BITS), ("events", 1, 32)]
    return [(name, w, bits) for name, w, bits in everything if found.lanes_kernel(name.encode(), w, bits) >= 0]


class Kernel:
    """One kernel of the library: of one block width and lane type, on the best vectors here or on those named."""

    def __init__(self, width: int, bits: int, instructions: str | None = None) -> None:
        found = library()
        if found is None:
            raise EvoNeuroError(
                "the C kernel is not built: install evoneuro where there is a C compiler, or use simulator numba"
            )
        self.library = found
        self.width, self.bits = width, bits
        self.driven_by_events = width == 1
        self.limits = np.iinfo(np.int16 if bits == 16 else np.int32)
        self.which = int(found.lanes_kernel(instructions and instructions.encode(), width, bits))
        if self.which < 0:
            raise EvoNeuroError(f"no kernel for {instructions} vectors, {width} lanes of {bits} bits on this machine")


class _Layout:
    """Networks as the library reads them, and what a block of each weighs."""

    def __init__(self, c: Compiled, lanes: int) -> None:
        self.kernel = choose(c, lanes)
        self.sizes = np.diff(c.neurons).astype(np.int64)
        longest = _per_network(np.maximum, c.delay, c.incoming[c.neurons], 1)
        pauses = _per_network(np.maximum, c.refractory, c.neurons, 0) > 0
        row = self.kernel.width * self.kernel.bits // 8
        if self.kernel.driven_by_events:
            words = 2 ** np.ceil(np.log2(longest + 1)).astype(np.int64)  # steps of the ring
            self.synapses, starts = _outgoing(c)
            self.block_bytes = _padded(3 * row * self.sizes)
            ring = row * (2 * self.sizes + words + words * (2 * self.sizes + 1))
            scratch = int((ring + self.block_bytes).max(initial=0))
        else:
            words = -(-longest // self.kernel.bits)
            self.synapses, starts = _incoming(c, self.kernel.bits), c.incoming
            self.block_bytes = _padded(row * self.sizes * (1 + 2 * words + pauses))
            scratch = int(self.block_bytes.max(initial=0))
        self.body = _body(c, starts, self.kernel.limits)
        self.settings = _settings(c, words, pauses, self.kernel.limits)
        self.output, self.input = c.output_neuron, c.input_neuron
        self.neuron_start, self.output_start = c.neurons.astype(np.int64), c.outputs.astype(np.int64)
        self.input_start = c.inputs.astype(np.int64)
        self.synapse_start = starts[c.neurons].astype(np.int64) * self.synapses.itemsize  # bytes
        most = max(int(np.diff(c.outputs).max(initial=1)), int(np.diff(c.inputs).max(initial=1)))
        self.counts, self.scratch = _aligned(most * row), _aligned(scratch)

    def job(self) -> _Job:
        """A job on these networks; whoever calls fills in the rest."""
        job = _Job(networks=len(self.sizes))
        names = "neuron_start synapse_start output_start input_start block_bytes settings body synapses output input"
        job.point(**{name: getattr(self, name) for name in (*names.split(), "scratch", "counts")})
        return job


class NativeSimulator:
    """P networks with `lanes` lanes each; state persists from decision to decision until `clear`.

    Attributes:
        live: int32 [P], lanes of each network that still run (`repack` lets finished ones go).
        spikes: int64 [all neurons], spikes since the last `clear`, over all lanes.
    """

    name = "native"

    def __init__(
        self,
        networks: Sequence[Network],
        lanes: int = 1,
        encoder: Encoder | None = None,
        gains: Gains | None = None,
    ) -> None:
        self.networks = networks
        self.lanes = lanes
        self.compiled = compile_networks(networks)
        if (np.diff(self.compiled.inputs) != self.compiled.inputs[1]).any():
            raise EvoNeuroError("a batch needs networks with equally many inputs")
        self._layout = _Layout(self.compiled, lanes)
        self._window = int(self.compiled.window.max())
        self._inputs = int(self.compiled.inputs[1])
        self._job = self._layout.job()
        self._address = ctypes.c_void_p(ctypes.addressof(self._job))
        if encoder is not None:
            self._encode_with(encoder, gains)
        self.clear()

    def clear(self) -> None:
        """Forget everything and let all lanes run again."""
        layout = self._layout
        blocks = -(-self.lanes // layout.kernel.width)
        self._blocks = np.arange(len(self.networks), dtype=np.int64) * blocks
        sizes = layout.block_bytes * blocks
        self._starts = np.cumsum(sizes) - sizes
        self._state = _aligned(int(sizes.sum()))
        self._now = np.zeros(len(self.networks) * blocks, np.int8)
        self.spikes = np.zeros(len(self.compiled.threshold), np.int64)
        self._job.point(
            state=self._state, state_start=self._starts, block_start=self._blocks, now=self._now, spikes=self.spikes
        )
        self._set_live(np.full(len(self.networks), self.lanes, np.int32))

    def _set_live(self, live: Integers) -> None:
        self.live = live
        ends = np.cumsum(live, dtype=np.int64)
        self._column, self._total = ends - live, int(ends[-1])
        self._choice, self._latency = np.empty((2, self._total), np.int32)
        self._halves: npt.NDArray[np.uint16] | None = None
        self._job.point(live=live, column=self._column, choice=self._choice, latency=self._latency, row_stride=0)

    def run(self, charges: Charges) -> Spikes:
        """Simulate the batch's only network; arguments and result as in `evoneuro.neuron.Reference.run`."""
        assert len(self.networks) == 1, "run() records one network"
        network = self.networks[0]
        charges = np.ascontiguousarray(check_charges(network, charges, self.lanes))
        raster = np.zeros((len(charges), self.lanes, network.neurons), np.uint8)
        kernel = self._layout.kernel
        kernel.library.lanes_run(
            kernel.which, self._address, _pointer(charges), ctypes.c_int64(len(charges)), _pointer(raster)
        )
        return raster

    def decide(self, trains: Trains) -> tuple[Integers, Integers]:
        """One decision of every live lane.

        Args:
            trains: uint32 (words, inputs, live lanes), network after network.

        Returns:
            The chosen output and the steps it took, int32 [live lanes] each.
        """
        expected = ("words", self._inputs, self._total)
        check_shape("trains", trains.shape, expected)
        if self._halves is None or self._halves.shape[0] != 2 * len(trains):
            self._halves = _room_for_halves(trains)
            self._job.point(**_feed(self._halves))
        _to_halves(trains, self._halves)
        self._job.observations = None
        self._job.train_words = 2 * len(trains)
        return self._decide()

    def act(self, observations: npt.NDArray[np.float64]) -> tuple[Integers, Integers]:
        """One decision of every live lane, on what the encoder given at the start makes of observations.

        Args:
            observations: finite numbers (live lanes, values), network after network.

        Returns:
            The chosen output and the steps it took, int32 [live lanes] each.
        """
        if observations.shape != (self._total, len(self._centre)):
            check_shape("observations", observations.shape, (self._total, len(self._centre)))
        seen = np.ascontiguousarray(observations, np.float64)
        self._job.observations = _address(seen)
        self._job.train_words = self._encoded_words
        return self._decide()

    def _decide(self) -> tuple[Integers, Integers]:
        kernel = self._layout.kernel
        kernel.library.lanes_decide(kernel.which, self._address)
        return self._choice.copy(), self._latency.copy()

    def _encode_with(self, encoder: Encoder, gains: Gains | None) -> None:
        """Prepare `act`: one table of trains for each gain that a network has."""
        gains = np.full(len(self.networks), encoder.gain) if gains is None else gains
        tables = {int(gain): _table(encoder, self._window, int(gain)) for gain in np.unique(gains)}
        self._tables = tables
        self._addresses = np.array([tables[int(gain)].ctypes.data for gain in gains], np.uint64)
        low, high = np.array(encoder.low), np.array(encoder.high)
        self._centre, self._reach = (low + high) / 2, (high - low) / 2
        self._encoded_words = -(-self._window // 16)
        self._encoded = np.zeros(
            (self._encoded_words, encoder.inputs, max(WIDTHS[0], self._layout.kernel.width)), np.uint16
        )
        self._job.point(
            values=len(low), neurons_per_value=encoder.neurons_per_value, half=1 << (encoder.bits - 1),
            rounding=ROUNDINGS.index(encoder.rounding), centre=self._centre, reach=self._reach,
            table=self._addresses, encoded=self._encoded,
        )  # fmt: skip

    def forget(self) -> None:
        """Clear potentials, counters and spikes in flight; lanes and spike counts stay as they are."""
        self._state[:] = 0

    def repack(self, keep: npt.NDArray[np.bool_]) -> None:
        """Let the live lanes go that are not in `keep` (bool [live lanes])."""
        left = np.empty_like(self.live)
        kernel = self._layout.kernel
        kernel.library.lanes_repack(kernel.which, self._address, _pointer(np.ascontiguousarray(keep)), _pointer(left))
        self._set_live(left)


def warm_up() -> None:
    """Load the library, so that no deadline counts it."""
    library()


def decide_shared(networks: Sequence[Network], trains: Trains) -> tuple[Integers, Integers, npt.NDArray[np.int64]]:
    """One decision per lane from a cleared state, every network on the same trains: a data set.

    Args:
        trains: uint32 (words, inputs, lanes).

    Returns:
        choice and latency, int32 [networks, lanes], and the spikes of all neurons, int64 [all neurons].
    """
    compiled = compile_networks(networks)
    for inputs in np.unique(np.diff(compiled.inputs)):
        check_shape("trains", trains.shape, ("words", int(inputs), "lanes"))
    lanes = trains.shape[2]
    layout = _Layout(compiled, lanes)
    halves = _halves(trains)
    live, column = np.full(len(networks), lanes, np.int32), np.zeros(len(networks), np.int64)
    choice, latency = np.empty((2, len(networks), lanes), np.int32)
    spikes = np.zeros(len(layout.body), np.int64)
    job = layout.job()
    job.point(
        live=live, column=column, choice=choice, latency=latency, row_stride=lanes, spikes=spikes, **_feed(halves)
    )
    layout.kernel.library.lanes_decide(layout.kernel.which, ctypes.byref(job))
    return choice, latency, spikes


def choose(c: Compiled, lanes: int) -> Kernel:
    """The kernel that is fastest for so many lanes of such networks: see FEW and WIDTHS.

    Lanes are as narrow as static bounds on the potential allow, and blocks as wide as they are filled and cached.
    """
    neurons = int(np.diff(c.neurons).max(initial=1))
    if lanes <= FEW and neurons >= MANY and takes_events(c):
        return Kernel(1, 32)
    bits = 16 if _fits_16_bits(c) else 32
    fitting = [w for w in WIDTHS if w < 2 * lanes and 3 * neurons * w * bits // 8 <= CACHED]
    return Kernel(max(fitting, default=WIDTHS[0]), bits)


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


def _segment_sums(values: Integers, starts: Integers) -> npt.NDArray[np.int64]:
    total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return cast("npt.NDArray[np.int64]", total[starts[1:]] - total[starts[:-1]])


def _per_network(ufunc: np.ufunc, values: Integers, starts: Integers, initial: int) -> npt.NDArray[np.int64]:
    """`ufunc` reduced over each network's part of `values`, `initial` where there is none."""
    found = np.full(len(starts) - 1, initial, np.int64)
    filled = np.flatnonzero(np.diff(starts))
    if len(filled):
        found[filled] = ufunc(ufunc.reduceat(values, starts[filled]), initial)
    return found


def _room_for_halves(trains: Trains) -> npt.NDArray[np.uint16]:
    """Memory for the trains as words of 16 steps (words, inputs, lanes and a block more, which is read as padding)."""
    words, inputs, lanes = trains.shape
    return np.zeros((2 * words, inputs, lanes + max(WIDTHS)), np.uint16)


def _to_halves(trains: Trains, halves: npt.NDArray[np.uint16]) -> None:
    lanes = trains.shape[2]
    np.copyto(halves[0::2, :, :lanes], trains, casting="unsafe")  # the low half
    np.right_shift(trains, 16, out=halves[1::2, :, :lanes], casting="unsafe")


def _halves(trains: Trains) -> npt.NDArray[np.uint16]:
    halves = _room_for_halves(trains)
    _to_halves(trains, halves)
    return halves


def _feed(halves: npt.NDArray[np.uint16]) -> dict[str, Any]:
    words, inputs, stride = halves.shape
    return {"trains": halves, "train_words": words, "word_stride": inputs * stride, "channel_stride": stride}


@functools.lru_cache(maxsize=64)
def _table(encoder: Encoder, window: int, gain: int) -> npt.NDArray[np.uint16]:
    """The train of every quantised value: uint16 (2**bits + 1, neurons per value, words of 16 steps)."""
    q = np.arange((1 << encoder.bits) + 1)
    trains = encoder.encode(np.repeat(q[:, None], len(encoder.low), axis=1), window, gain)
    halves = _halves(trains[:, : encoder.neurons_per_value])[: -(-window // 16), :, : len(q)]
    return np.ascontiguousarray(halves.transpose(2, 1, 0))


def _aligned(size: int) -> Bytes:
    """Zeros that start where a cache line does."""
    memory = np.zeros(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size]


def _padded(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return -(-sizes // 64) * 64


def _pointer(array: npt.NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(_address(array))


def _address(array: npt.NDArray[Any]) -> int:
    """Where the array begins; `array.ctypes.data` takes three times as long."""
    return int(array.__array_interface__["data"][0])
