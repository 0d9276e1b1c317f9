"""Acrobot: swing two links up by the joint between them, with physics on arrays of lanes.

Physics: Sutton, "Generalization in Reinforcement Learning", NIPS 8, 1996, with the terms of Sutton & Barto's book, as
in Gymnasium's Acrobot-v1 (one Runge-Kutta step of 0.2 s; links of 1 m, 1 kg and 1 kg m2 with their centres at 0.5 m).
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from evoneuro import ControlTask, keys
from evoneuro.physics import Physics, compiled
from evoneuro.scene import Disc, Line, Scene

GRAVITY = 9.8
SECONDS = 0.2
FASTEST = (4 * np.pi, 9 * np.pi)  # rad/s of each joint

Floats = npt.NDArray[np.float64]


class Acrobot(ControlTask):
    """Swing the tip of two hanging links above a line, by torque on the joint between them (Acrobot-v1).

    Seen are cosine and sine of both angles (0 hangs; the second is relative to the first) and both speeds (rad/s).
    """

    solved = -79.0  # Gymnasium's mark is -100, which the sign of the second speed alone reaches
    period = SECONDS
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
        state, observation, reward, above = self.physics.step(state, action)
        return state, observation.astype(np.float32), reward, above, np.zeros(len(state), bool)

    @property
    def physics(self) -> Physics:
        """The torques and the values that are seen are what the loop is told."""
        seen = range(6) if self.observations is None else self.observations
        told = [len(self.actions), *self.actions, *seen]
        return Physics(_advance, np.array(told, np.float64), len(seen))

    def scene(self, state: Floats, observation: Floats) -> Scene:
        """Both links, and the line that the tip has to reach, in metres."""
        first, both = float(state[0, 0]), float(state[0, 0] + state[0, 1])
        elbow = (math.sin(first), -math.cos(first))
        tip = (elbow[0] + math.sin(both), elbow[1] - math.cos(both))
        links = (Line([(0.0, 0.0), elbow], "ink", 4.0), Line([elbow, tip], "warm", 4.0))
        joints = (Disc(0.0, 0.0, 0.08, "pale"), Disc(*elbow, 0.08, "fill"))
        return Scene((-2.2, -2.2, 2.2, 2.2), (Line([(-2.2, 1.0), (2.2, 1.0)], "pale"), *links, *joints))

    def _seen(self, state: Floats) -> Floats:
        first, second, first_speed, second_speed = state.T
        columns = [np.cos(first), np.sin(first), np.cos(second), np.sin(second), first_speed, second_speed]
        return super()._seen(np.stack(columns, axis=1).astype(np.float32))


@numba.njit(nogil=True)
def _slopes(values, torque, out):  # type: ignore[no-untyped-def]
    """Change per second of angles and speeds, both [4]; masses, lengths and moments are put in as numbers."""
    first, second, first_speed, second_speed = values[0], values[1], values[2], values[3]
    cosine, sine = math.cos(second), math.sin(second)
    d1 = 0.25 + (1.25 + 1.0 * cosine) + 1.0 + 1.0
    d2 = (0.25 + 0.5 * cosine) + 1.0
    phi2 = 0.5 * GRAVITY * math.cos(first + second - np.pi / 2.0)
    phi1 = (
        -0.5 * (second_speed * second_speed) * sine
        - 1.0 * second_speed * first_speed * sine
        + 1.5 * GRAVITY * math.cos(first - np.pi / 2)
        + phi2
    )
    change = (torque + d2 / d1 * phi1 - 0.5 * (first_speed * first_speed) * sine - phi2) / (1.25 - d2 * d2 / d1)
    out[0], out[1] = first_speed, second_speed
    out[2], out[3] = -(d2 * change + phi1) / d1, change


# what is compiled is kept under the module's name: not for a copy of this file that is loaded under another
@compiled(cache=__name__.startswith("evoneuro_tasks."))
def _advance(state, choice, parameters, observation, reward, over):  # type: ignore[no-untyped-def]
    """Angles and speeds after 0.2 s under the chosen torques, in Gymnasium's order of operations.

    Args:
        parameters: the number of torques, the torques (N m), and the numbers of the values that are seen.
    """
    torques = parameters[1 : 1 + int(parameters[0])]
    seen = parameters[1 + len(torques) :]
    half = SECONDS / 2.0
    k1, k2, k3, k4, there, values = np.empty(4), np.empty(4), np.empty(4), np.empty(4), np.empty(4), np.empty(6)
    for lane in range(len(state)):
        here, torque = state[lane], torques[choice[lane]]
        _slopes(here, torque, k1)
        there[:] = here + half * k1
        _slopes(there, torque, k2)
        there[:] = here + half * k2
        _slopes(there, torque, k3)
        there[:] = here + SECONDS * k3
        _slopes(there, torque, k4)
        here[:] = here + SECONDS / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        for joint in range(2):
            while here[joint] > np.pi:
                here[joint] -= 2 * np.pi
            while here[joint] < -np.pi:
                here[joint] += 2 * np.pi
            here[2 + joint] = min(max(here[2 + joint], -FASTEST[joint]), FASTEST[joint])
        first, second = here[0], here[1]
        above = -math.cos(first) - math.cos(second + first) > 1.0
        reward[lane] = 0.0 if above else -1.0
        over[lane] = above
        values[0], values[1] = math.cos(first), math.sin(first)
        values[2], values[3] = math.cos(second), math.sin(second)
        values[4:] = here[2:]
        for value in range(len(seen)):
            observation[lane, value] = np.float32(values[int(seen[value])])
