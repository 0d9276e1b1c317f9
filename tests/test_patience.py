"""When a population is given up, and what of a run survives that."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest
from blueprints import fresh_ids, rng_of
from test_run import SMALL, config, extend
from test_variation import blueprint

from evoneuro import Run
from evoneuro.config import Episodes
from evoneuro.database import DATABASE
from evoneuro.documents import unpack
from evoneuro.eons import Eons
from evoneuro.evolution import Beginning, Evolution
from evoneuro.horizon import Horizon
from evoneuro.launch import configured, resume, start
from evoneuro.patience import Patience
from evoneuro.population import NOBODY
from evoneuro.store import Store
from evoneuro.task import load_task
from evoneuro.variation import random_genomes

LIMIT, GENERATIONS = 2, 24


def test_a_population_is_given_up_after_so_many_generations_without_a_better_score() -> None:
    patience = Patience(3)
    for generation, score in enumerate([1.0, 5.0, 4.0, 5.0]):
        assert not patience.exhausted(generation)
        patience.note(generation, 0, score)
    assert not patience.exhausted(4)
    patience.note(4, 0, float("nan"))
    assert patience.exhausted(5)
    patience.start_anew(5)
    patience.note(5, 0, 0.5)
    assert not patience.exhausted(7)
    assert patience.exhausted(8), "variants of the front have half the patience, rounded up"
    patience.start_anew(8)
    patience.note(8, 0, 0.5)
    assert not patience.exhausted(11)
    assert patience.exhausted(12)
    assert patience.restarts == 2


def test_a_longer_horizon_is_progress_whatever_the_score() -> None:
    patience = Patience(1)
    patience.note(0, 100, 90.0)
    patience.note(1, 200, 80.0)
    assert (patience.best, patience.since) == ((200, 80.0), 1)
    patience.note(2, 100, 99.0)
    assert patience.since == 1


def test_without_a_limit_nobody_is_given_up_and_nothing_remembered() -> None:
    patience = Patience(0)
    patience.note(0, 0, 1.0)
    assert not patience.exhausted(10**6)
    assert patience.to_document() == {}


@pytest.mark.parametrize("score", [2.5, float("nan")])
def test_what_is_remembered_comes_back(score: float) -> None:
    patience, other = Patience(3), Patience(3)
    patience.start_anew(4)
    patience.note(5, 8, score)
    other.restore(patience.to_document())
    assert vars(other) == vars(patience)


def test_the_front_meets_the_longest_episodes_that_there_have_been() -> None:
    horizon = Horizon(Episodes(count=80, horizon=10), load_task("cartpole"))
    assert horizon.count(10) == 10
    horizon.length = horizon.longest = 40
    horizon.start_anew()
    assert (horizon.length, horizon.longest, horizon.count(40)) == (10, 40, 40)
    other = Horizon(Episodes(count=80, horizon=10), load_task("cartpole"))
    other.restore(horizon.to_document())
    assert vars(other) == vars(horizon)


# In a run

IMPATIENT = {
    "search": {**SMALL["search"], "patience": LIMIT},
    "episodes": {**SMALL["episodes"], "horizon": 8, "refresh": 5},
}


def populations(run: Run) -> list[dict[str, object]]:
    """What each generation remembers."""
    store = Store.read(run.path)
    found = [unpack(blob) for _, blob in store.generations()]
    store.close()
    return found


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return start(config(tmp_path_factory.mktemp("impatient"), **IMPATIENT, budget={"generations": GENERATIONS}))


def test_a_run_starts_anew_and_its_front_stays(impatient: Run) -> None:
    restarts = [summary["restarts"] for summary in impatient.summaries]
    assert restarts[0] == 0
    assert restarts[-1] > 0
    assert impatient.status()["restarts"] == restarts[-1]
    found = populations(impatient)
    new, newer, *_ = (g for g in range(1, GENERATIONS) if restarts[g] > restarts[g - 1])
    assert found[new]["population.births"][:, 0].min() == new  # type: ignore[index]
    kin, front = set(found[new]["population.origins"].tolist()), found[new - 1]["archive.origins"]  # type: ignore[attr-defined]
    assert kin <= set(front.tolist())  # type: ignore[attr-defined]
    assert found[newer]["population.origins"].min() == newer  # type: ignore[index]
    assert found[new]["archive.births"][:, 0].min() < new  # type: ignore[index]
    assert found[new - 1]["horizon"] > 8  # type: ignore[operator]
    assert found[new]["horizon"] in (8, 16)
    best = [summary["best_score"] for summary in impatient.summaries]
    assert best[new] > 0.5 * best[new - 1]


def test_a_run_that_is_resumed_in_between_starts_anew_alike(impatient: Run, tmp_path: Path) -> None:
    run = start(config(tmp_path, **IMPATIENT, budget={"generations": 1}))
    for generations in range(1, GENERATIONS):
        extend(run.path, generations + 1)
        run = resume(run.path)
    assert [s["restarts"] for s in run.summaries] == [s["restarts"] for s in impatient.summaries]
    assert {m.id: m.measures for m in run.front} == {m.id: m.measures for m in impatient.front}


@pytest.mark.parametrize("kind", [Evolution, Eons])
@pytest.mark.parametrize("seeded", [True, False])
def test_a_population_that_starts_anew_is_another_one(kind: type[Evolution], seeded: bool) -> None:
    """Nobody is there at generation 0 and at 5: seeds come again, and what is beside them is new."""
    body = blueprint(0)
    seeds = list(random_genomes(body, rng_of(3), fresh_ids(0, 1), hidden=0)) if seeded else []
    first, again = (kind(body, 1, 20).ask(generation, _unasked, Beginning(seeds))[0] for generation in (0, 5))
    same = set(first.fingerprints.tolist()) & set(again.fingerprints.tolist())
    assert (len(first), len(again)) == (20, 20)
    assert first.fingerprints[0] in same if seeded else not same
    assert len(same) < 5
    assert again.origins.tolist() == [5] * 20
    hidden = [set(found.genomes.ids[found.genomes.ids >= 2**20].tolist()) for found in (first, again)]
    assert not hidden[0] & hidden[1]


@pytest.mark.parametrize("kind", [Evolution, Eons])
def test_variants_of_a_front_are_nearby_and_seldom_where_it_was(kind: type[Evolution]) -> None:
    body = blueprint(0)
    front = kind(body, 1, 3).ask(0, _unasked)[0]
    found = kind(body, 1, 60).ask(7, _unasked, Beginning(front=front))[0]
    assert len(found) == 60
    assert set(map(tuple, found.parents[:, :2].tolist())) == set(map(tuple, front.births.tolist()))
    assert (found.parents[:, 2:] == NOBODY).all()
    assert found.origins.tolist() == [0] * 60
    assert len(set(found.fingerprints.tolist()) & set(front.fingerprints.tolist())) <= 2
    old = set(front.genomes.ids.tolist())
    new = [i for i in found.genomes.ids.tolist() if i not in old]
    assert len(new) == len(set(new))


def test_of_a_large_front_all_parts_have_variants() -> None:
    body = blueprint(0)
    front = Evolution(body, 1, 40).ask(0, _unasked)[0]
    found = Evolution(body, 1, 10).ask(7, _unasked, Beginning(front=front))[0]
    asked = {number * 40 // 12 for number in range(12)}  # ten, and two to spare
    assert set(found.parents[:, 1].tolist()) <= asked
    assert found.parents[:, 1].max() >= 30


def test_the_lineage_of_a_variant_goes_on_beyond_the_restart(impatient: Run) -> None:
    restarts = [summary["restarts"] for summary in impatient.summaries]
    new = next(g for g in range(1, GENERATIONS) if restarts[g] > restarts[g - 1])
    with closing(sqlite3.connect(impatient.path / DATABASE)) as database:
        born = database.execute("SELECT id, parent FROM ancestors WHERE id LIKE ?", (f"{new}-%",)).fetchall()
    assert born
    assert all(int(parent.split("-")[0]) < new for _, parent in born)


def test_the_cart_poles_suggest_patience_and_presets_take_it_back() -> None:
    found = configured({"task": "cartpole-hardest"})
    assert (found.search.population, found.search.patience, found.budget.generations) == (50, 10, 200)
    found = configured({"task": "cartpole-hardest", "preset": "eons"})
    assert (found.search.population, found.search.patience, found.budget.generations) == (100, 0, 100)


def test_nobody_is_kicked_where_the_front_is_empty() -> None:
    body = blueprint(0)
    empty = Evolution(body, 1, 3).population
    plain, kicked = (Evolution(body, 1, 20).ask(5, _unasked, Beginning(front=front))[0] for front in (None, empty))
    assert plain.fingerprints.tolist() == kicked.fingerprints.tolist()


def test_kicks_and_random_genomes_take_turns() -> None:
    for kicks, expected in ((True, [False, True, False, True]), (False, [False] * 4)):
        patience, turns = Patience(2, kicks), []
        for generation in range(4):
            turns.append(patience.kicked)
            patience.start_anew(generation)
        assert turns == expected
        patience.start_anew(4)
        assert patience.exhausted(6) == kicks, "who was kicked has half the patience"


def _unasked(*_: object) -> NoReturn:
    raise AssertionError("there is nobody to be judged")


def test_a_run_from_a_front_starts_anew_from_it(impatient: Run, tmp_path: Path) -> None:
    run = start(config(tmp_path, **IMPATIENT, start=str(impatient.path), budget={"generations": GENERATIONS}))
    assert run.status()["restarts"] > 0
