"""Nodes and edges of a TENNLab document, and the properties that say where in their `values` each number lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evoneuro.errors import FormatError
from evoneuro.export.tennlab_checks import check_keys, expect, expect_number, expect_whole
from evoneuro.network import MAX_DELAY, NO_CEILING, NO_FLOOR, NO_LEAK, Network

INTEGER, BOOLEAN, DOUBLE = ord("I"), ord("B"), ord("D")

_PROPERTY = ("name", "type", "index", "size", "min_value", "max_value")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(x, int | float) and not isinstance(x, bool) for x in value)


# Keys that a node or an edge may have beside those that it must have, and what their values have to be.
NODE_EXTRAS: dict[str, Callable[[Any], bool]] = {"name": _is_text, "coords": _is_point}
EDGE_EXTRAS: dict[str, Callable[[Any], bool]] = {"control_point": _is_point}


@dataclass(frozen=True)
class Property:
    """One slot of an element's `values`: where it is, and the range that it must keep to."""

    index: int
    low: float
    high: float


def read_layout(group: str, given: Any, names: Sequence[str]) -> dict[str, Property]:
    """Where in `values` each of `names` lies; all of them, no others, and no gap."""
    layout: dict[str, Property] = {}
    for entry in expect(group, given, list):
        check_keys(group, entry, _PROPERTY)
        name = entry["name"]
        what = f"{group}: {name}"
        if name not in names:
            wanted = ", ".join(names) or "none"
            raise FormatError(f"{group}: {name!r} does not fit RISP with these proc_params; expected {wanted}")
        if name in layout:
            raise FormatError(f"{what}: is there twice")
        if entry["type"] not in (INTEGER, BOOLEAN, DOUBLE):
            raise FormatError(f"{what}: type is {entry['type']!r}, expected 73 (I), 68 (D) or 66 (B)")
        if expect_whole(f"{what}: size", entry["size"]) != 1:
            raise FormatError(f"{what}: size is {entry['size']}, expected 1")
        bounds = [expect_number(f"{what}: {key}", entry[key]) for key in ("min_value", "max_value")]
        layout[name] = Property(expect_whole(f"{what}: index", entry["index"]), *bounds)
    for name in names:
        if name not in layout:
            raise FormatError(f"{group}: {name!r} is missing")
    indices = sorted(place.index for place in layout.values())
    if indices != list(range(len(names))):
        raise FormatError(f"{group}: the indices are {indices}; expected 0 to {len(names) - 1}, each once")
    return layout


def read_nodes(given: Any, layout: Mapping[str, Property]) -> dict[int, dict[str, int]]:
    """Node id -> its values by name."""
    nodes: dict[int, dict[str, int]] = {}
    for i, node in enumerate(expect("Nodes", given, list)):
        check_keys(f"Nodes[{i}]", node, ("id", "values"), tuple(NODE_EXTRAS))
        name = _id(f"Nodes[{i}]: id", node["id"])
        if name in nodes:
            raise FormatError(f"node {name} is there twice")
        _check_extras(f"node {name}", node, NODE_EXTRAS)
        nodes[name] = _values(f"node {name}", node["values"], layout)
    return nodes


def read_edges(
    given: Any, layout: Mapping[str, Property], nodes: Mapping[int, int], weights: tuple[int, ...] | None
) -> dict[tuple[int, int], tuple[int, int]]:
    """(from, to) -> (weight, delay)."""
    place = layout["Weight"]
    if weights is not None and (place.low, place.high) != (0, len(weights) - 1):
        raise FormatError(f"edge_properties: Weight: expected 0 to {len(weights) - 1}, the indices of 'weights'")
    edges: dict[tuple[int, int], tuple[int, int]] = {}
    for i, edge in enumerate(expect("Edges", given, list)):
        check_keys(f"Edges[{i}]", edge, ("from", "to", "values"), tuple(EDGE_EXTRAS))
        pair = (_id(f"Edges[{i}]: from", edge["from"]), _id(f"Edges[{i}]: to", edge["to"]))
        what = f"edge {pair[0]} -> {pair[1]}"
        for name in pair:
            if name not in nodes:
                raise FormatError(f"{what}: there is no node {name}")
        if pair in edges:
            raise FormatError(f"{what} is there twice; TENNLab networks have one edge for each pair")
        _check_extras(what, edge, EDGE_EXTRAS)
        values = _values(what, edge["values"], layout)
        if not 1 <= values["Delay"] <= MAX_DELAY:
            raise FormatError(f"{what}: Delay is {values['Delay']}, expected 1 to {MAX_DELAY} steps")
        edges[pair] = (values["Weight"] if weights is None else weights[values["Weight"]], values["Delay"])
    return edges


def read_channels(what: str, given: Any, nodes: Mapping[int, int]) -> list[int]:
    """Positions of the neurons that `Inputs` or `Outputs` names, in its order."""
    names = [_id(f"{what}[{i}]", name) for i, name in enumerate(expect(what, given, list))]
    for i, name in enumerate(names):
        if name not in nodes:
            raise FormatError(f"{what} names node {name}, which does not exist")
        if name in names[:i]:
            raise FormatError(f"{what} names node {name} twice")
    return [nodes[name] for name in names]


def elements_of(network: Network, leak_mode: str) -> dict[str, Any]:
    """Nodes, Edges, Inputs and Outputs; `values` in the order of `properties_of`'s indices."""
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


def properties_of(ranges: Mapping[str, int], leak_mode: str) -> dict[str, Any]:
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


def _values(what: str, values: Any, layout: Mapping[str, Property]) -> dict[str, int]:
    """Integers by property name, each within its property's range."""
    if not isinstance(values, list) or len(values) != len(layout):
        raise FormatError(f"{what}: values: expected {len(layout)} numbers ({', '.join(layout)}), got {values!r}")
    result = {}
    for name, place in layout.items():
        value = expect_whole(f"{what}: {name}", values[place.index])
        if not place.low <= value <= place.high:
            raise FormatError(f"{what}: {name} is {value}, expected {place.low} to {place.high} by its property")
        if not NO_FLOOR <= value <= NO_CEILING:
            raise FormatError(f"{what}: {name} is {value}, expected {NO_FLOOR} to {NO_CEILING}")
        result[name] = value
    return result


def _check_extras(what: str, element: Mapping[str, Any], extras: Mapping[str, Callable[[Any], bool]]) -> None:
    for name, fits in extras.items():
        if name in element and not fits(element[name]):
            raise FormatError(f"{what}: {name}: expected {'a string' if fits is _is_text else 'a list of numbers'}")


def _id(what: str, value: Any) -> int:
    name = expect_whole(what, value)
    if not 0 <= name < 2**32:
        raise FormatError(f"{what} is {name}, expected 0 to {2**32 - 1}")
    return name
