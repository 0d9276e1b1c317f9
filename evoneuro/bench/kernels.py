"""Measurements of the simulator alone: speed, growth, memory, and the peers on the same networks and inputs."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.bench.ceiling import Ceiling, Missing
from evoneuro.bench.event_driven import Cleared
from evoneuro.bench.machine import peak_memory
from evoneuro.bench.networks import Request, Size, Workload, make_workload
from evoneuro.bench.peers import PEERS, Ours, Peer, check_portable
from evoneuro.bench.plan import Plan
from evoneuro.bench.timing import Work, in_turns
from evoneuro.coding.trains import Trains
from evoneuro.network import NO_FLOOR, Network
from evoneuro.simulator.lanes import decide_shared, lane_simulator

Row = dict[str, Any]
Tell = Callable[[str], None]
Answer = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]  # choice, latency, spikes of each neuron

BASE_ACTIVITY = 0.08
SHARED, KEPT = "decide_shared", "lane_simulator"
EVENT_DRIVEN, CEILING = "event_driven", "ceiling"


# Speed


def simulator_rows(plan: Plan, tell: Tell) -> list[Row]:
    """A row for each size, activity and number of lanes: ours, the event-driven loop and the C kernel in turns."""
    ceiling = _ceiling()
    rows = []
    for size in plan.sizes:
        for activity in plan.activities:
            workload = make_workload(Request(size, activity, max(plan.lanes)))
            for lanes in plan.lanes:
                tell(f"simulator: {size.neurons} neurons, {lanes} lanes, {activity:.0%} activity")
                rows.append({**_simulator_row(workload, lanes, ceiling, plan), "activity_target": activity})
    return rows


def _simulator_row(workload: Workload, lanes: int, ceiling: Ceiling | Missing, plan: Plan) -> Row:
    network, trains = workload.network, workload.first(lanes)
    runners = _runners(network, trains)
    refused = _add_ceiling(runners, network, trains, ceiling)
    answers = {name: run() for name, run in runners.items()}
    first = answers[SHARED]
    seconds = in_turns(runners, plan.patience)
    ours = min(seconds[SHARED], seconds[KEPT])
    return {
        "neurons": network.neurons,
        "synapses": network.synapses,
        "lanes": lanes,
        "steps": network.window,
        "activity": workload.activity,
        "seconds": seconds,
        "network_steps_per_s": network.window * lanes / ours,
        "synaptic_events_per_s": int(first[2] @ network.out_degree.astype(np.int64)) / ours,
        "times_event_driven": seconds[EVENT_DRIVEN] / ours,
        "share_of_ceiling": seconds[CEILING] / ours if CEILING in seconds else None,
        "ceiling_refused": refused,
        "spikes_equal": all(_same(answer, first) for answer in answers.values()),
    }


def _runners(network: Network, trains: Trains) -> dict[str, Work]:
    """Ours in the two ways in which evaluation uses it, and the event-driven loop: all from a cleared state.

    `decide_shared` compiles the network in each call, a kept simulator holds the state of every lane.
    """
    kept, loop = lane_simulator([network], trains.shape[2]), Cleared(network)

    def decide_kept() -> Answer:
        kept.forget()
        kept.spikes[:] = 0
        return (*kept.decide(trains), kept.spikes.copy())

    def decide_together() -> Answer:
        decided = decide_shared([network], trains)
        return decided.choice[0], decided.latency[0], decided.spikes

    return {SHARED: decide_together, KEPT: decide_kept, EVENT_DRIVEN: lambda: loop.decide(trains)}


def _ceiling() -> Ceiling | Missing:
    try:
        return Ceiling()
    except Missing as reason:
        return reason


def _add_ceiling(runners: dict[str, Work], network: Network, trains: Trains, ceiling: Ceiling | Missing) -> str | None:
    """Adds the C kernel, or returns why not."""
    if isinstance(ceiling, Missing):
        return str(ceiling)
    kernel = ceiling.of(network)
    runners[CEILING] = lambda: kernel.decide(trains)
    return None


def _same(one: Answer, other: Answer) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# Growth


def growth_rows(plan: Plan, tell: Tell) -> list[Row]:
    """A row for each axis: seconds of ours and of the event-driven loop at each value, and log-log slopes."""
    rows = []
    for axis, values in plan.growth.items():
        tell(f"growth: {axis}")
        points = [_growth_point(axis, value, plan) for value in values]
        seconds = {name: [point[name] for _, point in points] for name in (SHARED, EVENT_DRIVEN)}
        rows.append(
            {
                "axis": axis,
                "values": list(values),
                "activity": [activity for activity, _ in points],
                "seconds": seconds,
                "slopes": {name: slope(values, column) for name, column in seconds.items()},
            }
        )
    return rows


def _growth_point(axis: str, value: int, plan: Plan) -> tuple[float, dict[str, float]]:
    """Activity, and seconds of ours and of the event-driven loop."""
    workload = make_workload(_grown(Request(plan.base, BASE_ACTIVITY, plan.base_lanes), axis, value))
    networks = [workload.network] * (value if axis == "population" else 1)
    loop = Cleared(workload.network)
    work: Mapping[str, Work] = {
        SHARED: lambda: decide_shared(networks, workload.trains),
        EVENT_DRIVEN: lambda: [loop.decide(workload.trains) for _ in networks],
    }
    return workload.activity, in_turns(work, replace(plan.patience, turns=min(plan.patience.turns, 3)))


def _grown(request: Request, axis: str, value: int) -> Request:
    """The request with `value` on the axis."""
    changed: dict[str, Callable[[], Request]] = {
        "neurons": lambda: replace(request, size=Size(value, request.size.synapses)),
        "synapses": lambda: replace(request, size=Size(request.size.neurons, value)),
        "lanes": lambda: replace(request, lanes=value),
        "steps": lambda: replace(request, window=value),
        "delay": lambda: replace(request, longest_delay=value),
        "population": lambda: request,
    }
    return changed[axis]()


def slope(values: Sequence[float], seconds: Sequence[float]) -> float:
    """Exponent of growth: least squares of log seconds on log value, over the upper half of the values."""
    upper = len(values) // 2 if len(values) > 3 else 0
    return float(np.polyfit(np.log(values[upper:]), np.log(seconds[upper:]), 1)[0])


# Memory


def memory_facts(plan: Plan, tell: Tell) -> Row:
    """Peak bytes of numpy and Python while the simulator decides, and of the whole process so far."""
    tell("memory")
    rows = []
    for size in plan.sizes:
        workload = make_workload(Request(size, BASE_ACTIVITY, plan.memory_lanes))
        shared = peak_of(lambda w=workload: decide_shared([w.network], w.trains))  # type: ignore[misc]
        kept = peak_of(
            lambda w=workload: lane_simulator([w.network], plan.memory_lanes).decide(w.trains)  # type: ignore[misc]
        )
        rows.append(
            {
                "neurons": size.neurons,
                "synapses": size.synapses,
                "lanes": plan.memory_lanes,
                "input_bytes": workload.trains.nbytes,
                "decide_shared_bytes": shared,
                "kept_bytes": kept,
                "kept_bytes_per_lane": kept / plan.memory_lanes,
            }
        )
    return {"simulator": rows, "process_peak_bytes": peak_memory()}


def peak_of(work: Work) -> int:
    """Most bytes that Python and numpy held at once while `work` ran, on top of what they held before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


