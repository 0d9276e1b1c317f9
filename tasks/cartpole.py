"""The cart-pole family: four levels of one classic, with physics on arrays of lanes.

Physics: Barto, Sutton & Anderson, IEEE Trans. SMC 13(5), 1983, as in Gymnasium's CartPole-v1 (Euler, 0.02 s), to the
last bit. Levels, encoders and the 24-step window: Plank, Rizzo, White & Schuman, "The Cart-Pole Application as a
Benchmark for Neuromorphic Computing", J. Low Power Electron. Appl. 15(1):5, 2025, and TENNLab framework-open,
markdown/cartpole_example.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evoneuro import ControlTask, keys
from evoneuro.errors import check_choice
from evoneuro.physics import Physics, compiled, cosines, sines
from evoneuro.scene import Box, Disc, Line, Scene

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
    period = SECONDS
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
        state, observation, reward, fallen = self.physics.step(state, action)
        return state, observation.astype(np.float32), reward, fallen, np.zeros(len(state), bool)

    @property
    def physics(self) -> Physics:
        """The forces and the values that are seen are what the loop is told."""
        told = [len(self.actions), *self.actions, *self.observations]
        return Physics(_advance, np.array(told, np.float64), len(self.observations))

    def summary(self, scores: npt.NDArray[np.float64]) -> dict[str, float]:
        """The share of the episodes in which the pole stood until the last decision."""
        return {"lasted": float((scores >= self.step_limit).mean())}

    def scene(self, state: State, observation: State) -> Scene:
        """Track, cart and pole, in metres."""
        x, _, angle, _ = state[0].tolist()
        tip = (x + 2 * HALF_LENGTH * np.sin(angle), 0.12 + 2 * HALF_LENGTH * np.cos(angle))
        ends = (Line([(edge, -0.12), (edge, 0.12)], "pale") for edge in (-X_LIMIT, X_LIMIT))
        pole = Line([(x, 0.12), tip], "warm", 4.0)
        cart = Box(x - 0.25, -0.12, x + 0.25, 0.12, "ink")
        track = Line([(-X_LIMIT, -0.12), (X_LIMIT, -0.12)], "pale")
        return Scene((-2.6, -0.35, 2.6, 1.25), (track, *ends, cart, pole, Disc(x, 0.12, 0.05, "fill")))

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
    # small populations that are soon given up: large ones get stuck more often (experiments/07_against_eons)
    configuration = {"search": {"population": 50, "patience": 10}, "budget": {"generations": 200}}


class CartPoleHardest(CartPoleHard):
    """Balance a pole on a cart: only position and angle seen, push left or right (Hardest)."""

    name = "cartpole-hardest"
    encoder = {"kind": "argyle", "neurons": 4, "max_spikes": 8, "interval": 3}
    actions = (-FORCE, FORCE)


# what is compiled is kept under the module's name: not for a copy of this file that is loaded under another
@compiled(cache=__name__.startswith("evoneuro_tasks."))
def _advance(state, choice, parameters, observation, reward, over):  # type: ignore[no-untyped-def]
    """Positions and speeds after 0.02 s under the chosen forces.

    The order of operations is Gymnasium's; sine and cosine are numpy's, as Gymnasium's are.

    Args:
        parameters: the number of forces, the forces (newton), and the numbers of the values that are seen.
    """
    forces = parameters[1 : 1 + int(parameters[0])]
    seen = parameters[1 + len(forces) :]
    angles = state[:, 2].copy()
    sine_of, cosine_of = np.empty(len(state)), np.empty(len(state))
    sines(angles, sine_of)
    cosines(angles, cosine_of)
    for lane in range(len(state)):
        x, speed, angle, turn = state[lane]
        sine, cosine = sine_of[lane], cosine_of[lane]
        pull = (forces[choice[lane]] + POLE_MOMENT * (turn * turn) * sine) / TOTAL_MASS
        turning = (GRAVITY * sine - cosine * pull) / (
            HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * (cosine * cosine) / TOTAL_MASS)
        )
        acceleration = pull - POLE_MOMENT * turning * cosine / TOTAL_MASS
        state[lane, 0] = x + SECONDS * speed
        state[lane, 1] = speed + SECONDS * acceleration
        state[lane, 2] = angle + SECONDS * turn
        state[lane, 3] = turn + SECONDS * turning
        reward[lane] = 1.0
        over[lane] = abs(state[lane, 0]) > X_LIMIT or abs(state[lane, 2]) > ANGLE_LIMIT
        for value in range(len(seen)):
            observation[lane, value] = np.float32(state[lane, int(seen[value])])  # Gymnasium rounds to 32 bits
