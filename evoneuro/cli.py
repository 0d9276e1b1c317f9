"""The command line: its arguments, and what becomes of errors; `evoneuro.commands` does the work.

Results go to stdout, progress and pictures to stderr or files; exit status 0 done, 1 failed, 2 wrong usage or input,
130 interrupted.
"""

from __future__ import annotations

import argparse
import codecs
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from types import FrameType
from typing import Any

from evoneuro import __version__, commands, plugins
from evoneuro.commands.completion import PrintCompletion
from evoneuro.errors import EvoNeuroError, PluginError, printable

_RESUMED = "; everything journaled is safe: evoneuro resume RUN goes on"
GOES_ON = {"run": _RESUMED, "resume": _RESUMED, "study": "; the same command goes on"}  # what it says when interrupted
INERT = ("status", "front", "plot", "report", "compare", "simulate", "export", "verify", "import")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: results go nowhere, the work is done all the same
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        getattr(getattr(sys, name), "reconfigure", lambda **_: None)(errors=LEGIBLE)
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # so that `evoneuro run module:Class` finds a module of the user's directory
    options = _parser().parse_args(arguments)
    try:
        with plugins.inert() if _is_inert(options) else nullcontext():
            status: int = options.command(options)
        sys.stdout.flush()
    except PluginError as error:
        print(error.trace or "", end="", file=sys.stderr)
        print(f"evoneuro: error: {printable(str(error))}", file=sys.stderr)
        return error.status
    except EvoNeuroError as error:
        print(f"evoneuro: error: {printable(str(error))}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print(f"evoneuro: interrupted{GOES_ON.get(options.name, '')}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader has gone
        _drop_output()
        return 1
    except OSError as error:  # a full disk behind stdout; files of ours say more
        print(f"evoneuro: error: {error.strerror or error}", file=sys.stderr)
        _drop_output()
        return 1
    return status


def _legible(error: UnicodeError) -> tuple[bytes, int]:
    """For what a locale has no letters for: names of files as the bytes that they are, all else as question marks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = map(ord, error.object[error.start : error.end])
    return bytes(letter - 0xDC00 if 0xDC80 <= letter <= 0xDCFF else ord("?") for letter in letters), error.end


LEGIBLE = "evoneuro-legible"
codecs.register_error(LEGIBLE, _legible)


def _is_inert(options: argparse.Namespace) -> bool:
    """Whether the command only looks: then it runs no plugin that a network or a run names."""
    told = options.name == "report" and options.task is not None
    return options.name in INERT and not (told or getattr(options, "robustness", False) or _estimates(options))


def _estimates(options: argparse.Namespace) -> bool:
    return options.name == "front" and options.profile is not None


def _drop_output() -> None:
    """No more output, and no complaint at exit about what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _terminate(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


# Arguments

Command = Callable[[str, Any, str, str], argparse.ArgumentParser]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evoneuro",
        description="Evolve small, low-latency spiking neural networks for neuromorphic and tiny hardware.",
        epilog="TASK is a registered name (evoneuro tasks), package.module:Class or path/file.py:Class. "
        "NET is a network file, or RUN:ID, RUN:best, RUN:smallest. RUN is a run directory, or a folder with one in it.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--print-completion",
        action=PrintCompletion,
        metavar="SHELL",
        help="print the script that completes commands in bash, zsh or fish, and exit",
    )
    subparsers = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)

    def command(name: str, function: Any, about: str, example: str) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=about, description=about, epilog=f"Example: evoneuro {name} {example}")
        sub.set_defaults(command=function)
        return sub

    _add_run(command("run", commands.run, "evolve networks for a task", "cartpole-hard --seed 1"))
    _add_run_commands(command)
    _add_network_commands(command)
    _add_task_commands(command)
    _add_study(command)
    _add_bench(command)
    return parser


def _add_run_commands(command: Command) -> None:
    """What is done with a run."""
    sub = command("resume", commands.resume, "go on with a run that was interrupted", "results/iris-...-seed1")
    sub.add_argument("run", metavar="RUN", help="run directory")
    sub.add_argument("--workers", type=_natural, metavar="N", help="instead of the run's own number; same result")
    sub.add_argument("--address", metavar="ADDR", help="Ray cluster, instead of the run's own; same result")
    sub.add_argument("--allow-changed-task", action="store_true", help="go on though the task's source or data changed")
    _add_callback(sub)
    sub.add_argument("--quiet", action="store_true", help="no progress")
    _add_json(sub)

    sub = command("status", commands.status, "how far a run is", "results/iris-...-seed1 --json")
    sub.add_argument("run", metavar="RUN", help="run directory; the run may be alive, or have crashed")
    _add_json(sub)

    sub = command("front", commands.front, "the Pareto front of a run", "results/iris-...-seed1")
    sub.add_argument("run", metavar="RUN", help="run directory")
    _add_robustness(sub)
    _add_profile(sub, "energy and time of decisions on a device, too; loads the task, and evaluates")
    _add_json(sub)

    sub = command("plot", commands.plot, "draw a network, or the front of a run", "net.json --out net.svg")
    sub.add_argument("net", metavar="NET|RUN")
    sub.add_argument("--out", metavar="FILE", help="png, svg or pdf (network.png, front.png)")
    sub.add_argument("--x", default="synapses", metavar="MEASURE", help="of a front (synapses)")
    sub.add_argument("--y", default="validation_score", metavar="MEASURE", help="of a front (validation_score)")
    _add_json(sub)
    _add_report(command)


