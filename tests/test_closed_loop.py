"""An export in the loop with a task: the target decides, and our simulator sees what it sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from evoneuro import load
from evoneuro.check import probe
from evoneuro.coding import decoder_from_spec, encoder_from_spec
from evoneuro.environments import ControlTask
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.export.c import table_of
from evoneuro.export.closed_loop import Played, play
from evoneuro.export.fixed_point import EncoderTable
from evoneuro.network import Network
from evoneuro.simulator.lanes import lane_simulator
from evoneuro.task import load_task


class Target:
    """Stands for a chip: our simulator behind the interface of one, and what may go wrong with it."""

    def __init__(self, network: Network, table: EncoderTable, wrong_from: int = 10**9, forgetful: bool = True) -> None:
        self._decoder, encoder = decoder_from_spec(network.decoder), encoder_from_spec(network.encoder or {})
        self._simulator = lane_simulator([network], 1, encoder, record=self._decoder.records)
        self._table, self._wrong_from, self._forgetful, self.decided = table, wrong_from, forgetful, 0

    def clear(self) -> None:
        if self._forgetful or not self.decided:
            self._simulator.forget()

    def decide(self, observation: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        choice, latency = self._simulator.act(self._table.restored(observation)[None])
        words: Any = self._decoder.read(self._simulator.output) if self._decoder.records else choice
        self.decided += 1
        words = words + (1 - 2 * words) * (self.decided > self._wrong_from)
        return np.concatenate([latency, np.ravel(words)]).astype(np.float64)


PUBLISHED = Path(__file__).resolve().parents[1] / "experiments" / "10_microcontroller" / "network.json"


def played(task: ControlTask, seed: int = 0, **how: Any) -> Played:
    network = load(str(PUBLISHED)) if task.name == "cartpole-hard" else probe(task)
    table = table_of(network)
    assert table is not None
    return play(network, table, task, Target(network, table, **how), [0.0, 0.0], seed=seed)


def control(name: str, parameters: dict[str, Any] | None = None) -> ControlTask:
    task = load_task(name, parameters or {})
    assert isinstance(task, ControlTask)
    return task


@pytest.mark.parametrize("keep_state", [True, False])
@pytest.mark.parametrize("name", ["cartpole", "cartpole-hardest", "pendulum"])
def test_the_episode_is_the_one_that_evaluation_has(name: str, keep_state: bool) -> None:
    task = control(name, {"keep_state": keep_state})
    for seed in range(3):
        found = played(task, seed)
        (evaluation,) = evaluate(task, [probe(task)], Cases(seed, "test"))
        assert found.mismatches == 0
        assert found.score == pytest.approx(float(evaluation.score), rel=1e-3)


def test_a_wrong_decision_is_counted_and_changes_the_episode() -> None:
    task = control("cartpole")
    right, wrong = played(task), played(task, wrong_from=3)
    assert wrong.mismatches == wrong.decisions - 3 > 0
    assert (wrong.decisions, wrong.score) != (right.decisions, right.score)


def test_a_target_that_does_not_forget_is_found_out() -> None:
    """What is left of a decision by this network's delays of up to 15 steps changes the next."""
    task = control("cartpole-hard", {"keep_state": False})
    assert sum(played(task, seed, forgetful=False).mismatches for seed in range(8)) > 0
