"""SHD and SSC files: what is written comes back to the precision of the layout, and other HDF5 files are refused."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_data import recording, recordings
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.events import Events, SpikeFile, make_events, read_heidelberg, write_heidelberg

h5py: Any = pytest.importorskip("h5py", reason='h5py is not installed: pip install "evoneuro[events]"')

CLASSES = ("null", "eins", "zwei")


def spoken(seed: int, number: int = 50) -> Events:
    events = recording(seed, number, 700, 1, 10**6)
    events["p"] = 1
    return events


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shd_train.h5"


@given(st.lists(recordings(699, 0, (0, 1_500_000), most=20), min_size=1, max_size=40), st.data())
@settings(max_examples=25, deadline=None)
def test_what_is_written_comes_back(spikes: list[Events], data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(spikes), max_size=len(spikes)))
    positions = data.draw(st.lists(st.integers(0, len(spikes) - 1), max_size=20))
    with tempfile.TemporaryDirectory() as folder:
        write_heidelberg(Path(folder) / "a.h5", spikes, labels, CLASSES)
        with SpikeFile(Path(folder) / "a.h5") as file:
            assert file.labels.tolist() == labels
            assert file.classes == CLASSES
            back = list(file.stream(positions))
    for position, events in zip(positions, back, strict=True):
        written = spikes[position]
        assert (events["x"] == written["x"]).all()
        assert (events["p"] == 1).all()
        assert (events["y"] == 0).all()
        t = (written["t"] / 1e6).astype(np.float16).astype(np.float64) * 1e6  # as fine as a float16 is
        assert (np.abs(events["t"] - t) <= 0.5).all()


def test_any_order_of_many(path: Path) -> None:
    spikes = [spoken(seed) for seed in range(100)]
    write_heidelberg(path, spikes, [0] * 100, CLASSES)
    with SpikeFile(path) as file:
        one_by_one = [file[index]["x"].tolist() for index in range(100)]
        for positions in (range(100), range(99, -1, -1), [3, 90, 7, 7], [*range(0, 100, 3)], [-1 % 100]):
            assert [e["x"].tolist() for e in file.stream(positions)] == [one_by_one[i] for i in positions]
    assert one_by_one == [events["x"].tolist() for events in spikes]
    assert read_heidelberg(path, 42)["x"].tolist() == one_by_one[42]


def test_says_which_indices_there_are(path: Path) -> None:
    write_heidelberg(path, [spoken(0)], [0], CLASSES)
    with pytest.raises(EvoNeuroError, match="index: expected 0 to 0, got 1"):
        read_heidelberg(path, 1)


def test_a_file_that_names_no_classes(path: Path) -> None:
    write_heidelberg(path, [spoken(0)], [2], CLASSES)
    with h5py.File(path, "a") as file:
        del file["extra"]
    with SpikeFile(path) as spikes:
        assert spikes.classes == ("0", "1", "2")


def remove(name: str) -> Callable[[Any], None]:
    return lambda file: file.__delitem__(name)


def replace(name: str, value: Any) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        del file[name]
        file[name] = value

    return change


def shorter(file: Any) -> None:
    file["spikes/units"][0] = file["spikes/units"][0][:-1]


def never(file: Any) -> None:
    file["spikes/times"][0] = np.full(50, np.nan, np.float16)


def endless(file: Any) -> None:
    """Data sets that claim more than the file holds take no memory."""
    for name, dtype in (("times", np.float16), ("units", np.uint16)):
        del file[f"spikes/{name}"]
        file.create_dataset(f"spikes/{name}", (10**12,), h5py.vlen_dtype(dtype), chunks=(1024,))
    del file["labels"]
    file.create_dataset("labels", (10**12,), np.uint8, chunks=(1024,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove("spikes/times"), "expected an HDF5 file with spikes/times"),
        (remove("labels"), "expected an HDF5 file with spikes/times"),
        (replace("spikes", 1), "expected an HDF5 file with spikes/times"),
        (replace("spikes/times", np.zeros(2)), "/spikes/times has shape"),
        (replace("spikes/units", np.zeros((2, 2), np.uint16)), "/spikes/units has shape"),
        (replace("labels", np.zeros(2)), "/labels has shape"),
        (replace("labels", np.zeros(3, int)), "2 times, 2 units, 3 labels"),
        (replace("labels", np.array([0, 7])), "labels from 0 to 7, and 3 names"),
        (replace("labels", np.array([0, -1])), "labels from -1 to 0"),
        (replace("extra/keys", np.zeros((2, 2))), "a name for each class"),
        (endless, "1000000000000 times"),
    ],
)
def test_other_contents_are_refused(path: Path, change: Callable[[Any], None], message: str) -> None:
    write_heidelberg(path, [spoken(0), spoken(1)], [0, 1], CLASSES)
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(FormatError, match=message):
        SpikeFile(path)


@pytest.mark.parametrize(
    ("change", "message"), [(shorter, "recording 0 has 50 times and 49 units"), (never, "recording 0: field t")]
)
def test_recordings_that_contradict_themselves(path: Path, change: Callable[[Any], None], message: str) -> None:
    write_heidelberg(path, [spoken(0), spoken(1)], [0, 1], CLASSES)
    with h5py.File(path, "a") as file:
        change(file)
    with SpikeFile(path) as spikes:
        with pytest.raises(FormatError, match=message):
            spikes[0]
        assert len(spikes[1]) == 50


@pytest.mark.parametrize("length", [0, 1, 100, 2000, -1000, -1])
def test_a_cut_file(path: Path, length: int) -> None:
    write_heidelberg(path, [spoken(seed, 2000) for seed in range(8)], [0] * 8, CLASSES)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(FormatError, match="expected an HDF5 file"):
        SpikeFile(path)


@given(st.binary(max_size=300))
def test_noise_is_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        path.write_bytes(content)
        with pytest.raises(FormatError):
            SpikeFile(path)


def test_says_that_a_file_is_missing(path: Path) -> None:
    with pytest.raises(EvoNeuroError, match="no such file"):
        SpikeFile(path)
    with pytest.raises(EvoNeuroError, match="cannot be written"):
        write_heidelberg(path / "none" / "a.h5", [spoken(0)], [0], CLASSES)


@pytest.mark.parametrize("labels", [[], [0], [0, 3], [[0], [1]]])
def test_a_label_for_each_recording(path: Path, labels: Any) -> None:
    with pytest.raises(EvoNeuroError, match="expected a label below 3 for each of 2 recordings"):
        write_heidelberg(path, [spoken(0), spoken(1)], labels, CLASSES)


def test_says_how_to_get_h5py(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(EvoNeuroError, match=r'pip install "evoneuro\[events\]"'):
        SpikeFile(path)
    with pytest.raises(EvoNeuroError, match=r'pip install "evoneuro\[events\]"'):
        write_heidelberg(path, [make_events([0], 0, 0, 1)], [0], ["a"])
