"""The Arduino library: what is in it, and that C and sketch do what the simulator does, also on an ATmega328P."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from strategies import random_network

from evoneuro.check import probe
from evoneuro.export import export
from evoneuro.export.arduino import Arduino, library_name
from evoneuro.export.c import table_of
from evoneuro.export.conversation import Conversation
from evoneuro.export.machines import ATMEGA, DEADLINE, HOST, WARNINGS, where
from evoneuro.export.programs import call
from evoneuro.export.rendering import source
from evoneuro.export.verify import decided, sent_to
from evoneuro.export.verify_arduino import ArduinoVerifier, build_simavr
from evoneuro.export.verify_c import verified_on
from evoneuro.network import Network
from evoneuro.task import load_task

needs_gcc = pytest.mark.skipif(not (HOST.here and where("g++")), reason="no gcc and g++")
needs_avr = pytest.mark.skipif(not ATMEGA.here, reason="no avr-gcc and libsimavr")


def test_the_folder_is_a_library(tmp_path: Path) -> None:
    network = probe(load_task("cartpole-hard"))
    name = "evoneuro_cartpole_hard"
    files = {str(path.relative_to(tmp_path)) for path in export(network, "arduino", tmp_path)}
    own = {f"src/{name}.h", "src/snn.h", "src/snn.c", f"examples/{name}/{name}.ino"}
    assert files == own | {"library.properties", "keywords.txt"}
    lines = (tmp_path / "library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    assert (properties["name"], properties["includes"], properties["architectures"]) == (name, f"{name}.h", "*")
    assert re.fullmatch(r"\d+\.\d+\.\d+", properties["version"])
    words = [line.split("\t") for line in (tmp_path / "keywords.txt").read_text().splitlines()]
    declared = (tmp_path / "src" / "snn.h").read_text()
    assert all(re.search(rf"\b{word}\b", declared) for word, _ in words)
    assert {kind for _, kind in words} == {"KEYWORD1", "KEYWORD2", "LITERAL1"}


@pytest.mark.parametrize(
    "evil", ['*/ int x; /*\n#include "evil.h"', "../../etc/passwd", "", "é\x00\u2028=x", "a" * 500]
)
def test_words_of_users_stay_words(evil: str) -> None:
    network = replace(random_network(0, "plain"), task={"name": evil, "version": "1"})
    files = Arduino().export(network)
    assert re.fullmatch(r"evoneuro_[a-z0-9_]{1,40}", library_name(network))
    assert all(re.fullmatch(r"[A-Za-z0-9_.]+(/[A-Za-z0-9_.]+)*", name) and ".." not in name for name in files)
    code = [text for name, text in files.items() if "/" in name]
    assert all("evil.h" not in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL) for text in code)
    assert all('"evil' not in text for text in files.values())
    assert files["library.properties"].count("\n") == 10
    assert all(text.isascii() for text in files.values())


def test_a_window_beyond_16_bits_is_refused() -> None:
    assert Arduino().check(random_network(0, "plain")) == []
    assert Arduino().check(replace(random_network(0, "plain"), window=2**15)) == ["window 32768, at most 32767"]


@needs_gcc
@pytest.mark.parametrize(
    "name", ["cartpole", *(pytest.param(name, marks=pytest.mark.slow) for name in ("iris", "pendulum", "temporal-xor"))]
)
def test_library_and_sketch_are_exact(name: str, tmp_path: Path) -> None:
    task = load_task(name)
    network = probe(task)
    found = ArduinoVerifier().verify(network, sent_to(network, table_of(network), task), tmp_path)
    assert [machine.mismatches for machine in found] == [0] * len(found)
    assert all(machine.decisions >= 10 for machine in found)
    machines = ["host", "host, sketch"]
    machines += ["atmega328p"] * ATMEGA.here
    machines += ["atmega328p, sketch"] * (ATMEGA.here and where("arduino-core-avr") is not None)
    assert [machine.machine for machine in found] == machines
    if ATMEGA.here:
        figures = found[2].figures
        assert 0 < figures["cycles_per_step_mean"] <= figures["cycles_per_step_most"]
        assert figures["microseconds_per_decision_at_16_mhz"] == round(figures["cycles_per_decision_most"] / 16, 1)


@needs_avr
@pytest.mark.parametrize(
    "style",
    ["mixed", *(pytest.param(style, marks=pytest.mark.slow) for style in ("thresholds", "wide", "leaks", "subtract"))],
)
def test_an_int_of_16_bits_is_enough(style: str, tmp_path: Path) -> None:
    build_simavr(tmp_path)
    for seed in range(2):
        exact_on_atmega(random_network(seed, style), tmp_path)


@needs_avr
def test_weights_and_thresholds_at_the_end_of_16_bits(tmp_path: Path) -> None:
    build_simavr(tmp_path)
    for threshold, weights in ((32768, [0, 0]), (12000, [20000, -20000])):
        network = Network(
            ids=range(3), threshold=[1, 1, threshold], leak=[0, 0, -1], refractory=[0] * 3, pre=[0, 1], post=[2, 2],
            weight=weights, delay=[1, 2], inputs=[0, 1], outputs=[2], v_min=-12768, window=9,
        )  # fmt: skip
        exact_on_atmega(network, tmp_path)


def exact_on_atmega(network: Network, folder: Path) -> None:
    for name, text in Arduino().export(network).items():
        (folder / Path(name).name).write_text(text)
    (found,) = verified_on([ATMEGA], network, sent_to(network, table_of(network), steps=60), folder)
    assert found.mismatches == 0


@needs_avr
def test_what_does_not_fit_an_uno_is_not_run_there(tmp_path: Path) -> None:
    n = 80  # whose spikes of 256 steps take 2,560 bytes
    network = Network(
        ids=range(n), threshold=[1] * n, leak=[-1] * n, refractory=[0] * n, pre=range(n - 1), post=range(1, n),
        weight=[1] * (n - 1), delay=[255] * (n - 1), inputs=[0], outputs=[1],
    )  # fmt: skip
    found = ArduinoVerifier().verify(network, sent_to(network, None, steps=20), tmp_path)
    assert [machine.machine for machine in found if machine.decisions] == ["host", "host, sketch"]
    reasons = [machine.figures["not_run"] for machine in found if not machine.decisions]
    assert reasons
    assert all(re.fullmatch(r"\d+ of 32768 bytes of flash, \d+ of 1856 of RAM", reason) for reason in reasons)


@needs_gcc
def test_the_sketch_reads_numbers_to_the_last_bit(tmp_path: Path) -> None:
    """Every way to write a number that Python has, rounded as the simulator rounds, up to the ends of 32 bits."""
    network = probe(load_task("cartpole"))
    table = table_of(network)
    assert table is not None
    name = library_name(network)
    for path, text in {**Arduino().export(network), "Arduino.h": source("Arduino.h")}.items():
        (tmp_path / Path(path).name).write_text(text)
    bits = int(table.fraction[0])
    (tmp_path / "numbers.cpp").write_text(
        f'#include "Arduino.h"\n#define loop decide\n#include "{name}.ino"\n#undef loop\n'
        f"void loop() {{ Serial.print((int)number({bits})); Serial.println(); }}\n"
    )
    call([*HOST.compiler, "-c", "snn.c"], tmp_path)
    call(["g++", *WARNINGS, "-I.", "-o", "numbers", "numbers.cpp", "snn.o"], tmp_path)
    rng = np.random.default_rng(0)
    near = (rng.integers(-(2**28), 2**28, 40) + rng.choice([0, 0.25, 0.75], 40)) / 2**bits
    numbers = [*near, 0.0, -0.0, 1e-30, -1e-5, 1.5e-7, 1e22, -1e22, 2.0 ** (31 - bits), -(2.0 ** (31 - bits))]
    sent = np.zeros((len(numbers), len(table.fraction)))
    sent[:, 0] = numbers
    with Conversation(["./numbers"], tmp_path, DEADLINE) as conversation:
        read = [int(conversation.ask(repr(float(number)))) for number in numbers]
    assert read == table.quantised(sent)[:, 0].tolist()


@needs_gcc
def test_samples_leave_nothing_for_one_another(tmp_path: Path) -> None:
    """The example of a classifier forgets between observations, as evaluation does; that of a controller does not."""
    for name, keeps in (("iris", False), ("cartpole", True)):
        network = probe(load_task(name))
        folder = tmp_path / name
        export(network, "c", folder)
        call(["make", "-s"], folder) if shutil.which("make") else pytest.skip("no make")
        table = table_of(network)
        assert table is not None
        rows = np.random.default_rng(0).uniform(-3, 7, (60, len(table.fraction)))
        with Conversation(["./example"], folder, DEADLINE) as conversation:
            said = [int(conversation.ask(" ".join(map(repr, row)))) for row in rows.tolist()]
        seen = table.restored(table.quantised(rows))
        assert said == decided(network, seen, keeps)[:, 1].tolist()
