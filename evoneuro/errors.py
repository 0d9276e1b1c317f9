"""Errors that teach: what came, what was expected, what to do.

Every error that a user can cause is an `EvoNeuroError`; the command line prints its one line and exits
with `status`. Anything else that reaches the user is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable
from typing import Any, ClassVar

LONGEST = 2000  # characters of a message; what was given, which it quotes, may be a list of a million numbers


class EvoNeuroError(ValueError):
    """A mistake in what the user gave: a value, a file, a name. Exit status 2."""

    status: ClassVar[int] = 2

    def __init__(self, message: str = "") -> None:
        super().__init__(message if len(message) <= LONGEST else f"{message[: LONGEST - 300]} ... {message[-300:]}")


class FormatError(EvoNeuroError):
    """A file that is not what its reader expects (damaged, another format, another version)."""


class DamageError(FormatError):
    """A run's own record that is not what was written any more: torn, or changed by others. Exit status 1."""

    status = 1


class PluginError(EvoNeuroError):
    """A user's task, encoder or objective failed.

    `trace` is the plugin's own traceback, from the plugin's first frame on; empty if there is none.
    """

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


class RunError(EvoNeuroError):
    """A run could not go on (disk full, directory in use, workers lost). Exit status 1; nothing journaled is lost."""

    status = 1


def printable(text: str) -> str:
    """`text` without characters that a terminal would obey: files of strangers end up in messages."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def nearest(name: str, options: Iterable[str]) -> str:
    """' Did you mean X?', or the options when nothing is near; '' when there are none."""
    names = sorted(str(option) for option in options)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    if close:
        return f" Did you mean {close[0]!r}?"
    return f" There are: {', '.join(names)}." if names else ""


def check_choice(what: str, value: Any, options: Iterable[str]) -> str:
    """Return `value` if it is one of `options`; else an error that names the nearest."""
    names = list(options)
    if value not in names:
        raise EvoNeuroError(f"{what}: no such name: {value!r}.{nearest(str(value), names)}")
    return str(value)


def check_integer(what: str, value: Any, low: int, high: int) -> int:
    """Return `value` as int if it is an integer in [low, high]; booleans and fractions are refused."""
    try:
        number = int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise EvoNeuroError(f"{what}: expected an integer from {low} to {high}, got {value!r}")
    if not low <= number <= high:
        raise EvoNeuroError(f"{what}: expected {low} to {high}, got {number}")
    return number


def check_shape(what: str, shape: tuple[int, ...], expected: tuple[int | str, ...]) -> None:
    """Raise unless `shape` fits `expected`, where a string stands for any length and names the axis."""
    fits = len(shape) == len(expected) and all(
        isinstance(want, str) or got == want for got, want in zip(shape, expected, strict=True)
    )
    if not fits:
        wanted = ", ".join(str(part) for part in expected)
        raise EvoNeuroError(f"{what}: expected shape ({wanted}), got {shape}")
