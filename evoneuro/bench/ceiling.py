"""The ceiling: a plain C kernel, compiled for this machine when the bench runs.

It says how far our simulator is from what a C programmer would get out of the same processor. The source is no part of
the package: it stands in `benchmarks/ceiling.c` of a checkout, and exports one function,

    void ceiling_decide(
        int32_t neurons, int32_t inputs, int32_t outputs,
        const int32_t *threshold, const int32_t *keep,          // [neurons]; keep: 0 full leak, -1 none (a mask)
        const int32_t *incoming,                                // [neurons + 1], where a neuron's synapses start
        const int32_t *pre, const int32_t *weight, const int32_t *delay,    // [synapses], by post
        const int32_t *input_neuron, const int32_t *output_neuron,          // [inputs], [outputs]
        int32_t v_min, int32_t charge, int32_t window,
        int32_t words, int32_t lanes, const uint32_t *trains,   // [words][inputs][lanes], bit t % 32 of word t / 32
        int32_t *choice, int64_t *spikes);                      // [lanes] written; [neurons] added to

which runs `window` steps of every lane from a cleared state and writes the output with most spikes (ties: the lowest).
It may assume thresholds >= 1, no shift leak, no refractory neurons, reset "zero" and no ceiling. It brings its own
scratch memory.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError
from evoneuro.network import Integers, Network
from evoneuro.simulator.compiled import compile_networks

SOURCE = Path(__file__).resolve().parents[2] / "benchmarks" / "ceiling.c"
FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")
FUNCTION = "ceiling_decide"


class Missing(EvoNeuroError):  # noqa: N818 - a reason to leave a row out, which nobody calls an error
    """Something to compare with is not there, or cannot do what is asked; the message says why."""


class Ceiling:
    """The compiled C kernel.

    Raises:
        Missing: no checkout, no C compiler, or a source that does not compile.
    """

    def __init__(self, source: Path = SOURCE) -> None:
        compiler = shutil.which("gcc") or shutil.which("cc")
        if not source.is_file():
            raise Missing("the C kernel is measured from a checkout only, which has benchmarks/ceiling.c")
        if compiler is None:
            raise Missing("the C kernel needs a C compiler; install gcc")
        self._folder = tempfile.TemporaryDirectory(prefix="evoneuro-")  # goes with this object
        library = Path(self._folder.name) / "ceiling.so"
        made = subprocess.run([compiler, *FLAGS, "-o", str(library), str(source)], capture_output=True, text=True)
        if made.returncode:
            raise Missing(f"{source.name} does not compile: {made.stderr.strip().splitlines()[0]}")
        try:
            self._function = getattr(ctypes.CDLL(str(library)), FUNCTION)
        except AttributeError:
            raise Missing(f"{source.name} exports no {FUNCTION}()") from None
        self._function.restype = None

    def of(self, network: Network) -> CeilingNetwork:
        """The kernel on one network."""
        return CeilingNetwork(self._function, network)


class CeilingNetwork:
    """One network on the C kernel, with the interface of `event_driven.Cleared`."""

    def __init__(self, function: Any, network: Network) -> None:
        if network.leak.max() > 0 or network.refractory.any() or network.threshold.min() < 1:
            raise Missing("the C kernel knows leak none and full, thresholds from 1 on and no refractory neurons")
        self._function, self._network = function, network
        compiled = compile_networks([network])
        columns = (
            compiled.threshold, np.where(network.leak == 0, 0, -1).astype(np.int32), compiled.incoming, compiled.pre,
            compiled.weight, compiled.delay, compiled.input_neuron, compiled.output_neuron,
        )  # fmt: skip
        self._columns = [np.ascontiguousarray(column, np.int32) for column in columns]  # kept: C reads them in place

    def decide(self, trains: npt.NDArray[np.uint32]) -> tuple[Integers, Integers, npt.NDArray[np.int64]]:
        """Choice and latency, int32 [lanes], and spikes, int64 [neurons], of trains uint32 (words, inputs, lanes)."""
        network = self._network
        trains = np.ascontiguousarray(trains)
        words, inputs, lanes = trains.shape
        choice = np.empty(lanes, np.int32)
        spikes = np.zeros(network.neurons, np.int64)
        sizes = (network.neurons, inputs, len(network.outputs))
        scalars = (network.v_min, network.input_charge, network.window, words, lanes)
        self._function(
            *map(ctypes.c_int32, sizes), *map(_pointer, self._columns), *map(ctypes.c_int32, scalars),
            _pointer(trains), _pointer(choice), _pointer(spikes),
        )  # fmt: skip
        return choice, np.full(lanes, network.window, np.int32), spikes


def _pointer(array: npt.NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
