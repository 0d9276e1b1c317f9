"""The archive: the best-ever front, whatever the population has since lost.

Members are compared on equal terms only: when the episodes change, all members are scored on the new ones
(`rescore`) before a newcomer is held against them, so nobody stays for a lucky past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from evoneuro import pareto
from evoneuro.genome import Genome
from evoneuro.pareto import Losses


@dataclass(frozen=True)
class Member:
    """One network of the front.

    Attributes:
        id: "GENERATION-INDEX" of its birth; never changes.
        genome: what it is.
        fingerprint: of its network; two genomes that express the same network are one member.
        measures: on the episodes that selection sees at present.
        validation: of episodes that selection never saw ({score, low, high, cases}), or None as long as not measured.
    """

    id: str
    genome: Genome
    fingerprint: str
    measures: dict[str, float]
    validation: dict[str, float] | None = None


@dataclass(frozen=True)
class Archive:
    """The front so far. `limit` bounds it; the most crowded members go first."""

    members: tuple[Member, ...] = field(default=())
    limit: int = 128

    def update(self, newcomers: Sequence[Member], losses: Losses) -> Archive:
        """The front of members and newcomers together.

        Args:
            losses: (members + newcomers, objectives), lower is better, members first; not finite is never kept.
        """
        everyone = (*self.members, *newcomers)
        seen: set[str] = set()
        eligible = np.zeros(len(everyone), bool)
        for i, member in enumerate(everyone):
            eligible[i] = member.fingerprint not in seen and bool(np.isfinite(losses[i]).all())
            if eligible[i]:
                seen.add(member.fingerprint)
        positions = np.flatnonzero(eligible)
        positions = positions[pareto.non_dominated(losses[positions])]
        if len(positions) > self.limit:
            ranks = np.zeros(len(positions), np.int64)
            kept = pareto.best(ranks, pareto.crowding(losses[positions], ranks), self.limit)
            positions = positions[np.sort(kept)]
        return replace(self, members=tuple(everyone[i] for i in positions))

    def rescore(self, measures: Sequence[dict[str, float]]) -> Archive:
        """The same members with new measures, in their order; `update` then makes a front of them again."""
        return replace(
            self, members=tuple(replace(m, measures=new) for m, new in zip(self.members, measures, strict=True))
        )

    def validated(self, validations: dict[str, dict[str, float]]) -> Archive:
        """The same members, those named in `validations` (by id) with their validation."""
        return replace(
            self, members=tuple(replace(m, validation=validations.get(m.id, m.validation)) for m in self.members)
        )

    def to_document(self) -> list[dict[str, Any]]:
        """The members as plain data."""
        return [
            {
                "id": m.id,
                "genome": m.genome.to_document(),
                "fingerprint": m.fingerprint,
                "measures": m.measures,
                "validation": m.validation,
            }
            for m in self.members
        ]

    @classmethod
    def from_document(cls, document: Sequence[dict[str, Any]], limit: int) -> Archive:
        """The archive of `to_document`."""
        return cls(tuple(Member(**{**m, "genome": Genome.from_document(m["genome"])}) for m in document), limit)
