"""Each row of a table of faults, run: what was done, what was seen, and what must hold after any of them.

    python experiments/faults/matrix.py --out results/faults        # all rows; needs Linux, root and Ray
    python experiments/faults/matrix.py --rows 19 20 21

After a fault that is put into a run from outside these are checked: N1 what was journaled when it struck is there at
the end; N2 the digest is that of an undisturbed run (or of one whose candidates fail in the plainest way); N3 nothing
journaled was evaluated again; N4 `status` can be asked meanwhile; N5 the exit status is right, and what is said is a
line; N6 no process is left 75 s later; N7 no file but the run's has changed where the run stood, nor in its home. Rows
that a test of the suite shows are run as that test.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
sys.path.insert(0, str(TESTS))

import test_faults  # noqa: E402
import test_run  # noqa: E402
from kills import DRIVER, SETTINGS, journal, undisturbed  # noqa: E402
from processes import Processes, below  # noqa: E402

from evoneuro.record import Run  # noqa: E402

GENERATIONS = 40  # of a run that is struck meanwhile


@dataclass
class Struck:
    """A run of our command in a place of its own, and what is checked of it.

    Attributes:
        seen: what happened, in words.
        wrong: which of N1 to N7 do not hold.
    """

    folder: Path
    workers: int
    begin: list[str]
    expected: str
    seen: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    processes: Processes = field(default_factory=Processes)

    def __post_init__(self) -> None:
        self.out, self.errors = self.folder / "out", self.folder / "errors.txt"
        for name in ("home", "here", "temporary"):
            (self.folder / name).mkdir()
            (self.folder / name / "precious.txt").write_text("untouched\n")
        # sockets of Ray have short names
        self.short = Path(tempfile.mkdtemp(prefix="m", dir="/tmp"))

    def start(self, **more: str) -> subprocess.Popen[bytes]:
        """The run, or its resumption."""
        found = list(self.out.glob("*/run.sqlite"))
        arguments = ["resume", str(found[0].parent)] if found else [*self.begin, f"--out={self.out}"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        places = {"HOME": self.folder / "home", "TMPDIR": self.folder / "temporary", "RAY_TMPDIR": self.short}
        paths = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH", str(ROOT))]))
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(self.out), *arguments, "--quiet"],
            env={**clean, **{name: str(place) for name, place in places.items()}, "PYTHONPATH": paths, **more},
            cwd=self.folder / "here",
            stdout=subprocess.DEVNULL,
            stderr=self.errors.open("wb"),
            start_new_session=True,
        )

    def until_it_works(self, process: subprocess.Popen[bytes], evaluations: int = 40) -> set[tuple[object, ...]]:
        """Wait until some more evaluations are journaled; the journal then."""
        before = len(journal(self.out))
        while len(found := journal(self.out)) < before + evaluations and process.poll() is None:
            time.sleep(0.02)
        self.processes.add(below(process.pid))
        return found

    def end(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for its end, and ask its status meanwhile."""
        while process.poll() is None:
            self._ask()
            self.processes.add(below(process.pid))
            time.sleep(0.2)
        self._ask()
        return process.returncode

    def _ask(self) -> None:
        for found in self.out.glob("*/run.sqlite"):
            state = Run(found.parent).status()["state"]
            if state not in ("running", "interrupted", "finished", "failed"):
                self.wrong.append("N4")

    def said(self) -> str:
        """What stands on stderr, shortened."""
        return " / ".join(self.errors.read_text(errors="replace").split("\n"))[:200].strip(" /")

    def finish(self, code: int, had: set[tuple[object, ...]], allowed: tuple[int, ...] = (0,)) -> str:
        """Resume to the end if it is not there yet; then all that must hold."""
        self.seen.append(f"status {code}")
        if self.said():
            self.seen.append(f"said: {self.said()}")
        if code not in allowed or "Traceback" in self.errors.read_text(errors="replace"):
            self.wrong.append("N5")
        resumed = 0
        while code != 0 and resumed < 4:
            resumed += 1
            code = self.end(self.start())
        if resumed:
            self.seen.append(f"resumed {resumed} time{'s' * (resumed > 1)}: status {code}")
        if "evaluated again" in self.errors.read_text(errors="replace"):
            self.wrong.append("N3")
        if not had <= journal(self.out):
            self.wrong.append("N1")
        run = Run(next(self.out.glob("*/run.sqlite")).parent)
        if (run.status()["state"], run.status()["digest"]) != ("finished", self.expected):
            self.wrong.append("N2")
        reasons = sorted({reason for *_, reason in run.failures()})
        self.seen += [f"failures: {'; '.join(reasons)[:160]}"] * bool(reasons)
        left = self.processes.left_after(75.0)
        if left:
            names = [Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode() for number in left]
            self.seen.append(f"left: {'; '.join(name[:40] for name in names)}")
            self.wrong.append("N6")
        for name in ("home", "here", "temporary"):
            files = {path.name for path in (self.folder / name).rglob("*") if path.is_file()}
            files = (
                {path for path in files if not path.startswith("evoneuro-token")} if "killed" in self.seen else files
            )
            if files != {"precious.txt"} or (self.folder / name / "precious.txt").read_text() != "untouched\n":
                self.seen.append(f"files in {name}: {sorted(files)[:4]}")
                self.wrong.append("N7")
        return self.result()

    def result(self) -> str:
        held = "N1 to N7 hold" if not self.wrong else f"NOT: {', '.join(dict.fromkeys(self.wrong))}"
        return f"{'; '.join(self.seen)}; {held}"


