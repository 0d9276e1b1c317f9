"""The Task contract: the three least plugins, parameters, and how tasks are found."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from evoneuro import ClassificationTask, ControlTask, EvoNeuroError
from evoneuro.check import check_task
from evoneuro.errors import PluginError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
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


# Training


class Count(ControlTask):
    """A lane counts to `max_steps`; each decision is worth `worth`."""

    actions = (0,)
    low, high = (0.0,), (9.0,)
    max_steps: int = 9
    worth: float = 1.0

    def reset(self, keys):  # type: ignore[no-untyped-def]
        return np.zeros(len(keys)), np.zeros((len(keys), 1))

    def step(self, state, action):  # type: ignore[no-untyped-def]
        return state + 1, state[:, None], np.full(len(state), self.worth), np.zeros(len(state), bool), state >= 8


def test_selection_meets_the_task_as_training_has_it() -> None:
    task = Count(worth=2.0, training={"worth": 0.5, "max_steps": 4})
    network = check_task(task).network
    score = {s: evaluate(task, [network], Cases(0, s))[0].score for s in ("episodes", "validation", "test")}
    assert score == {"episodes": 2.0, "validation": 18.0, "test": 18.0}
    assert task.document(0)["parameters"]["training"] == {"worth": 0.5, "max_steps": 4}


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"wroth": 1}, "task.training: task 'count' has no parameter 'wroth'. Did you mean 'worth'?"),
        ({"worth": "much"}, "task.training: task.worth: expected float"),
        ({"window": 3}, "task.training: 'window' belongs to the networks"),
    ],
)
def test_wrong_training(training: dict[str, object], message: str) -> None:
    with pytest.raises(EvoNeuroError, match=re.escape(message)):
        Count(training=training)
