"""NIR: files in the Neuromorphic Intermediate Representation, for the portable core; delays become relays.

Source: Pedersen et al., "Neuromorphic intermediate representation: a unified instruction set for interoperable
brain-inspired computing", Nature Communications 15:8122 (2024), and nir 1.0.8, whose node types these are. NIR has real
potentials in continuous time. With forward Euler steps of `DT` its LIF neuron, tau v' = (v_leak - v) + r I, does

    v <- v + (DT / tau) (r I - v),   z = v > v_threshold,   v <- v_reset where z

which is ours with leak 0 at tau = DT and with no leak at a tau so long that float32 does not see the decay. What
arrives counts in full if r I is tau / DT times as much. It fires above a threshold, so ours lies half a unit lower.

The graph is input -> w_in -> lif, lif -> copy -> w_rec -> lif, lif -> output: one population, and whoever reads it
gives the recurrent edge the delay of one step that NIR leaves open. Readers differ in what they heed, so there are two
files:

- `network.nir`: r is 1 and weights carry tau / DT. norse ignores r.
- `network_snntorch.nir`: r is tau / DT, and each neuron's weights are divided by its threshold so that all have the
  same one. snnTorch wants both, and takes a loop of two nodes, which `copy` makes one of three, for something else.

The target "nir-delays" keeps delays where a reader knows NIR's Delay, y(t) = x(t - delay), one delay for each of its
elements: for every delay d above one step, lif -> delay_d -> w_d -> lif, all elements of delay_d waiting (d - 1) DT.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError
from evoneuro.export import portable
from evoneuro.export.script import origin
from evoneuro.network import Network
from evoneuro.passes import with_relays

Floats = npt.NDArray[np.float64]

DT = 1e-4  # seconds; snnTorch knows no other, and norse takes it as an argument
KEEPS = 2.0**40  # tau / DT without leak: 1 - 1 / KEEPS is 1 in float32, and decays by 1e-12 a step in float64
EXACT_FLOAT32 = 2**20  # potentials whose rounding errors in float32 stay far below half a unit


class Nir:
    """The target "nir": the network for norse and other readers of NIR, and once more for snnTorch."""

    name = "nir"
    description = "NIR files (HDF5) for norse, snnTorch and other readers of NIR; needs the extra nir"

    def check(self, network: Network) -> list[str]:
        """Every reason why a LIF neuron in float32 cannot do what the network's do."""
        return [
            *portable.resets_to_zero(network, "NIR"),
            *portable.fires_from_one(network, "NIR"),
            *portable.leaks_all_or_nothing(network, "NIR"),
            *portable.never_rests(network, "NIR"),
            *portable.has_no_floor(network, "NIR"),
            *_fits_float32(network),
        ]

    def export(self, network: Network) -> dict[str, bytes]:
        """`network.nir` and `network_snntorch.nir`.

        Raises:
            EvoNeuroError: nir is not installed.
        """
        expanded = with_relays(network)
        gain = np.where(expanded.leak == 0, 1, KEEPS)
        level = expanded.threshold.astype(np.float64) - 0.5
        tau, ones = gain * DT, np.ones_like(level)
        return {
            "network.nir": _file(network, expanded, _Scaling(scale=gain, r=ones, tau=tau, level=level)),
            "network_snntorch.nir": _file(network, expanded, _Scaling(scale=1 / level, r=gain, tau=tau, level=ones)),
        }


class NirDelays:
    """The target "nir-delays": as "nir" for readers that know Delay nodes; no relays, the network's own neurons."""

    name = "nir-delays"
    description = "NIR file with Delay nodes in place of relays; needs the extra nir"

    def check(self, network: Network) -> list[str]:
        """The reasons of "nir"."""
        return Nir().check(network)

    def export(self, network: Network) -> dict[str, bytes]:
        """`network_delays.nir`.

        Raises:
            EvoNeuroError: nir is not installed.
        """
        gain = np.where(network.leak == 0, 1, KEEPS)
        level = network.threshold.astype(np.float64) - 0.5
        scaling = _Scaling(scale=gain, r=np.ones_like(gain), tau=gain * DT, level=level)
        return {"network_delays.nir": _file(network, network, scaling)}


