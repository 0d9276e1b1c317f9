"""Lineage: of whom those who are alive descend, in the run's database.

A line goes from a candidate to its parent, of two to the one that it is a variant of, and on to one that has none. The
lines of all that are alive are kept, in the population or on the front: whoever has left no line goes. Lines meet soon,
so that these are few; of a long run's, every other one between is dropped again and again, so that the oldest stand
farthest apart, and the next one of a line says how many are missing before it.
"""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evoneuro.errors import DamageError
from evoneuro.genome import Genome
from evoneuro.objectives import COLUMN
from evoneuro.population import NOBODY, Population, names

KEPT = 2000  # ancestors, besides four for each one alive
OFTEN = 8  # generations from one look at who left no line to the next

_COLUMNS = "id, parent, mate, skipped, score, genome"
_ADD = f"INSERT OR REPLACE INTO ancestors ({_COLUMNS}, sha256) VALUES (?, ?, ?, ?, ?, ?, ?)"
Row = tuple[str, str | None, str | None, int, float | None, bytes]


@dataclass(frozen=True, eq=False)
class Ancestor:
    """One of a line.

    Attributes:
        id: "GENERATION-INDEX" of its birth.
        parent: the one before it in the line; None of one that was made from nothing, or of what the run began with.
        mate: whom the parent was crossed with, or None.
        skipped: how many between the parent and this one are no longer kept.
        score: on the episodes or samples of its birth; NaN of one that failed.
    """

    id: str
    parent: str | None
    mate: str | None
    skipped: int
    score: float
    genome: Genome


@dataclass(frozen=True, eq=False)
class Kin:
    """What a generation adds.

    Attributes:
        newborn: those of its offspring that are alive at its end, with measures.
        living: the names of all that are.
    """

    newborn: Population
    living: Sequence[str]

    @classmethod
    def of(cls, offspring: Population, population: Population, members: Population) -> Kin:
        """Of a generation's offspring, and of the population and the front at its end."""
        births = np.concatenate([population.births, members.births])
        generation = offspring.births[:1, 0]
        alive = births[births[:, 0] == generation, 1]
        return cls(offspring.take(np.flatnonzero(np.isin(offspring.births[:, 1], alive))), names(births))


def add(database: sqlite3.Connection, generation: int, kin: Kin) -> None:
    """Note who was born, and, every so often, drop who left no line; in a transaction of the caller's."""
    newborn = kin.newborn
    parents, mates = _names(newborn.parents[:, :2]), _names(newborn.parents[:, 2:])
    scores = [score if math.isfinite(score) else None for score in newborn.measures[:, COLUMN["score"]].tolist()]
    genomes = [genome.key() for genome in newborn.genomes]
    columns = (newborn.names, parents, mates, [0] * len(newborn), scores, genomes)
    database.executemany(_ADD, [_signed(row) for row in zip(*columns, strict=True)])
    if generation % OFTEN == 0:
        _thin(database, kin.living)


def line(database: sqlite3.Connection, name: str) -> list[Ancestor]:
    """The line of one that is alive, the oldest first and itself last; empty if it was not kept.

    Raises:
        DamageError: the content of one does not match its checksum.
    """
    found: list[Ancestor] = []
    wanted: str | None = name
    while wanted is not None:
        row = database.execute(f"SELECT {_COLUMNS}, sha256 FROM ancestors WHERE id = ?", (wanted,)).fetchone()
        if row is None:
            break
        *content, digest = row
        name, above, mate, skipped, score, genome = content
        score = math.nan if score is None else float(score)
        one = Ancestor(name, above, mate, skipped, score, Genome.from_key(genome))
        if _signed(tuple(content))[-1] != digest or (found and _generation(one.id) >= _generation(found[-1].id)):
            raise DamageError(f"ancestor {wanted}: damaged: its content does not match its sha256")
        found.append(one)
        wanted = one.parent
    return found[::-1]


def _generation(name: str) -> int:
    return int(name.split("-")[0])


def _names(births: np.ndarray) -> list[str | None]:
    return [None if birth[0] == NOBODY else name for birth, name in zip(births.tolist(), names(births), strict=True)]


def _signed(row: Row) -> tuple[object, ...]:
    """The row with its checksum."""
    *values, genome = row
    return *row, hashlib.sha256("\n".join([*map(repr, values), ""]).encode() + genome).hexdigest()


def _thin(database: sqlite3.Connection, living: Sequence[str]) -> None:
    """Drop who left no line, and every other one of those between where lines have become long."""
    rows = database.execute("SELECT id, parent, skipped FROM ancestors")
    links = {name: (above, skipped) for name, above, skipped in rows}
    kept: dict[str, str | None] = {}  # and the parent of each
    for name in living:
        one: str | None = name
        while one is not None and one in links and one not in kept:
            kept[one] = links[one][0]
            one = kept[one]
    gone = links.keys() - kept.keys()
    if len(kept) > KEPT + 4 * len(living):
        gone |= _shortened(database, {name: links[name] for name in kept}, set(living))
    database.executemany("DELETE FROM ancestors WHERE id = ?", [(name,) for name in gone])


def _shortened(database: sqlite3.Connection, links: dict[str, tuple[str | None, int]], living: set[str]) -> set[str]:
    """Every other one of those that only stand between two others; who follows one of them gets its parent."""
    children = Counter(above for above, _ in links.values())
    next_of = {above: name for name, (above, _) in links.items()}
    single = {name for name, (above, _) in links.items() if children[name] == 1 and above in links}
    gone = sorted(single - living, key=lambda name: tuple(map(int, name.split("-"))))[1::2]
    heirs = set()
    for name in gone:
        (above, skipped), heir = links[name], next_of[name]
        links[heir] = above, links[heir][1] + skipped + 1
        next_of[above] = heir
        heirs.add(heir)
    for name in heirs.difference(gone):
        row = database.execute(f"SELECT {_COLUMNS} FROM ancestors WHERE id = ?", (name,)).fetchone()
        database.execute("DELETE FROM ancestors WHERE id = ?", (name,))
        database.execute(_ADD, _signed((name, links[name][0], None, links[name][1], *row[4:])))
    return set(gone)
