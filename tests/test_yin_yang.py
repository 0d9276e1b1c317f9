"""Yin-Yang: the published points, by the published rule."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from evoneuro_tasks.yin_yang import part_of, sample
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from evoneuro.task import load_task

YIN, YANG, DOT = range(3)
FIRST = [  # of seed 42, and their classes
    ([0.6803075385877797, 0.450499251969543], DOT),
    ([0.09767211400638387, 0.6842330265121569], YANG),
    ([0.7553614103176525, 0.4251558744912447], DOT),
]


def test_points_are_those_published() -> None:
    x, y, parts = load_task("yin-yang").load()
    assert x.shape == (7000, 2)
    assert dict(zip(*np.unique(parts, return_counts=True), strict=True)) == {
        "train": 5000, "validation": 1000, "test": 1000,
    }  # fmt: skip
    points, numbers = zip(*FIRST, strict=True)
    assert x[:3].tolist() == list(points)
    assert y[:3].tolist() == list(numbers)
    digest = hashlib.sha256(x.astype("<f8").tobytes() + y.astype("<i8").tobytes()).hexdigest()
    assert digest == "f846e269892a67330e6a94e499331279a0ce06e56adb69896c256b405d8e4755"
    assert np.bincount(y).min() > 7000 / 3 * 0.97  # a class is drawn before its point: they are balanced


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((0.25, 0.5), DOT),
        ((0.75, 0.5), DOT),
        ((0.75, 0.59), DOT),
        ((0.25, 0.39), YANG),  # around the left dot is yang's head, whichever half it is in
        ((0.25, 0.61), YANG),
        ((0.75, 0.39), YIN),  # and around the right one is yin's
        ((0.75, 0.61), YIN),
        ((0.5, 0.95), YANG),
        ((0.5, 0.05), YIN),
    ],
)
def test_classes_follow_the_figure(point: tuple[float, float], expected: int) -> None:
    assert part_of(np.array([point])) == [expected]


def test_the_figure_is_its_own_negative_when_turned() -> None:
    points, labels = sample(3, 1000)
    assert np.hypot(*(points - 0.5).T).max() <= 0.5
    turned = part_of(1 - points)
    assert np.array_equal(turned, np.array([YANG, YIN, DOT])[labels])


def test_a_line_does_not_part_it_and_neighbours_do() -> None:
    x, y, parts = load_task("yin-yang").load()
    train, test = parts == "train", parts == "test"
    assert LogisticRegression().fit(x[train], y[train]).score(x[test], y[test]) == pytest.approx(0.64, abs=0.02)
    assert KNeighborsClassifier(5).fit(x[train], y[train]).score(x[test], y[test]) == pytest.approx(0.98, abs=0.01)
