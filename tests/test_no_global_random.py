"""A whole run makes no draw from a global generator: those raise here."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

import evoneuro


@pytest.fixture
def no_global_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise AssertionError("a draw from a global generator")

    for name in ("random", "randint", "randrange", "choice", "sample", "shuffle", "gauss", "uniform", "seed"):
        monkeypatch.setattr(random, name, refuse)
    for name in ("random", "rand", "randn", "randint", "choice", "permutation", "shuffle", "normal", "uniform", "seed"):
        monkeypatch.setattr(np.random, name, refuse)


@pytest.mark.usefixtures("no_global_draws")
@pytest.mark.parametrize("task", ["iris", "cartpole", "temporal-xor"])
def test_a_run_draws_from_keys_alone(task: str, tmp_path: Path) -> None:
    settings = {"search": {"population": 12}, "episodes": {"validation": 4}}
    run = evoneuro.evolve(task, generations=3, seed=1, workers=0, out=str(tmp_path), **settings)
    assert len(run.summaries) == 3


@pytest.mark.usefixtures("no_global_draws")
def test_the_guard_guards() -> None:
    with pytest.raises(AssertionError, match="global generator"):
        np.random.rand(3)
    with pytest.raises(AssertionError, match="global generator"):
        random.random()
