"""What pieces of a TENNLab document must be: keys, kinds and numbers; `what` names the piece in messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evoneuro.errors import FormatError, nearest
from evoneuro.network import MAX_WINDOW

_KINDS = {dict: "an object", list: "a list", bool: "true or false", (dict, type(None)): "an object or null"}


def check_keys(what: str, document: Any, required: Sequence[str], optional: Sequence[str] = ()) -> None:
    """All of `required` and nothing beyond `optional`: TENNLab's loader refuses both."""
    expect(what, document, dict)
    for key in required:
        if key not in document:
            raise FormatError(f"{what}: {key!r} is missing")
    for key in document:
        if key not in required and key not in optional:
            raise FormatError(f"{what}: unknown key {key!r}.{nearest(key, (*required, *optional))}")


def expect(what: str, value: Any, kind: Any) -> Any:
    """`value` if it is of `kind`, one of those in `_KINDS`."""
    if not isinstance(value, kind):
        raise FormatError(f"{what}: expected {_KINDS[kind]}, got {value!r:.60}")
    return value


def expect_number(what: str, value: Any) -> float:
    """`value` if it is a number, which true and false are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(f"{what}: expected a number, got {value!r:.60}")
    return value


def expect_whole(what: str, value: Any) -> int:
    """`value` as an integer; a number with a fraction is refused."""
    number = expect_number(what, value)
    if isinstance(number, float) and not number.is_integer():
        raise FormatError(
            f"{what} is {value!r}; integers are the model here, so a floating-point RISP network cannot be imported"
        )
    return int(number)


def is_window(value: Any) -> bool:
    """Whether `value` is a number of steps that a network's window may have."""
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and 1 <= value <= MAX_WINDOW
