"""The numbers of a study: of each run, of each variant over its seeds, and of each variant beside the first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.front import Front
from evoneuro.pareto import Losses
from evoneuro.record import Moment, Run, box_shares
from evoneuro.study.plan import Plan
from evoneuro.study.runner import Outcome
from evoneuro.study.statistics import a12, holm, signed_rank

VALIDATED = "validation_score"

# What variants are compared by: key of a run, and whether more of it is better. A run that never got there has None,
# which is worse than any number.
COMPARED = {
    "score": True,
    "evaluations_to_solve": False,
    "steps_to_solve": False,
    "synapses": False,
    "hypervolume": True,
}


@dataclass(frozen=True, eq=False)
class Result:
    """One run that ended well.

    Attributes:
        row: its numbers, as `table.json` has them.
        members: its front, as `evoneuro front --json` prints it.
        budget: evaluations, or steps, at which the runs' hypervolumes are compared.
        cost, hypervolume: [generations], networks evaluated or steps simulated until each generation closed, and the
            share of the box between the best and the reference of all runs that its front then held.
    """

    row: dict[str, Any]
    budget: int
    members: list[dict[str, Any]]
    cost: npt.NDArray[np.int64]
    hypervolume: npt.NDArray[np.float64]
    higher: Sequence[str] = field(default_factory=tuple)


def results(plan: Plan, outcomes: Sequence[Outcome]) -> list[Result]:
    """All runs that ended well, in the order of `outcomes`.

    The hypervolume's box is that of all runs of one task: from the least loss in each objective that any front ever had
    to the largest, and a tenth of the range beyond (Ishibuchi et al., Evolutionary Computation 26(3), 2018). Objectives
    are the same for all, those of the first run unless the plan names some, so that variants with other objectives are
    held against them, too.
    """
    good = [outcome for outcome in outcomes if outcome.failure is None]
    histories = [Run(outcome.path).history() for outcome in good]
    objectives = _objectives(plan, outcomes)
    shares: dict[int, npt.NDArray[np.float64]] = {}
    for task in {outcome.found["task"]["name"] for outcome in good}:
        places = [i for i, outcome in enumerate(good) if outcome.found["task"]["name"] == task]
        tables = [_tables(good[i].found, histories[i], objectives) for i in places]
        shares.update(zip(places, box_shares(tables), strict=True))
    found = []
    costs = [np.array([getattr(moment, plan.pictures.cost) for moment in history], np.int64) for history in histories]
    budget = common_cost(costs)
    for i, (outcome, history) in enumerate(zip(good, histories, strict=True)):
        members = Front.read(outcome.path).to_document()["front"]
        row = _row(plan, outcome, history, float(shares[i][costs[i] <= budget][-1]))
        found.append(Result(row, budget, members, costs[i], shares[i], outcome.found["higher"]))
    return found


def document(plan: Plan, outcomes: Sequence[Outcome], found: Sequence[Result], command: str) -> dict[str, Any]:
    """The study as plain data: what `table.json` holds."""
    rows = {(result.row["variant"], result.row["seed"]): result.row for result in found}
    by_variant = {name: [rows[name, seed] for seed in plan.seeds if (name, seed) in rows] for name in plan.variants}
    failures = [{"variant": o.variant, "seed": o.seed, "reason": o.failure} for o in outcomes if o.failure is not None]
    good = [outcome.found for outcome in outcomes if outcome.failure is None]
    return {
        "study": plan.out.name,
        "command": command,
        "seeds": list(plan.seeds),
        "held_out": {"episodes": plan.held_out.episodes, "seed": plan.held_out.seed, "task": dict(plan.held_out.task)},
        "hypervolume_objectives": _objectives(plan, outcomes),
        "hypervolume_at": found[0].budget,
        "cost": plan.pictures.cost,
        "variants": {name: {"solved_at": _marks(outcomes, name), **_over_seeds(of)} for name, of in by_variant.items()},
        "comparisons": _comparisons(by_variant),
        "runs": [rows.get((o.variant, o.seed)) for o in outcomes if (o.variant, o.seed) in rows],
        "failures": failures,
        "versions": good[0]["versions"],
        "notes": _notes(plan, outcomes),
    }


def common_cost(costs: Sequence[npt.NDArray[np.int64]]) -> int:
    """The most that all runs have spent, and no less than the dearest generation 0: a budget to compare at."""
    return int(max(max(cost[0] for cost in costs), min(cost[-1] for cost in costs)))


def _objectives(plan: Plan, outcomes: Sequence[Outcome]) -> list[str]:
    """The objectives of the hypervolume: the plan's or the first run's, as far as all runs have them."""
    good = [outcome.found for outcome in outcomes if outcome.failure is None]
    asked = plan.pictures.hypervolume or good[0]["objectives"]
    return [name for name in asked if name == VALIDATED or all(name in found["columns"] for found in good)]


# One run


def _row(plan: Plan, outcome: Outcome, history: Sequence[Moment], hypervolume: float) -> dict[str, Any]:
    best, smallest, marks = outcome.found["best"], outcome.found["smallest"], outcome.found["marks"]
    solvers = [member for member in (smallest, best) if member is not None and member["solves"]]
    solver = min(solvers, key=lambda member: member["synapses"], default=None)
    first = _first_solved(history, marks["validation"], marks["synapses"], outcome.found["columns"])
    shown = ("id", "score", "neurons", "hidden", "synapses", "latency", "energy", "summary")
    return {
        "variant": outcome.variant,
        "seed": outcome.seed,
        "run": str(outcome.path.relative_to(plan.out)),
        "score": best["score"],
        "interval": best["interval"],
        "validation_score": best["validation_score"],
        "best": {key: best[key] for key in shown},
        "solved": None if marks["score"] is None else solver is not None,
        "smallest_solver": None if solver is None else {key: solver[key] for key in shown},
        "synapses": None if solver is None else solver["synapses"],
        "evaluations_to_solve": None if first is None else first.evaluations,
        "steps_to_solve": None if first is None else first.steps,
        "generation_solved": None if first is None else first.generation,
        "generations": len(history),
        "evaluations": history[-1].evaluations,
        "steps": history[-1].steps,
        "hypervolume": hypervolume,
        "timing_dependent": outcome.found["timing_dependent"],
        "seconds": outcome.found["seconds"],
    }


def _first_solved(
    history: Sequence[Moment], mark: float | None, most: int | None, columns: Sequence[str]
) -> Moment | None:
    """The first generation whose front has a member with that validation score, of so many synapses at most."""
    if mark is None:
        return None
    for moment in history:
        able = moment.validation >= mark  # false where it has not been measured
        if most is not None:
            able &= moment.measures[:, list(columns).index("synapses")] <= most
        if able.any():
            return moment
    return None


def _tables(found: Mapping[str, Any], history: Sequence[Moment], objectives: Sequence[str]) -> list[Losses]:
    """Losses (members, objectives) of the front at each generation; of those that are known of all objectives."""
    names = [*found["columns"], VALIDATED]
    columns = [names.index(name) for name in objectives]
    sign = np.array([-1.0 if name in (*found["higher"], VALIDATED) else 1.0 for name in objectives])
    tables = [np.column_stack([moment.measures, moment.validation])[:, columns] * sign for moment in history]
    return [table[np.isfinite(table).all(axis=1)] for table in tables]


# One variant


def _over_seeds(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    scores = [row["score"] for row in rows]
    solvers = [row["smallest_solver"] for row in rows if row["smallest_solver"] is not None]
    least = min(solvers, key=lambda s: (s["synapses"], s["neurons"], s["latency"]), default=None)
    decided = [row["solved"] for row in rows if row["solved"] is not None]
    return {
        "runs": len(rows),
        "score": _mean(scores),
        "score_sd": float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        "score_median": _median(scores),
        "solved": sum(decided) / len(decided) if decided else None,
        "evaluations_to_solve": _median([row["evaluations_to_solve"] for row in rows]),
        "steps_to_solve": _median([row["steps_to_solve"] for row in rows]),
        "reached": sum(row["evaluations_to_solve"] is not None for row in rows),
        "synapses": _median([solver["synapses"] for solver in solvers]),
        "neurons": _median([solver["neurons"] for solver in solvers]),
        "latency": _median([solver["latency"] for solver in solvers]),
        "smallest_solver": least,
        "hypervolume": _median([row["hypervolume"] for row in rows]),
        "evaluations": _mean([row["evaluations"] for row in rows]),
        "steps": _mean([row["steps"] for row in rows]),
        "seconds": _mean([row["seconds"] for row in rows]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _median(values: Sequence[float | None]) -> float | None:
    """The middle value, where None is larger than all; None for none, and where the middle is not finite."""
    middle = float(np.median([math.inf if value is None else value for value in values])) if values else math.inf
    return middle if math.isfinite(middle) else None


def _marks(outcomes: Sequence[Outcome], variant: str) -> dict[str, Any] | None:
    of = [o.found["marks"] for o in outcomes if o.variant == variant and o.failure is None]
    return of[0] if of else None


# Two variants


def _comparisons(by_variant: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Each other variant with the first, over the seeds that both have; p is adjusted within a measure."""
    first, *others = by_variant
    found: list[dict[str, Any]] = []
    for measure, maximise in COMPARED.items():
        worst = -math.inf if maximise else math.inf
        if all(row[measure] is None for rows in by_variant.values() for row in rows):
            continue
        pairs = [_paired(by_variant[first], by_variant[name], measure, worst) for name in others]
        rows = [
            {"measure": measure, "variant": name, "with": first, **_compare(*pair, maximise)}
            for name, pair in zip(others, pairs, strict=True)
            if len(pair[0])
        ]
        for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
            row["p_holm"] = p
        found += rows
    return found


