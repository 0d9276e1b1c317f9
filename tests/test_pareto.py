"""Ranks, crowding, selection, hypervolume: against a plain oracle, DEAP, and cases with a known answer."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from deap import base, tools
from deap.tools import emo
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro import pareto

Floats = npt.NDArray[np.float64]


def dominates(a: Floats, b: Floats) -> bool:
    return bool((a <= b).all() and (a < b).any())


def oracle_rank(losses: Floats, violation: Floats) -> list[int]:
    """Front after front, each of those whom nobody left beats."""
    kinds = []
    for i, row in enumerate(losses):
        if not (np.isfinite(row).all() and np.isfinite(violation[i])):
            kinds.append(3)
        elif violation[i] > 0:
            kinds.append(2)
        else:
            earlier = [k for k in range(i) if kinds[k] in (0, 1) and (losses[k] == row).all()]
            kinds.append(1 if earlier and len(row) > 1 else 0)

    def beats(i: int, j: int) -> bool:
        if kinds[i] != kinds[j]:
            return kinds[i] < kinds[j]
        if kinds[i] < 2:
            return dominates(losses[i], losses[j])
        return kinds[i] == 2 and violation[i] < violation[j]

    ranks = [-1] * len(losses)
    level = 0
    while -1 in ranks:
        left = [i for i, rank in enumerate(ranks) if rank < 0]
        for i in [i for i in left if not any(beats(j, i) for j in left)]:
            ranks[i] = level
        level += 1
    return ranks


# few values, so that ties, copies and equal columns are common
small = st.integers(0, 3).map(float)
loss = st.one_of(small, small, small, small, small, small, st.sampled_from([np.inf, np.nan, -0.0, -np.inf]))
broken = st.one_of(st.just(0.0), st.just(0.0), st.sampled_from([0.5, 1.0, np.inf, np.nan]))


@st.composite
def candidates(draw: st.DrawFn) -> tuple[Floats, Floats]:
    n, m = draw(st.integers(0, 14)), draw(st.integers(1, 3))
    rows = draw(st.lists(st.lists(loss, min_size=m, max_size=m), min_size=n, max_size=n))
    violation = draw(st.lists(broken, min_size=n, max_size=n))
    return np.array(rows, float).reshape(n, m), np.array(violation, float)


@given(candidates())
@settings(max_examples=400, deadline=None)
def test_ranks_equal_the_oracle(drawn: tuple[Floats, Floats]) -> None:
    losses, violation = drawn
    before = losses.copy(), violation.copy()
    assert pareto.rank(losses, violation).tolist() == oracle_rank(losses, violation)
    np.testing.assert_array_equal(losses, before[0])
    np.testing.assert_array_equal(violation, before[1])


@pytest.mark.parametrize("m", [1, 2, 3, 6])
def test_ranks_of_many_distinct_losses_equal_the_oracle(m: int) -> None:
    losses = np.random.default_rng(m).random((150, m))
    assert pareto.rank(losses, np.zeros(150)).tolist() == oracle_rank(losses, np.zeros(150))


def test_feasible_then_infeasible_then_failed() -> None:
    losses = np.array([[9, 9], [0, 0], [0, 0], [np.nan, 0], [1, 1], [0, 0]], float)
    violation = np.array([0, 0.2, 0.1, 0, 0, np.inf])
    assert pareto.rank(losses, violation).tolist() == [1, 3, 2, 4, 0, 4]


# Copies


@pytest.mark.parametrize("seed", range(20))
def test_copies_never_crowd_the_front(seed: int) -> None:
    rng = np.random.default_rng(seed)
    losses = rng.integers(0, 12, (20, 2)).astype(float)
    losses = losses[np.sort(np.unique(losses, axis=0, return_index=True)[1])]
    n = len(losses)
    copied = losses[rng.integers(0, n, 60)]
    ranks = pareto.rank(losses, np.zeros(n))
    crowded = np.concatenate([losses, copied])
    crowded_ranks = pareto.rank(crowded, np.zeros(len(crowded)))
    np.testing.assert_array_equal(crowded_ranks[:n], ranks)
    assert crowded_ranks[n:].min() > ranks.max()
    np.testing.assert_array_equal(pareto.crowding(crowded, crowded_ranks)[:n], pareto.crowding(losses, ranks))
    chosen = pareto.best(crowded_ranks, pareto.crowding(crowded, crowded_ranks), n)
    assert sorted(chosen.tolist()) == list(range(n))


def test_with_one_objective_equals_share_a_rank() -> None:
    losses = np.array([[2], [1], [2], [1], [3]], float)
    ranks = pareto.rank(losses, np.zeros(5))
    assert ranks.tolist() == [1, 0, 1, 0, 2]
    assert pareto.best(ranks, pareto.crowding(losses, ranks), 4).tolist() == [1, 3, 0, 2]


def test_a_copy_is_better_than_whoever_is_infeasible() -> None:
    assert pareto.rank(np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]), np.array([0, 0, 0.1])).tolist() == [0, 1, 2]


def test_losses_of_zero_are_equal_whatever_their_sign() -> None:
    assert pareto.rank(np.array([[0.0, 1], [-0.0, 1]]), np.zeros(2)).tolist() == [0, 1]


# DEAP


def individuals(losses: Floats) -> list[Any]:
    """DEAP's individuals, each with its position."""
    fitness = type("Fitness", (base.Fitness,), {"weights": (-1.0,) * losses.shape[1]})
    made = []
    for position, row in enumerate(losses):
        individual = type("Individual", (), {})()
        individual.position = position
        individual.fitness = fitness(row.tolist())
        made.append(individual)
    return made


