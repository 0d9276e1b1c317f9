"""Samples that are numbers: arrays, files, data frames, scikit-learn's loaders; their ranges, and their encoding."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro import columns, plugins
from evoneuro.coding import Encoder
from evoneuro.coding.trains import words
from evoneuro.errors import EvoNeuroError
from evoneuro.samples import Feed, Positions, SampleTask, Table

SPREAD = 2.0  # standard deviations of a feature that its encoder's range holds to each side
PIECE = 2**20  # numbers that are converted to float64, or encoded, at a time

Numbers = npt.NDArray[Any]  # integers or floats, in the type in which they came


class Tabular(SampleTask):
    """What tasks share whose samples are rows of numbers (samples, features) or series (samples, times, channels).

    The encoder's ranges are the training split's mean +- two standard deviations of each feature or channel: what is
    beyond is clipped, and no outlier moves the centre.

    Instead of writing `load`, set `data`. `load` may also return a data frame of pandas, from which `target` and
    `columns` choose, a pair of a frame and its targets, or what scikit-learn's loaders return.

    Attributes:
        data: the path of a file, below the folder of the task's own file or the current one: Parquet, or separated
            values with or without a header (UTF-8; commas, semicolons, tabs, bars or spaces); or a loader, as
            "sklearn.datasets:load_wine".
        target: of a file or data frame, the column that is to be predicted: its name, or its position; None: the last.
        columns: those that are features, by name or position; None: all but the target. A column of text with few
            different values becomes a feature of 0 and 1 for each value.
    """

    data: str | None = None
    target: str | int | None = None
    columns: tuple[str | int, ...] | None = None

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        if "data" in self.changed and not _is_function(str(self.data)):
            # a worker, or whoever holds the network file, may stand in another folder
            self.data = self.changed["data"] = str(self._path().resolve())

    def load(self) -> Any:
        """What `data` names: the rows of a file, or what a loader returns.

        Raises:
            EvoNeuroError: there is no data, or they cannot be read as numbers and a target.
        """
        if self.data is None:
            raise EvoNeuroError(
                f"task {self.name!r} has no data: write load(), which returns samples and targets, or set data to a "
                "CSV or Parquet file or to a loader such as sklearn.datasets:load_wine"
            )
        if _is_function(self.data):
            return plugins.function("task.data", self.data)()
        return columns.read(self._path(), self.target)

    def _path(self) -> Path:
        """The file that `data` names."""
        data = str(self.data)
        owner = next(cls for cls in type(self).__mro__ if "data" in vars(cls))  # a task may be derived from another's
        folders = [_folder(cls) for cls in (type(self), owner)]
        for folder in (*folders, Path()):
            if (folder / data).is_file():
                return folder / data
        raise EvoNeuroError(
            f"task.data: no file {data!r} in {folders[0]} or {Path().resolve()}; "
            "give the path of a CSV or Parquet file, or a loader as package.module:function"
        )

    def _unpacked(self, loaded: Any) -> Any:
        source = f"task {self.name!r}: data frame"
        if columns.is_frame(loaded):
            loaded = columns.from_frame(loaded, source)
        if isinstance(loaded, columns.Columns):
            return loaded.split(self.columns, self.target)
        loaded = super()._unpacked(loaded)
        if not isinstance(loaded, tuple | list) or not loaded:
            return loaded
        samples, *rest = loaded
        if columns.is_frame(samples):
            samples = columns.from_frame(samples, source).features(self.columns)
        elif self.columns is not None:
            samples = _chosen(np.asarray(samples), self.columns)
        return samples, *rest

    def _samples(self, samples: Any) -> Numbers:
        try:
            x = np.asarray(samples)
            if x.dtype.kind not in "biuf" or x.dtype.itemsize > 8:
                x = x.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise EvoNeuroError(f"task {self.name!r}: load() must give numbers: {error}") from None
        if x.ndim not in (2, 3):
            raise EvoNeuroError(
                f"task {self.name!r}: load() must give X of shape (samples, features), "
                f"or (samples, times, channels) for series, got {x.shape}"
            )
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            where = np.argwhere(~np.isfinite(x))[0]
            raise EvoNeuroError(
                f"task {self.name!r}: X[{', '.join(map(str, where))}] is {x[tuple(where)]}; every value must be finite"
            )
        return x

    def coding(self, seed: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Both specifications; ranges are the training samples' mean plus and minus two deviations, or set."""
        x, _ = self._loaded()
        members = self.members("train", seed)
        mean, deviation = moments(lambda: (block.reshape(-1, x.shape[-1]) for block in blocks(x, members)))
        reach = np.where(deviation > 0, SPREAD * deviation, 1.0)  # 1: a constant feature
        low = mean - reach if self.low is None else np.asarray(self.low, float)
        high = mean + reach if self.high is None else np.asarray(self.high, float)
        encoder = self._encoder(low, high)
        if encoder.series != (x.ndim == 3):
            raise EvoNeuroError(
                f"task {self.name!r}: X of shape {x.shape} are {'series' if x.ndim == 3 else 'rows'}, encoder "
                f"{encoder.kind!r} reads {'series' if encoder.series else 'rows'}"
            )
        return encoder.spec(), self._decoder()

    def samples(self, part: str, seed: int) -> Table:
        """Rows of train, validation or test: float64 (samples, features) or (samples, times, channels)."""
        return self._rows(part, seed, slice(0, len(self.targets(part, seed))))

    def _rows(self, part: str, seed: int, lanes: slice) -> Table:
        """Samples `lanes` of a part, float64."""
        x: Table = self._loaded()[0][self.members(part, seed)[lanes]].astype(np.float64)
        return x

    def _chunk(self, part: str, seed: int, lanes: slice, encoder: Encoder | None, gain: int, window: int) -> Feed:
        assert encoder is not None
        coded = encoder.inputs * (window if encoder.graded else 1)
        size = max(1, PIECE // max(coded, self._loaded()[0][0].size))
        pieces = [
            encoder.encode(
                encoder.quantise(self._rows(part, seed, slice(start, min(start + size, lanes.stop)))), window, gain
            )
            for start in range(lanes.start, lanes.stop, size)
        ]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=2)

    def _lane_bytes(self, encoder: Encoder | None, window: int) -> int:
        assert encoder is not None
        return 4 * encoder.inputs * (window if encoder.graded else words(window))


