"""When a population is given up, and what of a run survives that."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from blueprints import fresh_ids, rng_of
from test_run import SMALL, config, extend
from test_variation import blueprint

from evoneuro import Run
from evoneuro.config import Episodes
from evoneuro.documents import unpack
from evoneuro.eons import Eons
from evoneuro.evolution import Evolution
from evoneuro.horizon import Horizon
from evoneuro.launch import resume, start
from evoneuro.patience import Patience
from evoneuro.store import Store
from evoneuro.task import load_task
from evoneuro.variation import random_genomes

LIMIT, GENERATIONS = 2, 16


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
    assert not patience.exhausted(8)
    assert patience.exhausted(9)
    assert patience.restarts == 1


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
    (new, *_) = [generation for generation in range(1, GENERATIONS) if restarts[generation] > restarts[generation - 1]]
    assert found[new]["population.births"][:, 0].min() == new  # type: ignore[index]
    assert found[new]["population.origins"].min() == new  # type: ignore[index]
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
    first, again = (kind(body, 1, 20).ask(generation, _unasked, seeds)[0] for generation in (0, 5))
    same = set(first.fingerprints.tolist()) & set(again.fingerprints.tolist())
    assert (len(first), len(again)) == (20, 20)
    assert first.fingerprints[0] in same if seeded else not same
    assert len(same) < 5
    assert again.origins.tolist() == [5] * 20
    hidden = [set(found.genomes.ids[found.genomes.ids >= 2**20].tolist()) for found in (first, again)]
    assert not hidden[0] & hidden[1]


def _unasked(*_: object) -> NoReturn:
    raise AssertionError("there is nobody to be judged")


def test_a_run_from_a_front_starts_anew_from_it(impatient: Run, tmp_path: Path) -> None:
    run = start(config(tmp_path, **IMPATIENT, start=str(impatient.path), budget={"generations": GENERATIONS}))
    assert run.status()["restarts"] > 0
