"""Events in memory: columns and structured arrays of any kind become one form, or a message says why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from event_data import recordings
from hypothesis import given

from evoneuro.errors import EvoNeuroError
from evoneuro.events import EVENT, Events, as_events, make_events


def test_columns_and_scalars() -> None:
    events = make_events([1, 2], 0, np.array([0.4, 1e6]), [True, False])
    assert events.dtype == EVENT
    assert events.tolist() == [(1, 0, 0, 1), (2, 0, 1_000_000, 0)]


def test_what_has_the_form_is_not_copied() -> None:
    events = make_events([1], [2], [3], [1])
    assert as_events(events) is events


@given(recordings())
def test_any_order_and_type_of_fields(events: Events) -> None:
    other = np.dtype([("p", np.bool_), ("t", np.float64), ("y", np.int32), ("x", ">u4")])
    turned = np.empty(len(events), other)
    for name in other.names or ():
        turned[name] = events[name]
    assert (as_events(turned) == events).all()


def test_a_cochlea_has_channels_only() -> None:
    spikes = np.array([(5, 699)], [("t", np.int64), ("x", np.int64)])
    assert as_events(spikes).tolist() == [(699, 0, 5, 1)]


def test_off_may_be_minus_one() -> None:
    assert make_events([0, 0], 0, 0, np.array([-1, 1], np.int8))["p"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0, 1], [0], [0, 1], 1), "of one length"),
        ((0, 0, 0, 1), "of one length"),
        (([[0]], 0, 0, 1), "of one length"),
        (([-1], 0, 0, 1), "x: expected 0 to 65535, got -1"),
        (([70000], 0, 0, 1), "x: expected 0 to 65535, got 70000"),
        (([0.5], 0, 0, 1), "x has fractions"),
        (([0], 0, [np.nan], 1), "t has values that are no finite"),
        (([0], 0, [2**60], 1), "t: expected"),
        (([0], 0, np.array([2**64 - 1], np.uint64), 1), "t: expected"),
        (([0], 0, 0, [2]), "p: expected -1 to 1"),
        ((["a"], 0, 0, 1), "x: expected numbers"),
        (([0], 0, [1j], 1), "t: expected numbers"),
    ],
)
def test_says_what_is_wrong_with_columns(columns: Any, message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        make_events(*columns)


@pytest.mark.parametrize(
    "array", [np.zeros((3, 4)), np.zeros(3, [("x", int)]), np.zeros((2, 2), EVENT), np.zeros(0), None]
)
def test_says_what_a_structured_array_needs(array: Any) -> None:
    with pytest.raises(EvoNeuroError, match="expected a structured array"):
        as_events(array)


def test_what_has_the_form_is_checked_all_the_same() -> None:
    events = make_events([1], [2], [3], [1])
    events["p"] = 2
    with pytest.raises(EvoNeuroError, match="p: expected"):
        as_events(events)
