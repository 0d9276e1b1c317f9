"""The cart-pole family: four levels of one classic, with physics on arrays of lanes.

Physics: Barto, Sutton & Anderson, IEEE Trans. SMC 13(5), 1983, as in Gymnasium's CartPole-v1 (Euler, 0.02 s), to the
last bit. Levels, encoders and the 24-step window: Plank, Rizzo, White & Schuman, "The Cart-Pole Application as a
Benchmark for Neuromorphic Computing", J. Low Power Electron. Appl. 15(1):5, 2025, and TENNLab framework-open,
markdown/cartpole_example.md.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from evoneuro import ControlTask, keys
from evoneuro.errors import check_choice

GRAVITY = 9.8
CART_MASS = 1.0
POLE_MASS = 0.1
TOTAL_MASS = CART_MASS + POLE_MASS
HALF_LENGTH = 0.5
POLE_MOMENT = POLE_MASS * HALF_LENGTH
FORCE = 10.0
SECONDS = 0.02
X_LIMIT = 2.4
ANGLE_LIMIT = 12 * 2 * np.pi / 360

STARTS = {  # largest |x|, |dx|, |angle|, |dangle| of the uniform starts
    "gym": (0.05, 0.05, 0.05, 0.05),
    "wide": (1.2, 0.5, 0.1, 0.5),
}

Floats = npt.NDArray[np.float64]
State = Floats  # (lanes, 4): x (m), dx (m/s), angle (rad), dangle (rad/s)


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


def advance(state: State, force: Floats) -> State:
    """Positions and speeds (lanes, 4) after 0.02 s under `force` (newton, [lanes]).

    The order of operations is Gymnasium's; sine and cosine are numpy's, as Gymnasium's are, because those of another
    library differ in the last bit.
    """
    angle = state[:, 2]
    after = np.empty_like(state)
    _advance(state, np.cos(angle), np.sin(angle), force, after)
    return after


# what is compiled is kept under the module's name: not for a copy of this file that is loaded under another
@numba.njit(nogil=True, cache=__name__.startswith("evoneuro_tasks."))  # type: ignore[untyped-decorator]
def _advance(state: State, cosines: Floats, sines: Floats, forces: Floats, after: State) -> None:
    """One loop for what would be thirty calls of numpy on few lanes each."""
    for lane in range(len(state)):
        x, speed, angle, turn = state[lane]
        cosine, sine = cosines[lane], sines[lane]
        pull = (forces[lane] + POLE_MOMENT * (turn * turn) * sine) / TOTAL_MASS
        turning = (GRAVITY * sine - cosine * pull) / (
            HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * (cosine * cosine) / TOTAL_MASS)
        )
        acceleration = pull - POLE_MOMENT * turning * cosine / TOTAL_MASS
        after[lane, 0] = x + SECONDS * speed
        after[lane, 1] = speed + SECONDS * acceleration
        after[lane, 2] = angle + SECONDS * turn
        after[lane, 3] = turn + SECONDS * turning
