"""What the tests of encoders share: looking at what an encoder makes of observations."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder, unpack

CARTPOLE = ((-2.4, -2.0, -0.209, -2.0), (2.4, 2.0, 0.209, 2.0))


def steps_of(encoder: Encoder, q: npt.NDArray[np.int64], window: int = 64, **how: Any) -> npt.NDArray[Any]:
    """Spikes or charges (steps, lanes, inputs) of quantised values."""
    coded = encoder.encode(q, window, **how)
    return coded.transpose(0, 2, 1) if encoder.graded else unpack(coded, window)


def raster_of(encoder: Encoder, x: npt.ArrayLike, window: int = 64, **how: Any) -> npt.NDArray[Any]:
    """Spikes or charges (steps, lanes, inputs) of observations."""
    return steps_of(encoder, encoder.quantise(x), window, **how)


def counts_of(encoder: Any, x: npt.ArrayLike, **how: Any) -> list[list[int]]:
    """Spikes of each input, by lane, in a window that holds them all."""
    return raster_of(encoder, x, encoder.max_spikes * encoder.interval, **how).sum(axis=0, dtype=int).tolist()


def times_of(encoder: Encoder, x: npt.ArrayLike, window: int = 64, **how: Any) -> list[list[int]]:
    """The steps of the spikes of each input of the only lane."""
    return [np.flatnonzero(train).tolist() for train in raster_of(encoder, x, window, **how)[:, 0].T]


def ramp(low: float, high: float, points: int = 501) -> npt.NDArray[np.float64]:
    """Observations of one value, [points, 1], from beyond `low` to beyond `high`."""
    return np.linspace(low - (high - low) / 8, high + (high - low) / 8, points)[:, None]
