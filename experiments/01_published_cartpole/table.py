"""Closed-loop results of TENNLab's eight published cart-pole networks, as a markdown table.

    python experiments/01_published_cartpole/table.py FOLDER

FOLDER holds the networks as net_42.json ... net_49.json (data of TENNLab-UTK/framework-open, testing/42 to 49).
"""

from __future__ import annotations

import sys
from pathlib import Path

from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.export import import_network
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
    print("| network | task | neurons | synapses | gym, 500 kept up | wide, 15,000 kept up | mean | spikes | events |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, numbers in LEVELS.items():
        gym, wide = load_task(name), load_task(name, {"max_steps": 15000, "starts": "wide"})
        for number in numbers:
            network = import_network(folder / f"net_{number}.json", "tennlab")
            short = evaluate(gym, [network], Cases(0, "test", 0, 200))[0]
            long = evaluate(wide, [network], Cases(0, "test", 0, 100))[0]
            kept = f"{(short.case_scores == 500).mean():.0%} | {(long.case_scores == 15000).mean():.0%}"
            counts = f"{short.spikes.sum() / short.decisions:.1f} | {short.energy:.1f}"
            size = f"{network.neurons} | {network.synapses}"
            print(f"| {number} | {name} | {size} | {kept} | {long.score:,.0f} | {counts} |", flush=True)


if __name__ == "__main__":
    main()
