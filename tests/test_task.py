"""The Task contract: the three least plugins, parameters, splits, and how tasks are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evoneuro import ClassificationTask, EvoNeuroError, SpikeTask
from evoneuro.check import check_task
from evoneuro.coding import unpack
from evoneuro.errors import PluginError
from evoneuro.plugins import absolute
from evoneuro.task import load_task, registered_tasks

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
        ((1, 2), (0, 1), r"X of shape \(samples, features\).*got \(2,\)"),
        (((1, 2), (3, 4), (5, 6)), (0, 1), "3 samples and 2 targets"),
        (((1, 2), (3, 4)), (1, 1), "at least 2 are needed"),
        ((("a", 2), (3, 4)), (0, 1), "must give numbers"),
    ],
)
def test_data_that_cannot_be(x: tuple, y: tuple, message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        Given(x=x, y=y).coding(0)


@pytest.mark.parametrize(("name", "value"), [("copies", -1), ("jitter", -0.5)])
def test_bad_jitter(name: str, value: float) -> None:
    with pytest.raises(EvoNeuroError, match=f"task.{name}: expected 0"):
        load_task("iris", {name: value}).samples("train", 0)


def test_bad_shares() -> None:
    with pytest.raises(EvoNeuroError, match="sum to 1"):
        load_task("iris", {"split": [0.5, 0.5, 0.5]}).members("train", 0)


class Events(SpikeTask):
    samples: tuple = ()

    def load(self):
        return list(self.samples), [0, 1]


def test_a_window_that_would_cut_samples_is_refused() -> None:
    samples = [[(30, 0)], [(3, 1)]]
    with pytest.raises(EvoNeuroError, match=r"last 31 steps, its window is 24 .*set window to 31"):
        Events(samples=samples).coding(0)
    assert Events(samples=samples, window=31).coding(0)[0] is None


def test_events_and_rasters_are_the_same() -> None:
    task = Events(samples=[[(0, 0), (5, 2)], [(3, 1)]])
    raster = np.zeros((2, 6, 3), np.uint8)
    raster[0, 0, 0] = raster[0, 5, 2] = raster[1, 3, 1] = 1
    assert np.array_equal(unpack(task._loaded()[0].transpose(1, 2, 0), 6), raster.transpose(1, 0, 2))
    assert task.inputs(0) == 3
    with pytest.raises(EvoNeuroError, match="channel 2, there are 2"):
        Events(samples=[[(5, 2)], []], channels=2).inputs(0)
    with pytest.raises(EvoNeuroError, match="numbers >= 0"):
        Events(samples=[[(-1, 2)], []]).inputs(0)


def test_events_that_are_none() -> None:
    for sample, message in [
        ([(0, 1, 1), (2, 0, 0)], r"got shape \(2, 3\)"),  # polarity as a third column is not silently mixed in
        ([3, 4], r"got shape \(2,\)"),
        ([(0, 1), (2,)], "pairs of numbers"),
        ([("a", 1)], "pairs of numbers"),
        ([(0, float("nan"))], "numbers >= 0"),
    ]:
        with pytest.raises(EvoNeuroError, match=f"sample 1: .*{message}"):
            Events(samples=[[(0, 0)], sample]).inputs(0)


def test_an_array_is_a_raster_in_which_any_number_is_a_spike() -> None:
    class Raster(SpikeTask):
        def load(self):
            return np.arange(60.0).reshape(10, 3, 2) % 3 - 1, [0, 1] * 5

    raster = Raster().raster("train", 0)
    expected = (np.arange(60).reshape(10, 3, 2) % 3 != 1).astype(np.uint8)
    assert np.array_equal(raster, expected[Raster().members("train", 0)].transpose(1, 0, 2))


def test_rasters_of_the_parts_are_those_of_their_samples() -> None:
    class Many(SpikeTask):
        def load(self):
            return [[(i, 0), (0, 1)] for i in range(40)], [0, 1] * 20

    task = Many()
    for part in ("train", "validation", "test"):
        raster, members = task.raster(part, 5), task.members(part, 5)
        assert raster.shape == (40, len(members), 2)  # steps, samples, channels
        assert raster[:, :, 0].argmax(axis=0).tolist() == members.tolist()
        assert task.labels(part, 5).tolist() == (members % 2).tolist()


def test_too_few_samples_for_a_split() -> None:
    with pytest.raises(EvoNeuroError, match=r"with \[2, 2, 0\]; give more samples"):
        Given(x=((0.0,), (1.0,)) * 2, y=(0, 1) * 2).members("train", 0)


def test_jittered_copies_are_of_training_samples_and_keyed() -> None:
    clean, task = load_task("iris", {"copies": 0}), load_task("iris", {"copies": 2, "jitter": 0.1})
    train = clean.samples("train", 1)
    copies = task.samples("train", 1).reshape(3, *train.shape)
    assert np.array_equal(copies[0], train)
    for copy in copies[1:]:
        assert np.allclose((copy - train).std(axis=0), 0.1 * train.std(axis=0), rtol=0.3)
    assert not np.array_equal(copies[1], copies[2])
    assert np.array_equal(task.samples("train", 1), load_task("iris", task.changed).samples("train", 1))
    assert task.labels("train", 1).tolist() == clean.labels("train", 1).tolist() * 3
    assert np.array_equal(task.samples("test", 1), clean.samples("test", 1))


# Plugins that fail


@pytest.mark.parametrize(
    ("text", "message", "trace"),
    [
        ("x = = 1\n", "SyntaxError", "x = = 1"),
        ("import no_such_package_at_all\n", "No module named 'no_such_package_at_all'", "line 1, in <module>"),
        ("raise SystemExit(3)\n", "SystemExit: 3", "line 1, in <module>"),
        (
            "from evoneuro import ClassificationTask\nclass Mine(ClassificationTask):\n"
            "    def load(self):\n        return open('/no/such/file')\n",
            "load() raised: FileNotFoundError",
            "line 4, in load",
        ),
        (
            "from evoneuro import ClassificationTask\nclass Mine(ClassificationTask):\n"
            "    def load(self):\n        return [[1.0]]\n",
            "load() must return (samples, labels)",
            "",
        ),
    ],
)
def test_a_plugin_that_fails_says_where(tmp_path: Path, text: str, message: str, trace: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(PluginError) as error:
        load_task(f"{path}:Mine").coding(0)
    assert message in str(error.value)
    assert trace in error.value.trace
    assert "evoneuro/" not in error.value.trace


def test_a_constructor_that_raises(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from evoneuro import SpikeTask\nclass Mine(SpikeTask):\n"
        "    def __init__(self, **parameters):\n        raise OSError('no disk')\n"
    )
    with pytest.raises(PluginError, match="could not be made: OSError: no disk") as error:
        load_task(f"{path}:Mine")
    assert "line 4, in __init__" in error.value.trace
    assert "evoneuro/" not in error.value.trace


def test_names_that_are_no_task(plugin: Path) -> None:
    for name, message in [
        ("cartpol", "no task 'cartpol'.* Did you mean 'cartpole'"),
        ("nothing-like-it", "There are: .*iris"),
        (f"{plugin}:Flower", "has no task class 'Flower'. Did you mean 'Flowers'"),
        (f"{plugin}:np", "has no task class 'np'"),
        (f"{plugin.parent}/other.py:Flowers", "no file .*other.py"),
        ("no_such_module_here:Task", "no module 'no_such_module_here'"),
        ("json:loads", "json has no task class 'loads'"),
    ]:
        with pytest.raises(EvoNeuroError, match=message):
            load_task(name)


def test_a_registered_task_is_its_entry_point() -> None:
    points = registered_tasks()
    assert list(points) == sorted(points)
    assert type(load_task("iris")) is points["iris"].load()
