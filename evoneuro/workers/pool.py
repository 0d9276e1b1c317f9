"""The contract of a pool of workers, and what its two implementations share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from evoneuro import parcel
from evoneuro.errors import EvoNeuroError, check_integer
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.network import Network

Results = list[tuple[int, Evaluation]]

TARGET_SECONDS = 0.2  # work per batch: far above what a message costs, short enough to journal and interrupt between
# The decisions of an episode come one after another: a batch of long episodes costs almost the same with few
# networks as with many. So batches hold as many that this part is a small one, as long as no more than LONGEST_SECONDS
# are lost with a worker.
LEAST_BATCH = 512  # networks, as long as it is not known how much that is
SPREAD = 0.05  # of sizes: their variance over the square of their mean, from which on a line says something
START_SHARE = 0.1  # of a batch's seconds that may not depend on its size
LONGEST_SECONDS = 10.0
MEMORY = 0.9  # weight of a batch beside the next one
FIRST_BATCH = 16  # networks, as long as nothing has been measured
MESSAGE_SECONDS = 0.003  # of the driver for each batch: Ray, packing, the journal (results/cluster_plan)
PATIENCE = 5.0  # a batch may take this many times as long as expected


class Pool(Protocol):
    """Workers that hold a task and evaluate networks on it.

    Attributes:
        workers: processes that evaluate; 0 when that is this process.
        alive: how many of them are there now, and have the task.
        busy: seconds that the workers themselves have evaluated, all batches together.
        draining: asked now and then; once it says yes, no more batches begin, and `evaluate` ends when those in flight
            have come back.
    """

    workers: int
    draining: Callable[[], bool]

    @property
    def busy(self) -> float:
        """Seconds that the workers themselves have evaluated, all batches together."""
        ...

    @property
    def alive(self) -> int:
        """How many workers there are now, and have the task."""
        ...

    def evaluate(self, networks: Sequence[Network], cases: Cases) -> Iterator[Results]:
        """Evaluate all networks on the same cases.

        Yields what has come back, one batch or more at a time: pairs of a position in `networks` and its `Evaluation`.
        Every position comes exactly once, in any order; a candidate that raised, hung or crashed comes as a failure
        with its reason.
        What a network scores depends on the network and the cases only, not on batches, workers or their accidents.

        Raises:
            PluginError: a worker could not build the task.
            RunError: no worker can be kept alive.
        """
        ...

    def close(self) -> None:
        """End the workers; a second call does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Pace:
    """How long a batch takes, learned while batches come back; it sets the size of the next and its deadline.

    A batch of n networks takes start + n * each seconds: a line through batches of different sizes says both.
    """

    def __init__(self, timeout: float, target: float = TARGET_SECONDS) -> None:
        self.timeout, self.target = timeout, target
        self.busy = 0.0  # seconds of all batches together
        self.seconds: float | None = None  # per network
        self.line: tuple[float, float] | None = None  # start and each, once they are known
        self._sums = np.zeros(5)  # of 1, n, n * n, seconds, n * seconds; what is older counts less

    def record(self, networks: int, seconds: float) -> None:
        """A batch of `networks` took `seconds`."""
        self.busy += seconds
        latest = seconds / networks
        self.seconds = latest if self.seconds is None else (self.seconds + latest) / 2
        self._sums = MEMORY * self._sums + [1, networks, networks**2, seconds, networks * seconds]
        n, nn, t, nt = (self._sums[1:] / self._sums[0]).tolist()
        if nn - n * n > SPREAD * n * n:
            each = (nt - n * t) / (nn - n * n)
            self.line = (max(t - each * n, 0.0), each) if each > 0 else None

    def size(self) -> int:
        """Networks that make one batch of `target` seconds, or a longer one where they would be few; at least one.

        A batch costs much that does not depend on its size, so a small batch makes each network look slow, and must
        not make the next one smaller still.
        """
        if self.seconds is None:
            return FIRST_BATCH
        if self.line is None:
            each = max(self.seconds, 1e-6)
            return max(1, int(self.target / each), min(LEAST_BATCH, int(LONGEST_SECONDS / each)))
        start, each = self.line
        longest = max(self.target, start / START_SHARE)
        return max(1, int((min(longest, LONGEST_SECONDS) - start) / each))

    def share(self, total: int, workers: int) -> int:
        """Networks in a batch, of `total` for so many workers.

        `size` decides how many rounds there are, and each worker gets one share of each. The number of rounds is
        rounded, not rounded up: the lanes of a larger batch cost less each. Where workers are so many that the driver
        would be busy with their messages, batches are larger, and some workers get none: n networks each take
        n * seconds on a worker and total / n * MESSAGE_SECONDS on the driver, which are equal for the least sum.
        """
        rounds = max(1, round(total / (workers * self.size())))
        least = math.sqrt(total * MESSAGE_SECONDS / max(self.seconds, 1e-6)) if self.seconds else 1.0
        return min(total, max(math.ceil(total / (workers * rounds)), round(least)))

    def limit(self, networks: int) -> float:
        """Seconds after which a batch of `networks` counts as hanging: the timeout, or more if much is expected."""
        return max(self.timeout, PATIENCE * (self.seconds or 0.0) * networks)


