"""The contract of a pool of workers, and what its two implementations share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy.typing as npt

from evoneuro import parcel
from evoneuro.errors import EvoNeuroError, check_integer
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.network import Network

Results = list[tuple[int, Evaluation]]

TARGET_SECONDS = 0.2  # work per batch: far above what a message costs, short enough to journal and interrupt between
# The decisions of an episode come one after another: a batch of long episodes costs almost the same with few
# networks as with many, so they go together, as long as no more than this is lost with a worker.
LEAST_BATCH = 512  # networks, if they take no longer than LONGEST_SECONDS
LONGEST_SECONDS = 10.0
FIRST_BATCH = 16  # networks, as long as nothing has been measured
PATIENCE = 5.0  # a batch may take this many times as long as expected


class Pool(Protocol):
    """Workers that hold a task and evaluate networks on it.

    Attributes:
        workers: processes that evaluate; 0 when that is this process.
        busy: seconds that the workers themselves have evaluated, all batches together.
        draining: asked now and then; once it says yes, no more batches begin, and `evaluate` ends when those in flight
            have come back.
    """

    workers: int
    draining: Callable[[], bool]

    @property
    def busy(self) -> float: ...

    def evaluate(self, networks: Sequence[Network], cases: Cases) -> Iterator[Results]:
        """Evaluate all networks on the same cases.

        Yields the batches as they come back: pairs of a position in `networks` and its `Evaluation`. Every position
        comes exactly once, in any order; a candidate that raised, hung or crashed comes as a failure with its reason.
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
    """How long one network takes, learned while batches come back; it sets the size of the next and its deadline."""

    def __init__(self, timeout: float, target: float = TARGET_SECONDS) -> None:
        self.timeout, self.target = timeout, target
        self.busy = 0.0  # seconds of all batches together
        self.seconds: float | None = None  # per network

    def record(self, networks: int, seconds: float) -> None:
        """A batch of `networks` took `seconds`."""
        self.busy += seconds
        latest = seconds / networks
        self.seconds = latest if self.seconds is None else (self.seconds + latest) / 2

    def size(self) -> int:
        """Networks that make one batch of `target` seconds, or a longer one where they would be few; at least one.

        A batch costs much that does not depend on its size (an episode's decisions come one after another), so a
        small batch makes each network look slow, and must not make the next one smaller still.
        """
        if self.seconds is None:
            return FIRST_BATCH
        each = max(self.seconds, 1e-6)
        return max(1, int(self.target / each), min(LEAST_BATCH, int(LONGEST_SECONDS / each)))

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
