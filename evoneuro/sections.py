"""Sections of a document as dataclasses, type by type: an unknown key fails and names the nearest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from evoneuro.errors import EvoNeuroError, check_integer, nearest


def build(cls: Any, where: str, document: Mapping[str, Any], sections: Mapping[str, Any] | None = None) -> Any:
    """The dataclass `cls` of a document with its keys; `where` stands before a key in errors, as in "search.".

    Args:
        sections: the keys whose values are sections in turn, with the dataclass of each, or `dict` where keys are free.

    Raises:
        EvoNeuroError: an unknown key (naming the nearest), or a value of a wrong type.
    """
    known = {f.name: f for f in fields(cls)}
    sections = sections or {}
    values: dict[str, Any] = {}
    for key, value in document.items():
        if key not in known:
            options = [f"{where}{name}" for name in known]
            raise EvoNeuroError(f"unknown key {where}{key}.{nearest(where + key, options)}")
        values[key] = _section(sections[key], key, value) if key in sections else value
    try:
        for key, value in values.items():
            values[key] = _typed(f"{where}{key}", str(known[key].type), value)
        return cls(**values)
    except TypeError as error:
        raise EvoNeuroError(f"configuration: {error}") from None


def _section(cls: Any, key: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise EvoNeuroError(f"{key}: expected a section [{key}], got {value!r}")
    return dict(value) if cls is dict else build(cls, f"{key}.", value)


def _typed(what: str, kind: str, value: Any) -> Any:
    """`value` checked against the annotation of its field."""
    if value is None and "None" in kind:
        return None
    if kind.startswith("tuple"):
        if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
            raise EvoNeuroError(f'{what}: expected a list of strings, as ["score", "synapses"], got {value!r}')
        return tuple(value)
    if kind == "bool":
        if not isinstance(value, bool):
            raise EvoNeuroError(f"{what}: expected true or false, got {value!r}")
        return value
    if kind.startswith("int"):
        return check_integer(what, value, 0, 2**62)
    if kind.startswith("float"):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise EvoNeuroError(f"{what}: expected a number, got {value!r}")
        return float(value)
    if kind.startswith("str") and not isinstance(value, str):
        raise EvoNeuroError(f"{what}: expected a string, got {value!r}")
    return value
