"""Ragged arrays against lists of lists."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from test_genome import GENES, genome

from evoneuro.genome import Genomes
from evoneuro.ragged import counts, elements, owners, starts_of

lists = st.lists(st.lists(st.booleans(), max_size=4), max_size=6)


@given(lists, st.data())
def test_parts_and_their_elements(parts: list[list[bool]], data: st.DataObject) -> None:
    starts = starts_of([len(part) for part in parts])
    flat = np.array([flag for part in parts for flag in part], bool)
    assert starts.dtype == np.int32
    assert [flat[a:b].tolist() for a, b in pairwise(starts)] == parts
    assert owners(starts).tolist() == [i for i, part in enumerate(parts) for _ in part]
    assert counts(starts, flat).tolist() == [sum(part) for part in parts]
    chosen = data.draw(st.lists(st.integers(0, len(parts) - 1), max_size=5) if parts else st.just([]))
    found = flat[elements(starts, np.array(chosen, np.intp))]
    assert found.tolist() == [flag for i in chosen for flag in parts[i]]


@st.composite
def batches(draw: st.DrawFn) -> Genomes:
    members = []
    for _ in range(draw(st.integers(0, 5))):
        n, s = draw(st.integers(1, 3)), draw(st.integers(0, 3))
        columns = {name: list(range(s if name in ("pre", "post", "weight", "delay") else n)) for name in GENES[:-1]}
        members.append(genome(**columns, parameters=[draw(st.integers(0, 9))] * 3))
    return Genomes.of(members)


def keys(genomes: Genomes) -> list[bytes]:
    return [one.key() for one in genomes]


@given(batches(), batches(), st.data())
def test_batches_are_sequences(one: Genomes, other: Genomes, data: st.DataObject) -> None:
    a, b, c = (data.draw(st.none() | st.integers(-7, 7)) for _ in range(3))
    assert keys(one[a:b]) == keys(one)[a:b]
    assert keys(one[a : b : c or 1]) == keys(one)[a : b : c or 1]
    assert keys(one.joined(other, one)) == [*keys(one), *keys(other), *keys(one)]
    positions = data.draw(st.lists(st.integers(0, len(one) - 1), max_size=5) if len(one) else st.just([]))
    assert keys(one.take(positions)) == [keys(one)[i] for i in positions]
    assert one.take(positions).ids.dtype == np.int64
    places = data.draw(st.permutations(range(len(one))))[: len(other)]
    expected = keys(one)
    for k, place in enumerate(places):
        expected[place] = keys(other)[k]
    assert keys(one.replaced(np.array(places, np.intp), other[: len(places)])) == expected
