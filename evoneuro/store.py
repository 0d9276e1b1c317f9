"""The run directory: one SQLite database that is both journal and record, and a lock.

What `record` and `close_generation` have returned from survives a kill and a power loss: each is one transaction,
in a write-ahead log with synchronous FULL, or in a rollback journal where the file system has no shared memory for
a log. The lock is a `flock`, which the kernel drops with the process that holds it: there is no stale lock.
Only JSON, text and little-endian arrays are stored, so that a stranger's run directory is safe to read.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import socket
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from evoneuro.documents import canonical
from evoneuro.errors import FormatError, RunError, check_choice
from evoneuro.evaluation import Evaluation

DATABASE, LOCK = "run.sqlite", "lock"
VERSION = 3
PURPOSES = ("offspring", "rescore", "archive", "confirm", "validation")
OUTCOMES = ("finished", "interrupted", "failed")
LARGEST = 2**30  # bytes of one unpacked document; a larger one is no generation
COMPRESSION = 1  # zlib's fastest: a higher level takes several times as long and gains little
PATIENCE = 30.0  # seconds that SQLite waits for another connection
ATTEMPTS, PAUSE = 10, 0.02  # times, seconds: for a lock that a reader looks at, for a copy of a file that changes

# Numbers without a declared type: SQLite keeps a REAL column's -0.0 as 0.0, and a resumed run must read the same bits.
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE evaluations (
    generation INTEGER NOT NULL, purpose TEXT NOT NULL, position INTEGER NOT NULL,
    score, latency, energy, decisions INTEGER NOT NULL, steps INTEGER NOT NULL,
    failure BLOB, case_scores BLOB NOT NULL, spikes BLOB NOT NULL, robustness,
    PRIMARY KEY (generation, purpose, position));
CREATE TABLE generations (
    generation INTEGER PRIMARY KEY, document BLOB NOT NULL, summary TEXT NOT NULL, sha256 TEXT NOT NULL);
"""
_RECORD = """
INSERT INTO evaluations
    (generation, purpose, position, {columns})
VALUES (?, ?, ?, {marks}) ON CONFLICT (generation, purpose, position) DO NOTHING
"""
_EVALUATIONS = """
SELECT position, {columns}
FROM evaluations WHERE generation = ? AND purpose = ? ORDER BY position
"""
# What is stored of an evaluation; a run that is older than robustness has no column for it, and asks for none.
_COLUMNS = ("score", "latency", "energy", "decisions", "steps", "failure", "case_scores", "spikes", "robustness")


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
        version = self._value("schema", int)
        if version != VERSION:
            hint = ": update EvoNeuro" if version > VERSION else ""
            raise FormatError(f"{path}: run format version {version}; this program reads version {VERSION}{hint}")
        self.config: dict[str, Any] = self._value("config", dict)
        self.meta: dict[str, Any] = self._value("meta", dict)
        there = {name for _, name, *_ in self._query("PRAGMA table_info(evaluations)")}
        self._columns = [name for name in _COLUMNS if name != "robustness" or name in there]
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
            _explained(f"{path}: cannot create the run", "Free space or choose another place."),
            ExitStack() as resources,
        ):
            path.mkdir(parents=True, exist_ok=True)
            resources.enter_context(lock(path))
            if any(part.exists() for part in _parts(path / DATABASE)):
                raise RunError(f"{path} holds a run already: `evoneuro resume {path}`, or choose another directory")
            _write_new(path, rows)
            return cls._to_write(path, resources)

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open a run to go on with it: takes the lock; the state becomes "running".

        Raises:
            FormatError: no run, a damaged one or one of a newer version.
            RunError: the run is in use, or its directory cannot be written.
        """
        path = Path(path)
        with _explained(f"{path}: cannot open the run for writing", _advice(path)), ExitStack() as resources:
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
        with _explained(f"{path}: cannot read the run", "Check its permissions."), ExitStack() as resources:
            _check_exists(path)
            try:
                database = _connect(path / DATABASE, "ro", resources)
                database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError:
                # A log without its index, or a transaction to roll back, where nothing can be written: do it elsewhere.
                database = _connect(_copy_aside(path / DATABASE, resources), "rw", resources)
            database.execute("PRAGMA query_only=ON")
            return cls(path, database, resources)

    @classmethod
    def _to_write(cls, path: Path, resources: ExitStack) -> Store:
        store = cls(path, _connect(path / DATABASE, "rw", resources), resources)
        try:
            store._resources.callback(_put_away, store._database)
            _make_durable(store._database)
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
        width, marks = len(self._columns), ", ".join("?" for _ in self._columns)
        rows = [(generation, purpose, position, *_to_row(evaluation)[:width]) for position, evaluation in results]
        statement = _RECORD.format(columns=", ".join(self._columns), marks=marks)
        with self._transaction(f"evaluations of generation {generation}") as database:
            database.executemany(statement, rows)

    def evaluations(self, generation: int, purpose: str) -> dict[int, Evaluation]:
        """What is journaled: position -> evaluation, in order of position."""
        check_choice("purpose", purpose, PURPOSES)
        rows = self._query(_EVALUATIONS.format(columns=", ".join(self._columns)), generation, purpose)
        with _sound(f"{self.path}: evaluations of generation {generation}"):
            return {position: _to_evaluation(row) for position, *row in rows}

    def close_generation(self, generation: int, document: bytes, summary: Mapping[str, Any]) -> None:
        """Close a generation in one checksummed row.

        Args:
            document: a blob of `evoneuro.documents`.
            summary: a JSON object without NaN and infinity.

        Raises:
            RunError: the disk is full or fails, or the generation is closed already.
            ValueError, TypeError: a value that JSON does not know; nothing is written.
        """
        blob, text = zlib.compress(document, COMPRESSION), canonical(dict(summary))
        row = (generation, blob, text, _digest(generation, blob, text))
        with self._transaction(f"generation {generation}") as database:
            if database.execute("SELECT 1 FROM generations WHERE generation = ?", (generation,)).fetchone():
                raise RunError(f"{self.path}: generation {generation} is closed already")
            database.execute("INSERT INTO generations VALUES (?, ?, ?, ?)", row)

    def last_generation(self) -> tuple[int, bytes] | None:
        """The newest closed generation and its document's blob; None if there is none.

        Raises:
            FormatError: its content does not match its checksum.
        """
        rows = self._query("SELECT * FROM generations ORDER BY generation DESC LIMIT 1")
        return self._closed(rows[0]) if rows else None

    def generations(self) -> Iterator[tuple[int, bytes]]:
        """Each closed generation and its document's blob, in order, one at a time.

        Raises:
            FormatError: the content of one does not match its checksum.
        """
        for (generation,) in self._query("SELECT generation FROM generations ORDER BY generation"):
            yield self._closed(self._query("SELECT * FROM generations WHERE generation = ?", generation)[0])

    def _closed(self, row: Sequence[Any]) -> tuple[int, bytes]:
        generation, blob, text, digest = row
        with _sound(f"{self.path}: generation {generation}"):
            if _digest(generation, blob, text) != digest:
                raise ValueError("its content does not match its sha256")
            return generation, _unpacked(blob)

    def work(self) -> dict[int, tuple[int, int]]:
        """Generation -> evaluations that it made, for whatever purpose, and network-steps simulated for them."""
        rows = self._query("SELECT generation, count(*), sum(steps) FROM evaluations GROUP BY generation")
        return {generation: (evaluations, steps) for generation, evaluations, steps in rows}

    def summaries(self) -> list[dict[str, Any]]:
        """The summary of each closed generation, in order."""
        rows = self._query("SELECT generation, summary FROM generations ORDER BY generation")
        result = []
        for generation, text in rows:
            with _sound(f"{self.path}: summary of generation {generation}"):
                result.append(_parsed(text))
        return result

    def counts(self) -> dict[str, int]:
        """How many evaluations are journaled, and how many of them failed."""
        evaluations, failures = self._query("SELECT count(*), count(failure) FROM evaluations")[0]
        return {"evaluations": evaluations, "failures": failures}

    def failures(self) -> list[tuple[int, str, int, str]]:
        """Generation, purpose, position and reason of each failed evaluation, in this order."""
        columns = "generation, purpose, position, failure"
        rows = self._query(f"SELECT {columns} FROM evaluations WHERE failure IS NOT NULL ORDER BY {columns}")
        with _sound(f"{self.path}: evaluations"):
            return [(generation, purpose, position, _to_text(reason)) for generation, purpose, position, reason in rows]

    def finish(self, state: str) -> None:
        """Say how the run ended: "finished", "interrupted" or "failed"."""
        self._set_state(check_choice("state", state, OUTCOMES))

    @property
    def state(self) -> str:
        """running, finished, interrupted or failed; "running" only while a live process holds the lock."""
        held = _is_held(self.path)  # asked first: a run that ends between the two questions has then said how
        stored: str = self._value("state", str)
        return "interrupted" if stored == "running" and not held else stored

    def close(self) -> None:
        """Release the database and the lock; a run that was not finished is then "interrupted"."""
        self._resources.close()

    def _value(self, key: str, kind: type) -> Any:
        rows = self._query("SELECT value FROM meta WHERE key = ?", key)
        with _sound(f"{self.path}: {key}"):
            return _parsed(rows[0][0] if rows else "null", kind)

    def _set_state(self, state: str) -> None:
        with self._transaction("the state of the run") as database:
            database.execute("UPDATE meta SET value = ? WHERE key = 'state'", (canonical(state),))

    def _query(self, statement: str, *parameters: int | str) -> list[Any]:
        with _explained(f"{self.path}: cannot read the run", "Try again; check the disk."):
            return self._database.execute(statement, parameters).fetchall()

    @contextmanager
    def _transaction(self, what: str) -> Iterator[sqlite3.Connection]:
        """All of the block, durable at its end, or nothing of it."""
        with _explained(f"{self.path}: cannot write {what}", _advice(self.path)):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a full disk may have rolled back by itself
                    self._database.execute("ROLLBACK")
                raise


def _advice(path: Path) -> str:
    return f"Everything journaled before is safe: make room or make it writable, then `evoneuro resume {path}`."


@contextmanager
def _explained(what: str, advice: str) -> Iterator[None]:
    """Errors of the system and of SQLite as one clear line: RunError where the disk fails, FormatError for damage."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except OSError as error:
        raise RunError(f"{what}: {error.strerror or error}. {advice}") from None
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: SQLite quotes what it found in a damaged schema
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # SQLITE_ERROR: no such table, not text
        if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
            raise RunError(f"{what}: {error}. {advice}") from None
        raise FormatError(f"{what}: {DATABASE} is damaged or not a run: {error}") from None


