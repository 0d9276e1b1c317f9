"""The form of a run's database: its tables in each version, and the way from an older version to this one.

A database is looked at before it is asked anything: one that holds other tables, or views, triggers and generated
columns, is no run of ours, and a query on it could take for ever.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Mapping

from evoneuro.documents import pack, unpack
from evoneuro.errors import DamageError, FormatError

VERSION = 5
COMPRESSION = 1  # zlib's fastest: a higher level takes several times as long and gains little
FRONT = ("archive.measures", "archive.validation")  # of a generation's document: what its history needs

# Numbers without a declared type: SQLite keeps a REAL column's -0.0 as 0.0, and a resumed run must read the same bits.
_META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
_EVALUATIONS = """CREATE TABLE evaluations (
    generation INTEGER NOT NULL, purpose TEXT NOT NULL, position INTEGER NOT NULL,
    score, latency, energy, decisions INTEGER NOT NULL, steps INTEGER NOT NULL,
    failure BLOB, case_scores BLOB NOT NULL, spikes BLOB NOT NULL, robustness,
    PRIMARY KEY (generation, purpose, position))"""
# front: NULL is that of the generation before.
_GENERATIONS = """CREATE TABLE generations (
    generation INTEGER PRIMARY KEY, summary TEXT NOT NULL, front BLOB,
    evaluations INTEGER NOT NULL, steps INTEGER NOT NULL, failures INTEGER NOT NULL,
    document_sha256 TEXT NOT NULL, sha256 TEXT NOT NULL)"""
# All that a run goes on from; of older generations most are dropped, and their pages used again.
_DOCUMENTS = """CREATE TABLE documents (
    generation INTEGER PRIMARY KEY, kept INTEGER NOT NULL, document BLOB NOT NULL)"""
# Of whom those who are alive descend; see `evoneuro.lineage`.
_ANCESTORS = """CREATE TABLE ancestors (
    id TEXT PRIMARY KEY, parent TEXT, mate TEXT, skipped INTEGER NOT NULL, score,
    genome BLOB NOT NULL, sha256 TEXT NOT NULL)"""
_INDICES = (
    "CREATE INDEX fronts ON generations (generation) WHERE front IS NOT NULL",
    "CREATE INDEX failures ON evaluations (generation) WHERE failure IS NOT NULL",
)
STATEMENTS_4 = (_META, _EVALUATIONS, _GENERATIONS, _DOCUMENTS, *_INDICES)
STATEMENTS = (*STATEMENTS_4, _ANCESTORS)

_GENERATIONS_3 = """CREATE TABLE generations (
    generation INTEGER PRIMARY KEY, document BLOB NOT NULL, summary TEXT NOT NULL, sha256 TEXT NOT NULL)"""
_EVALUATIONS_3 = _EVALUATIONS.replace(", robustness", "")

# What may stand in the database of each version.
FORMS: Mapping[int, tuple[tuple[str, ...], ...]] = {
    3: ((_META, _EVALUATIONS_3, _GENERATIONS_3), (_META, _EVALUATIONS, _GENERATIONS_3)),
    4: (STATEMENTS_4,),
    5: (STATEMENTS,),
}


def check_form(database: sqlite3.Connection, version: int) -> None:
    """Raise unless the database has the tables of `version`, and nothing else that SQL could stumble over.

    Raises:
        FormatError: another version than those that this program reads, or other tables.
    """
    if version not in FORMS:
        hint = ": update EvoNeuro" if version > VERSION else ""
        raise FormatError(f"run format version {version}; this program reads versions {min(FORMS)} to {VERSION}{hint}")
    found = {sql for (sql,) in database.execute("SELECT sql FROM sqlite_master") if sql is not None}
    if found not in [set(form) for form in FORMS[version]]:
        raise DamageError(f"damaged or not a run: its tables are not those of run format version {version}")


def migrate(database: sqlite3.Connection, version: int) -> None:
    """Bring a checked database of an older version to this one; in a transaction of the caller's.

    Raises:
        FormatError: its content does not match its checksums.
    """
    for number in range(version, VERSION):
        _STEPS[number](database)
        database.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(number + 1),))


def _from_3(database: sqlite3.Connection) -> None:
    """Counts, and the part of the document that histories need, beside each document, which may then be dropped."""
    columns = {name for _, name, *_ in database.execute("PRAGMA table_info(evaluations)")}
    if "robustness" not in columns:
        names = ", ".join(sorted(columns))
        database.execute("ALTER TABLE evaluations RENAME TO old_evaluations")
        database.execute(_EVALUATIONS)
        database.execute(f"INSERT INTO evaluations ({names}) SELECT {names} FROM old_evaluations")
        database.execute("DROP TABLE old_evaluations")
    database.execute("ALTER TABLE generations RENAME TO old_generations")
    database.execute(_GENERATIONS)
    database.execute(_DOCUMENTS)
    for generation, document, summary, digest in database.execute("SELECT * FROM old_generations").fetchall():
        before = f"{generation} {len(document)} ".encode() + document + summary.encode()
        if hashlib.sha256(before).hexdigest() != digest:
            raise DamageError(f"generation {generation}: damaged: its content does not match its sha256")
        counts = database.execute(
            "SELECT count(*), ifnull(sum(steps), 0), count(failure) FROM evaluations WHERE generation = ?",
            (generation,),
        ).fetchone()
        front = front_of(zlib.decompressobj().decompress(document, 2**30))
        add_generation(database, generation, document, summary, front, True, counts)
    database.execute("DROP TABLE old_generations")
    for statement in _INDICES:
        database.execute(statement)


def _from_4(database: sqlite3.Connection) -> None:
    """A place for the ancestors of those that are born from now on; who the older ones' were was not written down."""
    for generation, summary, front, *counts, whole, digest in database.execute("SELECT * FROM generations").fetchall():
        if row_digest(generation, summary, front, tuple(counts), whole) != digest:
            raise DamageError(f"generation {generation}: damaged: its content does not match its sha256")
    database.execute(_ANCESTORS)


_STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {3: _from_3, 4: _from_4}


def front_of(document: bytes) -> bytes:
    """The part of a generation's document that its history needs, compressed; empty if there is none."""
    try:
        found = unpack(document)
    except FormatError:
        return b""  # not a run's document
    part = {name: found[name] for name in FRONT if name in found}
    return zlib.compress(pack(part), COMPRESSION) if part else b""


def add_generation(
    database: sqlite3.Connection,
    generation: int,
    document: bytes,
    summary: str,
    front: bytes,
    kept: bool,
    counts: tuple[int, int, int],
) -> None:
    """Insert the row that closes a generation, and its document.

    Args:
        document, front: compressed.
        kept: whether the document stays, however old it gets.
        counts: evaluations, steps, failures.
    """
    rows = database.execute(
        "SELECT front FROM generations WHERE generation < ? AND front IS NOT NULL ORDER BY generation DESC LIMIT 1",
        (generation,),
    ).fetchone()
    stored = None if rows is not None and rows[0] == front else front
    whole = hashlib.sha256(document).hexdigest()
    digest = row_digest(generation, summary, stored, counts, whole)
    row = (generation, summary, stored, *counts, whole, digest)
    database.execute(f"INSERT INTO generations VALUES ({', '.join('?' * len(row))})", row)
    database.execute("INSERT INTO documents VALUES (?, ?, ?)", (generation, int(kept), document))


def row_digest(
    generation: int, summary: str, front: bytes | None, counts: tuple[int, int, int], document_sha256: str
) -> str:
    """Checksum of a generation's row and, through its own checksum, of its document."""
    part = "-" if front is None else hashlib.sha256(front).hexdigest()
    text = "\n".join([str(generation), part, *map(str, counts), document_sha256, summary])
    return hashlib.sha256(text.encode()).hexdigest()
