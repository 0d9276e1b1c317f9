"""Spike tasks on recordings: folders of published layouts, binned, streamed and evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_data import recording

from evoneuro import EvoNeuroError, SpikeTask, spikes
from evoneuro.check import check_task, probe
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.events import Binning, Recordings, nmnist, write_bin, write_gesture, write_heidelberg
from evoneuro.task import load_task


def nmnist_folder(root: Path) -> Path:
    number = 0
    for part, count in (("Train", 4), ("Test", 1)):
        for digit in range(10):
            folder = root / part / str(digit)
            folder.mkdir(parents=True)
            for k in range(count):
                number += 1
                write_bin(folder / f"{k:05}.bin", recording(number, 300, end=105_000))
    return root


def gesture_folder(root: Path) -> Path:
    for part, users in (("ibmGestureTrain", 4), ("ibmGestureTest", 1)):
        for user in range(users):
            folder = root / part / f"user{user:02}_lab"
            folder.mkdir(parents=True)
            for label in range(11):
                write_gesture(folder / f"{label}.npy", recording(user * 11 + label, 900, 128, 128, 1_500_000))
    return root


def heidelberg_folder(root: Path) -> Path:
    pytest.importorskip("h5py", reason="h5py (extra `events`) is not installed")
    for part, count in (("train", 4), ("test", 1)):
        labels = [label for label in range(3) for _ in range(count)]
        made = [recording(7 * count + i, 200, 700, 1, 1_000_000) for i in range(len(labels))]
        for events in made:
            events["p"] = 1
        write_heidelberg(root / f"shd_{part}.h5", made, labels, ["null", "eins", "zwei"])
    return root


@pytest.mark.parametrize(
    ("name", "make", "inputs", "outputs"),
    [
        ("nmnist", nmnist_folder, 12 * 12, 10),
        ("dvs-gesture", gesture_folder, 2 * 8 * 8, 11),
        ("shd", heidelberg_folder, 35, 3),
    ],
)
def test_a_folder_in_the_published_layout(tmp_path: Path, name: str, make: Any, inputs: int, outputs: int) -> None:
    task = load_task(name, {"path": str(make(tmp_path))})
    assert (task.inputs(0), task.outputs) == (inputs, outputs)
    assert check_task(task).evaluation.failure is None
    assert task.solved is not None
    assert len(task.members("test", 0)) == outputs  # one of each class
    assert len(task.members("train", 0)) == 3 * outputs  # of four, one is for validation


@pytest.mark.parametrize("name", ["nmnist", "dvs-gesture", "shd"])
def test_without_a_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(EvoNeuroError, match=f"task '{name}': say where the recordings lie: --set task.path=FOLDER"):
        load_task(name).inputs(0)
    with pytest.raises(EvoNeuroError, match=r"expected .*; found an empty folder"):
        load_task(name, {"path": str(tmp_path)}).inputs(0)


class Lines(SpikeTask):
    """Recordings in memory: two classes, 40 samples."""

    window = 20
    binning = {"size": (4, 3), "steps": 20, "step": 100}

    def load(self) -> tuple[Any, Any]:
        return [recording(i, 30, 4, 3, 2000) for i in range(40)], [0, 1] * 20


class Folder(SpikeTask):
    window = 35
    folder: str = ""
    binning = {"size": (34, 34), "steps": 35, "step": 3000, "polarity": "on", "pool": 5}

    def load(self) -> Recordings:
        return nmnist(self.folder)


def test_recordings_become_the_rasters_that_binning_says() -> None:
    task = Lines()
    binning = Binning(**Lines.binning)
    for part in ("train", "test"):
        expected = [binning.raster(recording(i, 30, 4, 3, 2000)) for i in task.members(part, 3)]
        assert np.array_equal(task.raster(part, 3), np.stack(expected, axis=1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"binning": None}, "recordings need `binning`"),
        ({"binning": {"size": [4, 3], "steps": 20, "stepp": 9}}, r"task.binning: unknown parameter 'stepp'.* 'step'"),
        ({"binning": {"steps": 20}}, "task.binning: .*size"),
        ({"binning": {"size": [2, 2], "steps": 20, "step": 100}}, "expected x below 2 and y below 2"),
        ({"window": 19}, "its window is 19 and would cut"),
    ],
)
def test_binning_that_does_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        Lines(**changes).coding(0)


def test_what_memory_does_not_hold_goes_through_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(nmnist_folder(tmp_path))
    kept, streamed = Folder(folder=folder), Folder(folder=folder)
    network = probe(kept)
    expected = evaluate(kept, [network], Cases(1, "episodes"))
    monkeypatch.setattr(spikes, "KEPT_BYTES", 0)
    monkeypatch.setattr("evoneuro.samples.KEPT_BYTES", 0)
    monkeypatch.setattr("evoneuro.samples.FEED_BYTES", 3 * streamed._lane_bytes(None, 35))
    assert evaluate(streamed, [network], Cases(1, "episodes")) == expected
    assert isinstance(streamed._loaded()[0], np.memmap)
    assert not isinstance(kept._loaded()[0], np.memmap)
    assert streamed.digest() == kept.digest()


def test_a_batch_is_some_of_the_training_samples(tmp_path: Path) -> None:
    task = Folder(folder=str(nmnist_folder(tmp_path)), batch=12)
    network = probe(task)
    first, again = (evaluate(task, [network], Cases(1, "episodes", generation))[0] for generation in (0, 0))
    other = evaluate(task, [network], Cases(1, "episodes", 1))[0]
    assert first == again
    assert [len(e.case_scores) for e in (first, other)] == [12, 12]
    assert not np.array_equal(task.cases("train", 1, 0), task.cases("train", 1, 1))
    assert task.cases("test", 1, 0) is None
    assert task.changes
    whole = evaluate(Folder(folder=task.folder), [network], Cases(1, "episodes"))[0]
    assert np.array_equal(whole.case_scores[task.cases("train", 1, 0)], first.case_scores)
