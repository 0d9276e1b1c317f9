"""Control tasks on Gymnasium: the same episodes as by hand, ranges, actions, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from echo import registered

from evoneuro import ControlTask, EvoNeuroError
from evoneuro.check import check_task, probe
from evoneuro.cli import main
from evoneuro.config import Config
from evoneuro.errors import PluginError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.keys import lane_keys, uniform
from evoneuro.launch import resume, start
from evoneuro.run import Silent


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


def test_discrete_torques_for_a_pendulum() -> None:
    task = Named(environment="Pendulum-v1", actions=[[-2.0], [0.0], [2.0]], max_steps=20)
    assert task.outputs == 3
    assert check_task(task).evaluation.decisions == 2 * 20


def test_what_cannot_be_made() -> None:
    with pytest.raises(EvoNeuroError, match="cannot be made"):
        Named(environment="NoSuch-v9").coding(0)
    with pytest.raises(EvoNeuroError, match="set environment, or write reset"):
        ControlTask().coding(0)
    with pytest.raises(EvoNeuroError, match="set environment, or write reset"):
        ControlTask(actions=[0, 1]).coding(0)


def test_actions_that_the_environment_refuses() -> None:
    task = Pole(actions=[5, 6])
    with pytest.raises(PluginError, match=r"random episodes, .* raised: AssertionError: [56] "):
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
    with registered(Endless) as name:
        task = Named(environment=name)
        assert task.step_limit == 1000
        assert 980 < task.coding(0)[0]["high"][0] < 1000  # 99 % of what episodes of 1,000 steps visit
        assert check_task(task).evaluation.score == 1000
        assert Named(environment=name, frame_skip=10).step_limit == 1000


# Ranges that are learned


class Walk(gymnasium.Env[Any, Any]):
    """What is observed: the place, to which actions are added, its distance from 0, a constant, and perhaps NaN."""

    observation_space = gymnasium.spaces.Box(
        np.array([-np.inf, 0, 3, -np.inf], np.float32), np.array([np.inf, np.inf, 3, np.inf], np.float32)
    )

    def __init__(self, action: Any, broken: bool = False) -> None:
        self.action_space, self.broken = action, broken

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps, self.place = 0, self.np_random.uniform(-1, 1)
        return self.seen(), {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action)
        self.steps, self.place = self.steps + 1, self.place + float(np.sum(action))
        return self.seen(), 0.0, self.steps == 10, False, {}

    def seen(self) -> Any:
        last = np.nan if self.broken and self.steps == 5 else 0.0
        return np.array([self.place, abs(self.place), 3, last], np.float32)


@pytest.mark.parametrize(
    "space",
    [
        gymnasium.spaces.Discrete(3),
        gymnasium.spaces.MultiDiscrete([2, 2]),
        gymnasium.spaces.MultiBinary(3),
        gymnasium.spaces.Box(-1, 1, (2,)),
    ],
    ids=["discrete", "multi-discrete", "multi-binary", "box"],
)
def test_ranges_are_learned_with_any_actions(space: Any) -> None:
    with registered(Walk, action=space) as name:
        spec = Named(environment=name).coding(1)[0]
        assert 1 < spec["high"][0] < 31
        assert spec["high"][1] == spec["high"][0] == -spec["low"][0]
        assert spec["low"][1] == 0  # a bound that the space has stays
        assert (spec["low"][2], spec["high"][2]) == (3, 4)  # a constant
        assert Named(environment=name).coding(1)[0] == spec
        assert Named(environment=name).coding(2)[0] != spec


def test_random_actions_are_those_that_a_network_could_take() -> None:
    space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))
    with registered(Walk, action=space) as name:
        near = Named(environment=name, action_low=-0.01, action_high=0.01).coding(0)[0]
        far = Named(environment=name, action_low=-9, action_high=9).coding(0)[0]
    assert near["high"][0] < 1.2 < 5 < far["high"][0]


def test_an_observation_that_is_not_finite() -> None:
    with registered(Walk, action=gymnasium.spaces.Discrete(2), broken=True) as name:
        with pytest.raises(PluginError, match="value 3 of an observation is not finite in random episodes"):
            Named(environment=name).coding(0)
        task = Named(environment=name, low=[-1] * 4, high=[1] * 4)
        with pytest.raises(PluginError, match=r"observation\[0, 3\] is nan; it must be finite"):
            evaluate(task, [probe(task)], Cases(0, "test", 0, 3))


class Drift(ControlTask):
    """Physics of its own: the place drifts by what is done; ranges are not stated."""

    max_steps = 12

    def reset(self, keys: Any) -> Any:
        place = uniform(keys, [-1.0], [1.0])
        return place, place

    def step(self, state: Any, action: Any) -> Any:
        moved = state + np.asarray(action, float).reshape(len(state), -1).sum(axis=1, keepdims=True)
        never = np.zeros(len(state), bool)
        return moved, moved, -np.abs(moved[:, 0]), never, never


@pytest.mark.parametrize(
    ("parameters", "decoder", "outputs"),
    [
        ({"actions": ["left", "right"]}, "race", 2),
        ({"decoder": {"kind": "multi-count", "sizes": [2, 3]}}, "multi-count", 5),
        ({"action_low": -1, "action_high": [1, 2]}, "pair", 4),
    ],
)
def test_physics_of_its_own_say_what_outputs_mean(parameters: Any, decoder: str, outputs: int) -> None:
    task = Drift(**parameters)
    encoder, found = task.coding(3)
    assert (found["kind"], task.outputs) == (decoder, outputs)
    assert 1 < encoder["high"][0] < 40
    report = check_task(task)
    assert dict(report.facts)["decoder"] == decoder
    assert report.evaluation.decisions == 2 * 12


# What a run freezes


BALANCE = """
from evoneuro import ControlTask


