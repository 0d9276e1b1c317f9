"""TENNLab networks in and out: golden rasters, what is refused and why, and the round trip."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_data import golden_files, needs_golden
from hypothesis import given, settings
from hypothesis import strategies as st

import evoneuro.export
from evoneuro import network_file
from evoneuro.errors import EvoNeuroError, FormatError, PluginError
from evoneuro.export import EXPORTERS, export, import_network, targets
from evoneuro.export.contract import files_of
from evoneuro.export.tennlab import ROOM_FOR_CHARGES, Tennlab, from_document, to_document
from evoneuro.network import NO_CEILING, NO_FLOOR, NO_LEAK, Network
from evoneuro.neuron import Reference

Document = dict[str, Any]


def prop(name: str, kind: int, index: int, low: float, high: float) -> Document:
    return {"name": name, "type": kind, "index": index, "size": 1, "min_value": low, "max_value": high}


def toy() -> Document:
    """Four neurons; a spike on input 1 at step 0 and on input 0 at step 1 makes node 9 fire at step 3."""
    return {
        "Properties": {
            "node_properties": [prop("Leak", 66, 1, 0.0, 1.0), prop("Threshold", 73, 0, 1.0, 7.0)],
            "edge_properties": [prop("Delay", 73, 1, 1.0, 15.0), prop("Weight", 73, 0, -7.0, 7.0)],
            "network_properties": [],
        },
        "Nodes": [
            {"id": 0, "name": "in_a", "values": [1.0, 0.0], "coords": [0.0, 0.5]},
            {"id": 1, "name": "in_b", "values": [1.0, 0.0]},
            {"id": 5, "values": [4.0, 1.0]},
            {"id": 9, "values": [2.0, 0.0]},
        ],
        "Edges": [
            {"from": 1, "to": 9, "values": [-1.0, 4.0]},
            {"from": 0, "to": 5, "values": [3.0, 1.0], "control_point": [1.0]},
            {"from": 1, "to": 5, "values": [3.0, 2.0]},
            {"from": 5, "to": 9, "values": [2.0, 1.0]},
        ],
        "Inputs": [0, 1],
        "Outputs": [9],
        "Network_Values": [],
        "Associated_Data": {
            "other": {"proc_name": "risp", "app_name": "toy", "sim_time": 8, "timeseries": "none"},
            "eons_params": {"population_size": 100},
            "encoder_array": {"dmin": [0], "use_encoders": ["s"]},
            "proc_params": {
                "discrete": True,
                "min_weight": -7,
                "max_weight": 7,
                "min_threshold": 1,
                "max_threshold": 7,
                "min_potential": -7,
                "max_delay": 15,
                "leak_mode": "configurable",
                "threshold_inclusive": True,
                "run_time_inclusive": False,
                "fire_like_ravens": False,
            },
        },
    }


def params(document: Document) -> Document:
    found: Document = document["Associated_Data"]["proc_params"]
    return found


def small(**changes: Any) -> Network:
    """Two neurons, one synapse: plain RISP."""
    arrays = {
        "ids": [3, 7],
        "threshold": [1, 2],
        "leak": [NO_LEAK, NO_LEAK],
        "refractory": [0, 0],
        "pre": [0],
        "post": [1],
        "weight": [2],
        "delay": [1],
        "inputs": [0],
        "outputs": [1],
    }
    values: dict[str, Any] = {"input_max": 10, **arrays, **changes}
    fields: dict[str, Any] = {name: np.array(value) if name in arrays else value for name, value in values.items()}
    return Network(**fields)


def rewritten(network: Network) -> Network:
    """`network` through the text of its TENNLab file."""
    return from_document(json.loads(files_of(Tennlab(), network)["network.json"]))


def raster(network: Network, steps: int, triples: list[list[int]]) -> list[list[int]]:
    """Sorted [step, neuron id] of all spikes under inputs [step, input index, charge]."""
    charges = np.zeros((steps, 1, len(network.inputs)), np.int64)
    for step, channel, charge in triples:
        charges[step, 0, channel] += charge
    spikes = Reference(network).run(charges)
    return sorted([step, int(network.ids[i])] for step, _, i in np.argwhere(spikes).tolist())


# Golden networks


@needs_golden
@pytest.mark.parametrize("path", golden_files("risp/*.json"), ids=lambda path: path.stem)
def test_golden_raster_after_import_and_after_a_round_trip(path: Path) -> None:
    record = json.loads(path.read_text())
    network = from_document(record["network"])
    assert network.ids.tolist() == [node["id"] for node in record["network"]["Nodes"]]
    assert network.ids[network.inputs].tolist() == record["network"]["Inputs"]
    again = rewritten(network)
    assert again == network
    assert raster(again, record["steps"], record["input"]) == record["spikes"]


@needs_golden
@pytest.mark.parametrize("path", golden_files("cartpole/*.json"), ids=lambda path: path.stem)
def test_golden_cart_pole_network_loads_and_comes_back(path: Path) -> None:
    network = import_network(path, "tennlab")
    document = json.loads(path.read_text())
    assert network.synapses == len(document["Edges"])
    assert network.threshold.tolist() == [node["values"][0] for node in document["Nodes"]]
    assert network.v_min == params(document)["min_potential"]
    assert network.input_charge == params(document)["spike_value_factor"]
    assert (network.window, network.encoder, network.provenance) == (24, None, {})
    assert rewritten(network) == network
    rng = np.random.default_rng(1)
    charges = network.input_charge * (rng.random((60, 1, len(network.inputs))) < 0.2)
    assert np.array_equal(Reference(rewritten(network)).run(charges), Reference(network).run(charges))
    # their settings are RISP-n and RISP-n+, so the property pack that RISP compares comes back unchanged
    assert to_document(network)["Properties"] == document["Properties"]
    assert params(to_document(network)) == params(document)


def test_golden_data_is_complete() -> None:
    found = golden_files("risp/*.json"), golden_files("cartpole/*.json")
    assert tuple(map(len, found)) in {(0, 0), (33, 8)}


# Reading


def test_toy_network_by_hand() -> None:
    network = from_document(toy())
    assert network.leak.tolist() == [NO_LEAK, NO_LEAK, 0, NO_LEAK]
    assert (network.v_min, network.input_charge, network.input_max, network.window) == (-7, 7, ROOM_FOR_CHARGES, 8)
    assert raster(network, 8, [[0, 1, 7], [1, 0, 7]]) == [[0, 1], [1, 0], [2, 5], [3, 9]]


def test_values_lie_where_the_properties_say() -> None:
    document = toy()
    properties = document["Properties"]
    for entry in properties["node_properties"] + properties["edge_properties"]:
        entry["index"] = 1 - entry["index"]
    for element in document["Nodes"] + document["Edges"]:
        element["values"].reverse()
    properties["node_properties"].reverse()
    assert from_document(document) == from_document(toy())


@pytest.mark.parametrize("indices", [(0, 0), (0, 2), (1, 2)])
def test_indices_must_tile(indices: tuple[int, int]) -> None:
    document = toy()
    for entry, index in zip(document["Properties"]["edge_properties"], indices, strict=True):
        entry["index"] = index
    with pytest.raises(FormatError, match=r"edge_properties: the indices are .*; expected 0 to 1, each once"):
        from_document(document)


@pytest.mark.parametrize("key", list(toy()))
def test_all_seven_keys_and_no_other(key: str) -> None:
    document = toy()
    del document[key]
    with pytest.raises(FormatError, match=f"'{key}' is missing"):
        from_document(document)
    with pytest.raises(FormatError, match=r"unknown key 'Node'. Did you mean 'Nodes'\?"):
        from_document(toy() | {"Node": []})


def test_exclusive_thresholds_are_one_higher() -> None:
    document = toy()
    params(document)["threshold_inclusive"] = False
    assert from_document(document).threshold.tolist() == [2, 2, 5, 3]


def test_floating_point_network_of_integers() -> None:
    document = toy()
    params(document)["discrete"] = False
    params(document)["min_weight"] = -7.5
    for group in ("node_properties", "edge_properties"):
        for entry in document["Properties"][group]:
            entry["type"] = 68 if entry["name"] in {"Threshold", "Weight"} else entry["type"]
    assert from_document(document) == from_document(toy())
    document["Edges"][0]["values"][0] = 0.5
    with pytest.raises(FormatError, match=r"edge 1 -> 9: Weight is 0.5; integers are the model"):
        from_document(document)


def weight_list(**changes: Any) -> Document:
    """`toy` with its weights in a list: edges carry indices."""
    document = toy()
    weights = [-1, 2, 3]
    for edge in document["Edges"]:
        edge["values"][0] = float(weights.index(edge["values"][0]))
    document["Properties"]["edge_properties"][1] |= {"min_value": 0.0, "max_value": 2.0}
    for name in ("min_weight", "max_weight"):
        del params(document)[name]
    params(document).update({"weights": weights, "inputs_from_weights": False, "spike_value_factor": 7} | changes)
    return document


def test_weights_from_a_list() -> None:
    assert from_document(weight_list()) == from_document(toy())
    document = weight_list(inputs_from_weights=True)
    del params(document)["spike_value_factor"]
    assert from_document(document).input_charge == 3


def test_legacy_parameters() -> None:
    document = toy()
    legacy = params(document)
    for name in ("min_potential", "leak_mode"):
        del legacy[name]
    legacy |= {"non_negative_charge": True, "input_scaling_value": 5, "leak_mode": True}
    legacy |= {"specific_weights": False, "noisy_weights": False, "weights": [1], "stds": [0.1]}
    document["Properties"]["node_properties"].pop(0)
    for node in document["Nodes"]:
        node["values"].pop()
    document["Associated_Data"] = {"processor": legacy, "application": {"proc_ticks": 10}}
    network = from_document(document)
    assert (network.v_min, network.input_charge, network.window) == (0, 5, 24)
    assert (network.leak == 0).all()
    assert network.provenance["tennlab"]["Associated_Data"] == {"application": {"proc_ticks": 10}}
    assert rewritten(network) == network

    legacy |= {"non_negative_charge": False, "leak_mode": False}
    network = from_document(document)
    assert network.v_min == NO_FLOOR
    assert (network.leak == NO_LEAK).all()

    legacy |= {"min_potential": -3, "spike_value_factor": 6}
    network = from_document(document)
    assert (network.v_min, network.input_charge) == (-3, 6)
    assert from_document(weight_list(specific_weights=True, min_weight=-7)) == from_document(toy())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"discrete": None}, r"proc_params: discrete: expected true or false, got None"),
        ({"discrete": ...}, r"proc_params: 'discrete' is missing"),
        ({"min_potential": ...}, r"proc_params: 'min_potential' is missing"),
        ({"max_weight": ...}, r"proc_params: 'max_weight' is missing"),
        ({"max_wait": 1}, r"proc_params: unknown key 'max_wait'. Did you mean 'max_weight'\?"),
        ({"max_delay": 0}, r"max_delay is 0, expected at least 1"),
        ({"min_threshold": 0.5}, r"min_threshold is 0.5; integers are the model"),
        ({"max_weight": True}, r"max_weight: expected a number, got True"),
        ({"min_potential": 1}, r"min_potential is 1, expected -1073741824 to 0"),
        ({"min_potential": -0.5}, r"min_potential is -0.5; integers"),
        ({"leak_mode": "some"}, r"leak_mode: no such name: 'some'"),
        ({"leak_mode": "all"}, r"node_properties: 'Leak' does not fit RISP with these proc_params; expected Threshold"),
        ({"fire_like_ravens": True}, r"fire_like_ravens is true; a neuron here fires in the step in which it crosses"),
        ({"noisy_stddev": 0.1}, r"stds or noisy_stddev is set; here weights have no noise"),
        ({"stds": [0.1]}, r"stds or noisy_stddev is set"),
        ({"noisy_weights": True, "stds": [0.1]}, r"stds or noisy_stddev is set"),
        ({"spike_value_factor": 1.5}, r"spike_value_factor is 1.5; integers"),
        ({"inputs_from_weights": True}, r"'inputs_from_weights' does not go without 'weights'"),
        ({"weights": [1, 2]}, r"'inputs_from_weights' is missing"),
        ({"weights": [1, 2], "inputs_from_weights": True}, r"'min_weight' does not go with 'weights'"),
    ],
)
def test_parameters_that_are_refused(changes: Document, message: str) -> None:
    document = toy()
    params(document).update(changes)
    document["Associated_Data"]["proc_params"] = {k: v for k, v in params(document).items() if v is not ...}
    with pytest.raises(FormatError, match=message):
        from_document(document)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": [2, 1, 3]}, "weights must be sorted"),
        ({"weights": [1, 2]}, "Weight: expected 0 to 1, the indices of 'weights'"),
        ({"weights": [0.5, 1, 2]}, r"weights\[0\] is 0.5; integers"),
        ({"weights": [0, 1, 2**40]}, "weights: expected -1073741824 to 1073741824"),
        ({"inputs_from_weights": True}, "expected either spike_value_factor or inputs_from_weights true"),
    ],
)
def test_weight_lists_that_are_refused(changes: Document, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        from_document(weight_list(**changes))


CASPIAN = {"Leak_Enable": True, "Max_Leak": 4, "Max_Threshold": 127}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, r"names no processor; expected other.proc_name 'risp'"),
        ({"other": {"proc_name": "vrisp"}}, r"the processor 'vrisp' cannot be exact here: its charges wrap at 8 bits"),
        ({"other": {"proc_name": "caspian"}}, r"the processor 'caspian' .*: its neurons fire above the threshold"),
        (
            {"other": {"proc_name": "ravens"}},
            r"the processor 'ravens' cannot be exact here: its neurons are not RISP's",
        ),
        ({"other": {"proc_name": "risp"}}, r"'proc_params' is missing"),
        ({"processor": CASPIAN}, r"the processor 'caspian' .*: .* and their potential decays exponentially"),
        ({"processor": "caspian"}, r"the processor 'caspian'"),
        ({"processor": "risp"}, r"'proc_params' is missing"),
        ({"other": []}, r"other: expected an object, got \[\]"),
    ],
)
def test_other_processors_are_refused(data: Document, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        from_document(toy() | {"Associated_Data": data})


def at(document: Document, *path: Any) -> Any:
    for key in path:
        document = document[key]
    return document


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (("Nodes", 1, "id"), 0, r"node 0 is there twice"),
        (("Nodes", 1, "id"), -1, r"Nodes\[1\]: id is -1, expected 0 to 4294967295"),
        (("Nodes", 1, "id"), 2**32, r"Nodes\[1\]: id is 4294967296, expected 0 to 4294967295"),
        (("Nodes", 1, "Name"), "x", r"Nodes\[1\]: unknown key 'Name'. Did you mean 'name'\?"),
        (("Nodes", 1, "name"), 5, r"node 1: name: expected a string"),
        (("Nodes", 1, "coords"), ["x"], r"node 1: coords: expected a list of numbers"),
        (("Nodes", 2, "values"), [1.0], r"node 5: values: expected 2 numbers \(Leak, Threshold\), got \[1.0\]"),
        (("Nodes", 2, "values", 0), 8.0, r"node 5: Threshold is 8, expected 1.0 to 7.0 by its property"),
        (("Nodes", 2, "values", 0), "4", r"node 5: Threshold: expected a number, got '4'"),
        (("Nodes", 2, "values", 1), 0.5, r"node 5: Leak is 0.5; integers are the model"),
        (("Edges", 0, "to"), 8, r"edge 1 -> 8: there is no node 8"),
        (("Edges", 0, "to"), 5, r"edge 1 -> 5 is there twice; TENNLab networks have one edge for each pair"),
        (("Edges", 0, "values", 0), 9.0, r"edge 1 -> 9: Weight is 9, expected -7.0 to 7.0 by its property"),
        (("Edges", 0, "values", 1), 0.0, r"edge 1 -> 9: Delay is 0, expected 1.0 to 15.0 by its property"),
        (("Edges", 0, "delay"), 1, r"Edges\[0\]: unknown key 'delay'"),
        (("Edges", 0, "control_point"), 1, r"edge 1 -> 9: control_point: expected a list of numbers"),
        (("Inputs",), [0, 0], r"Inputs names node 0 twice"),
        (("Outputs",), [8], r"Outputs names node 8, which does not exist"),
        (("Network_Values",), [1.0], r"Network_Values: expected an empty list"),
        (("Nodes",), {}, r"Nodes: expected a list, got {}"),
        (("Properties", "node_properties", 0, "name"), "Refractory", r"'Refractory' does not fit RISP"),
        (("Properties", "node_properties", 0, "name"), "Threshold", r"node_properties: Threshold: is there twice"),
        (("Properties", "node_properties", 0, "type"), 74, r"type is 74, expected 73 \(I\), 68 \(D\) or 66 \(B\)"),
        (("Properties", "node_properties", 0, "size"), 2, r"node_properties: Leak: size is 2, expected 1"),
        (("Properties", "node_properties", 0, "unit"), "", r"node_properties: unknown key 'unit'"),
        (("Properties", "edge_properties"), [], r"edge_properties: 'Weight' is missing"),
        (("Properties", "network_properties"), [prop("Gain", 73, 0, 0, 1)], r"network_properties: 'Gain' does not fit"),
    ],
)
def test_elements_that_are_refused(where: tuple[Any, ...], value: Any, message: str) -> None:
    document = toy()
    at(document, *where[:-1])[where[-1]] = value
    with pytest.raises(FormatError, match=message):
        from_document(document)


@pytest.mark.parametrize(("low", "delay"), [(0.0, 0), (1.0, 256)])
def test_delays_that_the_properties_allow_and_the_neuron_does_not(low: float, delay: int) -> None:
    document = toy()
    document["Properties"]["edge_properties"][0] |= {"min_value": low, "max_value": 1000.0}
    document["Edges"][0]["values"][1] = float(delay)
    with pytest.raises(FormatError, match=f"edge 1 -> 9: Delay is {delay}, expected 1 to 255 steps"):
        from_document(document)


def test_what_is_wrong_only_as_a_whole_is_a_format_error_too() -> None:
    document = toy()
    params(document)["spike_value_factor"] = 2**40
    with pytest.raises(FormatError, match="input_max"):
        from_document(document)
    params(document)["spike_value_factor"] = 0
    document["Properties"]["node_properties"][1]["min_value"] = 0.0
    document["Nodes"][0]["values"][0] = 0.0
    with pytest.raises(FormatError, match="input_charge is 0 and an input's threshold is <= 0"):
        from_document(document)


# What travels along


def test_foreign_data_is_kept_and_given_back() -> None:
    network = from_document(toy())
    document = to_document(network)
    data = document["Associated_Data"]
    assert data["eons_params"] == {"population_size": 100}
    assert data["encoder_array"] == {"dmin": [0], "use_encoders": ["s"]}
    assert data["other"]["app_name"] == "toy"
    assert data["other"]["timeseries"] == "none"
    assert data["other"]["sim_time"] == 8
    assert document["Nodes"][0] == {"id": 0, "name": "in_a", "values": [1.0, 0.0], "coords": [0.0, 0.5]}
    assert document["Edges"][0] == {"from": 0, "to": 5, "values": [3.0, 1.0], "control_point": [1.0]}
    assert "tennlab" not in data["other"]["evoneuro"]["provenance"]
    assert rewritten(network) == network


def test_names_of_neurons_that_are_gone_do_not_return() -> None:
    network = from_document(toy())
    alone = replace(network, outputs=np.array([1], np.int32), inputs=np.array([1], np.int32)).prune()
    document = to_document(alone)
    assert [node.get("name") for node in document["Nodes"]] == ["in_b"]
    assert rewritten(alone) == alone


def test_the_network_does_not_share_data_with_the_document() -> None:
    document = toy()
    network = from_document(document)
    document["Associated_Data"]["encoder_array"]["dmin"].append(1)
    document["Nodes"][0]["coords"].append(1)
    assert network == from_document(toy())


@pytest.mark.parametrize(
    "kept",
    [
        5,
        {},
        {"Associated_Data": {"other": 5}},
        {"Associated_Data": {"other": {"proc_name": "caspian", "sim_time": 3}, "proc_params": {}, "processor": 1}},
        {"nodes": [{"id": 3, "name": 7}, 8], "edges": {"from": 3}},
    ],
)
def test_provenance_that_the_format_cannot_hold_travels_as_ours(kept: Any) -> None:
    network = small(provenance={"tennlab": kept, "run": "a"})
    document = to_document(network)
    assert document["Associated_Data"]["other"].pop("evoneuro")["provenance"] == network.provenance
    plain = to_document(small())
    del plain["Associated_Data"]["other"]["evoneuro"]
    assert document == plain
    assert rewritten(network) == network


@pytest.mark.parametrize(("time", "window"), [(30, 30), (30.0, 30), (0, 24), (65537, 24), ("x", 24), (True, 24)])
def test_window_from_sim_time(time: Any, window: int) -> None:
    document = toy()
    document["Associated_Data"]["other"]["sim_time"] = time
    network = from_document(document)
    assert network.window == window
    assert to_document(network)["Associated_Data"]["other"]["sim_time"] == (window if time in (30, 30.0) else time)
    longer = replace(network, window=40)
    assert rewritten(longer) == longer


def test_our_own_data_is_checked() -> None:
    document = to_document(small())
    ours = document["Associated_Data"]["other"]["evoneuro"]
    for change, message in (
        ({"version": 2}, "version 2; this program reads version 1"),
        ({"windows": 3}, "unknown key 'windows'"),
        ({"encoder": "count"}, "encoder: expected an object or null, got 'count'"),
        ({"provenance": None}, "provenance: expected an object, got None"),
        ({"v_max": 0.5}, "v_max is 0.5; integers"),
        ({"input_max": 2**40}, "input_max: expected 0 to"),
    ):
        document["Associated_Data"]["other"]["evoneuro"] = ours | change
        with pytest.raises(FormatError, match=message):
            from_document(document)


def test_a_network_that_another_tool_changed_still_loads() -> None:
    document = to_document(small(v_max=1, input_max=1))
    document["Properties"]["node_properties"][0]["max_value"] = 9.0
    document["Nodes"][0]["values"] = [9.0]
    params(document)["spike_value_factor"] = 9
    document["Associated_Data"]["other"]["sim_time"] = 50
    network = from_document(document)
    assert (network.threshold[0], network.v_max, network.input_max, network.window) == (9, 8, 9, 50)


# Writing


def test_what_risp_cannot_do_is_refused_with_every_reason() -> None:
    network = small(
        ids=[3, 2**32],
        reset="subtract",
        v_max=100,
        refractory=[0, 4],
        leak=[3, NO_LEAK],
        pre=[0, 0],
        post=[1, 1],
        weight=[2, 2],
        delay=[1, 2],
    )
    with pytest.raises(EvoNeuroError) as caught:
        files_of(Tennlab(), network)
    assert str(caught.value) == (
        "the network cannot be exported to 'tennlab' exactly: reset is 'subtract', RISP resets to zero; "
        "neuron 4294967296 has refractory 4, RISP has no refractory steps; "
        "neuron 3 has leak 3, RISP knows no leak or 0, which forgets everything each step; "
        "two synapses lead from 3 to 4294967296, TENNLab holds one for each pair; "
        "neuron id 4294967296 is beyond TENNLab's 32 bits"
    )
    assert caught.value.status == 2


def test_an_input_charge_of_zero_is_refused_where_risp_would_fire() -> None:
    assert Tennlab().check(small(input_charge=0)) == []
    assert Tennlab().check(small(input_charge=0, threshold=[0, 1])) == [
        "input_charge is 0 and an input's threshold is <= 0, RISP fires it on a charge of 0"
    ]


@pytest.mark.parametrize(
    ("leak", "mode"), [([NO_LEAK, NO_LEAK], "none"), ([0, 0], "all"), ([0, NO_LEAK], "configurable")]
)
def test_properties_are_those_that_risp_makes(leak: list[int], mode: str) -> None:
    document = to_document(small(leak=leak))
    leaky = [{"index": 1, "max_value": 1.0, "min_value": 0.0, "name": "Leak", "size": 1, "type": 66}]
    assert document["Properties"] == {
        "node_properties": (leaky if mode == "configurable" else [])
        + [{"index": 0, "max_value": 7.0, "min_value": 0.0, "name": "Threshold", "size": 1, "type": 73}],
        "edge_properties": [
            {"index": 1, "max_value": 15.0, "min_value": 1.0, "name": "Delay", "size": 1, "type": 73},
            {"index": 0, "max_value": 7.0, "min_value": -7.0, "name": "Weight", "size": 1, "type": 73},
        ],
        "network_properties": [],
    }
    assert params(document) == {
        "discrete": True,
        "min_weight": -7,
        "max_weight": 7,
        "min_threshold": 0,
        "max_threshold": 7,
        "min_potential": -127,
        "max_delay": 15,
        "leak_mode": mode,
        "spike_value_factor": 1,
        "threshold_inclusive": True,
        "run_time_inclusive": False,
        "fire_like_ravens": False,
    }
    values = [[1.0, 1.0], [2.0, 0.0]] if mode == "configurable" else [[1.0], [2.0]]
    assert [node["values"] for node in document["Nodes"]] == values
    assert document["Edges"] == [{"from": 3, "to": 7, "values": [2.0, 1.0]}]


RANGES = ("min_weight", "max_weight", "min_threshold", "max_threshold", "max_delay")


@pytest.mark.parametrize(
    ("changes", "ranges"),
    [
        ({"weight": [1], "threshold": [1, 1], "v_min": 0}, (1, 1, 1, 1, 15)),
        ({"weight": [1], "threshold": [1, 1], "v_min": -1}, (-1, 1, 0, 1, 15)),
        ({"weight": [1], "threshold": [0, 1], "v_min": 0}, (-1, 1, 0, 1, 15)),
        ({"weight": [-8]}, (-15, 15, 0, 15, 15)),
        ({"weight": [8], "v_min": 0}, (1, 15, 1, 15, 15)),
        ({"threshold": [100, 1]}, (-127, 127, 0, 127, 127)),
        ({"delay": [16]}, (-127, 127, 0, 127, 127)),
        ({"weight": [200], "delay": [200], "v_min": 0}, (1, 255, 1, 255, 255)),
        ({"weight": [200], "delay": [200]}, (200, 200, 1, 2, 200)),
        ({"threshold": [-1, 3]}, (2, 2, -1, 3, 1)),
        ({"weight": [-1000]}, (-1000, -1000, 1, 2, 1)),
    ],
)
def test_the_smallest_setting_that_holds(changes: dict[str, Any], ranges: tuple[int, ...]) -> None:
    written = params(to_document(small(**changes)))
    assert tuple(written[name] for name in RANGES) == ranges


def test_no_floor_is_the_floor_at_which_our_step_clips() -> None:
    network = small(v_min=NO_FLOOR)
    assert params(to_document(network))["min_potential"] == -(2**30)
    assert rewritten(network).v_min == NO_FLOOR


def test_data_that_json_cannot_hold_is_refused() -> None:
    for provenance in ({"x": float("nan")}, {"x": {1, 2}}):
        with pytest.raises(EvoNeuroError, match="not plain JSON data"):
            files_of(Tennlab(), small(provenance=provenance))


# Round trip

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
).filter(lambda value: "inf" not in repr(value))
OBJECT = st.dictionaries(st.text(max_size=4), JSON, max_size=3)
IDS = st.integers(0, 2**32 - 1)


@st.composite
def foreign(draw: st.DrawFn, ids: list[int]) -> Any:
    """Something under provenance["tennlab"]: what the importer makes, or anything else."""
    node = st.fixed_dictionaries(
        {"id": st.sampled_from(ids) if ids else IDS},
        optional={"name": st.text(max_size=3), "coords": st.lists(st.integers(-9, 9))},
    )
    shaped = st.fixed_dictionaries(
        {},
        optional={
            "Associated_Data": OBJECT | st.fixed_dictionaries({"other": OBJECT | st.just({"sim_time": 7})}),
            "nodes": st.lists(node, max_size=3),
            "edges": JSON,
        },
    )
    return draw(shaped | JSON)


@st.composite
def risp_networks(draw: st.DrawFn) -> Network:
    ids = draw(st.lists(IDS, max_size=5, unique=True))
    n = len(ids)
    some = st.lists(st.sampled_from(range(n)), max_size=n, unique=True) if n else st.just([])
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    pairs = draw(st.lists(pair, max_size=8, unique=True)) if n else []
    size = draw(st.sampled_from([1, 7, 127, 2**20]))
    threshold = draw(st.lists(st.integers(-(size // 2), size), min_size=n, max_size=n))
    count = len(pairs)
    charge = draw(st.integers(-size, size).filter(bool))
    provenance = draw(OBJECT)
    if draw(st.booleans()):
        provenance["tennlab"] = draw(foreign(ids))
    return Network(
        ids=np.array(ids, np.int64),
        threshold=np.array(threshold, np.int32),
        leak=np.array(draw(st.lists(st.sampled_from([NO_LEAK, 0]), min_size=n, max_size=n)), np.int32),
        refractory=np.zeros(n, np.int32),
        pre=np.array([pre for pre, _ in pairs], np.int32),
        post=np.array([post for _, post in pairs], np.int32),
        weight=np.array(draw(st.lists(st.integers(-size, size), min_size=count, max_size=count)), np.int32),
        delay=np.array(draw(st.lists(st.integers(1, 255), min_size=count, max_size=count)), np.int32),
        inputs=np.array(draw(some), np.int32),
        outputs=np.array(draw(some), np.int32),
        v_min=draw(st.sampled_from([NO_FLOOR, 0]) | st.integers(-size, 0)),
        v_max=draw(st.just(NO_CEILING) | st.integers(max([0, *threshold]), 2**25)),
        input_charge=charge,
        input_max=draw(st.integers(abs(charge), 2**21)),
        window=draw(st.integers(1, 2**16)),
        encoder=draw(st.none() | OBJECT),
        decoder=draw(st.none() | OBJECT),
        task=draw(st.none() | OBJECT),
        provenance=provenance,
    )


@settings(max_examples=150, deadline=None)
@given(risp_networks())
def test_reading_what_was_written_gives_the_same_network(network: Network) -> None:
    before = copy.deepcopy(network.provenance)
    assert rewritten(network) == network
    assert network.provenance == before


# The registry


def test_export_and_import_of_files(tmp_path: Path) -> None:
    network = from_document(toy())
    out = tmp_path / "new" / "folder"
    assert export(network, "tennlab", out) == [out / "network.json"]
    assert import_network(out / "network.json", "tennlab") == network
    with pytest.raises(EvoNeuroError, match="is not empty; choose another directory, or --force"):
        export(network, "tennlab", out)
    (out / "notes.txt").write_text("mine")
    export(small(), "tennlab", out, force=True)
    assert import_network(out / "network.json", "tennlab") == small()
    assert (out / "notes.txt").read_text() == "mine"
    with pytest.raises(EvoNeuroError, match="is not a directory"):
        export(network, "tennlab", out / "notes.txt", force=True)


def test_nothing_is_written_for_a_network_that_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvoNeuroError, match="no refractory steps"):
        export(small(refractory=[1, 0]), "tennlab", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(EvoNeuroError, match=r"export target: no such name: 'tenlab'. Did you mean 'tennlab'\?"):
        export(small(), "tenlab", tmp_path)
    with pytest.raises(EvoNeuroError, match=r"import format: no such name: 'TENNLab'"):
        import_network(tmp_path / "x", "TENNLab")


def test_import_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text(json.dumps(toy() | {"Inputs": [4]}))
    with pytest.raises(FormatError, match=r"net.json: Inputs names node 4, which does not exist"):
        import_network(path, "tennlab")
    network_file.save(small(), path)
    with pytest.raises(FormatError, match=r"net.json: this is EvoNeuro's own network file; it needs no import"):
        import_network(path, "tennlab")
    path.write_text("[]")
    with pytest.raises(FormatError, match=r"net.json: network: expected an object, got \[\]"):
        import_network(path, "tennlab")
    with pytest.raises(FormatError, match=r"missing.json: cannot be read"):
        import_network(tmp_path / "missing.json", "tennlab")


class Plugin:
    """A user's exporter."""

    name = "mine"
    description = "my chip"
    file = "net.txt"

    def check(self, network: Network) -> list[str]:
        return ["too few neurons"] if network.neurons < 2 else []

    def export(self, network: Network) -> dict[str, str]:
        if network.window == 1:
            raise KeyError("window")
        return {self.file: f"{network.neurons} neurons\n"}


