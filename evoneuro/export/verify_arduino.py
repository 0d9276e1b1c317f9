"""The Arduino library: its C and its sketch on this machine and on an emulated ATmega328P, that of an Uno.

The C answers for every spike and decision, as the target c does, and is in the loop with the task. The sketch is given
the same observations as text and answers as text: with a stand-in for Arduino's Serial on this machine, and with
Arduino's own core by the UART of the ATmega328P.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evoneuro.export.arduino import Arduino, sketch_file
from evoneuro.export.c import serving_program, table_of
from evoneuro.export.conversation import Conversation
from evoneuro.export.machines import (
    ARDUINO_CORE,
    ATMEGA,
    ATMEGA_FLASH,
    ATMEGA_RAM,
    ATMEGA_STACK,
    DEADLINE,
    HOST,
    SOURCES,
    WARNINGS,
    where,
)
from evoneuro.export.programs import call
from evoneuro.export.rendering import source
from evoneuro.export.verify import Sent, Tool, Verified, decided, decided_on_charges
from evoneuro.export.verify_c import units, verified_on
from evoneuro.network import Network

BOARD = ("-mmcu=atmega328p", "-DF_CPU=16000000L", "-DARDUINO=10819", "-DARDUINO_AVR_UNO", "-DARDUINO_ARCH_AVR", "-Os")
LAST_DIGIT = 1e-9  # of the numbers that the sketch prints


class ArduinoVerifier:
    """Builds library and sketch, and runs both."""

    def tools(self) -> list[Tool]:
        """Compilers, emulator and Arduino's core."""
        names = dict.fromkeys((*HOST.needs, "g++", *ATMEGA.needs, "arduino-core-avr"))
        return [Tool(name, where(name), SOURCES[name]) for name in names]

    def verify(self, network: Network, sent: Sent, folder: Path) -> list[Verified]:
        """Run what was exported, wherever its tools are here."""
        for name, text in Arduino().export(network).items():
            path = folder / Path(name).name
            path.write_text(text)
        found = verified_on([HOST], network, sent, folder) if HOST.here else []
        if where("g++"):
            found.append(_sketch_here(network, sent, folder))
        if ATMEGA.here:
            found += _on_atmega(network, sent, folder)
        return found


def build_simavr(folder: Path) -> None:
    """`simavr` in `folder`, the program that emulates the ATmega328P."""
    call(["gcc", "-O2", *WARNINGS, "-o", "simavr", _written(folder, "simavr.c"), "-lsimavr"], folder)


def _on_atmega(network: Network, sent: Sent, folder: Path) -> list[Verified]:
    """C and sketch on the ATmega328P; where its flash or RAM is not enough, the figures say so, and nothing ran."""
    found = []
    build_simavr(folder)
    (folder / "serve.c").write_text(serving_program(network))
    ATMEGA.build(folder, "serve")
    if (reason := _no_room(*ATMEGA.size(folder, "serve"))) is None:
        found += verified_on([ATMEGA], network, sent, folder)
    else:
        found.append(Verified(ATMEGA.name, 0, 0, 0, 0, {"not_run": reason}))
    if where("arduino-core-avr") and where("avr-g++"):
        _build_with_core(network, folder)
        flash, ram = ATMEGA.size(folder, "uno")
        figures = {"sketch_flash_bytes": flash, "sketch_ram_bytes": ram}
        if (reason := _no_room(flash, ram)) is None:
            found.append(_judged("atmega328p, sketch", ["./simavr", "uno"], network, sent, folder, figures))
        else:
            found.append(Verified("atmega328p, sketch", 0, 0, 0, 0, {**figures, "not_run": reason}))
    return found


def _no_room(flash: int, ram: int) -> str | None:
    """Why a program does not fit, if it does not."""
    if flash <= ATMEGA_FLASH and ram <= ATMEGA_RAM - ATMEGA_STACK:
        return None
    return f"{flash} of {ATMEGA_FLASH} bytes of flash, {ram} of {ATMEGA_RAM - ATMEGA_STACK} of RAM"


