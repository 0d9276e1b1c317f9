"""A scene: what a task looks like at one moment, as a few shapes in the task's own units.

Reports and animations draw it, each in its own way; a task says what is there in `scene`. The y axis points up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ROLES = ("ink", "pale", "accent", "warm", "fill")  # how a shape looks; what draws knows the colours


@dataclass(frozen=True)
class Line:
    """A line through points, [(x, y), ...]."""

    points: Sequence[tuple[float, float]]
    role: str = "ink"
    width: float = 1.5  # points on paper, pixels on a screen


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    x: float
    y: float
    radius: float
    role: str = "accent"


@dataclass(frozen=True)
class Box:
    """A filled rectangle from (left, bottom) to (right, top)."""

    left: float
    bottom: float
    right: float
    top: float
    role: str = "ink"


@dataclass(frozen=True, eq=False)
class Image:
    """Grey values (rows, columns) from 0 (nothing) to 1, or colours uint8 (rows, columns, 3); the first row on top.

    It fills (left, bottom) to (right, top).
    """

    values: npt.NDArray[np.float64] | npt.NDArray[np.uint8]
    left: float
    bottom: float
    right: float
    top: float


Shape = Line | Disc | Box | Image


@dataclass(frozen=True)
class Scene:
    """Shapes, the first behind the others, and what is seen: left, bottom, right, top.

    Attributes:
        caption: a word or two on what is seen, such as the class of a sample.
    """

    view: tuple[float, float, float, float]
    shapes: Sequence[Shape]
    caption: str = ""


def picture(values: npt.ArrayLike, caption: str = "") -> Scene:
    """A scene that is an image: values as in `Image`, one unit for each pixel."""
    array = np.asarray(values)
    rows, columns = array.shape[:2]
    return Scene((0.0, 0.0, float(columns), float(rows)), (Image(array, 0.0, 0.0, columns, rows),), caption)
