"""Runs: the same bits whatever the workers, kills and resumes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evoneuro
from evoneuro import EvoNeuroError
from evoneuro.cli import main
from evoneuro.config import Config
from evoneuro.documents import unpack
from evoneuro.errors import RunError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.launch import resume, start
from evoneuro.record import Run
from evoneuro.run import CONFIRMING
from evoneuro.store import Store
from evoneuro.task import load_task

SMALL = {"search": {"population": 16}, "episodes": {"validation": 6, "every": 3, "refresh": 3}}
GENERATIONS = 7
LONG = 12  # generations of the runs that are killed again and again
ENDLESS = 10**6
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


CHECKED = 2 + 4  # episodes of the check before a run: one network, then two

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


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


def begin(out: Path, generations: int, workers: int = 0, task: str = TASK) -> subprocess.Popen[str]:
    """A run in a process group of its own, as a terminal makes one."""
    settings = [f"--set={section}.{key}={value}" for section, keys in SMALL.items() for key, value in keys.items()]
    arguments = ["run", task, "--seed", "5", f"--generations={generations}", f"--workers={workers}", f"--out={out}"]
    return background(*arguments, *settings)


STARTED: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def nobody_stays() -> Iterator[None]:
    """A test that fails leaves no run behind that never ends."""
    yield
    while STARTED:
        STARTED.pop().kill()


def background(*arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command(*arguments, "--quiet"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell in the background ignores it, and what is ignored is inherited
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    STARTED.append(process)
    return process


def directory(out: Path) -> Path:
    """The run directory below `out`, as soon as it is there."""
    return Path(patiently(lambda: next(out.glob("*/run.sqlite"), None))).parent


def closed(path: Path, more_than: int) -> int:
    """How many generations the run has closed, as soon as they are more than `more_than`."""
    return int(patiently(lambda: (n := len(Run(path).summaries)) > more_than and n))


def patiently(ask: Callable[[], Any]) -> Any:
    """What `ask` says as soon as it says something."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if answer := ask():
            return answer
        time.sleep(0.01)
    raise AssertionError("waited in vain")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return start(config(tmp_path_factory.mktemp("undisturbed")))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An undisturbed run for those that are killed to end like."""
    return start(config(tmp_path_factory.mktemp("long"), budget={"generations": LONG}))


def test_the_same_bits_with_workers(undisturbed: Run, tmp_path: Path) -> None:
    run = start(config(tmp_path, workers={"count": 2}))  # with one, a killed run goes on below
    assert digest(run) == digest(undisturbed)
    assert run.front.to_document()["front"] == undisturbed.front.to_document()["front"]


def test_another_seed_gives_another_result(undisturbed: Run, tmp_path: Path) -> None:
    assert digest(start(config(tmp_path, seed=6))) != digest(undisturbed)


# Kills and signals: each ends processes that the test itself has started, by their number

FORKS = """
import json, os, random, signal, sys, tempfile, time
from contextlib import contextmanager
from pathlib import Path

import evoneuro
import watching
from evoneuro.store import Store

mode, out, seed, settings = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
moments, real, committed = random.Random(seed), Store._transaction, 0


def note(mark):
    with open(out / "marks.txt", "a") as file:
        print(mark, file=file)


@contextmanager
def deadly(self, what):
    # The first process dies as soon as one transaction is committed, the next inside of its second one, and so on.
    global committed
    with real(self, what) as database:
        yield database
        if committed == 1 and deaths % 2 and what != "the state of the run":
            os._exit(9)
    note("committed")
    committed += what != "the state of the run"
    if committed == 1 and not deaths % 2:
        os._exit(9)


def work():
    if mode == "transactions":
        Store._transaction = deadly
    watching.nothing_again(lambda: {row[:3] for row in safe})
    found = list(out.glob("*/run.sqlite"))
    if found:
        evoneuro.resume(found[0].parent)
    else:
        evoneuro.evolve(**settings)


def journal():
    found = list(out.glob("*/run.sqlite"))
    if not found:
        return set()
    store = Store.read(found[0].parent)
    for _ in range(500):  # a process that was about to be started holds the lock until it has begun
        if store.state != "running":
            break
        time.sleep(0.01)
    rows = set(store._database.execute("SELECT generation, purpose, position, score, spikes FROM evaluations"))
    assert store.state == "interrupted" or store.last_generation()[0] == settings["generations"] - 1, store.state
    store.close()
    return rows


with tempfile.TemporaryDirectory() as folder:  # all that a run loads, once for all processes that follow
    evoneuro.evolve("cartpole", generations=1, workers=0, out=folder, search={"population": 4})
