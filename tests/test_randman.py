"""Randman: smooth manifolds of spike times, one for each class."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from evoneuro.task import load_task


@pytest.mark.parametrize("parameters", [{}, {"categories": 3, "units": 7, "dim": 1, "steps": 20, "size": 300}])
def test_every_unit_fires_once(parameters: dict[str, int]) -> None:
    task = load_task("randman", parameters)
    raster, label = task.load()
    assert raster.shape == (task.size, task.steps, task.units)
    assert (raster.sum(axis=1) == 1).all()
    assert np.bincount(label).tolist() == [task.size // task.categories] * task.categories
    for number in range(task.categories):  # each class uses the whole of the time
        first, last = raster[label == number].any(axis=0)[[0, -1]]
        assert first.all()
        assert last.all()


def roughness(alpha: float, distance: float = 0.01) -> float:
    """How far values of points at `distance` are from each other, in standard deviations of all of them."""
    rng = np.random.Generator(np.random.Philox(5))
    points = rng.random((300, 2)) * 0.9
    task = load_task("randman", {"alpha": alpha, "units": 20})
    here, there = np.split(task._manifold(np.concatenate([points, points + distance]), rng), 2)
    return float(np.mean(np.abs(here - there).mean(axis=0) / here.std(axis=0)))


def test_nearby_points_have_nearby_times() -> None:
    assert roughness(2.0) < 0.15
    assert roughness(2.0, distance=0.001) < roughness(2.0) / 3


def test_a_higher_alpha_is_smoother() -> None:
    rough = [roughness(alpha) for alpha in (1.0, 1.5, 2.0, 3.0)]
    assert rough == sorted(rough, reverse=True)
    assert rough[0] > 4 * rough[-1]


def test_a_line_does_not_part_the_manifolds() -> None:
    raster, label = load_task("randman").load()
    times = StandardScaler().fit_transform(raster.argmax(axis=1))

    def score(model: LogisticRegression | MLPClassifier) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(times[:1200], label[:1200]).score(times[1200:], label[1200:])

    line = score(LogisticRegression())
    assert 0.35 < line < 0.55  # chance is 0.2
    assert score(MLPClassifier((30,), max_iter=200, random_state=0)) > line + 0.3
