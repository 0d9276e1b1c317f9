"""A task whose episode an export decides, with our simulator beside it.

What the target says goes into the task, and what comes back goes into both, so that a difference in one decision shows
in all that follows. Where no decision differs, the episode is the one that our simulator would have had, also where
values of fixed point are not to the last bit what a float says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from evoneuro.coding import decoder_from_spec, encoder_from_spec
from evoneuro.environments import ControlTask
from evoneuro.export.fixed_point import EncoderTable
from evoneuro.network import Network
from evoneuro.simulator.lanes import lane_simulator

MOST = 500  # decisions of an episode


class Decider(Protocol):
    """A network on a target, with what it remembers."""

    def clear(self) -> None:
        """Forget everything."""
        ...

    def decide(self, observation: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Steps and words, float64 [1 + words], of a decision on an observation in fixed point, int64 [values]."""
        ...


@dataclass(frozen=True)
class Played:
    """An episode.

    Attributes:
        decisions: of the episode.
        mismatches: those in which steps or words differ from our simulator's.
        score: the task's, of the target.
    """

    decisions: int
    mismatches: int
    score: float


def play(
    network: Network,
    table: EncoderTable,
    task: ControlTask,
    target: Decider,
    units: Sequence[float],
    *,
    seed: int = 0,
    most: int = MOST,
) -> Played:
    """A fresh episode of `task`, decided by `target`.

    Args:
        units: by which steps and each word may differ, 0 for all but values.
        most: decisions after which it is cut off.
    """
    encoder, decoder = encoder_from_spec(network.encoder or {}), decoder_from_spec(network.decoder)
    ours = lane_simulator([network], 1, encoder, record=decoder.records)
    target.clear()
    state, observation = task.reset(task.episode_keys(seed, "test", 1))
    wrong, score, count = 0, 0.0, 0
    while count < min(most, task.step_limit):
        sent = table.quantised(np.asarray(observation, np.float64))
        said = target.decide(sent[0])
        choice, latency = ours.act(table.restored(sent))
        words = decoder.read(ours.output) if decoder.records else choice
        expected = np.concatenate([latency, words.ravel()]).astype(np.float64)
        wrong += bool((np.abs(said - expected) > np.array(units)).any())
        action = said[1:].reshape(words.shape).astype(words.dtype)
        action = action if decoder.continuous else np.maximum(action, 0)
        state, observation, reward, terminated, truncated = task.step(state, action)
        score += float(reward[0])
        count += 1
        if terminated[0] or truncated[0]:
            break
        if not task.keep_state:
            ours.forget()
            target.clear()
    return Played(count, wrong, score)
