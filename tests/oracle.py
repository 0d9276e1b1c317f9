"""The neuron step and the decision once more, in plain Python: what every simulator is compared with.

Written from the numbered text of the neuron step, one neuron of one lane at a time, with a queue of arrivals. It shares
no code, no layout of data and no trick with any simulator, and it is meant to be read beside that text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Output
from evoneuro.network import NO_LEAK, Network


class Lane:
    """One lane: potentials, refractory counters and a queue of what arrives, by the lane's own clock.

    Attributes:
        lowest, highest: extremes of any potential so far, in a step (before it fires) or kept after it.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.threshold, self.leak = network.threshold.tolist(), network.leak.tolist()
        self.refractory = network.refractory.tolist()
        self.inputs, self.outputs = network.inputs.tolist(), network.outputs.tolist()
        columns = (network.pre, network.post, network.weight, network.delay)
        self.synapses = list(zip(*(column.tolist() for column in columns), strict=True))
        self.v = [0] * network.neurons
        self.r = [0] * network.neurons
        self.clock = 0
        self.queue: dict[int, list[tuple[int, int]]] = {}  # step -> (post, weight)
        self.lowest = self.highest = 0

    def step(self, charges: list[int]) -> list[int]:
        """Who fires (0 or 1 of each neuron) when the input neurons get `charges`."""
        arrivals = self.queue.pop(self.clock, [])
        external = dict(zip(self.inputs, charges, strict=True))
        spikes = [
            self._neuron(i, [weight for post, weight in arrivals if post == i], external.get(i, 0))
            for i in range(len(self.v))
        ]
        for pre, post, weight, delay in self.synapses:
            if spikes[pre]:
                self.queue.setdefault(self.clock + delay, []).append((post, weight))
        self.clock += 1
        return spikes

    def _neuron(self, i: int, weights: list[int], charge: int) -> int:
        # 1. refractory
        if self.r[i] > 0:
            self.r[i] -= 1
            return 0
        # 2. leak: an arithmetic shift is a division that rounds down
        v = self.v[i]
        if self.leak[i] != NO_LEAK:
            v = v - v // 2 ** self.leak[i]
        # 3. clip
        v = min(max(v, self.network.v_min), self.network.v_max)
        # 4. integrate
        v = v + sum(weights) + charge
        # 5. fire
        event = len(weights) > 0 or charge != 0
        fires = v >= self.threshold[i] and (self.threshold[i] > 0 or event)
        self._see(v)
        if fires:
            v = 0 if self.network.reset == "zero" else v - self.threshold[i]
            self.r[i] = self.refractory[i]
            self._see(v)
        self.v[i] = v
        return int(fires)

    def _see(self, v: int) -> None:
        self.lowest, self.highest = min(self.lowest, v), max(self.highest, v)

    def decide(self, feed: list[list[int]], graded: bool) -> tuple[int, int]:
        """Choice and latency of one decision; `feed` is trains [word][input] or charges [step][input], as integers.

        It leaves `fired`, words [word][output] in which bit t % 32 says that the output fired in step t.
        """
        counts = [0] * len(self.outputs)
        window = self.network.window
        self.fired = [[0] * len(self.outputs) for _ in range(-(-window // 32))]
        for t in range(window):
            spikes = self.step(self._charges(feed, t, graded))
            for o, neuron in enumerate(self.outputs):
                counts[o] += spikes[neuron]
                self.fired[t // 32][o] += spikes[neuron] * 2 ** (t % 32)
            if self._decided(counts):
                return counts.index(max(counts)), t + 1
        return counts.index(max(counts)), window

    def _charges(self, feed: list[list[int]], t: int, graded: bool) -> list[int]:
        place = t if graded else t // 32
        if place >= len(feed):
            return [0] * len(self.inputs)
        if graded:
            return feed[place]
        return [self.network.input_charge * (word >> t % 32 & 1) for word in feed[place]]

    def _decided(self, counts: list[int]) -> bool:
        decoder: Any = self.network.decoder or {"kind": "count"}
        if decoder["kind"] == "count":
            return False
        first, second = sorted([*counts, 0], reverse=True)[:2]
        evidence, lead = decoder.get("evidence", 1), decoder.get("lead", 0)
        return bool((evidence and first >= evidence) or (lead and first - second >= lead))


class Oracle:
    """Many lanes, with the methods of a simulator."""

    name = "oracle"

    def __init__(self, network: Network, lanes: int = 1) -> None:
        self.network = network
        self.lanes = [Lane(network) for _ in range(lanes)]

    def clear(self) -> None:
        self.lanes = [Lane(self.network) for _ in self.lanes]

    def run(self, charges: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        charges = np.asarray(charges)
        spikes = [[lane.step(row) for lane, row in zip(self.lanes, rows, strict=True)] for rows in charges.tolist()]
        return np.array(spikes, np.uint8).reshape(len(charges), len(self.lanes), self.network.neurons)

    def decide(self, feed: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        graded = feed.dtype == np.int32
        by_lane = feed.transpose(2, 0, 1).tolist()
        results = [lane.decide(own, graded) for lane, own in zip(self.lanes, by_lane, strict=True)]
        choice, latency = np.array(results, np.int64).reshape(len(self.lanes), 2).T
        self.output = Output(
            np.array([lane.fired for lane in self.lanes], np.uint32).transpose(1, 2, 0),
            np.array([[lane.v[o] for o in lane.outputs] for lane in self.lanes], np.int32).T,
            self.network.window,
        )
        return choice, latency
