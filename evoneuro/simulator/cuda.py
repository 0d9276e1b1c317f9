"""The simulator on a GPU, through numba-cuda (extra `cuda`): one thread for each lane.

Without a GPU, NUMBA_ENABLE_CUDASIM=1 (set before Python starts) lets numba's own simulator run the same kernels in
Python: very slowly, for tests. An empty CUDA_VISIBLE_DEVICES hides the GPU, and with it this simulator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder, Feed, Output
from evoneuro.errors import EvoNeuroError
from evoneuro.network import Integers, Network
from evoneuro.neuron import Charges, Spikes, check_charges
from evoneuro.simulator.compiled import Compiled, compile_networks
from evoneuro.simulator.decided import NOTHING, Decided, Record, recorded_outputs
from evoneuro.simulator.encoding import ActsOnFeeds, Gains
from evoneuro.simulator.feed import check_own, check_shared

WARP = 32  # threads that march together
BLOCK = 128  # most threads in a block: small, so that early decisions free their places soon
RESIDENT = 2**18  # threads that fill the largest GPUs, and so the lanes of a data set that are in memory at a time

Launch = Any  # a compiled kernel
DeviceArray = Any  # numba's array in device memory


def available() -> bool:
    """Whether numba-cuda is installed and finds a GPU, or is told to simulate one."""
    if find_spec("numba_cuda") is None:
        return False
    from numba import cuda

    return bool(cuda.is_available())


class CudaSimulator(ActsOnFeeds):
    """P networks with `lanes` lanes each, on the GPU; state stays there from decision to decision until `clear`.

    Attributes:
        live: int32 [P], lanes of each network that still run (`repack` lets finished ones go).
        output: see `LaneSimulator`.

    Raises:
        EvoNeuroError: no GPU, or networks with different numbers of inputs, or of outputs that are recorded.
    """

    name = "cuda"
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
        self._device = _Device()
        self.networks = networks
        self.encoder, self.gains, self.record = encoder, gains, record
        self.lanes = lanes
        self.compiled = _compile(networks)
        self._genes = Compiled(*map(self._device.send, self.compiled))
        self._state = self._device.state(self.compiled, lanes)
        self._packed: Any = None  # where `repack` writes: made when it is first needed
        self._kept = _Kept(self._device)
        self._outputs = recorded_outputs(self.compiled) if record else 0
        self._unrecorded = Record(*map(self._device.send, NOTHING))
        self._result = self._device.empty((len(networks) * lanes, 2), np.int32)
        self.clear()

    @property
    def spikes(self) -> npt.NDArray[np.int64]:
        """Spikes since the last `clear`, over all lanes, int64 [all neurons]: a copy from the device."""
        found: npt.NDArray[np.int64] = self._spikes.copy_to_host()
        return found

    def clear(self) -> None:
        """Forget everything and let all lanes run again."""
        self._spikes = self._device.send(np.zeros(len(self.compiled.threshold), np.int64))
        self._set_live(np.full(len(self.networks), self.lanes, np.int32))
        self.forget()

    def forget(self) -> None:
        """Clear potentials, counters and spikes in flight; lanes and spike counts stay as they are."""
        self._fresh = True  # each thread clears its own lane when it starts

    def _set_live(self, live: Integers) -> None:
        self.live = live
        self._starts = np.concatenate([[0], np.cumsum(live[:-1], dtype=np.int64)])
        self._live_sent, self._starts_sent = self._device.send(live), self._device.send(self._starts)

    def run(self, charges: Charges) -> Spikes:
        """Simulate the batch's only network; arguments and result as in `evoneuro.neuron.Reference.run`."""
        assert len(self.networks) == 1, "run() records one network"
        network = self.networks[0]
        charges = check_charges(network, charges, self.lanes)
        steps = len(charges)
        if not steps or not self.lanes:
            return np.zeros((steps, self.lanes, network.neurons), np.uint8)
        sent = self._device.send(charges.transpose(0, 2, 1))
        raster = self._device.empty((steps, network.neurons, self.lanes), np.uint8)
        blocks, threads = _grid(self.lanes)
        kernel = self._device.kernel.run[blocks, threads]
        kernel(self._genes, sent, self._fresh, self._state, raster, self._spikes)
        self._fresh = False
        return np.ascontiguousarray(raster.copy_to_host().transpose(0, 2, 1))

    def decide(self, feed: Feed) -> tuple[Integers, Integers]:
        """One decision of every live lane: see `LaneSimulator`."""
        total = int(self.live.sum())
        graded = check_own(self.compiled, feed, self.live, total)
        record = Record.room(self.compiled, self._outputs, 1, total) if self.record else NOTHING
        if self.record:
            self.output = record.together(self.compiled)
        if not total:
            return np.empty(0, np.int32), np.empty(0, np.int32)
        blocks, threads = _grid(int(self.live.max()))
        sent = self._kept.send(feed.dtype.name, feed)
        written = Record(*map(self._kept.room, Record._fields, record)) if self.record else self._unrecorded
        self._device.kernel.deciding(graded, self.record)[blocks * len(self.live), threads](
            self._genes, blocks, self._live_sent, sent, self._starts_sent, self._starts_sent, self._fresh, self._state,
            self._result, self._spikes, *written,
        )  # fmt: skip
        self._fresh = False
        _bring(written, record)
        choice, latency = np.ascontiguousarray(self._result[:total].copy_to_host().T)
        return choice, latency

    def repack(self, keep: npt.NDArray[np.bool_]) -> None:
        """Let the live lanes go that are not in `keep`: see `LaneSimulator`."""
        owner = np.repeat(np.arange(len(self.live)), self.live)
        column = np.arange(len(owner)) - self._starts[owner]
        self._set_live(np.bincount(owner[keep], minlength=len(self.live)).astype(np.int32))
        if not self.live.any() or self._fresh:  # nothing to move
            return
        source = self._device.send(column[keep].astype(np.int32))
        if self._packed is None:
            self._packed = self._device.state(self.compiled, self.lanes)
        blocks, threads = _grid(int(self.live.max()))
        self._device.kernel.repack[blocks * len(self.live), threads](
            self._genes, blocks, self._live_sent, self._starts_sent, source, self._state, self._packed
        )
        self._state, self._packed = self._packed, self._state


