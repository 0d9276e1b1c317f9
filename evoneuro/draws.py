"""Draws that operators share: integers below limits of their own, and genes within their bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.genome import Range
from evoneuro.network import Integers
from evoneuro.ragged import Positions

Rng = np.random.Generator


def below(limits: npt.NDArray[Any], rng: Rng) -> Positions:
    """An integer from 0 to below each limit."""
    drawn: Positions = (rng.random(limits.shape) * limits).astype(np.intp)
    return drawn


def draw(bounds: Range, size: int, rng: Rng) -> Integers:
    """Whole numbers int32 [size], each as likely, from the first to the last of `bounds`."""
    return rng.integers(bounds[0], bounds[1], size, dtype=np.int32, endpoint=True)
