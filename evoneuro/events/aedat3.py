"""AEDAT 3.1: after the header, blocks of entries of one type, little-endian; the original recordings of DVSGesture.

A block begins with 28 bytes: type and source (16 bits each), bytes per entry, offset of the time in an entry, overflows
of the time, capacity, number of entries, number of valid ones (32 bits each). An entry of type 1 is a pixel's event:
bit 0 valid, bit 1 polarity, bits 2 to 16 y, bits 17 to 31 x, then 31 bits of time in microseconds. (0, 0) is the upper
left corner. https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-3.1.html
"""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from evoneuro.events.aedat import header_end
from evoneuro.events.files import PathLike, check_fits, damaged, read_bytes, write_bytes
from evoneuro.events.form import EVENT, LATEST, Events, as_events

_BLOCK = struct.Struct("<hhiiiiii")
_RECORD = np.dtype([("data", "<u4"), ("t", "<i4")])
_POLARITY = 1
_TIME_OFFSET = 4
_TIME_BITS = 31
_PER_BLOCK = 4096
_MOST_OVERFLOWS = (LATEST >> _TIME_BITS) - 1
_HEADER = (
    b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 0: DVS128\r\n#Start-Time: 1970-01-01 00:00:00 (TZ+0000)\r\n"
    b"#!END-HEADER\r\n"
)


def read_aedat3(path: PathLike) -> Events:
    """Events [N] of an AEDAT 3.1 file, times in microseconds; other blocks and invalid events are left out.

    Raises:
        FormatError: another format or version, a file that ends within a block, or a block that contradicts itself.
    """
    raw = read_bytes(path)
    bodies, overflows, numbers = _blocks(raw, header_end(raw, path, b"3.1"), path)
    records = np.frombuffer(b"".join(bodies), _RECORD)
    data, low = records["data"], records["t"]
    if len(low) and low.min() < 0:
        raise damaged(path, f"an event at {low.min()} us, and times are >= 0")
    events = np.empty(len(records), EVENT)
    events["x"] = data >> 17
    events["y"] = (data >> 2) & 0x7FFF
    events["t"] = low
    events["p"] = (data >> 1) & 1
    if any(overflows):
        events["t"] += np.repeat(np.array(overflows, np.int64) << _TIME_BITS, numbers)
    valid = (data & 1) == 1
    return events if valid.all() else events[valid]


def _blocks(raw: bytes, start: int, path: PathLike) -> tuple[list[memoryview], list[int], list[int]]:
    """Of every block of pixels' events: its bytes, the overflows of its times, and the number of its events."""
    bodies, overflows, numbers = [], [], []
    view = memoryview(raw)
    while start < len(raw):
        if len(raw) - start < _BLOCK.size:
            raise damaged(path, f"ends within the head of the block at byte {start}")
        kind, _, size, offset, overflow, capacity, number, _ = _BLOCK.unpack_from(raw, start)
        body = start + _BLOCK.size
        if size <= 0 or number < 0 or number != capacity:
            raise damaged(
                path,
                f"the block at byte {start} says {number} entries of {size} bytes in space for {capacity}; expected as "
                "many as there is space for",
            )
        start = body + number * size
        if start > len(raw):
            raise damaged(path, f"a block needs {number * size} bytes, and {len(raw) - body} follow its head")
        if kind != _POLARITY:
            continue
        if size != _RECORD.itemsize or offset != _TIME_OFFSET or not 0 <= overflow <= _MOST_OVERFLOWS:
            raise damaged(
                path,
                f"a block of pixels' events with {size} bytes each, the time at byte {offset} and {overflow} "
                f"overflows; expected 8 bytes, the time at byte 4, and 0 to {_MOST_OVERFLOWS} overflows",
            )
        bodies.append(view[body:start])
        overflows.append(overflow)
        numbers.append(number)
    return bodies, overflows, numbers


def write_aedat3(path: PathLike, events: Events) -> None:
    """Write events [N] as an AEDAT 3.1 file: x and y to 32,767, times from 0 on."""
    events = as_events(events)
    limits = {"x": 2**15 - 1, "y": 2**15 - 1, "t": ((_MOST_OVERFLOWS + 1) << _TIME_BITS) - 1}
    check_fits(path, "an AEDAT 3.1 file", events, limits)
    records = np.empty(len(events), _RECORD)
    data = events["x"].astype(np.uint32) << 17
    data |= events["y"].astype(np.uint32) << 2
    records["data"] = data | events["p"].astype(np.uint32) << 1 | 1
    records["t"] = events["t"] & (2**_TIME_BITS - 1)
    overflows = events["t"] >> _TIME_BITS
    parts = [_HEADER]
    for first, last in _pieces(overflows):
        number = last - first
        head = (_POLARITY, 0, _RECORD.itemsize, _TIME_OFFSET, int(overflows[first]), number, number, number)
        parts += [_BLOCK.pack(*head), records[first:last].tobytes()]
    write_bytes(path, parts)


def _pieces(overflows: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """First and last event (exclusive) of blocks with one number of overflows each."""
    changes = [0, *(np.flatnonzero(np.diff(overflows)) + 1).tolist(), len(overflows)]
    return [
        (first, min(first + _PER_BLOCK, stop))
        for start, stop in pairwise(changes)
        for first in range(start, stop, _PER_BLOCK)
    ]
