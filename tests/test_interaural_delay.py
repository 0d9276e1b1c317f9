"""Interaural delay: both ears hear the same, one of them later, and no count tells which."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from evoneuro.task import load_task


def test_the_channels_differ_by_the_delay_alone() -> None:
    raster, delay = load_task("interaural-delay").load()
    assert raster.shape == (2000, 48, 2)
    assert set(delay) == {-4, -2, 0, 2, 4}
    assert np.bincount(delay + 4)[::2].min() > 2000 / 5 * 0.9
    left, right = raster.transpose(2, 0, 1)
    for shift in (-4, -2, 0, 2, 4):
        rows = delay == shift
        # no spike is so near an end that it would come back at the other
        assert np.array_equal(np.roll(left[rows], shift, axis=1), right[rows])


@pytest.mark.parametrize("jitter", [0.0, 1.0, 20.0])
def test_counts_say_nothing(jitter: float) -> None:
    raster, delay = load_task("interaural-delay", {"jitter": jitter}).load()
    counts = raster.sum(axis=1)
    assert (counts == 6).all()
    baseline = LogisticRegression().fit(counts[:1200], delay[:1200]).score(counts[1200:], delay[1200:])
    assert 0.15 < baseline < 0.25  # chance is 0.2


def test_jitter_moves_spikes() -> None:
    still, moved = (load_task("interaural-delay", {"jitter": jitter}).load()[0] for jitter in (0.0, 1.0))
    earlier, later = (np.argwhere(raster.transpose(0, 2, 1))[:, 2] for raster in (still, moved))
    assert (later - earlier).std() == pytest.approx(1, abs=0.2)
