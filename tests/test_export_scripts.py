"""Scripts for other simulators, and NIR files: what they say, what is refused, and that real simulators obey.

Simulators are judges only where they are installed (see `simulators`). EVONEURO_EXPORT_NETWORKS sets how many networks
of each style they are given.
"""

from __future__ import annotations

import ast
import io
import json
import os
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conformance import relay
from simulators import CORE, CORES, core_network, core_raster, expected, interpreter
from strategies import STYLES, random_network, random_raster

from evoneuro.errors import EvoNeuroError
from evoneuro.export import EXPORTERS, export, render
from evoneuro.export.nir_equations import spikes_of
from evoneuro.export.portable import longest_exact, takes_negative_charges
from evoneuro.export.verifiers import VERIFIERS, verify
from evoneuro.export.verify_scripts import SIMULATORS, run_scripts, run_torch
from evoneuro.network import ARRAYS, NO_FLOOR, NO_LEAK, Network
from evoneuro.neuron import Reference
from evoneuro.passes import with_relays, without_floor

SCRIPTS = {
    "brian2": "network_brian2.py",
    "nest": "network_nest.py",
    "pynn": "network_pynn.py",
    "lava": "network_lava.py",
}
EACH = int(os.environ.get("EVONEURO_EXPORT_NETWORKS", "2"))
HOSTILE = "\"\"\"'''\\\nimport os; os._exit(9)\r\u2028raise SystemExit(9)  # {origin} %s \x00 é"


def script_of(network: Network, target: str) -> str:
    text = render(network, target)[SCRIPTS[target]]
    assert isinstance(text, str)
    return text


def constants(script: str) -> dict[str, Any]:
    """What a script's head assigns: literals alone, never code."""
    found = {}
    for node in ast.parse(script).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper():
            names, value = ast.unparse(node.targets[0]).strip("()").split(", "), node.value
            values = value.elts if isinstance(value, ast.Tuple) else [value]
            for name, part in zip(names, values, strict=True):
                try:
                    found[name] = ast.literal_eval(part)
                except ValueError:  # the body's own
                    assert name == "STEP"
    return found


def core(**changes: Any) -> Network:
    return relay(**({"v_min": NO_FLOOR, "input_max": 5} | changes))


# What stands in a script


@pytest.mark.parametrize("target", SCRIPTS)
def test_the_head_is_the_network(target: str) -> None:
    network = core_network(5, CORE)
    head = constants(script_of(network, target))
    for name in ARRAYS:
        assert head[name.upper()] == getattr(network, name).tolist(), name
    assert (head["V_MIN"], head["V_MAX"]) == (network.v_min, network.v_max)
    assert (head["CHARGE_MIN"], head["CHARGE_MAX"]) == (-network.input_max, network.input_max)


@pytest.mark.parametrize("target", SCRIPTS)
def test_words_of_the_user_are_one_literal(target: str) -> None:
    network = core()
    words = replace(network, task={"name": HOSTILE, "version": HOSTILE}, provenance={HOSTILE: [HOSTILE, {1}]})
    plain, hostile = script_of(network, target), script_of(words, target)
    assert hostile.isascii()
    origin = constants(hostile)["ORIGIN"]
    assert json.loads(origin)["task"]["name"] == HOSTILE
    lines = [line for line in hostile.splitlines() if line not in plain.splitlines()]
    assert [line.split(" = ")[0] for line in lines] == ["ORIGIN"]
    assert hostile.count("\n") == plain.count("\n")


@pytest.mark.parametrize("target", SCRIPTS)
def test_scripts_are_ruled_lines_of_readable_width(target: str) -> None:
    lines = script_of(core_network(3, CORES["large"]), target).splitlines()
    assert max(len(line) for line in lines if not line.startswith("ORIGIN")) <= 120


def test_a_script_checks_its_raster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "nest", ModuleType("nest"))
    export(core(), "nest", tmp_path / "out")
    checked = runpy.run_path(str(tmp_path / "out" / "network_nest.py"))["checked"]
    assert checked(np.ones((3, 2), bool)).dtype == np.int64
    for raster, message in (
        (np.zeros((3, 2)), r"raster: expected integers \[steps, 2\], got float64 \[3, 2\]"),
        (np.zeros((3, 1), int), r"expected integers \[steps, 2\], got int64 \[3, 1\]"),
        (np.full((3, 2), 6), "raster: charges from 6 to 6, expected -5 to 5"),
    ):
        with pytest.raises(SystemExit, match=message):
            checked(raster)


