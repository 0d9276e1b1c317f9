"""A run's database as a file: created whole, durable at each commit, and readable wherever and whenever it lies.

A commit is one transaction in a write-ahead log with synchronous FULL, or in a rollback journal where the file system
has no shared memory for a log. What SQLite and the system say of a bad disk or a damaged file becomes one clear line.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from evoneuro.documents import one_line
from evoneuro.errors import DamageError, RunError
from evoneuro.network_file import sync_folder
from evoneuro.schema import STATEMENTS

DATABASE = "run.sqlite"
PATIENCE = 30.0  # seconds that SQLite waits for another connection
LOG_BYTES = 16 * 2**20  # of the write-ahead log that stay on the disk when it has been emptied
ATTEMPTS, PAUSE = 10, 0.02  # times, seconds: for a copy of a file that changes

# Other machines may have these mounted, too; what they write of a shared memory is not seen here.
NETWORK_FILE_SYSTEMS = (
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "afs", "panfs", "pvfs2"),
    *("orangefs", "9p", "fuse.sshfs", "fuse.ceph", "fuse.glusterfs", "fuse.juicefs", "fuse.s3fs"),
)


def write_new(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    """The database of a new run: whole or not at all, through any crash."""
    draft = path / f"{DATABASE}.new"
    draft.unlink(missing_ok=True)
    with ExitStack() as resources:
        database = connect(draft, "rwc", resources)
        database.execute("PRAGMA journal_mode=MEMORY")
        database.execute("BEGIN")
        for statement in STATEMENTS:
            database.execute(statement)
        database.executemany("INSERT INTO meta VALUES (?, ?)", rows)
        database.execute("COMMIT")
    os.replace(draft, path / DATABASE)
    for folder in (path, path.parent):
        sync_folder(folder)


def connect(database: Path, mode: str, resources: ExitStack) -> sqlite3.Connection:
    """A connection in SQLite's `mode` (ro, rw, rwc), which `resources` close; the file's schema is not trusted."""
    uri = f"{database.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, timeout=PATIENCE, isolation_level=None, uri=True)
    resources.callback(connection.close)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    return connection


def make_durable(database: sqlite3.Connection, path: Path) -> None:
    """A commit is on the disk when it returns: https://www.sqlite.org/pragma.html#pragma_synchronous."""
    try:
        # A log needs memory that all who read share, which is refused by some file systems and wrong on others.
        wanted = "DELETE" if file_system(path) in NETWORK_FILE_SYSTEMS else "WAL"
        (mode,) = database.execute(f"PRAGMA journal_mode={wanted}").fetchone()
    except sqlite3.OperationalError:
        mode = "refused"
    if mode != "wal":
        database.execute("PRAGMA journal_mode=DELETE")
    # A log needs FULL; the end of a rollback journal is its removal, which EXTRA (FULL and more) makes durable.
    database.execute(f"PRAGMA synchronous={'FULL' if mode == 'wal' else 'EXTRA'}")
    database.execute("PRAGMA fullfsync=ON")  # macOS, where fsync leaves the data in the drive's cache
    database.execute(f"PRAGMA journal_size_limit={LOG_BYTES}")


def file_system(path: Path, table: Path = Path("/proc/self/mountinfo")) -> str:
    """The type of the file system of `path`, such as "ext4" or "nfs4"; "" where the system does not say."""
    place, best, found = str(path.resolve()), -1, ""
    with suppress(OSError, UnicodeDecodeError):
        for line in table.read_text().splitlines():
            before, _, after = line.partition(" - ")
            mount = before.split()[4].encode().decode("unicode_escape")  # a space is written as \040
            if len(mount) >= best and (place == mount or place.startswith(mount.rstrip("/") + "/")):
                best, found = len(mount), after.split()[0]
    return found


def put_away(database: sqlite3.Connection) -> None:
    """Leave one file without a log, so that later readers, who may not write, need no other."""
    with suppress(sqlite3.Error):  # somebody is reading, or the disk is full: the log is as good
        database.execute("PRAGMA journal_mode=DELETE")


def copy_aside(database: Path, resources: ExitStack) -> Path:
    """A copy of the database and its journal in a temporary directory: one moment of it, though it may be written to.

    Raises:
        RunError: it changes too often to be copied.
    """

    def moment() -> tuple[int, int, bytes]:
        status, log = database.stat(), parts(database)[1]
        head = b""
        if log.is_file():  # its header changes when it starts anew; what is appended to it is whole or ignored
            with log.open("rb") as file:
                head = file.read(32)
        return status.st_mtime_ns, status.st_size, head

    for _ in range(ATTEMPTS):
        folder = Path(resources.enter_context(TemporaryDirectory(prefix="evoneuro-")))
        try:
            before = moment()
            for part in parts(database):
                if part.is_file():
                    shutil.copyfile(part, folder / part.name)
            if moment() == before:
                return folder / database.name
        except FileNotFoundError:  # the writer has just removed its journal
            pass
        time.sleep(PAUSE)
    raise RunError(f"{database}: is written to all the time and cannot be read in place: try again, or copy the run")


def parts(database: Path) -> list[Path]:
    """The database and the files that belong to it while it is open or after a crash."""
    return [database.with_name(database.name + suffix) for suffix in ("", "-wal", "-journal")]


@contextmanager
def explained(what: str, advice: str) -> Iterator[None]:
    """Errors of the system and of SQLite as one clear line: RunError where the disk fails, FormatError for damage."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except OSError as error:
        raise RunError(f"{what}: {error.strerror or error}. {advice}") from None
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: SQLite quotes what it found in a damaged schema
        code = _code(error) if isinstance(error, sqlite3.Error) else sqlite3.SQLITE_ERROR
        if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
            raise RunError(f"{what}: {error}. {advice}") from None
        raise DamageError(f"{what}: {DATABASE} is damaged or not a run: {one_line(error)}") from None


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code of an error; SQLITE_ERROR, too, for what it cannot even be asked."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
