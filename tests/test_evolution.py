"""Ask and tell on a toy problem without spikes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from test_variation import blueprint

from evoneuro.evolution import Candidate, Evolution, Violations
from evoneuro.objectives import losses, violation
from evoneuro.pareto import Losses


def toy(candidate: Candidate) -> dict[str, float]:
    """The score is the sum of weights onto output 0 minus those onto output 1: synapses are worth their weight."""
    network = candidate.network
    toward = np.where(network.post == network.outputs[0], 1, np.where(network.post == network.outputs[1], -1, 0))
    measures = {"score": float((network.weight * toward).sum()), "synapses": float(network.synapses)}
    return {**measures, "neurons": float(network.neurons), "hidden": 0.0, "latency": 1.0, "energy": 1.0}


def judge(measures: Sequence[dict[str, float]]) -> tuple[Losses, Violations]:
    floor = 0.8 * max(m["score"] for m in measures if math.isfinite(m["score"]))
    return losses(measures, ["score", "synapses"]), violation(measures, [], floor)


def evolve(seed: int, generations: int = 25, size: int = 30) -> Evolution:
    evolution = Evolution(blueprint(0), seed, size)
    for generation in range(generations):
        offspring = evolution.ask(generation, judge)
        evolution.tell([child.measured(toy(child)) for child in offspring], judge)
    return evolution


def names(evolution: Evolution) -> list[tuple[str, str]]:
    return [(c.id, c.fingerprint) for c in evolution.population]


def test_the_result_is_a_function_of_the_seed() -> None:
    assert names(evolve(1, 8)) == names(evolve(1, 8))
    assert names(evolve(1, 8)) != names(evolve(2, 8))


def test_a_restored_population_goes_on_alike() -> None:
    whole, body = evolve(3, 10), blueprint(0)
    half = evolve(3, 5)
    documents = [c.to_document() for c in half.population]
    restored = Evolution(body, 3, 30)
    restored.population = [Candidate.from_document(d, body) for d in documents]
    for generation in range(5, 10):
        restored.tell([c.measured(toy(c)) for c in restored.ask(generation, judge)], judge)
    assert names(restored) == names(whole)


def test_it_gets_better_and_keeps_the_best() -> None:
    for seed in range(3):
        evolution, best = Evolution(blueprint(0), seed, 30), []
        for generation in range(25):
            offspring = evolution.ask(generation, judge)
            evolution.tell([child.measured(toy(child)) for child in offspring], judge)
            best.append(max(c.measures["score"] for c in evolution.population))
        assert best == sorted(best)
        assert best[-1] > 2 * best[0]


def test_tiny_useless_networks_do_not_own_the_population() -> None:
    evolution = evolve(4)
    scores = np.array([c.measures["score"] for c in evolution.population])
    assert np.median(scores) > 0.8 * scores.max()


def test_no_two_candidates_are_one_network() -> None:
    evolution = evolve(5)
    offspring = evolution.ask(25, judge)
    prints = [c.fingerprint for c in (*evolution.population, *offspring)]
    assert len(set(prints)) >= len(prints) - 1
    assert len({c.id for c in offspring}) == len(offspring)


def test_new_neurons_have_names_of_their_own() -> None:
    evolution = Evolution(blueprint(0), 0, 50)
    first = evolution.ask(0, judge)
    hidden = [set(c.genome.ids[6:].tolist()) for c in first]
    for i, mine in enumerate(hidden):
        for theirs in hidden[:i]:
            assert not mine & theirs


def test_failed_candidates_survive_only_for_want_of_others() -> None:
    evolution = Evolution(blueprint(0), 0, 10)
    first = [child.measured(toy(child)) for child in evolution.ask(0, judge)]
    nothing = dict.fromkeys(first[0].measures, math.nan)
    evolution.tell([c.measured(nothing) if i % 2 else c for i, c in enumerate(first)], judge)
    assert [math.isnan(c.measures["score"]) for c in evolution.population] == [False] * 5 + [True] * 5
    document = evolution.population[-1].to_document()
    assert document["measures"]["score"] is None
    assert math.isnan(Candidate.from_document(document, blueprint(0)).measures["score"])


def test_seeds_come_first_and_then_their_mutants() -> None:
    source = evolve(6, 3)
    seeds = [c.genome for c in source.population[:2]]
    offspring = Evolution(blueprint(0), 7, 12).ask(0, judge, seeds)
    assert [c.genome.key() for c in offspring[:2]] == [s.key() for s in seeds]
    assert len({c.fingerprint for c in offspring}) > 8
