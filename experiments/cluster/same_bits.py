"""One digest, whatever the workers, batches, hash seeds, deaths, resumes and machines that are lost.

    python experiments/cluster/same_bits.py --whole     # every combination, 2 x 4 x 4 x 3, each twice; 4 lost machines
    python experiments/cluster/same_bits.py             # 16 that have every pair of values; 2 lost machines
    python experiments/cluster/same_bits.py --quick     # 2 x 2, each twice; 1

Each combination of task, workers, networks in a batch and hash seed is run twice: undisturbed, and with disturbances.
These are a worker that is killed while it evaluates, and two interruptions, each followed by a resume in which a pool
is opened anew. Each combination of workers and hash seed is a process of its own, which opens Ray once. Of the runs
with machines, each has a simulated cluster of two, one of which is killed after the second generation. All runs have 3
islands.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from typing import Any

SETTINGS: dict[str, Any] = {
    "search": {"population": 24},
    "islands": {"count": 3, "every": 2},
    "episodes": {"validation": 6, "every": 3, "refresh": 3},
}
GENERATIONS = 7
STOPS = (1, 4)  # generations after which a disturbed run is interrupted
TASKS, WORKERS, BATCHES, HASHES = ("cartpole", "iris"), (0, 1, 2, 4), (1, 3, 8, 50), ("0", "1", "random")


class _Observer:
    """What `act` does after each generation."""

    def start(self, header: Mapping[str, Any]) -> None: ...

    def generation(self, summary: Mapping[str, Any]) -> None:
        self.act(int(summary["generation"]))

    def act(self, generation: int) -> None: ...

    def finish(self) -> None: ...


class _Disturber(_Observer):
    """Interrupts the run after the generations of `STOPS`."""

    def act(self, generation: int) -> None:
        if generation in STOPS:
            raise KeyboardInterrupt


class _MachineKiller(_Observer):
    """Kills the second machine after the second generation."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster

    def act(self, generation: int) -> None:
        if generation == 1:
            self.cluster.remove_node(next(iter(self.cluster.worker_nodes)), allow_graceful=False)


def run(task: str, workers: int, batch: int, disturbed: bool, out: str) -> tuple[str, int, int]:
    """Digest of one run in this process; how many workers it lost, and how often it was resumed."""
    from evoneuro.launch import configured, resume, start
    from evoneuro.workers import pool

    pool.Pace.share = lambda self, total, workers: batch  # type: ignore[method-assign]
    pool.Pace.size = lambda self: batch  # type: ignore[method-assign]
    document = {"task": task, "seed": 5, "out": out, "budget": {"generations": GENERATIONS}, **SETTINGS}
    config = configured({**document, "workers": {"count": workers}})
    if not disturbed:
        return str(start(config).status()["digest"]), 0, 0
    deaths: list[int] = []
    resumes = 0
    with _deadly_pools(deaths):
        try:
            start(config, _Disturber())
        except KeyboardInterrupt:
            path = next(Path(out).glob("*/run.sqlite")).parent
        while True:
            resumes += 1
            try:
                found = resume(path, _Disturber())
                break
            except KeyboardInterrupt:
                pass
    return str(found.status()["digest"]), len(deaths), resumes


@contextmanager
def _deadly_pools(deaths: list[int]) -> Iterator[None]:
    """Each pool with workers loses one to a SIGKILL, with what it has just been sent."""
    from evoneuro.workers.ray_pool import RayPool

    hand_out, struck = RayPool._hand_out, set[int]()

    def deadly(self: Any, work: Any) -> None:
        hand_out(self, work)
        if id(self) not in struck and any(member.calls for member in self._members):
            struck.add(id(self))
            victim = max(_workers(os.getpid()))
            os.kill(victim, signal.SIGKILL)
            deaths.append(victim)

    RayPool._hand_out = deadly  # type: ignore[method-assign]
    try:
        yield
    finally:
        RayPool._hand_out = hand_out  # type: ignore[method-assign]


def _workers(process: int) -> list[int]:
    """The processes of Ray's actors below this one."""
    found = []
    for thread in Path(f"/proc/{process}/task").iterdir():
        for child in (thread / "children").read_text().split():
            name = Path(f"/proc/{child}/cmdline").read_bytes()
            found += [int(child)] * name.startswith(b"ray::Worker") + _workers(int(child))
    return found


def lost_machine(task: str, batch: int, out: str) -> str:
    """The digest of a run on two simulated machines, one of which is killed."""
    from evoneuro.launch import configured, start
    from evoneuro.workers import pool

    pool.Pace.share = lambda self, total, workers: batch  # type: ignore[method-assign]
    document = {"task": task, "seed": 5, "out": out, "budget": {"generations": GENERATIONS}, **SETTINGS}
    cluster = _cluster()
    try:
        document["workers"] = {"count": 2, "address": cluster.address}
        return str(start(configured(document), _MachineKiller(cluster)).status()["digest"])
    finally:
        cluster.shutdown()


