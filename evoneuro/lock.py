"""One process per run directory: a `flock`, which the kernel drops with the process that holds it.

There is no stale lock, and nobody ever has to remove one.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import ExitStack
from io import FileIO
from pathlib import Path

from evoneuro.errors import RunError

LOCK = "lock"
ATTEMPTS, PAUSE = 10, 0.02  # times, seconds: for a lock that a reader looks at


def lock(path: Path, what: str = "run") -> FileIO:
    """The lock file of a run's directory, or of another `what`, locked until it is closed; it names its holder.

    Raises:
        RunError: another process holds it.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with ExitStack() as resources:
        file = resources.enter_context(FileIO(os.open(path / LOCK, flags, 0o644), "r+"))
        for _ in range(ATTEMPTS):
            if _try_lock(file, shared=False):
                holder = f"{os.getpid()} {socket.gethostname()}\n".encode()
                file.write(holder)
                file.truncate(len(holder))
                resources.pop_all()
                return file
            time.sleep(PAUSE)
        pid, _, host = file.read(300).decode(errors="replace").strip().partition(" ")
        raise RunError(f"{path}: the {what} is in use by process {pid or '?'} on {host or '?'}: wait for it or stop it")


def is_held(path: Path) -> bool:
    """Whether a live process holds the run's lock."""
    if not (path / LOCK).is_file():  # opening a pipe would wait for ever
        return False
    try:
        with FileIO(path / LOCK) as file:  # for reading: the directory may be read-only
            return not _try_lock(file, shared=True)
    except OSError:
        return False


def _try_lock(file: FileIO, shared: bool) -> bool:
    """Take the lock if it is free; it is dropped when `file` is closed."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(2**30)  # Windows keeps others from reading what is locked
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        else:
            import fcntl

            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
