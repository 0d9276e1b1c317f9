"""Runs beside one another: grouped by what they were asked, compared by what their journals say.

Unlike a study, which scores networks on held-out cases, this reads journals alone and loads no task: scores are those
on validation cases, which chose the networks, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evoneuro.database import DATABASE
from evoneuro.errors import EvoNeuroError
from evoneuro.front import Front
from evoneuro.objectives import MEASURES as MEASURED
from evoneuro.record import Run
from evoneuro.report.gather import History, history, objectives_of
from evoneuro.study.held_out import smallest_solver
from evoneuro.study.statistics import a12, holm, rank_sum, signed_rank

DEEP = 3  # folders below a directory in which runs are looked for
IGNORED = ("seed", "out", "workers", "budget.hours")  # of a configuration: what does not make another group
MEASURES = {  # what groups are compared by, and whether more is better
    "validation score": True,
    "hypervolume": True,
    "synapses of the smallest solver": False,
    "evaluations to solve": False,
}


@dataclass(frozen=True, eq=False)
class Entry:
    """One run of a comparison."""

    group: str
    history: History
    front: Front

    @property
    def solved_after(self) -> int | None:
        """Evaluations until a network of the front first had the validation score from which the task is solved."""
        mark = self.front.solved
        if mark is None:
            return None
        return next((m.evaluations for m in self.history.moments if (m.validation >= mark).any()), None)

    def row(self, hypervolume: float) -> dict[str, Any]:
        """The run's numbers; None where there are none."""
        run, status = self.history.run, self.history.run.status()
        best = self.front.members[0] if len(self.front) else None
        smallest = smallest_solver(self.front, self.front.solved)
        return {
            "group": self.group,
            "run": str(run.path),
            "task": status["task"],
            "seed": status["seed"],
            "state": status["state"],
            "validation score": None if best is None else best.validation_score,
            "neurons": None if best is None else best.network.neurons,
            "synapses": None if best is None else best.network.synapses,
            "latency": None if best is None else best.measures["latency"],
            "synapses of the smallest solver": None if smallest is None else smallest.network.synapses,
            "evaluations to solve": self.solved_after,
            "hypervolume": hypervolume,
            "evaluations": status["evaluations"],
            "failures": status["failures"],
            "seconds": float(sum(summary["seconds"] for summary in self.history.summaries)),
        }


def entries(paths: Sequence[str]) -> list[Entry]:
    """The runs at and below `paths`, each with its group.

    Runs of a folder, such as a variant's of a study, are a group of its name; runs that are named one by one are
    grouped by their configurations, and a group is named by what sets it apart.

    Raises:
        EvoNeuroError: no run in one of the places, or a damaged one.
    """
    found: list[tuple[str, Path]] = []
    single: list[Path] = []
    for text in paths:
        runs = below(Path(text))
        if runs == [Path(text)]:
            single += runs
        else:
            found += [(run.parent.name or text, run) for run in runs]
    found = [(group, run) for run, group in grouped(single).items()] + found
    return [Entry(group, history(Run(run)), Front.read(run)) for group, run in found]


def below(path: Path) -> list[Path]:
    """The run at a path, or the runs in the folders below it, sorted.

    Raises:
        EvoNeuroError: there is none.
    """
    if (path / DATABASE).is_file():
        return [path]
    found = sorted({p.parent for depth in range(1, DEEP + 1) for p in path.glob("*/" * depth + DATABASE)})
    if not found:
        raise EvoNeuroError(f"{path}: no run here or below: expected a directory with {DATABASE}")
    return found


def seeds(paths: Sequence[str]) -> list[Path]:
    """The runs at and below `paths`, which must differ in their seeds alone.

    Raises:
        EvoNeuroError: no run in one of the places, a damaged one, or runs that were asked for different things.
    """
    runs = [run for text in paths for run in below(Path(text))]
    groups = list(dict.fromkeys(grouped(runs).values()))
    if len(groups) > 1:
        raise EvoNeuroError(
            f"the runs differ in more than their seeds ({'; '.join(groups[:3])}): a report is of one configuration; "
            "evoneuro compare has several beside one another"
        )
    return runs


def shared_objectives(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The objectives of the hypervolume: those of the first run that all runs measure."""
    return [name for name in objectives_of(configs[0]) if name in MEASURED]


def grouped(paths: Sequence[Path]) -> dict[Path, str]:
    """Run -> the name of its group: what its configuration says that not all of them say."""
    flat = {path: dict(_flat(Run(path).config)) for path in paths}
    keys = sorted({key for values in flat.values() for key in values})
    differing = [key for key in keys if len({repr(values.get(key)) for values in flat.values()}) > 1]
    return {
        path: ", ".join(f"{key} {values[key]}" for key in differing if values.get(key) is not None)
        or str(values["task"])
        for path, values in flat.items()
    }


def _flat(document: Mapping[str, Any], where: str = "") -> Iterable[tuple[str, Any]]:
    """A configuration as dotted keys and plain values, without what does not decide the result."""
    for key, value in document.items():
        name = where + key
        if name in IGNORED:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def comparisons(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each other group with the first, by each of `MEASURES`; p is adjusted within a measure.

    Over the seeds that both have (two or more) by the signed-rank test, else by the rank-sum test. A run that never got
    there is worse than any that did.
    """
    groups = list(dict.fromkeys(str(row["group"]) for row in rows))
    found: list[dict[str, Any]] = []
    for measure, maximise in MEASURES.items():
        if all(row[measure] is None for row in rows):
            continue
        made = [_compared(rows, groups[0], other, measure, maximise) for other in groups[1:]]
        for row, p in zip(made, holm([row["p"] for row in made]), strict=True):
            row["p_holm"] = p
        found += made
    return found


def _compared(
    rows: Sequence[Mapping[str, Any]], first: str, other: str, measure: str, maximise: bool
) -> dict[str, Any]:
    sign = 1.0 if maximise else -1.0
    worst = -np.inf if maximise else np.inf

    def values(group: str) -> dict[int, float]:
        mine = [row for row in rows if row["group"] == group]
        return {int(row["seed"]): worst if row[measure] is None else float(row[measure]) for row in mine}

    a, b = values(first), values(other)
    shared = [seed for seed in a if seed in b]
    paired = len(shared) > 1
    left = np.array([a[seed] for seed in shared] if paired else list(a.values()))
    right = np.array([b[seed] for seed in shared] if paired else list(b.values()))
    p = signed_rank(sign * left, sign * right)[0] if paired else rank_sum(sign * left, sign * right)
    finite = bool(np.isfinite(left).all() and np.isfinite(right).all())
    return {
        "measure": measure,
        "group": other,
        "with": first,
        "test": "signed rank, paired over seeds" if paired else "rank sum",
        "runs": [len(left), len(right)],
        "medians": [_finite(np.median(left)), _finite(np.median(right))],
        "difference": float(np.median(right - left) if paired else np.median(right) - np.median(left))
        if finite
        else None,
        "p": p,
        "a12": a12(sign * left, sign * right),
    }


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
