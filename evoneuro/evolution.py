"""Evolution: ask for offspring, tell their measures. NSGA-II around a DEAP toolbox, on arrays.

Deb, Pratap, Agarwal & Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 6(2), 2002,
with four changes that small networks need: constraints and a score floor come before all objectives; candidates with
equal losses never crowd a front; a child that expresses a network that is already there is varied again, a few times
over; parents are compared on the same episodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro import keys, pareto
from evoneuro.express import Blueprint, express
from evoneuro.genome import Genome, Ids
from evoneuro.network import Network
from evoneuro.pareto import Losses
from evoneuro.variation import NEW_IDS, make_toolbox

Violations = npt.NDArray[np.float64]
Judge = Callable[[Sequence[dict[str, float]]], tuple[Losses, Violations]]

TRIES = 6  # to make a child that nobody is yet


@dataclass(frozen=True)
class Candidate:
    """A genome, its network, and what the present episodes say of it.

    Attributes:
        id: "GENERATION-INDEX" of its birth.
        measures: score, sizes, latency, energy; empty until told.
    """

    id: str
    genome: Genome
    network: Network
    fingerprint: str
    measures: dict[str, float]

    @classmethod
    def born(cls, name: str, genome: Genome, blueprint: Blueprint) -> Candidate:
        """A new candidate, not measured yet."""
        network = express(genome, blueprint)
        return cls(name, genome, network, network.fingerprint(), {})

    def measured(self, measures: dict[str, float]) -> Candidate:
        """The same candidate with measures."""
        return Candidate(self.id, self.genome, self.network, self.fingerprint, measures)

    def to_document(self) -> dict[str, Any]:
        """The candidate as plain data (a failed one's measures are null); its network follows from its genome."""
        measures = {name: value if math.isfinite(value) else None for name, value in self.measures.items()}
        return {"id": self.id, "genome": self.genome.to_document(), "measures": measures}

    @classmethod
    def from_document(cls, document: dict[str, Any], blueprint: Blueprint) -> Candidate:
        """The candidate of `to_document`."""
        measures = {name: math.nan if value is None else value for name, value in document["measures"].items()}
        return cls.born(document["id"], Genome.from_document(document["genome"]), blueprint).measured(measures)


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
        self.population: list[Candidate] = []

    def ask(self, generation: int, judge: Judge, seeds: Sequence[Genome] = ()) -> list[Candidate]:
        """The offspring of `generation`: random genomes and `seeds` in generation 0, then children of the population.

        Args:
            judge: measures -> losses (candidates, objectives) and violations [candidates].
            seeds: genomes to start from; the first generation is those and their mutants.
        """
        known = {candidate.fingerprint for candidate in self.population}
        parents = self._parents(generation, judge) if self.population else None
        offspring = []
        for index in range(self.size):
            rng = keys.generator(
                self.seed, "variation" if generation else "initial", generation=generation, index=index
            )
            for attempt in range(TRIES):
                fresh = self._fresh_ids(generation, index)
                genome = (
                    self._start(index, attempt, seeds, rng, fresh)
                    if parents is None
                    else self._child(parents[index], rng, fresh)
                )
                child = Candidate.born(f"{generation}-{index}", genome, self.blueprint)
                if child.fingerprint not in known:
                    break
            known.add(child.fingerprint)
            offspring.append(child)
        return offspring

    def tell(self, offspring: Sequence[Candidate], judge: Judge) -> None:
        """Survivors of population and offspring together, all measured."""
        everyone = [*self.population, *offspring]
        losses, violations = judge([candidate.measures for candidate in everyone])
        ranks = pareto.rank(losses, violations)
        order = pareto.best(ranks, pareto.crowding(losses, ranks), self.size)
        self.population = [everyone[i] for i in order]

    def _parents(self, generation: int, judge: Judge) -> list[tuple[Candidate, Candidate]]:
        """Two parents for each child, each the better of two drawn at random (binary tournament)."""
        losses, violations = judge([candidate.measures for candidate in self.population])
        ranks = pareto.rank(losses, violations)
        place = np.empty(len(self.population), np.int64)
        place[pareto.best(ranks, pareto.crowding(losses, ranks), len(ranks))] = np.arange(len(ranks))
        rng = keys.generator(self.seed, "selection", generation=generation)
        drawn = rng.integers(len(place), size=(self.size, 2, 2))
        chosen = np.where(place[drawn[:, :, 0]] <= place[drawn[:, :, 1]], drawn[:, :, 0], drawn[:, :, 1])
        return [(self.population[a], self.population[b]) for a, b in chosen.tolist()]

    def _child(self, parents: tuple[Candidate, Candidate], rng: np.random.Generator, fresh: Ids) -> Genome:
        genome: Genome = parents[0].genome
        if parents[1] is not parents[0] and rng.random() < self.crossover:
            genome = self.toolbox.mate(genome, parents[1].genome, self.blueprint, rng)
            if rng.random() < 0.2:
                return genome
        mutant: Genome = self.toolbox.mutate(genome, self.blueprint, rng, fresh)
        return mutant

    def _start(self, index: int, attempt: int, seeds: Sequence[Genome], rng: np.random.Generator, fresh: Ids) -> Genome:
        if not seeds:
            genome: Genome = self.toolbox.random(self.blueprint, rng, fresh)
        elif index < len(seeds) and attempt == 0:
            genome = seeds[index]
        else:
            genome = self.toolbox.mutate(seeds[index % len(seeds)], self.blueprint, rng, fresh)
        return genome

    def _fresh_ids(self, generation: int, index: int) -> Ids:
        """Neuron ids that belong to this child alone, the same on every resume; above those of generation 0's seeds."""
        first = self.blueprint.inputs + self.blueprint.outputs + 2**20 + NEW_IDS * (generation * self.size + index)
        return np.arange(first, first + NEW_IDS, dtype=np.int64)
