"""Studies: runs, resumed to the same numbers, failures that cost themselves only, tables and pictures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.image import imread

from evoneuro import pareto
from evoneuro.cli import main
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.front import Front
from evoneuro.objectives import COLUMN
from evoneuro.record import Moment, Run, box_shares
from evoneuro.report import study_pictures as draw
from evoneuro.study import page, summary
from evoneuro.study.plan import read
from evoneuro.study.runner import Outcome
from evoneuro.task import load_task

STUDY = """
task = "iris"
seeds = "1-2"
parallel = 2
[search]
population = 10
[budget]
generations = 3
[episodes]
every = 1
[variants.plain]
[variants.large]
search.population = 14
[solved]
score = 0.5
validation = 0.6
"""
PICTURES = ("fronts", "hypervolume", "to_solve", "smallest")


def timeless(value: Any) -> Any:
    """A document without what depends on the clock."""
    if isinstance(value, Mapping):
        return {key: timeless(part) for key, part in value.items() if key not in ("seconds", "files", "command")}
    return [timeless(part) for part in value] if isinstance(value, list) else value


def table(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "table.json").read_text())
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished study; its file lies beside it."""
    folder = tmp_path_factory.mktemp("studies")
    (folder / "tiny.toml").write_text(STUDY)
    assert main(["study", str(folder / "tiny.toml"), "--out", str(folder / "tiny"), "--quiet"]) == 0
    return folder / "tiny"


def again(study: Path, *arguments: str) -> int:
    return main(["study", str(study.with_suffix(".toml")), "--out", str(study), *arguments])


def test_every_run_is_an_ordinary_one(study: Path) -> None:
    for name in ("plain/seed1", "plain/seed2", "large/seed1", "large/seed2"):
        status = Run(study / name).status()
        assert (status["state"], status["generation"]) == ("finished", 2)
        assert not (study / f"{name}.log").exists()
    assert Run(study / "large/seed2").status()["seed"] == 2


def test_the_table_says_what_the_runs_say(study: Path) -> None:
    found = table(study)
    assert [(row["variant"], row["seed"]) for row in found["runs"]] == [
        ("plain", 1),
        ("large", 1),
        ("plain", 2),
        ("large", 2),
    ]
    for row in found["runs"]:
        path = study / row["run"]
        best = Front.read(path).best()
        (evaluation,) = evaluate(load_task("iris"), [best.network], Cases(row["seed"], "test"))
        assert (row["score"], row["best"]["id"]) == (evaluation.score, best.id)
        assert row["evaluations"] == Run(path).status()["evaluations"]
        assert row["solved"] == (row["smallest_solver"] is not None)
        if row["smallest_solver"]:
            assert row["smallest_solver"]["score"] >= 0.5
        solved = [m for m in Run(path).history() if (m.validation >= 0.6).any()]
        assert row["evaluations_to_solve"] == (solved[0].evaluations if solved else None)
        assert 0 < row["hypervolume"] <= 1
        assert min(r["evaluations"] for r in found["runs"]) == found["hypervolume_at"]
    plain = [row for row in found["runs"] if row["variant"] == "plain"]
    over = found["variants"]["plain"]
    scores = [row["score"] for row in plain]
    assert over["score"] == pytest.approx(np.mean(scores))
    assert over["score_sd"] == pytest.approx(np.std(scores, ddof=1))
    assert over["solved"] == np.mean([row["solved"] for row in plain])
    assert {row["measure"] for row in found["comparisons"]} == set(summary.COMPARED)
    assert all((row["variant"], row["with"], row["pairs"]) == ("large", "plain", 2) for row in found["comparisons"])
    assert found["failures"] == found["notes"] == []
    assert found["command"].startswith("evoneuro study ")


def test_the_history_is_the_journal(study: Path) -> None:
    run = Run(study / "plain/seed1")
    history, summaries = run.history(), run.summaries
    assert [m.evaluations for m in history] == [s["evaluations"] for s in summaries]
    assert [len(m.measures) for m in history] == [s["front_size"] for s in summaries]
    assert [m.measures[:, COLUMN["score"]].max() for m in history] == [s["best_score"] for s in summaries]
    assert np.isfinite(history[-1].validation).all()
    assert all(a.steps < b.steps for a, b in pairwise(history))
    members = Front.read(run.path).to_document()["front"]
    assert sorted(history[-1].validation) == sorted(m["validation_score"] for m in members)


