"""The peers: other simulators on the same networks and inputs, each as its own guide says that it is fast.

A peer takes what its model can express, and refuses the rest with a reason. Every one of them here can do integrate
and fire with leak none or full, delays, and reset to zero, in numbers that are exact; so the spikes must be ours.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

import numpy as np

from evoneuro.bench.ceiling import Missing
from evoneuro.coding import unpack
from evoneuro.coding.trains import Trains
from evoneuro.network import NO_FLOOR, Network
from evoneuro.neuron import Spikes
from evoneuro.simulator import lane_simulator

MOST_DENSE = 4000  # neurons of a dense matrix in float64: 128 MB
EXACT_FLOAT32 = 2**24  # integers below it are exact


class Peer(Protocol):
    """A simulator that holds one network.

    Attributes:
        name: as in the table.
        package: distribution to look for.
        restriction: within what its spikes must equal ours.
        lanes: most lanes that it is given; one that runs lane after lane needs no more than a few.
    """

    name: str
    package: str
    restriction: str
    lanes: int

    def __init__(self, network: Network) -> None: ...

    def run(self, trains: Trains) -> Spikes:
        """Spikes uint8 (window, lanes, neurons) from a cleared state on trains uint32 (words, inputs, lanes)."""
        ...


def check_portable(network: Network) -> None:
    """Raise unless the network stays within what all peers share.

    Raises:
        Missing: with the first thing that they do not.
    """
    reasons = {
        "a shift leak": bool((network.leak > 0).any()),
        "refractory neurons": bool(network.refractory.any()),
        "thresholds below 1": bool((network.threshold < 1).any()),
        "a floor of the potential": network.v_min > NO_FLOOR,
        "reset by subtraction": network.reset != "zero",
        "two synapses between a pair of neurons": len({*zip(network.pre.tolist(), network.post.tolist(), strict=True)})
        < network.synapses,
    }
    for reason, holds in reasons.items():
        if holds:
            raise Missing(f"the network has {reason}")


class Ours:
    """This package, every spike recorded as the peers do."""

    name = "evoneuro"
    package = "evoneuro"
    restriction = "all of the model"
    lanes = 1024

    def __init__(self, network: Network) -> None:
        self._network = network

    def run(self, trains: Trains) -> Spikes:
        """Spikes uint8 (window, lanes, neurons) of all lanes at once, on the fastest kernel that is here."""
        charges = unpack(trains, self._network.window).astype(np.int32) * self._network.input_charge
        return lane_simulator([self._network], trains.shape[2]).run(charges)


class _SuperNeuroMat:
    """SuperNeuroMAT (Date et al., arXiv 2305.02510): one network, one lane; a delay is a chain of neurons.

    It fires above the threshold, so that ours becomes threshold - 1/2; a full leak is an infinite one.
    """

    package = "superneuromat"
    restriction = "leak none or full, no floor, no refractory neurons"
    lanes = 4
    backend = ""
    sparse = False

    def __init__(self, network: Network) -> None:
        snn = _module("superneuromat").SNN()
        chained = network.neurons + int((network.delay - 1).sum())
        if not self.sparse and chained > MOST_DENSE:
            raise Missing(f"its delays are chains: {chained} neurons, too many for a dense matrix")
        genes = zip(network.threshold.tolist(), network.leak.tolist(), strict=True)
        neurons = [snn.create_neuron(threshold=t - 0.5, leak=np.inf if leak == 0 else 0.0) for t, leak in genes]
        columns = (network.pre, network.post, network.weight, network.delay)
        for pre, post, weight, delay in zip(*(column.tolist() for column in columns), strict=True):
            snn.create_synapse(neurons[pre], neurons[post], weight=float(weight), delay=delay)
        self._snn, self._network = snn, network

    def run(self, trains: Trains) -> Spikes:
        network, raster = self._network, []
        fed = unpack(trains, network.window)
        for lane in range(trains.shape[2]):
            self._snn.reset()
            for step, channel in np.argwhere(fed[:, lane]).tolist():
                self._snn.add_spike(step, int(network.inputs[channel]), float(network.input_charge))
            self._snn.simulate(network.window, use=self.backend, sparse=self.sparse)
            raster.append(np.asarray(self._snn.ispikes)[:, : network.neurons])
        return np.stack(raster, axis=1).astype(np.uint8)


class SuperNeuroMatDense(_SuperNeuroMat):
    """SuperNeuroMAT in numpy, with a dense matrix of weights."""

    name = "superneuromat, cpu dense"
    backend = "cpu"


class SuperNeuroMatSparse(_SuperNeuroMat):
    """SuperNeuroMAT in numpy and scipy, with a sparse matrix of weights."""

    name = "superneuromat, cpu sparse"
    backend = "cpu"
    sparse = True


class SuperNeuroMatJit(_SuperNeuroMat):
    """SuperNeuroMAT compiled by numba, with a dense matrix of weights."""

    name = "superneuromat, jit"
    backend = "jit"


class SnnTorch:
    """snnTorch's `Leaky` neurons on one processor core, all lanes in one batch of dense float32 matrices.

    It has no delays: what a spike sends is added to the currents of the coming steps. It fires above the threshold.
    """

    name = "snntorch, cpu"
    package = "snntorch"
    restriction = "leak none or full, no floor, no refractory neurons, potentials below 2**24"
    lanes = 1024

    def __init__(self, network: Network) -> None:
        torch, snntorch = _module("torch"), _module("snntorch")
        torch.set_num_threads(1)
        reach = int(np.abs(network.weight).sum()) * network.window
        if reach >= EXACT_FLOAT32 * network.neurons:
            raise Missing("potentials could leave the integers that float32 holds")
        longest = int(network.delay.max(initial=1))
        weights = np.zeros((network.neurons, longest, network.neurons), np.float32)
        weights[network.pre, network.delay - 1, network.post] = network.weight
        self._torch, self._network, self._ahead = torch, network, longest
        self._weights = torch.from_numpy(weights.reshape(network.neurons, -1))
        keeps = torch.from_numpy((network.leak != 0).astype(np.float32))
        level = torch.from_numpy(network.threshold.astype(np.float32) - 0.5)
        self._neurons = snntorch.Leaky(beta=keeps, threshold=level, reset_mechanism="zero", reset_delay=False)

    def run(self, trains: Trains) -> Spikes:
        """Spikes uint8 (window, lanes, neurons); all lanes are one batch of float32."""
        torch, network = self._torch, self._network
        n, lanes = network.neurons, trains.shape[2]
        fed = torch.from_numpy(unpack(trains, network.window).astype(np.float32) * network.input_charge)
        inputs = torch.from_numpy(network.inputs.astype(np.int64))
        coming = torch.zeros(lanes, self._ahead * n)
        potential = torch.zeros(lanes, n)
        raster = np.empty((network.window, lanes, n), np.uint8)
        with torch.no_grad():
            for step in range(network.window):
                arriving = coming[:, :n].index_add(1, inputs, fed[step])
                spikes, potential = self._neurons(arriving, potential)
                coming = torch.nn.functional.pad(coming[:, n:], (0, n)).addmm_(spikes, self._weights)
                raster[step] = spikes.numpy()
        return raster


class Brian2:
    """Brian2 (Stimberg et al., eLife 8:e47314, 2019), all lanes as one group of neurons.

    A synapse delivers after the thresholds of its step, one step late by our clock: delays are one shorter, and the
    whole run is shifted by a step.
    """

    name = "brian2"
    package = "brian2"
    restriction = "leak none or full, no floor, no refractory neurons"
    lanes = 1024

    def __init__(self, network: Network) -> None:
        self._brian = _module("brian2")
        self._brian.BrianLogger.suppress_hierarchy("brian2")
        self._network = network
        self._built: tuple[Any, Any, Any, int] | None = None

    def run(self, trains: Trains) -> Spikes:
        """Spikes uint8 (window, lanes, neurons); built once for a number of lanes, then restored."""
        b, network, lanes = self._brian, self._network, trains.shape[2]
        if self._built is None or self._built[3] != lanes:
            self._built = (*self._build(lanes), lanes)
        net, source, monitor, _ = self._built
        net.restore("cleared")
        fed = unpack(trains, network.window)
        step, lane, channel = np.nonzero(fed)
        source.set_spikes(lane * fed.shape[2] + channel, step * b.ms)
        net.run((network.window + 1) * b.ms, namespace={})
        raster = np.zeros((network.window, lanes, network.neurons), np.uint8)
        fired = np.asarray(monitor.i)
        when = np.rint(np.asarray(monitor.t / b.ms)).astype(np.int64) - 1
        raster[when, fired // network.neurons, fired % network.neurons] = 1
        return raster

    def _build(self, lanes: int) -> tuple[Any, Any, Any]:
        """The network of all lanes, with a stored cleared state; its source of spikes, and its monitor."""
        b, network = self._brian, self._network
        n, channels = network.neurons, len(network.inputs)
        b.defaultclock.dt = 1 * b.ms
        source = b.SpikeGeneratorGroup(lanes * channels, [], [] * b.ms)
        neurons = b.NeuronGroup(
            lanes * n, "v : 1\ng : 1\nkeep : 1\nlevel : 1", threshold="v >= level", reset="v = 0", namespace={}
        )
        neurons.keep = np.tile(network.leak != 0, lanes).astype(float)
        neurons.level = np.tile(network.threshold, lanes)
        neurons.run_regularly("v = v * keep + g\ng = 0", when="start")
        first = np.arange(lanes)[:, None]
        inside = b.Synapses(neurons, neurons, "w : 1", on_pre="g_post += w", namespace={})
        inside.connect(i=(first * n + network.pre).ravel(), j=(first * n + network.post).ravel())
        inside.w = np.tile(network.weight, lanes)
        inside.delay = np.tile(network.delay - 1, lanes) * b.ms
        feed = b.Synapses(source, neurons, on_pre=f"g_post += {network.input_charge}", namespace={})
        feed.connect(i=np.arange(lanes * channels), j=(first * n + network.inputs).ravel())
        monitor = b.SpikeMonitor(neurons)
        net = b.Network(source, neurons, inside, feed, monitor)
        net.store("cleared")
        return net, source, monitor


PEERS: tuple[type[Peer], ...] = (Ours, SuperNeuroMatDense, SuperNeuroMatSparse, SuperNeuroMatJit, SnnTorch, Brian2)
PACKAGES = (*dict.fromkeys(peer.package for peer in PEERS[1:]), "torch", "neat-python")


def _module(name: str) -> Any:
    """The peer's module.

    Raises:
        Missing: it is not installed, or is broken on this machine.
    """
    try:
        return import_module(name)
    except ImportError:
        raise Missing(f"not installed: pip install {name}") from None
    except Exception as error:  # a peer may not work beside our versions, as brian2 2.9 beside numpy 2.4
        raise Missing(f"cannot be imported here: {type(error).__name__}: {error}") from None
