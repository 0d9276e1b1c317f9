"""Closed-loop results of TENNLab's eight published cart-pole networks, as a markdown table.

    python experiments/01_published_cartpole/table.py FOLDER

FOLDER holds the networks as net_42.json ... net_49.json (data of TENNLab-UTK/framework-open, testing/42 to 49).
Spikes (those of input neurons included) and synaptic events are per decision, on the Gym starts. Speed is that of the
wide episodes: simulated network steps of all lanes, environment included, per second of wall time.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.export import import_network
from evoneuro.simulator.lanes import warm_up
from evoneuro.task import load_task

LEVELS = {
    "cartpole": (42, 43),
    "cartpole-medium": (44, 45),
    "cartpole-hard": (46, 47),
    "cartpole-hardest": (48, 49),
}


def main() -> None:
    """One row per network."""
    folder = Path(sys.argv[1])
    columns = "network | task | neurons | synapses | Gym, 500 kept up | wide, 15,000 kept up | mean steps kept up"
    print(f"| {columns} | spikes per decision | events per decision | network steps per second |")
    print("|---" * 10 + "|")
    warm_up()
    for name, numbers in LEVELS.items():
        gym, wide = load_task(name), load_task(name, {"max_steps": 15000, "starts": "wide"})
        for number in numbers:
            network = import_network(folder / f"net_{number}.json", "tennlab")
            short = evaluate(gym, [network], Cases(0, "test", 0, 200))[0]
            start = time.perf_counter()
            long = evaluate(wide, [network], Cases(0, "test", 0, 100))[0]
            speed = f"{long.steps / (time.perf_counter() - start) / 1e6:.1f} M"
            kept = f"{(short.case_scores == 500).mean():.0%} | {(long.case_scores == 15000).mean():.0%}"
            counts = f"{short.spikes.sum() / short.decisions:.1f} | {short.energy:.1f}"
            size = f"{network.neurons} | {network.synapses}"
            print(f"| {number} | {name} | {size} | {kept} | {long.score:,.0f} | {counts} | {speed} |", flush=True)


if __name__ == "__main__":
    main()
