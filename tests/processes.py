"""Processes that a test has started, told apart from later ones with the same number."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

Process = tuple[int, str]  # number, and when it began


class Processes:
    """Those that were seen; some of them may have ended."""

    def __init__(self) -> None:
        self._seen: set[Process] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, numbers: Iterable[int]) -> None:
        self._seen |= {(number, began) for number in numbers if (began := _began(number))}

    def left(self) -> list[int]:
        """Those that are there still."""
        return sorted(number for number, began in self._seen if _began(number) == began)

    def left_after(self, seconds: float) -> list[int]:
        """Those that are there still after so long."""
        limit = time.monotonic() + seconds
        while self.left() and time.monotonic() < limit:
            time.sleep(0.5)
        return self.left()


def below(process: int) -> list[int]:
    """All processes below `process` as Linux tells them."""
    found = []
    with suppress(OSError):  # it may end meanwhile
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += [int(child), *below(int(child))]
    return found


def _began(number: int) -> str:
    """When a process began, in ticks; "" if it is not there, or waits to be collected."""
    with suppress(OSError):
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    return ""
