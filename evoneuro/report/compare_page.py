"""The page that has several runs or studies beside one another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evoneuro.report import charts
from evoneuro.report.chart import NAMES, SIZES, Axis, Chart, Dot, Dots, Layer, Line, Rule
from evoneuro.report.gather import History
from evoneuro.report.numbers import count, duration, number
from evoneuro.report.page import NOTHING, figure, render

COLOURS = 7  # of groups, before they come again
SPREAD = 0.28  # of a row, by which equal values are kept apart

Rows = Sequence[Mapping[str, Any]]


def compare_page(
    rows: Rows, comparisons: Rows, groups: Mapping[str, Sequence[History]], fronts: Mapping[str, Sequence[Rows]], *,
    objectives: Sequence[str], solved: float | None, command: str,
) -> str:  # fmt: skip
    """The page.

    Args:
        rows, comparisons: of `evoneuro.study.compare`.
        groups: name -> its runs.
        fronts: name -> the members of each run's front, as `evoneuro front --json` prints them.
        objectives: of the hypervolume and of the fronts' charts.
    """
    progress = charts.progress_charts(groups, objectives, {}, solved)
    drawn = [*progress, *_measures(rows), _fronts(fronts, objectives, solved)]
    tasks = list(dict.fromkeys(str(row["task"]) for row in rows))
    words = f"{len(rows)} runs in {len(groups)} groups; {'task' if len(tasks) == 1 else 'tasks'} {', '.join(tasks)}."
    if len(tasks) > 1:
        words += " Scores and hypervolumes of different tasks do not compare."
    return render(
        "compare.html",
        title="Runs beside one another",
        kind="comparison",
        sections=[("pictures", "Pictures"), ("statistics", "Statistics"), ("runs", "Runs")],
        words=words,
        groups=[{"name": name, "colour": i % COLOURS, "runs": len(h)} for i, (name, h) in enumerate(groups.items())],
        charts=[figure(chart) for chart in drawn],
        comparisons=[_comparison(row) for row in comparisons],
        rows=[_run(row) for row in rows],
        command=command,
    )


def _measures(rows: Rows) -> list[Chart]:
    """A dot for each run, a row for each group, of what runs are compared by."""
    names = list(dict.fromkeys(str(row["group"]) for row in rows))
    drawn = []
    for measure in ("validation score", "synapses of the smallest solver", "evaluations to solve"):
        if all(row[measure] is None for row in rows):
            continue
        layers: list[Layer] = []
        for place, name in enumerate(names):
            mine = [row for row in rows if row["group"] == name and row[measure] is not None]
            values = np.array([float(row[measure]) for row in mine])
            offsets = _apart(values)
            dots = [
                Dot(value, place + offset, said=f"seed {row['seed']}: {value:g}", colour=place % COLOURS)
                for row, value, offset in zip(mine, values.tolist(), offsets, strict=True)
            ]
            layers.append(Dots(dots))
            if len(values):
                middle = np.full(2, np.median(values))
                layers.append(Line(middle, np.array([place - 0.36, place + 0.36]), colour=6))
        drawn.append(
            Chart(
                measure.replace(" ", "-"),
                measure[:1].upper() + measure[1:],
                Axis(measure, whole=measure != "validation score"),
                Axis("", -0.6, len(names) - 0.4, names=[(i, f"group {i + 1}") for i in range(len(names))], flip=True),
                tuple(layers),
                "A dot for each run that got there, and their median.",
                height=60 + 40 * len(names),
                grid=False,
            )
        )
    return drawn


def _apart(values: Any) -> list[float]:
    """Offsets that keep equal values apart."""
    offsets = np.zeros(len(values))
    for value in np.unique(values):
        same = np.flatnonzero(values == value)
        offsets[same] = (np.arange(len(same)) - (len(same) - 1) / 2) * min(0.12, 2 * SPREAD / len(same))
    return offsets.tolist()


def _fronts(fronts: Mapping[str, Sequence[Rows]], objectives: Sequence[str], solved: float | None) -> Chart:
    """The fronts of all runs over one another."""
    x = next((name for name in objectives if name != "score"), "synapses")
    layers: list[Layer] = [] if solved is None else [Rule(y=solved, label=f"solved from {solved:g}")]
    for colour, runs in enumerate(fronts.values()):
        dots = [
            Dot(float(m[x]), float(m["validation_score"]), said=charts.said(m), colour=colour % COLOURS, strong=False)
            for members in runs
            for m in members
            if m["validation_score"] is not None and math.isfinite(m[x])
        ]
        layers.append(Dots(dots))
    return Chart(
        "fronts",
        "All fronts",
        Axis(NAMES.get(x, x), whole=x in SIZES),
        Axis("validation score"),
        tuple(layers),
    )


def _comparison(row: Mapping[str, Any]) -> list[str]:
    first, other = (NOTHING if value is None else number(value) for value in row["medians"])
    difference = NOTHING if row["difference"] is None else number(row["difference"])
    runs = f"{row['runs'][0]} and {row['runs'][1]}"
    return [
        row["measure"],
        row["group"],
        row["with"],
        runs,
        other,
        first,
        difference,
        f"{row['a12']:.2f}",
        f"{row['p']:.3g}",
        f"{row['p_holm']:.3g}",
        row["test"],
    ]


def _run(row: Mapping[str, Any]) -> list[str]:
    def cell(name: str) -> str:
        return NOTHING if row[name] is None else number(row[name])

    return [
        str(row["run"]),
        str(row["group"]),
        str(row["seed"]),
        str(row["state"]),
        cell("validation score"),
        cell("synapses"),
        cell("neurons"),
        cell("latency"),
        cell("synapses of the smallest solver"),
        NOTHING if row["evaluations to solve"] is None else count(row["evaluations to solve"]),
        cell("hypervolume"),
        count(row["evaluations"]),
        count(row["failures"]),
        duration(row["seconds"]),
    ]
