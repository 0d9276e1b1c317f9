"""Verilog exports in two simulators, as netlists, and as bitstreams that are read back.

Stages, each nearer to silicon: the text in Icarus Verilog and in Verilator; the cells that Yosys makes of it, those of
an iCE40 and those of an ECP5; the serial line on the board's UP5K, placed, routed and packed into the file that would
be flashed, unpacked and simulated; and so the core, of small networks, with every neuron on a pin. The same benches
judge all of them. No open tool makes Verilog of an ECP5's bitstream, so that its cells are the last that is seen there.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError
from evoneuro.export.programs import call
from evoneuro.export.verify import Sent, Tool, Verified, compare
from evoneuro.export.verilog.bench import BENCH, UART_BENCH, bench, recorded, uart_bench
from evoneuro.export.verilog.coding import number_fraction
from evoneuro.export.verilog.layout import Layout
from evoneuro.export.verilog.shell import shell
from evoneuro.export.verilog.target import Verilog
from evoneuro.network import Network

SMALL = 20  # neurons of a network whose core is read back, each on a pin
PLAIN = "-DNO_ICE40_DEFAULT_ASSIGNMENTS"  # the cells' models in Verilog-2001
PERIOD = 8  # clocks of a bit on the simulated serial line
GATE_CLOCKS = 20_000  # of decisions whose gates are simulated, which takes a thousand times as long as the text does
FEWEST = 3  # decisions, however many clocks they take
BOARD_CLOCK = 12.0  # MHz, of the iCEBreaker
RTL, VERILATOR, NETLIST, ECP5 = "iverilog", "verilator", "netlist", "ecp5 netlist"
SERIAL, CORE = "up5k bitstream", "core bitstream"
GATES = (NETLIST, ECP5, SERIAL, CORE)

# compiling takes longest by far: no optimisation, by the makefile's own variables, and loops that stay loops
VERILATE = (
    "verilator", "--binary", "--timing", "-Wno-fatal", "-Wno-lint", "--unroll-count", "1", "--output-split", "0",
    "-MAKEFLAGS", "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0",
)  # fmt: skip

SOURCES = {
    "iverilog": "apt-get install iverilog, or brew install icarus-verilog",
    "verilator": "apt-get install verilator, or brew install verilator",
    "yosys": "apt-get install yosys, or brew install yosys",
    "nextpnr-ice40": "apt-get install nextpnr-ice40, or the OSS CAD Suite",
    "icepack": "apt-get install fpga-icestorm, or the OSS CAD Suite",
    "iceunpack": "apt-get install fpga-icestorm, or the OSS CAD Suite",
    "icebox_vlog": "apt-get install fpga-icestorm, or the OSS CAD Suite",
}
ICE = ("iverilog", "yosys", "nextpnr-ice40", "icepack", "iceunpack", "icebox_vlog")


@dataclass(frozen=True)
class Device:
    """An FPGA in its package, and the pins that a design may use."""

    name: str
    package: str
    pins: tuple[str, ...]


_TQ144 = """
1 2 3 4 7 8 9 10 11 12 19 20 21 22 23 24 25 26 28 29 31 32 33 34 37 38 39 41 42 43 44 45 47 48 49 50 52 56 58 60 61
62 63 64 67 68 70 71 73 74 75 76 78 79 80 81 87 88 90 91 93 94 95 96 97 98 99 101 102 104 105 106 107 112 113 114
115 116 117 118 119 120 121 122 128 129 134 135 136 137 138 139 141 142 143 144
"""
_CT256 = """
A1 A2 A5 A6 A7 A9 A10 A11 A15 A16 B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B12 B13 B14 B15 B16 C1 C2 C3 C4 C5 C6 C7 C8 C9
C10 C11 C12 C13 C14 C16 D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11 D13 D14 D15 D16 E2 E3 E4 E5 E6 E9 E10 E11 E13 E14 E16 F1
F2 F3 F4 F5 F7 F9 F11 F12 F13 F14 F15 F16 G1 G2 G3 G4 G5 G10 G11 G12 G13 G14 G15 G16 H1 H2 H3 H4 H5 H6 H11 H12 H13
H14 H16 J1 J2 J3 J4 J5 J10 J11 J12 J13 J14 J15 J16 K1 K3 K4 K5 K9 K11 K12 K13 K14 K15 K16 L1 L3 L4 L5 L6 L7 L9 L10
L11 L12 L13 L14 L16 M1 M2 M3 M4 M5 M6 M7 M8 M9 M11 M12 M13 M14 M15 M16 N2 N3 N4 N5 N6 N7 N9 N10 N12 N16 P1 P2 P4 P5
P6 P7 P8 P9 P10 P11 P12 P13 P14 P15 P16 R1 R2 R3 R4 R5 R6 R9 R10 R11 R12 R14 R15 R16 T1 T2 T3 T5 T6 T7 T8 T9 T10 T11
T13 T14 T15 T16
"""

# the smaller first: its bitstream is read back sooner
DEVICES = (Device("hx1k", "tq144", tuple(_TQ144.split())), Device("hx8k", "ct256", tuple(_CT256.split())))


@dataclass(frozen=True)
class _Job:
    """One network on its way.

    Attributes:
        sources: names of its modules' files.
        clocks: of a decision in the mean, as soon as it has been measured.
    """

    network: Network
    sent: Sent
    folder: Path
    sources: list[str]
    clocks: list[float] = field(default_factory=list)

    def benches(self) -> None:
        """Write the benches, which hold what is sent."""
        for name, text in {**bench(self.network, self.sent), **uart_bench(self.network, self.sent)}.items():
            (self.folder / name).write_text(text)

    def of_gates(self) -> _Job:
        """The same with as many decisions as gates are simulated for."""
        most = max(FEWEST, int(GATE_CLOCKS / self.clocks[0])) if self.clocks else len(self.sent.said)
        sent = self.sent
        first = {name: getattr(sent, name)[:most] for name in ("observations", "said", "fed", "fed_said")}
        return replace(self, sent=replace(sent, **first))

    def simulated(self, name: str, files: Sequence[str], *flags: str) -> str:
        """What the bench that `files` begin with prints in Icarus Verilog."""
        call(["iverilog", "-g2001", *flags, "-o", name, *files], self.folder)
        return call(["vvp", "-n", name, "+print"], self.folder)

    def verilated(self, name: str, files: Sequence[str], *flags: str) -> str:
        """The same in Verilator: minutes to compile, where gates are many, and seconds to run."""
        call([*VERILATE, *flags, "--Mdir", name, "-o", "bench", "--top-module", "snn_tb", *files], self.folder)
        return call([str(self.folder / name / "bench"), "+print"], self.folder)

    def judged(self, machine: str, printed: str, **figures: Any) -> Verified:
        """What a bench printed, compared; whatever else it found wrong counts too."""
        rows, said = recorded(self.network, self.sent)
        expected = Sent(self.sent.charges, self.sent.spikes, rows, said)
        spikes, answers = _answers(printed, self.network)
        units = [0.0, *(2.0**-bits for bits in number_fraction(self.network))]
        units += [0.0] * (said.shape[1] - len(units))
        wrong = compare(expected, spikes, answers, units)
        if "PASS" not in printed.split():
            wrong = max(wrong, 1)
        return Verified(machine, len(spikes), int(self.sent.spikes.sum()), len(answers), wrong, figures)

    def serial(self, machine: str, printed: str, **figures: Any) -> Verified:
        """What the bench of the serial line printed."""
        done = re.search(r"(\d+) decisions over the serial line, (\d+) mismatches", printed)
        if done is None:
            raise EvoNeuroError(f"{machine}: the serial line did not answer:\n{printed[-500:]}")
        return Verified(machine, 0, 0, int(done[1]), int(done[2]), figures)


def _rtl(job: _Job) -> Verified:
    """The text as it is, and its serial line."""
    printed = job.simulated("rtl.vvp", [BENCH, *job.sources])
    serial = job.serial(RTL, job.simulated("uart.vvp", [UART_BENCH, "snn_uart.v", *job.sources]))
    job.clocks.append(_per(printed, "decisions"))
    found = job.judged(RTL, printed, clocks_per_step=_per(printed, "steps"), clocks_per_decision=job.clocks[0])
    figures = {**found.figures, "serial_decisions": serial.decisions}
    return replace(found, mismatches=found.mismatches + serial.mismatches, figures=figures)


def _verilated(job: _Job) -> Verified:
    """The text in Verilator, which knows two values of a bit and is a second opinion."""
    return job.judged(VERILATOR, job.verilated("verilated", [BENCH, *job.sources]))


def _netlist(job: _Job) -> Verified:
    """The cells of an iCE40 that Yosys makes of the core, and of the whole.

    Those of a network that is not small run in Verilator, if it is here: minutes instead of hours."""
    printed, core = _as_cells(job, "ice40", "cells", PLAIN)
    flip_flops = sum(count for cell, count in core.items() if cell.startswith("SB_DFF"))
    return job.judged(NETLIST, printed, core_luts=core.get("SB_LUT4", 0), core_flip_flops=flip_flops)


def _ecp5(job: _Job) -> Verified:
    """The cells of an ECP5. Tables are in LUTs, for Yosys has no model of its block RAM; of the multiplexed core, whose
    memories are written to, nothing is shown so."""
    printed, core = _as_cells(job, "ecp5", "ecp5", "-g2005", f"-I{Path(_models('ecp5')).parent}")
    return job.judged(ECP5, printed, core_luts=core.get("LUT4", 0), core_flip_flops=core.get("TRELLIS_FF", 0))


def _as_cells(job: _Job, family: str, suffix: str, *flags: str) -> tuple[str, dict[str, int]]:
    """What the bench prints of cells, and how many of each the core has."""
    said = _synthesised(job, ["snn_core.v"], "snn_core", f"snn_core_{suffix}", family=family)
    _synthesised(job, job.sources, "snn", f"snn_{suffix}", family=family)
    files = [BENCH, f"snn_core_{suffix}.v", f"snn_{suffix}.v", _models(family)]
    cells = {cell: int(count) for cell, count in re.findall(r"^\s+([A-Z]\w+)\s+(\d+)$", said, re.MULTILINE)}
    if family == "ice40" and job.network.neurons > SMALL and shutil.which("verilator"):
        return job.verilated(family, files, *flags), cells
    return job.simulated(f"{family}.vvp", files, *flags), cells


def _models(family: str = "ice40") -> str:
    """Yosys' models of a family's cells."""
    return str(Path(shutil.which("yosys") or "").resolve().parents[1] / "share" / "yosys" / family / "cells_sim.v")


SYNTHESIS = {"ice40": "synth_ice40", "ecp5": "synth_ecp5 -nobram"}


def _synthesised(
    job: _Job, files: Sequence[str], top: str, out: str, parameters: str = "", family: str = "ice40"
) -> str:
    """Yosys' statistics; it writes `out`.json and `out`.v."""
    script = f"read_verilog {' '.join(files)}; {parameters} {SYNTHESIS[family]} -top {top} -json {out}.json; stat; "
    return call(["yosys", "-p", f"{script} write_verilog -noattr {out}.v"], job.folder)


