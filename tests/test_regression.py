"""Regression: scores beside scikit-learn's, ranges of the decoder, and the Mackey-Glass series."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from evoneuro_tasks.mackey_glass import AHEAD, HISTORY, LAGS, START, series
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from evoneuro import EvoNeuroError, RegressionTask
from evoneuro.coding import decoder_from_spec
from evoneuro.task import load_task


class Waves(RegressionTask):
    """Two values of one feature."""

    def load(self) -> Any:
        x = np.linspace(0, 6, 50)
        return x[:, None], np.stack([np.sin(x), 10 + np.cos(x)], axis=1)


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_scores_are_scikit_learns(cases: int, values: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    right = rng.normal(size=(cases, values)) * 10 ** rng.uniform(-3, 3, values)
    said = right + rng.normal(size=(3, cases, values)) * right.std(axis=0)
    scores, by_case = Waves().judge(said, right)
    np.testing.assert_allclose(scores, [r2_score(right, answers) for answers in said], rtol=1e-9)
    np.testing.assert_allclose(by_case.mean(axis=1), scores, rtol=1e-12)
    found = Waves().details(said[0], right)
    expected = [f(right, said[0]) for f in (r2_score, mean_absolute_error)]
    assert [found["r2"], found["mae"]] == pytest.approx(expected, rel=1e-9)
    assert found["rmse"] == pytest.approx(root_mean_squared_error(right.ravel(), said[0].ravel()))


def test_ends_of_the_score() -> None:
    right = np.array([[1.0], [2.0], [6.0]])
    scores, _ = Waves().judge(np.stack([right, np.full((3, 1), 3.0), 6 - right]), right)
    assert scores[:2] == pytest.approx([1, 0], abs=1e-12)
    assert scores[2] < 0
    constant = np.ones((3, 1))  # a score that is finite
    assert Waves().judge(np.stack([constant, constant + 2]), constant)[0].tolist() == [1, -3]


@pytest.mark.parametrize(
    ("decoder", "neurons"),
    [({"kind": "bins", "members": 5}, 10), ({"kind": "pair"}, 4), ({"kind": "rate"}, 2), ({"kind": "latency"}, 2)],
)
def test_ranges_are_those_of_the_training_targets(decoder: dict[str, Any], neurons: int) -> None:
    task = Waves(decoder=decoder)
    train = task.targets("train", 4)
    made = decoder_from_spec(task.coding(4)[1])
    assert (made.low, made.high) == (tuple(train.min(axis=0)), tuple(train.max(axis=0)))
    assert task.outputs == neurons
    stated = Waves(decoder={**decoder, "low": [-2, 8], "high": [2, 12]})
    assert stated.coding(4)[1]["low"] == [-2, 8]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["a"] * 9, "must give numbers as targets"),
        ([1.0, float("nan")] + [0.0] * 7, r"y\[1, 0\] is nan"),
        (np.zeros((9, 1, 1)), r"y of shape \(samples,\) or \(samples, values\), got"),
    ],
)
def test_targets_that_are_none(targets: Any, message: str) -> None:
    class Wrong(RegressionTask):
        def load(self) -> Any:
            return np.zeros((9, 1)), targets

    with pytest.raises(EvoNeuroError, match=message):
        Wrong().coding(0)


def test_a_decoder_of_choices_is_refused() -> None:
    with pytest.raises(EvoNeuroError, match="decoder 'race' makes choices; regression needs one that gives values"):
        _ = Waves(decoder={"kind": "race"}).outputs


# Mackey-Glass


def test_the_series_is_of_fourth_order() -> None:
    finest = series(500, 17, steps=80)
    errors = [np.abs(series(500, 17, steps) - finest).max() for steps in (5, 10, 20)]
    for coarse, fine in pairwise(errors):
        assert 12 < coarse / fine < 20  # 16, where the step is halved
    assert errors[1] < 1e-8
    assert finest[0] == HISTORY
    assert 0.2 < finest.min() < finest.max() < 1.4
    # up to t = tau the delayed value is the history, and the equation is linear: it has a solution in closed form
    rest = 0.2 * HISTORY / (1 + HISTORY**10) / 0.1
    t = np.arange(18)
    np.testing.assert_allclose(series(17, 17), rest + (HISTORY - rest) * np.exp(-0.1 * t), rtol=1e-9)


def test_without_chaos_the_series_comes_to_rest() -> None:
    assert series(3000, 2)[-1] == pytest.approx(1, abs=1e-9)  # x = 1 is where growth and decay are equal


def test_samples_are_of_the_series_and_parts_share_nothing() -> None:
    task = load_task("mackey-glass")
    x = series(1500, 17)
    seen, right = task._loaded()
    assert seen.shape == (1000, 4)
    assert seen[0].tolist() == [x[START - lag] for lag in LAGS]
    assert right[0, 0] == x[START + AHEAD]
    parts = [set(task.samples(part, 0).ravel()) | set(task.targets(part, 0).ravel()) for part in ("train", "test")]
    middle = set(task.samples("validation", 0).ravel()) | set(task.targets("validation", 0).ravel())
    assert not parts[0] & parts[1]
    assert not middle & (parts[0] | parts[1])
    sizes = [len(task.members(part, 0)) for part in ("train", "validation", "test")]
    assert sizes == [600, 200, 200]
    assert np.array_equal(task.members("test", 0), task.members("test", 1))  # the last ones, whatever the seed
    assert task.members("test", 0).tolist() == list(range(800, 1000))
    assert len(load_task("mackey-glass", {"size": 50}).members("train", 0)) == 30


def test_a_line_explains_some_of_the_series() -> None:
    task = load_task("mackey-glass")
    model = LinearRegression().fit(task.samples("train", 0), task.targets("train", 0))
    said = model.predict(task.samples("test", 0))
    r2 = task.details(said, task.targets("test", 0))["r2"]
    assert r2 == pytest.approx(0.8146, abs=0.0005)
    assert r2 < task.solved


@pytest.mark.parametrize(("name", "value"), [("size", 9), ("tau", 0)])
def test_parameters_of_the_series(name: str, value: int) -> None:
    with pytest.raises(EvoNeuroError, match=f"task.{name}: expected"):
        load_task("mackey-glass", {name: value}).coding(0)
