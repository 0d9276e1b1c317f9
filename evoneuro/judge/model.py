"""The network once more, in torch, as NeuroBench wants a model: layers of connections and layers of activations.

Everything is float64, which holds each integer of the model exactly, so its spikes are those of `evoneuro.neuron`.
Synapses are one `nn.Linear`, which NeuroBench counts: a block of N rows for each delay, and a further one where two
synapses of that delay join the same neurons. What the encoder adds to the input neurons is no synapse, and no layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evoneuro.coding import decoder_from_spec
from evoneuro.network import NO_LEAK, Network


class Neurons(nn.Module):
    """The neuron step; NeuroBench watches the spikes that it returns."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._v_min, self._v_max = network.v_min, network.v_max
        self._subtract = network.reset == "subtract"
        for name in ("threshold", "refractory"):
            self.register_buffer(name, _numbers(getattr(network, name)))
        self.register_buffer("leaks", torch.from_numpy(network.leak != NO_LEAK))
        self.register_buffer("divisor", _numbers(2 ** np.maximum(network.leak, 0)))
        # one lane at rest, in buffers: NeuroBench's footprint holds the state
        self.register_buffer("rest", torch.zeros(2, 1, network.neurons, dtype=torch.float64))

    def clear(self, lanes: int) -> None:
        """Forget potentials and refractory counters, float64 (lanes, neurons)."""
        self.v, self.r = self.rest.expand(2, lanes, -1)

    def forward(self, arriving: Tensor, event: Tensor, running: Tensor) -> Tensor:
        """One step of the lanes that run.

        Args:
            arriving: float64 (lanes, neurons), weights and charges that arrive.
            event: bool (lanes, neurons), whether anything arrives.
            running: bool (lanes, 1); the clock of the other lanes stands.

        Returns:
            float64 (lanes, neurons): 1 where a neuron fired.
        """
        ready = (self.r == 0) & running
        v = torch.where(self.leaks, self.v - torch.floor(self.v / self.divisor), self.v)
        v = v.clamp(self._v_min, self._v_max) + arriving
        fired = ready & (v >= self.threshold) & (event | (self.threshold > 0))
        after = v - self.threshold if self._subtract else torch.zeros_like(v)
        self.v = torch.where(ready, torch.where(fired, after, v), self.v)
        waited = torch.where(running, (self.r - 1).clamp(min=0), self.r)
        self.r = torch.where(fired, self.refractory, waited)
        return fired.to(torch.float64)


