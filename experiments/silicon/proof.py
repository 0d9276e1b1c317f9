"""Random networks through synthesis, and those of up to 20 neurons through a bitstream that is read back.

    python experiments/silicon/proof.py --out results/silicon             # 259 networks, both cores; hours
    python experiments/silicon/proof.py --out results/silicon --share 1/2  # every second one, beside another process
    python experiments/silicon/proof.py --styled 1 --sized 1               # 17 networks

Each network is exported, made iCE40 cells by Yosys, and simulated for 200 steps of a random raster, every spike of
every neuron beside the simulator's: in Icarus Verilog, or in Verilator where there are more than 20 neurons. Where
there are fewer it is then placed, routed, packed, unpacked and simulated again. Small networks first. What stands in
the folder is not run again, so that it may be stopped at any time. Exits 1 if a spike differs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from strategies import STYLES, random_network
from test_export_verilog import SIZES, large_network

from evoneuro import Network
from evoneuro.export.verify import sent_to
from evoneuro.export.verify_verilog import CORE, NETLIST, VerilogVerifier
from evoneuro.export.verilog.target import MULTIPLEXED, SPATIAL

TARGETS = {"spatial": SPATIAL, "multiplexed": MULTIPLEXED}


def networks(styled: int, sized: int) -> Iterator[tuple[str, Network]]:
    """So many of each style and of each size, by name; small ones first."""
    for seed in range(styled):
        for style in STYLES:
            yield f"{style} {seed}", random_network(seed, style)
    for neurons in SIZES:
        for seed in range(sized):
            yield f"{neurons} neurons {seed}", large_network(seed, neurons)


def proved(core: str, name: str, network: Network) -> dict[str, Any]:
    """What the stages found."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = VerilogVerifier(TARGETS[core], (NETLIST, CORE)).verify(network, sent_to(network, None), Path(folder))
    row = {"core": core, "network": name, "neurons": network.neurons, "synapses": network.synapses}
    stages = {
        stage.machine: {"steps": stage.steps, "spikes": stage.spikes, "mismatches": stage.mismatches, **stage.figures}
        for stage in found
    }
    return {**row, "stages": stages, "seconds": round(time.monotonic() - began, 1)}


def page(rows: list[dict[str, Any]]) -> str:
    """The table: a line per core, stage and class of size."""
    lines = [
        "# Silicon, as far as open tools show it",
        "",
        "    python experiments/silicon/proof.py --out results/silicon",
        "",
        "Random networks after synthesis (`netlist`: the cells of an iCE40 that Yosys makes) and after placement,",
        "routing, packing and unpacking (`core bitstream`), simulated beside ours: in Icarus Verilog, and where there",
        "are more than 20 neurons in Verilator. Each network and figure is in `rows.jsonl`.",
        "",
        "| core | stage | neurons | networks | steps | spikes | mismatches |",
        "|---|---|---|---|---|---|---|",
    ]
    for core in TARGETS:
        for stage in (NETLIST, CORE):
            for low, high in ((1, 2), (3, 20), (21, 99), (100, 200)):
                found = [
                    row["stages"][stage]
                    for row in rows
                    if row["core"] == core and stage in row["stages"] and low <= row["neurons"] <= high
                ]
                totals = [f"{sum(one[name] for one in found):,}" for name in ("steps", "spikes", "mismatches")]
                if found:
                    lines.append(f"| {core} | {stage} | {low} to {high} | {len(found)} | {' | '.join(totals)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--styled", type=int, default=17, help="networks of each of 11 styles, up to 9 neurons (17)")
    parser.add_argument("--sized", type=int, default=12, help="networks of each of 6 sizes, up to 200 neurons (12)")
    parser.add_argument("--cores", nargs="*", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--out", type=Path, metavar="DIR", help="gets rows.jsonl and README.md")
    parser.add_argument("--share", default="1/1", metavar="I/N", help="this part alone")
    options = parser.parse_args()
    share, shares = map(int, options.share.split("/"))
    path = options.out / "rows.jsonl" if options.out else None
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    rows = read(path) if path else []
    done = {(row["core"], row["network"]) for row in rows}
    for number, (name, network) in enumerate(networks(options.styled, options.sized)):
        if number % shares != share - 1:
            continue
        for core in options.cores:
            if (core, name) in done:
                continue
            row = proved(core, name, network)
            rows.append(row)
            line = json.dumps(row)
            print(line, flush=True)
            if path:
                with path.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
    if path:
        rows = read(path)
        (options.out / "README.md").write_text(page(rows), encoding="utf-8")
    print(page(rows))
    return int(any(stage["mismatches"] for row in rows for stage in row["stages"].values()))


def read(path: Path) -> list[dict[str, Any]]:
    """The rows so far."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
