"""SHD and SSC, the Heidelberg spiking data sets: many recordings of a cochlea in one HDF5 file `.h5`.

Data sets of a file: `spikes/times` (float16 of any length each, seconds), `spikes/units` (uint16, 0 to 699), `labels`,
`extra/keys` (names of the classes), `extra/speaker`. A float16 near 1 s has steps of 0.49 ms, so that times in
microseconds look finer than they are. B. Cramer and others, The Heidelberg spiking data sets for the systematic
evaluation of spiking neural networks, IEEE Transactions on Neural Networks and Learning Systems (2020),
https://zenkelab.org/resources/spiking-heidelberg-datasets-shd/.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, FormatError, check_integer
from evoneuro.events.files import PathLike
from evoneuro.events.form import Events, as_events, make_events

_SECOND = 1_000_000
_AT_ONCE = 16  # recordings per access: one at a time takes seven times as long
_SPREAD = 4  # an access may read so many recordings for each that is wanted


class SpikeFile:
    """An open file; close it, or use it in a `with` statement.

    Attributes:
        labels: int64 [recordings].
        classes: names, by label.
    """

    def __init__(self, path: PathLike) -> None:
        h5py = _h5py()
        self.path = os.fspath(path)
        if not Path(path).is_file():
            raise EvoNeuroError(f"{self.path}: no such file")
        with self._teaching():
            self._file: Any = h5py.File(self.path, "r")
        try:
            with self._teaching():
                self._check(h5py)
        except FormatError:
            self.close()
            raise

    def _check(self, h5py: Any) -> None:
        self._times, self._units = self._file["spikes/times"], self._file["spikes/units"]
        labels = self._file["labels"]
        for data, kind in ((self._times, "f"), (self._units, "u"), (labels, "iu")):
            dtype = h5py.check_vlen_dtype(data.dtype) or data.dtype
            if data.ndim != 1 or dtype.kind not in kind or (data is not labels) != (dtype is not data.dtype):
                raise FormatError(f"{self.path}: {data.name} has shape {data.shape} and type {data.dtype}; {_EXPECTED}")
        lengths = {len(self._times), len(self._units), len(labels)}
        if len(lengths) != 1 or not 0 < len(labels) <= os.path.getsize(self.path):
            raise FormatError(
                f"{self.path}: {len(self._times)} times, {len(self._units)} units, {len(labels)} labels; expected as "
                "many of each, and at least one"
            )
        self.labels = labels[:].astype(np.int64)
        low, high = int(self.labels.min()), int(self.labels.max())
        names = self._names() if "extra/keys" in self._file else tuple(str(number) for number in range(high + 1))
        if low < 0 or high >= len(names):
            raise FormatError(f"{self.path}: labels from {low} to {high}, and {len(names)} names in extra/keys")
        self.classes = names

    def _names(self) -> tuple[str, ...]:
        keys = self._file["extra/keys"]
        if keys.ndim != 1 or len(keys) > os.path.getsize(self.path):
            raise FormatError(f"{self.path}: extra/keys has shape {keys.shape}; expected a name for each class")
        return tuple(key.decode() if isinstance(key, bytes) else str(key) for key in keys[:].tolist())

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Events:
        """Events of one recording: x is the unit, t in microseconds."""
        return next(self.stream([range(len(self))[index]]))

    def stream(self, positions: Iterable[int]) -> Iterator[Events]:
        """Events of the recordings at `positions`, in that order; a few recordings are in memory at a time."""
        wanted = list(positions)
        for first in range(0, len(wanted), _AT_ONCE):
            some = wanted[first : first + _AT_ONCE]
            low, high = min(some), max(some) + 1
            if high - low > _SPREAD * len(some):
                for index in some:
                    yield from self._slice(index, index + 1)
                continue
            near = list(self._slice(low, high))
            yield from (near[index - low] for index in some)

    def _slice(self, low: int, high: int) -> Iterator[Events]:
        with self._teaching():
            times, units = self._times[low:high], self._units[low:high]
        for index, t, x in zip(range(low, high), times, units, strict=True):
            if len(t) != len(x):
                raise FormatError(f"{self.path}: recording {index} has {len(t)} times and {len(x)} units")
            with np.errstate(all="ignore"):  # times that are no numbers are refused as such
                microseconds = t.astype(np.float64) * _SECOND
            try:
                yield make_events(x, 0, microseconds, 1, f"{self.path}: recording {index}")
            except EvoNeuroError as error:
                raise FormatError(str(error)) from None

    @contextmanager
    def _teaching(self) -> Iterator[None]:
        """What HDF5 says of a damaged file, with what was expected."""
        try:
            yield
        except EvoNeuroError:
            raise
        except Exception as error:  # h5py passes on whatever HDF5 finds, as one of many classes
            raise FormatError(f"{self.path}: {error}; {_EXPECTED}") from None

    def close(self) -> None:
        """Close the file; samples that were read stay."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_EXPECTED = (
    "expected an HDF5 file with spikes/times (floats of any length each), spikes/units (unsigned integers) and labels, "
    "as SHD and SSC have them"
)


def read_heidelberg(path: PathLike, index: int) -> Events:
    """Events [N] of recording `index` of a file; who reads many opens the file once (`SpikeFile`)."""
    with SpikeFile(path) as file:
        return file[check_integer(f"{os.fspath(path)}: index", index, 0, len(file) - 1)]


def write_heidelberg(
    path: PathLike, recordings: Sequence[Events], labels: npt.ArrayLike, classes: Sequence[str]
) -> None:
    """Write recordings with x as the unit, and their labels [recordings]; times are rounded to float16 seconds."""
    h5py = _h5py()
    numbers = np.asarray(labels, np.uint16)
    if not len(recordings) or numbers.shape != (len(recordings),) or int(numbers.max()) >= len(classes):
        raise EvoNeuroError(
            f"{os.fspath(path)}: expected a label below {len(classes)} for each of {len(recordings)} recordings, and "
            f"at least one; got labels of shape {numbers.shape}"
        )
    spikes = [as_events(events) for events in recordings]
    try:
        with h5py.File(os.fspath(path), "w") as file:
            for name, dtype in (("times", np.float16), ("units", np.uint16)):
                data = file.create_dataset(f"spikes/{name}", (len(spikes),), h5py.vlen_dtype(dtype))
                for index, events in enumerate(spikes):
                    data[index] = (events["t"] / _SECOND).astype(dtype) if name == "times" else events["x"]
            file["labels"] = numbers
            file["extra/keys"] = np.array([name.encode() for name in classes])
            file["extra/speaker"] = np.zeros(len(spikes), np.uint16)
    except OSError as error:
        raise EvoNeuroError(f"{os.fspath(path)}: cannot be written: {error}") from None


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise EvoNeuroError('files .h5 need h5py, which is not installed: pip install "evoneuro[events]"') from None
    return h5py
