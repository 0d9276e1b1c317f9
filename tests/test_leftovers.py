"""Processes that outlive a command's work end with it; nobody else's do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="who has started whom is told by Linux alone"
)

STARTS = {
    "a child": "subprocess.Popen(['sleep', '600'])",
    "a child that does not listen": "subprocess.Popen(['sh', '-c', 'trap \"\" TERM; echo; while :; do sleep 1; done'],"
    " stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.readline()",
    # A shell may say "Terminated" of its child before it is ended itself: not to where the note is read.
    "a grandchild": "subprocess.Popen(['sh', '-c', 'sleep 600; true'], stderr=subprocess.DEVNULL)",
    "an orphan in a session of its own": "subprocess.run(['sh', '-c', 'setsid sleep 600 & true'])",
    "a fork": "os.fork() or time.sleep(600)",
}


def _run(code: str) -> subprocess.CompletedProcess[str]:
    head = "import os, subprocess, time\nfrom evoneuro.leftovers import none_left\n"
    return subprocess.run([sys.executable, "-c", head + code], capture_output=True, text=True, timeout=60)


def _marked(mark: str) -> list[int]:
    """Processes with this in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            found += [int(entry.name)] * (mark.encode() in (entry / "environ").read_bytes())
        except (OSError, ValueError):
            continue
    return found


@pytest.mark.parametrize("how", STARTS)
def test_what_still_runs_is_ended_and_told(how: str) -> None:
    mark = f"EVONEURO_TEST_LEFTOVERS={os.getpid()}-{time.monotonic_ns()}"
    name, _, value = mark.partition("=")
    code = f"os.environ[{name!r}] = {value!r}\nwith none_left():\n    {STARTS[how]}\n    time.sleep(0.1)\nprint('done')"
    done = _run(code)
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr.startswith("evoneuro: note: ended ")
    assert done.stderr.count("\n") == 1
    time.sleep(0.1)
    assert _marked(mark) == []


def test_what_has_ended_is_not_told() -> None:
    assert (
        _run("with none_left():\n    subprocess.run(['true'])\n    subprocess.Popen(['true']); time.sleep(0.2)").stderr
        == ""
    )


def test_what_ran_before_goes_on() -> None:
    code = "old = subprocess.Popen(['sleep', '600'])\nwith none_left():\n    subprocess.run(['true'])\n"
    done = _run(code + "print(old.poll())\nold.kill()")
    assert (done.stdout, done.stderr) == ("None\n", "")


def test_pythons_own_helper_tidies_up_by_itself() -> None:
    code = "from multiprocessing import shared_memory\nwith none_left():\n"
    done = _run(code + "    shared_memory.SharedMemory(create=True, size=8)")
    assert "evoneuro: note" not in done.stderr
    assert "leaked" in done.stderr  # what the helper says when it has tidied up


def test_one_that_cannot_be_ended_is_let_be() -> None:
    code = "from evoneuro import leftovers\ndef kill(number, name): raise PermissionError\nleftovers.PATIENCE = 0.2\n"
    code += "real, os.kill = os.kill, kill\nwith none_left():\n    old = subprocess.Popen(['sleep', '600'])\n"
    done = _run(code + "real(old.pid, 9)\nprint('done')")
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_an_interrupt_meanwhile_is_no_traceback() -> None:
    code = "import signal\nsignal.setitimer(signal.ITIMER_REAL, 1.0)\n"
    code += "signal.signal(signal.SIGALRM, signal.default_int_handler)\nwith none_left():\n"
    done = _run(code + f"    {STARTS['a child that does not listen']}\nprint('done')")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "done\n", 1)