deaths, safe, code, longest = 0, set(), None, 0.1
while code is None and deaths < 1000:
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if mode == "moments":
        time.sleep(moments.uniform(0.0, longest))
        os.kill(child, signal.SIGKILL)  # nobody has waited for it, so the number is still this child's
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 9:
        code = os.WEXITSTATUS(status)
    else:
        deaths += 1
        note("died")
    now = journal()
    assert safe <= now, "something that was journaled is lost"
    longest = 1.4 * longest if safe == now else max(0.1, longest / 2)  # some must live long enough, on any machine
    safe = now
print(json.dumps({"code": code, "deaths": deaths}))
"""


def die_again_and_again(mode: str, out: Path, seed: int, **changes: Any) -> tuple[int, Run]:
    """A run in processes that die and are followed by others until one ends; how many died, and the run."""
    settings = {"task": TASK, "generations": LONG, "seed": 5, "workers": 0, "out": str(out), **SMALL, **changes}
    out.mkdir(exist_ok=True)
    arguments = [sys.executable, "-c", FORKS, mode, str(out), str(seed), json.dumps(settings)]
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=600, env=environment)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["code"] == 0, result.stderr
    return found["deaths"], Run(directory(out))


@needs_fork
@pytest.mark.parametrize("seed", [20240817, pytest.param(20240818, marks=pytest.mark.slow)])
def test_survives_kills_at_random_moments(long: Run, tmp_path: Path, seed: int) -> None:
    deaths, run = die_again_and_again("moments", tmp_path, seed)
    print("seed of the kills:", seed, "killed:", deaths)
    assert deaths >= 10
    assert digest(run) == digest(long)
    assert run.front.to_document()["front"] == long.front.to_document()["front"]


@needs_fork
def test_survives_a_death_at_every_transaction_and_evaluates_nothing_again(undisturbed: Run, tmp_path: Path) -> None:
    plugin, marks = tmp_path / "counted.py", tmp_path / "out" / "marks.txt"
    plugin.write_text(COUNTED)
    settings = {"task": f"{plugin}:Counted", "parameters": {"log": str(marks)}, "generations": GENERATIONS}
    deaths, run = die_again_and_again("transactions", tmp_path / "out", 0, **settings)
    assert deaths > 2 * GENERATIONS
    assert digest(run) == digest(undisturbed)

    # lanes that were run before each commit are journaled; those before a death are all that was lost
    kept, current = 0, 0
    for mark in marks.read_text().split():
        if mark.isdecimal():
            current += int(mark)
        else:
            kept, current = kept + current * (mark == "committed"), 0
    lanes = {"validation": 6}
    assert kept == CHECKED + sum(lanes.get(purpose, 8) for (purpose,) in rows(run.path, "purpose"))
    assert len(rows(run.path, "1")) == run.status()["evaluations"]


def test_the_journal_keeps_cases_of_validation_alone(undisturbed: Run) -> None:
    sizes = {(purpose, len(scores)) for purpose, scores in rows(undisturbed.path, "purpose, case_scores")}
    assert ("validation", 6 * 8) in sizes
    assert {size for purpose, size in sizes if purpose != "validation"} == {0}


@pytest.mark.slow
def test_survives_kills_with_workers(long: Run, tmp_path: Path) -> None:
    """One driver is killed, the next interrupted as a terminal does it, workers and all; another number of workers."""
    process = begin(tmp_path, LONG, workers=2)
    path = directory(tmp_path)
    generations = closed(path, 0)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert Run(path).status()["state"] == "interrupted"

    process = background("resume", str(path), "--workers", "1")
    closed(path, generations)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.count("\n") == 1
    assert Run(path).status()["state"] == "interrupted"

    assert digest(resume(path, workers=2)) == digest(long)


def rows(path: Path, columns: str) -> list[tuple[Any, ...]]:
    """The journal's evaluations."""
    store = Store.read(path)
    try:
        return store._database.execute(f"SELECT {columns} FROM evaluations").fetchall()
    finally:
        store.close()


class Stopper:
    """An observer that interrupts the run after so many generations."""

    def __init__(self, generations: int) -> None:
        self.left = generations

    def start(self, header: Mapping[str, Any]) -> None: ...

    def generation(self, summary: Mapping[str, Any]) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt

    def finish(self) -> None: ...