class Judged(nn.Module):
    """A network and its decoder's stopping rule: from charges to spikes, whole episodes at once.

    Where the decoder stops the clock of a lane, the lane is silent and stands still until its next decision begins.
    """

    def __init__(self, network: Network, keep_state: bool = True) -> None:
        super().__init__()
        stop = decoder_from_spec(network.decoder)
        self._evidence, self._lead, self._window = stop.evidence, stop.lead, network.window
        self._keep_state = keep_state
        # only neurons with a threshold <= 0 ask whether an event arrives; a charge or weight of 0 may hide one
        self._eventful = bool((network.threshold <= 0).any())
        weights, delays = _blocks(network)
        self.synapses = nn.Linear(network.neurons, len(weights), bias=False, device="meta")
        self.synapses.weight = nn.Parameter(torch.from_numpy(weights), requires_grad=False)
        self.neurons = Neurons(network)
        longest = int(delays.max())
        self.register_buffer("slot", _positions(delays - 1))
        self.register_buffer("inputs", _positions(network.inputs))
        self.register_buffer("outputs", _positions(network.outputs))
        # what is in flight of one lane at rest: slot d - 1 arrives in d steps
        self.register_buffer("flying", torch.zeros(1, longest, network.neurons, dtype=torch.float64))
        if self._eventful:
            self.register_buffer("pre", _positions(network.pre))
            self.register_buffer("target", _positions((network.delay - 1) * network.neurons + network.post))
            self.register_buffer("events", torch.zeros_like(self.flying))

    def forward(self, charges: Tensor) -> Tensor:
        """Spikes of all neurons, float64 (lanes, ticks, neurons).

        Args:
            charges: float64 (lanes, ticks, inputs), whole windows one after another; NaN once an episode is over.
        """
        lanes, ticks, _ = charges.shape
        raster = torch.zeros(lanes, ticks, self.neurons.rest.shape[-1], dtype=torch.float64)
        self._clear(lanes)
        for tick in range(ticks):
            charge = charges[:, tick]
            if tick % self._window == 0:
                if not self._keep_state:
                    self._clear(lanes)
                counts = torch.zeros(lanes, len(self.outputs), dtype=torch.float64)
                running = ~charge.isnan().any(1, keepdim=True)
            spikes = self._step(charge.nan_to_num(), running)
            raster[:, tick] = spikes
            if self._evidence or self._lead:
                counts = counts + spikes[:, self.outputs]
                running = running & ~self._decided(counts)
        return raster

    def _clear(self, lanes: int) -> None:
        self.neurons.clear(lanes)
        self._flying = self.flying.expand(lanes, -1, -1)
        if self._eventful:
            self._events = self.events.expand(lanes, -1, -1)

    def _step(self, charge: Tensor, running: Tensor) -> Tensor:
        """Spikes float64 (lanes, neurons) of one step on charges (lanes, inputs)."""
        arriving = self._flying[:, 0].index_add(1, self.inputs, charge)
        event = arriving != 0
        if self._eventful:
            event = self._events[:, 0].index_add(1, self.inputs, (charge != 0).to(torch.float64)) != 0
        spikes: Tensor = self.neurons(arriving, event, running)
        sent = self.synapses(spikes).view(len(spikes), len(self.slot), -1)
        still = running[:, :, None]
        self._flying = torch.where(still, _shifted(self._flying).index_add(1, self.slot, sent), self._flying)
        if self._eventful:
            events = _shifted(self._events)
            events.view(len(spikes), -1).index_add_(1, self.target, spikes[:, self.pre])
            self._events = torch.where(still, events, self._events)
        return spikes

    def _decided(self, counts: Tensor) -> Tensor:
        """Whether the decoder stops the clock, bool (lanes, 1), at output spikes (lanes, outputs)."""
        best, second = nn.functional.pad(counts, (0, 1)).topk(2, dim=1).values.T[:, :, None]
        decided = torch.zeros_like(best, dtype=torch.bool)
        if self._evidence:
            decided |= best >= self._evidence
        if self._lead:
            decided |= best - second >= self._lead
        return decided


def _shifted(flying: Tensor) -> Tensor:
    """What is in flight (lanes, slots, neurons), one step later."""
    return nn.functional.pad(flying[:, 1:], (0, 0, 0, 1))


def _blocks(network: Network) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Weights float64 (blocks * N, N), posts as rows and pres as columns, and the delay of each block, int32 [blocks].

    A network without synapses gets one block of zeros: NeuroBench divides by the number of weights.
    """
    n = network.neurons
    triple = np.stack([network.pre, network.post, network.delay])
    # synapses are sorted, so equal triples stand together: the place of each among its equals
    first = np.flatnonzero(np.r_[True, (triple[:, 1:] != triple[:, :-1]).any(axis=0)][: network.synapses])
    twin = np.arange(network.synapses) - np.repeat(first, np.diff(np.r_[first, network.synapses]))
    kinds, block = np.unique(np.stack([network.delay, twin]), axis=1, return_inverse=True)
    weights = np.zeros((max(kinds.shape[1], 1), n, n))
    weights[block.reshape(-1), network.post, network.pre] = network.weight
    return weights.reshape(-1, n), (kinds[0] if network.synapses else np.ones(1)).astype(np.int32)


def _numbers(array: npt.NDArray[Any]) -> Tensor:
    return torch.from_numpy(array.astype(np.float64))


def _positions(array: npt.NDArray[Any]) -> Tensor:
    return torch.from_numpy(array.astype(np.int64))
