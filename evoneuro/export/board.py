"""A board in simulation: the bitstream that would be flashed, read back, with its serial line on pipes.

It decides as the board would, observation by observation, so that a task can be in the loop.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from evoneuro.environments import ControlTask
from evoneuro.errors import EvoNeuroError
from evoneuro.export import export
from evoneuro.export.c import table_of
from evoneuro.export.closed_loop import Played, play
from evoneuro.export.programs import call
from evoneuro.export.rendering import source
from evoneuro.export.verilog.coding import number_fraction, top_values
from evoneuro.network import Network

BAUD = 1_500_000  # eight clocks of 12 MHz a bit, so that simulation is short
BENCH = "serial_line.v"


@dataclass(frozen=True)
class Board:
    """A simulated board; a `Decider`."""

    network: Network
    written: IO[str]
    read: IO[str]

    def clear(self) -> None:
        """Forget everything."""
        print("C", file=self.written, flush=True)

    def decide(self, observation: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Steps and words, float64 [1 + words], of a decision on an observation in fixed point, int64 [values].

        Raises:
            EvoNeuroError: no answer, or not one of known bits.
        """
        print("D", *observation.tolist(), file=self.written, flush=True)
        line = self.read.readline()
        try:
            said = np.array([int(word) for word in line.split()], np.float64)
        except ValueError:
            said = np.zeros(0)
        if not len(said):
            raise EvoNeuroError(f"the board did not answer in integers: {line!r}")
        fraction = np.array(number_fraction(self.network), np.int64)
        said[1 : 1 + len(fraction)] = np.ldexp(said[1 : 1 + len(fraction)], -fraction)
        return said


def built(network: Network, target: str, folder: Path) -> dict[str, Any]:
    """Export into `folder`, make the bitstream for an iCEBreaker, and read it back as Verilog, `back.v`.

    Returns:
        cells and block_ram that it takes, and fmax_mhz.

    Raises:
        EvoNeuroError: a tool is missing or failed.
    """
    export(network, target, folder, force=True)
    call(["make", "-s", "icebreaker.json", f"BAUD={BAUD}"], folder)
    place = "nextpnr-ice40 -q --up5k --package sg48 --freq 12 --pcf icebreaker.pcf --json icebreaker.json"
    call([*place.split(), "--asc", "icebreaker.asc", "--report", "report.json"], folder)
    call(["icepack", "icebreaker.asc", "icebreaker.bin"], folder)
    call(["iceunpack", "icebreaker.bin", "back.asc"], folder)
    text = call(["icebox_vlog", "-s", "-c", "-n", "snn_uart", "-p", "icebreaker.pcf", "back.asc"], folder)
    (folder / "back.v").write_text(text)
    report = json.loads((folder / "report.json").read_text())
    used = report["utilization"]
    fastest = min(clock["achieved"] for clock in report["fmax"].values())
    return {
        "cells": used["ICESTORM_LC"]["used"],
        "block_ram": used["ICESTORM_RAM"]["used"],
        "fmax_mhz": round(fastest, 1),
    }


@contextmanager
def powered(network: Network, folder: Path, files: Sequence[str] = ("back.v",)) -> Iterator[Board]:
    """The board that `built` made in `folder`, switched on; `files` are what it is simulated from."""
    (folder / BENCH).write_text(source(BENCH))
    values = top_values(network)
    sizes = [f"-Pserial_line.VALUES={values['values']}", f"-Pserial_line.WORDS={values['words']}"]
    models = Path(shutil.which("yosys") or "").resolve().parents[1] / "share" / "yosys" / "ice40" / "cells_sim.v"
    flags = ["-g2012", "-DNO_ICE40_DEFAULT_ASSIGNMENTS", *sizes, "-s", "serial_line"]
    call(["iverilog", *flags, "-o", "board", BENCH, *files, str(models)], folder)
    command = ["vvp", "-n", "board"]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Board(network, process.stdin, process.stdout)
        finally:
            process.kill()


def played(network: Network, task: ControlTask, folder: Path, most: int, seed: int = 0) -> Played:
    """A fresh episode of `task`, decided by the board that `built` made in `folder`, our simulator beside it.

    Raises:
        EvoNeuroError: the network's encoder is no table, so that nothing takes observations.
    """
    table = table_of(network)
    if table is None:
        raise EvoNeuroError("the network's encoder is no table: its board takes charges, no observations")
    units = [0.0, *(2.0**-bits for bits in number_fraction(network))]
    words = top_values(network)["words"]
    with powered(network, folder) as board:
        return play(network, table, task, board, [*units, *[0.0] * (1 + words - len(units))], seed=seed, most=most)
