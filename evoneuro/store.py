"""The run directory: one SQLite database that is both journal and record, and a lock.

What `record` and `close_generation` have returned from survives a kill and a power loss: each is one transaction (see
`evoneuro.database`). Only JSON, text and little-endian arrays are stored, so that a stranger's run directory is safe to
read.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from evoneuro import lineage
from evoneuro.database import DATABASE, connect, copy_aside, explained, make_durable, parts, put_away, write_new
from evoneuro.documents import canonical, sound
from evoneuro.errors import DamageError, FormatError, RunError, check_choice
from evoneuro.evaluation import Evaluation
from evoneuro.lock import is_held, lock
from evoneuro.schema import (
    COMPRESSION,
    VERSION,
    add_generation,
    check_form,
    front_of,
    migrate,
    row_digest,
)

PURPOSES = ("offspring", "rescore", "archive", "confirm", "validation")
OUTCOMES = ("finished", "interrupted", "failed")
LARGEST = 2**30  # bytes of one unpacked document; a larger one is no generation
DOCUMENTS = 256  # about so many of the generations' documents are kept, as far apart as need be
ROWS = 200_000  # about so many evaluations of past generations are kept, some 50 MiB
FAILURES = 10_000  # failures that are kept, however old
OFTEN = 64  # generations from one look at the evaluations that could go to the next, at most

# What is stored of an evaluation.
_COLUMNS = "score, latency, energy, decisions, steps, failure, case_scores, spikes, robustness"
_RECORD = f"""
INSERT INTO evaluations
    (generation, purpose, position, {_COLUMNS})
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (generation, purpose, position) DO NOTHING
"""
_EVALUATIONS = f"""
SELECT position, {_COLUMNS}
FROM evaluations WHERE generation = ? AND purpose = ? ORDER BY position
"""
_CHARGE = """
UPDATE evaluations SET failure = ?, score = NULL WHERE generation = ? AND purpose = ? AND position = ?
"""
# What evaluations count that no closed generation has counted yet.
_OPEN = "FROM evaluations WHERE generation > (SELECT ifnull(max(generation), -1) FROM generations)"


class Store:
    """One run's directory, open for one process to write or for any number to read; used from one thread.

    Attributes:
        path: the run directory.
        config: the resolved configuration that the run was created with.
        meta: what else was known at its creation (versions, machine, ...).
    """

    def __init__(self, path: Path, database: sqlite3.Connection, resources: ExitStack) -> None:
        """For `create`, `open` and `read`: an open database and everything that `close` releases."""
        self.path, self._database = path, database
        self.config: dict[str, Any] = self._value("config", dict)
        self.meta: dict[str, Any] = self._value("meta", dict)
        self._resources = resources.pop_all()  # ours from here on; a refused run is released by the caller

    @classmethod
    def create(cls, path: Path, config: Mapping[str, Any], meta: Mapping[str, Any]) -> Store:
        """Make the run directory `path`, with its parents, and lock it.

        Raises:
            RunError: the directory cannot be written, is in use or holds a run already.
        """
        path = Path(path)
        values = {"schema": VERSION, "config": dict(config), "meta": dict(meta), "state": "running"}
        rows = [(key, canonical(value)) for key, value in values.items()]
        with (
            explained(f"{path}: cannot create the run", "Free space or choose another place."),
            ExitStack() as resources,
        ):
            path.mkdir(parents=True, exist_ok=True)
            resources.enter_context(lock(path))
            if any(part.exists() for part in parts(path / DATABASE)):
                raise RunError(f"{path} holds a run already: `evoneuro resume {path}`, or choose another directory")
            write_new(path, rows)
            return cls._to_write(path, resources)

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open a run to go on with it: takes the lock; the state becomes "running".

        Raises:
            FormatError: no run, a damaged one or one of a newer version.
            RunError: the run is in use, or its directory cannot be written.
        """
        path = Path(path)
        with explained(f"{path}: cannot open the run for writing", _advice(path)), ExitStack() as resources:
            _check_exists(path)
            resources.enter_context(lock(path))
            return cls._to_write(path, resources)

    @classmethod
    def read(cls, path: Path) -> Store:
        """Open a run to look at it: no lock, nothing written, alive or dead, also in a read-only directory.

        Raises:
            FormatError: no run, a damaged one or one of a newer version.
            RunError: it cannot be read.
        """
        path = Path(path)
        with explained(f"{path}: cannot read the run", "Check its permissions."), ExitStack() as resources:
            _check_exists(path)
            try:
                database = connect(path / DATABASE, "ro", resources)
                database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError:
                # A log without its index, or a transaction to roll back, where nothing can be written: do it elsewhere.
                database = connect(copy_aside(path / DATABASE, resources), "rw", resources)
            if _version(database, path) < VERSION:  # an older run stays as it is, and its copy is brought to this one
                database = connect(copy_aside(path / DATABASE, resources), "rw", resources)
                _renew(database, path)
            database.execute("PRAGMA query_only=ON")
            return cls(path, database, resources)

    @classmethod
    def _to_write(cls, path: Path, resources: ExitStack) -> Store:
        database = connect(path / DATABASE, "rw", resources)
        _renew(database, path)
        store = cls(path, database, resources)
        try:
            store._resources.callback(put_away, store._database)
            make_durable(store._database, path)
            store._set_state("running")
        except BaseException:
            store.close()
            raise
        return store

    def record(self, generation: int, purpose: str, results: Sequence[tuple[int, Evaluation]]) -> None:
        """Journal (position, evaluation) pairs: durable on return; a position that is there already stays as it is.

        Raises:
            RunError: the disk is full or fails; then nothing of `results` is journaled.
        """
        check_choice("purpose", purpose, PURPOSES)
        rows = [(generation, purpose, position, *_to_row(evaluation)) for position, evaluation in results]
        with self._transaction(f"evaluations of generation {generation}") as database:
            database.executemany(_RECORD, rows)

    def evaluations(self, generation: int, purpose: str) -> dict[int, Evaluation]:
        """What is journaled: position -> evaluation, in order of position."""
        check_choice("purpose", purpose, PURPOSES)
        rows = self._query(_EVALUATIONS, generation, purpose)
        with sound(f"{self.path}: evaluations of generation {generation}"):
            return {position: _to_evaluation(row) for position, *row in rows}

    def charge(self, generation: int, purpose: str, reasons: Mapping[int, str]) -> None:
        """Journaled evaluations have turned out to be failures, by position: durable on return.

        Raises:
            RunError: the disk is full or fails; then nothing of it is journaled.
        """
        rows = [
            (reason.encode("utf-8", "surrogatepass"), generation, check_choice("purpose", purpose, PURPOSES), position)
            for position, reason in reasons.items()
        ]
        with self._transaction(f"failures of generation {generation}") as database:
            database.executemany(_CHARGE, rows)

    def close_generation(
        self,
        generation: int,
        document: bytes,
        summary: Mapping[str, Any],
        keep: bool = False,
        kin: lineage.Kin | None = None,
    ) -> None:
        """Close a generation in one checksummed row, and drop what only older ones needed (see `_compact`).

        Args:
            document: a blob of `evoneuro.documents`.
            summary: a JSON object without NaN and infinity.
            keep: whether the document stays for good.
            kin: who was born, and who is alive, so that lines of ancestors are kept.

        Raises:
            RunError: the disk is full or fails, or the generation is closed already.
            ValueError, TypeError: a value that JSON does not know; nothing is written.
        """
        blob, text = zlib.compress(document, COMPRESSION), canonical(dict(summary))
        front = front_of(document)
        with self._transaction(f"generation {generation}") as database:
            if database.execute("SELECT 1 FROM generations WHERE generation = ?", (generation,)).fetchone():
                raise RunError(f"{self.path}: generation {generation} is closed already")
            counted = "SELECT count(*), ifnull(sum(steps), 0), count(failure) FROM evaluations WHERE generation = ?"
            counts = database.execute(counted, (generation,)).fetchone()
            add_generation(database, generation, blob, text, front, keep, counts)
            _compact(database, generation)
            if kin is not None:
                lineage.add(database, generation, kin)

    def last_generation(self) -> tuple[int, bytes] | None:
        """The newest closed generation and its document's blob; None if there is none.

        Raises:
            FormatError: its content does not match its checksum.
        """
        rows = self._query("SELECT * FROM generations ORDER BY generation DESC LIMIT 1")
        return self._closed(rows[0]) if rows else None

    def generations(self) -> Iterator[tuple[int, bytes]]:
        """Each closed generation whose document is kept, and its blob, in order, one at a time.

        Raises:
            FormatError: the content of one does not match its checksum.
        """
        for (generation,) in self._query("SELECT generation FROM documents ORDER BY generation"):
            yield self._closed(self._row(generation))

    def fronts(self) -> Iterator[tuple[int, bytes]]:
        """Each closed generation and the part of its document that `schema.FRONT` names, as a blob, in order.

        Raises:
            FormatError: the content of one does not match its checksum.
        """
        blob = b""
        for (generation,) in self._query("SELECT generation FROM generations ORDER BY generation"):
            row = self._row(generation)
            self._check(row)
            with sound(f"{self.path}: generation {generation}"):
                blob = blob if row[2] is None else _unpacked(row[2])
            yield generation, blob

    def _row(self, generation: int) -> Sequence[Any]:
        """The row of a generation that another query has named; in a damaged table it need not be found again."""
        rows = self._query("SELECT * FROM generations WHERE generation = ?", generation)
        if not rows:
            raise DamageError(f"{self.path}: generation {generation}: damaged: its row cannot be found")
        row: Sequence[Any] = rows[0]
        return row

    def _closed(self, row: Sequence[Any]) -> tuple[int, bytes]:
        generation, digest = row[0], row[6]
        self._check(row)
        found = self._query("SELECT document FROM documents WHERE generation = ?", generation)
        with sound(f"{self.path}: generation {generation}"):
            document = found[0][0]
            if hashlib.sha256(document).hexdigest() != digest:
                raise DamageError(
                    f"{self.path}: generation {generation}: damaged: its content does not match its sha256"
                )
            return generation, _unpacked(document)

    def _check(self, row: Sequence[Any]) -> None:
        generation, summary, front, *counts, document_digest, digest = row
        with sound(f"{self.path}: generation {generation}"):
            if row_digest(generation, summary, front, tuple(counts), document_digest) != digest:
                raise DamageError(
                    f"{self.path}: generation {generation}: damaged: its content does not match its sha256"
                )

    def work(self) -> dict[int, tuple[int, int]]:
        """Generation -> evaluations that it made, for whatever purpose, and network-steps simulated for them."""
        closed = self._query("SELECT generation, evaluations, steps FROM generations")
        rows = closed + self._query(f"SELECT generation, count(*), sum(steps) {_OPEN} GROUP BY generation")
        return {generation: (evaluations, steps) for generation, evaluations, steps in rows}

    def summaries(self) -> list[dict[str, Any]]:
        """The summary of each closed generation, in order."""
        rows = self._query("SELECT generation, summary FROM generations ORDER BY generation")
        result = []
        for generation, text in rows:
            with sound(f"{self.path}: summary of generation {generation}"):
                result.append(_parsed(text))
        return result

    def counts(self) -> dict[str, int]:
        """How many evaluations the run has made, and how many of them failed."""
        closed = self._query("SELECT ifnull(sum(evaluations), 0), ifnull(sum(failures), 0) FROM generations")[0]
        going = self._query(f"SELECT count(*), count(failure) {_OPEN}")[0]
        with sound(f"{self.path}: generations"):
            return {"evaluations": int(closed[0] + going[0]), "failures": int(closed[1] + going[1])}

    def failures(self) -> list[tuple[int, str, int, str]]:
        """Generation, purpose, position and reason of failed evaluations, in this order; long runs keep the latest."""
        columns = "generation, purpose, position, failure"
        rows = self._query(f"SELECT {columns} FROM evaluations WHERE failure IS NOT NULL ORDER BY {columns}")
        with sound(f"{self.path}: evaluations"):
            return [(generation, purpose, position, _to_text(reason)) for generation, purpose, position, reason in rows]

    def line(self, name: str) -> list[lineage.Ancestor]:
        """The line of ancestors of a candidate that is alive, the oldest first and itself last; see `evoneuro.lineage`.

        Raises:
            FormatError: the content of one does not match its checksum.
        """
        with (
            explained(f"{self.path}: cannot read the run", "Try again; check the disk."),
            sound(f"{self.path}: lineage"),
        ):
            return lineage.line(self._database, name)

    def finish(self, state: str) -> None:
        """Say how the run ended: "finished", "interrupted" or "failed"."""
        self._set_state(check_choice("state", state, OUTCOMES))

    @property
    def state(self) -> str:
        """running, finished, interrupted or failed; "running" only while a live process holds the lock."""
        held = is_held(self.path)  # asked first: a run that ends between the two questions has then said how
        stored: str = self._value("state", str)
        return "interrupted" if stored == "running" and not held else stored

    def close(self) -> None:
        """Release the database and the lock; a run that was not finished is then "interrupted"."""
        self._resources.close()

    def _value(self, key: str, kind: type) -> Any:
        rows = self._query("SELECT value FROM meta WHERE key = ?", key)
        with sound(f"{self.path}: {key}"):
            return _parsed(rows[0][0] if rows else "null", kind)

    def _set_state(self, state: str) -> None:
        with self._transaction("the state of the run") as database:
            database.execute("UPDATE meta SET value = ? WHERE key = 'state'", (canonical(state),))

    def _query(self, statement: str, *parameters: int | str) -> list[Any]:
        with explained(f"{self.path}: cannot read the run", "Try again; check the disk."):
            return self._database.execute(statement, parameters).fetchall()

    @contextmanager
    def _transaction(self, what: str) -> Iterator[sqlite3.Connection]:
        """All of the block, durable at its end, or nothing of it."""
        with explained(f"{self.path}: cannot write {what}", _advice(self.path)):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a full disk may have rolled back by itself
                    self._database.execute("ROLLBACK")
                raise


