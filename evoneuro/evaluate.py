"""Evaluate: a batch of networks on the cases of a task.

Episodes and samples are lanes; all networks of the batch advance together. What a network gets does not depend on
who else is in the batch.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.actions import says
from evoneuro.answers import Answers, evaluate_samples, targets_of
from evoneuro.coding import Decoder, Encoder, decoder_from_spec, encoder_from_spec
from evoneuro.coding.encoders import UNIT_GAIN
from evoneuro.environments import ControlTask
from evoneuro.episodes import evaluate_episodes
from evoneuro.errors import EvoNeuroError, check_integer
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.network import Network
from evoneuro.networks import Networks, Settings
from evoneuro.ragged import lengths_of
from evoneuro.samples import SampleTask
from evoneuro.task import Task, call


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
            assert group.encoder is not None
            found = evaluate_episodes(task, members, cases, group.encoder, gains, decoder=group.decoder)
        elif isinstance(task, SampleTask):
            found = evaluate_samples(task, members, cases, group.encoder, gains)
        else:
            raise EvoNeuroError(f"task {task.name!r}: expected a ControlTask, ClassificationTask, ...")
        for i, evaluation in zip(group.positions, found, strict=True):
            results[i] = evaluation
    return [result for result in results if result is not None]


def answers(task: SampleTask, network: Network, cases: Cases) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """What one network says of the cases of a data set, and what is right, both leading with cases.

    Choices are class numbers, int [cases], -1 where the network abstains; values are float64 (cases, values).

    Raises:
        EvoNeuroError, PluginError: as `evaluate`.
    """
    batch = Networks.of([network])
    (group,) = _by_encoder(task, batch, cases.seed)
    said = Answers.of(task, batch, cases, group.encoder, np.array(group.gains, np.int64)).said[0]
    return said, targets_of(task, cases)


# Networks that share an encoder


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
    own: Decoder | None = call(task, "action_decoder") if isinstance(task, ControlTask) else None
    groups: dict[Hashable, _Group] = {}
    known: dict[Settings, tuple[_Group, int]] = {}  # few of the networks differ in their settings
    for i, settings in enumerate(networks.settings):
        if settings not in known:
            spec = settings.encoder
            if spec is None:
                default = default if default is not None else call(task, "coding", seed)[0]
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
    outputs = call(task, "outputs")
    found = np.stack([lengths_of(networks.input_starts), lengths_of(networks.output_starts)], axis=1)
    for group in groups:
        inputs = call(task, "inputs", seed) if group.encoder is None else group.encoder.inputs
        wrong = (found[group.positions] != (inputs, outputs)).any(axis=1)
        if wrong.any():
            given = found[group.positions][wrong][0]
            raise EvoNeuroError(
                f"the network has {given[0]} inputs and {given[1]} outputs; "
                f"task {task.name!r} needs {inputs} and {outputs}"
            )
