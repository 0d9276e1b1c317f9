"""TENNLab network JSON for the RISP processor: read it, write it, spike for spike.

Source: TENNLab framework-open, markdown/network_json_format.md, properties.md and risp.md for the format,
src/risp.cpp for the meaning. RISP's neuron is ours with reset "zero", no refractory steps, and leak none or 0, so
nothing is approximated: what cannot be exact is refused with its reason, in both directions.

Two things have no counterpart. RISP has no ceiling of the potential (with reset "zero" ours never acts), and it
takes an input of charge 0 for an event where we see none, which only an `input_charge` of 0 could show.

What TENNLab's file has and a `Network` has not (application, encoder and EONS parameters, names, coordinates) is
kept in `provenance["tennlab"]` and given back. What a `Network` has and RISP has not (coding, task, provenance,
`v_max`, `input_max`) travels in `Associated_Data.other.evoneuro`, so that reading what was written gives an equal
network.
"""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import Any

import numpy as np

from evoneuro import network_file
from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.export.tennlab_checks import check_keys, expect, expect_whole, is_window
from evoneuro.export.tennlab_elements import (
    elements_of,
    properties_of,
    read_channels,
    read_edges,
    read_layout,
    read_nodes,
)
from evoneuro.export.tennlab_extras import OURS, foreign_of, give_back
from evoneuro.export.tennlab_risp import Risp, leak_mode_of, processor_parameters, ranges_of
from evoneuro.network import NO_LEAK, Network

FILE = "network.json"
VERSION = 1

# RISP's apply_spike adds at most spike_value_factor, but several spikes may meet in one step and raw charges may
# be given. 16 bits leave room for both, and for narrow registers.
ROOM_FOR_CHARGES = 2**15 - 1
DEFAULT_WINDOW = 24

_TOP = ("Properties", "Nodes", "Edges", "Inputs", "Outputs", "Network_Values", "Associated_Data")
_GROUPS = ("node_properties", "edge_properties", "network_properties")
_PAYLOAD = ("version", "window", "v_max", "input_max", "encoder", "decoder", "task", "provenance")


class Tennlab:
    """The target "tennlab": one network JSON file for TENNLab's RISP simulator, FPGA tool and embedder."""

    name = "tennlab"
    description = "TENNLab network JSON for the RISP processor"

    def check(self, network: Network) -> list[str]:
        """Every reason why RISP cannot do what `network` does."""
        return _obstacles(network)

    def export(self, network: Network) -> dict[str, str]:
        """`network.json`."""
        try:
            return {FILE: json.dumps(to_document(network), indent=1, allow_nan=False) + "\n"}
        except (TypeError, ValueError, RecursionError) as error:
            raise EvoNeuroError(f"network: coding, task or provenance is not plain JSON data: {error}") from None


def from_document(document: Any) -> Network:
    """The network of a TENNLab JSON document (`json.loads` of the file).

    Raises:
        FormatError: not this format, another processor, a value out of range, or something that has no exact
            counterpart (fractions, noise, fire_like_ravens, delays beyond `MAX_DELAY`).
    """
    if isinstance(document, dict) and document.get("format") == network_file.FORMAT:
        raise FormatError("this is EvoNeuro's own network file; it needs no import")
    check_keys("network", document, _TOP)
    data = expect("Associated_Data", document["Associated_Data"], dict)
    try:
        network = _build(document, Risp.read(processor_parameters(data)))
    except FormatError:
        raise
    except EvoNeuroError as error:
        raise FormatError(str(error)) from None
    if reasons := _obstacles(network):
        raise FormatError("; ".join(reasons))
    return network


def to_document(network: Network) -> dict[str, Any]:
    """The TENNLab JSON document of a network in which `Tennlab.check` found nothing."""
    ranges = ranges_of(network)
    leak_mode = leak_mode_of(network)
    document: dict[str, Any] = {
        "Properties": properties_of(ranges, leak_mode),
        **elements_of(network, leak_mode),
        "Network_Values": [],
        "Associated_Data": {
            "other": {"proc_name": "risp", "sim_time": network.window},
            "proc_params": {
                **ranges,
                "discrete": True,
                # exact with NO_FLOOR too, for there our own step clips at that value
                "min_potential": network.v_min,
                "leak_mode": leak_mode,
                "spike_value_factor": network.input_charge,
                "threshold_inclusive": True,
                "run_time_inclusive": False,
                "fire_like_ravens": False,
            },
        },
    }
    foreign = network.provenance.get("tennlab")
    give_back(document, foreign)
    given_back = bool(foreign) and foreign == foreign_of(document)
    document["Associated_Data"]["other"][OURS] = {
        "version": VERSION,
        **{name: getattr(network, name) for name in ("window", "v_max", "input_max", "encoder", "decoder", "task")},
        "provenance": {k: v for k, v in network.provenance.items() if k != "tennlab" or not given_back},
    }
    return document