# What is refused


TARGETS = {"brian2": "Brian2", "nest": "NEST", "pynn": "PyNN", "lava": "Lava", "nir": "NIR"}
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "subtract": ({"reset": "subtract", "v_max": 9}, "reset is 'subtract', {} resets to zero", "nest pynn nir"),
    "threshold": ({"threshold": [1, 1, 0, 1]}, "neuron 2 has threshold 0, {} fires it also", "nest pynn lava nir"),
    "shift leak": ({"leak": [-1, 3, -1, -1]}, "neuron 1 has leak 3, {} has real potentials", "nest pynn nir"),
    "refractory": ({"refractory": [0, 0, 0, 2]}, "neuron 3 has refractory 2, {} has no refractory steps", "nir"),
    "floor": ({"v_min": -9, "weight": [1, -1]}, "the potential of neuron 3 may reach the floor v_min = -9", "pynn nir"),
    "float32": ({"weight": [1, 2**20]}, "potentials may reach 1048576, readers of NIR compute in float32", "nir"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("target", TARGETS)
def test_what_a_target_cannot_do_is_refused_with_its_reason(target: str, case: str) -> None:
    changes, reason, refusing = REFUSED[case]
    reasons = EXPORTERS[target].check(core(**changes))
    if target not in refusing.split():
        assert reasons == []
        return
    assert len(reasons) == 1
    assert reasons[0].startswith(reason.format(TARGETS[target]))
    with pytest.raises(EvoNeuroError, match="cannot be exported to"):
        render(core(**changes), target)


def test_every_reason_is_named() -> None:
    network = core(leak=[-1, 3, -1, -1], refractory=[0, 1, 0, 0], v_min=-9, weight=[1, -1])
    assert len(EXPORTERS["nir"].check(network)) == 3


def test_a_floor_that_cannot_act_is_no_reason() -> None:
    for changes in ({"weight": [1, 1]}, {"weight": [1, -1], "leak": [-1, -1, -1, 0]}):
        assert EXPORTERS["pynn"].check(core(v_min=-9, **changes)) == []
    assert EXPORTERS["pynn"].check(core(v_min=-9, input_charge=-1))
    lifted = without_floor(core(v_min=-9, weight=[1, -1]), np.eye(4, 2, dtype=int)[:, None])
    assert EXPORTERS["pynn"].check(lifted.network) == []


def test_negative_charges_and_long_rasters_where_there_is_no_floor() -> None:
    assert takes_negative_charges(core())
    assert not takes_negative_charges(core(v_min=-9))
    assert takes_negative_charges(core(v_min=-9, leak=[0, 0, -1, -1]))
    assert longest_exact(core(v_min=-9), -100) is None
    assert longest_exact(core(), -100) == 20
    assert longest_exact(core(weight=[1, -30]), -100) == 3
    assert longest_exact(core(weight=[1, -30], leak=[0, 0, 0, 0]), -100) is None


# NIR


def graph_of(network: Network, file: str) -> Any:
    nir = pytest.importorskip("nir")
    return nir.read(io.BytesIO(render(network, FILES[file])[file]))  # type: ignore[arg-type]


FILES = {"network.nir": "nir", "network_snntorch.nir": "nir", "network_delays.nir": "nir-delays"}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("style", CORES)
def test_nirs_equations_give_every_spike(file: str, style: str) -> None:
    for seed in range(4):
        network = core_network(seed, CORES[style])
        raster = core_raster(seed, network, 60)
        assert np.array_equal(spikes_of(graph_of(network, file), raster), expected(network, raster)), seed


def test_a_nir_file_says_what_nir_has_no_place_for() -> None:
    network = core(delay=[3, 1], weight=[1, -1], task={"name": HOSTILE})
    conventions = json.loads(graph_of(network, "network.nir").metadata["evoneuro"])
    assert json.loads(conventions.pop("origin"))["task"] == {"name": HOSTILE}
    assert conventions == {
        "dt": 1e-4,
        "recurrent_delay_steps": 1,
        "neurons": 4,
        "ids": with_relays(network).ids.tolist(),
        "inputs": [0, 1],
        "outputs": [2, 3],
        "lowest_charge": -5,
        "longest_exact_steps": 2**20 // 5,
    }
    assert render(network, "nir") == render(network, "nir")


def test_delay_nodes_are_there_on_request() -> None:
    network = core(delay=[3, 1])
    graph = graph_of(network, "network_delays.nir")
    assert set(graph.nodes) == {"input", "w_in", "lif", "copy", "w_rec", "delay_3", "w_3", "output"}
    assert graph.nodes["delay_3"].delay.tolist() == [2e-4] * 4  # the recurrent edge takes the third step
    assert len(graph.nodes["lif"].tau) == network.neurons
    assert json.loads(graph.metadata["evoneuro"])["ids"] == network.ids.tolist()
    assert EXPORTERS["nir-delays"].check(core(refractory=[0, 0, 0, 2])) == EXPORTERS["nir"].check(
        core(refractory=[0, 0, 0, 2])
    )


def test_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    nir = pytest.importorskip("nir")
    paths = export(core(), "nir", tmp_path / "out")
    assert [path.name for path in paths] == ["network.nir", "network_snntorch.nir"]
    assert [path.read_bytes() for path in paths] == list(render(core(), "nir").values())
    assert set(nir.read(paths[0]).nodes) == {"input", "w_in", "lif", "copy", "w_rec", "output"}


def test_without_nir_there_is_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(EvoNeuroError, match=r'needs nir, which is not installed: pip install "evoneuro\[nir\]"'):
        render(core(), "nir")


# Real simulators


def test_verification_runs_nirs_equations() -> None:
    pytest.importorskip("nir")
    network = core_network(0, CORES["large"])
    for target, files in (("nir", ["network.nir", "network_snntorch.nir"]), ("nir-delays", ["network_delays.nir"])):
        found = verify(network, target)
        assert [machine.machine for machine in found[: len(files)]] == [f"{file} by NIR's equations" for file in files]
        assert all(machine.mismatches == 0 and machine.spikes > 50 for machine in found)


def test_verification_gives_a_target_without_floor_what_it_takes() -> None:
    pytest.importorskip("nir")
    network = core(v_min=-9, weight=[1, 1])
    assert verify(network, "nir")[0].mismatches == 0  # charges below 0 would reach the floor


@pytest.mark.parametrize("target", SCRIPTS)
def test_verification_runs_the_script(target: str) -> None:
    interpreter(target, *NEEDS[target])
    (found,) = verify(core_network(0, CORES["large"]), target)
    assert (found.machine, found.steps, found.mismatches) == (target, 200, 0)
    assert found.spikes > 50


def test_verification_finds_a_wrong_script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Any program can stand for a simulator: one that says that all neurons fire is found out."""
    exporter = EXPORTERS["brian2"]
    monkeypatch.setattr(
        type(exporter), "export", lambda self, network: {"a.py": "import numpy as np\nchecked = np.asarray\n"
        f"simulate = lambda charges: np.ones((len(charges), {network.neurons}), np.uint8)\n"}
    )  # fmt: skip
    monkeypatch.setattr(type(SIMULATORS["brian2"]), "python", sys.executable)
    (found,) = verify(core(), "brian2")
    assert found.mismatches == 4 * 200 - found.spikes > 0


@pytest.mark.parametrize("target", SCRIPTS)
def test_without_a_simulator_it_says_how_to_get_it(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"EVONEURO_{target.upper()}_PYTHON", "/no/such/python")
    with pytest.raises(EvoNeuroError, match=rf"Missing are {target}: pip install .* EVONEURO_{target.upper()}_PYTHON"):
        verify(core(), target)
    (tool,) = VERIFIERS[target].tools()
    assert tool.path is None


NEEDS = {
    "brian2": ("brian2",), "nest": ("nest",), "pynn": ("nest", "pyNN.nest"), "lava": ("lava.proc.dense.process",),
}  # fmt: skip


def compare(target: str, folder: Path, networks: list[Network], rasters: list[npt.NDArray[np.int32]]) -> None:
    python = interpreter(target, *NEEDS[target])
    got = run_scripts(python, folder, [script_of(network, target) for network in networks], rasters)
    spikes = 0
    for k, (network, raster) in enumerate(zip(networks, rasters, strict=True)):
        wanted = expected(network, raster)
        assert np.array_equal(got[k], wanted), f"{target}, network {k}: {(got[k] != wanted).sum()} mismatches"
        spikes += int(wanted.sum())
    steps = sum(map(len, rasters))
    assert spikes > 0
    print(f"{target}: {len(networks)} networks, {steps} steps, {spikes} spikes, 0 mismatches")


@pytest.mark.parametrize("target", SCRIPTS)
def test_the_simulator_gives_every_spike_of_the_portable_core(target: str, tmp_path: Path) -> None:
    networks = [core_network(seed, style) for style in CORES.values() for seed in range(EACH)]
    rasters = [core_raster(seed, network, 120) for seed, network in enumerate(networks)]
    compare(target, tmp_path, networks, rasters)


@pytest.mark.parametrize("target", SCRIPTS)
def test_the_simulator_gives_every_spike_of_all_that_it_takes(target: str, tmp_path: Path) -> None:
    networks, rasters = [], []
    for style, (steps, seed) in ((style, (STYLES[style].steps, seed)) for style in STYLES for seed in range(EACH)):
        network = random_network(seed, style)
        if not EXPORTERS[target].check(network):
            networks.append(network)
            raster = random_raster(seed, network, steps, 1)[:, 0]
            rasters.append(raster if takes_negative_charges(network) or target != "pynn" else np.maximum(raster, 0))
    compare(target, tmp_path, networks, rasters)


def test_nest_knows_a_floor_that_acts_and_refractory_steps(tmp_path: Path) -> None:
    interpreter("nest", *NEEDS["nest"])
    style = replace(STYLES["floors"], threshold=(1, 5), leak=(NO_LEAK, 0), refractory=(0, 3), neurons=(4, 9))
    networks = [core_network(seed, replace(style, synapses=(12, 30))) for seed in range(4 * EACH)]
    rasters = [core_raster(seed, network, 120) for seed, network in enumerate(networks)]
    free = [Reference(replace(network, v_min=NO_FLOOR)) for network in networks]
    acted = [
        not np.array_equal(simulator.run(raster[:, None])[:, 0], expected(network, raster))
        for simulator, network, raster in zip(free, networks, rasters, strict=True)
    ]
    assert sum(acted) >= 2
    compare("nest", tmp_path, networks, rasters)


def test_a_script_runs_by_itself(tmp_path: Path) -> None:
    python = interpreter("nest", *NEEDS["nest"])
    network = core_network(1, CORE)
    raster = core_raster(1, network, 80)
    np.save(tmp_path / "raster.npy", raster)
    (script,) = export(network, "nest", tmp_path / "out")
    subprocess.run([python, script, tmp_path / "raster.npy", tmp_path / "spikes.npy"], check=True, capture_output=True)
    spikes = np.load(tmp_path / "spikes.npy")
    assert spikes.dtype == np.uint8
    assert np.array_equal(spikes, expected(network, raster))
    wrong = subprocess.run([python, script], capture_output=True, text=True)
    assert wrong.returncode == 1
    assert "RASTER.npy SPIKES.npy" in wrong.stderr


@pytest.mark.parametrize("reader", ["norse", "snntorch"])
def test_readers_of_nir_give_every_spike(reader: str, tmp_path: Path) -> None:
    pytest.importorskip("nir")
    python = interpreter(reader, "torch", "nir", reader)
    networks = [core_network(seed, style) for style in CORES.values() for seed in range(2 * EACH)]
    rasters = [core_raster(seed, network, 120) for seed, network in enumerate(networks)]
    got = run_torch(reader, python, tmp_path, [render(network, "nir") for network in networks], rasters)
    spikes = 0
    for k, (network, raster) in enumerate(zip(networks, rasters, strict=True)):
        wanted = expected(network, raster)
        assert np.array_equal(got[k][:, : network.neurons], wanted), f"{reader}, network {k}"
        spikes += int(wanted.sum())
    print(f"{reader}: {len(networks)} networks, {sum(map(len, rasters))} steps, {spikes} spikes, 0 mismatches")
