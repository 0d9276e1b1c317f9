"""Event files without HDF5: bytes made by hand, what is written comes back, and damaged files are refused."""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_data import recordings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.events import (
    DAVIS,
    DVS128,
    EVENT,
    Address,
    Events,
    make_events,
    read_aedat2,
    read_aedat3,
    read_bin,
    read_gesture,
    read_poker,
    write_aedat2,
    write_aedat3,
    write_bin,
    write_gesture,
    write_poker,
)

Read = Callable[[Any], Events]


@dataclass(frozen=True)
class Layout:
    """A reader, its writer, and what the layout can hold."""

    read: Read
    write: Callable[[Any, Events], None]
    x: int
    y: int
    t: tuple[int, int]
    least: int = 0


BIN = Layout(read_bin, write_bin, 255, 239, (0, 2**23 - 1), least=1)
LAYOUTS = {
    "N-MNIST": BIN,
    "DVSGesture": Layout(read_gesture, write_gesture, 2**16 - 1, 2**16 - 1, (-(2**50), 2**50)),
    "POKER-DVS": Layout(read_poker, write_poker, 2**16 - 1, 2**16 - 1, (-(2**53), 2**53)),
    "AEDAT 2.0": Layout(read_aedat2, write_aedat2, 127, 127, (0, 2**32 - 1)),
    "AEDAT 3.1": Layout(read_aedat3, write_aedat3, 2**15 - 1, 2**15 - 1, (0, 2**53 - 1)),
}


@pytest.fixture(params=LAYOUTS.values(), ids=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Layout:
    chosen: Layout = request.param
    return chosen


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events"


def read_of(read: Read, path: Path, content: bytes) -> list[tuple[int, ...]]:
    path.write_bytes(content)
    events = read(path)
    assert events.dtype == EVENT
    return events.tolist()


def events_or_refusal(read: Read, path: Path) -> Events | None:
    """What is read, None if that is refused; any other error is the test's failure."""
    try:
        return read(path)
    except FormatError:
        return None


# All layouts


@pytest.mark.parametrize("name", LAYOUTS)
@given(data=st.data())
@settings(max_examples=50)
def test_what_is_written_comes_back(name: str, data: st.DataObject) -> None:
    layout = LAYOUTS[name]
    events = data.draw(recordings(layout.x, layout.y, layout.t, layout.least))
    with tempfile.TemporaryDirectory() as folder:
        layout.write(Path(folder) / "events", events)
        back = layout.read(Path(folder) / "events")
    assert back.dtype == EVENT
    assert len(back) == len(events)
    assert (back == events).all()


@pytest.mark.parametrize("name", LAYOUTS)
@given(data=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_damage_is_found_or_gives_events(name: str, data: st.DataObject) -> None:
    """Cut anywhere, with other bytes anywhere, or nothing but other bytes: events or a FormatError, nothing else."""
    layout = LAYOUTS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events"
        layout.write(path, data.draw(recordings(layout.x, layout.y, layout.t, least=1, most=5)))
        whole = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(0, 4))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
        path.write_bytes(data.draw(st.sampled_from([cut, bytes(whole), cut + data.draw(st.binary(max_size=60))])))
        events = events_or_refusal(layout.read, path)
    assert events is None or len(events) <= len(whole) + 60


@pytest.mark.parametrize("name", LAYOUTS)
@given(content=st.binary(max_size=200))
@example(content=b"")
@example(content=b"#")
@example(content=b"\x93NUMPY\x01\x00\xff\xff")
def test_noise_is_no_crash(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events"
        path.write_bytes(content)
        events_or_refusal(LAYOUTS[name].read, path)


def test_an_empty_file_is_refused(layout: Layout, path: Path) -> None:
    path.touch()
    with pytest.raises(FormatError, match="events"):
        layout.read(path)


def test_says_that_a_file_is_missing(layout: Layout, path: Path) -> None:
    with pytest.raises(EvoNeuroError, match=r"events: cannot be read: No such file"):
        layout.read(path)
    with pytest.raises(EvoNeuroError, match=r"cannot be read"):
        layout.read(path.parent)


def test_says_that_it_cannot_write(layout: Layout, path: Path) -> None:
    with pytest.raises(EvoNeuroError, match="cannot be written"):
        layout.write(path / "none" / "events", make_events([0], [0], [0], [0]))


@pytest.mark.parametrize(
    ("name", "x", "y", "t", "message"),
    [
        ("N-MNIST", 256, 0, 0, "holds x from 0 to 255, got 256"),
        ("N-MNIST", 0, 240, 0, "holds y from 0 to 239"),
        ("N-MNIST", 0, 0, 2**23, "holds t from 0 to 8388607"),
        ("AEDAT 2.0", 128, 0, 0, "holds x from 0 to 127"),
        ("AEDAT 2.0", 0, 0, -1, "holds t from 0 to 4294967295"),
        ("AEDAT 3.1", 0, 2**15, 0, "holds y from 0 to 32767"),
    ],
)
def test_what_a_layout_cannot_hold_is_refused(name: str, x: int, y: int, t: int, message: str, path: Path) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        LAYOUTS[name].write(path, make_events([x], y, t, 1))
    assert not path.exists()


# N-MNIST


def test_five_bytes(path: Path) -> None:
    content = bytes([3, 4, 0x80 | 0x12, 0x34, 0x56, 33, 0, 0x00, 0x00, 0x01])
    assert read_of(read_bin, path, content) == [(3, 4, 0x123456, 1), (33, 0, 1, 0)]


def test_overflows_of_the_clock(path: Path) -> None:
    event, marker = bytes([1, 2, 0, 0, 5]), bytes([0, 240, 0, 0, 0])
    content = event + marker + event + marker + marker + event
    assert read_of(read_bin, path, content) == [(1, 2, 5, 0), (1, 2, 5 + 8192, 0), (1, 2, 5 + 3 * 8192, 0)]


def test_a_cut_bin_file(path: Path) -> None:
    path.write_bytes(bytes(12))
    with pytest.raises(FormatError, match="12 bytes; expected 5 for each event"):
        read_bin(path)


def test_an_empty_bin_file_is_not_written(path: Path) -> None:
    with pytest.raises(EvoNeuroError, match="could not be told from a broken one"):
        write_bin(path, make_events([], [], [], []))


# .npy


def saved(path: Path, array: Any) -> Path:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), allow_pickle=True)
    path.write_bytes(file.getvalue())
    return path


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int16, np.uint32, ">i4"])
def test_columns_of_any_type(path: Path, dtype: Any) -> None:
    table = np.array([[5, 6, 1, 20], [7, 8, 0, 21]], dtype)
    assert read_gesture(saved(path, table)).tolist() == [(5, 6, 20_000, 1), (7, 8, 21_000, 0)]
    assert read_gesture(saved(path, np.asfortranarray(table))).tolist() == [(5, 6, 20_000, 1), (7, 8, 21_000, 0)]
    turned = np.array([[20, 5, 6, 1]], dtype)
    assert read_poker(saved(path, turned)).tolist() == [(5, 6, 20, 1)]


