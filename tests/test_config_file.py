"""Configurations as text: TOML there and back, and --set."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from evoneuro import EvoNeuroError
from evoneuro.config import Config
from evoneuro.config_file import apply, parse_value, read, to_toml


def test_toml_round_trip(tmp_path: Path) -> None:
    document = {
        "task": "cartpole", "seed": 3,
        "parameters": {"max_steps": 100, "low": [-1.5, 2.0], "encoder": {"kind": "count"},
                       "text": 'a "b" \\ \n\t ü \U0001f9e0', "table": [{"a b": 1}]},
        "search": {"constraints": ["latency <= 8"], "objectives": ["score", "energy"], "score_floor": 0.5},
        "genome": {"weight": [-7, 7], "hidden": 3}, "workers": {"count": 0},
    }  # fmt: skip
    config = Config.from_document(document)
    path = tmp_path / "run.toml"
    path.write_text(to_toml(config))
    assert tomllib.loads(path.read_text())["task"]["name"] == "cartpole"
    assert Config.from_document(read(str(path))).to_document() == config.to_document()


def test_a_files_task_is_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('[task]\nname = "mine.py:Mine"\nsize = 3\n')
    document = read(str(tmp_path / "run.toml"))
    assert document == {"task": f"{tmp_path / 'mine.py'}:Mine", "parameters": {"size": 3}}


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("true", True), ("wide", "wide"), ('"a b"', "a b"), ("[1, 2]", [1, 2]), ("none", None)],
)
def test_values(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


def test_settings() -> None:
    document = {"task": "iris", "search": {"population": 5}}
    changed = apply(document, ["search.crossover=0.3", "task.window=9", "seed=4", "workers.count=none"])
    assert changed == {
        "task": "iris", "seed": 4, "search": {"population": 5, "crossover": 0.3}, "parameters": {"window": 9},
        "workers": {"count": None},
    }  # fmt: skip
    assert document == {"task": "iris", "search": {"population": 5}}


@pytest.mark.parametrize("setting", ["population", "a.b.c=1", "=3", ".x=3"])
def test_settings_that_are_none(setting: str) -> None:
    with pytest.raises(EvoNeuroError, match="expected key=value"):
        apply({}, [setting])
