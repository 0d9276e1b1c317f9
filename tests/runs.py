"""Small finished runs for tests of what is shown of runs, and changes to their journals."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from evoneuro.launch import evolve


def small_run(out: Path, task: str = "iris", seed: int = 1, generations: int = 3, **settings: Any) -> Path:
    """The directory of a small finished run."""
    search = {"population": 12, **settings.pop("search", {})}
    episodes = {"validation": 5, "every": 2, **settings.pop("episodes", {})}
    run = evolve(
        task, generations=generations, seed=seed, workers=0, out=str(out), search=search, episodes=episodes, **settings
    )
    return run.path


def copied(run: Path, to: Path, config: dict[str, Any] | None = None, *statements: str) -> Path:
    """A copy of a run, with other entries in its configuration, and SQL run on its journal."""
    shutil.copytree(run, to)
    with sqlite3.connect(to / "run.sqlite") as database:
        if config is not None:
            (text,) = database.execute("SELECT value FROM meta WHERE key = 'config'").fetchone()
            changed = json.dumps({**json.loads(text), **config})
            database.execute("UPDATE meta SET value = ? WHERE key = 'config'", (changed,))
        for statement in statements:
            database.execute(statement)
    database.close()
    return to
