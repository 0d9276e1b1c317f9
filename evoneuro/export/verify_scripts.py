"""Scripts and NIR files in the simulators that they are for.

A simulator is looked for in the interpreter that runs this, or in one of its own, for they do not all fit beside one
another: EVONEURO_BRIAN2_PYTHON and the like name it.
"""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError
from evoneuro.export import nir, portable
from evoneuro.export.contract import Exporter, files_of
from evoneuro.export.nir_equations import spikes_of
from evoneuro.export.verify import Sent, Tool, Verified
from evoneuro.network import NO_FLOOR, Network
from evoneuro.neuron import Reference

Raster = npt.NDArray[np.int32]
Spikes = npt.NDArray[np.uint8]

DEADLINE = 600  # seconds for one simulator; Brian2 and Lava compile


@dataclass(frozen=True)
class Simulator:
    """Somebody else's simulator.

    Attributes:
        name: as EVONEURO_NAME_PYTHON has it.
        modules: that it needs.
        source: how to get it.
    """

    name: str
    modules: tuple[str, ...]
    source: str

    @property
    def variable(self) -> str:
        """The environment variable that may name an interpreter of its own."""
        return f"EVONEURO_{self.name.upper()}_PYTHON"

    @property
    def python(self) -> str | None:
        """The interpreter that has it, or None."""
        python = os.environ.get(self.variable, sys.executable)
        return python if _has(python, self.modules) else None

    def tool(self) -> Tool:
        """As verification lists what it needs."""
        advice = f"{self.source}; {self.variable} may name an interpreter that has it"
        return Tool(self.name, self.python, advice)


SIMULATORS = {
    simulator.name: simulator
    for simulator in (
        Simulator("brian2", ("brian2",), "pip install brian2 'numpy<2.4'"),
        Simulator("nest", ("nest",), "pip install nest-simulator"),
        Simulator("pynn", ("nest", "pyNN"), "pip install pynn nest-simulator"),
        Simulator("lava", ("lava.proc.dense.process",), "pip install lava-nc, with Python 3.10"),
        Simulator("norse", ("torch", "nir", "norse"), "pip install norse nir nirtorch"),
        Simulator("snntorch", ("torch", "nir", "snntorch"), "pip install snntorch nir nirtorch"),
    )
}
READERS = {"norse": "network.nir", "snntorch": "network_snntorch.nir"}

# Runs each script FOLDER/K/script.py on raster.npy beside it, all in one process: importing a simulator takes seconds.
# They are modules, in folders of their own, since Lava looks for a process's model in its module and beside it
_DRIVER = """
import importlib.util, pathlib, sys
import numpy as np
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    spec = importlib.util.spec_from_file_location("script" + folder.name, folder / "script.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    np.save(folder / "spikes.npy", module.simulate(module.checked(np.load(folder / "raster.npy", allow_pickle=False))))
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
        for charges in np.load(file.with_suffix(".npy"), allow_pickle=False):
            output, state = model(torch.from_numpy(charges).float()[None], state)
            spikes.append(output[0].numpy().astype(np.uint8))
    np.save(str(file) + ".npy", np.array(spikes), allow_pickle=False)
"""

# Whether modules are there; a folder of such a name in the current directory, as exports make them, is none
_LOOK_UP = """
import importlib.util, sys
sys.path = [folder for folder in sys.path if folder]
def found(name):
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        return False
    return spec is not None and spec.origin is not None
sys.exit(not all(map(found, sys.argv[1:])))
"""


class ScriptVerifier:
    """Runs the script of a target in its simulator."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter, self._simulator = exporter, SIMULATORS[exporter.name]

    def tools(self) -> list[Tool]:
        """The simulator."""
        return [self._simulator.tool()]

    def verify(self, network: Network, sent: Sent, folder: Path) -> list[Verified]:
        """Run the script on the raster, as far as it takes it."""
        python = self._simulator.python
        if python is None:
            return []
        without_floor = self._exporter.name == "pynn"
        charges = taken(network, sent.charges, NO_FLOOR) if without_floor else sent.charges
        (script,) = files_of(self._exporter, network).values()
        assert isinstance(script, str)
        (spikes,) = run_scripts(python, folder, [script], [charges])
        return [_compared(self._simulator.name, network, charges, spikes)]


class NirVerifier:
    """Runs NIR files by NIR's own equations and in the readers that are here."""

    def tools(self) -> list[Tool]:
        """The package nir, and readers."""
        found = importlib.util.find_spec("nir")
        own = Tool("nir", None if found is None else found.origin, 'pip install "evoneuro[nir]"')
        return [own, *(SIMULATORS[name].tool() for name in READERS)]

    def verify(self, network: Network, sent: Sent, folder: Path) -> list[Verified]:
        """Every file by the equations, and each in its reader."""
        charges = taken(network, sent.charges, -nir.EXACT_FLOAT32)
        files = files_of(nir.Nir(), network)
        found = [_by_equations(name, content, network, charges) for name, content in files.items()]
        for name in READERS:
            if (python := SIMULATORS[name].python) is not None:
                own = folder / name
                own.mkdir()
                (spikes,) = run_torch(name, python, own, [files], [charges])
                found.append(_compared(name, network, charges, spikes[:, : network.neurons]))
        return found


