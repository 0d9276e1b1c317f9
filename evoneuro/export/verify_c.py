"""The C export on this machine and on Cortex-M processors in QEMU."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError
from evoneuro.export.c import C, check_program
from evoneuro.export.rendering import source
from evoneuro.export.verify import Sent, Tool, Verified, compare
from evoneuro.network import Network

DEADLINE = 120  # seconds for one program
STRICT = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror")
ARM = ("arm-none-eabi-gcc", "-mthumb", "-Os", "-ffreestanding", "-nostdlib", "-ffunction-sections")


@dataclass(frozen=True)
class _Machine:
    """Where the program runs.

    Attributes:
        compiler: and its flags.
        files: of the machine, from the templates.
        last: what the linker gets besides.
        emulator: and its flags; the program comes after them. Nothing where the program runs by itself.
    """

    name: str
    compiler: tuple[str, ...]
    files: tuple[str, ...]
    last: tuple[str, ...] = ()
    emulator: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Programs."""
        return (self.compiler[0], *self.emulator[:1])


def _cortex(name: str, board: str) -> _Machine:
    emulator = (
        "qemu-system-arm", "-M", board, "-nographic", "-monitor", "none", "-serial", "none",
        "-semihosting-config", "enable=on,target=native", "-kernel",
    )  # fmt: skip
    compiler = (*ARM, f"-mcpu={name}")
    return _Machine(name, compiler, ("cortex_m.c", "cortex_m.ld"), ("-T", "cortex_m.ld", "-lgcc"), emulator)


MACHINES = (
    _Machine("host", ("gcc", "-O2"), ("host.c",)),
    _cortex("cortex-m0", "microbit"),
    _cortex("cortex-m3", "mps2-an385"),
    _cortex("cortex-m4", "mps2-an386"),
)

SOURCES = {
    "gcc": "apt-get install gcc, or Xcode's command line tools",
    "arm-none-eabi-gcc": "apt-get install gcc-arm-none-eabi",
    "qemu-system-arm": "apt-get install qemu-system-arm",
}


class CVerifier:
    """Compiles the export with warnings as errors, runs it, and measures it for a Cortex-M0."""

    def tools(self) -> list[Tool]:
        """Compilers and emulators."""
        return [Tool(name, shutil.which(name), how) for name, how in SOURCES.items()]

    def verify(self, network: Network, sent: Sent, folder: Path) -> list[Verified]:
        """Run the program in `folder` on every machine whose tools are here."""
        for name, text in {**C().export(network), "check.c": check_program(network, sent)}.items():
            (folder / name).write_text(text)
        found = []
        for machine in MACHINES:
            if all(shutil.which(name) for name in machine.needs):
                figures = _sizes(machine, folder) if machine.name == "cortex-m0" else {}
                spikes, said, units = _answers(_ran(machine, folder), network, sent)
                wrong = compare(sent, spikes, said, units)
                counts = len(sent.charges), int(sent.spikes.sum()), len(sent.said)
                found.append(Verified(machine.name, *counts, wrong, figures))
        return found


def _ran(machine: _Machine, folder: Path) -> str:
    """What the program prints."""
    for name in machine.files:
        (folder / name).write_text(source(name))
    program = folder / f"check-{machine.name}"
    files = ["check.c", "snn.c", *(name for name in machine.files if name.endswith(".c"))]
    _call([*machine.compiler, *STRICT, "-o", program.name, *files, *machine.last], folder)
    return _call([*machine.emulator, str(program)], folder)


def _sizes(machine: _Machine, folder: Path) -> dict[str, Any]:
    """Bytes of flash of the network alone, and of RAM."""
    compiler = [*(flag for flag in machine.compiler if flag != "-ffunction-sections"), *STRICT, "-c"]
    (folder / "ram.c").write_text('#include "snn.h"\nsnn_state state;\n')

    def sizes(name: str) -> tuple[int, int]:
        """Text and bss of an object file."""
        _call([*compiler, "-o", f"{name}.o", f"{name}.c"], folder)
        text, _, bss, *_ = _call(["arm-none-eabi-size", f"{name}.o"], folder).splitlines()[1].split()
        return int(text), int(bss)

    return {"flash_bytes": sizes("snn")[0], "ram_bytes": sizes("ram")[1]}


def _call(command: list[str], folder: Path) -> str:
    """What a program prints; semihosting prints to standard error.

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
        raise EvoNeuroError(f"{' '.join(command)} failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout or done.stderr


def _answers(
    printed: str, network: Network, sent: Sent
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64], list[float]]:
    """Spikes (steps, neurons), what decisions said (decisions, 1 + words), and the unit of each word."""
    lines = printed.splitlines()
    steps = len(sent.charges)
    rows = [np.frombuffer(bytes.fromhex(line), np.uint8) for line in lines[:steps]]
    bits = np.unpackbits(np.array(rows), axis=1, bitorder="little")[:, : network.neurons]
    words = np.array([[int(word) for word in line.split()] for line in lines[steps:]], np.float64)
    fraction = C.number_fraction(network)
    units = [0.0, *(2.0**-bits for bits in fraction)]
    if fraction and len(words):
        words[:, 1:] = np.ldexp(words[:, 1:], -np.array(fraction))
    elif len(words):
        units += [0.0] * (words.shape[1] - 1)
    return bits, words, units
