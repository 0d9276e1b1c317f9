"""PyNN: a script with `IF_curr_delta` neurons, on NEST; exact without shift leaks and without a floor that acts.

Source: PyNN 0.13, `pyNN.nest`. Of its backends NEST is the one whose spikes were compared with ours. Charges differ
from step to step and PyNN's sources fire with one weight, so there is a source for each charge that an input gets.
"""

from __future__ import annotations

from evoneuro.export import portable
from evoneuro.export.script import Script
from evoneuro.network import NO_FLOOR, Network

_BODY = '''
STEP = 1.0  # ms
KEEPS, FORGETS = 1e20, 1e-3  # time constants, ms, whose decay in a step is exactly 1 and exactly 0


def connect(before, after, edges):
    """Synapses (pre, post, weight, delay); PyNN wants those that excite and those that inhibit apart."""
    for sign, receptor in ((1, "excitatory"), (-1, "inhibitory")):
        chosen = [edge for edge in edges if edge[2] * sign > 0]
        if chosen:
            sim.Projection(before, after, sim.FromListConnector(chosen), receptor_type=receptor)


def simulate(charges):
    """Spikes uint8 [steps, neurons] from a cleared state."""
    steps, n = len(charges), len(IDS)
    sim.setup(timestep=STEP, min_delay=STEP, max_delay=max([1, *DELAY]) * STEP, spike_precision="on_grid")
    neurons = sim.Population(
        n,
        sim.IF_curr_delta(
            cm=1.0,
            i_offset=0.0,
            v_rest=0.0,
            v_reset=0.0,
            v_thresh=[float(threshold) for threshold in THRESHOLD],
            tau_refrac=[rest * STEP for rest in REFRACTORY],
            tau_m=[FORGETS if leak == 0 else KEEPS for leak in LEAK],
        ),
    )
    neurons.node_collection.set(V_m=0.0)  # PyNN 0.13 leaves NEST's own start, whatever `initialize` is told
    neurons.record("spikes")
    genes = zip(PRE, POST, WEIGHT, DELAY)
    connect(neurons, neurons, [(pre, post, float(weight), delay * STEP) for pre, post, weight, delay in genes])
    for channel, neuron in enumerate(INPUTS):
        for charge in set(charges[:, channel].tolist()) - {0}:
            times = (np.flatnonzero(charges[:, channel] == charge) + 2) * STEP
            source = sim.Population(1, sim.SpikeSourceArray(spike_times=times))
            connect(source, neurons, [(0, neuron, float(charge), STEP)])
    sim.run((steps + 2) * STEP)
    # what a source sends at s + 2, the neuron gets at s + 3: that is our step s
    spikes = np.zeros((steps, n), np.uint8)
    for i, train in enumerate(neurons.get_data("spikes").segments[0].spiketrains):
        spikes[np.rint(np.asarray(train.magnitude) / STEP).astype(int) - 3, i] = 1
    sim.end()
    return spikes
'''


class Pynn:
    """The target "pynn": one script that runs the network in PyNN, on NEST."""

    name = "pynn"
    description = "Python script that runs the network in PyNN on NEST (IF_curr_delta)"

    def check(self, network: Network) -> list[str]:
        """Every reason why PyNN's neuron cannot do what the network's do."""
        return [
            *portable.resets_to_zero(network, "PyNN"),
            *portable.fires_from_one(network, "PyNN"),
            *portable.leaks_all_or_nothing(network, "PyNN"),
            *portable.has_no_floor(network, "PyNN"),
        ]

    def export(self, network: Network) -> dict[str, str]:
        """`network_pynn.py`."""
        script = Script(
            file="network_pynn.py",
            simulator="PyNN",
            needs="PyNN and NEST (0.13 and 3.10 were tried: pip install pynn nest-simulator)",
            imports="import numpy as np\nimport pyNN.nest as sim",
            body=_BODY,
        )
        lowest = -network.input_max if portable.takes_negative_charges(network) else 0
        return script.render(network, charge_min=lowest, longest=portable.longest_exact(network, NO_FLOOR))