@pytest.mark.parametrize("m", [2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_the_best_are_those_of_deaps_nsga2(seed: int, m: int) -> None:
    n = 40
    losses = np.random.default_rng([seed, m]).random((n, m))
    ranks = pareto.rank(losses, np.zeros(n))
    distance = pareto.crowding(losses, ranks)
    order = pareto.best(ranks, distance, n)
    compared = 0
    for k in range(1, n):
        last, first_out = order[k - 1], order[k]
        if (ranks[last], distance[last]) == (ranks[first_out], distance[first_out]):
            continue  # the ends of a front are equally good, and either may go
        selected = {i.position for i in tools.selNSGA2(individuals(losses), k, nd="log")}
        assert set(pareto.best(ranks, distance, k).tolist()) == selected, k
        compared += 1
    assert compared > n // 3


@pytest.mark.parametrize("m", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(6))
def test_crowding_is_deaps(seed: int, m: int) -> None:
    losses = np.random.default_rng([seed, m]).normal(0, 100, (30, m))
    made = individuals(losses)
    emo.assignCrowdingDist(made)
    expected = np.array([i.fitness.crowding_dist for i in made]) * m  # DEAP divides by the number of objectives
    np.testing.assert_allclose(pareto.crowding(losses, np.zeros(30, np.int64)), expected, rtol=1e-12)


# Crowding


def test_crowding_of_a_line() -> None:
    losses = np.array([[0, 4], [1, 3], [3, 1], [4, 0]], float)
    assert pareto.crowding(losses, np.zeros(4, np.int64)).tolist() == [np.inf, 1.5, 1.5, np.inf]


def test_crowding_knows_its_own_rank_only() -> None:
    front = np.array([[0, 4], [1, 3], [3, 1], [4, 0]], float)
    both = np.concatenate([front, front + 0.5])
    ranks = np.repeat([0, 1], 4)
    assert pareto.crowding(both, ranks).tolist() == [np.inf, 1.5, 1.5, np.inf] * 2


def test_equal_losses_share_the_distance_of_their_point() -> None:
    losses = np.array([[0, 4], [1, 3], [1, 3], [1, 3], [3, 1], [4, 0]], float)
    assert pareto.crowding(losses, np.zeros(6, np.int64)).tolist() == [np.inf, 1.5, 1.5, 1.5, 1.5, np.inf]


def test_an_objective_in_which_all_are_equal_counts_nothing() -> None:
    losses = np.array([[0, 7], [1, 7], [4, 7]], float)
    assert pareto.crowding(losses, np.zeros(3, np.int64)).tolist() == [np.inf, 1.0, np.inf]
    assert pareto.crowding(np.full((3, 2), 7.0), np.zeros(3, np.int64)).tolist() == [0, 0, 0]


def test_failed_candidates_have_no_distance() -> None:
    losses = np.array([[0, 2], [1, 1], [2, 0], [np.inf, np.inf], [np.inf, np.inf]])
    assert pareto.crowding(losses, np.array([0, 0, 0, 1, 1])).tolist() == [np.inf, 2, np.inf, 0, 0]


# Best


def test_lower_rank_then_less_crowded_then_earlier() -> None:
    ranks = np.array([1, 0, 0, 0, 1])
    distance = np.array([np.inf, 0.5, np.inf, 0.5, np.inf])
    assert pareto.best(ranks, distance, 5).tolist() == [2, 1, 3, 0, 4]
    assert pareto.best(ranks, distance, 2).tolist() == [2, 1]
    assert pareto.best(ranks, distance, 9).tolist() == [2, 1, 3, 0, 4]


# Non-dominated


@given(candidates())
@settings(max_examples=200, deadline=None)
def test_the_non_dominated_are_the_first_front(drawn: tuple[Floats, Floats]) -> None:
    losses = drawn[0][np.isfinite(drawn[0]).all(axis=1)]
    # columns twice, so that of equals the first alone is in the front, with one objective too
    expected = [rank == 0 for rank in oracle_rank(np.repeat(losses, 2, axis=1), np.zeros(len(losses)))]
    assert pareto.non_dominated(losses).tolist() == expected


# Hypervolume


@pytest.mark.parametrize(
    ("points", "reference", "volume"),
    [
        ([[1.0]], [4.0], 3.0),
        ([[1, 2]], [4, 4], 6.0),
        ([[1, 3], [3, 1]], [4, 4], 5.0),  # 3 + 3 - 1
        ([[1, 3], [3, 1], [2, 2]], [4, 4], 6.0),
        ([[1, 3], [3, 1], [3, 3]], [4, 4], 5.0),  # a dominated point adds nothing
        ([[1, 3], [1, 3]], [4, 4], 3.0),  # nor does a copy
        ([[0, 0, 0]], [2, 3, 4], 24.0),
        ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], [2, 2, 2], 4.0),  # three bars of 2 that share a cube of 1
        ([[-3, 0.5]], [0, 1], 1.5),
        ([[5, 0]], [4, 4], 0.0),  # beyond the reference
        ([[4, 0]], [4, 4], 0.0),  # on its edge
        ([[5, 0], [1, 1]], [4, 4], 9.0),
        ([[np.inf, np.inf], [1, 1]], [4, 4], 9.0),
        ([[np.nan, 0], [1, 1]], [4, 4], 9.0),
    ],
    ids=str,
)
def test_hypervolume_of_known_cases(points: list[list[float]], reference: list[float], volume: float) -> None:
    assert pareto.hypervolume(np.array(points, float), reference) == pytest.approx(volume, abs=1e-12)


def test_hypervolume_of_nobody_is_0() -> None:
    assert pareto.hypervolume(np.zeros((0, 3)), [1, 1, 1]) == 0.0


@pytest.mark.parametrize("m", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_hypervolume_counts_the_dominated_cells(seed: int, m: int) -> None:
    side = 5
    points = np.random.default_rng([seed, m]).integers(0, side + 1, (6, m)).astype(float)
    cells = np.array(list(product(range(side), repeat=m)))
    dominated = (points[:, None, :] <= cells[None]).all(axis=2).any(axis=0).sum()
    assert pareto.hypervolume(points, [side] * m) == pytest.approx(dominated)
