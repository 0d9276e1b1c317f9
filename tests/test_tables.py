"""Samples that are numbers: where they come from, in which type they are kept, and how they are encoded in pieces."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evoneuro import ClassificationTask, EvoNeuroError, RegressionTask, evolve, resume, tables
from evoneuro.check import check_task
from evoneuro.errors import PluginError
from evoneuro.tables import blocks, moments
from evoneuro.task import load_task

FLOWERS = "width,length,colour,kind\n" + "".join(
    f"{k % 7},{k / 8},{('red', 'white')[k % 2]},{('rose', 'tulip')[k % 3 == 0]}\n" for k in range(60)
)


class Given(ClassificationTask):
    x: tuple = ()
    y: tuple = ()

    def load(self):
        return self.x, self.y


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (((1, 2), (3, float("nan"))), (0, 1), r"X\[1, 1\] is nan"),
        ((1, 2), (0, 1), r"X of shape \(samples, features\).*got \(2,\)"),
        (((1, 2), (3, 4), (5, 6)), (0, 1), "3 samples and 2 targets"),
        (((1, 2), (3, 4)), (1, 1), "at least 2 are needed"),
        ((("a", 2), (3, 4)), (0, 1), "must give numbers"),
    ],
)
def test_data_that_cannot_be(x: tuple, y: tuple, message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        Given(x=x, y=y).coding(0)


def test_ranges_come_from_the_training_split_alone() -> None:
    task = load_task("iris")
    spec, _ = task.coding(2)
    train = task._loaded()[0][task.members("train", 2)]
    assert np.allclose(spec["low"], train.mean(axis=0) - 2 * train.std(axis=0))
    assert np.allclose(spec["high"], train.mean(axis=0) + 2 * train.std(axis=0))
    assert task.coding(3)[0] != spec


@pytest.mark.parametrize("shape", [(500, 3), (500, 1), (60, 5, 2)])
@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, np.float64])
def test_moments_are_numpys(shape: tuple[int, ...], kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    x = (np.random.default_rng(0).normal(size=shape) * 50 + 100).astype(kind)
    members = np.arange(0, len(x), 2)
    wanted = x[members].astype(np.float64)
    mean, deviation = moments(lambda: blocks(x, members))
    assert np.array_equal(mean, wanted.mean(axis=0))
    assert np.array_equal(deviation, wanted.std(axis=0))
    monkeypatch.setattr(tables, "PIECE", 64)
    mean, deviation = moments(lambda: blocks(x, members))
    np.testing.assert_allclose(mean, wanted.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(deviation, wanted.std(axis=0), rtol=1e-13)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int16, np.int64, np.float16, np.float32, np.float64])
def test_samples_stay_in_their_type_and_mean_the_same(kind: type) -> None:
    x = np.random.default_rng(0).integers(0, 2 if kind is bool else 100, (40, 3)).astype(kind)
    task = Given()
    task.x, task.y = x, (0, 1) * 20
    same = Given()
    same.x, same.y = x.astype(np.float64), (0, 1) * 20
    assert task._loaded()[0].dtype == kind
    assert task._loaded()[0].base is x or task._loaded()[0] is x  # no copy
    assert task.coding(0) == same.coding(0)
    assert task.samples("train", 0).dtype == np.float64
    assert np.array_equal(task.samples("train", 0), same.samples("train", 0))


def test_pieces_are_encoded_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def encoded(**parameters: Any) -> Any:
        task = load_task("iris", parameters)
        encoder = task._encoder(*(task.coding(0)[0][end] for end in ("low", "high")))
        lanes = slice(3, len(task.targets("train", 0)) - 2)
        return task._chunk("train", 0, lanes, encoder, 16, task.window)

    for parameters in ({"copies": 0}, {"encoder": {"kind": "argyle", "neurons": 3}, "copies": 0}):
        whole = encoded(**parameters)
        with monkeypatch.context() as patch:
            patch.setattr(tables, "PIECE", 30)
            assert np.array_equal(encoded(**parameters), whole)


# Sources


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "mine.py").write_text(
        "from evoneuro import ClassificationTask\n\n\nclass Flowers(ClassificationTask):\n    data = 'flowers.csv'\n"
    )
    (tmp_path / "plugins" / "flowers.csv").write_text(FLOWERS)
    return tmp_path


def test_a_file_beside_the_task(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "flowers.csv").write_text("a,y\n" + "1,u\n2,v\n" * 9)  # the one beside the task goes first
    task = load_task("plugins/mine.py:Flowers")
    x, y = task._loaded()
    assert x.tolist()[:3] == [[0, 0, 0], [1, 0.125, 1], [2, 0.25, 0]]
    assert task.classes == ["rose", "tulip"]
    assert y.tolist()[:4] == [1, 0, 0, 1]
    assert check_task(task).evaluation.failure is None
    (folder / "plugins" / "flowers.csv").unlink()
    assert load_task("plugins/mine.py:Flowers").inputs(0) == 2


def test_a_task_derived_from_anothers_file_finds_its_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder / "plugins")
    (folder / "more.py").write_text("import mine\n\n\nclass More(mine.Flowers):\n    window = 30\n")
    assert load_task(f"{folder}/more.py:More").inputs(0) == 6


def test_data_as_a_parameter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "plugins")
    whole = {"data": "flowers.csv", "target": "colour", "columns": ["width", 1]}
    task = load_task("evoneuro:ClassificationTask", whole)
    monkeypatch.chdir(folder)  # it is found from wherever it is loaded: workers may stand elsewhere
    assert task._loaded()[0].shape == (60, 2)
    assert task.classes == ["red", "white"]
    again = load_task("evoneuro:ClassificationTask", task.document(0)["parameters"])
    assert again.digest() == task.digest()
    line = load_task("evoneuro:RegressionTask", {"data": "plugins/flowers.csv", "target": "length"})
    assert line._loaded()[0].shape == (60, 3)
    assert line._loaded()[1][:3].tolist() == [[0], [0.125], [0.25]]


def test_a_run_on_a_file_goes_on_from_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "plugins")
    settings = {"search": {"population": 6}, "workers": 0, "out": str(folder)}
    run = evolve("evoneuro:ClassificationTask", parameters={"data": "flowers.csv"}, generations=1, **settings)
    monkeypatch.chdir(folder)
    assert f'data = "{folder / "plugins" / "flowers.csv"}"' in (run.path / "config.toml").read_text()
    assert resume(run.path, workers=0).status()["state"] == "finished"


def test_the_digest_is_of_the_files_content(folder: Path) -> None:
    name = f"{folder}/plugins/mine.py:Flowers"
    before = load_task(name).digest()
    (folder / "plugins" / "flowers.csv").write_text(FLOWERS.replace("1,0.125", "1,0.126"))
    assert load_task(name).digest() != before


def test_a_loader_of_a_library() -> None:
    task = load_task("evoneuro:ClassificationTask", {"data": "sklearn.datasets:load_wine"})
    assert task.digest() == load_task("wine").digest()
    assert task.document(0)["parameters"] == {"data": "sklearn.datasets:load_wine"}
    some = load_task("evoneuro:ClassificationTask", {"data": "sklearn.datasets:load_wine", "columns": [0, -1]})
    assert np.array_equal(some._loaded()[0], task._loaded()[0][:, [0, -1]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, r"has no data: write load\(\).*or set data to a CSV or Parquet file or to a loader such as sklearn"),
        ({"data": "flowers.csv"}, "no file 'flowers.csv' in .*give the path"),
        ({"data": "sklearn.datasets:load_wein"}, "task.data: sklearn.datasets has no function 'load_wein'. Did you me"),
        ({"data": "no_such_module_here:load"}, "no module 'no_such_module_here'"),
        ({"data": "sklearn.datasets:load_wine", "columns": ["alcohol"]}, "13 columns, which have no names"),
        ({"data": "sklearn.datasets:load_wine", "columns": [13]}, "13 columns, .*expected positions, got 13"),
    ],
)
def test_data_that_is_not_there(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        load_task("evoneuro:ClassificationTask", parameters).coding(0)


def test_a_loader_that_raises() -> None:
    with pytest.raises(PluginError, match=r"load\(\) raised: TypeError"):
        load_task("evoneuro:ClassificationTask", {"data": "sklearn.datasets:load_svmlight_file"}).coding(0)


def test_data_frames() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": range(30), "b": [0.5] * 30, "y": ["u", "v", "w"] * 10})

    class Whole(ClassificationTask):
        def load(self) -> Any:
            return frame

    class Pair(ClassificationTask):
        def load(self) -> Any:
            return frame[["a", "b"]], frame["y"]

    for task in (Whole(), Whole(target="y"), Pair()):
        assert task._loaded()[0].tolist() == [[k, 0.5] for k in range(30)]
        assert task.classes == ["u", "v", "w"]
    assert Pair(columns=["b"])._loaded()[0].shape == (30, 1)
    values = RegressionTask(data="sklearn.datasets:load_diabetes")
    assert values._loaded()[0].shape == (442, 10)
    frame.loc[3, "a"] = None
    with pytest.raises(EvoNeuroError, match="task 'whole': data frame: row 3, column 'a': the value is missing"):
        Whole().coding(0)


def test_scikit_learns_frames() -> None:
    pytest.importorskip("pandas")

    class Framed(ClassificationTask):
        def load(self) -> Any:
            from sklearn.datasets import load_wine

            return load_wine(as_frame=True)

    x, y = Framed()._loaded()
    plain = load_task("wine")._loaded()
    assert np.array_equal(x, plain[0])
    assert np.array_equal(y, plain[1])


def test_60_000_samples_stream_through_little_memory() -> None:
    script = Path(__file__).parents[1] / "benchmarks" / "stream.py"
    command = [sys.executable, str(script), "--networks", "2", "--kind", "float32"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["samples"], found["type"]) == (60_000, "float32")
    assert found["peak_mb"] < 1000  # of which the samples are 188
