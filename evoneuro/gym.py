"""Gymnasium's environments as lanes: one environment object per lane, their spaces as arrays that lead with lanes.

The objects are stepped one by one, in Python: that is Gymnasium's own speed. Its vector environments are no way
around it. Those that loop gain nothing. `CartPole-v1`'s own (`vector_entry_point`) takes 0.08 us for a step of one of
1,000 lanes where this takes 8, but it draws the starts of all lanes from one generator, starts lanes again by itself
and cannot drop those that are over, so that an episode would depend on its neighbours. Where speed matters, a task
writes `reset` and `step` on arrays: the built-in cart-pole takes as long as that vector environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from evoneuro.actions import Actions, Choices, Groups, Said, Values
from evoneuro.errors import EvoNeuroError, PluginError
from evoneuro.keys import Keys

Table = npt.NDArray[np.float64]

COLUMNS = 320  # pixels of a picture, at most

Stepped = tuple[Table, npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


class Environments:
    """The environments of one task, made once and used again by the next `reset`.

    Args:
        what: the task, in errors.
        name, options: what `gymnasium.make` gets.
        limit: steps after which an episode is truncated, or None for the environment's own limit.

    Attributes:
        limit: steps after which an episode is truncated, or None if it never is.
        low, high: float64 [values], range of each value of a flat observation, infinite where there is none.
        flags: whether every value is either 0 or 1.

    Raises:
        EvoNeuroError: no such environment or option, or its observations are no numbers.
    """

    def __init__(self, what: str, name: str, options: Mapping[str, Any], limit: int | None) -> None:
        self.what, self.name = what, name
        self._options = {**options, **({} if limit is None else {"max_episode_steps": limit})}
        self._pool: list[gymnasium.Env[Any, Any]] = []
        self._fill(1)
        first = self._pool[0]
        self.limit: int | None = first.spec.max_episode_steps if first.spec is not None else None
        self.action_space = first.action_space
        self._space = first.observation_space
        try:
            self.low, self.high = _bounds(self._space)
        except EvoNeuroError as error:
            raise EvoNeuroError(f"{what}: the observations of {name!r} are {self._space}: {error}") from None
        self.flags = not any(isinstance(part, spaces.Box) for part in _parts(self._space))

    def drawing(self) -> Environments:
        """Environments like these that draw themselves (`frame`), in memory; these, if they cannot be made so."""
        modes = self._pool[0].metadata.get("render_modes", ())
        if "rgb_array" not in modes or self._pool[0].render_mode is not None:
            return self
        options = {name: value for name, value in self._options.items() if name != "max_episode_steps"}
        limit = self._options.get("max_episode_steps")
        try:
            return Environments(self.what, self.name, {**options, "render_mode": "rgb_array"}, limit)
        except EvoNeuroError:  # it has no such option, or what it draws with is not here
            return self

    def frame(self, lane: int) -> npt.NDArray[np.uint8] | None:
        """What a lane looks like, uint8 (rows, at most `COLUMNS`, 3); None if it was not made to draw itself."""
        if self._pool[lane].render_mode != "rgb_array":
            return None
        pixels = np.asarray(self._pool[lane].render(), np.uint8)
        shrink = -(-pixels.shape[1] // COLUMNS)
        rows, columns = pixels.shape[0] // shrink, pixels.shape[1] // shrink
        blocks = pixels[: rows * shrink, : columns * shrink].reshape(rows, shrink, columns, shrink, 3)
        found: npt.NDArray[np.uint8] = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
        return found

    def _fill(self, count: int) -> None:
        try:
            while len(self._pool) < count:
                self._pool.append(gymnasium.make(self.name, disable_env_checker=True, **self._options))
        except (gymnasium.error.Error, ImportError, TypeError) as error:  # TypeError: an option that it does not know
            raise EvoNeuroError(f"{self.what}: environment {self.name!r} cannot be made: {error}") from None

    def reset(self, keys: Keys) -> Table:
        """Start lanes 0, 1, ..., one for each key; their flat observations (lanes, values)."""
        self._fill(len(keys))
        seeds = (keys % 2**31).tolist()
        return self._flat([env.reset(seed=seed)[0] for env, seed in zip(self._pool, seeds, strict=False)])

    def step(self, lanes: Sequence[int], actions: Sequence[Any], frames: int) -> Stepped:
        """Repeat one action in each of `lanes` for so many steps, or until its episode is over.

        Returns:
            flat observation (lanes, values), the sum of the rewards, terminated, truncated ([lanes] each).
        """
        pool = self._pool
        if frames == 1:
            results = [pool[lane].step(action) for lane, action in zip(lanes, actions, strict=True)]
        else:
            results = [_repeat(pool[lane], action, frames) for lane, action in zip(lanes, actions, strict=True)]
        seen, reward, terminated, truncated, _ = zip(*results, strict=True)
        return self._flat(seen), np.array(reward, np.float64), np.array(terminated), np.array(truncated)

    def _flat(self, seen: Sequence[Any]) -> Table:
        flat = _flatten(self._space, seen)
        if flat.shape[1] != len(self.low):
            raise PluginError(
                f"{self.what}: an observation of {self.name!r} has {flat.shape[1]} values; its space, {self._space}, "
                f"has {len(self.low)}"
            )
        return flat

    # Actions

    def actions(self, low: Any, high: Any) -> Actions:
        """What the outputs stand for; `low` and `high` go before the bounds of a Box, a number for all values or each.

        Raises:
            EvoNeuroError: a space that has no natural actions.
        """
        space, what = self.action_space, f"{self.what}: the actions of {self.name!r}"
        if isinstance(space, spaces.Discrete):
            return Choices(what, int(space.n))
        if isinstance(space, spaces.MultiDiscrete):
            return Groups(what, tuple(space.nvec.ravel().tolist()))
        if isinstance(space, spaces.MultiBinary):
            return Groups(what, (2,) * int(np.prod(space.shape)))
        if isinstance(space, spaces.Box):
            low, high = space.low.ravel() if low is None else low, space.high.ravel() if high is None else high
            count = space.low.size
            return Values(
                what,
                _limits(f"{self.what}: action_low", low, count),
                _limits(f"{self.what}: action_high", high, count),
            )
        raise EvoNeuroError(f"{what} are {space}; set actions, a list with the environment's action for each output")

    def listed(self, actions: Sequence[Any]) -> list[Any]:
        """A task's list of actions as the environment takes them."""
        space = self.action_space
        if not isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
            return list(actions)
        try:
            return [np.asarray(action, space.dtype).reshape(space.shape) for action in actions]
        except (TypeError, ValueError) as error:
            raise EvoNeuroError(f"{self.what}: actions: expected actions of {space}: {error}") from None

    def acted(self, said: Said) -> Sequence[Any]:
        """The environment's action of each lane, for what the decoder said of the lanes."""
        space = self.action_space
        if isinstance(space, spaces.Discrete):
            return (said + space.start).tolist()  # type: ignore[no-any-return]
        if isinstance(space, spaces.Box):
            said = said.reshape(-1, *space.shape)
            whole = np.rint(said) if space.dtype is not None and space.dtype.kind in "iu" else said
            said = np.clip(whole, space.low, space.high)
        elif isinstance(space, spaces.MultiDiscrete):
            said = said.reshape(-1, *space.shape) + space.start
        return list(said.reshape(-1, *(space.shape or ())).astype(space.dtype))


