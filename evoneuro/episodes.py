"""Episodes: networks that act in a control task, many decisions per lane."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.actions import Said
from evoneuro.coding import Decoder, Encoder, Output
from evoneuro.coding.jitter import jittered
from evoneuro.environments import ControlTask, Lanes
from evoneuro.errors import PluginError
from evoneuro.evaluation import Cases, Evaluation, evaluations
from evoneuro.keys import Keys, hashed
from evoneuro.networks import Networks
from evoneuro.physics import Physics
from evoneuro.simulator.lanes import LaneSimulator, lane_simulator
from evoneuro.simulator.native import NativeSimulator
from evoneuro.task import call


def evaluate_episodes(
    task: ControlTask,
    networks: Networks,
    cases: Cases,
    encoder: Encoder,
    gains: npt.NDArray[np.int64],
    *,
    decoder: Decoder,
) -> list[Evaluation]:
    """How networks do on the episodes that `cases` asks for; lanes whose episode is over are dropped.

    Args:
        encoder: of all these networks but for the gain.
        gains: int64 [networks].
        decoder: of all these networks where it reads a record; else the simulator takes each network's own.
    """
    count, total = len(networks), len(networks) * cases.count
    keys = _keys(task, cases)
    simulator = lane_simulator(networks, cases.count, encoder, gains, record=decoder.records)
    windows = np.repeat([settings.window for settings in networks.settings], cases.count)
    limits = np.repeat([settings.input_max for settings in networks.settings], cases.count)
    limit = call(task, "step_limit")
    limit = limit if cases.horizon is None else min(limit, cases.horizon)
    state, observation = _reset(task, np.tile(keys, count))
    physics = _physics(task, cases)
    if physics is not None and isinstance(simulator, NativeSimulator) and simulator.loops:
        seen = _by_lane(task, "observation", observation, (total, len(encoder.low)))
        found = simulator.episodes(physics, state, seen, limit)
        if found is not None:
            return _told(networks, cases.count, found.returns, found.steps, found.decisions, simulator)
        simulator.clear()  # some number is not finite: the loop below says which
    lane = np.arange(total)  # which episode of which network each live lane is
    returns, steps = np.zeros(total), np.zeros(total, np.int64)  # of the live lanes
    done = np.zeros((3, total))  # returns, steps and decisions of all
    decision = 0
    for decision in range(1, limit + 1):
        seen = _by_lane(task, "observation", observation, (len(lane), len(encoder.low)))
        if cases.jitter is None:
            choice, latency = simulator.act(seen)
        else:
            feed = encoder.encode(encoder.quantise(seen), int(windows.max()), gains[lane // cases.count])
            episodes = hashed(cases.jitter.key, lane % cases.count)
            feed = jittered(feed, hashed(episodes, decision), cases.jitter.reach, windows[lane], limits[lane])
            choice, latency = simulator.decide(feed)
        action = _action(decoder, simulator.output, windows[lane]) if decoder.records else choice
        state, observation, reward, over = _step(task, state, action)
        returns += reward
        steps += latency
        if not task.keep_state:
            simulator.forget()
        if over.any():
            ended, running = np.flatnonzero(over), np.flatnonzero(~over)
            done[:, lane[ended]] = returns[ended], steps[ended], np.full(len(ended), decision)
            lane, returns, steps = lane[running], returns[running], steps[running]
            observation = _take(task, "observation", observation, running, len(over))
            state = _take(task, "state", state, running, len(over))
            simulator.repack(~over)
        if not len(lane):
            break
    done[:, lane] = returns, steps, np.full(len(lane), decision)
    return _told(networks, cases.count, done[0], done[1], done[2], simulator)


def _physics(task: ControlTask, cases: Cases) -> Physics | None:
    """The task's compiled physics, if a decision is no more than encode, decide and advance.

    A class with a `step` of its own below the one whose physics they are means that step, and so does an object whose
    `step` is watched.
    """
    if cases.jitter is not None or not task.keep_state or "step" in vars(task):
        return None
    owners = [next(i for i, cls in enumerate(type(task).__mro__) if name in vars(cls)) for name in ("physics", "step")]
    found: Physics | None = call(task, "physics") if owners[0] <= owners[1] else None
    return found


def _told(
    networks: Networks,
    count: int,
    returns: npt.NDArray[np.float64],
    steps: npt.NDArray[Any],
    decisions: npt.NDArray[Any],
    simulator: LaneSimulator,
) -> list[Evaluation]:
    """Evaluations from what became of each episode, network after network, `count` each."""
    returns = returns.reshape(-1, count)
    steps, decisions = (found.reshape(-1, count).sum(axis=1).astype(np.int64) for found in (steps, decisions))
    return evaluations(networks, returns.mean(axis=1), returns, decisions, steps, simulator.spikes)


def _action(decoder: Decoder, output: Output, windows: npt.NDArray[np.int64]) -> Said:
    """What a decoder reads of the record; a network that makes no choice takes the first action.

    Args:
        windows: int64 [live lanes], of each lane's network: what is read must not depend on who else is in the batch.
    """
    said: Said | None = None
    for window in np.unique(windows):
        mine = windows == window
        part = decoder.read(Output(output.trains[:, :, mine], output.potentials[:, mine], int(window)))
        if said is None:
            said = np.empty((len(windows), *part.shape[1:]), part.dtype)
        said[mine] = part
    assert said is not None, "there are no lanes"
    return said if decoder.continuous else np.maximum(said, 0)


# What a task's code returns, checked


def _keys(task: ControlTask, cases: Cases) -> Keys:
    found = call(task, "episode_keys", cases.seed, cases.stream, cases.count, cases.generation)
    if not isinstance(found, np.ndarray) or found.shape != (cases.count,) or found.dtype != np.uint64:
        raise PluginError(f"task {task.name!r}: episode_keys() must return uint64 [{cases.count}]")
    return found


def _reset(task: ControlTask, keys: Keys) -> tuple[Any, Any]:
    found = call(task, "reset", keys)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise PluginError(f"task {task.name!r}: reset() must return (state, observation)")
    return found[0], found[1]


def _step(task: ControlTask, state: Any, action: Said) -> tuple[Any, Any, Lanes, npt.NDArray[np.bool_]]:
    """State, observation, reward, and which lanes are over."""
    found = call(task, "step", state, action)
    if not isinstance(found, tuple | list) or len(found) != 5:
        raise PluginError(f"task {task.name!r}: step() must return (state, observation, reward, terminated, truncated)")
    state, observation, reward, terminated, truncated = found
    shape = (len(action),)
    over = np.logical_or(_by_lane(task, "terminated", terminated, shape), _by_lane(task, "truncated", truncated, shape))
    return state, observation, _by_lane(task, "reward", reward, shape), over


def _by_lane(task: ControlTask, what: str, value: Any, shape: tuple[int, ...]) -> Lanes:
    """`value` as an array, if it is finite numbers of that shape."""
    if type(value) is np.ndarray and value.shape == shape and (value.dtype == bool or _finite(value)):
        return value  # the common case, quickly
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise PluginError(f"task {task.name!r}: {what}: expected an array {shape}: {error}") from None
    if array.shape != shape:
        hint = "lanes first, then as many values as the encoder reads" if len(shape) == 2 else "one for each lane"
        raise PluginError(f"task {task.name!r}: {what} has shape {array.shape}, expected {shape} ({hint})")
    if array.dtype == bool:
        return array
    if not np.issubdtype(array.dtype, np.number):
        raise PluginError(f"task {task.name!r}: {what} has dtype {array.dtype}, expected numbers")
    if not np.isfinite(array).all():
        where = np.argwhere(~np.isfinite(array))[0]
        raise PluginError(
            f"task {task.name!r}: {what}[{', '.join(map(str, where))}] is {array[tuple(where)]}; it must be finite"
        )
    return array


def _finite(array: npt.NDArray[Any]) -> bool:
    """Whether all are finite floats: what is not finite cannot hide in a sum."""
    return array.dtype.kind == "f" and math.isfinite(array.sum())


def _take(task: ControlTask, what: str, value: Any, kept: npt.NDArray[np.intp], count: int) -> Any:
    """What belongs to the lanes `kept`, of so many: every array of `value` leads with lanes."""
    if isinstance(value, tuple):
        parts = [_take(task, what, part, kept, count) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, dict):
        return {name: _take(task, what, part, kept, count) for name, part in value.items()}
    try:
        if len(value) != count:
            raise ValueError(f"there are {len(value)}")
        return [value[lane] for lane in kept.tolist()] if isinstance(value, list) else value[kept]
    except (TypeError, IndexError, ValueError) as error:
        raise PluginError(
            f"task {task.name!r}: {what}: expected arrays that lead with {count} lanes "
            f"(one, or a tuple or dict of them): {error}"
        ) from None
