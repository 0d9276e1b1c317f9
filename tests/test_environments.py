"""Control tasks on Gymnasium: the same episodes as by hand, ranges, actions, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest

from evoneuro import ControlTask, EvoNeuroError
from evoneuro.check import check_task, probe
from evoneuro.errors import PluginError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.keys import lane_keys


class Named(ControlTask):
    """The environment is given as a parameter."""


class Pole(ControlTask):
    environment = "CartPole-v1"


@pytest.mark.parametrize("environment", ["CartPole-v1", "MountainCar-v0", "Acrobot-v1"])
def test_lanes_step_like_the_environment(environment: str) -> None:
    task = Named(environment=environment)
    keys = lane_keys(0, "episodes", 3)
    state, seen = task.reset(keys)
    envs = [gymnasium.make(environment) for _ in keys]
    expected = [env.reset(seed=int(key % 2**31))[0] for env, key in zip(envs, keys, strict=True)]
    assert seen.tolist() == np.array(expected).tolist()
    rng = np.random.default_rng(0)
    for _ in range(8):
        action = rng.integers(task.outputs, size=3)
        state, seen, reward, terminated, truncated = task.step(state, action)
        steps = [env.step(int(a)) for env, a in zip(envs, action, strict=True)]
        assert seen.tolist() == [s[0].tolist() for s in steps]
        assert reward.tolist() == [s[1] for s in steps]
        assert terminated.tolist() == [s[2] for s in steps]
        assert truncated.tolist() == [s[3] for s in steps]


@pytest.mark.parametrize("environment", ["CartPole-v1", "MountainCar-v0", "Acrobot-v1"])
def test_whole_episodes_score_like_the_environment(environment: str) -> None:
    wide = gymnasium.make(environment).observation_space.shape[0]
    task = Named(environment=environment, low=[-1.0] * wide, high=[1.0] * wide, actions=[1, 0])
    network = probe(task)
    silent = replace(network, weight=np.zeros_like(network.weight))
    result = evaluate(task, [silent], Cases(3, "test", 0, 4))[0]
    env, returns = gymnasium.make(environment), []
    for key in lane_keys(3, "test", 4):  # a silent network takes its first action, which is 1
        env.reset(seed=int(key % 2**31))
        total, over = 0.0, False
        while not over:
            _, reward, terminated, truncated, _ = env.step(1)
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
    assert result.case_scores.tolist() == returns
    assert environment != "CartPole-v1" or len(set(returns)) > 1


def test_an_episode_is_blind_to_the_lanes_beside_it() -> None:
    task = Pole()
    keys = lane_keys(1, "episodes", 5)
    state, seen = task.reset(keys)
    _, after, *_ = task.step(state[[1, 4]], np.array([0, 1]))  # the others have gone
    one = Pole()
    for k, (lane, action) in enumerate([(1, 0), (4, 1)]):
        alone, first = one.reset(keys[lane : lane + 1])
        assert first[0].tolist() == seen[lane].tolist()
        assert one.step(alone, np.array([action]))[1][0].tolist() == after[k].tolist()


# Ranges


def test_unknown_ranges_are_learned_from_random_episodes() -> None:
    spec, _ = Pole().coding(1)
    low, high = np.array(spec["low"]), np.array(spec["high"])
    assert np.allclose(high[[0, 2]], [4.8, 0.419], atol=0.01)  # the space's
    assert all(0.5 < h < 5 for h in high[[1, 3]])
    assert np.allclose(low, -high)
    assert Pole().coding(1)[0] == spec


def test_learned_ranges_are_a_function_of_the_seed_alone() -> None:
    fresh = Pole().coding(2)[0]
    used = Pole()
    used.reset(lane_keys(5, "episodes", 2))
    assert used.coding(1)[0] != fresh
    assert used.coding(2)[0] == fresh


def test_given_ranges_win() -> None:
    learned = Pole().coding(1)[0]
    assert Pole(low=[-1] * 4, high=[1] * 4).coding(1)[0]["high"] == [1.0] * 4
    only_high = Pole(high=[9] * 4).coding(1)[0]
    assert (only_high["low"], only_high["high"]) == (learned["low"], [9.0] * 4)


def test_bounded_spaces_give_their_ranges() -> None:
    space = gymnasium.make("Acrobot-v1").observation_space
    spec, _ = Named(environment="Acrobot-v1").coding(0)
    assert np.allclose(spec["high"], space.high)
    assert np.allclose(spec["low"], space.low)


def test_the_network_sees_the_observations_that_are_named() -> None:
    task, whole = Pole(observations=[2, 0]), Pole()
    keys = lane_keys(0, "episodes", 3)
    seen, everything = task.reset(keys)[1], whole.reset(keys)[1]
    assert seen.tolist() == everything[:, [2, 0]].tolist()
    assert np.allclose(task.coding(0)[0]["high"], [0.419, 4.8], atol=0.01)
    assert task.inputs(0) == 4  # two neurons per value
    after = task.step(*(np.arange(3), np.zeros(3, int)))[1]
    assert after.shape == (3, 2)


# Actions and limits


def test_actions_are_the_environments_for_each_output() -> None:
    state = np.arange(2)
    one, two = Named(environment="MountainCar-v0", actions=[2, 0]), Named(environment="MountainCar-v0")
    assert (one.outputs, two.outputs) == (2, 3)
    keys = lane_keys(0, "episodes", 2)
    one.reset(keys)
    two.reset(keys)
    assert one.step(state, np.array([0, 1]))[1].tolist() == two.step(state, np.array([2, 0]))[1].tolist()


def test_what_gymnasium_cannot_do() -> None:
    with pytest.raises(EvoNeuroError, match="set actions, a list"):
        check_task(Named(environment="Pendulum-v1"))
    task = Named(environment="Pendulum-v1", actions=[[-2.0], [0.0], [2.0]], max_steps=20)
    assert task.outputs == 3
    assert check_task(task).evaluation.decisions == 2 * 20
    with pytest.raises(EvoNeuroError, match="cannot be made"):
        Named(environment="NoSuch-v9").coding(0)
    with pytest.raises(EvoNeuroError, match="set environment, or write reset"):
        ControlTask().coding(0)


def test_actions_that_the_environment_refuses() -> None:
    task = Pole(actions=[5, 6])
    with pytest.raises(PluginError, match="AssertionError: 5"):
        task.coding(0)  # while ranges are learned
    with pytest.raises(PluginError, match=r"step\(\) raised: AssertionError: "):
        check_task(Pole(actions=[5, 6], low=[-1] * 4, high=[1] * 4))


def test_ranges_of_the_wrong_length() -> None:
    with pytest.raises(PluginError, match=r"shape \(2, 4\), expected \(2, 1\) \(lanes first, then as many values"):
        check_task(Pole(low=[-1.0], high=[1.0]))


def test_step_limits() -> None:
    assert Pole().step_limit == 500
    assert Pole(max_steps=30).step_limit == 30
    assert evaluate(Pole(max_steps=4), [probe(Pole())], Cases(0, "test", 0, 5))[0].score == 4


class Endless(gymnasium.Env[Any, Any]):
    """Nothing ever ends it, and its observation has no bounds."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))
    action_space = gymnasium.spaces.Discrete(2, start=3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.place = 0.0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        assert action in (3, 4)
        self.place += 1
        return np.full(1, self.place, np.float32), 1.0, False, False, {}


def test_an_environment_without_an_end() -> None:
    gymnasium.register("evoneuro-test/Endless-v0", Endless)
    try:
        task = Named(environment="evoneuro-test/Endless-v0")
        assert task.step_limit == 1000
        assert 980 < task.coding(0)[0]["high"][0] < 1000  # 99 % of what episodes of 1,000 steps visit
        assert check_task(task).evaluation.score == 1000
    finally:
        del gymnasium.registry["evoneuro-test/Endless-v0"]