class NirDelaysVerifier:
    """Runs a NIR file with Delay nodes by NIR's own equations: readers that are tried here know no Delay."""

    def tools(self) -> list[Tool]:
        """The package nir."""
        return NirVerifier().tools()[:1]

    def verify(self, network: Network, sent: Sent, folder: Path) -> list[Verified]:
        """The file by the equations."""
        charges = taken(network, sent.charges, -nir.EXACT_FLOAT32)
        files = files_of(nir.NirDelays(), network)
        return [_by_equations(name, content, network, charges) for name, content in files.items()]


def taken(network: Network, charges: Raster, floor: int) -> Raster:
    """What a target without a floor takes of a raster: no charges below 0 where the network has one, and only so many
    steps that no potential falls below `floor`."""
    longest = portable.longest_exact(network, floor)
    charges = charges if longest is None else charges[:longest]
    return charges if portable.takes_negative_charges(network) else np.maximum(charges, 0)


def run_scripts(python: str, folder: Path, scripts: Sequence[str], rasters: Sequence[Raster]) -> list[Spikes]:
    """Spikes uint8 (steps, neurons) of each script on its raster, in one process of `python`.

    Raises:
        EvoNeuroError: the process failed, or took too long.
    """
    folders = [folder / f"{k:04}" for k in range(len(scripts))]
    for own, script, raster in zip(folders, scripts, rasters, strict=True):
        own.mkdir()
        (own / "script.py").write_text(script)
        np.save(own / "raster.npy", raster, allow_pickle=False)
    _run([python, "-c", _DRIVER, str(folder)])
    return [np.load(own / "spikes.npy", allow_pickle=False) for own in folders]


def run_torch(
    reader: str,
    python: str,
    folder: Path,
    files: Sequence[Mapping[str, str | bytes]],
    rasters: Sequence[Raster],
) -> list[Spikes]:
    """Spikes uint8 (steps, neurons and relays) of each NIR export on its raster, in `reader` (norse or snntorch).

    Raises:
        EvoNeuroError: the process failed, or took too long.
    """
    for k, (made, raster) in enumerate(zip(files, rasters, strict=True)):
        content = made[READERS[reader]]
        assert isinstance(content, bytes)
        (folder / f"{k:04}.nir").write_bytes(content)
        np.save(folder / f"{k:04}.npy", raster, allow_pickle=False)
    _run([python, "-c", _TORCH_DRIVER, str(folder), reader])
    return [np.load(folder / f"{k:04}.nir.npy", allow_pickle=False) for k in range(len(files))]


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    except subprocess.TimeoutExpired:
        raise EvoNeuroError(f"{command[0]} took more than {DEADLINE} s") from None
    if done.returncode:
        raise EvoNeuroError(f"{command[0]} failed:\n{done.stdout.strip()[-2000:]}{done.stderr.strip()[-4000:]}")


def _by_equations(name: str, content: str | bytes, network: Network, charges: Raster) -> Verified:
    import nir as package

    assert isinstance(content, bytes)
    spikes = spikes_of(package.read(io.BytesIO(content)), charges)
    return _compared(f"{name} by NIR's equations", network, charges, spikes)


def _compared(machine: str, network: Network, charges: Raster, spikes: Spikes) -> Verified:
    expected = Reference(network).run(charges[:, None])[:, 0]
    wrong = int((spikes != expected).sum()) if spikes.shape == expected.shape else expected.size
    return Verified(machine, len(charges), int(expected.sum()), 0, wrong)


@cache
def _has(python: str, modules: tuple[str, ...]) -> bool:
    """Whether an interpreter has modules; looked up, not imported, which takes seconds."""
    try:
        return subprocess.run([python, "-c", _LOOK_UP, *modules], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
