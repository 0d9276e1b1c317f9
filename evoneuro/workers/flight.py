"""What is in flight: a note in the run directory of the candidates that this process evaluates right now.

It is there for a process that dies of one of them: the next one finds the note. Two deaths in the same batch are no
accident any more, and then its candidates are evaluated apart; once one of them has been seen to kill, all are, to the
end of the run. A run that is killed from outside again and again gets on all the same: other processes try as usual.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

FILE = "flight.json"
DEATHS = 2  # of processes in the same batch; then its candidates are evaluated apart, and in every third process on


class Flight:
    """The note of one run; what cannot be written is left out, for it is only ever a hint."""

    def __init__(self, folder: Path) -> None:
        self._path = folder.absolute() / FILE
        self._deaths, self._suspects, self._deadly = 0, frozenset[str](), False
        with suppress(OSError, ValueError, TypeError, KeyError):
            found = json.loads(self._path.read_text(encoding="utf-8"))
            self._deaths, self._suspects = int(found["deaths"]), frozenset(map(str, found["candidates"]))
            self._deadly = found["deadly"] is True

    def suspects(self, candidates: Sequence[str]) -> set[int]:
        """Positions of those among `candidates` that must be evaluated apart."""
        if self._deadly:
            return set(range(len(candidates)))
        if self._deaths % (DEATHS + 1) != DEATHS:
            return set()
        return {i for i, name in enumerate(candidates) if name in self._suspects}

    def killed(self) -> None:
        """A candidate has been seen to kill."""
        self._deadly = True

    def begin(self, candidates: Iterable[str]) -> None:
        """These are in flight from now on."""
        names = list(candidates)
        deaths = self._deaths + 1 if self._suspects.intersection(names) else 1
        self._write(deaths, names)

    def landed(self) -> None:
        """None is in flight."""
        if self._deadly:
            self._write(0, [])
            return
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _write(self, deaths: int, names: Sequence[str]) -> None:
        draft = self._path.with_suffix(".new")
        with suppress(OSError):
            draft.write_text(
                json.dumps({"deaths": deaths, "candidates": names, "deadly": self._deadly}), encoding="utf-8"
            )
            os.replace(draft, self._path)
