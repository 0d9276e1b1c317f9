"""A network that balances two poles as a linear-quadratic regulator does, for evolution to start from.

    python experiments/06_control_ladder/linear_controller.py OUT.json

Speeds are differences: the spikes of a decision reach the outputs twice, at once and, with the opposite sign and
through a relay, one decision later. So 30 synapses, from three values of two signs to "up" and "down", hold the
regulator of the linearised cart (Riccati equation, without friction). The outputs reset by subtraction: their spikes
are proportional to their charge.
"""

from __future__ import annotations

import sys

import numpy as np
from evoneuro_tasks.double_pole import FORCE, advance
from scipy.linalg import solve_discrete_are

from evoneuro import Network
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.task import load_task

WINDOW = 96  # steps per decision: 48 for the spikes of the largest value, as many for outputs that lag behind
UNIT = 127  # threshold of the outputs
SECONDS = 0.02
PUSH = 10.0  # cost of the squared force, beside 1 of squared angles and 0.1 of squared speeds
PLACES = (0.01, 0.03, 0.1, 0.3, 1.0)  # costs of the squared position to choose from


def main() -> None:
    """Write the best of five regulators, by random starts."""
    task = load_task("double-pole-no-velocity", {"window": WINDOW})
    networks = [network(task, gains(place)) for place in PLACES]
    found = evaluate(task, networks, Cases(0, "episodes", 0, 200))
    best = int(np.argmax([evaluation.score for evaluation in found]))
    networks[best].save(sys.argv[1])
    print(f"cost of the position {PLACES[best]}: {found[best].score:.0f} steps in the mean of 200 random starts")


def gains(place: float) -> np.ndarray:
    """Force (newton) for each of x, dx, and angle and dangle of both poles."""
    tiny = 1e-5

    def after(state: np.ndarray, force: float) -> np.ndarray:
        return advance(state[None], np.array([force]), cart_friction=0.0)[0]

    steps = tiny * np.eye(6)
    a = np.stack([(after(step, 0.0) - after(-step, 0.0)) / (2 * tiny) for step in steps], axis=1)
    b = ((after(np.zeros(6), tiny) - after(np.zeros(6), -tiny)) / (2 * tiny))[:, None]
    p = solve_discrete_are(a, b, np.diag([place, 0.1, 1, 0.1, 1, 0.1]), np.array([[PUSH]]))
    return np.linalg.solve(PUSH + b.T @ p @ b, b.T @ p @ a)[0]


def network(task, of: np.ndarray) -> Network:
    """Inputs 2 v and 2 v + 1 are value v where it is negative and positive; the outputs push up and down."""
    encoder, decoder = task.coding(0)
    charge = UNIT * decoder["max_spikes"] / FORCE  # of a newton
    of_spike = np.array(encoder["high"]) / encoder["max_spikes"] * charge  # of a newton per unit of value
    now, before = -(of[0::2] + of[1::2] / SECONDS) * of_spike, of[1::2] / SECONDS * of_spike
    relays = [(channel, 8 + channel, 1, WINDOW) for channel in range(6)]
    to_outputs = [
        (first + 2 * value + side, 6 + down, (2 * side - 1) * (1 - 2 * down) * weight[value], 1)
        for value in range(3)
        for side in (0, 1)
        for down in (0, 1)
        for first, weight in ((0, now), (8, before))
    ]
    pre, post, weight, delay = np.array(relays + to_outputs).T
    return Network(
        ids=range(14), threshold=[1] * 6 + [UNIT] * 2 + [1] * 6, leak=[-1] * 14, refractory=[0] * 14,
        pre=pre.astype(int), post=post.astype(int), weight=np.rint(weight).astype(int), delay=delay.astype(int),
        inputs=range(6), outputs=[6, 7], reset="subtract", v_min=0, v_max=64 * UNIT, window=WINDOW,
        encoder=encoder, decoder=decoder, task=task.document(0),
    )  # fmt: skip


if __name__ == "__main__":
    main()
