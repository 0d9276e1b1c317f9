"""Interaural delay: from which side does a sound come? The same spikes reach two ears, one of them later."""

from __future__ import annotations

from typing import Any

import numpy as np

from evoneuro import SpikeTask


class InterauralDelay(SpikeTask):
    """Two channels with the same random train, one delayed: which of five delays, -4 to 4 steps?

    Both channels have `spikes` spikes in every sample, so counts say nothing: a spike that jitter puts on another of
    its channel is moved on to the next free step. Jeffress, J. Comp. Physiol. Psychol. 41, 1948, proposed delay lines
    and coincidence detectors for it. The data are made once, from a seed of their own.

    Attributes:
        size: samples.
        spikes: of each channel.
        jitter: standard deviation of each spike's time, in steps.
    """

    window = 56
    solved = 0.97
    objectives = ("score",)
    # one spike alone makes no neuron fire, two that arrive together may: coincidences are what is to be found
    configuration = {
        "genome": {"threshold": [60, 60], "weight": [-50, 50], "delay": [1, 6], "leak": [0, 0]},
        "search": {"population": 200, "constraints": ["synapses <= 30"]},
        "budget": {"generations": 200},
    }
    size: int = 2000
    spikes: int = 6
    jitter: float = 0.0

    def load(self) -> tuple[Any, Any]:
        """Rasters (size, 48, 2), and the class of each delay."""
        rng = np.random.Generator(np.random.Philox(20170102))
        steps = 48
        label = rng.integers(0, 5, self.size)
        delay = 2 * label - 4
        # distinct times, far enough from both ends for any delay
        margin = 6
        order = rng.random((self.size, steps - 2 * margin)).argsort(axis=1)
        heard = margin + order[:, : self.spikes]
        times = np.stack([heard - delay[:, None] // 2, heard + delay[:, None] // 2], axis=2)
        times = np.rint(times + rng.normal(0, 1, times.shape) * self.jitter).astype(int)
        times = np.sort(np.maximum(times, 0), axis=1)
        for k in range(1, self.spikes):
            times[:, k] = np.maximum(times[:, k], times[:, k - 1] + 1)
        times = np.minimum(times, steps - self.spikes + np.arange(self.spikes)[:, None])
        raster = np.zeros((self.size, steps, 2), np.uint8)
        sample, _, channel = np.indices(times.shape)
        raster[sample, times, channel] = 1
        return raster, delay
