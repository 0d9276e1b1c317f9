"""Keyed randomness: a random number is a function of the run's seed and of what it is for.

There is no generator state to store and no order of drawing to keep: whoever needs randomness makes
the generator from its key. A key is always five parts below 2**32 (stream, island, generation, index,
sub), so that no two keys can be padded or split into one another.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

STREAMS = {
    "initial": 0,  # genomes of generation 0
    "variation": 1,  # mates and mutations of one child
    "selection": 2,  # tournaments
    "episodes": 3,  # episodes that selection sees
    "validation": 4,  # episodes that order the front
    "test": 5,  # episodes of `evaluate`
    "split": 6,  # which samples are train, validation, test
    "jitter": 7,  # noise on copies of training samples
    "check": 8,  # `check`: the network and the inputs it is tried with
    "baseline": 9,  # training samples and random states of the models beside a score
    "perturbation": 10,  # noise on weights, dead neurons and jitter, under which robustness is scored
    "verify": 11,  # rasters and observations that exports are checked with
}

Keys = npt.NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15  # the step of SplitMix64


def sequence(
    seed: int, stream: str, island: int = 0, generation: int = 0, index: int = 0, sub: int = 0
) -> np.random.SeedSequence:
    """The seed sequence of one key."""
    key = (STREAMS[stream], island, generation, index, sub)
    assert all(0 <= part < 2**32 for part in key), key
    return np.random.SeedSequence(seed, spawn_key=key)


def generator(
    seed: int, stream: str, island: int = 0, generation: int = 0, index: int = 0, sub: int = 0
) -> np.random.Generator:
    """A generator for one purpose: the same arguments, the same numbers, on any worker."""
    return np.random.Generator(np.random.Philox(sequence(seed, stream, island, generation, index, sub)))


@lru_cache(maxsize=16)  # all candidates of some generations meet the same episodes
def lane_keys(seed: int, stream: str, count: int, generation: int = 0, first: int = 0) -> Keys:
    """One key per episode: uint64 [count], a function of each episode's own index alone."""
    indices = range(first, first + count)
    keys = np.array(
        [sequence(seed, stream, 0, generation, i).generate_state(1, np.uint64)[0] for i in indices], np.uint64
    )
    keys.flags.writeable = False
    return keys


def lane_generator(key: int | np.uint64) -> np.random.Generator:
    """The generator of one lane, from its key."""
    return np.random.Generator(np.random.Philox(int(key)))


def hashed(keys: npt.ArrayLike, counters: npt.ArrayLike) -> Keys:
    """Random words uint64 [...]: each a function of its key and counter alone, both of which are broadcast.

    SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) as a hash, for as many numbers as no generator could be made for.
    """
    with np.errstate(over="ignore"):  # it wraps, as it should
        words = np.asarray(keys, np.uint64) + (np.asarray(counters, np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            words = (words ^ (words >> np.uint64(shift))) * np.uint64(factor)
    found: Keys = words ^ (words >> np.uint64(31))
    return found


def uniform(keys: Keys, low: npt.ArrayLike, high: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Uniform numbers [lanes, values] in [low, high): each lane draws from its own key only.

    Lanes with equal keys (one episode, tried by many networks) are drawn once.
    """
    low, high = np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float))
    distinct, lane = np.unique(keys, return_inverse=True)
    return _drawn(tuple(distinct.tolist()), tuple(low.ravel().tolist()), tuple(high.ravel().tolist()))[lane]


@lru_cache(maxsize=16)
def _drawn(keys: tuple[int, ...], low: tuple[float, ...], high: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Uniform numbers [keys, values]."""
    return np.array([lane_generator(key).uniform(low, high) for key in keys]).reshape(len(keys), len(low))
