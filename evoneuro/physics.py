"""Physics that the loop of decisions in C calls: a task's `step` as a compiled function of arrays.

Whole episodes of a batch then run without Python. `sines` and `cosines` are numpy's, whose last bits no other library
shares and which Gymnasium's environments use, for compiled code.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import llvmlite.binding
import numba
import numpy as np
import numpy.typing as npt

types: Any = numba.types  # numba has no types of its own

Floats = npt.NDArray[np.float64]
Advance = Callable[[Any, Any, Any, Any, Any, Any], None]


@dataclass(frozen=True)
class Physics:
    """A compiled function and what it is called with.

    Attributes:
        function: made by the decorator `compiled`.
        parameters: float64 [any], what the function is told of the task.
        values: of an observation.
    """

    function: Compiled
    parameters: Floats
    values: int

    def step(self, state: Floats, choice: npt.NDArray[Any]) -> tuple[Floats, Floats, Floats, npt.NDArray[np.bool_]]:
        """All lanes by one decision.

        Args:
            state: (lanes, numbers).
            choice: int [lanes].

        Returns:
            New arrays: state, observation (lanes, values), reward [lanes] and over [lanes].
        """
        after, chosen = np.array(state, np.float64, order="C"), np.ascontiguousarray(choice, np.int32)
        observation, reward = np.empty((len(state), self.values)), np.empty(len(state))
        over = np.empty(len(state), np.bool_)
        self.function.arrays(after, chosen, self.parameters, observation, reward, over)
        return after, observation, reward, over


@dataclass(frozen=True)
class Compiled:
    """A compiled function.

    Attributes:
        arrays: takes arrays, for Python.
        entry: takes their addresses and sizes, for C; it lives as long as this object.
    """

    arrays: Any
    entry: Any

    @property
    def address(self) -> int:
        """Where the compiled function begins, for C."""
        return int(self.entry.address)


def compiled(cache: bool = False) -> Callable[[Advance], Compiled]:
    """A decorator: compile a function of (state, choice, parameters, observation, reward, over).

    All but `parameters`, float64 [any], lead with lanes: state float64 (lanes, numbers), choice int32 [lanes],
    observation float64 (lanes, values), reward float64 [lanes], over bool [lanes]. The function writes the state after
    the decision over the one before, and fills the last three. What it does to a lane must not depend on others.

    Args:
        cache: keep the machine code beside the file, as `numba.njit` does.
    """

    def decorate(function: Advance) -> Compiled:
        arrays: Any = numba.njit(_ARRAYS, nogil=True, cache=cache)(function)
        at: Any = numba.carray  # type: ignore[attr-defined]

        def entry(
            state: Any, numbers: int, choice: Any, parameters: Any, count: int, lanes: int,
            observation: Any, values: int, reward: Any, over: Any,
        ) -> None:  # fmt: skip
            arrays(
                at(state, (lanes, numbers)),
                at(choice, (lanes,)),
                at(parameters, (count,)),
                at(observation, (lanes, values)),
                at(reward, (lanes,)),
                at(over, (lanes,)),
            )

        return Compiled(arrays, numba.cfunc(_POINTERS)(entry))

    return decorate


_ROW, _TABLE = types.Array(types.float64, 1, "C"), types.Array(types.float64, 2, "C")
_ARRAYS = types.void(
    _TABLE, types.Array(types.int32, 1, "C"), _ROW, _TABLE, _ROW, types.Array(types.boolean, 1, "C")
)  # fmt: skip
_NUMBERS, _COUNT = types.CPointer(types.float64), types.int64
_POINTERS = types.void(
    _NUMBERS, _COUNT, types.CPointer(types.int32), _NUMBERS, _COUNT, _COUNT, _NUMBERS, _COUNT, _NUMBERS,
    types.CPointer(types.boolean),
)  # fmt: skip


class _UFunc(ctypes.Structure):
    """The head of numpy's PyUFuncObject, as its C interface documents it."""

    _fields_ = [
        ("head", ctypes.c_byte * object.__basicsize__),
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
    ]


def _loop(ufunc: np.ufunc) -> Any:
    """numpy's own loop over doubles, as compiled code calls it: by a name, so that what is cached finds it again."""
    found = _UFunc.from_address(id(ufunc))
    assert (found.nin, found.nout, found.ntypes) == (ufunc.nin, ufunc.nout, ufunc.ntypes), "numpy's ufuncs changed"
    name = f"evoneuro_numpy_{ufunc.__name__}"
    llvmlite.binding.add_symbol(name, found.functions[ufunc.types.index("d->d")])
    return types.ExternalFunction(name, types.void(*[types.intp] * 4))


_sine, _cosine = _loop(np.sin), _loop(np.cos)


@numba.njit(nogil=True, cache=True)
def sines(angles: Floats, out: Floats) -> None:
    """numpy's sines of angles [any], radians, both arrays contiguous."""
    arguments = np.array([angles.ctypes.data, out.ctypes.data])
    count, strides = np.array([len(angles)]), np.array([8, 8])
    _sine(arguments.ctypes.data, count.ctypes.data, strides.ctypes.data, 0)


@numba.njit(nogil=True, cache=True)
def cosines(angles: Floats, out: Floats) -> None:
    """numpy's cosines of angles [any], radians, both arrays contiguous."""
    arguments = np.array([angles.ctypes.data, out.ctypes.data])
    count, strides = np.array([len(angles)]), np.array([8, 8])
    _cosine(arguments.ctypes.data, count.ctypes.data, strides.ctypes.data, 0)
