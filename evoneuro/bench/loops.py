"""Measurements of evaluation: decisions in closed loop, evaluations per second and where their time goes, workers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.bench.ceiling import Missing
from evoneuro.bench.kernels import Row, Tell
from evoneuro.bench.plan import Plan
from evoneuro.bench.timing import in_turns
from evoneuro.classification import ClassificationTask
from evoneuro.coding import encoder_from_spec
from evoneuro.environments import ControlTask
from evoneuro.errors import EvoNeuroError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.keys import generator
from evoneuro.launch import evolve
from evoneuro.network import NO_LEAK, Network
from evoneuro.networks import Networks
from evoneuro.simulator.lanes import KERNELS, LaneSimulator, chosen, decide_shared
from evoneuro.task import load_task
from evoneuro.workers import Pool, open_pool

CONTROL, DATA = "cartpole", "breast-cancer"
CASES = Cases(0, "test", 0, 8)
SYNAPSES = 8
DECODER = {"kind": "count"}  # one object: networks of a run share what they agree in
ROUNDS = 8  # batches for each of the most workers in one call
BATCH = 64  # networks of a round and worker


def balancing_network(task: ControlTask) -> Network:
    """An 8-synapse network that balances the pole for about 500 steps from nearly every start.

    Each side of each of the four values votes for one push; weights, delays and threshold were found by random search.
    """
    encoder, _ = task.coding(0)
    votes = np.repeat([1, 7, 7, 8], 2)
    return _voting(encoder, votes, np.tile([0, 1], 4), np.repeat([1, 1, 3, 1], 2), threshold=9, window=24)


def random_networks(encoder: dict[str, Any] | None, outputs: int, count: int, window: int) -> Networks:
    """Networks of `SYNAPSES` synapses from random inputs to random outputs, as evolution begins with."""
    inputs = encoder_from_spec(encoder or {}).inputs
    rng = generator(0, "check", index=inputs)
    networks = []
    for _ in range(count):
        weight = np.zeros(inputs, np.int64)
        weight[rng.choice(inputs, min(SYNAPSES, inputs), replace=False)] = rng.integers(1, 127, min(SYNAPSES, inputs))
        delays = rng.integers(1, 15, inputs, endpoint=True)
        networks.append(_voting(encoder, weight, rng.integers(outputs, size=inputs), delays, 64, window, outputs))
    return Networks.of(networks)


def _voting(
    encoder: dict[str, Any] | None,
    weight: npt.NDArray[np.integer],
    vote: npt.NDArray[np.integer],
    delay: npt.NDArray[np.integer],
    threshold: int,
    window: int,
    outputs: int = 2,
) -> Network:
    """Input k drives output `vote[k]` if its weight is not 0; the count decoder reads the outputs."""
    inputs, used = len(weight), np.flatnonzero(weight)
    neurons = inputs + outputs
    return Network(
        ids=np.arange(neurons),
        threshold=np.repeat([1, threshold], [inputs, outputs]).astype(np.int32),
        leak=np.full(neurons, NO_LEAK, np.int32),
        refractory=np.zeros(neurons, np.int32),
        pre=used.astype(np.int32),
        post=(inputs + vote[used]).astype(np.int32),
        weight=weight[used].astype(np.int32),
        delay=delay[used].astype(np.int32),
        inputs=np.arange(inputs, dtype=np.int32),
        outputs=np.arange(inputs, neurons, dtype=np.int32),
        window=window,
        encoder=encoder,
        decoder=DECODER,
    )


# Closed loop


def closed_loop(plan: Plan, tell: Tell) -> Row:
    """Decisions per second on one core through `evaluate`, one network and many; neat-python's steps per second."""
    tell("closed loop")
    task = load_control()
    network = balancing_network(task)
    networks, episodes = plan.shared
    shapes = {"one network": ([network], plan.episodes), "as in evolution": ([network] * networks, episodes)}
    work: dict[str, Any] = {
        name: lambda n=nets, e=count: evaluate(task, n, replace(CASES, count=e))
        for name, (nets, count) in shapes.items()
    }
    neat, refused = _neat(plan)
    seconds = in_turns(work | ({"neat-python": neat} if neat else {}), replace(plan.patience, turns=3))
    rows = [_closed_row(task, name, *shapes[name], seconds[name]) for name in shapes]
    steps_per_s = plan.neat_steps / seconds["neat-python"] if neat else None
    return {
        "task": task.name,
        "rows": rows,
        "neat_python": {
            "steps_per_s": steps_per_s,
            "refused": refused,
            "times": rows[0]["decisions_per_s"] / steps_per_s if steps_per_s else None,
        },
    }


