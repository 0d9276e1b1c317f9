"""Objectives and constraints by name; the only place where "higher is better" becomes "lower is better".

Measures are a table, float64 (candidates, measures), with a column for each entry of `MEASURES`, in that order.
"""

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
from evoneuro.networks import Networks
from evoneuro.pareto import Losses
from evoneuro.population import Measures


@dataclass(frozen=True)
class Measure:
    """A quantity of candidates: how it is read of all of them, and whether more of it is better."""

    read: Callable[[Networks, Sequence[Evaluation]], npt.ArrayLike]
    maximise: bool = False


MEASURES: dict[str, Measure] = {
    "score": Measure(lambda networks, evaluations: [e.score for e in evaluations], maximise=True),
    "neurons": Measure(lambda networks, evaluations: networks.neurons),
    "hidden": Measure(lambda networks, evaluations: networks.hidden),
    "synapses": Measure(lambda networks, evaluations: networks.synapses),
    "latency": Measure(lambda networks, evaluations: [e.latency for e in evaluations]),
    "energy": Measure(lambda networks, evaluations: [e.energy for e in evaluations]),
}
COLUMN = {name: column for column, name in enumerate(MEASURES)}

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


def measure(networks: Sequence[Network], evaluations: Sequence[Evaluation]) -> Measures:
    """All measures of the candidates, as people read them; every NaN is the same NaN, as the journal has it."""
    batch = Networks.of(networks)
    table = np.empty((len(evaluations), len(MEASURES)))
    for column, m in enumerate(MEASURES.values()):
        table[:, column] = m.read(batch, evaluations)
    table[np.isnan(table)] = np.nan
    return table


def named(row: npt.NDArray[np.float64]) -> dict[str, float]:
    """The measures of one candidate by name."""
    return dict(zip(MEASURES, row.tolist(), strict=True))


def losses(measures: Measures, names: Sequence[str]) -> Losses:
    """Losses (candidates, objectives), lower is better; +inf in every column where the score is not finite."""
    sign = np.array([-1.0 if MEASURES[name].maximise else 1.0 for name in names])
    table: Losses = measures[:, [COLUMN[name] for name in names]] * sign
    table[_failed(measures)] = np.inf
    return table


def violation(measures: Measures, constraints: Sequence[Constraint], floor: float) -> npt.NDArray[np.float64]:
    """How far each candidate is from feasible, 0 if it is: float64 [candidates]; +inf where it failed.

    Each constraint counts by its excess relative to its bound. Whoever scores below `floor` is infeasible too, and
    more so than anybody who only breaks a constraint: first the task, then the limits.
    """
    total = np.zeros(len(measures))
    for c in constraints:
        excess = c.sense * (measures[:, COLUMN[c.measure]] - c.bound)
        total += np.maximum(excess, 0.0) / max(1.0, abs(c.bound))
    total = total / (1.0 + total)
    score = measures[:, COLUMN["score"]]
    below = score < floor
    total[below] += 1.0 + (floor - score[below])
    total[_failed(measures)] = np.inf
    return total


def _failed(measures: Measures) -> npt.NDArray[np.bool_]:
    return ~np.isfinite(measures[:, COLUMN["score"]])
