"""Watches a run from inside its process: what is journaled already is not evaluated again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from evoneuro.run import Session

Places = set[tuple[int, str, int]]  # generation, purpose, position


def nothing_again(journaled: Callable[[], Places]) -> None:
    """From here on a run of this process raises if it asks its pool for what it has.

    Args:
        journaled: what the journal held when the process began.
    """
    evaluate = Session._evaluate

    def watched(self: Session, generation: int, purpose: str, networks: Any, pool: Any) -> Any:
        have = {place[2] for place in journaled() if place[:2] == (generation, purpose)}
        due = Counter(name for i, name in enumerate(networks.fingerprints()) if i not in have)
        return evaluate(self, generation, purpose, networks, _Asked(pool, due))

    Session._evaluate = watched  # type: ignore[method-assign]


class _Asked:
    """A pool that is asked for these networks and no others."""

    def __init__(self, pool: Any, due: Counter[str]) -> None:
        self._pool, self._due = pool, due

    def evaluate(self, networks: Any, cases: Any) -> Iterator[Any]:
        asked = Counter(networks.fingerprints())
        assert asked == self._due, f"{(asked - self._due).total()} evaluated again, {(self._due - asked).total()} not"
        yield from self._pool.evaluate(networks, cases)
