"""The archive keeps the best-ever front, on equal terms."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from blueprints import grown_genome, make_blueprint

from evoneuro.archive import Archive
from evoneuro.errors import FormatError
from evoneuro.genome import Genomes
from evoneuro.population import Population, nobody

BODY = make_blueprint()
GENOME = grown_genome(BODY, 0)


def member(name: str, *loss: float, fingerprint: str | None = None) -> Population:
    """One candidate whose losses are its measures."""
    birth = np.array([[int(part) for part in name.split("-")]])
    prints = np.array([fingerprint or name])
    return Population(birth, birth[:, 0], nobody(1), Genomes.of([GENOME]), prints, np.array([loss], float))


def front(archive: Archive, *newcomers: Population) -> Archive:
    arrived = newcomers[0] if newcomers else Population.empty(2)
    for other in newcomers[1:]:
        arrived = arrived.joined(other)
    return archive.update(arrived, np.concatenate([archive.members.measures, arrived.measures]))


def empty(limit: int = 128) -> Archive:
    return Archive.empty(2, limit)


def names(archive: Archive) -> list[str]:
    return archive.members.names


def test_the_front_of_members_and_newcomers() -> None:
    archive = front(empty(), member("0-0", 1, 3), member("0-1", 2, 2), member("0-2", 3, 3))
    assert names(archive) == ["0-0", "0-1"]
    archive = front(archive, member("1-0", 1, 1.5), member("1-1", 0, 9))
    assert names(archive) == ["1-0", "1-1"]


def test_a_front_is_never_worse_than_before() -> None:
    archive = front(empty(), member("0-0", 1, 1))
    assert names(front(archive, member("1-0", 2, 1), member("1-1", 1, 2))) == ["0-0"]
    assert names(front(archive)) == ["0-0"]


def test_an_empty_archive_stays_empty() -> None:
    assert names(empty().update(Population.empty(2), np.zeros((0, 2)))) == []


def test_of_two_genomes_of_one_network_the_earlier_stays() -> None:
    archive = front(empty(), member("0-0", 1, 2, fingerprint="same"))
    # measures of one network are equal on equal cases; were they not, the member would still be the one to stay
    assert names(front(archive, member("1-0", 2, 1, fingerprint="same"))) == ["0-0"]
    assert names(front(empty(), member("0-0", 1, 2, fingerprint="x"), member("0-1", 1, 2, fingerprint="x"))) == ["0-0"]


def test_of_two_networks_with_equal_losses_the_earlier_stays() -> None:
    archive = front(empty(), member("0-0", 1, 2))
    assert names(front(archive, member("1-0", 1, 2))) == ["0-0"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_who_failed_is_never_kept(bad: float) -> None:
    archive = front(empty(), member("0-0", bad, bad), member("0-1", 5, bad), member("0-2", 5, 5))
    assert names(archive) == ["0-2"]
    assert names(front(archive.rescore(np.array([[bad, bad]])))) == []


def test_who_failed_does_not_shut_out_its_twin() -> None:
    archive = front(empty(), member("0-0", 1, 1, fingerprint="same")).rescore(np.array([[np.inf, np.inf]]))
    assert names(front(archive, member("1-0", 1, 1, fingerprint="same"))) == ["1-0"]


def test_a_full_archive_lets_the_most_crowded_go() -> None:
    xs = [0.0, 1.0, 1.1, 1.2, 3.0, 4.0]
    archive = front(empty(5), *(member(f"0-{i}", x, 4 - x) for i, x in enumerate(xs)))
    assert names(archive) == ["0-0", "0-1", "0-3", "0-4", "0-5"]
    assert archive.limit == 5


def test_the_ends_of_the_front_outlive_a_full_archive() -> None:
    archive = empty(4)
    for generation in range(12):
        rng = np.random.default_rng(generation)
        points = [(float(x), float(10 - x)) for x in rng.permutation(11)[:5]]
        archive = front(archive, *(member(f"{generation}-{i}", *p) for i, p in enumerate(points)))
        assert len(archive.members) <= 4
    assert {0.0, 10.0} <= set(archive.members.measures[:, 0].tolist())


# Equal terms


def test_nobody_stays_for_a_lucky_past() -> None:
    archive = front(empty(), member("0-0", 0, 5), member("0-1", 2, 4))
    archive = archive.rescore(np.array([[3.0, 5.0], [2.0, 4.0]]))  # the first was lucky
    assert archive.members.measures[:, 0].tolist() == [3, 2]
    assert names(front(archive, member("1-0", 1, 6))) == ["0-1", "1-0"]


def test_a_rescore_has_measures_for_every_member() -> None:
    archive = front(empty(), member("0-0", 0, 5), member("0-1", 2, 4))
    with pytest.raises(ValueError, match="measures of 1 candidates for 2"):
        archive.rescore(np.array([[3.0, 5.0]]))


def validated(archive: Archive) -> list[float | None]:
    return [None if np.isnan(score) else score for score in archive.validation[:, 0].tolist()]


def test_a_rescore_keeps_id_genome_and_validation() -> None:
    archive = front(empty(), member("0-0", 0, 5)).validated([0], [[1.0, 0.5, 1.5, 9]]).rescore(np.ones((1, 2)))
    assert names(archive) == ["0-0"]
    assert archive.members.genomes[0].key() == GENOME.key()
    assert archive.members.measures.tolist() == [[1, 1]]
    assert archive.validation.tolist() == [[1.0, 0.5, 1.5, 9]]


def test_validation_is_for_those_who_are_named() -> None:
    archive = front(empty(), member("0-0", 0, 5), member("0-1", 2, 4))
    assert archive.unvalidated.tolist() == [0, 1]
    archive = archive.validated([1], [[1.0, 0, 2, 9]])
    assert validated(archive) == [None, 1.0]
    assert archive.unvalidated.tolist() == [0]
    assert validated(archive.validated([0], [[2.0, 1, 3, 9]])) == [2.0, 1.0]


def test_validation_stays_with_its_member() -> None:
    archive = front(empty(), member("0-0", 0, 5), member("0-1", 2, 4)).validated([0, 1], [[1.0] * 4, [2.0] * 4])
    archive = front(archive, member("1-0", 0, 4.5), member("1-1", 3, 3))
    assert names(archive) == ["0-1", "1-0", "1-1"]
    assert validated(archive) == [2.0, None, None]


# As data


def test_an_archive_comes_back_from_its_document() -> None:
    archive = front(empty(7), member("0-0", 0, 5), member("0-1", 0.1, 4)).validated([1], [[0.3, -np.inf, np.inf, 1]])
    again = Archive.from_document(archive.to_document(), BODY, 7)
    assert again.limit == 7
    document, back = archive.to_document(), again.to_document()
    assert list(document) == list(back)
    assert all(np.array_equal(document[name], back[name], equal_nan=True) for name in document)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation": np.zeros((1, 4))}, "archive: validation does not fit its 2 members"),
        ({"validation": None}, "archive: validation"),
        ({"births": np.zeros((1, 2))}, "population: births, origins and measures do not fit its 2 genomes"),
        ({"origins": np.zeros(3)}, "population: births, origins"),
        ({"origins": None}, "population: births, origins"),
        ({"measures": np.zeros((3, 2))}, "population: births, origins"),
        ({"weight": np.zeros(1)}, "genomes: pre, post, weight"),
        ({"more": np.zeros(1)}, "genomes: expected .* got .*more"),
        (
            {"neurons": np.array([1, 2 * len(GENOME.ids) - 1]), "synapses": np.array([0, 2 * GENOME.synapses])},
            "without all inputs",
        ),
    ],
)
def test_a_document_that_fits_not_is_refused(changes: dict[str, Any], message: str) -> None:
    archive = front(empty(), member("0-0", 0, 5), member("0-1", 2, 4))
    document = {name: value for name, value in {**archive.to_document(), **changes}.items() if value is not None}
    with pytest.raises(FormatError, match=message):
        Archive.from_document(document, BODY, 7)


def test_archives_are_frozen() -> None:
    archive = front(empty(), member("0-0", 0, 5))
    front(archive, member("1-0", -1, -1))
    archive.rescore(np.full((1, 2), 9.0))
    archive.validated([0], [[1.0] * 4])
    assert archive.members.measures.tolist() == [[0, 5]]
    assert validated(archive) == [None]
    with pytest.raises(FrozenInstanceError):
        archive.limit = 3  # type: ignore[misc]