def blocks(x: Numbers, members: Positions) -> Iterator[Table]:
    """Rows `members` of x as float64, some at a time: a copy of all of them may not fit into memory."""
    size = max(1, PIECE // max(1, x[0].size))
    for start in range(0, len(members), size):
        yield x[members[start : start + size]].astype(np.float64)


def moments(rows: Callable[[], Iterable[Table]]) -> tuple[Table, Table]:
    """Mean and standard deviation over the first axis of all that `rows` yields each time it is called."""
    count, total = 0, np.zeros(())
    for block in rows():
        count, total = count + len(block), total + block.sum(axis=0)
    mean = total / count
    squares = np.zeros(())
    for block in rows():
        away = block - mean
        squares = squares + (away * away).sum(axis=0)
    deviation: Table = np.sqrt(squares / count)
    return mean, deviation


def _is_function(data: str) -> bool:
    return re.fullmatch(r".+:[^\W\d]\w*", data) is not None


def _folder(cls: type) -> Path:
    """Where the file is that a class is defined in; the current folder for one that is typed in."""
    return Path(getattr(sys.modules.get(cls.__module__), "__file__", None) or "file").parent


def _chosen(x: Numbers, chosen: Sequence[str | int]) -> Numbers:
    """Columns of an array by their positions along its last axis."""
    count = x.shape[-1] if x.ndim > 1 else 0
    for column in chosen:
        if not isinstance(column, int) or not -count <= column < count:
            raise EvoNeuroError(
                f"task.columns: load() gave an array of {count} columns, which have no names; expected positions, "
                f"got {column!r}"
            )
    return x[..., np.array(chosen)]
