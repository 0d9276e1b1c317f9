"""Spike templates: which of some fixed patterns of spikes is it, seen through jitter?"""

from __future__ import annotations

from typing import Any

import numpy as np

from evoneuro import SpikeTask


class SpikeTemplates(SpikeTask):
    """Four patterns of three spikes on each of eight channels, jittered: counts are equal, times say which.

    The data are made once, from a seed of their own; a spike that jitter puts on another of its channel is moved on to
    the next free step, so that no count ever differs.

    Attributes:
        size: samples.
        templates, channels, spikes: patterns, channels of each, and spikes of each channel.
        jitter: standard deviation of each spike's time, in steps.
    """

    window = 56
    solved = 0.97
    size: int = 2000
    templates: int = 4
    channels: int = 8
    spikes: int = 3
    jitter: float = 2.0

    def load(self) -> tuple[Any, Any]:
        """Rasters (size, 50, channels), and the template of each."""
        rng = np.random.Generator(np.random.Philox(20170103))
        steps = 50
        template = np.sort(rng.integers(4, steps - 4, (self.templates, self.channels, self.spikes)), axis=2)
        label = rng.integers(0, self.templates, self.size)
        times = template[label] + rng.normal(0, 1, (self.size, self.channels, self.spikes)) * self.jitter
        times = np.sort(np.clip(np.rint(times).astype(int), 0, steps - self.spikes), axis=2)
        for k in range(1, self.spikes):
            times[..., k] = np.maximum(times[..., k], times[..., k - 1] + 1)
        raster = np.zeros((self.size, steps, self.channels), np.uint8)
        sample, channel, _ = np.indices(times.shape)
        raster[sample, times, channel] = 1
        return raster, label
