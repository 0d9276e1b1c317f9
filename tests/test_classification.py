"""Classification: metrics beside scikit-learn's, weights, labels, jittered copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from evoneuro import ClassificationTask, EvoNeuroError, tables
from evoneuro.classification import METRICS, f1
from evoneuro.task import load_task


class Three(ClassificationTask):
    """Three classes, of which the first is the most frequent."""

    def load(self) -> Any:
        return np.arange(60)[:, None], ["a"] * 30 + ["b"] * 20 + ["c"] * 10


TARGETS = st.lists(st.integers(0, 3), min_size=1, max_size=40)


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(deadline=None)
@given(TARGETS, st.integers(1, 4), st.integers(0, 2**32 - 1), st.booleans())
def test_metrics_are_scikit_learns(targets: list[int], networks: int, seed: int, abstain: bool) -> None:
    right = np.array(targets)
    said = np.random.default_rng(seed).integers(-1 if abstain else 0, 4, (networks, len(targets)))
    scores = {metric: Three(metric=metric).judge(said, right) for metric in METRICS}
    for i, answers in enumerate(said):
        known = np.unique(np.concatenate([right, answers[answers >= 0]]))
        recalls = [accuracy_score(right[right == k], answers[right == k]) for k in np.unique(right)]
        expected = {
            "accuracy": accuracy_score(right, answers),
            "balanced-accuracy": np.mean(recalls),
            "f1": f1_score(right, answers, labels=known, average="macro", zero_division=0),
        }
        if not abstain and set(answers) <= set(right):  # scikit-learn warns of anything else
            assert balanced_accuracy_score(right, answers) == pytest.approx(expected["balanced-accuracy"])
            assert f1_score(right, answers, average="macro") == pytest.approx(expected["f1"])
        for metric, value in expected.items():
            assert scores[metric][0][i] == pytest.approx(value, abs=1e-12)
        found = Three().details(answers, right)
        assert list(found) == ["accuracy", "balanced_accuracy", "f1"]
        assert list(found.values()) == pytest.approx(list(expected.values()), abs=1e-12)


@settings(deadline=None)
@given(TARGETS, st.integers(0, 2**32 - 1))
def test_cases_average_to_the_score(targets: list[int], seed: int) -> None:
    right = np.array(targets)
    said = np.random.default_rng(seed).integers(-1, 4, (3, len(targets)))
    for task in (Three(), Three(metric="balanced-accuracy")):
        scores, cases = task.judge(said, right)
        assert cases.shape == said.shape
        np.testing.assert_allclose(cases.mean(axis=1), scores, rtol=1e-12, atol=0)
        assert ((cases > 0) == (said == right)).all()


def test_an_abstention_is_wrong() -> None:
    right = np.array([0, 1, 1, 2])
    for metric in METRICS:
        task = Three(metric=metric)
        assert task.judge(np.array([[0, 1, 1, 2]]), right)[0] == 1
        assert task.judge(np.array([[0, 1, -1, 2]]), right)[0] < 1
        assert task.judge(np.full((1, 4), -1), right)[0] == 0


def test_f1_by_hand() -> None:
    # of class 0: 1 right, 1 wrongly chosen, 1 missed; of class 1: 1 right, 1 and 1; class 2 is chosen by nobody
    assert f1(np.array([[0, 1, 0, 1]]), np.array([0, 0, 1, 1])) == pytest.approx(0.5)
    assert f1(np.array([[0, 0, 0, 2]]), np.array([0, 0, 0, 0])) == pytest.approx((6 / 7 + 0) / 2)


def test_class_weights() -> None:
    task = Three(class_weights=[1, 2, 7])
    targets = task._loaded()[1]
    right = np.array([0, 0, 1, 2])
    scores, cases = task.judge(np.array([[0, 0, 1, 0], [1, 1, 0, 2]]), right)
    assert scores == pytest.approx([(1 + 1 + 2) / 11, 7 / 11])
    assert cases.mean(axis=1) == pytest.approx(scores)
    # weights of one over the frequency are the balanced accuracy
    said = np.random.default_rng(0).integers(0, 3, (2, 60))
    task = Three(class_weights=[1 / 30, 1 / 20, 1 / 10])
    task._loaded()
    assert task.judge(said, targets)[0] == pytest.approx(Three(metric="balanced-accuracy").judge(said, targets)[0])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"metric": "acuracy"}, "task.metric: no such name: 'acuracy'. Did you mean 'accuracy'"),
        ({"class_weights": [1, 2]}, "task.class_weights: expected 3 numbers > 0, for a, b, c, got"),
        ({"class_weights": [1, 2, 0]}, "expected 3 numbers > 0"),
        ({"class_weights": [1, 2, float("nan")]}, "expected 3 numbers > 0"),
    ],
)
def test_wrong_metrics_and_weights(parameters: dict[str, Any], message: str) -> None:
    task = Three(**parameters)
    with pytest.raises(EvoNeuroError, match=message):
        task.judge(np.zeros((1, 60), int), task._loaded()[1])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([10, 9, 9], ["9", "10"]),
        (np.array([10, 9, 9], object), ["9", "10"]),
        ([1.0, 0.0, 0.0], ["0", "1"]),
        (np.array(["b", "a", 1], object), ["1", "a", "b"]),
        ([True, False, False], ["False", "True"]),
    ],
)
def test_labels_of_any_kind(labels: Any, classes: list[str]) -> None:
    class Tiny(ClassificationTask):
        def load(self) -> Any:
            return np.zeros((3, 1)), labels

    task = Tiny()
    numbers = task._loaded()[1]
    assert task.classes == classes
    assert task.classes[numbers[0]] == classes[-1 if len(classes) == 2 else 2]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array(["a", None, "b"], object), "the label of sample 1 is missing"),
        ([0.0, 1.0, float("nan")], "the label of sample 2 is missing"),
        ([[0, 1], [1, 0], [1, 0]], r"one label for each sample, got \(3, 2\)"),
        ([1, 1, 1], "at least 2 are needed"),
    ],
)
def test_labels_that_are_none(labels: Any, message: str) -> None:
    class Wrong(ClassificationTask):
        def load(self) -> Any:
            return np.zeros((3, 1)), labels

    with pytest.raises(EvoNeuroError, match=message):
        Wrong()._loaded()


# Jittered copies


@pytest.mark.parametrize(("name", "value"), [("copies", -1), ("jitter", -0.5)])
def test_bad_jitter(name: str, value: float) -> None:
    with pytest.raises(EvoNeuroError, match=f"task.{name}: expected 0"):
        load_task("iris", {name: value}).samples("train", 0)


def test_jittered_copies_are_of_training_samples_and_keyed() -> None:
    clean, task = load_task("iris", {"copies": 0}), load_task("iris", {"copies": 2, "jitter": 0.1})
    train = clean.samples("train", 1)
    copies = task.samples("train", 1).reshape(3, *train.shape)
    assert np.array_equal(copies[0], train)
    for copy in copies[1:]:
        assert np.allclose((copy - train).std(axis=0), 0.1 * train.std(axis=0), rtol=0.3)
    assert not np.array_equal(copies[1], copies[2])
    assert np.array_equal(task.samples("train", 1), load_task("iris", task.changed).samples("train", 1))
    assert task.labels("train", 1).tolist() == clean.labels("train", 1).tolist() * 3
    assert np.array_equal(task.samples("test", 1), clean.samples("test", 1))


def test_copies_do_not_depend_on_how_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "PIECE", 40)  # ten rows of iris
    monkeypatch.setattr("evoneuro.classification.PIECE", 40)
    task = load_task("iris", {"copies": 3})
    whole = task.samples("train", 1)
    assert len(np.unique(whole, axis=0)) > 3 * 90  # blocks have noise of their own
    for start, stop in [(0, 1), (5, 25), (88, 93), (89, 272), (300, 360)]:
        assert np.array_equal(task._rows("train", 1, slice(start, stop)), whole[start:stop])
