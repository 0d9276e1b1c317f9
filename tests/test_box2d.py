"""The tasks on Box2D: seen, done and scored as their environments say."""

from __future__ import annotations

import numpy as np
import pytest
from evoneuro_tasks.box2d import BipedalWalker, LunarLander

from evoneuro import ControlTask
from evoneuro.check import check_task
from evoneuro.keys import lane_keys

for module in ("Box2D", "pygame"):
    pytest.importorskip(module, reason="Box2D is not installed (extra `box2d`)")


@pytest.mark.parametrize(
    ("cls", "name", "inputs", "outputs", "decoder", "limit"),
    [(LunarLander, "lunar-lander", 16, 4, "race", 1000), (BipedalWalker, "bipedal-walker", 28, 8, "pair", 1600)],
)
def test_passes_its_check(
    cls: type[ControlTask], name: str, inputs: int, outputs: int, decoder: str, limit: int
) -> None:
    task = cls(max_steps=60)
    assert task.name == name
    assert check_task(task).evaluation.failure is None
    task = cls()
    assert (task.inputs(0), task.outputs, task.coding(0)[1]["kind"]) == (inputs, outputs, decoder)
    assert task.step_limit == limit


@pytest.mark.parametrize("cls", [LunarLander, BipedalWalker])
def test_most_of_what_random_episodes_visit_is_within_the_ranges(cls: type[ControlTask]) -> None:
    task, rng = cls(), np.random.default_rng(0)
    decoder, seen = task.action_decoder, []
    for key in lane_keys(0, "episodes", 5):
        state, observation = task.reset(np.array([key]))
        for _ in range(80):
            seen.append(observation[0])
            state, observation, _, terminated, _ = task.step(state, task._actions.random(decoder, rng))
            if terminated[0]:
                break
    visited = np.array(seen)
    assert visited.shape[1] == len(task.low or ()) == len(task.high or ())
    inside = (visited >= np.array(task.low)) & (visited <= np.array(task.high))
    assert inside.mean() > 0.9
    assert inside.mean(axis=0).min() > 0.6


@pytest.mark.parametrize(("crashes", "percentile"), [(20, -100.0), (5, 250.0)])
def test_a_flight_in_a_hundred_may_crash_beside_a_good_mean(crashes: int, percentile: float) -> None:
    scores = np.full(1000, 250.0)
    scores[:crashes] = -100.0
    assert LunarLander().summary(scores) == {"landed": 1 - crashes / 1000, "percentile_1": percentile}
