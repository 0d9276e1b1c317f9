"""AEDAT 2.0: after the header, 8 bytes per event, big-endian: an address and the time in microseconds.

What an address means depends on the camera; `Address` says it. jAER, which writes these files, has (0, 0) in the lower
left corner, and it stays there.
https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-2.0.html
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evoneuro.events.aedat import header_end
from evoneuro.events.files import PathLike, check_fits, damaged, read_bytes, write_bytes
from evoneuro.events.form import EVENT, Events, as_events

_RECORD = np.dtype([("address", ">u4"), ("t", ">u4")])
_HEADER = b"#!AER-DAT2.0\r\n# address and time of each event: two big-endian integers of 32 bits\r\n# time in us\r\n"


@dataclass(frozen=True)
class Address:
    """Where a camera's addresses have their fields.

    Attributes:
        x, y: lowest bit and number of bits.
        p: the bit of the polarity, set for ON.
        other: bits of which one is set where the entry is no event of a pixel (a trigger, a frame, a motion sensor).
    """

    x: tuple[int, int]
    y: tuple[int, int]
    p: int
    other: int = 0


DVS128 = Address(x=(1, 7), y=(8, 7), p=0, other=1 << 15)
DAVIS = Address(x=(12, 10), y=(22, 9), p=11, other=1 << 31 | 1 << 10)


def read_aedat2(path: PathLike, address: Address = DVS128) -> Events:
    """Events [N] of an AEDAT 2.0 file, times in microseconds; entries that are no event of a pixel are left out.

    Raises:
        FormatError: another format or version, or a file that ends within an event.
    """
    raw = read_bytes(path)
    start = header_end(raw, path, b"2.0")
    if (len(raw) - start) % _RECORD.itemsize:
        raise damaged(path, f"{len(raw) - start} bytes after the header; expected 8 for each event")
    records = np.frombuffer(raw, _RECORD, offset=start)
    word = records["address"].astype(np.uint32)
    events = np.empty(len(records), EVENT)
    for name, (shift, bits) in (("x", address.x), ("y", address.y), ("p", (address.p, 1))):
        events[name] = (word >> shift) & (2**bits - 1)
    events["t"] = records["t"]
    others = (word & address.other) != 0
    return events[~others] if others.any() else events


def write_aedat2(path: PathLike, events: Events, address: Address = DVS128) -> None:
    """Write events [N] as an AEDAT 2.0 file: times from 0 to 71 minutes, x and y as the camera has them."""
    events = as_events(events)
    limits = {"x": 2 ** address.x[1] - 1, "y": 2 ** address.y[1] - 1, "t": 2**32 - 1}
    check_fits(path, "an AEDAT 2.0 file of this camera", events, limits)
    records = np.empty(len(events), _RECORD)
    word = events["x"].astype(np.uint32) << address.x[0]
    word |= events["y"].astype(np.uint32) << address.y[0]
    records["address"] = word | events["p"].astype(np.uint32) << address.p
    records["t"] = events["t"]
    write_bytes(path, [_HEADER, records.tobytes()])
