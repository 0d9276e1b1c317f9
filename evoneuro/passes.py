"""Networks made to fit a target: pure functions from a network to a network, and what each of them changed.

`with_relays` changes no spike, whatever is fed. The others are judged on what is fed: rasters, integers (steps, lanes,
inputs) as simulators take them, such as those of a task's episodes. `Change.difference` says which spikes differ.

Source of the relays: PyNN, NIR's consumers and neuromorphic cores without delay lines know one-step synapses alone; a
chain of neurons that each pass a spike on after a step is the usual way around.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, check_integer
from evoneuro.network import NO_FLOOR, Network
from evoneuro.neuron import Charges, Spikes
from evoneuro.simulator import lane_simulator


@dataclass(frozen=True, eq=False)
class Difference:
    """Spikes of one network beside those of another on the same raster.

    Attributes:
        steps: how many were compared, those of all lanes together.
        ids: int64 [N], neurons that both networks have.
        spikes: int64 [N], how often each fired in the first.
        mismatches: int64 [N], steps in which it fired in one of the two alone.
    """

    steps: int
    ids: npt.NDArray[np.int64]
    spikes: npt.NDArray[np.int64]
    mismatches: npt.NDArray[np.int64]

    @property
    def exact(self) -> bool:
        """Whether every spike is there in both."""
        return not self.mismatches.any()

    def __str__(self) -> str:
        return f"{self.mismatches.sum()} mismatches, {self.spikes.sum()} spikes in {self.steps} steps"


@dataclass(frozen=True, eq=False)
class Change:
    """A network that a pass made, and how its spikes differ from those of the network that it was given."""

    network: Network
    difference: Difference


def compared(first: Network, second: Network, charges: Charges) -> Difference:
    """The spikes of both from a cleared state, of the neurons whose ids they share.

    Args:
        charges: integers (steps, lanes, inputs).

    Raises:
        EvoNeuroError: a raster that does not fit, or a charge beyond `input_max`.
    """
    charges = np.asarray(charges)
    ids, here, there = np.intersect1d(first.ids, second.ids, return_indices=True)
    ours, theirs = _spikes(first, charges)[:, :, here], _spikes(second, charges)[:, :, there]
    steps = int(np.prod(charges.shape[:2]))
    return Difference(steps, ids, ours.sum((0, 1), np.int64), (ours != theirs).sum((0, 1), np.int64))


def with_relays(network: Network) -> Network:
    """The same spikes with delays of one step alone: longer ones become chains of relays, one chain for each neuron.

    A relay (threshold 1, no refractory steps) fires one step after what drives it, so the k-th of a neuron's chain
    fires k steps after the neuron. Relays stand behind the network's own neurons, which keep positions and ids, and
    have new ids. There are sum over neurons of (longest delay that leaves it - 1) of them.
    """
    n = network.neurons
    longest = np.ones(n, np.int64)
    np.maximum.at(longest, network.pre, network.delay)
    chain = longest - 1
    relays = int(chain.sum())
    first = n + np.cumsum(chain) - chain  # position of each neuron's first relay
    owner = np.repeat(np.arange(n), chain)
    place = np.arange(n, n + relays)
    before = np.where(place == first[owner], owner, place - 1)  # who drives each relay
    source = np.where(network.delay == 1, network.pre, first[network.pre] + network.delay - 2)
    ones = np.ones(relays, np.int32)
    return replace(
        network,
        ids=np.r_[network.ids, int(network.ids.max(initial=-1)) + 1 + np.arange(relays)],
        threshold=np.r_[network.threshold, ones],
        leak=np.r_[network.leak, network.leak[owner]],  # nothing stays in a relay: any leak will do, and no kind is new
        refractory=np.r_[network.refractory, 0 * ones],
        pre=np.r_[source, before],
        post=np.r_[network.post, place],
        weight=np.r_[network.weight, ones],
        delay=np.ones(network.synapses + relays, np.int32),
    )


def narrowed(network: Network, bits: int, charges: Charges) -> Change:
    """Weights within signed `bits`, from -(2**(bits - 1) - 1) to 2**(bits - 1) - 1, and what that did to the spikes.

    A neuron with a weight beyond has all its weights and its threshold divided by one number and rounded, half to even.
    Inputs and floor keep their scale: charges come from the encoder and `v_min` is the whole network's. So a neuron
    that the encoder feeds has its weights cut off at the limit instead.

    Args:
        bits: 2 to 31.
        charges: integers (steps, lanes, inputs) to compare on.

    Raises:
        EvoNeuroError: `bits` out of range, or a raster that does not fit.
    """
    limit = 2 ** (check_integer("bits", bits, 2, 31) - 1) - 1
    largest = np.zeros(network.neurons)
    np.maximum.at(largest, network.post, np.abs(network.weight))
    divisor = np.maximum(largest / limit, 1)
    divisor[network.inputs] = 1
    weight = np.clip(np.rint(network.weight / divisor[network.post]), -limit, limit).astype(np.int32)
    scaled = np.rint(network.threshold / divisor).astype(np.int32)
    # whether a threshold is below 1 is another kind of neuron, not a matter of scale
    threshold = np.where(network.threshold >= 1, np.maximum(scaled, 1), scaled)
    result = replace(network, weight=weight, threshold=threshold)
    return Change(result, compared(network, result, charges))


def pruned(network: Network, charges: Charges) -> Change:
    """Without what is silent while `charges` are fed; what is left fires as before, which `difference` proves.

    Synapses of a neuron that never fires carry nothing, and the neuron is gone unless it is an input or an output.
    `Network.prune` drops what no path leads through, without looking at activity.

    Args:
        charges: integers (steps, lanes, inputs), all that the network will be fed, such as its task's episodes.

    Raises:
        EvoNeuroError: a raster that does not fit.
    """
    fires: npt.NDArray[np.bool_] = np.any(_spikes(network, charges), axis=(0, 1))
    kept = fires.copy()
    kept[network.inputs] = kept[network.outputs] = True
    carries = fires[network.pre] & kept[network.post]
    position = np.cumsum(kept) - 1
    changes: dict[str, Any] = {
        **{name: getattr(network, name)[kept] for name in ("ids", "threshold", "leak", "refractory")},
        **{name: getattr(network, name)[carries] for name in ("weight", "delay")},
        **{name: position[getattr(network, name)[carries]] for name in ("pre", "post")},
        **{name: position[getattr(network, name)] for name in ("inputs", "outputs")},
    }
    result = replace(network, **changes)
    return Change(result, compared(network, result, charges))


def without_floor(network: Network, charges: Charges) -> Change:
    """With no floor of the potential, for targets that know none, if it makes no difference while `charges` are fed.

    Args:
        charges: integers (steps, lanes, inputs), all that the network will be fed, such as its task's episodes.

    Raises:
        EvoNeuroError: a raster that does not fit, or the floor acted: some spike would be another.
    """
    result = replace(network, v_min=NO_FLOOR)
    difference = compared(network, result, charges)
    if not difference.exact:
        worst = int(difference.mismatches.argmax())
        raise EvoNeuroError(
            f"without its floor of {network.v_min} neuron {difference.ids[worst]} would fire otherwise in "
            f"{difference.mismatches[worst]} of {difference.steps} steps; take a target that knows a floor, or evolve "
            f"with genome.v_min = {NO_FLOOR}"
        )
    return Change(result, difference)


def _spikes(network: Network, charges: Charges) -> Spikes:
    """Spikes uint8 (steps, lanes, neurons) from a cleared state."""
    charges = np.asarray(charges)
    if charges.ndim != 3:
        raise EvoNeuroError(f"raster: expected shape (steps, lanes, inputs), got {charges.shape}")
    return lane_simulator([network], charges.shape[1]).run(charges)
