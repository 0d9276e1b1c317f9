"""The genome and the bounds of its genes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.genome import PARAMETERS, Bounds, Genome, Genomes

GENES = ("ids", "threshold", "leak", "refractory", "pre", "post", "weight", "delay", "parameters")
WIDE = ("ids",)


def genome(**changes: Any) -> Genome:
    genes: dict[str, Any] = {
        "ids": [0, 1, 5], "threshold": [1, 2, 3], "leak": [-1, 0, 15], "refractory": [0, 0, 1],
        "pre": [0, 2], "post": [2, 1], "weight": [-3, 4], "delay": [1, 2], "parameters": [24, 0, 16],
    }  # fmt: skip
    return Genome(**{k: np.array(v, np.int64 if k in WIDE else np.int32) for k, v in (genes | changes).items()})


# Bounds


def test_the_default_is_hardware_safe() -> None:
    bounds = Bounds()
    assert bounds.threshold[0] >= 1
    assert bounds.delay[0] >= 1
    assert max(abs(weight) for weight in bounds.weight) <= 127
    assert (bounds.v_min, bounds.reset) == (-127, "zero")
    assert bounds.leak == (-1, 0)  # none and full are on every device, a shift is not
    assert bounds.refractory == (0, 0)


def test_parameters_are_in_the_order_of_their_names() -> None:
    bounds = Bounds(window=[3, 4], evidence=(1, 2), gain=(5, 6))  # type: ignore[arg-type]
    assert PARAMETERS == ("window", "evidence", "gain")
    assert bounds.parameters.tolist() == [[3, 4], [1, 2], [5, 6]]
    assert bounds.parameters.dtype == np.int32


def test_lists_become_pairs_of_integers() -> None:
    bounds = Bounds(weight=[-7, 7.0], delay=[np.int64(1), 3])  # type: ignore[arg-type, list-item]
    assert (bounds.weight, bounds.delay) == ((-7, 7), (1, 3))
    assert [type(value) for value in (*bounds.weight, *bounds.delay)] == [int] * 4
    assert bounds == Bounds(weight=(-7, 7), delay=(1, 3))


@pytest.mark.parametrize("name", ["hidden", "synapses", "v_min"])
def test_a_whole_number_written_as_a_float_is_an_integer(name: str) -> None:
    value = {"hidden": 3.0, "synapses": 9.0, "v_min": -5.0}[name]
    assert type(getattr(Bounds(**{name: value}), name)) is int  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": 5}, r"genome.threshold: expected \[low, high\], got 5"),
        ({"threshold": [1, 2, 3]}, r"genome.threshold: expected \[low, high\]"),
        ({"threshold": "12"}, r"genome.threshold: expected \[low, high\], got '12'"),
        ({"threshold": [3, 2]}, "genome.threshold: low 3 is above high 2"),
        ({"threshold": [1, 1.5]}, "genome.threshold: expected an integer"),
        ({"threshold": [True, 2]}, "genome.threshold: expected an integer"),
        ({"threshold": [1, 2**30 + 1]}, "genome.threshold: expected -1073741824 to 1073741824"),
        ({"leak": [-2, 0]}, "genome.leak: expected -1 to 15, got -2"),
        ({"leak": [0, 16]}, "genome.leak: expected -1 to 15, got 16"),
        ({"refractory": [0, 256]}, "genome.refractory: expected 0 to 255, got 256"),
        ({"weight": [-(2**20) - 1, 0]}, "genome.weight: expected"),
        ({"delay": [0, 5]}, "genome.delay: expected 1 to 255, got 0"),
        ({"delay": [1, 256]}, "genome.delay: expected 1 to 255, got 256"),
        ({"window": [0, 5]}, "genome.window: expected 1 to 65536, got 0"),
        ({"evidence": [-1, 5]}, "genome.evidence: expected 0 to 65536, got -1"),
        ({"gain": [0, 16]}, "genome.gain: expected 1 to 256, got 0"),
        ({"hidden": -1}, "genome.hidden: expected 0 to 65536, got -1"),
        ({"synapses": 0}, "genome.synapses: expected 1 to 1048576, got 0"),
        ({"v_min": 1}, "genome.v_min: expected -1073741824 to 0, got 1"),
        ({"reset": "substract"}, r"genome.reset: no such name: 'substract'. Did you mean 'subtract'\?"),
        ({"reset": "subtract", "threshold": [0, 5]}, "genome.reset 'subtract' needs thresholds >= 1"),
    ],
    ids=str,
)
def test_wrong_bounds_are_refused_with_a_message(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        Bounds(**changes)


# Genome


@pytest.mark.parametrize("name", GENES)
def test_genes_are_read_only(name: str) -> None:
    with pytest.raises(ValueError, match="read-only"):
        getattr(genome(), name)[0] = 1


def test_synapses_are_counted() -> None:
    assert genome().synapses == 2


@pytest.mark.parametrize("name", GENES)
def test_every_gene_is_in_the_key(name: str) -> None:
    values = getattr(genome(), name).tolist()
    for i in range(len(values)):
        changed = genome(**{name: [*values[:i], values[i] + 1, *values[i + 1 :]]})
        assert changed.key() != genome().key()
    assert genome().key() == genome().key()


columns = st.lists(st.integers(0, 1), max_size=2)


@given(st.lists(columns, min_size=9, max_size=9), st.lists(columns, min_size=9, max_size=9))
@settings(max_examples=200)
def test_keys_are_equal_only_for_equal_genomes(first: list[list[int]], second: list[list[int]]) -> None:
    # lengths and values that could run into one another
    one, other = (genome(**dict(zip(GENES, values, strict=True))) for values in (first, second))
    assert (one.key() == other.key()) == (first == second)


def test_a_gene_that_moves_to_another_column_changes_the_key() -> None:
    assert genome(weight=[1, 0], delay=[]).key() != genome(weight=[1], delay=[0]).key()
    assert genome(weight=[], delay=[0, 1]).key() != genome(weight=[0, 1], delay=[]).key()


def test_documents_come_back() -> None:
    again = Genome.from_document(json.loads(json.dumps(genome().to_document())))
    assert again.key() == genome().key()
    assert list(genome().to_document()) == list(GENES)
    assert {name: getattr(again, name).dtype for name in GENES} == {
        name: getattr(genome(), name).dtype for name in GENES
    }


def test_empty_genes_come_back_with_their_types() -> None:
    bare = genome(pre=[], post=[], weight=[], delay=[])
    again = Genome.from_document(bare.to_document())
    assert again.key() == bare.key()
    assert (again.ids.dtype, again.pre.dtype, again.weight.dtype) == (np.int64, np.int32, np.int32)


@pytest.mark.parametrize("name", GENES)
def test_a_missing_gene_is_refused(name: str) -> None:
    document = {k: v for k, v in genome().to_document().items() if k != name}
    with pytest.raises(FormatError, match=r"genome: expected the genes ids, threshold, .*got "):
        Genome.from_document(document)


def test_an_unknown_gene_is_refused() -> None:
    with pytest.raises(FormatError, match=r"genome: expected the genes .* got .*colour"):
        Genome.from_document({**genome().to_document(), "colour": [1]})


# Genomes


def batch() -> Genomes:
    bare = genome(pre=[], post=[], weight=[], delay=[], ids=[0, 1], threshold=[7, 8], leak=[0, 0], refractory=[0, 0])
    return Genomes.of([genome(), bare, genome(weight=[9, 9], parameters=[1, 2, 3])])


def test_a_batch_is_a_sequence_of_its_genomes() -> None:
    genomes = batch()
    assert len(genomes) == 3
    assert [one.key() for one in Genomes.of(list(genomes))] == [one.key() for one in genomes]
    assert genomes[-1].key() == genome(weight=[9, 9], parameters=[1, 2, 3]).key()
    assert genomes[0].weight.base is not None  # a view
    assert genomes.neurons.tolist() == [3, 2, 3]
    assert genomes.synapses.tolist() == [2, 0, 2]
    assert Genomes.of(genomes) is genomes
    with pytest.raises(IndexError):
        genomes[3]
    with pytest.raises(ValueError, match="read-only"):
        genomes.weight[0] = 1


def test_a_batch_comes_back_from_its_document() -> None:
    genomes = batch()
    document = genomes.to_document()
    narrow = {name: value.astype(np.int8) for name, value in document.items()}  # as documents store them
    for again in (Genomes.from_document(document), Genomes.from_document(narrow)):
        assert [one.key() for one in again] == [one.key() for one in genomes]
        assert again.ids.dtype == np.int64
    empty = Genomes.from_document(Genomes.of([]).to_document())
    assert len(empty) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": None}, "expected ids, threshold, .* got"),
        ({"colour": np.zeros(3)}, "got .*colour"),
        ({"weight": np.zeros(3, int)}, "pre, post, weight, delay: expected 4 of each"),
        ({"neurons": np.array([3, 2])}, "numbers do not agree"),
        ({"neurons": np.array([3, 6, -1])}, "expected 8 of each"),
        ({"parameters": np.zeros((3, 2), int)}, "numbers do not agree"),
        ({"pre": np.array([0, 3, 0, 0])}, "pre: a neuron that is not there"),
        ({"post": np.array([0, -1, 0, 0])}, "post: a neuron that is not there"),
    ],
    ids=str,
)
def test_a_document_that_fits_not_is_refused(changes: dict[str, Any], message: str) -> None:
    document = {name: value for name, value in {**batch().to_document(), **changes}.items() if value is not None}
    with pytest.raises(FormatError, match=message):
        Genomes.from_document(document)