def _add_report(command: Command) -> None:
    about = "a run as one HTML page: its front, its progress, its best network at work"
    sub = command("report", commands.report, about, "results/iris-...-seed1 --out report.html")
    sub.add_argument(
        "run", nargs="+", metavar="RUN", help="run directory; of other seeds, or a folder of them, bands are made"
    )
    sub.add_argument("--out", metavar="FILE", help="(report.html)")
    sub.add_argument("--network", default="best", metavar="ID", help="the member that is told of: id, smallest (best)")
    sub.add_argument("--task", metavar="TASK", help="the run's task, to load it also where it is a file or module")
    sub.add_argument("--no-task", action="store_true", help="load no task; what needs it is left out")
    sub.add_argument("--pictures", metavar="DIR", help="gets each picture as a file, too")
    sub.add_argument("--format", default="png,svg", metavar="LIST", help="of the pictures: png, svg, pdf (png,svg)")
    _add_json(sub)

    about = "several runs or studies on one page, with statistics; no task is loaded"
    sub = command("compare", commands.compare, about, "results/iris-...-seed1 results/iris-...-seed2")
    sub.add_argument("runs", nargs="+", metavar="RUN", help="run directory, or a study's or another folder with runs")
    sub.add_argument("--out", metavar="FILE", help="(compare.html)")
    _add_json(sub)

    about = "a network at its task, as an animation with its spikes"
    sub = command("play", commands.play, about, "net.json --task cartpole --out play.gif")
    _add_held_out(sub)
    sub.add_argument("--out", metavar="FILE", help="gif, mp4 (needs ffmpeg) or html (play.gif)")
    sub.add_argument("--decisions", type=_positive, metavar="N", help="most of an episode (80), or samples (12)")
    sub.add_argument("--rate", type=float, metavar="R", help="decisions per second (10; samples: 1)")


def _add_network_commands(command: Command) -> None:
    """What is done with a network."""
    about = "score a network on fresh episodes or the test split"
    sub = command("evaluate", commands.evaluate, about, "net.json --episodes 1000")
    _add_held_out(sub)
    _add_robustness(sub)
    _add_profile(sub, "energy and time of decisions on a device, too (evoneuro profiles)")

    about = "NeuroBench's metrics of a network on fresh episodes or the test split, beside our own counts"
    _add_held_out(command("neurobench", commands.neurobench, about, "net.json --task iris"))

    about = "run a network on a raster of charges"
    sub = command("simulate", commands.simulate, about, "net.json --input in.npy --output out.npy")
    sub.add_argument("net", metavar="NET")
    sub.add_argument("--input", required=True, metavar="FILE.npy", help="integers [steps, inputs]: charges")
    sub.add_argument("--output", required=True, metavar="FILE.npy", help="gets uint8 [steps, neurons]: spikes")
    _add_json(sub)

    about = "write a network in another tool's format"
    sub = command("export", commands.export_net, about, "net.json --target tennlab --out out/")
    sub.add_argument("net", metavar="NET")
    sub.add_argument("--target", required=True, metavar="TARGET", help="see `evoneuro targets`")
    sub.add_argument("--out", required=True, metavar="DIR")
    sub.add_argument("--force", action="store_true", help="write into a directory that is not empty")
    _add_profile(sub, "a device whose limits the network must keep")
    _add_json(sub)

    about = "build and run an export with the target's own tools, and compare every spike and decision"
    sub = command("verify", commands.verify_net, about, "net.json --target c")
    sub.add_argument("net", metavar="NET")
    sub.add_argument("--target", required=True, metavar="TARGET", help="see `evoneuro targets`")
    _add_json(sub)

    _add_json(command("targets", commands.list_targets, "what can be exported, and verified on this machine", "--json"))

    about = "read another tool's network"
    sub = command("import", commands.import_net, about, "risp.json --format tennlab --out net.json")
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("--format", required=True, metavar="FORMAT", help="tennlab")
    sub.add_argument("--out", required=True, metavar="NET")
    _add_json(sub)


def _add_robustness(sub: argparse.ArgumentParser) -> None:
    about = "scores under noisy weights, dead neurons and jittered input, too; loads the task, and evaluates"
    sub.add_argument("--robustness", action="store_true", help=about)
    sub.add_argument("--variants", type=_positive, default=10, metavar="N", help="of each kind of perturbation (10)")


