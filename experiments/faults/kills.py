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
from processes import Processes, below  # noqa: E402

from evoneuro.launch import start  # noqa: E402
from evoneuro.record import Run  # noqa: E402
from evoneuro.store import Store  # noqa: E402

SETTINGS = [f"--set={section}.{key}={value}" for section, keys in test_run.SMALL.items() for key, value in keys.items()]


def undisturbed(folder: Path, generations: int) -> str:
    return test_run.digest(start(test_run.config(folder / "undisturbed", budget={"generations": generations})))


def serial(folder: Path, kills: int, seed: int) -> bool:
    """Processes without Ray that die at random moments; `test_run.FORKS` looks at the journal after each."""
    expected, done, runs, equal = undisturbed(folder, test_run.LONG), 0, 0, 0
    while done < kills:
        out = folder / f"serial-{runs}"
        deaths, run = test_run.die_again_and_again("moments", out, seed + runs)
        done, runs, equal = done + deaths, runs + 1, equal + (test_run.digest(run) == expected)
        print(f"serial: {done} kills in {runs} runs, {equal} digests equal, nothing lost or repeated", flush=True)
    return equal == runs


# A command of ours that ends with status 1 if it evaluates again what was journaled when it began.
DRIVER = """
import sys
import watching
from pathlib import Path
from evoneuro.__main__ import command
from evoneuro.store import Store

found, journaled = list(Path(sys.argv[1]).glob("*/run.sqlite")), set()
if found:
    store = Store.read(found[0].parent)
    journaled = set(store._database.execute("SELECT generation, purpose, position FROM evaluations"))
    store.close()
watching.nothing_again(lambda: journaled)
sys.exit(command(sys.argv[2:]))
"""


def with_ray(folder: Path, kills: int, seed: int) -> bool:
    """Drivers with two workers, killed at a random moment after they have begun to evaluate."""
    expected, rng, seen = undisturbed(folder, test_run.LONG), random.Random(seed), Processes()
    done = lost = failed = equal = runs = 0
    out = folder / "ray-0"
    while done < kills or runs == 0:
        found = list(out.glob("*/run.sqlite"))
        begin = ["run", test_run.TASK, "--seed=5", f"--generations={test_run.LONG}", "--workers=2", f"--out={out}"]
        arguments = ["resume", str(found[0].parent)] if found else [*begin, *SETTINGS]
        with (folder / "errors.txt").open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-c", DRIVER, str(out), *arguments, "--quiet"],
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])},
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        before, moment = journal(out), None
        while process.poll() is None:
            if moment is None and len(journal(out)) > len(before):
                moment = time.monotonic() + rng.uniform(0.0, 0.5)
                seen.add(below(process.pid))
            if moment is not None and time.monotonic() > moment and done < kills:
                os.kill(process.pid, signal.SIGKILL)
                break
            time.sleep(0.01)
        process.wait()
        lost += not before <= journal(out)
        if process.returncode == -signal.SIGKILL:
            done += 1
            failed += Run(next(out.glob("*/run.sqlite")).parent).status()["state"] != "interrupted"
        elif process.returncode == 0:
            equal += test_run.digest(Run(next(out.glob("*/run.sqlite")).parent)) == expected
            runs += 1
            out = folder / f"ray-{runs}"
        else:
            print((folder / "errors.txt").read_text())
            failed += 1
            break
        told = f"{runs} runs ended, {equal} digests equal, lost something: {lost}, wrong status: {failed}"
        print(f"ray: {done} kills, {told}", flush=True)
    left = seen.left_after(75.0)
    print(f"ray: of {len(seen)} processes that the killed drivers had started, {len(left)} are left after 75 s")
    return equal == runs and not lost and not failed and not left


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


# A process that has all modules loaded, and the library that kills; its forks die, each before another write.
STEPS = """
import json, os, signal, sys
from pathlib import Path

import evoneuro
import watching
from evoneuro.record import Run
from evoneuro.store import Store

folder, settings, expected = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]


def fork(work):
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def path(out):
    return next(iter(out.glob("*/run.sqlite")), out / "none" / "run.sqlite").parent


def journaled(out):
    if not path(out).exists():
        return set()
    store = Store.read(path(out))
    rows = set(store._database.execute("SELECT generation, purpose, position, score, spikes FROM evaluations"))
    store.close()
    return rows


def first(out, number, torn):
    os.environ.update({"SHIM_ROOT": str(out), "SHIM_KILL": str(number)} | ({"SHIM_TORN": "1"} if torn else {}))
    evoneuro.evolve(**settings, out=str(out))


def second(out, rows):
    watching.nothing_again(lambda: {row[:3] for row in rows})
    evoneuro.resume(path(out)) if path(out).exists() else evoneuro.evolve(**settings, out=str(out))


evoneuro.evolve(**{**settings, "generations": 1}, out=str(folder / "warm"))  # loads all that the forks need
good = True
for torn in (False, True):
    number, kills, equal, code = 1, 0, 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        out = folder / f"steps-{torn}-{number}"
        code = fork(lambda: first(out, number, torn))
        kills += code == -signal.SIGKILL
        rows = journaled(out)
        if code == -signal.SIGKILL:
            assert fork(lambda: second(out, rows)) == 0, (number, torn)
        assert rows <= journaled(out), (number, torn)
        status = Run(path(out)).status()
        equal += (status["state"], status["digest"]) == ("finished", expected)
        number += 1
        if number % 20 == 0 or code == 0:
            told = f"{kills} kills, {equal} of {number - 1} digests equal, nothing lost or repeated"
            print(f"every write{', torn' if torn else ''}: {told}", flush=True)
    good &= code == 0 and equal == number - 1
sys.exit(not good)
"""


def steps(folder: Path, generations: int) -> bool:
    """A process that is killed before its first write, the next before its second, and so on; and half-written ones."""
    expected = undisturbed(folder, generations)
    settings = {"task": test_run.TASK, "seed": 5, "generations": generations, "workers": 0, **test_run.SMALL}
    library = power_loss.build(folder)
    return not subprocess.run(
        [sys.executable, "-c", STEPS, str(folder), json.dumps(settings), expected],
        env={
            **os.environ,
            "LD_PRELOAD": str(library),
            "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
        },
    ).returncode


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
