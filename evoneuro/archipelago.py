"""Islands: several populations side by side, each from random streams of its own, that send one another their best.

The island model (Whitley, Rana & Heckendorn, "The island model genetic algorithm", Journal of Computing and
Information Technology 7(1), 1999) on a ring: every so many generations the best of each island are told to the next
one as well. All islands send first and receive then, at the end of a generation that all of them have finished, so
that nothing depends on which was faster. An archipelago is asked and told as one `Evolution` is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from evoneuro.documents import filed, section
from evoneuro.errors import FormatError
from evoneuro.evolution import FROM_NOTHING, Beginning, Evolution, Judge
from evoneuro.express import Blueprint
from evoneuro.networks import Networks
from evoneuro.population import Measures, Population


class Archipelago:
    """The populations of a run; with one island, that population and nothing else.

    Attributes:
        islands: in the order of the ring.
    """

    def __init__(self, islands: Sequence[Evolution], every: int = 10, migrants: int = 2) -> None:
        """Start with nobody anywhere.

        Args:
            islands: populations of one size; each knows its number and how many there are.
            every: generations between migrations.
            migrants: how many each island sends.
        """
        self.islands = tuple(islands)
        self.every, self.migrants = every, migrants

    def ask(self, generation: int, judge: Judge, beginning: Beginning = FROM_NOTHING) -> tuple[Population, Networks]:
        """The offspring of all islands and their networks, one island after another; see `Evolution.ask`."""
        broods = [island.ask(generation, judge, beginning) for island in self.islands]
        populations = [brood.renumbered(self._first(number)) for number, (brood, _) in enumerate(broods)]
        networks = [networks for _, networks in broods]
        return joined(populations), networks[0].joined(*networks[1:])

    def tell(self, offspring: Population, judge: Judge) -> None:
        """Survivors on each island, and after every `every`th generation the immigrants among them."""
        generation = int(offspring.births[0, 0])
        born = offspring.births[:, 1] // self._first(1)
        for number, island in enumerate(self.islands):
            island.tell(offspring.take(np.flatnonzero(born == number)), judge)
        if len(self.islands) > 1 and (generation + 1) % self.every == 0:
            self._migrate(judge)

    def _migrate(self, judge: Judge) -> None:
        """The best of each island go to the next one, too, unless one of them is there already."""
        leaving = [island.population.take(np.arange(self.migrants)) for island in self.islands]
        for island, arriving in zip(self.islands, [leaving[-1], *leaving[:-1]], strict=True):
            strange = ~np.isin(arriving.fingerprints, island.population.fingerprints)
            island.admit(arriving.take(np.flatnonzero(strange)), judge)

    def _first(self, number: int) -> int:
        """The number of the first child of an island: it tells where somebody was born."""
        return number * self.islands[0].size

    # All islands as one population

    @property
    def population(self) -> Population:
        """The populations of all islands, one after another."""
        return joined([island.population for island in self.islands])

    @property
    def sizes(self) -> list[int]:
        """Candidates on each island."""
        return [len(island.population) for island in self.islands]

    def clear(self) -> None:
        """Nobody anywhere again."""
        for island in self.islands:
            island.population = island.population.take([])

    def rescore(self, measures: Measures) -> None:
        """Everybody in `population` with new measures."""
        rows = np.split(measures, np.cumsum(self.sizes)[:-1])
        for island, own in zip(self.islands, rows, strict=True):
            island.population = island.population.measured(own)

    def to_document(self) -> dict[str, Any]:
        """The populations as arrays; of several islands, their sizes too."""
        sizes = {"islands": self.sizes} if len(self.islands) > 1 else {}
        return {**filed("population", self.population.to_document()), **sizes}

    def restore(self, document: Mapping[str, Any], blueprint: Blueprint) -> None:
        """Put the populations of `to_document` back.

        Raises:
            FormatError: arrays that are missing, too many or do not fit one another or the islands.
        """
        population = Population.from_document(section(document, "population"), blueprint)
        sizes = document.get("islands", [len(population)])
        if len(sizes) != len(self.islands) or sum(sizes) != len(population):
            raise FormatError(
                f"population: {len(population)} candidates on islands of {sizes}; the run has {len(self.islands)}"
            )
        for island, (first, last) in zip(self.islands, pairwise([0, *np.cumsum(sizes).tolist()]), strict=True):
            island.population = population.take(np.arange(first, last))


def joined(populations: Sequence[Population]) -> Population:
    """One population of several; of one, itself."""
    first, *rest = populations
    for other in rest:
        first = first.joined(other)
    return first
