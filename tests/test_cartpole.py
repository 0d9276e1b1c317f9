"""The cart-pole family: Gymnasium's physics to the last bit, and the levels' observations and actions."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from evoneuro_tasks.cartpole import STARTS, CartPole, CartPoleHard, CartPoleHardest, CartPoleMedium

from evoneuro.errors import EvoNeuroError
from evoneuro.keys import lane_keys
from evoneuro.task import load_task


@pytest.mark.parametrize("seed", range(5))
def test_physics_equal_gymnasium_to_the_last_bit(seed: int) -> None:
    env = gymnasium.make("CartPole-v1")
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    task = CartPole()
    state = rng.uniform(-0.2, 0.2, (3, 4))  # our lane is the middle one
    env.unwrapped.state = tuple(state[1])
    over, steps = False, 0
    while not over:
        action = rng.integers(2, size=3)
        observation, reward, over, _, _ = env.step(int(action[1]))
        state, seen, rewards, fallen, truncated = task.step(state, action)
        assert state[1].tolist() == list(env.unwrapped.state)
        assert seen[1].tolist() == observation.tolist()
        assert seen.dtype == observation.dtype
        assert rewards[1] == reward
        assert fallen[1] == over
        assert not truncated.any()
        steps += 1
    assert steps > 3


@pytest.mark.parametrize("lanes", [1, 2, 7, 8, 9, 16, 33])
def test_physics_of_a_lane_are_blind_to_the_others(lanes: int) -> None:
    task = CartPoleHard()  # vector instructions take lanes in groups, and the rest one by one
    state = task.reset(lane_keys(lanes, "episodes", lanes))[0]
    action = np.arange(lanes) % 3
    alone = [state[k : k + 1] for k in range(lanes)]
    for _ in range(30):
        state, seen, _, fallen, _ = task.step(state, action)
        own = [task.step(one, action[k : k + 1]) for k, one in enumerate(alone)]
        alone = [result[0] for result in own]
        assert np.array_equal(state, np.concatenate(alone))
        assert np.array_equal(seen, np.concatenate([result[1] for result in own]))
        assert np.array_equal(fallen, np.concatenate([result[3] for result in own]))


def test_a_long_episode_equals_gymnasium() -> None:
    env = gymnasium.make("CartPole-v1")
    env.reset(seed=1)
    task = CartPole()
    state = np.array([env.unwrapped.state])
    for _ in range(500):  # a controller that keeps the pole up
        action = np.array([int(state[0, 2] + 0.4 * state[0, 3] + 0.05 * state[0, 1] > 0)])
        env.step(int(action[0]))
        state = task.step(state, action)[0]
        assert state[0].tolist() == list(env.unwrapped.state)


@pytest.mark.parametrize("starts", ["gym", "wide"])
def test_starts_fill_their_ranges_and_depend_on_their_own_key(starts: str) -> None:
    task = CartPole(starts=starts)
    keys = lane_keys(3, "episodes", 400)
    state, _ = task.reset(keys)
    limit = np.array(STARTS[starts])
    assert (np.abs(state) <= limit).all()
    assert (np.abs(state).max(axis=0) > 0.95 * limit).all()
    assert len(np.unique(state, axis=0)) == 400
    assert np.array_equal(task.reset(keys[::-1])[0], state[::-1])
    assert np.array_equal(task.reset(np.repeat(keys[:2], 3))[0], np.repeat(state[:2], 3, axis=0))


def test_unknown_starts_are_refused() -> None:
    with pytest.raises(EvoNeuroError, match=r"task\.starts.*'narrow'"):
        CartPole(starts="narrow").reset(lane_keys(0, "episodes", 1))


def test_levels() -> None:
    state = np.array([[0.1, 0.2, 0.03, 0.4]])
    for cls, forces, seen, encoder, inputs in [
        (CartPole, [-10, 10], [0, 1, 2, 3], "flip-flop", 8),
        (CartPoleMedium, [0, -10, 10], [0, 1, 2, 3], "flip-flop", 8),
        (CartPoleHard, [0, -10, 10], [0, 2], "flip-flop", 4),
        (CartPoleHardest, [-10, 10], [0, 2], "argyle", 8),
    ]:
        task = cls()
        assert list(task.actions) == forces
        assert task.outputs == len(forces)
        assert task.step(state, np.array([0]))[1].shape == (1, len(seen))
        spec, _ = task.coding(0)
        assert spec["kind"] == encoder
        assert spec["high"] == [[2.4, 2.0, 0.209, 2.0][i] for i in seen]
        assert task.inputs(0) == inputs
        assert task.window == 24


def test_doing_nothing_lets_gravity_act_alone() -> None:
    task = CartPoleMedium()
    state = np.array([[0.0, 0.0, 0.1, 0.0]])
    pushed = task.step(np.repeat(state, 3, axis=0), np.array([0, 1, 2]))[0]
    assert abs(pushed[0, 1]) < 0.02
    assert pushed[1, 1] < -0.1
    assert pushed[2, 1] > 0.1


def test_the_registered_names() -> None:
    names = ["cartpole", "cartpole-medium", "cartpole-hard", "cartpole-hardest"]
    assert [type(load_task(name)) for name in names] == [CartPole, CartPoleMedium, CartPoleHard, CartPoleHardest]
    assert load_task("cartpole", {"max_steps": 15000}).step_limit == 15000
