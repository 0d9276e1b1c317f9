"""Stopping: the first Ctrl-C or SIGTERM lets what is in flight finish and be journaled, the second stops at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop(KeyboardInterrupt):
    """The user wants to stop; raised by the second signal, wherever the program is."""


class Stopping:
    """Whether the user has asked to stop.

    Attributes:
        asked: set by the first signal.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self.asked = False
        self._tell = tell

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signals' handler."""
        if self.asked:
            raise Stop
        self.asked = True
        self._tell()


@contextlib.contextmanager
def stoppable(tell: Callable[[], None]) -> Iterator[Stopping]:
    """Take SIGINT and SIGTERM in the body, in the main thread; signals that are ignored stay so.

    Args:
        tell: called once, when the first signal has come.
    """
    stopping = Stopping(tell)
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if handler not in (signal.SIG_IGN, None):  # None: it is set by code that is not Python's
                before[number] = signal.signal(number, stopping)
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_stoppable() -> bool:
    """Whether Ctrl-C is taken by `stoppable`: then no other KeyboardInterrupt is the user's."""
    return isinstance(signal.getsignal(signal.SIGINT), Stopping)
