"""The Mackey-Glass series, made here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evoneuro import RegressionTask
from evoneuro.errors import check_integer

BETA, GAMMA, POWER = 0.2, 0.1, 10
HISTORY = 0.7206597  # x(t) for all t <= 0
STEPS = 10  # of the Runge-Kutta method for each unit of time

LAGS = (18, 12, 6, 0)
AHEAD = 6
START = 118  # the first t: what comes before still feels the constant history

Series = npt.NDArray[np.float64]


class MackeyGlass(RegressionTask):
    """Mackey-Glass: x(t + 6) of a chaotic series, from x(t - 18), x(t - 12), x(t - 6) and x(t).

    Equation: x' = 0.2 x(t - tau) / (1 + x(t - tau)**10) - 0.1 x(t), of Mackey & Glass, Science 197:287, 1977. What is
    predicted from what, tau = 17, and from t = 118 on: Jang, "ANFIS", IEEE Trans. SMC 23(3):665-685, 1993, whose series
    begins at 1.2. Ours has the constant history of NeuroBench, whose task is another: there the series goes on from its
    own predictions. So no score here compares with one on a leaderboard or in a paper. The series is made here, by a
    Runge-Kutta method of fourth order.

    The first samples train, later ones validate and the last ones test; no value of the series, seen or predicted, is
    in two parts.

    Attributes:
        size: samples of all three parts together.
        tau: the delay.
    """

    name = "mackey-glass"
    solved = 0.9
    size: int = 1000
    tau: int = 17

    def load(self) -> tuple[Series, Series, npt.NDArray[np.str_]]:
        """Four values of the series, the value 6 later, and the part of each sample."""
        check_integer("task.size", self.size, 10, 10**6)
        gap = LAGS[0] + AHEAD  # samples between two parts, which would share values with both
        counts = [round(self.size * share) for share in self.split[:2]]
        counts.append(self.size - sum(counts))
        starts = START + np.cumsum([0, counts[0] + gap, counts[1] + gap])
        times = np.concatenate([start + np.arange(count) for start, count in zip(starts, counts, strict=True)])
        x = series(int(times[-1]) + AHEAD, self.tau)
        seen = np.stack([x[times - lag] for lag in LAGS], axis=1)
        return seen, x[times + AHEAD], np.repeat(["train", "validation", "test"], counts)


def series(last: int, tau: int, steps: int = STEPS) -> Series:
    """x(0), x(1), ... x(last): float64 [last + 1].

    The delayed value half-way between two points of the grid is that of the cubic through both with their slopes, so
    that the method keeps its order.
    """
    check_integer("task.tau", tau, 1, 1000)
    h = 1.0 / steps
    lag = tau * steps
    x = [HISTORY] * (lag + 1)  # from t = -tau to 0
    now = HISTORY
    slope = [0.0] * lag + [_pull(now) - GAMMA * now]
    for k in range(last * steps):
        before, after = x[k], x[k + 1]  # at t - tau and t - tau + h
        # the slope jumps at t = 0, and is that of the right side
        middle = HISTORY if k < lag else (before + after) / 2 + h * (slope[k] - slope[k + 1]) / 8
        pulls = [_pull(past) for past in (before, middle, after)]
        k1 = pulls[0] - GAMMA * now
        k2 = pulls[1] - GAMMA * (now + h / 2 * k1)
        k3 = pulls[1] - GAMMA * (now + h / 2 * k2)
        k4 = pulls[2] - GAMMA * (now + h * k3)
        now += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        x.append(now)
        slope.append(pulls[2] - GAMMA * now)
    return np.array(x[lag::steps])


def _pull(past: float) -> float:
    return BETA * past / (1 + past**POWER)
