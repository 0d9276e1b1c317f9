"""Examine: what `evoneuro check` says of a task. Facts; warnings of what is hardly meant; errors as `check_task`'s."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.check import PATIENCE, Report, check_task, global_states, probes
from evoneuro.classification import Labelled
from evoneuro.coding import Encoder, encoder_from_spec
from evoneuro.coding.trains import WORD, words
from evoneuro.deadline import NoAnswer, deadline
from evoneuro.environments import ControlTask
from evoneuro.errors import PluginError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.keys import lane_keys
from evoneuro.samples import PARTS, SampleTask
from evoneuro.spikes import SpikeTask
from evoneuro.tables import Tabular
from evoneuro.task import Task

Rows = npt.NDArray[np.float64]  # (rows, values)

PROBES = 8  # random networks
SHARE = 0.25  # of the patience: a task that would take longer is tried by one network
ROWS = 2**14  # observations that are kept
ENCODED = 512  # observations or samples that are encoded
LISTED = 12  # values that get a line each
CLIPPED = 0.25  # share of a value beyond the encoder's range from which on a warning is due
NARROW = 0.02  # share of the encoder's range that a value must span
UNEQUAL = 3.0  # times as many samples in one class as in another
LOOK_AHEAD = 4  # windows in which spikes are looked for that come too late


@dataclass
class Findings:
    """Facts as (name, value) in words, warnings, each one line, and what `check_task` found."""

    report: Report
    facts: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fact(self, name: str, value: str) -> None:
        """Note a fact."""
        self.facts.append((name, value))

    def warn(self, text: str) -> None:
        """Note a warning."""
        self.warnings.append(text)


def examine(task: Task, population: int, patience: float = PATIENCE) -> Findings:
    """Run random networks through `task` and look at all that goes in and comes out.

    Args:
        population: candidates of a generation, for which the speed is told.

    Raises:
        PluginError: the task raises, hangs, returns wrong shapes or NaN, or is not a function of its keys.
        EvoNeuroError: its encoder, decoder, window or ranges are wrong.
    """
    warnings: list[str] = []
    with _patient(task, patience):
        if isinstance(task, ControlTask):
            _compare_resets(task)
        elif isinstance(task, SampleTask):
            warnings = _compare_loads(task)
    report = check_task(task, patience)
    findings = Findings(report, list(report.facts), warnings)
    findings.fact("objectives", ", ".join(task.objectives))
    findings.fact("solved", "no such mark" if task.solved is None else f"from a score of {task.solved:g} on")
    for name in report.drawn:
        findings.warn(
            f"the task draws from {name}, which all code of a process shares, so that workers and a resumed run can "
            "get other numbers; draw from the keys that reset() gets, or from a generator with a seed"
        )
    with _patient(task, patience):
        if isinstance(task, ControlTask):
            _examine_control(task, report, population, patience, findings)
        elif isinstance(task, SampleTask):
            _examine_samples(task, report, population, patience, findings)
    return findings


@contextlib.contextmanager
def _patient(task: Task, patience: float) -> Iterator[None]:
    try:
        with deadline(patience):
            yield
    except NoAnswer as error:
        raise PluginError(f"task {task.name!r} gave no answer within {patience:g} s; it was at {error.where}") from None


# Repeatable


def _compare_resets(task: ControlTask) -> None:
    """Raise if the first observations of an episode are not a function of its key."""
    keys = lane_keys(0, "episodes", 4)
    first, again, fewer = _first(task, keys), _first(task, keys), _first(task, keys[1:3])
    if first is None or again is None or fewer is None or first.shape != again.shape or len(fewer) != 2:
        return  # what does not come as it should is told by `check_task`
    for other, own, when in ((again, first, "a second time"), (fewer, first[1:3], "beside fewer episodes")):
        different = np.argwhere(~((other == own) | (np.isnan(other) & np.isnan(own))))
        if len(different):
            lane, value = different[0].tolist()
            raise PluginError(
                f"task {task.name!r}: reset() is not deterministic: value {value} of an episode's first observation "
                f"was {own[lane, value]:g} and, {when}, {other[lane, value]:g}; an episode must be a function of its "
                "own key alone"
            )


def _first(task: ControlTask, keys: Any) -> Rows | None:
    try:
        found = np.array(task.reset(keys)[1], np.float64)
    except Exception:
        return None
    return found if found.ndim == 2 else None


def _compare_loads(task: SampleTask) -> list[str]:
    """Warnings; raises unless a second `load` gives the same data: every worker loads its own."""
    digest, before = task.digest(), global_states()
    again = type(task)(**task.changed).digest()
    drawn = [name for name, state in global_states().items() if state != before[name]]
    culprit = f" (it draws from {' and '.join(drawn)})" if drawn else ""
    if again != digest:
        raise PluginError(
            f"task {task.name!r}: load() gave other data the second time{culprit}, and every worker loads for itself; "
            "give its generator a seed, as np.random.default_rng(0)"
        )
    return [
        f"load() uses {name}, which all code of a process shares; better np.random.default_rng(0)" for name in drawn
    ]


# Control


@dataclass
class _Watch:
    """What a control task returns while networks run on it.

    Attributes:
        observations: rows (lanes, values) as they came.
        rewards: [lanes] as they came.
        lengths: decisions of each finished episode; `running` are not finished yet.
    """

    observations: list[Any] = field(default_factory=list)
    rewards: list[Any] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    running: int = 0
    decisions: int = 0

    @contextlib.contextmanager
    def on(self, task: ControlTask) -> Iterator[None]:
        """Watch `task` in the body."""
        reset, step = task.reset, task.step

        def watched_reset(keys: Any) -> Any:
            found = reset(keys)
            self.running, self.decisions = len(keys), 0
            self.observations.append(found[1])
            return found

        def watched_step(state: Any, action: Any) -> Any:
            found = step(state, action)
            over = int(np.logical_or(found[3], found[4]).sum())
            self.decisions += 1
            self.running -= over
            self.lengths += [self.decisions] * over
            if sum(map(len, self.rewards)) < ROWS:
                self.observations.append(found[1])
                self.rewards.append(np.asarray(found[2]))
            return found

        vars(task).update(reset=watched_reset, step=watched_step)
        try:
            yield
        finally:
            del vars(task)["reset"], vars(task)["step"]


def _examine_control(task: ControlTask, report: Report, population: int, patience: float, findings: Findings) -> None:
    watch = _Watch()
    with watch.on(task):
        _measure_speed(task, report, task.episodes, population, patience, findings)
    seen = np.concatenate([np.asarray(rows, np.float64) for rows in watch.observations])
    rewards = np.concatenate(watch.rewards)
    lengths = np.array(watch.lengths + [watch.decisions] * watch.running)
    encoder = encoder_from_spec(task.coding(0)[0] or {})
    kind = getattr(watch.observations[0], "dtype", type(watch.observations[0]).__name__)
    findings.fact("observation", f"{kind} (lanes, {seen.shape[1]})")
    _tell_values(seen, encoder, "leave them out with observations = (...), or see whether they should", findings)
    findings.fact("reward", f"{rewards.dtype} [lanes], {rewards.min():g} to {rewards.max():g}")
    cut = f"; {watch.running} of {len(lengths)} reached the limit" if watch.running else ""
    findings.fact("episodes", f"{lengths.min()} to {lengths.max()} decisions, limit {task.step_limit}{cut}")
    rows = seen[np.linspace(0, len(seen) - 1, min(len(seen), ENCODED)).astype(int)]
    _tell_spikes(encoder.encode(encoder.quantise(rows), task.window), encoder, task.window, findings)
    _tell_late_spikes(rows, encoder, task.window, findings)


# Samples


def _examine_samples(task: SampleTask, report: Report, population: int, patience: float, findings: Findings) -> None:
    sizes = ", ".join(f"{len(task.members(part, 0))} {part}" for part in PARTS)
    seen = len(task.targets("train", 0))
    copies = f"; selection sees {seen}, jittered copies included" if seen != len(task.members("train", 0)) else ""
    findings.fact("samples", sizes + copies)
    if isinstance(task, Labelled):
        _tell_classes(task, findings)
    else:
        targets = task.targets("train", 0)
        low, high = targets.min(axis=0), targets.max(axis=0)
        pairs = [f"{a:.4g} to {b:.4g}" for a, b in zip(low.ravel(), high.ravel(), strict=True)]
        findings.fact("targets", "; ".join(pairs[:LISTED]))
        if (low == high).any():
            findings.warn(f"target values {_list(np.flatnonzero(low == high))} never vary")
    spec = task.coding(0)[0]
    encoder = None if spec is None else encoder_from_spec(spec)
    if isinstance(task, SpikeTask):
        findings.fact("samples' steps", f"{task.raster('train', 0).shape[0]}, of a window of {task.window}")
    if encoder is not None and isinstance(task, Tabular):
        samples = task.samples("train", 0)
        findings.fact("sample", f"{samples.dtype} {samples.shape[1:]}")
        _tell_values(samples.reshape(-1, samples.shape[-1]), encoder, "load() may drop those columns", findings)
        if not encoder.series:
            _tell_late_spikes(samples[:ENCODED], encoder, task.window, findings)
    _, feed = next(islice(task.feeds("train", 0, encoder, encoder.gain if encoder else 16, task.window), 1))
    _tell_spikes(feed, encoder, task.window, findings)
    _measure_speed(task, report, 1, population, patience, findings)


def _tell_classes(task: Labelled, findings: Findings) -> None:
    labels = {part: task.labels(part, 0) for part in PARTS}
    counts = sum(
        np.bincount(task.targets(part, 0)[: len(task.members(part, 0))], minlength=len(task.classes)) for part in PARTS
    )
    counts = np.asarray(counts)
    most, least = int(counts.argmax()), int(counts.argmin())
    if len(counts) <= LISTED:
        findings.fact("classes", ", ".join(f"{name} {n}" for name, n in zip(task.classes, counts, strict=True)))
    else:
        findings.fact("classes", f"{len(counts)}, of {counts[least]} to {counts[most]} samples")
    if counts[most] > UNEQUAL * counts[least] and task.metric == "accuracy":
        findings.warn(
            f"class {task.classes[most]!r} has {counts[most]} samples, class {task.classes[least]!r} {counts[least]}: "
            f"always saying {task.classes[most]!r} scores {counts[most] / counts.sum():.2f}; metric = "
            "'balanced-accuracy' counts classes alike"
        )
    for part, found in labels.items():
        missing = np.setdiff1d(np.arange(len(counts)), found)
        if len(missing):
            findings.warn(f"{part} has no sample of class {', '.join(repr(task.classes[i]) for i in missing)}")


# What both tell


def _tell_values(seen: Rows, encoder: Encoder, advice: str, findings: Findings) -> None:
    """The range of each value beside that of the encoder, and what is clipped.

    Args:
        advice: what to do about values that never vary.
    """
    low, high = np.array(encoder.low), np.array(encoder.high)
    least, most = seen.min(axis=0), seen.max(axis=0)
    below, above = (seen < low).mean(axis=0), (seen > high).mean(axis=0)
    if seen.shape[1] <= LISTED:
        for i in range(seen.shape[1]):
            findings.fact(
                f"value {i}",
                f"{least[i]:.4g} to {most[i]:.4g}, encoder {low[i]:.4g} to {high[i]:.4g}, "
                f"clipped {below[i]:.1%} below, {above[i]:.1%} above",
            )
    else:
        findings.fact("values", f"{seen.shape[1]}, {least.min():.4g} to {most.max():.4g}")
        findings.fact("clipped", f"{below.mean():.1%} below, {above.mean():.1%} above the encoder's ranges")
    constant = least == most
    if constant.any():
        findings.warn(f"values that never vary: {_list(np.flatnonzero(constant))}; {advice}")
    for i in np.flatnonzero((np.maximum(below, above) > CLIPPED) & ~constant).tolist():
        findings.warn(
            f"value {i}: {max(below[i], above[i]):.0%} lies beyond the encoder's range {low[i]:.4g} to {high[i]:.4g} "
            f"and is clipped; it was {least[i]:.4g} to {most[i]:.4g}: set low and high"
        )
    for i in np.flatnonzero((most - least < NARROW * (high - low)) & ~constant).tolist():
        findings.warn(
            f"value {i}: {least[i]:.4g} to {most[i]:.4g} is {(most[i] - least[i]) / (high[i] - low[i]):.1%} of the "
            f"encoder's range {low[i]:.4g} to {high[i]:.4g}, and much of it looks the same: set low and high"
        )


def _tell_spikes(feed: Any, encoder: Encoder | None, window: int, findings: Findings) -> None:
    """How often each input fires in a window, and which never does.

    Args:
        feed: trains uint32 (words, inputs, lanes), or charges int32 (steps, inputs, lanes) of a graded encoder.
    """
    graded = encoder is not None and encoder.graded
    counts = np.abs(feed[:window]).sum(axis=0) if graded else _spikes(feed, 0, window)
    means = counts.mean(axis=1)
    what = "charge per input" if graded else "spikes per input"
    findings.fact(
        what, f"{means.mean():.2f} in a window, {means.min():.2f} to {means.max():.2f} by input, {counts.max()} at most"
    )
    silent = np.flatnonzero(counts.max(axis=1) == 0)
    if len(silent) == len(means):
        findings.warn("no input ever fires: the networks see nothing")
    elif len(silent):
        of = ""
        if encoder is not None:
            of = f", of value {_list(np.unique(silent // encoder.neurons_per_value))}"
        findings.warn(f"inputs that never fire: {_list(silent)}{of}")


def _tell_late_spikes(rows: Any, encoder: Encoder, window: int, findings: Findings) -> None:
    """Spikes that the encoder makes after the window, where no network gets them."""
    if encoder.graded:
        return
    trains = encoder.encode(encoder.quantise(rows), LOOK_AHEAD * window)
    total = _spikes(trains, 0, LOOK_AHEAD * window)
    late = total.sum() - _spikes(trains, 0, window).sum()
    if late:
        last = max(t for t in range(LOOK_AHEAD * window) if _spikes(trains, t, t + 1).any())
        findings.warn(
            f"the encoder fires up to step {last}, and the window of {window} steps cuts off {late / total.sum():.0%} "
            f"of its spikes; set window to {last + 1} or more, or encoder to fewer spikes or shorter intervals"
        )


def _spikes(trains: Any, start: int, stop: int) -> npt.NDArray[np.int64]:
    """Spikes in steps `start` to `stop` of trains (words, inputs, lanes): int64 (inputs, lanes)."""
    steps = np.arange(start, min(stop, WORD * len(trains)))
    mask = np.zeros(max(len(trains), words(stop)), np.uint32)
    np.bitwise_or.at(mask, steps // WORD, np.uint32(1) << (steps % WORD).astype(np.uint32))
    found: npt.NDArray[np.int64] = np.bitwise_count(trains & mask[: len(trains), None, None]).sum(
        axis=0, dtype=np.int64
    )
    return found


def _measure_speed(
    task: Task, report: Report, episodes: int, population: int, patience: float, findings: Findings
) -> None:
    """How fast random networks are evaluated, and how much their scores differ."""
    long = report.seconds * PROBES * episodes > SHARE * patience
    networks, cases = probes(task, 1 if long else PROBES), Cases(0, "episodes", 0, 2 if long else episodes)
    start = time.perf_counter()
    found = evaluate(task, networks, cases)
    seconds = (time.perf_counter() - start) * episodes / cases.count
    rate = len(networks) / seconds
    decisions = sum(e.decisions for e in found) * episodes / cases.count / seconds
    findings.fact("random networks' scores", _span(found))
    findings.fact("speed", f"{decisions:.4g} decisions/s, {rate:.3g} evaluations/s in this process")
    findings.fact("a generation", f"of {population} takes about {population / rate:.2g} s in this process")
    if len(found) > 1 and len({e.score for e in found}) == 1:
        findings.warn(
            f"{len(found)} random networks all scored {found[0].score:g}: selection sees no difference between them; "
            "a score that grows with partial success is easier to climb"
        )


def _span(evaluations: Sequence[Evaluation]) -> str:
    scores = [e.score for e in evaluations]
    return f"{min(scores):.4g} to {max(scores):.4g}, of {len(scores)}"


def _list(numbers: npt.NDArray[Any]) -> str:
    """The first of many numbers in words."""
    shown = ", ".join(map(str, numbers[:LISTED].tolist()))
    return shown if len(numbers) <= LISTED else f"{shown} and {len(numbers) - LISTED} more"