# Peers


def peer_rows(plan: Plan, tell: Tell) -> list[Row]:
    """A row for each size, longest delay and peer; a peer that refuses or is not installed has the reason instead."""
    rows: list[Row] = []
    for size in plan.peer_sizes:
        for delay in plan.peer_delays:
            request = Request(size, BASE_ACTIVITY, max(p.lanes for p in PEERS), longest_delay=delay, v_min=NO_FLOOR)
            rows.extend(_compare(make_workload(request), delay, plan, tell))
    return rows


def _compare(workload: Workload, delay: int, plan: Plan, tell: Tell) -> Iterator[Row]:
    check_portable(workload.network)
    facts = {
        "neurons": workload.network.neurons,
        "synapses": workload.network.synapses,
        "longest_delay": delay,
        "activity": workload.activity,
    }
    for kind in PEERS:
        tell(f"peers: {kind.name}, {workload.network.neurons} neurons, delays to {delay}")
        about = {**facts, "name": kind.name, "lanes": kind.lanes, "restriction": kind.restriction}
        try:
            yield {**about, **_peer_row(kind, workload, plan)}
        except Missing as reason:
            yield {**about, "refused": str(reason)}


def _peer_row(kind: type[Peer], workload: Workload, plan: Plan) -> Row:
    """The peer and ours in turns on the lanes that the peer takes, every spike recorded by both."""
    network, trains = workload.network, workload.first(kind.lanes)
    peer, ours = kind(network), Ours(network)
    equal = np.array_equal(peer.run(trains), ours.run(trains))
    seconds = in_turns({"peer": lambda: peer.run(trains), "ours": lambda: ours.run(trains)}, plan.patience)
    at_best = in_turns({"ours": lambda: decide_shared([network], workload.trains)}, plan.patience)["ours"]
    steps = network.window * kind.lanes
    best_steps = network.window * workload.trains.shape[2]
    return {
        "seconds": seconds["peer"],
        "network_steps_per_s": steps / seconds["peer"],
        "ours_times_faster": seconds["peer"] / seconds["ours"],
        "ours_at_best_times_faster": seconds["peer"] / steps * best_steps / at_best,
        "spikes_equal": equal,
    }
