"""Networks and inputs to measure with: random, of a given size, tuned to a given activity, and always the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evoneuro.coding import pack
from evoneuro.coding.trains import Trains
from evoneuro.errors import EvoNeuroError
from evoneuro.keys import generator
from evoneuro.network import NO_LEAK, Network
from evoneuro.simulator.lanes import decide_shared

LARGEST = 127  # of weights and thresholds, as in the default genome
EXCITATORY = 0.6  # share of the synapses: with half of them, 30 % activity is out of reach
CROWD = 10  # synapses into a neuron, beyond which weights shrink, for no threshold within `LARGEST` could hold them
OUTPUTS = 2
TUNING_LANES = 64
TOLERANCE = 0.05  # of the target, at which the search for an activity stops
ROUNDS = 14  # of each bisection
TRIES = 4  # networks of which the one nearest to the target is taken: not every one can have every activity


class Size(NamedTuple):
    """Neurons and synapses."""

    neurons: int
    synapses: int


@dataclass(frozen=True)
class Request:
    """What a workload shall be.

    Attributes:
        size: neurons and synapses.
        activity: spikes per neuron and step, inputs included.
        lanes: of the inputs.
        window: steps.
        longest_delay: delays are uniform from 1 to it.
        v_min: floor of the potentials; `NO_FLOOR` for peers that know none.
        seed: of network and inputs.
    """

    size: Size
    activity: float
    lanes: int
    window: int = 50
    longest_delay: int = 15
    v_min: int = -LARGEST
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Workload:
    """A network and the trains that drive it, uint32 (words, inputs, lanes).

    Attributes:
        activity: spikes per neuron and step that were measured, from a cleared state.
    """

    network: Network
    trains: Trains
    activity: float

    def first(self, lanes: int) -> Trains:
        """The trains of the first `lanes` lanes."""
        return np.ascontiguousarray(self.trains[:, :, :lanes])


def make_workload(request: Request) -> Workload:
    """The workload nearest to what was asked, of `TRIES` random networks; the same request, the same workload."""
    found: list[tuple[float, Network, float]] = []
    for attempt in range(TRIES):
        network, rate, activity = _tuned(request, attempt)
        found.append((abs(activity / request.activity - 1), network, rate))
        if found[-1][0] <= TOLERANCE:
            break
    attempt = min(range(len(found)), key=lambda k: found[k][0])
    _, network, rate = found[attempt]
    trains = pack(_draws(request, attempt, request.lanes) < rate)
    return Workload(network, trains, measured_activity(network, trains[:, :, :TUNING_LANES]))


def measured_activity(network: Network, trains: Trains) -> float:
    """Spikes per neuron and step over one window from a cleared state."""
    decided = decide_shared([network], np.ascontiguousarray(trains))
    return float(decided.spikes.sum() / (network.neurons * decided.latency.sum(dtype=np.int64)))


def random_network(request: Request, attempt: int = 0) -> Network:
    """A random network in which no pair of neurons has two synapses; thresholds are what tuning sets."""
    neurons, synapses = request.size
    if synapses > neurons**2:
        raise EvoNeuroError(f"{neurons} neurons have at most {neurons**2} pairs, asked for {synapses} synapses")
    rng = generator(request.seed, "check", index=neurons, sub=attempt)
    pairs = rng.choice(neurons**2, synapses, replace=False)
    heaviest = max(1, round(LARGEST * min(1.0, (CROWD * neurons / max(synapses, 1)) ** 0.5)))
    weight = rng.integers(1, heaviest, synapses, endpoint=True)
    return Network(
        ids=np.arange(neurons),
        threshold=rng.integers(LARGEST // 4, LARGEST, neurons, endpoint=True).astype(np.int32),
        leak=rng.choice([NO_LEAK, 0], neurons).astype(np.int32),
        refractory=np.zeros(neurons, np.int32),
        pre=(pairs // neurons).astype(np.int32),
        post=(pairs % neurons).astype(np.int32),
        weight=np.where(rng.random(synapses) < EXCITATORY, weight, -weight).astype(np.int32),
        delay=rng.integers(1, request.longest_delay, synapses, endpoint=True).astype(np.int32),
        inputs=np.arange(inputs_of(request.size), dtype=np.int32),
        outputs=np.arange(neurons - OUTPUTS, neurons, dtype=np.int32),
        v_min=request.v_min,
        input_charge=LARGEST,  # an input fires when it is fed, unless it is held down
        input_max=LARGEST,
        window=request.window,
    )


def inputs_of(size: Size) -> int:
    """Input neurons of a network of that size: a fifth of all, at least 4."""
    return max(4, size.neurons // 5)


def _tuned(request: Request, attempt: int) -> tuple[Network, float, float]:
    """A network and an input rate that come near the activity, and what activity they have.

    Two bisections: of the thresholds with inputs at twice the activity, then of the input rate.
    """
    network = random_network(request, attempt)
    draws = _draws(request, attempt, TUNING_LANES)
    rate = min(1.0, 2 * request.activity)
    trains = pack(draws < rate)
    low, high = 1.0 / LARGEST, LARGEST / float(network.threshold.min())
    for _ in range(ROUNDS):
        middle = (low * high) ** 0.5
        activity = measured_activity(_with_thresholds(network, middle), trains)
        low, high = (middle, high) if activity > request.activity else (low, middle)
    network = _with_thresholds(network, high)  # the side on which the activity is not too high
    slow, fast = 0.0, 1.0
    for _ in range(ROUNDS):
        activity = measured_activity(network, pack(draws < rate))
        if abs(activity / request.activity - 1) <= TOLERANCE:
            break
        slow, fast = (slow, rate) if activity > request.activity else (rate, fast)
        rate = (slow + fast) / 2
    return network, rate, activity


def _with_thresholds(network: Network, factor: float) -> Network:
    """Thresholds times `factor`, rounded, within 1 and `LARGEST`."""
    return replace(network, threshold=np.clip(np.rint(network.threshold * factor), 1, LARGEST).astype(np.int32))


def _draws(request: Request, attempt: int, lanes: int) -> npt.NDArray[np.float32]:
    """Uniform numbers (steps, lanes, inputs); those below a rate are spikes. A lane's are the same among any others."""
    rng = generator(request.seed, "check", index=request.size.neurons, sub=TRIES + attempt)
    by_lane = rng.random((lanes, request.window, inputs_of(request.size)), np.float32)
    return by_lane.transpose(1, 0, 2)
