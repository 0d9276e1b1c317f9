"""Runs in odd places: other locales, strange paths, a clock that jumps, an object store without room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_run import config, digest

from evoneuro.cli import main
from evoneuro.launch import resume, start
from evoneuro.record import Run
from evoneuro.workers import open_pool, session

LOCALES = [
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"},
    {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
]
STRANGE = "a b 'c' \"d\" #e %20 ü 网"


@pytest.mark.parametrize("locale", LOCALES, ids=["latin-1", "ascii"])
def test_an_odd_locale_in_a_strange_path(tmp_path: Path, locale: dict[str, str]) -> None:
    """The same bits, with a plugin and what it says in letters that the locale does not have."""
    out = tmp_path / STRANGE
    out.mkdir()
    plugin = out / "täsk.py"
    plugin.write_text(
        'from evoneuro_tasks.cartpole import CartPole\n\n\nclass Own(CartPole):\n    """Balance a pole: ü 网."""\n',
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "evoneuro", "run", f"{plugin}:Own", "--seed=5", "--generations=2", "--workers=0"]
    settings = ["--set=search.population=8", "--set=episodes.validation=4", f"--out={out}"]
    done = subprocess.run([*command, *settings], env={**os.environ, **locale}, capture_output=True, timeout=100)
    assert done.returncode == 0, done.stderr
    (path,) = (path for path in out.iterdir() if path.is_dir() and path.name != "__pycache__")
    alone = start(
        config(
            tmp_path / "plain",
            task=f"{plugin}:Own",
            search={"population": 8},
            episodes={"validation": 4},
            budget={"generations": 2},
        )
    )
    assert digest(Run(path)) == digest(alone)


@pytest.mark.parametrize("kind", ["long", "link", "relative"])
def test_a_run_in_an_odd_path(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "there"
    if kind == "long":
        out = tmp_path / ("x" * 200)
    elif kind == "link":
        (tmp_path / "real").mkdir()
        out.symlink_to(tmp_path / "real")
    else:
        monkeypatch.chdir(tmp_path)
        out = Path("here/../there")
        (tmp_path / "here").mkdir()
    settings: dict[str, Any] = {"search": {"population": 8}, "budget": {"generations": 1}}
    run = start(config(out, **settings))
    plain = start(config(tmp_path / "plain", **settings))
    assert digest(run) == digest(plain)
    assert main(["status", str(run.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "finished"


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day forth or back at each look; and the next process finds another day, too."""
    good = start(config(tmp_path / "good"))
    real, looks = time.time, [0]

    def jumping() -> float:
        looks[0] += 1
        return real() + 86400 * (looks[0] % 3 - 1)

    class Stopper:
        def start(self, header: Any) -> None: ...

        def generation(self, summary: Any) -> None:
            if summary["generation"] == 2:
                raise KeyboardInterrupt

        def finish(self) -> None: ...

    monkeypatch.setattr(time, "time", jumping)
    with pytest.raises(KeyboardInterrupt):
        start(config(tmp_path / "jumps"), Stopper())
    path = next((tmp_path / "jumps").iterdir())
    os.utime(path / "run.sqlite", (0, 0))
    assert digest(resume(path)) == digest(good)


WIDE = """
import numpy as np
from evoneuro import ClassificationTask


class Wide(ClassificationTask):
    window = 2

    def load(self):
        rng = np.random.default_rng(0)
        return rng.integers(0, 9, (400_000, 16)).astype(float), rng.integers(0, 2, 400_000)
"""


@pytest.mark.slow
def test_an_object_store_without_room_for_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data set is larger than the store, which puts it on the disk; results are the same, and it holds no more."""
    from test_workers import CASES, gathered, population

    from evoneuro.evaluate import evaluate
    from evoneuro.task import load_task

    (tmp_path / "wide.py").write_text(WIDE)
    task = load_task(f"{tmp_path / 'wide.py'}:Wide")
    arrays = task.loaded_arrays()
    size = sum(array.nbytes for array in arrays.values())
    least = 76 * 2**20  # that Ray takes
    arrays["more"] = np.zeros(max(0, least + 2**24 - size), np.uint8)
    monkeypatch.setattr(session, "STORE_BYTES", least - sum(array.nbytes for array in arrays.values()))
    networks = population(task, 6)
    with open_pool(f"{tmp_path / 'wide.py'}:Wide", {}, 2, arrays=arrays) as pool:
        for _ in range(3):
            assert gathered(pool.evaluate(networks, CASES), 6) == evaluate(task, networks, CASES)
