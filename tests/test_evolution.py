"""Ask and tell on a toy problem without spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
from test_variation import blueprint

from evoneuro.evolution import Beginning, Evolution, Judge, Origins, Violations
from evoneuro.genome import Genomes
from evoneuro.networks import Networks
from evoneuro.objectives import COLUMN, MEASURES, losses, violation
from evoneuro.pareto import Losses
from evoneuro.population import Measures, Population
from evoneuro.variation import NEW_IDS, mutate


def toy(networks: Networks) -> Measures:
    """The score is the sum of weights onto output 0 minus those onto output 1: synapses are worth their weight."""
    measures = np.ones((len(networks), len(MEASURES)))
    for row, network in zip(measures, networks, strict=True):
        toward = np.where(network.post == network.outputs[0], 1, np.where(network.post == network.outputs[1], -1, 0))
        row[COLUMN["score"]] = (network.weight * toward).sum()
        row[COLUMN["synapses"]] = network.synapses
    return measures


def scores(population: Population) -> Measures:
    return population.measures[:, COLUMN["score"]]


def judge(measures: Measures, origins: Origins | None = None, /) -> tuple[Losses, Violations]:
    floor = 0.8 * np.nanmax(measures[:, COLUMN["score"]])
    return losses(measures, ["score", "synapses"]), violation(measures, [], floor)


def step(evolution: Evolution, generation: int, judge: Judge = judge) -> None:
    offspring, networks = evolution.ask(generation, judge)
    evolution.tell(offspring.measured(toy(networks)), judge)


def evolve(seed: int, generations: int = 25, size: int = 30) -> Evolution:
    evolution = Evolution(blueprint(0), seed, size)
    for generation in range(generations):
        step(evolution, generation)
    return evolution


def names(evolution: Evolution) -> list[tuple[str, str]]:
    population = evolution.population
    return list(zip(population.names, population.fingerprints.tolist(), strict=True))


def test_the_result_is_a_function_of_the_seed() -> None:
    assert names(evolve(1, 8)) == names(evolve(1, 8))
    assert names(evolve(1, 8)) != names(evolve(2, 8))


def test_a_restored_population_goes_on_alike() -> None:
    whole, body = evolve(3, 10), blueprint(0)
    half = evolve(3, 5)
    restored = Evolution(body, 3, 30)
    restored.population = Population.from_document(half.population.to_document(), body)
    for generation in range(5, 10):
        step(restored, generation)
    assert names(restored) == names(whole)


def test_it_gets_better_and_keeps_the_best() -> None:
    for seed in range(3):
        evolution, best = Evolution(blueprint(0), seed, 30), []
        for generation in range(25):
            step(evolution, generation)
            best.append(scores(evolution.population).max())
        assert best == sorted(best)
        assert best[-1] > 2 * best[0]


def test_with_one_objective_the_younger_of_equals_survive() -> None:
    def score_alone(measures: Measures, origins: Origins | None = None, /) -> tuple[Losses, Violations]:
        return losses(measures, ["score"]), np.zeros(len(measures))

    def told(judge: Judge) -> Evolution:
        evolution = Evolution(blueprint(0), 0, 20)
        for generation in range(3):
            offspring, _ = evolution.ask(generation, judge)
            evolution.tell(offspring.measured(np.ones((20, len(MEASURES)))), judge)
        return evolution

    assert told(score_alone).population.births[:, 0].tolist() == [2] * 20
    assert told(judge).population.births[:, 0].tolist() == [0] * 20


def free(measures: Measures, origins: Origins | None = None, /) -> tuple[Losses, Violations]:
    """The score alone, and no floor."""
    return losses(measures, ["score"]), np.zeros(len(measures))


def aging(seed: int, generations: int, **ours: Any) -> Evolution:
    evolution = Evolution(blueprint(0), seed, 30, newcomers=4, **ours)
    for generation in range(generations):
        step(evolution, generation, free)
    return evolution


def test_newcomers_come_from_nothing_and_children_are_as_old_as_their_oldest_parent() -> None:
    evolution = aging(1, 1)
    for generation in range(1, 12):
        known = set(evolution.population.origins.tolist())
        offspring, networks = evolution.ask(generation, free)
        assert (offspring.origins[:4] == generation).all()
        assert set(offspring.origins[4:].tolist()) <= known
        evolution.tell(offspring.measured(toy(networks)), free)
    assert len(set(evolution.population.origins.tolist())) > 5


def test_a_young_lineage_lives_beside_a_better_old_one_and_no_younger_one_is_better() -> None:
    evolution = aging(2, 30)
    score, origin = scores(evolution.population), evolution.population.origins
    oldest = origin == origin.min()
    assert not oldest.all()
    assert origin.max() >= 25
    assert score[~oldest].min() < score[oldest].max()
    # the best of each age is there: nothing as young beats it, so the best by age never gets worse with age
    best = [score[origin >= began].max() for began in sorted(set(origin.tolist()))]
    assert best == sorted(best, reverse=True)


def test_the_best_is_kept_among_newcomers() -> None:
    for seed in range(3):
        evolution, best = aging(seed, 0, greed=0.5), []
        for generation in range(25):
            step(evolution, generation, free)
            best.append(scores(evolution.population).max())
        assert best == sorted(best)
        assert best[-1] > 2 * best[0]


def test_greed_is_the_share_of_first_parents_among_the_best() -> None:
    evolution = Evolution(blueprint(0), 0, 30, greed=0.25)
    best = np.array([28, 29])  # who wins tournaments least
    place = np.arange(30)
    first, second = evolution._parents(1, place, best, 0, 20_000)
    chance = 1 - (28 / 30) ** 2  # of meeting one of them in a tournament, which they win against each other alone
    assert abs(np.isin(first, best).mean() - 0.25) < chance
    assert np.isin(second, best).mean() < 0.02


def test_one_objective_leaves_a_plateau_and_never_falls() -> None:
    def coarse(measures: Measures, origins: Origins | None = None, /) -> tuple[Losses, Violations]:
        return losses(measures, ["score"]), np.zeros(len(measures))

    for seed in range(3):
        evolution, best = Evolution(blueprint(0), seed, 30), []
        for generation in range(40):
            offspring, networks = evolution.ask(generation, coarse)
            measures = toy(networks)
            measures[:, COLUMN["score"]] //= 60  # a move of one weight is hardly ever seen
            evolution.tell(offspring.measured(measures), coarse)
            best.append(scores(evolution.population).max())
        assert best == sorted(best)
        assert best[-1] > best[0] + 2


def test_tiny_useless_networks_do_not_own_the_population() -> None:
    evolution = evolve(4)
    found = scores(evolution.population)
    assert np.median(found) > 0.8 * found.max()


def test_no_two_candidates_are_one_network() -> None:
    evolution = evolve(5)
    offspring, networks = evolution.ask(25, judge)
    assert offspring.fingerprints.tolist() == [network.fingerprint() for network in networks]
    prints = [*evolution.population.fingerprints.tolist(), *offspring.fingerprints.tolist()]
    assert len(set(prints)) >= len(prints) - 1
    assert len(set(offspring.names)) == len(offspring) == 30


def test_whoever_is_somebody_already_gives_way_to_another() -> None:
    evolution = evolve(5)
    asked = []

    def barren(genomes: Genomes, who: Any, *rest: Any) -> Genomes:
        asked.append(len(genomes))
        return genomes if len(asked) == 1 else mutate(genomes, who, *rest)

    evolution.toolbox.register("mutate", barren)
    offspring, _ = evolution.ask(25, judge)
    assert asked[0] == 30 + 4
    assert asked[1] > 10 + 4  # for all that came of one parent
    assert len({*evolution.population.fingerprints.tolist(), *offspring.fingerprints.tolist()}) >= 59


def test_where_there_is_nobody_else_copies_make_up_the_number() -> None:
    evolution = evolve(5)
    evolution.toolbox.register("mutate", lambda genomes, *rest: genomes.take(np.zeros(len(genomes), int)))
    offspring, networks = evolution.ask(25, judge)
    assert len(offspring) == len(networks) == 30
    assert len(set(offspring.fingerprints.tolist())) < 10


def test_new_neurons_have_names_of_their_own() -> None:
    evolution = Evolution(blueprint(0), 0, 50)
    first, _ = evolution.ask(0, judge)
    hidden = [set(genome.ids[6:].tolist()) for genome in first.genomes]
    assert sum(map(len, hidden)) == len(set.union(*hidden)) > 0
    later = [evolution._fresh(generation, np.arange(6 * (50 + 7))) for generation in range(3)]
    names = np.concatenate([fresh + k for fresh in later for k in range(NEW_IDS)])
    assert len(set(names.tolist())) == len(names)


def test_failed_candidates_survive_only_for_want_of_others() -> None:
    evolution = Evolution(blueprint(0), 0, 10)
    first, networks = evolution.ask(0, judge)
    measures = toy(networks)
    measures[1::2] = np.nan
    evolution.tell(first.measured(measures), judge)
    assert np.isnan(scores(evolution.population)).tolist() == [False] * 5 + [True] * 5
    back = Population.from_document(evolution.population.to_document(), blueprint(0))
    assert np.array_equal(back.measures, evolution.population.measures, equal_nan=True)


def test_seeds_come_first_and_then_their_mutants() -> None:
    source = evolve(6, 3)
    seeds = list(source.population.genomes[:2])
    offspring, _ = Evolution(blueprint(0), 7, 12).ask(0, judge, Beginning(seeds))
    assert [genome.key() for genome in offspring.genomes[:2]] == [seed.key() for seed in seeds]
    assert len(set(offspring.fingerprints.tolist())) > 8
    twins, _ = Evolution(blueprint(0), 7, 12).ask(0, judge, Beginning([seeds[0], seeds[0]]))
    assert twins.fingerprints[0] != twins.fingerprints[1]  # the second gives way
