"""Configuration: types, ranges, and errors that name the nearest key."""

from __future__ import annotations

from datetime import date

import pytest

from evoneuro import EvoNeuroError
from evoneuro.config import Config
from evoneuro.genome import Bounds


def test_defaults_are_complete() -> None:
    config = Config.from_document({"task": "iris"})
    assert config.budget.generations == 100
    assert config.search.population == 100
    assert config.search.objectives is None
    assert config.workers.count is None
    assert Config.from_document(config.to_document()) == config


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"sed": 1}, "unknown key sed. Did you mean 'seed'?"),
        ({"search": {"populaton": 1}}, "Did you mean 'search.population'?"),
        ({"genome": {"delays": [1, 2]}}, "unknown key genome.delays. Did you mean 'delay'?"),
        ({"search": 3}, "search: expected a section"),
        ({"search": {"population": 3}}, "search.population: expected 4 to"),
        ({"search": {"population": "many"}}, "search.population: expected an integer"),
        ({"search": {"population": 10.5}}, "search.population: expected an integer"),
        ({"search": {"floor": 1.5}}, "search.floor: expected 0 to 1"),
        ({"search": {"floor": True}}, "search.floor: expected a number"),
        ({"search": {"objectives": "score"}}, "expected a list of strings"),
        ({"search": {"objectives": ["score", "score"]}}, "different names"),
        ({"search": {"topology": "loose"}}, "no such name: 'loose'"),
        ({"episodes": {"validation": 1}}, "episodes.validation: expected 2 to"),
        ({"seed": 2**32}, "seed: expected 0 to"),
        ({"search": {"score_floor": float("-inf")}}, "search.score_floor: expected a number"),
        ({"budget": {"hours": -1}}, "budget.hours: expected 0 or more, got -1"),
        ({"budget": {"hours": float("nan")}}, "budget.hours: expected a number"),
        ({"parameters": {"x": float("inf")}}, "task.x: expected text, finite numbers"),
        ({"parameters": {"x": [date(2024, 1, 2)]}}, "task.x: expected text, finite numbers"),
        ({"workers": {"timeout": -3}}, "workers.timeout: expected seconds above 0"),
        ({"workers": {"address": 3}}, "workers.address: expected a string"),
    ],
)
def test_mistakes(document: dict, message: str) -> None:
    with pytest.raises(EvoNeuroError) as error:
        Config.from_document({"task": "iris", **document})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_task_is_needed() -> None:
    with pytest.raises(EvoNeuroError, match="task"):
        Config.from_document({"seed": 1})


def test_bounds_follow_the_task_unless_set() -> None:
    config = Config.from_document({"task": "iris", "genome": {"evidence": [2, 3]}})
    assert config.bounds(16, encoded=True, racing=True) == Bounds(window=(16, 16), gain=(8, 64), evidence=(2, 3))
    assert Config.from_document({"task": "x"}).bounds(9, encoded=False, racing=False) == Bounds(window=(9, 9))
