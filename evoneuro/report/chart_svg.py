"""Charts as SVG that follows the page's colours, its fonts and its light or dark.

Points that open something are buttons: one of a chart is reached by the tab key, the others by arrow keys (the page's
script sees to that). All text is escaped.
"""

from __future__ import annotations

import math
from html import escape
from itertools import pairwise

import numpy as np

from evoneuro.report.chart import (
    Band,
    Bars,
    Cells,
    Chart,
    Dots,
    Floats,
    Line,
    Rule,
    Spans,
    Ticks,
    extent,
    ticks,
)

TOP, BOTTOM, RIGHT = 16.0, 36.0, 12.0  # pixels around the plot
CHARACTER = 6.3  # pixels, width of a character of a tick, roughly
TICK_LENGTH = 0.4  # of a row, to each side


class _Plot:
    """A chart's scales, and the pieces of its SVG."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        (self.left, self.right), (self.low, self.high) = extent(chart)
        room = (chart.height - TOP - BOTTOM) / 24
        self.x_ticks = ticks(chart.x, (self.left, self.right), max(3, chart.width // 75))
        most = 200 if chart.y.names is not None else max(3, int(room))
        self.y_ticks = ticks(chart.y, (self.low, self.high), most)
        longest = max((len(name) for _, name in self.y_ticks), default=1)
        self.start = 14 + (16 if chart.y.label else 0) + CHARACTER * longest
        self.width = chart.width - self.start - RIGHT
        self.height = chart.height - TOP - BOTTOM
        self.parts: list[str] = []

    def x(self, value: float) -> float:
        share = (value - self.left) / (self.right - self.left)
        return self.start + self.width * (1 - share if self.chart.x.flip else share)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return TOP + self.height * (share if self.chart.y.flip else 1 - share)

    def add(self, text: str) -> None:
        self.parts.append(text)


def chart_svg(chart: Chart) -> str:
    """The chart as one `<svg>` element that is as wide as there is room."""
    plot = _Plot(chart)
    _frame(plot)
    opens = False
    for layer in chart.layers:
        if isinstance(layer, Band):
            _band(plot, layer)
        elif isinstance(layer, Line):
            _line(plot, layer)
        elif isinstance(layer, Dots):
            opens = _dots(plot, layer) or opens
        elif isinstance(layer, Bars):
            _bars(plot, layer)
        elif isinstance(layer, Cells):
            _cells(plot, layer)
        elif isinstance(layer, Ticks):
            _ticks(plot, layer)
        elif isinstance(layer, Spans):
            _spans(plot, layer)
        else:
            _rule(plot, layer)
    label = escape(f"{chart.title}. {chart.said}".strip(), quote=True)
    role = "group" if opens else "img"  # what is inside an image cannot be pressed
    return (
        f'<svg class="chart" viewBox="0 0 {chart.width} {chart.height}" role="{role}" aria-label="{label}" '
        f'data-chart="{escape(chart.name, quote=True)}">{"".join(plot.parts)}</svg>'
    )


def _frame(plot: _Plot) -> None:
    """Grid, ticks and labels."""
    chart, bottom = plot.chart, TOP + plot.height
    for value, name in plot.y_ticks:
        y = plot.y(value)
        if chart.grid:
            plot.add(f'<path class="grid" d="M{plot.start:.1f} {y:.1f}h{plot.width:.1f}"/>')
        plot.add(
            f'<text class="tick" x="{plot.start - 6:.1f}" y="{y + 3.8:.1f}" text-anchor="end">{escape(name)}</text>'
        )
    for value, name in plot.x_ticks:
        x = plot.x(value)
        plot.add(f'<path class="axis" d="M{x:.1f} {bottom:.1f}v4"/>')
        plot.add(f'<text class="tick" x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{escape(name)}</text>')
    plot.add(f'<path class="axis" d="M{plot.start:.1f} {bottom:.1f}h{plot.width:.1f}"/>')
    middle = plot.start + plot.width / 2
    place = f'x="{middle:.1f}" y="{chart.height - 4}" text-anchor="middle"'
    plot.add(f'<text class="label" {place}>{escape(chart.x.label)}</text>')
    if chart.y.label:
        y = TOP + plot.height / 2
        plot.add(
            f'<text class="label" transform="translate(11 {y:.1f}) rotate(-90)" text-anchor="middle">'
            f"{escape(chart.y.label)}</text>"
        )


def _points(plot: _Plot, x: Floats, y: Floats, step: bool) -> list[tuple[float, float]]:
    """Pixels of a line through the finite points; of a staircase, with its corners."""
    known = np.isfinite(x) & np.isfinite(y)
    places = [(plot.x(a), plot.y(b)) for a, b in zip(x[known].tolist(), y[known].tolist(), strict=True)]
    if not step:
        return places
    corners = [(b[0], a[1]) for a, b in pairwise(places)]
    return [point for pair in zip(places, corners, strict=False) for point in pair] + places[-1:]


def _written(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _line(plot: _Plot, layer: Line) -> None:
    points = _points(plot, layer.x, layer.y, layer.step)
    if points:
        kind = f"line c{layer.colour}" + (" thin" if layer.thin else "") + (" dashed" if layer.dashed else "")
        plot.add(f'<path class="{kind}" d="{_written(points)}"/>')


def _band(plot: _Plot, layer: Band) -> None:
    upper = _points(plot, layer.x, layer.high, layer.step)
    lower = _points(plot, layer.x, layer.low, layer.step)
    if upper and lower:
        plot.add(f'<path class="band c{layer.colour}" d="{_written(upper + lower[::-1])}z"/>')


def _dots(plot: _Plot, layer: Dots) -> bool:
    """Draws points; whether any of them opens something."""
    opens = False
    for dot in sorted(layer.dots, key=lambda dot: dot.strong):
        if not (math.isfinite(dot.x) and math.isfinite(dot.y)):
            continue
        x, y = plot.x(dot.x), plot.y(dot.y)
        if dot.bar is not None and all(map(math.isfinite, dot.bar)):
            top, bottom = plot.y(dot.bar[1]), plot.y(dot.bar[0])
            faint = "" if dot.strong else " faint"
            plot.add(f'<path class="bar{faint}" d="M{x:.1f} {top:.1f}V{bottom:.1f}"/>')
        kind = f"dot c{dot.colour}" + ("" if dot.strong else " faint")
        said = escape(dot.said, quote=True)
        if dot.key:
            first, opens = "0" if not opens else "-1", True
            key = escape(dot.key, quote=True)
            plot.add(
                f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5.5" role="button" tabindex="{first}" '
                f'data-net="{key}" aria-label="{said}"/>'
            )
        else:
            plot.add(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{said}</title></circle>')
    return opens


def _bars(plot: _Plot, layer: Bars) -> None:
    for number, height in enumerate(layer.heights.tolist()):
        low, high = float(layer.edges[number]), float(layer.edges[number + 1])
        said = layer.names[number] if layer.names else f"{low:g} to {high:g}: {height:g}"
        if layer.lying:
            x, y = plot.x(0.0), min(plot.y(low), plot.y(high)) + 4
            size = (plot.x(height) - x, abs(plot.y(high) - plot.y(low)))
        else:
            x, y = plot.x(low), plot.y(height)
            size = (plot.x(high) - x, plot.y(0.0) - y)
        wide, tall = max(size[0] - (0 if layer.lying else 1), 0.5), max(size[1] - (8 if layer.lying else 0), 0.0)
        plot.add(
            f'<rect class="bars c{layer.colour}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}">'
            f"<title>{escape(said)}</title></rect>"
        )


def _cells(plot: _Plot, layer: Cells) -> None:
    rows, columns = layer.counts.shape
    totals = np.maximum(layer.counts.sum(axis=1, keepdims=True), 1)
    shares = layer.counts / totals
    for row in range(rows):
        for column in range(columns):
            x, y = plot.x(column), min(plot.y(row), plot.y(row + 1))
            wide, tall = plot.x(column + 1) - x, abs(plot.y(row + 1) - plot.y(row))
            share, count = float(shares[row, column]), int(layer.counts[row, column])
            kind = "right" if row == column else "wrong"
            plot.add(
                f'<rect class="cell {kind}" x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" width="{wide - 1:.1f}" '
                f'height="{tall - 1:.1f}" fill-opacity="{share:.2f}"/>'
            )
            if count and min(wide, tall) > 14:
                dark = " strong" if share > 0.6 else ""
                plot.add(
                    f'<text class="count{dark}" x="{x + wide / 2:.1f}" y="{y + tall / 2 + 4:.1f}" '
                    f'text-anchor="middle">{count}</text>'
                )


def _ticks(plot: _Plot, layer: Ticks) -> None:
    half = TICK_LENGTH * plot.height / (plot.high - plot.low)
    strokes = "".join(
        f"M{plot.x(x):.1f} {plot.y(row) - half:.1f}v{2 * half:.1f}"
        for x, row in zip(layer.x.tolist(), layer.row.tolist(), strict=True)
    )
    if strokes:
        plot.add(f'<path class="spikes c{layer.colour}" d="{strokes}"/>')


def _spans(plot: _Plot, layer: Spans) -> None:
    """A rectangle for each part, which the page's player marks by its number."""
    for number, (low, high) in enumerate(pairwise(layer.edges.tolist())):
        x, wide = plot.x(low), plot.x(high) - plot.x(low)
        plot.add(
            f'<rect class="span{" odd" if number % 2 else ""}" data-at="{number}" x="{x:.1f}" y="{TOP}" '
            f'width="{wide:.1f}" height="{plot.height:.1f}"><title>{escape(layer.said[number])}</title></rect>'
        )


def _rule(plot: _Plot, layer: Rule) -> None:
    kind = "rule strong" if layer.strong else "rule"
    if layer.y is not None:
        y = plot.y(layer.y)
        plot.add(f'<path class="{kind}" d="M{plot.start:.1f} {y:.1f}h{plot.width:.1f}"/>')
        place = f'x="{plot.start + plot.width:.1f}" y="{y - 4:.1f}" text-anchor="end"'
    else:
        x = plot.x(layer.x or 0.0)
        plot.add(f'<path class="{kind}" d="M{x:.1f} {TOP:.1f}v{plot.height:.1f}"/>')
        place = f'x="{x:.1f}" y="{TOP - 4:.1f}" text-anchor="middle"'
    if layer.label:
        plot.add(f'<text class="note" {place}>{escape(layer.label)}</text>')