def open_pool(
    task_name: str,
    parameters: Mapping[str, Any],
    workers: int | None,
    address: str = "local",
    timeout: float = 60.0,
    target: float = TARGET_SECONDS,
    coding: Sequence[str] = (),
    arrays: Mapping[str, npt.NDArray[Any]] | None = None,
    memory: float | None = None,
    notes: Path | None = None,
) -> Pool:
    """The pool that evaluates on the named task.

    Args:
        task_name: a registered name, `package.module:Class` or `path/file.py:Class`. What is not installed is sent to
            the workers as it stands now (see `evoneuro.parcel`).
        parameters: of the task.
        workers: 0 evaluates in this process, without Ray; None takes one worker per processor.
        address: "local" starts Ray on this machine; "auto", `HOST:PORT` or `ray://HOST:PORT` joins a running cluster.
        timeout: seconds without an answer after which a candidate counts as hanging.
        target: seconds of work that a batch should hold.
        arrays: what the task has loaded (`Task.loaded_arrays`), for workers to share; None: each loads by itself.
        coding: kinds of encoder and decoder that networks come with; plugins among them are sent along.
        memory: GiB that the task's code may allocate in each worker; 0: no limit; None: its share of the machine's.
        notes: a folder for what the next process should know if this one dies of a candidate (workers 0 alone).

    Raises:
        EvoNeuroError: a wrong argument, more files than can be sent, no Ray, or no cluster at `address`.
        PluginError: the task cannot be built.
    """
    if timeout <= 0:
        raise EvoNeuroError(f"timeout: expected seconds above 0, got {timeout:g}")
    if workers is not None:
        check_integer("workers", workers, 0, 2**16)
    if workers == 0:
        if address != "local":
            raise EvoNeuroError(f"workers 0 evaluates in this process and uses no cluster; drop the address {address}")
        from evoneuro.workers.local import LocalPool

        return LocalPool.of(task_name, parameters, timeout, target, arrays, memory, notes)
    from evoneuro.plugins import absolute
    from evoneuro.workers.ray_pool import RayPool

    name = absolute(task_name)
    files = _files([name, *coding], parameters, local=address == "local", shared=arrays is not None)
    return RayPool(name, parameters, workers, address, timeout, target, files, arrays, memory)


def _files(names: Sequence[str], parameters: Mapping[str, Any], local: bool, shared: bool) -> parcel.Parcel | None:
    """What travels with the plugins; of files that are too much to send, the code, or nothing if that will do.

    Args:
        local: the workers are on this machine and find all files.
        shared: they are given what the task has loaded from its files.
    """
    try:
        return parcel.pack(names, parameters)
    except EvoNeuroError:
        if local:
            return None
        if shared:
            return parcel.pack(names, parameters, kinds=parcel.CODE)
        raise
