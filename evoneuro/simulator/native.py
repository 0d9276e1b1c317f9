"""The lane kernel in C (`native/lanes.c`), for whoever had a compiler when the package was installed.

The library is called through ctypes: it needs neither Python's headers nor a build for each of its versions, and a
call releases the interpreter lock. Where it is missing, `evoneuro.simulator.jit` does the same on numba.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import machinery
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Feed, Output, Trains
from evoneuro.coding.encoders import ROUNDINGS, UNIT_GAIN, Encoder
from evoneuro.errors import EvoNeuroError, check_shape
from evoneuro.network import Integers, Network
from evoneuro.neuron import Charges, Spikes, check_charges
from evoneuro.physics import Floats, Physics
from evoneuro.simulator.compiled import compile_networks
from evoneuro.simulator.decided import Decided, Record, recorded_outputs
from evoneuro.simulator.encoding import ActsOnFeeds, Gains
from evoneuro.simulator.feed import check_own, check_shared
from evoneuro.simulator.layout import LANE_BITS, WIDTHS, Layout, Variant, aligned, choose

INSTRUCTIONS = ("avx512", "avx2", "base")

_Field = tuple[str, type[ctypes.c_int64] | type[ctypes.c_void_p]]


def _fields(kind: type[ctypes.c_int64] | type[ctypes.c_void_p], names: str) -> list[_Field]:
    return [(name, kind) for name in names.split()]


class _Job(ctypes.Structure):
    """`job` in lanes.c: pointers, and a few numbers."""

    _fields_ = [
        *_fields(ctypes.c_int64, "networks"),
        *_fields(ctypes.c_void_p, "neuron_start synapse_start output_start input_start block_bytes settings"),
        *_fields(ctypes.c_void_p, "body synapses output input"),
        *_fields(ctypes.c_void_p, "state state_start block_start now scratch counts drive live column trains"),
        *_fields(ctypes.c_int64, "train_words word_stride channel_stride"),
        *_fields(ctypes.c_void_p, "charges"),
        *_fields(ctypes.c_int64, "charge_steps charge_stride"),
        *_fields(ctypes.c_void_p, "observations"),
        *_fields(ctypes.c_int64, "values neurons_per_value half rounding"),
        *_fields(ctypes.c_void_p, "centre reach table encoded choice latency"),
        *_fields(ctypes.c_int64, "row_stride"),
        *_fields(ctypes.c_void_p, "spikes record potential"),
        *_fields(ctypes.c_int64, "record_words record_stride"),
    ]

    def point(self, **arrays: npt.NDArray[Any] | int | None) -> None:
        """Set fields: an array's address, a number, or null. The caller keeps the arrays."""
        for name, value in arrays.items():
            setattr(self, name, _address(value) if isinstance(value, np.ndarray) else value)


class _Episodes(ctypes.Structure):
    """`episodes` in lanes.c."""

    _fields_ = [
        *_fields(ctypes.c_void_p, "advance"),
        *_fields(ctypes.c_int64, "numbers count limit"),
        *_fields(ctypes.c_void_p, "state parameters observation reward over live column lane returns steps decisions"),
    ]


@dataclass(frozen=True)
class Episodes:
    """What became of episodes, network after network.

    Attributes:
        returns: float64 [lanes], sums of rewards.
        steps: int64 [lanes], steps until all decisions.
        decisions: int64 [lanes].
    """

    returns: Floats
    steps: npt.NDArray[np.int64]
    decisions: npt.NDArray[np.int64]


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
    return str(_library().lanes_set(_which(Variant(WIDTHS[0], LANE_BITS[0]))).decode())


def variants() -> list[Variant]:
    """All variants that run on this processor."""
    vectors = [Variant(w, bits, name) for name, w, bits in itertools.product(INSTRUCTIONS, WIDTHS, LANE_BITS)]
    return [variant for variant in (*vectors, Variant(1, 32, "events")) if _found(variant) >= 0]


def _library() -> ctypes.CDLL:
    found = library()
    if found is None:
        raise EvoNeuroError(
            "the C kernel is not built: install evoneuro where there is a C compiler, or use simulator numba"
        )
    return found


def _which(variant: Variant) -> int:
    """The library's number of a variant."""
    number = _found(variant)
    if number < 0:
        raise EvoNeuroError(f"the C kernel has no variant {variant} on this machine")
    return number


def _found(variant: Variant) -> int:
    name = variant.instructions
    return int(_library().lanes_kernel(name and name.encode(), variant.width, variant.bits))


def _job(layout: Layout) -> _Job:
    """A job on these networks; whoever calls fills in the rest."""
    job = _Job(networks=len(layout.neuron_start) - 1)
    names = "neuron_start synapse_start output_start input_start block_bytes settings body synapses output input"
    job.point(**{name: getattr(layout, name) for name in (*names.split(), "scratch", "counts", "drive")})
    return job