@contextmanager
def _sound(what: str) -> Iterator[None]:
    """Stored values that cannot be decoded are damage."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, zlib.error) as error:
        raise FormatError(f"{what}: damaged: {error}") from None


def _check_exists(path: Path) -> None:
    if not (path / DATABASE).is_file():
        raise FormatError(f"{path}: no run here: expected a directory with {DATABASE}")


def _parts(database: Path) -> list[Path]:
    """The database and the files that belong to it while it is open or after a crash."""
    return [database.with_name(database.name + suffix) for suffix in ("", "-wal", "-journal")]


def _connect(database: Path, mode: str, resources: ExitStack) -> sqlite3.Connection:
    uri = f"{database.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, timeout=PATIENCE, isolation_level=None, uri=True)
    resources.callback(connection.close)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    return connection


def _make_durable(database: sqlite3.Connection) -> None:
    """A commit is on the disk when it returns: https://www.sqlite.org/pragma.html#pragma_synchronous."""
    try:
        (mode,) = database.execute("PRAGMA journal_mode=WAL").fetchone()
    except sqlite3.OperationalError:
        mode = "refused"
    if mode != "wal":
        database.execute("PRAGMA journal_mode=DELETE")
    # A log needs FULL; the end of a rollback journal is its removal, which EXTRA (FULL and more) makes durable.
    database.execute(f"PRAGMA synchronous={'FULL' if mode == 'wal' else 'EXTRA'}")
    database.execute("PRAGMA fullfsync=ON")  # macOS, where fsync leaves the data in the drive's cache


