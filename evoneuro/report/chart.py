"""A chart as data: what is drawn, said once, for the page (`chart_svg`) and for files (`chart_figure`).

Colours are numbers in a palette that colour-blind readers can tell apart; what draws knows the colours themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NAMES = {
    "score": "score",
    "validation_score": "validation score",
    "latency": "latency (steps per decision)",
    "energy": "energy (synaptic events per decision)",
}
SIZES = {"neurons", "hidden", "synapses"}

GRID = 240  # points of a line over evaluations
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # between ticks, times a power of ten


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        low, high: ends; None: what is drawn decides.
        whole: whether only whole numbers are named.
        names: of places, instead of numbers.
        flip: whether it runs from high to low, as rows of a table do.
    """

    label: str
    low: float | None = None
    high: float | None = None
    whole: bool = False
    names: Sequence[tuple[float, str]] | None = None
    flip: bool = False


@dataclass(frozen=True, eq=False)
class Line:
    """A line; `step` draws it as a staircase that holds each value until the next."""

    x: Floats
    y: Floats
    name: str = ""
    colour: int = 0
    step: bool = False
    thin: bool = False
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Band:
    """The area from `low` to `high`."""

    x: Floats
    low: Floats
    high: Floats
    colour: int = 0
    step: bool = False


@dataclass(frozen=True)
class Dot:
    """A point that can be pointed at and opened.

    Attributes:
        key: what it opens, or "".
        said: what it is, in words.
        strong: drawn in full; the others are faint.
        bar: ends of an interval of y, or None.
    """

    x: float
    y: float
    key: str = ""
    said: str = ""
    strong: bool = True
    bar: tuple[float, float] | None = None
    colour: int = 0


@dataclass(frozen=True)
class Dots:
    """Points."""

    dots: Sequence[Dot]
    name: str = ""


@dataclass(frozen=True, eq=False)
class Bars:
    """Heights [bars] over edges [bars + 1]; or lengths along x, a row each from 0 on, if `lying`."""

    edges: Floats
    heights: Floats
    colour: int = 0
    lying: bool = False
    names: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Cells:
    """Counts (rows, columns), each a square from one whole number to the next, darker where more."""

    counts: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ticks:
    """Short vertical strokes, such as spikes: one at each (x, row)."""

    x: Floats
    row: Floats
    colour: int = 0
    name: str = ""


@dataclass(frozen=True)
class Rule:
    """A line across the chart at x or y, with its name."""

    x: float | None = None
    y: float | None = None
    label: str = ""
    strong: bool = False


@dataclass(frozen=True, eq=False)
class Spans:
    """Parts of the x axis, such as decisions: every second one shaded; edges [parts + 1], and a word on each part."""

    edges: Floats
    said: Sequence[str]


Layer = Line | Band | Dots | Bars | Cells | Ticks | Rule | Spans


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        name: a slug, of files and elements.
        said: what is to be seen, in a sentence, for those who hear it.
        width, height: pixels on a page; a figure has a hundredth of them in inches.
    """

    name: str
    title: str
    x: Axis
    y: Axis
    layers: Sequence[Layer]
    said: str = ""
    width: int = 420
    height: int = 260
    note: str = ""
    grid: bool = True
    legend: bool = field(default=True)


def extent(chart: Chart) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ends of the x axis and of the y axis: what they state, else what is drawn and some room."""
    xs, ys = [np.empty(0)], [np.empty(0)]
    for layer in chart.layers:
        x, y = _spread(layer)
        xs.append(x)
        ys.append(y)
    return _ends(chart.x, np.concatenate(xs)), _ends(chart.y, np.concatenate(ys))


def _spread(layer: Layer) -> tuple[Floats, Floats]:
    """What a layer needs to be seen, of x and of y."""
    if isinstance(layer, Line):
        return layer.x, layer.y
    if isinstance(layer, Band):
        return layer.x, np.concatenate([layer.low, layer.high])
    if isinstance(layer, Dots):
        bars = [end for dot in layer.dots if dot.bar is not None for end in dot.bar if math.isfinite(end)]
        return np.array([dot.x for dot in layer.dots]), np.array([*(dot.y for dot in layer.dots), *bars])
    if isinstance(layer, Bars):
        heights = np.append(layer.heights, 0.0)
        return (heights, layer.edges) if layer.lying else (layer.edges, heights)
    if isinstance(layer, Cells):
        return np.array([0.0, layer.counts.shape[1]]), np.array([0.0, layer.counts.shape[0]])
    if isinstance(layer, Ticks):
        return layer.x, layer.row
    if isinstance(layer, Spans):
        return layer.edges, np.empty(0)
    return np.array([] if layer.x is None else [layer.x]), np.array([] if layer.y is None else [layer.y])


def _ends(axis: Axis, values: Floats) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    room = 0.04 * (high - low) or 0.05 * abs(high) or 0.5
    low = low - room if axis.low is None else axis.low
    high = high + room if axis.high is None else axis.high
    return low, high if high > low else low + 1.0


def ticks(axis: Axis, ends: tuple[float, float], most: int = 6) -> list[tuple[float, str]]:
    """Places on an axis and what they are called; of names, one in so many that they fit."""
    low, high = ends
    if axis.names is not None:
        inside = [place for place in axis.names if low <= place[0] <= high]
        every = max(1, -(-len(inside) // most))
        return inside[::every]
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(s * power for s in (*STEPS, 20.0) if span / (s * power) <= most)
    if axis.whole:
        step = max(1.0, float(math.ceil(step - 1e-9)))
    first = math.ceil(low / step - 1e-9)
    places = [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]
    return [(place, named(place, step)) for place in places]


def named(value: float, step: float) -> str:
    """A tick's number with as many decimals as its step needs: 0.25, 500, 12k, 1.5M."""
    for scale, unit in ((1e6, "M"), (1e3, "k")):
        if step >= scale / 10 and abs(value) >= scale:
            return f"{value / scale:g}{unit}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1
    return f"{value + 0.0:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def band(seeds: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]) -> tuple[Floats, Floats]:
    """What was spent [points], and the quartiles (3, points) over seeds of the value last reached by then."""
    steps = [(np.asarray(at, np.float64), np.asarray(value, np.float64)) for at, value in seeds]
    first, last = max(float(at[0]) for at, _ in steps), min(float(at[-1]) for at, _ in steps)
    grid = np.linspace(first, max(first, last), GRID)
    values = [value[np.searchsorted(at, grid, side="right") - 1] for at, value in steps]
    return grid, np.percentile(np.array(values), (25, 50, 75), axis=0)