class Escaping(Plugin):
    file = "../net.txt"


class Entry:
    """Stands for an installed entry point."""

    def __init__(self, name: str, what: Any) -> None:
        self.name, self.value, self.what = name, f"package:{name}", what

    def load(self) -> Any:
        if isinstance(self.what, Exception):
            raise self.what
        return self.what


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        Entry("mine", Plugin),
        Entry("instance", Plugin()),
        Entry("escaping", Escaping),
        Entry("broken", ImportError("no module named chip")),
        Entry("odd", object()),
        Entry("tennlab", ImportError("a built-in target keeps its name")),
    ]
    monkeypatch.setattr(evoneuro.export, "entry_points", lambda group: entries if group == "evoneuro.exporters" else [])


@pytest.mark.usefixtures("plugins")
def test_a_users_exporter_is_found_by_its_entry_point(tmp_path: Path) -> None:
    for name in ("mine", "instance"):
        (path,) = export(small(), name, tmp_path / name)
        assert path.read_text() == "2 neurons\n"
    assert targets() == {
        **{name: exporter.description for name, exporter in EXPORTERS.items()},
        "mine": "plugin package:mine",
        "instance": "plugin package:instance",
        "escaping": "plugin package:escaping",
        "broken": "plugin package:broken",
        "odd": "plugin package:odd",
    }
    assert (export(small(), "tennlab", tmp_path / "t"))[0].exists()


@pytest.mark.usefixtures("plugins")
def test_a_users_exporter_that_fails(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"exporter 'broken' failed: ImportError: no module named chip"):
        export(small(), "broken", tmp_path)
    with pytest.raises(PluginError, match=r"exporter 'odd' \(package:odd\): lacks name, description, check, export"):
        export(small(), "odd", tmp_path)
    with pytest.raises(PluginError, match=r"exporter 'mine' failed: KeyError: 'window'") as caught:
        export(small(window=1), "mine", tmp_path)
    assert 'raise KeyError("window")' in caught.value.trace
    with pytest.raises(EvoNeuroError, match=r"file name '../net.txt' leads out of the directory"):
        export(small(), "escaping", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
