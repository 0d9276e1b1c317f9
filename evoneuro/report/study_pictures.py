"""The pictures of a study: fronts, hypervolume over evaluations, evaluations to solve, smallest solvers.

Each takes the runs of each variant as plain data; variants keep their colour in all pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evoneuro.report.canvas import INK, PALE, dress, new_figure
from evoneuro.report.chart import NAMES, band

Floats = npt.NDArray[np.float64]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222", "#B0A000")
LINES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))  # once the colours are used up
COLUMNS = 3  # panels beside each other


def fronts_figure(
    runs: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]],
    *,
    x: str = "synapses",
    y: str = "validation_score",
    higher: Sequence[str] = ("score",),
    mark: float | None = None,
) -> Figure:
    """The fronts of all seeds, a panel for each variant on common axes: a staircase per seed.

    Args:
        runs: variant -> the members of each seed's front, as `evoneuro front --json` prints them.
        higher: measures of which more is better, the validation score besides.
        mark: validation score at which the task counts as solved, a line if that is on an axis.
    """
    columns = min(len(runs), COLUMNS)
    lines = -(-len(runs) // columns)
    figure = new_figure(1.0 + 3.1 * columns, 0.6 + 2.7 * lines)
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).ravel()
    better = {"validation_score", *higher}
    for number, (axes, (variant, seeds)) in enumerate(zip(panels, runs.items(), strict=False)):
        dress(axes)
        axes.set_title(variant, fontsize=10, color=INK, loc="left")
        for members in seeds:
            _draw_front(axes, members, (x, y), better, COLOURS[number % len(COLOURS)])
        if mark is not None and y == "validation_score":
            axes.axhline(mark, color=PALE, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1).set_gid("mark")
        axes.grid(axis="y", color="#EEEEEE", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(labelbottom=number + columns >= len(runs))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=x not in NAMES))
    for axes in panels[len(runs) :]:
        axes.set_axis_off()
    figure.supxlabel(NAMES.get(x, x), fontsize=9.5, color=INK)
    figure.supylabel(NAMES.get(y, y), fontsize=9.5, color=INK)
    figure.tight_layout()
    return figure


def hypervolume_figure(
    runs: Mapping[str, Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]], cost: str = "evaluations"
) -> Figure:
    """Median over seeds of the hypervolume over what it cost, with the band between the quartiles.

    Args:
        runs: variant -> of each seed, what was spent until each generation closed and the hypervolume then: both
            [generations]. A line begins and ends where all of the variant's seeds have a value.
        cost: what is spent: evaluations, or steps.
    """
    figure, axes = _one()
    for number, (variant, seeds) in enumerate(runs.items()):
        if not seeds:
            continue
        spent, (low, middle, high) = band(seeds)
        colour, line = _style(number)
        axes.fill_between(spent, low, high, step="post", color=colour, alpha=0.18, linewidth=0)
        axes.step(spent, middle, where="post", color=colour, linestyle=line, linewidth=1.6, label=variant)
    axes.set_ylabel("hypervolume (share of the common box)")
    axes.set_xlabel(cost)
    _thousands(axes)
    _legend(axes)
    figure.tight_layout()
    return figure


def to_solve_figure(runs: Mapping[str, Sequence[tuple[float | None, float]]]) -> Figure:
    """Share of the seeds that have solved the task by so many evaluations.

    Args:
        runs: variant -> of each seed, evaluations to solve (None: never) and evaluations in all. A line ends where the
            longest of its variant's runs does.
    """
    figure, axes = _one()
    for number, (variant, seeds) in enumerate(runs.items()):
        colour, line = _style(number)
        solved = np.sort([float(at) for at, _ in seeds if at is not None])
        share = np.arange(len(solved) + 1) / max(len(seeds), 1)
        at = np.concatenate([[0.0], solved, [max((spent for _, spent in seeds), default=0.0)]])
        label = f"{variant} ({len(solved)} of {len(seeds)})"
        axes.step(
            at, np.append(share, share[-1]), where="post", color=colour, linestyle=line, linewidth=1.6, label=label
        )
    axes.set_ylim(-0.02, 1.04)
    axes.set_xlim(left=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.set_ylabel("seeds that have solved the task")
    axes.set_xlabel("evaluations")
    _thousands(axes)
    _legend(axes)
    figure.tight_layout()
    return figure


def smallest_figure(runs: Mapping[str, Sequence[float | None]]) -> Figure:
    """Synapses of each seed's smallest solver, a dot each, with the median of those that solve.

    Args:
        runs: variant -> synapses of each seed, None where no network solves.
    """
    figure, axes = _one(height=max(1.7, 0.9 + 0.5 * len(runs)))
    for number, (variant, seeds) in enumerate(runs.items()):
        known = np.array([value for value in seeds if value is not None], np.float64)
        row = -number
        colour, _ = _style(number)
        if len(known):
            dots = axes.scatter(known, row + _stacked(known), s=26, color=colour, alpha=0.8, linewidth=0, zorder=3)
            dots.set_gid(f"dots of {variant}")
            middle = float(np.median(known))
            axes.plot([middle, middle], [row - 0.34, row + 0.34], color=INK, linewidth=1.6, zorder=4)
        else:
            axes.annotate("none solves", (0.02, row), xycoords=("axes fraction", "data"), va="center", color=PALE)
    axes.set_yticks([-i for i in range(len(runs))], [_counted(name, seeds) for name, seeds in runs.items()])
    axes.set_ylim(-len(runs) + 0.4, 0.6)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color="#EEEEEE", linewidth=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.margins(x=0.08)
    axes.set_xlabel("synapses of the smallest solver")
    figure.tight_layout()
    return figure


def _draw_front(
    axes: Axes, members: Sequence[Mapping[str, Any]], keys: tuple[str, str], better: set[str], colour: str
) -> None:
    """A staircase through the members that no other of the front beats in both measures."""
    known = [[m[key] for key in keys] for m in members if all(m.get(key) is not None for key in keys)]
    if not known:
        return
    points = np.array(known, np.float64)
    sign = np.array([-1.0 if key in better else 1.0 for key in keys])
    kept, lowest = [], np.inf
    for x, y in points[np.lexsort((points * sign).T[::-1])].tolist():
        if sign[1] * y < lowest:
            kept.append((x, y))
            lowest = sign[1] * y
    xs, ys = zip(*kept, strict=True)
    axes.step(xs, ys, where="post", color=colour, alpha=0.6, linewidth=1.1, marker="o", markersize=3)


def _stacked(values: Floats) -> Floats:
    """Offsets [values] that keep equal values apart."""
    offsets = np.zeros(len(values))
    for value in np.unique(values):
        same = np.flatnonzero(values == value)
        offsets[same] = (np.arange(len(same)) - (len(same) - 1) / 2) * min(0.13, 0.6 / len(same))
    return offsets


def _counted(variant: str, seeds: Sequence[float | None]) -> str:
    known = sum(value is not None for value in seeds)
    return variant if known == len(seeds) else f"{variant} ({known} of {len(seeds)})"


def _style(number: int) -> tuple[str, Any]:
    return COLOURS[number % len(COLOURS)], LINES[number // len(COLOURS) % len(LINES)]


def _one(height: float = 3.8) -> tuple[Figure, Axes]:
    figure = new_figure(6.4, height)
    axes = figure.subplots()
    dress(axes)
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _thousands(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8.5, labelcolor=INK)
