"""A pole on a cart: the physics of Gymnasium's CartPole-v1, to the last bit, on arrays of lanes.

Barto, Sutton & Anderson, "Neuronlike adaptive elements that can solve difficult learning control problems", IEEE Trans.
SMC 13(5), 1983, with Euler steps of 0.02 s.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

GRAVITY = 9.8
CART_MASS = 1.0
POLE_MASS = 0.1
TOTAL_MASS = CART_MASS + POLE_MASS
HALF_LENGTH = 0.5
POLE_MOMENT = POLE_MASS * HALF_LENGTH
SECONDS = 0.02

Floats = npt.NDArray[np.float64]
State = Floats  # (lanes, 4): x (m), dx (m/s), angle (rad), dangle (rad/s)


def advance(state: State, force: Floats) -> State:
    """Positions and speeds after 0.02 s under `force` (newton, [lanes]).

    The order of operations is Gymnasium's; sine and cosine are numpy's, as Gymnasium's are, because those of another
    library differ in the last bit.
    """
    angle = state[:, 2]
    after = np.empty_like(state)
    _advance(state, np.cos(angle), np.sin(angle), force, after)
    return after


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
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
