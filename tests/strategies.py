"""Random valid networks, rasters and trains: one definition, drawn by hypothesis (which shrinks) or from a seed.

A `Style` is a corner of what networks may be; `STYLES` together cover the whole model: every kind of leak, refractory
neurons, thresholds <= 0, reset by subtraction, self loops, parallel synapses, delays up to 255, floors, ceilings, and
potentials that need all 32 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from evoneuro.network import MAX_DELAY, NO_CEILING, NO_FLOOR, NO_LEAK, Network

Draw = Callable[[int, int], int]  # an integer from low to high, both included
Range = tuple[int, int]


@dataclass(frozen=True)
class Style:
    """Ranges that a network is drawn from; of `leak` and `v_min` one value is chosen.

    Attributes:
        headroom: range of v_max above the least allowed; empty for no ceiling.
        steps: how long one must watch such a network to see what is special about it.
    """

    neurons: Range = (2, 7)
    synapses: Range = (0, 16)
    threshold: Range = (1, 5)
    leak: Sequence[int] = (NO_LEAK, 0)
    refractory: Range = (0, 0)
    weight: Range = (-4, 6)
    delay: Range = (1, 4)
    v_min: Sequence[int] = (-127,)
    headroom: Range | tuple[()] = ()
    reset: str = "zero"
    input_max: Range = (1, 6)
    steps: int = 40


STYLES = {
    "plain": Style(),
    "leaks": Style(leak=(NO_LEAK, *range(16)), weight=(-40, 60), threshold=(1, 60), input_max=(1, 60)),
    "refractory": Style(refractory=(0, 4), leak=(NO_LEAK, 0, 1)),
    "long refractory": Style(refractory=(0, 255), threshold=(1, 2), steps=300),
    "thresholds": Style(threshold=(-4, 3), leak=(NO_LEAK, 0, 1), refractory=(0, 1), v_min=(-127, -3)),
    "subtract": Style(reset="subtract", headroom=(0, 9), leak=(NO_LEAK, 2), refractory=(0, 2), input_max=(1, 20)),
    "loops": Style(neurons=(1, 3), synapses=(6, 24), weight=(-3, 3)),
    "delays": Style(delay=(1, MAX_DELAY), threshold=(1, 3), neurons=(2, 4), synapses=(4, 12), steps=300),
    "floors": Style(v_min=(0, -1, -3, NO_FLOOR), weight=(-9, 6), threshold=(-4, 5), leak=(NO_LEAK, 1, 3)),
    "wide": Style(
        threshold=(1, 2**21), leak=(NO_LEAK, 15, 4), weight=(-(2**20), 2**21), v_min=(NO_FLOOR,),
        input_max=(2**20, 2**22)
    ),
    "mixed": Style(
        neurons=(1, 9), synapses=(0, 30), threshold=(-3, 20), leak=(NO_LEAK, *range(16)), refractory=(0, 3),
        weight=(-20, 30), delay=(1, 40), v_min=(0, -20, NO_FLOOR), headroom=(0, 20), input_max=(0, 30)
    ),
}  # fmt: skip


def network_from(draw: Draw, style: Style) -> Network:
    """A valid network; every choice goes through `draw`."""

    def column(low_high: Range, length: int) -> list[int]:
        return [draw(*low_high) for _ in range(length)]

    def pick(options: Sequence[int]) -> int:
        return options[draw(0, len(options) - 1)]

    def some(most: int) -> list[int]:
        pool = list(range(n))
        return [pool.pop(draw(0, len(pool) - 1)) for _ in range(draw(1, min(most, n)))]

    n, s = draw(*style.neurons), draw(*style.synapses)
    threshold = column(style.threshold, n)
    least = max(0, *threshold) - min(1, max(0, *threshold))
    input_max = draw(*style.input_max)
    names = np.cumsum(column((1, 5), n))
    return Network(
        ids=names[:: -1 if draw(0, 1) else 1] - 1,
        threshold=threshold,
        leak=[pick(style.leak) for _ in range(n)],
        refractory=column(style.refractory, n),
        pre=column((0, n - 1), s),
        post=column((0, n - 1), s),
        weight=column(style.weight, s),
        delay=column(style.delay, s),
        inputs=some(3),
        outputs=some(3),
        reset=style.reset,
        v_min=pick(style.v_min),
        v_max=least + draw(*style.headroom) if style.headroom else NO_CEILING,
        input_max=input_max,
        input_charge=draw(-input_max // 4, input_max),
        window=draw(1, 40),
        decoder=_decoder(draw),
    )  # type: ignore[arg-type]


def _decoder(draw: Draw) -> dict[str, Any] | None:
    kind = draw(0, 3)
    if kind == 0:
        return None
    if kind == 1:
        return {"kind": "count"}
    evidence = draw(0, 4)
    return {"kind": "race", "evidence": evidence, "lead": draw(0 if evidence else 1, 3)}


def _seeded(rng: np.random.Generator) -> Draw:
    return lambda low, high: int(rng.integers(low, high, endpoint=True))


def random_network(seed: int, style: str) -> Network:
    """The network of a seed, from one of the `STYLES`."""
    return network_from(_seeded(np.random.default_rng([seed, list(STYLES).index(style)])), STYLES[style])


def random_raster(seed: int, network: Network, steps: int, lanes: int) -> npt.NDArray[np.int32]:
    """Charges int32 (steps, lanes, inputs): half of them 0, most others positive."""
    rng = np.random.default_rng(seed)
    shape = (steps, lanes, len(network.inputs))
    charges = rng.integers(-network.input_max // 3, network.input_max, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.5, charges, 0).astype(np.int32)


def random_trains(seed: int, network: Network, lanes: int) -> npt.NDArray[np.uint32]:
    """Trains uint32 (words, inputs, lanes), bits beyond the window included: nobody may read them."""
    rng = np.random.default_rng(seed)
    shape = (-(-network.window // 32), len(network.inputs), lanes)
    return rng.integers(0, 2**32, shape, np.uint32) & rng.integers(0, 2**32, shape, np.uint32)


def random_charges(seed: int, network: Network, lanes: int) -> npt.NDArray[np.int32]:
    """Charges int32 (steps, inputs, lanes): fewer steps than the window, or a few more, which nobody may read."""
    steps = int(np.random.default_rng([seed, 1]).integers(0, network.window + 4))
    return np.ascontiguousarray(random_raster(seed, network, steps, lanes).transpose(0, 2, 1))


def random_feed(seed: int, network: Network, lanes: int) -> npt.NDArray[Any]:
    """Trains or charges, in turn with the seed."""
    return random_charges(seed, network, lanes) if seed % 2 else random_trains(seed, network, lanes)


@st.composite
def networks(draw: st.DrawFn, styles: Sequence[str] = tuple(STYLES)) -> Network:
    """A network of any style."""
    style = STYLES[draw(st.sampled_from(list(styles)))]
    return network_from(lambda low, high: draw(st.integers(low, high)), style)


@st.composite
def rasters(draw: st.DrawFn, network: Network, lanes: int, most_steps: int = 24) -> npt.NDArray[np.int32]:
    """Charges int32 (steps, lanes, inputs) that `network` takes."""
    steps = draw(st.integers(0, most_steps))
    charge = st.integers(-network.input_max, network.input_max)
    size = steps * lanes * len(network.inputs)
    charges = draw(st.lists(charge, min_size=size, max_size=size))
    return np.array(charges, np.int32).reshape(steps, lanes, len(network.inputs))


@st.composite
def feeds(draw: st.DrawFn, network: Network, lanes: int) -> npt.NDArray[Any]:
    """Trains uint32 (words, inputs, lanes), or charges int32 (steps, inputs, lanes), that `network` takes."""
    if draw(st.booleans()):
        return np.ascontiguousarray(draw(rasters(network, lanes)).transpose(0, 2, 1))
    words = draw(st.integers(0, 2))
    size = words * lanes * len(network.inputs)
    bits = draw(st.lists(st.integers(0, 2**32 - 1), min_size=size, max_size=size))
    return np.array(bits, np.uint32).reshape(words, len(network.inputs), lanes)
