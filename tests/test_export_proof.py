"""Proof on many networks: C on every machine that is here, TENNLab's files, and all networks of the golden data.

EVONEURO_PROOF_NETWORKS sets how many random networks there are: of 3 to 200 neurons, with every leak, refractory steps,
delays of up to 15 steps, thresholds at 0 and below, floors and both resets, each for 200 steps and 60 decisions.
EVONEURO_PROOF_FIRST goes on from there, so that a long proof can be done in parts.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from golden_data import golden_files, hardware_network, needs_golden

from evoneuro.export import EXPORTERS
from evoneuro.export.arduino import Arduino
from evoneuro.export.c import serving_program, table_of
from evoneuro.export.machines import ATMEGA, ATMEGA_FLASH, ATMEGA_RAM, ATMEGA_STACK, MACHINES, Machine
from evoneuro.export.tennlab import from_document
from evoneuro.export.verifiers import RoundTrip
from evoneuro.export.verify import Sent, sent_to
from evoneuro.export.verify_arduino import build_simavr
from evoneuro.export.verify_c import verified_on
from evoneuro.network import NO_FLOOR, NO_LEAK, Network

COUNT = int(os.environ.get("EVONEURO_PROOF_NETWORKS", "3"))
FIRST = int(os.environ.get("EVONEURO_PROOF_FIRST", "0"))
SLOW = 5  # every so many networks are tried on an ATmega328P, whose emulator takes its time

needs_gcc = pytest.mark.skipif(not MACHINES[0].here, reason="no gcc")


def drawn(seed: int) -> Network:
    """A network of 3 to 200 neurons, as many small ones as large ones on a logarithmic scale."""
    rng = np.random.default_rng([seed, 6])
    values = int(rng.integers(1, 5))
    inputs = min(2 * values, 3)
    encoder = {"kind": "flip-flop", "low": [-1.0] * values, "high": [2.0] * values, "max_spikes": 8, "interval": 1}
    inputs, encoded = (2 * values, encoder) if rng.random() < 0.7 else (inputs, None)
    n = max(round(3 * (200 / 3) ** rng.random()), inputs if encoded else 3)
    s = round(n * rng.uniform(1.5, 8))
    subtract = seed % 5 == 0
    threshold = rng.integers(1, 12, n) - (0 if subtract or seed % 3 else 4)
    if subtract:
        threshold = np.maximum(threshold, 1)
    return Network(
        ids=range(n), threshold=threshold, leak=rng.choice([NO_LEAK, NO_LEAK, *range(16)], n),
        refractory=rng.integers(0, 6, n) * (rng.random(n) < 0.4), pre=rng.integers(0, n, s), post=rng.integers(0, n, s),
        weight=rng.integers(-9, 16, s), delay=rng.integers(1, 16, s), inputs=range(inputs),
        outputs=range(n - int(rng.integers(1, 4)), n), reset="subtract" if subtract else "zero",
        v_min=int(rng.choice([-127, -9, 0, NO_FLOOR])), v_max=40 if subtract else 2**30, input_max=12, input_charge=12,
        window=int(rng.integers(6, 30)), encoder=encoded,
        decoder={"kind": "race", "evidence": 4, "lead": 2} if seed % 2 else {"kind": "count"},
    )  # type: ignore[arg-type]  # fmt: skip


def exact_on(
    machines: list[Machine], network: Network, folder: Path, counts: Counter[str], sent: Sent | None = None
) -> None:
    """Fail unless all machines agree with what is expected; what was compared is added to `counts`."""
    sent = sent or sent_to(network, table_of(network))
    for name, text in {**Arduino().export(network), "serve.c": serving_program(network)}.items():
        (folder / Path(name).name).write_text(text)
    for machine in machines:
        if machine is ATMEGA:
            machine.build(folder, "serve")
            flash, ram = machine.size(folder, "serve")
            if flash > ATMEGA_FLASH or ram > ATMEGA_RAM - ATMEGA_STACK:
                counts["too large for atmega328p"] += 1
                continue
        (found,) = verified_on([machine], network, sent, folder)
        assert found.mismatches == 0, machine.name
        counts[f"{machine.name}: networks"] += 1
        for what in ("steps", "spikes", "decisions"):
            counts[f"{machine.name}: {what}"] += getattr(found, what)


def all_machines(folder: Path) -> list[Machine]:
    machines = [machine for machine in MACHINES if machine.here]
    if ATMEGA.here:
        build_simavr(folder)
        machines.append(ATMEGA)
    return machines


def tell(title: str, counts: Counter[str]) -> None:
    print(title, *(f"  {name} {count}" for name, count in counts.items()), sep="\n")


@needs_gcc
def test_c_is_exact_on_random_networks(tmp_path: Path) -> None:
    machines, counts = all_machines(tmp_path), Counter[str]()
    for seed in range(FIRST, FIRST + COUNT):
        here = [machine for machine in machines if machine is not ATMEGA or seed % SLOW == 0]
        exact_on(here, drawn(seed), tmp_path, counts)
    tell(f"C, {COUNT} random networks, 0 mismatches", counts)
    assert counts["host: networks"] == COUNT
    assert counts["host: spikes"] > 100 * COUNT


def test_tennlab_comes_back_exactly(tmp_path: Path) -> None:
    """What RISP knows: leak none or full, no refractory steps, reset to zero, one synapse between a pair."""
    spikes, networks = 0, 0
    for seed in range(20 * FIRST, 20 * (FIRST + COUNT)):
        network = drawn(seed)
        _, first = np.unique(network.pre * network.neurons + network.post, return_index=True)
        network = replace(
            network,
            **{name: getattr(network, name)[first] for name in ("pre", "post", "weight", "delay")},
            leak=np.where(network.leak > 0, 0, network.leak),
            refractory=0 * network.refractory,
            reset="zero",
            v_max=2**30,
            v_min=max(network.v_min, -127),
        )
        if EXPORTERS["tennlab"].check(network):
            continue
        (found,) = RoundTrip().verify(network, sent_to(network, None), tmp_path)
        assert found.mismatches == 0, seed
        networks, spikes = networks + 1, spikes + found.spikes
    print(f"tennlab: {networks} networks, {spikes} spikes, 0 mismatches")
    assert spikes > 1000 * COUNT


def recorded(path: Path) -> tuple[Network, Sent]:
    """A network of the golden data, with the raster and the spikes that RISP itself recorded where there are any."""
    document = json.loads(path.read_text())
    if path.parent.name == "hardware":
        network = hardware_network(path)
        return network, sent_to(network, None)
    network = from_document(document.get("network", document))
    sent = sent_to(network, None)
    if "spikes" not in document:
        return network, sent
    charges = np.zeros((document["steps"], len(network.inputs)), np.int32)
    for step, channel, charge in document["input"]:
        charges[step, channel] += charge
    spikes = np.zeros((document["steps"], network.neurons), np.uint8)
    position = {name: k for k, name in enumerate(network.ids.tolist())}
    for step, name in document["spikes"]:
        spikes[step, position[name]] = 1
    return network, replace(sent, charges=charges, spikes=spikes)


@needs_golden
@needs_gcc
def test_every_golden_network_through_tennlab_and_c(tmp_path: Path) -> None:
    """Also what RISP's own simulator recorded; every fourth on an emulated machine, too, all of them if asked."""
    machines, counts = all_machines(tmp_path), Counter[str]()
    files = [path for folder in ("cartpole", "risp", "hardware") for path in golden_files(f"{folder}/*.json")]
    for k, path in enumerate(files):
        network, sent = recorded(path)
        if path.parent.name != "hardware":  # these have shift leaks and refractory steps, which RISP does not know
            (again,) = RoundTrip().verify(network, sent, tmp_path)
            assert again.mismatches == 0, path
            counts["tennlab: networks"] += 1
        turn = 1 + k // 4 % max(len(machines) - 1, 1) if k % 4 == 0 else len(machines)
        share = machines if COUNT >= 100 else [machines[0], *machines[turn : turn + 1]]
        exact_on(share, network, tmp_path, counts, sent)
    tell("golden, 0 mismatches", counts)
    assert (counts["host: networks"], counts["tennlab: networks"]) == (45, 41)
