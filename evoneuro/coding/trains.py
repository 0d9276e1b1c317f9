"""Spike trains packed along time: bit t % 32 of word t // 32 is the spike of step t.

Packed trains are what encoders make and the lane kernel reads: uint32 (words, inputs, lanes). Four bytes hold 32
steps of one input of one lane, and lanes stay contiguous. Graded encoders make charges instead: int32 (steps, inputs,
lanes). The dtype alone says which of the two a feed is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError

Trains = npt.NDArray[np.uint32]
Feed = npt.NDArray[Any]  # what input neurons get: trains, or charges int32 (steps, inputs, lanes)

WORD = 32


def is_graded(feed: Feed) -> bool:
    """Whether `feed` is charges and not trains.

    Raises:
        EvoNeuroError: it is neither.
    """
    if feed.dtype == np.uint32:
        return False
    if feed.dtype == np.int32:
        return True
    raise EvoNeuroError(f"feed: expected trains (uint32) or charges (int32), got dtype {feed.dtype}")


def words(steps: int) -> int:
    """Words that hold `steps` steps."""
    return -(-steps // WORD)


def pack(spikes: npt.ArrayLike) -> Trains:
    """Trains (words, inputs, lanes) of spikes (steps, lanes, inputs), any non-zero value being a spike."""
    raster = np.asarray(spikes) != 0
    steps, lanes, inputs = raster.shape
    padded = np.zeros((words(steps) * WORD, lanes, inputs), np.uint32)
    padded[:steps] = raster
    bits = padded.reshape(-1, WORD, lanes, inputs) << np.arange(WORD, dtype=np.uint32)[:, None, None]
    return np.ascontiguousarray(np.bitwise_or.reduce(bits, axis=1).transpose(0, 2, 1))


def unpack(trains: Trains, steps: int) -> npt.NDArray[np.uint8]:
    """Spikes (steps, lanes, inputs) of the first `steps` steps of trains (words, inputs, lanes)."""
    t = np.arange(steps)
    bits = (trains[t // WORD] >> (t % WORD).astype(np.uint32)[:, None, None]) & 1
    return np.ascontiguousarray(bits.transpose(0, 2, 1)).astype(np.uint8)
