"""Compile: networks -> arrays. The networks of a batch stand one after another in flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evoneuro.coding import decoder_from_spec
from evoneuro.network import Integers, Network
from evoneuro.networks import Networks
from evoneuro.ragged import owners, starts_of


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
    batch = Networks.of(networks)
    owner = owners(batch.synapse_starts)
    post = batch.post + batch.neuron_starts[owner]  # through the whole batch
    order = np.lexsort((batch.pre, post))
    channel = np.full(len(batch.ids), -1, np.int32)
    inputs = owners(batch.input_starts)
    channel[batch.inputs + batch.neuron_starts[inputs]] = np.arange(len(inputs)) - batch.input_starts[inputs]
    longest = np.ones(len(batch), np.int32)
    np.maximum.at(longest, owner, batch.delay)
    return Compiled(
        neurons=batch.neuron_starts,
        inputs=batch.input_starts,
        outputs=batch.output_starts,
        threshold=batch.threshold,
        leak=batch.leak,
        refractory=batch.refractory,
        channel=channel,
        incoming=starts_of(np.bincount(post, minlength=len(batch.ids))),
        pre=batch.pre[order],
        weight=batch.weight[order],
        delay=batch.delay[order],
        input_neuron=batch.inputs,
        output_neuron=batch.outputs,
        words=(longest + 31) // 32,
        **_scalars(batch),
    )


_SCALARS = ("v_min", "v_max", "subtract", "input_charge", "input_max", "window", "evidence", "lead")


def _scalars(batch: Networks) -> dict[str, Integers]:
    """Numbers of each network; few networks differ in them."""
    known = {}
    for settings in set(batch.settings):
        stop = decoder_from_spec(settings.decoder)
        numbers = {
            **vars(settings),
            "subtract": settings.reset == "subtract",
            "evidence": stop.evidence,
            "lead": stop.lead,
        }
        known[settings] = [numbers[name] for name in _SCALARS]
    table = np.array([known[settings] for settings in batch.settings], np.int32).reshape(-1, len(_SCALARS))
    return dict(zip(_SCALARS, np.ascontiguousarray(table.T), strict=True))
