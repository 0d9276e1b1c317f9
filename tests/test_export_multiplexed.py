"""The time-multiplexed core: spike for spike, before and after synthesis, in few cells and a known number of cycles."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from golden_data import GOLDEN, needs_golden
from strategies import STYLES, random_network

from evoneuro import Network
from evoneuro.check import probe
from evoneuro.errors import EvoNeuroError
from evoneuro.export import export, exporter_of, render
from evoneuro.export.c import table_of
from evoneuro.export.verify import sent_to
from evoneuro.export.verilog import multiplexed
from evoneuro.export.verilog.bench import core_bench
from evoneuro.export.verilog.layout import ranges
from evoneuro.network import NO_FLOOR
from evoneuro.task import load_task

needs_iverilog = pytest.mark.skipif(shutil.which("iverilog") is None, reason="no iverilog")
needs_yosys = pytest.mark.skipif(
    shutil.which("iverilog") is None or shutil.which("yosys") is None, reason="no iverilog or yosys"
)
STEPS = 200


def called(command: str, folder: Path) -> str:
    """What a shell command prints."""
    return subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True, text=True).stdout


def write(network: Network, folder: Path, steps: int = STEPS) -> None:
    """The core and its bench."""
    files = {"snn_core.v": multiplexed.core(network), **core_bench(network, sent_to(network, None, steps=steps))}
    for name, text in files.items():
        (folder / name).write_text(text)


def exact(network: Network, folder: Path) -> None:
    """Fail unless every spike is right, also after a reset, and steps take the cycles that are promised."""
    write(network, folder)
    printed = called("iverilog -g2001 -o bench snn_tb.v snn_core.v && vvp -n bench", folder)
    assert "PASS" in printed, printed
    assert f" {STEPS * multiplexed.cycles_per_step(network)} clocks" in printed


def synthesised(folder: Path) -> None:
    """The netlist of iCE40 cells, `netlist.v` and `core.json`."""
    passes = "read_verilog snn_core.v; synth_ice40 -top snn_core -json core.json; write_verilog -noattr netlist.v"
    called(f"yosys -q -p '{passes}'", folder)


def exact_in_cells(network: Network, folder: Path) -> None:
    """The same of the netlist."""
    write(network, folder)
    synthesised(folder)
    cells = Path(shutil.which("yosys") or "").resolve().parents[1] / "share" / "yosys" / "ice40" / "cells_sim.v"
    flags = "-g2012 -DNO_ICE40_DEFAULT_ASSIGNMENTS"
    printed = called(f"iverilog {flags} -o cells snn_tb.v netlist.v {cells} && vvp -n cells", folder)
    assert "PASS" in printed, printed


@needs_iverilog
@pytest.mark.parametrize("style", STYLES)
def test_random_networks_are_exact(style: str, tmp_path: Path) -> None:
    exact(random_network(0, style), tmp_path)


@needs_iverilog
@pytest.mark.parametrize("style", ["subtract", "thresholds", "mixed"])
def test_potentials_are_exact(style: str, tmp_path: Path) -> None:
    for seed in range(3):
        exact(replace(random_network(seed, style), decoder={"kind": "membrane"}), tmp_path)


@needs_yosys
@pytest.mark.parametrize("style", ["subtract", "mixed"])
def test_cells_are_exact(style: str, tmp_path: Path) -> None:
    exact_in_cells(random_network(1, style), tmp_path)


@needs_yosys
def test_a_short_signed_comparison_is_taken_rightly(tmp_path: Path) -> None:
    """Yosys 0.23 takes `a < -3` of four signed bits for true where a is 0 to 4."""
    network = random_network(1, "thresholds")
    assert (network.v_min, int(ranges(network).kept_low.min()) < -3) == (-3, True)
    assert not re.search(r"leaked\s*<", multiplexed.core(network))
    exact_in_cells(network, tmp_path)


@needs_iverilog
@pytest.mark.parametrize("name", ["cartpole", "pendulum"])
def test_controllers_are_exact(name: str, tmp_path: Path) -> None:
    task = load_task(name)
    export(probe(task), "verilog-multiplexed", tmp_path / "out")
    sources = "snn.v snn_core.v snn_decoder.v " + ("snn_encoder.v" if table_of(probe(task)) else "")
    printed = called(f"iverilog -g2001 -o bench snn_tb.v {sources} && vvp -n bench", tmp_path / "out")
    assert "PASS" in printed, printed


@needs_golden
@needs_yosys
def test_a_prototype_is_beaten(tmp_path: Path) -> None:
    """It took 373 logic cells and 7 block RAM, and 3 cycles a synapse."""
    network = hardware("n50")
    exact(network, tmp_path)
    assert multiplexed.cycles_per_step(network) < 1.5 * network.synapses
    synthesised(tmp_path)
    cells = json.loads((tmp_path / "core.json").read_text())["modules"]["snn_core"]["cells"].values()
    kinds = [cell["type"] for cell in cells]
    assert kinds.count("SB_RAM40_4K") <= 5
    if shutil.which("nextpnr-ice40") is None:
        pytest.skip("no nextpnr-ice40")
    pack = "nextpnr-ice40 --hx8k --package ct256 --json core.json --pack-only 2>&1"
    used = re.search(r"ICESTORM_LC:\s+(\d+)", called(pack, tmp_path))
    assert used is not None
    assert int(used[1]) <= 180


def hardware(name: str) -> Network:
    """A network of shared/golden/hardware."""
    assert GOLDEN is not None
    document = json.loads((GOLDEN / "hardware" / f"{name}.json").read_text())
    inputs, neurons = document["n_in"], document["neurons"]
    synapses = [(a + inputs, b + inputs, w, d) for a, b, w, d in document["syn"]]
    pre, post, weight, delay = zip(*synapses, *((a, b + inputs, w, 1) for a, b, w in document["inp"]), strict=True)
    return Network(
        ids=range(inputs + len(neurons)), threshold=[1] * inputs + [n["thr"] for n in neurons],
        leak=[0] * inputs + [n["leak"][1] for n in neurons], refractory=[0] * inputs + [n["refr"] for n in neurons],
        pre=pre, post=post, weight=weight, delay=delay, inputs=range(inputs), outputs=[inputs], v_min=NO_FLOOR,
    )  # type: ignore[arg-type] # fmt: skip


@needs_iverilog
@pytest.mark.skipif(shutil.which("verilator") is None, reason="no verilator")
@pytest.mark.parametrize("style", STYLES)
def test_verilator_has_nothing_to_say(style: str, tmp_path: Path) -> None:
    (tmp_path / "snn_core.v").write_text(multiplexed.core(random_network(4, style)))
    called("verilator --lint-only -Wall snn_core.v", tmp_path)


def test_cycles_are_known() -> None:
    one = Network(
        ids=[0], threshold=[1], leak=[-1], refractory=[0], pre=[], post=[], weight=[], delay=[], inputs=[0], outputs=[0]
    )  # type: ignore[arg-type]
    assert multiplexed.cycles_per_step(one) == 2 + 3  # charge, state, fire
    assert multiplexed.cycles_per_step(replace(one, leak=[0])) == 2 + 2  # type: ignore[arg-type]


def test_what_cannot_fire_costs_nothing() -> None:
    network = random_network(0, "plain")
    never = replace(network, threshold=np.full(network.neurons, 10**6))
    assert multiplexed.cycles_per_step(never) < multiplexed.cycles_per_step(network)


def test_too_many_neurons_are_refused() -> None:
    n = multiplexed.MOST_NEURONS + 1
    network = Network(
        ids=range(n), threshold=[1] * n, leak=[0] * n, refractory=[0] * n, pre=[], post=[], weight=[], delay=[],
        inputs=[0], outputs=[1],
    )  # type: ignore[arg-type] # fmt: skip
    with pytest.raises(EvoNeuroError, match=r"1025 neurons, at most 1024"):
        render(network, "verilog-multiplexed")


def test_words_of_users_stay_words() -> None:
    network = replace(random_network(0, "plain"), task={"name": "\nendmodule module evil;", "version": "1"})
    for text in exporter_of("verilog-multiplexed").export(network).values():
        code = re.sub(r"//.*", "", text.decode() if isinstance(text, bytes) else text)
        assert "evil" not in code
