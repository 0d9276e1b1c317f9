"""Passes: relays keep every spike, and the others say which they changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conformance import relay
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import STYLES, networks, random_network, random_raster, rasters

from evoneuro.errors import EvoNeuroError
from evoneuro.network import NO_FLOOR, Network
from evoneuro.neuron import Reference
from evoneuro.passes import compared, narrowed, pruned, with_relays, without_floor

SLOW_LEAKS = [style for style in STYLES if style != "delays"]


def spikes(network: Network, charges: Any) -> Any:
    return Reference(network, charges.shape[1]).run(charges)


# Relays


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_relays_keep_every_spike_of_every_neuron(data: st.DataObject) -> None:
    network = data.draw(networks(SLOW_LEAKS))
    charges = data.draw(rasters(network, lanes=2, most_steps=40))
    result = with_relays(network)
    assert (result.delay == 1).all()
    assert np.array_equal(spikes(result, charges)[:, :, : network.neurons], spikes(network, charges))


@pytest.mark.parametrize("seed", range(4))
def test_relays_of_long_delays(seed: int) -> None:
    network = random_network(seed, "delays")
    charges = random_raster(seed, network, STYLES["delays"].steps, lanes=2)
    difference = compared(network, with_relays(network), charges)
    assert difference.exact
    assert difference.ids.tolist() == sorted(network.ids.tolist())
    assert difference.spikes.sum() > 0


def test_a_chain_is_shared_and_its_ids_are_new() -> None:
    network = relay((3, 1), pre=[0, 0, 1], post=[2, 3, 3], weight=[1, 1, 1], delay=[3, 2, 1], ids=[4, 9, 2, 0])
    result = with_relays(network)
    assert result.ids.tolist() == [4, 9, 2, 0, 10, 11]
    edges = sorted(zip(result.ids[result.pre].tolist(), result.ids[result.post].tolist(), strict=True))
    assert edges == [(4, 10), (9, 0), (10, 0), (10, 11), (11, 2)]
    assert result.outputs.tolist() == network.outputs.tolist()
    assert with_relays(result) == result


# Narrower weights


def test_narrowing_to_what_fits_changes_nothing() -> None:
    network = random_network(3, "plain")
    change = narrowed(network, 8, random_raster(3, network, 50, lanes=2))
    assert change.network == network
    assert change.difference.exact
    assert change.difference.steps == 100


def test_narrowing_divides_a_neuron_by_one_number() -> None:
    network = relay(
        (1, 1), pre=[0, 1, 1], post=[2, 2, 3], weight=[254, -127, 5], delay=[1, 1, 1], threshold=[1, 1, 254, 5]
    )
    change = narrowed(network, 8, np.ones((9, 1, 2), np.int64))
    assert change.network.weight.tolist() == [127, -64, 5]
    assert change.network.threshold.tolist() == [1, 1, 127, 5]


def test_narrowing_says_which_spikes_differ() -> None:
    network = relay((1, 1), weight=[3, 1], threshold=[1, 1, 7, 1])
    change = narrowed(network, 2, np.ones((12, 1, 2), np.int64))
    by_hand = spikes(change.network, np.ones((12, 1, 2), np.int64)) != spikes(network, np.ones((12, 1, 2), np.int64))
    assert change.network.weight.tolist() == [1, 1]
    assert change.difference.mismatches.tolist() == by_hand.sum((0, 1)).tolist()
    assert by_hand.any()


def test_a_neuron_that_is_fed_keeps_its_scale() -> None:
    network = relay((1, 1), pre=[0, 0], post=[1, 2], weight=[300, 300], threshold=[1, 300, 300, 1])
    narrow = narrowed(network, 8, np.ones((5, 1, 2), np.int64)).network
    assert (narrow.weight.tolist(), narrow.threshold.tolist()) == ([127, 127], [1, 300, 127, 1])


@pytest.mark.parametrize("bits", [1, 32, 2.5, True])
def test_bits_are_checked(bits: Any) -> None:
    with pytest.raises(EvoNeuroError, match="bits: expected"):
        narrowed(relay(), bits, np.ones((1, 1, 2), np.int64))


# Silent parts


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_what_is_left_fires_as_before(data: st.DataObject) -> None:
    network = data.draw(networks())
    charges = data.draw(rasters(network, lanes=2))
    change = pruned(network, charges)
    assert change.difference.exact
    assert set(change.difference.ids.tolist()) == set(change.network.ids.tolist())
    fired = spikes(network, charges).any((0, 1))
    ends = set(network.inputs.tolist()) | set(network.outputs.tolist())
    assert change.network.ids.tolist() == [
        int(name) for i, name in enumerate(network.ids) if fired[i] or i in ends
    ]  # fmt: skip


def test_a_synapse_that_never_carries_is_gone() -> None:
    charges = np.zeros((6, 1, 2), np.int64)
    charges[::2, 0, 0] = 1
    change = pruned(relay(), charges)
    assert (change.network.neurons, change.network.synapses) == (4, 1)
    assert str(change.difference) == "0 mismatches, 6 spikes in 6 steps"


# Without the floor


def test_a_floor_that_never_acted_may_go() -> None:
    network = relay(v_min=-3, weight=[1, -1])
    charges = np.zeros((6, 1, 2), np.int64)
    charges[::3] = 1
    assert without_floor(network, charges).network.v_min == NO_FLOOR


def test_a_floor_that_acted_stays() -> None:
    network = relay((1, 1), v_min=-2, pre=[0, 1], post=[2, 2], weight=[2, -5])
    charges = np.array([[0, 1], [0, 1], [1, 0], [1, 0], [1, 0]])[:, None]
    with pytest.raises(EvoNeuroError, match="without its floor of -2 neuron 2 would fire otherwise in 1 of 5 steps"):
        without_floor(network, charges)


def test_a_raster_has_lanes() -> None:
    with pytest.raises(EvoNeuroError, match=r"raster: expected shape \(steps, lanes, inputs\), got \(3, 2\)"):
        pruned(relay(), np.zeros((3, 2), np.int64))
