"""Whether a feed, trains or charges, is one that a batch of networks can take."""

from __future__ import annotations

import numpy as np

from evoneuro.coding import Feed, is_graded
from evoneuro.network import NO_CEILING, Integers
from evoneuro.neuron import check_bound, check_feed, largest
from evoneuro.simulator.compiled import Compiled


def check_own(c: Compiled, feed: Feed, live: Integers, total: int) -> bool:
    """Whether the feed is charges and not trains, if it fits networks with lanes of their own.

    Args:
        live: int32 [P], lanes of each network, which stand one after another.
        total: their sum.

    Raises:
        EvoNeuroError: a wrong dtype or shape, or a charge beyond the `input_max` of the network that gets it.
    """
    graded = check_feed(feed, int(c.inputs[1]), total)
    if graded and largest(feed) > int(c.input_max.min()):  # not every network takes it: look at each
        for part, limit in zip(np.split(feed, np.cumsum(live[:-1]), axis=2), c.input_max, strict=True):
            check_bound("charges", part, int(limit))
    return graded


def check_shared(c: Compiled, feed: Feed) -> bool:
    """Whether the feed is charges and not trains, if it fits networks all of which get it.

    Raises:
        EvoNeuroError: a wrong dtype or shape, or a charge beyond the `input_max` of some network.
    """
    graded = is_graded(feed)
    for inputs in np.unique(np.diff(c.inputs)):
        check_feed(feed, int(inputs), "lanes")
    if graded:
        check_bound("charges", feed, int(c.input_max.min(initial=NO_CEILING)))
    return graded
