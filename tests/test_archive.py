"""The archive keeps the best-ever front, on equal terms."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from blueprints import grown_genome, make_blueprint

from evoneuro.archive import Archive, Member

GENOME = grown_genome(make_blueprint(), 0)


def member(name: str, *loss: float, fingerprint: str | None = None) -> Member:
    """A member whose losses are its measures `a`, `b`, ..."""
    measures = dict(zip("abc", loss, strict=False))
    return Member(name, GENOME, fingerprint or name, measures)


def front(archive: Archive, *newcomers: Member) -> Archive:
    everyone = (*archive.members, *newcomers)
    losses = np.array([list(m.measures.values()) for m in everyone], float).reshape(len(everyone), -1)
    return archive.update(newcomers, losses)


def names(archive: Archive) -> list[str]:
    return [m.id for m in archive.members]


def test_the_front_of_members_and_newcomers() -> None:
    archive = front(Archive(), member("0-0", 1, 3), member("0-1", 2, 2), member("0-2", 3, 3))
    assert names(archive) == ["0-0", "0-1"]
    archive = front(archive, member("1-0", 1, 1.5), member("1-1", 0, 9))
    assert names(archive) == ["1-0", "1-1"]


def test_a_front_is_never_worse_than_before() -> None:
    archive = front(Archive(), member("0-0", 1, 1))
    assert names(front(archive, member("1-0", 2, 1), member("1-1", 1, 2))) == ["0-0"]
    assert names(front(archive)) == ["0-0"]


def test_an_empty_archive_stays_empty() -> None:
    assert Archive().update([], np.zeros((0, 2))).members == ()


def test_of_two_genomes_of_one_network_the_earlier_stays() -> None:
    archive = front(Archive(), member("0-0", 1, 2, fingerprint="same"))
    # measures of one network are equal on equal cases; were they not, the member would still be the one to stay
    assert names(front(archive, member("1-0", 2, 1, fingerprint="same"))) == ["0-0"]
    assert names(front(Archive(), member("0-0", 1, 2, fingerprint="x"), member("0-1", 1, 2, fingerprint="x"))) == [
        "0-0"
    ]


def test_of_two_networks_with_equal_losses_the_earlier_stays() -> None:
    archive = front(Archive(), member("0-0", 1, 2))
    assert names(front(archive, member("1-0", 1, 2))) == ["0-0"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_who_failed_is_never_kept(bad: float) -> None:
    archive = front(Archive(), member("0-0", bad, bad), member("0-1", 5, bad), member("0-2", 5, 5))
    assert names(archive) == ["0-2"]
    assert names(front(archive.rescore([{"a": bad, "b": bad}]))) == []


def test_who_failed_does_not_shut_out_its_twin() -> None:
    archive = front(Archive(), member("0-0", 1, 1, fingerprint="same")).rescore([{"a": np.inf, "b": np.inf}])
    assert names(front(archive, member("1-0", 1, 1, fingerprint="same"))) == ["1-0"]


def test_a_full_archive_lets_the_most_crowded_go() -> None:
    xs = [0.0, 1.0, 1.1, 1.2, 3.0, 4.0]
    archive = front(Archive(limit=5), *(member(f"0-{i}", x, 4 - x) for i, x in enumerate(xs)))
    assert names(archive) == ["0-0", "0-1", "0-3", "0-4", "0-5"]
    assert archive.limit == 5


def test_the_ends_of_the_front_outlive_a_full_archive() -> None:
    archive = Archive(limit=4)
    for generation in range(12):
        rng = np.random.default_rng(generation)
        points = [(float(x), float(10 - x)) for x in rng.permutation(11)[:5]]
        archive = front(archive, *(member(f"{generation}-{i}", *p) for i, p in enumerate(points)))
        assert len(archive.members) <= 4
    assert {0.0, 10.0} <= {m.measures["a"] for m in archive.members}


# Equal terms


def test_nobody_stays_for_a_lucky_past() -> None:
    archive = front(Archive(), member("0-0", 0, 5), member("0-1", 2, 4))
    archive = archive.rescore([{"a": 3, "b": 5}, {"a": 2, "b": 4}])  # the first was lucky
    assert [m.measures["a"] for m in archive.members] == [3, 2]
    assert names(front(archive, member("1-0", 1, 6))) == ["0-1", "1-0"]


def test_a_rescore_has_measures_for_every_member() -> None:
    archive = front(Archive(), member("0-0", 0, 5), member("0-1", 2, 4))
    with pytest.raises(ValueError, match="shorter"):
        archive.rescore([{"a": 3, "b": 5}])


def test_a_rescore_keeps_id_genome_and_validation() -> None:
    archive = front(Archive(), member("0-0", 0, 5)).validated({"0-0": {"score": 1.0}}).rescore([{"a": 1, "b": 1}])
    assert archive.members == (replace(member("0-0"), measures={"a": 1, "b": 1}, validation={"score": 1.0}),)


def test_validation_is_for_those_who_are_named() -> None:
    archive = front(Archive(), member("0-0", 0, 5), member("0-1", 2, 4)).validated({"0-1": {"score": 1.0}})
    assert [m.validation for m in archive.members] == [None, {"score": 1.0}]
    again = archive.validated({"0-0": {"score": 2.0}, "9-9": {"score": 3.0}})
    assert [m.validation for m in again.members] == [{"score": 2.0}, {"score": 1.0}]


# As data


def test_an_archive_comes_back_from_its_document() -> None:
    archive = front(Archive(limit=7), member("0-0", 0, 5), member("0-1", 0.1, 4)).validated({"0-1": {"score": 0.3}})
    again = Archive.from_document(json.loads(json.dumps(archive.to_document())), 7)
    assert again.limit == 7
    assert again.to_document() == archive.to_document()
    assert [m.genome.key() for m in again.members] == [m.genome.key() for m in archive.members]
    assert [(m.id, m.fingerprint, m.measures, m.validation) for m in again.members] == [
        (m.id, m.fingerprint, m.measures, m.validation) for m in archive.members
    ]


def test_archives_are_frozen() -> None:
    archive = front(Archive(), member("0-0", 0, 5))
    front(archive, member("1-0", -1, -1))
    archive.rescore([{"a": 9, "b": 9}])
    assert archive.members[0].measures == {"a": 0, "b": 5}
    with pytest.raises(FrozenInstanceError):
        archive.limit = 3  # type: ignore[misc]
