"""NIR graphs as the equations in NIR's specification have them: forward Euler steps in float64, one node after another.

Source: as `nir`. What NIR leaves open stands in the metadata `evoneuro`: the step, and that a recurrent edge takes one
of them. A `Delay` has one delay for each of its elements, y_i(t) = x_i(t - delay_i).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def spikes_of(graph: Any, charges: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """Spikes uint8 (steps, neurons), relays left out, of one population of LIF neurons, "lif".

    Args:
        graph: a `nir.NIRGraph` whose edges lead from "input" and from "lif" through Linear and Delay nodes to "lif".
        charges: integers (steps, inputs).
    """
    conventions = json.loads(graph.metadata["evoneuro"])
    lif, dt = graph.nodes["lif"], conventions["dt"]
    arriving = [source for source, target in graph.edges if target == "lif"]
    fired = np.zeros((len(charges), len(lif.tau)))
    v = np.zeros(len(lif.tau))
    fed = charges.astype(np.float64)
    for t in range(len(charges)):
        current = sum((_output(graph, node, t, fed, fired, conventions) for node in arriving), np.zeros(len(v)))
        v = v + dt / lif.tau * (lif.v_leak - v + lif.r * current)
        fired[t] = v > lif.v_threshold
        v = np.where(fired[t], lif.v_reset, v)
    return fired[:, : conventions["neurons"]].astype(np.uint8)


def _output(graph: Any, name: str, t: int, fed: Floats, fired: Floats, conventions: dict[str, Any]) -> Floats:
    """What a node gives in step t; before the first step all was silent."""
    if name == "input":
        return fed[t] if t >= 0 else np.zeros(fed.shape[1])
    if name == "lif":
        before = t - conventions["recurrent_delay_steps"]
        return fired[before] if before >= 0 else np.zeros(fired.shape[1])
    node = graph.nodes[name]
    (source,) = (source for source, target in graph.edges if target == name)
    if type(node).__name__ == "Linear":
        weighted: Floats = node.weight @ _output(graph, source, t, fed, fired, conventions)
        return weighted
    steps = np.rint(np.asarray(node.delay) / conventions["dt"]).astype(np.int64)
    delayed = np.zeros(len(steps))
    for k in np.unique(steps):
        delayed[steps == k] = _output(graph, source, t - int(k), fed, fired, conventions)[steps == k]
    return delayed
