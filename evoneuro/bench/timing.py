"""Fair times: what is compared takes turns, and of each the fastest turn counts.

A busy neighbour slows some turns and never speeds one up, so minima over turns that lie beside one another are what a
ratio can be made of; means are not.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Work = Callable[[], Any]


@dataclass(frozen=True)
class Patience:
    """How long to measure.

    Attributes:
        turns: of each candidate.
        seconds: least length of a turn; shorter work is repeated within it.
        most: seconds for one comparison, after which no further turn begins (each has at least one).
    """

    turns: int
    seconds: float
    most: float


def in_turns(candidates: Mapping[str, Work], patience: Patience) -> dict[str, float]:
    """Seconds per call of each candidate: the least over turns in which all of them come one after another.

    Each is called once before, so that nobody pays for compilers and caches.
    """
    repeats = {name: _repeats(work, patience.seconds) for name, work in candidates.items()}
    least = dict.fromkeys(candidates, float("inf"))
    end = time.perf_counter() + patience.most
    for turn in range(patience.turns):
        if turn and time.perf_counter() > end:
            break
        for name, work in candidates.items():
            least[name] = min(least[name], seconds_of(work, repeats[name]))
    return least


def seconds_of(work: Work, repeats: int = 1) -> float:
    """Seconds per call over `repeats` calls, the garbage collector waiting."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        return (time.perf_counter() - start) / repeats
    finally:
        if collecting:
            gc.enable()


def _repeats(work: Work, least: float) -> int:
    work()
    return max(1, int(least / max(seconds_of(work), 1e-9)))
