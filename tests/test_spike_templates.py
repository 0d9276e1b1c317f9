"""Spike templates: every channel has as many spikes in every sample; only when they come tells the template."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from evoneuro.task import load_task


@pytest.mark.parametrize("jitter", [0.0, 2.0, 10.0, 50.0])
def test_every_channel_has_three_spikes_in_every_sample(jitter: float) -> None:
    raster, label = load_task("spike-templates", {"jitter": jitter}).load()
    assert raster.shape == (2000, 50, 8)
    assert (raster.sum(axis=1) == 3).all()
    assert np.bincount(label).min() > 2000 / 4 * 0.9


def test_without_jitter_there_are_four_samples() -> None:
    raster, label = load_task("spike-templates", {"jitter": 0.0}).load()
    kinds = {(raster[i].tobytes(), label[i]) for i in range(len(label))}
    assert len(kinds) == 4
    assert len({pattern for pattern, _ in kinds}) == 4


def test_jitter_is_what_it_says() -> None:
    def times(jitter: float) -> np.ndarray:
        return np.argwhere(load_task("spike-templates", {"jitter": jitter}).load()[0].transpose(0, 2, 1))[:, 2]

    assert (times(1.0) - times(0.0)).std() == pytest.approx(1, abs=0.2)


def test_times_tell_what_counts_do_not() -> None:
    raster, label = load_task("spike-templates").load()

    def score(x: np.ndarray) -> float:
        return LogisticRegression(max_iter=500).fit(x[:1200], label[:1200]).score(x[1200:], label[1200:])

    assert 0.2 < score(raster.sum(axis=1)) < 0.3  # chance is 0.25
    assert score(raster.reshape(2000, 10, 5, 8).sum(axis=2).reshape(2000, -1)) > 0.99
