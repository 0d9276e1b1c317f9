"""The Task contract: the three least plugins, parameters, splits, and how tasks are found."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest

from evoneuro import ClassificationTask, ControlTask, EvoNeuroError, SpikeTask
from evoneuro.check import check_task
from evoneuro.errors import PluginError
from evoneuro.evaluation import Cases
from evoneuro.keys import lane_keys
from evoneuro.task import absolute, load_task, registered_tasks

LEAST = """
from evoneuro import ClassificationTask, ControlTask, SpikeTask
import numpy as np


class Balance(ControlTask):
    environment = "CartPole-v1"


class Flowers(ClassificationTask):
    def load(self):
        rng = np.random.default_rng(0)
        return rng.normal(size=(60, 3)) + np.repeat([0, 4], 30)[:, None], np.repeat(["a", "b"], 30)


class Taps(SpikeTask):
    def load(self):
        return [[(0, 0), (5, 1)], [(0, 1), (5, 0)]] * 20, [0, 1] * 20
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "mytask.py"
    path.write_text(LEAST)
    return path


@pytest.mark.parametrize(("name", "kind"), [("Balance", "control"), ("Flowers", "classification"), ("Taps", "spikes")])
def test_the_least_that_a_user_writes(plugin: Path, name: str, kind: str) -> None:
    task = load_task(f"{plugin}:{name}")
    assert (task.kind, task.name) == (kind, name.lower())
    assert check_task(task).evaluation.failure is None


