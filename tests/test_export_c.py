"""The C export: spike for spike and decision for decision, on this machine and on emulated processors."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_data import GOLDEN, hardware_network, needs_golden
from strategies import STYLES, random_network

from evoneuro import Network
from evoneuro.check import probe
from evoneuro.cli import main
from evoneuro.errors import EvoNeuroError
from evoneuro.export import export
from evoneuro.export.c import C, table_of
from evoneuro.export.machines import MACHINES
from evoneuro.export.verifiers import verify
from evoneuro.export.verify import decided, sent_to
from evoneuro.export.verify_c import CVerifier, verified_on
from evoneuro.task import load_task

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")


def exact(network: Network, folder: Path, **how: Any) -> None:
    """Fail unless this machine and one of the emulated ones, another for another test, agree with the simulator."""
    emulated = [machine for machine in MACHINES[1:] if machine.here]
    machines = [MACHINES[0], *emulated[(turn := zlib.crc32(folder.name.encode()) % max(len(emulated), 1)) : turn + 1]]
    for name, text in C().export(network).items():
        (folder / name).write_text(text)
    found = verified_on(machines, network, sent_to(network, table_of(network), **how), folder)
    assert found[0].machine == "host"
    assert [machine.mismatches for machine in found] == [0] * len(machines)


@pytest.mark.parametrize("style", STYLES)
def test_random_networks_are_exact(style: str, tmp_path: Path) -> None:
    exact(random_network(1, style), tmp_path)


TASKS = ["cartpole", "cartpole-hardest", "iris", "pendulum", "temporal-xor"]


@pytest.mark.parametrize("name", TASKS)
def test_controllers_and_classifiers_are_exact(name: str, tmp_path: Path) -> None:
    task = load_task(name)
    exact(probe(task), tmp_path, task=task)


DECODERS: list[dict[str, Any]] = [
    {"kind": "count"},
    {"kind": "race", "evidence": 2, "lead": 0},
    {"kind": "race", "evidence": 0, "lead": 2},
    {"kind": "race", "evidence": 4, "lead": 2},
    {"kind": "first-spike", "silent": "first"},
    {"kind": "first-spike", "silent": "abstain"},
    {"kind": "first-spike", "silent": "potential"},
    {"kind": "population", "members": 2},
    {"kind": "membrane"},
    {"kind": "trace", "shift": 2},
    {"kind": "multi-count", "sizes": [2, 4]},
    {"kind": "rate", "low": [-1.0] * 6, "high": [1.0] * 6, "max_spikes": 3},
    {"kind": "pair", "low": [-1.0, 0.0, 5.0], "high": [1.0, 100.0, 5.5], "max_spikes": 3},
    {"kind": "bins", "low": [-2.0, 0.0], "high": [2.0, 1e5], "members": 3},
    {"kind": "latency", "low": [0.0] * 6, "high": [1.0] * 6},
    {"kind": "trace-value", "low": [0.0] * 6, "high": [1.0] * 6, "shift": 3},
    {"kind": "membrane-value", "low": [0.0] * 6, "high": [1.0] * 6, "scale": 20},
]


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda spec: "-".join(str(v) for v in spec.values() if v != 6)[:30])
def test_every_decoder_is_exact(decoder: dict[str, Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    network = Network(
        ids=range(10), threshold=[1] * 4 + [2, 1, 3, 2, 1, 2], leak=[-1] * 4 + [2] * 6, refractory=[0] * 10,
        pre=np.repeat(range(4), 6), post=np.tile(range(4, 10), 4), weight=rng.integers(-3, 4, 24),
        delay=rng.integers(1, 4, 24), inputs=range(4), outputs=range(4, 10), window=12, decoder=decoder,
        encoder={"kind": "flip-flop", "low": [-1.0, 0.0], "high": [1.0, 50.0], "max_spikes": 6, "interval": 2},
    )  # fmt: skip
    exact(network, tmp_path)


ENCODERS: list[dict[str, Any]] = [
    {"kind": "flip-flop", "max_spikes": 4, "interval": 1, "rounding": "nearest"},
    {"kind": "argyle", "neurons": 3, "max_spikes": 4, "interval": 2},
    {"kind": "bins", "neurons": 4, "max_spikes": 3, "interval": 3, "rounding": "floor"},
    {"kind": "count", "max_spikes": 9, "interval": 1, "rounding": "up", "bits": 5},
    {"kind": "time-to-first-spike"},
]


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda spec: spec["kind"])
def test_every_encoder_with_a_table_is_exact(encoder: dict[str, Any], tmp_path: Path) -> None:
    task = load_task("iris", {"encoder": encoder})
    exact(probe(task), tmp_path)


def test_inputs_need_not_come_first(tmp_path: Path) -> None:
    network = random_network(3, "mixed")
    order = np.random.default_rng(0).permutation(network.neurons)
    place = np.argsort(order)
    moved = replace(
        network,
        **{name: getattr(network, name)[order] for name in ("ids", "threshold", "leak", "refractory")},
        **{name: place[getattr(network, name)] for name in ("pre", "post", "inputs", "outputs")},
    )
    exact(moved, tmp_path)


@needs_golden
@pytest.mark.parametrize("name", ["n6", "n50"])
def test_published_sizes_are_beaten(name: str, tmp_path: Path) -> None:
    """notes of a prototype: 484 and 1,761 bytes of flash, 27 and 263 of RAM on a Cortex-M0."""
    assert GOLDEN is not None
    network = hardware_network(GOLDEN / "hardware" / f"{name}.json")
    if shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None:
        pytest.skip("no toolchain for Arm")
    found = {machine.machine: machine for machine in CVerifier().verify(network, sent_to(network, None), tmp_path)}
    assert {machine.mismatches for machine in found.values()} == {0}
    assert len(found) == sum(machine.here for machine in MACHINES)
    most = {"n6": (484, 27), "n50": (1761, 263)}[name]
    figures = found["cortex-m0"].figures
    assert figures["flash_bytes"] <= most[0]
    assert figures["ram_bytes"] <= most[1]
    assert figures["instructions_per_step_mean"] <= figures["instructions_per_step_most"] <= 60 * network.synapses


def test_a_wrong_export_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(0, "plain")
    monkeypatch.setattr(
        C, "export", lambda self, net, old=C.export: old(self, replace(net, threshold=net.threshold + 1))
    )
    found = CVerifier().verify(network, sent_to(network, None), tmp_path)
    assert found[0].mismatches > 0


def test_the_example_reads_observations_and_prints_actions(tmp_path: Path) -> None:
    network = probe(load_task("cartpole"))
    export(network, "c", tmp_path / "out")
    subprocess.run(["make", "-s"], cwd=tmp_path / "out", check=True)
    seen = np.random.default_rng(0).uniform(-0.2, 0.2, (20, 4))
    text = "\n".join(" ".join(map(str, row)) for row in seen.tolist())
    ran = subprocess.run(["./example"], cwd=tmp_path / "out", input=text, capture_output=True, text=True, check=True)
    table = table_of(network)
    assert table is not None

    assert [int(line) for line in ran.stdout.split()] == decided(network, table.restored(table.quantised(seen)))[
        :, 1
    ].tolist()


def test_words_of_users_stay_words(tmp_path: Path) -> None:
    evil = '*/ int x = system("rm"); /* \n#include "evil.h"'
    network = replace(random_network(0, "plain"), task={"name": evil, "version": "1"})
    for text in C().export(network).values():
        assert '"evil' not in text
        assert "system(" not in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    exact(network, tmp_path)


def test_verify_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "net.json")
    probe(load_task("cartpole")).save(path)
    assert main(["verify", path, "--target", "c", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["target"] == "c"
    assert document["mismatches"] == 0
    assert document["steps"] == 200
    assert document["spikes"] > 0
    assert document["decisions"] > 60
    assert document["machines"][0]["machine"] == "host"
    assert main(["verify", path, "--target", "tennlab", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mismatches"] == 0
    assert main(["verify", path, "--target", "cc"]) == 2
    assert "'c'" in capsys.readouterr().err
    assert main(["targets", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["targets"]
    assert {"c", "tennlab"} <= {row["name"] for row in listed if row["verifiable"]}


def test_without_tools_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(EvoNeuroError, match=r"gcc: apt-get install gcc"):
        verify(probe(load_task("cartpole")), "c")