def test_resumes_after_every_generation_to_the_same_end(undisturbed: Run, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        start(config(tmp_path), Stopper(1))
    path = directory(tmp_path)
    for generation in range(1, GENERATIONS):
        status = Run(path).status()
        assert (status["state"], status["generation"]) == ("interrupted", generation - 1)
        with pytest.raises(KeyboardInterrupt):
            resume(path, Stopper(1))
    assert digest(resume(path)) == digest(undisturbed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts(
    undisturbed: Run, tmp_path: Path, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    process = begin(tmp_path, ENDLESS)
    path = directory(tmp_path)
    closed(path, GENERATIONS)

    # meanwhile it can be looked at, and nobody else goes on with it
    assert Run(path).status()["state"] == "running"
    assert len(Run(path).front) >= 1
    assert main(["resume", str(path)]) == 1
    assert f"in use by process {process.pid} " in capsys.readouterr().err

    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output == ""
    assert errors.count("\n") == 1
    assert "evoneuro resume" in errors
    status = Run(path).status()
    assert status["state"] == "interrupted"

    with pytest.raises(KeyboardInterrupt):
        resume(path, Stopper(2))
    assert Run(path).status()["generation"] == status["generation"] + 2
    # the last generation of a budget is validated, so its digest is its own
    digests = [[summary["digest"] for summary in run.summaries] for run in (Run(path), undisturbed)]
    assert digests[0][: GENERATIONS - 1] == digests[1][:-1]


def test_looking_needs_no_plugin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = tmp_path / "counted.py"
    plugin.write_text(COUNTED.replace('log: str = ""', f"log: str = {str(tmp_path / 'log.txt')!r}"))
    process = begin(tmp_path / "out", ENDLESS, task=f"{plugin}:Counted")
    path = directory(tmp_path / "out")
    closed(path, 2)
    plugin.unlink()
    for state in ("running", "interrupted"):
        capsys.readouterr()
        assert main(["status", str(path), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["state"] == state
        assert main(["front", str(path), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["front"]
        assert main(["plot", f"{path}:best", "--out", str(tmp_path / "net.png")]) == 0
        if state == "running":
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
    assert main(["resume", str(path)]) == 2
    assert f"no file {plugin}" in capsys.readouterr().err


def test_a_larger_budget_goes_on_from_any_generation(undisturbed: Run, tmp_path: Path) -> None:
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
    store._database.execute("DELETE FROM documents WHERE generation = 2")
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
    free = start(config(tmp_path / "free", task="iris", search={"population": 40}, budget={"generations": 15}))
    assert any(member.measures["latency"] > 8 for member in free.front)
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
    run = start(config(tmp_path / "s", task="iris", budget={"generations": 0, "steps": 500_000}))
    steps = [moment.steps for moment in run.history()]
    assert steps[-2] < 500_000 <= steps[-1]
    run = start(config(tmp_path / "b", task="iris", budget={"generations": 0, "hours": 1 / 3600}))
    assert 0.3 < sum(s["seconds"] for s in run.summaries) < 20


def test_a_run_ends_with_the_score_that_is_asked_for(tmp_path: Path) -> None:
    run = start(config(tmp_path, budget={"generations": 40, "score": 30.0}))
    assert run.status()["generation"] < 39
    assert max(m.validation_score for m in run.front if m.validation_score is not None) >= 30


AGING = {
    "search": {**SMALL["search"], "newcomers": 0.2, "greed": 0.5},
    "episodes": {**SMALL["episodes"], "horizon": 8, "refresh": 5},
}


def horizons(run: Run) -> list[int]:
    store = Store.read(run.path)
    found = [unpack(blob)["horizon"] for _, blob in store.generations()]
    store.close()
    return found


def test_the_horizon_doubles_as_candidates_last_and_a_resumed_run_goes_on_alike(tmp_path: Path) -> None:
    whole = start(config(tmp_path / "whole", **AGING))
    grown = horizons(whole)
    assert grown[0] in (8, 16)
    assert grown[-1] > grown[0]
    assert set(grown) <= {8 * 2**k for k in range(8)}
    run = start(config(tmp_path / "parts", **AGING, budget={"generations": 1}))
    for generations in range(2, GENERATIONS + 1):
        extend(run.path, generations)
        run = resume(run.path)
    assert horizons(run) == grown
    assert {m.id: m.measures for m in run.front} == {m.id: m.measures for m in whole.front}


def test_the_front_is_judged_on_episodes_of_its_own(tmp_path: Path) -> None:
    changes = {"episodes": {**SMALL["episodes"], "refresh": 5, "confirm": 30}}
    whole = start(config(tmp_path / "whole", **changes))
    epoch = (GENERATIONS - 1) // 5
    cases = Cases(5, "episodes", CONFIRMING + epoch, 30)
    task = load_task(TASK)
    for member in whole.front:
        assert member.measures["score"] == evaluate(task, [member.network], cases)[0].score
    run = start(config(tmp_path / "parts", **changes, budget={"generations": 3}))
    extend(run.path, GENERATIONS)
    assert {m.id: m.measures for m in resume(run.path).front} == {m.id: m.measures for m in whole.front}


def test_a_horizon_means_nothing_to_a_data_set(tmp_path: Path) -> None:
    changes = {"task": "iris", "budget": {"generations": 2}}
    plain = start(config(tmp_path / "a", **changes))
    told = start(config(tmp_path / "b", **changes, episodes={**SMALL["episodes"], "horizon": 3}))
    assert {m.id: m.measures for m in plain.front} == {m.id: m.measures for m in told.front}


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
