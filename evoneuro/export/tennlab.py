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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from evoneuro import network_file
from evoneuro.errors import EvoNeuroError, FormatError, check_choice, nearest
from evoneuro.network import MAX_DELAY, MAX_WINDOW, NO_CEILING, NO_FLOOR, NO_LEAK, Network

FILE = "network.json"
OURS = "evoneuro"
VERSION = 1

INTEGER, BOOLEAN, DOUBLE = ord("I"), ord("B"), ord("D")

# RISP's apply_spike adds at most spike_value_factor, but several spikes may meet in one step and raw charges may
# be given. 16 bits leave room for both, and for narrow registers.
ROOM_FOR_CHARGES = 2**15 - 1
DEFAULT_WINDOW = 24

_TOP = ("Properties", "Nodes", "Edges", "Inputs", "Outputs", "Network_Values", "Associated_Data")
_GROUPS = ("node_properties", "edge_properties", "network_properties")
_PROPERTY = ("name", "type", "index", "size", "min_value", "max_value")
_PAYLOAD = ("version", "window", "v_max", "input_max", "encoder", "decoder", "task", "provenance")
_REQUIRED = ("discrete", "min_threshold", "max_threshold", "min_potential", "max_delay")
_OPTIONAL = (
    "min_weight",
    "max_weight",
    "weights",
    "inputs_from_weights",
    "spike_value_factor",
    "leak_mode",
    "threshold_inclusive",
    "run_time_inclusive",
    "fire_like_ravens",
    "stds",
    "noisy_stddev",
    "noisy_seed",
    "log",
)
_FLAGS = ("discrete", "threshold_inclusive", "run_time_inclusive", "fire_like_ravens", "inputs_from_weights")
_LEAK_MODES = ("none", "all", "configurable")
_CASPIAN_PARAMETERS = ("Leak_Enable", "Max_Leak", "Max_Axon_Delay", "Max_Synapse_Delay")
_OTHER_PROCESSORS = {
    "caspian": "its neurons fire above the threshold, not at it, and their potential decays exponentially",
    "vrisp": "its charges wrap at 8 bits, and a threshold <= 0 fires in every step",
}

# (n, signed) of the documented settings RISP-n (signed weights) and RISP-n+ (positive weights, floor 0), from
# small to large.
_PRESETS = ((1, False), (1, True), (7, True), (15, False), (15, True), (127, True), (255, False))


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
    _check_keys("network", document, _TOP)
    data = _expect("Associated_Data", document["Associated_Data"], dict)
    try:
        network = _build(document, _Risp.read(_processor_parameters(data)))
    except FormatError:
        raise
    except EvoNeuroError as error:
        raise FormatError(str(error)) from None
    if reasons := _obstacles(network):
        raise FormatError("; ".join(reasons))
    return network


