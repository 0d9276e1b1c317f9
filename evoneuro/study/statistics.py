"""Paired comparisons: a test, effect sizes, and a correction for having made several.

A value that was never reached is infinite: two of them are equal, and one differs from any finite value by more than
finite values differ. Ranks need no more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def signed_rank(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[float, float, int]:
    """Two-sided p of Wilcoxon's signed-rank test, matched-pairs rank-biserial correlation, and pairs that differ.

    p is exact, also with ties: the share of all assignments of signs to the (mid-)ranks whose sum of positive ranks is
    as far from its mean as the one seen, or farther; 1 if no pair differs. Pairs without a difference are left out
    (Wilcoxon, Biometrics Bulletin 1(6), 1945). The correlation is the sum of ranks in favour of `second` minus that in
    favour of `first`, over both (Kerby, Comprehensive Psychology 3, 2014): 1 if `second` is larger in each pair.

    Args:
        first: [pairs], no NaN; infinite is larger than all.
        second: likewise.
    """
    differences = _differences(first, second)
    differences = differences[differences != 0]
    if not len(differences):
        return 1.0, 0.0, 0
    doubled = _doubled_ranks(np.abs(differences))
    total, positive = int(doubled.sum()), int(doubled[differences > 0].sum())
    ways = np.ones(1)  # of each sum of positive ranks, doubled; shares, so that they stay finite
    for rank in doubled.tolist():
        longer = np.zeros(len(ways) + rank)
        longer[: len(ways)] += ways / 2
        longer[rank:] += ways / 2
        ways = longer
    far = np.abs(2 * np.arange(total + 1) - total) >= abs(2 * positive - total)
    return min(1.0, float(ways[far].sum())), (2 * positive - total) / total, len(differences)


def rank_sum(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Two-sided p of the rank-sum test of two independent samples, exact, also with ties.

    The share of all ways to divide the (mid-)ranks between two samples of these sizes in which the sum of the second's
    ranks is as far from its mean as the one seen, or farther (Mann and Whitney, Ann. Math. Stat. 18, 1947).

    Args:
        first: [values], no NaN; infinite is larger than all.
        second: likewise.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if not len(a) or not len(b):
        return 1.0
    _, order = np.unique(np.concatenate([a, b]), return_inverse=True)
    doubled = _doubled_ranks(order.astype(np.float64))
    seen, mean = int(doubled[len(a) :].sum()), len(b) * (len(doubled) + 1)
    ways = np.zeros((len(b) + 1, int(doubled.sum()) + 1))  # of so many chosen ranks with each sum
    ways[0, 0] = 1.0
    for rank in doubled.tolist():
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    far = np.abs(np.arange(ways.shape[1]) - mean) >= abs(seen - mean)
    return min(1.0, float(ways[-1][far].sum() / ways[-1].sum()))


def a12(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Chance that a value of `second` is larger than one of `first`, equal ones counting half; 0.5 is no effect.

    Vargha and Delaney, Journal of Educational and Behavioral Statistics 25(2), 2000.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    larger, equal = (b[:, None] > a).mean(), (b[:, None] == a).mean()
    return float(larger + equal / 2)


def holm(p: Sequence[float]) -> list[float]:
    """p adjusted for as many comparisons, in the order given (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    adjusted, worst = [0.0] * len(p), 0.0
    for place, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        worst = max(worst, min(1.0, (len(p) - place) * p[i]))
        adjusted[i] = worst
    return adjusted


def _differences(first: npt.ArrayLike, second: npt.ArrayLike) -> Numbers:
    """second - first, 0 where both are the same infinity."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    same = a == b
    return np.where(same, 0.0, np.where(same, 0.0, b) - np.where(same, 0.0, a))


def _doubled_ranks(values: Numbers) -> npt.NDArray[np.int64]:
    """Twice the rank of each value, from 1 on, equal ones sharing the mean of theirs: whole numbers."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (2 * last - counts + 1)[which]
