"""NEST: a script with `iaf_psc_delta` neurons, exact without shift leaks.

Source: NEST 3.10, models/iaf_psc_delta.cpp. A step of 1 ms decays the potential by exp(-1 ms / tau_m), adds what
arrives, stops at V_min, and fires at V_th or above; a refractory neuron discards what arrives. The decay is exactly 1
for an endless tau_m and exactly 0 for a tiny one. NEST stops at the floor at the end of a step and we at the beginning
of the next, which is the same as long as no shift leak comes between and thresholds are above the floor.
"""

from __future__ import annotations

from evoneuro.export import portable
from evoneuro.export.script import Script
from evoneuro.network import Network

_BODY = '''
STEP = 1.0  # ms
KEEPS, FORGETS = 1e20, 1e-3  # time constants, ms, whose decay in a step is exactly 1 and exactly 0


def simulate(charges):
    """Spikes uint8 [steps, neurons] from a cleared state."""
    steps, n = len(charges), len(IDS)
    nest.ResetKernel()
    nest.resolution = STEP
    neurons = nest.Create(
        "iaf_psc_delta",
        n,
        {
            "C_m": 1.0,
            "E_L": 0.0,
            "I_e": 0.0,
            "V_m": 0.0,
            "V_reset": 0.0,
            "V_min": float(V_MIN),
            "V_th": [float(threshold) for threshold in THRESHOLD],
            "t_ref": [rest * STEP for rest in REFRACTORY],
            "tau_m": [FORGETS if leak == 0 else KEEPS for leak in LEAK],
        },
    )
    ids = np.array(neurons.tolist())
    if PRE:
        weights = {"weight": np.array(WEIGHT, float), "delay": np.array(DELAY) * STEP}
        nest.Connect(ids[PRE], ids[POST], "one_to_one", weights)
    for channel, neuron in enumerate(INPUTS):
        fed = np.flatnonzero(charges[:, channel])
        times = {"spike_times": (fed + 1) * STEP, "spike_weights": charges[fed, channel].astype(float)}
        source = nest.Create("spike_generator", 1, times)
        nest.Connect(source, neurons[neuron], "one_to_one", {"weight": 1.0, "delay": STEP})
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    nest.Simulate((steps + 1) * STEP)
    # what a generator sends in step s + 1, the neuron gets in step s + 2: that is our step s
    events = recorder.events
    when = np.rint(np.asarray(events["times"]) / STEP).astype(int) - 2
    spikes = np.zeros((steps, n), np.uint8)
    spikes[when, np.asarray(events["senders"], int) - ids[0]] = 1
    return spikes
'''


class Nest:
    """The target "nest": one script that runs the network in NEST."""

    name = "nest"
    description = "Python script that runs the network in NEST (iaf_psc_delta)"

    def check(self, network: Network) -> list[str]:
        """Every reason why NEST's neuron cannot do what the network's do; a floor and refractory steps it knows."""
        return [
            *portable.resets_to_zero(network, "NEST"),
            *portable.fires_from_one(network, "NEST"),
            *portable.leaks_all_or_nothing(network, "NEST"),
        ]

    def export(self, network: Network) -> dict[str, str]:
        """`network_nest.py`."""
        script = Script(
            file="network_nest.py",
            simulator="NEST",
            needs="NEST (3.10 was tried: pip install nest-simulator)",
            imports="import nest\nimport numpy as np",
            body=_BODY,
        )
        return script.render(network, charge_min=-network.input_max)
