"""The commands on runs: begin one, go on with one, look at its state and its front."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evoneuro.commands.networks import estimate_of
from evoneuro.commands.output import print_json
from evoneuro.errors import printable

if TYPE_CHECKING:
    from evoneuro.config import Config
    from evoneuro.evaluation import Cases
    from evoneuro.front import Front
    from evoneuro.task import Task


def run(options: argparse.Namespace) -> int:
    """`evoneuro run`: evolve networks for a task."""
    from evoneuro.config_file import apply, read
    from evoneuro.launch import configured, start
    from evoneuro.workers.fence import results_apart

    document = read(options.target)
    flags: dict[str, tuple[str, ...]] = {
        "seed": ("seed",),
        "start": ("start",),
        "preset": ("preset",),
        "profile": ("profile",),
        "out": ("out",),
        "population": ("search", "population"),
        "generations": ("budget", "generations"),
        "budget_evaluations": ("budget", "evaluations"),
        "budget_hours": ("budget", "hours"),
        "workers": ("workers", "count"),
        "address": ("workers", "address"),
    }
    budget = document.get("budget", {})
    if (
        (options.budget_evaluations or options.budget_hours)
        and options.generations is None
        and "generations" not in budget
    ):
        document["budget"] = {**budget, "generations": 0}
    for flag, path in flags.items():
        value = getattr(options, flag)
        if value is not None and len(path) == 1:
            document[path[0]] = value
        elif value is not None:
            document[path[0]] = {**document.get(path[0], {}), path[1]: value}
    with results_apart():
        finished = start(configured(apply(document, options.set)), _observer(options))
    return _show_run(finished, options.json)


def resume(options: argparse.Namespace) -> int:
    """`evoneuro resume`: go on with a run that was interrupted."""
    from evoneuro import launch
    from evoneuro.front import run_in
    from evoneuro.workers.fence import results_apart

    with results_apart():
        finished = launch.resume(
            run_in(options.run), _observer(options), options.workers, options.allow_changed_task, options.address
        )
    return _show_run(finished, options.json)


def _observer(options: argparse.Namespace) -> Any:
    """The display, and the callbacks that are asked for."""
    from evoneuro.callbacks import Several, find_callbacks
    from evoneuro.report.live import make_display

    callbacks = find_callbacks(options.callback)
    display = make_display(options.quiet or options.json)
    return (
        Several(display, callbacks, lambda text: print(f"evoneuro: {text}", file=sys.stderr)) if callbacks else display
    )


def _show_run(run: Any, as_json: bool) -> int:
    """The front as a table, and the run directory as the last line."""
    if as_json:
        return print_json({**run.status(), **run.front.to_document()})
    from evoneuro.report.tables import print_front

    print_front(run.front.to_document()["front"], sys.stdout)
    print(run.path)
    return 0


def status(options: argparse.Namespace) -> int:
    """`evoneuro status`: how far a run is; loads no plugin."""
    from evoneuro.front import run_in
    from evoneuro.record import Run

    run = Run(run_in(options.run))
    status = run.status()
    failures = run.failures()
    if options.json:
        shown = [{"generation": g, "purpose": p, "index": i, "reason": r} for g, p, i, r in failures[-20:]]
        return print_json({**status, "last_failures": shown})
    for key, value in status.items():
        print(f"{key:18} {'-' if value is None else printable(str(value))}")
    for generation, purpose, index, reason in failures[-5:]:
        first = printable(reason.partition("\n")[0])
        print(f"failure            generation {generation}, {printable(purpose)} {index}: {first}")
    return 0


def front(options: argparse.Namespace) -> int:
    """`evoneuro front`: the Pareto front, with robustness or a device's figures where asked for."""
    from evoneuro.front import Front, run_in
    from evoneuro.workers.fence import results_apart

    front = Front.read(run_in(options.run))
    document = front.to_document()
    with results_apart():
        if options.robustness:
            document["robustness"] = _robustness_of_front(front, options.variants)
        estimates = _estimates_of_front(front, options.profile) if options.profile else []
    if options.json:
        members = document["front"]
        merged = [member | found for member, found in zip(members, estimates, strict=True)] if estimates else members
        return print_json({**document, "front": merged})
    from evoneuro.report.tables import print_front, print_robustness

    print_front(document["front"], sys.stdout)
    if options.profile:
        from evoneuro.report.device_tables import print_estimates

        print()
        print_estimates(estimates, sys.stdout)
    if options.robustness:
        print()
        print_robustness(document["robustness"], sys.stdout)
    return 0


def _robustness_of_front(front: Front, variants: int) -> list[dict[str, Any]]:
    """How each member does on the run's validation cases, unperturbed and under the run's kinds of perturbations."""
    from dataclasses import replace

    from evoneuro.robustness import reports
    from evoneuro.workers.worker import evaluate_batch

    if not front.members:
        return []
    config, task, cases = _validation_of(front)
    cases = replace(cases, perturbations=replace(config.robustness, variants=variants))
    found = reports(task, [member.network for member in front], cases, evaluate_batch)
    return [{"id": member.id, **report} for member, report in zip(front, found, strict=True)]


def _estimates_of_front(front: Front, name: str) -> list[dict[str, Any]]:
    """What each member would take on a device, by what it does on the run's validation cases."""
    from evoneuro.evaluate import evaluate
    from evoneuro.hardware import profile

    device = profile(name)
    if not front.members:
        return []
    _, task, cases = _validation_of(front)
    networks = [member.network for member in front]
    found = evaluate(task, networks, cases)
    return [
        {"id": member.id, **estimate_of(device, member.network, evaluation, task)}
        for member, evaluation in zip(front, found, strict=True)
    ]


def _validation_of(front: Front) -> tuple[Config, Task, Cases]:
    """The configuration of the front's run, its task, which is loaded, and the cases that validation saw."""
    from evoneuro.config import Config
    from evoneuro.evaluation import Cases
    from evoneuro.record import Run
    from evoneuro.task import load_task

    config = Config.from_document(Run(Path(front.run)).config)
    task = load_task(config.task, config.parameters)
    return config, task, Cases(config.seed, "validation", 0, config.episodes.validation)
