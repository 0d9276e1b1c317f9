"""A network's bitstream in closed loop with its task, and our simulator beside it:

    python experiments/09_fpga/closed_loop.py NET [--target verilog] [--decisions 200]

Exits with 1 where a decision differs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from evoneuro.environments import ControlTask
from evoneuro.export.board import built, played
from evoneuro.front import resolve
from evoneuro.hardware import area
from evoneuro.task import load_task


def main() -> int:
    """Build, play, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("network", help="a network file, or RUN:ID")
    parser.add_argument("--target", default="verilog", choices=("verilog", "verilog-multiplexed"))
    parser.add_argument("--decisions", type=int, default=200, help="after which the episode is cut off")
    options = parser.parse_args()
    network = resolve(options.network)
    document = network.task or {}
    task = load_task(document["name"], document.get("parameters"))
    assert isinstance(task, ControlTask)
    with tempfile.TemporaryDirectory() as folder:
        report = built(network, options.target, Path(folder))
        episode = played(network, task, Path(folder), options.decisions)
    print(json.dumps({"estimated_core_cells": round(float(area.cells([network])[0])), **report, **asdict(episode)}))
    return 1 if episode.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
