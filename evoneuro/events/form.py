"""The one form of events in memory: a structured array, an entry per event.

    x, y    uint16          column and row of the pixel, or x the channel of a cochlea, y 0
    t       int64           microseconds
    p       uint8           1: brighter (ON), 0: darker (OFF); a cochlea has 1 only

Events stand in the order in which they were recorded; nothing here relies on rising times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError

EVENT = np.dtype([("x", np.uint16), ("y", np.uint16), ("t", np.int64), ("p", np.uint8)])
Events = npt.NDArray[np.void]  # of dtype EVENT

LATEST = 2**53  # microseconds either side of 0, 285 years: exact as a float64, and differences cannot overflow
_LIMITS = {"x": (0, 2**16 - 1), "y": (0, 2**16 - 1), "t": (-LATEST, LATEST), "p": (-1, 1)}


def make_events(x: npt.ArrayLike, y: npt.ArrayLike, t: npt.ArrayLike, p: npt.ArrayLike, what: str = "events") -> Events:
    """Events [N] of columns [N] or scalars; t in microseconds, to the nearest; p 0 or -1 for OFF, 1 for ON.

    Raises:
        EvoNeuroError: values that no event can have, or columns of different lengths; `what` names them.
    """
    columns = {name: np.asarray(values) for name, values in zip(EVENT.names or (), (x, y, t, p), strict=True)}
    lengths = {column.shape for column in columns.values() if column.shape}
    if len(lengths) != 1 or len(next(iter(lengths))) != 1:
        shapes = ", ".join(f"{name} {column.shape}" for name, column in columns.items())
        raise EvoNeuroError(f"{what}: expected columns x, y, t, p of one length, got shapes {shapes}")
    events = np.empty(lengths.pop(), EVENT)
    for name, column in columns.items():
        whole = _whole(name, column, what)
        events[name] = whole > 0 if name == "p" else whole
    return events


def as_events(events: npt.ArrayLike, what: str = "events") -> Events:
    """Events [N] of any structured array [N] with fields t and x; without y it is 0 and without p 1, as for a cochlea.

    Fields may have any order and any type of number; t is in microseconds. What has the dtype EVENT already is
    checked and not copied.
    """
    array = np.asarray(events)
    names = array.dtype.names or ()
    if array.ndim != 1 or not {"x", "t"} <= set(names):
        came = f"fields {', '.join(names)}" if names else f"dtype {array.dtype}"
        raise EvoNeuroError(
            f"{what}: expected a structured array [N] with fields x, y, t, p (a cochlea's: x, t), got {came} and shape "
            f"{array.shape}; make_events(x, y, t, p) takes columns"
        )
    if array.dtype == EVENT:
        for name in ("t", "p"):  # x and y cannot be wrong
            _whole(name, array[name], what)
        return array
    y, p = array["y"] if "y" in names else 0, array["p"] if "p" in names else 1
    return make_events(array["x"], y, array["t"], p, what)


def _whole(name: str, column: npt.NDArray[Any], what: str) -> npt.NDArray[Any]:
    """The column as whole numbers within its limits."""
    if column.dtype.kind == "f":
        column = column.astype(np.float64)
        if not np.isfinite(column).all():
            raise EvoNeuroError(f"{what}: field {name} has values that are no finite numbers")
        nearest = np.rint(column)
        if name != "t" and (nearest != column).any():
            raise EvoNeuroError(f"{what}: field {name} has fractions; expected whole numbers")
        column = nearest
    elif column.dtype.kind not in "biu":
        raise EvoNeuroError(f"{what}: field {name}: expected numbers, got dtype {column.dtype}")
    low, high = _LIMITS[name]
    if column.size and not (low <= column.min() and column.max() <= high):
        raise EvoNeuroError(f"{what}: field {name}: expected {low} to {high}, got {column.min()} to {column.max()}")
    return column
