"""Acrobot, the mountain cars and the pendulum: Gymnasium's physics, whole episodes of it, on lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
from evoneuro_tasks.acrobot import Acrobot
from evoneuro_tasks.mountain_car import MountainCar, MountainCarContinuous
from evoneuro_tasks.pendulum import Pendulum

from evoneuro import ControlTask
from evoneuro.keys import lane_keys

# How far states and rewards may be from Gymnasium's, which computes on one number at a time:
# - its squares are powers of the C library's, whose last bit differs from a product's in one of a thousand, and the
#   acrobot's chaos makes more of it; the pendulum has them in its reward alone, of which the torque's is of 32 bits;
# - the mountain cars' cosine is the C library's, too; the continuous one rounds to 32 bits afterwards.
TOLERANCES: list[tuple[type[ControlTask], str, float, float]] = [
    (Acrobot, "Acrobot-v1", 1e-9, 0.0),
    (MountainCar, "MountainCar-v0", 1e-12, 0.0),
    (MountainCarContinuous, "MountainCarContinuous-v0", 0.0, 0.0),
    (Pendulum, "Pendulum-v1", 0.0, 1e-9),
]
TASKS = [task for task, *_ in TOLERANCES]


def driven(task: ControlTask, rng: np.random.Generator, seen: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Actions of three lanes that add energy, so that episodes end at their goals."""
    speed = np.sign(seen[:, -1])
    return 1 + speed.astype(int) if task.actions else np.where(speed < 0, -1, 1)[:, None] * rng.uniform(0, 1, (3, 1))


def at_random(task: ControlTask, rng: np.random.Generator, seen: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if task.actions:
        return rng.integers(3, size=3)
    return rng.uniform(task.action_low, task.action_high, (3, 1))


@pytest.mark.parametrize("acting", [driven, at_random])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("cls", "name", "of_state", "of_reward"), TOLERANCES)
def test_whole_episodes_equal_gymnasium(
    cls: type[ControlTask], name: str, of_state: float, of_reward: float, seed: int, acting: Callable[..., Any]
) -> None:
    env = gymnasium.make(name)
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    task = cls()
    state, seen = task.reset(lane_keys(seed, "episodes", 3))  # our lane is the middle one
    env.unwrapped.state = state[1].copy()
    assert env.spec is not None
    assert task.step_limit == env.spec.max_episode_steps
    over, steps = False, 0
    while not over and steps < task.step_limit:
        action = acting(task, rng, seen)
        given = int(action[1]) if task.actions else action[1].astype(np.float32)
        expected, reward, over, _, _ = env.step(given)
        state, seen, rewards, terminated, truncated = task.step(state, action)
        assert np.abs(state[1] - env.unwrapped.state).max() <= of_state
        assert np.abs(seen[1] - expected).max() <= (1e-6 if of_state else 0)  # one step of 32 bits
        assert seen.dtype == expected.dtype
        assert abs(rewards[1] - reward) <= of_reward
        assert terminated[1] == over
        assert not truncated.any()
        steps += 1
    assert over or acting is at_random or cls is Pendulum


@pytest.mark.parametrize("cls", TASKS)
def test_starts_fill_the_ranges_of_gymnasium_and_depend_on_their_own_key(cls: type[ControlTask]) -> None:
    low, high = {
        Acrobot: ([-0.1] * 4, [0.1] * 4),
        MountainCar: ([-0.6, 0], [-0.4, 0]),
        MountainCarContinuous: ([-0.6, 0], [-0.4, 0]),
        Pendulum: ([-np.pi, -1], [np.pi, 1]),
    }[cls]
    task, keys = cls(), lane_keys(3, "episodes", 400)
    state, seen = task.reset(keys)
    span = np.array(high) - low
    assert (state >= np.array(low) - 1e-7).all()
    assert (state <= np.array(high) + 1e-7).all()
    assert (np.ptp(state, axis=0) >= 0.95 * span).all()
    assert np.array_equal(task.reset(keys[::-1])[0], state[::-1])
    assert np.array_equal(task.reset(np.repeat(keys[:2], 3))[1], np.repeat(seen[:2], 3, axis=0))


@pytest.mark.parametrize("lanes", [1, 2, 7, 8, 9, 33])
@pytest.mark.parametrize("cls", TASKS)
def test_a_lane_is_blind_to_the_others(cls: type[ControlTask], lanes: int) -> None:
    task = cls()
    state = task.reset(lane_keys(lanes, "episodes", lanes))[0]
    action: npt.NDArray[Any] = np.arange(lanes) % 3
    if task.actions is None:
        action = np.linspace(-1, 1, lanes)[:, None]
    alone = [state[k : k + 1] for k in range(lanes)]
    for _ in range(20):
        state, *rest = task.step(state, action)
        own = [task.step(one, action[k : k + 1]) for k, one in enumerate(alone)]
        alone = [result[0] for result in own]
        assert np.array_equal(state, np.concatenate(alone))
        for i, found in enumerate(rest, 1):
            assert np.array_equal(found, np.concatenate([result[i] for result in own]))


def test_steps_leave_the_state_that_they_got_alone() -> None:
    for cls in TASKS:
        task = cls()
        state, _ = task.reset(lane_keys(0, "episodes", 4))
        before = state.copy()
        state.flags.writeable = False
        task.step(state, np.array([0, 1, 2, 0]) if task.actions else np.ones((4, 1)))
        assert np.array_equal(state, before)


def test_an_acrobot_at_its_fastest_wraps_more_than_one_turn() -> None:
    task, env = Acrobot(), gymnasium.make("Acrobot-v1")
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(50):
        state = rng.uniform([-np.pi, -np.pi, -4 * np.pi, -9 * np.pi], [np.pi, np.pi, 4 * np.pi, 9 * np.pi])
        env.unwrapped.state = state
        env.unwrapped.step(2)
        after = task.step(state[None], np.array([2]))[0][0]
        assert after == pytest.approx(env.unwrapped.state, rel=0, abs=1e-9)
        assert (np.abs(after[:2]) <= np.pi).all()


def test_codings() -> None:
    for cls, inputs, outputs, decoder in [
        (Acrobot, 12, 3, "race"),
        (MountainCar, 4, 3, "race"),
        (MountainCarContinuous, 4, 2, "pair"),
        (Pendulum, 6, 2, "pair"),
    ]:
        task = cls()
        assert (task.inputs(0), task.outputs, task.coding(0)[1]["kind"]) == (inputs, outputs, decoder)
    assert MountainCarContinuous().coding(0)[1]["low"] == [-1.0]
    assert Pendulum().coding(0)[1]["high"] == [2.0]
