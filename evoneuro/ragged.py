"""Ragged batches: parts of any length that stand one after another in flat arrays.

Of P parts, `starts` int32 [P + 1] says where each begins; the last entry is the length of the flat array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, TypeVar, overload

import numpy as np
import numpy.typing as npt

Starts = npt.NDArray[np.int32]
Positions = npt.NDArray[np.intp]
Member = TypeVar("Member")


def starts_of(lengths: npt.ArrayLike) -> Starts:
    """Where parts of these lengths [P] begin."""
    lengths = np.asarray(lengths)
    starts = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=starts[1:])
    return starts


def lengths_of(starts: Starts) -> Starts:
    """How long each part is, int32 [P]."""
    return starts[1:] - starts[:-1]


def owners(starts: Starts) -> Positions:
    """Which part each element belongs to, intp [elements]."""
    return np.repeat(np.arange(len(starts) - 1), lengths_of(starts))


def elements(starts: Starts, parts: npt.NDArray[Any]) -> Positions:
    """Flat positions of all elements of `parts`, one part after another."""
    lengths = lengths_of(starts)[parts]
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts[parts] - (ends - lengths), lengths) + np.arange(total)


def counts(starts: Starts, flags: npt.NDArray[np.bool_]) -> Starts:
    """How many of each part's elements are flagged, int32 [P]."""
    before = np.zeros(len(flags) + 1, np.int32)
    np.cumsum(flags, out=before[1:])
    return np.diff(before[starts])


class Ragged(Sequence[Member]):
    """A frozen dataclass of flat, read-only arrays that is a sequence of its members; genomes and networks as batches.

    Class attributes:
        PARTS: for each array of starts, the names of the flat arrays that it divides.
        ROWS: names of what has one entry per member: arrays that lead with members, or tuples.
    """

    PARTS: ClassVar[Mapping[str, Sequence[str]]]
    ROWS: ClassVar[Sequence[str]]

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def __len__(self) -> int:
        return len(getattr(self, self.ROWS[0]))

    @overload
    def __getitem__(self, index: int) -> Member: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Member | Self:
        if isinstance(index, slice):
            positions = range(len(self))[index]
            return self._cut(positions) if positions.step == 1 else self.take(positions)
        return self._member(range(len(self))[index])

    def take(self, positions: npt.ArrayLike) -> Self:
        """The members at `positions`, in that order; one may come more than once."""
        positions = np.arange(len(self))[np.asarray(positions, np.intp)]  # negative ones count from the end
        values: dict[str, Any] = {}
        for name, columns in self.PARTS.items():
            starts = getattr(self, name)
            index = elements(starts, positions)
            values[name] = starts_of(lengths_of(starts)[positions])
            values |= {column: getattr(self, column)[index] for column in columns}
        for name in self.ROWS:
            rows = getattr(self, name)
            values[name] = rows[positions] if isinstance(rows, np.ndarray) else tuple(rows[i] for i in positions)
        return type(self)(**values)

    def joined(self, *others: Self) -> Self:
        """The members of all batches, one batch after another."""
        if not others:
            return self
        batches = (self, *others)
        values: dict[str, Any] = {}
        for name, columns in self.PARTS.items():
            values[name] = starts_of(np.concatenate([lengths_of(getattr(batch, name)) for batch in batches]))
            values |= {column: np.concatenate([getattr(batch, column) for batch in batches]) for column in columns}
        for name in self.ROWS:
            rows = [getattr(batch, name) for batch in batches]
            values[name] = np.concatenate(rows) if isinstance(rows[0], np.ndarray) else sum(rows, ())
        return type(self)(**values)

    def replaced(self, positions: npt.NDArray[Any], others: Self) -> Self:
        """The same batch, with `others` in the places of the members at `positions`."""
        if not len(positions):
            return self
        source = np.arange(len(self))
        source[positions] = len(self) + np.arange(len(others))
        return self.joined(others).take(source)

    def changed(self, **values: Any) -> Self:
        """The same batch with other arrays."""
        return replace(self, **values)  # type: ignore[type-var]

    def _member(self, index: int) -> Member:
        """One member, its arrays views of these."""
        raise NotImplementedError

    def _arrays(self, index: int) -> dict[str, Any]:
        """The flat arrays' parts that belong to one member."""
        values: dict[str, Any] = {}
        for name, columns in self.PARTS.items():
            start, stop = getattr(self, name)[index : index + 2].tolist()
            values |= {column: getattr(self, column)[start:stop] for column in columns}
        return values

    def _cut(self, positions: range) -> Self:
        """Members that follow one another, as views."""
        first, last = positions.start, positions.start + len(positions)
        values: dict[str, Any] = {name: getattr(self, name)[first:last] for name in self.ROWS}
        for name, columns in self.PARTS.items():
            starts = getattr(self, name)[first : last + 1]
            values[name] = starts - starts[0]
            values |= {column: getattr(self, column)[starts[0] : starts[-1]] for column in columns}
        return type(self)(**values)

    @classmethod
    def _columns(cls, members: Sequence[Member]) -> dict[str, Any]:
        """Starts and flat arrays of `members`."""
        values: dict[str, Any] = {}
        for name, columns in cls.PARTS.items():
            values[name] = starts_of([len(getattr(member, columns[0])) for member in members])
            for column in columns:
                empty = np.zeros(0, np.int64 if column == "ids" else np.int32)
                values[column] = np.concatenate([empty, *(getattr(member, column) for member in members)])
        return values
