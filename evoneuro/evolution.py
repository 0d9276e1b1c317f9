"""Evolution: ask for offspring, tell their measures. NSGA-II around a DEAP toolbox, on arrays.

Deb, Pratap, Agarwal & Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 6(2), 2002,
with five changes that small networks need: constraints and a score floor come before all objectives; candidates with
equal losses never crowd a front; with one objective the younger of equals survive; a child that expresses a network
that is already there gives way to another; parents are compared on the same episodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from deap import base

from evoneuro import keys, pareto
from evoneuro.express import Blueprint, express
from evoneuro.genome import Genome, Genomes, Ids
from evoneuro.networks import Networks
from evoneuro.pareto import Losses, Positions
from evoneuro.population import Measures, Population
from evoneuro.variation import NEW_IDS, make_toolbox

Violations = npt.NDArray[np.float64]
Judge = Callable[[Measures], tuple[Losses, Violations]]

SPARE = 8  # for so many children one more is made, to stand in for those that are somebody already
TRIES = 6  # to make as many children as are asked for; what is missing then is made up by copies
UNMUTATED = 0.2  # share of the children of two parents


class Evolution:
    """The population of a run. Results depend on `seed` and on what is told, never on when.

    Attributes:
        population: candidates with measures, best first; empty before generation 0.
    """

    def __init__(self, blueprint: Blueprint, seed: int, size: int, crossover: float = 0.5) -> None:
        self.blueprint = blueprint
        self.seed = seed
        self.size = size
        self.crossover = crossover
        self.spare = -(-size // SPARE)
        self.toolbox = self.make_toolbox()
        self.population = Population.empty(0)

    def make_toolbox(self) -> base.Toolbox:
        """DEAP's toolbox with the operators of the run: `random`, `mate`, `mutate`."""
        return make_toolbox()

    def ask(self, generation: int, judge: Judge, seeds: Sequence[Genome] = ()) -> tuple[Population, Networks]:
        """The offspring of `generation` and their networks: random genomes and `seeds` in generation 0, then children.

        Args:
            judge: measures (candidates, measures) -> losses (candidates, objectives) and violations [candidates].
            seeds: genomes to start from; the first generation is those and their mutants.
        """
        make = self._maker(generation, judge, seeds)
        known = set(self.population.fingerprints.tolist())
        prints: list[str] = []
        new: list[int] = []
        batches: list[tuple[Genomes, Networks]] = []
        while len(new) < self.size and len(batches) < TRIES:
            genomes = make(len(batches), np.arange(self.size - len(new) + self.spare) + len(prints))
            batches.append((genomes, express(genomes, self.blueprint)))
            for name in batches[-1][1].fingerprints():
                if name not in known:
                    new.append(len(prints))
                    known.add(name)
                prints.append(name)
        chosen = np.sort(_filled(new, len(prints))[: self.size])
        genomes, networks = (first.joined(*rest).take(chosen) for first, *rest in zip(*batches, strict=True))
        return Population.born(generation, genomes, [prints[i] for i in chosen.tolist()]), networks

    def tell(self, offspring: Population, judge: Judge) -> None:
        """Survivors of population and offspring together, all measured."""
        everyone = self.population.joined(offspring) if len(self.population) else offspring
        self.population = everyone.take(self._order(everyone, judge)[: self.size])

    def _order(self, population: Population, judge: Judge) -> Positions:
        """Positions of all candidates, the best first.

        With one objective the younger of equals is better: drift leads off the plateaus that a score in whole samples
        and genes in whole numbers have. With more, the front's spread sees to that, and who came first is better.
        """
        losses, violations = judge(population.measures)
        ranks = pareto.rank(losses, violations)
        crowding = pareto.crowding(losses, ranks)
        if losses.shape[1] > 1:
            return pareto.best(ranks, crowding, len(ranks))
        young = np.argsort(-population.births[:, 0], kind="stable")
        return young[pareto.best(ranks[young], crowding[young], len(ranks))]

    # Who makes the children: `make(attempt, numbers)` makes one genome for each number; no number comes twice

    def _maker(self, generation: int, judge: Judge, seeds: Sequence[Genome]) -> Callable[[int, Positions], Genomes]:
        if generation:
            return partial(self._children, generation, np.argsort(self._order(self.population, judge)))
        return partial(self._mutants, Genomes.of(seeds)) if seeds else self._random

    def _random(self, attempt: int, numbers: Positions) -> Genomes:
        rng = keys.generator(self.seed, "initial", sub=attempt)
        genomes: Genomes = self.toolbox.random(self.blueprint, rng, self._fresh(0, numbers))
        return genomes

    def _mutants(self, seeds: Genomes, attempt: int, numbers: Positions) -> Genomes:
        """The seeds themselves, and then mutants of them."""
        rng = keys.generator(self.seed, "initial", sub=attempt)
        who = np.flatnonzero(numbers >= len(seeds))
        genomes: Genomes = self.toolbox.mutate(
            seeds.take(numbers % len(seeds)), who, self.blueprint, rng, self._fresh(0, numbers[who])
        )
        return genomes

    def _children(self, generation: int, place: Positions, attempt: int, numbers: Positions) -> Genomes:
        """Children of one parent by mutation; of two by crossover and, most of them, by mutation."""
        first, second = self._parents(generation, place, attempt, len(numbers))
        rng = keys.generator(self.seed, "variation", generation=generation, sub=attempt)
        mated = (first != second) & (rng.random(len(numbers)) < self.crossover)
        genomes = self.population.genomes.take(first)
        pairs = np.flatnonzero(mated)
        if len(pairs):
            mates = self.population.genomes.take(second[pairs])
            genomes = genomes.replaced(pairs, self.toolbox.mate(genomes.take(pairs), mates, self.blueprint, rng))
        who = np.flatnonzero(~mated | (rng.random(len(numbers)) >= UNMUTATED))
        mutants: Genomes = self.toolbox.mutate(genomes, who, self.blueprint, rng, self._fresh(generation, numbers[who]))
        return mutants

    def _parents(self, generation: int, place: Positions, attempt: int, count: int) -> tuple[Positions, Positions]:
        """Two parents for each child, each the better of two drawn at random (binary tournament); `place` 0 is best."""
        rng = keys.generator(self.seed, "selection", generation=generation, sub=attempt)
        one, other = rng.integers(len(place), size=(2, 2, count))
        first, second = np.where(place[one] <= place[other], one, other)
        return first, second

    def _fresh(self, generation: int, numbers: Positions) -> Ids:
        """The first of the neuron ids that belong to each child alone; above those of generation 0's seeds."""
        first = self.blueprint.inputs + self.blueprint.outputs + 2**20
        most = TRIES * (self.size + self.spare)
        return first + NEW_IDS * (generation * most + numbers.astype(np.int64))


def _filled(new: Sequence[int], count: int) -> Positions:
    """All positions below `count`, those in `new` first."""
    return np.concatenate([np.array(new, np.intp), np.setdiff1d(np.arange(count), new)])
