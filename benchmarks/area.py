"""What networks take on devices, measured by the devices' own tools, and the closed forms fitted to it:

    python benchmarks/area.py measure --out area.jsonl            # takes yosys, nextpnr-ice40 and arm-none-eabi-gcc
    python benchmarks/area.py fit area.jsonl                      # coefficients, and errors on networks held out

`measure` draws networks of up to 40 neurons. For each it writes a line: cells of the spatial core on an iCE40 and, of
the multiplexed one, cells and block RAM, as nextpnr packs them; bytes of flash that gcc -Os takes for the network alone
on a Cortex-M0; and instructions of the longest step there. `--only` measures some of them.

`fit` takes least squares of the relative error, and says how far it is off on networks that take at least 100 and have
no part in it: each is held against a fit to all the others. Its coefficients stand in evoneuro/hardware/area.toml, and
those of a step, as a bound, in profiles/mcu-8k.toml.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evoneuro.export.c import C
from evoneuro.export.machines import MACHINES
from evoneuro.export.verify import sent_to
from evoneuro.export.verify_c import verified_on
from evoneuro.export.verilog import core, multiplexed
from evoneuro.hardware import area
from evoneuro.network import NO_FLOOR, Network
from evoneuro.networks import Networks

Floats = npt.NDArray[np.float64]

NETWORKS = 160
CORTEX_M0 = next(machine for machine in MACHINES if machine.name == "cortex-m0")
SMALL = 100  # cells or bytes below which nobody minds a relative error
ARM = "arm-none-eabi-gcc -mcpu=cortex-m0 -mthumb -Os -std=c99 -ffreestanding -c snn.c"


def drawn(seed: int) -> Network:
    """A random network that has a synapse; it varies in size, in wiring, and in what of the model it uses.

    In a quarter of them all neurons have shift leaks, which bound their potentials without a floor.
    """
    rng = np.random.default_rng([2026, seed])
    while not (network := _drawn(rng, seed // 2 % 4 == 3).prune()).synapses:
        pass
    return network


def _drawn(rng: np.random.Generator, leaky: bool) -> Network:
    neurons = int(np.exp(rng.uniform(np.log(4), np.log(40.99))))
    synapses = max(int(neurons * rng.uniform(1, 5)), 2)
    heaviest, longest = int(rng.choice([7, 31, 127])), int(rng.choice([1, 4, 8, 15]))
    highest = int(rng.choice([15, 60, 127]))
    leaks = [[-1], [-1, 0], [-1, 1, 2, 3, 4], [0, 2]][rng.integers(4)]
    leaks = [1, 2, 3] if leaky else leaks
    inputs, outputs = int(rng.integers(2, min(neurons, 9))), int(rng.integers(1, 4))
    charge = int(rng.choice([1, highest]))
    return Network(
        ids=range(neurons),
        threshold=rng.integers(1, highest + 1, neurons),
        leak=rng.choice(leaks, neurons),
        refractory=rng.integers(0, int(rng.choice([1, 4])), neurons),
        pre=rng.integers(0, neurons, synapses),
        post=rng.integers(0, neurons, synapses),
        weight=np.rint(heaviest * rng.uniform(-1, 1, synapses)).astype(int),
        delay=rng.integers(1, longest + 1, synapses),
        inputs=range(inputs),
        outputs=range(neurons - outputs, neurons),
        v_min=NO_FLOOR if leaky else int(rng.choice([-127, NO_FLOOR, 0])),
        input_charge=charge,
        input_max=charge,
    )  # type: ignore[arg-type]


def cells(text: str) -> dict[str, int]:
    """Logic cells and block RAM of a core, as nextpnr packs them for an iCE40 UP5K."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "core.v").write_text(text)
        _call("yosys -q -p 'read_verilog core.v; synth_ice40 -top snn_core -json core.json'", folder)
        printed = _call("nextpnr-ice40 --up5k --package sg48 --json core.json --pack-only", folder)
    return {
        "cells": int(re.findall(r"ICESTORM_LC:\s+(\d+)", printed)[0]),
        "block_ram": int(re.findall(r"ICESTORM_RAM:\s+(\d+)", printed)[0]),
    }


