"""What the networks of a finished run are worth: scores on cases that neither selection nor validation has seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evoneuro.config import Config
from evoneuro.environments import ControlTask
from evoneuro.errors import EvoNeuroError, RunError, check_choice
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.front import Front, FrontMember, confidence_interval
from evoneuro.objectives import MEASURES, find_own, parse_constraint
from evoneuro.study.plan import HeldOut, Plan, Solved
from evoneuro.task import Task, load_task


def check(plan: Plan) -> None:
    """See that tasks, parameters and measures of a plan exist, before the first run.

    Raises:
        EvoNeuroError: one does not.
        PluginError: a task or objective of the user's raised.
    """
    known = ["validation_score", *MEASURES]
    for name, config in plan.variants.items():
        try:
            task = load_task(config.task, config.parameters)
            objectives = config.search.objectives or task.objectives
            constraints = [parse_constraint(text).measure for text in config.search.constraints]
            known += [objective.name for objective in find_own([*objectives, *constraints]).values()]
            _held_out_task(config, plan.held_out)
        except EvoNeuroError as error:
            error.args = (f"{plan.source}: variant {name!r}: {error}",)
            raise
    for key in ("x", "y"):
        check_choice(f"{plan.source}: pictures.{key}", getattr(plan.pictures, key), known)
    for measure in plan.pictures.hypervolume or ():
        check_choice(f"{plan.source}: pictures.hypervolume", measure, known)


def score(path: Path, config: Config, held_out: HeldOut, solved: Solved) -> dict[str, Any]:
    """The best network of a run and the smallest that solves, both chosen by validation alone, on held-out cases.

    Raises:
        EvoNeuroError: the front is empty.
        RunError: a network failed on the held-out cases.
    """
    front, task = Front.read(path), load_task(config.task, config.parameters)
    judge = _held_out_task(config, held_out)
    objectives = config.search.objectives or task.objectives
    own = {source: objective.name for source, objective in find_own(objectives).items()}
    mark = task.solved if solved.validation is None else solved.validation
    marks = {
        "score": judge.solved if solved.score is None else solved.score,
        "validation": mark,
        "synapses": solved.synapses,
    }
    best, smallest = front.best(), smallest_solver(front, mark)
    chosen = [best] if smallest is None or smallest is best else [best, smallest]
    # a data set's test split is that of the seed which the network was evolved with
    seed = held_out.seed if judge.kind == "control" else config.seed
    found = evaluate(judge, [member.network for member in chosen], Cases(seed, "test", 0, held_out.episodes))
    for member, evaluation in zip(chosen, found, strict=True):
        if evaluation.failure is not None:
            raise RunError(f"network {member.id} failed on the held-out cases: {evaluation.failure}")
    rows = [_row(member, evaluation, marks, judge) for member, evaluation in zip(chosen, found, strict=True)]
    return {
        "marks": marks,
        "objectives": [own.get(name, name) for name in objectives],
        "columns": [*MEASURES, *front.own],
        "higher": ["score", *(name for name, maximise in front.own.items() if maximise)],
        "best": rows[0],
        "smallest": None if smallest is None else rows[-1],
    }


def smallest_solver(front: Front, mark: float | None) -> FrontMember | None:
    """The member with fewest synapses of those whose validation score reaches `mark`, the best of equals; or None."""
    if mark is None:
        return None
    able = [m for m in front if m.validation_score is not None and m.validation_score >= mark]
    return min(able, key=lambda m: m.measures["synapses"], default=None)


def _held_out_task(config: Config, held_out: HeldOut) -> Task:
    return load_task(config.task, {**config.parameters, **held_out.task})


def _row(member: FrontMember, evaluation: Evaluation, marks: Mapping[str, float | None], judge: Task) -> dict[str, Any]:
    cases, network = evaluation.case_scores, member.network
    enough, most = marks["score"], marks["synapses"]
    return {
        "id": member.id,
        "score": evaluation.score,
        "interval": list(confidence_interval(cases)) if len(cases) > 1 else None,
        "cases": len(cases),
        "summary": judge.summary(cases) if isinstance(judge, ControlTask) else {},
        "validation_score": member.validation_score,
        "neurons": network.neurons,
        "hidden": network.hidden,
        "synapses": network.synapses,
        "latency": evaluation.latency,
        "energy": evaluation.energy,
        "solves": None
        if enough is None
        else bool(evaluation.score >= enough and (most is None or network.synapses <= most)),
    }
