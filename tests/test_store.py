"""The store: what is acknowledged is there, through kills, full disks, damage and curious readers."""

from __future__ import annotations

import functools
import math
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evoneuro import database as database_module
from evoneuro import lock as lock_module
from evoneuro import store as store_module
from evoneuro.database import DATABASE
from evoneuro.documents import pack
from evoneuro.errors import EvoNeuroError, FormatError, RunError
from evoneuro.evaluation import Evaluation
from evoneuro.schema import VERSION
from evoneuro.store import Store

ROOT = Path(store_module.__file__).parents[1]
CONFIG = {"task": "xor", "seed": 7, "rates": [0.1, 0.25]}
META = {"version": "0.1", "machine": "a ü machine"}
BATCH = 3


def evaluation(generation: int, position: int) -> Evaluation:
    """Another one for each key, so that a mixed-up row is seen."""
    if position % 5 == 4:
        return Evaluation.failed(f"ValueError: {generation}/{position}")
    scores = np.arange(4, dtype=np.float64) * 0.1 + (generation + position / 7)
    return Evaluation(
        float(scores.mean()), scores, 3.5, math.pi * position, np.arange(position % 7), 40, 1000 + position
    )


def batch(generation: int, first: int) -> list[tuple[int, Evaluation]]:
    return [(position, evaluation(generation, position)) for position in range(first, first + BATCH)]


def document(generation: int) -> bytes:
    genomes = np.arange(150) * 0.1 + generation
    return pack({"generation": generation, "genomes": genomes, "name": "ü"})


WRITER = """
import sys
from pathlib import Path
import test_store as t
path = Path(sys.argv[1])
store = t.Store.open(path) if (path / t.DATABASE).exists() else t.Store.create(path, t.CONFIG, t.META)
last = store.last_generation()
for generation in range(last[0] + 1 if last else 0, 10**6):
    for first in range(0, 4 * t.BATCH, t.BATCH):
        store.record(generation, "offspring", t.batch(generation, first))
        print("record", generation, first, flush=True)
    store.close_generation(generation, t.document(generation), {"generation": generation})
    print("close", generation, 0, flush=True)
"""


