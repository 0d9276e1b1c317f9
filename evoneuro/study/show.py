"""What a study leaves in its directory: table.md, table.json, and pictures as PNG and SVG."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evoneuro.network_file import write_atomically
from evoneuro.study.page import page
from evoneuro.study.plan import Plan
from evoneuro.study.summary import Result

SUFFIXES = (".png", ".svg")


def write(plan: Plan, document: Mapping[str, Any], found: Sequence[Result]) -> list[Path]:
    """Write table and pictures; returns their paths, the table first.

    Raises:
        EvoNeuroError: a file cannot be written.
    """
    from evoneuro.report.canvas import save

    pictures = _pictures(plan, document, found)
    names = [f"{name}.png" for name in pictures]
    table, data = plan.out / "table.md", plan.out / "table.json"
    write_atomically(table, page(document, names))
    write_atomically(data, json.dumps(document, indent=1, allow_nan=False) + "\n")
    drawn = [save(figure, plan.out / f"{name}{suffix}") for name, figure in pictures.items() for suffix in SUFFIXES]
    return [table, data, *drawn]


def _pictures(plan: Plan, document: Mapping[str, Any], found: Sequence[Result]) -> dict[str, Any]:
    """Name -> figure; what asks for a mark is drawn where the task has one."""
    from evoneuro.report import study_pictures as draw

    def of(read: Callable[[Result], Any]) -> dict[str, list[Any]]:
        return {name: [read(result) for result in found if result.row["variant"] == name] for name in plan.variants}

    marks = next(row["solved_at"] for row in document["variants"].values() if row["solved_at"] is not None)
    drawn = {
        "fronts": draw.fronts_figure(
            of(lambda result: result.members),
            x=plan.pictures.x,
            y=plan.pictures.y,
            higher=found[0].higher,
            mark=marks["validation"],
        ),
        "hypervolume": draw.hypervolume_figure(
            of(lambda result: (result.cost, result.hypervolume)), plan.pictures.cost
        ),
    }
    if marks["validation"] is not None:
        drawn["to_solve"] = draw.to_solve_figure(
            of(lambda result: (result.row["evaluations_to_solve"], result.row["evaluations"]))
        )
    if marks["score"] is not None:
        drawn["smallest"] = draw.smallest_figure(of(lambda result: result.row["synapses"]))
    return drawn