def _put_away(database: sqlite3.Connection) -> None:
    """Leave one file without a log, so that later readers, who may not write, need no other."""
    with suppress(sqlite3.Error):  # somebody is reading, or the disk is full: the log is as good
        database.execute("PRAGMA journal_mode=DELETE")


def _write_new(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    """The database of a new run: whole or not at all, through any crash."""
    draft = path / f"{DATABASE}.new"
    draft.unlink(missing_ok=True)
    with ExitStack() as resources:
        database = _connect(draft, "rwc", resources)
        database.execute("PRAGMA journal_mode=MEMORY")
        database.executescript(f"BEGIN; {_SCHEMA}")
        database.executemany("INSERT INTO meta VALUES (?, ?)", rows)
        database.execute("COMMIT")
    os.replace(draft, path / DATABASE)
    if sys.platform != "win32":
        for folder in (path, path.parent):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _copy_aside(database: Path, resources: ExitStack) -> Path:
    """A copy of the database and its journal in a temporary directory: one moment of it, though it may be written to.

    Raises:
        RunError: it changes too often to be copied.
    """

    def moment() -> tuple[int, int, bytes]:
        status, log = database.stat(), _parts(database)[1]
        head = b""
        if log.is_file():  # its header changes when it starts anew; what is appended to it is whole or ignored
            with log.open("rb") as file:
                head = file.read(32)
        return status.st_mtime_ns, status.st_size, head

    for _ in range(ATTEMPTS):
        folder = Path(resources.enter_context(TemporaryDirectory(prefix="evoneuro-")))
        try:
            before = moment()
            for part in _parts(database):
                if part.is_file():
                    shutil.copyfile(part, folder / part.name)
            if moment() == before:
                return folder / database.name
        except FileNotFoundError:  # the writer has just removed its journal
            pass
        time.sleep(PAUSE)
    raise RunError(f"{database}: is written to all the time and cannot be read in place: try again, or copy the run")


def lock(path: Path, what: str = "run") -> FileIO:
    """The lock file of a run's directory, or of another `what`, locked until it is closed; it names its holder.

    Raises:
        RunError: another process holds it.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with ExitStack() as resources:
        file = resources.enter_context(FileIO(os.open(path / LOCK, flags, 0o644), "r+"))
        for _ in range(ATTEMPTS):
            if _try_lock(file, shared=False):
                holder = f"{os.getpid()} {socket.gethostname()}\n".encode()
                file.write(holder)
                file.truncate(len(holder))
                resources.pop_all()
                return file
            time.sleep(PAUSE)
        pid, _, host = file.read(300).decode(errors="replace").strip().partition(" ")
        raise RunError(f"{path}: the {what} is in use by process {pid or '?'} on {host or '?'}: wait for it or stop it")


def _is_held(path: Path) -> bool:
    """Whether a live process holds the run's lock."""
    if not (path / LOCK).is_file():  # opening a pipe would wait for ever
        return False
    try:
        with FileIO(path / LOCK) as file:  # for reading: the directory may be read-only
            return not _try_lock(file, shared=True)
    except OSError:
        return False


def _try_lock(file: FileIO, shared: bool) -> bool:
    """Take the lock if it is free; it is dropped when `file` is closed."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(2**30)  # Windows keeps others from reading what is locked
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        else:
            import fcntl

            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _digest(generation: int, document: bytes, summary: str) -> str:
    return hashlib.sha256(f"{generation} {len(document)} ".encode() + document + summary.encode()).hexdigest()


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
    *numbers, decisions, steps, failure, case_scores, spikes, robustness = (*row, None)[: len(_COLUMNS)]
    numbers.append(robustness)
    score, latency, energy, robust = (math.nan if number is None else float(number) for number in numbers)
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
