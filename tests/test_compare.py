"""Runs beside one another, and networks at work as animations."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from runs import small_run

from evoneuro.cli import main
from evoneuro.errors import EvoNeuroError
from evoneuro.report import animation
from evoneuro.study.compare import comparisons, entries
from evoneuro.study.statistics import rank_sum


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two seeds of each of two configurations, in the folders of a study."""
    out = tmp_path_factory.mktemp("study")
    made = []
    for name, crossover in (("mated", 0.5), ("alone", 0.0)):
        for seed in (1, 2):
            made.append(small_run(out / name, seed=seed, search={"crossover": crossover}, parameters={"copies": 0}))
    return made


# Groups


def test_runs_are_grouped_by_what_sets_their_configurations_apart(runs: list[Path]) -> None:
    groups = [entry.group for entry in entries([str(run) for run in runs])]
    assert groups == ["search.crossover 0.5"] * 2 + ["search.crossover 0.0"] * 2
    assert {entry.group for entry in entries([str(run) for run in runs[:2]])} == {"iris"}


def test_a_folder_of_a_study_gives_its_variants(runs: list[Path]) -> None:
    found = entries([str(runs[0].parents[1])])
    assert sorted({entry.group for entry in found}) == ["alone", "mated"]
    assert len(found) == 4


def test_the_page_and_its_document(runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "compare.html"
    assert main(["compare", *map(str, runs), "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["seed"] for row in document["runs"]] == [1, 2, 1, 2]
    assert {row["measure"] for row in document["comparisons"]} >= {"validation score", "hypervolume"}
    assert all(row["test"].startswith("signed rank") for row in document["comparisons"])
    assert all(0 <= row["hypervolume"] <= 1 for row in document["runs"])
    text = out.read_text(encoding="utf-8")
    assert text.count("<script") == 1
    assert "group 2: search.crossover 0.0 (2 runs)" in text


def test_no_run_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tmp_path)]) == 2
    assert "no run here or below" in capsys.readouterr().err


# Statistics


def rows(group: str, values: list[float | None], first_seed: int) -> list[dict[str, object]]:
    empty = dict.fromkeys(("hypervolume", "synapses of the smallest solver", "evaluations to solve"))
    return [
        {"group": group, "seed": first_seed + i, "validation score": value, **empty} for i, value in enumerate(values)
    ]


def test_seeds_that_both_have_are_paired_and_others_are_not() -> None:
    (paired,) = comparisons([*rows("a", [1, 2, 3], 0), *rows("b", [2, 4, 6], 0)])
    (other,) = comparisons([*rows("a", [1, 2, 3], 0), *rows("b", [4, 5, 6], 10)])
    assert (paired["test"][:11], paired["p"], paired["a12"], paired["difference"]) == (
        "signed rank",
        0.25,
        7.5 / 9,
        2.0,
    )
    assert (other["test"], other["a12"], other["difference"]) == ("rank sum", 1.0, 3.0)
    assert other["p"] == pytest.approx(0.1)


def test_a_run_that_never_got_there_is_worse_than_any() -> None:
    (found,) = comparisons([*rows("a", [1, 2], 0), *rows("b", [None, None], 0)])
    assert found["a12"] == 0.0
    assert found["difference"] is None
    assert found["medians"] == [1.5, None]


@pytest.mark.parametrize(("first", "second"), [([1, 2, 3], [4, 5, 6]), ([1, 1, 2, 5], [1, 3, 3]), ([np.inf, 1], [2])])
def test_the_rank_sum_test_counts_all_divisions(first: list[float], second: list[float]) -> None:
    values = np.array(first + second)
    ranks = np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])
    mean = len(second) * (len(values) + 1) / 2
    seen = abs(ranks[len(first) :].sum() - mean)
    sums = [abs(sum(part) - mean) for part in itertools.combinations(ranks, len(second))]
    assert rank_sum(first, second) == pytest.approx(np.mean([s >= seen - 1e-9 for s in sums]))


# Animations


def test_a_gif_has_a_picture_for_every_decision(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "play.gif"
    arguments = ["play", f"{runs[0]}:best", "--decisions", "4", "--rate", "4", "--out", str(out), "--json"]
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["decisions"], document["files"]) == (4, [str(out)])
    with Image.open(out) as image:
        assert image.n_frames == 4  # type: ignore[attr-defined]
        assert image.info["duration"] == 250


def test_a_page_plays_by_itself(runs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "play.html"
    assert main(["play", f"{runs[0]}:best", "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    assert text.count("data-said=") == 12
    assert "data-player=" in text


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here")
def test_a_film_has_a_picture_for_every_decision(runs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "play.mp4"
    assert main(["play", f"{runs[0]}:best", "--decisions", "3", "--rate", "2", "--out", str(out)]) == 0
    facts = subprocess.run(
        ["ffmpeg", "-i", str(out), "-f", "null", "-"], capture_output=True, text=True, check=True
    ).stderr
    assert "Video: h264" in facts
    assert "yuv420p" in facts  # what browsers play
    assert re.search(r"frame=\s*3\b", facts)


def test_what_cannot_be_written_is_told(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animation.FFMpegWriter, "isAvailable", lambda: False)
    for name, words in (("x.mp4", "ffmpeg"), ("x.webm", "must end in"), ("nowhere/x.gif", "cannot be written")):
        arguments = ["play", f"{runs[0]}:best", "--decisions", "1", "--out", str(tmp_path / name)]
        assert main(arguments) == 2
        assert words in capsys.readouterr().err
    with pytest.raises(EvoNeuroError, match="--rate"):
        animation.animate(None, None, tmp_path / "x.gif", "", rate=-1.0)  # type: ignore[arg-type]
