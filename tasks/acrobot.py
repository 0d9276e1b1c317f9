"""Acrobot: swing two links up by the joint between them, with physics on arrays of lanes.

Physics: Sutton, "Generalization in Reinforcement Learning", NIPS 8, 1996, with the terms of Sutton & Barto's book, as
in Gymnasium's Acrobot-v1 (one Runge-Kutta step of 0.2 s; links of 1 m, 1 kg and 1 kg m2 with their centres at 0.5 m).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evoneuro import ControlTask, keys

GRAVITY = 9.8
SECONDS = 0.2
FASTEST = (4 * np.pi, 9 * np.pi)  # rad/s of each joint

Floats = npt.NDArray[np.float64]


class Acrobot(ControlTask):
    """Swing the tip of two hanging links above a line, by torque on the joint between them (Acrobot-v1).

    Seen are cosine and sine of both angles (0 hangs; the second is relative to the first) and both speeds (rad/s).
    """

    solved = -79.0  # Gymnasium's mark is -100, which the sign of the second speed alone reaches
    low = (-1.0, -1.0, -1.0, -1.0, -6.0, -9.0)
    high = (1.0, 1.0, 1.0, 1.0, 6.0, 9.0)
    encoder = {"kind": "flip-flop", "max_spikes": 8, "interval": 3}
    window = 24
    episodes = 16
    max_steps: int = 500
    actions = (-1.0, 0.0, 1.0)  # N m

    def reset(self, keys_: keys.Keys) -> tuple[Floats, Floats]:
        """Both links within 0.1 rad and 0.1 rad/s of hanging still; state (lanes, 4) of angles, then speeds."""
        state = keys.uniform(keys_, [-0.1] * 4, [0.1] * 4).astype(np.float32).astype(np.float64)
        return state, self._seen(state)

    def step(self, state: Floats, action: npt.NDArray[np.integer]) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """One torque for 0.2 s; reward -1 for each that leaves the tip below the line."""
        state = advance(state, np.asarray(self.actions)[action])
        first, second = state[:, 0], state[:, 1]
        above = -np.cos(first) - np.cos(second + first) > 1.0
        return state, self._seen(state), np.where(above, 0.0, -1.0), above, np.zeros(len(state), bool)

    def _seen(self, state: Floats) -> Floats:
        first, second, first_speed, second_speed = state.T
        columns = [np.cos(first), np.sin(first), np.cos(second), np.sin(second), first_speed, second_speed]
        return super()._seen(np.stack(columns, axis=1).astype(np.float32))


def advance(state: Floats, torque: Floats) -> Floats:
    """Angles and speeds (lanes, 4) after 0.2 s under `torque` (N m, [lanes]), in Gymnasium's order of operations."""
    values, half = np.ascontiguousarray(state.T), SECONDS / 2.0
    k1 = slopes(values, torque)
    k2 = slopes(values + half * k1, torque)
    k3 = slopes(values + half * k2, torque)
    k4 = slopes(values + SECONDS * k3, torque)
    after = values + SECONDS / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
    for angle in after[:2]:
        _wrap(angle)
    limit = np.array(FASTEST)[:, None]
    np.clip(after[2:], -limit, limit, out=after[2:])
    return after.T


def slopes(values: Floats, torque: Floats) -> Floats:
    """Change per second of angles and speeds, both (4, lanes); masses, lengths and moments are put in as numbers."""
    first, second, first_speed, second_speed = values
    cosine, sine = np.cos(second), np.sin(second)
    d1 = 0.25 + (1.25 + 1.0 * cosine) + 1.0 + 1.0
    d2 = (0.25 + 0.5 * cosine) + 1.0
    phi2 = 0.5 * GRAVITY * np.cos(first + second - np.pi / 2.0)
    phi1 = (
        -0.5 * (second_speed * second_speed) * sine
        - 1.0 * second_speed * first_speed * sine
        + 1.5 * GRAVITY * np.cos(first - np.pi / 2)
        + phi2
    )
    second_change = (torque + d2 / d1 * phi1 - 0.5 * (first_speed * first_speed) * sine - phi2) / (1.25 - d2 * d2 / d1)
    first_change = -(d2 * second_change + phi1) / d1
    return np.stack([first_speed, second_speed, first_change, second_change])


def _wrap(angle: Floats) -> None:
    """Bring angles [lanes] into -pi to pi by whole turns, in place."""
    while (far := angle > np.pi).any():
        angle[far] -= 2 * np.pi
    while (far := angle < -np.pi).any():
        angle[far] += 2 * np.pi
