"""The Verilog export: spike for spike and decision for decision, as text, as cells and as a bitstream read back.

EVONEURO_EXPORT_NETWORKS sets how many networks of each style and size the simulators are given, and how many of them
are synthesised and read back.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_data import GOLDEN, needs_golden
from strategies import STYLES, Style, network_from, random_network, random_raster
from test_export_c import DECODERS, ENCODERS, TASKS
from verilog_crowd import wrong_steps

from evoneuro import Network
from evoneuro.check import probe
from evoneuro.cli import main
from evoneuro.errors import EvoNeuroError
from evoneuro.export import export
from evoneuro.export.c import table_of
from evoneuro.export.contract import files_of
from evoneuro.export.programs import call
from evoneuro.export.verify import sent_to
from evoneuro.export.verify_verilog import CORE, ECP5, NETLIST, RTL, SERIAL, STAGES, VerilogVerifier
from evoneuro.export.verilog import multiplexed
from evoneuro.export.verilog.arithmetic import Item, at_least, combined, tables
from evoneuro.export.verilog.core import core
from evoneuro.export.verilog.layout import firing, ranges
from evoneuro.export.verilog.target import SPATIAL
from evoneuro.network import NO_FLOOR, NO_LEAK
from evoneuro.neuron import Reference
from evoneuro.task import load_task

needs_iverilog = pytest.mark.skipif(shutil.which("iverilog") is None, reason="no iverilog")

EACH = int(os.environ.get("EVONEURO_EXPORT_NETWORKS", "1"))
WIDE = Style(
    threshold=(-3, 30), leak=(NO_LEAK, 0, 1, 2, 3, 5), refractory=(0, 3), weight=(-12, 20), delay=(1, 15),
    v_min=(NO_FLOOR, -127, -20), input_max=(1, 30),
)  # fmt: skip
SIZES = (3, 8, 20, 50, 100, 200)


def large_network(seed: int, neurons: int) -> Network:
    """A lively network of so many neurons with all that neurons may have, and six synapses each."""
    style = replace(WIDE, neurons=(neurons, neurons), synapses=(5 * neurons, 7 * neurons))
    for attempt in itertools.count():
        rng = np.random.default_rng([seed, neurons, attempt])
        network = network_from(lambda low, high, rng=rng: int(rng.integers(low, high, endpoint=True)), style)
        if (sent_to(network, None, steps=40).spikes.sum(axis=0) > 0).mean() > 0.4:
            return network
    raise AssertionError


def exact(network: Network, folder: Path, *stages: str, **how: Any) -> dict[str, dict[str, Any]]:
    """Fail unless all stages agree with the simulator; their figures by name."""
    for name in stages or (RTL,):
        for tool in STAGES[name][0]:
            if shutil.which(tool) is None:
                pytest.skip(f"no {tool}")
    verifier = VerilogVerifier(SPATIAL, stages or (RTL,))
    found = verifier.verify(network, sent_to(network, table_of(network), **how), folder)
    assert [(stage.machine, stage.mismatches) for stage in found] == [(name, 0) for name in stages or (RTL,)]
    assert all(stage.steps == 200 for stage in found if stage.machine != SERIAL)
    return {stage.machine: stage.figures for stage in found}


# Exact as text


@needs_iverilog
@pytest.mark.parametrize("style", STYLES)
def test_random_networks_and_what_they_decide_are_exact(style: str, tmp_path: Path) -> None:
    exact(random_network(0, style), tmp_path)


@needs_iverilog
@pytest.mark.parametrize("name", TASKS)
def test_controllers_and_classifiers_are_exact(name: str, tmp_path: Path) -> None:
    task = load_task(name)
    exact(probe(task), tmp_path, task=task)


def decoded(decoder: dict[str, Any]) -> Network:
    """A network of six outputs with this decoder."""
    rng = np.random.default_rng(0)
    return Network(
        ids=range(10), threshold=[1] * 4 + [2, 1, 3, 2, 1, 2], leak=[-1] * 4 + [2] * 6, refractory=[0] * 10,
        pre=np.repeat(range(4), 6), post=np.tile(range(4, 10), 4), weight=rng.integers(-3, 4, 24),
        delay=rng.integers(1, 4, 24), inputs=range(4), outputs=range(4, 10), window=12, decoder=decoder,
        encoder={"kind": "flip-flop", "low": [-1.0, 0.0], "high": [1.0, 50.0], "max_spikes": 6, "interval": 2},
    )  # fmt: skip


@needs_iverilog
@pytest.mark.parametrize("decoder", DECODERS, ids=lambda spec: "-".join(str(v) for v in spec.values() if v != 6)[:30])
def test_every_decoder_is_exact(decoder: dict[str, Any], tmp_path: Path) -> None:
    exact(decoded(decoder), tmp_path)


@needs_iverilog
@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda spec: spec["kind"])
def test_every_encoder_with_a_table_is_exact(encoder: dict[str, Any], tmp_path: Path) -> None:
    exact(probe(load_task("iris", {"encoder": encoder})), tmp_path)


@needs_iverilog
def test_inputs_need_not_come_first_and_outputs_may_be_inputs(tmp_path: Path) -> None:
    network = large_network(2, 12)
    order = np.random.default_rng(0).permutation(network.neurons)
    place = np.argsort(order)
    moved = replace(
        network,
        **{name: getattr(network, name)[order] for name in ("ids", "threshold", "leak", "refractory")},
        **{name: place[getattr(network, name)] for name in ("pre", "post", "inputs")},
        outputs=place[network.inputs[::-1]],
        decoder={"kind": "membrane"},
    )
    exact(moved, tmp_path)


def many_networks() -> list[Network]:
    """Of each style and of each size, small ones alone unless many are asked for."""
    networks = [random_network(seed, style) for style in STYLES for seed in range(EACH)]
    sizes = [neurons for neurons in SIZES if EACH > 1 or neurons <= 20]
    return networks + [large_network(seed, neurons) for neurons in sizes for seed in range(EACH)]


@pytest.mark.parametrize("module", [core, multiplexed.core], ids=["spatial", "multiplexed"])
@pytest.mark.parametrize("simulator", ["iverilog", pytest.param("verilator", marks=pytest.mark.slow)])
def test_many_networks_are_exact(simulator: str, module: Callable[[Network], str], tmp_path: Path) -> None:
    """In few programs, for Verilator compiles itself for each."""
    if shutil.which(simulator) is None:
        pytest.skip(f"no {simulator}")
    networks = many_networks()
    sent = [sent_to(network, None) for network in networks]
    wrong = wrong_steps(simulator, networks, sent, module, tmp_path)
    spikes = sum(int(one.spikes.sum()) for one in sent)
    steps = sum(len(one.charges) for one in sent)
    print(f"{simulator}: {len(networks)} networks, {steps} steps, {spikes} spikes, {sum(wrong)} mismatches")
    assert wrong == [0] * len(networks)
    assert spikes > 50 * len(networks)


@needs_iverilog
def test_a_wrong_core_in_a_crowd_is_found(tmp_path: Path) -> None:
    networks = [large_network(seed, 8) for seed in range(3)]
    sent = [sent_to(network, None) for network in networks]
    networks[1] = replace(networks[1], threshold=networks[1].threshold + 1)
    wrong = wrong_steps("iverilog", networks, sent, core, tmp_path)
    assert [steps > 0 for steps in wrong] == [False, True, False]


# Exact as cells, and as a bitstream

TRAPS = ["thresholds", "floors", "subtract", "mixed", "long refractory", "leaks"]


@pytest.mark.parametrize("seed", range(EACH))
@pytest.mark.parametrize("style", [*TRAPS[:2], *(pytest.param(style, marks=pytest.mark.slow) for style in TRAPS[2:])])
def test_cells_are_exact(style: str, seed: int, tmp_path: Path) -> None:
    exact(random_network(seed + 1, style), tmp_path, NETLIST)


@pytest.mark.parametrize("seed", range(EACH))
@pytest.mark.parametrize("neurons", SIZES if EACH > 1 else [SIZES[0], pytest.param(50, marks=pytest.mark.slow)])
def test_cells_of_large_networks_are_exact(neurons: int, seed: int, tmp_path: Path) -> None:
    exact(large_network(seed, neurons), tmp_path, NETLIST)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_cells_of_an_ecp5_are_exact(seed: int, tmp_path: Path) -> None:
    figures = exact(random_network(seed, "thresholds"), tmp_path, ECP5)[ECP5]
    assert figures["core_luts"] > 5


@pytest.mark.slow
@pytest.mark.parametrize("decoder", DECODERS[-6 : -6 + EACH])
def test_cells_of_decoders_are_exact(decoder: dict[str, Any], tmp_path: Path) -> None:
    exact(decoded(decoder), tmp_path, NETLIST)


@pytest.mark.slow
def test_an_encoder_in_block_ram_is_exact(tmp_path: Path) -> None:
    encoder = {"kind": "regular", "bits": 6, "low": [-1.0, 0.0] * 2, "high": [1.0, 50.0] * 2}
    exact(replace(decoded({"kind": "count"}), encoder=encoder, window=32), tmp_path, NETLIST)
    assert "SB_RAM40_4K" in (tmp_path / "snn_cells.v").read_text()


@pytest.mark.parametrize("seed", range(EACH))
def test_a_core_read_back_from_its_bitstream_is_exact(seed: int, tmp_path: Path) -> None:
    figures = exact(large_network(seed, (8, 3, 14, 20)[seed % 4]), tmp_path, CORE)[CORE]
    assert figures["cells"] > 20


def test_a_lone_neuron_is_read_back(tmp_path: Path) -> None:
    """Its port for spikes is one bit, which has another name in the constraints."""
    exact(large_network(0, 1), tmp_path, CORE)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(EACH))
def test_a_board_read_back_from_its_bitstream_answers_on_its_serial_line(seed: int, tmp_path: Path) -> None:
    task = load_task(["cartpole", "pendulum", "iris"][seed % 3])
    figures = exact(probe(task), tmp_path, RTL, SERIAL, task=task)[SERIAL]
    assert figures["fmax_mhz"] > 12
    assert figures["decision_us"] > 0


@needs_golden
def test_the_published_size_is_beaten(tmp_path: Path) -> None:
    """notes of a prototype: 4,113 cells of an iCE40 for 50 neurons and 341 links."""
    assert GOLDEN is not None
    for tool in ("yosys", "nextpnr-ice40"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}")
    document = json.loads((GOLDEN / "hardware" / "n50.json").read_text())
    inputs, neurons = document["n_in"], document["neurons"]
    synapses = [(a + inputs, b + inputs, w, d) for a, b, w, d in document["syn"]]
    pre, post, weight, delay = zip(*synapses, *((a, b + inputs, w, 1) for a, b, w in document["inp"]), strict=True)
    network = Network(
        ids=range(inputs + len(neurons)), threshold=[1] * inputs + [n["thr"] for n in neurons],
        leak=[0] * inputs + [n["leak"][1] for n in neurons], refractory=[0] * inputs + [n["refr"] for n in neurons],
        pre=pre, post=post, weight=weight, delay=delay, inputs=range(inputs), outputs=[inputs], v_min=NO_FLOOR,
    )  # fmt: skip
    (tmp_path / "core.v").write_text(core(network))
    call(["yosys", "-q", "-p", "read_verilog core.v; synth_ice40 -top snn_core -json core.json"], tmp_path)
    packed = subprocess.run(
        ["nextpnr-ice40", "--hx8k", "--package", "ct256", "--json", "core.json", "--pack-only"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    cells = re.search(r"ICESTORM_LC:\s+(\d+)/", packed.stderr)
    assert cells is not None
    assert int(cells[1]) <= 1900


# What is there and what is not


@needs_iverilog
@pytest.mark.parametrize("what", ["threshold", "weight", "delay"])
def test_a_wrong_core_is_found(what: str, tmp_path: Path) -> None:
    drawn = (large_network(seed, 8) for seed in range(50))
    network = next(network for network in drawn if sent_to(network, None).spikes.mean() > 0.05)
    wrong = replace(SPATIAL, core=lambda net: core(replace(net, **{what: getattr(net, what) + 1})))
    found = VerilogVerifier(wrong, (RTL,)).verify(network, sent_to(network, None), tmp_path)
    assert found[0].mismatches > 0


@needs_iverilog
def test_the_exports_own_benches_judge_it(tmp_path: Path) -> None:
    network = probe(load_task("cartpole"))
    export(network, "verilog", tmp_path)
    ran = subprocess.run(["make", "-s", "test"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.split().count("PASS") == 2
    spikes = (tmp_path / "spikes.hex").read_text().splitlines()
    spikes[7] = f"{int(spikes[7], 16) ^ 1:x}"
    (tmp_path / "spikes.hex").write_text("\n".join(spikes))
    answers = (tmp_path / "answers.hex").read_text().splitlines()
    answers[3] = f"{int(answers[3], 16) ^ 1 << 32:x}"
    (tmp_path / "answers.hex").write_text("\n".join(answers))
    ran = subprocess.run(["make", "-s", "test"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.split().count("FAIL") == 2


def test_verilator_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    if shutil.which("verilator") is None:
        pytest.skip("no verilator")
    export(decoded({"kind": "bins", "low": [-2.0, 0.0], "high": [2.0, 1e5], "members": 3}), "verilog", tmp_path)
    subprocess.run(["make", "-s", "lint"], cwd=tmp_path, check=True)


@needs_iverilog
def test_words_of_users_stay_words(tmp_path: Path) -> None:
    evil = '*/ endmodule\nmodule snn_core; initial $system("rm"); // \\ `include "evil" \r\u2028 ../../x'
    network = replace(random_network(0, "plain"), task={"name": evil, "version": evil}, provenance={evil: evil})
    plain = SPATIAL.export(replace(network, task={"name": "plain", "version": "1"}))
    hostile = SPATIAL.export(network)
    assert list(hostile) == list(plain)
    assert all(re.fullmatch(r"[A-Za-z_.0-9]+", name) for name in hostile)
    for name, text in hostile.items():
        assert text.isascii()
        differing = [line for line in text.splitlines() if line not in plain[name].splitlines()]
        assert all(line.startswith("// A spiking network for ") for line in differing)
        assert text.count("\n") == plain[name].count("\n")
    exact(network, tmp_path)


def test_a_neuron_that_can_never_fire_takes_nothing() -> None:
    network = Network(
        ids=range(4), threshold=[1, 99, 1, -5], leak=[0, 1, 0, 0], refractory=[0] * 4, pre=[0, 1, 0], post=[1, 2, 2],
        weight=[20, 9, 1], delay=[1, 9, 2], inputs=[0], outputs=[2],
    )  # fmt: skip
    assert firing(network).tolist() == [True, False, True, False]
    text = core(network)
    assert text.count("can never fire") == 2
    assert "assign spikes[1] = 1'b0;" in text
    assert "u1" not in text
    assert "reg [1:0] t0;" in text
    assert "t1" not in re.sub("//.*", "", text)


def test_what_is_refused() -> None:
    network = probe(load_task("cartpole"))
    assert SPATIAL.check(network) == []
    encoder = network.encoder or {}
    wide = {"kind": "regular", "bits": 12, "low": encoder["low"], "high": encoder["high"]}
    (reason,) = SPATIAL.check(replace(network, encoder=wide, window=2000, inputs=network.inputs[:4]))
    assert reason.startswith("encoder 'regular' takes ")
    mute = replace(network, outputs=[], decoder=None)
    assert SPATIAL.check(mute) == ["no outputs"]
    with pytest.raises(EvoNeuroError, match="cannot be exported to 'verilog' exactly: no outputs"):
        files_of(SPATIAL, mute)


def test_verify_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "net.json")
    probe(load_task("cartpole")).save(path)
    monkeypatch.setattr("shutil.which", lambda name, found=shutil.which: found(name) if name == "iverilog" else None)
    if shutil.which("iverilog") is not None:
        assert main(["verify", path, "--target", "verilog", "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert (document["target"], document["steps"], document["mismatches"]) == ("verilog", 200, 0)
        assert document["spikes"] > 0
        assert document["decisions"] > 60
        assert [machine["machine"] for machine in document["machines"]] == [RTL]
        assert document["machines"][0]["figures"]["clocks_per_decision"] > 24
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert main(["verify", path, "--target", "verilog"]) == 2
    assert "iverilog: apt-get install iverilog" in capsys.readouterr().err


# Parts


@pytest.mark.parametrize("style", STYLES)
def test_potentials_stay_in_their_ranges(style: str) -> None:
    for seed in range(4):
        network = random_network(seed, style)
        found, able = ranges(network), firing(network)
        reference = Reference(network)
        for raster in (random_raster(seed, network, 60, 1), extremes(seed, network)):
            reference.clear()
            for charge in raster:
                spikes = reference.step(charge, np.ones(1, bool))
                v = reference.v[0]
                assert ((found.kept_low <= v) & (v <= found.kept_high)).all()
                assert not spikes[0][~able].any()


def extremes(seed: int, network: Network) -> np.ndarray[Any, Any]:
    """Long stretches of the highest and of the lowest charge, int32 (steps, 1, inputs)."""
    stretch = np.random.default_rng(seed).integers(-1, 2, (6, 1, len(network.inputs)))
    return (np.repeat(stretch, 30, axis=0) * network.input_max).astype(np.int32)


def test_ranges_are_reached() -> None:
    """The bounds of a leaky neuron are not only safe: something gets there."""
    network = Network(
        ids=[0], threshold=[1000], leak=[2], refractory=[0], pre=[], post=[], weight=[], delay=[], inputs=[0],
        outputs=[0], v_min=NO_FLOOR, input_max=7,
    )  # fmt: skip
    found, reference = ranges(network), Reference(network)
    for charge, bound in ((-7, found.kept_low), (7, found.kept_high)):
        reference.clear()
        for _ in range(60):
            reference.step(np.full((1, 1), charge), np.ones(1, bool))
        assert reference.v[0, 0] == bound[0]


@pytest.mark.parametrize("signed", [False, True])
def test_comparisons_with_constants(signed: bool) -> None:
    for width in (1, 2, 3, 5):
        low = -(2 ** (width - 1)) if signed else 0
        for least, number in itertools.product(range(low - 2, low + 2**width + 2), range(low, low + 2**width)):
            text = at_least("w", width, signed, least)
            bits = {bit: number >> bit & 1 for bit in range(width)}
            code = re.sub(r"w\[(\d+)\]", lambda found, bits=bits: f"b{bits[int(found[1])]}", text)
            code = code.replace("w", f"b{bits[0]}").replace("~b0", "True").replace("~b1", "False")
            code = code.replace("1'b1", "True").replace("1'b0", "False").replace("b0", "False").replace("b1", "True")
            assert eval(code.replace("&", " and ").replace("|", " or ")) == (number >= least), (width, least, number)


def test_tables_hold_every_item_once() -> None:
    rng = np.random.default_rng(0)
    for count in range(0, 40, 3):
        items = [Item((f"s{k}",), (0, int(weight))) for k, weight in enumerate(rng.integers(-127, 128, count))]
        items += [Item(("a", "b", "c"), (0, 1, 2, 3, -4, -3, -2, -1))]
        groups = tables(items)
        assert sorted(item.bits for group in groups for item in group) == sorted(item.bits for item in items)
        assert all(sum(len(item.bits) for item in group) <= 4 for group in groups)
        for group in groups:
            assert max(combined([item.values for item in group])) == sum(max(item.values) for item in group)
