"""The commands: each a function from parsed arguments to an exit status. Results go to stdout."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evoneuro.errors import EvoNeuroError, check_choice

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from evoneuro.config import Config
    from evoneuro.evaluation import Cases, Evaluation
    from evoneuro.front import Front
    from evoneuro.hardware import Profile
    from evoneuro.network import Network
    from evoneuro.task import Task

BENCH_FOLDER = "results/bench"

# What a command needs is imported inside it: `evoneuro status` waits for no simulator.


def run(options: argparse.Namespace) -> int:
    from evoneuro import config
    from evoneuro.launch import configured, start
    from evoneuro.report.live import make_display

    document = config.read(options.target)
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
    resolved = configured(config.apply(document, options.set))
    finished = start(resolved, make_display(options.quiet or options.json))
    return _show_run(finished, options.json)


def resume(options: argparse.Namespace) -> int:
    from evoneuro import launch
    from evoneuro.report.live import make_display

    display = make_display(options.quiet or options.json)
    finished = launch.resume(options.run, display, options.workers, options.allow_changed_task)
    return _show_run(finished, options.json)


def _show_run(run: Any, as_json: bool) -> int:
    """The front as a table, and the run directory as the last line."""
    if as_json:
        return _print_json({**run.status(), **run.front.to_document()})
    from evoneuro.report.live import print_front

    print_front(run.front.to_document()["front"], sys.stdout)
    print(run.path)
    return 0


def status(options: argparse.Namespace) -> int:
    from evoneuro.record import Run

    run = Run(Path(options.run))
    status = run.status()
    failures = run.failures()
    if options.json:
        shown = [{"generation": g, "purpose": p, "index": i, "reason": r} for g, p, i, r in failures[-20:]]
        return _print_json({**status, "last_failures": shown})
    for key, value in status.items():
        print(f"{key:18} {'-' if value is None else value}")
    for generation, purpose, index, reason in failures[-5:]:
        print(f"failure            generation {generation}, {purpose} {index}: {reason.splitlines()[0]}")
    return 0


def front(options: argparse.Namespace) -> int:
    from evoneuro.front import Front

    front = Front.read(options.run)
    document = front.to_document()
    if options.robustness:
        document["robustness"] = _robustness_of_front(front, options.variants)
    estimates = _estimates_of_front(front, options.profile) if options.profile else []
    if options.json:
        members = document["front"]
        merged = [member | found for member, found in zip(members, estimates, strict=True)] if estimates else members
        return _print_json({**document, "front": merged})
    from evoneuro.report.live import print_front, print_robustness

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
        {"id": member.id, **_estimate(device, member.network, evaluation, task)}
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


def _estimate(device: Profile, network: Network, evaluation: Evaluation, task: Task) -> dict[str, Any]:
    """Energy and time of a network's decisions on a device, and what of the network is beyond it."""
    from evoneuro.hardware.estimate import estimate

    return {**estimate(device, network, evaluation, task.period), "violations": device.violations(network)}


def evaluate(options: argparse.Namespace) -> int:
    from evoneuro.evaluate import evaluate
    from evoneuro.front import confidence_interval
    from evoneuro.hardware import profile

    device = profile(options.profile) if options.profile else None
    network, task, cases = _held_out(options)
    result = evaluate(task, [network], cases)[0]
    robustness = _robustness(task, network, cases, options) if options.robustness else None
    low, high = confidence_interval(result.case_scores)
    deviation = float(result.case_scores.std(ddof=1)) if len(result.case_scores) > 1 else 0.0
    results = {
        "task": task.name,
        "score": result.score,
        "std": deviation,
        "interval": [low, high],
        "minimum": float(result.case_scores.min()),
        "episodes": len(result.case_scores),
        "neurons": network.neurons,
        "hidden": network.hidden,
        "synapses": network.synapses,
        "latency": result.latency,
        "energy": result.energy,
        "spikes": int(result.spikes.sum()) / result.decisions,
        **_details(task, network, cases, result.case_scores),
        **(_estimate(device, network, result, task) if device else {}),
    }
    if robustness is None or options.json:
        return _print_results(results if robustness is None else {**results, "robustness": robustness}, options.json)
    from evoneuro.report.live import print_robustness

    _print_results(results, as_json=False)
    print()
    print_robustness([{"id": Path(options.net).name, **robustness}], sys.stdout)
    return 0


def _robustness(task: Task, network: Network, cases: Cases, options: argparse.Namespace) -> dict[str, Any]:
    """How a network does under perturbations that selection has not seen."""
    from dataclasses import replace

    from evoneuro.evaluation import Perturbations
    from evoneuro.robustness import reports
    from evoneuro.workers.worker import evaluate_batch

    asked = Perturbations(variants=options.variants)
    (found,) = reports(task, [network], replace(cases, perturbations=asked), evaluate_batch)
    return found


