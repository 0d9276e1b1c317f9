"""Mountain car: a car too weak for its hill must rock itself up, with physics on arrays of lanes.

Physics: Moore, "Efficient Memory-based Learning for Robot Control", PhD thesis, Cambridge, 1990, as in Gymnasium's
MountainCar-v0 and MountainCarContinuous-v0; positions and speeds have no unit, and a step is their unit of time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro import ControlTask, keys
from evoneuro.scene import Disc, Line, Scene

GRAVITY = 0.0025
LEFT, RIGHT = -1.2, 0.6  # where the car stops, and a stop at the left takes its speed
FASTEST = 0.07

State = npt.NDArray[Any]


class MountainCar(ControlTask):
    """Rock a weak car out of a valley: push left, not at all or right, as few steps as possible (MountainCar-v0).

    Seen are position and speed.
    """

    solved = -110.0
    low = (LEFT, -FASTEST)
    high = (RIGHT, FASTEST)
    encoder = {"kind": "flip-flop", "max_spikes": 8, "interval": 3}
    window = 24
    episodes = 16
    max_steps: int = 200
    actions = (-0.001, 0.0, 0.001)  # change of speed per step

    goal = 0.5

    def reset(self, keys_: keys.Keys) -> tuple[State, State]:
        """At rest between -0.6 and -0.4."""
        state = keys.uniform(keys_, [-0.6, 0.0], [-0.4, 0.0])
        return state, self._seen(state.astype(np.float32))

    def step(self, state: State, action: npt.NDArray[Any]) -> tuple[State, State, State, State, State]:
        """One push; reward -1 for each."""
        push = np.asarray(self.actions)[action]
        position, speed = state.T
        state = _moved(position, speed + (push + np.cos(3 * position) * -GRAVITY))
        there = (state[:, 0] >= self.goal) & (state[:, 1] >= 0)
        return state, self._seen(state.astype(np.float32)), -np.ones(len(state)), there, np.zeros(len(state), bool)

    def scene(self, state: State, observation: State) -> Scene:
        """The valley, the car and the goal's flag."""
        return _valley(float(state[0, 0]), self.goal)


class MountainCarContinuous(ControlTask):
    """Rock a weak car out of a valley with little fuel: push by a number from -1 to 1 (MountainCarContinuous-v0).

    Seen are position and speed. The score is 100 at the goal less a tenth of the squares of all pushes, so that the
    weakest pushes that get there are the best.
    """

    solved = 97.0  # Gymnasium's mark is 90, which full pushes along the speed all but reach
    low = (LEFT, -FASTEST)
    high = (RIGHT, FASTEST)
    encoder = {"kind": "flip-flop", "max_spikes": 8, "interval": 3}
    window = 24
    episodes = 8
    max_steps: int = 999
    action_low = -1.0
    action_high = 1.0

    goal = 0.45
    power = 0.0015

    def reset(self, keys_: keys.Keys) -> tuple[State, State]:
        """At rest between -0.6 and -0.4; 32 bits, in which Gymnasium keeps all but its first state."""
        state = keys.uniform(keys_, [-0.6, 0.0], [-0.4, 0.0]).astype(np.float32)
        return state, self._seen(state)

    def step(self, state: State, action: npt.NDArray[np.float64]) -> tuple[State, State, State, State, State]:
        """One push; its reward is what it costs, and 100 at the goal."""
        push = action[:, 0].astype(np.float32)
        position, speed = state.T
        slope = 0.0025 * np.cos((np.float32(3) * position).astype(np.float64))
        force = np.clip(push, np.float32(-1), np.float32(1)) * np.float32(self.power)
        state = _moved(position, speed + (force - slope.astype(np.float32)))
        there = (state[:, 0] >= np.float32(self.goal)) & (state[:, 1] >= 0)
        reward = np.where(there, 100.0, 0.0) - np.square(push.astype(np.float64)) * 0.1
        return state, self._seen(state), reward, there, np.zeros(len(state), bool)

    def scene(self, state: State, observation: State) -> Scene:
        """The valley, the car and the goal's flag."""
        return _valley(float(state[0, 0]), self.goal)


def _moved(position: State, speed: State) -> State:
    """Position and speed (lanes, 2) one step later, within their limits, in the type that they came in."""
    kind = speed.dtype.type
    speed = np.clip(speed, kind(-FASTEST), kind(FASTEST))
    position = np.clip(position + speed, kind(LEFT), kind(RIGHT))
    speed[(position == kind(LEFT)) & (speed < 0)] = 0
    return np.stack([position, speed], axis=1)


def _valley(position: float, goal: float) -> Scene:
    """The hills are Gymnasium's sin(3 x), of which it draws 0.45 + 0.55."""
    x = np.linspace(LEFT, RIGHT, 60)
    hills = Line(list(zip(x.tolist(), _height(x).tolist(), strict=True)), "pale")
    foot = float(_height(np.array(goal)))
    flag = (Line([(goal, foot), (goal, foot + 0.22)], "accent", 2.0), Disc(goal, foot + 0.22, 0.04, "accent"))
    return Scene(
        (LEFT, 0.0, RIGHT, 1.3), (hills, *flag, Disc(position, float(_height(np.array(position))) + 0.06, 0.06))
    )


def _height(x: State) -> State:
    return np.asarray(0.45 * np.sin(3 * x) + 0.55)