def flash(network: Network) -> dict[str, int]:
    """Bytes of code and tables of the network in C, without encoder and decoder."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in C().export(network).items():
            (Path(folder) / name).write_text(text)
        _call(ARM, folder)
        return {"flash": int(_call("arm-none-eabi-size snn.o", folder).splitlines()[1].split()[0])}


def _call(command: str, folder: str) -> str:
    done = subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


def steps(network: Network) -> dict[str, int]:
    """Instructions of the longest of 200 steps on a Cortex-M0 in QEMU; random charges keep the network busy."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in C().export(network).items():
            (Path(folder) / name).write_text(text)
        sent = sent_to(network, None)
        (found,) = verified_on([CORTEX_M0], network, sent, Path(folder))
    return {"instructions": found.figures["instructions_per_step_most"]}


MEASURED: dict[str, Callable[[Network], dict[str, int]]] = {
    "spatial": lambda network: cells(core.core(network)),
    "multiplexed": lambda network: cells(multiplexed.core(network)),
    "flash": flash,
    "steps": steps,
}


def measure(out: Path, networks: int, only: list[str]) -> None:
    """Write a line for each network; one that is there is not measured again."""
    lines = out.read_text().splitlines() if out.exists() else []
    found = {line["seed"]: line for line in map(json.loads, lines)}
    for name in only:
        for seed in range(networks):
            line = found.setdefault(seed, {"seed": seed})
            if name not in line:
                line[name] = MEASURED[name](drawn(seed))
                out.write_text("".join(json.dumps(found[key]) + "\n" for key in sorted(found)))
                print(name, seed, line[name], flush=True)


def fit(path: Path) -> None:
    """Print the costs of each closed form as TOML, and how far it is off on networks that had no part in them."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for name, of, counted in FORMS:
        known = [line for line in lines if name in line]
        if len(known) < 2:
            continue
        counts = counted(Networks.of([drawn(line["seed"]) for line in known]))
        truth = np.array([line[name][of] for line in known], float)
        table = np.array([counts[part] for part in counts]).T
        weight = 1 / (truth + SMALL)
        weighted, wanted = table * weight[:, None], truth * weight
        others = ~np.eye(len(known), dtype=bool)
        apart = np.array(
            [row @ _least_squares(weighted[rest], wanted[rest]) for row, rest in zip(table, others, strict=True)]
        )
        off = np.abs(apart / truth - 1)[truth >= SMALL]
        costs = _least_squares(weighted, wanted)
        print(
            f"# {name}, fitted to {len(known)}; each of {len(off)} by a fit to all others: {100 * off.mean():.1f} %",
            end="",
        )
        print(f" in the mean, {100 * np.quantile(off, 0.9):.1f} % for nine of ten, {100 * off.max():.1f} % at most")
        print(f"[{of}]")
        print("".join(f"{part} = {cost:.3g}\n" for part, cost in zip(counts, costs, strict=True) if cost > 0), end="")
        print(f"# times {(truth / np.maximum(table @ costs, 1)).max():.3g} of this is the most that any took\n")


def _least_squares(table: Floats, wanted: Floats) -> Floats:
    """Costs >= 0 that bring each row's sum near what is wanted; what would cost less than nothing costs nothing."""
    costs = np.zeros(table.shape[1])
    used = table.any(axis=0)
    while True:
        found, *_ = np.linalg.lstsq(table[:, used], wanted, rcond=None)
        if (found >= 0).all():
            costs[used] = found
            return costs
        used[np.flatnonzero(used)[found.argmin()]] = False


def step_counts(networks: Networks) -> dict[str, Floats]:
    """What a step in C has to do, name -> float64 [networks]; the costs stand in profiles/mcu-8k.toml, in seconds."""
    ones = np.ones(len(networks))
    return {"step": ones, "step_neuron": networks.neurons * ones, "step_synapse": networks.synapses * ones}


FORMS = (
    ("spatial", "cells", area.cell_counts),
    ("flash", "flash", area.flash_counts),
    ("steps", "instructions", step_counts),
)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("measure")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--networks", type=int, default=NETWORKS)
    command.add_argument("--only", nargs="+", choices=MEASURED, default=list(MEASURED))
    commands.add_parser("fit").add_argument("path", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "fit":
        fit(arguments.path)
    else:
        measure(arguments.out, arguments.networks, arguments.only)
