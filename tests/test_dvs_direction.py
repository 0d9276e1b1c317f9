"""Direction of motion: what the data are, and that counts alone say nothing."""

from __future__ import annotations

import numpy as np
from evoneuro_tasks.dvs_direction import FRAMES, LAP, SIDE, DvsDirection, film
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

from evoneuro.coding import unpack


def test_the_bar_runs_as_the_label_says() -> None:
    bars = film(np.arange(4), np.full(4, 2.0))
    assert bars.shape == (4, 2 * FRAMES + 1, SIDE, SIDE)
    assert np.allclose(bars[:, 0], bars[:, FRAMES])  # a lap later, the same picture
    later = FRAMES // SIDE  # a pixel on
    columns, rows = bars.mean(axis=2).argmax(axis=2), bars.mean(axis=3).argmax(axis=2)
    assert [columns[0, later], columns[1, later], rows[2, later], rows[3, later]] == [3, 1, 3, 1]
    assert columns[0, 0] == rows[2, 0] == 2


def test_only_the_second_lap_is_seen() -> None:
    task = DvsDirection(size=40)
    recordings, _ = task.load()
    assert min(int(events["t"].min()) for events in recordings) < LAP  # the first lap is recorded, too
    trains, _ = task._loaded()
    raster = unpack(trains.transpose(1, 2, 0), FRAMES)
    assert raster.shape == (FRAMES, 40, 2 * SIDE * SIDE)
    assert 400 < raster.sum() / 40 < 900


def test_counts_are_at_chance_and_times_are_not() -> None:
    task = DvsDirection(size=1200)
    trains, labels = task._loaded()
    raster = unpack(trains.transpose(1, 2, 0), FRAMES).transpose(1, 0, 2)
    counts = raster.sum(axis=1).astype(float)
    bins = raster.reshape(1200, 8, -1, 2 * SIDE * SIDE).sum(axis=2).reshape(1200, -1).astype(float)
    train, test = slice(0, 800), slice(800, None)
    for model in (SVC(C=10), RandomForestClassifier(100, random_state=0)):
        assert model.fit(counts[train], labels[train]).score(counts[test], labels[test]) < 0.36
    assert SVC(C=10).fit(bins[train], labels[train]).score(bins[test], labels[test]) > 0.95


def test_the_data_are_the_same_each_time() -> None:
    assert DvsDirection(size=30).digest() == DvsDirection(size=30).digest()
    assert DvsDirection(size=30).digest() != DvsDirection(size=30, mismatch=0.1).digest()
