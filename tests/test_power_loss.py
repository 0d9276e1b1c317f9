"""Kills and losses of power at every write of a run's journal: what was acknowledged is there, and it goes on."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from power_loss import Disk, build, compiler, environment, read
from test_store import BATCH, CONFIG, META, check_acknowledged, document, evaluation

from evoneuro.database import DATABASE
from evoneuro.errors import FormatError
from evoneuro.store import Store

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler, or no /proc")

# Acknowledgements go into a file of the same folder, so that the trace has them in order.
WRITER = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_store as t
path = Path(sys.argv[1])
store = t.Store.create(path, t.CONFIG, t.META)
acks = os.open(path / "acks", os.O_WRONLY | os.O_CREAT)
def acknowledge(what, generation, first):
    os.write(acks, f"{what} {generation} {first}\\n".encode())
for generation in range(3):
    for first in range(0, 4 * t.BATCH, t.BATCH):
        store.record(generation, "offspring", t.batch(generation, first))
        acknowledge("record", generation, first)
    store.close_generation(generation, t.document(generation), {"generation": generation})
    acknowledge("close", generation, 0)
    if generation == 1:
        store.close()
        store = t.Store.open(path)
store.finish("finished")
store.close()
"""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[object]]:
    folder = tmp_path_factory.mktemp("traced")
    library = build(folder)
    command = [sys.executable, "-c", WRITER, str(folder / "run"), str(Path(__file__).parent)]
    settings = environment(library, folder / "run", trace=folder / "trace")
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return folder / "run", read(folder / "trace")


def check(path: Path, acknowledged: set[tuple[str, int, int]]) -> None:
    """What was acknowledged is there, and the run goes on."""
    if not (path / DATABASE).exists():
        assert not acknowledged
        Store.create(path, CONFIG, META).close()
        return
    check_acknowledged(path, acknowledged)
    store = Store.open(path)
    assert (store.config, store.meta) == (CONFIG, META)
    last = store.last_generation()
    generation = last[0] + 1 if last else 0
    store.record(generation, "offspring", [(i, evaluation(generation, i)) for i in range(4 * BATCH)])
    store.close_generation(generation, document(generation), {"generation": generation})
    store.close()
    check_acknowledged(path, acknowledged | {("close", generation, 0)})


@pytest.mark.parametrize("how", ["killed", "power lost", "power lost, some written"])
def test_at_every_write(trace: tuple[Path, list[object]], tmp_path: Path, how: str) -> None:
    root, calls = trace
    disk, acknowledged, tried = Disk(root), set[tuple[str, int, int]](), 0
    rng = random.Random(11)
    for number, call in enumerate(calls):
        disk.do(call)
        if call.path.endswith("/acks") and call.kind == "w":
            what, generation, first = call.content.decode().split()
            acknowledged.add((what, int(generation), int(first)))
            continue
        if number % 2 and how != "killed":
            continue  # each moment of the two lasts long enough to be half as dense
        target = tmp_path / "disk"
        if how == "killed":
            disk.killed(target)
        else:
            disk.lost(target, rng if "some" in how else None)
        tried += 1
        try:
            check(target, acknowledged)
        except (AssertionError, FormatError) as error:
            raise AssertionError(f"{how} after call {number}, {call.kind} {call.path}: {error}") from error
    assert tried > 50


def test_a_writer_that_forgets_to_sync_is_found_out(trace: tuple[Path, list[object]], tmp_path: Path) -> None:
    """The same trace without its syncs loses what was acknowledged: the test can fail."""
    root, calls = trace
    disk = Disk(root)
    for call in calls:
        if call.kind != "s":
            disk.do(call)
    disk.lost(tmp_path / "disk")
    assert not (tmp_path / "disk" / DATABASE).exists()
