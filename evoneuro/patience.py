"""Patience: how long a population may go without a better score before another one gets its turn.

A search that is stuck seldom gets loose. What comes next is, by turns, far variants of what the front has, from where
the same heights are near and other ones may be, and random genomes, which have a chance of their own. The front keeps
what all of them found. (Kicks, and restarts, are what local searches of hard problems live on: Lourenço, Martin &
Stützle, "Iterated local search", Handbook of Metaheuristics, 2003, section 3.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class Patience:
    """What the population that evolves now has shown.

    Attributes:
        kicks: whether every other population begins as variants of the front; else all of them are random.
        limit: generations without a better score after which it is given up, half as many if it began as variants of
            the front, which climb soon or not at all; 0: never.
        best: the longest horizon that it has reached, and its best score there.
        since: generation of that.
        restarts: populations that have been given up.
    """

    def __init__(self, limit: int, kicks: bool = True) -> None:
        self.limit, self.kicks = limit, kicks
        self.best = (0, -math.inf)
        self.since = 0
        self.restarts = 0

    def note(self, generation: int, horizon: int, score: float) -> None:
        """The best score of a generation, NaN or infinite if all failed; longer episodes come before better scores."""
        if math.isfinite(score) and (horizon, score) > self.best:
            self.best, self.since = (horizon, score), generation

    def exhausted(self, generation: int) -> bool:
        """Whether another population shall be asked for the offspring of `generation`."""
        limit = -(-self.limit // 2) if self.kicked else self.limit
        return self.limit > 0 and generation - self.since > limit

    @property
    def kicked(self) -> bool:
        """Whether the population that evolves now began, or is to begin, as variants of the front."""
        return self.kicks and self.restarts % 2 == 1

    def start_anew(self, generation: int) -> None:
        """A population that begins in `generation` has shown nothing yet."""
        self.best, self.since = (0, -math.inf), generation
        self.restarts += 1

    def to_document(self) -> dict[str, Any]:
        """What a run remembers of it; nothing, where there is no limit."""
        if not self.limit:
            return {}
        horizon, score = self.best
        return {"patience": [horizon, score if math.isfinite(score) else None, self.since, self.restarts]}

    def restore(self, document: Mapping[str, Any]) -> None:
        """Put `to_document` back."""
        if "patience" in document:
            horizon, score, self.since, self.restarts = document["patience"]
            self.best = horizon, -math.inf if score is None else score
