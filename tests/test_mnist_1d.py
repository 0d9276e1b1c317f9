"""MNIST-1D: the published data set, to the last bit."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest
from evoneuro_tasks.mnist_1d import resampled, templates
from sklearn.linear_model import LogisticRegression

from evoneuro.task import load_task


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return load_task("mnist-1d").load()


def test_is_what_the_package_makes(data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    package = pytest.importorskip("mnist1d.data", reason="package mnist1d is not installed")
    x, y, _ = data
    published = package.make_dataset()
    assert np.array_equal(x[:, :, 0], np.concatenate([published["x"], published["x_test"]]))
    assert np.array_equal(y, np.concatenate([published["y"], published["y_test"]]))


def test_facts(data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    x, y, parts = data
    assert x.shape == (5000, 40, 1)
    assert np.bincount(y).tolist() == [500] * 10
    assert parts.tolist() == ["train"] * 4000 + ["test"] * 1000
    assert x.mean() == pytest.approx(0, abs=1e-12)
    assert x.std() == pytest.approx(1)
    # rounded: what the last bit is depends on the processor
    content = np.rint(x * 1e6).astype("<i8").tobytes() + y.astype("<i8").tobytes()
    assert hashlib.sha256(content).hexdigest() == "304f43cfcc9d8d052aa0fe586cd9ca9a08235417e6afd5858c522480472965a4"


def test_is_made_in_little_time() -> None:
    start = time.process_time()
    load_task("mnist-1d").load()
    assert time.process_time() - start < 5  # 0.3 s where it was measured


def test_a_line_reaches_what_is_published(data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    x, y, _ = data
    model = LogisticRegression(solver="newton-cholesky").fit(x[:4000, :, 0], y[:4000])
    assert model.score(x[4000:, :, 0], y[4000:]) == pytest.approx(0.33, abs=0.01)


def test_the_given_parts_are_kept() -> None:
    task = load_task("mnist-1d")
    parts = {part: task.members(part, 3) for part in ("train", "validation", "test")}
    assert parts["test"].tolist() == list(range(4000, 5000))
    assert sorted([*parts["train"], *parts["validation"]]) == list(range(4000))
    assert len(parts["validation"]) == pytest.approx(1000, abs=5)


def test_templates_begin_and_end_at_0() -> None:
    x = templates()
    assert x.shape == (10, 12)
    assert np.allclose(x[:, [0, -1]], 0)
    assert np.allclose(x.std(axis=1), 1 / 6)


def test_resampled_draws_lines_between_points() -> None:
    assert resampled(np.array([0.0, 2.0, 6.0]), 5).tolist() == [0, 1, 2, 4, 6]
