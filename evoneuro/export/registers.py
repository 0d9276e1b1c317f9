"""How wide registers must be: what each neuron's potential can reach, by static bounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evoneuro.network import NO_LEAK, Network

Longs = npt.NDArray[np.int64]


def potential_ranges(network: Network) -> tuple[Longs, Longs]:
    """Lowest and highest value of each neuron's potential, within a step or after it: int64 [neurons] each.

    A leak bounds a potential where nothing else does: with shift k and arrivals of at least `a` < 0 in a step, a
    potential that has not been below a * 2**k never will be, for from there the leak gives back at least -a.
    """
    weight = network.weight.astype(np.int64)
    most = np.bincount(network.post, np.maximum(weight, 0), network.neurons).astype(np.int64)
    least = np.bincount(network.post, np.minimum(weight, 0), network.neurons).astype(np.int64)
    most[network.inputs] += network.input_max
    least[network.inputs] -= network.input_max
    leaky = network.leak != NO_LEAK
    sunk = np.where(leaky, least << np.maximum(network.leak, 0), np.int64(network.v_min))
    kept_low = np.maximum(sunk, network.v_min)
    if network.reset == "zero":
        kept_high = np.minimum(np.maximum(network.threshold - 1, 0), network.v_max).astype(np.int64)
    else:
        kept_high = np.full(network.neurons, network.v_max, np.int64)
    return np.minimum(kept_low + least, 0), np.maximum(kept_high + most, 0)


def signed_bits(low: int, high: int) -> int:
    """Bits of the narrowest two's complement register that holds low <= 0 to high >= 0."""
    return 1 + max((-low - 1).bit_length() if low else 0, high.bit_length())
