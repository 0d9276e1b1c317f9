"""EONS as a baseline: the incumbent's algorithm, in the same code and on the same workers.

Schuman, Mitchell, Patton, Potok & Plank, "Evolutionary Optimization for Neuromorphic Systems", NICE 2020: one scalar
fitness, generations of a few elites, some new random networks and children of tournaments, and parameters that are
drawn anew. The algorithm itself is not public; it is put together from the paper and from the parameters that its users
publish, of which evoneuro/presets has three sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from deap import base

from evoneuro.errors import EvoNeuroError, check_integer
from evoneuro.evolution import FROM_NOTHING, Beginning, Evolution, Judge
from evoneuro.express import Blueprint, express
from evoneuro.mutations import (
    Menu,
    add_neuron,
    add_synapse,
    delete_neuron,
    delete_synapse,
    redraw,
)
from evoneuro.networks import Networks
from evoneuro.objectives import COLUMN
from evoneuro.pareto import Positions
from evoneuro.population import Measures, Population
from evoneuro.variation import MOST, NEW_IDS, crossover, mutate, random_genomes


@dataclass(frozen=True)
class Parameters:
    """What EONS's users set, under our names; theirs stand in brackets.

    Attributes:
        elites: best networks that live on as they are (num_best).
        random: share of each generation that is new and random (random_factor).
        tournament: share of the population that meets in a tournament (tournament_size_factor).
        best: chance that the best of a tournament wins it (tournament_best_net_factor).
        mutation: share of the children that are mutated (mutation_rate).
        mutations: of each child that is mutated (num_mutations).
        hidden, synapses: of random networks (starting_nodes, starting_edges).
        add_neuron, delete_neuron, add_synapse, delete_synapse, neuron_genes, synapse_genes: relative rates of the
            mutations (add_node_rate, ..., node_params_rate, edge_params_rate). A neuron's gene is its threshold, a
            synapse's its weight or its delay (node_mutations, edge_mutations).
        delays: share of the mutations of a synapse's genes that draw its delay, not its weight.
        penalty: what a neuron or a synapse takes from the fitness.
    """

    elites: int = 4
    random: float = 0.1
    tournament: float = 0.1
    best: float = 0.9
    mutation: float = 0.9
    mutations: int = 3
    hidden: int = 10
    synapses: int = 20
    add_neuron: float = 0.55
    delete_neuron: float = 0.45
    add_synapse: float = 0.6
    delete_synapse: float = 0.4
    neuron_genes: float = 2.5
    synapse_genes: float = 2.5
    delays: float = 0.35
    penalty: float = 1e-7

    def __post_init__(self) -> None:
        check_integer("eons.mutations", self.mutations, 1, MOST)
        check_integer("eons.hidden", self.hidden, 0, NEW_IDS)
        check_integer("eons.synapses", self.synapses, 1, 2**16)
        for name in ("random", "tournament", "best", "mutation", "delays"):
            if not 0 <= getattr(self, name) <= 1:
                raise EvoNeuroError(f"eons.{name}: expected 0 to 1, got {getattr(self, name):g}")
        if min(rate for _, rate, _ in self.menu.values()) < 0 or not any(rate for _, rate, _ in self.menu.values()):
            raise EvoNeuroError("eons: expected rates of mutations of 0 or more, not all of them 0")

    @property
    def menu(self) -> Menu:
        """The mutations with their rates."""
        return {
            "add_neuron": (add_neuron, self.add_neuron, True),
            "delete_neuron": (delete_neuron, self.delete_neuron, True),
            "add_synapse": (add_synapse, self.add_synapse, True),
            "delete_synapse": (delete_synapse, self.delete_synapse, True),
            "redraw_threshold": (partial(redraw, gene="threshold"), self.neuron_genes, False),
            "redraw_weight": (partial(redraw, gene="weight"), self.synapse_genes * (1 - self.delays), False),
            "redraw_delay": (partial(redraw, gene="delay"), self.synapse_genes * self.delays, False),
        }


class Eons(Evolution):
    """The population of a run that EONS evolves. Objectives and constraints are the archive's alone."""

    def __init__(
        self,
        blueprint: Blueprint,
        seed: int,
        size: int,
        crossover: float = 0.5,
        parameters: Parameters | None = None,
        island: int = 0,
        islands: int = 1,
    ) -> None:
        self.parameters = parameters or Parameters()
        newcomers = round(self.parameters.random * size)
        super().__init__(blueprint, seed, size, crossover, newcomers, island=island, islands=islands)

    def make_toolbox(self) -> base.Toolbox:
        """DEAP's toolbox with EONS's random genomes, crossover and mutation."""
        ours = self.parameters
        toolbox = base.Toolbox()
        toolbox.register("random", random_genomes, hidden=ours.hidden, synapses=ours.synapses)
        toolbox.register("mate", crossover)
        toolbox.register("mutate", mutate, menu=ours.menu, count=ours.mutations)
        return toolbox

    def ask(self, generation: int, judge: Judge, beginning: Beginning = FROM_NOTHING) -> tuple[Population, Networks]:
        """The offspring of `generation`: all but the elites' places. Nobody minds if two are one network."""
        make = self._maker(generation, judge, beginning)
        elites = self.parameters.elites if len(self.population) else 0
        genomes, origins, parents = make(0, np.arange(self.size - elites))
        networks = express(genomes, self.blueprint)
        return Population.born(generation, genomes, networks.fingerprints(), origins, parents), networks

    def tell(self, offspring: Population, judge: Judge) -> None:
        """The elites and all offspring."""
        everyone = offspring
        if len(self.population):
            elites = self._order(self.population, judge)[: self.parameters.elites]
            everyone = self.population.take(elites).joined(offspring)
        self.population = everyone.take(self._order(everyone, judge))

    def _order(self, population: Population, judge: Judge) -> Positions:
        return np.argsort(-fitness(population.measures, self.parameters.penalty), kind="stable")

    def _mutated(self, mated: npt.NDArray[np.bool_], rng: np.random.Generator) -> Positions:
        return np.flatnonzero(rng.random(len(mated)) < self.parameters.mutation)

    def _parents(
        self, generation: int, place: Positions, best: Positions, attempt: int, count: int
    ) -> tuple[Positions, Positions]:
        """Winners of two tournaments for each child: mostly the best of some, else any of them."""
        rng = self._rng("selection", generation, attempt)
        some = max(2, round(self.parameters.tournament * len(place)))
        met = rng.integers(len(place), size=(2 * count, some))
        first = place[met].argmin(axis=1)
        anyone = rng.integers(some, size=2 * count)
        chosen = np.where(rng.random(2 * count) < self.parameters.best, first, anyone)
        winners: Positions = met[np.arange(2 * count), chosen]
        return winners[:count], winners[count:]


def fitness(measures: Measures, penalty: float) -> npt.NDArray[np.float64]:
    """Score less a penalty for size (NICE 2020, section 4.5), higher is better; -inf for whoever failed."""
    size = measures[:, COLUMN["neurons"]] + measures[:, COLUMN["synapses"]]
    found = measures[:, COLUMN["score"]] - penalty * size
    return np.where(np.isfinite(found), found, -np.inf)
