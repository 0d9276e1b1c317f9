"""Documents: plain values and arrays as one canonical blob; the same document gives the same bytes.

A blob is the length of its head (8 bytes, little-endian), the head and the arrays' raw little-endian bytes, one after
another. The head is JSON: the plain values, and name, type and shape of each array. Integers are stored in the
narrowest type that holds them. Nothing in a blob is code.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import DamageError, EvoNeuroError, FormatError, printable

INTEGERS = tuple(np.dtype(kind) for kind in ("<u1", "<i1", "<u2", "<i2", "<u4", "<i4", "<i8"))
FLOAT = np.dtype("<f8")
TYPES = {kind.str: kind for kind in (*INTEGERS, FLOAT)}


@contextmanager
def sound(what: str) -> Iterator[None]:
    """Decode in the body what stands in a run's record: whatever cannot be decoded is damage, in one line.

    Raises:
        DamageError: the body raised what values of wrong types, sizes or keys make it raise.
    """
    try:
        yield
    except EvoNeuroError:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError) as error:
        raise DamageError(f"{what}: damaged: {one_line(error)}") from None
    except (TypeError, ValueError, zlib.error) as error:
        raise DamageError(f"{what}: damaged: {one_line(error)}") from None


def one_line(error: Exception) -> str:
    """Type and message of an error that may quote what it found."""
    return printable(" ".join(f"{type(error).__name__}: {error}".split()))[:300]


def canonical(value: Any) -> str:
    """A plain value as JSON, in one form.

    Raises:
        ValueError, TypeError: NaN, infinity, or what JSON does not know.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def pack(document: Mapping[str, Any]) -> bytes:
    """The blob of a document: names to arrays (integers or float64) and plain values.

    Raises:
        ValueError, TypeError: a plain value that JSON does not know; only arrays may hold NaN and infinity.
    """
    arrays = {name: _narrowed(value) for name, value in sorted(document.items()) if isinstance(value, np.ndarray)}
    values = {name: value for name, value in document.items() if name not in arrays}
    head = {"arrays": [[name, array.dtype.str, array.shape] for name, array in arrays.items()], "values": values}
    text = canonical(head).encode()
    return b"".join([len(text).to_bytes(8, "little"), text, *(array.tobytes() for array in arrays.values())])


def unpack(blob: bytes) -> dict[str, Any]:
    """The document of `pack`; arrays are read-only views of the blob, in the types in which they were stored.

    Raises:
        FormatError: not the bytes of `pack`.
    """
    try:
        end = 8 + int.from_bytes(blob[:8], "little")
        head = json.loads(blob[8:end])
        document = dict(head["values"])
        for name, kind, shape in head["arrays"]:
            count = math.prod(shape)
            document[name] = np.frombuffer(blob, TYPES[kind], count, end).reshape(shape)
            end += count * TYPES[kind].itemsize
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise FormatError(f"document: damaged: {error}") from None
    if end != len(blob):
        raise FormatError(f"document: damaged: expected {end} bytes, got {len(blob)}")
    return document


def filed(name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """Entries of a document for one part of it: "NAME.KEY"."""
    return {f"{name}.{key}": value for key, value in part.items()}


def section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The part of a document that was `filed` under a name."""
    return {key.removeprefix(f"{name}."): value for key, value in document.items() if key.startswith(f"{name}.")}


def _narrowed(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same numbers in the type in which they are stored."""
    if array.dtype.kind == "f":
        return array.astype(FLOAT)
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    fits = (kind for kind in INTEGERS if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return array.astype(next(fits))