def _closed_row(task: ControlTask, name: str, networks: Sequence[Network], episodes: int, seconds: float) -> Row:
    found = evaluate(task, networks, replace(CASES, count=episodes))
    decisions = sum(evaluation.decisions for evaluation in found)
    return {
        "name": name,
        "networks": len(networks),
        "episodes": episodes,
        "lanes": len(networks) * episodes,
        "synapses": networks[0].synapses,
        "window": networks[0].window,
        "score": float(np.mean([evaluation.score for evaluation in found])),
        "decisions": decisions,
        "seconds": seconds,
        "decisions_per_s": decisions / seconds,
        "network_steps_per_s": sum(evaluation.steps for evaluation in found) / seconds,
    }


def _neat(plan: Plan) -> tuple[Any, str | None]:
    """What runs neat-python's feed-forward network in Gymnasium's CartPole for some steps, or why it cannot."""
    try:
        network = _feed_forward()
    except Missing as reason:
        return None, str(reason)
    import gymnasium

    environment = gymnasium.make("CartPole-v1")

    def act() -> None:
        observation, _ = environment.reset(seed=0)
        for _ in range(plan.neat_steps):
            left, right = network.activate(observation)
            observation, _, terminated, truncated, _ = environment.step(int(right > left))
            if terminated or truncated:
                observation, _ = environment.reset()

    return act, None


def _feed_forward() -> Any:
    """neat-python's network with 8 connections that balance the pole.

    Raises:
        Missing: neat-python is not installed.
    """
    try:
        neat, activations, aggregations = (
            import_module(name) for name in ("neat", "neat.activations", "neat.aggregations")
        )
    except ImportError:
        raise Missing("not installed: pip install neat-python") from None
    inputs, outputs, push = [-1, -2, -3, -4], [0, 1], (0.1, 0.3, 1.0, 0.5)
    nodes = [
        (
            output,
            activations.sigmoid_activation,
            aggregations.sum_aggregation,
            0.0,
            1.0,
            [(key, side * weight) for key, weight in zip(inputs, push, strict=True)],
        )
        for output, side in zip(outputs, (-1.0, 1.0), strict=True)
    ]
    return neat.nn.FeedForwardNetwork(inputs, outputs, nodes)


# Evaluations


def evaluations(plan: Plan, tell: Tell) -> Row:
    """Evaluations per second of batches and of a whole run, and what is neither simulation nor physics."""
    tell("evaluations")
    control = load_control()
    encoder, _ = control.coding(0)
    window = control.window
    lasting, early = (
        Networks.of([balancing_network(control)] * plan.population),
        random_networks(encoder, 2, plan.population, window),
    )
    rows = [
        {"name": f"{CONTROL}, networks that balance", **_control_row(lasting, plan)},
        {"name": f"{CONTROL}, random networks", **_control_row(early, plan)},
        {"name": f"{DATA}, random networks", **_data_row(plan)},
    ]
    return {"batches": rows, "run": _whole_run(plan, tell)}


def load_control() -> ControlTask:
    """The control task that is measured."""
    task = load_task(CONTROL)
    if not isinstance(task, ControlTask):
        raise EvoNeuroError(f"bench: {CONTROL} is not the built-in control task here")
    return task


class _Stopwatch:
    """Seconds that calls take, added up."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def times(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, timed."""

        def timed(*arguments: Any) -> Any:
            start = time.perf_counter()
            found = call(*arguments)
            self.seconds += time.perf_counter() - start
            return found

        return timed


def _control_row(networks: Sequence[Network], plan: Plan) -> Row:
    """One batch as a worker gets it: the fastest of several evaluations, all of whose parts are timed within it."""
    found = [_timed_evaluation(networks) for _ in range(plan.patience.turns)]
    return _shares(len(networks), *min(found))


