"""Other simulators as judges of exported files: where they are installed, and what networks they are given.

Each may have an interpreter of its own, for they do not all fit beside ours: EVONEURO_BRIAN2_PYTHON and the like name
it, else the interpreter of the tests is tried.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from strategies import Style, network_from

from evoneuro.network import NO_FLOOR, NO_LEAK, Network
from evoneuro.neuron import Reference

CORE = Style(neurons=(3, 12), synapses=(4, 40), delay=(1, 9), weight=(-5, 8), v_min=(NO_FLOOR,))
CORES = {
    "small": CORE,
    "one step": Style(neurons=(2, 6), synapses=(2, 16), delay=(1, 1), v_min=(NO_FLOOR,)),
    "no leak": Style(neurons=(2, 8), synapses=(4, 24), leak=(NO_LEAK,), v_min=(NO_FLOOR,)),
    "large": Style(neurons=(30, 40), synapses=(100, 140), delay=(1, 6), weight=(-9, 12), threshold=(1, 20),
                   v_min=(NO_FLOOR,), input_max=(10, 40)),
}  # fmt: skip


@cache
def interpreter(simulator: str, *modules: str) -> str:
    """An interpreter that can import `modules`; else the test is skipped, with its reason."""
    variable = f"EVONEURO_{simulator.upper()}_PYTHON"
    python = os.environ.get(variable, sys.executable)
    tried = subprocess.run([python, "-c", f"import {', '.join(modules)}"], capture_output=True, text=True)
    if tried.returncode:
        why = (tried.stderr.strip().splitlines() or ["it failed"])[-1]
        pytest.skip(f"{simulator}: {why}; {variable} may name another interpreter")
    return python


def core_network(seed: int, style: Style) -> Network:
    """The network of a seed, from a style."""
    rng = np.random.default_rng(seed)
    return network_from(lambda low, high: int(rng.integers(low, high, endpoint=True)), style)


def core_raster(seed: int, network: Network, steps: int, negative: bool = True) -> npt.NDArray[np.int32]:
    """Charges int32 (steps, inputs), half of them 0; without `negative` none below."""
    rng = np.random.default_rng([seed, 1])
    shape = (steps, len(network.inputs))
    charges = rng.integers(-network.input_max // 3 if negative else 0, network.input_max, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.5, charges, 0).astype(np.int32)


def expected(network: Network, raster: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """Spikes uint8 (steps, neurons) by the definition of the neuron step."""
    return Reference(network).run(raster[:, None])[:, 0]
