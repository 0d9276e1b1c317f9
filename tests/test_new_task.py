"""`evoneuro new-task`: what it writes works at once, and nothing is overwritten."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evoneuro import new_task
from evoneuro.cli import main
from evoneuro.record import Run
from evoneuro.task import load_task


@pytest.mark.parametrize("kind", new_task.KINDS)
def test_what_it_writes_works(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-task", "my-first", "--kind", kind]) == 0
    *written, check, run = capsys.readouterr().out.splitlines()
    assert written == ["my_first.py", "test_my_first.py"]
    assert (check, run) == ("evoneuro check my_first.py:MyFirst", "evoneuro run my_first.py:MyFirst")
    assert main([*check.split()[1:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    arguments = ["--generations", "3", "--population", "12", "--workers", "0", "--out", "out", "--quiet"]
    assert main([*run.split()[1:], *arguments]) == 0
    assert Run(next((tmp_path / "out").iterdir())).status()["state"] == "finished"

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_first.py"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert result.returncode == 0, result.stdout
    assert "2 passed" in result.stdout


@pytest.mark.parametrize("kind", new_task.KINDS)
def test_a_template_is_tidy(kind: str, tmp_path: Path) -> None:
    made = new_task.write("MyNew2task", kind, tmp_path)
    assert made.task == f"{tmp_path / 'my_new2task.py'}:MyNew2task"
    for path in made.files:
        text = path.read_text()
        assert "$" not in text
        assert max(map(len, text.splitlines())) <= 120
    task = load_task(made.task)
    assert (task.kind, task.description) == (kind, "My new2task.")
    assert task.solved is not None


def test_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a folder"
    assert main(["new-task", "taps", "--kind", "spikes", "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["task"] == f"{out}/taps.py:Taps"
    assert [Path(name).is_file() for name in found["files"]] == [True, True]
    assert found["next"][0] == f"evoneuro check '{out}/taps.py:Taps'"


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("2nd", "control", "is no name for a Python module"),
        ("class", "control", "is no name for a Python module"),
        ("my task", "control", "is no name for a Python module"),
        ("a/b", "control", "is no name for a Python module"),
        ("__", "control", "is no name for a Python module"),
        ("json", "control", "there is a Python module 'json' already"),
        ("numpy", "control", "there is a Python module 'numpy' already"),
        ("mine", "clasification", "Did you mean 'classification'?"),
        ("there", "control", "there.py exists already"),
        ("tested", "control", "test_tested.py exists already"),
    ],
)
def test_mistakes(name: str, kind: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in ("there.py", "test_tested.py"):
        (tmp_path / file).write_text("mine")
    before = sorted(tmp_path.iterdir())
    assert main(["new-task", name, "--kind", kind, "--out", str(tmp_path)]) == 2
    text = capsys.readouterr().err
    assert said in text
    assert text.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "there.py").read_text() == "mine"


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["new-task", "mine", "--out", str(tmp_path / "file" / "deeper")]) == 2
    assert "cannot be written" in capsys.readouterr().err
