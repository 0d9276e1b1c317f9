"""A fence around a task's code: what it changes of the process is put back, and what would end it is an exception.

A task runs with the user's rights and is not held prisoner. But one that changes the directory, closes the standard
streams, replaces signal handlers or forks must not break the run, nor make the next candidate's result depend on it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SHARE = 0.8  # of the machine's memory, which its workers divide among them
LEAST = 2**30  # bytes that a worker may take at least, on top of what it holds when it starts
GIB = 2**30


class ProcessExit(BaseException):
    """The task's code called `os._exit`."""


@contextlib.contextmanager
def fenced(memory: int | None = None) -> Iterator[None]:
    """Run a task's code; then directory, environment, standard streams and signal handlers are again what they were.

    A process that the code has forked ends where it would leave the fence. `os._exit` raises `ProcessExit`.

    Args:
        memory: bytes that the code may allocate before it gets a MemoryError; None: no such limit.
    """
    process, folder, environment = os.getpid(), _folder(), dict(os.environ)
    handlers = _handlers()
    leave = os._exit

    def stay(status: int = 0) -> NoReturn:
        if os.getpid() != process:  # what the code has forked may end as it likes
            leave(status)
        raise ProcessExit(f"os._exit({status})")

    os._exit = stay
    try:
        with _streams_kept(), _memory_limited(memory):
            yield
    finally:
        os._exit = leave
        if os.getpid() != process:
            os._exit(0)
        with contextlib.suppress(OSError):  # it may have been removed
            if folder is not None and _folder() != folder:
                os.chdir(folder)
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        for number, handler in handlers.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


@contextlib.contextmanager
def results_apart() -> Iterator[None]:
    """What a task's code prints in the body goes to standard error: standard output is for results alone."""
    sys.stdout.flush()
    kept = None
    with contextlib.suppress(OSError):  # the caller may have closed either
        kept = os.dup(1)
        os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


def memory_share(asked: float | None, workers: int) -> int | None:
    """Bytes that one of `workers` processes of this machine may allocate.

    Args:
        asked: GiB; 0: no limit; None: its share of 80 % of the machine's memory, at least 1 GiB.
    """
    if asked is not None:
        return int(asked * GIB) or None
    return max(LEAST, int(SHARE * machine_memory() / max(1, workers)))


def machine_memory() -> int:
    """Bytes of memory that this machine, or the container around this process, has."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 8 * GIB
    for place in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            total = min(total, int(Path(place).read_text()))
    return total


def limit_memory(more: int | None) -> Any:
    """Let this process allocate `more` bytes; returns the limits that were. Without effect where there are none."""
    if more is None or sys.platform != "linux":  # elsewhere the limit counts other things, or nothing
        return None
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    limit = _held() + more
    if before[1] != resource.RLIM_INFINITY:
        limit = min(limit, before[1])
    resource.setrlimit(resource.RLIMIT_DATA, (limit, before[1]))
    return before


def _held() -> int:
    """Bytes of private writable memory that this process has mapped, which is what RLIMIT_DATA counts."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def _memory_limited(more: int | None) -> Iterator[None]:
    before = limit_memory(more)
    try:
        yield
    finally:
        if before is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_DATA, before)


@contextlib.contextmanager
def _streams_kept() -> Iterator[None]:
    """Standard output and error are what they were, also if they were closed."""
    kept = {}
    for number in (1, 2):
        with contextlib.suppress(OSError):  # the caller may have closed it
            kept[number] = os.dup(number)
    try:
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)


def _folder() -> str | None:
    with contextlib.suppress(OSError):  # it has been removed
        return os.getcwd()
    return None


def _handlers() -> dict[signal.Signals, Any]:
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {number: signal.getsignal(number) for number in SIGNALS}
    return {number: handler for number, handler in found.items() if handler is not None}  # None: set by C code
