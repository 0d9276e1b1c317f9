"""One digest, whatever the workers, batches, hash seeds and machines that are lost: every combination is run.

    python experiments/cluster/same_bits.py --out results/same_bits     # 2 x 4 x 4 x 3 runs, and 4 with lost machines
    python experiments/cluster/same_bits.py --quick                     # 2 x 2 runs, and 1

Each run is a process of its own with 3 islands. Of the runs with machines, each has a simulated cluster of two, one of
which is killed after the second generation.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

SETTINGS: dict[str, Any] = {
    "search": {"population": 24},
    "islands": {"count": 3, "every": 2},
    "episodes": {"validation": 6, "every": 3, "refresh": 3},
}
GENERATIONS = 7
# tasks, workers, networks in a batch, hash seeds
ALL = (("cartpole", "iris"), (0, 1, 2, 4), (1, 3, 8, 50), ("0", "1", "random"))
FEW = (("cartpole",), (0, 2), (3, 50), ("0",))


def run(task: str, workers: int, batch: int, lose: bool, out: str) -> str:
    """The digest of one run in this process."""
    import evoneuro
    from evoneuro.launch import configured, start
    from evoneuro.workers import pool

    pool.Pace.share = lambda self, total, workers: batch  # type: ignore[method-assign]
    pool.Pace.size = lambda self: batch  # type: ignore[method-assign]
    document = {"task": task, "seed": 5, "out": out, "budget": {"generations": GENERATIONS}, **SETTINGS}
    if not lose:
        found = evoneuro.evolve(task, generations=GENERATIONS, seed=5, workers=workers, out=out, **SETTINGS)
        return str(found.status()["digest"])
    cluster = _cluster()
    try:
        document["workers"] = {"count": workers, "address": cluster.address}
        found = start(configured(document), _Killer(cluster))
    finally:
        cluster.shutdown()
    return str(found.status()["digest"])


def _cluster() -> Any:
    """Two machines of two processors each."""
    from evoneuro.workers import session

    for name, value in session.QUIET.items():
        os.environ.setdefault(name, value)
    session._protect()
    from ray.cluster_utils import Cluster

    settings = {"num_cpus": 2, "object_store_memory": 80 * 2**20}
    folder = tempfile.mkdtemp(dir="/tmp", prefix="c")
    cluster = Cluster(initialize_head=True, head_node_args={**settings, "include_dashboard": False, "temp_dir": folder})
    cluster.add_node(**settings)
    return cluster


class _Killer:
    """An observer that kills the second machine after the second generation."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster

    def start(self, header: Mapping[str, Any]) -> None: ...

    def generation(self, summary: Mapping[str, Any]) -> None:
        if summary["generation"] == 1:
            self.cluster.remove_node(next(iter(self.cluster.worker_nodes)), allow_graceful=False)

    def finish(self) -> None: ...


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="DIR", help="gets table.json and README.md")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with tempfile.TemporaryDirectory() as folder:
            print(run(*json.loads(options.one), folder))
        return 0
    tasks, workers, batches, hashes = FEW if options.quick else ALL
    cases = [(task, *case, False) for task, case in product(tasks, product(workers, batches, hashes))]
    cases += [(task, 2, batch, hashes[-1], True) for task, batch in product(tasks, batches[: len(batches) // 2])]
    rows = []
    for task, count, batch, seed, lose in cases:
        began = time.monotonic()
        command = [sys.executable, __file__, "--one", json.dumps([task, count, batch, lose])]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": seed}, timeout=600
        )
        digest = done.stdout.strip() if done.returncode == 0 else f"failed: {done.stderr.strip().splitlines()[-1:]}"
        rows.append(
            {"task": task, "workers": count, "batch": batch, "hash_seed": seed, "machine_lost": lose, "digest": digest}
        )
        print(f"{time.monotonic() - began:6.1f} s", rows[-1], flush=True)
    different = {task: len({row["digest"] for row in rows if row["task"] == task}) for task in tasks}
    print(f"{len(rows)} runs; digests of each task: {different}")
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "table.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        (options.out / "README.md").write_text(_page(rows), encoding="utf-8")
    return 0 if set(different.values()) == {1} else 1


def _page(rows: list[dict[str, Any]]) -> str:
    lines = [
        "# The same bits",
        "",
        "    python experiments/cluster/same_bits.py --out results/same_bits",
        "",
        f"{len(rows)} runs of {GENERATIONS} generations on 3 islands of 24, each in a process of its own: digest of",
        "the last generation's record (the first twelve of its letters). The rows with a lost machine have a simulated",
        "cluster of two, one of which is killed after the second generation.",
        "",
        "| task | workers | networks in a batch | hash seed | machine lost | digest |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['task']} | {row['workers']} | {row['batch']} | {row['hash_seed']} | "
        f"{'yes' if row['machine_lost'] else ''} | {row['digest'][:12]} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
