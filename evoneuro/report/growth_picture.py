"""The picture of growth: seconds over each size, both logarithmic, with the slopes that were fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from evoneuro.report.canvas import EXCITATORY, INHIBITORY, INK, PALE, dress, new_figure, save

COLUMNS = 3
COLOURS = (EXCITATORY, INHIBITORY)  # ours first


def draw_growth(rows: Sequence[Mapping[str, Any]], path: Path, title: str = "") -> Path:
    """Draw the growth rows of a bench document to `path` and return it; see `growth_figure`.

    Raises:
        EvoNeuroError: another suffix than .png, .svg or .pdf, or a file that cannot be written.
    """
    return save(growth_figure(rows, title), path)


def growth_figure(rows: Sequence[Mapping[str, Any]], title: str = "") -> Figure:
    """One panel for each axis.

    Args:
        rows: each with `axis`, `values`, `seconds` and `slopes`; the last two by what was measured, ours first.
    """
    lines = -(-len(rows) // COLUMNS)
    figure = new_figure(9.6, 0.6 + 2.9 * lines)
    panels = figure.subplots(lines, COLUMNS, squeeze=False).ravel()
    for axes, row in zip(panels, rows, strict=False):
        _draw_panel(axes, row)
    for axes in panels[len(rows) :]:
        axes.set_axis_off()
    if title:
        figure.suptitle(title, fontsize=11, color=INK, x=0.01, ha="left")
    figure.tight_layout()
    return figure


def _draw_panel(axes: Axes, row: Mapping[str, Any]) -> None:
    dress(axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    seconds = [value for column in row["seconds"].values() for value in column]
    for side, values in ((axes.xaxis, row["values"]), (axes.yaxis, seconds)):
        wide = max(values) > 1000 * min(values)
        side.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 3.0), numticks=9))
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        side.set_minor_locator(NullLocator())
    axes.set_xlabel(row["axis"])
    axes.set_ylabel("seconds")
    axes.grid(True, which="major", color=PALE, alpha=0.25, linewidth=0.6)
    for (name, seconds), colour in zip(row["seconds"].items(), COLOURS, strict=True):
        label = f"{name}: exponent {row['slopes'][name]:.2f}"
        axes.plot(row["values"], seconds, color=colour, marker="o", markersize=3.5, linewidth=1.4, label=label)
    axes.legend(fontsize=7, frameon=False, loc="upper left")
    axes.margins(y=0.25)
