"""Evolution: ask for offspring, tell their measures. NSGA-II around a DEAP toolbox, on arrays.

Deb, Pratap, Agarwal & Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 6(2), 2002,
with five changes that small networks need: constraints and a score floor come before all objectives; candidates with
equal losses never crowd a front; with one objective the younger of equals survive; a child that expresses a network
that is already there gives way to another; parents are compared on the same episodes.

With newcomers, lineages have an age, and it is an objective: a lineage that began later need not beat the old ones at
once (Schmidt & Lipson, "Age-fitness Pareto optimization", GPTP VIII, 2011). That is a restart which never stops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
from deap import base

from evoneuro import keys, pareto
from evoneuro.express import Blueprint, express
from evoneuro.genome import Genome, Genomes, Ids
from evoneuro.mutations import MOVE
from evoneuro.networks import Networks
from evoneuro.pareto import Losses, Positions
from evoneuro.population import NOBODY, Measures, Parents, Population, nobody
from evoneuro.variation import MOST, NEW_IDS, make_toolbox

Violations = npt.NDArray[np.float64]
Origins = npt.NDArray[np.int64]
# Genomes, the generations in which their oldest ancestors were made from nothing, and their parents.
Brood = tuple[Genomes, Origins, Parents]


class Judge(Protocol):
    """What a run holds against candidates that are compared with one another."""

    def __call__(self, measures: Measures, origins: Origins | None = None, /) -> tuple[Losses, Violations]:
        """Losses (candidates, objectives) and violations [candidates].

        Args:
            measures: (candidates, measures).
            origins: if given, candidates are held to a floor that those as young as they have set.
        """


@dataclass(frozen=True)
class Beginning:
    """Where the first generation of a population comes from: a front, else seeds, else nothing.

    Attributes:
        seeds: genomes that are part of it.
        mutants: whether the others are mutants of the seeds, instead of random genomes.
        front: if not empty, all are far variants of these candidates, whatever `seeds` are.
    """

    seeds: Sequence[Genome] = ()
    mutants: bool = True
    front: Population | None = None


FROM_NOTHING = Beginning()
SPARE = 8  # for so many children one more is made, to stand in for those that are somebody already
TRIES = 6  # to make as many children as are asked for; what is missing then is made up by copies
UNMUTATED = 0.2  # share of the children of two parents


class Evolution:
    """The population of a run. Results depend on `seed` and on what is told, never on when.

    Attributes:
        population: candidates with measures, best first; empty before generation 0.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        seed: int,
        size: int,
        crossover: float = 0.5,
        newcomers: int = 0,
        greed: float = 0.0,
        move: float = MOVE,
        island: int = 0,
        islands: int = 1,
    ) -> None:
        """Start with nobody.

        Args:
            size: of the population, and children of a generation.
            crossover: share of the children with two parents.
            newcomers: random genomes among the children of a generation; with any, age is an objective.
            greed: share of the children whose first parent is one of those that score best.
            move: standard deviation of Gaussian moves, as a share of a gene's range.
            island: which population this is: each has random streams and neuron ids of its own.
            islands: how many there are.
        """
        self.blueprint = blueprint
        self.seed = seed
        self.size = size
        self.crossover = crossover
        self.newcomers, self.greed, self.move = newcomers, greed, move
        self.island, self.islands = island, islands
        self.spare = -(-size // SPARE)
        self.toolbox = self.make_toolbox()
        self.population = Population.empty(0)

    def make_toolbox(self) -> base.Toolbox:
        """DEAP's toolbox with the operators of the run: `random`, `mate`, `mutate`."""
        return make_toolbox(self.move)

    def ask(self, generation: int, judge: Judge, beginning: Beginning = FROM_NOTHING) -> tuple[Population, Networks]:
        """The offspring of `generation` and their networks: children or, where nobody is, a first generation.

        Args:
            beginning: where a first generation comes from.
        """
        make = self._maker(generation, judge, beginning)
        known = set(self.population.fingerprints.tolist())
        prints: list[str] = []
        new: list[int] = []
        batches: list[tuple[Genomes, Networks]] = []
        origins: list[Origins] = []
        parents: list[Parents] = []
        while len(new) < self.size and len(batches) < TRIES:
            genomes, began, of = make(len(batches), np.arange(self.size - len(new) + self.spare) + len(prints))
            batches.append((genomes, express(genomes, self.blueprint)))
            origins.append(began)
            parents.append(of)
            for name in batches[-1][1].fingerprints():
                if name not in known:
                    new.append(len(prints))
                    known.add(name)
                prints.append(name)
        chosen = np.sort(_filled(new, len(prints))[: self.size])
        genomes, networks = (first.joined(*rest).take(chosen) for first, *rest in zip(*batches, strict=True))
        began, of = np.concatenate(origins)[chosen], np.concatenate(parents)[chosen]
        return Population.born(generation, genomes, [prints[i] for i in chosen.tolist()], began, of), networks

    def tell(self, offspring: Population, judge: Judge) -> None:
        """Survivors of population and offspring together, all measured."""
        self.admit(offspring, judge)

    def admit(self, others: Population, judge: Judge) -> None:
        """The best of population and others together, all measured, as many as there is room for."""
        everyone = self.population.joined(others) if len(self.population) else others
        self.population = everyone.take(self._order(everyone, judge)[: self.size])

    def _order(self, population: Population, judge: Judge) -> Positions:
        """Positions of all candidates, the best first.

        With one objective the younger of equals is better: drift leads off the plateaus that a score in whole samples
        and genes in whole numbers have. With more, the front's spread sees to that, and who came first is better.
        """
        losses, violations = judge(population.measures, population.origins if self.newcomers else None)
        several = losses.shape[1] > 1
        if self.newcomers:
            losses = np.column_stack([losses, np.where(np.isfinite(losses[:, 0]), -population.origins, np.inf)])
        ranks = pareto.rank(losses, violations)
        crowding = pareto.crowding(losses, ranks)
        if several:
            return pareto.best(ranks, crowding, len(ranks))
        young = np.argsort(-population.births[:, 0], kind="stable")
        return young[pareto.best(ranks[young], crowding[young], len(ranks))]

    # Who makes the children: `make(attempt, numbers)` makes one genome for each number; no number comes twice

    def _maker(self, generation: int, judge: Judge, beginning: Beginning) -> Callable[[int, Positions], Brood]:
        if len(self.population):
            order = self._order(self.population, judge)
            return partial(self._children, generation, np.argsort(order), self._best(judge))
        if beginning.front is not None and len(beginning.front):
            return partial(self._variants, generation, beginning.front)
        if not beginning.seeds:
            return partial(self._random, generation)
        others = self._mutants if beginning.mutants else self._among_random
        return partial(others, generation, Genomes.of(beginning.seeds))

    def _best(self, judge: Judge) -> Positions:
        """Positions of the tenth of the population that loses least in the first objective, the feasible first."""
        losses, violations = judge(self.population.measures)
        return np.lexsort((losses[:, 0], violations))[: -(-len(losses) // 10)]

    def _random(self, generation: int, attempt: int, numbers: Positions) -> Brood:
        rng = self._rng("initial", generation, attempt)
        genomes: Genomes = self.toolbox.random(self.blueprint, rng, self._fresh(generation, numbers))
        return genomes, np.full(len(numbers), generation), nobody(len(numbers))

    def _among_random(self, generation: int, seeds: Genomes, attempt: int, numbers: Positions) -> Brood:
        """The seeds themselves, and then random genomes."""
        genomes, origins, parents = self._random(generation, attempt, numbers)
        places = np.flatnonzero(numbers < len(seeds))
        return genomes.replaced(places, seeds.take(numbers[places])), origins, parents

    def _mutants(self, generation: int, seeds: Genomes, attempt: int, numbers: Positions) -> Brood:
        """The seeds themselves, and then mutants of them."""
        rng = self._rng("initial", generation, attempt)
        who = np.flatnonzero(numbers >= len(seeds))
        genomes: Genomes = self.toolbox.mutate(
            seeds.take(numbers % len(seeds)), who, self.blueprint, rng, self._fresh(generation, numbers[who])
        )
        return genomes, np.full(len(numbers), generation), nobody(len(numbers))

    def _variants(self, generation: int, front: Population, attempt: int, numbers: Positions) -> Brood:
        """Children of all parts of the front, by so many mutations that few find the way back."""
        rng, places = self._rng("initial", generation, attempt), self.size + self.spare
        which = numbers * max(len(front), places) // places % len(front)
        genomes: Genomes = self.toolbox.mutate(
            front.genomes.take(which),
            np.arange(len(numbers)),
            self.blueprint,
            rng,
            self._fresh(generation, numbers),
            count=MOST,
        )
        parents = nobody(len(numbers))
        parents[:, :2] = front.births[which]
        return genomes, front.origins[which], parents

    def _children(self, generation: int, place: Positions, best: Positions, attempt: int, numbers: Positions) -> Brood:
        """Newcomers first; then children of one parent by mutation, and of two by crossover and, mostly, mutation."""
        strangers, numbers = np.split(numbers, [0 if attempt else min(self.newcomers, len(numbers))])
        first, second = self._parents(generation, place, best, attempt, len(numbers))
        rng = self._rng("variation", generation, attempt)
        mated = (first != second) & (rng.random(len(numbers)) < self.crossover)
        genomes = self.population.genomes.take(first)
        pairs = np.flatnonzero(mated)
        if len(pairs):
            mates = self.population.genomes.take(second[pairs])
            genomes = genomes.replaced(pairs, self.toolbox.mate(genomes.take(pairs), mates, self.blueprint, rng))
        who = self._mutated(mated, rng)
        mutants: Genomes = self.toolbox.mutate(genomes, who, self.blueprint, rng, self._fresh(generation, numbers[who]))
        began, births = self.population.origins, self.population.births
        origins = np.where(mated, np.minimum(began[first], began[second]), began[first])
        parents = np.column_stack([births[first], np.where(mated[:, None], births[second], NOBODY)])
        if not len(strangers):
            return mutants, origins, parents
        unknown, now, of = self._random(generation, attempt, strangers)
        return unknown.joined(mutants), np.concatenate([now, origins]), np.concatenate([of, parents])

    def _mutated(self, mated: npt.NDArray[np.bool_], rng: np.random.Generator) -> Positions:
        """Which children are mutated: all that have one parent, and most of the others."""
        return np.flatnonzero(~mated | (rng.random(len(mated)) >= UNMUTATED))

    def _parents(
        self, generation: int, place: Positions, best: Positions, attempt: int, count: int
    ) -> tuple[Positions, Positions]:
        """Two parents for each child, each the better of two drawn at random (binary tournament); `place` 0 is best.

        The first parent of a share of `greed` of the children is one of the `best` instead.
        """
        rng = self._rng("selection", generation, attempt)
        one, other = rng.integers(len(place), size=(2, 2, count))
        first, second = np.where(place[one] <= place[other], one, other)
        if self.greed:
            greedy = np.flatnonzero(rng.random(count) < self.greed)
            first[greedy] = best[rng.integers(len(best), size=len(greedy))]
        return first, second

    def _rng(self, stream: str, generation: int, attempt: int) -> np.random.Generator:
        """The generator of one attempt at a generation, for one purpose."""
        return keys.generator(self.seed, stream, self.island, generation, sub=attempt)

    def _fresh(self, generation: int, numbers: Positions) -> Ids:
        """The first of the neuron ids that belong to each child alone; above those of generation 0's seeds."""
        first = self.blueprint.inputs + self.blueprint.outputs + 2**20
        most = TRIES * (self.size + self.spare)
        age = generation * self.islands + self.island
        return first + NEW_IDS * (age * most + numbers.astype(np.int64))


def _filled(new: Sequence[int], count: int) -> Positions:
    """All positions below `count`, those in `new` first."""
    return np.concatenate([np.array(new, np.intp), np.setdiff1d(np.arange(count), new)])