class Matrix:
    """The rows: number -> fault, and how it is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._digests: dict[str, str] = {}
        self._number = 0

    def _place(self) -> Path:
        self._number += 1
        place = self.folder / f"row {self._number}"
        place.mkdir()
        return place

    # Runs that are struck from outside

    def _good(self) -> str:
        if "good" not in self._digests:
            self._digests["good"] = undisturbed(self.folder / "good", GENERATIONS)
        return self._digests["good"]

    def struck(self, workers: int) -> Struck:
        begin = ["run", test_run.TASK, "--seed=5", f"--generations={GENERATIONS}", f"--workers={workers}", *SETTINGS]
        return Struck(self._place(), workers, begin, self._good())

    def driver_killed(self, workers: int) -> str:
        run = self.struck(workers)
        process = run.start()
        run.until_it_works(process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        had = journal(run.out)  # what it has acknowledged up to its death
        run.seen.append("killed")
        run._ask()
        return run.finish(process.returncode, had, (-signal.SIGKILL,))

    def signalled(self, workers: int, number: signal.Signals, times: int) -> str:
        run = self.struck(workers)
        process = run.start()
        run.until_it_works(process)
        began = time.monotonic()
        for _ in range(times):
            (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
            time.sleep(0.05)
        had = journal(run.out)
        code = run.end(process)
        run.seen.append(f"ended after {time.monotonic() - began:.1f} s")
        return run.finish(code, had, (130, 0) if number == signal.SIGINT else (130, 143, 0))

    def part_killed(self, name: str) -> str:
        """One of Ray's own processes dies."""
        run = self.struck(2)
        process = run.start()
        had = run.until_it_works(process)
        victims = [n for n in below(process.pid) if name in Path(f"/proc/{n}/cmdline").read_bytes().decode()]
        os.kill(victims[0], signal.SIGKILL)
        run.seen.append(f"{name} killed")
        began = time.monotonic()
        code = run.end(process)
        run.seen.append(f"ended {time.monotonic() - began:.0f} s later")
        return run.finish(code, had, (0, 1))

    # Tasks that misbehave

    def trap(self, trap: str, workers: int, *more: str) -> str:
        """A task whose code springs a trap on some candidates; expected is the digest of one that raises."""
        kind = "none" if trap in [*test_faults.HARMLESS, "bomb"] else "bad"
        if kind not in self._digests:
            out = self._place() / "out"
            done = subprocess.run(
                [sys.executable, "-m", "evoneuro", *test_faults.arguments(out, "raise" if kind == "bad" else "")],
                capture_output=True,
            )
            assert done.returncode == 0, done.stderr
            self._digests[kind] = str(Run(next(out.iterdir())).status()["digest"])
        begin = test_faults.arguments(Path("out"), trap)
        begin = [part for part in begin if part not in ("--out", "out")]
        begin[begin.index("--workers") + 1] = str(workers)
        run = Struck(self._place(), workers, [*begin, *more], self._digests[kind])
        process = run.start()
        return run.finish(run.end(process), set(), (0, -11, -9, -6, 1))

    # Tests of the suite

    def tests(self, *chosen: str) -> str:
        """`pytest`, with all tests that a selection "file -k words" names."""
        seen = []
        for selection in chosen:
            file, _, words = selection.partition(" ")
            command = [sys.executable, "-m", "pytest", "-m", "", str(TESTS / file)]
            done = subprocess.run(
                [*command, *(["-k", words] if words else [])], cwd=ROOT, capture_output=True, text=True
            )
            tail = [line for line in done.stdout.splitlines() if re.search(r"\d+ (passed|failed|skipped)", line)]
            told = re.sub(r" in .*", "", tail[-1].strip("= ")) if tail else "passed" * (done.returncode == 0)
            seen.append(f"`{file}{f' -k {words!r}' if words else ''}`: {told or 'FAILED'}")
            if done.returncode != 0:
                seen.append("NOT: see the test")
        return "; ".join(seen)


Row = tuple[str, str, Callable[[Matrix], str]]

