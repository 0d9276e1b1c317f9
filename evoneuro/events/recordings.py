"""Labelled recordings in files, read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import overload

import numpy as np
import numpy.typing as npt

from evoneuro.errors import check_choice
from evoneuro.events.form import Events

Read = Callable[[str, list[int]], Iterator[Events]]


class Recordings(Sequence[Events]):
    """A sequence of recordings; each is read from its file whenever it is asked for, and none stays in memory.

    Attributes:
        files: path of each recording's file.
        indices: its place in the file, int64 [recordings]; 0 where a file holds one recording.
        labels: its class number, int64 [recordings].
        classes: names of the classes, by number.
        parts: its part of the published split, "train", "validation" or "test"; "all" where none is published.
        read: makes the recordings of a path and places in that file, one after another.
    """

    def __init__(
        self,
        files: Sequence[str],
        labels: Sequence[int],
        parts: Sequence[str],
        *,
        classes: Sequence[str],
        read: Read,
        indices: Sequence[int] | None = None,
    ) -> None:
        self.files = tuple(files)
        self.labels: npt.NDArray[np.int64] = np.array(labels, np.int64)
        self.parts: npt.NDArray[np.str_] = np.array(parts, np.str_)
        self.classes = tuple(classes)
        self.read = read
        self.indices: npt.NDArray[np.int64] = np.array([0] * len(files) if indices is None else indices, np.int64)
        assert len(self.files) == len(self.labels) == len(self.parts) == len(self.indices)

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, index: int) -> Events: ...

    @overload
    def __getitem__(self, index: slice) -> list[Events]: ...

    def __getitem__(self, index: int | slice) -> Events | list[Events]:
        """Events of one recording, or a list of those of several."""
        if isinstance(index, slice):
            return list(self.stream(range(len(self))[index]))
        return next(self.stream([range(len(self))[index]]))

    def __iter__(self) -> Iterator[Events]:
        return self.stream(range(len(self)))

    def stream(self, positions: Iterable[int]) -> Iterator[Events]:
        """Events of the recordings at `positions`, in that order; a file is opened once for neighbours."""
        for path, group in groupby(positions, key=self.files.__getitem__):
            yield from self.read(path, self.indices[list(group)].tolist())

    def members(self, part: str) -> npt.NDArray[np.intp]:
        """Positions of the recordings of a part."""
        check_choice("part", part, sorted(set(self.parts.tolist())))
        return np.flatnonzero(self.parts == part)