def test_fractions_of_a_millisecond(path: Path) -> None:
    assert read_gesture(saved(path, [[0, 0, 1, 1.234]]))["t"].tolist() == [1234]


def test_the_largest_times(path: Path) -> None:
    """More milliseconds than there are microseconds, as integers, are refused before they could wrap."""
    for t in (2**62, -(2**62)):
        with pytest.raises(FormatError, match="no recording is that long"):
            read_gesture(saved(path, np.array([[0, 0, 1, t]])))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 3)), r"expected numbers of shape \(N, 4\), got float64 of shape \(3, 3\)"),
        (np.zeros(4), "expected numbers of shape"),
        (np.zeros((1, 4), complex), "expected numbers of shape"),
        (np.zeros((1, 4), object), "expected numbers of shape"),
        (np.full((1, 4), np.nan), "no finite numbers; expected columns x, y, p, t"),
        (np.array([[0, 0, 1, 1e308]]), "t has values that are no finite numbers"),
        (np.full((1, 4), -1), "expected columns x, y, p, t"),
        (np.full((1, 4), 7), "expected columns x, y, p, t"),
    ],
)
def test_arrays_that_hold_no_events(path: Path, array: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_gesture(saved(path, array))


@pytest.mark.parametrize("shape", ["(10**15, 4)", "(999999999999, 4)", "(-1, 4)", "(" * 2000])
def test_a_header_is_not_believed(path: Path, shape: str) -> None:
    """A shape that the file is too short for takes no memory; one that is no shape is no crash."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64))
    with pytest.raises(FormatError, match="damaged"):
        read_gesture(path)


# AEDAT 2.0


V2 = b"#!AER-DAT2.0\r\n"


def test_addresses_of_a_dvs128(path: Path) -> None:
    """Row in bits 14 to 8, column in bits 7 to 1, as the maker's page says; bit 15 is no pixel."""
    entries = struct.pack(">6I", 5 << 8 | 9 << 1 | 1, 1000, 1 << 15, 1001, 127 << 8 | 0 << 1, 2**32 - 1)
    expected = [(9, 5, 1000, 1), (0, 127, 2**32 - 1, 0)]
    assert read_of(read_aedat2, path, V2 + b"# made by hand\r\n" + entries) == expected
    assert read_of(read_aedat2, path, V2 + entries) == expected


def test_addresses_of_a_davis(path: Path) -> None:
    entries = struct.pack(">6I", 300 << 22 | 200 << 12 | 1 << 11, 7, 1 << 31, 8, 1 << 10, 9)
    assert read_of(lambda p: read_aedat2(p, DAVIS), path, V2 + entries) == [(200, 300, 7, 1)]


def test_an_address_of_ones_own(path: Path) -> None:
    turned = Address(x=DVS128.y, y=DVS128.x, p=0)
    events = make_events([1], [2], [3], [1])
    write_aedat2(path, events, turned)
    assert read_aedat2(path, turned).tolist() == [(1, 2, 3, 1)]
    assert read_aedat2(path).tolist() == [(2, 1, 3, 1)]


def test_an_event_may_begin_like_a_line_of_the_header(path: Path) -> None:
    first = struct.pack(">2I", ord("#") << 24 | 140 << 12 | 1 << 11, ord("\n"))
    assert read_of(lambda p: read_aedat2(p, DAVIS), path, V2 + first)[0][2:] == (10, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00" * 16, "no AEDAT file"),
        (b"#!AER-DAT3.1\r\n", "another version"),
        (b"#!AER-DAT2.0", "first line of the header does not end"),
        (V2 + bytes(7), "7 bytes after the header; expected 8"),
    ],
)
def test_damaged_aedat2(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_aedat2(path)


# AEDAT 3.1


V3 = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 0: DVS128\r\n#!END-HEADER\r\n"


def block(*entries: tuple[int, int], kind: int = 1, overflow: int = 0, **changes: int) -> bytes:
    number = len(entries)
    fields = {"size": 8, "offset": 4, "overflow": overflow, "capacity": number, "number": number, "valid": number}
    body = b"".join(struct.pack("<Ii", *entry) for entry in entries)
    return struct.pack("<hhiiiiii", kind, 0, *(fields | changes).values()) + body


def test_blocks_of_pixels_events(path: Path) -> None:
    event = 11 << 17 | 12 << 2 | 1 << 1 | 1
    invalid = event & ~1
    content = (
        V3 + block((event, 5), (invalid, 6)) + block((1, 2), kind=0) + block() + block((event & ~2, 7), overflow=3)
    )
    assert read_of(read_aedat3, path, content) == [(11, 12, 5, 1), (11, 12, 7 + 3 * 2**31, 0)]


def test_the_data_may_begin_with_the_sign_of_a_header(path: Path) -> None:
    assert read_of(read_aedat3, path, V3 + block((1, 2), kind=ord("#"))) == []


def test_many_blocks(path: Path) -> None:
    t = np.arange(10_000) * 10**6
    events = make_events(t % 128, 5, t, 1)
    write_aedat3(path, events)
    assert (read_aedat3(path) == events).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"#!AER-DAT2.0\r\n", "another version"),
        (b"#!AER-DAT3.1\r\n#Format: RAW\r\n", "no line '#!END-HEADER'"),
        (V3 + block()[:27], "within the head of the block"),
        (V3 + block((1, 1))[:-1], "needs 8 bytes, and 7 follow"),
        (V3 + block(capacity=2**31 - 1, number=2**31 - 1), "needs 17179869176 bytes, and 0 follow"),
        (V3 + block((1, 1), capacity=2), "1 entries of 8 bytes in space for 2"),
        (V3 + block(number=-1, capacity=-1), "says -1 entries"),
        (V3 + block(size=0), "entries of 0 bytes"),
        (V3 + block(size=16), "with 16 bytes each"),
        (V3 + block(offset=0), "time at byte 0"),
        (V3 + block((1, 1), overflow=-1), "-1 overflows"),
        (V3 + block((1, 1), overflow=2**31 - 1), "2147483647 overflows"),
        (V3 + block((1, -5)), "an event at -5 us"),
    ],
)
def test_damaged_aedat3(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_aedat3(path)
