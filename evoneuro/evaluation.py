"""What is asked of a worker (`Cases`) and what comes back for each candidate (`Evaluation`): data, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, check_integer
from evoneuro.networks import Networks

STREAM_OF_SPLIT = {"episodes": "train", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class Perturbations:
    """What robustness is scored under: `variants` of each kind whose strength is not 0.

    Attributes:
        variants: of each kind.
        weight_noise: standard deviation of the noise on weights, as a share of the network's largest |weight|.
        dead: share of the input and hidden neurons that never fire, rounded up.
        jitter: most steps by which each spike that is fed moves, to either side.
    """

    variants: int = 3
    weight_noise: float = 0.1
    dead: float = 0.1
    jitter: int = 1

    def __post_init__(self) -> None:
        check_integer("robustness.variants", self.variants, 1, 2**16)
        check_integer("robustness.jitter", self.jitter, 0, 2**16)
        for name in ("weight_noise", "dead"):
            if not 0 <= getattr(self, name) <= 1:
                raise EvoNeuroError(f"robustness.{name}: expected 0 to 1, got {getattr(self, name):g}")
        if not (self.weight_noise or self.dead or self.jitter):
            raise EvoNeuroError("robustness: weight_noise, dead and jitter are all 0; nothing would be perturbed")


@dataclass(frozen=True)
class Jitter:
    """Spikes that are fed move by up to `reach` steps, as `key` says (see `evoneuro.coding.jitter`)."""

    key: int
    reach: int


@dataclass(frozen=True)
class Cases:
    """The episodes or samples that candidates are compared on: the same for all of them.

    Attributes:
        seed: the run's seed; for data sets also the seed of the split.
        stream: "episodes" (selection sees them; a data set's training split), "validation" or "test".
        generation: key part of the episodes; a data set ignores it.
        count: episodes; a data set takes its whole split.
        horizon: decisions after which an episode is cut, if that is before the task cuts it; None: it never is.
        jitter: of what is fed, or None.
        perturbations: under which each candidate's robustness is scored besides, or None.
    """

    seed: int
    stream: str
    generation: int = 0
    count: int = 1
    horizon: int | None = None
    jitter: Jitter | None = None
    perturbations: Perturbations | None = None

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
        robustness: score under perturbations (see `evoneuro.robustness`); NaN where none was asked for.
    """

    score: float
    case_scores: npt.NDArray[np.float64]
    latency: float
    energy: float
    spikes: npt.NDArray[np.int64]
    decisions: int = 0
    steps: int = 0
    failure: str | None = None
    robustness: float = float("nan")

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
            for name in ("score", "case_scores", "latency", "energy", "spikes", "decisions", "steps", "robustness")
        )


def evaluations(
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
