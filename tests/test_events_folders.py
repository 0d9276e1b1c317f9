"""The published folders in small: which files, in which order, of which class and part; and what else is said."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from event_data import make_gesture, make_nmnist, recording

from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.events import (
    Recordings,
    by_class,
    dvs_gesture,
    nmnist,
    read_bin,
    read_poker,
    shd,
    ssc,
    write_bin,
    write_gesture,
    write_heidelberg,
    write_poker,
)


def lengths(recordings: Recordings) -> list[int]:
    return [len(events) for events in recordings]


@pytest.mark.parametrize("inside", ["", "NMNIST", "N-MNIST"])
def test_nmnist(tmp_path: Path, inside: str) -> None:
    make_nmnist(tmp_path / inside)
    (tmp_path / inside / "Train" / "0" / "notes.txt").touch()
    recordings = nmnist(tmp_path)
    assert len(recordings) == 30
    assert recordings.labels.tolist() == [*np.repeat(range(10), 2).tolist(), *range(10)]
    assert recordings.members("train").tolist() == list(range(20))
    assert recordings.members("test").tolist() == list(range(20, 30))
    assert recordings.classes == tuple("0123456789")
    assert lengths(recordings) == list(range(1, 31))
    assert (recordings[4] == recording(5, 5)).all()


def test_nmnist_of_one_part(tmp_path: Path) -> None:
    make_nmnist(tmp_path)
    (tmp_path / "Test").rename(tmp_path / "Elsewhere")
    recordings = nmnist(tmp_path)
    assert len(recordings) == 20
    with pytest.raises(EvoNeuroError, match="no such name: 'test'"):
        recordings.members("test")


@pytest.mark.parametrize("inside", ["", "DVSGesture"])
def test_dvs_gesture(tmp_path: Path, inside: str) -> None:
    make_gesture(tmp_path / inside)
    recordings = dvs_gesture(tmp_path)
    assert recordings.labels.tolist() == [*range(11)] * 3
    assert recordings.parts.tolist() == ["train"] * 22 + ["test"] * 11
    assert recordings.classes[10] == "other gestures"
    assert lengths(recordings) == [*range(12, 23), *range(1, 12), *range(23, 34)]  # by user, then by gesture


def test_by_class(tmp_path: Path) -> None:
    for number, name in enumerate(("BACKGROUND_Google", "accordion", "empty")):
        (tmp_path / name).mkdir()
        if name != "empty":
            write_bin(tmp_path / name / "image_0001.bin", recording(number, number + 1))
    recordings = by_class(tmp_path, "*.bin", read_bin)
    assert recordings.classes == ("BACKGROUND_Google", "accordion")
    assert recordings.labels.tolist() == [0, 1]
    assert recordings.parts.tolist() == ["all", "all"]
    assert lengths(recordings) == [1, 2]


def test_by_class_of_one_part(tmp_path: Path) -> None:
    (tmp_path / "pips_train" / "he").mkdir(parents=True)
    write_poker(tmp_path / "pips_train" / "he" / "0.npy", recording(0, 3))
    recordings = by_class(tmp_path / "pips_train", "*.npy", read_poker, part="train")
    assert recordings.members("train").tolist() == [0]
    assert lengths(recordings) == [3]


def make_spoken(root: Path, *names: str) -> None:
    root.mkdir(exist_ok=True)
    for first, name in enumerate(names):
        spikes = [recording(seed, 10 * first + seed + 1, 700, 1) for seed in range(3)]
        write_heidelberg(root / name, spikes, [2, 0, 1], ("null", "eins", "zwei"))


@pytest.mark.parametrize("inside", ["", "SHD"])
def test_shd(tmp_path: Path, inside: str) -> None:
    pytest.importorskip("h5py", reason="h5py is not installed")
    make_spoken(tmp_path / inside, "shd_train.h5", "shd_test.h5")
    recordings = shd(tmp_path)
    assert recordings.parts.tolist() == ["train"] * 3 + ["test"] * 3
    assert recordings.labels.tolist() == [2, 0, 1] * 2
    assert recordings.classes == ("null", "eins", "zwei")
    assert lengths(recordings) == [1, 2, 3, 11, 12, 13]
    assert [len(events) for events in recordings.stream([5, 0, 4, 4])] == [13, 1, 12, 12]
    assert lengths(shd(tmp_path / inside / "shd_test.h5")) == [11, 12, 13]


def test_ssc(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="h5py is not installed")
    make_spoken(tmp_path, "ssc_train.h5", "ssc_valid.h5", "ssc_test.h5")
    recordings = ssc(tmp_path)
    assert recordings.members("validation").tolist() == [3, 4, 5]
    assert lengths(recordings[3:6]) == [11, 12, 13]
    with pytest.raises(EvoNeuroError, match="the name says which part it is"):
        shd(tmp_path / "ssc_train.h5")


def test_files_of_different_sets(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="h5py is not installed")
    make_spoken(tmp_path, "shd_train.h5")
    write_heidelberg(tmp_path / "shd_test.h5", [recording(0)], [0], ("zero",))
    with pytest.raises(FormatError, match="its classes are not those of"):
        shd(tmp_path)


def test_nothing_stays_in_memory(tmp_path: Path) -> None:
    make_nmnist(tmp_path)
    recordings = nmnist(tmp_path)
    assert recordings[0] is not recordings[0]
    for path in recordings.files:
        Path(path).unlink()
    with pytest.raises(EvoNeuroError, match="cannot be read"):
        recordings[0]


def test_a_sequence(tmp_path: Path) -> None:
    make_nmnist(tmp_path)
    recordings = nmnist(tmp_path)
    assert len(recordings[-1]) == 30
    assert [len(events) for events in recordings[2:8:2]] == [3, 5, 7]
    with pytest.raises(IndexError):
        recordings[30]
    assert lengths(pickle.loads(pickle.dumps(recordings))) == lengths(recordings)  # as it travels to a worker


@pytest.mark.parametrize("load", [nmnist, dvs_gesture, shd, ssc, lambda folder: by_class(folder, "*.bin", read_bin)])
def test_says_what_was_expected(tmp_path: Path, load: Callable[[Path], Recordings]) -> None:
    with pytest.raises(EvoNeuroError, match=r"expected .*; found an empty folder"):
        load(tmp_path)
    with pytest.raises(EvoNeuroError, match=r"expected .*; found no such folder"):
        load(tmp_path / "none")
    for name in "abcdefg":
        (tmp_path / name).touch()
    with pytest.raises(EvoNeuroError, match=r"expected .*; found a, b, c, d, e and 2 more"):
        load(tmp_path)


def test_says_that_folders_are_empty(tmp_path: Path) -> None:
    (tmp_path / "Train" / "0").mkdir(parents=True)
    with pytest.raises(EvoNeuroError, match=r"expected Train/<digit>/\*.bin .*; found Train, and no such file"):
        nmnist(tmp_path)


def test_names_of_gestures(tmp_path: Path) -> None:
    make_gesture(tmp_path)
    write_gesture(tmp_path / "ibmGestureTest" / "user24_lab" / "11.npy", recording())
    with pytest.raises(FormatError, match=r"labels 0 to 10.*; got a file named 11.npy"):
        dvs_gesture(tmp_path)
