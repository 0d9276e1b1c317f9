"""The command line: each command is a function from parsed arguments to an exit status.

Results go to stdout, progress and pictures to stderr or files; exit status 0 done, 1 failed, 2 wrong usage or input,
130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

# before numpy is imported anywhere: one thread per process, for the pool makes the processes
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from evoneuro.errors import EvoNeuroError, PluginError  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: results go nowhere, the work is done all the same
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # so that `evoneuro run module:Class` finds a module of the user's directory
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
        sys.stdout.flush()
    except PluginError as error:
        print(error.trace or "", end="", file=sys.stderr)
        print(f"evoneuro: error: {error}", file=sys.stderr)
        return error.status
    except EvoNeuroError as error:
        print(f"evoneuro: error: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("evoneuro: interrupted; everything journaled is safe: evoneuro resume RUN goes on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # the reader has gone: no more output, and no complaint at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _terminate(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(options: argparse.Namespace) -> int:
    from evoneuro import config, run
    from evoneuro.report.live import make_display

    document = config.read(options.target)
    flags: dict[str, tuple[str, ...]] = {
        "seed": ("seed",),
        "start": ("start",),
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
    resolved = config.Config.from_document(config.apply(document, options.set))
    finished = run.start(resolved, make_display(options.quiet or options.json))
    return _show_run(finished, options.json)


def _resume(options: argparse.Namespace) -> int:
    from evoneuro import run
    from evoneuro.report.live import make_display

    display = make_display(options.quiet or options.json)
    finished = run.resume(options.run, display, options.workers, options.allow_changed_task)
    return _show_run(finished, options.json)


def _show_run(run: Any, as_json: bool) -> int:
    """The front as a table, and the run directory as the last line."""
    if as_json:
        return _print_json({**run.status(), **run.front.to_document()})
    from evoneuro.report.live import print_front

    print_front(run.front.to_document()["front"], sys.stdout)
    print(run.path)
    return 0


def _status(options: argparse.Namespace) -> int:
    from evoneuro.run import Run

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


def _front(options: argparse.Namespace) -> int:
    from evoneuro.front import Front

    front = Front.read(options.run)
    if options.json:
        return _print_json(front.to_document())
    from evoneuro.report.live import print_front

    print_front(front.to_document()["front"], sys.stdout)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from evoneuro.config import apply
    from evoneuro.evaluate import evaluate
    from evoneuro.evaluation import Cases
    from evoneuro.front import confidence_interval, resolve
    from evoneuro.task import absolute, load_task

    network = resolve(options.net)
    settings = apply({}, options.set)
    strange = [key for key in settings if key != "parameters"]
    if strange:
        raise EvoNeuroError(f"--set {strange[0]}: evaluate sets parameters of the task only, as --set task.NAME=VALUE")
    own = dict(network.task or {})
    name = options.task or own.get("source") or own.get("name")
    if name is None:
        raise EvoNeuroError(f"{options.net} does not say which task it is for; give --task TASK")
    same = own.get("source") in (name, absolute(name)) or own.get("name") == name
    parameters = {**(own.get("parameters", {}) if same else {}), **settings.get("parameters", {})}
    task = load_task(name, parameters)
    # a data set's test split is that of the seed which the network was evolved with
    seed = options.seed if task.kind == "control" else own.get("seed", 0) if same else 0
    cases = Cases(seed, "test", 0, options.episodes)
    result = evaluate(task, [network], cases)[0]
    low, high = confidence_interval(result.case_scores)
    deviation = float(result.case_scores.std(ddof=1)) if len(result.case_scores) > 1 else 0.0
    return _print_results(
        {
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
        },
        options.json,
    )


def _simulate(options: argparse.Namespace) -> int:
    import numpy as np

    from evoneuro.front import resolve
    from evoneuro.simulator import LaneSimulator

    network = resolve(options.net)
    try:
        raster = np.load(options.input, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise EvoNeuroError(
            f"{options.input}: not a raster: {error} (expected .npy, integers [steps, inputs])"
        ) from None
    if not isinstance(raster, np.ndarray) or raster.ndim != 2 or raster.shape[1] != len(network.inputs):
        shape = getattr(raster, "shape", None)
        raise EvoNeuroError(f"{options.input}: expected integers of shape (steps, {len(network.inputs)}), got {shape}")
    spikes = LaneSimulator([network]).run(np.asarray(raster)[:, None, :])[:, 0]
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


def _export(options: argparse.Namespace) -> int:
    from evoneuro.export import export
    from evoneuro.front import resolve

    for path in export(resolve(options.net), options.target, Path(options.out), force=options.force):
        print(path)
    return 0


def _import(options: argparse.Namespace) -> int:
    from evoneuro.export import import_network

    network = import_network(Path(options.file), options.format)
    network.save(options.out)
    print(options.out)
    return 0


def _tasks(options: argparse.Namespace) -> int:
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


def _check(options: argparse.Namespace) -> int:
    if options.target.endswith(".json") or _is_member(options.target):
        return _check_network(options)
    from evoneuro.check import check_task
    from evoneuro.task import load_task

    facts = check_task(load_task(options.target)).facts
    if options.json:
        return _print_json({"ok": True, **dict(facts)})
    for name, value in facts:
        print(f"{name:24} {value}")
    print("ok")
    return 0


def _check_network(options: argparse.Namespace) -> int:
    from evoneuro.export import EXPORTERS
    from evoneuro.front import resolve

    network = resolve(options.target)
    low, high = network.potential_bounds()
    facts: dict[str, Any] = {
        "ok": True,
        "neurons": network.neurons,
        "hidden": network.hidden,
        "synapses": network.synapses,
        "window": network.window,
        "longest_delay": int(network.delay.max(initial=0)),
        "potential": [low, high],
        "exports": {name: exporter.check(network) or "exact" for name, exporter in EXPORTERS.items()},
    }
    return _print_results(facts, options.json)


def _is_member(target: str) -> bool:
    run, colon, _ = target.rpartition(":")
    return bool(colon) and Path(run).is_dir()


def _plot(options: argparse.Namespace) -> int:
    from evoneuro.front import Front, resolve
    from evoneuro.report.pictures import draw_front, draw_network
    from evoneuro.store import DATABASE

    if (Path(options.net) / DATABASE).is_file():
        front = Front.read(options.net)
        out = Path(options.out or "front.png")
        members = front.to_document()["front"]
        if not members:
            raise EvoNeuroError(f"{options.net}: the front is empty: no generation is closed yet")
        draw_front(members, out, x=options.x, y=options.y, title=Path(options.net).name)
    else:
        network = resolve(options.net)
        out = Path(options.out or "network.png")
        draw_network(network, out, title=str((network.task or {}).get("name", "")))
    print(out)
    return 0


# Output


def _print_json(document: dict[str, Any]) -> int:
    print(json.dumps(document, allow_nan=False))
    return 0


def _print_results(results: dict[str, Any], as_json: bool) -> int:
    if as_json:
        return _print_json(results)
    for key, value in results.items():
        if isinstance(value, float):
            text = f"{value:.6g}"
        elif isinstance(value, list):
            text = " ".join(f"{part:.6g}" if isinstance(part, float) else str(part) for part in value)
        else:
            text = str(value)
        print(f"{key:18} {text}")
    return 0


# Arguments


def _parser() -> argparse.ArgumentParser:
    from evoneuro import __version__

    parser = argparse.ArgumentParser(
        prog="evoneuro",
        description="Evolve small, low-latency spiking neural networks for neuromorphic and tiny hardware.",
        epilog="TASK is a registered name (evoneuro tasks), package.module:Class or path/file.py:Class. "
        "NET is a network file, or RUN:ID, RUN:best, RUN:smallest.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)

    def command(name: str, function: Any, about: str, example: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=about, description=about, epilog=f"Example: {example}")
        sub.set_defaults(command=function)
        return sub

    def with_json(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--json", action="store_true", help="print one JSON document")

    _add_run(command("run", _run, "evolve networks for a task", "evoneuro run cartpole-hard --seed 1"))

    sub = command("resume", _resume, "go on with a run that was interrupted", "evoneuro resume results/iris-...-seed1")
    sub.add_argument("run", metavar="RUN", help="run directory")
    sub.add_argument("--workers", type=int, metavar="N", help="instead of the run's own number; the result is the same")
    sub.add_argument(
        "--allow-changed-task", action="store_true", help="go on although the task's source or data changed"
    )
    sub.add_argument("--quiet", action="store_true", help="no progress")
    with_json(sub)

    sub = command("status", _status, "how far a run is", "evoneuro status results/iris-...-seed1 --json")
    sub.add_argument("run", metavar="RUN", help="run directory; the run may be alive, or have crashed")
    with_json(sub)

    sub = command("front", _front, "the Pareto front of a run", "evoneuro front results/iris-...-seed1")
    sub.add_argument("run", metavar="RUN", help="run directory")
    with_json(sub)

    sub = command(
        "evaluate",
        _evaluate,
        "score a network on fresh episodes or the test split",
        "evoneuro evaluate net.json --episodes 1000",
    )
    sub.add_argument("net", metavar="NET")
    sub.add_argument("--task", metavar="TASK", help="the network's own task if not given")
    sub.add_argument("--episodes", type=_positive, default=100, metavar="N", help="episodes of a control task (100)")
    sub.add_argument("--seed", type=_seed, default=0, metavar="N", help="of the episodes (0)")
    sub.add_argument(
        "--set", action="append", default=[], metavar="task.NAME=VALUE", help="set a parameter of the task"
    )
    with_json(sub)

    sub = command(
        "simulate",
        _simulate,
        "run a network on a raster of charges",
        "evoneuro simulate net.json --input in.npy --output out.npy",
    )
    sub.add_argument("net", metavar="NET")
    sub.add_argument("--input", required=True, metavar="FILE.npy", help="integers [steps, inputs]: charges")
    sub.add_argument("--output", required=True, metavar="FILE.npy", help="gets uint8 [steps, neurons]: spikes")
    with_json(sub)

    sub = command(
        "export",
        _export,
        "write a network in another tool's format",
        "evoneuro export net.json --target tennlab --out out/",
    )
    sub.add_argument("net", metavar="NET")
    sub.add_argument("--target", required=True, metavar="TARGET", help="tennlab")
    sub.add_argument("--out", required=True, metavar="DIR")
    sub.add_argument("--force", action="store_true", help="write into a directory that is not empty")

    sub = command(
        "import", _import, "read another tool's network", "evoneuro import risp.json --format tennlab --out net.json"
    )
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("--format", required=True, metavar="FORMAT", help="tennlab")
    sub.add_argument("--out", required=True, metavar="NET")

    sub = command("tasks", _tasks, "the registered tasks", "evoneuro tasks")
    with_json(sub)

    sub = command("check", _check, "try a task, or look at a network", "evoneuro check mytask.py:Balance")
    sub.add_argument("target", metavar="TASK|NET")
    with_json(sub)

    sub = command(
        "plot",
        _plot,
        "draw a network, or the front of a run",
        "evoneuro plot results/iris-...-seed1:best --out net.png",
    )
    sub.add_argument("net", metavar="NET|RUN")
    sub.add_argument("--out", metavar="FILE", help="png, svg or pdf (network.png, front.png)")
    sub.add_argument("--x", default="synapses", metavar="MEASURE", help="of a front (synapses)")
    sub.add_argument("--y", default="validation_score", metavar="MEASURE", help="of a front (validation_score)")
    return parser


def _add_run(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("target", metavar="TASK_OR_TOML", help="a task, or a TOML file with the configuration")
    sub.add_argument("--seed", type=_seed, metavar="N", help="the result is a function of configuration and seed (0)")
    sub.add_argument("--generations", type=_natural, metavar="N", help="(100)")
    sub.add_argument("--population", type=_positive, metavar="N", help="(100)")
    sub.add_argument(
        "--budget-evaluations", type=_positive, metavar="N", help="stop after the generation that reaches N"
    )
    sub.add_argument("--budget-hours", type=float, metavar="H", help="stop after the generation that reaches H hours")
    sub.add_argument(
        "--workers", type=_natural, metavar="N", help="Ray workers (one per core); 0: this process, without Ray"
    )
    sub.add_argument("--address", metavar="ADDR", help="Ray cluster: local, auto, HOST:PORT, ray://HOST:PORT (local)")
    sub.add_argument("--from", dest="start", metavar="NET|RUN", help="start from a network, or from a run's front")
    sub.add_argument("--out", metavar="DIR", help="parent of the run directory (results/)")
    sub.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any key, as search.population=200"
    )
    sub.add_argument("--quiet", action="store_true", help="no progress")
    sub.add_argument("--json", action="store_true", help="print one JSON document at the end, no progress")


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 on, got {text!r}")
    return int(text)


def _positive(text: str) -> int:
    if _natural(text) == 0:
        raise argparse.ArgumentTypeError("expected a whole number from 1 on, got '0'")
    return int(text)


def _seed(text: str) -> int:
    if _natural(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number below 2**32, got {text}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
