"""The eight cart-pole networks of Plank, Rizzo, White & Schuman 2025, in closed loop.

What each reaches was measured with an independent program: 200 Gym starts of 500 steps, all kept up by all eight; 100
wide starts of 15,000 steps. Starts are random there as here, so shares are compared within their sampling error, and
spikes and events per decision, which were counted on the Gym starts, within 6 %.
"""

from __future__ import annotations

import numpy as np
import pytest
from golden_data import GOLDEN, needs_golden
from scipy.stats import binom

from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.export import import_network
from evoneuro.task import load_task

# number: task, neurons, synapses, share kept up for 15,000 steps, spikes and synaptic events per decision
PUBLISHED = {
    42: ("cartpole", 10, 7, 1.00, 10.8, 6.4),
    43: ("cartpole", 11, 8, 1.00, 10.6, 6.3),
    44: ("cartpole-medium", 11, 13, 1.00, 12.0, 11.0),
    45: ("cartpole-medium", 11, 10, 1.00, 5.5, 7.7),
    46: ("cartpole-hard", 7, 11, 0.90, 14.8, 18.3),
    47: ("cartpole-hard", 7, 6, 0.94, 6.1, 6.1),
    48: ("cartpole-hardest", 11, 16, 0.88, 47.0, 62.7),
    49: ("cartpole-hardest", 11, 18, 0.96, 32.5, 47.6),
}


@needs_golden
@pytest.mark.parametrize("number", PUBLISHED)
def test_reproduces_its_closed_loop_result(number: int) -> None:
    task, neurons, synapses, share, spikes, events = PUBLISHED[number]
    network = import_network(GOLDEN / "cartpole" / f"net_{number}.json", "tennlab")
    assert (network.neurons, network.synapses) == (neurons, synapses)

    gym = evaluate(load_task(task), [network], Cases(0, "test", 0, 200))[0]
    assert (gym.case_scores == 500).all()
    assert gym.latency == 24  # the count decoder reads after the whole window
    assert gym.spikes.sum() / gym.decisions == pytest.approx(spikes, rel=0.06)
    assert gym.energy == pytest.approx(events, rel=0.06)

    episodes, steps = 50, 15000
    wide = load_task(task, {"max_steps": steps, "starts": "wide"})
    result = evaluate(wide, [network], Cases(0, "test", 0, episodes))[0]
    kept = int((result.case_scores == steps).sum())
    # 100 episodes gave `share`, so the true one may be a little lower than 1
    low, high = binom.interval(0.999, episodes, min(share, 0.99))
    assert low <= kept <= high


@needs_golden
def test_thresholds_of_0_are_among_them() -> None:
    networks = [import_network(GOLDEN / "cartpole" / f"net_{number}.json", "tennlab") for number in PUBLISHED]
    assert sum(bool((network.threshold <= 0).any()) for network in networks) >= 3
    assert all(np.isin(network.delay, np.arange(1, 128)).all() for network in networks)