def test_pictures_are_there_and_say_something(study: Path) -> None:
    for name in PICTURES:
        image = imread(study / f"{name}.png")
        assert min(image.shape[:2]) > 250
        inked = (image[:, :, :3] < 0.9).any(axis=2)
        assert 0.002 < inked.mean() < 0.7, name
        assert inked.any(axis=0).mean() > 0.5  # all over, not in a corner
        ElementTree.parse(study / f"{name}.svg")
    text = (study / "table.md").read_text()
    for name in (*PICTURES, "plain", "large", "rank-biserial", "Holm", "evaluations to solve"):
        assert name in text
    tables = [[line.count("|") for line in block.splitlines()] for block in text.split("\n\n") if block[:1] == "|"]
    assert len(tables) == 3
    assert all(len(set(bars)) == 1 for bars in tables)  # none has a row that is too short


def test_a_second_call_runs_nothing(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, stamp = table(study), (study / "plain/seed1/run.sqlite").stat().st_mtime_ns
    assert again(study, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert timeless(document) == timeless(before)
    assert (study / "plain/seed1/run.sqlite").stat().st_mtime_ns == stamp
    assert [Path(path).name for path in document["files"]][:2] == ["table.md", "table.json"]
    assert again(study) == 0
    out, err = capsys.readouterr()
    assert err == "4 of 4 runs are finished already\n"
    assert out.startswith("variant")
    assert out.endswith("smallest.svg\n")


@pytest.mark.slow
def test_other_held_out_cases_run_nothing_anew(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = study.parent / "folds.toml"
    file.write_text(STUDY.replace("score = 0.5", "score = 0.99") + "[held_out.task]\nfolds = 5\n")
    digests = [Run(study / f"plain/seed{seed}").status()["digest"] for seed in (1, 2)]
    assert main(["study", str(file), "--out", str(study), "--seeds", "1-1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["held_out"]["task"] == {"folds": 5}
    assert found["variants"]["plain"]["solved_at"]["score"] == 0.99
    assert found["variants"]["plain"]["runs"] == 1
    assert [Run(study / f"plain/seed{seed}").status()["digest"] for seed in (1, 2)] == digests
    assert again(study, "--quiet") == 0


def test_a_changed_configuration_is_refused(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = study.parent / "changed.toml"
    file.write_text(STUDY.replace("14", "16"))
    assert main(["study", str(file), "--out", str(study)]) == 2
    err = capsys.readouterr().err
    assert "variant 'large' ran with search.population = 14" in err
    assert err.count("\n") == 1


def test_killed_and_called_again_it_ends_the_same(study: Path, tmp_path: Path) -> None:
    """Killed without a word when the first run is done: the processes of the others end, and the rest is resumed."""
    out = tmp_path / "tiny"
    command = [sys.executable, "-m", "evoneuro", "study", str(study.with_suffix(".toml")), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not list(out.glob("*/seed*.json")) and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < len(list(out.glob("*/seed*.json"))) < 4
    assert not (out / "table.json").exists()
    assert main([*command[3:], "--quiet"]) == 0
    assert timeless(table(out)) == timeless(table(study))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_run_that_fails_costs_itself_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = """
import os, signal
from evoneuro import ClassificationTask

class Fatal(ClassificationTask):
    def load(self):
        os.kill(os.getpid(), signal.SIGKILL)
"""
    (tmp_path / "fatal.py").write_text(source)
    variants = '[variants.killed]\ntask = "fatal.py:Fatal"\n[variants.lost]\nstart = "none.json"\n[variants.plain]\n'
    (tmp_path / "study.toml").write_text(
        STUDY.partition("[variants")[0].replace("generations = 3", "generations = 1") + variants
    )
    arguments = ["study", str(tmp_path / "study.toml"), "--out", str(tmp_path / "out"), "--seeds", "1", "--json"]
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)
    reasons = {failure["variant"]: failure["reason"] for failure in found["failures"]}
    assert reasons["killed"] == "ended by SIGKILL"
    assert "none.json" in reasons["lost"]
    assert err.count("evoneuro: error: ") == 2
    assert [row["variant"] for row in found["runs"]] == ["plain"]
    assert found["variants"]["lost"]["runs"] == 0
    assert found["notes"] == ["no run of killed, lost succeeded"]
    assert "none.json" in (tmp_path / "out" / "table.md").read_text()


def test_nothing_but_failures_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "study.toml").write_text('task = "iris"\nseeds = 1\nstart = "none.json"\n')
    assert main(["study", str(tmp_path / "study.toml"), "--out", str(tmp_path / "out"), "--quiet"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "none of the 1 runs succeeded" in err
    assert "none.json" in err


# Numbers


def outcome(variant: str, seed: int, score: float = 0.5) -> Outcome:
    member = {"id": "0-0", "score": score, "neurons": 3, "hidden": 0, "synapses": 4, "latency": 2.0, "energy": 1.0}
    found = {
        "marks": {"score": 0.6, "validation": 0.6, "synapses": None},
        "best": {**member, "solves": score >= 0.6},
        "smallest": None,
        "task": {"name": "t", "version": "1", "digest": "d"},
        "versions": {"numpy": "2"},
        "timing_dependent": False,
        "objectives": ["score", "synapses"],
        "columns": list(COLUMN),
    }
    return Outcome(variant, seed, Path("out") / variant / f"seed{seed}", found)


def row(variant: str, seed: int, **values: Any) -> dict[str, Any]:
    blank = {"score": 0.5, "evaluations_to_solve": None, "synapses": None, "hypervolume": 0.5}
    blank |= {"steps_to_solve": None, "smallest_solver": None, "solved": False}
    return {"variant": variant, "seed": seed, **blank, "evaluations": 9, "steps": 9, "seconds": 1.0, **values}


def compare(rows: list[dict[str, Any]]) -> dict[str, Any]:
    by_variant: dict[str, list[dict[str, Any]]] = {}
    for one in rows:
        by_variant.setdefault(one["variant"], []).append(one)
    return {(c["measure"], c["variant"]): c for c in summary._comparisons(by_variant)}


def test_comparisons_are_paired_and_oriented() -> None:
    rows = [row("a", seed, score=seed, evaluations_to_solve=100 * seed) for seed in range(1, 7)]
    rows += [row("b", seed, score=seed + 0.1 * seed, evaluations_to_solve=100 * seed - seed) for seed in range(1, 7)]
    rows += [
        row("c", seed, score=seed - 1 - 0.1 * seed) for seed in range(2, 9)
    ]  # two seeds more, one less, none solves
    found = compare(rows)
    better = found["score", "b"]
    assert (better["pairs"], better["differing"]) == (6, 6)
    assert better["p"] == pytest.approx(2 / 2**6)
    assert better["p_holm"] == pytest.approx(4 / 2**6)
    assert better["rank_biserial"] == 1
    assert better["a12"] > 0.5
    assert better["median_difference"] == pytest.approx(0.35)
    sooner = found["evaluations_to_solve", "b"]
    assert (sooner["rank_biserial"], sooner["median_difference"]) == (1, -3.5)
    never = found["evaluations_to_solve", "c"]
    assert (never["pairs"], never["rank_biserial"], never["a12"], never["median_difference"]) == (5, -1, 0, None)
    assert ("synapses", "b") not in found  # nobody has any


def test_medians_count_those_that_never_get_there() -> None:
    rows = [row("a", seed, evaluations_to_solve=at) for seed, at in enumerate([10, None, 30])]
    assert summary._over_seeds(rows)["evaluations_to_solve"] == 30
    assert summary._over_seeds(rows)["reached"] == 2
    assert summary._over_seeds([*rows, row("a", 3), row("a", 4)])["evaluations_to_solve"] is None
    assert summary._over_seeds([])["score"] is None


def test_hypervolumes_share_one_box() -> None:
    first = [np.array([[0.0, 10.0]]), np.array([[0.0, 10.0], [-1.0, 20.0]])]
    second = [np.empty((0, 2)), np.array([[-2.0, 5.0]])]
    shares = box_shares([first, second])
    low, span, reference = np.array([-2.0, 5.0]), np.array([2.0, 15.0]), np.array([1.1, 1.1])
    for run, share in zip((first, second), shares, strict=True):
        wanted = [pareto.hypervolume((losses - low) / span, reference) / 1.21 for losses in run]
        assert share.tolist() == pytest.approx(wanted)
    assert shares[1].tolist() == pytest.approx([0, 1])  # who is best in all holds the whole box
    assert box_shares([[np.empty((0, 2))]])[0].tolist() == [0]


def test_changes_between_runs_are_noted(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(STUDY)
    plan = read(str(tmp_path / "s.toml"), out=str(tmp_path))
    runs = [outcome(variant, seed) for variant in ("plain", "large") for seed in (1, 2)]
    assert summary._notes(plan, runs) == []
    runs[0].found["task"]["digest"] = "other"
    runs[3].found["versions"]["numpy"] = "3"
    runs[3].found["timing_dependent"] = True
    said = " / ".join(summary._notes(plan, runs))
    assert "source or data changed between the runs of plain" in said
    assert "versions of the libraries changed between the runs of large" in said
    assert "ran out of time" in said


def test_numbers_are_short() -> None:
    assert [page.number(v) for v in (None, 0.123456, 12345.6, 250, 0)] == ["-", "0.1235", "12,346", "250", "0"]
    assert page.whole(None, "never") == "never"
    assert page.whole(1234567, "") == "1,234,567"


# Pictures


def test_the_band_is_between_quartiles_of_what_was_reached() -> None:
    seeds = [([10, 20, 30], [0.0, 1.0, 2.0]), ([10, 25, 40], [4.0, 5.0, 6.0]), ([12, 30, 35], [8.0, 9.0, 10.0])]
    grid, (low, middle, high) = draw.band(seeds)
    assert (grid[0], grid[-1]) == (12, 30)
    assert (low[0], middle[0], high[0]) == (2, 4, 6)
    assert (low[-1], middle[-1], high[-1]) == (3.5, 5, 7)


def test_pictures_without_much_to_show() -> None:
    draw.fronts_figure({"a": [[]], "b": [], "c": [[{"synapses": 3, "validation_score": None}]], "d": []})
    draw.hypervolume_figure({"a": [], "b": [([5], [0.1])]})
    draw.to_solve_figure({"a": [(None, 100)], "b": []})
    figure = draw.smallest_figure({"a": [None, None], "b": [3, 3, None]})
    assert "none solves" in [text.get_text() for text in figure.axes[0].texts]
    dots = next(c for c in figure.axes[0].collections if c.get_gid() == "dots of b")
    assert len({tuple(place) for place in np.asarray(dots.get_offsets()).tolist()}) == 2  # equals stand apart


def test_a_front_is_a_staircase_of_the_best() -> None:
    members = [{"synapses": s, "validation_score": v} for s, v in ((3, 0.5), (4, 0.4), (5, 0.9), (3, 0.6), (9, 0.9))]
    (axes,) = draw.fronts_figure({"a": [members]}, mark=0.7).axes
    lines = [line for line in axes.lines if line.get_gid() != "mark"]
    assert np.transpose(lines[0].get_data()).tolist() == [[3, 0.6], [5, 0.9]]
    assert [line.get_gid() for line in axes.lines].count("mark") == 1


def test_shares_of_solved_seeds_rise_to_those_that_do() -> None:
    (axes,) = draw.to_solve_figure({"a": [(30, 90), (None, 80), (10, 85), (20, 90)]}).axes
    x, y = axes.lines[0].get_data()
    assert np.asarray(x).tolist() == [0, 10, 20, 30, 90]
    assert np.asarray(y).tolist() == [0, 0.25, 0.5, 0.75, 0.75]


def test_hypervolumes_are_compared_where_all_have_been() -> None:
    costs = [np.array([9, 20]), np.array([12, 30, 50])]
    assert summary.common_cost(costs) == 20
    assert summary.common_cost([costs[0], costs[1][1:]]) == 30  # it has no generation before


def test_hypervolumes_of_validation_scores_know_validated_members_alone() -> None:
    measures = np.zeros((3, len(COLUMN)))
    measures[:, COLUMN["score"]], measures[:, COLUMN["synapses"]] = [0.9, 0.8, 0.7], [5, 4, 3]
    moment = Moment(0, 10, 100, measures, np.array([np.nan, 0.6, 0.5]))
    found = {"columns": list(COLUMN), "higher": ["score"]}
    (table,) = summary._tables(found, [moment], ["validation_score", "synapses"])
    assert table.tolist() == [[-0.6, 4], [-0.5, 3]]
    (table,) = summary._tables(found, [moment], ["score", "synapses"])
    assert table.tolist() == [[-0.9, 5], [-0.8, 4], [-0.7, 3]]


ALONE = """
import _thread, threading, time
from evoneuro.study import one
from evoneuro.workers.fence import fenced

one.PATIENCE = 0.1
_thread.interrupt_main = lambda: None  # a task that heeds no interrupt
threading.Thread(target=one._stop_with_the_study, daemon=True).start()
with fenced():
    time.sleep(60)
"""


def test_a_run_whose_study_has_gone_ends_while_a_task_evaluates() -> None:
    """Also one whose task swallows the interrupt: the fence around a task keeps `os._exit` from the task alone."""
    ended = subprocess.run([sys.executable, "-c", ALONE], stdin=subprocess.DEVNULL, timeout=30)
    assert ended.returncode == 130
