"""Paired comparisons: equal to scipy where that is exact, to counting by hand where there are ties."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evoneuro.study.statistics import a12, holm, signed_rank

few = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=1, max_size=9)
values = st.lists(st.integers(-6, 6), min_size=1, max_size=12)


def test_a_case_by_hand() -> None:
    # differences 1, 2, 3, -4, 5: ranks against 4 of 15. Sums of at most 4 of 32: {}, 1, 2, 3, 12, 4, 13 = 7
    p, biserial, differing = signed_rank([0, 0, 0, 4, 0], [1, 2, 3, 0, 5])
    assert p == pytest.approx(2 * 7 / 32)
    assert biserial == pytest.approx((11 - 4) / 15)
    assert differing == 5


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30, unique_by=abs))
def test_scipy_says_the_same_without_ties(differences: list[float]) -> None:
    d = np.array([x for x in differences if x != 0])
    if len(d) < 2:
        return
    p, _, differing = signed_rank(np.zeros(len(d)), d)
    assert p == pytest.approx(stats.wilcoxon(d, method="exact").pvalue, abs=1e-12)
    assert differing == len(d)


def test_many_pairs_come_to_the_normal_limit() -> None:
    d = np.random.Generator(np.random.Philox(1)).normal(0.1, 1, 400)
    assert signed_rank(np.zeros(400), d)[0] == pytest.approx(stats.wilcoxon(d, method="approx").pvalue, rel=0.05)


@given(few)
def test_with_ties_it_is_the_share_of_all_signs(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, float).T
    d = (second - first)[second != first]
    p, biserial, differing = signed_rank(first, second)
    assert differing == len(d)
    if not len(d):
        assert (p, biserial) == (1, 0)
        return
    ranks = stats.rankdata(np.abs(d))
    middle = ranks.sum() / 2
    seen = abs(ranks[d > 0].sum() - middle)
    sums = [
        sum(r for r, s in zip(ranks, signs, strict=True) if s) for signs in itertools.product((0, 1), repeat=len(d))
    ]
    assert p == pytest.approx(np.mean([abs(s - middle) >= seen - 1e-9 for s in sums]))
    assert p >= 2 / 2 ** len(d) - 1e-12
    assert biserial == pytest.approx((ranks[d > 0].sum() - ranks[d < 0].sum()) / ranks.sum())


@given(few)
def test_the_other_way_round(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    p, biserial, differing = signed_rank(first, second)
    again = signed_rank(second, first)
    assert again[0] == pytest.approx(p)
    assert again[1:] == (-biserial, differing)


def test_never_is_larger_than_anything() -> None:
    never = math.inf
    assert signed_rank([never, never], [never, never]) == (1.0, 0.0, 0)
    assert signed_rank([1, 2, 3], [never, 1, 2])[1] == pytest.approx((3 - 3) / 6)  # the rank of never is the last
    assert a12([1, 2], [never, never]) == 1
    assert a12([never], [never]) == 0.5


@given(values, values)
def test_a12_is_that_of_mann_and_whitney(first: list[int], second: list[int]) -> None:
    u = stats.mannwhitneyu(second, first).statistic
    assert a12(first, second) == pytest.approx(u / (len(first) * len(second)))
    assert a12(first, second) + a12(second, first) == pytest.approx(1)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.5]) == pytest.approx([1, 1])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_never_helps(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(a >= b for a, b in zip(adjusted, p, strict=True))
    assert all(a <= 1 for a in adjusted)
    assert all(adjusted[i] <= adjusted[j] for i in range(len(p)) for j in range(len(p)) if p[i] < p[j])
