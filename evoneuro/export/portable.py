"""What other tools' neurons cannot do: one reason for each thing, for the exporters' `check`.

The portable core is what every one of them does alike: leak none or 0, thresholds of at least 1, reset "zero", no
refractory steps, any delays, and no floor of the potential that ever acts. A ceiling never acts with reset "zero": what
is kept is below the threshold.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evoneuro.network import NO_FLOOR, Network


def resets_to_zero(network: Network, target: str) -> list[str]:
    """That neurons subtract their threshold."""
    return [] if network.reset == "zero" else [f"reset is {network.reset!r}, {target} resets to zero"]


def fires_from_one(network: Network, target: str) -> list[str]:
    """That a threshold is below 1."""
    rule = f"{target} fires it also in steps in which no event arrives"
    return _first(network, "threshold", network.threshold < 1, rule)


def leaks_all_or_nothing(network: Network, target: str) -> list[str]:
    """That a leak is a shift: rounded down, which a real number is not."""
    rule = f"{target} has real potentials and would not round; leak none or 0, which forgets everything, it can do"
    return _first(network, "leak", network.leak > 0, rule)


def never_rests(network: Network, target: str) -> list[str]:
    """That a neuron has refractory steps."""
    return _first(network, "refractory", network.refractory != 0, f"{target} has no refractory steps")


def has_no_floor(network: Network, target: str) -> list[str]:
    """That the floor of the potential may act, as far as bounds can tell.

    It cannot in a neuron that forgets everything each step, nor in one that nothing inhibits. Charges below 0 are not
    looked at: `takes_negative_charges` says whether a network may get them.
    """
    where = np.flatnonzero(_may_reach_floor(network))
    if network.v_min == NO_FLOOR or not len(where):
        return []
    return [
        f"the potential of neuron {network.ids[where[0]]} may reach the floor v_min = {network.v_min}, {target} has "
        "none (evoneuro.passes.without_floor lifts one that never acted; evolve with genome.v_min = -1073741824)"
    ]


def takes_negative_charges(network: Network) -> bool:
    """Whether charges below 0 keep a network exact where there is no floor: none of its inputs may be stopped by it."""
    return network.v_min == NO_FLOOR or bool((network.leak[network.inputs] == 0).all())


def longest_exact(network: Network, floor: int) -> int | None:
    """Steps in which no potential can fall below `floor` (negative), where nothing stops it; None for any number.

    Where there is no floor, a neuron that is inhibited all the time falls without end, and leaves the integers that a
    floating-point number holds, or reaches `NO_FLOOR`, at which our own step stops it.
    """
    keeps = network.leak != 0
    least = np.bincount(network.post, np.minimum(network.weight, 0), minlength=network.neurons)
    if takes_negative_charges(network):
        least[network.inputs] -= network.input_max
    fall = -int(least[keeps].min(initial=0))
    return floor // -fall if fall else None


def _may_reach_floor(network: Network) -> npt.NDArray[np.bool_]:
    inhibited = np.zeros(network.neurons, bool)
    inhibited[network.post[network.weight < 0]] = True
    if network.input_charge < 0:
        inhibited[network.inputs] = True
    may: npt.NDArray[np.bool_] = inhibited & (network.leak != 0)
    return may


def _first(network: Network, name: str, wrong: npt.NDArray[np.bool_], rule: str) -> list[str]:
    """The first neuron for which `rule` is broken; genes are shown as they stand in the network file."""
    if not wrong.any():
        return []
    i = int(np.flatnonzero(wrong)[0])
    return [f"neuron {network.ids[i]} has {name} {int(getattr(network, name)[i])}, {rule}"]