def _limits(what: str, given: Any, count: int) -> tuple[float, ...]:
    """`count` numbers: `given`, which may be one for all."""
    try:
        return tuple(np.broadcast_to(np.asarray(given, np.float64), (count,)).tolist())
    except (TypeError, ValueError):
        raise EvoNeuroError(f"{what}: expected {count} numbers, or one for all, got {given!r:.80}") from None


def _repeat(env: gymnasium.Env[Any, Any], action: Any, frames: int) -> tuple[Any, float, bool, bool, Any]:
    total = 0.0
    for _ in range(frames):
        seen, reward, terminated, truncated, info = env.step(action)
        total += float(reward)
        if terminated or truncated:
            break
    return seen, total, terminated, truncated, info


# Observations: the columns of `gymnasium.spaces.flatten`, for all lanes at once and without a cast to the space's type


def _parts(space: spaces.Space[Any]) -> list[spaces.Space[Any]]:
    """The spaces that a space is made of, in the order of its columns."""
    if isinstance(space, spaces.Tuple):
        return [part for inner in space.spaces for part in _parts(inner)]
    if isinstance(space, spaces.Dict):
        return [part for inner in space.spaces.values() for part in _parts(inner)]
    return [space]


def _bounds(space: spaces.Space[Any]) -> tuple[Table, Table]:
    """Lowest and highest value of each column, float64 [values]."""
    lows, highs = [np.empty(0)], [np.empty(0)]
    for part in _parts(space):
        if isinstance(part, spaces.Box):
            low, high = part.low.ravel().astype(np.float64), part.high.ravel().astype(np.float64)
        elif isinstance(part, spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
            low, high = np.zeros(spaces.flatdim(part)), np.ones(spaces.flatdim(part))
        else:
            raise EvoNeuroError(
                f"{part} is no row of numbers; known are Box, Discrete, MultiBinary, MultiDiscrete, and Tuple and Dict "
                "of them; register the environment with a wrapper that makes one of these of it, such as "
                "gymnasium.wrappers.TransformObservation"
            )
        lows.append(low)
        highs.append(high)
    return np.concatenate(lows), np.concatenate(highs)


def _flatten(space: spaces.Space[Any], seen: Sequence[Any]) -> Table:
    """Observations of lanes as rows of numbers (lanes, values)."""
    if isinstance(space, spaces.Tuple):
        columns = [_flatten(inner, [one[i] for one in seen]) for i, inner in enumerate(space.spaces)]
        return np.concatenate(columns, axis=1)
    if isinstance(space, spaces.Dict):
        columns = [_flatten(inner, [one[name] for one in seen]) for name, inner in space.spaces.items()]
        return np.concatenate(columns, axis=1)
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        start, sizes = (space.start, space.n) if isinstance(space, spaces.Discrete) else (space.start, space.nvec)
        places = (np.array(seen) - start).reshape(len(seen), -1)
        return _one_hot(space, places, np.atleast_1d(sizes).ravel())
    return np.array(seen, np.float64).reshape(len(seen), -1)


def _one_hot(space: spaces.Space[Any], places: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> Table:
    """1 at each of the places (lanes, groups), 0 elsewhere; group after group of as many columns as its size."""
    if ((places < 0) | (places >= sizes)).any():
        lane = int(np.argwhere((places < 0) | (places >= sizes))[0, 0])
        raise PluginError(f"the observation of lane {lane} is not in {space}")
    hot = np.zeros((len(places), int(sizes.sum())))
    hot[np.arange(len(places))[:, None], places + (np.cumsum(sizes) - sizes)] = 1
    return hot
