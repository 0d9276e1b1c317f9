"""Islands: alone they are what they were, together they send their best around a ring, and time plays no part."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_evolution import judge, scores, toy
from test_run import GENERATIONS, SMALL, Stopper, config, digest
from test_variation import blueprint

from evoneuro.archipelago import Archipelago
from evoneuro.cli import main
from evoneuro.config import Config
from evoneuro.documents import pack, unpack
from evoneuro.eons import Eons
from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.evolution import Evolution
from evoneuro.launch import resume, start
from evoneuro.population import Population
from evoneuro.record import Run

SIZE = 20
ISLANDS = {"islands": {"count": 3, "every": 2, "migrants": 2}}


def archipelago(count: int, seed: int = 1, every: int = 4, migrants: int = 2, kind: type = Evolution) -> Archipelago:
    body = blueprint(0)
    islands = [kind(body, seed, SIZE, island=number, islands=count) for number in range(count)]
    return Archipelago(islands, every, migrants)


def step(world: Archipelago | Evolution, generation: int) -> Population:
    offspring, networks = world.ask(generation, judge)
    offspring = offspring.measured(toy(networks))
    world.tell(offspring, judge)
    return offspring


def known(population: Population) -> list[tuple[str, str]]:
    return list(zip(population.names, population.fingerprints.tolist(), strict=True))


def test_one_island_is_a_population() -> None:
    world, alone = archipelago(1), Evolution(blueprint(0), 1, SIZE)
    for generation in range(10):
        step(world, generation)
        step(alone, generation)
    assert known(world.population) == known(alone.population)
    assert list(world.to_document()) == [f"population.{key}" for key in alone.population.to_document()]


def test_islands_without_migration_are_runs_of_their_own() -> None:
    world = archipelago(3, migrants=0)
    offspring = [step(world, generation) for generation in range(8)]
    prints = [set(island.population.fingerprints.tolist()) for island in world.islands]
    assert len(set.union(*prints)) == sum(len(own) for own in prints)  # other streams, other networks
    assert all(len(set(brood.names)) == 3 * SIZE for brood in offspring)
    first = Evolution(blueprint(0), 1, SIZE, islands=3)
    for generation in range(8):
        step(first, generation)
    assert known(first.population) == known(world.islands[0].population)


@pytest.mark.parametrize("kind", [Evolution, Eons])
def test_no_two_neurons_that_evolved_apart_have_the_same_id(kind: type) -> None:
    """Crossover takes neurons of one id for the same neuron."""
    world = archipelago(3, migrants=0, kind=kind)
    for generation in range(6):
        step(world, generation)
    ids = [island.population.genomes.ids for island in world.islands]
    new = [set(own[own > 2**20].tolist()) for own in ids]
    assert all(new)
    assert not new[0] & new[1]
    assert not new[1] & new[2]


@pytest.mark.parametrize("kind", [Evolution, Eons])
def test_the_best_go_to_the_next_island(kind: type) -> None:
    world, apart = archipelago(3, every=4, kind=kind), archipelago(3, migrants=0, kind=kind)
    for generation in range(4):
        assert known(world.population) == known(apart.population)
        step(world, generation)
        step(apart, generation)
    before, after = apart.islands, world.islands
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        sent = set(known(before[number - 1].population)[:2])
        arrived = set(known(new.population)) - set(known(old.population))
        assert arrived <= sent
        assert len(new.population) == SIZE
        assert scores(new.population).max() >= scores(before[number - 1].population)[:2].max()
    assert any(set(known(new.population)) - set(known(old.population)) for old, new in zip(before, after, strict=True))


def test_what_is_there_already_does_not_come_again() -> None:
    world = archipelago(2, every=1, migrants=SIZE)
    for generation in range(12):
        step(world, generation)
        for island in world.islands:
            assert len(set(island.population.fingerprints.tolist())) == len(island.population) == SIZE


def test_children_are_told_to_the_island_that_made_them() -> None:
    world = archipelago(3)
    step(world, 0)
    step(world, 1)
    for number, island in enumerate(world.islands):
        assert set((island.population.births[:, 1] // SIZE).tolist()) == {number}


@pytest.mark.parametrize("kind", [Evolution, Eons])
def test_a_restored_archipelago_goes_on_alike(kind: type) -> None:
    world = archipelago(3, every=3, kind=kind)
    for generation in range(5):
        step(world, generation)
    restored = archipelago(3, every=3, kind=kind)
    restored.restore(unpack(pack(world.to_document())), blueprint(0))
    assert restored.sizes == world.sizes
    for generation in range(5, 9):
        step(world, generation)
        step(restored, generation)
    assert known(restored.population) == known(world.population)


def test_all_are_measured_anew_where_they_live() -> None:
    world = archipelago(3)
    step(world, 0)
    population = world.population
    measures = population.measures + np.arange(len(population))[:, None]
    world.rescore(measures)
    assert np.array_equal(world.population.measures, measures)
    assert known(world.population) == known(population)


@pytest.mark.parametrize(
    ("count", "sizes"), [(2, None), (3, [SIZE, SIZE]), (3, [SIZE, SIZE, SIZE - 1]), (1, [SIZE, SIZE, SIZE])]
)
def test_a_document_of_other_islands_is_refused(count: int, sizes: list[int] | None) -> None:
    world = archipelago(3)
    step(world, 0)
    document = world.to_document()
    document = {**document, "islands": sizes} if sizes else {k: v for k, v in document.items() if k != "islands"}
    with pytest.raises(FormatError, match=f"the run has {count}"):
        archipelago(count).restore(document, blueprint(0))


@pytest.mark.parametrize("settings", [{"count": 0}, {"every": 0}, {"migrants": 101}, {"number": 2}])
def test_settings_that_make_no_sense(settings: dict[str, int]) -> None:
    with pytest.raises(EvoNeuroError, match=r"islands\."):
        Config.from_document({"task": "iris", "islands": settings})


# Runs


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return start(config(tmp_path_factory.mktemp("islands"), **ISLANDS))


@pytest.mark.slow
def test_workers_do_not_matter(undisturbed: Run, tmp_path: Path) -> None:
    assert digest(start(config(tmp_path, workers={"count": 2}, **ISLANDS))) == digest(undisturbed)


@pytest.mark.parametrize("method", ["nsga2", "eons"])
def test_resumes_after_every_generation_to_the_same_end(tmp_path: Path, method: str) -> None:
    search = {"search": {**SMALL["search"], "method": method}}
    whole = start(config(tmp_path / "whole", **ISLANDS, **search))
    with pytest.raises(KeyboardInterrupt):
        start(config(tmp_path / "cut", **ISLANDS, **search), Stopper(1))
    (path,) = (tmp_path / "cut").glob("*")
    for _ in range(1, GENERATIONS):
        with pytest.raises(KeyboardInterrupt):
            resume(path, Stopper(1))
    assert digest(resume(path)) == digest(whole)


def test_status_and_front_know_islands(undisturbed: Run, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> Any:
        assert main([*arguments, str(undisturbed.path), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    status = said("status")
    assert len(status["island_scores"]) == 3
    assert status["evaluations"] > 3 * GENERATIONS * 16
    assert max(status["island_scores"]) <= status["best_score"]
    front = said("front")["front"]
    for member in front:
        assert member["island"] == int(member["id"].partition("-")[2]) // 16
    assert len({member["island"] for member in front}) > 1  # the archive has merged their fronts
    assert main(["front", str(undisturbed.path)]) == 0
    assert "island" in capsys.readouterr().out.splitlines()[0]


def test_the_merged_front_is_a_front(undisturbed: Run) -> None:
    values = [(-m.measures["score"], m.measures["synapses"], m.measures["latency"]) for m in undisturbed.front]
    for one, other in permutations(values, 2):
        assert one == other or not all(a <= b for a, b in zip(one, other, strict=True))
