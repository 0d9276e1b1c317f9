"""Check: what it says of a good task, and of one that hangs."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from evoneuro import ControlTask
from evoneuro.check import check_task, probe
from evoneuro.errors import PluginError
from evoneuro.task import load_task


def test_a_report() -> None:
    report = check_task(load_task("cartpole"))
    facts = dict(report.facts)
    assert facts["inputs"] == "8 neurons"
    assert facts["outputs"] == "2 neurons"
    assert facts["encoder"] == "flip-flop"
    assert facts["decoder"] == "race"
    assert float(facts["random network's score"]) == pytest.approx(report.evaluation.score, rel=1e-3)


@pytest.mark.parametrize("name", ["cartpole", "wine", "temporal-xor"])
def test_the_probe_fits_and_is_always_the_same(name: str) -> None:
    task = load_task(name)
    network = probe(task)
    assert (len(network.inputs), len(network.outputs)) == (task.inputs(0), task.outputs)
    assert network.window == task.window
    assert probe(load_task(name)) == network


class Dice(ControlTask):
    """Takes its randomness from a place of its own."""

    low, high, actions, max_steps = (-1.0,), (1.0,), (0, 1), 5
    rng = np.random.default_rng(0)

    def reset(self, keys: Any) -> Any:
        return np.zeros(len(keys)), np.zeros((len(keys), 1))

    def step(self, state: Any, action: Any) -> Any:
        never = np.zeros(len(state), bool)
        return state, np.zeros((len(state), 1)), self.rng.random(len(state)), never, never


def test_a_task_that_is_not_a_function_of_its_keys() -> None:
    with pytest.raises(PluginError, match=r"task 'dice' is not deterministic: .* the keys that reset\(\) gets"):
        check_task(Dice())


class Sleeper(ControlTask):
    low, high, actions = (-1.0,), (1.0,), (0, 1)

    def reset(self, keys: Any) -> Any:
        time.sleep(60)

    def step(self, state: Any, action: Any) -> Any:
        raise AssertionError("never reached")


def test_a_task_that_hangs_is_interrupted_and_located() -> None:
    start = time.monotonic()
    with pytest.raises(PluginError, match=r"no answer within 0\.3 s; it was at .*test_check\.py, line \d+"):
        check_task(Sleeper(), patience=0.3)
    assert time.monotonic() - start < 20
