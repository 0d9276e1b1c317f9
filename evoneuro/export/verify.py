"""Verification: an export is built and run by the target's own tools, and every spike is compared with our simulator's.

What is sent: a random raster of charges, and observations, one decision after another without clearing: first those of
an episode of the task in closed loop with our simulator, then random ones. `closed_loop` has the target itself decide
an episode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evoneuro.coding import decoder_from_spec, encoder_from_spec
from evoneuro.environments import ControlTask
from evoneuro.export.fixed_point import EncoderTable
from evoneuro.keys import generator
from evoneuro.network import Network
from evoneuro.neuron import Reference
from evoneuro.simulator.lanes import lane_simulator
from evoneuro.task import Task

STEPS, DECISIONS, FED = 200, 60, 10
DENSITY = 0.3  # of the charges in a random raster that are not 0
BEYOND = 1.3  # random observations leave their range by so much


@dataclass(frozen=True)
class Tool:
    """A program that verification needs.

    Attributes:
        name: as it is called.
        path: where it is, or None.
        source: how to get it.
    """

    name: str
    path: str | None
    source: str


@dataclass(frozen=True)
class Sent:
    """What a target is sent, and what it must answer.

    Attributes:
        charges: int32 (steps, inputs).
        spikes: uint8 (steps, neurons), of a cleared network that gets the charges.
        observations: int64 (decisions, values) in fixed point; none where the network has no table of an encoder.
        said: float64 (decisions, 1 + words), the steps of each decision and the choice, choices or values.
        task: whose episode a target may decide in closed loop.
        fed: int32 (decisions, window, inputs), charges of decisions of a network that has no such table.
        fed_said: float64 (decisions, 1 + words), what these decisions say, one after another without clearing.
    """

    charges: npt.NDArray[np.int32]
    spikes: npt.NDArray[np.uint8]
    observations: npt.NDArray[np.int64]
    said: npt.NDArray[np.float64]
    task: ControlTask | None = None
    fed: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 0, 0), np.int32))
    fed_said: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True)
class Verified:
    """What one machine made of it.

    Attributes:
        machine: that ran the export.
        steps, spikes: how many were compared.
        decisions: how many were compared.
        mismatches: spikes that differ, and decisions that do.
        figures: sizes and times that the tools reported.
    """

    machine: str
    steps: int
    spikes: int
    decisions: int
    mismatches: int
    figures: dict[str, Any] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class Verifier(Protocol):
    """Builds and runs the exports of one target."""

    def tools(self) -> list[Tool]:
        """What is needed, found or not."""
        ...

    def verify(self, network: Network, sent: Sent, folder: Path) -> list[Verified]:
        """Run the export on every machine whose tools are here."""
        ...


def sent_to(
    network: Network, table: EncoderTable | None, task: Task | None = None, seed: int = 0, steps: int = STEPS
) -> Sent:
    """A raster and observations for `network`, and its answers.

    Args:
        task: an episode of a control task gives the first observations.
    """
    rng = generator(seed, "verify")
    shape = (steps, len(network.inputs))
    most = max(network.input_max, 1)
    raster = rng.integers(-most, most + 1, shape) * (rng.random(shape) < DENSITY) * (network.input_max > 0)
    charges = raster.astype(np.int32)
    spikes = Reference(network).run(charges[:, None])[:, 0]
    if table is None:
        windows = (FED, network.window, len(network.inputs))
        fed = (rng.integers(-most, most + 1, windows) * (rng.random(windows) < DENSITY)).astype(np.int32)
        fed *= network.input_max > 0
        nothing = np.zeros((0, 0), np.int64), np.zeros((0, 0))
        return Sent(charges, spikes, *nothing, fed=fed, fed_said=decided_on_charges(network, fed))
    encoder = encoder_from_spec(network.encoder or {})
    low, high = np.array(encoder.low), np.array(encoder.high)
    middle, reach = (low + high) / 2, (high - low) / 2 * BEYOND
    walk = np.cumsum(rng.normal(0, 0.2, (DECISIONS, len(low))), axis=0)  # near one another, as a controller sees them
    observations = table.quantised(middle + reach * np.sin(walk + rng.uniform(-3, 3, len(low))))
    task = task if isinstance(task, ControlTask) else None
    if task is not None:
        observations = np.concatenate([_episode(network, table, task, seed), observations])
    return Sent(charges, spikes, observations, decided(network, table.restored(observations)), task)


def _episode(network: Network, table: EncoderTable, task: ControlTask, seed: int) -> npt.NDArray[np.int64]:
    """What a network that sees fixed-point observations sees of a fresh episode: int64 (decisions, values)."""
    encoder, decoder = encoder_from_spec(network.encoder or {}), decoder_from_spec(network.decoder)
    simulator = lane_simulator([network], 1, encoder, record=decoder.records)
    state, observation = task.reset(task.episode_keys(seed, "test", 1))
    seen = []
    for _ in range(min(DECISIONS, task.step_limit)):
        seen.append(table.quantised(np.asarray(observation, np.float64))[0])
        choice, _ = simulator.act(table.restored(seen[-1])[None])
        said = decoder.read(simulator.output) if decoder.records else choice
        said = said if decoder.continuous else np.maximum(said, 0)
        state, observation, _, terminated, truncated = task.step(state, said)
        if terminated[0] or truncated[0]:
            break
        if not task.keep_state:
            simulator.forget()
    return np.array(seen)


def decided(
    network: Network, observations: npt.NDArray[np.float64], keep_state: bool = True
) -> npt.NDArray[np.float64]:
    """Steps and words of one decision after another, float64 (decisions, 1 + words).

    Args:
        keep_state: what is left of a decision lives on into the next.
    """
    encoder, decoder = encoder_from_spec(network.encoder or {}), decoder_from_spec(network.decoder)
    simulator = lane_simulator([network], 1, encoder, record=decoder.records)
    rows = []
    for observation in observations:
        choice, latency = simulator.act(observation[None])
        words = np.ravel(decoder.read(simulator.output)) if decoder.records else choice
        rows.append(np.concatenate([latency, words]).astype(np.float64))
        if not keep_state:
            simulator.forget()
    return np.array(rows)


def decided_on_charges(
    network: Network, fed: npt.NDArray[np.int32], keep_state: bool = True
) -> npt.NDArray[np.float64]:
    """Steps and words of one decision after another on charges (decisions, steps, inputs): see `decided`."""
    decoder = decoder_from_spec(network.decoder)
    simulator = lane_simulator([network], 1, record=decoder.records)
    rows = []
    for charges in fed:
        choice, latency = simulator.decide(np.ascontiguousarray(charges[:, :, None]))
        words = np.ravel(decoder.read(simulator.output)) if decoder.records else choice
        rows.append(np.concatenate([latency, words]).astype(np.float64))
        if not keep_state:
            simulator.forget()
    return np.array(rows)


def compare(sent: Sent, spikes: npt.NDArray[np.uint8], said: npt.NDArray[np.float64], units: Sequence[float]) -> int:
    """How many spikes and decisions differ; a value agrees within a unit of its last place.

    Args:
        spikes: that the target answered, shaped as in `sent`; a shorter answer differs in all that is missing.
        said: likewise.
        units: of each word, 0 for steps and choices.
    """
    missing = sent.spikes[len(spikes) :].size + len(sent.said) - min(len(said), len(sent.said))
    differ = (sent.spikes[: len(spikes)] != spikes[: len(sent.spikes)]).sum()
    pairs = min(len(said), len(sent.said))
    wrong = (np.abs(sent.said[:pairs] - said[:pairs]) > np.array(units)).any(axis=1).sum() if pairs else 0
    return int(missing + differ + wrong)
