"""What a network is fed on a task's held-out cases, as a harness without a closed loop needs it: recorded."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder, decoder_from_spec, encoder_from_spec, unpack
from evoneuro.coding.encoder import UNIT_GAIN
from evoneuro.coding.trains import Trains, words
from evoneuro.environments import ControlTask
from evoneuro.errors import EvoNeuroError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.network import Network
from evoneuro.task import Task


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Held-out cases of a network, and how it did on them; each is one sample of the judge.

    Attributes:
        network: the network that was evaluated.
        trains: uint32 (samples, decisions, words, inputs), the encoder's spikes; as many decisions as the longest has.
        decisions: int64 [samples], decisions of each sample: 1 of a data set, else those of the episode.
        labels: int64 [samples], the right classes; None for control.
        keep_state: whether potentials and spikes in flight live on into the next decision.
        evaluation: our own counts.
    """

    network: Network
    trains: Trains
    decisions: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64] | None
    keep_state: bool
    evaluation: Evaluation

    @property
    def ticks(self) -> int:
        """Steps of each sample: whole windows, as many as the longest sample has decisions."""
        return int(self.trains.shape[1]) * self.network.window

    def charges(self, sample: int) -> npt.NDArray[np.float64]:
        """What a sample's input neurons get: float64 (ticks, inputs), NaN once the episode is over."""
        fed = unpack(self.trains[sample].transpose(1, 2, 0), self.network.window)  # (steps, decisions, inputs)
        charges = fed.transpose(1, 0, 2).astype(np.float64) * self.network.input_charge
        charges[self.decisions[sample] :] = np.nan
        return charges.reshape(self.ticks, -1)


def held_out(task: Task, network: Network, cases: Cases) -> HeldOut:
    """The cases, recorded while the network is evaluated on them.

    Raises:
        EvoNeuroError: a network that does not fit the task, or a coding that the judge does not take.
        PluginError: the task's code raised or returned what it must not.
    """
    return _episodes(task, network, cases) if isinstance(task, ControlTask) else _samples(task, network, cases)


def _encoder(task: Task, network: Network, cases: Cases) -> Encoder | None:
    """The network's encoder, else the task's; None where the data are spikes. Called once evaluation went well.

    Raises:
        EvoNeuroError: encoder or decoder are of a kind that the judge's model does not know.
    """
    decoder = decoder_from_spec(network.decoder)
    if decoder.records or decoder.continuous:
        raise EvoNeuroError(f"decoder {decoder.kind!r}: NeuroBench is given networks whose output spikes are counted")
    spec = network.encoder if network.encoder is not None else task.coding(cases.seed)[0]
    encoder = None if spec is None else encoder_from_spec(spec)
    if encoder is not None and encoder.graded:
        raise EvoNeuroError(f"encoder {encoder.kind!r}: NeuroBench is given networks whose encoder makes spike trains")
    return encoder


def _samples(task: Task, network: Network, cases: Cases) -> HeldOut:
    """A data set: every sample of the split is one decision."""
    evaluation = evaluate(task, [network], cases)[0]
    encoder = _encoder(task, network, cases)
    data: Any = task  # evaluate() has refused all that is no data set
    gain = UNIT_GAIN if encoder is None else encoder.gain
    fed = [feed for _, feed in data.feeds(cases.split, cases.seed, encoder, gain, network.window)]
    trains = _fitted(np.concatenate(fed, axis=2), network.window)
    labels = data.labels(cases.split, cases.seed)
    by_sample = np.ascontiguousarray(trains.transpose(2, 0, 1))[:, None]
    return HeldOut(network, by_sample, np.ones(len(labels), np.int64), labels, True, evaluation)


def _fitted(trains: Trains, window: int) -> Trains:
    """Trains (words, inputs, lanes) with as many words as the window has, silent where there were none."""
    length = words(window)
    fitted = np.zeros((length, *trains.shape[1:]), np.uint32)
    fitted[: len(trains)] = trains[:length]
    return fitted


def _episodes(task: ControlTask, network: Network, cases: Cases) -> HeldOut:
    """Control: an episode's decisions follow each other in one sample, fed what the closed loop showed the network."""
    tape = _Tape(task)
    recorded = copy.copy(task)
    vars(recorded).update(reset=tape.reset, step=tape.step)
    evaluation = evaluate(recorded, [network], cases)[0]
    encoder = _encoder(task, network, cases)
    assert encoder is not None
    trains = np.zeros((cases.count, len(tape.seen), words(network.window), encoder.inputs), np.uint32)
    decisions = np.zeros(cases.count, np.int64)
    for decision, (lanes, observation) in enumerate(tape.seen):
        encoded = encoder.encode(encoder.quantise(observation), network.window)
        trains[lanes, decision] = encoded.transpose(2, 0, 1)
        decisions[lanes] += 1
    return HeldOut(network, trains, decisions, None, task.keep_state, evaluation)


class _Tape:
    """The `reset` and `step` of a control task, which remember what the network sees at each decision.

    The number of the episode and the observation travel in the state, so that they stay with their lane.

    Attributes:
        seen: of each decision, the episodes that still ran, int [lanes], and their observations (lanes, values).
    """

    def __init__(self, task: ControlTask) -> None:
        self._task = task
        self.seen: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]] = []

    def reset(self, keys: Any) -> tuple[Any, Any]:
        state, observation = self._task.reset(keys)
        return (np.arange(len(keys)), observation, state), observation

    def step(self, state: Any, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        lanes, observation, own = state
        self.seen.append((lanes, np.array(observation, np.float64)))  # a copy: tasks may write into what they gave
        own, observation, reward, terminated, truncated = self._task.step(own, action)
        return (lanes, observation, own), observation, reward, terminated, truncated
