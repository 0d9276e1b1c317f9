"""What tasks with equations of motion share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def runge_kutta(slopes: Callable[[Floats], Floats], values: Floats, seconds: float) -> Floats:
    """Values after `seconds`, in one step of the classic fourth-order method.

    Args:
        slopes: change per second of values of any shape.

    The order of operations is that of Gymnasium's Acrobot-v1.
    """
    half = seconds / 2.0
    k1 = slopes(values)
    k2 = slopes(values + half * k1)
    k3 = slopes(values + half * k2)
    k4 = slopes(values + seconds * k3)
    after: Floats = values + seconds / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
    return after