def _compact(database: sqlite3.Connection, generation: int) -> None:
    """Drop what no command asks for any more, so that a run of any length stays on the disk.

    Of the documents, those of the last two generations stay, those that are marked, and about `DOCUMENTS` others, as
    far apart as need be; of the evaluations those of the last two generations and about `ROWS` more, and failures up
    to `FAILURES`. Fronts, summaries and counts of all generations stay.
    """
    apart = 1
    while generation >= apart * DOCUMENTS:
        apart *= 2
    database.execute(
        "DELETE FROM documents WHERE generation < ? AND generation % ? != 0 AND NOT kept",
        (generation - 1, apart),
    )
    made = database.execute("SELECT evaluations FROM generations WHERE generation = ?", (generation,)).fetchone()[0]
    if generation % max(1, min(OFTEN, ROWS // (8 * max(made, 1)))):
        return  # to count takes as long as a small generation
    rows = 0
    for older, count in database.execute("SELECT generation, evaluations FROM generations ORDER BY 1 DESC"):
        rows += count
        if older < generation - 1 and rows > ROWS:
            database.execute("DELETE FROM evaluations WHERE generation <= ? AND failure IS NULL", (older,))
            break
    (failures,) = database.execute("SELECT count(*) FROM evaluations WHERE failure IS NOT NULL").fetchone()
    if failures > FAILURES:
        database.execute(
            "DELETE FROM evaluations WHERE failure IS NOT NULL AND generation < min(?, "
            "(SELECT generation FROM evaluations WHERE failure IS NOT NULL ORDER BY generation DESC LIMIT 1 OFFSET ?))",
            (generation - 1, FAILURES),
        )


def _version(database: sqlite3.Connection, path: Path) -> int:
    """The version of a database whose form has been checked."""
    row = database.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    with sound(f"{path}: schema"):
        version: int = _parsed(row[0] if row else "null", int)
    try:
        check_form(database, version)
    except FormatError as error:
        raise type(error)(f"{path}: {error}") from None
    return version


def _renew(database: sqlite3.Connection, path: Path) -> None:
    """Bring the database to this program's version, all of it or nothing."""
    version = _version(database, path)
    if version == VERSION:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        with sound(f"{path}: run of format version {version}"):
            migrate(database, version)
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _advice(path: Path) -> str:
    return f"Everything journaled before is safe: make room or make it writable, then `evoneuro resume {path}`."


def _check_exists(path: Path) -> None:
    if not (path / DATABASE).is_file():
        raise FormatError(f"{path}: no run here: expected a directory with {DATABASE}")


def _unpacked(blob: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(blob, LARGEST)
    if not unpacker.eof:
        raise ValueError(f"cut off, or larger than {LARGEST} bytes")
    return content


def _parsed(text: str | bytes, kind: type = dict) -> Any:
    value = json.loads(text)
    if not isinstance(value, kind):
        raise ValueError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def _to_row(evaluation: Evaluation) -> tuple[Any, ...]:
    """What `_COLUMNS` names, in that order; NaN as NULL."""
    failure = evaluation.failure
    return (
        _number(evaluation.score),
        _number(evaluation.latency),
        _number(evaluation.energy),
        int(evaluation.decisions),
        int(evaluation.steps),
        None if failure is None else failure.encode("utf-8", "surrogatepass"),
        evaluation.case_scores.astype("<f8", copy=False).tobytes(),
        evaluation.spikes.astype("<i8", copy=False).tobytes(),
        _number(evaluation.robustness),
    )


def _number(value: float) -> float | None:
    return None if value != value else float(value)  # NaN alone differs from itself


def _to_evaluation(row: Sequence[Any]) -> Evaluation:
    """The inverse of `_to_row`."""
    *numbers, decisions, steps, failure, case_scores, spikes, robustness = row
    score, latency, energy, robust = (
        math.nan if number is None else float(number) for number in (*numbers, robustness)
    )
    return Evaluation(
        score,
        np.frombuffer(case_scores, "<f8").astype(np.float64),
        latency,
        energy,
        np.frombuffer(spikes, "<i8").astype(np.int64),
        int(decisions),
        int(steps),
        None if failure is None else _to_text(failure),
        robust,
    )


def _to_text(failure: bytes) -> str:
    return failure.decode("utf-8", "surrogatepass")
