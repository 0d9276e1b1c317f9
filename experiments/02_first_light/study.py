"""Run a task over seeds with the defaults and score the best network of each on cases that the run never saw.

    python experiments/02_first_light/study.py TASK FIRST LAST [OPTION ...]

Prints a markdown table; options go to `evoneuro run`.
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


def main() -> None:
    """One row per seed, and their mean."""
    task, first, last, *options = sys.argv[1:]
    print(f"| {task}, seed | held-out score | 95 % interval | synapses | latency | energy | seconds |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for seed in range(int(first), int(last) + 1):
        start = time.monotonic()
        run = call("run", task, "--seed", str(seed), "--quiet", *options).splitlines()[-1]
        seconds = time.monotonic() - start
        # control: 1,000 fresh episodes; data sets: the run's test split
        result = json.loads(call("evaluate", f"{run}:best", "--episodes", "1000", "--seed", "1000", "--json"))
        low, high = result["interval"]
        row = [result["score"], result["synapses"], result["latency"], result["energy"], seconds]
        rows.append(row)
        numbers = f"{row[1]} | {row[2]:.1f} | {row[3]:.1f} | {row[4]:.0f}"
        print(f"| {seed} | {row[0]:.4g} | {low:.4g} to {high:.4g} | {numbers} |", flush=True)
    mean = [statistics.mean(column) for column in zip(*rows, strict=True)]
    numbers = f"{mean[1]:.1f} | {mean[2]:.1f} | {mean[3]:.1f} | {mean[4]:.0f}"
    print(f"| **mean** | **{mean[0]:.4g}** | | {numbers} |")


if __name__ == "__main__":
    main()
