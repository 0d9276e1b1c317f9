"""The commands on networks: score, judge, simulate, export, verify and import them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evoneuro.commands.output import print_files, print_json, print_results
from evoneuro.errors import EvoNeuroError, printable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from evoneuro.evaluation import Cases, Evaluation
    from evoneuro.hardware import Profile
    from evoneuro.network import Network
    from evoneuro.task import Task


def evaluate(options: argparse.Namespace) -> int:
    """`evoneuro evaluate`: a network on fresh episodes or the test split."""
    from evoneuro.evaluate import evaluate
    from evoneuro.front import confidence_interval
    from evoneuro.hardware import profile
    from evoneuro.workers.fence import results_apart

    device = profile(options.profile) if options.profile else None
    with results_apart():
        network, task, cases = held_out(options)
        result = evaluate(task, [network], cases)[0]
        robustness = _robustness(task, network, cases, options) if options.robustness else None
        details = _details(task, network, cases, result.case_scores)
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
        **details,
        **(estimate_of(device, network, result, task) if device else {}),
    }
    if robustness is None or options.json:
        return print_results(results if robustness is None else {**results, "robustness": robustness}, options.json)
    from evoneuro.report.tables import print_robustness

    print_results(results, as_json=False)
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
    """`evoneuro neurobench`: NeuroBench's metrics beside our counts; status 1 where they differ."""
    from evoneuro.judge.neurobench import judge

    network, task, cases = held_out(options)
    document = judge(task, network, cases)
    metrics, counts, agree = document["metrics"], document["counts"], document["agree"]
    if options.json:
        print_json(document)
    else:
        print_results({k: v for k, v in document.items() if not isinstance(v, dict)}, as_json=False)
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


def held_out(options: argparse.Namespace) -> tuple[Network, Task, Cases]:
    """The network that is asked for, the task that it is tried on, and cases that evolution never saw."""
    from evoneuro.config_file import apply
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
    if options.task is None and ":" in str(name):  # somebody else's network may name any code
        print(f"evoneuro: running task {printable(str(name))}, as {options.net} says", file=sys.stderr)
    same = own.get("source") in (name, absolute(name)) or own.get("name") == name
    parameters = {**(own.get("parameters", {}) if same else {}), **settings.get("parameters", {})}
    task = load_task(name, parameters)
    # a data set's test split is that of the seed which the network was evolved with
    seed = options.seed if task.kind == "control" else own.get("seed", 0) if same else 0
    return network, task, Cases(seed, "test", 0, options.episodes)


def simulate(options: argparse.Namespace) -> int:
    """`evoneuro simulate`: a network on a raster of charges, int (steps, inputs); writes uint8 (steps, neurons)."""
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
    return print_results(result, options.json)


def export_net(options: argparse.Namespace) -> int:
    """`evoneuro export`: a network as another tool's files."""
    from evoneuro.export import export
    from evoneuro.front import resolve
    from evoneuro.hardware import profile

    network = resolve(options.net)
    violations = profile(options.profile).violations(network) if options.profile else []
    if violations:
        raise EvoNeuroError(f"{options.net} is beyond profile {options.profile!r}: {'; '.join(violations)}")
    paths = export(network, options.target, Path(options.out), force=options.force)
    return print_files({"target": options.target}, paths, options.json)


def verify_net(options: argparse.Namespace) -> int:
    """`evoneuro verify`: an export run by its target's tools; status 1 for mismatches, 2 where no tool is here."""
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
        print_json({**result, "machines": machines, "missing": {tool.name: tool.source for tool in missing}})
        return 1 if mismatches else 0
    print_results(result, as_json=False)
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
    """`evoneuro targets`: what can be exported, and which tools for verification are here."""
    from evoneuro.export import targets
    from evoneuro.export.verifiers import VERIFIERS

    rows: list[dict[str, Any]] = []
    for name, description in targets().items():
        verifier = VERIFIERS.get(name)
        tools = {tool.name: tool.path or f"missing: {tool.source}" for tool in verifier.tools()} if verifier else {}
        rows.append({"name": name, "description": description, "verifiable": verifier is not None, "tools": tools})
    if options.json:
        return print_json({"targets": rows})
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        print(f"{row['name']:{width}}  {row['description']}{'' if row['verifiable'] else ' (not verified here)'}")
        for tool, where in row["tools"].items():
            print(f"{'':{width}}    {tool}: {where}")
    return 0


def import_net(options: argparse.Namespace) -> int:
    """`evoneuro import`: another tool's file as a network file."""
    from evoneuro.export import import_network

    network = import_network(Path(options.file), options.format)
    network.save(options.out)
    sizes = {"neurons": network.neurons, "hidden": network.hidden, "synapses": network.synapses}
    return print_files(sizes, [options.out], options.json)


def estimate_of(device: Profile, network: Network, evaluation: Evaluation, task: Task) -> dict[str, Any]:
    """Energy and time of a network's decisions on a device, and what of the network is beyond it."""
    from evoneuro.hardware.estimate import estimate

    return {**estimate(device, network, evaluation, task.period), "violations": device.violations(network)}