def decide_shared(networks: Sequence[Network], feed: Feed, record: bool = False) -> Decided:
    """One decision of every network on the same feed: see `evoneuro.simulator.lanes.decide_shared`."""
    device = _Device()
    compiled = _compile(networks)
    graded = check_shared(compiled, feed)
    count, lanes = len(networks), feed.shape[2]
    recorded = Record.room(compiled, recorded_outputs(compiled), count, lanes) if record else NOTHING
    output = recorded.each(compiled) if record else ()
    if not count or not lanes:
        nothing = np.empty((count, lanes), np.int32)
        return Decided(nothing, nothing.copy(), np.zeros(len(compiled.threshold), np.int64), output)
    blocks, threads = _grid(min(lanes, max(BLOCK, RESIDENT // count)))
    state = device.state(compiled, min(lanes, blocks * threads))
    result = device.empty((count * lanes, 2), np.int32)
    spikes = device.send(np.zeros(len(compiled.threshold), np.int64))
    live, first = np.full(count, lanes, np.int32), np.zeros(count, np.int64)
    written = Record(*map(device.send, recorded))
    device.kernel.deciding(graded, record)[blocks * count, threads](
        Compiled(*map(device.send, compiled)), blocks, device.send(live), device.send(feed), device.send(first),
        device.send(np.arange(count) * lanes), True, state, result, spikes, *written,
    )  # fmt: skip
    choice, latency = np.ascontiguousarray(result.copy_to_host().T).reshape(2, count, lanes)
    _bring(written, recorded)
    return Decided(choice, latency, spikes.copy_to_host(), output)


def _bring(written: Sequence[DeviceArray], record: Record) -> None:
    """Copy what a kernel wrote on the device, if anything is recorded."""
    for place, array in zip(written, record, strict=True):
        if array.size:
            place.copy_to_host(array)


def warm_up() -> None:
    """Compile what evaluation needs: numba-cuda does so once in every process."""
    none: list[int] = []
    genes: dict[str, Any] = {"threshold": [1], "leak": [0], "refractory": [0], "inputs": [0], "outputs": [0]}
    synapses: dict[str, Any] = {"pre": none, "post": none, "weight": none, "delay": none}
    simulator = CudaSimulator([Network(ids=np.zeros(1, np.int64), window=1, **genes, **synapses)])
    simulator.decide(np.zeros((1, 1, 1), np.uint32))
    simulator.repack(np.ones(1, bool))


class _Device:
    """The GPU: its memory, and the kernels.

    Raises:
        EvoNeuroError: there is none.
    """

    def __init__(self) -> None:
        if not available():
            raise EvoNeuroError(_missing())
        from numba import cuda

        from evoneuro.simulator import cuda_kernel

        self.empty: Callable[..., DeviceArray] = cuda.device_array
        self.kernel: Any = cuda_kernel
        self._send: Callable[..., DeviceArray] = cuda.to_device

    def send(self, array: npt.NDArray[Any]) -> DeviceArray:
        """A copy in device memory. An axis of length 0 becomes a row of zeros that no kernel reads as anything."""
        if not array.size:
            array = np.zeros([max(1, length) for length in array.shape], array.dtype)
        return self._send(np.ascontiguousarray(array))

    def state(self, compiled: Compiled, columns: int) -> Any:
        """State of every network with `columns` columns, not cleared."""
        neurons = (len(compiled.threshold), columns)
        return self.kernel.State(
            v=self.empty(neurons, np.int32),
            r=self.empty(neurons, np.int32),
            past=self.empty((int(compiled.words.max(initial=1)), *neurons), np.uint32),
            clock=self.empty((len(compiled.words), columns), np.int32),
            counts=self.empty((max(1, len(compiled.output_neuron)), columns), np.int32),
        )


class _Kept:
    """Device memory that is kept by name: to allocate it anew for each decision would take longer."""

    def __init__(self, device: _Device) -> None:
        self._device = device
        self._memory: dict[str, DeviceArray] = {}

    def room(self, name: str, array: npt.NDArray[Any]) -> DeviceArray:
        """Memory for an array of this shape and type, not cleared."""
        return self._flat(name, array).reshape(array.shape)

    def send(self, name: str, array: npt.NDArray[Any]) -> DeviceArray:
        """A copy of the array."""
        if not array.size:
            return self._device.send(array)
        place = self._flat(name, array)
        place.copy_to_device(np.ascontiguousarray(array).ravel())
        return place.reshape(array.shape)

    def _flat(self, name: str, array: npt.NDArray[Any]) -> DeviceArray:
        kept = self._memory.get(name)
        if kept is None or kept.size < array.size:
            kept = self._memory[name] = self._device.empty(array.size, array.dtype)
        return kept[: array.size]


def _missing() -> str:
    install = "pip install 'evoneuro[cuda]'"
    if find_spec("numba_cuda") is None:
        return f"simulator 'cuda': numba-cuda is not installed; {install}, or use the simulator 'numba'"
    return (
        "simulator 'cuda': numba-cuda finds no NVIDIA GPU, driver or CUDA toolkit that it can use; see "
        f"`nvidia-smi` for the driver, {install} for the toolkit, or use the simulator 'numba'"
    )


def _compile(networks: Sequence[Network]) -> Compiled:
    """The flat arrays of `networks`; a ring needs a slot more than the longest delay."""
    words = [int(network.delay.max(initial=1)) // 32 + 1 for network in networks]
    return compile_networks(networks)._replace(words=np.array(words, np.int32))


def _grid(lanes: int) -> tuple[int, int]:
    """Blocks and threads in each, enough for `lanes` lanes of one network."""
    threads = min(BLOCK, -(-lanes // WARP) * WARP)
    return -(-lanes // threads), threads
