"""The commands on tasks and devices: list them, try one, write one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from evoneuro.commands.output import print_json, print_results
from evoneuro.errors import EvoNeuroError


def tasks(options: argparse.Namespace) -> int:
    """`evoneuro tasks`: the registered tasks; one that cannot be loaded is listed with the reason."""
    from evoneuro.task import load_task, registered_tasks

    rows = []
    for name, point in registered_tasks().items():
        try:
            task = load_task(name)
            rows.append({"name": name, "kind": task.kind, "version": task.version, "description": task.description})
        except EvoNeuroError as error:
            rows.append({"name": name, "kind": "broken", "version": "", "description": f"{point.value}: {error}"})
    if options.json:
        return print_json({"tasks": rows})
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        print(f"{row['name']:{width}}  {row['kind']:14}  {row['description']}")
    return 0


def profiles(options: argparse.Namespace) -> int:
    """`evoneuro profiles`: the devices that networks can be kept within."""
    from evoneuro.hardware import profiles

    found = profiles()
    if options.json:
        return print_json({"profiles": [device.to_document() for device in found]})
    from evoneuro.report.device_tables import print_profiles

    print_profiles(found, sys.stdout)
    return 0


def check(options: argparse.Namespace) -> int:
    """`evoneuro check`: a task tried, or a network looked at."""
    if options.target.endswith(".json") or _is_member(options.target):
        return _check_network(options)
    from evoneuro.check import PATIENCE, load_within
    from evoneuro.config import Config, check_objectives
    from evoneuro.config_file import apply
    from evoneuro.examine import examine
    from evoneuro.launch import configured, make_blueprint
    from evoneuro.objectives import find_own, measure, named, plugged
    from evoneuro.workers.fence import results_apart

    settings = apply({"task": options.target}, options.set)
    strange = [key for key in settings if key not in ("task", "parameters", "workers")]
    if strange:
        raise EvoNeuroError(f"--set {strange[0]}: check sets task.NAME=VALUE and workers.timeout=SECONDS only")
    config = Config.from_document(settings)
    patience = config.workers.timeout if "workers" in settings else PATIENCE
    with results_apart():
        task = load_within(options.target, config.parameters, patience)
        check_objectives(f"task {task.name!r}: objectives", task.objectives)
        if options.profile:
            make_blueprint(configured({**settings, "profile": options.profile}), task)
        own = plugged(find_own(task.objectives))
        findings = examine(task, config.search.population, patience)
        if options.profile:
            findings.fact("profile", f"{options.profile}: inputs, outputs and coding fit")
        (row,) = measure([findings.report.network], [findings.report.evaluation], own)
    for source, objective in own.items():
        found = named(row, [o.name for o in own.values()])[objective.name]
        findings.fact(f"random network's {objective.name}", f"{found:g} ({source})")
    if options.json:
        return print_json({"ok": True, **dict(findings.facts), "warnings": findings.warnings})
    for name, value in findings.facts:
        print(f"{name:24} {value}")
    for warning in findings.warnings:
        print(f"warning: {warning}")
    print("ok")
    return 0


def _check_network(options: argparse.Namespace) -> int:
    if options.set:
        raise EvoNeuroError("--set: check sets parameters of a task; a network has none")
    from evoneuro.export import EXPORTERS
    from evoneuro.front import resolve
    from evoneuro.hardware import profile

    device = profile(options.profile) if options.profile else None
    network = resolve(options.target)
    violations = device.violations(network) if device else []
    low, high = network.potential_bounds()
    facts: dict[str, Any] = {
        "ok": not violations,
        "neurons": network.neurons,
        "hidden": network.hidden,
        "synapses": network.synapses,
        "window": network.window,
        "longest_delay": int(network.delay.max(initial=0)),
        "potential": [low, high],
        "exports": {name: exporter.check(network) or "exact" for name, exporter in EXPORTERS.items()},
    }
    if device:
        facts["profile"] = device.name
        facts["violations"] = violations
    print_results(facts, options.json)
    return 1 if violations else 0


def _is_member(target: str) -> bool:
    run, colon, _ = target.rpartition(":")
    return bool(colon) and Path(run).is_dir()


def new_task(options: argparse.Namespace) -> int:
    """`evoneuro new-task`: a task that works, and its test, as files."""
    from evoneuro.new_task import write

    made = write(options.task, options.kind, Path(options.out))
    if options.json:
        names = [str(path) for path in made.files]
        return print_json({"task": made.task, "files": names, "next": list(made.commands)})
    for line in (*made.files, *made.commands):
        print(line)
    return 0
