"""Compiled physics: the same episodes as `step` gives, and numpy's own sines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from evoneuro_tasks.cartpole import CartPole, CartPoleHard

from evoneuro import Network
from evoneuro.check import probes
from evoneuro.environments import ControlTask
from evoneuro.errors import PluginError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.physics import Physics, compiled, cosines, sines
from evoneuro.simulator.lanes import VARIABLE
from evoneuro.simulator.native import available

CASES = Cases(5, "episodes", 0, 21)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 33])
def test_sines_are_numpys(count: int) -> None:
    angles = np.random.default_rng(count).normal(0, 3, count)
    out = np.empty(count)
    sines(angles, out)
    assert np.array_equal(out, np.sin(angles))
    cosines(angles, out)
    assert np.array_equal(out, np.cos(angles))


def networks_for(task: ControlTask, count: int) -> list[Network]:
    """Random networks, not all of one window and gain."""
    return [
        replace(network, window=12 + k % 3, encoder={**network.encoder, "gain": 8 + 4 * (k % 3)})
        for k, network in enumerate(probes(task, count))
    ]


class WithoutPhysics(CartPoleHard):
    """Decisions one by one, since its `step` is another."""

    def step(self, state: Any, action: Any) -> Any:
        return super().step(state, action)


@pytest.mark.parametrize("simulator", ["native", pytest.param("numba", marks=pytest.mark.slow)])
def test_episodes_without_python_are_those_with_it(simulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if simulator == "native" and not available():
        pytest.skip("the kernel in C was not built")
    networks = networks_for(CartPoleHard(), 40)
    slow = evaluate(WithoutPhysics(), networks, CASES)
    monkeypatch.setenv(VARIABLE, simulator)
    assert evaluate(CartPoleHard(), networks, CASES) == slow
    assert len({result.decisions for result in slow}) > 5
    short = replace(CASES, horizon=15)
    assert evaluate(CartPoleHard(), networks, short) == evaluate(WithoutPhysics(), networks, short)


class Shaped(CartPole):
    """A task whose own `step` is meant, not the physics that it inherits."""

    def step(self, state: Any, action: Any) -> Any:
        state, seen, reward, fallen, truncated = super().step(state, action)
        return state, seen, reward / 2, fallen, truncated


def test_a_step_of_its_own_goes_before_inherited_physics() -> None:
    networks = networks_for(CartPole(), 5)
    half = [result.score for result in evaluate(Shaped(), networks, CASES)]
    assert half == [result.score / 2 for result in evaluate(CartPole(), networks, CASES)]


@compiled()
def _to_infinity(state, choice, parameters, observation, reward, over):  # type: ignore[no-untyped-def]
    for lane in range(len(state)):
        state[lane, 0] *= parameters[0]
        observation[lane, 0] = state[lane, 0]
        reward[lane] = 1.0
        over[lane] = False


class Exploding(ControlTask):
    name = "exploding"
    low, high = (-1.0,), (1.0,)
    actions = (0, 1)
    max_steps = 1000

    def reset(self, keys: Any) -> Any:
        state = np.ones((len(keys), 1))
        return state, state.copy()

    def step(self, state: Any, action: Any) -> Any:
        return (*self.physics.step(state, action), np.zeros(len(state), bool))

    @property
    def physics(self) -> Physics:
        return Physics(_to_infinity, np.array([1e20]), 1)


@pytest.mark.filterwarnings("ignore:overflow")
def test_what_is_not_finite_is_the_tasks_mistake() -> None:
    with pytest.raises(PluginError, match=r"observation\[0, 0\] is inf; it must be finite"):
        evaluate(Exploding(), networks_for(Exploding(), 2), CASES)
