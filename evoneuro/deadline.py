"""A deadline for code that may hang, in this process."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

REPEAT_SECONDS = 1.0  # the alarm rings on, should code that must not raise (a `__del__`) have swallowed the first


class NoAnswer(BaseException):
    """The deadline has passed, at `where` ("file.py, line 12").

    No `Exception`, so that a task's `except Exception` lets it through.
    """

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise `NoAnswer` in the body after `seconds`. A timer of others goes on.

    The alarm is a signal, which Python delivers between two bytecodes of the main thread on POSIX systems. So it
    reaches a hang in Python code; it does not reach code that stays in C (a long regular expression, a compiled
    kernel), code that swallows `BaseException`, another thread than the main one, or Windows.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = True

    def ring(number: int, frame: FrameType | None) -> None:
        if armed:
            raise NoAnswer(
                "an unknown place" if frame is None else f"{frame.f_code.co_filename}, line {frame.f_lineno}"
            )

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
