"""The published data sets as folders: where their files lie, what class each is, and which part of the split.

Each function takes the folder that an archive unpacks to, or the folder above it. Recordings are ordered by part, class
and name (DVSGesture: part, user, gesture), so that a position means the same recording everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.events.columns import read_gesture
from evoneuro.events.files import PathLike
from evoneuro.events.form import Events
from evoneuro.events.heidelberg import SpikeFile
from evoneuro.events.nmnist import read_bin
from evoneuro.events.recordings import Recordings

GESTURES = (
    "hand clapping",
    "right hand wave",
    "left hand wave",
    "right arm clockwise",
    "right arm counter-clockwise",
    "left arm clockwise",
    "left arm counter-clockwise",
    "arm roll",
    "air drums",
    "air guitar",
    "other gestures",
)
DIGITS = tuple("0123456789")
SUFFIXES = {"train": "train", "valid": "validation", "test": "test"}


def nmnist(folder: PathLike) -> Recordings:
    """N-MNIST: Train|Test/<digit>/*.bin, in `folder` or in its NMNIST or N-MNIST; 34 x 34 pixels, about 0.3 s."""
    layout = "Train/<digit>/*.bin and Test/<digit>/*.bin"
    root = _root(folder, ("NMNIST", "N-MNIST"), ("Train", "Test"), layout)
    files, labels, parts = [], [], []
    for name, part in (("Train", "train"), ("Test", "test")):
        for label, digit in enumerate(DIGITS):
            found = _matching(root / name / digit, "*.bin")
            files += found
            labels += [label] * len(found)
            parts += [part] * len(found)
    _check_any(files, root, layout)
    return Recordings(files, labels, parts, classes=DIGITS, read=partial(_alone, read_bin))


def dvs_gesture(folder: PathLike) -> Recordings:
    """DVSGesture in pieces: ibmGestureTrain|ibmGestureTest/user<number>_<lighting>/<label>.npy; 128 x 128 pixels."""
    layout = "ibmGestureTrain/user<number>_<lighting>/<label>.npy, labels 0 to 10, and the same in ibmGestureTest"
    names = {"ibmGestureTrain": "train", "ibmGestureTest": "test"}
    root = _root(folder, ("DVSGesture",), tuple(names), layout)
    files, labels, parts = [], [], []
    for name, part in names.items():
        for user in _subfolders(root / name):
            for path in sorted(_matching(root / name / user, "*.npy"), key=lambda path: (len(path), path)):
                stem = Path(path).stem
                if not stem.isdecimal() or int(stem) >= len(GESTURES):
                    raise FormatError(f"{path}: expected {layout}; got a file named {stem}.npy")
                files.append(path)
                labels.append(int(stem))
                parts.append(part)
    _check_any(files, root, layout)
    return Recordings(files, labels, parts, classes=GESTURES, read=partial(_alone, read_gesture))


def shd(path: PathLike) -> Recordings:
    """Spiking Heidelberg Digits: shd_train.h5 and shd_test.h5, in a folder or in its SHD, or one such file."""
    return _heidelberg(path, "shd", ("train", "test"))


def ssc(path: PathLike) -> Recordings:
    """Spiking Speech Commands: ssc_train.h5, ssc_valid.h5, ssc_test.h5, in a folder or in its SSC, or one such file."""
    return _heidelberg(path, "ssc", ("train", "valid", "test"))


def by_class(folder: PathLike, pattern: str, read: Callable[[str], Events], part: str = "all") -> Recordings:
    """Any folder <class>/<files>, such as N-Caltech101's: a class for each sub-folder, its files by a pattern.

    Args:
        pattern: which files, such as "*.bin".
        read: makes events of a path, such as `read_bin`.
        part: what all recordings are, where the folder is one part of a published split.
    """
    root = Path(folder)
    layout = f"a folder for each class with files {pattern}"
    if not root.is_dir():
        raise EvoNeuroError(f"{root}: expected {layout}; {_found(root)}")
    by_name = {name: found for name in _subfolders(root) if (found := _matching(root / name, pattern))}
    files = [path for found in by_name.values() for path in found]
    labels = [label for label, found in enumerate(by_name.values()) for _ in found]
    _check_any(files, root, layout)
    return Recordings(files, labels, [part] * len(files), classes=tuple(by_name), read=partial(_alone, read))


def _heidelberg(path: PathLike, name: str, suffixes: Sequence[str]) -> Recordings:
    layout = " and ".join(f"{name}_{suffix}.h5" for suffix in suffixes)
    names = {f"{name}_{suffix}.h5": SUFFIXES[suffix] for suffix in suffixes}
    given = Path(path)
    if given.is_file():
        if given.name not in names:
            raise EvoNeuroError(f"{given}: the name says which part it is: expected {layout}, got {given.name}")
        paths = [given]
    else:
        root = _root(given, (name.upper(), name), tuple(names), layout)
        paths = [root / file for file in names if (root / file).exists()]
    files, indices, labels, parts = [], [], [], []
    classes: tuple[str, ...] = ()
    for file in paths:
        with SpikeFile(file) as recordings:
            number = len(recordings)
            files += [str(file)] * number
            indices += list(range(number))
            labels += recordings.labels.tolist()
            parts += [names[file.name]] * number
            if classes and recordings.classes != classes:
                raise FormatError(f"{file}: its classes are not those of {paths[0]}; expected files of one data set")
            classes = recordings.classes
    return Recordings(files, labels, parts, classes=classes, read=_together, indices=indices)


def _alone(read: Callable[[str], Events], path: str, indices: list[int]) -> Iterator[Events]:
    """The recording of a file that holds no other, as often as it is asked for."""
    for _ in indices:
        yield read(path)


def _together(path: str, indices: list[int]) -> Iterator[Events]:
    """Some recordings of a file that holds many."""
    with SpikeFile(path) as file:
        yield from file.stream(indices)


def _root(folder: PathLike, names: Sequence[str], inside: Sequence[str], layout: str) -> Path:
    """`folder`, or the one of its sub-folders `names`, that has any of the entries `inside`."""
    for root in (Path(folder), *(Path(folder) / name for name in names)):
        if any((root / entry).exists() for entry in inside):
            return root
    raise EvoNeuroError(f"{os.fspath(folder)}: expected {layout}, here or in {names[0]}; {_found(Path(folder))}")


def _subfolders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []


def _matching(folder: Path, pattern: str) -> list[str]:
    return sorted(str(path) for path in folder.glob(pattern) if path.is_file())


def _check_any(files: Sequence[str], root: Path, layout: str) -> None:
    if not files:
        raise EvoNeuroError(f"{root}: expected {layout}; {_found(root)}, and no such file in it")


def _found(folder: Path) -> str:
    """What there is instead."""
    if not folder.is_dir():
        return "found no such folder"
    names = sorted(entry.name for entry in folder.iterdir())
    if not names:
        return "found an empty folder"
    return f"found {', '.join(names[:5])}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
