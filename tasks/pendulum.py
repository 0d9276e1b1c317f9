"""Pendulum: swing up and hold a pendulum by torque, with physics on arrays of lanes.

Physics: Gymnasium's Pendulum-v1 (semi-implicit Euler, 0.05 s; 1 kg, 1 m, gravity 10 m/s2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evoneuro import ControlTask, keys
from evoneuro.scene import Disc, Line, Scene

GRAVITY = 10.0
SECONDS = 0.05
FASTEST = 8.0  # rad/s
STRONGEST = 2.0  # N m, too weak to lift the pendulum at once

Floats = npt.NDArray[np.float64]


class Pendulum(ControlTask):
    """Swing a pendulum up and hold it by a torque of -2 to 2 N m (Pendulum-v1).

    Seen are cosine and sine of the angle (0 is up) and the speed (rad/s). Each step costs angle**2 + speed**2 / 10 +
    torque**2 / 1000.
    """

    solved = -200.0  # Gymnasium has no mark; good controllers reach -150, as starts allow
    period = SECONDS
    low = (-1.0, -1.0, -FASTEST)
    high = (1.0, 1.0, FASTEST)
    encoder = {"kind": "flip-flop", "max_spikes": 8, "interval": 3}
    window = 24
    episodes = 16
    max_steps: int = 200
    action_low = -STRONGEST
    action_high = STRONGEST

    def reset(self, keys_: keys.Keys) -> tuple[Floats, Floats]:
        """Any angle, and a speed of up to 1 rad/s; state (lanes, 2) of angle and speed."""
        state = keys.uniform(keys_, [-np.pi, -1.0], [np.pi, 1.0])
        return state, self._seen(state)

    def step(self, state: Floats, action: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """One torque for 0.05 s; the reward is what angle, speed and torque cost before it, negative."""
        torque = np.clip(action[:, 0], -STRONGEST, STRONGEST).astype(np.float32)  # Gymnasium's has 32 bits
        angle, speed = state.T
        off = (angle + np.pi) % (2 * np.pi) - np.pi
        cost = off * off + 0.1 * (speed * speed) + np.float32(0.001) * (torque * torque)
        speed = speed + (3 * GRAVITY / 2 * np.sin(angle) + np.float32(3.0) * torque) * SECONDS
        speed = np.clip(speed, -FASTEST, FASTEST)
        state = np.stack([angle + speed * SECONDS, speed], axis=1)
        never = np.zeros(len(state), bool)
        return state, self._seen(state), -cost, never, never

    def scene(self, state: Floats, observation: Floats) -> Scene:
        """The pendulum, up being up, in metres."""
        tip = (float(-np.sin(state[0, 0])), float(np.cos(state[0, 0])))
        parts = (Line([(0.0, 0.0), tip], "ink", 4.0), Disc(*tip, 0.1, "warm"), Disc(0.0, 0.0, 0.05, "pale"))
        return Scene((-1.25, -1.25, 1.25, 1.25), parts)

    def _seen(self, state: Floats) -> Floats:
        angle, speed = state.T
        return super()._seen(np.stack([np.cos(angle), np.sin(angle), speed], axis=1).astype(np.float32))
