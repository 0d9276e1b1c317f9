"""Encoders and decoders by kind: ours, those of installed packages, and a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from evoneuro import plugins
from evoneuro.errors import EvoNeuroError, check_choice, nearest


def from_spec(what: str, spec: Mapping[str, Any], own: Mapping[str, type[Any]], group: str, base: type[Any]) -> Any:
    """The encoder or decoder of a specification: its kind, and its parameters.

    Args:
        what: "encoder" or "decoder".
        own: our kinds.
        group, base: entry-point group and base class of plugins, which are named by entry point,
            `package.module:Class` or `path/file.py:Class`.

    Raises:
        EvoNeuroError: an unknown kind or parameter, or a value out of range.
        PluginError: a user's own raised.
    """
    parameters = dict(spec)
    kind = parameters.pop("kind", None)
    if isinstance(kind, str) and kind not in own and (":" in kind or kind in plugins.registered(group)):
        if (what, kind) not in _FOUND:
            _FOUND[what, kind] = plugins.find(what, kind, group, base)
        cls = _FOUND[what, kind]
        try:
            made = _build(what, cls, kind, parameters)
        except EvoNeuroError:
            raise
        except Exception as error:
            raise plugins.plugin_error(f"{what} {kind!r} could not be made", error) from error
        object.__setattr__(made, "kind", plugins.absolute(kind))  # what finds it again, whatever the class calls itself
        return made
    if not isinstance(kind, str) or kind not in own:  # names are asked for here alone: looking them up takes 10 ms
        check_choice(what, kind, [*own, *plugins.registered(group)])
    return _build(what, own[kind], str(kind), parameters)


def forget() -> None:
    """Find plugins anew from here on; until then a file that is edited during a run changes nothing in it."""
    _FOUND.clear()


_FOUND: dict[tuple[str, str], type[Any]] = {}  # by what they are and their kind


def is_plugin(spec: Mapping[str, Any] | None, own: Mapping[str, type[Any]]) -> bool:
    """Whether a specification names an encoder or decoder that is not ours."""
    return spec is not None and spec.get("kind") not in own


def _build(what: str, cls: Any, kind: str, parameters: dict[str, Any]) -> Any:
    """`cls(**parameters)` with an error that names an unknown or missing parameter."""
    names = [field.name for field in fields(cls)]
    for name in parameters:
        if name not in names:
            raise EvoNeuroError(f"{what} {kind!r}: unknown parameter {name!r}.{nearest(name, names)}")
    try:
        return cls(**parameters)
    except TypeError as error:
        raise EvoNeuroError(f"{what} {kind!r}: {error}") from None