def _timed_evaluation(networks: Sequence[Network]) -> tuple[float, float, float]:
    """Seconds of an evaluation, and those of them that simulation (encoder to decoder) and physics take."""
    task, physics, simulation = load_control(), _Stopwatch(), _Stopwatch()
    for name in ("reset", "step"):
        setattr(task, name, physics.times(getattr(task, name)))
    kernel = KERNELS[chosen()]

    def simulator(*arguments: Any) -> LaneSimulator:
        made = kernel.simulator(*arguments)
        for name in ("act", "repack"):
            setattr(made, name, simulation.times(getattr(made, name)))
        return made

    KERNELS[chosen()] = replace(kernel, simulator=simulator)
    try:
        start = time.perf_counter()
        evaluate(task, networks, CASES)
        total = time.perf_counter() - start
    finally:
        KERNELS[chosen()] = kernel
    return total, simulation.seconds, physics.seconds


def _data_row(plan: Plan) -> Row:
    task = load_task(DATA)
    if not isinstance(task, ClassificationTask):
        raise EvoNeuroError(f"bench: {DATA} is not the built-in data set here")
    spec, _ = task.coding(0)
    networks = random_networks(spec, task.outputs, plan.population, task.window)
    encoder = encoder_from_spec(spec or {})
    q = encoder.quantise(task.samples(CASES.split, CASES.seed))
    trains = encoder.encode(q, task.window)
    seconds = in_turns(
        {
            "all": lambda: evaluate(task, networks, CASES),
            "simulation": lambda: decide_shared(networks, trains),
        },
        plan.patience,
    )
    return _shares(len(networks), seconds["all"], seconds["simulation"], 0.0)  # encoded once, then kept


def _shares(networks: int, total: float, simulation: float, physics: float) -> Row:
    neither = max(total - simulation - physics, 0.0)  # of a data set, simulation is timed apart
    return {
        "networks": networks,
        "evaluations_per_s": networks / total,
        "microseconds_per_candidate": total / networks * 1e6,
        "simulation": simulation / networks * 1e6,
        "physics": physics / networks * 1e6,
        "neither": neither / networks * 1e6,
        "share_neither": neither / total,
    }


def _whole_run(plan: Plan, tell: Tell) -> Row:
    """A run in this process, from its first genome to its closed record."""
    tell("a whole run")
    with tempfile.TemporaryDirectory(prefix="evoneuro-") as folder:
        start = time.perf_counter()
        run = evolve(
            CONTROL, generations=plan.generations, workers=0, out=folder, search={"population": plan.population}
        )
        seconds = time.perf_counter() - start
        count = int(run.status()["evaluations"])
    return {
        "task": CONTROL,
        "population": plan.population,
        "generations": plan.generations,
        "evaluations": count,
        "seconds": seconds,
        "evaluations_per_s": count / seconds,
    }


# Workers


def scaling_rows(plan: Plan, tell: Tell) -> list[Row]:
    """A row for each number of workers: the same networks through the real pool, pools opened in turns."""
    network = balancing_network(load_control())
    networks = Networks.of([network] * (BATCH * ROUNDS * max(plan.workers)))
    least = min(plan.workers)
    found: dict[int, list[Row]] = {count: [] for count in plan.workers}
    for turn in range(plan.pools):
        for count in plan.workers if turn % 2 == 0 else reversed(plan.workers):
            tell(f"workers: {count}")
            with open_pool(CONTROL, {}, count, target=plan.batch_seconds) as pool:
                found[count].append(_pool_row(pool, networks, plan.batches))
    best = {count: min(rows, key=lambda row: row["seconds"]) for count, rows in found.items()}
    return [
        {**best[count], "speed_up": best[least]["seconds"] / best[count]["seconds"] * least} for count in plan.workers
    ]


def _pool_row(pool: Pool, networks: Sequence[Network], calls: int) -> Row:
    """The fastest of `calls` generations of work, after one that warms up."""
    list(pool.evaluate(networks, CASES))
    seconds, busy, batches = [], [], 0
    for _ in range(calls):
        before, start = pool.busy, time.perf_counter()
        batches = sum(1 for _ in pool.evaluate(networks, CASES))
        seconds.append(time.perf_counter() - start)
        busy.append(pool.busy - before)
    fastest = int(np.argmin(seconds))
    wall, worked = seconds[fastest], busy[fastest]
    return {
        "workers": pool.workers,
        "networks": len(networks),
        "batches": batches,
        "batch_seconds": worked / batches,
        "seconds": wall,
        "evaluations_per_s": len(networks) / wall,
        "worker_seconds": worked,
        "ray_share": max(wall - worked / pool.workers, 0.0) / wall,
    }
