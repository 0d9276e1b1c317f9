"""Jitter: what an encoder feeds arrives some steps too early or too late; integers in, integers out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding.trains import WORD, Feed, is_graded, pack, unpack
from evoneuro.keys import Keys, hashed


def jittered(feed: Feed, keys: Keys, reach: int, windows: npt.ArrayLike, limits: npt.ArrayLike) -> Feed:
    """`feed` with each spike or charge moved by -reach .. reach steps, all alike probable.

    What would leave the window stays in its first or last step. Spikes that meet are one; charges that meet add up.
    A lane's draw depends on its key, and on input and step of each spike, and on nothing else.

    Args:
        feed: trains uint32 (words, inputs, lanes), or charges int32 (steps, inputs, lanes).
        keys: uint64 [lanes].
        windows: [lanes] or one for all, steps; what is fed after them is left out, for nobody reads it.
        limits: [lanes] or one for all, the largest |charge| that an input may get.
    """
    lanes = feed.shape[2]
    windows = np.broadcast_to(np.asarray(windows, np.int64), lanes)
    graded = is_graded(feed)
    raster: npt.NDArray[Any] = feed.transpose(0, 2, 1) if graded else unpack(feed, len(feed) * WORD)
    step, lane, channel = np.nonzero(raster)
    seen = step < windows[lane]
    step, lane, channel = step[seen], lane[seen], channel[seen]
    words = hashed(keys[lane], (channel.astype(np.uint64) << np.uint64(32)) | step.astype(np.uint64))
    moved = step + (words % np.uint64(2 * reach + 1)).astype(np.int64) - reach
    place = np.clip(moved, 0, windows[lane] - 1), lane, channel
    found = np.zeros((int(windows.max(initial=0)), lanes, feed.shape[1]), np.int64 if graded else np.uint8)
    if not graded:
        found[place] = 1
        return pack(found)
    np.add.at(found, place, raster[step, lane, channel])
    bound = np.broadcast_to(np.asarray(limits, np.int64), lanes)[None, :, None]
    return np.ascontiguousarray(np.clip(found, -bound, bound).transpose(0, 2, 1), np.int32)
