"""Tables with named columns, of CSV files, Parquet files and data frames, as arrays of numbers.

What is missing or is no number is never guessed at: the error names the column and the row, and says what to do.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, FormatError, nearest

MISSING = {"", "?", "na", "n/a", "nan", "nat", "null", "<na>"}  # in any case
FEW = 12  # different texts that a column may have to become one feature each
DELIMITERS = ",;\t| "
PARQUET = (".parquet", ".pq")

_SNIFFED = 2**16  # characters that tell the delimiter
_ROWS = 2000  # rows that are converted at a time

Array = npt.NDArray[Any]
Cells = Array  # finite numbers in the smallest exact type, or text as objects


@dataclass(frozen=True)
class Columns:
    """A table: `parts[j]` are the cells of column j, some rows after another.

    Attributes:
        source: what the columns come from, as errors name it.
        names: of the columns; "0", "1", ... where the source has none.
        lines: line of each row in its file; None: rows are called by their position, from 0.
    """

    source: str
    names: Sequence[str]
    parts: Sequence[Sequence[Cells]]
    lines: Sequence[int] | None = None

    def position(self, what: str, column: str | int) -> int:
        """Where a column stands, of its name or its position; negative positions count from the end."""
        count = len(self.names)
        if isinstance(column, int) and not isinstance(column, bool):
            if not -count <= column < count:
                raise EvoNeuroError(f"{what}: {self.source} has {count} columns, got number {column}")
            return column % count
        if self.names.count(column) != 1:
            many = "more than one column" if column in self.names else "no column"
            raise EvoNeuroError(f"{what}: {self.source} has {many} {column!r}.{nearest(str(column), self.names)}")
        return self.names.index(column)

    def split(self, columns: Sequence[str | int] | None, target: str | int | None) -> tuple[Array, Array]:
        """Features (samples, features) and targets [samples].

        Args:
            columns: features; None: all columns but the target.
            target: None: the last column.
        """
        aim = self.position("task.target", -1 if target is None else target)
        if columns is not None and aim in [self.position("task.columns", column) for column in columns]:
            raise EvoNeuroError(f"task.columns: column {self.names[aim]!r} is the target; leave it out")
        chosen = [name for name in range(len(self.names)) if name != aim] if columns is None else columns
        return self.features(chosen), self.labels(aim)

    def features(self, columns: Sequence[str | int] | None) -> Array:
        """Numbers (samples, features), in the smallest type that holds all exactly.

        A column of text with at most `FEW` different values becomes a feature of 0 and 1 for each of them, in their
        sorted order; of two, one feature says whether it is the second.
        """
        chosen: Sequence[str | int] = range(len(self.names)) if columns is None else columns
        if not len(chosen):
            raise EvoNeuroError(f"{self.source}: no column is left as a feature; at least one is needed")
        found = [self._feature(self.position("task.columns", column)) for column in chosen]
        return np.stack(list(chain.from_iterable(found)), axis=1)

    def labels(self, column: int) -> Array:
        """The cells of a column that is the target: numbers if all are, else text."""
        text = [part for part in self.parts[column] if part.dtype == object]
        if not text:
            return np.concatenate(self.parts[column])
        self._refuse_missing(column, "fill it in, or drop the row")
        return cells(np.concatenate([part.astype(str).astype(object) for part in self.parts[column]]))

    def _feature(self, column: int) -> list[Array]:
        """What a column gives, one or more features."""
        parts = self.parts[column]
        if all(part.dtype != object for part in parts):
            return [np.concatenate(parts)]
        self._refuse_missing(column, "fill it in, or drop the row, or the column by task.columns")
        found = np.concatenate([part.astype(object) for part in parts])
        numeric = np.array([_is_number(cell) for cell in found])
        if numeric.any():
            row = int(numeric.argmin())
            raise EvoNeuroError(
                f"{self._place(column, row)}: {str(found[row])[:40]!r} is no finite number, as others of the column are"
            )
        values, number = np.unique(found.astype(str), return_inverse=True)
        if len(values) > FEW:
            raise EvoNeuroError(
                f"{self._place(column, 0)}: {str(found[0])[:40]!r} is text, and the column has {len(values)} different "
                f"texts (up to {FEW} become features of 0 and 1); drop the column by task.columns, or encode it as "
                "numbers"
            )
        first = 1 if len(values) == 2 else 0
        return [(number == k).astype(np.uint8) for k in range(first, len(values))]

    def _refuse_missing(self, column: int, remedy: str) -> None:
        row = 0
        for part in self.parts[column]:
            for offset, cell in enumerate(part if part.dtype == object else ()):
                if is_missing(cell):
                    raise EvoNeuroError(f"{self._place(column, row + offset)}: the value is missing; {remedy}")
            row += len(part)

    def _place(self, column: int, row: int) -> str:
        where = f"row {row}" if self.lines is None else f"line {self.lines[row]}"
        return f"{self.source}: {where}, column {self.names[column]!r}"


# Sources


def is_frame(value: Any) -> bool:
    """Whether `value` is a data frame as pandas has it."""
    return hasattr(value, "columns") and hasattr(value, "iloc")


def from_frame(frame: Any, source: str) -> Columns:
    """The columns of a data frame of pandas; its index is no column."""
    names = [str(name) for name in frame.columns]
    return Columns(source, names, [[cells(frame.iloc[:, j].to_numpy())] for j in range(len(names))])


def read(path: Path, target: str | int | None) -> Columns:
    """The columns of a Parquet file or, whatever else it is called, of a file of separated values.

    Args:
        target: the column whose texts are kept as they stand, for they may be labels; None: the last.

    Raises:
        EvoNeuroError: a file that cannot be read, or is no table.
    """
    try:
        return _read_parquet(path) if path.suffix.lower() in PARQUET else _read_csv(path, target)
    except OSError as error:
        raise EvoNeuroError(f"{path}: cannot be read: {error.strerror or error}") from None


def _read_csv(path: Path, target: str | int | None) -> Columns:
    """Separated values: the delimiter, and whether there is a header, is found out; fields may be in double quotes."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as text:
            sample = text.read(_SNIFFED)
            text.seek(0)
            return _parse(str(path), text, _delimiter(sample, cut=len(sample) == _SNIFFED), target)
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None


