"""A population: candidates as columns, so that selection moves positions and not objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import FormatError
from evoneuro.express import Blueprint, express
from evoneuro.genome import Genomes

Measures = npt.NDArray[np.float64]
Parents = npt.NDArray[np.int64]
NOBODY = -1  # in place of the generation and index of a parent that there is not


@dataclass(frozen=True, eq=False)
class Population:
    """P candidates.

    Attributes:
        births: int64 [P, 2], generation and index of each one's birth; they never change.
        origins: int64 [P], the generation in which the oldest ancestor of each was made from nothing; nor do they.
        parents: int64 [P, 4], births of the parent that each is a variant of and of the one that it was crossed with;
            `NOBODY` where there was none. Of newborns alone: the journal has those of their ancestors.
        genomes: what they are.
        fingerprints: str [P], of their networks: two genomes that express the same network have the same.
        measures: float64 [P, measures], what the present episodes say of them; NaN for those that failed.
    """

    births: npt.NDArray[np.int64]
    origins: npt.NDArray[np.int64]
    parents: Parents
    genomes: Genomes
    fingerprints: npt.NDArray[np.str_]
    measures: Measures

    @classmethod
    def born(
        cls,
        generation: int,
        genomes: Genomes,
        fingerprints: Sequence[str],
        origins: npt.NDArray[np.int64] | None = None,
        parents: Parents | None = None,
    ) -> Population:
        """The offspring of `generation`, not measured yet (no columns of measures).

        If not told otherwise, they were made from nothing and have no parents.
        """
        births = np.column_stack([np.full(len(genomes), generation), np.arange(len(genomes))]).astype(np.int64)
        origins = births[:, 0].copy() if origins is None else origins
        parents = nobody(len(genomes)) if parents is None else parents
        return cls(births, origins, parents, genomes, np.array(fingerprints, "U32"), np.empty((len(genomes), 0)))

    @classmethod
    def empty(cls, measures: int) -> Population:
        """Nobody, with so many columns of measures."""
        return cls.born(0, Genomes.of([]), []).measured(np.empty((0, measures)))

    def __len__(self) -> int:
        return len(self.births)

    @property
    def names(self) -> list[str]:
        """ "GENERATION-INDEX" of each."""
        return names(self.births)

    def renumbered(self, first: int) -> Population:
        """The same newborns, numbered from `first` on: those of several islands make one generation."""
        return replace(self, births=self.births + np.array([0, first]))

    def measured(self, measures: Measures) -> Population:
        """The same candidates with measures."""
        if len(measures) != len(self):
            raise ValueError(f"measures of {len(measures)} candidates for {len(self)}")
        return replace(self, measures=measures)

    def take(self, positions: npt.ArrayLike) -> Population:
        """The candidates at `positions`, in that order."""
        positions = np.asarray(positions, np.intp)
        columns = {name: value.take(positions, axis=0) for name, value in self._columns.items()}
        return Population(genomes=self.genomes.take(positions), **columns)

    def joined(self, other: Population) -> Population:
        """These candidates, then those of `other`."""
        columns = {name: np.concatenate([value, other._columns[name]]) for name, value in self._columns.items()}
        return Population(genomes=self.genomes.joined(other.genomes), **columns)

    @property
    def _columns(self) -> dict[str, npt.NDArray[Any]]:
        return {name: value for name, value in vars(self).items() if name != "genomes"}

    def to_document(self) -> dict[str, npt.NDArray[Any]]:
        """The population as arrays; fingerprints follow from the genomes, and the past of no survivor matters."""
        return {"births": self.births, "origins": self.origins, "measures": self.measures, **self.genomes.to_document()}

    @classmethod
    def from_document(cls, document: Mapping[str, npt.NDArray[Any]], blueprint: Blueprint) -> Population:
        """The population of `to_document`.

        Raises:
            FormatError: arrays that are missing, too many or do not fit one another.
        """
        named = ("births", "origins", "measures")
        genomes = Genomes.from_document({name: value for name, value in document.items() if name not in named})
        births, origins, measures = (document.get(name) for name in named)
        if (
            births is None
            or origins is None
            or measures is None
            or births.shape != (len(genomes), 2)
            or ((len(origins), len(measures)) != (len(genomes), len(genomes)))
        ):
            raise FormatError(f"population: births, origins and measures do not fit its {len(genomes)} genomes")
        if (genomes.neurons < blueprint.inputs + blueprint.outputs).any():
            raise FormatError("population: a genome without all inputs and outputs")
        prints = np.array(express(genomes, blueprint).fingerprints(), "U32")
        births, origins, measures = births.astype(np.int64), origins.astype(np.int64), measures.astype(np.float64)
        return cls(births, origins, nobody(len(genomes)), genomes, prints, measures)


def names(births: npt.NDArray[np.int64]) -> list[str]:
    """ "GENERATION-INDEX" of births [P, 2]."""
    return [f"{generation}-{index}" for generation, index in births.tolist()]


def nobody(count: int) -> Parents:
    """The parents of so many that have none."""
    return np.full((count, 4), NOBODY, np.int64)
