"""Candidates apart: each evaluated in a process that may die of it, without Ray.

This is for candidates of which one has ended the process that evaluated them (see `evoneuro.workers.flight`). The
process starts afresh and imports nothing of this one, builds the task, and forks for each candidate; networks go to it
as network files, evaluations come back as documents, so that nothing that is sent is code.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np

from evoneuro.documents import pack, unpack
from evoneuro.errors import RunError
from evoneuro.evaluation import Cases, Evaluation, Jitter, Perturbations
from evoneuro.network import Network
from evoneuro.network_file import from_document, to_document
from evoneuro.task import Task
from evoneuro.workers.fence import fenced, limit_memory, memory_share
from evoneuro.workers.worker import CRASHED, STRIKES, build_task, evaluate_batch

START_SECONDS = 120.0  # until it must have built the task
LARGEST = 2**31  # bytes of a message
ANSWER, DEATH = b"+", b"-"  # how an answer begins


class Apart:
    """A process that evaluates one network at a time, and a fresh one whenever it has died."""

    def __init__(self, task_name: str, parameters: Mapping[str, Any], timeout: float, memory: float | None) -> None:
        self._order = {"task": task_name, "parameters": dict(parameters), "memory": memory}
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None

    def evaluate(self, network: Network, cases: Cases) -> Evaluation:
        """The evaluation of one network: a failure if it has ended three processes, or hung in them.

        Raises:
            RunError: no process can be started, or none can build the task.
        """
        reason = ""
        for _ in range(STRIKES):
            if self._process is None:
                self._start()
            try:
                self._send({"network": to_document(network), "cases": asdict(cases)})
                answer = self._receive(self._timeout)
                if answer[:1] == ANSWER:
                    return _evaluation(unpack(answer[1:]))
                reason = f"{CRASHED} {STRIKES} times ({answer[1:].decode()})"
                continue
            except TimeoutError:
                reason = f"no answer within {self._timeout:g} s"
            except (EOFError, BrokenPipeError):
                reason = f"{CRASHED} {STRIKES} times"
            self._end()
        return Evaluation.failed(reason)

    def close(self) -> None:
        """End the process."""
        self._end()

    def _start(self) -> None:
        here, there = os.pipe(), os.pipe()
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "evoneuro.workers.apart", str(here[0]), str(there[1])],
            pass_fds=(here[0], there[1]),
            stdin=subprocess.DEVNULL,
            stdout=2 if _is_open(2) else subprocess.DEVNULL,  # results alone go to standard output
            env={**os.environ, "PYTHONPATH": paths},
            start_new_session=True,  # Ctrl-C is the run's
        )
        os.close(here[0])
        os.close(there[1])
        self._out, self._in = here[1], there[0]
        try:
            self._send(self._order)
            trouble = self._receive(START_SECONDS)
        except (EOFError, BrokenPipeError, TimeoutError) as error:
            self._end()
            raise RunError(f"a process to evaluate apart did not start: {type(error).__name__}") from None
        if trouble:
            self._end()
            raise RunError(f"task {self._order['task']!r} could not be built apart: {trouble.decode()}")

    def _end(self) -> None:
        """Kill the process, and what it has forked."""
        process, self._process = self._process, None
        if process is None:
            return
        os.close(self._in)
        os.close(self._out)
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _send(self, message: Mapping[str, Any]) -> None:
        _write(self._out, json.dumps(message).encode())

    def _receive(self, seconds: float) -> bytes:
        """The next message.

        Raises:
            TimeoutError: not in time.
            EOFError: the process has ended.
        """
        return _read(self._in, time.monotonic() + seconds)


def _is_open(descriptor: int) -> bool:
    with suppress(OSError):
        os.fstat(descriptor)
        return True
    return False


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(len(content).to_bytes(8, "little") + content)
    while view:
        view = view[os.write(descriptor, view) :]


def _read(descriptor: int, until: float | None = None) -> bytes:
    size = int.from_bytes(_exactly(descriptor, 8, until), "little")
    if size > LARGEST:
        raise EOFError
    return _exactly(descriptor, size, until)


def _exactly(descriptor: int, size: int, until: float | None) -> bytes:
    parts = []
    while size:
        if until is not None and not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
            raise TimeoutError
        part = os.read(descriptor, min(size, 2**20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


# Evaluations as documents

NUMBERS = ("score", "latency", "energy", "robustness")
COUNTS = ("decisions", "steps")


def _document(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "numbers": np.array([getattr(evaluation, name) for name in NUMBERS]),
        "counts": [getattr(evaluation, name) for name in COUNTS],
        "case_scores": evaluation.case_scores,
        "spikes": evaluation.spikes,
        "failure": evaluation.failure,
    }


def _evaluation(document: Mapping[str, Any]) -> Evaluation:
    return Evaluation(
        **dict(zip(NUMBERS, document["numbers"].tolist(), strict=True)),
        **dict(zip(COUNTS, document["counts"], strict=True)),
        case_scores=document["case_scores"].astype(np.float64),
        spikes=document["spikes"].astype(np.int64),
        failure=document["failure"],
    )


def _cases(document: dict[str, Any]) -> Cases:
    parts = {"jitter": Jitter, "perturbations": Perturbations}
    made = {name: document[name] and kind(**document[name]) for name, kind in parts.items()}
    return Cases(**{**document, **made})


def _main(source: int, target: int) -> None:
    """The process: builds the task, then answers until nobody asks."""
    try:
        order = json.loads(_read(source))
    except EOFError:  # who started it has died meanwhile
        return
    try:
        with fenced():
            task = build_task(order["task"], order["parameters"])
    except BaseException as error:
        _write(target, f"{type(error).__name__}: {error}".encode())
        return
    _write(target, b"")
    limit_memory(memory_share(order["memory"], 1))
    with suppress(EOFError, BrokenPipeError):
        while True:
            asked = json.loads(_read(source))
            _write(target, _forked(task, from_document(asked["network"]), _cases(asked["cases"])))


def _forked(task: Task, network: Network, cases: Cases) -> bytes:
    """`ANSWER` and the evaluation as a document, or `DEATH` and how the fork that should have made it has died."""
    here, there = os.pipe()
    fork = os.fork()
    if fork == 0:
        os.close(here)
        try:
            with fenced():
                (evaluation,) = evaluate_batch(task, [network], cases, passing=())
            _write(there, pack(_document(evaluation)))
        finally:
            os._exit(0)
    os.close(there)
    answer = b""
    with suppress(EOFError):
        answer = _read(here)
    os.close(here)
    _, status = os.waitpid(fork, 0)
    if answer:
        return ANSWER + answer
    code = os.waitstatus_to_exitcode(status)
    return DEATH + (signal.Signals(-code).name if code < 0 else f"exit status {code}").encode()


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
