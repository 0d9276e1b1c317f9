"""A whole run makes no draw from a global generator: those raise here."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import sklearn.datasets  # noqa: F401  scipy makes the examples of its documentation by chance when it is imported

import evoneuro
from evoneuro.task import load_task

GLOBAL = ((random, random.Random), (np.random, np.random.RandomState))


@pytest.fixture
def no_global_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise AssertionError("a draw from a global generator")

    def bound_to(module: ModuleType, kind: type) -> list[str]:
        """The module's functions that are methods of its one global generator."""
        return [name for name in module.__all__ if isinstance(getattr(getattr(module, name), "__self__", None), kind)]

    draws = [(module, name) for module, kind in GLOBAL for name in bound_to(module, kind)]
    assert len(draws) > 50
    for module, name in draws:
        monkeypatch.setattr(module, name, refuse)
    seeded = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed=None: refuse() if seed is None else seeded(seed))


@pytest.mark.usefixtures("no_global_draws")
@pytest.mark.parametrize("task", ["iris", "cartpole", "temporal-xor"])
def test_a_run_draws_from_keys_alone(task: str, tmp_path: Path) -> None:
    settings = {"search": {"population": 12}, "episodes": {"validation": 4}}
    run = evoneuro.evolve(task, generations=3, seed=1, workers=0, out=str(tmp_path), **settings)
    assert len(run.summaries) == 3


@pytest.mark.usefixtures("no_global_draws")
@pytest.mark.parametrize(
    "name", ["temporal-xor", "yin-yang", "interaural-delay", "spike-templates", "randman", "mnist-1d"]
)
def test_data_are_made_from_seeds_of_their_own(name: str) -> None:
    first, second = load_task(name).load(), load_task(name).load()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.usefixtures("no_global_draws")
def test_the_guard_guards() -> None:
    with pytest.raises(AssertionError, match="global generator"):
        np.random.rand(3)
    with pytest.raises(AssertionError, match="global generator"):
        random.random()
    with pytest.raises(AssertionError, match="global generator"):
        np.random.default_rng()
