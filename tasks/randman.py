"""Randman: points on smooth random manifolds, as spike times.

Zenke & Vogels, "The remarkable robustness of surrogate gradient learning for instilling complex function in spiking
neural networks", Neural Computation 33(4), 2021, describes them: of each class, every unit's spike time is a smooth
random function of a point in `dim` dimensions. The draws here are our own, not those of the authors' code. Every unit
fires once, so counts say nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evoneuro import SpikeTask

CUT = 1000  # waves of which a manifold is the sum


class Randman(SpikeTask):
    """Smooth random manifolds as spike times: every unit fires once (Zenke & Vogels 2021).

    Attributes:
        size: samples of all classes together.
        categories, units, dim: classes, channels, and dimensions of each class's manifold.
        alpha: smoothness: the amplitude of wave k falls as k ** -alpha.
        steps: the longest spike time and one.
    """

    window = 60
    solved = 0.9
    size: int = 2000
    categories: int = 5
    units: int = 10
    dim: int = 2
    alpha: float = 2.0
    steps: int = 50

    def load(self) -> tuple[Any, Any]:
        """Rasters (size, steps, units), and the manifold of each sample."""
        rng = np.random.Generator(np.random.Philox(20170104))
        label = np.arange(self.size) % self.categories
        raster = np.zeros((self.size, self.steps, self.units), np.uint8)
        for number in range(self.categories):
            rows = np.flatnonzero(label == number)
            points = rng.random((len(rows), self.dim))
            time = self._manifold(points, rng)
            low, high = time.min(axis=0), time.max(axis=0)
            step = np.rint((time - low) / (high - low) * (self.steps - 1)).astype(int)
            raster[rows[:, None], step, np.arange(self.units)] = 1
        return raster, label

    def _manifold(self, points: np.ndarray[Any, Any], rng: np.random.Generator) -> np.ndarray[Any, Any]:
        """A smooth random function of points (samples, dim), one for each unit: (samples, units)."""
        waves = np.arange(1, CUT + 1)
        result = np.ones((len(points), self.units))
        for axis in range(self.dim):
            amplitude = rng.random((self.units, CUT)) / waves**self.alpha
            phase = rng.random((self.units, CUT))
            angle = 2 * np.pi * (points[:, axis, None] * waves)  # (samples, waves)
            # sin(angle + phase) = sin(angle) cos(phase) + cos(angle) sin(phase), as two products of matrices
            result *= (
                np.sin(angle) @ (amplitude * np.cos(2 * np.pi * phase)).T
                + np.cos(angle) @ (amplitude * np.sin(2 * np.pi * phase)).T
            )
        return result
