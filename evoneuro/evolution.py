"""Evolution: ask for offspring, tell their measures. NSGA-II around a DEAP toolbox, on arrays.

Deb, Pratap, Agarwal & Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 6(2), 2002,
with four changes that small networks need: constraints and a score floor come before all objectives; candidates with
equal losses never crowd a front; a child that expresses a network that is already there is varied again, a few times
over; parents are compared on the same episodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from evoneuro import keys, pareto
from evoneuro.express import Blueprint, express
from evoneuro.genome import Genome, Genomes, Ids
from evoneuro.networks import Networks
from evoneuro.pareto import Losses, Positions
from evoneuro.population import Measures, Population
from evoneuro.variation import NEW_IDS, make_toolbox

Violations = npt.NDArray[np.float64]
Judge = Callable[[Measures], tuple[Losses, Violations]]
Pairs = npt.NDArray[np.intp]

RETRIES = 5  # of a child that is somebody already, all at once
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
        self.toolbox = make_toolbox()
        self.population = Population.empty(0)

    def ask(self, generation: int, judge: Judge, seeds: Sequence[Genome] = ()) -> tuple[Population, Networks]:
        """The offspring of `generation` and their networks: random genomes and `seeds` in generation 0, then children.

        Args:
            judge: measures (candidates, measures) -> losses (candidates, objectives) and violations [candidates].
            seeds: genomes to start from; the first generation is those and their mutants.
        """
        make = self._maker(generation, judge, seeds)
        slots = np.arange(self.size)
        genomes = make(slots, 0)
        networks = express(genomes, self.blueprint)
        prints = networks.fingerprints()
        known = set(self.population.fingerprints.tolist())
        again = []
        for i, name in enumerate(prints):
            if name in known:
                again.append(i)
            known.add(name)
        if again:
            others = make(np.repeat(again, RETRIES), 1)
            other_networks = express(others, self.blueprint)
            other_prints = other_networks.fingerprints()
            choice = slots.copy()
            choice[again] = self.size + np.array(_first_new(other_prints, known))
            genomes, networks = genomes.joined(others).take(choice), networks.joined(other_networks).take(choice)
            prints = [(prints + other_prints)[i] for i in choice.tolist()]
        return Population.born(generation, genomes, prints), networks

    def tell(self, offspring: Population, judge: Judge) -> None:
        """Survivors of population and offspring together, all measured."""
        everyone = self.population.joined(offspring) if len(self.population) else offspring
        self.population = everyone.take(_best(everyone, judge)[: self.size])

    # Who makes the children: `make(slots, attempt)` makes one genome for each slot, 0 to below `size`

    def _maker(self, generation: int, judge: Judge, seeds: Sequence[Genome]) -> Callable[[Positions, int], Genomes]:
        if generation:
            return partial(self._children, generation, self._parents(generation, judge))
        return partial(self._mutants, Genomes.of(seeds)) if seeds else self._random

    def _random(self, slots: Positions, attempt: int) -> Genomes:
        rng = keys.generator(self.seed, "initial", sub=attempt)
        genomes: Genomes = self.toolbox.random(self.blueprint, rng, self._fresh(0, slots))
        return genomes

    def _mutants(self, seeds: Genomes, slots: Positions, attempt: int) -> Genomes:
        """The seeds themselves at first, and mutants of them."""
        rng = keys.generator(self.seed, "initial", sub=attempt)
        who = np.flatnonzero((slots >= len(seeds)) | (attempt > 0))
        genomes: Genomes = self.toolbox.mutate(
            seeds.take(slots % len(seeds)), who, self.blueprint, rng, self._fresh(0, slots[who])
        )
        return genomes

    def _children(self, generation: int, parents: Pairs, slots: Positions, attempt: int) -> Genomes:
        """Children of one parent by mutation, of two by crossover and, most of them, by mutation."""
        rng = keys.generator(self.seed, "variation", generation=generation, sub=attempt)
        first, second = parents[slots].T
        mated = (first != second) & (rng.random(len(slots)) < self.crossover)
        genomes = self.population.genomes.take(first)
        pairs = np.flatnonzero(mated)
        if len(pairs):
            mates = self.population.genomes.take(second[pairs])
            crossed = self.toolbox.mate(genomes.take(pairs), mates, self.blueprint, rng)
            place = np.arange(len(slots))
            place[pairs] = len(slots) + np.arange(len(pairs))
            genomes = genomes.joined(crossed).take(place)
        who = np.flatnonzero(~mated | (rng.random(len(slots)) >= UNMUTATED))
        mutants: Genomes = self.toolbox.mutate(genomes, who, self.blueprint, rng, self._fresh(generation, slots[who]))
        return mutants

    def _parents(self, generation: int, judge: Judge) -> Pairs:
        """Two parents for each child [size, 2], each the better of two drawn at random (binary tournament)."""
        place = np.argsort(_best(self.population, judge))
        rng = keys.generator(self.seed, "selection", generation=generation)
        drawn = rng.integers(len(place), size=(self.size, 2, 2))
        return np.where(place[drawn[:, :, 0]] <= place[drawn[:, :, 1]], drawn[:, :, 0], drawn[:, :, 1])

    def _fresh(self, generation: int, slots: Positions) -> Ids:
        """The first of the neuron ids that belong to each child alone; above those of generation 0's seeds."""
        first = self.blueprint.inputs + self.blueprint.outputs + 2**20
        return (first + NEW_IDS * (generation * self.size + slots)).astype(np.int64)


def _best(population: Population, judge: Judge) -> Positions:
    """Positions of all candidates, the best first."""
    losses, violations = judge(population.measures)
    ranks = pareto.rank(losses, violations)
    return pareto.best(ranks, pareto.crowding(losses, ranks), len(ranks))


def _first_new(prints: Sequence[str], known: set[str]) -> list[int]:
    """Of each `RETRIES` that follow one another, the first that nobody is yet, or the last."""
    chosen = []
    for start in range(0, len(prints), RETRIES):
        options = range(start, start + RETRIES)
        option = next((i for i in options if prints[i] not in known), options[-1])
        known.add(prints[option])
        chosen.append(option)
    return chosen
