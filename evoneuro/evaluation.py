"""What is asked of a worker (`Cases`) and what comes back for each candidate (`Evaluation`): data, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

STREAM_OF_SPLIT = {"episodes": "train", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class Cases:
    """The episodes or samples that candidates are compared on: the same for all of them.

    Attributes:
        seed: the run's seed; for data sets also the seed of the split.
        stream: "episodes" (selection sees them; a data set's training split), "validation" or "test".
        generation: key part of the episodes; a data set ignores it.
        count: episodes; a data set takes its whole split.
    """

    seed: int
    stream: str
    generation: int = 0
    count: int = 1

    @property
    def split(self) -> str:
        """The part of a data set: train, validation or test."""
        return STREAM_OF_SPLIT[self.stream]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How one network did.

    Attributes:
        score: the task's number, higher is better; NaN if it failed.
        case_scores: float64 [cases], score of each episode or sample; empty if it failed.
        latency: mean steps until a decision.
        energy: mean synaptic events per decision (spikes of each neuron times its out-degree).
        spikes: int64 [neurons], spikes of each neuron over all decisions.
        decisions: decisions taken over all cases.
        steps: network-steps simulated, over all lanes.
        failure: why there is no score, or None.
    """

    score: float
    case_scores: npt.NDArray[np.float64]
    latency: float
    energy: float
    spikes: npt.NDArray[np.int64]
    decisions: int = 0
    steps: int = 0
    failure: str | None = None

    @classmethod
    def failed(cls, reason: str) -> Evaluation:
        """The outcome of a candidate that raised, hung, crashed or returned nonsense."""
        nan = float("nan")
        return cls(nan, np.empty(0), nan, nan, np.empty(0, np.int64), failure=reason)

    def without_cases(self) -> Evaluation:
        """The same without the score of each case."""
        return replace(self, case_scores=np.empty(0))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Evaluation):
            return NotImplemented
        return self.failure == other.failure and all(
            np.array_equal(getattr(self, name), getattr(other, name), equal_nan=True)
            for name in ("score", "case_scores", "latency", "energy", "spikes", "decisions", "steps")
        )
