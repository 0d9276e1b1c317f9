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


def packed(spikes: npt.ArrayLike) -> Trains:
    """Trains (..., words) of spikes (..., steps), any non-zero value being a spike."""
    raster = np.asarray(spikes) != 0
    octets = np.packbits(raster, axis=-1, bitorder="little")
    whole = np.zeros((*raster.shape[:-1], words(raster.shape[-1]) * WORD // 8), np.uint8)
    whole[..., : octets.shape[-1]] = octets
    return whole.view("<u4").astype(np.uint32, copy=False)


def single(steps: npt.NDArray[np.int64], length: int) -> Trains:
    """Trains (..., words) with one spike each, at `steps` (...); none where that is negative or past the words."""
    bit = np.uint32(1) << (steps % WORD).astype(np.uint32)
    return np.where((steps // WORD)[..., None] == np.arange(length), bit[..., None], np.uint32(0))


def pack(spikes: npt.ArrayLike) -> Trains:
    """Trains (words, inputs, lanes) of spikes (steps, lanes, inputs), any non-zero value being a spike."""
    return np.ascontiguousarray(packed(np.asarray(spikes).transpose(1, 2, 0)).transpose(2, 1, 0))


def unpack(trains: Trains, steps: int) -> npt.NDArray[np.uint8]:
    """Spikes (steps, lanes, inputs) of the first `steps` steps of trains (words, inputs, lanes)."""
    t = np.arange(steps)
    bits = (trains[t // WORD] >> (t % WORD).astype(np.uint32)[:, None, None]) & 1
    return np.ascontiguousarray(bits.transpose(0, 2, 1)).astype(np.uint8)