def _details(task: Task, network: Network, cases: Cases, scores: npt.NDArray[np.float64]) -> dict[str, float]:
    """More figures of a network's answers; for a task in time, what can be had without times stands beside them."""
    from evoneuro.baseline import baselines
    from evoneuro.environments import ControlTask
    from evoneuro.evaluate import answers
    from evoneuro.samples import SampleTask

    if isinstance(task, ControlTask):
        return task.summary(scores)
    if not isinstance(task, SampleTask):
        return {}
    found = task.details(*answers(task, network, cases))
    return {**found, **baselines(task, network, cases.seed)} if task.temporal else found


def neurobench(options: argparse.Namespace) -> int:
    from evoneuro.judge.neurobench import judge

    network, task, cases = _held_out(options)
    document = judge(task, network, cases)
    metrics, counts, agree = document["metrics"], document["counts"], document["agree"]
    if options.json:
        _print_json(document)
    else:
        _print_results({k: v for k, v in document.items() if not isinstance(v, dict)}, as_json=False)
        print(f"\n{'metric':24} {'NeuroBench':>12} {'evoneuro':>12}")
        for name, value in metrics.items():
            ours = f"{counts[name]:.6g}" if name in counts else "-"
            verdict = "equal" if agree.get(name) else "DIFFERENT" if name in agree else ""
            print(f"{name:24} {value:12.6g} {ours:>12}  {verdict}".rstrip())
    different = [name for name, same in agree.items() if not same]
    for name in different:
        text = f"{name}: NeuroBench counts {metrics[name]:.17g}, we count {counts[name]:.17g}"
        print(f"evoneuro: error: {text}", file=sys.stderr)
    return 1 if different else 0


def _held_out(options: argparse.Namespace) -> tuple[Network, Task, Cases]:
    """The network that is asked for, the task that it is tried on, and cases that evolution never saw."""
    from evoneuro.config import apply
    from evoneuro.evaluation import Cases
    from evoneuro.front import resolve
    from evoneuro.plugins import absolute
    from evoneuro.task import load_task

    network = resolve(options.net)
    settings = apply({}, options.set)
    strange = [key for key in settings if key != "parameters"]
    if strange:
        raise EvoNeuroError(
            f"--set {strange[0]}: {options.name} sets parameters of the task only, as --set task.NAME=VALUE"
        )
    own = dict(network.task or {})
    name = options.task or own.get("source") or own.get("name")
    if name is None:
        raise EvoNeuroError(f"{options.net} does not say which task it is for; give --task TASK")
    same = own.get("source") in (name, absolute(name)) or own.get("name") == name
    parameters = {**(own.get("parameters", {}) if same else {}), **settings.get("parameters", {})}
    task = load_task(name, parameters)
    # a data set's test split is that of the seed which the network was evolved with
    seed = options.seed if task.kind == "control" else own.get("seed", 0) if same else 0
    return network, task, Cases(seed, "test", 0, options.episodes)


