"""What models reach on counts alone: chance where the times carry everything, much where counts do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evoneuro import ClassificationTask, RegressionTask, SpikeTask, baseline
from evoneuro.baseline import baselines, counts, sums
from evoneuro.check import probe
from evoneuro.coding import encoder_from_spec, pack, unpack
from evoneuro.task import load_task


class Rates(SpikeTask):
    """Which of two channels has more spikes, at any time."""

    window = 40
    share: float = 0.5

    def load(self) -> Any:
        rng = np.random.default_rng(0)
        labels = (rng.random(300) < self.share).astype(int)
        rates = np.where(np.arange(2) == labels[:, None], 0.3, 0.1)
        return (rng.random((300, 40, 2)) < rates[:, None]).astype(np.uint8), labels


def test_temporal_xor_is_not_in_the_counts() -> None:
    task = load_task("temporal-xor", {"size": 2000})
    found = baselines(task, probe(task), 0)
    assert list(found) == ["count_only", "chance"]
    assert 0.4 < found["count_only"] < 0.6
    assert 0.45 < found["chance"] < 0.55


def test_rates_are_in_the_counts() -> None:
    task = Rates()
    found = baselines(task, probe(task), 0)
    assert found["count_only"] > 0.9
    assert found["chance"] < 0.6
    assert found == baselines(Rates(), probe(task), 0)  # keyed


def test_the_tasks_own_measure_is_used() -> None:
    task = Rates(share=0.2, metric="balanced-accuracy")
    found = baselines(task, probe(task), 0)
    assert found["chance"] == pytest.approx(0.5)
    assert baselines(Rates(share=0.2), probe(task), 0)["chance"] > 0.7


def test_counts_are_those_of_the_networks_window() -> None:
    task = Rates()
    network = probe(task)
    raster = task.raster("test", 0)
    chosen = np.array([0, 3, 11])
    assert np.array_equal(counts(task, network, "test", 0, chosen), raster.sum(axis=0)[chosen])
    for window in (1, 31, 32, 33):
        short = replace(network, window=window)
        assert np.array_equal(counts(task, short, "test", 0, chosen), raster[:window].sum(axis=0)[chosen])


def test_counts_are_those_of_the_networks_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    task = load_task("iris", {"copies": 0})
    network = probe(task)
    network = replace(network, encoder={**network.encoder, "gain": 9})
    encoder = encoder_from_spec(network.encoder)
    spikes = unpack(encoder.encode(encoder.quantise(task.samples("validation", 0)), task.window), task.window)
    everyone = np.arange(30)
    assert np.array_equal(counts(task, network, "validation", 0, everyone), spikes.sum(axis=0))
    monkeypatch.setattr("evoneuro.samples.FEED_BYTES", 200)
    fresh = load_task("iris", {"copies": 0})
    assert np.array_equal(counts(fresh, network, "validation", 0, everyone), spikes.sum(axis=0))


@pytest.mark.parametrize("window", [1, 5, 31, 32, 33, 64, 70])
def test_sums_of_trains_and_of_charges(window: int) -> None:
    rng = np.random.default_rng(0)
    raster = rng.integers(0, 2, (64, 3, 4), np.uint8)
    assert np.array_equal(sums(pack(raster), window), raster[:window].sum(axis=0).T)
    charges = rng.integers(-9, 9, (64, 4, 3)).astype(np.int32)
    assert np.array_equal(sums(charges, window), charges[:window].sum(axis=0))


def test_few_training_samples_are_enough_and_each_class_is_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "MOST", 60)
    task = Rates(share=0.02)
    some = baseline._some(task, 0)
    assert len(some) == len(set(some.tolist())) == 60
    assert set(task.targets("train", 0)[some]) == {0, 1}
    assert not np.array_equal(some, baseline._some(task, 1))
    rates = Rates()
    assert baselines(rates, probe(rates), 0)["count_only"] > 0.8


class Ramps(ClassificationTask):
    """Series of one channel that rise or fall; their means are alike."""

    temporal = True
    copies = 1
    window = 20
    encoder = {"kind": "delta"}
    level: float = 0.0

    def load(self) -> Any:
        rng = np.random.default_rng(0)
        sign = rng.choice([-1, 1], 200)
        x = sign[:, None] * np.linspace(-1, 1, 20) + rng.normal(size=(200, 20)) * 0.1 + self.level * sign[:, None]
        return x[:, :, None], sign


def test_series_have_a_mean_too() -> None:
    task = Ramps()
    found = baselines(task, probe(task), 0)
    assert list(found) == ["count_only", "mean_only", "chance"]
    assert 0.3 < found["mean_only"] < 0.7
    assert found["count_only"] > 0.9  # up and down are two neurons, so that a ramp is in the counts
    leaks = Ramps(level=1.0)
    assert baselines(leaks, probe(leaks), 0)["mean_only"] > 0.95


class Line(RegressionTask):
    temporal = True

    def load(self) -> Any:
        x = np.linspace(0, 1, 100)[:, None]
        return x, np.concatenate([x, 1 - x**2], axis=1)


def test_values_have_a_baseline_too() -> None:
    task = Line()
    network = probe(task)
    found = baselines(task, network, 0)
    assert found["count_only"] > 0.9
    assert found["chance"] == pytest.approx(0, abs=0.1)
    assert found == baselines(Line(), network, 0)
