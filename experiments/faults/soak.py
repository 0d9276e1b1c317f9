"""A long run of a toy task: memory, file descriptors and bytes on disk, as it goes on.

    python experiments/faults/soak.py --generations 100000
    python experiments/faults/soak.py --generations 5000 --workers 2     # Ray's processes and files, too
    python experiments/faults/soak.py --population 10000 --generations 20

Columns: seconds; resident memory of this process, and of all below it (Ray's); open files of this process; bytes of the
run's directory; bytes of the files of Ray's session and of what is in its object store. Status 1 if memory, files or
Ray's bytes grow with the generations. The run's directory may: it keeps what `front`, `resume` and `report` need.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from processes import below

from evoneuro.launch import configured, start

PAGE = os.sysconf("SC_PAGE_SIZE")
SLOPE = 50.0  # KiB per generation, of memory or of Ray's files, that count as a leak, after the first tenth
ROTATED = 64.0  # MiB that logs may take before they are rotated


@dataclass(frozen=True)
class Row:
    generation: int
    seconds: float
    memory: float
    below: float
    files: int
    run: float
    ray: float

    HEAD = f"{'generation':>10} {'seconds':>9} {'MiB':>9} {'below':>9} {'files':>6} {'run MiB':>9} {'ray MiB':>9}"

    def __str__(self) -> str:
        return (
            f"{self.generation:10} {self.seconds:9.0f} {self.memory:9.1f} {self.below:9.1f} {self.files:6} "
            f"{self.run:9.2f} {self.ray:9.2f}"
        )


class Gauge:
    """An observer that notes, ten times in a run, what the process holds."""

    def __init__(self, every: int, out: Path) -> None:
        self.every, self.out, self.began = max(1, every), out, time.monotonic()
        self.rows: list[Row] = []

    def start(self, header: Any) -> None: ...

    def generation(self, summary: Any) -> None:
        if summary["generation"] % self.every:
            return
        row = Row(
            generation=summary["generation"],
            seconds=time.monotonic() - self.began,
            memory=_resident(os.getpid()),
            below=sum(map(_resident, below(os.getpid()))),
            files=len(os.listdir("/proc/self/fd")),
            run=_bytes(self.out),
            ray=_ray(),
        )
        self.rows.append(row)
        print(row, flush=True)

    def finish(self) -> None: ...


def _resident(process: int) -> float:
    with suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE / 2**20
    return 0.0


def _bytes(folder: Path) -> float:
    total = 0
    for file in folder.rglob("*"):
        with suppress(OSError):  # it may be gone
            total += file.stat().st_size * file.is_file()
    return total / 2**20


def _ray() -> float:
    """MiB of the files of Ray's session, and of the objects in its store."""
    if "ray" not in sys.modules or not sys.modules["ray"].is_initialized():
        return 0.0
    ray = sys.modules["ray"]
    store = "object_store_memory"
    held = ray.cluster_resources().get(store, 0) - ray.available_resources().get(store, 0)
    return _bytes(Path(ray._private.worker._global_node.get_session_dir_path())) + held / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="iris")
    parser.add_argument("--generations", type=int, default=2000)
    parser.add_argument("--population", type=int, default=8)
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()
    print(Row.HEAD)
    with tempfile.TemporaryDirectory() as folder:
        gauge = Gauge(options.generations // 10, Path(folder))
        document = {
            "task": options.task,
            "out": folder,
            "search": {"population": options.population},
            "budget": {"generations": options.generations},
            "workers": {"count": options.workers},
        }
        start(configured(document), gauge)
    first, last = gauge.rows[min(1, len(gauge.rows) - 1)], gauge.rows[-1]
    between = max(1, last.generation - first.generation)
    slope = 1024 * (last.memory + last.below - first.memory - first.below) / between
    files, ray = last.files - first.files, last.ray - first.ray
    print(f"{slope:.2f} KiB of memory per generation, {files} more descriptors, {ray:.2f} MiB more of Ray's")
    return int(slope > SLOPE or files > 0 or ray > max(ROTATED, SLOPE * between / 1024))


if __name__ == "__main__":
    sys.exit(main())
