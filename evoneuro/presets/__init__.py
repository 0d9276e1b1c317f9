"""Presets: settings by name, between what a task suggests and what a user says. Each is a TOML file beside this one."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from evoneuro.errors import check_choice


def names() -> list[str]:
    """All presets, sorted."""
    return sorted(file.name.removesuffix(".toml") for file in files(__name__).iterdir() if file.name.endswith(".toml"))


def preset(name: str) -> dict[str, Any]:
    """The sections that a preset sets.

    Raises:
        EvoNeuroError: there is none of that name.
    """
    check_choice("preset", name, names())
    return tomllib.loads((files(__name__) / f"{name}.toml").read_text(encoding="utf-8"))
