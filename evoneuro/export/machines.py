"""Where C programs run: this machine, and processors that QEMU and simavr emulate, with what each of them counts.

QEMU does not know how many cycles an instruction takes. With `-icount` each one takes the same virtual time, so that
its timers count instructions, exactly; time follows from a clock only as a lower bound, at one cycle per instruction.
simavr has the cycles of an ATmega328P by its data sheet. This machine counts nanoseconds.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evoneuro.export.programs import call
from evoneuro.export.rendering import source

DEADLINE = 120.0  # seconds for one program
WARNINGS = ("-Wall", "-Wextra", "-Werror")
CROSS = ("-Os", "-ffreestanding", "-nostdlib", "-ffunction-sections")
QUIET = (
    "-display", "none", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native",
)  # fmt: skip
INSTRUCTION = 64  # nanoseconds of virtual time; more than a tick, so that ticks tell instructions apart

SOURCES = {
    "gcc": "apt-get install gcc, or Xcode's command line tools",
    "arm-none-eabi-gcc": "apt-get install gcc-arm-none-eabi",
    "qemu-system-arm": "apt-get install qemu-system-arm",
    "riscv64-unknown-elf-gcc": "apt-get install gcc-riscv64-unknown-elf",
    "qemu-system-riscv32": "apt-get install qemu-system-misc",
    "g++": "apt-get install g++, or Xcode's command line tools",
    "avr-gcc": "apt-get install gcc-avr avr-libc",
    "libsimavr": "apt-get install libsimavr-dev",
    "arduino-core-avr": "apt-get install arduino-core-avr",
}


@dataclass(frozen=True)
class Machine:
    """Where a program runs.

    Attributes:
        compiler: and its flags.
        files: of the machine, from the templates.
        unit: of what it counts.
        per_count: how many of them a count stands for.
        needs: tools, as `SOURCES` names them.
        last: what the linker gets besides.
        emulator: and its flags; the program comes after them. Nothing where the program runs by itself.
    """

    name: str
    compiler: tuple[str, ...]
    files: tuple[str, ...]
    unit: str
    per_count: float
    needs: tuple[str, ...]
    last: tuple[str, ...] = ()
    emulator: tuple[str, ...] = ()

    @property
    def here(self) -> bool:
        """Whether all that it needs is here."""
        return all(where(name) for name in self.needs)

    def build(self, folder: Path, program: str) -> None:
        """The program made of `serve.c` and `snn.c` in `folder` and the machine's own files.

        Raises:
            EvoNeuroError: the compiler failed or warned.
        """
        own = tuple(name for name in self.files if name.endswith(".c"))
        for name in self.files:
            (folder / name).write_text(source(name))
        call([*self.compiler, "-c", "-o", f"snn-{self.name}.o", "snn.c"], folder)
        call([*self.compiler, "-o", program, "serve.c", f"snn-{self.name}.o", *own, *self.last], folder)

    def sizes(self, folder: Path) -> dict[str, int]:
        """Bytes of flash of the network alone, `snn.c`, which `build` compiled, and of the RAM of its state."""
        (folder / "ram.c").write_text('#include "snn.h"\nsnn_state state;\n')
        call([*self.compiler, "-c", "-o", "ram.o", "ram.c"], folder)
        return {"flash_bytes": self.size(folder, f"snn-{self.name}.o")[0], "ram_bytes": self.size(folder, "ram.o")[1]}

    def size(self, folder: Path, name: str) -> tuple[int, int]:
        """Bytes of flash and of RAM of a program or object."""
        tool = self.compiler[0].removesuffix("gcc") + "size"
        text, data, bss = (int(word) for word in call([tool, name], folder).splitlines()[1].split()[:3])
        return text + data, data + bss


def _cortex(name: str, board: str, tick: float) -> Machine:
    """A Cortex-M whose SysTick ticks every so many nanoseconds."""
    return Machine(
        name,
        ("arm-none-eabi-gcc", "-mthumb", f"-mcpu={name}", *CROSS, "-std=c99", "-pedantic", *WARNINGS),
        ("cortex_m.c", "semihosting.h", "cortex_m.ld"),
        "instructions",
        tick / INSTRUCTION,
        ("arm-none-eabi-gcc", "qemu-system-arm"),
        ("-T", "cortex_m.ld", "-lgcc"),
        ("qemu-system-arm", "-M", board, *QUIET, "-icount", "shift=6,sleep=off", "-kernel"),
    )


HOST = Machine(
    "host", ("gcc", "-O2", "-std=c99", "-pedantic", *WARNINGS), ("host.c",), "nanoseconds", 1.0, ("gcc",)
)  # fmt: skip
RV32 = Machine(
    "rv32imc",
    ("riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", *CROSS, "-std=c99", "-pedantic", *WARNINGS),
    ("rv32.c", "semihosting.h", "rv32.ld"),
    "instructions",
    1.0,
    ("riscv64-unknown-elf-gcc", "qemu-system-riscv32"),
    ("-T", "rv32.ld", "-Wl,--no-warn-rwx-segments", "-lgcc"),
    (
        "qemu-system-riscv32", "-M", "virt", "-bios", "none", *QUIET, "-icount", "shift=0,sleep=off", "-kernel",
    ),
)  # fmt: skip
MACHINES = (
    HOST,
    _cortex("cortex-m0", "microbit", 62.5),
    _cortex("cortex-m3", "mps2-an385", 40.0),
    _cortex("cortex-m4", "mps2-an386", 40.0),
    RV32,
)
ATMEGA = Machine(
    "atmega328p",
    (
        "avr-gcc",
        "-mmcu=atmega328p",
        "-Os",
        "-ffunction-sections",
        "-fdata-sections",
        "-fno-common",
        "-std=gnu99",
        *WARNINGS,
    ),
    ("avr.c",),
    "cycles",
    1.0,
    ("avr-gcc", "libsimavr", "gcc"),
    # whether a program fits is seen from its size, not from a linker that fails
    ("-Wl,--gc-sections,--defsym=__TEXT_REGION_LENGTH__=1M,--defsym=__DATA_REGION_LENGTH__=60K",),
    ("./simavr",),
)  # fmt: skip
ATMEGA_FLASH, ATMEGA_RAM = 32 * 1024, 2 * 1024  # bytes
ATMEGA_STACK = 192  # bytes of RAM that programs leave for it, at least
ARDUINO_CORE = Path("/usr/share/arduino/hardware/arduino/avr")


@cache
def _simavr(gcc: str) -> str | None:
    """The header of libsimavr, if the compiler finds it."""
    asked = [gcc, "-E", "-include", "simavr/sim_avr.h", "-x", "c", "/dev/null", "-o", "/dev/null"]
    done = subprocess.run(asked, capture_output=True, check=False)
    return None if done.returncode else "simavr/sim_avr.h"


def where(tool: str) -> str | None:
    """Where a tool of `SOURCES` is; None if it is not here."""
    if tool == "libsimavr":
        return _simavr(gcc) if (gcc := shutil.which("gcc")) else None
    if tool == "arduino-core-avr":
        return str(ARDUINO_CORE) if (ARDUINO_CORE / "cores").is_dir() else None
    return shutil.which(tool)
