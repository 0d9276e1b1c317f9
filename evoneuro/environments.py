"""Control tasks: any Gymnasium environment by name, or a task's own physics on arrays of lanes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from evoneuro.actions import Actions, Choices, Groups, Said, Values
from evoneuro.coding import Decoder, Encoder, encoder_from_spec
from evoneuro.errors import EvoNeuroError, PluginError, check_integer
from evoneuro.keys import Keys, generator, lane_keys
from evoneuro.plugins import plugin_error
from evoneuro.scene import Scene, picture
from evoneuro.task import Task

if TYPE_CHECKING:
    from evoneuro.gym import Environments
    from evoneuro.physics import Physics

Observation = npt.NDArray[Any]
Lanes = npt.NDArray[Any]
Table = npt.NDArray[np.float64]

DEFAULT_STEPS = 1000  # of an environment that states no limit
EXPLORED = 20  # random episodes from which unknown observation ranges are learned
UNBOUNDED = 1e6  # a bound beyond this says nothing of what will be seen


class ControlTask(Task):
    """A task in which a network acts.

    The least is `environment = "CartPole-v1"`. For speed, override `reset` and `step` with functions of arrays that
    lead with lanes: then many episodes of many networks advance in one call, and finished ones are dropped.

    What outputs mean follows from the environment's actions. One of several (Discrete, or a list in `actions`) is read
    by a decoder that chooses; several choices at once (MultiDiscrete, MultiBinary) by `multi-count`; numbers (Box) by a
    decoder of values, `pair` unless `decoder` says otherwise. Observations are flat rows of numbers, as
    `gymnasium.spaces.flatten` has them: Discrete and MultiDiscrete values one-hot, the parts of a Tuple or Dict one
    after another. Where all of them are 0 or 1, the encoder is `count` unless `encoder` says otherwise.

    Attributes:
        environment: a registered Gymnasium environment; None if `reset` and `step` are the task's own.
        options: what the environment is made with, as keyword arguments of `gymnasium.make`.
        observations: which values of the observation the network sees (all if None).
        low, high: ranges of these values; None: the environment's bounds, and where it has none, what random episodes
            visit; a run freezes what it learned.
        actions: the environment's action for each choice; None: those of its own space.
        action_low, action_high: ranges of numeric actions, one number for all or one for each; None: the environment's.
            A task with its own physics states them for numeric actions.
        max_steps: decisions per episode, then it is truncated; None: the environment's own limit.
        frame_skip: environment steps that each decision is repeated for; their rewards are summed.
        keep_state: potentials and spikes in flight live on into the next decision.
        episodes: episodes of each candidate that selection sees.
    """

    kind = "control"

    environment: str | None = None
    options: Mapping[str, Any] = {}
    observations: tuple[int, ...] | None = None
    actions: tuple[Any, ...] | None = None
    action_low: float | tuple[float, ...] | None = None
    action_high: float | tuple[float, ...] | None = None
    max_steps: int | None = None
    frame_skip: int = 1
    keep_state: bool = True
    episodes: int = 8

    def reset(self, keys: Keys) -> tuple[Any, Observation]:
        """Start one episode per key.

        Args:
            keys: uint64 [lanes]; an episode is a function of its own key alone.

        Returns:
            state (arrays that lead with lanes: one, or a tuple or dict of them) and observation (lanes, values).
        """
        return np.arange(len(keys)), self._seen(self._gym.reset(keys))

    def step(self, state: Any, action: Said) -> tuple[Any, Observation, Lanes, Lanes, Lanes]:
        """Advance all lanes by one decision.

        Args:
            action: what the decoder read: int [lanes], the chosen action; int (lanes, groups), several choices; or
                float64 (lanes, values).

        Returns:
            state, observation (lanes, values), reward, terminated, truncated ([lanes] each).
        """
        gym = self._gym
        actions = gym.acted(action) if self.actions is None else [self._listed[choice] for choice in action.tolist()]
        observation, reward, terminated, truncated = gym.step(state.tolist(), actions, self.frame_skip)
        shaped = np.asarray(self.reward(observation, action, reward, terminated))
        if shaped.ndim and shaped.shape != reward.shape:
            raise PluginError(
                f"task {self.name!r}: reward() gave an array of shape {shaped.shape}, expected {reward.shape}, one "
                "number for each lane, or one number for all"
            )
        reward = shaped if shaped.ndim else np.full(reward.shape, shaped)
        return state, self._seen(observation), reward, terminated, truncated

    def reward(self, observation: Table, action: Said, reward: Lanes, terminated: Lanes) -> Any:
        """The reward that evolution sees of one decision: override it to shape the environment's.

        It must be a function of these alone, lane by lane. A task that overrides `step` shapes rewards there.

        Args:
            observation: float64 (lanes, all values), the flat observations after the decision, also of values that the
                network does not see.
            action: as `step` got it.
            reward: float64 [lanes], the environment's.
            terminated: bool [lanes].

        Returns:
            Numbers [lanes], or one for all.
        """
        return reward

    # What evaluation and evolution ask

    @property
    def physics(self) -> Physics | None:
        """`step` once more, compiled: what evaluation calls in its place where it can. None: there is only `step`.

        Rewards and ends must be those of `step` to the last bit, and the state an array float64 (lanes, numbers).
        """
        return None

    def episode_keys(self, seed: int, stream: str, count: int, generation: int = 0) -> Keys:
        """The keys of the episodes that are asked for, as `reset` gets them.

        Override it where episodes are not drawn but listed, such as starts that a benchmark states: key k is then
        number k of the list.

        Args:
            stream: "episodes" (selection sees them), "validation" or "test".
            generation: of the episodes that selection sees.

        Returns:
            uint64 [count].
        """
        return lane_keys(seed, stream, count, generation)

    def summary(self, scores: Table) -> dict[str, float]:
        """What `evaluate` prints beside the mean of the episodes' scores, float64 [episodes]."""
        return {}

    def scene(self, state: Any, observation: Observation) -> Scene | None:
        """What one lane looks like, for reports and animations; None: its values are shown instead.

        Of a Gymnasium environment it is what that draws itself, if it was made with the render mode `rgb_array`, as
        `drawn` makes it.

        Args:
            state: of one lane alone, leading with it, as `reset` and `step` return it.
            observation: likewise.
        """
        frame = None if self.environment is None else self._gym.frame(int(state[0]))
        return None if frame is None else picture(frame)

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """While the body runs, a Gymnasium environment draws itself where it can; episodes are the same."""
        if self.environment is None:
            yield
            return
        plain = self._gym
        self._environments = plain.drawing()
        try:
            yield
        finally:
            self._environments = plain

    @property
    def outputs(self) -> int:
        """Output neurons that the decoder needs for the actions."""
        return self.action_decoder.neurons(self._actions.count)

    @property
    def action_decoder(self) -> Decoder:
        """What reads the action from the outputs.

        Raises:
            EvoNeuroError: the task's decoder does not give what its actions are made of.
        """
        return self._actions.decoder(None if self.decoder is Task.decoder else self.decoder)

    @property
    def changes(self) -> bool:
        """True: selection meets other episodes from time to time."""
        return True

    @property
    def step_limit(self) -> int:
        """Decisions after which an episode is truncated."""
        if self.max_steps is not None:
            return check_integer("task.max_steps", self.max_steps, 1, 2**31)
        if self.environment is not None and self._gym.limit is not None:
            return -(-self._gym.limit // self.frame_skip)
        return DEFAULT_STEPS

    def coding(self, seed: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Specifications of encoder and decoder; ranges that are learned from random episodes are those of the seed.

        Raises:
            EvoNeuroError: actions, decoder, encoder or ranges do not fit one another.
        """
        decoder = self.action_decoder.spec()  # what is wrong with the actions is said before random ones are tried
        return self._encoder(*self._ranges(seed)).spec(), decoder

    # The Gymnasium side

    @property
    def _gym(self) -> Environments:
        if "_environments" not in self.__dict__:
            from evoneuro.gym import Environments  # takes a while to import, and physics of one's own do without

            what = f"task {self.name!r}"
            if self.environment is None:
                raise EvoNeuroError(f"{what}: set environment, or write reset(keys) and step(state, action)")
            check_integer("task.frame_skip", self.frame_skip, 1, 10**6)
            limit = None if self.max_steps is None else self.step_limit * self.frame_skip
            self._environments = Environments(what, self.environment, self.options, limit)
        return self._environments

    @property
    def _listed(self) -> list[Any]:
        """`actions` as the environment takes them."""
        if "_converted" not in self.__dict__:
            self._converted = self._gym.listed(self.actions or ())
        return self._converted

    @property
    def _actions(self) -> Actions:
        what = f"task {self.name!r}: the actions"
        if self.actions is not None:
            return Choices(what, len(self.actions))
        if self.environment is not None:
            return self._gym.actions(self.action_low, self.action_high)
        if "sizes" in self.decoder:
            return Groups(what, tuple(self.decoder["sizes"]))
        if self.action_low is not None and self.action_high is not None:
            low, high = np.broadcast_arrays(np.atleast_1d(self.action_low), self.action_high)
            return Values(what, tuple(low.tolist()), tuple(high.tolist()))
        raise EvoNeuroError(
            f"task {self.name!r}: set environment, or write reset(keys) and step(state, action) and say what the "
            "outputs mean: actions, a list; or action_low and action_high; or a decoder multi-count with sizes"
        )

    def _seen(self, observation: Table) -> Table:
        return observation if self.observations is None else observation[:, list(self.observations)]

    # Ranges of the observed values

    def _encoder(self, low: npt.ArrayLike, high: npt.ArrayLike) -> Encoder:
        if self.encoder is Task.encoder and self.environment is not None and self._gym.flags:
            ranges = {"low": np.asarray(low).tolist(), "high": np.asarray(high).tolist()}
            return encoder_from_spec({"kind": "count", **ranges})
        return super()._encoder(low, high)

    def _ranges(self, seed: int) -> tuple[Table, Table]:
        """Ranges of the observed values: the task's, else the space's, else what random episodes visit."""
        if self.low is None or self.high is None:
            low, high = self._natural_ranges(seed)
        return (
            low if self.low is None else np.asarray(self.low, float),
            high if self.high is None else np.asarray(self.high, float),
        )

    def _natural_ranges(self, seed: int) -> tuple[Table, Table]:
        low, high = np.array([-np.inf]), np.array([np.inf])
        if self.environment is not None:
            low, high = self._seen(np.stack([self._gym.low, self._gym.high]))
        bounded = np.abs(low) < UNBOUNDED, np.abs(high) < UNBOUNDED
        if not np.all(bounded):
            explored = self.__dict__.setdefault("_explored", {})
            if seed not in explored:
                explored[seed] = self._explore(seed)
            low, high = np.where(bounded[0], low, -explored[seed]), np.where(bounded[1], high, explored[seed])
        return low, np.where(high > low, high, low + 1)  # a value that never changes

    def _explore(self, seed: int) -> Table:
        """Largest magnitude of each value in 99 % of what random episodes of the seed visit."""
        try:
            seen = self._visited(seed)
        except EvoNeuroError:
            raise
        except Exception as error:
            raise plugin_error(
                f"task {self.name!r}: random episodes, from which ranges are learned, raised", error
            ) from error
        if not np.isfinite(seen).all():
            column = int(np.argwhere(~np.isfinite(seen))[0, -1])
            raise PluginError(f"task {self.name!r}: value {column} of an observation is not finite in random episodes")
        limit: Table = np.maximum(np.quantile(np.abs(seen), 0.99, axis=0), 1e-6)
        return limit

    def _visited(self, seed: int) -> Table:
        """Observations (decisions, values) of random episodes, one after another."""
        rng = generator(seed, "check")
        actions, decoder, limit = self._actions, self.action_decoder, self.step_limit
        seen = []
        for key in lane_keys(seed, "check", EXPLORED):
            state, observation = self.reset(np.array([key]))
            for _ in range(limit):
                seen.append(np.asarray(observation, np.float64)[0])
                state, observation, _, terminated, truncated = self.step(state, actions.random(decoder, rng))
                if terminated[0] or truncated[0]:
                    break
        return np.array(seen)
