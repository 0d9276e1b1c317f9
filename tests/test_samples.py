"""Tasks on samples: how they are split, batched, and fed a chunk at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evoneuro import ClassificationTask, EvoNeuroError, RegressionTask, samples
from evoneuro.coding import encoder_from_spec
from evoneuro.samples import PARTS
from evoneuro.task import load_task


class Labels(ClassificationTask):
    """One feature, the number of the sample; labels and perhaps parts as they are given."""

    copies = 0
    labels_: tuple = ()
    parts_: tuple = ()

    def load(self) -> Any:
        x = np.arange(len(self.labels_))[:, None]
        return (x, self.labels_, self.parts_) if self.parts_ else (x, self.labels_)


def test_splits_are_disjoint_stratified_and_keyed() -> None:
    task = load_task("wine")
    parts = {part: task.members(part, 3) for part in ("train", "validation", "test")}
    everyone = np.concatenate(list(parts.values()))
    assert sorted(everyone) == list(range(178))
    counts = np.bincount(task._loaded()[1])
    for part, share in zip(parts, task.split, strict=True):
        found = np.bincount(task._loaded()[1][parts[part]])
        assert (np.abs(found - share * counts) <= 1).all()
    assert np.array_equal(task.members("test", 3), load_task("wine").members("test", 3))
    assert not np.array_equal(task.members("test", 3), task.members("test", 4))


CLASSES = st.lists(st.integers(4, 40), min_size=2, max_size=5)  # members of each
SEEDS = st.integers(0, 2**32 - 1)
SHARES = st.tuples(*[st.integers(1, 8)] * 3).map(lambda s: tuple(share / sum(s) for share in s))


def divided(task: ClassificationTask, seed: int) -> list[Any]:
    """Members of train, validation and test; the samples are all there, and each in one part."""
    parts = [task.members(part, seed) for part in PARTS]
    assert sorted(np.concatenate(parts)) == list(range(len(task.labels_)))
    assert all((np.diff(part) > 0).all() for part in parts)
    return parts


def possible(task: ClassificationTask, seed: int) -> bool:
    """Whether no part is left without a sample."""
    try:
        task.members("train", seed)
    except EvoNeuroError:
        return False
    return True


def labels_of(classes: list[int], seed: int) -> tuple[int, ...]:
    return tuple(np.random.default_rng(seed).permutation(np.repeat(np.arange(len(classes)), classes)).tolist())


@settings(deadline=None)
@given(CLASSES, SHARES, SEEDS)
def test_any_split_is_disjoint_whole_stratified_and_keyed(classes: list[int], shares: Any, seed: int) -> None:
    task = Labels(labels_=labels_of(classes, seed), split=shares)
    assume(possible(task, seed))
    parts = divided(task, seed)
    for rows, share in zip(parts, shares, strict=True):
        found = np.bincount(np.array(task.labels_)[rows], minlength=len(classes))
        assert (np.abs(found - share * np.array(classes)) <= 1).all()
    again = divided(Labels(labels_=task.labels_, split=shares), seed)
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))


@settings(deadline=None)
@given(st.lists(st.integers(8, 40), min_size=2, max_size=5), st.integers(2, 8), SEEDS)
def test_every_sample_is_in_the_test_split_of_one_fold(classes: list[int], folds: int, seed: int) -> None:
    labels = labels_of(classes, seed)
    tests = []
    for fold in range(folds):
        task = Labels(labels_=labels, folds=folds, fold=fold)
        train, validation, test = divided(task, seed)
        tests.append(test)
        for number, count in enumerate(classes):
            of_class = [int((np.array(labels)[rows] == number).sum()) for rows in (train, validation, test)]
            assert abs(of_class[2] - count / folds) < 1
            assert abs(of_class[1] - (count - of_class[2]) / 4) <= 0.5  # of 0.6 and 0.2
    assert sorted(np.concatenate(tests)) == list(range(len(labels)))


@settings(deadline=None)
@given(CLASSES, SEEDS, st.sampled_from(["train test", "train validation test"]))
def test_given_parts_are_kept(classes: list[int], seed: int, words: str) -> None:
    labels = labels_of(classes, seed)
    names = words.split()
    parts = tuple(np.random.default_rng(seed).choice(names, len(labels)).tolist())
    assume(set(parts) == set(names))
    task = Labels(labels_=labels, parts_=parts)
    assume(possible(task, seed))
    train, validation, test = divided(task, seed)
    of = np.array(parts)
    assert np.array_equal(test, np.flatnonzero(of == "test"))
    if "validation" in names:
        assert np.array_equal(train, np.flatnonzero(of == "train"))
    else:  # taken out of train, a quarter of each class
        assert set(of[train]) | set(of[validation]) == {"train"}


def test_seeds_divide_differently() -> None:
    task = Labels(labels_=(0, 1) * 30)
    assert not np.array_equal(task.members("test", 1), task.members("test", 2))
    folds = Labels(labels_=(0, 1) * 30, folds=5)
    assert not np.array_equal(folds.members("test", 1), folds.members("test", 2))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"parts_": ("train", "dev", "test")}, r"expected 'train' and 'test', perhaps 'validation', got \['dev'"),
        ({"parts_": ("test", "test", "test")}, "expected 'train' and 'test'"),
        ({"parts_": ("train", "test")}, "3 samples and 2 parts"),
        ({"folds": 4}, "task.folds: expected 0 to 3, got 4"),
        ({"folds": 3, "fold": 3}, "task.fold: expected 0 to 2, got 3"),
    ],
)
def test_splits_that_cannot_be(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        Labels(labels_=(0, 1, 0), **parameters).members("train", 0)


def test_bad_shares() -> None:
    with pytest.raises(EvoNeuroError, match="sum to 1"):
        load_task("iris", {"split": [0.5, 0.5, 0.5]}).members("train", 0)


def test_too_few_samples_for_a_split() -> None:
    with pytest.raises(EvoNeuroError, match=r"with \[2, 2, 0\]; give more samples"):
        Labels(labels_=(0, 1) * 2).members("train", 0)


def test_regression_is_split_without_strata() -> None:
    class Line(RegressionTask):
        def load(self) -> Any:
            return np.arange(50)[:, None], np.arange(50)

    parts = [Line().members(part, 3) for part in PARTS]
    assert [len(part) for part in parts] == [30, 10, 10]


# Batches


def test_batches_are_keyed_by_the_epoch() -> None:
    task = Labels(labels_=(0, 1) * 50, batch=20)
    assert task.changes
    assert not Labels(labels_=(0, 1)).changes
    first = task.cases("train", 0, 0)
    assert len(set(first.tolist())) == 20
    assert np.array_equal(first, Labels(labels_=task.labels_, batch=20).cases("train", 0, 0))
    assert not np.array_equal(first, task.cases("train", 0, 1))
    assert task.cases("test", 0, 0) is None
    assert Labels(labels_=task.labels_, batch=60).cases("train", 0, 0) is None  # all of them


# Feeds


def fed(task: Any, part: str, gain: int = 16) -> Any:
    encoder = encoder_from_spec(task.coding(0)[0])
    chunks = list(task.feeds(part, 0, encoder, gain, task.window))
    edges = [lanes.start for lanes, _ in chunks] + [chunks[-1][0].stop]
    assert [lanes.stop for lanes, _ in chunks] == edges[1:]
    assert edges[0] == 0
    return np.concatenate([feed for _, feed in chunks], axis=2), len(chunks)


@pytest.mark.parametrize(("name", "parameters"), [("iris", {"copies": 2}), ("temporal-xor", {})])
def test_chunks_are_the_whole(name: str, parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def feed_of() -> Any:
        task = load_task(name, parameters)
        if task.kind == "classification":
            return fed(task, "train")
        chunks = list(task.feeds("train", 0, None, 16, task.window))
        return np.concatenate([feed for _, feed in chunks], axis=2), len(chunks)

    whole, one = feed_of()
    monkeypatch.setattr(samples, "FEED_BYTES", 1000)
    pieces, many = feed_of()
    assert (one, many > 1) == (1, True)
    assert np.array_equal(whole, pieces)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    task = load_task("iris")
    _, size = fed(task, "train"), sum(feed.nbytes for feed in task._feeds.values())
    monkeypatch.setattr(samples, "KEPT_BYTES", 3 * size)
    for gain in (*range(1, 9), 16):  # a gene, of which evolution tries many
        fed(task, "train", gain)
    assert sum(feed.nbytes for feed in task._feeds.values()) == 3 * size
    kept = dict(task._feeds)
    fed(task, "train", 16)
    assert all(task._feeds[key] is feed for key, feed in kept.items())  # used again, not encoded again
    monkeypatch.setattr(samples, "KEPT_BYTES", size - 1)
    fresh = load_task("iris")
    fed(fresh, "train")
    assert not fresh._feeds
