"""The reference simulator: it passes the conformance suite and equals the oracle on networks that hypothesis draws."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from conformance import SimulatorCases, SimulatorFactory, assert_same_decision
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle
from strategies import STYLES, feeds, networks, random_network, random_raster, rasters

from evoneuro.errors import EvoNeuroError
from evoneuro.network import MAX_DELAY, NO_LEAK
from evoneuro.neuron import Reference, check_charges


class TestReference(SimulatorCases):
    @pytest.fixture
    def simulator(self) -> SimulatorFactory:
        return Reference


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_reference_equals_the_oracle(data: st.DataObject) -> None:
    network = data.draw(networks())
    lanes = data.draw(st.integers(1, 3))
    raster = data.draw(rasters(network, lanes))
    cut = data.draw(st.integers(0, len(raster)))
    reference, oracle = Reference(network, lanes), Oracle(network, lanes)
    for piece in (raster[:cut], raster[cut:]):
        assert reference.run(piece).tolist() == oracle.run(piece).tolist()
    assert reference.v.tolist() == [lane.v for lane in oracle.lanes]
    assert reference.r.tolist() == [lane.r for lane in oracle.lanes]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_decisions_and_their_record_equal_the_oracle(data: st.DataObject) -> None:
    network = data.draw(networks())
    lanes = data.draw(st.integers(1, 3))
    reference, oracle = Reference(network, lanes, record=True), Oracle(network, lanes)
    for _ in range(2):
        feed = data.draw(feeds(network, lanes))
        assert_same_decision(reference, oracle, feed, "")


@pytest.mark.parametrize("style", STYLES)
def test_lanes_whose_clock_stands_keep_everything(style: str) -> None:
    network = random_network(7, style)
    raster = random_raster(7, network, 60, lanes=4)
    running = np.random.default_rng(7).random((60, 4)) < 0.6
    reference, oracle = Reference(network, 4), Oracle(network, 4)
    for charge, on in zip(raster, running, strict=True):
        spikes = reference.step(charge, on)
        for k, lane in enumerate(oracle.lanes):
            expected = lane.step(charge[k].tolist()) if on[k] else [0] * network.neurons
            assert spikes[k].tolist() == expected
            assert reference.v[k].tolist() == lane.v


def test_nothing_is_left_of_another_network_or_lane() -> None:
    network = random_network(3, "plain")
    used, fresh = Reference(network, 2), Reference(network, 2)
    used.run(random_raster(3, network, 30, lanes=2))
    assert used.v.any()
    assert not fresh.v.any()
    assert not fresh.past.any()


def test_reading_a_raster_makes_a_copy() -> None:
    network = random_network(3, "plain")
    raster = random_raster(3, network, 5, lanes=1)
    charges = check_charges(network, raster, 1)
    charges[:] = 0
    assert raster.any()
    assert charges.dtype == np.int32


def test_a_raster_of_text_is_refused() -> None:
    with pytest.raises(EvoNeuroError, match="raster: expected integer charges"):
        Reference(random_network(3, "plain")).run(np.array([[["1"]]]))


# The random networks are worth something only if they are as varied and as lively as they claim.


def features(network: Any) -> set[str]:
    pairs = list(zip(network.pre.tolist(), network.post.tolist(), strict=True))
    return {
        name
        for name, present in {
            "self loop": any(pre == post for pre, post in pairs),
            "parallel synapses": len(set(pairs)) < len(pairs),
            "delay of 200 or more": network.delay.max(initial=0) >= 200,
            "threshold of 0": 0 in network.threshold,
            "negative threshold": network.threshold.min() < 0,
            "refractory": network.refractory.any(),
            "floor of 0": network.v_min == 0,
            "ceiling that cuts": network.v_max < network.threshold.max() + 5,
            "subtract": network.reset == "subtract",
            "input that is an output": bool(set(network.inputs.tolist()) & set(network.outputs.tolist())),
            "inputs out of order": network.inputs.tolist() != sorted(network.inputs.tolist()),
            "ids out of order": network.ids.tolist() != sorted(network.ids.tolist()),
            "weight of 0": 0 in network.weight,
            "race": (network.decoder or {}).get("kind") == "race",
        }.items()
        if present
    }


def test_random_networks_cover_the_model() -> None:
    sample = [random_network(seed, style) for style in STYLES for seed in range(12)]
    seen = set[str]().union(*map(features, sample))
    assert len(seen) == 14
    assert {int(leak) for network in sample for leak in network.leak} == {NO_LEAK, *range(16)}
    assert max(int(network.delay.max(initial=0)) for network in sample) > MAX_DELAY - 10


@pytest.mark.parametrize("style", STYLES)
def test_random_networks_are_lively(style: str) -> None:
    active = driven = 0
    for seed in range(12):
        network = random_network(seed, style)
        raster = random_raster(seed, network, STYLES[style].steps, 1)
        spikes = Oracle(network).run(raster)
        without = dataclasses.replace(network, **dict.fromkeys(("pre", "post", "weight", "delay"), ()))
        active += bool(spikes.any())
        driven += not np.array_equal(spikes, Oracle(without).run(raster))
    assert active >= 10
    assert driven >= 5
