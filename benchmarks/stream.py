"""How much memory the evaluation of a large data set takes: 60,000 samples of 784 numbers, as MNIST has them.

    python benchmarks/stream.py [--kind uint8] [--samples 60000] [--networks 4] [--copies 0] [--csv FILE]

prints one JSON line: seconds to load, seconds for all three parts, and the process's peak of resident memory in MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evoneuro import ClassificationTask
from evoneuro.check import probe
from evoneuro.evaluate import answers, evaluate
from evoneuro.evaluation import Cases

FEATURES, CLASSES = 784, 10


class Images(ClassificationTask):
    """Random images of ten classes: noise about a mean of each."""

    encoder = {"kind": "count", "max_spikes": 4, "interval": 4}
    window = 20
    size: int = 60_000
    type_: str = "uint8"

    def load(self) -> tuple[Any, Any]:
        return images(self.size, self.type_)


def images(size: int, kind: str) -> tuple[Any, Any]:
    """Samples (size, 784), 0 to 255, and labels; made a thousand at a time."""
    rng = np.random.default_rng(0)
    means = rng.integers(60, 180, (CLASSES, FEATURES))
    labels = rng.integers(0, CLASSES, size)
    x = np.empty((size, FEATURES), kind)
    for start in range(0, size, 1000):
        here = labels[start : start + 1000]
        x[start : start + 1000] = means[here] + rng.integers(-60, 76, (len(here), FEATURES))
    return x, labels


def write(path: Path, size: int) -> None:
    """The same as a CSV file with a header."""
    x, labels = images(size, "uint8")
    with path.open("w") as file:
        file.write(",".join([*(f"pixel{k}" for k in range(FEATURES)), "label"]) + "\n")
        for row, label in zip(x, labels, strict=True):
            file.write(",".join(map(str, row.tolist())) + f",{label}\n")


def peak() -> float:
    """The most memory that this process has held, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", default="uint8", help="type of the samples: uint8, float32, float64")
    parser.add_argument("--samples", type=int, default=60_000)
    parser.add_argument("--networks", type=int, default=4)
    parser.add_argument("--copies", type=int, default=0, help="jittered copies of the training split")
    parser.add_argument("--csv", help="read this file, which --write makes")
    parser.add_argument("--write", help="make this file and stop")
    options = parser.parse_args()
    if options.write:
        write(Path(options.write), options.samples)
        return
    start = time.monotonic()
    if options.csv:
        task: ClassificationTask = ClassificationTask(
            data=options.csv, encoder=Images.encoder, window=Images.window, copies=options.copies
        )
    else:
        task = Images(size=options.samples, type_=options.kind, copies=options.copies)
    task.coding(0)
    loaded, at_load = time.monotonic() - start, peak()
    base = probe(task)
    networks = [replace(base, weight=np.roll(base.weight, k)) for k in range(options.networks)]
    start = time.monotonic()
    for stream in ("episodes", "validation", "test"):
        evaluate(task, networks, Cases(0, stream))
    seconds = time.monotonic() - start
    answers(task, base, Cases(0, "test"))
    print(
        json.dumps(
            {
                "samples": len(task._loaded()[0]),
                "type": str(task._loaded()[0].dtype),
                "networks": options.networks,
                "copies": options.copies,
                "load_s": round(loaded, 2),
                "evaluate_s": round(seconds, 2),
                "peak_after_load_mb": round(at_load),
                "peak_mb": round(peak()),
            }
        )
    )


if __name__ == "__main__":
    main()
