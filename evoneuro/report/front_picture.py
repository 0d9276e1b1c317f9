"""The picture of a front: two measures of its members, a third as colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from evoneuro.report.canvas import (
    EXCITATORY,
    INHIBITORY,
    INK,
    PALE,
    TICK_STEPS,
    dress,
    new_figure,
)
from evoneuro.report.chart import NAMES, SIZES

Points = npt.NDArray[np.float64]  # (points, 2)

_HIGHER_IS_BETTER = {"score", "validation_score"}


def front_figure(
    members: Sequence[Mapping[str, Any]],
    *,
    x: str = "synapses",
    y: str = "validation_score",
    title: str = "",
    marks: Sequence[Mapping[str, Any]] = (),
    higher: Sequence[str] = (),
) -> Figure:
    """The picture of a front: a staircase through the members that no other beats in `x` and `y`, the others faint.

    Args:
        members: with `id`, the keys `x` and `y`, `latency` (colour) and perhaps `interval`, [low, high] of the
            validation score. A member whose x or y is None or not finite is left out, and counted below the axes.
            When no member has a validation score, the score takes its place.
        marks: for comparison, each a `label` and values at `x` and `y`: a point where both are given, else a line at
            the one (such as the score at which a task counts as solved). "smallest" is the member with the least x
            that reaches the highest such line, if any does.
        higher: measures besides the scores of which more is better.
    """
    better = {*_HIGHER_IS_BETTER, *higher}
    if members and y == "validation_score" and not any(_finite(member, y) for member in members):
        y = "score"
    shown = [member for member in members if _finite(member, x) and _finite(member, y)]
    figure = new_figure(6.4, 4.2)
    axes = figure.add_axes((0.13, 0.14, 0.82, 0.76 if title else 0.82))
    dress(axes)
    axes.set_xlabel(NAMES.get(x, x))
    axes.set_ylabel(NAMES.get(y, y))
    if title:
        axes.set_title(title, fontsize=11, color=INK, loc="left")
    _draw_marks(axes, marks, x, y)
    if shown:
        best = _undominated(shown, (x, y), better)
        _draw_members(figure, axes, shown, best, (x, y))
        points = [m[x] for m in (*shown, *(mark for mark in marks if _finite(mark, x)))]
        _set_limits(axes, np.array(points, np.float64), x not in SIZES)
        _annotate(axes, [shown[i] for i in best], marks, (x, y), better)
    else:
        axes.text(0.5, 0.5, "no member to show", transform=axes.transAxes, ha="center", color=PALE)
    if len(shown) < len(members):
        note = f"{len(members) - len(shown)} of {len(members)} members have no {NAMES.get(y, y)} and are not shown"
        figure.text(0.99, 0.01, note, ha="right", va="bottom", fontsize=7, color=PALE)
    return figure


def _finite(member: Mapping[str, Any], key: str) -> bool:
    value = member.get(key)
    return value is not None and math.isfinite(value)


def _undominated(members: Sequence[Mapping[str, Any]], keys: tuple[str, str], better: set[str]) -> list[int]:
    """Positions of the members that no other beats in both keys, best first; more is better of those in `better`."""
    loss = np.array([[-m[key] if key in better else m[key] for key in keys] for m in members], np.float64)
    kept: list[int] = []
    lowest = math.inf
    for i in np.lexsort((loss[:, 1], loss[:, 0])).tolist():
        if loss[i, 1] < lowest:
            kept.append(i)
            lowest = float(loss[i, 1])
    return kept


def _draw_members(
    figure: Figure, axes: Axes, members: Sequence[Mapping[str, Any]], best: Sequence[int], keys: tuple[str, str]
) -> None:
    x, y = keys
    places = np.array([[m[x], m[y]] for m in members], np.float64)
    latency = np.array([m["latency"] if _finite(m, "latency") else math.nan for m in members], np.float64)
    known = latency[np.isfinite(latency)]
    colours, norm = matplotlib.colormaps["viridis"], Normalize(*((known.min(), known.max()) if len(known) else (0, 1)))
    staircase = axes.step(*places[best].T, where="post", color=PALE, linewidth=1.1, zorder=2)[0]
    staircase.set_gid("staircase")
    front = np.isin(np.arange(len(members)), best)
    _draw_intervals(axes, [m.get("interval") if y == "validation_score" else None for m in members], places, front)
    for group, name, alpha, size in ((~front, "others", 0.3, 20), (front, "front", 1.0, 46)):
        if group.any():
            points = axes.scatter(places[group, 0], places[group, 1], s=size, zorder=4, alpha=alpha, linewidth=0.7)
            points.set_gid(name)
            points.set_facecolor([tuple(c) for c in _point_colours(colours, norm, latency[group], alpha).tolist()])
            points.set_edgecolor(INK if name == "front" else "none")
    if len(known) and known.min() < known.max():
        mappable = matplotlib.cm.ScalarMappable(norm, colours)
        bar = figure.colorbar(mappable, ax=axes, pad=0.03, aspect=30)
        bar.set_label(NAMES["latency"], color=INK, fontsize=8.5)
        bar.ax.tick_params(labelsize=8, colors=INK)
        bar.outline.set_visible(False)
    elif len(known):
        text = f"latency of all: {known[0]:.4g} steps per decision"
        axes.text(0.99, 0.02, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=7.5, color=PALE)


def _point_colours(
    colours: Colormap, norm: Normalize, latency: npt.NDArray[np.float64], alpha: float
) -> npt.NDArray[np.float64]:
    rgba = np.array(colours(norm(np.nan_to_num(latency))))
    if norm.vmin == norm.vmax:
        rgba[:] = to_rgba(EXCITATORY)
    rgba[~np.isfinite(latency)] = to_rgba("#B3B3B3")
    rgba[:, 3] = alpha
    return rgba


def _draw_intervals(axes: Axes, intervals: Sequence[Any], places: Points, front: npt.NDArray[np.bool_]) -> None:
    """Bars from low to high of each member's interval; None draws nothing."""
    for group, alpha, name in ((~front, 0.15, "intervals of others"), (front, 0.8, "intervals")):
        known = [
            i for i in np.flatnonzero(group).tolist() if intervals[i] is not None and np.isfinite(intervals[i]).all()
        ]
        if known:
            low, high = np.array([intervals[i] for i in known], np.float64).T
            bars = axes.vlines(places[known, 0], low, high, color=PALE, alpha=alpha, linewidth=1.3, zorder=3)
            bars.set_gid(name)