def _serial_bitstream(job: _Job) -> Verified | None:
    """The bitstream for the board, read back; the bench talks to its serial line. None where it does not fit."""
    files = ["snn_uart.v", *job.sources]
    _synthesised(job, files, "snn_uart", "board", f"chparam -set CLOCK {PERIOD} -set BAUD 1 snn_uart;")
    report = _routed(job, "board", "up5k", "sg48", "icebreaker.pcf")
    if report is None:
        return None
    _read_back(job, "board", "snn_uart", "icebreaker.pcf")
    printed = job.simulated("board.vvp", [UART_BENCH, "board_back.v", _models()], "-DNETLIST", PLAIN)
    used = _used(report)
    times = {"decision_us": round(job.clocks[0] / used["fmax_mhz"], 2)} if job.clocks else {}
    return job.serial(SERIAL, printed, device="up5k", **used, **times)


def _core_bitstream(job: _Job) -> Verified | None:
    """The core with a pin for each neuron, read back; None where the network is not small."""
    if job.network.neurons > SMALL:
        return None
    if not (job.folder / "snn_core_cells.json").exists():
        _synthesised(job, ["snn_core.v"], "snn_core", "snn_core_cells")
    for device in DEVICES:
        ports = _ports(Layout.of(job.network))
        if len(ports) > len(device.pins):
            continue
        pins = "".join(f"set_io {port} {pin}\n" for port, pin in zip(ports, device.pins, strict=False))
        (job.folder / "core.pcf").write_text(pins)
        report = _routed(job, "snn_core_cells", device.name, device.package, "core.pcf")
        if report is not None:
            _read_back(job, "snn_core_cells", "snn_core", "core.pcf")
            others = [name for name in job.sources if name != "snn_core.v"]
            printed = job.simulated("core.vvp", [BENCH, "snn_core_cells_back.v", *others, _models()], PLAIN)
            return job.judged(CORE, printed, device=device.name, **_used(report))
    return None


