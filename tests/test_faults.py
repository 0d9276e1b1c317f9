"""Faults of a task's code: each costs the candidate that it befalls, is told with its reason, and nothing else.

The rows of the matrix that need Ray, or take long, are run by `experiments/faults/matrix.py`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evoneuro.config import Config
from evoneuro.launch import resume, start
from evoneuro.record import Run
from evoneuro.workers import local

PLUGIN = Path(__file__).parent / "plugins" / "trap.py"
SETTINGS = {
    "search": {"population": 12},
    "episodes": {"count": 4, "validation": 4, "every": 2, "refresh": 2},
    "budget": {"generations": 2},
}
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")

# Reasons of failures; what a candidate is charged with does not depend on how it fails.
FAILS = {
    "exit": "raised ProcessExit: os._exit(13) (trap.py, line ",
    "leave": "raised SystemExit: 3 (trap.py, line ",
    "raise": "raised ValueError: no such thing (trap.py, line ",
    "interrupt": "raised KeyboardInterrupt (trap.py, line ",
    "recurse": "raised RecursionError: ",
    "mute": "raised MuteError (trap.py, line ",
    "nan": "task 'trap': observation[",
    "infinite": "task 'trap': reward[",
    "narrow": "task 'trap': observation has shape (",
    "text": "task 'trap': reward",
    "complex": "raised UFuncTypeError: ",
    "huge": "task 'trap': reward",
    "generator": "task 'trap': step()",
    "nothing": "task 'trap': step()",
    "few": "task 'trap': step()",
    "hang": "no answer within ",
    "sleep": "no answer within ",
    "allocate": "ran out of memory (trap.py, line ",
}
HARMLESS = ["print", "fork", "spawn", "chdir", "close", "clear", "deaf", "sometimes"]


def config(out: Path, trap: str, **workers: Any) -> Config:
    parameters = {"trap": trap, "mark": str(out / "mark")}
    document = {"task": f"{PLUGIN}:Trap", "seed": 3, "out": str(out), "parameters": parameters, **SETTINGS}
    return Config.from_document({**document, "workers": {"count": 0, **workers}})


def outcome(run: Run) -> tuple[str, list[tuple[int, str, int, str]]]:
    """Digest and failures of a finished run."""
    status = run.status()
    assert (status["state"], status["generation"]) == ("finished", 1)
    assert status["failures"] == len(run.failures())
    return status["digest"], run.failures()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of a run in which no trap is set."""
    digest, failures = outcome(start(config(tmp_path_factory.mktemp("good"), "")))
    assert failures == []
    return digest


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[tuple[int, str, int]]]:
    """Digest and failed candidates of a run in which the trap raises."""
    digest, failures = outcome(start(config(tmp_path_factory.mktemp("bad"), "raise")))
    assert 1 < len(failures) < 12
    return digest, [place[:3] for place in failures]


@pytest.mark.parametrize("trap", FAILS)
def test_it_costs_the_candidate(bad: tuple[str, list[tuple[int, str, int]]], tmp_path: Path, trap: str) -> None:
    workers = {"hang": {"timeout": 0.4}, "sleep": {"timeout": 0.4}, "allocate": {"memory": 0.2}}.get(trap, {})
    if trap == "allocate" and sys.platform != "linux":
        pytest.skip("limits as Linux has them")
    run = start(config(tmp_path, trap, **workers))
    digest, failures = outcome(run)
    assert [place[:3] for place in failures] == bad[1]
    assert {reason[: len(FAILS[trap])] for *_, reason in failures} == {FAILS[trap]}
    assert digest == bad[0]
    assert run.status()["timing_dependent"] == (trap in ("hang", "sleep", "allocate"))


@pytest.mark.parametrize("trap", HARMLESS)
def test_it_costs_nothing(good: str, tmp_path: Path, trap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    handlers, environment = signal.getsignal(signal.SIGTERM), dict(os.environ)
    run = start(config(tmp_path, trap))
    assert outcome(run) == (good, [])
    assert (Path.cwd(), dict(os.environ)) == (tmp_path, environment)
    assert signal.getsignal(signal.SIGTERM) is handlers


def evoneuro(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evoneuro", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def arguments(out: Path, trap: str) -> list[str]:
    sections = {name: keys for name, keys in SETTINGS.items() if name != "budget"}
    settings = [f"--set={name}.{key}={value}" for name, keys in sections.items() for key, value in keys.items()]
    task = [f"{PLUGIN}:Trap", "--set", f"task.trap={trap}", "--seed", "3", "--generations", "2"]
    return ["run", *task, "--workers", "0", "--out", str(out), *settings]


def test_what_a_plugin_prints_is_no_result(tmp_path: Path) -> None:
    done = evoneuro(*arguments(tmp_path, "print"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "finished"
    assert "from the plugin" in done.stderr
    assert "from its C code" in done.stderr


def test_what_kills_its_process_ends_as_a_recorded_outcome(
    bad: tuple[str, list[tuple[int, str, int]]], tmp_path: Path
) -> None:
    """Without Ray two processes die of it; then all candidates are evaluated apart, to the end of the run."""
    assert evoneuro(*arguments(tmp_path, "segfault"), "--quiet").returncode == -signal.SIGSEGV
    (path,) = tmp_path.iterdir()
    assert Run(path).status()["state"] == "interrupted"
    assert evoneuro("resume", str(path), "--quiet").returncode == -signal.SIGSEGV
    done = evoneuro("resume", str(path), "--quiet")
    assert done.returncode == 0, done.stderr
    digest, failures = outcome(Run(path))
    assert [place[:3] for place in failures] == bad[1]
    assert {reason for *_, reason in failures} == {"crashed the worker 3 times (SIGSEGV)"}
    assert digest == bad[0]


def test_a_hang_that_no_alarm_reaches_ends_the_process_with_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import re; re.match(r'(a+)+$', 'a' * 40 + 'b')"  # stays in C for years
    script = f"from evoneuro.workers import local\nwith local._watched(0.5):\n    {code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Timeout (0:00:00.5" in done.stderr
    assert local.GRACE > 0


def test_two_deaths_in_one_batch_are_suspicious_and_one_is_not(tmp_path: Path) -> None:
    from evoneuro.workers.flight import Flight

    names = ["a", "b", "c"]
    assert Flight(tmp_path).suspects(names) == set()
    for deaths in range(1, 7):
        flight = Flight(tmp_path)
        # every third process looks closer; those in between may be quick enough for who kills them from outside
        assert flight.suspects(names) == ({1, 2} if deaths % 3 == 0 else set())
        flight.begin(["b", "c"])
    flight.landed()
    assert Flight(tmp_path).suspects(names) == set()
    flight = Flight(tmp_path)
    flight.begin(["b"])
    flight.killed()
    flight.landed()
    assert Flight(tmp_path).suspects(names) == {0, 1, 2}


def test_a_resumed_run_is_stopped_by_the_first_signal_after_what_is_in_flight(tmp_path: Path) -> None:
    """See also `test_run`: there from outside."""

    class Stopper:
        def start(self, header: Any) -> None: ...

        def generation(self, summary: Any) -> None:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT) if summary["generation"] == 1 else None

        def message(self, text: str) -> None:
            said.append(text)

        def finish(self) -> None: ...

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        start(config(tmp_path, ""), Stopper())
    (path,) = [p for p in tmp_path.iterdir() if p.is_dir()]
    assert Run(path).status()["state"] == "interrupted"
    assert Run(path).status()["generation"] == 0
    assert said == ["evoneuro: stopping when what is in flight has been journaled; once more stops at once"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert resume(path).status()["state"] == "finished"
