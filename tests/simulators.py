"""Other simulators as judges of exported files: where they are installed, and how their scripts are run.

Each may have an interpreter of its own, for they do not all fit beside ours: EVONEURO_BRIAN2_PYTHON and the like name
it, else the interpreter of the tests is tried.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

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

# Runs each script FOLDER/K/script.py on raster.npy beside it, all in one process: importing a simulator takes seconds.
# They are modules, in folders of their own, since Lava looks for a process's model in its module and beside it
_DRIVER = """
import importlib.util, pathlib, sys
import numpy as np
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    spec = importlib.util.spec_from_file_location("script" + folder.name, folder / "script.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    np.save(folder / "spikes.npy", module.simulate(module.checked(np.load(folder / "raster.npy"))))
"""

# Runs each NIR file FOLDER/K.nir on FOLDER/K.npy; the second argument says in what
_TORCH_DRIVER = """
import pathlib, sys
import nir, numpy as np, torch
if sys.argv[2] == "norse":
    import norse.torch
    load = lambda graph: norse.torch.from_nir(graph, ignore_warnings=True, dt=1e-4)
else:
    from snntorch.import_nir import import_from_nir as load
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.nir")):
    model, state, spikes = load(nir.read(str(file))), None, []
    with torch.no_grad():
        for charges in np.load(file.with_suffix(".npy")):
            output, state = model(torch.from_numpy(charges).float()[None], state)
            spikes.append(output[0].numpy().astype(np.uint8))
    np.save(str(file) + ".npy", np.array(spikes))
"""


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


def run_scripts(
    python: str, folder: Path, scripts: Sequence[str], rasters: Sequence[npt.NDArray[np.int32]]
) -> list[npt.NDArray[np.uint8]]:
    """Spikes uint8 (steps, neurons) of each script on its raster, in one process of `python`."""
    folders = [folder / f"{k:04}" for k in range(len(scripts))]
    for own, script, raster in zip(folders, scripts, rasters, strict=True):
        own.mkdir()
        (own / "script.py").write_text(script)
        np.save(own / "raster.npy", raster)
    run = subprocess.run([python, "-c", _DRIVER, str(folder)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-6000:]
    return [np.load(own / "spikes.npy") for own in folders]


def run_torch(
    reader: str,
    python: str,
    folder: Path,
    files: Sequence[Mapping[str, str | bytes]],
    rasters: Sequence[npt.NDArray[np.int32]],
) -> list[npt.NDArray[np.uint8]]:
    """Spikes uint8 (steps, neurons and relays) of each NIR export on its raster, in `reader` (norse or snntorch)."""
    name = "network.nir" if reader == "norse" else "network_snntorch.nir"
    for k, (made, raster) in enumerate(zip(files, rasters, strict=True)):
        content = made[name]
        assert isinstance(content, bytes)
        (folder / f"{k:04}.nir").write_bytes(content)
        np.save(folder / f"{k:04}.npy", raster)
    run = subprocess.run([python, "-c", _TORCH_DRIVER, str(folder), reader], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-6000:]
    return [np.load(folder / f"{k:04}.nir.npy") for k in range(len(files))]
