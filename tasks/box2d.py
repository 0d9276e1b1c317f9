"""Two of Gymnasium's Box2D environments: a lander and a walker (extra `box2d`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evoneuro import ControlTask


class LunarLander(ControlTask):
    """Land a craft between two flags by its engines (LunarLander-v3, Box2D)."""

    environment = "LunarLander-v3"
    solved = 200.0
    period = 0.02
    # x, y, their speeds, angle, its speed: what flights visit, far inside the environment's bounds; contact of each leg
    low = (-1.0, -0.5, -1.0, -1.5, -1.0, -2.0, 0.0, 0.0)
    high = (1.0, 1.5, 1.0, 0.5, 1.0, 2.0, 1.0, 1.0)
    encoder = {"kind": "flip-flop", "max_spikes": 8, "interval": 3}
    window = 24
    episodes = 16

    def summary(self, scores: npt.NDArray[np.float64]) -> dict[str, float]:
        """The share of the flights that count as landed (200), and the score that one in a hundred falls short of.

        A craft that lands well in the mean may still crash now and then.
        """
        return {"landed": float((scores >= 200).mean()), "percentile_1": float(np.percentile(scores, 1))}


class BipedalWalker(ControlTask):
    """Walk on two legs by the torques of four joints over slightly rough ground (BipedalWalker-v3, Box2D).

    Seen are the hull and the joints (14 values); the ten of the lidar, which sees almost the same everywhere, are not.
    """

    environment = "BipedalWalker-v3"
    solved = 300.0
    period = 0.02
    observations = tuple(range(14))
    # angle and its speed, speeds; of each leg hip and knee with their speeds, and contact
    low = (-1.0, -0.3, -0.5, -0.5, *(-1.0, -1.0, -1.0, -1.0, 0.0) * 2)
    high = (1.0, 0.3, 0.5, 0.5, *(1.0, 1.0, 1.0, 1.0, 1.0) * 2)
    encoder = {"kind": "flip-flop", "max_spikes": 8, "interval": 3}
    decoder = {"kind": "pair", "max_spikes": 4}
    window = 24
    episodes = 4
