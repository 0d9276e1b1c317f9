"""The golden rasters: small cases whose spikes were worked out by hand, over every simulator."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from oracle import Oracle

from evoneuro.network import NO_LEAK, Network
from evoneuro.simulator import SIMULATORS, runnable

FOLDER = Path(__file__).parent / "golden"
NAMES = (
    "01_and", "02_or", "03_delay_line", "04_refractory", "05_leak_full", "06_leak_shift", "07_threshold_zero",
    "08_subtract_reset", "09_floor", "10_ceiling", "11_persistence", "12_inhibition", "13_self_loop",
    "14_input_accumulates",
)  # fmt: skip
CASES = {name: tomllib.loads((FOLDER / name / "case.toml").read_text()) for name in NAMES}
SUBJECTS = {**{name: SIMULATORS[name] for name in runnable()}, "oracle": Oracle}

Raster = npt.NDArray[np.int64]


def build(case: dict[str, Any]) -> Network:
    """The network of a case; neurons in the order of [neurons], inputs in the order of [input]."""
    names = list(case["neurons"])
    position = {name: i for i, name in enumerate(names)}
    neurons, synapses = list(case["neurons"].values()), case["synapses"]
    return Network(
        ids=range(len(names)),  # type: ignore[arg-type]
        threshold=[neuron["threshold"] for neuron in neurons],  # type: ignore[arg-type]
        leak=[neuron.get("leak", NO_LEAK) for neuron in neurons],  # type: ignore[arg-type]
        refractory=[neuron.get("refractory", 0) for neuron in neurons],  # type: ignore[arg-type]
        pre=[position[synapse["from"]] for synapse in synapses],  # type: ignore[arg-type]
        post=[position[synapse["to"]] for synapse in synapses],  # type: ignore[arg-type]
        weight=[synapse["weight"] for synapse in synapses],  # type: ignore[arg-type]
        delay=[synapse["delay"] for synapse in synapses],  # type: ignore[arg-type]
        inputs=[position[name] for name in case["input"]],  # type: ignore[arg-type]
        outputs=[len(names) - 1],  # type: ignore[arg-type]
        **case.get("network", {}),
    )


def calls(lines: dict[str, str], names: list[str]) -> list[Raster]:
    """One raster [steps, neurons] for each call; a bar in the lines ends a call."""
    rows = [[part.split() for part in lines[name].split("|")] for name in names]
    return [np.array(part, np.int64).T for part in zip(*rows, strict=True)]


def lanes_of(raster: Raster) -> Raster:
    """Three lanes: the case, silence, and the case again."""
    return np.stack([raster, np.zeros_like(raster), raster], axis=1)


@pytest.fixture(params=NAMES)
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    return CASES[request.param]


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_folder_holds_these_cases_and_no_other() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == list(NAMES)


def test_every_case_has_a_one_line_title_and_the_spikes_of_all_its_neurons(case: dict[str, Any]) -> None:
    assert "\n" not in case["title"]
    assert 0 < len(case["title"]) <= 120
    assert list(case["spikes"]) == list(case["neurons"])
    assert {symbol for line in case["spikes"].values() for symbol in line.split()} <= {"0", "1", "|"}


def test_golden(case: dict[str, Any], subject: str) -> None:
    simulator = SUBJECTS[subject](build(case), 1)
    assert simulator.name == subject
    expected = calls(case["spikes"], list(case["neurons"]))
    for charges, spikes in zip(calls(case["input"], list(case["input"])), expected, strict=True):
        assert simulator.run(charges[:, None]).tolist() == spikes[:, None].tolist()


def test_golden_step_by_step_beside_a_silent_lane(case: dict[str, Any], subject: str) -> None:
    simulator = SUBJECTS[subject](build(case), 3)
    charges = lanes_of(np.concatenate(calls(case["input"], list(case["input"]))))
    expected = lanes_of(np.concatenate(calls(case["spikes"], list(case["neurons"]))))
    for _ in range(2):
        assert [simulator.run(charge[None])[0].tolist() for charge in charges] == expected.tolist()
        simulator.clear()
