"""What a report says, gathered: from the run's record, and, where the task may be loaded, from the winner at work.

A part that cannot be had is left out with its reason, and the report comes all the same. Nothing here runs code that a
run directory names, unless it is a task that is installed on this machine, or one that the user has named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from evoneuro.classification import Labelled
from evoneuro.config import Config
from evoneuro.environments import ControlTask
from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.evaluate import answers, evaluate
from evoneuro.evaluation import Cases, Evaluation, Perturbations
from evoneuro.front import Front, FrontMember, confidence_interval
from evoneuro.hardware import profiles
from evoneuro.hardware.estimate import estimate
from evoneuro.network import Network
from evoneuro.record import Census, Champion, Moment, Run
from evoneuro.report.ancestry import Line
from evoneuro.report.network_layout import names_code
from evoneuro.report.watch import Recording, watch
from evoneuro.robustness import KINDS, reports
from evoneuro.samples import SampleTask
from evoneuro.task import Task, load_task, registered_tasks, task_class
from evoneuro.workers.worker import evaluate_batch

EPISODES = 100  # of a control task that the winner is tried on
SLOW_EPISODES = 20  # of one whose environments are stepped one by one
VARIANTS = 5  # of each kind of perturbation
MOST_STEPS = 60e6  # network-steps that the tries of robustness may take: some seconds
REASONS = 12  # of failures that are listed

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class History:
    """How one run went.

    Attributes:
        summaries: of the closed generations, as the journal has them.
        moments: the front at the end of each.
    """

    run: Run
    seed: int
    summaries: Sequence[Mapping[str, Any]]
    moments: Sequence[Moment]

    @property
    def evaluations(self) -> npt.NDArray[np.float64]:
        """Networks evaluated until each generation closed."""
        return np.array([moment.evaluations for moment in self.moments], np.float64)

    @property
    def best(self) -> npt.NDArray[np.float64]:
        """Best score on the front of each generation; NaN for none."""
        return np.array([np.nan if s["best_score"] is None else s["best_score"] for s in self.summaries], np.float64)


@dataclass(frozen=True, eq=False)
class Trial:
    """The winner at work on cases that evolution never saw.

    Attributes:
        cases: what they are, in words.
        interval: 95 % of the mean score.
        details: more figures of its answers, by name.
        said, right, classes: answers of a classifier, what was right, and the names of both; None for other tasks.
        estimates: energy and time of its decisions on each device profile.
        solved: the score from which on the task counts as solved, or None.
    """

    task: Task
    cases: str
    evaluation: Evaluation
    interval: tuple[float, float]
    details: Mapping[str, float]
    said: npt.NDArray[Any] | None
    right: npt.NDArray[Any] | None
    classes: Sequence[str]
    estimates: Sequence[Mapping[str, Any]]
    recording: Recording | None
    robustness: Mapping[str, Any] | None


@dataclass(frozen=True, eq=False)
class Facts:
    """All that a report is made of.

    Attributes:
        histories: the run's own first, then those that it is shown with.
        winner: the member that is told of in detail; None of an empty front.
        line: of the winner's ancestors, the oldest first; empty of runs of before they were written down.
        champions: who was the best of the front, one after another; only where there is no line.
        failures: (reason, how many, in which generation first), the most frequent first.
        missing: part of the report -> why it is left out.
    """

    run: Run
    status: Mapping[str, Any]
    config: Mapping[str, Any]
    meta: Mapping[str, Any]
    front: Front
    winner: FrontMember | None
    histories: Sequence[History]
    censuses: Sequence[Census]
    line: Line
    champions: Sequence[Champion]
    failures: Sequence[tuple[str, int, int]]
    trial: Trial | None
    objectives: Sequence[str]
    missing: dict[str, str] = field(default_factory=dict)


def gather(runs: Sequence[str | Path], *, member: str = "best", task: str | None = None, execute: bool = True) -> Facts:
    """The facts of a run.

    Args:
        runs: the run's directory, and those of runs that differ from it in the seed, for the bands of its progress.
        member: of the front, told of in detail: an id, "best" or "smallest".
        task: the run's task as the user names it, which is then loaded whatever it is.
        execute: whether a task is loaded at all.

    Raises:
        EvoNeuroError: no run there, a damaged one, or no such member.
    """
    run = Run(Path(runs[0]))
    with _sound(run):
        status, meta, front = run.status(), run.meta, run.front
        config = Config.from_document(run.config).to_document()
        histories = [history(Run(Path(path))) for path in runs]
        censuses, failures = run.censuses(), _failures(run)
        winner = front.member(member) if len(front) else None
        line = run.lineage(winner.id) if winner is not None else []
        champions = [] if line else run.champions()
    missing: dict[str, str] = {}
    loaded, reason = _task(config, task, execute)
    trial = None
    if winner is None:
        missing["trial"] = "no generation is closed yet, so there is no network to try"
    elif loaded is None:
        missing["trial"] = reason
    else:
        trial = _part(missing, "trial", lambda: _try(loaded, winner.network, int(config["seed"]), missing))
    return Facts(
        run,
        status,
        config,
        meta,
        front,
        winner,
        histories,
        censuses,
        line,
        champions,
        failures,
        trial,
        list(dict.fromkeys([*objectives_of(config), *front.own])),
        missing,
    )


def history(run: Run) -> History:
    """How a run went, as its journal says.

    Raises:
        EvoNeuroError: no run there, or a damaged one.
    """
    with _sound(run):
        summaries = [
            {**summary, "seconds": float(summary["seconds"]), "best_score": summary["best_score"]}
            for summary in run.summaries
        ]
        return History(run, int(run.config["seed"]), summaries, run.history())


@contextmanager
def _sound(run: Run) -> Iterator[None]:
    """A record in which something is missing, or is of another kind, is damaged: it may be a stranger's."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise FormatError(f"{run.path}: the run's record is damaged: {type(error).__name__}: {error}") from None


