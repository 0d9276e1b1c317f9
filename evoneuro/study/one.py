"""One run of a study, in a process of its own: `python -m evoneuro.study.one`, with its order on standard input.

The order is one line of JSON. Standard input stays open as long as the study lives: its end means that the study has
gone, however it did, and the run stops as if interrupted.
"""

from __future__ import annotations

import _thread
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evoneuro.config import Config
from evoneuro.database import DATABASE
from evoneuro.errors import EvoNeuroError, PluginError
from evoneuro.launch import resume, start
from evoneuro.leftovers import none_left
from evoneuro.network_file import write_atomically
from evoneuro.record import Run
from evoneuro.store import Store
from evoneuro.study.held_out import score
from evoneuro.study.plan import HeldOut, Solved

PAUSE = 0.1  # seconds between looks at a run
PATIENCE = 20.0  # seconds that a run has to put itself away when its study has gone
LEAVE = os._exit  # while a task's code runs, its fence has another one in that place


def main() -> int:
    """See the run of the order through; returns the exit status."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_with_the_study, daemon=True).start()
    try:
        outcome = perform(order)
        write_atomically(order["outcome"], json.dumps(outcome, indent=1, allow_nan=False) + "\n")
    except KeyboardInterrupt:
        return 130
    except EvoNeuroError as error:
        if isinstance(error, PluginError):
            print(error.trace or "", end="", file=sys.stderr)
        print(f"evoneuro: error: {error}", file=sys.stderr)
        return error.status
    return 0


def perform(order: Mapping[str, Any]) -> dict[str, Any]:
    """Begin the run, go on with it, or find it finished; then score what it found.

    Args:
        order: `path` of the run directory, and `asked`: config, held_out and solved as plain data.
    """
    asked, path = order["asked"], Path(order["path"])
    config = Config.from_document(order["config"])
    if not (path / DATABASE).is_file():
        run = start(config, path=path)
    elif _left(path) != "finished":
        run = resume(path, workers=config.workers.count)
    else:
        run = Run(path)
    held_out, solved = HeldOut(**asked["held_out"]), Solved(**asked["solved"])
    store = Store.read(path)
    try:
        task, versions = store.meta["task"], store.meta["versions"]
    finally:
        store.close()
    return {
        "asked": asked,
        "digest": run.status()["digest"],
        "timing_dependent": run.status()["timing_dependent"],
        "task": task,
        "versions": versions,
        "seconds": sum(summary["seconds"] for summary in run.summaries),
        **score(path, config, held_out, solved),
    }


def _left(path: Path) -> str:
    """The state of a run, once the process of a study that was killed has ended, as it does by itself."""
    end = time.monotonic() + PATIENCE
    while (state := str(Run(path).status()["state"])) == "running" and time.monotonic() < end:
        time.sleep(PAUSE)
    return state


def _stop_with_the_study() -> None:
    sys.stdin.read()
    _thread.interrupt_main()
    time.sleep(PATIENCE)
    LEAVE(130)


if __name__ == "__main__":
    with none_left():
        sys.exit(main())