def _set_limits(axes: Axes, x: npt.NDArray[np.float64], fractional: bool) -> None:
    """Some room around the points; a logarithmic x where it spans more than a factor of 30."""
    low, high = float(x.min()), float(x.max())
    if low > 0 and high / low > 30:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(low / (high / low) ** 0.06, high * (high / low) ** 0.06)
    else:
        room = max(high - low, (0.1 * abs(low) or 1.0) if fractional else 4.0)
        middle = (low + high) / 2
        axes.set_xlim(middle - 0.56 * room, middle + 0.56 * room)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=not fractional, steps=TICK_STEPS))
    axes.margins(y=0.14)
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)


def _draw_marks(axes: Axes, marks: Sequence[Mapping[str, Any]], x: str, y: str) -> None:
    line: dict[str, Any] = {"color": INHIBITORY, "linewidth": 1.0, "linestyle": (0, (4, 3)), "zorder": 1}
    for mark in marks:
        place: tuple[Any, Any]
        if _finite(mark, x) and _finite(mark, y):
            axes.plot(mark[x], mark[y], marker="D", markersize=5.5, color=INHIBITORY, linestyle="none", zorder=5)
            place, offset, coordinates, side = (mark[x], mark[y]), (6, -10), axes.transData, "left"
        elif _finite(mark, y):
            axes.axhline(mark[y], **line)
            place, offset, coordinates, side = (1.0, mark[y]), (0, 2), axes.get_yaxis_transform(), "right"
        elif _finite(mark, x):
            axes.axvline(mark[x], **line)
            place, offset, coordinates, side = (mark[x], 0.0), (3, 4), axes.get_xaxis_transform(), "left"
        else:
            continue
        name = axes.annotate(str(mark.get("label", "")), place, offset, coordinates, "offset points")
        name.set(color=INHIBITORY, fontsize=8, horizontalalignment=side)


def _annotate(
    axes: Axes,
    front: Sequence[Mapping[str, Any]],
    marks: Sequence[Mapping[str, Any]],
    keys: tuple[str, str],
    better: set[str],
) -> None:
    """Names the best and the smallest member: above the staircase, where nothing can be, or below its left end."""
    x, y = keys
    levels = [mark[y] for mark in marks if _finite(mark, y) and not _finite(mark, x)]
    good = [m for m in front if y not in better or not levels or m[y] >= max(levels)]
    best, smallest = front[-1], (good or front)[0]
    least = (
        "highest score"
        if x in _HIGHER_IS_BETTER
        else f"highest {x}"
        if x in better
        else "smallest"
        if x in SIZES
        else f"least {x}"
    )
    names = [(best, f"best: {best.get('id')}"), (smallest, f"{least}: {smallest.get('id')}")]
    if best is smallest:
        names = [(best, f"best and {least}: {best.get('id')}")]
    for member, text in names:
        place = axes.transAxes.inverted().transform(axes.transData.transform((member[x], member[y])))
        above = place[0] > 0.3
        axes.annotate(
            text,
            (member[x], member[y]),
            (-9, 9) if above else (9, -9),
            textcoords="offset points",
            ha="right" if above else "left",
            va="bottom" if above else "top",
            fontsize=8.5,
            color=INK,
            zorder=6,
            arrowprops={"arrowstyle": "-", "color": PALE, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4},
        )
