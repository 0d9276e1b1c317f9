"""Evaluation on Ray: one actor per worker, on this machine or on a cluster.

Ray moves the messages and notices a dead process; what that means for a candidate is decided here. Whatever happens
to a worker (a crash, a deadline, a lost node), its actor is ended and a fresh one started, and the networks that it
held run again, each alone on an otherwise idle worker. Only a network that loses its worker three times while it is
alone fails. Nothing blocks for longer than `POLL_SECONDS`, so that signals are seen.

Workers may come and go: where nobody said how many there should be, there is one for each processor of the cluster, as
it is now. Towards the end of an `evaluate`, a worker that has nothing left to do repeats a batch that is late. The
first answer counts, and since what a network scores is a function of network and cases, any answer is the same.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import TracebackType
from typing import Any, Self

from evoneuro.errors import PluginError, RunError
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.network import Network
from evoneuro.networks import Networks
from evoneuro.parcel import Parcel
from evoneuro.workers.pool import Pace, Results
from evoneuro.workers.session import Session
from evoneuro.workers.worker import CRASHED, OUT_OF_MEMORY, STRIKES, Arrays, unpack

IN_FLIGHT = 2  # batches per worker: one that runs, one that waits, so that no worker waits for a message
POLL_SECONDS = 0.5
FETCH_SECONDS = 30.0  # to bring an answer over that Ray says is ready
START_SECONDS = 300.0  # until the first worker must have built its task; a cluster may have to start a node
STARTS = 8  # failed starts in a row, without any worker left, that end the run
DRAIN_SECONDS = 10.0  # for what is in flight when the user stops
HEADS = 3  # deaths of Ray's head on this machine that a run survives
LONGEST_PAUSE = 30.0  # seconds between two attempts to start a worker
COUNT_SECONDS = 5.0  # between two looks at how many processors the cluster has
LATE = 3.0  # a batch is late after this many times the expected seconds since it was sent, and after POLL_SECONDS


class _Work:
    """What is left to do of one `evaluate`, as positions in `networks`."""

    def __init__(self, networks: Sequence[Network], cases: Cases) -> None:
        self.networks, self.cases = Networks.of(networks), cases
        self.fresh = deque(range(len(networks)))
        self.open = set(self.fresh)  # without an answer
        self.suspects: dict[int, None] = {}  # in order
        self.repeated: set[int] = set()  # sent to a second worker, because the first is late
        self.strikes: Counter[int] = Counter()
        self.drain_until = math.inf

    def next_batch(self, size: int) -> _Batch:
        """`size` fresh networks."""
        return _Batch(self, [self.fresh.popleft() for _ in range(min(size, len(self.fresh)))])

    def next_suspect(self) -> _Batch | None:
        """One network under suspicion that has no answer yet."""
        while self.suspects:
            position = next(iter(self.suspects))
            del self.suspects[position]
            if position in self.open:
                return _Batch(self, [position], alone=True)
        return None


@dataclass(frozen=True, eq=False)
class _Batch:
    work: _Work
    positions: list[int]
    alone: bool = False  # one network under suspicion, with the worker to itself
    sent: float = field(default_factory=time.monotonic)


@dataclass(eq=False)
class _Member:
    """One actor and what it was asked."""

    actor: Any
    trouble: Any  # the call that answers when the task is built; None after that
    born: float
    calls: deque[tuple[Any, _Batch]] = field(default_factory=deque)
    limit: float = math.inf  # seconds for the call that runs
    deadline: float = math.inf

    @property
    def ready(self) -> bool:
        """Whether the task is built."""
        return self.trouble is None

    @property
    def idle(self) -> bool:
        """Whether it is ready and has nothing to do."""
        return self.ready and not self.calls

    def free(self, work: _Work) -> bool:
        """Whether another ordinary batch may follow: not behind a suspect, nor behind what nobody waits for."""
        return (
            self.ready
            and len(self.calls) < IN_FLIGHT
            and not any(batch.alone or batch.work is not work for _, batch in self.calls)
        )


class RayPool:
    """A pool of Ray actors; see `evoneuro.workers.pool.open_pool` for the arguments."""

    def __init__(
        self,
        task_name: str,
        parameters: Mapping[str, Any],
        workers: int | None,
        address: str,
        timeout: float,
        target: float,
        parcel: Parcel | None = None,
        arrays: Arrays | None = None,
        memory: float | None = None,
    ) -> None:
        self.draining: Callable[[], bool] = lambda: False
        self._task_name, self._parameters, self._memory = task_name, dict(parameters), memory
        self._pace = Pace(timeout, target)
        self._members: list[_Member] = []
        self._failed_starts, self._next_start = 0, 0.0
        stored = 0 if arrays is None else sum(array.nbytes for array in arrays.values())
        self._asked = address, workers, stored
        self._content = parcel if parcel is not None and parcel.folders else None, arrays
        self._heads = 0  # that have died
        self._open()

    def _open(self) -> None:
        """Start or join Ray, and wait for the first worker."""
        self._session = session = Session.open(*self._asked)
        self._undo, self._ray = session.undo, session.ray
        self.workers, self._next_count = session.count(), time.monotonic() + COUNT_SECONDS
        self._actors, self._closed = session.actor_class(), False
        # in the object store, once on each machine; workers read a data set where it lies there
        parcel, arrays = self._content
        self._parcel = None if parcel is None else self._ray.put(parcel)
        self._arrays = None if arrays is None else self._ray.put(dict(arrays))
        try:
            while not any(member.ready for member in self._members):
                self._staff()
                self._welcome(self._answered()[0])
        except BaseException:
            self.close()
            raise

    def _revive(self, work: _Work) -> None:
        """Ray's head has died: start it anew where it was started here; what was in flight is fresh again.

        Raises:
            RunError: it is somebody else's, or has died too often.
        """
        self._heads += 1
        if self._session.address != "local" or self._heads > HEADS:
            often = "" if self._heads <= HEADS else f" {self._heads} times"
            raise RunError(
                f"the head of Ray ({self._session.address}) has died{often}; everything journaled is safe: start the "
                "cluster again, then `evoneuro resume RUN`"
            )
        held = {
            i for member in self._members for _, batch in member.calls if batch.work is work for i in batch.positions
        }
        work.fresh.extend(sorted(held & work.open))
        self._members.clear()
        self._undo.close()
        self._open()

    @property
    def alive(self) -> int:
        """See `evoneuro.workers.pool.Pool`."""
        return sum(member.ready for member in self._members)

    @property
    def busy(self) -> float:
        """See `evoneuro.workers.pool.Pool`."""
        return self._pace.busy

    def evaluate(self, networks: Sequence[Network], cases: Cases) -> Iterator[Results]:
        """See `evoneuro.workers.pool.Pool`."""
        if self._closed:
            raise RunError("the pool of workers is closed")
        busy = [batch for member in self._members for _, batch in member.calls]
        assert not any(batch.work.open for batch in busy), "one evaluate() at a time"
        work = _Work(networks, cases)
        try:
            while work.open and not self._drained(work):
                if not self._session.alive():
                    self._revive(work)
                self._staff()
                self._hand_out(work)
                self._repeat(work)
                answered, late = self._answered()
                working = [member for member in answered if member.ready]
                self._welcome(answered)
                found: Results = []  # together, for to journal them takes the same time for one batch as for many
                for member in working:
                    found += chain.from_iterable(self._take(member, work))
                for member in late:
                    found += chain.from_iterable(self._lose(member, work, f"no answer within {member.limit:g} s"))
                if found:
                    yield found
        finally:
            if work.open:
                for member in [member for member in self._members if member.calls]:
                    self._end(member)  # the caller gave up; these answers are for nobody

    def _drained(self, work: _Work) -> bool:
        """Whether the user wants to stop and nothing is in flight any more, or has been for too long."""
        if not self.draining():
            return False
        work.fresh.clear()
        work.suspects.clear()
        work.drain_until = min(work.drain_until, time.monotonic() + DRAIN_SECONDS)
        going = any(batch.work is work for member in self._members for _, batch in member.calls)
        return not going or time.monotonic() > work.drain_until

    def close(self) -> None:
        """End the actors, and Ray where this pool started it; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        for member in list(self._members):
            self._end(member)
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Workers

    def _staff(self) -> None:
        """Start the workers that are missing, unless the last start failed a moment ago."""
        now = time.monotonic()
        if now >= self._next_count:
            self.workers, self._next_count = self._session.count(), now + COUNT_SECONDS
            for member in [member for member in self._members[self.workers :] if not member.ready]:
                self._end(member)  # the cluster has become smaller: there is no processor to wait for
        while len(self._members) < self.workers and now >= self._next_start:
            versions = self._session.versions
            actor = self._actors.remote(
                self._task_name, self._parameters, self._parcel, self._arrays, versions, self._memory
            )
            self._members.append(_Member(actor, actor.trouble.remote(), now))

    def _welcome(self, answered: Sequence[_Member]) -> None:
        """Take in the workers that have built their task.

        Raises:
            PluginError: the task cannot be built.
            RunError: no worker can be started.
        """
        for member in answered:
            if member.ready:
                continue
            try:
                trouble = self._ray.get(member.trouble, timeout=FETCH_SECONDS)
            except self._ray.exceptions.RayError as error:
                self._end(member)
                self._pause(error)
                continue
            if trouble:
                raise PluginError(*trouble)
            member.trouble, self._failed_starts = None, 0
        waiting = [member.born for member in self._members if not member.ready]
        if len(waiting) == len(self._members) and waiting and time.monotonic() - min(waiting) > START_SECONDS:
            raise RunError(
                f"no worker has started within {START_SECONDS:g} s; is there a free processor, and does the task load?"
            )

    def _pause(self, error: Exception) -> None:
        """A worker died before it was ready: wait longer each time, and in the end give up."""
        self._failed_starts += 1
        self._next_start = time.monotonic() + min(0.25 * 2**self._failed_starts, LONGEST_PAUSE)
        if self._failed_starts >= STARTS and not any(member.ready for member in self._members):
            raise RunError(
                f"{self._failed_starts} workers in a row died while they built task {self._task_name!r} "
                f"({type(error).__name__}); try the task with --workers 0"
            ) from error

    def _end(self, member: _Member) -> None:
        """Kill an actor; what it was asked is forgotten."""
        self._members.remove(member)
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(member.actor, no_restart=True)

    # Batches

    def _hand_out(self, work: _Work) -> None:
        """Give batches to the workers that have room; networks under suspicion come last, one per idle worker."""
        for depth in range(IN_FLIGHT):
            for member in self._members:
                if len(member.calls) == depth:
                    self._refill(member, work)
        for member in self._members:
            if not work.fresh and member.idle and (batch := work.next_suspect()) is not None:
                self._send(member, batch)

    def _refill(self, member: _Member, work: _Work) -> None:
        """The next fresh batch for a worker, if it has room and there is one."""
        if work.fresh and member.free(work):
            self._send(member, work.next_batch(self._pace.share(len(work.networks), self.workers)))

    def _repeat(self, work: _Work) -> None:
        """Workers that would have nothing to do run late batches once more, each batch once, the oldest first."""
        idle = [member for member in self._members if member.idle]
        if work.fresh or work.suspects or not idle or self._pace.seconds is None:
            return
        now, open_once = time.monotonic(), work.open - work.repeated
        out = sorted({batch for member in self._members for _, batch in member.calls}, key=lambda batch: batch.sent)
        for batch in out:
            waiting = [position for position in batch.positions if position in open_once]
            patience = max(POLL_SECONDS, LATE * self._pace.seconds * len(batch.positions))
            if idle and batch.work is work and not batch.alone and waiting and now - batch.sent > patience:
                work.repeated.update(waiting)
                self._send(idle.pop(), _Batch(work, waiting))

    def _send(self, member: _Member, batch: _Batch) -> None:
        networks = batch.work.networks.take(batch.positions)
        member.calls.append((member.actor.evaluate.remote(networks, batch.work.cases), batch))
        if len(member.calls) == 1:
            self._start_clock(member)

    def _start_clock(self, member: _Member) -> None:
        """The deadline of the call that runs now: calls run in the order in which they were sent."""
        if member.calls:
            member.limit = self._pace.limit(len(member.calls[0][1].positions))
            member.deadline = time.monotonic() + member.limit
        else:
            member.limit = member.deadline = math.inf

    def _answered(self) -> tuple[list[_Member], list[_Member]]:
        """Wait a moment: members whose oldest call is answered, and those whose deadline has passed without."""
        owner = {}
        for member in self._members:
            if not member.ready:
                owner[member.trouble] = member
            elif member.calls:
                owner[member.calls[0][0]] = member
        now = time.monotonic()
        if not owner:
            time.sleep(min(POLL_SECONDS, max(self._next_start - now, 0.0)))
            return [], []
        soonest = min(member.deadline for member in self._members)
        self._wait(list(owner), 1, min(POLL_SECONDS, max(soonest - now, 0.0)))
        answered = [owner[call] for call in self._wait(list(owner), len(owner), 0.0)]
        return answered, [member for member in self._members if now > member.deadline and member not in answered]

    def _wait(self, calls: list[Any], count: int, timeout: float) -> list[Any]:
        """Those of `calls` that are answered, as soon as `count` are or the time is up."""
        try:
            done: list[Any] = self._ray.wait(calls, num_returns=count, timeout=timeout)[0]
        except SystemError as error:  # how Ray passes on what a signal handler raised, unless it is KeyboardInterrupt
            raise error.__cause__ or error from None
        return done

    def _take(self, member: _Member, work: _Work) -> Iterator[Results]:
        """The results of the oldest call of `member`, which has been answered."""
        call, batch = member.calls[0]
        try:
            packed, seconds = self._ray.get(call, timeout=FETCH_SECONDS)
        except self._ray.exceptions.RayError as error:
            yield from self._lose(member, work, f"{self._told(error)} {STRIKES} times")
            return
        member.calls.popleft()
        self._start_clock(member)
        self._pace.record(len(batch.positions), seconds)
        self._refill(member, work)  # before the caller takes its time over the results
        if batch.work is work:
            found = zip(batch.positions, unpack(packed), strict=True)
            yield from self._told_once(work, [result for result in found if result[0] in work.open])

    def _told_once(self, work: _Work, results: Results) -> Iterator[Results]:
        """`results`, all of which are new, if there are any."""
        work.open.difference_update(position for position, _ in results)
        if results:
            yield results

    def _told(self, error: Exception) -> str:
        """What an error of Ray says about the network that was alone with the worker."""
        if isinstance(error, self._ray.exceptions.OutOfMemoryError):
            return OUT_OF_MEMORY
        if isinstance(error, self._ray.exceptions.RayTaskError):
            return f"broke the worker's own code ({str(error).strip().splitlines()[-1]})"
        return CRASHED

    def _lose(self, member: _Member, work: _Work, reason: str) -> Iterator[Results]:
        """End a worker that crashed or hangs, and suspect all that it held; a third strike is the end of one."""
        self._end(member)
        _, running = member.calls[0]
        held = [p for _, batch in member.calls if batch.work is work for p in batch.positions if p in work.open]
        if held and running.work is work and running.alone:
            work.strikes[held[0]] += 1
            if work.strikes[held[0]] >= STRIKES:
                failed = held.pop(0)
                yield from self._told_once(work, [(failed, Evaluation.failed(reason))])
        work.suspects.update(dict.fromkeys(held))
