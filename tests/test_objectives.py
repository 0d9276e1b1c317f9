"""Objectives: the one place where higher becomes lower; constraints and the floor."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evoneuro import EvoNeuroError
from evoneuro.evaluation import Evaluation
from evoneuro.objectives import MEASURES, losses, measure, named, parse_constraint, violation
from evoneuro.population import Measures


def table(*rows: dict[str, float]) -> Measures:
    return np.array([[row[name] for name in MEASURES] for row in rows])


GOOD = {"score": 0.9, "neurons": 5.0, "hidden": 1.0, "synapses": 8.0, "latency": 3.0, "energy": 10.0}
BAD = {**GOOD, "score": 0.2, "synapses": 1.0}
FAILED = dict.fromkeys(GOOD, math.nan)


def test_only_the_score_is_maximised() -> None:
    assert [name for name, m in MEASURES.items() if m.maximise] == ["score"]
    found = losses(table(GOOD, BAD), ["score", "synapses", "latency"])
    assert found.tolist() == [[-0.9, 8, 3], [-0.2, 1, 3]]


def test_a_failed_candidate_loses_everywhere() -> None:
    sizes = {**GOOD, "score": math.nan}
    assert np.isinf(losses(table(FAILED, sizes), ["score", "synapses"])).all()
    assert violation(table(FAILED, sizes), [], 0.0).tolist() == [math.inf, math.inf]


def test_measures_of_a_candidate() -> None:
    from test_evaluate import wire

    evaluation = Evaluation(0.5, np.ones(2), 3.0, 7.0, np.zeros(4, np.int64), 2, 6)
    found = measure([wire()] * 2, [evaluation, Evaluation.failed("raised")])
    assert named(found[0]) == {"score": 0.5, "neurons": 4, "hidden": 0, "synapses": 2, "latency": 3, "energy": 7}
    sizes = {name: value for name, value in named(found[1]).items() if value == value}
    assert sizes == {"neurons": 4, "hidden": 0, "synapses": 2}


def test_every_nan_is_the_same() -> None:
    # what the journal gives back is the plain one, whatever the processor made of inf - inf
    from test_evaluate import wire

    values = [np.uint64(bits).view(np.float64) for bits in (0xFFF8000000000000, 0x7FF8000000000001)]
    evaluations = [Evaluation(value, np.ones(1), value, value, np.zeros(4, np.int64)) for value in values]
    found = measure([wire()] * 2, evaluations)
    bits = found[np.isnan(found)].view(np.uint64)
    assert len(bits) == 6
    assert set(bits.tolist()) == {int(np.float64(math.nan).view(np.uint64))}


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [("latency <= 8", 9.0, 1 / 8), ("latency<=8", 8.0, 0.0), ("score >= 0.95", 0.9, 0.05), ("synapses <= 0", 2.0, 2.0)],
)
def test_constraints(text: str, value: float, expected: float) -> None:
    constraint = parse_constraint(text)
    measures = {**GOOD, constraint.measure: value}
    assert violation(table(measures), [constraint], -math.inf)[0] == pytest.approx(expected / (1 + expected))


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
    found = violation(table(GOOD, BAD, far), [constraint], floor=0.5)
    assert found[1] > found[2] > found[0] > 0  # below the floor is worse than any broken limit
    assert violation(table({**GOOD, "synapses": 2.0}), [constraint], 0.5)[0] == 0
