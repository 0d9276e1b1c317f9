"""Yin-Yang: is a point in the yin, in the yang, or in a dot?

Kriener, Göltz & Petrovici, "The Yin-Yang dataset", NICE 2022, and their repository lkriener/yin_yang_data_set (MIT),
whose published files the seeds here reproduce.

Eight neurons share each coordinate, the outputs integrate, and the highest potential after twelve steps is the class.
Weights and delays are kept small so that potentials stay far from what clips them; the gain is fixed, since the figure
fills the range.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro import ClassificationTask

BIG, SMALL = 0.5, 0.1  # radii of the figure and of its dots
PUBLISHED = {"train": (42, 5000), "validation": (41, 1000), "test": (40, 1000)}  # seed and size of each part

Points = npt.NDArray[np.float64]


class YinYang(ClassificationTask):
    """Yin-Yang: 2 coordinates, 3 classes, not linearly separable (Kriener et al. 2022)."""

    solved = 0.93
    copies = 0
    low, high = (0.0, 0.0), (1.0, 1.0)
    encoder = {"kind": "argyle", "neurons": 8, "max_spikes": 4, "interval": 2, "bits": 8}
    decoder = {"kind": "membrane"}
    window = 12
    objectives = ("score",)  # with size as a second one, evolution dwells on networks that are too small
    configuration = {
        "genome": {"weight": [-31, 31], "delay": [1, 2], "leak": [-1, -1], "v_min": -(2**30), "gain": [16, 16]},
        "budget": {"generations": 400},
    }

    def load(self) -> tuple[Any, Any, Any]:
        """The published points of all three parts."""
        points, labels, parts = [], [], []
        for part, (seed, size) in PUBLISHED.items():
            chosen, numbers = sample(seed, size)
            points.append(chosen)
            labels.append(numbers)
            parts.append(np.full(size, part))
        return np.concatenate(points), np.concatenate(labels), np.concatenate(parts)


def sample(seed: int, size: int) -> tuple[Points, npt.NDArray[np.int64]]:
    """Points (size, 2) and their classes: a class is drawn first, then points until one lies in it.

    The generator is numpy's old one, which the published files were made with.
    """
    rng = np.random.RandomState(seed)
    points, labels = np.empty((size, 2)), np.empty(size, np.int64)
    for i in range(size):
        labels[i] = rng.randint(3)
        while True:
            points[i] = rng.rand(2) * 2 * BIG
            inside = np.hypot(*(points[i] - BIG)) <= BIG
            if inside and part_of(points[i : i + 1])[0] == labels[i]:
                break
    return points, labels


def part_of(points: Points) -> npt.NDArray[np.int64]:
    """0 yin, 1 yang, 2 a dot, for points (samples, 2)."""
    x, y = points.T
    right = np.hypot(x - 1.5 * BIG, y - BIG)
    left = np.hypot(x - 0.5 * BIG, y - BIG)
    yang = (right <= SMALL) | ((left > SMALL) & (left <= 0.5 * BIG)) | ((y > BIG) & (right > 0.5 * BIG))
    return np.where((right < SMALL) | (left < SMALL), 2, yang).astype(np.int64)
