"""Fronts and robustness as tables of text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evoneuro.report.numbers import NOTHING, decimals_of, fixed, known
from evoneuro.report.streams import encodable, is_terminal

WIDE = 1000  # columns; a table that is printed is never cut to the terminal's width

COLUMNS = ("id", "score", "validation", "neurons", "hidden", "synapses", "latency", "energy")


# Fronts


def front_table(members: Sequence[Mapping[str, Any]]) -> Table:
    """Members as a table, one a row, in the order given; in every column the same number of decimals.

    Args:
        members: with id, score, validation_score (or None), neurons, hidden, synapses, latency and energy, and perhaps
            `interval`, [low, high] of the validation score, which is shown as plus or minus half of its width. Other
            keys, objectives of a run's own, get a column each.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    known = {*COLUMNS, "validation_score", "interval"}
    names = [*COLUMNS, *dict.fromkeys(key for member in members for key in member if key not in known)]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    columns = [[str(member.get("id", NOTHING)) for member in members]]
    columns += [_same_decimals([member.get(name) for member in members]) for name in names[1:]]
    columns[2] = _validations(members)
    for row in zip(*columns, strict=True):
        table.add_row(*(Text(cell) for cell in row))
    return table


def print_front(members: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """Print `front_table` to `stream`, as `print_table`."""
    print_table(front_table(members), stream)


def print_robustness(reports: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """Print `robustness_table` to `stream`, as `print_table`."""
    print_table(robustness_table(reports), stream)


def robustness_table(reports: Sequence[Mapping[str, Any]]) -> Table:
    """Reports of `evoneuro.robustness`, with an `id` each, one a row: of each kind the mean, then the worst.

    All scores have the same number of decimals.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    kinds = [key for key, value in reports[0].items() if isinstance(value, Mapping)] if reports else []
    for name in ("id", "score", "robustness", *(name for kind in kinds for name in (kind.replace("_", " "), "worst"))):
        table.add_column(name, justify="right", no_wrap=True)
    rows = [
        [report["score"], report["robustness"], *(report[kind][part] for kind in kinds for part in ("mean", "worst"))]
        for report in reports
    ]
    decimals = decimals_of([value for row in rows for value in row])
    for report, row in zip(reports, rows, strict=True):
        table.add_row(str(report["id"]), *(fixed(value, decimals) for value in row))
    return table


def print_table(table: Table, stream: TextIO) -> None:
    """Print `table` to `stream`: whole, however narrow the terminal, and with colours only on a terminal.

    Raises:
        OSError: the stream cannot be written; these are results, so nobody should miss them silently.
    """
    # Not to the stream itself, because rich ends the program when it finds a pipe broken.
    text = io.StringIO()
    Console(file=text, width=WIDE, highlight=False, force_terminal=is_terminal(stream) or None).print(table)
    lines = (line.rstrip() for line in text.getvalue().splitlines())
    stream.write(encodable("\n".join(lines) + "\n", stream))


def _validations(members: Sequence[Mapping[str, Any]]) -> list[str]:
    halves = [_half_width(member.get("interval")) for member in members]
    values = [member.get("validation_score") for member in members]
    decimals = decimals_of([*values, *halves])
    cells = []
    for value, half in zip(values, halves, strict=True):
        cell = fixed(value, decimals)
        cells.append(f"{cell} ± {fixed(half, decimals)}" if half is not None and cell != NOTHING else cell)
    return cells


def _half_width(interval: Any) -> float | None:
    if interval is None or not all(known(end) for end in interval):
        return None
    return (float(interval[1]) - float(interval[0])) / 2


def _same_decimals(values: Sequence[Any]) -> list[str]:
    decimals = decimals_of(values)
    return [fixed(value, decimals) for value in values]
