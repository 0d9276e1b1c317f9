"""Leftovers: processes that a plugin has started and not ended, which end with the command that ran the plugin.

A task's simulator, a data loader's helpers: as long as the command runs they are the plugin's own matter. Those that
are still there when it has ended would stay for ever, and thousands of candidates can leave thousands. On Linux alone,
which says who has started whom. What has been started in one of Ray's workers ends with that worker.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evoneuro.errors import printable

MARK = "EVONEURO_COMMAND"  # in the environment of all that the command starts, so that orphans are known, too
PATIENCE = 2.0  # seconds to end when asked to
SETTLED = 0.5  # seconds that a process may take to start or end
ENDS_BY_ITSELF = b"resource_tracker"  # Python's own helper, which tidies up after the last process that uses it
TOLD = 5  # names in the message

Process = tuple[int, int]  # id and time of start, for ids are used again


@contextmanager
def none_left() -> Iterator[None]:
    """What is started in the block and still runs at its end is told on stderr, asked to end, then killed.

    For a process's whole command: other threads of the process must start nothing that is meant to stay.
    """
    before, mark = set(_below(os.getpid())), f"{MARK}={uuid.uuid4().hex}"
    os.environ[MARK] = mark.partition("=")[2]
    try:
        yield
    finally:
        _end(before, mark.encode())


def _end(before: set[Process], mark: bytes) -> None:
    left = _named(before, mark)
    if not left:
        return
    names = sorted({_command(number)[:40] for number, _ in left})
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    with suppress(OSError, ValueError):  # nobody may listen
        told = f"evoneuro: note: ended {len(left)} process{'es' * (len(left) > 1)} that had been left running"
        print(f"{told}: {'; '.join(names[:TOLD])}{more}", file=sys.stderr)
    for name in (signal.SIGTERM, signal.SIGKILL):
        with suppress(KeyboardInterrupt):  # whoever is in a hurry goes on to the kill
            _signalled(name, before, mark)


def _signalled(name: signal.Signals, before: set[Process], mark: bytes) -> None:
    """Send it to all that are left, and wait a while; another user's process cannot be ended, and is let be."""
    until, told = time.monotonic() + PATIENCE, set[Process]()
    while (left := _left(before, mark)) and time.monotonic() < until:
        for number, _ in left - told:  # one that ends may have started another just before
            with suppress(OSError):
                os.kill(number, name)
        told |= left
        time.sleep(0.02)


def _named(before: set[Process], mark: bytes) -> set[Process]:
    """Those that are left, as soon as all can be told: one that is just starting or ending has no command line."""
    until = time.monotonic() + SETTLED
    while (left := _left(before, mark)) and time.monotonic() < until:
        if all(_read(number, "cmdline") for number, _ in left):
            break
        with suppress(KeyboardInterrupt):
            time.sleep(0.01)
    return left


def _left(before: set[Process], mark: bytes) -> set[Process]:
    found = set(_below(os.getpid())) | set(_marked(mark))
    return {process for process in found - before if ENDS_BY_ITSELF not in _read(process[0], "cmdline")}


def _below(process: int) -> Iterator[Process]:
    """All processes that this one has started, and they, and so on; those that have ended apart."""
    for task in _listed(Path(f"/proc/{process}/task")):
        for child in _read(process, f"task/{task}/children").split():
            yield from _alive(int(child))
            yield from _below(int(child))


def _marked(mark: bytes) -> Iterator[Process]:
    for number in _listed(Path("/proc")):
        if number != os.getpid() and mark in _read(number, "environ").split(b"\0"):
            yield from _alive(number)


def _alive(number: int) -> Iterator[Process]:
    state = _read(number, "stat").rpartition(b")")[2].split()
    if len(state) > 19 and state[0] not in b"ZX":
        yield number, int(state[19])


def _listed(folder: Path) -> list[int]:
    with suppress(OSError):
        return [int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()]
    return []


def _read(number: int, name: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{number}/{name}").read_bytes()
    return b""


def _command(number: int) -> str:
    return printable(_read(number, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()) or str(number)
