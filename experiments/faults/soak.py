"""A long run of a toy task: memory, file descriptors and bytes of its directory, as it goes on."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evoneuro.launch import configured, start

PAGE = os.sysconf("SC_PAGE_SIZE")
SLOPE = 50.0  # KiB of memory per generation that count as a leak, after the first tenth


class Gauge:
    """An observer that notes, ten times in a run, what the process holds."""

    def __init__(self, every: int, out: Path) -> None:
        self.every, self.out, self.began = max(1, every), out, time.monotonic()
        self.rows: list[tuple[int, float, float, int, float]] = []

    def start(self, header: Any) -> None: ...

    def generation(self, summary: Any) -> None:
        if summary["generation"] % self.every:
            return
        held = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20
        size = sum(file.stat().st_size for file in self.out.rglob("*") if file.is_file()) / 2**20
        row = (summary["generation"], time.monotonic() - self.began, held, len(os.listdir("/proc/self/fd")), size)
        self.rows.append(row)
        print(f"{row[0]:10} {row[1]:9.0f} {row[2]:9.1f} {row[3]:6} {row[4]:9.2f}", flush=True)

    def finish(self) -> None: ...


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="iris")
    parser.add_argument("--generations", type=int, default=2000)
    parser.add_argument("--population", type=int, default=8)
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()
    print(f"{'generation':>10} {'seconds':>9} {'MiB':>9} {'files':>6} {'run MiB':>9}")
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
    slope = 1024 * (last[2] - first[2]) / max(1, last[0] - first[0])
    print(f"{slope:.2f} KiB of memory per generation, {last[3] - first[3]} more descriptors")
    return int(slope > SLOPE or last[3] > first[3])


if __name__ == "__main__":
    sys.exit(main())