def python(code: str, *arguments: Any, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A Python of its own that can import this file and the package."""
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    command = [*prefix, sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill(process: subprocess.Popen[str]) -> list[str]:
    """SIGKILL this one process; its whole lines of output that were not read before."""
    os.kill(process.pid, signal.SIGKILL)
    output, _ = process.communicate()
    return [line for line in output.splitlines(keepends=True) if line.endswith("\n")]


@functools.cache
def why_no_namespace() -> str | None:
    """Why mounts cannot be made here without being root, or None if they can."""
    if shutil.which("unshare") is None:
        return "no unshare on this machine"
    done = subprocess.run(["unshare", "-rm", "true"], capture_output=True, text=True)
    return None if done.returncode == 0 else f"unshare -rm: {done.stderr.strip()}"


def mounted(mount: str, code: str, *arguments: Any) -> str:
    """Run `code` where the shell command `mount` has been run, seen by that process only; its output."""
    if why_no_namespace():
        pytest.skip(str(why_no_namespace()))
    process = python(code, *arguments, prefix=("unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh"))
    output, errors = process.communicate(timeout=30)
    if "mount:" in errors:
        pytest.skip(errors.strip())
    assert process.returncode == 0, errors
    return output


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Store]:
    store = Store.create(tmp_path / "results" / "run", CONFIG, META)
    yield store
    store.close()


@pytest.fixture
def closed(run: Store) -> Path:
    """A run of three closed generations, finished and closed."""
    fill(run)
    run.finish("finished")
    run.close()
    return run.path


def fill(store: Store) -> None:
    for generation in range(3):
        store.record(generation, "offspring", batch(generation, 0) + batch(generation, BATCH))
        store.close_generation(generation, document(generation), {"best": generation})


def check_filled(store: Store) -> None:
    assert (store.config, store.meta) == (CONFIG, META)
    assert store.last_generation() == (2, document(2))
    assert store.summaries() == [{"best": 0}, {"best": 1}, {"best": 2}]
    for generation in range(3):
        assert store.evaluations(generation, "offspring") == dict(batch(generation, 0) + batch(generation, BATCH))
    assert store.counts() == {"evaluations": 18, "failures": 3}


def edit(path: Path, statement: str, *parameters: Any) -> None:
    """Change the closed run at `path` behind the store's back."""
    database = sqlite3.connect(path / DATABASE)
    with database:
        assert database.execute(statement, parameters).rowcount > 0
    database.close()


# --- what goes in comes out


def test_round_trip_while_open_and_after(run: Store) -> None:
    fill(run)
    check_filled(run)
    run.close()
    reader = Store.read(run.path)
    check_filled(reader)
    assert reader.path == run.path
    reader.close()
    resumed = Store.open(run.path)
    check_filled(resumed)
    resumed.close()


def test_a_new_run_is_empty(run: Store) -> None:
    assert run.last_generation() is None
    assert run.summaries() == []
    assert run.failures() == []
    assert run.evaluations(0, "offspring") == {}
    assert run.counts() == {"evaluations": 0, "failures": 0}


def test_failures_are_listed_in_order_with_their_reasons(run: Store) -> None:
    run.record(1, "rescore", [(4, Evaluation.failed("b")), (2, evaluation(1, 2)), (0, Evaluation.failed("a"))])
    run.record(0, "offspring", [(9, Evaluation.failed(""))])
    assert run.failures() == [(0, "offspring", 9, ""), (1, "rescore", 0, "a"), (1, "rescore", 4, "b")]
    assert run.counts() == {"evaluations": 4, "failures": 3}


numbers = st.floats(width=64)
arrays = st.lists(numbers, max_size=5).map(lambda values: np.array(values, float))
counts = st.integers(0, 2**63 - 1)
spikes = st.lists(counts, max_size=5).map(lambda values: np.array(values, np.int64))
texts = st.none() | st.text()
evaluations = st.builds(Evaluation, numbers, arrays, numbers, numbers, spikes, counts, counts, texts)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Iterator[int]]]:
    store = Store.create(tmp_path_factory.mktemp("shared"), CONFIG, META)
    yield store, iter(range(10**6))
    store.close()


@settings(max_examples=80, deadline=None)
@example(Evaluation(-0.0, np.array([-0.0, math.nan, math.inf]), -0.0, -0.0, np.empty(0, np.int64)))
@example(Evaluation.failed("\udc80 not UTF-8 \0 zero \n line"))
@given(value=evaluations)
def test_any_evaluation_comes_back_bit_for_bit(shared: tuple[Store, Iterator[int]], value: Evaluation) -> None:
    store, generations = shared
    generation = next(generations)
    store.record(generation, "validation", [(3, value)])
    (back,) = store.evaluations(generation, "validation").values()
    assert back == value
    for name in ("score", "latency", "energy"):  # equality does not see the sign of zero, a resumed run would
        sent, got = getattr(value, name), getattr(back, name)
        assert math.isnan(sent) or struct.pack("<d", sent) == struct.pack("<d", got)
    assert back.case_scores.dtype == np.float64
    assert back.spikes.dtype == np.int64
    assert np.array_equal(np.signbit(back.case_scores), np.signbit(value.case_scores))


def test_numpy_numbers_are_stored_as_numbers(run: Store) -> None:
    single: Any = np.float32(2)
    whole: Any = np.int64(3)
    value = Evaluation(np.float64(1.5), np.ones(2), single, whole, np.ones(1, np.int64), whole, whole)
    run.record(0, "archive", [(0, value)])
    assert run.evaluations(0, "archive") == {0: value}


def test_a_journaled_position_is_never_overwritten(run: Store) -> None:
    first, second = evaluation(0, 1), evaluation(0, 2)
    run.record(0, "offspring", [(1, first)])
    run.record(0, "offspring", [(1, second), (2, second)])
    run.record(0, "offspring", [(1, Evaluation.failed("late")), (3, first), (3, second)])
    assert run.evaluations(0, "offspring") == {1: first, 2: second, 3: first}
    assert run.failures() == []


