"""SIGKILLs at random moments and at every write: the digest of an undisturbed run, nothing lost or repeated."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parents[2] / "tests"
sys.path.insert(0, str(TESTS))

import power_loss  # noqa: E402
import test_run  # noqa: E402

from evoneuro.launch import start  # noqa: E402
from evoneuro.record import Run  # noqa: E402
from evoneuro.store import Store  # noqa: E402


def undisturbed(folder: Path, generations: int) -> str:
    return test_run.digest(start(test_run.config(folder / "undisturbed", budget={"generations": generations})))


def serial(folder: Path, kills: int, seed: int) -> bool:
    """Processes without Ray that die at random moments; `test_run.FORKS` looks at the journal after each."""
    expected, done, runs, equal = undisturbed(folder, test_run.LONG), 0, 0, 0
    while done < kills:
        out = folder / f"serial-{runs}"
        deaths, run = test_run.die_again_and_again("moments", out, seed + runs)
        done, runs, equal = done + deaths, runs + 1, equal + (test_run.digest(run) == expected)
        print(f"serial: {done} kills in {runs} runs, {equal} digests equal", flush=True)
    return equal == runs


def with_ray(folder: Path, kills: int, seed: int) -> bool:
    """Drivers with two workers, killed at a random moment after they have begun to evaluate."""
    expected, rng, done, lost = undisturbed(folder, test_run.LONG), random.Random(seed), 0, 0
    out, equal, runs = folder / "ray-0", 0, 0
    while True:
        found = list(out.glob("*/run.sqlite"))
        arguments = ["resume", str(found[0].parent)] if found else None
        process = test_run.background(*arguments) if arguments else test_run.begin(out, test_run.LONG, workers=2)
        before = journal(out)
        limit, moment = time.monotonic() + 300, None
        while process.poll() is None and time.monotonic() < limit:
            if moment is None and len(journal(out)) > len(before):
                moment = time.monotonic() + rng.uniform(0.0, 1.0)
            if moment is not None and time.monotonic() > moment and done < kills:
                os.kill(process.pid, signal.SIGKILL)
                break
            time.sleep(0.02)
        process.communicate()
        lost += not before <= journal(out)
        if process.returncode == -signal.SIGKILL:
            done += 1
        elif process.returncode == 0:
            equal += test_run.digest(Run(next(out.glob("*/run.sqlite")).parent)) == expected
            runs += 1
            out = folder / f"ray-{runs}"
        print(f"ray: {done} kills, {runs} runs ended, {equal} digests equal, lost something: {lost}", flush=True)
        if done >= kills and process.returncode == 0:
            break
    return equal == runs and not lost


def journal(out: Path) -> set[tuple[object, ...]]:
    """What is journaled of a run."""
    found = list(out.glob("*/run.sqlite"))
    if not found:
        return set()
    store = Store.read(found[0].parent)
    try:
        return set(store._database.execute("SELECT generation, purpose, position, score FROM evaluations"))
    finally:
        store.close()


RUN = """
import json, sys  # noqa: E402
import evoneuro  # noqa: E402
from pathlib import Path  # noqa: E402
settings = json.loads(sys.argv[1])
found = list(Path(settings["out"]).glob("*/run.sqlite"))
evoneuro.resume(found[0].parent) if found else evoneuro.evolve(**settings)
"""


def steps(folder: Path, generations: int) -> bool:
    """A process that is killed before its first write, the next before its second, and so on; and half-written ones."""
    library, expected = power_loss.build(folder), undisturbed(folder, generations)
    kills = equal = runs = 0
    for torn in (False, True):
        number, over = 1, False
        while not over:
            out = folder / f"steps-{torn}-{number}"
            settings = {"task": test_run.TASK, "seed": 5, "generations": generations, "workers": 0, "out": str(out)}
            command = [sys.executable, "-c", RUN, json.dumps({**settings, **test_run.SMALL})]
            environment = power_loss.environment(library, out, kill=number)
            if torn:
                environment["SHIM_TORN"] = "1"
            first = subprocess.run(command, env=environment, capture_output=True, text=True)
            over = first.returncode == 0
            kills += not over
            if not over:
                subprocess.run(command, check=True, capture_output=True)
            runs += 1
            equal += test_run.digest(Run(next(out.glob("*/run.sqlite")).parent)) == expected
            number += 1
            print(f"every write{', torn' if torn else ''}: {kills} kills, {equal} of {runs} digests equal", flush=True)
    return equal == runs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serial", type=int, default=0, metavar="KILLS")
    parser.add_argument("--ray", type=int, default=0, metavar="KILLS")
    parser.add_argument("--steps", action="store_true")
    parser.add_argument("--generations", type=int, default=2, help="of the run that dies at every write (2)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("seed of the kills:", options.seed)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        if options.serial:
            good &= serial(Path(folder), options.serial, options.seed)
        if options.ray:
            good &= with_ray(Path(folder), options.ray, options.seed)
        if options.steps:
            good &= steps(Path(folder), options.generations)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