def _fits_float32(network: Network) -> list[str]:
    """That potentials go beyond what is safe in float32, on the way up or in a single step down."""
    low, high = network.potential_bounds()
    reach = max(high, network.v_min - low)
    if reach < EXACT_FLOAT32:
        return []
    return [f"potentials may reach {reach}, readers of NIR compute in float32, which is safe below {EXACT_FLOAT32}"]


@dataclass(frozen=True)
class _Scaling:
    """What one file says of each neuron, all (neurons,): factor of its weights, resistance, seconds, threshold."""

    scale: Floats
    r: Floats
    tau: Floats
    level: Floats


def _file(network: Network, expanded: Network, scaling: _Scaling) -> bytes:
    """HDF5 of one graph; delays of more than a step that are left in `expanded` become Delay nodes."""
    nir = _nir()
    n = expanded.neurons
    feeding = np.zeros((n, len(expanded.inputs)))
    feeding[expanded.inputs, np.arange(len(expanded.inputs))] = 1
    zero = np.zeros(n)
    nodes = {
        "input": nir.Input(input_type={"input": np.array([len(expanded.inputs)])}),
        "w_in": nir.Linear(weight=feeding * scaling.scale[:, None]),
        "lif": nir.LIF(tau=scaling.tau, r=scaling.r, v_leak=zero, v_threshold=scaling.level, v_reset=zero),
        "copy": nir.Linear(weight=np.eye(n)),
        "w_rec": nir.Linear(weight=_arriving(expanded, 1) * scaling.scale[:, None]),
        "output": nir.Output(output_type={"output": np.array([n])}),
    }
    edges = [("input", "w_in"), ("w_in", "lif"), ("lif", "copy"), ("copy", "w_rec"), ("w_rec", "lif")]
    for delay in np.unique(expanded.delay[expanded.delay > 1]).tolist():
        nodes[f"delay_{delay}"] = nir.Delay(delay=np.full(n, (delay - 1) * DT))
        nodes[f"w_{delay}"] = nir.Linear(weight=_arriving(expanded, delay) * scaling.scale[:, None])
        edges += [("lif", f"delay_{delay}"), (f"delay_{delay}", f"w_{delay}"), (f"w_{delay}", "lif")]
    graph = nir.NIRGraph(
        nodes=nodes,
        edges=[*edges, ("lif", "output")],
        metadata={"evoneuro": json.dumps(_conventions(network, expanded))},
    )
    file = io.BytesIO()
    nir.write(file, graph)
    return file.getvalue()


def _arriving(network: Network, delay: int) -> Floats:
    """Weights (post, pre) of the synapses with this delay."""
    weight = np.zeros((network.neurons, network.neurons))
    which = network.delay == delay
    np.add.at(weight, (network.post[which], network.pre[which]), network.weight[which])
    return weight


def _conventions(network: Network, expanded: Network) -> dict[str, Any]:
    """What NIR has no place for and a reader must know; neurons beyond the first `neurons` are relays."""
    return {
        "dt": DT,
        "recurrent_delay_steps": 1,
        "neurons": network.neurons,
        "ids": expanded.ids.tolist(),
        "inputs": network.inputs.tolist(),
        "outputs": network.outputs.tolist(),
        "lowest_charge": -network.input_max if portable.takes_negative_charges(network) else 0,
        "longest_exact_steps": portable.longest_exact(network, -EXACT_FLOAT32),
        "origin": origin(network),
    }


def _nir() -> Any:
    try:
        import nir
    except ImportError:
        raise EvoNeuroError('target "nir" needs nir, which is not installed: pip install "evoneuro[nir]"') from None
    return nir
