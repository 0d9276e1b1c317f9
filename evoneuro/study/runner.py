"""Sees the runs of a study through: some side by side, each in a process of its own, what is finished left alone.

A process costs some seconds to start, and one run's crash, hang of the interpreter or lack of memory is its own. On two
cores, small runs are done sooner so than one after another with two Ray workers each, whose start alone takes as long.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evoneuro.database import DATABASE
from evoneuro.errors import EvoNeuroError, RunError
from evoneuro.record import Run
from evoneuro.study.plan import Plan

FORMAT = 2  # of outcomes: another one is made anew
PAUSE = 0.05  # seconds between looks at the processes
PATIENCE = 30.0  # seconds that they get to end
LEFT_OUT = ("out", "workers")  # of a configuration: what its outcome does not depend on


@dataclass(frozen=True)
class Outcome:
    """How one run of a study ended: what `one.perform` found, or why it found nothing."""

    variant: str
    seed: int
    path: Path
    found: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None


def conduct(plan: Plan, tell: Callable[[str], None]) -> list[Outcome]:
    """All runs of the plan, in its order; those that another call has finished are read.

    Raises:
        EvoNeuroError: a file of the study's directory cannot be written.
        RunError: no run found anything.
        KeyboardInterrupt: after the processes have ended; what they journaled is there.
    """
    runs = plan.runs()
    outcomes = {run: outcome for run in runs if (outcome := _finished(plan, *run)) is not None}
    todo, running = [run for run in runs if run not in outcomes], dict[tuple[str, int], _Process]()
    if outcomes:
        tell(f"{len(outcomes)} of {len(runs)} runs are finished already")
    try:
        while todo or running:
            while todo and len(running) < plan.parallel:
                run = todo.pop(0)
                running[run] = _Process(plan, *run)
            for run, process in list(running.items()):
                if not process.ended:
                    continue
                outcomes[run] = outcome = running.pop(run).outcome()
                how = f"failed: {outcome.failure}" if outcome.failure else f"in {process.seconds:.0f} s"
                tell(f"{run[0]}, seed {run[1]}: {how} ({len(outcomes)} of {len(runs)})")
            time.sleep(PAUSE if running else 0)
    finally:
        for process in running.values():
            process.stop()
        for process in running.values():
            process.wait()
    ordered = [outcomes[run] for run in runs]
    if all(outcome.failure for outcome in ordered):
        raise RunError(f"{plan.out}: none of the {len(runs)} runs succeeded; the first: {ordered[0].failure}")
    return ordered


def _asked(plan: Plan, variant: str, seed: int) -> dict[str, Any]:
    """What a run's outcome depends on, as plain data."""
    config = {k: v for k, v in plan.config(variant, seed).to_document().items() if k not in LEFT_OUT}
    asked = {"format": FORMAT, "config": config, "held_out": asdict(plan.held_out), "solved": asdict(plan.solved)}
    return json.loads(json.dumps(asked))  # type: ignore[no-any-return]


def _beside(path: Path, suffix: str) -> Path:
    """A file beside a run's directory: .json for its outcome, .log for what its process printed."""
    return path.with_name(f"{path.name}{suffix}")


def _finished(plan: Plan, variant: str, seed: int) -> Outcome | None:
    """The outcome that is written down, if it answers what is asked and its run is still as it was."""
    path = plan.path(variant, seed)
    try:
        found = json.loads(_beside(path, ".json").read_text(encoding="utf-8"))
        if found["asked"] != _asked(plan, variant, seed) or not (path / DATABASE).is_file():
            return None
        status = Run(path).status()
        same = status["state"] == "finished" and status["digest"] == found["digest"]
        return Outcome(variant, seed, path, found) if same else None
    except (OSError, ValueError, KeyError, TypeError):  # no outcome yet, or one that is cut off
        return None


class _Process:
    """The process of one run."""

    def __init__(self, plan: Plan, variant: str, seed: int) -> None:
        self.variant, self.seed, self.path = variant, seed, plan.path(variant, seed)
        self.asked = _asked(plan, variant, seed)
        self.began = time.monotonic()
        order = {
            "path": str(self.path),
            "outcome": str(_beside(self.path, ".json")),
            "config": plan.config(variant, seed).to_document(),
            "asked": self.asked,
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _beside(self.path, ".json").unlink(missing_ok=True)  # an older answer is none to what is asked now
            log = open(_beside(self.path, ".log"), "wb")  # noqa: SIM115
        except OSError as error:
            raise EvoNeuroError(f"{self.path}: cannot be written: {error.strerror or error}") from None
        threads = {} if plan.parallel == 1 else {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
        with log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "evoneuro.study.one"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **threads},
                start_new_session=True,  # Ctrl-C is the study's, which ends its processes in order
            )
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it has died already; its log says why
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def outcome(self) -> Outcome:
        """What the process, which has ended, has left."""
        self.stop()
        status = self.process.returncode
        if status == 0:
            found = json.loads(_beside(self.path, ".json").read_text(encoding="utf-8"))
            _beside(self.path, ".log").unlink(missing_ok=True)
            return Outcome(self.variant, self.seed, self.path, found)
        return Outcome(self.variant, self.seed, self.path, failure=self._reason(status))

    def stop(self) -> None:
        """Ask the process to end: its standard input does."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            with suppress(BrokenPipeError):
                self.process.stdin.close()

    def wait(self) -> None:
        """Until it has ended; one that does not is killed, which its journal survives."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _reason(self, status: int) -> str:
        log = _beside(self.path, ".log").read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        if status < 0:
            return f"ended by {signal.Signals(-status).name}"
        last = lines[-1] if lines else f"exit status {status}, and no word of why"
        return last.removeprefix("evoneuro: error: ")
