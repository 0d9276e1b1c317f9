"""Formats: a run of any version that was ever written is read, and gone on with."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import zlib
from pathlib import Path

import numpy as np
import pytest

from evoneuro import schema
from evoneuro.database import DATABASE
from evoneuro.documents import pack, unpack
from evoneuro.errors import DamageError
from evoneuro.launch import resume
from evoneuro.record import Run
from evoneuro.store import Store

FORMATS = sorted((Path(__file__).parent / "formats").glob("*/run.sqlite"))
DIGEST = "0078f7318f95be80fb212327013c5975fff2b5249ba850405aa1d8eb1a6b493e"
IDS = ["0-1", "1-6", "2-6", "2-4", "0-5", "0-3", "0-2"]


@pytest.fixture(params=FORMATS, ids=lambda path: path.parent.name)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the run of one format."""
    folder = tmp_path / request.param.parent.name
    folder.mkdir()
    shutil.copyfile(request.param, folder / DATABASE)
    return folder


def test_there_is_one_for_each_version() -> None:
    assert [int(path.parent.name) for path in FORMATS] == sorted(schema.FORMS)


def test_it_is_read_and_left_as_it_is(old: Path) -> None:
    before = (old / DATABASE).read_bytes()
    run = Run(old)
    status = run.status()
    assert (status["state"], status["generation"], status["evaluations"]) == ("finished", 2, 44)
    assert status["digest"] == DIGEST
    assert [member.id for member in run.front] == IDS
    assert [moment.evaluations for moment in run.history()] == [12, 20, 44]
    assert [len(moment.measures) for moment in run.history()] == [s["front_size"] for s in run.summaries]
    assert (old / DATABASE).read_bytes() == before


def test_it_goes_on(old: Path) -> None:
    store = Store.open(old)
    document = {**store.config, "budget": {**store.config["budget"], "generations": 5}}
    store._database.execute("UPDATE meta SET value = ? WHERE key = 'config'", (json.dumps(document),))
    generation, blob = store.last_generation() or (None, b"")
    assert (generation, hashlib.sha256(blob).hexdigest()) == (2, DIGEST)
    assert len(list(store.generations())) == 3
    store.close()
    resume(old, allow_changed_task=True)  # the task has changed since
    status = Run(old).status()
    assert (status["state"], status["generation"]) == ("finished", 4)
    database = sqlite3.connect(old / DATABASE)
    assert database.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() == (str(schema.VERSION),)
    schema.check_form(database, schema.VERSION)
    database.close()


def test_a_damaged_older_run_is_not_renewed(old: Path) -> None:
    database = sqlite3.connect(old / DATABASE)
    database.execute("UPDATE generations SET summary = '{}' WHERE generation = 1")
    database.commit()
    before = list(database.iterdump())

    def go_through() -> None:
        store = Store.open(old)
        list(store.fronts())

    with pytest.raises(DamageError, match="generation 1"):
        go_through()
    if old.name != str(schema.VERSION):
        assert list(database.iterdump()) == before
    database.close()


def test_runs_of_before_robustness_have_no_column_for_it(tmp_path: Path) -> None:
    """Two forms went by the number 3."""
    database = sqlite3.connect(tmp_path / DATABASE)
    for statement in schema.FORMS[3][0]:
        database.execute(statement)
    meta = {"schema": 3, "config": {}, "meta": {}, "state": "finished"}
    database.executemany("INSERT INTO meta VALUES (?, ?)", [(key, json.dumps(value)) for key, value in meta.items()])
    row = (0, "offspring", 1, 1.5, 2.0, 3.0, 4, 5, None, b"", b"")
    database.execute(f"INSERT INTO evaluations VALUES ({', '.join('?' * len(row))})", row)
    database.commit()
    database.close()
    store = Store.open(tmp_path)
    (evaluation,) = store.evaluations(0, "offspring").values()
    store.close()
    assert (evaluation.score, evaluation.steps, evaluation.robustness != evaluation.robustness) == (1.5, 5, True)


@pytest.mark.parametrize(
    "trap",
    [
        "CREATE VIEW extra AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        "CREATE TRIGGER extra AFTER UPDATE ON meta BEGIN DELETE FROM evaluations; END",
        "ALTER TABLE generations ADD COLUMN more AS (zeroblob(1000000000))",
        "DROP TABLE evaluations; CREATE VIEW evaluations AS SELECT 1 AS failure",
        "CREATE INDEX extra ON meta (value)",
    ],
)
def test_a_database_with_more_than_our_tables_is_refused(tmp_path: Path, trap: str) -> None:
    Store.create(tmp_path / "run", {}, {}).close()
    database = sqlite3.connect(tmp_path / "run" / DATABASE)
    database.executescript(trap)
    database.close()
    for factory in (Store.read, Store.open):
        with pytest.raises(DamageError, match="its tables are not those of run format"):
            factory(tmp_path / "run")


def test_the_front_of_a_document_is_the_part_that_histories_need() -> None:
    document = {"archive.measures": np.ones((2, 6)), "other": 3}
    store_part = schema.front_of(pack(document))
    assert list(unpack(zlib.decompress(store_part))) == ["archive.measures"]
    assert schema.front_of(pack({"other": 3})) == schema.front_of(b"no document") == b""
