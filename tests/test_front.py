"""The front: order, names, confidence intervals, and NET as the command line takes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_evaluate import wire

from evoneuro import EvoNeuroError
from evoneuro.front import Front, FrontMember, confidence_interval, resolve


def member(name: str, validation: float | None, **measures: float) -> FrontMember:
    values = {"score": 0.5, "neurons": 4.0, "hidden": 0.0, "synapses": 9.0, "latency": 5.0, "energy": 5.0, **measures}
    interval = None if validation is None else {"score": validation, "low": 0.0, "high": 1.0, "cases": 9.0}
    return FrontMember(name, wire(), values, interval)


FRONT = Front(
    "RUN", (member("a", 0.9), member("b", 0.8, synapses=3.0), member("c", 0.7, synapses=1.0, latency=2.0)), solved=0.75
)


def test_names() -> None:
    assert FRONT.member("best").id == FRONT.best().id == "a"
    assert FRONT.member("smallest").id == "b"  # the smallest of those that reach the mark
    assert FRONT.best("synapses").id == FRONT.best("latency").id == "c"
    assert FRONT.member("c") is FRONT[2]
    assert [m.id for m in FRONT] == ["a", "b", "c"]
    assert len(FRONT) == 3


def test_names_that_are_none() -> None:
    with pytest.raises(EvoNeuroError, match="no front member 'd'"):
        FRONT.member("d")
    with pytest.raises(EvoNeuroError, match="no such name: 'speed'"):
        FRONT.best("speed")
    with pytest.raises(EvoNeuroError, match=r"no member's validation score reaches 0\.99"):
        Front("RUN", FRONT.members, solved=0.99).smallest()
    with pytest.raises(EvoNeuroError, match="no `solved` mark"):
        Front("RUN", FRONT.members).smallest()
    with pytest.raises(EvoNeuroError, match="empty"):
        Front("RUN", ()).best()


def test_a_member_not_validated_yet_has_no_validation_score() -> None:
    assert member("x", None).to_document()["validation_score"] is None
    assert member("x", None).to_document()["interval"] is None


def test_intervals_of_shares_are_wilsons() -> None:
    assert confidence_interval(np.ones(10)) == (pytest.approx(0.7225, abs=1e-4), 1.0)
    assert confidence_interval(np.zeros(10)) == (0.0, pytest.approx(0.2775, abs=1e-4))
    assert confidence_interval(np.repeat([0.0, 1.0], 50)) == (
        pytest.approx(0.4038, abs=1e-4),
        pytest.approx(0.5962, abs=1e-4),
    )


def test_intervals_of_numbers_are_normal() -> None:
    cases = np.array([1.0, 2.0, 3.0, 4.0])
    half = 1.959964 * cases.std(ddof=1) / 2
    assert confidence_interval(cases) == (pytest.approx(2.5 - half), pytest.approx(2.5 + half))
    assert confidence_interval(np.full(5, 500.0)) == (500.0, 500.0)


def test_intervals_hold_what_they_should() -> None:
    rng = np.random.default_rng(0)
    for share in (0.1, 0.5, 0.95):
        bounds = [confidence_interval((rng.random(40) < share).astype(float)) for _ in range(2000)]
        assert 0.93 < np.mean([low <= share <= high for low, high in bounds]) < 0.985


def test_nets(tmp_path: Path) -> None:
    wire().save(str(tmp_path / "net.json"))
    assert resolve(str(tmp_path / "net.json")) == wire()
    with pytest.raises(EvoNeuroError, match="is a directory"):
        resolve(str(tmp_path))
    with pytest.raises(EvoNeuroError, match="no run directory"):
        resolve(f"{tmp_path}:best")
