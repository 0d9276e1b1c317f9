"""Widths that all parts of a Verilog export share, from exact bounds of what each potential can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evoneuro.coding import decoder_from_spec
from evoneuro.coding.choices import FirstSpike, Membrane
from evoneuro.coding.values import MembraneValue
from evoneuro.export.registers import signed_bits
from evoneuro.network import NO_LEAK, Network

Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Ranges(NamedTuple):
    """What each neuron's potential can be, int64 [neurons] each; 0 is always between.

    Attributes:
        kept_low, kept_high: from one step to the next.
        low, high: within a step, after integration and before the reset.
    """

    kept_low: Longs
    kept_high: Longs
    low: Longs
    high: Longs


@dataclass(frozen=True)
class Layout:
    """Sizes of a core's ports.

    Attributes:
        inputs, neurons, outputs: how many.
        charge_width: bits of the charge of one input in one step, two's complement.
        potential_width: bits of the potential of one output, two's complement.
        potentials: whether the decoder reads potentials; only then has the core a port for them.
    """

    inputs: int
    neurons: int
    outputs: int
    charge_width: int
    potential_width: int
    potentials: bool

    @classmethod
    def of(cls, network: Network) -> Layout:
        """The layout of a network."""
        found, outputs = ranges(network), network.outputs
        low, high = found.kept_low[outputs].min(initial=0), found.kept_high[outputs].max(initial=0)
        return cls(
            len(network.inputs),
            network.neurons,
            len(outputs),
            signed_bits(-network.input_max, network.input_max),
            signed_bits(int(low), int(high)),
            reads_potentials(network),
        )


def reads_potentials(network: Network) -> bool:
    """Whether the network's decoder looks at potentials."""
    decoder = decoder_from_spec(network.decoder)
    return isinstance(decoder, Membrane | MembraneValue) or (
        isinstance(decoder, FirstSpike) and decoder.silent == "potential"
    )


def ranges(network: Network) -> Ranges:
    """Bounds of each potential, from what can arrive; spikes of neurons that can never fire do not arrive."""
    return _ranges(network, firing(network))


def firing(network: Network) -> Bools:
    """Which neurons may ever fire: bool [neurons]."""
    able = np.ones(network.neurons, bool)
    while True:
        less = _able(network, able, _ranges(network, able))
        if (less == able).all():
            return able
        able = less


def _able(network: Network, firing: Bools, found: Ranges) -> Bools:
    """Which of the `firing` neurons reach their threshold, and get events where they need them."""
    fed = np.bincount(network.post[firing[network.pre]], minlength=network.neurons) > 0
    fed[network.inputs] |= network.input_max > 0
    able: Bools = firing & fed & (found.high >= network.threshold)
    return able


def _ranges(network: Network, firing: Bools) -> Ranges:
    """Bounds when only the neurons of `firing` may fire.

    One step maps a potential monotonically, so bounds are where a network that always gets least, or most, comes to
    rest. With shift k it falls no further than where v >> k has sunk to `least`, and rises to where it is `most`.
    """
    weight = np.where(firing[network.pre], network.weight, 0).astype(np.int64)
    most = np.bincount(network.post, np.maximum(weight, 0), network.neurons).astype(np.int64)
    least = np.bincount(network.post, np.minimum(weight, 0), network.neurons).astype(np.int64)
    most[network.inputs] += network.input_max
    least[network.inputs] -= network.input_max
    leaky, shift = network.leak != NO_LEAK, np.maximum(network.leak, 0).astype(np.int64)
    threshold = network.threshold.astype(np.int64)

    floor = network.v_min + least
    low = np.where(leaky, np.maximum(((least + 1) << shift) - 1, floor), floor)
    low = np.where(least < 0, low, 0)
    ceiling = network.v_max + most
    free = np.where(leaky, np.minimum(most << shift, ceiling), np.where(most > 0, ceiling, 0))
    kept = np.minimum(free, np.maximum(threshold - 1, 0))
    if network.reset == "subtract":
        kept = np.maximum(kept, free - threshold)
    left = np.where(leaky, kept - (kept >> shift), kept)
    high = np.minimum(left, network.v_max) + most
    return Ranges(low, np.minimum(kept, high), np.minimum(low, 0), np.maximum(high, 0))
