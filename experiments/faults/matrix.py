"""What a task's code may do, row by row, without Ray and with it: how the run ends, and with which digest."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from test_faults import FAILS, HARMLESS, arguments

from evoneuro.record import Run

KILLERS = ["segfault", "kill", "abort"]
EXTRA = {"allocate": ["--set", "workers.memory=0.3"]}


def one(trap: str, workers: int, folder: Path) -> tuple[str, list[str], int, float]:
    """Digest, reasons, processes that it took, and seconds of a run with a trap."""
    out, began, processes = folder / f"{trap or 'good'}-{workers}", time.monotonic(), 0
    given = [part if part != "0" else str(workers) for part in arguments(out, trap)]
    given += ["--set", f"task.mark={folder / 'mark'}", "--set", "workers.timeout=5", *EXTRA.get(trap, [])]
    while True:
        processes += 1
        done = subprocess.run([sys.executable, "-m", "evoneuro", *given], capture_output=True, text=True)
        if done.returncode == 0 or processes == 5:
            break
        given = ["resume", str(next(out.iterdir()))]
    run = Run(next(out.iterdir()))
    reasons = sorted({reason for *_, reason in run.failures()})
    return str(run.status()["digest"]), reasons, processes, time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 2])
    parser.add_argument("--traps", nargs="*", default=[*FAILS, *KILLERS, *HARMLESS])
    options = parser.parse_args()
    wrong = 0
    print(f"{'trap':10} {'workers':>7} {'digest':>8} {'processes':>9} {'seconds':>8}  reasons")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good, bad = one("", 0, folder)[0], one("raise", 0, folder / "reference")[0]
        for trap in options.traps:
            for workers in options.workers:
                digest, reasons, processes, seconds = one(trap, workers, folder)
                equal = digest == (good if trap in HARMLESS else bad)
                wrong += not equal
                told = "; ".join(reasons)[:100]
                said = "equal" if equal else "DIFFERS"
                print(f"{trap:10} {workers:7} {said:>8} {processes:9} {seconds:8.1f}  {told}", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "random")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
