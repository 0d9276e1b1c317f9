"""Mutations of each format, by thousands: each is refused in one line, or read, in bounded time and memory."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from fuzzing import Hostile, attack


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="mutations of each kind (2000)")
    parser.add_argument("--kinds", nargs="*", metavar="KIND", help='such as "run, meta" (all)')
    parser.add_argument("--first", type=int, default=0, help="seed of the first (0)")
    options = parser.parse_args()
    print(f"{'kind':26} {'tried':>6} {'refused':>8} {'read':>6} {'slowest s':>10} {'peak MiB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        hostile = Hostile(Path(folder))
        for kind in options.kinds or hostile.kinds:
            refused = read = 0
            slowest = 0.0
            for seed in range(options.first, options.first + options.count):
                start = time.process_time()
                found = attack(hostile, kind, range(seed, seed + 1))
                slowest = max(slowest, time.process_time() - start)
                refused, read = refused + found[0], read + found[1]
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{kind:26} {refused + read:6} {refused:8} {read:6} {slowest:10.2f} {peak:9.0f}", flush=True)


if __name__ == "__main__":
    main()
