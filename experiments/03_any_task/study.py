"""Run tasks over seeds with nothing set, and score the best network of each run beside what counts alone reach.

    python experiments/03_any_task/study.py FIRST LAST TASK [TASK ...]

Prints a markdown table for each task. Scores are of the run's own test split; `count-only` is the best of logistic
regression, SVM and random forest on spikes per input, as `evoneuro evaluate` prints it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time


def call(*arguments: str) -> str:
    """Standard output of one `evoneuro` command."""
    command = [sys.executable, "-m", "evoneuro", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def study(task: str, first: int, last: int) -> None:
    """One row per seed, and their mean."""
    print(f"\n| {task}, seed | test score | 95 % interval | count-only | synapses | latency | energy | seconds |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    rows = []
    for seed in range(first, last + 1):
        start = time.monotonic()
        run = call("run", task, "--seed", str(seed), "--quiet").splitlines()[-1]
        seconds = time.monotonic() - start
        result = json.loads(call("evaluate", f"{run}:best", "--json"))
        low, high = result["interval"]
        counts = result.get("count_only")
        row = [result["score"], result["synapses"], result["latency"], result["energy"], seconds]
        rows.append(row)
        beside = "" if counts is None else f"{counts:.3f}"
        numbers = f"{row[1]} | {row[2]:.1f} | {row[3]:.1f} | {row[4]:.0f}"
        print(f"| {seed} | {row[0]:.3f} | {low:.3f} to {high:.3f} | {beside} | {numbers} |", flush=True)
    mean = [statistics.mean(column) for column in zip(*rows, strict=True)]
    numbers = f"{mean[1]:.1f} | {mean[2]:.1f} | {mean[3]:.1f} | {mean[4]:.0f}"
    print(f"| **mean** | **{mean[0]:.3f}** | | | {numbers} |", flush=True)


def main() -> None:
    first, last, *tasks = sys.argv[1:]
    for task in tasks:
        study(task, int(first), int(last))


if __name__ == "__main__":
    main()
