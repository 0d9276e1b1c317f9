"""Evaluate: a batch of networks on the cases of a task.

Episodes and samples are lanes; all networks of the batch advance together. What a network gets does not depend on
who else is in the batch.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.actions import Said, says
from evoneuro.coding import Decoder, Encoder, Output, decoder_from_spec, encoder_from_spec
from evoneuro.coding.encoders import UNIT_GAIN
from evoneuro.coding.jitter import jittered
from evoneuro.environments import ControlTask, Lanes
from evoneuro.errors import EvoNeuroError, PluginError, check_integer
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.keys import Keys, hashed
from evoneuro.network import Integers, Network
from evoneuro.networks import Networks, Settings
from evoneuro.physics import Physics
from evoneuro.plugins import plugin_error
from evoneuro.ragged import lengths_of, starts_of
from evoneuro.samples import Feed, SampleTask
from evoneuro.simulator.lanes import LaneSimulator, decide_shared, lane_simulator
from evoneuro.simulator.native import NativeSimulator
from evoneuro.task import Task


def evaluate(task: Task, networks: Sequence[Network], cases: Cases) -> list[Evaluation]:
    """How each network does on `cases`, in the order of `networks`.

    A network without an encoder of its own (from another tool) gets the task's.

    Raises:
        EvoNeuroError: a network whose inputs or outputs do not fit the task.
        PluginError: the task's code raised or returned what it must not.
    """
    batch = Networks.of(networks)
    task = task.for_stream(cases.stream)
    results: list[Evaluation | None] = [None] * len(batch)
    for group in _by_encoder(task, batch, cases.seed):
        members = batch if len(group.positions) == len(batch) else batch.take(group.positions)
        gains = np.array(group.gains, np.int64)
        if isinstance(task, ControlTask):
            found = _episodes(task, members, cases, group, gains)
        elif isinstance(task, SampleTask):
            found = _samples(task, members, cases, group.encoder, gains)
        else:
            raise EvoNeuroError(f"task {task.name!r}: expected a ControlTask, ClassificationTask, ...")
        for i, evaluation in zip(group.positions, found, strict=True):
            results[i] = evaluation
    return [result for result in results if result is not None]


@dataclass
class _Group:
    """Networks that see the same quantised observations: their encoders are equal up to the gain, which is a gene.

    Their decoders are equal where they read a record; where the simulator decides, it takes each network's own.
    """

    encoder: Encoder | None
    decoder: Decoder
    positions: list[int] = field(default_factory=list)
    gains: list[int] = field(default_factory=list)


def _by_encoder(task: Task, networks: Networks, seed: int) -> list[_Group]:
    default: Mapping[str, Any] | None = None
    own: Decoder | None = _call(task, "action_decoder") if isinstance(task, ControlTask) else None
    groups: dict[Hashable, _Group] = {}
    known: dict[Settings, tuple[_Group, int]] = {}  # few of the networks differ in their settings
    for i, settings in enumerate(networks.settings):
        if settings not in known:
            spec = settings.encoder
            if spec is None:
                default = default if default is not None else _call(task, "coding", seed)[0]
                spec = default
            decoder = _decoder(task, own, settings.decoder)
            key = _gainless(spec), decoder if decoder.records else None
            if key not in groups:
                groups[key] = _Group(None if spec is None else encoder_from_spec(spec), decoder)
            gain = check_integer("encoder: gain", (spec or {}).get("gain", UNIT_GAIN), 1, 256)
            known[settings] = groups[key], gain
        group, gain = known[settings]
        group.positions.append(i)
        group.gains.append(gain)
    _check_sizes(task, networks, list(groups.values()), seed)
    return list(groups.values())


def _gainless(spec: Mapping[str, Any] | None) -> Hashable:
    """What two encoders must share to quantise alike. Not their `repr`: it writes out every float of the ranges."""
    if spec is None:
        return None
    return tuple((k, _hashable(v)) for k, v in sorted(spec.items()) if k != "gain")


def _hashable(value: Any) -> Hashable:
    """A parameter of an encoder; that of one with an encoder inside is a specification."""
    if isinstance(value, list):
        return tuple(value)
    return tuple((k, _hashable(v)) for k, v in sorted(value.items())) if isinstance(value, Mapping) else value


def _decoder(task: Task, own: Decoder | None, spec: Mapping[str, Any] | None) -> Decoder:
    """The decoder of a network. One without (from another tool) is counted, or read as the task's actions need it.

    Args:
        own: what reads the actions of a control task.
    """
    if own is None:
        return decoder_from_spec(spec)
    decoder = own if spec is None and own.records else decoder_from_spec(spec)
    if says(decoder) != says(own):
        raise EvoNeuroError(
            f"the network's decoder {decoder.kind!r} gives {says(decoder)}; task {task.name!r} needs {says(own)}"
        )
    return decoder


def _check_sizes(task: Task, networks: Networks, groups: Sequence[_Group], seed: int) -> None:
    """Raise unless every network has as many inputs and outputs as the task and its encoder need."""
    outputs = _call(task, "outputs")
    found = np.stack([lengths_of(networks.input_starts), lengths_of(networks.output_starts)], axis=1)
    for group in groups:
        inputs = _call(task, "inputs", seed) if group.encoder is None else group.encoder.inputs
        wrong = (found[group.positions] != (inputs, outputs)).any(axis=1)
        if wrong.any():
            given = found[group.positions][wrong][0]
            raise EvoNeuroError(
                f"the network has {given[0]} inputs and {given[1]} outputs; "
                f"task {task.name!r} needs {inputs} and {outputs}"
            )


# Data sets: one decision per lane


def answers(task: SampleTask, network: Network, cases: Cases) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """What one network says of the cases of a data set, and what is right, both leading with cases.

    Choices are class numbers, int [cases], -1 where the network abstains; values are float64 (cases, values).

    Raises:
        EvoNeuroError, PluginError: as `evaluate`.
    """
    batch = Networks.of([network])
    (group,) = _by_encoder(task, batch, cases.seed)
    said = Answers.of(task, batch, cases, group.encoder, np.array(group.gains, np.int64)).said[0]
    return said, _targets(task, cases)


def _targets(task: SampleTask, cases: Cases) -> npt.NDArray[Any]:
    """What is right for the cases that are asked for."""
    chosen = _call(task, "cases", cases.split, cases.seed, cases.generation)
    targets: npt.NDArray[Any] = _call(task, "targets", cases.split, cases.seed)
    return targets if chosen is None else targets[chosen]


def _samples(
    task: SampleTask, networks: Networks, cases: Cases, encoder: Encoder | None, gains: npt.NDArray[np.int64]
) -> list[Evaluation]:
    found = Answers.of(task, networks, cases, encoder, gains)
    scores, by_case = _call(task, "judge", found.said, _targets(task, cases))
    decisions = np.full(len(networks), found.said.shape[1])
    return _evaluations(networks, scores, by_case, decisions, found.steps, found.spikes)


@dataclass(frozen=True)
class Answers:
    """What P networks said of the cases of a data set.

    Attributes:
        said: choices, int (P, cases), or values, float64 (P, cases, values).
        steps: int64 [P], steps until all decisions.
        spikes: int64 [all neurons], spikes of each neuron over all cases.
    """

    said: npt.NDArray[Any]
    steps: npt.NDArray[np.int64]
    spikes: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls, task: SampleTask, networks: Networks, cases: Cases, encoder: Encoder | None, gains: npt.NDArray[np.int64]
    ) -> Answers:
        """The answers of networks that see what `encoder` makes of the samples, each at its own gain."""
        parts = []
        groups, group_of = np.unique(_fed_alike(networks, cases, gains), axis=0, return_inverse=True)
        for number, (gain, *_) in enumerate(groups):
            positions = np.flatnonzero(group_of.ravel() == number)
            group = networks if len(positions) == len(networks) else networks.take(positions.tolist())
            parts.append((positions, cls._at_gain(task, group, cases, encoder, int(gain))))
        if len(parts) == 1:
            return parts[0][1]
        order = np.argsort(np.concatenate([positions for positions, _ in parts]))
        spikes: list[npt.NDArray[np.int64]] = [np.empty(0, np.int64)] * len(networks)
        for positions, part in parts:
            own = np.split(part.spikes, starts_of(networks.neurons[positions])[1:-1])
            for position, found in zip(positions.tolist(), own, strict=True):
                spikes[position] = found
        return cls(
            np.concatenate([part.said for _, part in parts])[order],
            np.concatenate([part.steps for _, part in parts])[order],
            np.concatenate(spikes),
        )

    @classmethod
    def _at_gain(
        cls, task: SampleTask, networks: Networks, cases: Cases, encoder: Encoder | None, gain: int
    ) -> Answers:
        window = max(settings.window for settings in set(networks.settings))
        decoders = _decoders(task, networks)
        records = any(decoder.records for decoder in decoders)
        said, steps, spikes = [], np.zeros(len(networks), np.int64), np.zeros(len(networks.ids), np.int64)
        for feed in _feeds(task, cases, encoder, gain, window=window, limit=networks.settings[0].input_max):
            decided = decide_shared(networks, feed, record=records)
            said.append(_read(decoders, decided.choice, decided.output) if records else decided.choice)
            steps += decided.latency.sum(axis=1)
            spikes += decided.spikes
        return cls(np.concatenate(said, axis=1), steps, spikes)


def _fed_alike(networks: Networks, cases: Cases, gains: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """What networks must share to be fed alike, (networks, values): the gain, and what bounds jitter where there is."""
    if cases.jitter is None:
        return gains[:, None]
    bounds = [(settings.window, settings.input_max) for settings in networks.settings]
    return np.column_stack([gains, np.array(bounds, np.int64)])


def _decoders(task: SampleTask, networks: Networks) -> list[Decoder]:
    """The decoder of each network.

    Raises:
        EvoNeuroError: a decoder that chooses where the task asks for values, or the other way round.
    """
    known = {settings: decoder_from_spec(settings.decoder) for settings in set(networks.settings)}
    wanted = decoder_from_spec(task.decoder).continuous
    for decoder in known.values():
        if decoder.continuous != wanted:
            gives, asks = ("values", "a choice") if decoder.continuous else ("a choice", "values")
            raise EvoNeuroError(
                f"the network's decoder {decoder.kind!r} gives {gives}; task {task.name!r} asks for {asks}"
            )
    return [known[settings] for settings in networks.settings]


def _read(decoders: Sequence[Decoder], choices: Integers, outputs: Sequence[Output]) -> npt.NDArray[Any]:
    """What the networks say: (networks, lanes), or (networks, lanes, values).

    Args:
        choices: (networks, lanes), of those whose decoder needs no record.
        outputs: what the output neurons of each network did.
    """
    rows = zip(decoders, choices, outputs, strict=True)
    return np.stack([decoder.read(output) if decoder.records else choice for decoder, choice, output in rows])


def _feeds(
    task: SampleTask, cases: Cases, encoder: Encoder | None, gain: int, *, window: int, limit: int
) -> Iterator[Feed]:
    """The encoded samples that are asked for, chunk by chunk.

    Args:
        limit: largest |charge| that a network takes; jitter keeps to it.
    """
    chosen = _call(task, "cases", cases.split, cases.seed, cases.generation)
    for lanes, feed in task.feeds(cases.split, cases.seed, encoder, gain, window):
        here = np.arange(lanes.start, lanes.stop)
        if chosen is not None:
            here = chosen[(chosen >= lanes.start) & (chosen < lanes.stop)]
            feed = np.ascontiguousarray(feed[:, :, here - lanes.start])
        if cases.jitter is not None:
            feed = jittered(feed, hashed(cases.jitter.key, here), cases.jitter.reach, window, limit)
        if len(here):
            yield feed


# Control: many decisions per lane


def _episodes(
    task: ControlTask, networks: Networks, cases: Cases, group: _Group, gains: npt.NDArray[np.int64]
) -> list[Evaluation]:
    encoder, decoder = group.encoder, group.decoder
    assert encoder is not None
    count, total = len(networks), len(networks) * cases.count
    keys = _keys(task, cases)
    simulator = lane_simulator(networks, cases.count, encoder, gains, record=decoder.records)
    windows = np.repeat([settings.window for settings in networks.settings], cases.count)
    limits = np.repeat([settings.input_max for settings in networks.settings], cases.count)
    limit = _call(task, "step_limit")
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
    found: Physics | None = _call(task, "physics") if owners[0] <= owners[1] else None
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
    return _evaluations(networks, returns.mean(axis=1), returns, decisions, steps, simulator.spikes)


def _evaluations(
    networks: Networks,
    scores: npt.NDArray[np.float64],
    cases: npt.NDArray[np.float64],
    decisions: npt.NDArray[np.integer],
    steps: npt.NDArray[np.integer],
    spikes: npt.NDArray[np.int64],
) -> list[Evaluation]:
    """Evaluations of scores [networks] and (networks, cases), decisions and steps [networks], spikes [all neurons]."""
    starts = networks.neuron_starts
    events = np.concatenate([[0], np.cumsum(spikes * networks.out_degree)])[starts]
    latency, energy = steps / decisions, np.diff(events) / decisions
    columns = zip(
        scores.tolist(), cases, latency.tolist(), energy.tolist(), np.split(spikes, starts[1:-1]),
        decisions.tolist(), steps.tolist(), strict=True,
    )  # fmt: skip
    return [
        Evaluation(score, own.copy(), delay, cost, fired.copy(), count, total)
        for score, own, delay, cost, fired, count, total in columns
    ]


def _call(task: Task, member: str, *arguments: Any) -> Any:
    """A call into the task's code, or the value of one of its properties; its own errors come back as the plugin's."""
    try:
        found = getattr(task, member)
        return found(*arguments) if arguments else found
    except EvoNeuroError:
        raise
    except Exception as error:
        what = f"{member}()" if arguments else member
        raise plugin_error(f"task {task.name!r}: {what} raised", error) from error


def _keys(task: ControlTask, cases: Cases) -> Keys:
    found = _call(task, "episode_keys", cases.seed, cases.stream, cases.count, cases.generation)
    if not isinstance(found, np.ndarray) or found.shape != (cases.count,) or found.dtype != np.uint64:
        raise PluginError(f"task {task.name!r}: episode_keys() must return uint64 [{cases.count}]")
    return found


def _reset(task: ControlTask, keys: Keys) -> tuple[Any, Any]:
    found = _call(task, "reset", keys)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise PluginError(f"task {task.name!r}: reset() must return (state, observation)")
    return found[0], found[1]


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


def _step(task: ControlTask, state: Any, action: Said) -> tuple[Any, Any, Lanes, npt.NDArray[np.bool_]]:
    """State, observation, reward, and which lanes are over."""
    found = _call(task, "step", state, action)
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
