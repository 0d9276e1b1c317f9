"""Encoders as integer tables: raw observations in fixed point, trains out, exactly as the encoder quantises.

An encoder's table has few different rows: eight spikes more or less make nine. So a target needs no arithmetic of its
own, only the observations at which one row gives way to the next. They are found by asking the encoder itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder
from evoneuro.coding.trains import unpack
from evoneuro.coding.values import ValueDecoder

Longs = npt.NDArray[np.int64]

BITS = 32  # of an observation
HEADROOM = 3  # bits beyond the encoder's range, for observations that leave it
MOST_FRACTION = 24


@dataclass(frozen=True)
class EncoderTable:
    """What an encoder does with each value, as integers.

    Attributes:
        fraction: int [values], bits after the binary point of each value: an observation x is sent as x * 2**fraction.
        bounds: int64 (values, rows - 1), the least observation of each row but the first.
        trains: uint8 (rows, neurons per value, steps), the spikes of a value's input neurons.
    """

    fraction: Longs
    bounds: Longs
    trains: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, encoder: Encoder, window: int) -> EncoderTable:
        """The table of a tabular encoder that gives trains."""
        q = np.arange((1 << encoder.bits) + 1)
        coded = encoder.encode(np.repeat(q[:, None], len(encoder.low), axis=1), window)
        trains = unpack(coded[:, : encoder.neurons_per_value], window).transpose(1, 2, 0)  # (q, neurons, steps)
        fresh = np.concatenate([[True], (trains[1:] != trains[:-1]).any(axis=(1, 2))])
        starts = q[fresh]
        reach = np.maximum(np.abs(encoder.low), np.abs(encoder.high))
        fraction = np.minimum(BITS - 1 - HEADROOM - np.ceil(np.log2(reach)).astype(np.int64), MOST_FRACTION)
        return cls(fraction, _bounds(encoder, starts[1:], fraction), trains[fresh].astype(np.uint8))

    def quantised(self, observations: npt.NDArray[np.float64]) -> Longs:
        """Observations (lanes, values) as the integers that are sent, the nearest ones within 32 bits."""
        sent = np.floor(np.ldexp(observations, self.fraction) + 0.5)
        return np.clip(sent, -(2 ** (BITS - 1)), 2 ** (BITS - 1) - 1).astype(np.int64)

    def restored(self, sent: Longs) -> npt.NDArray[np.float64]:
        """The observations that the integers stand for."""
        return np.ldexp(sent.astype(np.float64), -self.fraction)


def value_ranges(decoder: ValueDecoder) -> tuple[Longs, Longs, Longs]:
    """Ranges of what a decision gives, int64 [values] each: bits after the binary point; lowest value; span."""
    low, high = np.array(decoder.low), np.array(decoder.high)
    reach = np.maximum(np.maximum(np.abs(low), np.abs(high)), high - low)
    bits = np.clip(BITS - 1 - 2 - np.ceil(np.log2(reach)).astype(np.int64), 0, MOST_FRACTION)
    least, most = (np.rint(np.ldexp(end, bits)).astype(np.int64) for end in (low, high))
    return bits, least, most - least


def _bounds(encoder: Encoder, starts: npt.NDArray[np.int64], fraction: Longs) -> Longs:
    """The least integer of each value that the encoder quantises to at least each of `starts`, by bisection."""
    shape = (len(encoder.low), len(starts))
    low, high = np.full(shape, -(2 ** (BITS - 1)) - 1), np.full(shape, 2 ** (BITS - 1) - 1)
    for _ in range(BITS):
        middle = (low + high + 1) // 2
        q = encoder.quantise(np.ldexp(middle.T.astype(np.float64), -fraction)).T
        enough = q >= starts
        high, low = np.where(enough, middle - 1, high), np.where(enough, low, middle)
    return low + 1
