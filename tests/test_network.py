"""The network: what it refuses, its sizes, its bounds, and pruning that no output can see."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle
from strategies import STYLES, networks, random_network, random_raster, rasters

from evoneuro.errors import EvoNeuroError
from evoneuro.network import NO_CEILING, NO_FLOOR, NO_LEAK, Network
from evoneuro.neuron import Reference

ARRAYS = ("ids", "threshold", "leak", "refractory", "pre", "post", "weight", "delay", "inputs", "outputs")


def network(**changes: Any) -> Network:
    """Neurons 10 (input), 11 (hidden), 12 (output); 10 -> 11 -> 12 and 10 -> 12."""
    fields: dict[str, Any] = {
        "ids": [10, 11, 12], "threshold": [1, 2, 3], "leak": [NO_LEAK, 0, 15], "refractory": [0, 1, 255],
        "pre": [0, 1, 0], "post": [1, 2, 2], "weight": [5, -6, 7], "delay": [1, 2, 255],
        "inputs": [0], "outputs": [2],
    }  # fmt: skip
    return Network(**(fields | changes))


# What it refuses


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": [1, 1, 2]}, "neuron ids must be unique and not negative"),
        ({"ids": [-1, 0, 1]}, "neuron ids must be unique and not negative"),
        ({"threshold": [1, 2]}, "threshold: expected shape (3), got (2,)"),
        ({"weight": [1, 2]}, "weight: expected shape (3), got (2,)"),
        ({"post": [1, 2]}, "post: expected shape (3), got (2,)"),
        ({"weight": [[1], [2], [3]]}, "weight: expected integers"),
        ({"threshold": [1, 2**30 + 1, 3]}, "threshold"),
        ({"leak": [0, 0, 16]}, "leak[2] is 16, expected -1 to 15"),
        ({"leak": [-2, 0, 0]}, "leak[0] is -2, expected -1 to 15"),
        ({"refractory": [0, 256, 0]}, "refractory[1] is 256, expected 0 to 255"),
        ({"refractory": [0, 0, -1]}, "refractory[2] is -1, expected 0 to 255"),
        ({"delay": [0, 1, 1]}, "delay[0] is 0, expected 1 to 255"),
        ({"delay": [1, 256, 1]}, "] is 256, expected 1 to 255"),
        ({"pre": [0, 3, 0]}, "] is 3, expected 0 to 2"),
        ({"post": [-1, 2, 2]}, "post[0] is -1, expected 0 to 2"),
        ({"inputs": [3]}, "inputs[0] is 3, expected 0 to 2"),
        ({"outputs": [2, 2]}, "a neuron stands twice in outputs"),
        ({"inputs": [0, 1, 0]}, "a neuron stands twice in inputs"),
        ({"reset": "substract"}, "reset: no such name: 'substract'. Did you mean 'subtract'?"),
        ({"v_min": 1}, "v_min: expected -1073741824 to 0, got 1"),
        ({"v_min": NO_FLOOR - 1}, "v_min: expected -1073741824 to 0, got -1073741825"),
        ({"v_max": 1}, "v_max (at least the highest threshold - 1): expected 2 to 1073741824, got 1"),
        ({"v_max": NO_CEILING + 1}, "got 1073741825"),
        ({"input_max": -1}, "input_max: expected 0 to 1073741824, got -1"),
        ({"input_charge": 2}, "input_charge: expected -1 to 1, got 2"),
        ({"window": 0}, "window: expected 1 to 65536, got 0"),
        ({"window": 2**16 + 1}, "window: expected 1 to 65536, got 65537"),
        ({"window": 2.5}, "window: expected an integer from 1 to 65536, got 2.5"),
        ({"window": True}, "window: expected an integer from 1 to 65536, got True"),
        ({"reset": "subtract"}, "reset 'subtract' needs every threshold >= 1 and a finite v_max"),
        ({"reset": "subtract", "threshold": [1, 0, 3], "v_max": 9}, "reset 'subtract' needs every threshold >= 1"),
        ({"weight": ["x", 1, 2]}, "weight: expected integers"),
        ({"weight": [float("nan"), 1, 2]}, "weight: expected integers"),
        ({"weight": [[1], [2, 3], 4]}, "weight: expected integers"),
        ({"weight": [2**63, 1, 2]}, "weight: expected integers"),
        ({"weight": [-(2**63), 1, 2]}, "weight"),
    ],
    ids=str,
)
def test_refuses_with_a_message(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EvoNeuroError, match="^network: .*" + re.escape(message)):
        network(**changes)


@pytest.mark.parametrize("name", ["threshold", "weight", "delay", "refractory", "pre", "inputs"])
@pytest.mark.parametrize("amount", [2**32, -(2**32), 0.5], ids=str)
def test_a_value_is_refused_rather_than_changed(name: str, amount: float) -> None:
    values = [value + amount for value in getattr(network(), name).tolist()]
    with pytest.raises(EvoNeuroError, match=f"network: {name}"):
        network(**{name: values})


@pytest.mark.parametrize("name", ARRAYS)
def test_a_number_in_place_of_an_array_is_refused(name: str) -> None:
    with pytest.raises(EvoNeuroError, match="network: "):
        network(**{name: 1})


def test_a_ceiling_below_the_floor_is_refused() -> None:
    # no threshold above 0, so "threshold - 1" alone would allow it; but a potential of 0 must fit
    with pytest.raises(EvoNeuroError, match="network: v_max"):
        network(threshold=[0, 0, 0], v_min=0, v_max=-1)


@pytest.mark.parametrize("whole", [20.0, np.int64(20), np.float64(20)], ids=repr)
@pytest.mark.parametrize("name", ["window", "v_max", "input_max"])
def test_whole_numbers_become_python_integers(name: str, whole: Any) -> None:
    assert type(getattr(network(**{name: whole}), name)) is int


def test_the_ends_of_the_ranges_are_allowed() -> None:
    net = network(v_min=NO_FLOOR, v_max=2, input_max=2**29, input_charge=-(2**29), window=2**16)
    assert (net.leak.tolist(), net.refractory.tolist(), net.delay.max()) == ([-1, 0, 15], [0, 1, 255], 255)


def test_a_network_may_be_all_but_empty() -> None:
    net = network(pre=[], post=[], weight=[], delay=[], inputs=[], outputs=[])
    assert (net.neurons, net.synapses, net.hidden) == (3, 0, 3)
    assert Reference(net).run(np.zeros((4, 1, 0), np.int32)).sum() == 0


# Frozen


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_read_only_and_not_the_callers(name: str) -> None:
    mine = np.array(getattr(network(), name))
    net = network(**{name: mine})
    with pytest.raises(ValueError, match="read-only"):
        getattr(net, name)[0] = 0
    kept = getattr(net, name).tolist()
    mine[:] = 99
    assert getattr(net, name).tolist() == kept


def test_fields_cannot_be_assigned() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        network().window = 3  # type: ignore[misc]


def test_synapses_are_sorted_by_pre_post_delay_and_keep_their_weights() -> None:
    net = network(pre=[1, 0, 0, 0], post=[2, 2, 1, 1], weight=[4, 3, 2, 1], delay=[1, 1, 9, 2])
    columns = (net.pre, net.post, net.delay, net.weight)
    assert list(zip(*(c.tolist() for c in columns), strict=True)) == [
        (0, 1, 2, 1),
        (0, 1, 9, 2),
        (0, 2, 1, 3),
        (1, 2, 1, 4),
    ]


@given(networks(), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_synapses_is_no_difference(net: Network, random: Any) -> None:
    keys = set(zip(net.pre.tolist(), net.post.tolist(), net.delay.tolist(), strict=True))
    if len(keys) < net.synapses:
        return  # synapses that share pre, post and delay keep the order they were given in
    order = list(range(net.synapses))
    random.shuffle(order)
    other = dataclasses.replace(net, **{k: getattr(net, k)[order] for k in ("pre", "post", "weight", "delay")})
    assert other == net
    assert other.fingerprint() == net.fingerprint()


# Sizes and bounds


def test_sizes() -> None:
    net = network(inputs=[0], outputs=[2, 0])
    assert (net.neurons, net.hidden, net.synapses) == (3, 1, 3)
    assert net.out_degree.tolist() == [2, 1, 0]
    assert repr(network()) == "Network(1 inputs, 1 hidden, 1 outputs, 3 synapses, window 24)"


@pytest.mark.parametrize(
    ("changes", "bounds"),
    [
        # per neuron (least, most) of the weights: 10: none, 11: (0, 5), 12: (-6, 7); 10 gets +-1 from outside
        ({}, (-127 - 6, 2 + 7)),
        ({"v_min": 0}, (-6, 9)),
        ({"v_max": 2}, (-133, 9)),
        ({"input_max": 50}, (-177, 52)),
        ({"reset": "subtract", "v_max": 20}, (-133, 27)),
        ({"threshold": [0, 0, 0]}, (-133, 7)),
        ({"weight": [1, 2, 3], "post": [2, 2, 2]}, (-128, 2 + 6)),
    ],
    ids=str,
)
def test_potential_bounds(changes: dict[str, Any], bounds: tuple[int, int]) -> None:
    assert network(**changes).potential_bounds() == bounds


@pytest.mark.parametrize("style", STYLES)
def test_potential_bounds_hold(style: str) -> None:
    for seed in range(8):
        net = random_network(seed, style)
        oracle = Oracle(net, 2)
        oracle.run(random_raster(seed, net, STYLES[style].steps, 2))
        low, high = net.potential_bounds()
        for lane in oracle.lanes:
            assert low <= lane.lowest, f"seed {seed}"
            assert lane.highest <= high, f"seed {seed}"


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_potential_bounds_hold_for_any_network(data: st.DataObject) -> None:
    net = data.draw(networks())
    oracle = Oracle(net)
    oracle.run(data.draw(rasters(net, 1)))
    low, high = net.potential_bounds()
    assert low <= oracle.lanes[0].lowest
    assert oracle.lanes[0].highest <= high


@pytest.mark.parametrize(
    "changes",
    [
        {"v_min": NO_FLOOR, "weight": [5, -(2**30), -1], "post": [1, 2, 2]},
        {"threshold": [1, 2, 2**30], "weight": [1, 2**30, 2], "post": [1, 2, 2]},
        {"weight": [2**30] * 3, "post": [2, 2, 2]},
        {"v_min": NO_FLOOR, "input_max": 2**30, "weight": [-1] * 3, "post": [0, 1, 2]},
    ],
    ids=str,
)
def test_potentials_beyond_32_bits_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(
        EvoNeuroError, match=r"could reach -?\d+ or \d+, beyond 32 bits; lower the weights, input_max or v_max"
    ):
        network(**changes)


def test_the_last_potentials_within_32_bits_are_allowed() -> None:
    low = network(v_min=NO_FLOOR, weight=[5, -(2**30), 0], post=[1, 2, 2])
    high = network(threshold=[1, 2, 2**30], weight=[1, 2**30, 0], post=[1, 2, 2])
    assert low.potential_bounds()[0] == -(2**31)
    assert high.potential_bounds()[1] == 2**31 - 1


# Pruning


def test_prune_by_hand() -> None:
    net = network(
        ids=[10, 11, 12, 13, 14, 15], threshold=[1] * 6, leak=[NO_LEAK] * 6, refractory=[0] * 6,
        #    path        dead end  not driven  loop not driven
        pre=[0, 1, 1,    0,        4,          5], post=[1, 1, 2,    3,        2,          5],
        weight=[1, 2, 3, 4, 5, 6], delay=[1, 2, 3, 4, 5, 6],
    )  # fmt: skip
    pruned = net.prune()
    assert pruned.ids.tolist() == [10, 11, 12]
    assert pruned.weight.tolist() == [1, 2, 3]
    assert (pruned.pre.tolist(), pruned.post.tolist()) == ([0, 1, 1], [1, 1, 2])
    assert (pruned.inputs.tolist(), pruned.outputs.tolist()) == ([0], [2])


def test_prune_keeps_unconnected_inputs_and_outputs_in_their_order() -> None:
    net = network(inputs=[1, 0], outputs=[2], pre=[], post=[], weight=[], delay=[])
    assert net.prune() is net
    net = network(ids=[7, 8, 9], inputs=[2], outputs=[2], pre=[0], post=[1], weight=[1], delay=[1])
    pruned = net.prune()
    assert (pruned.ids.tolist(), pruned.inputs.tolist(), pruned.outputs.tolist()) == ([9], [0], [0])


def check_prune(net: Network, raster: Any) -> int:
    """Assert what pruning promises; synapses and neurons that went."""
    pruned = net.prune()
    for name in ("inputs", "outputs"):
        assert pruned.ids[getattr(pruned, name)].tolist() == net.ids[getattr(net, name)].tolist()
    lanes = raster.shape[1]
    before, after = Reference(net, lanes).run(raster), Reference(pruned, lanes).run(raster)
    assert before[:, :, net.outputs].tolist() == after[:, :, pruned.outputs].tolist()
    assert pruned.prune() is pruned
    return net.synapses - pruned.synapses + net.neurons - pruned.neurons


@pytest.mark.parametrize("style", STYLES)
def test_prune_keeps_the_output_spikes(style: str) -> None:
    went = 0
    for seed in range(12):
        net = random_network(seed, style)
        went += check_prune(net, random_raster(seed, net, STYLES[style].steps // 2, 2))
    assert went or style == "loops"


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_prune_keeps_the_output_spikes_of_any_network(data: st.DataObject) -> None:
    net = data.draw(networks())
    check_prune(net, data.draw(rasters(net, 1)))


@given(networks())
@settings(max_examples=60, deadline=None)
def test_prune_leaves_only_paths_from_input_to_output(net: Network) -> None:
    pruned = net.prune()
    graph = pruned.to_networkx()
    inputs, outputs = pruned.ids[pruned.inputs].tolist(), pruned.ids[pruned.outputs].tolist()
    reached = set(inputs).union(*(networkx.descendants(graph, node) for node in inputs))
    seen = set(outputs).union(*(networkx.ancestors(graph, node) for node in outputs))
    assert set(graph) - set(inputs) - set(outputs) <= reached & seen
    assert all(pre in reached and post in seen for pre, post in graph.edges())


# Views and identity


def test_to_networkx() -> None:
    graph = network().to_networkx()
    assert dict(graph.nodes(data="role")) == {10: "input", 11: "hidden", 12: "output"}
    assert graph.nodes[12] == {"role": "output", "threshold": 3, "leak": 15, "refractory": 255}
    edges = sorted((pre, post, data["weight"], data["delay"]) for pre, post, data in graph.edges(data=True))
    assert edges == [(10, 11, 5, 1), (10, 12, 7, 255), (11, 12, -6, 2)]


def test_to_networkx_keeps_parallel_synapses() -> None:
    graph = network(pre=[0, 0, 0], post=[2, 2, 2]).to_networkx()
    assert sorted(data["weight"] for *_, data in graph.edges(data=True)) == [-6, 5, 7]


BEHAVIOUR: dict[str, Any] = {
    "threshold": [1, 2, 4], "leak": [0, 0, 15], "refractory": [0, 1, 254], "pre": [0, 1, 1], "post": [1, 1, 2],
    "weight": [5, -6, 8], "delay": [1, 2, 254], "inputs": [1], "outputs": [1], "reset": "subtract", "v_min": -126,
    "v_max": 50, "input_charge": 0, "window": 25, "encoder": {"kind": "count"}, "decoder": {"kind": "count"},
}  # fmt: skip


@pytest.mark.parametrize("name", BEHAVIOUR)
def test_whatever_decides_behaviour_changes_the_fingerprint(name: str) -> None:
    base = {"v_max": 40}
    assert network(**base).fingerprint() != network(**(base | {name: BEHAVIOUR[name]})).fingerprint()
    assert network(**base) != network(**(base | {name: BEHAVIOUR[name]}))


@pytest.mark.parametrize(
    "changes", [{"ids": [1, 2, 3]}, {"task": {"name": "xor"}}, {"provenance": {"seed": 3}}], ids=lambda c: next(iter(c))
)
def test_what_decides_no_behaviour_does_not(changes: dict[str, Any]) -> None:
    assert network(**changes).fingerprint() == network().fingerprint()
    assert network(**changes) != network()


def test_equal_networks_are_one_in_a_set() -> None:
    assert network() == network()
    assert len({network(), network(), network(window=3)}) == 2
    assert network() != "network"


def test_equal_specifications_have_equal_hashes() -> None:
    one = network(decoder={"kind": "race", "evidence": 1, "lead": 0}, encoder={"kind": "count", "low": [0]})
    other = network(decoder={"lead": 0, "evidence": 1, "kind": "race"}, encoder={"low": [0.0], "kind": "count"})
    assert one == other
    assert hash(one) == hash(other)
