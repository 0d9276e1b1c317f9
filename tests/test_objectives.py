"""Objectives: the one place where higher becomes lower; constraints and the floor."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evoneuro import EvoNeuroError
from evoneuro.evaluation import Evaluation
from evoneuro.objectives import MEASURES, losses, measure, parse_constraint, violation

GOOD = {"score": 0.9, "neurons": 5.0, "hidden": 1.0, "synapses": 8.0, "latency": 3.0, "energy": 10.0}
BAD = {**GOOD, "score": 0.2, "synapses": 1.0}
FAILED = dict.fromkeys(GOOD, math.nan)


def test_only_the_score_is_maximised() -> None:
    assert [name for name, m in MEASURES.items() if m.maximise] == ["score"]
    table = losses([GOOD, BAD], ["score", "synapses", "latency"])
    assert table.tolist() == [[-0.9, 8, 3], [-0.2, 1, 3]]


def test_a_failed_candidate_loses_everywhere() -> None:
    sizes = {**GOOD, "score": math.nan}
    assert np.isinf(losses([FAILED, sizes], ["score", "synapses"])).all()
    assert violation([FAILED, sizes], [], 0.0).tolist() == [math.inf, math.inf]


def test_measures_of_a_candidate() -> None:
    from test_evaluate import wire

    evaluation = Evaluation(0.5, np.ones(2), 3.0, 7.0, np.zeros(4, np.int64), 2, 6)
    found = measure(wire(), evaluation)
    assert found == {"score": 0.5, "neurons": 4, "hidden": 0, "synapses": 2, "latency": 3, "energy": 7}


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [("latency <= 8", 9.0, 1 / 8), ("latency<=8", 8.0, 0.0), ("score >= 0.95", 0.9, 0.05), ("synapses <= 0", 2.0, 2.0)],
)
def test_constraints(text: str, value: float, expected: float) -> None:
    constraint = parse_constraint(text)
    measures = {**GOOD, constraint.measure: value}
    assert violation([measures], [constraint], -math.inf)[0] == pytest.approx(expected / (1 + expected))


@pytest.mark.parametrize(
    "text", ["latency < 8", "latency <= x", "latency <= 1e999", "8 >= latency", "", "latency <= 8 steps"]
)
def test_constraints_that_are_none(text: str) -> None:
    with pytest.raises(EvoNeuroError, match="expected MEASURE"):
        parse_constraint(text)


def test_an_unknown_measure_names_the_nearest() -> None:
    with pytest.raises(EvoNeuroError, match="Did you mean 'latency'"):
        parse_constraint("latncy <= 8")


def test_the_task_comes_before_the_limits() -> None:
    constraint = parse_constraint("synapses <= 2")
    far = {**GOOD, "synapses": 200.0}
    found = violation([GOOD, BAD, far], [constraint], floor=0.5)
    assert found[1] > found[2] > found[0] > 0  # below the floor is worse than any broken limit
    assert violation([{**GOOD, "synapses": 2.0}], [constraint], 0.5)[0] == 0