ROWS: list[Row] = [
    ("1", "SIGKILL of the driver, in this process", lambda m: m.driver_killed(0)),
    ("1", "SIGKILL of the driver, with Ray (`kills.py` does it hundreds of times)", lambda m: m.driver_killed(2)),
    ("2", "SIGKILL at a write", lambda m: m.tests("test_power_loss.py killed", "test_run.py every_transaction")),
    ("3", "power lost: what was not synced is gone", lambda m: m.tests("test_power_loss.py lost or forgets")),
    ("4", "SIGINT once, to the group, with Ray", lambda m: m.signalled(2, signal.SIGINT, 1)),
    ("4", "SIGINT twice, to the group, with Ray", lambda m: m.signalled(2, signal.SIGINT, 2)),
    ("5", "SIGTERM, with Ray", lambda m: m.signalled(2, signal.SIGTERM, 1)),
    ("5", "SIGTERM, in this process", lambda m: m.signalled(0, signal.SIGTERM, 1)),
    ("6", "a task calls os._exit, with Ray", lambda m: m.trap("exit", 2)),
    ("6", "a task dies of SIGSEGV, with Ray", lambda m: m.trap("segfault", 2)),
    ("6", "a task dies of SIGSEGV, in this process", lambda m: m.trap("segfault", 0)),
    ("7", "a task takes all memory, with Ray", lambda m: m.trap("allocate", 2, "--set=workers.memory=0.3")),
    (
        "8",
        "a task raises, in every way",
        lambda m: m.tests("test_faults.py raise or leave or recurse or mute or interrupt"),
    ),
    ("9", "a task hangs, with Ray", lambda m: m.trap("hang", 2, "--set=workers.timeout=5")),
    ("9", "a task hangs, in this process", lambda m: m.trap("hang", 0, "--set=workers.timeout=2")),
    (
        "10",
        "a task returns nonsense",
        lambda m: m.tests("test_faults.py nan or infinite or narrow or text or complex or huge"),
    ),
    ("11", "a plugin that is missing or broken", lambda m: m.tests("test_cli.py plugin or import")),
    ("12", "a data set with NaN, or one that changes", lambda m: m.tests("test_tables.py", "test_run.py changed_task")),
    ("13", "a full disk", lambda m: m.tests("test_store.py full", "test_cli.py full_disk")),
    ("14", "a read-only directory", lambda m: m.tests("test_store.py read_only", "test_cli.py read_only")),
    ("15", "a torn, flipped, empty or swapped record", lambda m: m.tests("test_store.py damaged or flips or change")),
    ("16", "a record of another version", lambda m: m.tests("test_formats.py", "test_store.py newer")),
    ("17", "two runs in one directory", lambda m: m.tests("test_run.py in_use", "test_store.py lock")),
    ("18", "the clock jumps by a day", lambda m: m.tests("test_odd_places.py clock")),
    ("19", "the head of Ray (gcs) dies", lambda m: m.part_killed("gcs_server")),
    ("20", "the raylet dies", lambda m: m.part_killed("raylet/raylet")),
    ("21", "a machine is lost, another joins", lambda m: m.tests("test_cluster.py lost")),
    ("22", "a task starts threads and processes, with Ray", lambda m: m.trap("bomb", 2)),
    ("22", "a task starts threads and processes, in this process", lambda m: m.trap("bomb", 0)),
    (
        "23",
        "stdout closed, a pipe without a reader",
        lambda m: m.tests("test_cli.py printed or goes_away or nobody_listens"),
    ),
    ("24", "odd locales", lambda m: m.tests("test_odd_places.py locale")),
    ("25", "odd paths", lambda m: m.tests("test_odd_places.py path", "test_store.py any_path")),
    ("26", "an object store without room", lambda m: m.tests("test_odd_places.py store")),
    ("27", "a candidate that kills every worker", lambda m: m.trap("kill", 2)),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="*", help="numbers (all)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="gets a line of README.md for each row")
    options = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        matrix = Matrix(Path(name))
        for number, fault, run in ROWS:
            if options.rows and number not in options.rows:
                continue
            began = time.monotonic()
            seen = run(matrix)
            wrong += "NOT: " in seen
            line = f"| {number} | {fault} | {seen.replace('|', '/')} | {time.monotonic() - began:.0f} |"
            print(line, flush=True)
            if options.out:
                _note(options.out, line)
    return int(wrong > 0)


HEAD = f"""# Faults

    python experiments/faults/matrix.py --out results/faults

Each row of the table of faults that `experiments/faults/matrix.py` knows: what was done to a run, what was seen, and
how many seconds it took ({platform.system()}, {os.cpu_count()} shared processors). N1 to N7 are explained there. A row
that is missing has not been run for this page.

| row | fault | seen | s |
|---|---|---|---|
"""


def _note(out: Path, line: str) -> None:
    """The row in the page; an older one of the same fault gives way."""
    out.mkdir(parents=True, exist_ok=True)
    page = out / "README.md"
    text = page.read_text(encoding="utf-8") if page.exists() else HEAD
    rows = [row for row in text[len(HEAD) :].splitlines() if row.split("|")[1:3] != line.split("|")[1:3]]
    order = {(f" {number} ", f" {fault} "): i for i, (number, fault, _) in enumerate(ROWS)}
    rows = sorted([*rows, line], key=lambda row: order.get((row.split("|")[1], row.split("|")[2]), 99))
    page.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "random")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
