"""Temporal XOR: a task whose information is in spike times alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from evoneuro import SpikeTask


class TemporalXor(SpikeTask):
    """Two channels with one spike each, early or late: is exactly one of them late?

    Each spike is jittered within its half; counts are equal in all samples, so a decoder of counts alone is at chance.
    The data are made once, from a seed of their own.
    """

    name = "temporal-xor"
    window = 32
    solved = 0.95
    size: int = 400
    jitter: int = 3

    def load(self) -> tuple[Any, Any]:
        """Events of `size` samples, and whether exactly one channel is late."""
        rng = np.random.Generator(np.random.Philox(20170101))
        late = rng.integers(0, 2, (self.size, 2))
        times = late * 12 + rng.integers(0, self.jitter + 1, (self.size, 2))
        raster = np.zeros((self.size, self.window, 2), np.uint8)
        sample, channel = np.indices(times.shape)
        raster[sample, times, channel] = 1
        return raster, late.sum(axis=1) % 2
