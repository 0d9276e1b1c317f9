"""Evaluation in this process: no Ray, nothing to start, one processor."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from evoneuro.deadline import NoAnswer, deadline
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.network import Network
from evoneuro.task import Task
from evoneuro.workers.pool import FIRST_BATCH, TARGET_SECONDS, Pace, Results
from evoneuro.workers.worker import Arrays, build_task, evaluate_batch


class LocalPool:
    """A pool without workers.

    A task that hangs is interrupted after the timeout, where `evoneuro.deadline` reaches it. Ray's workers are ended
    from outside and stop every hang. Nothing here survives a task that ends its process.
    """

    workers = 0

    def __init__(self, task: Task, timeout: float = 60.0, target: float = TARGET_SECONDS) -> None:
        self._task = task
        self._pace = Pace(timeout, target)

    @classmethod
    def of(
        cls, task_name: str, parameters: Mapping[str, Any], timeout: float, target: float, arrays: Arrays | None = None
    ) -> LocalPool:
        """The pool of the named task."""
        return cls(build_task(task_name, parameters, arrays), timeout, target)

    @property
    def busy(self) -> float:
        """See `evoneuro.workers.pool.Pool`."""
        return self._pace.busy

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
            for k in range(len(networks)):
                yield from self._batch(first + k, networks[k : k + 1], cases)
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
