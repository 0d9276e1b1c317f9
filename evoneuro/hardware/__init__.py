"""Device profiles by name: what each device can do, with the source of every value; TOML files in profiles/."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from evoneuro.errors import check_choice
from evoneuro.hardware.profile import Energy, Profile, Stated, read

__all__ = ["Energy", "Profile", "Stated", "names", "profile", "profiles"]


def names() -> list[str]:
    """All profiles, sorted."""
    found = (files(__name__) / "profiles").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in found if file.name.endswith(".toml"))


def profile(name: str) -> Profile:
    """The profile of a name.

    Raises:
        EvoNeuroError: there is none; names the nearest.
    """
    check_choice("profile", name, names())
    return read(name, tomllib.loads((files(__name__) / "profiles" / f"{name}.toml").read_text(encoding="utf-8")))


def profiles() -> list[Profile]:
    """All profiles, sorted by name."""
    return [profile(name) for name in names()]
