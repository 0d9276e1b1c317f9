"""Growth: a run of any length stays on the disk; what is dropped is what no command asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_store import CONFIG, META, evaluation, journal_mode

from evoneuro import database
from evoneuro import store as store_module
from evoneuro.database import file_system
from evoneuro.documents import pack, unpack
from evoneuro.store import Store


def document(generation: int) -> bytes:
    """Its front changes in every tenth generation."""
    front = {"archive.measures": np.full((3, 6), generation // 10), "archive.validation": np.zeros((3, 4))}
    return pack({**front, "genomes": np.random.default_rng(generation).integers(0, 200, 2000)})


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DOCUMENTS": 8, "ROWS": 60, "FAILURES": 20, "OFTEN": 4}.items():
        monkeypatch.setattr(store_module, name, value)


def close(store: Store, generation: int) -> None:
    store.record(generation, "offspring", [(i, evaluation(generation, i)) for i in range(10)])  # two of them failed
    store.close_generation(generation, document(generation), {"generation": generation}, keep=generation == 33)


def rows(store: Store, what: str) -> int:
    return int(store._database.execute(f"SELECT count(*) FROM {what}").fetchone()[0])


def test_a_long_run_keeps_what_commands_ask_for(tight: None, tmp_path: Path) -> None:
    store = Store.create(tmp_path, CONFIG, META)
    sizes = []
    for generation in range(200):
        close(store, generation)
        sizes.append(store._database.execute("PRAGMA page_count").fetchone()[0])
    assert store.last_generation() == (199, document(199))
    assert store.evaluations(199, "offspring") == {i: evaluation(199, i) for i in range(10)}
    assert store.evaluations(198, "offspring") == {i: evaluation(198, i) for i in range(10)}
    assert store.counts() == {"evaluations": 2000, "failures": 400}
    assert store.work() == {g: (10, sum(evaluation(g, i).steps for i in range(10))) for g in range(200)}
    assert [summary["generation"] for summary in store.summaries()] == list(range(200))

    fronts = list(store.fronts())
    assert [generation for generation, _ in fronts] == list(range(200))
    assert [unpack(blob)["archive.measures"][0, 0] for _, blob in fronts] == [g // 10 for g in range(200)]
    assert rows(store, "generations WHERE front IS NOT NULL") == 20

    kept = [generation for generation, blob in store.generations() if blob == document(generation)]
    assert kept == [0, 32, 33, 64, 96, 128, 160, 192, 198, 199]
    assert rows(store, "evaluations WHERE failure IS NULL") <= 60 + 4 * 8
    assert rows(store, "evaluations WHERE failure IS NOT NULL") <= 20 + 4 * 2
    assert store.failures()[-1] == (199, "offspring", 9, "ValueError: 199/9")
    assert sizes[-1] < 1.35 * sizes[99]  # summaries and fronts alone grow
    store.close()


def test_a_short_run_keeps_everything(tmp_path: Path) -> None:
    store = Store.create(tmp_path, CONFIG, META)
    for generation in range(30):
        close(store, generation)
    assert len(list(store.generations())) == 30
    assert rows(store, "evaluations") == 300
    store.close()


def test_the_log_is_cut_when_it_has_been_long(tmp_path: Path) -> None:
    store = Store.create(tmp_path, CONFIG, META)
    assert store._database.execute("PRAGMA journal_size_limit").fetchone() == (database.LOG_BYTES,)
    store.close()


MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /home/me rw shared:9 - nfs4 server:/home rw,vers=4.2
31 30 0:27 / /home/me/with\040space rw - tmpfs tmpfs rw
32 22 0:28 / /scratch rw - lustre mds@tcp:/scratch rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc", "ext4"),
        ("/home/me/runs", "nfs4"),
        ("/home/me/with space/x", "tmpfs"),
        ("/home/meadow", "ext4"),
        ("/scratch", "lustre"),
    ],
)
def test_the_file_system_of_a_path(tmp_path: Path, path: str, kind: str) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert file_system(Path(path), tmp_path / "mountinfo") == kind
    assert file_system(Path(path), tmp_path / "nothing") == ""


def test_no_log_on_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "file_system", lambda path: "nfs4")
    store = Store.create(tmp_path, CONFIG, META)
    assert journal_mode(store) == ("delete", 3)
    close(store, 0)
    store.close()
    monkeypatch.undo()
    store = Store.open(tmp_path)
    assert journal_mode(store) == ("wal", 2)
    assert store.last_generation() == (0, document(0))
    store.close()