def _parse(source: str, text: io.TextIOBase, delimiter: str, target: str | int | None) -> Columns:
    rows = _rows(source, text, delimiter)
    first = list(islice(rows, _ROWS))
    if not first:
        raise FormatError(f"{source}: no rows; expected one line for each sample")
    head = [name.strip() for name in first[0][1]]
    headed = has_header([row for _, row in first])
    names = head if headed else [str(j) for j in range(len(head))]
    if len(names) < 2:
        raise FormatError(f"{source}: one column; expected features and a target, separated by one of {DELIMITERS!r}")
    kept = _without_index(names)
    names = [names[j] for j in kept]
    aim = Columns(source, names, []).position("task.target", -1 if target is None else target)
    parts: list[list[Cells]] = [[] for _ in names]
    lines: list[int] = []
    block = first[1:] if headed else first
    while block:
        lines += [line for line, _ in block]
        texts = [[row[j] for j in kept] for _, row in block] if len(kept) < len(head) else [row for _, row in block]
        parts[aim].append(_texts([row.pop(aim) for row in texts]))
        for part, found in zip(parts[:aim] + parts[aim + 1 :], _by_column(texts), strict=True):
            part.append(found)
        block = list(islice(rows, _ROWS))
    if not lines:
        raise FormatError(f"{source}: a header and no rows; expected one line for each sample")
    parts[aim] = [cells(np.concatenate(parts[aim]))]
    return Columns(source, names, parts, lines)


def _by_column(rows: Sequence[Sequence[str]]) -> list[Cells]:
    """The cells of each column of some rows."""
    try:
        numbers = np.array(rows, np.float64)  # row by row, which is many times faster
    except ValueError:
        numbers = np.array([[np.nan]])
    if np.isfinite(numbers).all():
        return list(compact(numbers).T)
    return [cells(column) for column in zip(*rows, strict=True)]