def simulate(options: argparse.Namespace) -> int:
    import numpy as np

    from evoneuro.front import resolve
    from evoneuro.simulator import lane_simulator

    network = resolve(options.net)
    try:
        raster = np.load(options.input, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise EvoNeuroError(f"{options.input}: cannot be read: {error.strerror or error}") from None
    except (ValueError, EOFError):  # numpy's own message advises to unpickle it
        raise EvoNeuroError(f"{options.input}: not a raster: expected .npy, integers [steps, inputs]") from None
    if not isinstance(raster, np.ndarray) or raster.ndim != 2 or raster.shape[1] != len(network.inputs):
        shape = getattr(raster, "shape", None)
        raise EvoNeuroError(f"{options.input}: expected integers of shape (steps, {len(network.inputs)}), got {shape}")
    spikes = lane_simulator([network]).run(np.asarray(raster)[:, None, :])[:, 0]
    try:
        with open(options.output, "wb") as file:
            np.save(file, spikes, allow_pickle=False)
    except OSError as error:
        raise EvoNeuroError(f"{options.output}: cannot be written: {error.strerror}") from None
    events = int(spikes.sum(axis=0, dtype=np.int64) @ network.out_degree.astype(np.int64))
    result = {
        "steps": len(spikes),
        "neuron_ids": network.ids.tolist(),
        "spikes": int(spikes.sum(dtype=np.int64)),
        "synaptic_events": events,
    }
    return _print_results(result, options.json)


def export_net(options: argparse.Namespace) -> int:
    from evoneuro.export import export
    from evoneuro.front import resolve
    from evoneuro.hardware import profile

    network = resolve(options.net)
    violations = profile(options.profile).violations(network) if options.profile else []
    if violations:
        raise EvoNeuroError(f"{options.net} is beyond profile {options.profile!r}: {'; '.join(violations)}")
    paths = export(network, options.target, Path(options.out), force=options.force)
    return _print_files({"target": options.target}, paths, options.json)


def verify_net(options: argparse.Namespace) -> int:
    from evoneuro.export.verifiers import VERIFIERS, verify
    from evoneuro.front import resolve

    network = resolve(options.net)
    found = verify(network, options.target, _own_task(network))
    mismatches = sum(machine.mismatches for machine in found)
    missing = [tool for tool in VERIFIERS[options.target].tools() if tool.path is None]
    result = {
        "target": options.target,
        "steps": found[0].steps,
        "spikes": found[0].spikes,
        "decisions": found[0].decisions,
        "mismatches": mismatches,
    }
    if options.json:
        machines = [machine.to_document() for machine in found]
        _print_json({**result, "machines": machines, "missing": {tool.name: tool.source for tool in missing}})
        return 1 if mismatches else 0
    _print_results(result, as_json=False)
    for machine in found:
        figures = ", ".join(f"{name} {value}" for name, value in machine.figures.items())
        print(f"{machine.machine:18} {machine.mismatches} mismatches{', ' + figures if figures else ''}")
    for tool in missing:
        print(f"not here: {tool.name} ({tool.source})", file=sys.stderr)
    return 1 if mismatches else 0


def _own_task(network: Network) -> Task | None:
    """The task that a network is for, where it is here."""
    from evoneuro.task import load_task

    if network.task is None:
        return None
    try:
        return load_task(str(network.task["name"]), network.task.get("parameters") or {})
    except EvoNeuroError as error:
        print(f"without an episode of its task: {error}", file=sys.stderr)
        return None


def list_targets(options: argparse.Namespace) -> int:
    from evoneuro.export import targets
    from evoneuro.export.verifiers import VERIFIERS

    rows: list[dict[str, Any]] = []
    for name, description in targets().items():
        verifier = VERIFIERS.get(name)
        tools = {tool.name: tool.path or f"missing: {tool.source}" for tool in verifier.tools()} if verifier else {}
        rows.append({"name": name, "description": description, "verifiable": verifier is not None, "tools": tools})
    if options.json:
        return _print_json({"targets": rows})
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        print(f"{row['name']:{width}}  {row['description']}{'' if row['verifiable'] else ' (not verified here)'}")
        for tool, where in row["tools"].items():
            print(f"{'':{width}}    {tool}: {where}")
    return 0


def import_net(options: argparse.Namespace) -> int:
    from evoneuro.export import import_network

    network = import_network(Path(options.file), options.format)
    network.save(options.out)
    sizes = {"neurons": network.neurons, "hidden": network.hidden, "synapses": network.synapses}
    return _print_files(sizes, [options.out], options.json)


def tasks(options: argparse.Namespace) -> int:
    from evoneuro.task import load_task, registered_tasks

    rows = []
    for name, point in registered_tasks().items():
        try:
            task = load_task(name)
            rows.append({"name": name, "kind": task.kind, "version": task.version, "description": task.description})
        except EvoNeuroError as error:
            rows.append({"name": name, "kind": "broken", "version": "", "description": f"{point.value}: {error}"})
    if options.json:
        return _print_json({"tasks": rows})
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        print(f"{row['name']:{width}}  {row['kind']:14}  {row['description']}")
    return 0


def profiles(options: argparse.Namespace) -> int:
    from evoneuro.hardware import profiles

    found = profiles()
    if options.json:
        return _print_json({"profiles": [device.to_document() for device in found]})
    from evoneuro.report.device_tables import print_profiles

    print_profiles(found, sys.stdout)
    return 0


def check(options: argparse.Namespace) -> int:
    if options.target.endswith(".json") or _is_member(options.target):
        return _check_network(options)
    from evoneuro.check import PATIENCE, load_within
    from evoneuro.config import Config, apply, check_objectives
    from evoneuro.examine import examine
    from evoneuro.launch import configured, make_blueprint
    from evoneuro.objectives import find_own, measure, named, plugged

    settings = apply({"task": options.target}, options.set)
    strange = [key for key in settings if key not in ("task", "parameters", "workers")]
    if strange:
        raise EvoNeuroError(f"--set {strange[0]}: check sets task.NAME=VALUE and workers.timeout=SECONDS only")
    config = Config.from_document(settings)
    patience = config.workers.timeout if "workers" in settings else PATIENCE
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
        return _print_json({"ok": True, **dict(findings.facts), "warnings": findings.warnings})
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
    _print_results(facts, options.json)
    return 1 if violations else 0


def new_task(options: argparse.Namespace) -> int:
    from evoneuro.new_task import write

    made = write(options.task, options.kind, Path(options.out))
    if options.json:
        names = [str(path) for path in made.files]
        return _print_json({"task": made.task, "files": names, "next": list(made.commands)})
    for line in (*made.files, *made.commands):
        print(line)
    return 0


def _is_member(target: str) -> bool:
    run, colon, _ = target.rpartition(":")
    return bool(colon) and Path(run).is_dir()


def plot(options: argparse.Namespace) -> int:
    from evoneuro.front import Front, resolve
    from evoneuro.objectives import MEASURES
    from evoneuro.report.pictures import draw_front, draw_network
    from evoneuro.store import DATABASE

    front = Front.read(options.net) if (Path(options.net) / DATABASE).is_file() else None
    own = {} if front is None else front.own
    for flag, measure in (("--x", options.x), ("--y", options.y)):
        check_choice(flag, measure, [*MEASURES, "validation_score", *own])
    if front is not None:
        out = Path(options.out or "front.png")
        members = front.to_document()["front"]
        if not members:
            raise EvoNeuroError(f"{options.net}: the front is empty: no generation is closed yet")
        higher = [name for name, maximise in own.items() if maximise]
        draw_front(members, out, x=options.x, y=options.y, title=Path(options.net).name, higher=higher)
    else:
        network = resolve(options.net)
        out = Path(options.out or "network.png")
        draw_network(network, out, title=str((network.task or {}).get("name", "")))
    return _print_files({}, [out], options.json)


def study(options: argparse.Namespace) -> int:
    from evoneuro.study import held_out, page, plan, runner, show, summary

    def tell(text: str) -> None:
        if not (options.json or options.quiet):
            print(text, file=sys.stderr, flush=True)

    planned = plan.read(options.study, seeds=options.seeds, out=options.out, workers=options.workers)
    held_out.check(planned)
    command = ["evoneuro", "study", options.study, *(["--seeds", options.seeds] if options.seeds else [])]
    with planned.settle():
        outcomes = runner.conduct(planned, tell)
        found = summary.results(planned, outcomes)
        document = summary.document(planned, outcomes, found, shlex.join(command))
        paths = show.write(planned, document, found)
    if options.json:
        _print_json({**document, "files": [str(path) for path in paths]})
    else:
        print(page.overview(document))
        _print_files({}, paths, as_json=False)
    for failure in document["failures"]:
        text = f"{failure['variant']}, seed {failure['seed']}: {failure['reason']}"
        print(f"evoneuro: error: {text}", file=sys.stderr)
    return 1 if document["failures"] else 0


def bench(options: argparse.Namespace) -> int:
    from evoneuro.bench.document import disagreements, measure
    from evoneuro.bench.plan import FULL, QUICK
    from evoneuro.bench.show import print_tables, write_folder

    def tell(text: str) -> None:
        if not options.json:
            print(text, file=sys.stderr, flush=True)

    document = measure(QUICK if options.quick else FULL, tell)
    # a quick run is a look; it replaces no published table unless it is told to
    folder = options.out or (None if options.quick else BENCH_FOLDER)
    command = "evoneuro bench --quick" if options.quick else "evoneuro bench"
    paths = write_folder(document, Path(folder), command) if folder else []
    if options.json:
        _print_json(document)
    else:
        print_tables(document, sys.stdout)
        _print_files({}, paths, as_json=False)
    different = disagreements(document)
    for text in different:
        print(f"evoneuro: error: spikes differ: {text}", file=sys.stderr)
    return 1 if different else 0


# Output


def _print_json(document: dict[str, Any]) -> int:
    print(json.dumps(document, allow_nan=False))
    return 0


def _print_files(facts: dict[str, Any], paths: Sequence[str | Path], as_json: bool) -> int:
    if as_json:
        return _print_json({**facts, "files": [str(path) for path in paths]})
    for path in paths:
        print(path)
    return 0


def _print_results(results: dict[str, Any], as_json: bool) -> int:
    if as_json:
        return _print_json(results)
    for key, value in results.items():
        if key == "violations":  # sentences, each a line of its own
            for line in value:
                print(f"violation: {line}")
            continue
        if value is None:
            text = "-"
        elif isinstance(value, float):
            text = f"{value:.6g}"
        elif isinstance(value, list):
            text = " ".join(f"{part:.6g}" if isinstance(part, float) else str(part) for part in value)
        else:
            text = str(value)
        print(f"{key:18} {text}")
    return 0
