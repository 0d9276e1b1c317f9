"""Answers: what networks say of a data set's samples, one decision per lane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Decoder, Encoder, Output, decoder_from_spec
from evoneuro.coding.jitter import jittered
from evoneuro.errors import EvoNeuroError
from evoneuro.evaluation import Cases, Evaluation, evaluations
from evoneuro.keys import hashed
from evoneuro.network import Integers
from evoneuro.networks import Networks
from evoneuro.ragged import starts_of
from evoneuro.samples import Feed, SampleTask
from evoneuro.simulator.lanes import decide_shared
from evoneuro.task import call


def evaluate_samples(
    task: SampleTask, networks: Networks, cases: Cases, encoder: Encoder | None, gains: npt.NDArray[np.int64]
) -> list[Evaluation]:
    """How networks do on the samples that `cases` asks for.

    Args:
        encoder: of all these networks but for the gain; None where the data are spikes.
        gains: int64 [networks].
    """
    found = Answers.of(task, networks, cases, encoder, gains)
    scores, by_case = call(task, "judge", found.said, targets_of(task, cases))
    decisions = np.full(len(networks), found.said.shape[1])
    return evaluations(networks, scores, by_case, decisions, found.steps, found.spikes)


def targets_of(task: SampleTask, cases: Cases) -> npt.NDArray[Any]:
    """What is right for the cases that are asked for."""
    chosen = call(task, "cases", cases.split, cases.seed, cases.generation)
    targets: npt.NDArray[Any] = call(task, "targets", cases.split, cases.seed)
    return targets if chosen is None else targets[chosen]


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
    chosen = call(task, "cases", cases.split, cases.seed, cases.generation)
    for lanes, feed in task.feeds(cases.split, cases.seed, encoder, gain, window):
        here = np.arange(lanes.start, lanes.stop)
        if chosen is not None:
            here = chosen[(chosen >= lanes.start) & (chosen < lanes.stop)]
            feed = np.ascontiguousarray(feed[:, :, here - lanes.start])
        if cases.jitter is not None:
            feed = jittered(feed, hashed(cases.jitter.key, here), cases.jitter.reach, window, limit)
        if len(here):
            yield feed
