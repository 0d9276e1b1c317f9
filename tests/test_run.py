"""Runs: the same bits whatever the workers, kills and resumes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evoneuro
from evoneuro import EvoNeuroError
from evoneuro.config import Config
from evoneuro.errors import RunError
from evoneuro.launch import resume, start
from evoneuro.record import Run
from evoneuro.store import Store

SMALL = {"search": {"population": 16}, "episodes": {"validation": 6, "every": 3, "refresh": 3}}
GENERATIONS = 7
TASK = "cartpole"

COUNTED = '''
from pathlib import Path
from evoneuro_tasks.cartpole import CartPole


class Counted(CartPole):
    """Cart-pole that writes down how many episodes it was asked for."""

    log: str = ""

    def reset(self, keys):
        with open(self.log, "a") as file:
            print(len(keys), file=file)
        return super().reset(keys)
'''


def config(out: Path, **changes: Any) -> Config:
    document: dict[str, Any] = {"task": TASK, "seed": 5, "out": str(out), **SMALL, **changes}
    document.setdefault("budget", {"generations": GENERATIONS})
    document.setdefault("workers", {"count": 0})
    return Config.from_document(document)


def digest(run: Run) -> str:
    status = run.status()
    assert status["state"] == "finished"
    return str(status["digest"])


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "evoneuro", *arguments]


def begin(out: Path, workers: int = 0) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    settings = [f"--set={section}.{key}={value}" for section, keys in SMALL.items() for key, value in keys.items()]
    arguments = ["run", TASK, "--seed", "5", f"--generations={GENERATIONS}", f"--workers={workers}", f"--out={out}"]
    return subprocess.Popen(
        command(*arguments, *settings, "--quiet"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def directory(out: Path, patience: float = 60) -> Path:
    """The run directory below `out`, as soon as it is there."""
    limit = time.monotonic() + patience
    while time.monotonic() < limit:
        found = [path.parent for path in out.glob("*/run.sqlite")]
        if found:
            return found[0]
        time.sleep(0.01)
    raise AssertionError("no run directory")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return start(config(tmp_path_factory.mktemp("undisturbed")))


def test_the_same_bits_with_workers(undisturbed: Run, tmp_path: Path) -> None:
    for workers in (1, 2):
        run = start(config(tmp_path / str(workers), workers={"count": workers}))
        assert digest(run) == digest(undisturbed), workers
        assert run.front.to_document()["front"] == undisturbed.front.to_document()["front"]


def test_another_seed_gives_another_result(undisturbed: Run, tmp_path: Path) -> None:
    assert digest(start(config(tmp_path, seed=6))) != digest(undisturbed)


def test_survives_kills_at_random_moments(undisturbed: Run, tmp_path: Path) -> None:
    seed = 20240817
    print("seed of the kills:", seed)
    moments = random.Random(seed)
    process = begin(tmp_path)
    path = directory(tmp_path)
    kills = 0
    for _ in range(12):
        time.sleep(moments.uniform(0.0, 0.7))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
        process.stdout.close()
        process.stderr.close()
        status = Run(path).status()  # readable after any crash
        if status["state"] == "finished":
            break
        assert status["state"] == "interrupted"
        acknowledged = journal(path)
        process = subprocess.Popen(
            command("resume", str(path), "--quiet"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(moments.uniform(0.3, 1.2))
        assert acknowledged <= journal(path)  # nothing that was journaled is lost
    _, errors = process.communicate(timeout=120)
    assert Run(path).status()["state"] == "finished", errors
    assert kills >= 1
    assert digest(Run(path)) == digest(undisturbed)


def test_survives_a_kill_with_workers(undisturbed: Run, tmp_path: Path) -> None:
    process = begin(tmp_path, workers=2)
    path = directory(tmp_path)
    limit = time.monotonic() + 60
    while not Run(path).summaries and time.monotonic() < limit:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert Run(path).status()["state"] in ("interrupted", "finished")
    assert digest(resume(path, workers=1)) == digest(undisturbed)


def journal(path: Path) -> set[tuple[Any, ...]]:
    """Everything that the journal has acknowledged."""
    store = Store.read(path)
    try:
        rows = store._database.execute("SELECT generation, purpose, position, score FROM evaluations").fetchall()
        return set(rows)
    finally:
        store.close()


@pytest.mark.parametrize(("number", "state"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "interrupted")])
def test_a_signal_interrupts(undisturbed: Run, tmp_path: Path, number: signal.Signals, state: str) -> None:
    process = begin(tmp_path)
    path = directory(tmp_path)
    time.sleep(0.2)
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=60)
    status = Run(path).status()["state"]
    if status != "finished":  # the signal may come too late
        assert process.returncode == 130
        assert status == state
        assert "resume" in errors
        assert "Traceback" not in errors
    assert digest(resume(path)) == digest(undisturbed)


def test_resume_at_every_generation(undisturbed: Run, tmp_path: Path) -> None:
    run = start(config(tmp_path, budget={"generations": 1}))
    for generations in range(2, GENERATIONS + 1):
        extend(run.path, generations)
        run = resume(run.path)
        assert run.status()["generation"] == generations - 1
    # the last generation of a budget is validated, so the front has more validations than the undisturbed one's
    front, expected = ({m.id: m.measures for m in r.front} for r in (run, undisturbed))
    assert front == expected


def extend(path: Path, generations: int) -> None:
    """Give a run a larger budget."""
    store = Store.open(path)
    document = {**store.config, "budget": {**store.config["budget"], "generations": generations}}
    store._database.execute("UPDATE meta SET value = ? WHERE key = 'config'", (json.dumps(document),))
    store.finish("interrupted")
    store.close()


def test_nothing_journaled_is_evaluated_again(tmp_path: Path) -> None:
    plugin, log = tmp_path / "counted.py", tmp_path / "log.txt"
    plugin.write_text(COUNTED)
    task = f"{plugin}:Counted"
    run = start(config(tmp_path / "out", task=task, parameters={"log": str(log)}, budget={"generations": 3}))
    episodes = sum(int(line) for line in log.read_text().split())
    log.write_text("")
    again = resume(run.path)
    assert sum(int(line) for line in log.read_text().split()) == 0
    assert digest(again) == digest(run)
    assert episodes > 3 * 16 * 8

    # a generation that was cut off after some of its evaluations makes only the others
    store = Store.open(run.path)
    store._database.execute("DELETE FROM generations WHERE generation = 2")
    store._database.execute("DELETE FROM evaluations WHERE generation = 2 AND purpose = 'offspring' AND position >= 10")
    store._database.execute("DELETE FROM evaluations WHERE generation = 2 AND purpose = 'validation'")
    store.finish("interrupted")
    store.close()
    assert digest(resume(run.path)) == digest(run)
    lines = [int(line) for line in log.read_text().split()]
    assert lines[0] == 6 * 8  # networks 10 to 15, eight episodes each


def test_a_changed_task_is_refused_unless_told(tmp_path: Path) -> None:
    plugin = tmp_path / "counted.py"
    plugin.write_text(COUNTED)
    parameters = {"log": str(tmp_path / "log.txt")}
    task = f"{plugin}:Counted"
    run = start(config(tmp_path / "out", task=task, parameters=parameters, budget={"generations": 1}))
    extend(run.path, 2)
    plugin.write_text(COUNTED + "\n# another file\n")
    with pytest.raises(EvoNeuroError, match="--allow-changed-task"):
        resume(run.path)
    assert resume(run.path, allow_changed_task=True).status()["generation"] == 1


def test_looking_needs_no_plugin(tmp_path: Path) -> None:
    plugin = tmp_path / "counted.py"
    plugin.write_text(COUNTED)
    parameters = {"log": str(tmp_path / "log.txt")}
    run = start(config(tmp_path / "out", task=f"{plugin}:Counted", parameters=parameters, budget={"generations": 2}))
    plugin.unlink()
    assert run.status()["state"] == "finished"
    assert run.front.best().network.synapses >= 0


def test_a_run_in_use_is_refused(tmp_path: Path) -> None:
    run = start(config(tmp_path, budget={"generations": 1}))
    holder = Store.open(run.path)
    try:
        with pytest.raises(RunError, match=f"in use by process {os.getpid()}"):
            resume(run.path)
        assert run.status()["state"] == "running"
    finally:
        holder.close()


# What can be asked of a run


def test_constraints_hold_on_the_front(tmp_path: Path) -> None:
    search = {"population": 40, "constraints": ["latency <= 8", "synapses <= 12"]}
    run = start(config(tmp_path, task="iris", search=search, budget={"generations": 15}))
    assert len(run.front) >= 1
    for member in run.front:
        assert member.measures["latency"] <= 8
        assert member.measures["synapses"] <= 12


@pytest.mark.parametrize("objectives", [["score"], ["score", "energy"], ["score", "neurons", "latency"]])
def test_any_objectives(tmp_path: Path, objectives: list[str]) -> None:
    run = start(config(tmp_path, task="iris", search={"population": 16, "objectives": objectives}))
    assert len(run.front) >= 1


def test_starts_from_a_network_and_keeps_its_topology(undisturbed: Run, tmp_path: Path) -> None:
    best = undisturbed.front.best()
    best.save(str(tmp_path / "net.json"))
    search = {"population": 16, "topology": "fixed"}
    run = start(config(tmp_path / "out", start=str(tmp_path / "net.json"), search=search))
    pairs = set(zip(best.network.pre.tolist(), best.network.post.tolist(), strict=True))
    for member in run.front:
        assert set(zip(member.network.pre.tolist(), member.network.post.tolist(), strict=True)) <= pairs
    assert max(m.measures["score"] for m in run.front) >= 0.8 * best.measures["score"]


def test_starts_from_a_runs_front(undisturbed: Run, tmp_path: Path) -> None:
    run = start(config(tmp_path, start=str(undisturbed.path), seed=9, budget={"generations": 2}))
    assert run.summaries[0]["best_score"] >= 0.7 * undisturbed.summaries[-1]["best_score"]


def test_fixed_topology_needs_a_network(tmp_path: Path) -> None:
    with pytest.raises(EvoNeuroError, match="--from NET"):
        start(config(tmp_path, search={"topology": "fixed"}))
    assert not list(tmp_path.iterdir())


def test_budgets_end_a_run(tmp_path: Path) -> None:
    budget = {"generations": 0, "evaluations": 50}
    run = start(config(tmp_path / "a", task="iris", budget=budget))
    assert 50 <= run.status()["evaluations"] <= 50 + 2 * 16
    assert all(member.validation is not None for member in run.front)
    run = start(config(tmp_path / "b", task="iris", budget={"generations": 0, "hours": 1 / 3600}))
    assert 0.3 < sum(s["seconds"] for s in run.summaries) < 20


def test_the_python_way(tmp_path: Path) -> None:
    run = evoneuro.evolve("iris", generations=4, seed=1, workers=0, out=str(tmp_path), search={"population": 16})
    best = run.front.best("score")
    best.save(str(tmp_path / "net.json"))
    network = evoneuro.load(str(tmp_path / "net.json"))
    assert network == best.network
    assert network.provenance["run"] == run.path.name
    assert network.task["name"] == "iris"
    assert [m.validation_score for m in run.front] == sorted((m.validation_score for m in run.front), reverse=True)
    smallest = run.front.best("synapses").network.synapses
    assert smallest == min(m.network.synapses for m in run.front)


def test_front_scores_are_those_of_evaluation(undisturbed: Run) -> None:
    from evoneuro.evaluate import evaluate
    from evoneuro.evaluation import Cases
    from evoneuro.task import load_task

    networks = [member.network for member in undisturbed.front]
    cases = Cases(5, "episodes", (GENERATIONS - 1) // 3, 8)
    for member, result in zip(undisturbed.front, evaluate(load_task(TASK), networks, cases), strict=True):
        assert member.measures["score"] == result.score
        assert member.measures["latency"] == result.latency
    validation = evaluate(load_task(TASK), networks, Cases(5, "validation", 0, 6))
    assert [m.validation_score for m in undisturbed.front] == [e.score for e in validation]
    assert not np.isnan([e.score for e in validation]).any()
