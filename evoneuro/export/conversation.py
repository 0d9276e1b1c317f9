"""A program that answers lines: a request on its standard input, a line on its standard output."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from evoneuro.errors import EvoNeuroError


class Conversation:
    """One such program, from its start to its end; used in a `with` statement.

    Args:
        command: the program and its arguments.
        deadline: seconds that it may take in all.

    Raises:
        EvoNeuroError: it ended before it answered, or took too long; in `ask`.
    """

    def __init__(self, command: Sequence[str], folder: Path, deadline: float) -> None:
        self._command, self._deadline, self._late = list(command), deadline, False
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115, closed with the conversation
        self._process = subprocess.Popen(
            self._command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints
        )
        self._watch = threading.Timer(deadline, self._stop)
        self._watch.start()

    def __enter__(self) -> Conversation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.cancel()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):  # it ended before it read all
                stream.close()
        self._process.kill()
        self._process.wait()
        self._complaints.close()

    def say(self, line: str) -> None:
        """A request that has no answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._failed() from None

    def ask(self, line: str) -> str:
        """The answer to a request."""
        self.say(line)
        return self._answer()

    def ask_all(self, lines: Sequence[str]) -> list[str]:
        """The answers to many requests, which are sent without waiting: two programs that take turns are slow."""
        text = "".join(f"{line}\n" for line in lines)
        sender = threading.Thread(target=self._send, args=(text.encode(),))
        sender.start()
        try:
            return [self._answer() for _ in lines]
        finally:
            sender.join()

    def _send(self, text: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # who waits for the answers is told
            self._process.stdin.write(text)
            self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer.endswith(b"\n"):
            raise self._failed()
        return answer.decode("ascii", "replace").strip()

    def _stop(self) -> None:
        self._late = True
        self._process.kill()

    def _failed(self) -> EvoNeuroError:
        if self._late:
            return EvoNeuroError(f"{self._command[0]} took more than {self._deadline:g} s")
        self._process.wait()
        self._complaints.seek(0)
        said = self._complaints.read().decode("utf-8", "replace").strip()[-2000:]
        return EvoNeuroError(f"{' '.join(self._command)} ended with {self._process.returncode}:\n{said}")
