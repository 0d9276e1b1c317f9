"""The helpers that check values, and the errors they raise."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoneuro.errors import (
    EvoNeuroError,
    FormatError,
    PluginError,
    RunError,
    check_choice,
    check_integer,
    check_shape,
    nearest,
)


@pytest.mark.parametrize(("error", "status"), [(EvoNeuroError, 2), (FormatError, 2), (PluginError, 2), (RunError, 1)])
def test_exit_status(error: type[EvoNeuroError], status: int) -> None:
    assert error("x").status == status
    assert issubclass(error, EvoNeuroError)
    assert issubclass(error, ValueError)


def test_a_plugin_error_keeps_its_trace_between_processes() -> None:
    error = copy.copy(PluginError("task failed", "line 3"))  # by the protocol that carries errors between processes
    assert (str(error), error.trace) == ("task failed", "line 3")


def test_nearest_names_the_nearest() -> None:
    assert nearest("refractry", ["leak", "refractory", "threshold"]) == " Did you mean 'refractory'?"


def test_nearest_lists_all_in_order_when_none_is_near() -> None:
    assert nearest("zzz", ["leak", "delay"]) == " There are: delay, leak."


def test_nearest_says_nothing_of_nothing() -> None:
    assert nearest("zzz", []) == ""


def test_check_choice() -> None:
    assert check_choice("reset", "zero", ("zero", "subtract")) == "zero"
    with pytest.raises(EvoNeuroError, match=r"reset: no such name: 'substract'\. Did you mean 'subtract'\?"):
        check_choice("reset", "substract", ("zero", "subtract"))


@pytest.mark.parametrize("value", [None, 3, ["zero"], {}])
def test_check_choice_refuses_what_is_no_name(value: Any) -> None:
    with pytest.raises(EvoNeuroError, match="reset: no such name"):
        check_choice("reset", value, ("zero", "subtract"))


@pytest.mark.parametrize("value", [3, 3.0, np.int8(3), np.uint64(3), np.float64(3.0)])
def test_check_integer_gives_a_python_integer(value: Any) -> None:
    result = check_integer("x", value, 3, 3)
    assert result == 3
    assert type(result) is int


@pytest.mark.parametrize(
    "value", [True, np.True_, 2.5, math.nan, math.inf, "3", None, [3], np.array([1, 2]), 3 + 0j], ids=repr
)
def test_check_integer_refuses_what_is_no_integer(value: Any) -> None:
    with pytest.raises(EvoNeuroError, match=r"gain: expected an integer from 0 to 9, got"):
        check_integer("gain", value, 0, 9)


@given(st.integers(), st.integers(), st.integers())
def test_check_integer_keeps_the_range(value: int, low: int, high: int) -> None:
    if low <= value <= high:
        assert check_integer("x", value, low, high) == value
    else:
        with pytest.raises(EvoNeuroError, match=f"x: expected {low} to {high}, got {value}"):
            check_integer("x", value, low, high)


@pytest.mark.parametrize(
    ("shape", "expected"), [((3, 4), (3, 4)), ((3, 4), ("steps", 4)), ((), ()), ((0, 9), ("steps", "lanes"))]
)
def test_check_shape_accepts(shape: tuple[int, ...], expected: tuple[int | str, ...]) -> None:
    check_shape("raster", shape, expected)


@pytest.mark.parametrize("shape", [(3,), (3, 5), (3, 4, 1), ()])
def test_check_shape_refuses(shape: tuple[int, ...]) -> None:
    with pytest.raises(EvoNeuroError) as caught:
        check_shape("raster", shape, ("steps", 4))
    assert str(caught.value) == f"raster: expected shape (steps, 4), got {shape}"
