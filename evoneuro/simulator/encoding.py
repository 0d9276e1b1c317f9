"""Acting on observations with an encoder that runs on the host."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder, Feed
from evoneuro.network import Integers
from evoneuro.simulator.compiled import Compiled

Gains = npt.NDArray[np.int64]


class ActsOnFeeds:
    """What a simulator that decides on feeds inherits to act on observations; its constructor sets the attributes.

    Attributes:
        encoder: of all networks.
        gains: int64 [P], of each; None: the encoder's own.
    """

    compiled: Compiled
    live: Integers
    encoder: Encoder | None
    gains: Gains | None

    def decide(self, feed: Feed) -> tuple[Integers, Integers]:
        """See `evoneuro.simulator.lanes.LaneSimulator`."""
        raise NotImplementedError

    def act(self, observations: npt.NDArray[np.float64]) -> tuple[Integers, Integers]:
        """See `evoneuro.simulator.lanes.LaneSimulator`."""
        assert self.encoder is not None, "act() needs an encoder"
        gains = None if self.gains is None else np.repeat(self.gains, self.live)
        window = int(self.compiled.window.max())
        return self.decide(self.encoder.encode(self.encoder.quantise(observations), window, gains))