def test_purposes_and_generations_are_apart(run: Store) -> None:
    for i, purpose in enumerate(store_module.PURPOSES):
        run.record(0, purpose, [(0, evaluation(0, i))])
        run.record(1, purpose, [(0, evaluation(1, i))])
    for i, purpose in enumerate(store_module.PURPOSES):
        assert run.evaluations(1, purpose) == {0: evaluation(1, i)}
    with pytest.raises(EvoNeuroError, match="offspring"):
        run.record(0, "ofspring", batch(0, 0))


def test_a_batch_is_journaled_whole_or_not_at_all(run: Store) -> None:
    too_large = Evaluation(0.0, np.ones(1), 0.0, 0.0, np.ones(1, np.int64), decisions=2**70)
    with pytest.raises(OverflowError):
        run.record(0, "offspring", [*batch(0, 0), (9, too_large)])
    assert run.counts()["evaluations"] == 0
    run.record(0, "offspring", batch(0, 0))
    assert run.counts()["evaluations"] == BATCH


def test_a_generation_is_closed_once(run: Store) -> None:
    run.close_generation(0, b"one", {})
    with pytest.raises(RunError, match="generation 0 is closed already"):
        run.close_generation(0, b"two", {})
    assert run.last_generation() == (0, b"one")


@pytest.mark.parametrize("value", [math.nan, math.inf, object()])
def test_a_summary_that_is_not_json_is_refused_and_nothing_is_written(run: Store, value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        run.close_generation(0, b"", {"a": value})
    assert run.last_generation() is None


def test_the_row_is_what_is_documented(closed: Path) -> None:
    database = sqlite3.connect(closed / DATABASE)
    (digest,) = database.execute("SELECT sha256 FROM generations WHERE generation = 1").fetchone()
    (blob,) = database.execute("SELECT document FROM documents WHERE generation = 1").fetchone()
    assert zlib.decompress(blob) == document(1)
    assert len(digest) == 64
    scores, score, failure = database.execute(
        "SELECT case_scores, score, failure FROM evaluations WHERE generation = 2 AND position = 4"
    ).fetchone()
    assert (scores, score, failure) == (b"", None, b"ValueError: 2/4")
    (scores,) = database.execute("SELECT case_scores FROM evaluations WHERE position = 1").fetchone()
    assert struct.unpack("<4d", scores) == tuple(evaluation(0, 1).case_scores)
    database.close()


@pytest.mark.parametrize("name", ["with space", "ü'\"%41?#&;", "x" * 200])
def test_any_path(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store.create(Path(name), CONFIG, META)
    fill(store)
    store.close()
    assert (tmp_path / name / DATABASE).is_file()
    reader = Store.read(Path(name))
    check_filled(reader)
    reader.close()


# --- durable


def journal_mode(store: Store) -> tuple[str, int]:
    (mode,), (level,) = (
        store._database.execute(f"PRAGMA {name}").fetchone() for name in ("journal_mode", "synchronous")
    )
    return mode, level


def test_a_log_that_is_flushed_at_each_commit(run: Store) -> None:
    assert journal_mode(run) == ("wal", 2)  # 2: FULL
    run.close()
    resumed = Store.open(run.path)
    assert journal_mode(resumed) == ("wal", 2)
    resumed.close()


@pytest.fixture
def no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without shared memory: SQLite's own dot-file locking does without it."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda name, **options: connect(f"{name}&vfs=unix-dotfile", **options))


@pytest.mark.skipif(sys.platform == "win32", reason="its SQLite has no dot-file locking")
def test_a_rollback_journal_where_the_file_system_refuses_a_log(no_log: None, tmp_path: Path) -> None:
    store = Store.create(tmp_path, CONFIG, META)
    assert journal_mode(store) == ("delete", 3)  # 3: EXTRA, FULL plus the directory
    fill(store)
    store.close()
    reader = Store.read(tmp_path)
    check_filled(reader)
    reader.close()


@pytest.mark.slow
def test_whatever_is_acknowledged_survives_kills_at_random_moments(tmp_path: Path) -> None:
    path, acknowledged, logs = tmp_path / "run", set[tuple[str, int, int]](), 0
    for seed in range(10):
        delay = random.Random(seed).uniform(0, 0.12)
        print(f"kill {seed}: {delay:.4f} s after the first acknowledgement")
        process = python(WRITER, path)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, process.communicate()[1]
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(delay)
        for line in [first, *kill(process)]:
            what, generation, index = line.split()
            acknowledged.add((what, int(generation), int(index)))
        logs += (path / f"{DATABASE}-wal").stat().st_size > 0
        check_acknowledged(path, acknowledged)
    assert logs == 10  # each kill left a log that was not yet in the database
    assert sum(what == "close" for what, _, _ in acknowledged) > 10


def check_acknowledged(path: Path, acknowledged: set[tuple[str, int, int]]) -> None:
    store = Store.read(path)
    closed = [summary["generation"] for summary in store.summaries()]
    assert closed == list(range(len(closed)))
    assert {generation for what, generation, _ in acknowledged if what == "close"} <= set(closed)
    assert store.last_generation() == ((closed[-1], document(closed[-1])) if closed else None)
    for generation in {generation for _, generation, _ in acknowledged}:
        journaled = store.evaluations(generation, "offspring")
        assert journaled == {position: evaluation(generation, position) for position in journaled}
        for first in range(0, 4 * BATCH, BATCH):
            there = {position in journaled for position in range(first, first + BATCH)}
            assert len(there) == 1, "half a batch"
            assert there == {True} or ("record", generation, first) not in acknowledged
    store.close()


def test_a_kill_in_the_middle_of_create_leaves_no_half_run(tmp_path: Path) -> None:
    steps = "import os, test_store as t; from pathlib import Path; import sys; replace = os.replace\n"
    code = steps + "os.replace = lambda *a: os._exit(9)\nt.Store.create(Path(sys.argv[1]), t.CONFIG, t.META)"
    process = python(code, tmp_path)
    process.communicate()
    assert process.returncode == 9
    assert (tmp_path / f"{DATABASE}.new").exists()
    with pytest.raises(FormatError, match="no run here"):
        Store.open(tmp_path)
    store = Store.create(tmp_path, CONFIG, META)
    fill(store)
    check_filled(store)
    store.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lock", DATABASE]


# --- one writer


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process that records in a loop, past its second generation."""
    process = python(WRITER, tmp_path / "alive")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("close 1 "):
            break
    assert process.poll() is None, process.communicate()[1]
    yield process, tmp_path / "alive"
    if process.poll() is None:
        kill(process)


def test_the_lock_names_its_holder_and_is_free_after_a_kill(writer: tuple[subprocess.Popen[str], Path]) -> None:
    process, path = writer
    attempts: list[Callable[[], Store]] = [lambda: Store.open(path), lambda: Store.create(path, CONFIG, META)]
    for attempt in attempts:
        with pytest.raises(RunError, match=f"in use by process {process.pid} on {os.uname().nodename}") as caught:
            attempt()
        assert caught.value.status == 1
    kill(process)
    store = Store.open(path)
    assert (path / "lock").read_text().split() == [str(os.getpid()), os.uname().nodename]
    store.close()


def test_the_lock_is_exclusive_within_a_process_and_freed_by_close(run: Store) -> None:
    with pytest.raises(RunError, match=f"process {os.getpid()} "):
        Store.open(run.path)
    run.close()
    run.close()
    Store.open(run.path).close()


def test_a_reader_who_asks_for_the_state_does_not_stop_a_writer(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = FileIO(closed / "lock")
    assert lock_module._try_lock(asking, shared=True)
    monkeypatch.setattr(time, "sleep", lambda seconds: asking.close())
    Store.open(closed).close()
    assert asking.closed


def test_create_refuses_a_directory_that_has_a_run(closed: Path) -> None:
    with pytest.raises(RunError, match="holds a run already"):
        Store.create(closed, {}, {})
    reader = Store.read(closed)
    check_filled(reader)
    reader.close()
    (closed / DATABASE).rename(closed / f"{DATABASE}-wal")  # a left-over log would be taken for the new run's
    with pytest.raises(RunError, match="holds a run already"):
        Store.create(closed, {}, {})


@pytest.mark.skipif(sys.platform == "win32", reason="no symbolic links without rights")
def test_a_lock_that_is_a_link_is_not_followed(closed: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (closed / "lock").unlink()
    (closed / "lock").symlink_to(precious)
    with pytest.raises(RunError):
        Store.open(closed)
    assert precious.read_text() == "keep me"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_lock_that_is_a_pipe_does_not_hang_a_reader(closed: Path) -> None:
    (closed / "lock").unlink()
    os.mkfifo(closed / "lock")
    asking = threading.Thread(target=lock_module.is_held, args=(closed,), daemon=True)
    asking.start()
    asking.join(5)
    assert not asking.is_alive()


# --- state


def state_of(path: Path) -> str:
    reader = Store.read(path)
    try:
        return reader.state
    finally:
        reader.close()


def test_states(run: Store) -> None:
    assert run.state == state_of(run.path) == "running"
    run.close()
    assert state_of(run.path) == "interrupted"
    for outcome in store_module.OUTCOMES:
        resumed = Store.open(run.path)
        assert resumed.state == state_of(run.path) == "running"
        resumed.finish(outcome)
        assert resumed.state == state_of(run.path) == outcome
        resumed.close()
        assert state_of(run.path) == outcome


def test_a_run_that_ends_while_its_state_is_asked_is_not_interrupted(
    run: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(path: Path) -> bool:
        run.finish("finished")
        return False

    monkeypatch.setattr(store_module, "is_held", ends)
    assert state_of(run.path) == "finished"


def test_only_an_outcome_ends_a_run(run: Store) -> None:
    with pytest.raises(EvoNeuroError, match="finished"):
        run.finish("running")
    assert run.state == "running"


def test_a_killed_run_is_interrupted_at_once(writer: tuple[subprocess.Popen[str], Path]) -> None:
    process, path = writer
    assert state_of(path) == "running"
    kill(process)
    assert state_of(path) == "interrupted"


# --- reading: alive, dead, read-only


def test_reading_beside_a_live_writer(writer: tuple[subprocess.Popen[str], Path]) -> None:
    process, path = writer
    reader = Store.read(path)
    seen: list[int] = []
    while not seen or seen[-1] < seen[0] + 3:
        generation, content = reader.last_generation() or (-1, b"")
        assert content == document(generation)
        assert reader.evaluations(generation, "offspring") == {i: evaluation(generation, i) for i in range(4 * BATCH)}
        seen.append(generation)
    assert process.poll() is None
    assert reader.state == "running"
    assert len(reader.summaries()) > 2
    reader.close()


def test_a_reader_cannot_write(closed: Path) -> None:
    reader = Store.read(closed)
    with pytest.raises(RunError, match="readonly"):
        reader.record(9, "offspring", batch(9, 0))
    check_filled(reader)
    reader.close()


SHOW = """
import sys, test_store as t
from pathlib import Path
path = Path(sys.argv[1])
try:
    (path / "x").touch()
except OSError:
    store = t.Store.read(path)
    print(store.last_generation()[0], store.counts()["evaluations"], len(store.summaries()), store.state)
    store.close()
else:
    print("not read-only")
"""
READ_ONLY = 'mount --bind "{0}" "{0}" && mount -o remount,bind,ro "{0}"'


def test_reading_a_closed_run_in_a_read_only_directory(closed: Path) -> None:
    assert mounted(READ_ONLY.format(closed), SHOW, closed).split() == ["2", "18", "3", "finished"]


def test_reading_a_log_without_its_files_in_a_read_only_directory(closed: Path) -> None:
    database = sqlite3.connect(closed / DATABASE)
    assert database.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
    database.close()
    assert mounted(READ_ONLY.format(closed), SHOW, closed).split() == ["2", "18", "3", "finished"]


def test_a_closed_run_is_one_file_and_reading_leaves_it_so(closed: Path) -> None:
    before = (closed / DATABASE).read_bytes()
    reader = Store.read(closed)
    check_filled(reader)
    reader.close()
    assert sorted(file.name for file in closed.iterdir()) == ["lock", DATABASE]
    assert (closed / DATABASE).read_bytes() == before


def test_a_reader_stays_right_while_the_run_is_closed_and_resumed(run: Store) -> None:
    fill(run)
    reader = Store.read(run.path)
    check_filled(reader)
    run.close()
    check_filled(reader)
    resumed = Store.open(run.path)
    resumed.record(3, "offspring", batch(3, 0))
    assert reader.evaluations(3, "offspring") == dict(batch(3, 0))
    assert reader.state == "running"
    resumed.close()
    reader.close()


def test_reading_a_live_run_from_a_read_only_directory(writer: tuple[subprocess.Popen[str], Path]) -> None:
    generation, count, summaries, state = mounted(READ_ONLY.format(writer[1]), SHOW, writer[1]).split()
    assert int(generation) >= 1
    assert int(count) >= 24
    assert int(summaries) >= 2
    assert state == "running"


@pytest.mark.parametrize("index", [True, False], ids=["with index", "without index"])
def test_reading_a_killed_run_in_a_read_only_directory(writer: tuple[subprocess.Popen[str], Path], index: bool) -> None:
    process, path = writer
    kill(process)
    expected = [str(part) for part in facts(path)]
    if not index:
        (path / f"{DATABASE}-shm").unlink()
    assert mounted(READ_ONLY.format(path), SHOW, path).split() == expected


def facts(path: Path) -> tuple[int, int, int, str]:
    reader = Store.read(path)
    last = reader.last_generation()
    assert last is not None
    result = last[0], reader.counts()["evaluations"], len(reader.summaries()), reader.state
    reader.close()
    return result


@pytest.fixture
def not_in_place(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Reading in place fails, as it does where the log has no index and none can be made; where it was read instead."""
    connect, read = store_module.connect, list[Path]()

    def elsewhere(database: Path, mode: str, *rest: Any) -> sqlite3.Connection:
        if mode == "ro":
            raise sqlite3.OperationalError("unable to open database file")
        read.append(database)
        return connect(database, mode, *rest)

    monkeypatch.setattr(store_module, "connect", elsewhere)
    return read


def test_a_copy_is_read_where_reading_in_place_fails(closed: Path, not_in_place: list[Path]) -> None:
    before = {file.name: file.read_bytes() for file in closed.iterdir()}
    reader = Store.read(closed)
    check_filled(reader)
    assert reader.state == "finished"
    assert reader.path == closed
    with pytest.raises(RunError, match="readonly"):
        reader.record(9, "offspring", batch(9, 0))
    reader.close()
    assert {file.name: file.read_bytes() for file in closed.iterdir()} == before
    (copy,) = not_in_place
    assert copy.parent != closed
    assert not copy.parent.exists()


def test_a_copy_holds_what_is_in_the_log(
    writer: tuple[subprocess.Popen[str], Path], not_in_place: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, path = writer
    assert facts(path)[3] == "running"
    kill(process)
    copied = facts(path)
    monkeypatch.undo()
    assert not_in_place
    assert facts(path) == copied


def test_a_copy_of_a_changing_file_is_made_again(
    closed: Path, not_in_place: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, changes = shutil.copyfile, iter([1, 1, 0])

    def beside_a_checkpoint(source: Path, target: Path) -> None:
        copy(source, target)
        if next(changes, 0):
            os.utime(source)

    monkeypatch.setattr(shutil, "copyfile", beside_a_checkpoint)
    reader = Store.read(closed)
    check_filled(reader)
    reader.close()
    assert next(changes, None) is None
    monkeypatch.setattr(database_module, "PAUSE", 0.0)
    changes = iter([1] * 100)
    with pytest.raises(RunError, match="all the time"):
        Store.read(closed)


HALF = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode=DELETE")
database.execute("PRAGMA cache_size=1")
database.execute("BEGIN")
database.execute("DELETE FROM evaluations")
for i in range(2000):
    database.execute("INSERT INTO meta VALUES (?, ?)", (str(i), "x" * 500))
os._exit(0)
"""


def test_a_rollback_journal_that_was_left_behind(closed: Path) -> None:
    python(HALF, closed / DATABASE).communicate()
    assert (closed / f"{DATABASE}-journal").stat().st_size > 512
    reader = Store.read(closed)
    check_filled(reader)
    reader.close()
    assert (closed / f"{DATABASE}-journal").exists()  # who reads does not repair
    resumed = Store.open(closed)
    check_filled(resumed)
    resumed.close()


# --- damage


@pytest.mark.parametrize("factory", [Store.read, Store.open])
def test_no_run_there(tmp_path: Path, factory: Callable[[Path], Store]) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(FormatError, match="no run here"):
            factory(path)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("content", [b"", b"not a database " * 300, b"SQLite format 3\0" + bytes(4080)])
@pytest.mark.parametrize("factory", [Store.read, Store.open])
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: bytes, factory: Callable[[Path], Store]) -> None:
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(FormatError, match=DATABASE) as caught:
        factory(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("factory", [Store.read, Store.open])
def test_a_newer_version_is_refused_and_left_alone(closed: Path, factory: Callable[[Path], Store]) -> None:
    edit(closed, f"UPDATE meta SET value = '{VERSION + 1}' WHERE key = 'schema'")
    range_read = f"this program reads versions 3 to {VERSION}"
    with pytest.raises(FormatError, match=f"version {VERSION + 1}; {range_read}: update") as caught:
        factory(closed)
    assert caught.value.status == 2
    edit(closed, "UPDATE meta SET value = '1' WHERE key = 'schema'")
    with pytest.raises(FormatError, match=f"version 1; {range_read}$"):
        factory(closed)
    edit(closed, f"UPDATE meta SET value = '{VERSION}' WHERE key = 'schema'")
    assert state_of(closed) == "finished"


@pytest.mark.parametrize("key", ["schema", "config", "meta"])
@pytest.mark.parametrize("value", ["[]", "{", "NULL"])
def test_damaged_meta_is_refused(closed: Path, key: str, value: str) -> None:
    edit(closed, "UPDATE meta SET value = ? WHERE key = ?", value, key)
    with pytest.raises(FormatError, match=key):
        Store.read(closed)
    edit(closed, "DELETE FROM meta WHERE key = ?", key)
    with pytest.raises(FormatError, match=key):
        Store.read(closed)


def test_bit_flips_in_a_generation_are_detected(closed: Path) -> None:
    database = sqlite3.connect(closed / DATABASE)
    (blob,) = database.execute("SELECT document FROM documents WHERE generation = 2").fetchone()
    database.close()
    reader = Store.read(closed)
    for bit in random.Random(5).sample(range(8 * len(blob)), 60):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        edit(closed, "UPDATE documents SET document = ? WHERE generation = 2", bytes(flipped))
        with pytest.raises(FormatError, match="generation 2: damaged: its content does not match its sha256"):
            reader.last_generation()
    edit(closed, "UPDATE documents SET document = ? WHERE generation = 2", blob)
    check_filled(reader)
    reader.close()


@pytest.mark.parametrize(
    "change",
    [
        """summary = '{"best":3}'""",
        "summary = x'00ff'",
        "document_sha256 = (SELECT document_sha256 FROM generations WHERE generation = 1)",
        "generation = 7",
        "sha256 = ''",
        "front = 'text'",
    ],
)
def test_any_other_change_of_a_generation_is_detected(closed: Path, change: str) -> None:
    edit(closed, f"UPDATE generations SET {change} WHERE generation = 2")
    reader = Store.read(closed)
    with pytest.raises(FormatError, match=r"generation [27]: damaged"):
        reader.last_generation()
    reader.close()


def test_a_document_that_unpacks_to_more_than_memory_is_refused(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "LARGEST", 100)
    reader = Store.read(closed)
    with pytest.raises(FormatError, match="larger than 100"):
        reader.last_generation()
    reader.close()


@pytest.mark.parametrize("change", ["score = 'x'", "spikes = x'01'", "failure = x'ff'", "decisions = 'many'"])
def test_damaged_evaluations_are_refused(closed: Path, change: str) -> None:
    edit(closed, f"UPDATE evaluations SET {change} WHERE generation = 1 AND position = 1")
    reader = Store.read(closed)
    with pytest.raises(FormatError, match="generation 1"):
        reader.evaluations(1, "offspring")
    assert len(reader.evaluations(0, "offspring")) == 6
    reader.close()


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_read_or_are_refused_and_nothing_else(closed: Path, seed: int) -> None:
    rng, whole = random.Random(seed), (closed / DATABASE).read_bytes()
    refused: list[str] = []
    for _ in range(30):
        content = bytearray(whole[: rng.choice([len(whole), rng.randrange(len(whole))])])
        for _ in range(rng.choice([1, 10, 100])):
            content[rng.randrange(len(content))] = rng.randrange(256)
        (closed / DATABASE).write_bytes(content)
        try:
            reader = Store.read(closed)
            try:
                for generation in range(3):
                    reader.evaluations(generation, "offspring")
                reader.last_generation(), reader.summaries(), reader.counts(), reader.failures(), reader.state
            finally:
                reader.close()
        except EvoNeuroError as error:
            refused.append(str(error))
    assert len(refused) > 10
    assert not any("\n" in line for line in refused)


# --- no room


def test_a_full_database_says_what_to_do_and_keeps_everything(run: Store) -> None:
    fill(run)
    run._database.execute("PRAGMA max_page_count=1")
    big = Evaluation(0.0, np.ones(10**5), 0.0, 0.0, np.ones(1, np.int64))
    with pytest.raises(RunError, match=r"cannot write evaluations of generation 3: .*full.* is safe.*resume") as caught:
        run.record(3, "offspring", [(0, big), (1, evaluation(3, 1))])
    assert "\n" not in str(caught.value)
    assert str(run.path) in str(caught.value)
    with pytest.raises(RunError, match="cannot write generation 3: "):
        run.close_generation(3, np.random.default_rng(1).bytes(10**5), {})
    check_filled(run)
    run._database.execute("PRAGMA max_page_count=100000")
    run.record(3, "offspring", [(0, big)])
    assert run.evaluations(3, "offspring") == {0: big}


FULL_DISK = """
import itertools, os, sys, test_store as t
from pathlib import Path
disk = Path(sys.argv[1])
ballast = disk / "ballast"
ballast.write_bytes(bytes(200_000))
store = t.Store.create(disk / "run", t.CONFIG, t.META)
t.fill(store)
try:
    for position in itertools.count(100, t.BATCH):
        store.record(5, "archive", t.batch(5, position))
except t.RunError as error:
    print(error)
count = store.counts()["evaluations"]
assert count == 18 + position - 100, count
store.close()
reader = t.Store.read(disk / "run")
assert reader.last_generation() == (2, t.document(2)) and reader.counts()["evaluations"] == count
assert reader.evaluations(5, "archive") == {i: t.evaluation(5, i) for i in range(100, position)}
reader.close()
try:
    t.Store.create(disk / "other", {"large": "x" * 10**6}, {})
except t.RunError as error:
    print(error)
assert not (disk / "other" / t.DATABASE).exists()
ballast.unlink()
store = t.Store.open(disk / "run")
store.record(5, "archive", t.batch(5, position))
assert store.counts()["evaluations"] == count + t.BATCH
store.close()
print("done")
"""


def test_a_full_disk_says_what_to_do_and_keeps_everything(tmp_path: Path) -> None:
    output = mounted(f'mount -t tmpfs -o size=1m none "{tmp_path}"', FULL_DISK, tmp_path)
    recording, creating, done = output.splitlines()
    assert "cannot write evaluations of generation 5" in recording
    assert "full" in recording
    assert f"is safe: make room or make it writable, then `evoneuro resume {tmp_path}/run`" in recording
    assert f"{tmp_path}/other: cannot create the run" in creating
    assert done == "done"


CREATE = """
import sys, test_store as t
from pathlib import Path
for act in (lambda path: t.Store.create(path / "new" / "run", {}, {}), t.Store.open):
    try:
        act(Path(sys.argv[1]))
    except t.RunError as error:
        print(error)
"""


def test_a_read_only_directory_is_refused_before_anything_else(closed: Path) -> None:
    creating, opening = mounted(READ_ONLY.format(closed), CREATE, closed).splitlines()
    assert creating.startswith(f"{closed}/new/run: cannot create the run: Read-only file system")
    assert opening.startswith(f"{closed}: cannot open the run for writing: Read-only file system")


def test_a_parent_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot create the run: "):
        Store.create(tmp_path / "file" / "run", CONFIG, META)
