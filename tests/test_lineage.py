"""Lines of ancestors: they are true, they survive a kill, and they stay few."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import copied, small_run
from test_archipelago import archipelago
from test_archipelago import step as island_step
from test_evolution import step
from test_variation import blueprint

from evoneuro import lineage
from evoneuro.archive import Archive
from evoneuro.errors import DamageError, FormatError
from evoneuro.evolution import Evolution
from evoneuro.express import express
from evoneuro.genome import Genome, Genomes
from evoneuro.launch import resume
from evoneuro.lineage import Kin
from evoneuro.population import NOBODY, Population
from evoneuro.record import Run
from evoneuro.report import ancestry
from evoneuro.schema import STATEMENTS
from evoneuro.store import Store


@pytest.fixture
def database() -> sqlite3.Connection:
    found = sqlite3.connect(":memory:")
    for statement in STATEMENTS:
        found.execute(statement)
    return found


@pytest.fixture(scope="module")
def cartpole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("lineage"), "cartpole", generations=20, parameters={"max_steps": 60})


# Who the parents are


@pytest.mark.parametrize("crossover", [0.0, 1.0])
def test_a_child_has_genes_of_its_parents_and_of_nobody_else(crossover: float) -> None:
    evolution = Evolution(blueprint(0), 1, 30, crossover)
    evolution.make_toolbox()
    evolution.toolbox.register("mutate", lambda genomes, *rest: genomes)
    step(evolution, 0)
    assert (evolution.population.parents == NOBODY).all()
    before = dict(zip(evolution.population.names, evolution.population.genomes, strict=True))
    offspring, _ = evolution.ask(1, lambda *told: (np.zeros((len(told[0]), 1)), np.zeros(len(told[0]))))
    for genome, (*first, mate, index) in zip(offspring.genomes, offspring.parents.tolist(), strict=True):
        givers = [before["{}-{}".format(*first)]]
        if mate != NOBODY:
            assert crossover
            givers.append(before[f"{mate}-{index}"])
        genes = {gene for giver in givers for gene in zip(*neuron_genes(giver), strict=True)}
        assert set(zip(*neuron_genes(genome), strict=True)) <= genes
    assert (offspring.parents[:, 2] != NOBODY).any() == bool(crossover)


def neuron_genes(genome: Genome) -> list[list[int]]:
    return [genome.ids.tolist(), genome.threshold.tolist(), genome.leak.tolist()]


def test_newcomers_have_no_parents_and_immigrants_keep_theirs() -> None:
    evolution = Evolution(blueprint(0), 1, 20, newcomers=5)
    for generation in range(3):
        step(evolution, generation)
    offspring, _ = evolution.ask(3, lambda *told: (np.zeros((len(told[0]), 1)), np.zeros(len(told[0]))))
    assert (offspring.parents[:, 0] == NOBODY).sum() == (offspring.origins == 3).sum() > 0
    world, born = archipelago(3, every=2), dict[str, Any]()
    for generation in range(8):
        offspring = island_step(world, generation)
        born |= dict(zip(offspring.names, offspring.parents[:, 0].tolist(), strict=True))
    population = world.population
    assert {n: p[0] for n, p in zip(population.names, population.parents.tolist(), strict=True)}.items() <= born.items()


# Lines


def test_the_line_of_a_run_goes_back_to_the_first_generation(cartpole: Path) -> None:
    run = Run(cartpole)
    for member in run.front:
        line = run.lineage(member.id)
        ids = [one.id for one, _ in line]
        assert ids[-1] == member.id
        assert [one.parent for one, _ in line] == [None, *ids[:-1]]
        assert line[0][0].id.startswith("0-")
        generations = [int(name.split("-")[0]) for name in ids]
        assert generations == sorted(set(generations))
        network = line[-1][1]
        assert network.fingerprint() == member.network.fingerprint()
    assert max(len(run.lineage(member.id)) for member in run.front) > 3


def test_a_child_in_the_journal_differs_little_from_its_parent(cartpole: Path) -> None:
    line = Run(cartpole).lineage()
    for (_, old), (one, new) in pairwise(line):
        assert ancestry.changes(old, new)
        if one.mate is None:  # at most four mutations, of which one may take a neuron's synapses along
            wirings = [{*zip(n.ids[n.pre].tolist(), n.ids[n.post].tolist(), strict=True)} for n in (old, new)]
            assert wirings[0] & wirings[1]


def test_a_run_that_was_stopped_has_the_same_lines(cartpole: Path, tmp_path: Path) -> None:
    half = small_run(tmp_path, "cartpole", generations=9, parameters={"max_steps": 60})
    store = Store.open(half)
    with store._transaction("a longer budget") as database:
        database.execute("UPDATE meta SET value = replace(value, '\"generations\":9', '\"generations\":20')")
    store.close()
    resume(half)
    assert Run(half).status()["digest"] == Run(cartpole).status()["digest"]
    assert rows(half) == rows(cartpole)


def rows(run: Path) -> list[Any]:
    with sqlite3.connect(run / "run.sqlite") as database:
        return database.execute("SELECT * FROM ancestors ORDER BY id").fetchall()


def test_damage_is_found(cartpole: Path, tmp_path: Path) -> None:
    first = Run(cartpole).lineage()[0][0].id
    for change in ("score = score + 1", "parent = 'x'", "genome = zeroblob(7)", f"parent = '{first}'"):
        broken = copied(
            cartpole, tmp_path / change[:6].strip() / str(len(change)), None, f"UPDATE ancestors SET {change}"
        )
        with pytest.raises((DamageError, FormatError)):
            Run(broken).lineage()


def test_genomes_are_read_as_they_were_written() -> None:
    evolution = Evolution(blueprint(0), 1, 30)
    step(evolution, 0)
    for genome in evolution.population.genomes:
        assert Genome.from_key(genome.key()).key() == genome.key()
    for spoiled in (genome.key()[:-1], genome.key() + b"x", b""):
        with pytest.raises(FormatError):
            Genome.from_key(spoiled)


# How many are kept


def evolved(database: sqlite3.Connection, generations: int) -> tuple[Evolution, dict[str, str | None]]:
    """A toy run, its lines in `database`; and of everybody who was ever born, the parent."""
    evolution, everybody = Evolution(blueprint(0), 1, 12), dict[str, str | None]()
    nobody = Archive.empty(0).members
    for generation in range(generations):
        offspring = island_step(evolution, generation)
        parents = offspring.parents[:, :2].tolist()
        everybody |= {
            n: None if p[0] == NOBODY else f"{p[0]}-{p[1]}" for n, p in zip(offspring.names, parents, strict=True)
        }
        lineage.add(database, generation, Kin.of(offspring, evolution.population, nobody))
    return evolution, everybody


def test_who_left_no_line_goes_and_everybody_else_stays(database: sqlite3.Connection) -> None:
    evolution, everybody = evolved(database, 8 * lineage.OFTEN + 1)
    for name in evolution.population.names:
        one: str | None = name
        true = []
        while one is not None:
            true.append(one)
            one = everybody[one]
        assert [ancestor.id for ancestor in lineage.line(database, name)] == true[::-1]
    kept = {name for (name,) in database.execute("SELECT id FROM ancestors")}
    lines = {a.id for name in evolution.population.names for a in lineage.line(database, name)}
    assert kept == lines


def test_long_lines_are_thinned_from_between_and_say_how_many_are_missing(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "KEPT", 0)
    evolution, everybody = evolved(database, 80)
    count = database.execute("SELECT count(*) FROM ancestors").fetchone()[0]
    assert count < 4 * 12 + lineage.OFTEN * 12
    for name in evolution.population.names:
        line = lineage.line(database, name)
        true, one = [], everybody[name]
        while one is not None:
            true.append(one)
            one = everybody[one]
        assert line[0].id == true[-1]
        assert len(true) == sum(1 + ancestor.skipped for ancestor in line[1:])
        assert {ancestor.id for ancestor in line[:-1]} <= set(true)
    assert any(ancestor.skipped for ancestor in line)


# In words


def test_changes_are_told() -> None:
    evolution = Evolution(blueprint(0), 1, 30)
    step(evolution, 0)
    population: Population = evolution.population
    networks = express(population.genomes, evolution.blueprint)
    network = max(networks, key=lambda n: n.synapses)
    assert ancestry.changes(network, network) == []
    genome = population.genomes[[n.synapses for n in networks].index(network.synapses)]
    heavier = Genomes.of([Genome(**{**vars(genome), "weight": genome.weight // 2 + 1})])
    (changed,) = express(heavier, evolution.blueprint)
    (told,) = ancestry.changes(network, changed)
    assert told.split()[1] in ("weight", "weights")


def test_many_pictures_are_spread() -> None:
    assert ancestry.spread(0, 5) == []
    assert ancestry.spread(1, 5) == [0]
    assert ancestry.spread(100, 5) == [0, 25, 50, 74, 99]
