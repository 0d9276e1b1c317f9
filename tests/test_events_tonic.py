"""Files that we write, read by tonic, the readers that the field uses; and folders that both list."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytest
from event_data import make_gesture, make_nmnist, recording

from evoneuro.events import (
    Events,
    dvs_gesture,
    make_events,
    nmnist,
    read_aedat2,
    shd,
    write_aedat2,
    write_aedat3,
    write_heidelberg,
)

tonic: Any = pytest.importorskip(
    "tonic", reason="tonic (GPL, no dependency of ours) is not installed: pip install tonic h5py, to compare with it"
)


def compare(theirs: npt.NDArray[Any], ours: Events, late: int = 0) -> None:
    """The same events in the same order; tonic cuts fractions of a microsecond off, where we take the nearest."""
    assert len(theirs) == len(ours)
    for name in ("x", "y", "p"):
        if name in theirs.dtype.names:
            assert (theirs[name].astype(int) == ours[name]).all()
    difference = ours["t"] - theirs["t"].astype(np.int64)
    assert difference.min() >= 0
    assert difference.max() <= late


@pytest.mark.parametrize("train", [True, False])
def test_nmnist(tmp_path: Path, train: bool) -> None:
    make_nmnist(tmp_path / "NMNIST")
    with patch.object(tonic.datasets.NMNIST, "_check_exists", return_value=True):
        theirs = tonic.datasets.NMNIST(str(tmp_path), train=train)
    ours = nmnist(tmp_path)
    members = ours.members("train" if train else "test")
    assert len(theirs) == len(members)
    for index, member in enumerate(members.tolist()):
        events, label = theirs[index]
        assert label == ours.labels[member]
        compare(events, ours[member])


@pytest.mark.parametrize("train", [True, False])
def test_dvs_gesture(tmp_path: Path, train: bool) -> None:
    make_gesture(tmp_path / "DVSGesture")
    with patch.object(tonic.datasets.DVSGesture, "_check_exists", return_value=True):
        theirs = tonic.datasets.DVSGesture(str(tmp_path), train=train)
    ours = dvs_gesture(tmp_path)
    place = {Path(path).resolve(): member for member, path in enumerate(ours.files)}
    assert len(theirs) == len(ours.members("train" if train else "test"))
    for index, path in enumerate(theirs.data):  # tonic takes the files of a user as the system lists them
        events, label = theirs[index]
        member = place[Path(path).resolve()]
        assert label == ours.labels[member]
        compare(events, ours[member], late=1)


@pytest.mark.parametrize("train", [True, False])
def test_shd(tmp_path: Path, train: bool) -> None:
    (tmp_path / "SHD").mkdir()
    for seed, part in enumerate(("train", "test")):
        spikes = [recording(10 * seed + i, 100, 700, 1, 10**6) for i in range(5)]
        write_heidelberg(tmp_path / "SHD" / f"shd_{part}.h5", spikes, [1, 0, 2, 2, 1], ("null", "eins", "zwei"))
    with patch.object(tonic.datasets.SHD, "_check_exists", return_value=True):
        theirs = tonic.datasets.SHD(str(tmp_path), train=train)
    ours = shd(tmp_path)
    members = ours.members("train" if train else "test")
    assert len(theirs) == len(members)
    assert tuple(name.decode() for name in theirs.classes) == ours.classes
    for index, member in enumerate(members.tolist()):
        events, label = theirs[index]
        assert label == ours.labels[member]
        compare(events, ours[member], late=1)


def entries(path: Path) -> npt.NDArray[Any]:
    """Addresses and times as tonic's readers of AEDAT see them."""
    version, start, *_ = tonic.io.read_aedat_header_from_file(str(path))
    found: npt.NDArray[Any] = tonic.io.get_aer_events_from_file(str(path), version, start)
    return found


def test_aedat2(tmp_path: Path) -> None:
    """tonic takes bits 14 to 8 for x, where the maker's page has y."""
    events = recording(1, 10_000, 128, 128, 2**32 - 1)
    write_aedat2(tmp_path / "a.aedat", events)
    found = entries(tmp_path / "a.aedat")
    address = found["address"]
    columns = address >> 1 & 0x7F, address >> 8 & 0x7F, found["timeStamp"].astype(np.int64), address & 1
    assert (make_events(*columns) == events).all()
    assert (read_aedat2(tmp_path / "a.aedat") == events).all()


def test_aedat3(tmp_path: Path) -> None:
    events = recording(2, 10_000, 128, 128, 2**31 - 1)
    write_aedat3(tmp_path / "a.aedat", events)
    found = entries(tmp_path / "a.aedat")
    address = found["address"]
    columns = address >> 17 & 0x1FFF, address >> 2 & 0x1FFF, found["timeStamp"].astype(np.int64), address >> 1 & 1
    assert (make_events(*columns) == events).all()
