"""The horizon: how long, and how many, the episodes are that candidates meet. It grows with what they can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evoneuro.config import Episodes
from evoneuro.environments import ControlTask
from evoneuro.evaluation import Evaluation
from evoneuro.task import Task

LASTED = 0.7  # share of the horizon that the best candidate must last for it to double


class Horizon:
    """Episodes of selection, from the configured horizon to the task's own limit.

    Attributes:
        length: decisions of an episode now; None: as many as the task has.
        longest: the most so far, which the front has met: a population that starts anew starts with short ones.
        grown: whether it doubled in the last generation, so that all must meet the longer episodes.
    """

    def __init__(self, episodes: Episodes, task: Task) -> None:
        control = isinstance(task, ControlTask)
        self._first = episodes.horizon if control else None
        self._most = episodes.count or (task.episodes if isinstance(task, ControlTask) else 1)
        seen = task.for_stream("episodes")
        self._limit = seen.step_limit if isinstance(seen, ControlTask) and self._first is not None else 0
        self.length = self.longest = self._first
        self.grown = False

    def count(self, length: int | None) -> int:
        """Episodes of that length: an eighth at the first horizon, twice as many each time it doubles, then all."""
        if length is None or self._first is None or length >= self._limit:
            return self._most
        return min(self._most, max(1, self._most * length // self._first // 8))

    def grow(self, evaluations: Sequence[Evaluation]) -> None:
        """Double if one of the candidates just met lasts through most of it."""
        self.grown = False
        if self.length is not None and self.longest is not None and self.length < self._limit:
            lasted = max((evaluation.decisions for evaluation in evaluations), default=0) / self.count(self.length)
            if lasted >= LASTED * self.length:
                self.length, self.grown = 2 * self.length, True
                self.longest = max(self.longest, self.length)

    def start_anew(self) -> None:
        """Back to the first horizon; what the longest was is remembered."""
        self.length, self.grown = self._first, False

    def to_document(self) -> dict[str, Any]:
        """What a run remembers of it."""
        longest = {"longest": self.longest} if self.longest != self.length else {}
        return {"horizon": self.length, "grown": self.grown, **longest}

    def restore(self, document: Mapping[str, Any]) -> None:
        """Put `to_document` back."""
        self.length, self.grown = document["horizon"], document["grown"]
        self.longest = document.get("longest", self.length)
