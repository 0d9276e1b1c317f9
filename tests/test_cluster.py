"""A cluster of simulated machines: workers come and go, are slow or have another package; results stay the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from test_run import config, digest
from test_workers import CASES, gathered, network, population

from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.launch import start
from evoneuro.task import load_task
from evoneuro.workers import open_pool, pool, ray_pool, session, worker

WRONG = "raise ImportError('the package of this machine, not of the run')\n"

PLUGIN = '''
import os, time
import numpy as np
from evoneuro import ControlTask, ClassificationTask


class Slow(ControlTask):
    """The first worker that evaluates anything takes its time over it: until there is a file "done"."""

    low, high = (0.0,), (1.0,)
    actions = tuple(range(8))
    max_steps = 3
    folder = ""

    def reset(self, keys):
        if self.folder:
            self.dawdle()
        return (keys % np.uint64(1000)).astype(float), np.ones((len(keys), 1))

    def dawdle(self):
        mine = os.path.join(self.folder, "slow")
        try:
            with open(mine, "x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            pass
        with open(mine) as file:
            slow = file.read() == str(os.getpid())
        while slow and not os.path.exists(os.path.join(self.folder, "done")):
            time.sleep(0.05)

    def step(self, state, action):
        no = np.zeros(len(state), bool)
        return state + 1, np.ones((len(state), 1)), state + action, no, no


class Noted(ClassificationTask):
    """Writes down which process loads it."""

    diary = ""
    keeps = False

    def load(self):
        with open(self.diary, "a") as file:
            print(os.getpid(), file=file)
        if self.keeps:
            self.names = ["low", "high"]
        values = np.arange(80).reshape(40, 2) % 7
        return values, values[:, 0] > 3
'''


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two machines of one processor each, which have a package of our name that nobody could use."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "evoneuro").mkdir()
    (elsewhere / "evoneuro" / "__init__.py").write_text(WRONG)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(dir="/tmp", prefix="c") as folder:
        for name, value in {**session.QUIET, "PYTHONPATH": str(elsewhere)}.items():
            patch.setenv(name, value)
        session._protect()
        from ray._private.utils import get_ray_address_file
        from ray.cluster_utils import Cluster

        # a cluster notes its address in Ray's usual folder, which nobody may have made yet
        Path(get_ray_address_file(None)).parent.mkdir(exist_ok=True)
        settings = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 * 2**20}
        made = Cluster(initialize_head=True, head_node_args={**settings, "temp_dir": folder})
        made.settings = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
        made.add_node(**made.settings)
        patch.delenv("PYTHONPATH")
        yield made
        made.shutdown()


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plugin") / "slow.py"
    path.write_text(PLUGIN)
    return path


@pytest.mark.slow
def test_workers_run_the_package_that_the_driver_runs(cluster: Any, tmp_path: Path) -> None:
    """In a process of its own, for Ray has workers look into the driver's directory first."""
    body = f"""
    import json, os
    from importlib.metadata import entry_points
    from evoneuro.workers import open_pool

    with open_pool("cartpole", {{}}, 1, address={cluster.address!r}) as pool:
        import ray

        @ray.remote(num_cpus=0)
        def found():
            import evoneuro
            folder = os.path.dirname(evoneuro.__file__)
            names = {{point.name for point in entry_points(group="evoneuro.tasks")}}
            return folder, sorted(os.listdir(folder)), "cartpole" in names

        print(json.dumps([pool.workers, *ray.get(found.remote())]))
    """
    command = [sys.executable, "-c", textwrap.dedent(body)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    workers, folder, files, named = json.loads(done.stdout)
    package = Path(pool.__file__).parents[1]
    assert workers == 1
    assert "py_modules_files" in folder
    assert set(files) >= {path.name for path in package.iterdir() if path.suffix == ".py"}
    assert named


def test_kernels_and_templates_travel_with_the_package(tmp_path: Path) -> None:
    folders = session.pack(tmp_path)
    package = Path(pool.__file__).parents[1]
    for path in package.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert (tmp_path / "evoneuro" / path.relative_to(package)).read_bytes() == path.read_bytes()
    assert [Path(folder).name.partition("-")[0] for folder in folders] == ["evoneuro", "evoneuro_tasks", "evoneuro"]


def test_a_machine_with_other_versions_is_refused() -> None:
    assert worker.Worker("cartpole", {}, versions=session.versions()).trouble() is None
    message, _ = worker.Worker("cartpole", {}, versions={"numpy": "0.1"}).trouble()
    assert message.startswith("worker on ")
    assert "is installed, and this run's is 0.1" in message


@pytest.fixture(scope="module")
def joined(cluster: Any) -> Iterator[Any]:
    """The cluster, which this process has joined; pools use it as they find it."""
    with session.Session.open(cluster.address, None).undo:
        yield cluster


@pytest.mark.slow
def test_a_late_batch_is_repeated_and_the_first_answer_counts(
    joined: Any, plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool.Pace, "share", lambda self, total, workers: 5)
    monkeypatch.setattr(ray_pool, "POLL_SECONDS", 0.2)
    task = load_task(f"{plugin}:Slow")
    networks = population(task, 20)
    with open_pool(f"{plugin}:Slow", {"folder": str(tmp_path)}, 2, timeout=600) as two:
        before = {id(member) for member in two._members}
        assert gathered(two.evaluate(networks, CASES), 20) == evaluate(task, networks, CASES)
        assert (tmp_path / "slow").exists()
        others = networks[::-1]
        assert gathered(two.evaluate(others, CASES), 20) == evaluate(task, others, CASES)
        # the slow one has held two batches all the time, and both came from the other
        assert any(member.calls for member in two._members)
        assert {id(member) for member in two._members} == before
        (tmp_path / "done").touch()


class Removing:
    """An observer that takes a machine away after some generations."""

    def __init__(self, cluster: Any, generations: int) -> None:
        self.cluster, self.generations = cluster, generations

    def start(self, header: Mapping[str, Any]) -> None: ...

    def generation(self, summary: Mapping[str, Any]) -> None:
        if summary["generation"] + 1 == self.generations:
            self.cluster.remove_node(next(iter(self.cluster.worker_nodes)), allow_graceful=False)

    def finish(self) -> None: ...


def test_a_machine_is_lost_and_another_joins(joined: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_pool, "COUNT_SECONDS", 0.1)
    settings: dict[str, Any] = {"islands": {"count": 2, "every": 3}}
    alone = start(config(tmp_path / "alone", **settings))
    run = start(config(tmp_path / "cluster", workers={"count": None}, **settings), Removing(joined, 2))
    assert digest(run) == digest(alone)
    assert run.status()["failures"] == 0

    task = load_task("cartpole")
    networks, cases = [network(task, 0), network(task, 1)] * 4, Cases(1, "episodes", 0, 2)
    with open_pool("cartpole", {}, None) as workers:

        def until(count: int) -> None:
            """Evaluate until so many workers are there; the results are right all the time."""
            limit = time.monotonic() + 180
            while workers.workers != count or sum(member.ready for member in workers._members) != count:
                assert time.monotonic() < limit, f"{workers.workers} workers, not {count}"
                assert gathered(workers.evaluate(networks, cases), 8) == evaluate(task, networks, cases)

        until(1)  # Ray may not have noticed yet that a machine is gone
        joined.add_node(**joined.settings)
        until(2)


@pytest.mark.parametrize("name", ["iris", "temporal-xor", "mnist-1d", "mackey-glass", "spike-templates"])
def test_a_task_with_the_arrays_of_another_is_the_same(name: str) -> None:
    one, other = load_task(name), load_task(name)
    arrays = one.loaded_arrays()
    for array in arrays.values():
        array.flags.writeable = False  # as Ray's object store has them
    other.load = None
    other.adopt_arrays(arrays)
    assert other.digest() == one.digest()
    networks = [network(one, 0), network(one, one.outputs - 1)] if one.inputs(0) < 100 else []
    assert evaluate(other, networks, CASES) == evaluate(one, networks, CASES)


def test_data_are_loaded_once_unless_the_task_keeps_more_of_them(plugin: Path, tmp_path: Path) -> None:
    for keeps in (False, True):
        parameters = {"diary": str(tmp_path / f"diary-{keeps}"), "keeps": keeps}
        arrays = load_task(f"{plugin}:Noted", parameters).loaded_arrays() or load_task("iris").loaded_arrays()
        task = load_task(f"{plugin}:Noted", parameters)
        assert (task.loaded_arrays() is None) == keeps
        before = Path(parameters["diary"]).read_text()
        assert worker.Worker(f"{plugin}:Noted", parameters, arrays=arrays).trouble() is None
        assert Path(parameters["diary"]).read_text() == before


def test_a_run_hands_its_data_to_the_workers(joined: Any, plugin: Path, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    settings = {"parameters": {"diary": str(diary)}, "budget": {"generations": 2}}
    alone = start(config(tmp_path / "0", task=f"{plugin}:Noted", **settings))
    diary.unlink()
    run = start(config(tmp_path / "2", task=f"{plugin}:Noted", workers={"count": 2}, **settings))
    assert diary.read_text().split() == [str(os.getpid())]
    assert digest(run) == digest(alone)
