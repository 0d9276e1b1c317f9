"""The archive: the best-ever front, whatever the population has since lost.

Members are compared on equal terms only: when the episodes change, all members are scored on the new ones
(`rescore`) before a newcomer is held against them, so nobody stays for a lucky past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro import pareto
from evoneuro.errors import FormatError
from evoneuro.express import Blueprint
from evoneuro.pareto import Losses
from evoneuro.population import Measures, Population

VALIDATION = ("score", "low", "high", "cases")  # of episodes that selection never saw, in this order in `validation`


@dataclass(frozen=True, eq=False)
class Archive:
    """The front so far.

    Attributes:
        members: networks of the front; two genomes that express the same network are one member.
        validation: float64 [members, 4], in the order of `VALIDATION`; NaN as long as not measured.
        limit: most members; the most crowded ones go first.
    """

    members: Population
    validation: npt.NDArray[np.float64]
    limit: int = 128

    @classmethod
    def empty(cls, measures: int, limit: int = 128) -> Archive:
        """An archive without members, whose members will have so many measures."""
        return cls(Population.empty(measures), np.empty((0, len(VALIDATION))), limit)

    def update(self, newcomers: Population, losses: Losses) -> Archive:
        """The front of members and newcomers together.

        Args:
            losses: (members + newcomers, objectives), lower is better, members first; not finite is never kept.
        """
        prints = [*self.members.fingerprints.tolist(), *newcomers.fingerprints.tolist()]
        finite = np.flatnonzero(np.isfinite(losses).all(axis=1))
        first: dict[str, int] = {}
        for i in finite.tolist():
            first.setdefault(prints[i], i)
        positions = np.fromiter(first.values(), np.intp, len(first))
        positions = positions[pareto.non_dominated(losses[positions])]
        if len(positions) > self.limit:
            ranks = np.zeros(len(positions), np.int64)
            kept = pareto.best(ranks, pareto.crowding(losses[positions], ranks), self.limit)
            positions = positions[np.sort(kept)]
        stay, come = positions[positions < len(self.members)], positions[positions >= len(self.members)]
        arrived = newcomers.take(come - len(self.members))
        unknown = np.full((len(arrived), len(VALIDATION)), np.nan)
        return replace(
            self,
            members=self.members.take(stay).joined(arrived),
            validation=np.concatenate([self.validation[stay], unknown]),
        )

    def rescore(self, measures: Measures) -> Archive:
        """The same members with new measures, in their order; `update` then makes a front of them again."""
        return replace(self, members=self.members.measured(measures))

    def validated(self, positions: npt.ArrayLike, validation: npt.ArrayLike) -> Archive:
        """The same members, those at `positions` with their validation [positions, 4]."""
        changed = self.validation.copy()
        changed[np.asarray(positions, np.intp)] = validation
        return replace(self, validation=changed)

    @property
    def unvalidated(self) -> npt.NDArray[np.intp]:
        """Positions of the members whose validation has not been measured."""
        return np.flatnonzero(np.isnan(self.validation[:, 0]))

    def to_document(self) -> dict[str, npt.NDArray[Any]]:
        """The members as arrays."""
        return {"validation": self.validation, **self.members.to_document()}

    @classmethod
    def from_document(cls, document: Mapping[str, npt.NDArray[Any]], blueprint: Blueprint, limit: int) -> Archive:
        """The archive of `to_document`.

        Raises:
            FormatError: arrays that are missing, too many or do not fit one another.
        """
        rest = {name: value for name, value in document.items() if name != "validation"}
        members = Population.from_document(rest, blueprint)
        validation = document.get("validation")
        if validation is None or validation.shape != (len(members), len(VALIDATION)):
            raise FormatError(f"archive: validation does not fit its {len(members)} members")
        return cls(members, validation.astype(np.float64), limit)
