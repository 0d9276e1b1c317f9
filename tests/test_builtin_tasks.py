"""The built-in tasks: each passes its check, needs no network, and is what its description says."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from evoneuro_tasks.ucr import UcrTask, package_folders
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from evoneuro import Network
from evoneuro.check import check_task
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.task import load_task, registered_tasks

OURS = sorted(name for name, point in registered_tasks().items() if point.value.startswith("evoneuro_tasks."))
DATA = {  # samples, values, classes
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "breast-cancer": (569, 30, 2),
    "digits": (1797, 64, 10),
}
CLASSIC = {
    "acrobot", "mountain-car", "mountain-car-continuous", "pendulum", "double-pole", "double-pole-no-velocity",
}  # fmt: skip
BOXED = {"lunar-lander", "bipedal-walker"}  # see test_box2d.py: their physics need not be installed
TIMED = {"temporal-xor", "yin-yang", "interaural-delay", "spike-templates", "randman", "mnist-1d", "dvs-direction"}
ARCHIVED = {"italy-power-demand", "gunpoint"}  # their data are in packages that need not be installed
RECORDED = {"nmnist", "dvs-gesture", "shd"}  # theirs are on a folder of the user's: see test_recordings_tasks.py


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("a task went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_all_are_registered() -> None:
    pole = {"cartpole", "cartpole-medium", "cartpole-hard", "cartpole-hardest"}
    assert set(OURS) == pole | CLASSIC | BOXED | set(DATA) | TIMED | ARCHIVED | RECORDED | {"mackey-glass"}


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", sorted(set(OURS) - RECORDED - BOXED))
def test_passes_its_check_offline(name: str) -> None:
    task = load_task(name)
    assert task.name == name
    assert task.description.endswith((".", "?"))
    assert task.solved is not None
    if isinstance(task, UcrTask) and not any((folder / task.problem).is_dir() for folder in package_folders()):
        pytest.skip("no installed package holds its data (extra `series`)")
    report = check_task(task)
    assert report.evaluation.failure is None
    assert report.evaluation.decisions > 0


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", DATA)
def test_data_sets_are_whole(name: str) -> None:
    task = load_task(name, {"copies": 0})
    samples, values, classes = DATA[name]
    parts = [task.samples(part, 7) for part in ("train", "validation", "test")]
    assert sum(len(part) for part in parts) == samples
    assert {part.shape[1] for part in parts} == {values}
    assert task.outputs == classes
    assert all(set(task.labels(part, 7)) == set(range(classes)) for part in ("train", "validation", "test"))
    # labels belong to their samples: a linear model learns them
    scale = parts[0].std(axis=0) + 1e-9
    model = LogisticRegression(max_iter=2000).fit(parts[0] / scale, task.labels("train", 7))
    assert model.score(parts[2] / scale, task.labels("test", 7)) > 0.85


def test_temporal_xor_is_in_time_alone() -> None:
    task = load_task("temporal-xor", {"size": 2000})
    data = {part: (task.raster(part, 0).transpose(1, 0, 2), task.labels(part, 0)) for part in ("train", "test")}
    (x, y), (xt, yt) = data["train"], data["test"]
    counts, counts_t = x.sum(axis=1), xt.sum(axis=1)
    assert (counts == 1).all()
    assert 0.4 < LogisticRegression().fit(counts, y).score(counts_t, yt) < 0.6  # the count-only baseline: chance
    times, times_t = x.argmax(axis=1), xt.argmax(axis=1)
    assert LogisticRegression().fit(times, y).score(times_t, yt) < 0.8  # a line: three of the four corners
    assert SVC().fit(times, y).score(times_t, yt) == 1


def coincidence() -> Network:
    """Exclusive or by hand. Output 0 fires when both spikes fall in the same half, output 1 when it has not.

    A spike lifts output 0 by 1 and takes it back when a partner of the same half must have come, so that only such a
    partner makes it reach 2. Output 1 answers the first spike, but later than output 0 could.
    """
    jitter, half = 3, 12
    lift = [(channel, 2, 1, 1) for channel in (0, 1)]  # pre, post, weight, delay
    take_back = [(channel, 2, -1, jitter + 2) for channel in (0, 1)]
    answer = [(channel, 3, 1, half + jitter) for channel in (0, 1)]
    pre, post, weight, delay = np.array(lift + take_back + answer).T
    return Network(
        ids=np.arange(4), threshold=np.array([1, 1, 2, 1]), leak=np.full(4, -1), refractory=np.zeros(4, int),
        pre=pre, post=post, weight=weight, delay=delay, inputs=np.array([0, 1]), outputs=np.array([2, 3]), window=48,
        decoder={"kind": "race", "evidence": 1, "lead": 0},
    )  # fmt: skip


def test_a_network_solves_temporal_xor_by_spike_times() -> None:
    network, cases = coincidence(), Cases(0, "test")
    task = load_task("temporal-xor")
    assert evaluate(task, [network], cases)[0].score == 1
    # the same wires without their delays know nothing
    blunt = replace(network, delay=np.ones_like(network.delay))
    assert evaluate(task, [blunt], cases)[0].score < 0.7