def _sketch_here(network: Network, sent: Sent, folder: Path) -> Verified:
    """The sketch in C++ of this machine."""
    _written(folder, "Arduino.h")
    call([*HOST.compiler, "-c", "-o", "snn-host.o", "snn.c"], folder)
    sketch = Path(sketch_file(network)).name
    call(
        ["g++", "-std=c++11", "-O2", *WARNINGS, "-I.", "-include", "Arduino.h", "-x", "c++", sketch, "-x", "none",
         "snn-host.o", "-o", "sketch"],
        folder,
    )  # fmt: skip
    return _judged("host, sketch", ["./sketch"], network, sent, folder, {})


def _build_with_core(network: Network, folder: Path) -> None:
    """`uno`, the sketch with Arduino's core, as the IDE builds it."""
    core = ARDUINO_CORE / "cores" / "arduino"
    include = (f"-I{core}", f"-I{ARDUINO_CORE / 'variants' / 'standard'}", "-I.")
    sections = ("-ffunction-sections", "-fdata-sections")
    c = [str(path) for pattern in ("*.c", "*.S") for path in sorted(core.glob(pattern))]
    cpp = [str(path) for path in sorted(core.glob("*.cpp"))]
    objects = folder / "core"
    objects.mkdir()
    call(["avr-gcc", *BOARD, *include, *sections, "-std=gnu11", "-c", *c, str(folder / "snn.c")], objects)
    flags = ("-std=gnu++11", "-fno-exceptions", "-fno-threadsafe-statics", "-fpermissive", "-w")
    digits = "-DDECIMAL_DIG=9"  # of avr-gcc's floats; avr-gcc 5, which is Debian's, does not say so to C++
    call(["avr-g++", *BOARD, *include, *sections, *flags, digits, "-c", *cpp], objects)
    sketch = Path(sketch_file(network)).name
    own = ["-include", str(core / "Arduino.h"), "-x", "c++", sketch, "-x", "none"]
    made = [str(path) for path in sorted(objects.glob("*.o"))]
    call(["avr-g++", *BOARD, *include, *sections, *flags[:3], *own, *made, *ATMEGA.last, "-o", "uno"], folder)


def _judged(
    machine: str, command: Sequence[str], network: Network, sent: Sent, folder: Path, figures: dict[str, int]
) -> Verified:
    """What a sketch answers to the observations, or to the charges where there is no table of an encoder."""
    table = table_of(network)
    keeps = (network.task or {}).get("keep_state", True) is not False
    if table is not None:
        seen = table.restored(sent.observations)
        expected = decided(network, seen, keeps)
        asked = [[" ".join(map(repr, row))] for row in seen.tolist()]
    else:
        expected = decided_on_charges(network, sent.fed, keeps)
        asked = [
            [" ".join(map(str, row)) for row in charges[: int(said[0])].tolist()]
            for charges, said in zip(sent.fed, expected, strict=True)
        ]
    answers = []
    with Conversation(command, folder, DEADLINE) as conversation:
        for *before, last in asked:
            for line in before:
                conversation.say(line)
            answers.append([float(word) for word in conversation.ask(last).split()])
    wrong = _differ(np.array(answers).reshape(len(expected), -1), expected[:, 1:], network)
    return Verified(machine, 0, 0, len(expected), wrong, dict(figures))


def _differ(said: npt.NDArray[np.float64], expected: npt.NDArray[np.float64], network: Network) -> int:
    if said.shape != expected.shape:
        return len(expected)
    room = np.array(units(network)[1:])
    return int((np.abs(said - expected) > room + LAST_DIGIT * (room > 0)).any(axis=1).sum())


def _written(folder: Path, name: str) -> str:
    (folder / name).write_text(source(name))
    return name
