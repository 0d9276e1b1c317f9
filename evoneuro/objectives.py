"""Objectives and constraints by name; the only place where "higher is better" becomes "lower is better"."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, check_choice
from evoneuro.evaluation import Evaluation
from evoneuro.network import Network
from evoneuro.pareto import Losses


@dataclass(frozen=True)
class Measure:
    """A quantity of a candidate: how it is read, and whether more of it is better."""

    read: Callable[[Network, Evaluation], float]
    maximise: bool = False


MEASURES: dict[str, Measure] = {
    "score": Measure(lambda network, evaluation: evaluation.score, maximise=True),
    "neurons": Measure(lambda network, evaluation: network.neurons),
    "hidden": Measure(lambda network, evaluation: network.hidden),
    "synapses": Measure(lambda network, evaluation: network.synapses),
    "latency": Measure(lambda network, evaluation: evaluation.latency),
    "energy": Measure(lambda network, evaluation: evaluation.energy),
}

_CONSTRAINT = re.compile(r"\s*([a-z_]+)\s*(<=|>=)\s*([-+0-9.eE]+)\s*")


@dataclass(frozen=True)
class Constraint:
    """`measure <= bound` (sense +1) or `measure >= bound` (sense -1)."""

    measure: str
    sense: int
    bound: float

    def __str__(self) -> str:
        return f"{self.measure} {'<=' if self.sense > 0 else '>='} {self.bound:g}"


def parse_constraint(text: str) -> Constraint:
    """The constraint of a text such as "latency <= 8".

    Raises:
        EvoNeuroError: another form, or a measure that does not exist.
    """
    match = _CONSTRAINT.fullmatch(str(text))
    try:
        name, operator, bound = match.groups() if match else ("", "", "")
        number = float(bound)
        if not math.isfinite(number):
            raise ValueError
    except ValueError:
        raise EvoNeuroError(
            f"constraint {text!r}: expected MEASURE <= NUMBER or MEASURE >= NUMBER, as in 'latency <= 8'"
        ) from None
    return Constraint(check_choice(f"constraint {text!r}", name, MEASURES), 1 if operator == "<=" else -1, number)


def measure(network: Network, evaluation: Evaluation) -> dict[str, float]:
    """All measures of one candidate, as people read them."""
    return {name: float(m.read(network, evaluation)) for name, m in MEASURES.items()}


def losses(measures: Sequence[dict[str, float]], names: Sequence[str]) -> Losses:
    """Losses (candidates, objectives), lower is better; +inf in every column where the score is NaN (it failed)."""
    sign = np.array([-1.0 if MEASURES[name].maximise else 1.0 for name in names])
    table = np.array([[m[name] for name in names] for m in measures], float).reshape(len(measures), len(names)) * sign
    table[[not np.isfinite(m["score"]) for m in measures]] = np.inf
    result: Losses = table
    return result


def violation(
    measures: Sequence[dict[str, float]], constraints: Sequence[Constraint], floor: float
) -> npt.NDArray[np.float64]:
    """How far each candidate is from feasible, 0 if it is: float64 [candidates]; +inf where it failed.

    Each constraint counts by its excess relative to its bound. Whoever scores below `floor` is infeasible too, and
    more so than anybody who only breaks a constraint: first the task, then the limits.
    """
    total = np.zeros(len(measures))
    for i, m in enumerate(measures):
        for c in constraints:
            total[i] += max(0.0, c.sense * (m[c.measure] - c.bound)) / max(1.0, abs(c.bound))
        total[i] = total[i] / (1.0 + total[i])
        if m["score"] < floor:
            total[i] += 1.0 + (floor - m["score"])
    total[[not np.isfinite(m["score"]) for m in measures]] = np.inf
    return total
