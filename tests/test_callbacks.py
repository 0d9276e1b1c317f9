"""Callbacks: they hear everything, they change nothing, and one that fails is left out."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from runs import small_run

from evoneuro import Callback
from evoneuro.callbacks import Several, find_callbacks
from evoneuro.cli import main
from evoneuro.errors import EvoNeuroError, PluginError
from evoneuro.record import Run
from evoneuro.report.tensorboard import FOLDER, SCALARS, TensorBoard

TINY = ["--generations", "2", "--population", "8", "--workers", "0", "--quiet"]


class Notes(Callback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def start(self, header: Any) -> None:
        self.told.append(header["task"])

    def generation(self, summary: Any) -> None:
        self.told.append(summary["generation"])

    def finish(self) -> None:
        self.told.append("end")


class Broken(Notes):
    def generation(self, summary: Any) -> None:
        raise ValueError("the disk of the callback is full")


def test_a_callback_hears_everything_and_changes_nothing(tmp_path: Path) -> None:
    notes = Notes()
    run = small_run(tmp_path / "told", callbacks=[notes])
    assert notes.told == ["iris", 0, 1, 2, "end"]
    assert Run(run).status()["digest"] == Run(small_run(tmp_path / "untold")).status()["digest"]


def test_the_time_left_is_that_of_the_budget_that_ends_first(tmp_path: Path) -> None:
    class Left(Callback):
        def __init__(self) -> None:
            self.told: list[float | None] = []

        def generation(self, summary: Any) -> None:
            self.told.append(summary["seconds_left"])

    evaluations, nothing = Left(), Left()
    small_run(tmp_path, generations=50, budget={"evaluations": 40}, callbacks=[evaluations])
    assert all(evaluations.told[:-1])
    assert evaluations.told[-1] == 0
    small_run(tmp_path, generations=0, budget={"score": 0.0}, callbacks=[nothing])
    assert nothing.told == [None]


def test_one_that_raises_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    notes, broken = Notes(), Broken()
    with pytest.warns(UserWarning, match="the disk of the callback is full") as caught:
        small_run(tmp_path, callbacks=[broken, notes])
    assert len(caught) == 1
    assert "the run goes on without it" in str(caught[0].message)
    assert broken.told == ["iris"]
    assert notes.told == ["iris", 0, 1, 2, "end"]


def test_the_displays_own_errors_are_not_hidden() -> None:
    with pytest.raises(ValueError, match="full"):
        Several(Broken(), [], print).generation({})


def test_a_callback_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\nfrom evoneuro import Callback\n"
        "class Heard(Callback):\n"
        "    def generation(self, summary):\n"
        f"        with open({str(tmp_path / 'heard')!r}, 'a') as file:\n"
        "            file.write(f\"{summary['generation']} {len(summary['front'])}\\n\")\n"
    )
    name = f"{tmp_path / 'mine.py'}:Heard"
    assert main(["run", "iris", "--out", str(tmp_path / "runs"), "--callback", name, *TINY]) == 0
    lines = (tmp_path / "heard").read_text().splitlines()
    assert [int(line.split()[0]) for line in lines] == [0, 1]
    assert all(int(line.split()[1]) > 0 for line in lines)


def test_mistakes_come_before_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.py").write_text(
        "from evoneuro import Callback\nclass Bad(Callback):\n    def __init__(self):\n        raise KeyError('x')\n"
    )
    for name in ("tensorbord", f"{tmp_path / 'bad.py'}:Bad", f"{tmp_path / 'bad.py'}:Other"):
        assert main(["run", "iris", "--out", str(tmp_path / "runs"), "--callback", name, *TINY]) == 2
        assert capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    with pytest.raises(PluginError, match="could not be made"):
        find_callbacks([f"{tmp_path / 'bad.py'}:Bad"])


# TensorBoard


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """Tag -> step -> value, of the event files in a folder.

    A file is records: length (8 bytes, little-endian), checksum (4), an Event of that length, checksum (4):
    https://www.tensorflow.org/tutorials/load_data/tfrecord.
    """
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, dict[int, float]] = {}
    for path in folder.iterdir():
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = value.simple_value
    return found


def test_tensorboard_gets_what_the_journal_has(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    run = small_run(tmp_path, callbacks=[TensorBoard()])
    found, summaries = scalars(run / FOLDER), Run(run).summaries
    assert set(SCALARS.values()) <= set(found)
    for key in ("best_score", "hypervolume", "front_size", "evaluations", "failures"):
        expected = {summary["generation"]: pytest.approx(summary[key]) for summary in summaries}
        assert found[SCALARS[key]] == expected
    assert found["best_network/synapses"][2] > 0


def test_tensorboard_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(EvoNeuroError, match=r"evoneuro\[tensorboard\]"):
        TensorBoard()
