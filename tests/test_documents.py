"""Documents: canonical bytes, and the same numbers back."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evoneuro.documents import filed, pack, section, unpack
from evoneuro.errors import FormatError

integers = arrays.arrays(np.int64, arrays.array_shapes(min_dims=1, max_dims=2, min_side=0))
floats = arrays.arrays(np.float64, arrays.array_shapes(min_dims=1, max_dims=2, min_side=0))
plain = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))
documents = st.dictionaries(st.text(max_size=5), integers | floats | plain, max_size=5)


@given(documents)
def test_whatever_goes_in_comes_out(document: dict[str, Any]) -> None:
    back = unpack(pack(document))
    assert sorted(back) == sorted(document)
    for name, value in document.items():
        if isinstance(value, np.ndarray):
            again = back[name].astype(value.dtype)
            assert again.shape == value.shape
            assert again.tobytes() == value.tobytes()  # NaN, infinity and -0.0 to the bit
            assert not back[name].flags.writeable
        else:
            assert back[name] == value


@given(documents)
def test_the_same_document_has_the_same_bytes(document: dict[str, Any]) -> None:
    turned = dict(reversed(document.items()))
    assert pack(turned) == pack(document) == pack(unpack(pack(document)))


def test_integers_are_narrow() -> None:
    sizes = {0: 1, 255: 1, 256: 2, -1: 1, -129: 2, 2**16: 4, -(2**31): 4, 2**32: 8}
    for value, size in sizes.items():
        assert unpack(pack({"a": np.array([value, 0])}))["a"].dtype.itemsize == size, value
    assert pack({"a": np.array([1, 2], np.int32)}) == pack({"a": np.array([1, 2], np.int64)})


def test_the_layout_is_what_is_documented() -> None:
    blob = pack({"b": np.array([1, -2]), "a": np.array([[0.5]]), "word": "ü"})
    size = int.from_bytes(blob[:8], "little")
    head = json.loads(blob[8 : 8 + size])
    assert head == {"arrays": [["a", "<f8", [1, 1]], ["b", "|i1", [2]]], "values": {"word": "ü"}}
    assert blob[8 + size :] == np.array(0.5, "<f8").tobytes() + b"\x01\xfe"


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), {"a": math.nan}])
def test_plain_values_are_json(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        pack({"a": value})


BLOB = pack({"a": np.arange(5), "b": 3})


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\xff" * 40,
        BLOB[:-1],
        BLOB + b"0",
        BLOB.replace(b"|u1", b"|O8"),
        BLOB.replace(b"[5]", b"[9]"),
        BLOB.replace(b"arrays", b"arrows"),
        (9).to_bytes(8, "little") + b"[1, 2, 3]",
    ],
)
def test_anything_else_is_refused(blob: bytes) -> None:
    with pytest.raises(FormatError, match="document: damaged"):
        unpack(blob)


def test_parts_of_a_document() -> None:
    document = {**filed("one", {"a": 1, "b": 2}), **filed("other", {"a": 3})}
    assert section(document, "one") == {"a": 1, "b": 2}
    assert section(document, "other") == {"a": 3}
