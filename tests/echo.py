"""A tiny environment of any spaces, and its registration for one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np


class Echo(gymnasium.Env[Any, Any]):
    """Observations are drawn from their space; the reward is the sum of the action; it refuses what it does not know.

    Attributes:
        got: actions of all such environments, in the order of the steps.
        length: of an episode in steps, drawn at its start.
    """

    got: list[Any] = []

    def __init__(self, observation: Any, action: Any, shift: float = 0.0) -> None:
        self.observation_space, self.action_space, self.shift = observation, action, shift

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        self.length, self.steps = int(self.np_random.integers(3, 9)), 0
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action), action
        self.got.append(action)
        self.steps += 1
        reward = float(np.sum(action)) + self.shift
        return self.observation_space.sample(), reward, self.steps == self.length, False, {}


@contextmanager
def registered(entry: Any = Echo, **made: Any) -> Iterator[str]:
    """The name of an environment while it is registered; `made` are its constructor's arguments."""
    name = f"evoneuro-test/{entry.__name__}-v0"
    gymnasium.register(name, entry, kwargs=made)
    Echo.got.clear()
    try:
        yield name
    finally:
        del gymnasium.registry[name]
