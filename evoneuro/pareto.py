"""Ranks, crowding and hypervolume of a loss array (candidates, objectives), lower is better. Pure functions."""

from __future__ import annotations

import moocore
import numpy as np
import numpy.typing as npt

Losses = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]


def rank(losses: Losses, violation: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Constrained non-dominated rank of each candidate, 0 the best: int64 [candidates].

    Feasible candidates (violation 0) come first, by fronts; then infeasible ones, the less violated the better
    (Deb et al., NSGA-II, IEEE TEC 6(2), 2002, section VI: constraint domination); failed ones (a loss that is not
    finite) last. A candidate whose losses equal those of an earlier one is a copy and ranks after everything that is
    feasible and no copy, so that copies never crowd a front. With one objective there is no front to crowd, and equals
    share a rank.
    """
    ranks = np.zeros(len(losses), np.int64)
    failed = ~np.isfinite(losses).all(axis=1) | ~np.isfinite(violation)
    feasible = np.flatnonzero(~failed & (violation <= 0))
    last = 0
    if len(feasible):
        originals, copies = _split_copies(losses[feasible])
        if losses.shape[1] == 1:
            originals, copies = np.arange(len(feasible)), copies[:0]
        ranks[feasible[originals]] = moocore.pareto_rank(losses[feasible[originals]])
        last = int(ranks[feasible[originals]].max()) + 1
        if len(copies):
            ranks[feasible[copies]] = last + moocore.pareto_rank(losses[feasible[copies]])
            last = int(ranks[feasible[copies]].max()) + 1
    infeasible = np.flatnonzero(~failed & (violation > 0))
    if len(infeasible):
        _, order = np.unique(violation[infeasible], return_inverse=True)
        ranks[infeasible] = last + order
        last = int(ranks[infeasible].max()) + 1
    ranks[failed] = last
    return ranks


def _split_copies(losses: Losses) -> tuple[Positions, Positions]:
    """Positions of the first of each distinct row, and of all others, both ascending."""
    first, _ = _distinct(losses)
    copies = np.ones(len(losses), bool)
    copies[first] = False
    return np.flatnonzero(~copies), np.flatnonzero(copies)


def _distinct(rows: Losses) -> tuple[Positions, Positions]:
    """Position of the first of each distinct row, in the order of the rows' values, and which of these each row is."""
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    new = np.ones(len(rows), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    which = np.empty(len(rows), np.intp)
    which[order] = np.cumsum(new) - 1
    return order[new], which


def crowding(losses: Losses, ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Crowding distance of each candidate within its rank: float64 [candidates]; the ends of a front get infinity.

    Deb et al. 2002, section III-B. Candidates of one rank with equal losses share the distance of their point.
    """
    if not len(losses):
        return np.zeros(0)
    positions, point_of = _distinct(np.column_stack([ranks, losses]))
    rank, points = ranks[positions], losses[positions]
    first = np.flatnonzero(np.diff(rank, prepend=rank[0] - 1))  # points are ordered by rank
    sizes = np.diff(first, append=len(rank))
    last = first + sizes - 1
    spread = np.zeros(len(points))
    with np.errstate(invalid="ignore", divide="ignore"):
        for column in points.T:
            order = np.lexsort((column, rank))
            values = column[order]
            span = np.repeat(values[last] - values[first], sizes)
            gap = np.zeros(len(values))
            gap[1:-1] = values[2:] - values[:-2]
            gap[first] = gap[last] = np.inf
            spread[order] += np.where(span > 0, gap / span, 0.0)
    failed = ~np.logical_and.reduceat(np.isfinite(points).all(axis=1), first)
    spread[np.repeat(failed, sizes)] = 0.0
    return spread[point_of]


def best(ranks: npt.NDArray[np.int64], distance: npt.NDArray[np.float64], count: int) -> Positions:
    """Positions of the `count` best: lower rank first, then the less crowded, then the earlier."""
    return np.lexsort((np.arange(len(ranks)), -distance, ranks))[:count]


def non_dominated(losses: Losses) -> npt.NDArray[np.bool_]:
    """Which candidates no other dominates, the first of equal ones only: bool [candidates]."""
    if not len(losses):
        return np.zeros(0, bool)
    originals, _ = _split_copies(losses)
    kept = np.zeros(len(losses), bool)
    kept[originals] = moocore.is_nondominated(losses[originals])
    return kept


def hypervolume(losses: Losses, reference: npt.ArrayLike) -> float:
    """Volume that the candidates dominate, up to the reference point; points beyond it count nothing."""
    reference = np.asarray(reference, float)
    inside = losses[(losses < reference).all(axis=1)] if len(losses) else losses
    return float(moocore.hypervolume(inside, ref=reference)) if len(inside) else 0.0
