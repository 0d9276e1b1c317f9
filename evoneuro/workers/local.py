"""Evaluation in this process: no Ray, nothing to start, one processor."""

from __future__ import annotations

import faulthandler
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from evoneuro.deadline import NoAnswer, deadline
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.network import Network
from evoneuro.networks import Networks
from evoneuro.stopping import Stop, is_stoppable
from evoneuro.task import Task
from evoneuro.workers.apart import Apart
from evoneuro.workers.fence import fenced, memory_share
from evoneuro.workers.flight import Flight
from evoneuro.workers.pool import FIRST_BATCH, TARGET_SECONDS, Pace, Results
from evoneuro.workers.worker import CRASHED, STRIKES, Arrays, build_task, evaluate_batch

GRACE = 10.0  # seconds past its deadline in which a hang must let the alarm through


class LocalPool:
    """A pool without workers.

    A task that hangs is interrupted after the timeout, where `evoneuro.deadline` reaches it; where it does not, and
    where a task ends the process, the run ends, too. Its next resumption tries again, and the one after that evaluates
    the candidates that were in flight in a process of their own, which may die of them (`evoneuro.workers.flight`).
    """

    workers = alive = 0

    def __init__(
        self, task: Task, timeout: float = 60.0, target: float = TARGET_SECONDS, memory: float | None = None
    ) -> None:
        self.draining: Callable[[], bool] = lambda: False
        self._task = task
        self._pace = Pace(timeout, target)
        self._memory = memory_share(memory, 1)
        self._flight: Flight | None = None
        self._apart: Apart | None = None

    @classmethod
    def of(
        cls,
        task_name: str,
        parameters: Mapping[str, Any],
        timeout: float,
        target: float,
        arrays: Arrays | None = None,
        memory: float | None = None,
        notes: Path | None = None,
    ) -> LocalPool:
        """The pool of the named task; `notes` is a folder for what a later process should know if this one dies."""
        pool = cls(build_task(task_name, parameters, arrays), timeout, target, memory)
        if notes is not None and hasattr(os, "fork"):
            pool._flight = Flight(notes)
            pool._apart = Apart(task_name, parameters, timeout, memory)
        return pool

    @property
    def busy(self) -> float:
        """See `evoneuro.workers.pool.Pool`."""
        return self._pace.busy

    def evaluate(self, networks: Sequence[Network], cases: Cases) -> Iterator[Results]:
        """See `evoneuro.workers.pool.Pool`; batches come back in order."""
        batch = Networks.of(networks)
        names = self._names(batch, cases)
        apart = self._suspects(names)
        yield from self._evaluate_apart(batch, cases, names, apart)
        left = [i for i in range(len(batch)) if i not in apart]
        while left and not self.draining():
            size = max(FIRST_BATCH, self._pace.size())
            positions, left = left[:size], left[size:]
            self._begin(names, positions)
            for results in self._batch(positions, batch.take(positions), cases):
                self._landed()  # whatever ends the process from here on, no candidate does
                yield results

    # What may end this process

    def _names(self, networks: Networks, cases: Cases) -> list[str]:
        """What tells a later process of the same run who was in flight."""
        if self._flight is None:
            return []
        on = hashlib.blake2b(repr(cases).encode(), digest_size=4).hexdigest()
        return [f"{name}-{on}" for name in networks.fingerprints()]

    def _suspects(self, names: Sequence[str]) -> set[int]:
        return set() if self._flight is None else self._flight.suspects(names)

    def _begin(self, names: Sequence[str], positions: Sequence[int]) -> None:
        if self._flight is not None:
            self._flight.begin(names[i] for i in positions)

    def _landed(self) -> None:
        if self._flight is not None:
            self._flight.landed()

    def _evaluate_apart(
        self, networks: Networks, cases: Cases, names: Sequence[str], positions: set[int]
    ) -> Iterator[Results]:
        for i in sorted(positions):
            assert self._apart is not None
            assert self._flight is not None
            if self.draining():
                return
            self._begin(names, sorted(positions))
            evaluation = self._apart.evaluate(networks[i], cases)
            if (evaluation.failure or "").startswith(CRASHED):
                self._flight.killed()
            self._landed()
            yield [(i, evaluation)]

    def _batch(self, positions: Sequence[int], networks: Networks, cases: Cases, tries: int = 1) -> Iterator[Results]:
        """The results of one batch, together; or one by one if it hangs."""
        limit = self._pace.limit(len(networks))
        began = time.perf_counter()
        passing = (Stop, NoAnswer) if is_stoppable() else (KeyboardInterrupt, NoAnswer)
        try:
            with _watched(limit + GRACE), fenced(self._memory), deadline(limit):
                results = evaluate_batch(self._task, networks, cases, passing=passing)
        except NoAnswer:
            if len(networks) > 1:
                for k, position in enumerate(positions):
                    yield from self._batch([position], networks.take([k]), cases)
            elif tries < STRIKES:
                yield from self._batch(positions, networks, cases, tries + 1)
            else:
                yield [(positions[0], Evaluation.failed(f"no answer within {limit:g} s"))]
            return
        self._pace.record(len(networks), time.perf_counter() - began)
        yield list(zip(positions, results, strict=True))

    def close(self) -> None:
        """End the process for what is evaluated apart, if there is one."""
        if self._apart is not None:
            self._apart.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def _watched(seconds: float) -> Iterator[None]:
    """End the process, with a traceback on stderr, if the body takes so long: it is beyond the reach of an alarm."""
    with suppress(AttributeError, ValueError, OSError, RuntimeError):  # there is no stderr to write the traceback to
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or 2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
