"""Charts as figures of matplotlib, for PNG, SVG and PDF: the same charts as on the page, on white."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evoneuro.report.canvas import INK, PALE, dress, new_figure
from evoneuro.report.chart import Band, Bars, Cells, Chart, Dots, Line, Rule, Spans, Ticks, extent, ticks

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222", "#777777")
PIXELS = 100.0  # of a chart, in an inch


def chart_figure(chart: Chart) -> Figure:
    """The chart as a figure with its title."""
    figure = new_figure(chart.width / PIXELS + 0.6, chart.height / PIXELS + 0.6)
    axes = figure.subplots()
    dress(axes)
    (left, right), (low, high) = extent(chart)
    axes.set_xlim((right, left) if chart.x.flip else (left, right))
    axes.set_ylim((high, low) if chart.y.flip else (low, high))
    for side, axis, ends in ((axes.xaxis, chart.x, (left, right)), (axes.yaxis, chart.y, (low, high))):
        places = ticks(axis, ends, 200 if axis.names is not None and axis is chart.y else 6)
        side.set_ticks([place for place, _ in places], [name for _, name in places])
        side.set_label_text(_plain(axis.label))
    if chart.grid:
        axes.grid(axis="y", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(_plain(chart.title), fontsize=11, color=INK, loc="left")
    for layer in chart.layers:
        _draw(axes, layer)
    if chart.legend and axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8.5, labelcolor=INK)
    figure.tight_layout()
    return figure


def _plain(text: str) -> str:
    """Text in which a dollar is a dollar."""
    return text.replace("$", r"\$")


def _draw(axes: Axes, layer: object) -> None:
    if isinstance(layer, Line):
        style = (0, (4, 3)) if layer.dashed else "-"
        axes.plot(
            layer.x,
            layer.y,
            color=COLOURS[layer.colour],
            linewidth=0.9 if layer.thin else 1.6,
            linestyle=style,
            drawstyle="steps-post" if layer.step else "default",
            label=_plain(layer.name) or "_",
        )
    elif isinstance(layer, Band):
        look: dict[str, Any] = {"step": "post"} if layer.step else {}
        axes.fill_between(layer.x, layer.low, layer.high, color=COLOURS[layer.colour], alpha=0.18, linewidth=0, **look)
    elif isinstance(layer, Dots):
        _draw_dots(axes, layer)
    elif isinstance(layer, Bars):
        sizes, places = np.diff(layer.edges), layer.edges[:-1]
        draw = axes.barh if layer.lying else axes.bar
        draw(places, layer.heights, sizes * 0.94, align="edge", color=COLOURS[layer.colour])
    elif isinstance(layer, Cells):
        _draw_cells(axes, layer)
    elif isinstance(layer, Ticks):
        axes.vlines(layer.x, layer.row - 0.4, layer.row + 0.4, color=COLOURS[layer.colour], linewidth=0.9)
    elif isinstance(layer, Spans):
        for low, high in zip(layer.edges[1:-1:2], layer.edges[2::2], strict=False):
            axes.axvspan(low, high, color="#F3F3F3", linewidth=0, zorder=0)
    elif isinstance(layer, Rule):
        _draw_rule(axes, layer)


def _draw_dots(axes: Axes, layer: Dots) -> None:
    for dot in layer.dots:
        alpha = 1.0 if dot.strong else 0.35
        if dot.bar is not None and all(map(math.isfinite, dot.bar)):
            axes.vlines(dot.x, *dot.bar, color=PALE, alpha=alpha, linewidth=1.2)
        axes.plot(dot.x, dot.y, "o", color=COLOURS[dot.colour], alpha=alpha, markersize=4.5)


def _draw_cells(axes: Axes, layer: Cells) -> None:
    rows, columns = layer.counts.shape
    shares = layer.counts / np.maximum(layer.counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, extent=(0, columns, rows, 0), aspect="auto")
    for row, column in np.argwhere(layer.counts):
        colour = "white" if shares[row, column] > 0.5 else INK
        count = str(int(layer.counts[row, column]))
        axes.text(column + 0.5, row + 0.5, count, ha="center", va="center", fontsize=8, color=colour)


def _draw_rule(axes: Axes, layer: Rule) -> None:
    look: dict[str, Any] = {
        "color": INK if layer.strong else PALE,
        "linewidth": 0.9,
        "linestyle": (0, (4, 3)),
        "zorder": 1,
    }
    if layer.y is not None:
        axes.axhline(layer.y, **look)
        axes.annotate(
            _plain(layer.label),
            (1.0, layer.y),
            (0, 2),
            axes.get_yaxis_transform(),
            "offset points",
            ha="right",
            fontsize=8,
            color=PALE,
        )
    elif layer.x is not None:
        axes.axvline(layer.x, **look)
        axes.annotate(
            _plain(layer.label),
            (layer.x, 1.0),
            (2, -9),
            axes.get_xaxis_transform(),
            "offset points",
            fontsize=8,
            color=PALE,
        )