def _ports(layout: Layout) -> list[str]:
    """Bits of the core's ports, as nextpnr calls them: one alone has no number."""
    widths = {"charge": layout.inputs * layout.charge_width, "spikes": layout.neurons}
    if layout.potentials:
        widths["potentials"] = layout.outputs * layout.potential_width
    bits = [f"{name}[{k}]" if width > 1 else name for name, width in widths.items() for k in range(width)]
    return ["clk", "rst", "step", "done", *bits]


def _routed(job: _Job, name: str, device: str, package: str, pins: str) -> dict[str, Any] | None:
    """Nextpnr's report; None where the design does not fit."""
    command = ["nextpnr-ice40", "-q", f"--{device}", "--package", package, "--pcf", pins, "--freq", f"{BOARD_CLOCK:g}"]
    try:
        call(
            [*command, "--json", f"{name}.json", "--asc", f"{name}.asc", "--report", f"{name}_report.json"], job.folder
        )
    except EvoNeuroError as error:
        if re.search(r"[Uu]nable to (place|find)|no (more )?BELs|failed to place", str(error)):
            return None
        raise
    report: dict[str, Any] = json.loads((job.folder / f"{name}_report.json").read_text())
    return report


def _read_back(job: _Job, name: str, module: str, pins: str) -> None:
    """From placed and routed to a bitstream, and back to Verilog in `name`_back.v."""
    call(["icepack", f"{name}.asc", f"{name}.bin"], job.folder)
    call(["iceunpack", f"{name}.bin", f"{name}_back.asc"], job.folder)
    text = call(["icebox_vlog", "-s", "-c", "-n", module, "-p", pins, f"{name}_back.asc"], job.folder)
    (job.folder / f"{name}_back.v").write_text(text)