def _obstacles(network: Network) -> list[str]:
    """Every reason why RISP cannot do what `network` does; empty when it can."""
    reasons = []
    ids = network.ids.tolist()
    if network.reset != "zero":
        reasons.append(f"reset is {network.reset!r}, RISP resets to zero")
    for name, wrong, rule in (
        ("refractory", network.refractory != 0, "RISP has no refractory steps"),
        ("leak", network.leak > 0, "RISP knows no leak or 0, which forgets everything each step"),
    ):
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            reasons.append(f"neuron {ids[i]} has {name} {int(getattr(network, name)[i])}, {rule}")
    pairs = list(zip(network.pre.tolist(), network.post.tolist(), strict=True))
    twice = next((pair for pair, after in pairwise(pairs) if pair == after), None)
    if twice is not None:
        reasons.append(f"two synapses lead from {ids[twice[0]]} to {ids[twice[1]]}, TENNLab holds one for each pair")
    if ids and max(ids) >= 2**32:
        reasons.append(f"neuron id {max(ids)} is beyond TENNLab's 32 bits")
    if network.input_charge == 0 and (network.threshold[network.inputs] <= 0).any():
        reasons.append("input_charge is 0 and an input's threshold is <= 0, RISP fires it on a charge of 0")
    return reasons


def _build(document: dict[str, Any], risp: Risp) -> Network:
    properties = expect("Properties", document["Properties"], dict)
    check_keys("Properties", properties, _GROUPS)
    node_names = ("Threshold", "Leak") if risp.leak_mode == "configurable" else ("Threshold",)
    node = read_layout("node_properties", properties["node_properties"], node_names)
    edge = read_layout("edge_properties", properties["edge_properties"], ("Weight", "Delay"))
    read_layout("network_properties", properties["network_properties"], ())
    if document["Network_Values"] != []:
        raise FormatError("Network_Values: expected an empty list; RISP has no network properties")

    neurons = read_nodes(document["Nodes"], node)
    position = {name: i for i, name in enumerate(neurons)}
    synapses = read_edges(document["Edges"], edge, position, risp.weights)
    threshold = [values["Threshold"] + (not risp.inclusive) for values in neurons.values()]
    leaks = [values.get("Leak", risp.leak_mode == "all") for values in neurons.values()]
    return Network(
        ids=np.array(list(neurons), np.int64),
        threshold=np.array(threshold, np.int32),
        leak=np.array([0 if leak else NO_LEAK for leak in leaks], np.int32),
        refractory=np.zeros(len(neurons), np.int32),
        pre=np.array([position[pre] for pre, _ in synapses], np.int32),
        post=np.array([position[post] for _, post in synapses], np.int32),
        weight=np.array([weight for weight, _ in synapses.values()], np.int32),
        delay=np.array([delay for _, delay in synapses.values()], np.int32),
        inputs=np.array(read_channels("Inputs", document["Inputs"], position), np.int32),
        outputs=np.array(read_channels("Outputs", document["Outputs"], position), np.int32),
        v_min=risp.floor,
        input_charge=risp.charge,
        **_scalars(document, risp.charge, max([1, *threshold])),
    )


def _scalars(document: dict[str, Any], charge: int, highest: int) -> dict[str, Any]:
    """What RISP has no place for: ours from `Associated_Data.other.evoneuro`, or defaults.

    A ceiling and an input range that no longer fit, after another tool changed the network, give way.
    """
    other = document["Associated_Data"].get("other", {})
    time = other.get("sim_time")
    foreign = foreign_of(document)
    if OURS not in other:
        return {
            "window": int(time) if is_window(time) else DEFAULT_WINDOW,
            "input_max": max(ROOM_FOR_CHARGES, abs(charge)),
            "provenance": {"tennlab": foreign} if foreign else {},
        }
    what = f"Associated_Data: other: {OURS}"
    ours = expect(what, other[OURS], dict)
    if ours.get("version") != VERSION:
        raise FormatError(f"{what}: version {ours.get('version')!r}; this program reads version {VERSION}")
    check_keys(what, ours, _PAYLOAD)
    provenance = copy.deepcopy(expect(f"{what}: provenance", ours["provenance"], dict))
    if foreign:
        provenance.setdefault("tennlab", foreign)
    return {
        "window": int(time) if is_window(time) else expect_whole(f"{what}: window", ours["window"]),
        "v_max": max(expect_whole(f"{what}: v_max", ours["v_max"]), highest - 1, 0),
        "input_max": max(expect_whole(f"{what}: input_max", ours["input_max"]), abs(charge)),
        **{name: expect(f"{what}: {name}", ours[name], (dict, type(None))) for name in ("encoder", "decoder", "task")},
        "provenance": provenance,
    }
