"""What the readers and writers of event files share."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.events.form import Events

PathLike = str | os.PathLike[str]


def read_bytes(path: PathLike) -> bytes:
    """All bytes of a file."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise EvoNeuroError(f"{os.fspath(path)}: cannot be read: {error.strerror}") from None


def damaged(path: PathLike, finding: str) -> FormatError:
    """The error of a file whose bytes cannot be what they should be."""
    return FormatError(f"{os.fspath(path)}: {finding}: the file is cut short or damaged")


def write_bytes(path: PathLike, parts: Iterable[bytes]) -> None:
    """Write a file of parts, one after another."""
    try:
        with open(path, "wb") as file:
            file.writelines(parts)
    except OSError as error:
        raise EvoNeuroError(f"{os.fspath(path)}: cannot be written: {error.strerror}") from None


def check_fits(path: PathLike, layout: str, events: Events, limits: dict[str, int]) -> None:
    """Raise unless every field is from 0 to its limit, which is the most that the layout can hold."""
    for name, most in limits.items():
        column: npt.NDArray[np.int64] = events[name]
        if column.size and not (column.min() >= 0 and column.max() <= most):
            raise EvoNeuroError(
                f"{os.fspath(path)}: {layout} holds {name} from 0 to {most}, got {column.min()} to {column.max()}"
            )
