"""What `evoneuro bench` measures, and how long it takes for it: all sizes and counts, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evoneuro.bench.networks import Size
from evoneuro.bench.timing import Patience


@dataclass(frozen=True)
class Plan:
    """Sizes of all measurements.

    Attributes:
        patience: of each comparison.
        sizes, lanes, activities: of the simulator; all combinations.
        base: size of the network from which growth starts, with `base_lanes`, activity 8 %, 50 steps, delays to 15.
        growth: values of each axis that grows while the others stay.
        memory_lanes: lanes whose memory is measured.
        peer_sizes, peer_delays: of the networks that peers get.
        episodes: of the closed loop, one network; shared: networks and episodes of each, as evolution has them.
        neat_steps: environment steps of neat-python.
        generation_sizes: population and size of genomes whose generation is timed without evaluation.
        population, generations: of the run that is timed end to end.
        workers: numbers of workers to compare, each with a pool of its own.
        pools: how often each pool is opened, in turns.
        batch_seconds: work of one worker in one batch; batches: calls of `evaluate` that are timed.
    """

    patience: Patience
    sizes: tuple[Size, ...]
    lanes: tuple[int, ...]
    activities: tuple[float, ...]
    base: Size
    base_lanes: int
    growth: Mapping[str, tuple[int, ...]]
    memory_lanes: int
    peer_sizes: tuple[Size, ...]
    peer_delays: tuple[int, ...]
    episodes: int
    shared: tuple[int, int]
    neat_steps: int
    generation_sizes: tuple[tuple[int, Size], ...]
    population: int
    generations: int
    workers: tuple[int, ...]
    pools: int
    batch_seconds: float
    batches: int


SMALL, MIDDLE, LARGE = Size(10, 30), Size(50, 300), Size(200, 2000)

FULL = Plan(
    patience=Patience(turns=7, seconds=0.02, most=6.0),
    sizes=(SMALL, MIDDLE, LARGE),
    lanes=(1, 16, 256, 1024, 4096),
    activities=(0.01, 0.08, 0.30),
    base=MIDDLE,
    base_lanes=256,
    growth={
        "neurons": (20, 50, 100, 200, 400, 800, 1600),
        "synapses": (75, 150, 300, 600, 1200, 2400),
        "lanes": (1, 4, 16, 64, 256, 1024, 4096, 16384),
        "steps": (25, 50, 100, 200, 400, 800),
        "delay": (1, 3, 7, 15, 31, 63, 127, 255),
        "population": (1, 4, 16, 64, 256),
    },
    memory_lanes=4096,
    peer_sizes=(SMALL, MIDDLE, LARGE),
    peer_delays=(15, 1),
    episodes=1000,
    shared=(125, 8),
    neat_steps=40_000,
    generation_sizes=((100, Size(14, 20)), (1000, Size(14, 20)), (1000, Size(50, 200))),
    population=100,
    generations=10,
    workers=(1, 2),
    pools=3,
    batch_seconds=0.05,
    batches=8,
)

QUICK = Plan(
    patience=Patience(turns=2, seconds=0.002, most=0.5),
    sizes=(SMALL, MIDDLE),
    lanes=(1, 256, 1024),
    activities=(0.08,),
    base=MIDDLE,
    base_lanes=64,
    growth={
        "neurons": (50, 200),
        "synapses": (300, 1200),
        "lanes": (64, 256),
        "steps": (50, 100),
        "delay": (15, 63),
        "population": (1, 8),
    },
    memory_lanes=256,
    peer_sizes=(SMALL,),
    peer_delays=(15,),
    episodes=200,
    shared=(25, 8),
    neat_steps=5_000,
    generation_sizes=((100, Size(14, 20)),),
    population=20,
    generations=2,
    workers=(1, 2),
    pools=1,
    batch_seconds=0.05,
    batches=2,
)
