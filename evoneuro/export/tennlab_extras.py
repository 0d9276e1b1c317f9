"""What a TENNLab document has and a `Network` has not: kept when it is read, given back when it is written."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from evoneuro.export.tennlab_checks import is_window
from evoneuro.export.tennlab_elements import EDGE_EXTRAS, NODE_EXTRAS

OURS = "evoneuro"  # in Associated_Data.other: what is EvoNeuro's, and so not foreign


def foreign_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a `Network` has no place for: keys Associated_Data, nodes, edges, each only if there is something."""
    foreign = {
        "Associated_Data": _foreign_data(document["Associated_Data"]),
        "nodes": _decorated(document["Nodes"], ("id",), NODE_EXTRAS),
        "edges": _decorated(document["Edges"], ("from", "to"), EDGE_EXTRAS),
    }
    return copy.deepcopy({key: value for key, value in foreign.items() if value})


def give_back(document: dict[str, Any], foreign: Any) -> None:
    """Put what `foreign_of` kept into `document`, as far as it is well-formed and its neurons are still there."""
    if not isinstance(foreign, dict):
        return
    data = foreign.get("Associated_Data")
    if isinstance(data, dict) and isinstance(data.get("other", {}), dict):
        returned = _foreign_data(data)
        other = document["Associated_Data"]["other"] | returned.pop("other", {})
        document["Associated_Data"] |= returned | {"other": other}
    for group, where, key, extras in (
        ("Nodes", "nodes", ("id",), NODE_EXTRAS),
        ("Edges", "edges", ("from", "to"), EDGE_EXTRAS),
    ):
        kept = foreign.get(where)
        elements = [e for e in kept if isinstance(e, dict)] if isinstance(kept, list) else []
        by_key = {str([element.get(k) for k in key]): element for element in elements}
        for element in document[group]:
            extra = by_key.get(str([element[k] for k in key]), {})
            element |= {name: extra[name] for name, fits in extras.items() if name in extra and fits(extra[name])}


def _foreign_data(data: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in data.items() if key not in ("other", "proc_params", "processor")}
    other = {
        key: value
        for key, value in data.get("other", {}).items()
        if key not in ("proc_name", OURS) and not (key == "sim_time" and is_window(value))
    }
    return kept | ({"other": other} if other else {})


def _decorated(elements: Iterable[Any], key: tuple[str, ...], extras: Iterable[str]) -> list[dict[str, Any]]:
    names = (*key, *extras)
    found = [
        {k: int(e[k]) if k in key else e[k] for k in names if k in e} for e in elements if any(k in e for k in extras)
    ]
    return sorted(found, key=lambda element: [element[k] for k in key])
