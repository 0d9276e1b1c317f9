"""A network that lands as Gymnasium's heuristic does, as far as sums can say it, for evolution to start from.

    python experiments/06_control_ladder/lander_controller.py OUT.json

The heuristic (LunarLander's `heuristic`, gymnasium.envs.box2d) turns towards a target angle by the side engines, and
holds a target height by the main one; of what is wanted more it does that. Both wants are sums of the observation but
for one limit, which is left out, and the distance from the middle, which is no more than two neurons: one fires to
the left of it, one to the right. So there is no hidden neuron: the outputs integrate, and the highest potential wins.
"""

from __future__ import annotations

import sys

import numpy as np

from evoneuro import Network
from evoneuro.network import NO_CEILING
from evoneuro.task import load_task

LARGEST = np.array([0.4, 0.4, 0.8, 0.8, 0.5, 0.5, 1.0, 1.0])  # of each value that is told apart; the legs' are flags
SPIKES = 8
UNIT = 2000  # charge that stands for a want of 1
STILL = 0.05  # a want below which nothing is done; four times as much on the ground
NOTHING, LEFT, MAIN, RIGHT = range(4)
X, Y, DX, DY, ANGLE, DANGLE, LEG, OTHER_LEG = range(8)


def main() -> None:
    """Write the network."""
    task = load_task(
        "lunar-lander",
        {
            "low": [*-LARGEST[:6], 0, 0],
            "high": list(LARGEST),
            "window": SPIKES + 1,
            "keep_state": False,
            "encoder": {"kind": "flip-flop", "max_spikes": SPIKES, "interval": 1},
            "decoder": {"kind": "membrane"},
        },
    )
    charge = np.rint(UNIT * wants() * np.repeat(LARGEST / SPIKES, 2)[:, None]).astype(int)
    pre, output = np.nonzero(charge)
    encoder, decoder = task.coding(0)
    Network(
        ids=range(20), threshold=[1] * 16 + [NO_CEILING] * 4, leak=[-1] * 20, refractory=[0] * 20,
        pre=pre, post=output + 16, weight=charge[pre, output], delay=[1] * len(pre),
        inputs=range(16), outputs=range(16, 20), v_min=-(2**20), window=SPIKES + 1,
        encoder=encoder, decoder=decoder, task=task.document(0),
    ).save(sys.argv[1])  # fmt: skip


def wants() -> np.ndarray:
    """Of each engine, for a unit of each value where it is negative and where it is positive: (16, 4).

    A leg's flag lies in the upper half of its range on the ground, and in the lower one in the air.
    """
    wanted = np.zeros((8, 2, 4))
    below, above = 0, 1
    turn = {X: 0.25, DX: 0.5, ANGLE: -0.5, DANGLE: -1.0}  # to the left
    rise = {Y: -0.5, DY: -0.5}
    for engine, sums, sign in ((LEFT, turn, 1), (RIGHT, turn, -1), (MAIN, rise, 1)):
        for value, factor in sums.items():
            wanted[value, above, engine], wanted[value, below, engine] = sign * factor, -sign * factor
    wanted[X, :, MAIN] = 0.275  # the farther away, the higher
    for leg in (LEG, OTHER_LEG):
        wanted[leg, below, NOTHING], wanted[leg, above, NOTHING] = STILL / 2, 2 * STILL
    return wanted.reshape(16, 4)


if __name__ == "__main__":
    main()
