"""A bench document for people: tables in the terminal, a page, a picture and the document itself in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from evoneuro.bench.tables import Table, markdown, tables
from evoneuro.errors import EvoNeuroError

WIDE = 160  # columns, where the output is no terminal


def print_tables(document: Mapping[str, Any], stream: TextIO) -> None:
    """All tables, each with its note."""
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else WIDE)
    for table in tables(document):
        console.print(_rich(table))
        if table.note:
            console.print(table.note, style="dim", markup=False)
        console.print()


def write_folder(document: Mapping[str, Any], folder: Path, command: str) -> list[Path]:
    """README.md, bench.json and growth.png in `folder`.

    Raises:
        EvoNeuroError: the folder cannot be written.
    """
    from evoneuro.report.growth_picture import draw_growth

    page, data = folder / "README.md", folder / "bench.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(markdown(document, command), encoding="utf-8")
        data.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise EvoNeuroError(f"{folder}: cannot be written: {error.strerror or error}") from None
    picture = draw_growth(document["growth"], folder / "growth.png", title=document["machine"]["processor"])
    return [page, data, picture]


def _rich(table: Table) -> RichTable:
    shown = RichTable(
        title=table.title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="left" if number == 0 else "right")
    for row in table.rows:
        shown.add_row(*row)
    return shown
