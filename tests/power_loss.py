"""Disks after a crash: a trace of what a process wrote (`shim.c`), and what may be left of it at any moment."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SHIM = Path(__file__).with_name("shim.c")


def compiler() -> str | None:
    """A C compiler for the shim, on the system whose calls it knows."""
    return (shutil.which("cc") or shutil.which("gcc")) if os.path.isdir("/proc/self/fd") else None


def build(folder: Path) -> Path:
    """The shim as a library to preload."""
    library = folder / "shim.so"
    subprocess.run([str(compiler()), "-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"], check=True)
    return library


def environment(library: Path, root: Path, trace: Path | None = None, kill: int | None = None) -> dict[str, str]:
    """What a process needs so that its writes below `root` are traced, or are its death at the `kill`-th."""
    found = {**os.environ, "LD_PRELOAD": str(library), "SHIM_ROOT": str(root)}
    if trace is not None:
        found["SHIM_TRACE"] = str(trace)
    if kill is not None:
        found["SHIM_KILL"] = str(kill)
    return found


@dataclass(frozen=True)
class Call:
    """One call: kind w (write), t (truncate to `offset`), s (sync), r (rename to `content`), u (unlink)."""

    kind: str
    path: str
    offset: int
    content: bytes


def read(trace: Path) -> list[Call]:
    """The calls of a trace, in order."""
    data, at, calls = trace.read_bytes(), 0, []
    while at < len(data):
        end = data.index(b"\n", at)
        kind, offset, length, path = data[at:end].decode().split(" ", 3)
        size = int(length) if kind in "wr" else 0
        calls.append(Call(kind, path, int(offset), data[end + 1 : end + 1 + size]))
        at = end + 1 + size
    return calls


@dataclass
class _File:
    durable: bytes = b""
    pending: list[Call] = field(default_factory=list)

    def content(self, calls: Sequence[Call]) -> bytes:
        """What is durable, with these of the pending calls."""
        data = bytearray(self.durable)
        for call in calls:
            if call.kind == "t":
                data = data[: call.offset] + bytes(max(0, call.offset - len(data)))
                continue
            data += bytes(max(0, call.offset - len(data)))
            data[call.offset : call.offset + len(call.content)] = call.content
        return bytes(data)


class Disk:
    """A disk that keeps what was synced, and of the rest whatever it likes: pieces of writes, in any choice.

    Names follow one another as they were changed: a crash keeps the first of those that were not synced.
    """

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self._files: list[_File] = []
        self._names: list[dict[str, int]] = [{}]  # path -> file, after each change; the first is durable

    def do(self, call: Call) -> None:
        """One more call."""
        names = self._names[-1]
        if call.kind in "wt" and call.path not in names:
            self._files.append(_File())
            names = {**names, call.path: len(self._files) - 1}
            self._names.append(names)
        if call.kind == "r":
            changed = {path: file for path, file in names.items() if path != call.path}
            self._names.append({**changed, call.content.decode(): names[call.path]})
        elif call.kind == "u":
            if call.path in names:
                self._names.append({path: file for path, file in names.items() if path != call.path})
        elif call.kind == "s" and call.path not in names:
            self._names = self._names[-1:]  # a folder
        elif call.kind == "s":
            file = self._files[names[call.path]]
            file.durable, file.pending = file.content(file.pending), []
        else:
            self._files[names[call.path]].pending.append(call)

    def killed(self, target: Path) -> None:
        """Write what a process leaves that is killed now: all that it wrote."""
        self._write(target, self._names[-1], lambda file: file.content(file.pending))

    def lost(self, target: Path, rng: random.Random | None = None) -> None:
        """Write what a loss of power may leave: what was synced, and some of the rest if there is an `rng`."""

        def kept(file: _File) -> bytes:
            if rng is None:
                return file.durable
            chosen = [call for call in file.pending if rng.random() < 0.5]
            if chosen and rng.random() < 0.3:  # the last one is torn
                last = chosen[-1]
                chosen[-1] = Call(last.kind, last.path, last.offset, last.content[: len(last.content) // 2])
            return file.content(chosen)

        names = self._names[0] if rng is None else rng.choice(self._names)
        self._write(target, names, kept)

    def _write(self, target: Path, names: dict[str, int], content: object) -> None:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for path, file in names.items():
            relative = os.path.relpath(path, self.root)
            if os.sep not in relative:
                (target / relative).write_bytes(content(self._files[file]))  # type: ignore[operator]
