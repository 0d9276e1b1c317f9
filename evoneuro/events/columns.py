"""Files `.npy` of four columns: DVSGesture as it is published in pieces, and POKER-DVS.

DVSGesture (A. Amir and others, A low power, fully event-based gesture recognition system, CVPR 2017, cut into one file
per gesture) has columns x, y, p, t with t in milliseconds; POKER-DVS (T. Serrano-Gotarredona and B. Linares-Barranco,
Frontiers in Neuroscience 9:481, 2015) has t, x, y, p with t in microseconds. Columns are of any type of number. A file
is taken at its word only as far as its size bears it out, and nothing in it is unpickled.
"""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.events.files import PathLike, damaged, read_bytes, write_bytes
from evoneuro.events.form import LATEST, Events, as_events, make_events

GESTURE = "xypt"
POKER = "txyp"
_MILLISECOND = 1000


def read_gesture(path: PathLike) -> Events:
    """Events [N] of a DVSGesture file (N, 4): x, y, p, t in milliseconds."""
    return _read(path, GESTURE, _MILLISECOND)


def write_gesture(path: PathLike, events: Events) -> None:
    """Write events [N] as float64 (N, 4): x, y, p, t in milliseconds."""
    events = as_events(events)
    columns = [events["x"], events["y"], events["p"], events["t"] / _MILLISECOND]
    _write(path, np.stack(columns, axis=1, dtype=np.float64))


def read_poker(path: PathLike) -> Events:
    """Events [N] of a POKER-DVS file (N, 4): t in microseconds, x, y, p."""
    return _read(path, POKER, 1)


def write_poker(path: PathLike, events: Events) -> None:
    """Write events [N] as int64 (N, 4): t in microseconds, x, y, p."""
    events = as_events(events)
    columns = [events["t"], events["x"], events["y"], events["p"]]
    _write(path, np.stack(columns, axis=1, dtype=np.int64))


def _read(path: PathLike, order: str, unit: int) -> Events:
    table = _table(path)
    columns = {name: table[:, order.index(name)] for name in order}
    t = columns["t"]
    if t.dtype.kind == "f":
        with np.errstate(all="ignore"):  # times that are no numbers are refused as such
            columns["t"] = t.astype(np.float64) * unit
    elif unit != 1:
        if t.size and not (int(t.min()) * unit >= -LATEST and int(t.max()) * unit <= LATEST):
            raise FormatError(f"{os.fspath(path)}: times from {t.min()} to {t.max()} ms; no recording is that long")
        columns["t"] = t.astype(np.int64) * unit
    try:
        return make_events(**columns, what=os.fspath(path))
    except EvoNeuroError as error:
        raise FormatError(f"{error}; expected columns {', '.join(order)}") from None


def _table(path: PathLike) -> npt.NDArray[Any]:
    """The file's array (N, 4) of numbers."""
    raw = read_bytes(path)
    file = io.BytesIO(raw)
    try:
        version = np.lib.format.read_magic(file)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = header(file)
    except Exception:  # numpy reads the header with Python's own parser, and what that may raise is not bounded
        raise FormatError(f"{os.fspath(path)}: no .npy file, or its header is damaged") from None
    if len(shape) != 2 or shape[1] != 4 or dtype.kind not in "iuf":
        raise FormatError(f"{os.fspath(path)}: expected numbers of shape (N, 4), got {dtype} of shape {shape}")
    body = len(raw) - file.tell()
    if body != shape[0] * 4 * dtype.itemsize:
        raise damaged(path, f"the header says {shape[0]} events of {4 * dtype.itemsize} bytes, and {body} bytes follow")
    numbers = np.frombuffer(raw, dtype, offset=file.tell())
    return numbers.reshape(shape, order="F" if fortran else "C")


def _write(path: PathLike, table: npt.NDArray[Any]) -> None:
    file = io.BytesIO()
    np.lib.format.write_array(file, table, version=(1, 0), allow_pickle=False)
    write_bytes(path, [file.getvalue()])
