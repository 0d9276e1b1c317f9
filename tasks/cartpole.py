"""The cart-pole family: four levels of one classic, with physics on arrays of lanes.

Levels, encoders and the 24-step window: Plank, Rizzo, White & Schuman, "The Cart-Pole Application as a
Benchmark for Neuromorphic Computing", J. Low Power Electron. Appl. 15(1):5, 2025, and TENNLab framework-open,
markdown/cartpole_example.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from evoneuro_tasks.cartpole_physics import State, advance

from evoneuro import ControlTask, keys
from evoneuro.errors import check_choice

FORCE = 10.0
X_LIMIT = 2.4
ANGLE_LIMIT = 12 * 2 * np.pi / 360

STARTS = {  # largest |x|, |dx|, |angle|, |dangle| of the uniform starts
    "gym": (0.05, 0.05, 0.05, 0.05),
    "wide": (1.2, 0.5, 0.1, 0.5),
}


class CartPole(ControlTask):
    """Balance a pole on a cart: all four values seen, push left or right (Easy)."""

    name = "cartpole"
    solved = 475.0
    low = (-2.4, -2.0, -0.209, -2.0)
    high = (2.4, 2.0, 0.209, 2.0)
    encoder = {"kind": "flip-flop", "max_spikes": 8, "interval": 3}
    window = 24

    max_steps: int = 500
    starts: str = "gym"
    actions = (-FORCE, FORCE)
    observations = (0, 1, 2, 3)

    def reset(self, keys_: keys.Keys) -> tuple[State, State]:
        """Uniform starts within the ranges of `starts`."""
        limit = np.array(STARTS[check_choice("task.starts", self.starts, STARTS)])
        state = keys.uniform(keys_, -limit, limit)
        return state, self._seen(state)

    def step(self, state: State, action: npt.NDArray[np.integer]) -> tuple[State, State, State, State, State]:
        """One push of 0.02 s; reward 1 for each."""
        state = advance(state, np.take(self.actions, action))
        fallen = (np.abs(state[:, 0]) > X_LIMIT) | (np.abs(state[:, 2]) > ANGLE_LIMIT)
        return state, self._seen(state), np.ones(len(state)), fallen, np.zeros(len(state), bool)

    def summary(self, scores: npt.NDArray[np.float64]) -> dict[str, float]:
        """The share of the episodes in which the pole stood until the last decision."""
        return {"lasted": float((scores >= self.step_limit).mean())}

    def _seen(self, state: State) -> State:
        # Gymnasium rounds observations to 32 bits
        return state[:, list(self.observations)].astype(np.float32)


class CartPoleMedium(CartPole):
    """Balance a pole on a cart: all four values seen; do nothing, push left or right (Medium)."""

    name = "cartpole-medium"
    actions = (0.0, -FORCE, FORCE)


class CartPoleHard(CartPole):
    """Balance a pole on a cart: only position and angle seen; do nothing, push left or right (Hard)."""

    name = "cartpole-hard"
    low = (-2.4, -0.209)
    high = (2.4, 0.209)
    actions = (0.0, -FORCE, FORCE)
    observations = (0, 2)


class CartPoleHardest(CartPoleHard):
    """Balance a pole on a cart: only position and angle seen, push left or right (Hardest)."""

    name = "cartpole-hardest"
    encoder = {"kind": "argyle", "neurons": 4, "max_spikes": 8, "interval": 3}
    actions = (-FORCE, FORCE)
