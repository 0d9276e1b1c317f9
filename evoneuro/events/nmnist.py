"""N-MNIST and N-Caltech101: files `.bin` of 5 bytes per event.

Bytes: x; y; polarity in bit 7 and bits 22 to 16 of the time in microseconds; bits 15 to 8; bits 7 to 0. An event in row
240 is none: it marks that the camera's clock overflowed, and 2**13 is added to all times after it. The layout is from
G. Orchard and others, Converting static image datasets to spiking neuromorphic datasets using saccades, Frontiers in
Neuroscience 9:437 (2015), https://www.garrickorchard.com/datasets/n-mnist.
"""

from __future__ import annotations

import os

import numpy as np

from evoneuro.errors import EvoNeuroError
from evoneuro.events.files import PathLike, check_fits, damaged, read_bytes, write_bytes
from evoneuro.events.form import EVENT, Events, as_events

# y, polarity and time are one big-endian word, so that a field is a shift away
_RECORD = np.dtype({"names": ["x", "word"], "formats": ["u1", ">u4"], "offsets": [0, 1], "itemsize": 5})
_MARKER = 240
_OVERFLOW = 2**13
_LAST = 2**23 - 1


def read_bin(path: PathLike) -> Events:
    """Events [N] of a `.bin` file, times in microseconds.

    Raises:
        FormatError: an empty file, or one that ends within an event.
    """
    raw = read_bytes(path)
    if not raw or len(raw) % _RECORD.itemsize:
        raise damaged(path, f"{len(raw)} bytes; expected 5 for each event, and at least one event")
    records = np.frombuffer(raw, _RECORD)
    word = records["word"].astype(np.uint32)
    events = np.empty(len(records), EVENT)
    events["x"] = records["x"]
    events["y"] = word >> 24
    events["t"] = word & _LAST
    events["p"] = (word >> 23) & 1
    markers = events["y"] == _MARKER
    if markers.any():
        events["t"] += np.cumsum(markers) * _OVERFLOW
        events = events[~markers]
    return events


def write_bin(path: PathLike, events: Events) -> None:
    """Write events [N], N > 0, as a `.bin` file: x to 255, y to 239, times to 8.38 s, no marker."""
    events = as_events(events)
    if not len(events):
        raise EvoNeuroError(f"{os.fspath(path)}: no events; an empty .bin file could not be told from a broken one")
    check_fits(path, "a .bin file", events, {"x": 255, "y": _MARKER - 1, "t": _LAST})
    records = np.empty(len(events), _RECORD)
    records["x"] = events["x"]
    word = (events["y"].astype(np.uint32) << 24) | (events["p"].astype(np.uint32) << 23)
    records["word"] = word | events["t"].astype(np.uint32)
    write_bytes(path, [records.tobytes()])
