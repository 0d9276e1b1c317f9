"""Direction of motion from an event camera, made so that only spike times can tell.

A bar runs round a torus of 8 x 8 pixels in front of a simulated camera. Leaks are closed that let counts alone tell the
direction: the field has no edge at which the bar appears, a first lap is thrown away so that no pixel remembers where
the bar began, the pixels' thresholds differ enough to hide ties of rows or columns of equal brightness, and steps are
so short that hardly two events of a pixel share one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro import SpikeTask
from evoneuro.events import Camera, Events

SIDE = 8  # pixels
LAP = 32_000  # microseconds for one round
FRAMES = 64  # of each lap
WIDTH = 0.6  # standard deviation of the bar's profile, in pixels
GROUND = 0.2  # brightness beside the bar
FILMS = 256  # that are in memory at a time


class DvsDirection(SpikeTask):
    """Event camera: does a bar move right, left, down or up? Pixels' event counts say nothing, their order does.

    Attributes:
        size: samples.
        contrast, mismatch: mean and standard deviation of the pixels' thresholds, drawn anew for every sample.
    """

    window = 64
    solved = 0.97
    objectives = ("score",)  # many small detectors vote; size as an objective would keep all but a few of them away
    configuration = {"budget": {"generations": 250}}
    binning = {"size": (SIDE, SIDE), "steps": FRAMES, "step": LAP // FRAMES, "start": LAP + 1}
    size: int = 4000
    contrast: float = 0.3
    mismatch: float = 0.08

    def load(self) -> tuple[list[Events], npt.NDArray[Any]]:
        """Recordings of the second lap, and the direction of each."""
        rng = np.random.Generator(np.random.Philox(20170105))
        direction = rng.integers(0, 4, self.size)
        phase = rng.uniform(0, SIDE, self.size)
        camera = Camera(contrast=self.contrast, mismatch=self.mismatch)
        times = np.arange(2 * FRAMES + 1) * (LAP // FRAMES)
        recordings: list[Events] = []
        for start in range(0, self.size, FILMS):
            films = film(direction[start : start + FILMS], phase[start : start + FILMS])
            recordings += camera.record_all(films, times, rng.spawn(len(films)))
        return recordings, np.array(["right", "left", "down", "up"])[direction]


def film(direction: npt.NDArray[np.int64], phase: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Brightness (films, frames, rows, columns) of two laps of a bar that begins at `phase` (pixels, [films])."""
    laps = np.arange(2 * FRAMES + 1) / FRAMES * SIDE
    place = phase[:, None] + np.where(direction % 2, -1, 1)[:, None] * laps
    distance = (np.arange(SIDE) - place[:, :, None] + SIDE / 2) % SIDE - SIDE / 2
    profile = GROUND + np.exp(-(distance**2) / (2 * WIDTH**2))
    sideways = (direction < 2)[:, None, None, None]
    bar = np.where(sideways, profile[:, :, None, :], profile[:, :, :, None])
    return np.broadcast_to(bar, (*profile.shape[:2], SIDE, SIDE))