def _add_profile(sub: argparse.ArgumentParser, about: str) -> None:
    sub.add_argument("--profile", metavar="NAME", help=about)


def _add_held_out(sub: argparse.ArgumentParser) -> None:
    """What is asked of a network that is tried on cases which evolution never saw."""
    sub.add_argument("net", metavar="NET")
    sub.add_argument("--task", metavar="TASK", help="the network's own task if not given")
    sub.add_argument("--episodes", type=_positive, default=100, metavar="N", help="episodes of a control task (100)")
    sub.add_argument("--seed", type=_seed, default=0, metavar="N", help="of the episodes (0)")
    sub.add_argument("--set", action="append", default=[], metavar="task.NAME=VALUE", help="a parameter of the task")
    _add_json(sub)


def _add_task_commands(command: Command) -> None:
    """What is done with a task."""
    _add_json(command("tasks", commands.tasks, "the registered tasks", "--json"))
    _add_json(command("profiles", commands.profiles, "the devices that networks can be kept within", "--json"))

    sub = command("check", commands.check, "try a task, or look at a network", "mytask.py:Balance")
    sub.add_argument("target", metavar="TASK|NET")
    _add_profile(sub, "a device: what of the network, or of the task's sizes and coding, is beyond it")
    sub.add_argument("--set", action="append", default=[], metavar="task.NAME=VALUE", help="a parameter of the task")
    _add_json(sub)

    about = "write a task of your own: a commented plugin that works, and its test"
    sub = command("new-task", commands.new_task, about, "my-task --kind classification")
    sub.add_argument("task", metavar="NAME", help="my-task becomes my_task.py with the class MyTask")
    sub.add_argument(
        "--kind", default="control", metavar="KIND", help="control (default), classification, regression, spikes"
    )
    sub.add_argument("--out", default=".", metavar="DIR", help="gets both files (here)")
    _add_json(sub)


def _add_study(command: Command) -> None:
    about = "repeat configurations over seeds: table, tests and pictures; the same call again goes on"
    sub = command("study", commands.study, about, "experiments/04_name/study.toml --seeds 1-10")
    sub.add_argument("study", metavar="STUDY.toml", help="a configuration, [variants.NAME] of it, and seeds")
    sub.add_argument("--out", metavar="DIR", help="the study's directory (results/ and the file's or folder's name)")
    sub.add_argument("--seeds", metavar="N|a-b", help="instead of the file's: the seeds 0 to N-1, or a to b")
    sub.add_argument(
        "--workers", type=_natural, metavar="N", help="Ray workers of each run; 0: runs side by side, without Ray (0)"
    )
    sub.add_argument("--quiet", action="store_true", help="no progress")
    _add_json(sub)


def _add_bench(command: Command) -> None:
    about = "measure this machine: simulator, evaluations, scaling, beside the peers that are installed"
    sub = command("bench", commands.bench, about, "--quick")
    sub.add_argument("--quick", action="store_true", help="small sizes, under a minute (else some minutes)")
    sub.add_argument("--out", metavar="DIR", help="gets page, picture and numbers (results/bench; none with --quick)")
    _add_json(sub)


def _add_json(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="print one JSON document")


def _add_run(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("target", metavar="TASK_OR_TOML", help="a task, or a TOML file with the configuration")
    sub.add_argument("--seed", type=_seed, metavar="N", help="the result is a function of configuration and seed (0)")
    sub.add_argument("--generations", type=_natural, metavar="N", help="(100, or what the task suggests; 0: no limit)")
    sub.add_argument("--population", type=_positive, metavar="N", help="(100, or what the task suggests)")
    sub.add_argument(
        "--budget-evaluations", type=_positive, metavar="N", help="stop after the generation that reaches N"
    )
    sub.add_argument("--budget-hours", type=float, metavar="H", help="stop after the generation that reaches H hours")
    sub.add_argument(
        "--workers", type=_natural, metavar="N", help="Ray workers (one per core); 0: this process, without Ray"
    )
    sub.add_argument("--address", metavar="ADDR", help="Ray cluster: local, auto, HOST:PORT, ray://HOST:PORT (local)")
    _add_profile(sub, "a device whose limits all networks keep (evoneuro profiles)")
    sub.add_argument("--preset", metavar="NAME", help="settings by name: eons, the incumbent's algorithm as a baseline")
    sub.add_argument("--from", dest="start", metavar="NET|RUN", help="start from a network, or from a run's front")
    sub.add_argument("--out", metavar="DIR", help="parent of the run directory (results/)")
    sub.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any key, as search.population=200"
    )
    _add_callback(sub)
    sub.add_argument("--quiet", action="store_true", help="no progress")
    sub.add_argument("--json", action="store_true", help="print one JSON document at the end, no progress")


def _add_callback(sub: argparse.ArgumentParser) -> None:
    about = "who else is told of each generation: tensorboard, package.module:Class or file.py:Class"
    sub.add_argument("--callback", action="append", default=[], metavar="NAME", help=about)


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
