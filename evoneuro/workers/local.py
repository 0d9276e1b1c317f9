"""Evaluation in this process: no Ray, nothing to start, one processor."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any, Self

from evoneuro.evaluation import Cases, Evaluation
from evoneuro.network import Network
from evoneuro.task import Task
from evoneuro.workers.pool import FIRST_BATCH, Pace, Results
from evoneuro.workers.worker import build_task, evaluate_batch

REPEAT_SECONDS = 1.0  # the alarm rings on, should code that must not raise (a `__del__`) have swallowed the first


class NoAnswer(BaseException):
    """The deadline has passed. No `Exception`, so that a task's `except Exception` lets it through."""


class LocalPool:
    """A pool without workers.

    A task that hangs is interrupted after the timeout by an alarm signal, which Python delivers between two bytecodes
    of the main thread. So it reaches a hang in Python code; it does not reach code that stays in C (a long regular
    expression, a compiled kernel), a task that swallows `BaseException`, a pool that is used in another thread than
    the main one, or Windows. Ray's workers are ended from outside and stop all of these. Nothing here survives a
    task that ends its process.
    """

    workers = 0

    def __init__(self, task: Task, timeout: float = 60.0) -> None:
        self._task = task
        self._pace = Pace(timeout)

    @classmethod
    def of(cls, task_name: str, parameters: Mapping[str, Any], timeout: float) -> LocalPool:
        """The pool of the named task."""
        return cls(build_task(task_name, parameters), timeout)

    def evaluate(self, networks: Sequence[Network], cases: Cases) -> Iterator[Results]:
        """See `evoneuro.workers.pool.Pool`; batches come back in order."""
        start = 0
        while start < len(networks):
            stop = start + max(FIRST_BATCH, self._pace.size())
            yield from self._batch(start, networks[start:stop], cases)
            start = stop

    def _batch(self, first: int, networks: Sequence[Network], cases: Cases) -> Iterator[Results]:
        """The results of one batch, together; or one by one if it hangs."""
        limit = self._pace.limit(len(networks))
        began = time.perf_counter()
        try:
            with deadline(limit):
                results = evaluate_batch(self._task, networks, cases, passing=(KeyboardInterrupt, NoAnswer))
        except NoAnswer:
            if len(networks) == 1:
                yield [(first, Evaluation.failed(f"no answer within {limit:g} s"))]
                return
            for position, network in enumerate(networks, first):
                yield from self._batch(position, [network], cases)
            return
        self._pace.record(len(networks), time.perf_counter() - began)
        yield list(enumerate(results, first))

    def close(self) -> None:
        """Nothing to end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise `NoAnswer` in the body after `seconds`; see `LocalPool` for where that works. A timer of others goes on."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = True

    def ring(number: int, frame: FrameType | None) -> None:
        if armed:
            raise NoAnswer

    handler = signal.signal(signal.SIGALRM, ring)
    began = time.monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_SECONDS)
    try:
        try:
            yield
        finally:
            armed = False  # if the alarm rings just before this, the outer block still clears up
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if handler is None else handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 1e-3), interval)