class Balance(ControlTask):
    environment = "CartPole-v1"
    max_steps = 30
"""


class Stopper(Silent):
    """Interrupts a run after its first generation."""

    def generation(self, summary: Any) -> None:
        raise KeyboardInterrupt


def test_learned_ranges_are_frozen_into_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "balance.py").write_text(BALANCE)
    config = Config.from_document(
        {
            "task": f"{tmp_path / 'balance.py'}:Balance",
            "seed": 5,
            "out": str(tmp_path / "runs"),
            "budget": {"generations": 3},
            "workers": {"count": 0},
            "search": {"population": 8},
            "episodes": {"validation": 2},
        }
    )
    with pytest.raises(KeyboardInterrupt):
        start(config, Stopper())
    learned = Named(environment="CartPole-v1", max_steps=30).coding(5)[0]

    def never(task: ControlTask, seed: int) -> Any:
        raise AssertionError("ranges were learned anew")

    monkeypatch.setattr(ControlTask, "_visited", never)
    run = resume(next((tmp_path / "runs").iterdir()))
    network = run.front[0].network
    assert {**network.encoder, "gain": 16} == {**learned, "gain": 16}
    network.save(tmp_path / "net.json")
    assert main(["evaluate", str(tmp_path / "net.json"), "--episodes", "3", "--seed", "9"]) == 0


def test_a_network_file_brings_its_ranges() -> None:
    task = Pole()
    network = probe(task)
    wide = replace(network, encoder={**network.encoder, "low": [-1e5] * 4, "high": [1e5] * 4})
    cases = Cases(0, "test", 0, 3)
    found, blind = (evaluate(task, [n], cases)[0] for n in (network, wide))
    assert found.spikes[:8].tolist() != blind.spikes[:8].tolist()
    assert blind == evaluate(Pole(low=[-9] * 4, high=[9] * 4), [wide], cases)[0]


# Environments with other spaces


def test_a_silent_pair_applies_no_torque() -> None:
    task = Named(environment="Pendulum-v1", encoder={"kind": "flip-flop", "max_spikes": 2})
    network = probe(task)
    assert network.decoder == {"kind": "pair", "low": [-2.0], "high": [2.0], "max_spikes": 8}
    silent = replace(network, weight=np.zeros_like(network.weight))
    result = evaluate(task, [silent], Cases(3, "test", 0, 2))[0]
    assert result.case_scores.tolist() == [pendulum(key, 0.0) for key in lane_keys(3, "test", 2)]


def pendulum(key: Any, torque: float) -> float:
    """Return of an episode of constant torque."""
    env, total = gymnasium.make("Pendulum-v1"), 0.0
    env.reset(seed=int(key % 2**31))
    for _ in range(200):
        total += float(env.step(np.array([torque], np.float32))[1])
    return total


@pytest.mark.parametrize(
    ("environment", "inputs", "outputs"),
    [("FrozenLake-v1", 16, 4), ("CliffWalking-v1", 48, 4), ("Blackjack-v1", 45, 2)],
)
def test_discrete_observations_are_one_hot(environment: str, inputs: int, outputs: int) -> None:
    task = Named(environment=environment, max_steps=20)
    assert (task.inputs(0), task.outputs) == (inputs, outputs)
    seen = task.reset(lane_keys(0, "episodes", 3))[1]
    assert set(seen.ravel().tolist()) == {0.0, 1.0}
    assert check_task(task).evaluation.decisions > 0
