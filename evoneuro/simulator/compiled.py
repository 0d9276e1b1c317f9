"""Compile: networks -> arrays. The networks of a batch stand one after another in flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evoneuro.coding import decoder_from_spec
from evoneuro.network import Integers, Network


class Compiled(NamedTuple):
    """Flat arrays of P networks; a neuron's position counts through the whole batch.

    Attributes:
        neurons, inputs, outputs: int32 [P + 1], where each network's part starts.
        threshold, leak, refractory: int32 [all neurons].
        channel: int32 [all neurons], the input channel that feeds a neuron, or -1.
        incoming: int32 [all neurons + 1], where each neuron's incoming synapses start.
        pre: int32 [all synapses], position of the presynaptic neuron within its network.
        weight, delay: int32 [all synapses].
        input_neuron, output_neuron: int32 [all inputs], [all outputs], positions within the network.
        words: int32 [P], words of spike history that the longest delay needs.
        v_min, v_max, subtract, input_charge, input_max, window, evidence, lead: int32 [P].
    """

    neurons: Integers
    inputs: Integers
    outputs: Integers
    threshold: Integers
    leak: Integers
    refractory: Integers
    channel: Integers
    incoming: Integers
    pre: Integers
    weight: Integers
    delay: Integers
    input_neuron: Integers
    output_neuron: Integers
    words: Integers
    v_min: Integers
    v_max: Integers
    subtract: Integers
    input_charge: Integers
    input_max: Integers
    window: Integers
    evidence: Integers
    lead: Integers


def compile_networks(networks: Sequence[Network]) -> Compiled:
    """The flat arrays of `networks`."""
    orders = [np.lexsort((net.pre, net.post)) for net in networks]
    degrees = [np.bincount(net.post, minlength=net.neurons) for net in networks]
    stopping = [decoder_from_spec(net.decoder) for net in networks]
    return Compiled(
        neurons=_starts([net.neurons for net in networks]),
        inputs=_starts([len(net.inputs) for net in networks]),
        outputs=_starts([len(net.outputs) for net in networks]),
        threshold=_join([net.threshold for net in networks]),
        leak=_join([net.leak for net in networks]),
        refractory=_join([net.refractory for net in networks]),
        channel=_join([_channels(net) for net in networks]),
        incoming=_starts(np.concatenate([np.zeros(0, int), *degrees])),
        pre=_join([net.pre[order] for net, order in zip(networks, orders, strict=True)]),
        weight=_join([net.weight[order] for net, order in zip(networks, orders, strict=True)]),
        delay=_join([net.delay[order] for net, order in zip(networks, orders, strict=True)]),
        input_neuron=_join([net.inputs for net in networks]),
        output_neuron=_join([net.outputs for net in networks]),
        words=_column([(int(net.delay.max(initial=1)) + 31) // 32 for net in networks]),
        v_min=_column([net.v_min for net in networks]),
        v_max=_column([net.v_max for net in networks]),
        subtract=_column([net.reset == "subtract" for net in networks]),
        input_charge=_column([net.input_charge for net in networks]),
        input_max=_column([net.input_max for net in networks]),
        window=_column([net.window for net in networks]),
        evidence=_column([decoder.evidence for decoder in stopping]),
        lead=_column([decoder.lead for decoder in stopping]),
    )


def _channels(network: Network) -> Integers:
    channel = np.full(network.neurons, -1, np.int32)
    channel[network.inputs] = np.arange(len(network.inputs))
    return channel


def _starts(lengths: Sequence[int] | npt.NDArray[np.integer]) -> Integers:
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64))]).astype(np.int32)


def _join(arrays: Sequence[Integers]) -> Integers:
    return np.concatenate([np.zeros(0, np.int32), *arrays])


def _column(values: Sequence[int]) -> Integers:
    return np.array(values, np.int32)
