"""Programs of other people that verification runs."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from evoneuro.errors import EvoNeuroError

DEADLINE = 900  # seconds for one program


def call(command: Sequence[str], folder: Path) -> str:
    """What a program prints.

    Raises:
        EvoNeuroError: it failed, or took too long.
    """
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=DEADLINE, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        raise EvoNeuroError(f"{command[0]} took more than {DEADLINE} s") from None
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise EvoNeuroError(f"{' '.join(command)[:400]} failed:\n{said[-2000:]}")
    return done.stdout