def _rows(source: str, text: io.TextIOBase, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each row; empty lines are passed over."""
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True)
    width = 0
    try:
        for row in reader:
            if not any(map(str.strip, row)):
                continue
            width = width or len(row)
            if len(row) != width:
                raise FormatError(
                    f"{source}: line {reader.line_num} has {len(row)} fields, the lines before it have {width} "
                    f"(separated by {delimiter!r}; a field that holds it must be in double quotes)"
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise FormatError(f"{source}: line {reader.line_num}: {error}") from None


def _delimiter(sample: str, cut: bool) -> str:
    """The delimiter that parts all lines into equally many fields, and the most; else the one that does so for most."""
    best, most = ",", (0, 0)
    for delimiter in DELIMITERS:
        try:
            rows = [
                len(row)
                for row in csv.reader(io.StringIO(sample, ""), delimiter=delimiter, skipinitialspace=True)
                if row
            ]
        except csv.Error:
            continue
        rows = rows[:-1] if cut and len(rows) > 1 else rows  # the last line may be half a line
        width, count = Counter(rows).most_common(1)[0] if rows else (0, 0)
        if width > 1 and (count, width) > most:
            best, most = delimiter, (count, width)
    return best


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of `rows` names the columns.

    It does if none of its cells is a number, if one is text in a column that holds numbers below, or if it counts the
    columns: 0, 1, 2, 3, ... as data frames without names are saved.
    """
    head, below = rows[0], rows[1:]
    numbers = [j for j, cell in enumerate(head) if _is_number(cell)]
    if not numbers:
        return True
    if len(numbers) >= 4 and all(head[j] == str(j) for j in numbers):
        return True
    for j, cell in enumerate(head):
        if j not in numbers and not is_missing(cell):
            held = [row[j] for row in below if not is_missing(row[j])]
            if held and all(_is_number(other) for other in held):
                return True
    return False


def _read_parquet(path: Path) -> Columns:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError:
        raise EvoNeuroError(f"{path}: reading Parquet needs pyarrow: pip install 'evoneuro[parquet]'") from None
    try:
        table = parquet.read_table(path)
    except ArrowInvalid as error:
        raise FormatError(f"{path}: no Parquet file: {error}") from None
    if table.num_columns < 2 or not table.num_rows:
        raise FormatError(
            f"{path}: {table.num_columns} columns and {table.num_rows} rows; expected features and a target, and a row "
            "for each sample"
        )
    parts = []
    kept = _without_index(table.column_names)
    for column in map(table.column, kept):
        plain = not (column.null_count or _nests(column.type))
        parts.append([cells(column.to_numpy() if plain else column.to_pylist())])
    return Columns(str(path), [table.column_names[j] for j in kept], parts)


def _nests(kind: Any) -> bool:
    """Whether a type of Arrow has others inside, such as lists and dictionaries."""
    return kind.num_fields > 0 or hasattr(kind, "value_type")


def _without_index(names: Sequence[str]) -> list[int]:
    """Positions of the columns without the row numbers that data frames are saved with: they would tell the order."""
    kept = [j for j, name in enumerate(names) if name not in ("", "Unnamed: 0") and name[:14] != "__index_level_"]
    return kept if len(kept) == len(names) - 1 else list(range(len(names)))


# Cells


def cells(given: Array | Sequence[Any]) -> Cells:
    """Finite numbers in the smallest exact type if all cells are, else their texts as objects."""
    try:
        kept = isinstance(given, np.ndarray) and given.dtype.kind in "biuf"
        numbers = np.array(given if kept else list(map(float, given)), np.float64)
    except (TypeError, ValueError):
        return _texts(given)
    return compact(numbers) if np.isfinite(numbers).all() else _texts(given)


def _texts(given: Array | Sequence[Any]) -> Cells:
    texts = np.empty(len(given), object)
    texts[:] = ["" if cell is None else str(cell).strip() for cell in given]
    return texts


def is_missing(text: str) -> bool:
    """Whether a cell's text says that there is no number."""
    return text.strip().lower() in MISSING


def compact(numbers: npt.NDArray[np.float64]) -> Array:
    """The same finite numbers in the smallest of uint8, int16, int32, float32 and float64 that holds them exactly."""
    low, high = numbers.min(initial=0), numbers.max(initial=0)
    if (numbers == np.rint(numbers)).all():
        for kind in (np.uint8, np.int16, np.int32):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return numbers.astype(kind)
    elif max(-low, high) < np.finfo(np.float32).max:
        short = numbers.astype(np.float32)
        if (short == numbers).all():
            return short
    return numbers


def _is_number(cell: Any) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False
