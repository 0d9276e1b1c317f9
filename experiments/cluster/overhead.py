"""What a generation costs beside its evaluation: 10,000 genomes, batches of 50 ms, on Ray.

    python experiments/cluster/overhead.py --workers 2 --out results/cluster_plan

The task sleeps a millisecond for each network instead of simulating it: so a worker needs hardly any processor, and
the driver has one to itself, as on a cluster. Overhead: share of a generation's time in which a worker does not
evaluate, in the mean of all workers; batches are timed by the workers themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

TASK = '''
import time

import numpy as np
from evoneuro import ControlTask


class Sleepy(ControlTask):
    """One decision, and a millisecond of sleep for each network."""

    low, high = (0.0,) * 4, (1.0,) * 4
    actions = (0, 1)
    max_steps = 1
    episodes = 1

    def reset(self, keys):
        time.sleep(0.001 * len(keys))
        state = (keys % np.uint64(1000)).astype(float) / 1000
        return state, np.repeat(state[:, None], 4, axis=1)

    def step(self, state, action):
        no = np.zeros(len(state), bool)
        return state, np.repeat(state[:, None], 4, axis=1), state + action, no, ~no
'''


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--population", type=int, default=10_000)
    parser.add_argument("--islands", type=int, default=1)
    parser.add_argument("--generations", type=int, default=5)
    parser.add_argument("--batch", type=int, default=50, help="networks, of a millisecond each (50)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="gets overhead.json")
    options = parser.parse_args()

    import evoneuro
    from evoneuro.workers.pool import Pace

    busy: list[float] = []
    recorded = Pace.record

    def record(self: Pace, networks: int, seconds: float) -> None:
        recorded(self, networks, seconds)
        busy.append(seconds)

    Pace.record = record  # type: ignore[method-assign]
    Pace.share = lambda self, total, workers: options.batch  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sleepy.py").write_text(TASK)
        found = evoneuro.evolve(
            f"{folder}/sleepy.py:Sleepy",
            generations=options.generations,
            workers=options.workers,
            out=folder,
            search={"population": options.population // options.islands},
            islands={"count": options.islands},
            episodes={"every": 10**6, "validation": 2},
        )
        summaries = found.summaries
    # the first generation warms up, and the last one is validated
    per = -(-options.population // options.batch)
    middle = range(1, options.generations - 1)
    wall = sum(summaries[g]["seconds"] for g in middle)
    worked = sum(busy[per * middle.start : per * middle.stop])
    document = {
        "workers": options.workers,
        "population": options.population,
        "islands": options.islands,
        "batches_per_generation": per,
        "batch_seconds": worked / per / len(middle),
        "seconds_per_generation": wall / len(middle),
        "evaluations_per_s": len(middle) * options.population / wall,
        "driver_seconds_per_generation": time.process_time() / options.generations,
        "overhead": 1 - worked / (wall * options.workers),
    }
    print(json.dumps(document, indent=1))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "overhead.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
