"""Closed forms of what networks take: near to what the tools say, in batches as alone, and objectives."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from golden_data import needs_golden
from strategies import STYLES, random_network
from test_export_multiplexed import hardware

from evoneuro.cli import main
from evoneuro.export.verilog import core
from evoneuro.export.verilog.layout import Layout, firing, ranges
from evoneuro.front import resolve
from evoneuro.hardware import area
from evoneuro.networks import Networks


@pytest.mark.parametrize("style", STYLES)
def test_a_batch_is_what_its_networks_are(style: str) -> None:
    networks = [random_network(seed, style) for seed in range(8)]
    for form in (area.cells, area.flash):
        together = form(networks)
        assert np.isfinite(together).all()
        assert together.tolist() == [float(form([network])[0]) for network in networks]


@pytest.mark.parametrize("style", STYLES)
def test_bounds_are_those_of_the_exporter(style: str) -> None:
    for seed in range(6):
        network = random_network(seed, style)
        found, theirs = area._potentials(Networks.of([network])), ranges(network)
        assert found.firing.tolist() == firing(network).tolist()
        for name in ("low", "high", "kept_low", "kept_high"):
            assert getattr(found, name).tolist() == getattr(theirs, name).tolist(), name


@pytest.mark.parametrize("style", STYLES)
def test_registers_are_those_of_the_exporter(style: str) -> None:
    """But where the exporter adds synapses of the same pair and delay, which the closed form leaves apart."""
    compared = 0
    for seed in range(6):
        network = replace(random_network(seed, style), decoder={"kind": "count"})
        together = Networks.of([network])
        found = area._potentials(together)
        arriving, _ = area._items(together, found, area._heard(together, found.firing))
        width, stored, _ = area._registers(together, found, arriving)
        for i in np.flatnonzero(found.firing).tolist():
            builder = core._Builder(network, Layout.of(network), ranges(network), firing(network), i)
            if len(builder.weights) == (found.firing[network.pre] & (network.post == i)).sum():
                assert width[i] == builder.width
                assert stored[i] == (builder.kept.width if builder.remembers else 0)
                compared += 1
    assert compared > 0


def test_more_of_anything_takes_no_less() -> None:
    network = random_network(3, "plain")
    longer = replace(network, delay=network.delay + 5)
    twice = replace(
        network, weight=network.weight * 4, threshold=network.threshold * 4, input_max=network.input_max * 4
    )
    for larger in (longer, twice):
        assert area.cells([larger])[0] >= area.cells([network])[0]
        assert area.flash([larger])[0] >= area.flash([network])[0]


@needs_golden
@pytest.mark.parametrize("name", ["n6", "n20"])
def test_cells_are_near_what_the_tools_say(name: str, tmp_path: Path) -> None:
    if shutil.which("yosys") is None or shutil.which("nextpnr-ice40") is None:
        pytest.skip("no yosys, or no nextpnr-ice40")
    network = hardware(name)
    (tmp_path / "core.v").write_text(core.core(network))
    script = "yosys -q -p 'read_verilog core.v; synth_ice40 -top snn_core -json core.json'"
    pack = "nextpnr-ice40 --up5k --package sg48 --json core.json --pack-only 2>&1"
    said = subprocess.run(f"{script} && {pack}", shell=True, cwd=tmp_path, check=True, capture_output=True, text=True)
    used = int(re.findall(r"ICESTORM_LC:\s+(\d+)", said.stdout)[0])
    assert area.cells([network])[0] == pytest.approx(used, rel=0.2)


def test_evolution_for_cells_and_flash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "cartpole-hard", "--profile", "ice40-up5k", "--generations", "2", "--population", "8"]
    command += ["--workers", "0", "--quiet", "--out", str(tmp_path), "--seed", "1"]
    assert main([*command, "--set", 'search.objectives=["score","cells","flash"]']) == 0
    capsys.readouterr()
    (run,) = tmp_path.iterdir()
    assert main(["front", str(run), "--json"]) == 0
    members = json.loads(capsys.readouterr().out)["front"]
    for member in members:
        network = resolve(f"{run}:{member['id']}")
        assert member["cells"] == pytest.approx(area.cells([network])[0])
        assert member["flash"] == pytest.approx(area.flash([network])[0])
