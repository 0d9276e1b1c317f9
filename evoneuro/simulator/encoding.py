"""Acting on observations, for kernels that take trains: the encoder runs on the host."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder
from evoneuro.coding.trains import Trains
from evoneuro.network import Integers, Network

Gains = npt.NDArray[np.int64]


class ActsOnTrains:
    """What a simulator that decides on trains inherits to act on observations; its constructor sets the attributes.

    Attributes:
        encoder: of all networks.
        gains: int64 [P], of each; None: the encoder's own.
    """

    networks: Sequence[Network]
    live: Integers
    encoder: Encoder | None
    gains: Gains | None

    def decide(self, trains: Trains) -> tuple[Integers, Integers]:
        """See `evoneuro.simulator.lanes.LaneSimulator`."""
        raise NotImplementedError

    def act(self, observations: npt.NDArray[np.float64]) -> tuple[Integers, Integers]:
        """See `evoneuro.simulator.lanes.LaneSimulator`."""
        assert self.encoder is not None, "act() needs an encoder"
        gains = None if self.gains is None else np.repeat(self.gains, self.live)
        window = max(network.window for network in self.networks)
        return self.decide(self.encoder.encode(self.encoder.quantise(observations), window, gains))
