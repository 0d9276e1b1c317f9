"""Lava: a script with a neuron process of its own and Lava's delayed connections, exact from thresholds of 1 on.

Source: lava-nc 0.10, `lava.proc.dense` and `lava.magma`. Lava's LIF process has one threshold and one decay for a whole
population, and its fixed-point decay is not a shift; so the script defines the neuron step as a process. It learns what
arrived, not how many spikes that was, which thresholds below 1 would need.

It runs on the CPU. A connection delivers one step after it was sent to at the earliest, so its delays are one shorter
than ours. It holds one synapse for each pair of neurons: parallel ones go to connections of their own.
"""

from __future__ import annotations

from evoneuro.export import portable
from evoneuro.export.script import Script
from evoneuro.network import Network

_IMPORTS = """import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.process import DelayDense
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source"""

_BODY = '''
SUBTRACT = {subtract}


class Neurons(AbstractProcess):
    """All neurons: potentials `v`, refractory counters `r`."""

    def __init__(self):
        n = len(IDS)
        super().__init__()
        self.arriving = InPort(shape=(n,))
        self.spikes = OutPort(shape=(n,))
        self.v = Var(shape=(n,), init=0)
        self.r = Var(shape=(n,), init=0)


@implements(proc=Neurons, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class NeuronsModel(PyLoihiProcessModel):
    """The neuron step."""

    arriving: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    spikes: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    v: np.ndarray = LavaPyType(np.ndarray, np.int64)
    r: np.ndarray = LavaPyType(np.ndarray, np.int64)

    def run_spk(self):
        threshold, leak, pause = np.array(THRESHOLD), np.array(LEAK), np.array(REFRACTORY)
        arriving = np.rint(self.arriving.recv()).astype(np.int64)
        ready = self.r == 0
        leaked = np.where(leak < 0, self.v, self.v - (self.v >> np.maximum(leak, 0)))
        v = np.clip(leaked, V_MIN, V_MAX) + arriving
        fired = ready & (v >= threshold)
        after = v - threshold if SUBTRACT else np.zeros_like(v)
        self.v = np.where(ready, np.where(fired, after, v), self.v)
        self.r = np.where(fired, pause, np.maximum(self.r - 1, 0))
        self.spikes.send(fired.astype(float))


def connections():
    """Synapses as (weights, delays), each a matrix [post, pre] with one synapse for each pair."""
    left = list(zip(PRE, POST, WEIGHT, DELAY))
    while left:
        weights, delays = np.zeros((len(IDS), len(IDS))), np.zeros((len(IDS), len(IDS)), int)
        taken, parallel = set(), []
        for pre, post, weight, delay in left:
            if (pre, post) in taken:
                parallel.append((pre, post, weight, delay))
            else:
                taken.add((pre, post))
                weights[post, pre], delays[post, pre] = weight, delay - 1
        yield weights, delays
        left = parallel


def simulate(charges):
    """Spikes uint8 [steps, neurons] from a cleared state."""
    steps = len(charges)
    if not steps:
        return np.zeros((0, len(IDS)), np.uint8)
    fed = np.zeros((len(IDS), steps))
    fed[INPUTS] = charges.T
    source, neurons, sink = Source(data=fed), Neurons(), Sink(shape=(len(IDS),), buffer=steps)
    source.s_out.connect(neurons.arriving)
    neurons.spikes.connect(sink.a_in)
    for weights, delays in connections():
        dense = DelayDense(weights=weights, delays=delays)
        neurons.spikes.connect(dense.s_in)
        dense.a_out.connect(neurons.arriving)
    neurons.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="floating_pt"))
    spikes = sink.data.get().T.astype(np.uint8)
    neurons.stop()
    return spikes
'''


class Lava:
    """The target "lava": one script that runs the network in Lava, on the CPU."""

    name = "lava"
    description = "Python script that runs the network in Lava (on the CPU, not on Loihi)"

    def check(self, network: Network) -> list[str]:
        """Every reason why the script's neuron process cannot do what the network's do."""
        return portable.fires_from_one(network, "Lava")

    def export(self, network: Network) -> dict[str, str]:
        """`network_lava.py`."""
        script = Script(
            file="network_lava.py",
            simulator="Lava",
            needs="Lava (0.10 was tried: pip install lava-nc, which needs Python 3.10)",
            imports=_IMPORTS,
            body=_BODY.replace("{subtract}", str(network.reset == "subtract")),
        )
        return script.render(network, charge_min=-network.input_max)