def test_a_module_of_the_path(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(plugin.parent)
    assert load_task("mytask:Flowers").outputs == 2


@pytest.mark.parametrize("name", sorted(registered_tasks()))
def test_built_in_tasks_pass_their_check(name: str) -> None:
    task = load_task(name)
    assert task.name == name
    assert task.description.endswith(".") or task.description.endswith("?")
    report = check_task(task)
    assert report.evaluation.failure is None
    assert report.evaluation.decisions > 0


def test_a_changed_file_is_read_anew(plugin: Path) -> None:
    assert load_task(f"{plugin}:Flowers").window == 24
    plugin.write_text(
        LEAST.replace("class Flowers(ClassificationTask):", "class Flowers(ClassificationTask):\n    window = 9")
    )
    assert load_task(f"{plugin}:Flowers").window == 9


def test_absolute_names(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(plugin.parent)
    assert absolute("mytask.py:Taps") == f"{plugin.resolve()}:Taps"
    assert absolute("iris") == "iris"
    assert absolute("package.module:Task") == "package.module:Task"


def test_the_plugins_own_traceback(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("def deep():\n    raise LookupError('gone')\n\n\ndeep()\n")
    with pytest.raises(PluginError, match="LookupError: gone") as error:
        load_task(f"{path}:Task")
    assert "line 2, in deep" in error.value.trace
    assert "task.py" not in error.value.trace
    assert "importlib" not in error.value.trace


# Parameters


class Parameters(ClassificationTask):
    share: float = 0.5
    level: int = 3
    names: tuple[str, ...] = ("a",)
    on: bool = True
    free = None


def test_parameters_are_the_class_attributes() -> None:
    task = Parameters(share=1, level=4.0, names=["x", "y"], on=False, free=[1, 2])
    assert (task.share, task.level, task.names, task.on, task.free) == (1.0, 4, ("x", "y"), False, (1, 2))
    assert task.changed == {"free": (1, 2), "level": 4, "names": ("x", "y"), "on": False, "share": 1.0}
    assert task.document(3)["parameters"]["names"] == ["x", "y"]
    assert Parameters.level == 3
    assert "outputs" not in task.parameters()
    assert "load" not in task.parameters()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("shares", 1, "Did you mean 'share'?"),
        ("level", 3.5, "task.level: expected int"),
        ("level", "x", "task.level: expected int"),
        ("level", True, "task.level: expected int"),
        ("on", 1, "task.on: expected bool"),
        ("names", "abc", "task.names: expected tuple"),
    ],
)
def test_wrong_parameters(name: str, value: object, message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message.replace("?", r"\?")):
        Parameters(**{name: value})


# Data


def test_splits_are_disjoint_stratified_and_keyed() -> None:
    task = load_task("wine")
    parts = {part: task.members(part, 3) for part in ("train", "validation", "test")}
    everyone = np.concatenate(list(parts.values()))
    assert sorted(everyone) == list(range(178))
    counts = np.bincount(task._loaded()[1])
    for part, share in zip(parts, task.split, strict=True):
        found = np.bincount(task._loaded()[1][parts[part]])
        assert (np.abs(found - share * counts) <= 1).all()
    assert np.array_equal(task.members("test", 3), load_task("wine").members("test", 3))
    assert not np.array_equal(task.members("test", 3), task.members("test", 4))


def test_ranges_come_from_the_training_split_alone() -> None:
    task = load_task("iris")
    spec, _ = task.coding(2)
    train = task._loaded()[0][task.members("train", 2)]
    assert np.allclose(spec["low"], train.mean(axis=0) - 2 * train.std(axis=0))
    assert np.allclose(spec["high"], train.mean(axis=0) + 2 * train.std(axis=0))
    assert task.coding(3)[0] != spec


class Given(ClassificationTask):
    x: tuple = ()
    y: tuple = ()

    def load(self):
        return self.x, self.y


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (((1, 2), (3, float("nan"))), (0, 1), r"X\[1, 1\] is nan"),
        ((1, 2), (0, 1), r"X of shape \(samples, features\), got \(2,\)"),
        (((1, 2), (3, 4)), (0,), "2 samples and 1 labels"),
        (((1, 2), (3, 4)), (1, 1), "at least 2 are needed"),
        ((("a", 2), (3, 4)), (0, 1), "must give numbers"),
    ],
)
def test_data_that_cannot_be(x: tuple, y: tuple, message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        Given(x=x, y=y).coding(0)


def test_bad_shares() -> None:
    with pytest.raises(EvoNeuroError, match="sum to 1"):
        load_task("iris", {"split": [0.5, 0.5, 0.5]}).members("train", 0)


class Events(SpikeTask):
    samples: tuple = ()

    def load(self):
        return list(self.samples), [0, 1]


def test_events_and_rasters_are_the_same() -> None:
    task = Events(samples=[[(0, 0), (5, 2)], [(3, 1)]])
    raster = np.zeros((2, 6, 3), np.uint8)
    raster[0, 0, 0] = raster[0, 5, 2] = raster[1, 3, 1] = 1
    assert np.array_equal(task._loaded()[0], raster)
    assert task.inputs(0) == 3
    with pytest.raises(EvoNeuroError, match="channel 2, there are 2"):
        Events(samples=[[(5, 2)], []], channels=2).inputs(0)
    with pytest.raises(EvoNeuroError, match="numbers >= 0"):
        Events(samples=[[(-1, 2)], []]).inputs(0)


def test_temporal_xor_is_in_time_alone() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    task = load_task("temporal-xor")
    data = {part: (task.raster(part, 0).transpose(1, 0, 2), task.labels(part, 0)) for part in ("train", "test")}
    (x, y), (xt, yt) = data["train"], data["test"]
    counts, counts_t = x.sum(axis=1), xt.sum(axis=1)
    assert (counts == 1).all()
    assert LogisticRegression().fit(counts, y).score(counts_t, yt) < 0.6  # the count-only baseline: chance
    times, times_t = x.argmax(axis=1), xt.argmax(axis=1)
    assert LogisticRegression().fit(times, y).score(times_t, yt) < 0.7
    assert SVC().fit(times, y).score(times_t, yt) == 1


# Gymnasium


@pytest.mark.parametrize("environment", ["CartPole-v1", "MountainCar-v0", "Acrobot-v1"])
def test_lanes_step_like_the_environment(environment: str) -> None:
    class Named(ControlTask):
        pass

    task = Named(environment=environment)
    keys = lane_keys(0, "episodes", 3)
    state, seen = task.reset(keys)
    envs = [gymnasium.make(environment) for _ in keys]
    expected = [env.reset(seed=int(key % 2**31))[0] for env, key in zip(envs, keys, strict=True)]
    assert np.allclose(seen, expected)
    rng = np.random.default_rng(0)
    for _ in range(8):
        action = rng.integers(task.outputs, size=3)
        state, seen, reward, terminated, truncated = task.step(state, action)
        steps = [env.step(int(a)) for env, a in zip(envs, action, strict=True)]
        assert np.allclose(seen, [s[0] for s in steps])
        assert reward.tolist() == [s[1] for s in steps]
        assert terminated.tolist() == [s[2] for s in steps]
        assert truncated.tolist() == [s[3] for s in steps]


def test_unknown_ranges_are_learned_from_random_episodes() -> None:
    class Pole(ControlTask):
        environment = "CartPole-v1"

    spec, _ = Pole().coding(1)
    low, high = np.array(spec["low"]), np.array(spec["high"])
    assert np.allclose(high[[0, 2]], [4.8, 0.419], atol=0.01)  # the space's
    assert all(0.5 < h < 5 for h in high[[1, 3]])
    assert np.allclose(low, -high)
    assert Pole().coding(1)[0] == spec
    assert Pole(low=[-1] * 4, high=[1] * 4).coding(1)[0]["high"] == [1.0] * 4


def test_what_gymnasium_cannot_do() -> None:
    class Other(ControlTask):
        environment = "Pendulum-v1"

    with pytest.raises(EvoNeuroError, match="set actions, a list"):
        check_task(Other())
    task = Other(actions=[[-2.0], [0.0], [2.0]], max_steps=20)
    assert task.outputs == 3
    assert check_task(task).evaluation.decisions == 2 * 20
    with pytest.raises(EvoNeuroError, match="cannot be made"):
        Other(environment="NoSuch-v9").coding(0)
    with pytest.raises(EvoNeuroError, match="set environment, or write reset"):
        ControlTask().coding(0)


def test_step_limits() -> None:
    class Pole(ControlTask):
        environment = "CartPole-v1"

    assert Pole().step_limit == 500
    assert Pole(max_steps=30).step_limit == 30
    from evoneuro.check import probe
    from evoneuro.evaluate import evaluate

    assert evaluate(Pole(max_steps=4), [probe(Pole())], Cases(0, "test", 0, 5))[0].score == 4