def _part(missing: dict[str, str], name: str, make: Callable[[], Found]) -> Found | None:
    """What `make` makes, or None with its reason noted."""
    try:
        return make()
    except EvoNeuroError as error:
        missing[name] = str(error)
        return None


def _task(config: Mapping[str, Any], named: str | None, execute: bool) -> tuple[Task | None, str]:
    """The run's task, or why there is none."""
    name, parameters = str(named or config["task"]), config["parameters"]
    if not execute:
        return None, "no task was to be loaded"
    if named is None and (name not in registered_tasks() or names_code(parameters)):
        what = f"task {name!r}" if name not in registered_tasks() else "a parameter of the task"
        return None, (
            f"{what} is none that is installed here, and looking at a run runs no code that it names; to allow it, "
            f"name the task: --task {name}"
        )
    try:
        return load_task(name, parameters), ""
    except EvoNeuroError as error:
        return None, f"the task cannot be loaded: {error}"


def objectives_of(config: Mapping[str, Any]) -> list[str]:
    """Names of what a run traded off, without plugins: as it was asked, else as its task, if installed, has them."""
    name = str(config["task"])
    asked = config["search"]["objectives"] or config["parameters"].get("objectives")
    if asked is None and name in registered_tasks():
        try:
            asked = task_class(name).objectives
        except EvoNeuroError:
            asked = None
    return [name for name in asked or Task.objectives if not names_code(name)]


def _failures(run: Run) -> list[tuple[str, int, int]]:
    found: dict[str, list[int]] = {}
    for generation, _, _, reason in run.failures():
        found.setdefault(reason.splitlines()[0] if reason else "", []).append(generation)
    rows = [(reason, len(generations), min(generations)) for reason, generations in found.items()]
    return sorted(rows, key=lambda row: -row[1])[:REASONS]


# The winner at work


def _try(task: Task, network: Network, seed: int, missing: dict[str, str]) -> Trial:
    control = isinstance(task, ControlTask)
    episodes = SLOW_EPISODES if isinstance(task, ControlTask) and task.environment is not None else EPISODES
    cases = Cases(0 if control else seed, "test", 0, episodes)
    if names_code(network.encoder) or names_code(network.decoder):
        raise EvoNeuroError("the network's encoder or decoder is code that the run names, which no report runs")
    (evaluation,) = evaluate(task, [network], cases)
    if evaluation.failure is not None:
        raise EvoNeuroError(f"the network failed on test cases: {evaluation.failure}")
    details, said, right, classes = _answers(task, network, cases, evaluation)
    period = task.period
    return Trial(
        task,
        f"{episodes} test episodes of seed 0" if control else f"the {len(evaluation.case_scores):,} test samples",
        evaluation,
        confidence_interval(evaluation.case_scores),
        details,
        said,
        right,
        classes,
        [
            {**estimate(device, network, evaluation, period), "violations": device.violations(network)}
            for device in profiles()
        ],
        _part(missing, "recording", lambda: watch(task, network, seed=cases.seed)),
        _part(missing, "robustness", lambda: _robustness(task, network, cases, evaluation.steps)),
    )


def _answers(
    task: Task, network: Network, cases: Cases, evaluation: Evaluation
) -> tuple[Mapping[str, float], npt.NDArray[Any] | None, npt.NDArray[Any] | None, Sequence[str]]:
    if isinstance(task, ControlTask):
        return task.summary(evaluation.case_scores), None, None, ()
    assert isinstance(task, SampleTask)
    said, right = answers(task, network, cases)
    classes = task.classes if isinstance(task, Labelled) else ()
    return task.details(said, right), said, right, classes


def _robustness(task: Task, network: Network, cases: Cases, steps: int) -> Mapping[str, Any]:
    """The report of `robustness.reports`, where that does not take long.

    Args:
        steps: that one evaluation on `cases` takes. Not its seconds: a report says the same on any machine.
    """
    slow = cases.count == SLOW_EPISODES and isinstance(task, ControlTask)
    asked = Perturbations(variants=2 if slow else VARIANTS)
    total = len(KINDS) * asked.variants * steps
    if total > MOST_STEPS:
        raise EvoNeuroError(f"it would take {total:.2g} network-steps; evoneuro evaluate NET --robustness takes them")
    (found,) = reports(task, [network], replace(cases, perturbations=asked), evaluate_batch)
    return found
