"""The baseline: EONS's generations, tournaments and fitness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_evolution import judge, scores, toy
from test_variation import blueprint

from evoneuro.config import Config
from evoneuro.eons import Eons, Parameters, fitness
from evoneuro.errors import EvoNeuroError
from evoneuro.launch import configured, evolve
from evoneuro.objectives import COLUMN, MEASURES
from evoneuro.population import Population
from evoneuro.presets import names, preset
from evoneuro.variation import NEW_IDS, mutate, random_genomes

SMALL = Parameters(hidden=3, synapses=6)


def grown(seed: int, generations: int, size: int = 40) -> Eons:
    eons = Eons(blueprint(0), seed, size, parameters=SMALL)
    for generation in range(generations):
        offspring, networks = eons.ask(generation, judge)
        eons.tell(offspring.measured(toy(networks)), judge)
    return eons


def test_a_generation_is_elites_strangers_and_children() -> None:
    eons = grown(1, 6)
    before = eons.population
    offspring, networks = eons.ask(6, judge)
    assert len(offspring) == len(networks) == 36
    parents_neurons = set(before.genomes.ids.tolist())
    strangers, children = offspring.genomes.take(np.arange(4)), offspring.genomes.take(np.arange(4, 36))
    assert {len(genome.ids) for genome in strangers} == {4 + 2 + 3}
    assert not parents_neurons & {i for genome in strangers for i in genome.ids.tolist() if i >= 6}
    assert sum(bool(parents_neurons & set(genome.ids[6:].tolist())) for genome in children) > 20
    eons.tell(offspring.measured(toy(networks)), judge)
    assert len(eons.population) == 40
    elites = set(before.names[:4])
    assert elites <= set(eons.population.names)
    assert [name for name in eons.population.names if not name.startswith("6-")] == [
        name for name in eons.population.names if name in elites
    ]


def test_it_gets_better_and_keeps_the_best() -> None:
    for seed in range(3):
        eons, best = Eons(blueprint(0), seed, 40, parameters=SMALL), []
        for generation in range(30):
            offspring, networks = eons.ask(generation, judge)
            eons.tell(offspring.measured(toy(networks)), judge)
            best.append(scores(eons.population).max())
        assert best == sorted(best)
        assert best[-1] > 2 * best[0]


def test_the_result_is_a_function_of_the_seed_and_survives_a_restart() -> None:
    whole, half = grown(3, 8), grown(3, 4)
    other = Eons(blueprint(0), 3, 40, parameters=SMALL)
    other.population = Population.from_document(half.population.to_document(), blueprint(0))
    for generation in range(4, 8):
        offspring, networks = other.ask(generation, judge)
        other.tell(offspring.measured(toy(networks)), judge)
    assert other.population.names == whole.population.names
    assert other.population.fingerprints.tolist() == whole.population.fingerprints.tolist()
    assert grown(4, 8).population.fingerprints.tolist() != whole.population.fingerprints.tolist()


def test_fitness_is_the_score_less_a_penalty_for_size() -> None:
    measures = np.zeros((4, len(MEASURES)))
    measures[:, COLUMN["score"]] = 1, 1, 0.9, np.nan
    measures[:, COLUMN["neurons"]] = 5, 5, 1, 1
    measures[:, COLUMN["synapses"]] = 9, 8, 1, 1
    assert fitness(measures, 1e-7).tolist() == [1 - 14e-7, 1 - 13e-7, 0.9 - 2e-7, -np.inf]


def test_the_best_of_a_tournament_wins_nine_in_ten() -> None:
    eons = grown(1, 2, size=200)
    first, second = eons._parents(2, np.arange(200), np.arange(20), 0, 20_000)
    drawn = np.concatenate([first, second])
    # the best of 20 of 200 is below 10 on average; one in ten winners is anybody
    expected = 0.9 * (200 / 21 - 0.5) + 0.1 * 99.5
    assert drawn.mean() == pytest.approx(expected, rel=0.05)
    assert drawn.max() > 150


def test_parameters_are_drawn_anew_one_of_a_gene_at_a_time() -> None:
    body = blueprint(1)
    some = random_genomes(body, np.random.default_rng(0), 2**20 + NEW_IDS * np.arange(50))
    for name, gene in (("redraw_threshold", "threshold"), ("redraw_weight", "weight"), ("redraw_delay", "delay")):
        menu = {name: SMALL.menu[name]}
        after = mutate(some, np.arange(50), body, np.random.default_rng(1), np.arange(50), menu=menu, count=1)
        for other in ("threshold", "leak", "refractory", "weight", "delay", "pre", "post"):
            moved = int((getattr(after, other) != getattr(some, other)).sum())
            assert (25 < moved <= 50) if other == gene else moved == 0  # some are drawn as they were


# The preset


def test_a_preset_is_between_the_task_and_the_user() -> None:
    config = configured({"task": "interaural-delay", "preset": "eons"})
    assert config.search.method == "eons"
    assert config.search.floor == 0
    assert config.search.population == 100  # EONS's
    assert config.genome["leak"] == [-1, -1]  # the preset's
    assert config.genome["threshold"] == [60, 60]  # the task's
    mine: dict[str, Any] = {"search": {"floor": 0.5}, "genome": {"leak": [0, 0]}}
    config = configured({"task": "interaural-delay", "preset": "eons", **mine})
    assert config.search.method == "eons"
    assert config.search.floor == 0.5
    assert config.genome["leak"] == [0, 0]


@pytest.mark.parametrize("name", names())
def test_every_preset_is_a_configuration(name: str) -> None:
    assert isinstance(Config.from_document({"task": "iris", **preset(name)}), Config)


def test_parameters_are_a_section_of_the_configuration_and_checked() -> None:
    config = configured({"task": "iris", "preset": "eons-gunshot", "eons": {"elites": 3}})
    assert (config.eons.elites, config.eons.add_neuron, config.search.population) == (3, 0.75, 70)
    for wrong in ({"random": 1.5}, {"hidden": 99}, {"mutations": 0}, {"add_neuron": -1.0}, {"elite": 1}):
        with pytest.raises(EvoNeuroError, match=r"eons"):
            configured({"task": "iris", "eons": wrong})


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(EvoNeuroError, match=r"preset: no such name: 'eon'.*eons"):
        configured({"task": "iris", "preset": "eon"})


def test_a_run_with_eons_is_a_function_of_the_seed(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"seed": 2, "workers": 0, "preset": "eons", "search": {"population": 20}}
    whole = evolve("iris", generations=4, out=str(tmp_path / "a"), **settings)
    again = evolve("iris", generations=4, out=str(tmp_path / "b"), **settings)
    assert [member.to_document() for member in whole.front] == [member.to_document() for member in again.front]
    assert len(whole.front) > 0
