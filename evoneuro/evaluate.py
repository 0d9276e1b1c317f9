"""Evaluate: a batch of networks on the cases of a task.

Episodes and samples are lanes; all networks of the batch advance together. What a network gets does not depend on
who else is in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder, encoder_from_spec, pack
from evoneuro.coding.trains import Trains
from evoneuro.environments import ControlTask
from evoneuro.errors import EvoNeuroError, PluginError
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.keys import lane_keys
from evoneuro.network import Network
from evoneuro.simulator.lanes import LaneSimulator, decide_shared
from evoneuro.task import ClassificationTask, SpikeTask, Task, plugin_error


def evaluate(task: Task, networks: Sequence[Network], cases: Cases) -> list[Evaluation]:
    """How each network does on `cases`, in the order of `networks`.

    A network without an encoder of its own (from another tool) gets the task's.

    Raises:
        EvoNeuroError: a network whose inputs or outputs do not fit the task.
        PluginError: the task's code raised or returned what it must not.
    """
    results: list[Evaluation | None] = [None] * len(networks)
    for encoder, positions in _by_encoder(task, networks, cases.seed):
        group = [networks[i] for i in positions]
        if isinstance(task, ControlTask):
            found = _episodes(task, group, cases, encoder)
        else:
            found = _samples(task, group, cases, encoder)
        for i, evaluation in zip(positions, found, strict=True):
            results[i] = evaluation
    return [result for result in results if result is not None]


def _by_encoder(task: Task, networks: Sequence[Network], seed: int) -> list[tuple[Encoder | None, list[int]]]:
    """Networks that see the same quantised observations (encoders equal up to their gain), as positions."""
    default: dict[str, Any] | None = None
    groups: dict[str, tuple[Encoder | None, list[int]]] = {}
    for i, network in enumerate(networks):
        spec = network.encoder
        if spec is None:
            default = default if default is not None else task.coding(seed)[0]
            spec = default
        key = repr(None if spec is None else sorted((k, v) for k, v in spec.items() if k != "gain"))
        if key not in groups:
            groups[key] = (None if spec is None else encoder_from_spec(spec), [])
        groups[key][1].append(i)
        encoder = groups[key][0]
        inputs = task.inputs(seed) if encoder is None else encoder.inputs
        if (len(network.inputs), len(network.outputs)) != (inputs, task.outputs):
            raise EvoNeuroError(
                f"the network has {len(network.inputs)} inputs and {len(network.outputs)} outputs; "
                f"task {task.name!r} needs {inputs} and {task.outputs}"
            )
    return list(groups.values())


def _gains(networks: Sequence[Network], encoder: Encoder) -> npt.NDArray[np.int64]:
    """int64 [networks]: a gene, so it may differ by network."""
    return np.array([(net.encoder or {}).get("gain", encoder.gain) for net in networks], np.int64)


# Data sets: one decision per lane


def _samples(task: Task, networks: Sequence[Network], cases: Cases, encoder: Encoder | None) -> list[Evaluation]:
    if not isinstance(task, ClassificationTask | SpikeTask):
        raise EvoNeuroError(f"task {task.name!r}: expected a ControlTask, ClassificationTask or SpikeTask")
    try:
        labels = task.labels(cases.split, cases.seed)
    except EvoNeuroError:
        raise
    except Exception as error:
        raise plugin_error(f"task {task.name!r}: load() failed", error) from error
    gains = np.zeros(len(networks), np.int64) if encoder is None else _gains(networks, encoder)
    results: list[Evaluation | None] = [None] * len(networks)
    for gain in np.unique(gains):
        positions = np.flatnonzero(gains == gain).tolist()
        group = [networks[i] for i in positions]
        trains = _sample_trains(task, cases, encoder, int(gain), max(net.window for net in group))
        choice, latency, spikes = decide_shared(group, trains)
        correct = (choice == labels).astype(np.float64)
        start = 0
        for k, i in enumerate(positions):
            stop = start + group[k].neurons
            results[i] = _evaluation(group[k], correct[k], len(labels), int(latency[k].sum()), spikes[start:stop])
            start = stop
    return [result for result in results if result is not None]


def _sample_trains(
    task: ClassificationTask | SpikeTask, cases: Cases, encoder: Encoder | None, gain: int, window: int
) -> Trains:
    """The encoded samples, made once per task object and kept: all candidates share them."""
    cache: dict[Any, Trains] = task.__dict__.setdefault("_trains", {})
    key = (cases.split, cases.seed, repr(encoder), gain, window)
    if key not in cache:
        if isinstance(task, SpikeTask):
            cache[key] = pack(task.raster(cases.split, cases.seed)[:window])
        else:
            assert encoder is not None
            q = encoder.quantise(task.samples(cases.split, cases.seed))
            cache[key] = encoder.encode(q, window, gain)
    return cache[key]


# Control: many decisions per lane


def _episodes(
    task: ControlTask, networks: Sequence[Network], cases: Cases, encoder: Encoder | None
) -> list[Evaluation]:
    assert encoder is not None
    count, total = len(networks), len(networks) * cases.count
    keys = lane_keys(cases.seed, cases.stream, cases.count, cases.generation)
    simulator = LaneSimulator(networks, cases.count)
    gains = np.repeat(_gains(networks, encoder), cases.count)
    window = max(net.window for net in networks)
    returns = np.zeros(total)
    decisions, steps = np.zeros((2, total), np.int64)
    lane = np.arange(total)  # which episode of which network each live lane is
    state, observation = _call(task, "reset", np.tile(keys, count))
    for _ in range(task.step_limit):
        _check_lanes(task, "observation", observation, (len(lane), len(encoder.low)))
        trains = encoder.encode(encoder.quantise(observation), window, gains)
        choice, latency = simulator.decide(trains)
        state, observation, reward, terminated, truncated = _call(task, "step", state, choice)
        _check_lanes(task, "reward", reward, (len(lane),))
        returns[lane] += reward
        decisions[lane] += 1
        steps[lane] += latency
        running = ~(np.asarray(terminated, bool) | np.asarray(truncated, bool))
        if not task.keep_state:
            simulator.forget()
        if not running.all():
            lane, gains, observation = lane[running], gains[running], observation[running]
            state = _take(state, running)
            simulator.repack(running)
        if not len(lane):
            break
    first = simulator.compiled.neurons
    by_network = (count, cases.count)
    returns, decisions, steps = returns.reshape(by_network), decisions.reshape(by_network), steps.reshape(by_network)
    return [
        _evaluation(
            net, returns[p], int(decisions[p].sum()), int(steps[p].sum()), simulator.spikes[first[p] : first[p + 1]]
        )
        for p, net in enumerate(networks)
    ]


def _evaluation(
    network: Network, cases: npt.NDArray[np.float64], decisions: int, steps: int, spikes: npt.NDArray[np.int64]
) -> Evaluation:
    events = int(spikes @ network.out_degree.astype(np.int64))
    return Evaluation(
        score=float(cases.mean()),
        case_scores=cases.copy(),
        latency=steps / decisions,
        energy=events / decisions,
        spikes=spikes.copy(),
        decisions=decisions,
        steps=steps,
    )


def _call(task: ControlTask, method: str, *arguments: Any) -> Any:
    """A call into the task's code, whose own errors come back as the plugin's."""
    try:
        return getattr(task, method)(*arguments)
    except EvoNeuroError:
        raise
    except Exception as error:
        raise plugin_error(f"task {task.name!r}: {method}() raised", error) from error


def _check_lanes(task: ControlTask, what: str, value: Any, shape: tuple[int, ...]) -> None:
    array = np.asarray(value)
    if array.shape != shape:
        raise PluginError(f"task {task.name!r}: {what} has shape {array.shape}, expected {shape} (lanes first)")
    if not np.issubdtype(array.dtype, np.number) and array.dtype != bool:
        raise PluginError(f"task {task.name!r}: {what} has dtype {array.dtype}, expected numbers")
    if not np.isfinite(array).all():
        where = np.argwhere(~np.isfinite(array))[0]
        raise PluginError(
            f"task {task.name!r}: {what}[{', '.join(map(str, where))}] is {array[tuple(where)]}; it must be finite"
        )


def _take(state: Any, kept: npt.NDArray[np.bool_]) -> Any:
    """The state of the lanes that are kept: every array of it leads with lanes."""
    if isinstance(state, tuple):
        return tuple(_take(part, kept) for part in state)
    if isinstance(state, dict):
        return {name: _take(part, kept) for name, part in state.items()}
    return state[kept]
