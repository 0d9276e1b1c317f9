"""Spike tasks: events, rasters, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from evoneuro import EvoNeuroError, SpikeTask
from evoneuro.coding import unpack


class Events(SpikeTask):
    samples: tuple = ()

    def load(self):
        return list(self.samples), [0, 1]


def test_a_window_that_would_cut_samples_is_refused() -> None:
    samples = [[(30, 0)], [(3, 1)]]
    with pytest.raises(EvoNeuroError, match=r"last 31 steps, its window is 24 .*set window to 31"):
        Events(samples=samples).coding(0)
    assert Events(samples=samples, window=31).coding(0)[0] is None


def test_events_and_rasters_are_the_same() -> None:
    task = Events(samples=[[(0, 0), (5, 2)], [(3, 1)]])
    raster = np.zeros((2, 6, 3), np.uint8)
    raster[0, 0, 0] = raster[0, 5, 2] = raster[1, 3, 1] = 1
    assert np.array_equal(unpack(task._loaded()[0].transpose(1, 2, 0), 6), raster.transpose(1, 0, 2))
    assert task.inputs(0) == 3
    with pytest.raises(EvoNeuroError, match="channel 2, there are 2"):
        Events(samples=[[(5, 2)], []], channels=2).inputs(0)
    with pytest.raises(EvoNeuroError, match="numbers >= 0"):
        Events(samples=[[(-1, 2)], []]).inputs(0)


def test_events_that_are_none() -> None:
    for sample, message in [
        ([(0, 1, 1), (2, 0, 0)], r"got shape \(2, 3\)"),  # polarity as a third column is not silently mixed in
        ([3, 4], r"got shape \(2,\)"),
        ([(0, 1), (2,)], "pairs of numbers"),
        ([("a", 1)], "pairs of numbers"),
        ([(0, float("nan"))], "numbers >= 0"),
    ]:
        with pytest.raises(EvoNeuroError, match=f"sample 1: .*{message}"):
            Events(samples=[[(0, 0)], sample]).inputs(0)


def test_an_array_is_a_raster_in_which_any_number_is_a_spike() -> None:
    class Raster(SpikeTask):
        def load(self):
            return np.arange(60.0).reshape(10, 3, 2) % 3 - 1, [0, 1] * 5

    raster = Raster().raster("train", 0)
    expected = (np.arange(60).reshape(10, 3, 2) % 3 != 1).astype(np.uint8)
    assert np.array_equal(raster, expected[Raster().members("train", 0)].transpose(1, 0, 2))


def test_rasters_of_the_parts_are_those_of_their_samples() -> None:
    class Many(SpikeTask):
        def load(self):
            return [[(i, 0), (0, 1)] for i in range(40)], [0, 1] * 20

    task = Many()
    for part in ("train", "validation", "test"):
        raster, members = task.raster(part, 5), task.members(part, 5)
        assert raster.shape == (40, len(members), 2)  # steps, samples, channels
        assert raster[:, :, 0].argmax(axis=0).tolist() == members.tolist()
        assert task.labels(part, 5).tolist() == (members % 2).tolist()
