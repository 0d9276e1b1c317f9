"""Keyed randomness: a number is a function of its key, and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoneuro import keys

PARTS = {"seed": 1, "stream": "episodes", "island": 2, "generation": 3, "index": 4, "sub": 5}


def test_streams_never_change() -> None:
    # renumbering a stream would change every result of every seed
    assert keys.STREAMS == {
        "initial": 0, "variation": 1, "selection": 2, "episodes": 3, "validation": 4, "test": 5, "split": 6,
        "jitter": 7, "check": 8, "baseline": 9, "perturbation": 10, "verify": 11,
    }  # fmt: skip


def test_generator_is_philox_of_the_five_part_key() -> None:
    key = (keys.STREAMS["episodes"], 2, 3, 4, 5)
    expected = np.random.Generator(np.random.Philox(np.random.SeedSequence(1, spawn_key=key)))
    assert keys.generator(**PARTS).integers(0, 2**63, 8).tolist() == expected.integers(0, 2**63, 8).tolist()  # type: ignore[arg-type]


def test_numbers_of_a_key_never_change() -> None:
    # recorded once: whoever changes them makes every published seed mean something else
    assert keys.generator(1, "variation", generation=2, index=3).integers(0, 1000, 5).tolist() == [
        304,
        674,
        225,
        913,
        402,
    ]
    assert keys.lane_keys(1, "episodes", 2, generation=7).tolist() == [6177698145173649302, 8684728636869730387]


def test_the_same_key_gives_the_same_numbers_in_any_order() -> None:
    first = keys.generator(1, "initial", index=1).random(4)
    keys.generator(1, "initial", index=0).random(100)
    assert keys.generator(1, "initial", index=1).random(4).tolist() == first.tolist()


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_a_key_matters(part: str) -> None:
    other = {**PARTS, part: "test" if part == "stream" else PARTS[part] + 1}  # type: ignore[operator]
    draws = [keys.generator(**key).integers(0, 2**63, 4).tolist() for key in (PARTS, other)]  # type: ignore[arg-type]
    assert draws[0] != draws[1]


def test_parts_do_not_run_into_one_another() -> None:
    parts = ("island", "generation", "index", "sub")
    draws = {keys.generator(1, "initial", **{part: 1}).integers(0, 2**63) for part in parts}  # type: ignore[arg-type]
    draws |= {keys.generator(1, "initial").integers(0, 2**63), keys.generator(1, "variation").integers(0, 2**63)}
    assert len(draws) == 6


@pytest.mark.parametrize("part", [2**32, -1])
@pytest.mark.parametrize("name", ["island", "generation", "index", "sub"])
def test_a_part_beyond_32_bits_is_refused(name: str, part: int) -> None:
    with pytest.raises(AssertionError):
        keys.sequence(1, "initial", **{name: part})


@given(st.integers(0, 2**31), st.integers(0, 6), st.integers(0, 6))
def test_a_lane_key_does_not_depend_on_the_others(seed: int, first: int, count: int) -> None:
    all_keys = keys.lane_keys(seed, "episodes", 12, generation=3)
    assert all_keys.dtype == np.uint64
    some = keys.lane_keys(seed, "episodes", count, generation=3, first=first)
    assert some.tolist() == all_keys[first : first + count].tolist()


def test_lane_keys_differ_by_episode_generation_and_stream() -> None:
    drawn = [keys.lane_keys(1, stream, 20, generation) for stream in ("episodes", "test") for generation in (0, 1)]
    assert len(set(np.concatenate(drawn).tolist())) == 80


@given(st.lists(st.integers(0, 2**64 - 1), max_size=8))
def test_uniform_draws_each_lane_from_its_own_key(numbers: list[int]) -> None:
    low, high = [-1.0, 5.0, 0.0], [1.0, 6.0, 1e-3]
    drawn = keys.uniform(np.array(numbers, np.uint64), low, high)
    assert drawn.shape == (len(numbers), 3)
    assert ((drawn >= low) & (drawn < high)).all()
    for number, row in zip(numbers, drawn, strict=True):
        assert row.tolist() == keys.lane_generator(number).uniform(low, high).tolist()


def test_uniform_gives_equal_keys_equal_numbers_and_others_others() -> None:
    drawn = keys.uniform(np.array([7, 3, 7], np.uint64), 0, 1)
    assert drawn.shape == (3, 1)
    assert drawn[0] == drawn[2] != drawn[1]


def test_uniform_fills_its_range() -> None:
    drawn = keys.uniform(keys.lane_keys(0, "test", 400), [-2.0], [2.0])
    assert -2.0 <= drawn.min() < -1.9
    assert 1.9 < drawn.max() < 2.0
    assert abs(drawn.mean()) < 0.2


def test_the_global_random_state_is_not_touched() -> None:
    before = np.random.get_state()[1].tolist()  # type: ignore[index, union-attr]
    keys.uniform(keys.lane_keys(0, "test", 5), 0, 1)
    keys.generator(0, "initial").random(5)
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index, union-attr]