def _cluster() -> Any:
    """Two machines of two processors each."""
    from evoneuro.workers import session

    for name, value in session.QUIET.items():
        os.environ.setdefault(name, value)
    session._protect()
    from ray._private.utils import get_ray_address_file
    from ray.cluster_utils import Cluster

    # a cluster notes its address in Ray's usual folder, which nobody may have made yet
    Path(get_ray_address_file(None)).parent.mkdir(exist_ok=True)
    settings = {"num_cpus": 2, "object_store_memory": 80 * 2**20}
    folder = tempfile.mkdtemp(dir="/tmp", prefix="c")
    cluster = Cluster(initialize_head=True, head_node_args={**settings, "include_dashboard": False, "temp_dir": folder})
    cluster.add_node(**settings)
    return cluster


# Processes


def one(task: str, workers: int, batches: Sequence[int], lose: bool) -> None:
    """What one process does: a line of JSON for each run."""
    from evoneuro.workers.session import Session

    with ExitStack() as resources:
        if workers and not lose:
            resources.enter_context(Session.open("local", workers).undo)
        for batch, disturbed in product(batches, (False,) if lose else (False, True)):
            began = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                digest, deaths, resumes = (
                    (lost_machine(task, batch, folder), 0, 0) if lose else run(task, workers, batch, disturbed, folder)
                )
            row = {"batch": batch, "deaths": deaths, "resumes": resumes, "digest": digest}
            print(json.dumps({**row, "seconds": round(time.monotonic() - began, 1)}), flush=True)


def process(task: str, workers: int, batches: Sequence[int], hash_seed: str, lose: bool) -> list[dict[str, Any]]:
    """The rows of the runs of one process."""
    command = [sys.executable, __file__, "--one", json.dumps([task, workers, batches, lose])]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=1200)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode:
        rows.append({"digest": f"failed: {done.stderr.strip().splitlines()[-1:]}"})
    common = {"task": task, "workers": workers, "hash_seed": hash_seed, "machine_lost": lose}
    return [{**common, **row} for row in rows]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="DIR", help="gets table.json and README.md")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--share", default="1/1", metavar="I/N", help="this part alone; adds to the table of --out")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(*json.loads(options.one))
        return 0
    cases = [(TASKS[0], workers, (3, 50), "0", False) for workers in (0, 2)] if options.quick else _pairs()
    if options.whole:
        cases = [(task, workers, BATCHES, seed, False) for task, workers, seed in product(TASKS, WORKERS, HASHES)]
    cases += [(task, 2, BATCHES[: 1 + options.whole], HASHES[-1], True) for task in dict.fromkeys(c[0] for c in cases)]
    share, shares = map(int, options.share.split("/"))
    table = options.out / "table.json" if options.out else None
    rows = json.loads(table.read_text()) if share > 1 and table is not None and table.exists() else []
    for case in cases[share - 1 :: shares]:
        found = process(*case)
        rows += found
        for row in found:
            print(row, flush=True)
    different = {task: len({row["digest"] for row in rows if row["task"] == task}) for task in TASKS}
    print(f"{len(rows)} runs; digests of each task: {different}")
    if table is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        table.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        (options.out / "README.md").write_text(_page(rows, options.whole), encoding="utf-8")
    return int(max(different.values()) > 1)


def _pairs() -> list[Any]:
    """Combinations in which every two values of two different settings meet."""
    return [
        (TASKS[(i + j // 2) % 2], workers, (batch,), HASHES[(i + j) % 3], False)
        for i, workers in enumerate(WORKERS)
        for j, batch in enumerate(BATCHES)
    ]


def _page(rows: list[dict[str, Any]], whole: bool) -> str:
    told = [
        f"{task}: {len(found)} runs, {len(set(found))} digest{'s' if len(set(found)) > 1 else ''}"
        for task in dict.fromkeys(row["task"] for row in rows)
        if (found := [row["digest"] for row in rows if row["task"] == task])
    ]
    lines = [
        "# The same bits",
        "",
        f"    python experiments/cluster/same_bits.py{' --whole' if whole else ''} --out results/same_bits",
        "",
        f"{'; '.join(told)}. {sum(row.get('deaths', 0) for row in rows)} workers were killed,",
        f"{sum(row.get('resumes', 0) for row in rows)} times a run was resumed.",
        "",
        f"Runs of {GENERATIONS} generations on 3 islands of 24; digest of the last generation's record (the first",
        "twelve of its letters). Deaths: workers that were killed with a batch in their hands. The rows with a lost",
        "machine have a simulated cluster of two, one of which is killed after the second generation.",
        "",
        "| task | workers | networks in a batch | hash seed | deaths | resumes | machine lost | digest |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['task']} | {row['workers']} | {row.get('batch', '')} | {row['hash_seed']} | "
        f"{row.get('deaths') or ''} | {row.get('resumes') or ''} | {'yes' if row['machine_lost'] else ''} | "
        f"{row['digest'][:12]} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