class NativeSimulator(ActsOnFeeds):
    """P networks with `lanes` lanes each; state persists from decision to decision until `clear`.

    Attributes:
        live: int32 [P], lanes of each network that still run (`repack` lets finished ones go).
        spikes: int64 [all neurons], spikes since the last `clear`, over all lanes.
        output: see `LaneSimulator`.
    """

    name = "native"
    output: Output

    def __init__(
        self,
        networks: Sequence[Network],
        lanes: int = 1,
        encoder: Encoder | None = None,
        gains: Gains | None = None,
        record: bool = False,
    ) -> None:
        self.networks = networks
        self.encoder, self.gains, self.record = encoder, gains, record
        self.lanes = lanes
        self.compiled = compile_networks(networks)
        if (np.diff(self.compiled.inputs) != self.compiled.inputs[1]).any():
            raise EvoNeuroError("a batch needs networks with equally many inputs")
        self._variant = choose(self.compiled, lanes)
        self._which, self._library = _which(self._variant), _library()
        self._layout = Layout(self.compiled, self._variant)
        self._window = int(self.compiled.window.max())
        self._inputs = int(self.compiled.inputs[1])
        self._job = _job(self._layout)
        self._address = ctypes.c_void_p(ctypes.addressof(self._job))
        self._looks_up = encoder is not None and encoder.tabular and not encoder.graded
        if encoder is not None and self._looks_up:
            self._encode_with(encoder, gains)
        self._outputs = recorded_outputs(self.compiled) if record else 0
        self.clear()

    def clear(self) -> None:
        """Forget everything and let all lanes run again."""
        layout = self._layout
        blocks = -(-self.lanes // self._variant.width)
        self._blocks = np.arange(len(self.networks), dtype=np.int64) * blocks
        sizes = layout.block_bytes * blocks
        self._starts = np.cumsum(sizes) - sizes
        self._state = aligned(int(sizes.sum()))
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
        self._job.point(
            live=live, column=self._column, choice=self._choice, latency=self._latency, row_stride=0,
            record_stride=self._total,
        )  # fmt: skip

    def run(self, charges: Charges) -> Spikes:
        """Simulate the batch's only network; arguments and result as in `evoneuro.neuron.Reference.run`."""
        assert len(self.networks) == 1, "run() records one network"
        network = self.networks[0]
        charges = np.ascontiguousarray(check_charges(network, charges, self.lanes))
        raster = np.zeros((len(charges), self.lanes, network.neurons), np.uint8)
        self._library.lanes_run(
            self._which, self._address, _pointer(charges), ctypes.c_int64(len(charges)), _pointer(raster)
        )
        return raster

    def decide(self, feed: Feed) -> tuple[Integers, Integers]:
        """One decision of every live lane: see `LaneSimulator`."""
        graded = check_own(self.compiled, feed, self.live, self._total)
        self._job.observations = None
        if graded:
            return self._decide_on_charges(np.ascontiguousarray(feed))
        if self._halves is None or self._halves.shape[0] != 2 * len(feed):
            self._halves = _room_for_halves(feed)
            self._job.point(**_trains(self._halves))
        _to_halves(feed, self._halves)
        self._job.train_words = 2 * len(feed)
        return self._decide()

    def _decide_on_charges(self, charges: Integers) -> tuple[Integers, Integers]:
        self._job.point(**_charges(charges))
        found = self._decide()
        self._job.charges = None
        return found

    def act(self, observations: npt.NDArray[np.float64]) -> tuple[Integers, Integers]:
        """One decision of every live lane on observations: see `LaneSimulator`."""
        if not self._looks_up:
            return super().act(observations)
        if observations.shape != (self._total, len(self._centre)):
            check_shape("observations", observations.shape, (self._total, len(self._centre)))
        seen = np.ascontiguousarray(observations, np.float64)
        self._job.observations = _address(seen)
        self._job.train_words = self._encoded_words
        return self._decide()

    def _decide(self) -> tuple[Integers, Integers]:
        if self.record:
            record = Record.room(self.compiled, self._outputs, 1, self._total)
            self._job.point(**_recorded(record))
            self.output = record.together(self.compiled)
        self._library.lanes_decide(self._which, self._address)
        return self._choice.copy(), self._latency.copy()

    def _encode_with(self, encoder: Encoder, gains: Gains | None) -> None:
        """Prepare `act`: one table of trains for each gain that a network has."""
        gains = np.full(len(self.networks), encoder.gain) if gains is None else gains
        # `_table` is told the gain; the encoder's own, which is that of the batch's first network, must not tell
        # equal tables apart
        plain = replace(encoder, gain=UNIT_GAIN)
        tables = {int(gain): _table(plain, self._window, int(gain)) for gain in np.unique(gains)}
        self._tables = tables
        self._addresses = np.array([tables[int(gain)].ctypes.data for gain in gains], np.uint64)
        low, high = np.array(encoder.low), np.array(encoder.high)
        self._centre, self._reach = (low + high) / 2, (high - low) / 2
        self._encoded_words = -(-self._window // 16)
        self._encoded = np.zeros((self._encoded_words, encoder.inputs, max(WIDTHS[0], self._variant.width)), np.uint16)
        self._job.point(
            values=len(low), neurons_per_value=encoder.neurons_per_value, half=1 << (encoder.bits - 1),
            rounding=ROUNDINGS.index(encoder.rounding), centre=self._centre, reach=self._reach,
            table=self._addresses, encoded=self._encoded,
        )  # fmt: skip

    def episodes(self, physics: Physics, state: Floats, observations: Floats, limit: int) -> Episodes | None:
        """Decide and advance until every episode is over.

        Args:
            state: (live lanes, numbers) at the start.
            observations: (live lanes, values), of it.
            limit: decisions of the longest episode.

        Returns:
            None if some number was not finite; the simulator is then of no more use.

        Raises:
            EvoNeuroError: the encoder or the decoder is not one that runs in C (see `loops`).
        """
        assert self.loops, "the encoder runs on the host, or outputs are recorded"
        found = Episodes(np.zeros(self._total), *np.zeros((2, self._total), np.int64))
        live = self.live.copy()
        arrays: dict[str, npt.NDArray[Any]] = {
            "state": np.array(state, np.float64, order="C"),
            "parameters": physics.parameters,
            "observation": np.array(observations, np.float64, order="C"),
            "reward": np.empty(self._total),
            "over": np.empty(self._total, np.bool_),
            "live": live,
            "column": self._column.copy(),
            "lane": np.arange(self._total),
            "returns": found.returns,
            "steps": found.steps,
            "decisions": found.decisions,
        }
        episodes = _Episodes(
            advance=physics.function.address, numbers=state.shape[1], count=len(physics.parameters), limit=limit,
            **{name: _address(array) for name, array in arrays.items()},
        )  # fmt: skip
        self._job.train_words = self._encoded_words
        failed = self._library.lanes_episodes(
            self._which, self._address, ctypes.byref(episodes), ctypes.c_int64(self._total)
        )
        self._set_live(live)
        return None if failed else found

    @property
    def loops(self) -> bool:
        """Whether `episodes` can run."""
        return self._looks_up and not self.record

    def forget(self) -> None:
        """Clear potentials, counters and spikes in flight; lanes and spike counts stay as they are."""
        self._state[:] = 0

    def repack(self, keep: npt.NDArray[np.bool_]) -> None:
        """Let the live lanes go that are not in `keep`: see `LaneSimulator`."""
        left = np.empty_like(self.live)
        self._library.lanes_repack(self._which, self._address, _pointer(np.ascontiguousarray(keep)), _pointer(left))
        self._set_live(left)


def warm_up() -> None:
    """Load the library, so that no deadline counts it."""
    library()


def decide_shared(networks: Sequence[Network], feed: Feed, record: bool = False) -> Decided:
    """One decision of every network on the same feed: see `evoneuro.simulator.lanes.decide_shared`."""
    compiled = compile_networks(networks)
    graded = check_shared(compiled, feed)
    lanes = feed.shape[2]
    variant = choose(compiled, lanes)
    layout = Layout(compiled, variant)
    fed: Feed = np.ascontiguousarray(feed) if graded else _halves(feed)
    live, column = np.full(len(networks), lanes, np.int32), np.zeros(len(networks), np.int64)
    choice, latency = np.empty((2, len(networks), lanes), np.int32)
    spikes = np.zeros(len(layout.body), np.int64)
    job = _job(layout)
    job.point(
        live=live, column=column, choice=choice, latency=latency, row_stride=lanes, spikes=spikes,
        **(_charges(fed) if graded else _trains(fed)),
    )  # fmt: skip
    output: tuple[Output, ...] = ()
    if record:
        written = Record.room(compiled, recorded_outputs(compiled), len(networks), lanes)
        job.point(**_recorded(written), record_stride=lanes)
        output = written.each(compiled)
    _library().lanes_decide(_which(variant), ctypes.byref(job))
    return Decided(choice, latency, spikes, output)


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


def _trains(halves: npt.NDArray[np.uint16]) -> dict[str, Any]:
    words, inputs, stride = halves.shape
    return {"trains": halves, "train_words": words, "word_stride": inputs * stride, "channel_stride": stride}


def _charges(charges: Integers) -> dict[str, Any]:
    steps, _, stride = charges.shape
    return {"charges": charges, "charge_steps": steps, "charge_stride": stride}


def _recorded(record: Record) -> dict[str, Any]:
    return {"record": record.trains, "potential": record.potentials, "record_words": record.trains.shape[1]}


@functools.lru_cache(maxsize=64)
def _table(encoder: Encoder, window: int, gain: int) -> npt.NDArray[np.uint16]:
    """The train of every quantised value: uint16 (2**bits + 1, neurons per value, words of 16 steps)."""
    q = np.arange((1 << encoder.bits) + 1)
    trains = encoder.encode(np.repeat(q[:, None], len(encoder.low), axis=1), window, gain)
    halves = _halves(trains[:, : encoder.neurons_per_value])[: -(-window // 16), :, : len(q)]
    return np.ascontiguousarray(halves.transpose(2, 1, 0))


def _pointer(array: npt.NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(_address(array))


def _address(array: npt.NDArray[Any]) -> int:
    """Where the array begins; `array.ctypes.data` takes three times as long."""
    return int(array.__array_interface__["data"][0])
