"""Python scripts that run one network in another simulator: what they have in common.

A script is a head with the network as literals, a body that is the same for all networks of a target, and an end that
reads and writes files. So nothing that a user wrote becomes code: task and provenance stand in one ASCII literal.
"""

from __future__ import annotations

import json
import pprint
from dataclasses import dataclass
from typing import Any

from evoneuro.network import Network

WIDTH = 106  # of a literal, which stands behind its name

_HEAD = '''"""A spiking network of {neurons} neurons and {synapses} synapses in {simulator}, written by EvoNeuro.

    python {file} RASTER.npy SPIKES.npy

RASTER.npy: integers [steps, inputs], the charge that each input neuron gets in each step.
SPIKES.npy: uint8 [steps, neurons], 1 where a neuron fired; columns in the order of IDS.
Needs {needs}.
"""

import sys

{imports}

# Where the network comes from: JSON of its task and provenance
ORIGIN = {origin}

# Neurons, by position: names, thresholds, leaks (-1: none, k: v - (v >> k) in each step), refractory steps
IDS = {ids}
THRESHOLD = {threshold}
LEAK = {leak}
REFRACTORY = {refractory}

# Synapses: positions of their neurons, weights, delays in steps
PRE = {pre}
POST = {post}
WEIGHT = {weight}
DELAY = {delay}

# Positions of the neurons that the raster feeds, in its order, and of those that a decoder reads
INPUTS = {inputs}
OUTPUTS = {outputs}

# Bounds of the potential and of a charge; most steps for which this simulator is exact (None: any number)
V_MIN, V_MAX = {v_min}, {v_max}
CHARGE_MIN, CHARGE_MAX = {charge_min}, {charge_max}
LONGEST = {longest}

'''

_END = '''

def checked(charges):
    """`charges` as a raster that this network takes; else the script ends and says why."""
    charges = np.asarray(charges)
    if charges.dtype.kind not in "iub" or charges.ndim != 2 or charges.shape[1] != len(INPUTS):
        sys.exit(f"raster: expected integers [steps, {len(INPUTS)}], got {charges.dtype} {list(charges.shape)}")
    if charges.size and not CHARGE_MIN <= charges.min() <= charges.max() <= CHARGE_MAX:
        sys.exit(f"raster: charges from {charges.min()} to {charges.max()}, expected {CHARGE_MIN} to {CHARGE_MAX}")
    if LONGEST is not None and len(charges) > LONGEST:
        sys.exit(f"raster: {len(charges)} steps; potentials may leave their exact range after {LONGEST}")
    return charges.astype(np.int64)


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {sys.argv[0]} RASTER.npy SPIKES.npy")
    spikes = simulate(checked(np.load(sys.argv[1], allow_pickle=False)))
    np.save(sys.argv[2], spikes, allow_pickle=False)


if __name__ == "__main__":
    main()
'''


@dataclass(frozen=True)
class Script:
    """What a target's scripts share.

    Attributes:
        file: its name.
        simulator: for people.
        needs: what to install.
        imports: lines of code; numpy as `np` among them.
        body: code that defines `simulate`: charges int64 [steps, inputs] -> spikes uint8 [steps, neurons].
    """

    file: str
    simulator: str
    needs: str
    imports: str
    body: str

    def render(self, network: Network, charge_min: int, longest: int | None = None) -> dict[str, str]:
        """The script of a network.

        Args:
            charge_min: the lowest charge with which the target is exact.
            longest: the number of steps for which it is; None for any.
        """
        arrays = ("ids", "threshold", "leak", "refractory", "pre", "post", "weight", "delay", "inputs", "outputs")
        head = _HEAD.format(
            **{name: getattr(self, name) for name in ("file", "simulator", "needs", "imports")},
            **{name: _literal(getattr(network, name).tolist()) for name in arrays},
            neurons=network.neurons,
            synapses=network.synapses,
            origin=ascii(origin(network)),
            v_min=network.v_min,
            v_max=network.v_max,
            charge_min=charge_min,
            charge_max=network.input_max,
            longest=longest,
        )
        return {self.file: head + self.body + _END}


def origin(network: Network) -> str:
    """JSON of a network's task and provenance, in ASCII."""
    return json.dumps({"task": network.task, "provenance": network.provenance}, default=str, sort_keys=True)


def _literal(values: Any) -> str:
    """A list that Python reads, wrapped."""
    return pprint.pformat(values, width=WIDTH, compact=True)