def _used(report: dict[str, Any]) -> dict[str, Any]:
    """Cells, block RAM and the highest clock."""
    used = report["utilization"]
    fastest = min((clock["achieved"] for clock in report["fmax"].values()), default=0.0)
    figures = {"cells": used["ICESTORM_LC"]["used"], "block_ram": used["ICESTORM_RAM"]["used"]}
    return {**figures, "fmax_mhz": round(fastest, 1)}


def _per(printed: str, what: str) -> float:
    """Clocks of a step, or a decision, in the mean."""
    counts = re.search(rf"^(\d+) {what}.*?(\d+) clocks", printed, re.MULTILINE)
    return round(int(counts[2]) / int(counts[1]), 1) if counts else 0.0


def _answers(printed: str, network: Network) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """Spikes (steps, neurons) and what decisions said (decisions, 1 + words); an unknown bit is a spike of 255."""
    lines = [line.split() for line in printed.splitlines()]
    rasters = [words[1] for words in lines if words[:1] == ["spikes"]]
    spikes = np.array([_bits(word, network.neurons) for word in rasters], np.uint8).reshape(-1, network.neurons)
    answers = np.array([_numbers(words[1:]) for words in lines if words[:1] == ["decision"]], np.float64)
    if fraction := number_fraction(network):
        answers[:, 1:] = np.ldexp(answers[:, 1:], -np.array(fraction))
    return spikes, answers


def _bits(word: str, count: int) -> list[int]:
    """Bits of a hexadecimal word, the lowest first."""
    digits = [int(digit, 16) if digit in "0123456789abcdef" else -1 for digit in reversed(word)]
    return [255 if digits[k // 4] < 0 else digits[k // 4] >> (k % 4) & 1 for k in range(count)]


def _numbers(words: Sequence[str]) -> list[float]:
    """Integers as printed; infinite where a bit is unknown."""
    return [float(word) if word.lstrip("-").isdigit() else np.inf for word in words]


STAGES: dict[str, tuple[Sequence[str], Callable[[_Job], Verified | None]]] = {
    RTL: (("iverilog",), _rtl),
    VERILATOR: (("verilator",), _verilated),
    NETLIST: (("iverilog", "yosys"), _netlist),
    ECP5: (("iverilog", "yosys"), _ecp5),
    SERIAL: (ICE, _serial_bitstream),
    CORE: (ICE, _core_bitstream),
}


class VerilogVerifier:
    """Runs the export of one of the Verilog targets.

    Args:
        stages: which of `STAGES`, or all.
    """

    def __init__(self, target: Verilog, stages: Sequence[str] | None = None) -> None:
        self.target = target
        self.stages = STAGES if stages is None else {name: STAGES[name] for name in stages}

    def tools(self) -> list[Tool]:
        """Simulators, synthesis, placement and what reads bitstreams back."""
        return [Tool(name, shutil.which(name), how) for name, how in SOURCES.items()]

    def verify(self, network: Network, sent: Sent, folder: Path) -> list[Verified]:
        """Run the export in `folder` through every stage whose tools are here."""
        sources = self.target.sources(network)
        for name, text in {**sources, **shell(network, sources)}.items():
            (folder / name).write_text(text)
        job = _Job(network, sent, folder, list(sources))
        job.benches()
        found, gates = list[Verified | None](), False
        for stage, (needs, run) in self.stages.items():
            if all(shutil.which(name) for name in needs):
                if stage in GATES and not gates:
                    job, gates = job.of_gates(), True
                    job.benches()
                found.append(run(job))
        return [one for one in found if one is not None]
