"""Two poles on one cart: the classic benchmark of neuroevolution, with physics on arrays of lanes.

Physics: Wieland, "Evolving neural network controllers for unstable systems", IJCNN 1991, as tabulated by Gomez &
Miikkulainen, "Solving non-Markovian control tasks with neuroevolution", IJCAI 1999: a cart of 1 kg on a track of
+-2.4 m, poles of 0.1 kg and 0.01 kg with half-lengths of 0.5 m and 0.05 m, friction 0.0005 of the cart and 0.000002 of
the hinges, forces up to 10 N, two Runge-Kutta steps of 0.01 s for each decision, failure beyond 36 degrees. (Some
programs have poles of 1 kg and 0.1 kg, and leave the friction of the cart out.)

The test of generalisation: Gruau, Whitley & Pyeatt, "A comparison between cellular encoding and direct encoding for
genetic neural networks", GP 1996; also Stanley & Miikkulainen, "Evolving neural networks through augmenting
topologies", Evolutionary Computation 10(2), 2002, section 4. Of 625 starts, how many are balanced for 1,000 steps:

    evoneuro evaluate NET --episodes 625 --set task.starts=grid

and the long run of 100,000 steps, from a long pole that leans by 0.07 rad:

    evoneuro evaluate NET --episodes 1 --set task.starts=lean --set task.max_steps=100000
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evoneuro import ControlTask, keys
from evoneuro.errors import check_choice
from evoneuro.scene import Box, Disc, Line, Scene

GRAVITY = -9.8
CART_MASS = 1.0
MASSES = np.array([[0.1], [0.01]])  # kg, the long pole first
HALF_LENGTHS = np.array([[0.5], [0.05]])  # m
CART_FRICTION = 0.0005
HINGE_FRICTION = 0.000002
FORCE = 10.0
SECONDS = 0.01
PUSHES = 2  # steps of the physics for each decision
X_LIMIT = 2.4
ANGLE_LIMIT = np.deg2rad(36)

RANGES = np.array([2.16, 1.35, np.deg2rad(3.6), np.deg2rad(8.6)])  # of x, dx, and the long pole's angle and dangle
SHARES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])  # of each range, from its lower end
GRID = (2 * SHARES[np.indices((5, 5, 5, 5)).reshape(4, -1).T] - 1) * RANGES  # (625, 4)
LEAN = np.array([0.0, 0.0, 0.07, 0.0])

STARTS = ("random", "grid", "lean")

Floats = npt.NDArray[np.float64]


class DoublePole(ControlTask):
    """Balance a long and a short pole on one cart by a force of -10 to 10 N: all six values seen.

    Seen are x (m), dx, angle and dangle of the long pole (rad), angle and dangle of the short one. The score is the
    number of steps of 0.02 s.

    Attributes:
        starts: "random", uniform within the ranges of the published starts; "grid", those themselves, each once in
            every 625 episodes; "lean", the long pole by 0.07 rad. The short pole is always upright and still.
    """

    solved = 400.0  # about where 200 of the 625 starts are balanced, the published mark; not all of them can be
    period = PUSHES * SECONDS
    low = (-2.4, -2.0, -0.15, -0.5, -0.15, -1.0)  # of what balancing visits; falling poles are beyond
    high = (2.4, 2.0, 0.15, 0.5, 0.15, 1.0)
    encoder = {"kind": "flip-flop", "max_spikes": 24, "interval": 1}
    decoder = {"kind": "pair", "max_spikes": 24}
    window = 24
    episodes = 16
    configuration = {"genome": {"reset": "subtract"}}  # as many spikes as charge, so that forces are proportional

    max_steps: int = 1000
    starts: str = "random"
    observations = (0, 1, 2, 3, 4, 5)
    action_low = -FORCE
    action_high = FORCE

    def episode_keys(self, seed: int, stream: str, count: int, generation: int = 0) -> keys.Keys:
        """On the grid an episode is the start of its number, whatever the seed."""
        if self.starts == "grid":
            return np.arange(count, dtype=np.uint64)
        return super().episode_keys(seed, stream, count, generation)

    def reset(self, keys_: keys.Keys) -> tuple[Floats, Floats]:
        """State (lanes, 6): x, dx, then angle and dangle of each pole."""
        check_choice("task.starts", self.starts, STARTS)
        state = np.zeros((len(keys_), 6))
        if self.starts == "grid":
            state[:, :4] = GRID[keys_ % np.uint64(len(GRID))]
        elif self.starts == "lean":
            state[:, :4] = LEAN
        else:
            state[:, :4] = keys.uniform(keys_, -RANGES, RANGES)
        return state, self._seen(state)

    def step(self, state: Floats, action: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """One force for 0.02 s; reward 1 for each."""
        state = advance(state, action[:, 0])
        fallen = (np.abs(state[:, 0]) > X_LIMIT) | (np.abs(state[:, [2, 4]]) > ANGLE_LIMIT).any(axis=1)
        return state, self._seen(state), np.ones(len(state)), fallen, np.zeros(len(state), bool)

    def scene(self, state: Floats, observation: Floats) -> Scene:
        """Track, cart and both poles, in metres."""
        x, angles = float(state[0, 0]), state[0, [2, 4]].tolist()
        poles = [
            Line([(x, 0.12), (x + 2 * half * np.sin(angle), 0.12 + 2 * half * np.cos(angle))], role, width)
            for angle, half, role, width in zip(
                angles, HALF_LENGTHS.ravel().tolist(), ("warm", "accent"), (4.0, 5.0), strict=True
            )
        ]
        ends = (Line([(edge, -0.12), (edge, 0.12)], "pale") for edge in (-X_LIMIT, X_LIMIT))
        track = Line([(-X_LIMIT, -0.12), (X_LIMIT, -0.12)], "pale")
        cart = Box(x - 0.25, -0.12, x + 0.25, 0.12, "ink")
        return Scene((-2.6, -0.35, 2.6, 1.25), (track, *ends, cart, *poles, Disc(x, 0.12, 0.05, "fill")))

    def summary(self, scores: npt.NDArray[np.float64]) -> dict[str, float]:
        """How many episodes were balanced to their end."""
        return {"balanced": int((scores >= self.step_limit).sum())}


class DoublePoleNoVelocity(DoublePole):
    """Balance a long and a short pole on one cart by a force of -10 to 10 N: only position and angles seen.

    Speeds must be told from what the network remembers. A step of the short pole's angle that matters is a few
    thousandths of a radian, so the encoder has 48 spikes, and delays reach back to the decision before.
    """

    name = "double-pole-no-velocity"
    low = (-2.4, -0.15, -0.15)
    high = (2.4, 0.15, 0.15)
    encoder = {"kind": "flip-flop", "max_spikes": 48, "interval": 1}
    window = 48
    configuration = {"genome": {"reset": "subtract", "delay": (1, 63)}}
    observations = (0, 2, 4)


def advance(
    state: Floats, force: Floats, cart_friction: float = CART_FRICTION, hinge_friction: float = HINGE_FRICTION
) -> Floats:
    """State (lanes, 6) after 0.02 s under `force` (newton, [lanes])."""
    values, half = np.ascontiguousarray(state.T), SECONDS / 2
    frictions = cart_friction, hinge_friction
    for _ in range(PUSHES):
        k1 = slopes(values, force, *frictions)
        k2 = slopes(values + half * k1, force, *frictions)
        k3 = slopes(values + half * k2, force, *frictions)
        k4 = slopes(values + SECONDS * k3, force, *frictions)
        values = values + SECONDS / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return values.T


def slopes(values: Floats, force: Floats, cart_friction: float, hinge_friction: float) -> Floats:
    """Change per second of a state, both (6, lanes); both poles at once, as (2, lanes)."""
    speed, angles, turns = values[1], values[2::2], values[3::2]
    cosine = np.cos(angles)
    pull = GRAVITY * np.sin(angles) + hinge_friction / (MASSES * HALF_LENGTHS) * turns
    lightened = 0.75 * MASSES * cosine
    pushes = MASSES * HALF_LENGTHS * (turns * turns) * np.sin(angles) + lightened * pull
    acceleration = (force - cart_friction * np.sign(speed) + pushes.sum(axis=0)) / (
        CART_MASS + (MASSES - lightened * cosine).sum(axis=0)
    )
    slopes_ = np.empty_like(values)
    slopes_[0] = speed
    slopes_[1] = acceleration
    slopes_[2::2] = turns
    slopes_[3::2] = -0.75 / HALF_LENGTHS * (acceleration * cosine + pull)
    return slopes_
