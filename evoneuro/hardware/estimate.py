"""What a network's decisions would take on a device: counts times a named table, steps times the time per step."""

from __future__ import annotations

from typing import Any

from evoneuro.evaluation import Evaluation
from evoneuro.hardware.profile import Profile
from evoneuro.network import Network


def estimate(device: Profile, network: Network, evaluation: Evaluation, period: float | None) -> dict[str, Any]:
    """Energy and time of a network's decisions on a device, from what it did on a task; what is unknown is None.

    Nothing is measured: see the sources of the profile's values.

    Args:
        period: seconds that the task leaves for a decision, or None.

    Returns:
        profile, the device's name; energy_pj, pJ per decision, and energy_table, the name of what it was counted with:
        synaptic events, spikes, and an update of every neuron in every step; decision_seconds, at the mean latency;
        worst_seconds, of a decision that takes the whole window; period, seconds; keeps_period, whether the worst does.
    """
    table, step = device.energy, device.step_seconds(network)
    worst = None if step is None else network.window * step
    spikes = int(evaluation.spikes.sum()) / evaluation.decisions
    updates = network.neurons * evaluation.latency
    return {
        "profile": device.name,
        "energy_pj": None if table is None else table.picojoules(evaluation.energy, spikes, updates),
        "energy_table": None if table is None else table.name,
        "decision_seconds": None if step is None else evaluation.latency * step,
        "worst_seconds": worst,
        "period": period,
        "keeps_period": None if worst is None or period is None else worst <= period,
    }
