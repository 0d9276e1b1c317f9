"""Brian2: a script in which the whole neuron step stands as equations, exact for every network.

Source: Stimberg, Brette & Goodman, "Brian 2, an intuitive and efficient neural simulator", eLife 8:e47314 (2019). Its
potentials are 64-bit floating-point numbers, in which all integers up to 2**53 are exact, and so is a shift by a power
of two that is then rounded down.

In a step, Brian2 runs what is regular, thresholds, synapses, resets. What a synapse delivers is thus seen a step later,
and delays are one shorter than ours.
"""

from __future__ import annotations

from evoneuro.export.script import Script
from evoneuro.network import Network

_BODY = '''
b.prefs.codegen.target = "numpy"
STEP = 1 * b.ms
RESET = {reset}

# Of what arrives, `sum` is the charge and `events` how much of it there is: a threshold below 1 is passed only if any.
NEURON = """
v : 1
sum : 1
events : 1
waiting : 1
rest : 1
ready : 1
level : 1
leaks : 1
fraction : 1
pause : 1
"""
UPDATE = """
ready = int(rest == 0)
v = ready * (clip(v - leaks * floor(v * fraction), low, high) + sum + charge(t, i)) + (1 - ready) * v
events = waiting + int(charge(t, i) != 0)
rest = rest - (1 - ready)
sum = 0
waiting = 0
"""


def simulate(charges):
    """Spikes uint8 [steps, neurons] from a cleared state."""
    steps, n = len(charges), len(IDS)
    fed = np.zeros((max(steps, 1), n))
    fed[:steps, INPUTS] = charges
    b.start_scope()
    b.defaultclock.dt = STEP
    space = {"charge": b.TimedArray(fed, dt=STEP), "low": float(V_MIN), "high": float(V_MAX)}
    neurons = b.NeuronGroup(
        n,
        NEURON,
        threshold="ready > 0 and v >= level and (level > 0 or events > 0)",
        reset=RESET,
        namespace=space,
    )
    neurons.level = THRESHOLD
    neurons.leaks = [leak >= 0 for leak in LEAK]
    neurons.fraction = [2.0 ** -max(leak, 0) for leak in LEAK]
    neurons.pause = REFRACTORY
    neurons.run_regularly(UPDATE, dt=STEP, when="start")
    parts = [neurons]
    if PRE:
        synapses = b.Synapses(neurons, neurons, "w : 1", on_pre="sum_post += w\\nwaiting_post += 1", namespace={})
        synapses.connect(i=PRE, j=POST)
        synapses.w = WEIGHT
        synapses.delay = (np.array(DELAY) - 1) * STEP
        parts.append(synapses)
    monitor = b.SpikeMonitor(neurons)
    b.Network(*parts, monitor).run(steps * STEP, namespace={})
    spikes = np.zeros((steps, n), np.uint8)
    spikes[np.rint(np.asarray(monitor.t / STEP)).astype(int), np.asarray(monitor.i)] = 1
    return spikes
'''

_RESETS = {"zero": '"v = 0; rest = pause"', "subtract": '"v = v - level; rest = pause"'}


class Brian2:
    """The target "brian2": one script that runs the network in Brian2."""

    name = "brian2"
    description = "Python script that runs the network in Brian2"

    def check(self, network: Network) -> list[str]:
        """Nothing: Brian2 takes the whole model."""
        return []

    def export(self, network: Network) -> dict[str, str]:
        """`network_brian2.py`."""
        script = Script(
            file="network_brian2.py",
            simulator="Brian2",
            needs="Brian2 (2.9 was tried; it needs numpy below 2.4)",
            imports="import brian2 as b\nimport numpy as np",
            body=_BODY.replace("{reset}", _RESETS[network.reset]),
        )
        return script.render(network, charge_min=-network.input_max)