def _paired(
    a: Sequence[Mapping[str, Any]], b: Sequence[Mapping[str, Any]], measure: str, worst: float
) -> tuple[list[float], list[float]]:
    """The values of the seeds that both have, seed by seed; `worst` in place of None."""
    mine, theirs = ({row["seed"]: worst if row[measure] is None else row[measure] for row in rows} for rows in (a, b))
    seeds = [seed for seed in mine if seed in theirs]
    return [mine[seed] for seed in seeds], [theirs[seed] for seed in seeds]


def _compare(first: Sequence[float], other: Sequence[float], maximise: bool) -> dict[str, Any]:
    """Effect sizes say by how much `other` is better: above 0.5 and above 0."""
    sign = 1.0 if maximise else -1.0
    a, b = sign * np.array(first), sign * np.array(other)
    p, biserial, differing = signed_rank(a, b)
    finite = np.isfinite([a, b]).all()
    return {
        "pairs": len(a),
        "differing": differing,
        "median_difference": float(np.median(sign * (b - a))) if finite else None,
        "p": p,
        "a12": a12(a, b),
        "rank_biserial": biserial,
    }


def _notes(plan: Plan, outcomes: Sequence[Outcome]) -> list[str]:
    """What a reader of the table should know before believing it."""
    good = [o for o in outcomes if o.failure is None]
    notes = []
    for what, of in (("task's source or data", _source), ("versions of the libraries", _versions)):
        strange = [v for v in plan.variants if len({of(o) for o in good if o.variant == v}) > 1]
        if strange:
            notes.append(f"the {what} changed between the runs of {', '.join(strange)}")
    if len({o.found["task"]["name"] for o in good}) > 1:
        notes.append("the variants have different tasks: their scores and hypervolumes do not compare")
    if any(o.found["timing_dependent"] for o in good):
        notes.append("a run had a candidate that ran out of time or memory, which another machine might not see")
    missing = [v for v in plan.variants if not any(o.variant == v for o in good)]
    if missing:
        notes.append(f"no run of {', '.join(missing)} succeeded")
    return notes


def _source(outcome: Outcome) -> str:
    return str(outcome.found["task"]["digest"])


def _versions(outcome: Outcome) -> str:
    return str(sorted(outcome.found["versions"].items()))