def to_document(network: Network) -> dict[str, Any]:
    """The TENNLab JSON document of a network in which `Tennlab.check` found nothing."""
    ranges = _ranges(network)
    leak_mode = _leak_mode(network)
    document: dict[str, Any] = {
        "Properties": _properties_of(ranges, leak_mode),
        **_elements_of(network, leak_mode),
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
    _give_back(document, foreign)
    given_back = bool(foreign) and foreign == _foreign(document)
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


# Reading


@dataclass(frozen=True)
class _Risp:
    """What of RISP's parameters decides behaviour.

    Attributes:
        inclusive: fire at the threshold; else one above it.
        floor: min_potential.
        leak_mode: "none", "all" or "configurable".
        charge: what a full input spike adds.
        weights: the list that edges point into, or None when they carry weights themselves.
    """

    inclusive: bool
    floor: int
    leak_mode: str
    charge: int
    weights: tuple[int, ...] | None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> _Risp:
        """Check RISP's parameters as RISP does, after names that it had before are migrated.

        Raises:
            FormatError: a parameter is missing, unknown, of the wrong kind, or has no exact counterpart.
        """
        params = _migrated(given)
        _check_keys("proc_params", params, _REQUIRED, _OPTIONAL)
        for name in (name for name in _FLAGS if name in params):
            _expect(f"proc_params: {name}", params[name], bool)
        _refuse_inexact(params)
        if _whole("proc_params: max_delay", params["max_delay"]) < 1:
            raise FormatError(f"proc_params: max_delay is {params['max_delay']}, expected at least 1")
        for name in ("min_threshold", "max_threshold", "min_weight", "max_weight"):
            if name in params:
                (_whole if params["discrete"] else _number)(f"proc_params: {name}", params[name])
        floor = _whole("proc_params: min_potential", params["min_potential"])
        if not NO_FLOOR <= floor <= 0:
            raise FormatError(f"proc_params: min_potential is {floor}, expected {NO_FLOOR} to 0")
        weights = _weight_list(params)
        return cls(
            inclusive=params.get("threshold_inclusive", True),
            floor=floor,
            leak_mode=check_choice("proc_params: leak_mode", params.get("leak_mode", "none"), _LEAK_MODES),
            charge=_full_charge(params, weights),
            weights=weights,
        )


@dataclass(frozen=True)
class _Property:
    """One slot of an element's `values`: where it is, and the range that it must keep to."""

    index: int
    low: float
    high: float


def _processor_parameters(data: dict[str, Any]) -> dict[str, Any]:
    """RISP's parameters, from `proc_params` or from where files before 2024 have them (`processor`)."""
    other = _expect("Associated_Data: other", data.get("other", {}), dict)
    legacy = data.get("processor")
    if "proc_name" in other:
        name = other["proc_name"]
    elif isinstance(legacy, dict):
        name = "caspian" if any(key in legacy for key in _CASPIAN_PARAMETERS) else "risp"
    elif legacy is not None:
        name = legacy
    else:
        raise FormatError("Associated_Data names no processor; expected other.proc_name 'risp'")
    if name != "risp":
        reason = _OTHER_PROCESSORS.get(str(name), "its neurons are not RISP's")
        raise FormatError(f"a network for the processor {name!r} cannot be exact here: {reason}")
    if "proc_params" not in data and isinstance(legacy, dict):
        return legacy
    if "proc_params" not in data:
        raise FormatError("Associated_Data: 'proc_params' is missing; RISP's parameters decide what the values mean")
    parameters: dict[str, Any] = _expect("Associated_Data: proc_params", data["proc_params"], dict)
    return parameters


def _migrated(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters under the names that RISP has had since August 2024.

    Before, `non_negative_charge` false meant that there was no floor, and lists of weights and of deviations had a
    flag of their own.
    """
    params = dict(given)
    flags = {}
    for name in ("non_negative_charge", "specific_weights", "noisy_weights"):
        if name in params:
            flags[name] = _expect(f"proc_params: {name}", params.pop(name), bool)
    if isinstance(params.get("leak_mode"), bool):
        params["leak_mode"] = "all" if params["leak_mode"] else "none"
    if "non_negative_charge" in flags:
        params.setdefault("min_potential", 0 if flags["non_negative_charge"] else NO_FLOOR)
    if "input_scaling_value" in params:
        params.setdefault("spike_value_factor", params.pop("input_scaling_value"))
        params.pop("input_scaling_value", None)
    if "specific_weights" in flags:
        for name in ("min_weight", "max_weight") if flags["specific_weights"] else ("weights", "inputs_from_weights"):
            params.pop(name, None)
    if flags.get("noisy_weights") is False:
        params.pop("stds", None)
    return params


def _refuse_inexact(params: Mapping[str, Any]) -> None:
    if params.get("fire_like_ravens", False):
        raise FormatError("proc_params: fire_like_ravens is true; a neuron here fires in the step in which it crosses")
    if params.get("stds") or params.get("noisy_stddev"):
        raise FormatError("proc_params: stds or noisy_stddev is set; here weights have no noise")


def _weight_list(params: Mapping[str, Any]) -> tuple[int, ...] | None:
    weights = _expect("proc_params: weights", params.get("weights", []), list)
    ranges, list_only = ["min_weight", "max_weight"], ["inputs_from_weights"]
    required, illegal = (list_only, ranges) if weights else (ranges, list_only)
    for name in required:
        if name not in params:
            raise FormatError(f"proc_params: {name!r} is missing")
    for name in illegal:
        if name in params:
            raise FormatError(f"proc_params: {name!r} does not go {'with' if weights else 'without'} 'weights'")
    whole = tuple(_whole(f"proc_params: weights[{i}]", weight) for i, weight in enumerate(weights))
    if list(whole) != sorted(whole):
        raise FormatError("proc_params: weights must be sorted")
    if whole and (whole[0] < NO_FLOOR or whole[-1] > NO_CEILING):
        raise FormatError(f"proc_params: weights: expected {NO_FLOOR} to {NO_CEILING}")
    return whole or None


def _full_charge(params: Mapping[str, Any], weights: tuple[int, ...] | None) -> int:
    """What an input spike of value 1 adds: spike_value_factor, or the largest of `weights`."""
    factor = params.get("spike_value_factor")
    if weights is None:
        return _whole("proc_params: spike_value_factor", params["max_weight"] if factor is None else factor)
    if params["inputs_from_weights"] == (factor is not None):
        raise FormatError("proc_params: expected either spike_value_factor or inputs_from_weights true with 'weights'")
    return weights[-1] if factor is None else _whole("proc_params: spike_value_factor", factor)


def _build(document: dict[str, Any], risp: _Risp) -> Network:
    properties = _expect("Properties", document["Properties"], dict)
    _check_keys("Properties", properties, _GROUPS)
    node_names = ("Threshold", "Leak") if risp.leak_mode == "configurable" else ("Threshold",)
    node = _layout("node_properties", properties["node_properties"], node_names)
    edge = _layout("edge_properties", properties["edge_properties"], ("Weight", "Delay"))
    _layout("network_properties", properties["network_properties"], ())
    if document["Network_Values"] != []:
        raise FormatError("Network_Values: expected an empty list; RISP has no network properties")

    neurons = _nodes(document["Nodes"], node)
    position = {name: i for i, name in enumerate(neurons)}
    synapses = _edges(document["Edges"], edge, position, risp.weights)
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
        inputs=np.array(_channels("Inputs", document["Inputs"], position), np.int32),
        outputs=np.array(_channels("Outputs", document["Outputs"], position), np.int32),
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
    foreign = _foreign(document)
    if OURS not in other:
        return {
            "window": int(time) if _is_window(time) else DEFAULT_WINDOW,
            "input_max": max(ROOM_FOR_CHARGES, abs(charge)),
            "provenance": {"tennlab": foreign} if foreign else {},
        }
    what = f"Associated_Data: other: {OURS}"
    ours = _expect(what, other[OURS], dict)
    if ours.get("version") != VERSION:
        raise FormatError(f"{what}: version {ours.get('version')!r}; this program reads version {VERSION}")
    _check_keys(what, ours, _PAYLOAD)
    provenance = copy.deepcopy(_expect(f"{what}: provenance", ours["provenance"], dict))
    if foreign:
        provenance.setdefault("tennlab", foreign)
    return {
        "window": int(time) if _is_window(time) else _whole(f"{what}: window", ours["window"]),
        "v_max": max(_whole(f"{what}: v_max", ours["v_max"]), highest - 1, 0),
        "input_max": max(_whole(f"{what}: input_max", ours["input_max"]), abs(charge)),
        **{name: _expect(f"{what}: {name}", ours[name], (dict, type(None))) for name in ("encoder", "decoder", "task")},
        "provenance": provenance,
    }


def _layout(group: str, given: Any, names: Sequence[str]) -> dict[str, _Property]:
    """Where in `values` each of `names` lies; all of them, no others, and no gap."""
    layout: dict[str, _Property] = {}
    for entry in _expect(group, given, list):
        _check_keys(group, entry, _PROPERTY)
        name = entry["name"]
        what = f"{group}: {name}"
        if name not in names:
            wanted = ", ".join(names) or "none"
            raise FormatError(f"{group}: {name!r} does not fit RISP with these proc_params; expected {wanted}")
        if name in layout:
            raise FormatError(f"{what}: is there twice")
        if entry["type"] not in (INTEGER, BOOLEAN, DOUBLE):
            raise FormatError(f"{what}: type is {entry['type']!r}, expected 73 (I), 68 (D) or 66 (B)")
        if _whole(f"{what}: size", entry["size"]) != 1:
            raise FormatError(f"{what}: size is {entry['size']}, expected 1")
        bounds = [_number(f"{what}: {key}", entry[key]) for key in ("min_value", "max_value")]
        layout[name] = _Property(_whole(f"{what}: index", entry["index"]), *bounds)
    for name in names:
        if name not in layout:
            raise FormatError(f"{group}: {name!r} is missing")
    indices = sorted(place.index for place in layout.values())
    if indices != list(range(len(names))):
        raise FormatError(f"{group}: the indices are {indices}; expected 0 to {len(names) - 1}, each once")
    return layout


def _values(what: str, values: Any, layout: Mapping[str, _Property]) -> dict[str, int]:
    """Integers by property name, each within its property's range."""
    if not isinstance(values, list) or len(values) != len(layout):
        raise FormatError(f"{what}: values: expected {len(layout)} numbers ({', '.join(layout)}), got {values!r}")
    result = {}
    for name, place in layout.items():
        value = _whole(f"{what}: {name}", values[place.index])
        if not place.low <= value <= place.high:
            raise FormatError(f"{what}: {name} is {value}, expected {place.low} to {place.high} by its property")
        if not NO_FLOOR <= value <= NO_CEILING:
            raise FormatError(f"{what}: {name} is {value}, expected {NO_FLOOR} to {NO_CEILING}")
        result[name] = value
    return result


def _nodes(given: Any, layout: Mapping[str, _Property]) -> dict[int, dict[str, int]]:
    nodes: dict[int, dict[str, int]] = {}
    for i, node in enumerate(_expect("Nodes", given, list)):
        _check_keys(f"Nodes[{i}]", node, ("id", "values"), tuple(_NODE_EXTRAS))
        name = _id(f"Nodes[{i}]: id", node["id"])
        if name in nodes:
            raise FormatError(f"node {name} is there twice")
        _check_extras(f"node {name}", node, _NODE_EXTRAS)
        nodes[name] = _values(f"node {name}", node["values"], layout)
    return nodes


def _edges(
    given: Any, layout: Mapping[str, _Property], nodes: Mapping[int, int], weights: tuple[int, ...] | None
) -> dict[tuple[int, int], tuple[int, int]]:
    """(from, to) -> (weight, delay)."""
    place = layout["Weight"]
    if weights is not None and (place.low, place.high) != (0, len(weights) - 1):
        raise FormatError(f"edge_properties: Weight: expected 0 to {len(weights) - 1}, the indices of 'weights'")
    edges: dict[tuple[int, int], tuple[int, int]] = {}
    for i, edge in enumerate(_expect("Edges", given, list)):
        _check_keys(f"Edges[{i}]", edge, ("from", "to", "values"), tuple(_EDGE_EXTRAS))
        pair = (_id(f"Edges[{i}]: from", edge["from"]), _id(f"Edges[{i}]: to", edge["to"]))
        what = f"edge {pair[0]} -> {pair[1]}"
        for name in pair:
            if name not in nodes:
                raise FormatError(f"{what}: there is no node {name}")
        if pair in edges:
            raise FormatError(f"{what} is there twice; TENNLab networks have one edge for each pair")
        _check_extras(what, edge, _EDGE_EXTRAS)
        values = _values(what, edge["values"], layout)
        if not 1 <= values["Delay"] <= MAX_DELAY:
            raise FormatError(f"{what}: Delay is {values['Delay']}, expected 1 to {MAX_DELAY} steps")
        edges[pair] = (values["Weight"] if weights is None else weights[values["Weight"]], values["Delay"])
    return edges


def _channels(what: str, given: Any, nodes: Mapping[int, int]) -> list[int]:
    """Positions of the neurons that `Inputs` or `Outputs` names, in its order."""
    names = [_id(f"{what}[{i}]", name) for i, name in enumerate(_expect(what, given, list))]
    for i, name in enumerate(names):
        if name not in nodes:
            raise FormatError(f"{what} names node {name}, which does not exist")
        if name in names[:i]:
            raise FormatError(f"{what} names node {name} twice")
    return [nodes[name] for name in names]


# What travels along


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(x, int | float) and not isinstance(x, bool) for x in value)


_NODE_EXTRAS: dict[str, Callable[[Any], bool]] = {"name": _is_text, "coords": _is_point}
_EDGE_EXTRAS: dict[str, Callable[[Any], bool]] = {"control_point": _is_point}


def _check_extras(what: str, element: Mapping[str, Any], extras: Mapping[str, Callable[[Any], bool]]) -> None:
    for name, fits in extras.items():
        if name in element and not fits(element[name]):
            raise FormatError(f"{what}: {name}: expected {'a string' if fits is _is_text else 'a list of numbers'}")


def _foreign(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a `Network` has no place for: keys Associated_Data, nodes, edges, each only if there is something."""
    foreign = {
        "Associated_Data": _foreign_data(document["Associated_Data"]),
        "nodes": _decorated(document["Nodes"], ("id",), _NODE_EXTRAS),
        "edges": _decorated(document["Edges"], ("from", "to"), _EDGE_EXTRAS),
    }
    return copy.deepcopy({key: value for key, value in foreign.items() if value})


def _foreign_data(data: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in data.items() if key not in ("other", "proc_params", "processor")}
    other = {
        key: value
        for key, value in data.get("other", {}).items()
        if key not in ("proc_name", OURS) and not (key == "sim_time" and _is_window(value))
    }
    return kept | ({"other": other} if other else {})


def _decorated(elements: Iterable[Any], key: tuple[str, ...], extras: Iterable[str]) -> list[dict[str, Any]]:
    names = (*key, *extras)
    found = [
        {k: int(e[k]) if k in key else e[k] for k in names if k in e} for e in elements if any(k in e for k in extras)
    ]
    return sorted(found, key=lambda element: [element[k] for k in key])


def _give_back(document: dict[str, Any], foreign: Any) -> None:
    """Put what `_foreign` kept into `document`, as far as it is well-formed and its neurons are still there."""
    if not isinstance(foreign, dict):
        return
    data = foreign.get("Associated_Data")
    if isinstance(data, dict) and isinstance(data.get("other", {}), dict):
        returned = _foreign_data(data)
        other = document["Associated_Data"]["other"] | returned.pop("other", {})
        document["Associated_Data"] |= returned | {"other": other}
    for group, where, key, extras in (
        ("Nodes", "nodes", ("id",), _NODE_EXTRAS),
        ("Edges", "edges", ("from", "to"), _EDGE_EXTRAS),
    ):
        kept = foreign.get(where)
        elements = [e for e in kept if isinstance(e, dict)] if isinstance(kept, list) else []
        by_key = {str([element.get(k) for k in key]): element for element in elements}
        for element in document[group]:
            extra = by_key.get(str([element[k] for k in key]), {})
            element |= {name: extra[name] for name, fits in extras.items() if name in extra and fits(extra[name])}


# Writing


def _leak_mode(network: Network) -> str:
    leaky = network.leak != NO_LEAK
    if not leaky.any():
        return "none"
    return "all" if leaky.all() else "configurable"


def _ranges(network: Network) -> dict[str, int]:
    """Ranges of the smallest documented RISP setting that holds every value, else the exact ones.

    RISP-n: weights -n..n, thresholds 0..n, floor -n. RISP-n+: weights and thresholds 1..n, floor 0. Delays up to
    max(n, 15). The floor is not a range; it only tells a RISP-n+ network.
    """
    exact = {"max_delay": int(network.delay.max(initial=1))}
    for name, values in (("weight", network.weight.tolist()), ("threshold", network.threshold.tolist())):
        exact |= {f"min_{name}": min(values, default=1), f"max_{name}": max(values, default=1)}
    for n, signed in _PRESETS:
        low = {"min_weight": -n, "min_threshold": 0} if signed else {"min_weight": 1, "min_threshold": 1}
        high = {"max_weight": n, "max_threshold": n, "max_delay": max(n, 15)}
        holds = all(exact[k] >= v for k, v in low.items()) and all(exact[k] <= v for k, v in high.items())
        if holds and (signed or network.v_min == 0):
            return low | high
    return exact


def _elements_of(network: Network, leak_mode: str) -> dict[str, Any]:
    """Nodes, Edges, Inputs and Outputs; `values` in the order of `_properties_of`'s indices."""
    ids = network.ids.tolist()
    genes = zip(ids, network.threshold.tolist(), (network.leak != NO_LEAK).tolist(), strict=True)
    columns = (network.pre.tolist(), network.post.tolist(), network.weight.tolist(), network.delay.tolist())
    return {
        "Nodes": [
            {
                "id": name,
                "values": [float(threshold), float(leaks)] if leak_mode == "configurable" else [float(threshold)],
            }
            for name, threshold, leaks in genes
        ],
        "Edges": [
            {"from": ids[pre], "to": ids[post], "values": [float(weight), float(delay)]}
            for pre, post, weight, delay in zip(*columns, strict=True)
        ],
        "Inputs": network.ids[network.inputs].tolist(),
        "Outputs": network.ids[network.outputs].tolist(),
    }


def _properties_of(ranges: Mapping[str, int], leak_mode: str) -> dict[str, Any]:
    """The property pack that RISP makes of these parameters; it loads a network only if the file's is equal."""

    def entry(name: str, kind: int, index: int, low: int, high: int) -> dict[str, Any]:
        numbers = {"type": kind, "index": index, "size": 1, "min_value": float(low), "max_value": float(high)}
        return {"name": name, **numbers}

    leak = [entry("Leak", BOOLEAN, 1, 0, 1)] if leak_mode == "configurable" else []
    return {
        "node_properties": [
            *leak,
            entry("Threshold", INTEGER, 0, ranges["min_threshold"], ranges["max_threshold"]),
        ],
        "edge_properties": [
            entry("Delay", INTEGER, 1, 1, ranges["max_delay"]),
            entry("Weight", INTEGER, 0, ranges["min_weight"], ranges["max_weight"]),
        ],
        "network_properties": [],
    }


# Checks


def _check_keys(what: str, document: Any, required: Sequence[str], optional: Sequence[str] = ()) -> None:
    """All of `required` and nothing beyond `optional`: TENNLab's loader refuses both."""
    _expect(what, document, dict)
    for key in required:
        if key not in document:
            raise FormatError(f"{what}: {key!r} is missing")
    for key in document:
        if key not in required and key not in optional:
            raise FormatError(f"{what}: unknown key {key!r}.{nearest(key, (*required, *optional))}")


_KINDS = {dict: "an object", list: "a list", bool: "true or false", (dict, type(None)): "an object or null"}


def _expect(what: str, value: Any, kind: Any) -> Any:
    if not isinstance(value, kind):
        raise FormatError(f"{what}: expected {_KINDS[kind]}, got {value!r:.60}")
    return value


def _number(what: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(f"{what}: expected a number, got {value!r:.60}")
    return value


def _whole(what: str, value: Any) -> int:
    number = _number(what, value)
    if isinstance(number, float) and not number.is_integer():
        raise FormatError(
            f"{what} is {value!r}; integers are the model here, so a floating-point RISP network cannot be imported"
        )
    return int(number)


def _id(what: str, value: Any) -> int:
    name = _whole(what, value)
    if not 0 <= name < 2**32:
        raise FormatError(f"{what} is {name}, expected 0 to {2**32 - 1}")
    return name


def _is_window(value: Any) -> bool:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and 1 <= value <= MAX_WINDOW
