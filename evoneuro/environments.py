"""Control tasks: any Gymnasium environment by name, or a task's own physics on arrays of lanes."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError
from evoneuro.keys import Keys, generator
from evoneuro.plugins import plugin_error
from evoneuro.task import Task

Observation = npt.NDArray[Any]
Lanes = npt.NDArray[Any]

DEFAULT_STEPS = 1000  # of an environment that states no limit
EXPLORED = 20  # random episodes from which unknown observation ranges are learned


class ControlTask(Task):
    """A task in which a network acts.

    The least is `environment = "CartPole-v1"`. For speed, override `reset` and `step` with functions of arrays that
    lead with lanes: then many episodes of many networks advance in one call, and finished ones are dropped.

    Attributes:
        environment: a registered Gymnasium environment; None if `reset` and `step` are the task's own.
        observations: which values of the observation the network sees (all if None).
        actions: the environment's action for each output; None: those of a Discrete space.
        max_steps: decisions per episode, then it is truncated; None: the environment's own limit.
        keep_state: potentials and spikes in flight live on into the next decision.
        episodes: episodes of each candidate that selection sees.
    """

    kind = "control"

    environment: str | None = None
    observations: tuple[int, ...] | None = None
    actions: tuple[Any, ...] | None = None
    max_steps: int | None = None
    keep_state: bool = True
    episodes: int = 8

    def reset(self, keys: Keys) -> tuple[Any, Observation]:
        """Start one episode per key.

        Args:
            keys: uint64 [lanes]; an episode is a function of its own key alone.

        Returns:
            state (arrays that lead with lanes: one, or a tuple or dict of them) and observation (lanes, values).
        """
        environments = self._environments(len(keys))[: len(keys)]
        starts = [env.reset(seed=int(key % 2**31))[0] for env, key in zip(environments, keys, strict=True)]
        return np.arange(len(keys)), self._observed(starts)

    def step(self, state: Any, action: Lanes) -> tuple[Any, Observation, Lanes, Lanes, Lanes]:
        """Advance all lanes by one decision.

        Args:
            action: int [lanes], the chosen output.

        Returns:
            state, observation (lanes, values), reward, terminated, truncated ([lanes] each).
        """
        actions = self._action_list()
        pool = self._environments(0)
        results = [pool[lane].step(actions[a]) for lane, a in zip(state.tolist(), action.tolist(), strict=True)]
        observation, reward, terminated, truncated = zip(*[r[:4] for r in results], strict=True)
        return state, self._observed(observation), np.array(reward, float), np.array(terminated), np.array(truncated)

    @property
    def outputs(self) -> int:
        return len(self._action_list())

    @property
    def changes(self) -> bool:
        return True

    @property
    def step_limit(self) -> int:
        """Decisions after which an episode is truncated."""
        if self.max_steps is not None:
            return self.max_steps
        if self.environment is not None:
            spec = self._environments(1)[0].spec
            return int((spec.max_episode_steps if spec is not None else None) or DEFAULT_STEPS)
        return DEFAULT_STEPS

    def coding(self, seed: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        low, high = self._ranges(seed)
        return self._encoder(low, high).spec(), self._decoder()

    # The Gymnasium side

    def _environments(self, count: int) -> list[_Environment]:
        """At least `count` environments, made once and used again by the next `reset`."""
        import gymnasium

        if self.environment is None:
            raise EvoNeuroError(f"task {self.name!r}: set environment, or write reset(keys) and step(state, action)")
        pool: list[_Environment] = self.__dict__.setdefault("_pool", [])
        try:
            while len(pool) < count:
                limit = {} if self.max_steps is None else {"max_episode_steps": self.max_steps}
                pool.append(gymnasium.make(self.environment, disable_env_checker=True, **limit))
        except (gymnasium.error.Error, ImportError) as error:
            raise EvoNeuroError(
                f"task {self.name!r}: environment {self.environment!r} cannot be made: {error}"
            ) from None
        return pool

    def _action_list(self) -> list[Any]:
        if self.actions is not None:
            return list(self.actions)
        space = self._environments(1)[0].action_space
        if type(space).__name__ != "Discrete":
            raise EvoNeuroError(
                f"task {self.name!r}: the actions of {self.environment!r} are {space}; "
                "set actions, a list with the environment's action for each output"
            )
        return [int(space.start) + i for i in range(int(space.n))]

    def _observed(self, observations: Any) -> Observation:
        flat = np.array([np.ravel(np.asarray(o, np.float64)) for o in observations])
        return flat if self.observations is None else flat[:, list(self.observations)]

    def _ranges(self, seed: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Ranges of the observed values: the task's, else the space's, else what random episodes visit."""
        if self.low is None or self.high is None:
            low, high = self._natural_ranges(seed)
        return (
            low if self.low is None else np.asarray(self.low, float),
            high if self.high is None else np.asarray(self.high, float),
        )

    def _natural_ranges(self, seed: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        space = self._environments(1)[0].observation_space
        if type(space).__name__ != "Box":
            raise EvoNeuroError(
                f"task {self.name!r}: observations of {self.environment!r} are {space}; only Box is known"
            )
        low, high = self._observed([space.low])[0], self._observed([space.high])[0]
        known = (np.abs(low) < 1e6) & (np.abs(high) < 1e6)
        if not known.all():
            explored = self.__dict__.setdefault("_explored", {})
            if seed not in explored:
                try:
                    explored[seed] = self._explore(seed)
                except Exception as error:
                    raise plugin_error(f"task {self.name!r}: {self.environment!r} raised", error) from error
            low, high = np.where(known, low, -explored[seed]), np.where(known, high, explored[seed])
        return low, high

    def _explore(self, seed: int) -> npt.NDArray[np.float64]:
        """Largest magnitude of each value in 99 % of what random episodes of the seed visit."""
        env = self._environments(1)[0]
        rng = generator(seed, "check")
        actions = self._action_list()
        seen = []
        for _ in range(EXPLORED):
            observation, _ = env.reset(seed=int(rng.integers(2**31)))
            for _ in range(self.step_limit):  # an environment need not have a limit of its own
                seen.append(self._observed([observation])[0])
                observation, _, terminated, truncated, _ = env.step(actions[rng.integers(len(actions))])
                if terminated or truncated:
                    break
        limit: npt.NDArray[np.float64] = np.maximum(np.quantile(np.abs(seen), 0.99, axis=0), 1e-6)
        return limit


class _Environment(Protocol):
    """What is used of a Gymnasium environment."""

    spec: Any
    action_space: Any
    observation_space: Any

    def reset(self, *, seed: int | None = None) -> tuple[Any, dict[str, Any]]: ...

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]: ...
