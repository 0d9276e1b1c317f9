"""All measurements of one run, as one plain document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evoneuro.bench import kernels, loops
from evoneuro.bench.generation import generation_rows
from evoneuro.bench.kernels import Tell
from evoneuro.bench.machine import machine, versions
from evoneuro.bench.peers import PACKAGES
from evoneuro.bench.plan import Plan
from evoneuro.simulator.lanes import warm_up


def measure(plan: Plan, tell: Tell) -> dict[str, Any]:
    """Everything, one measurement after another: this needs the machine for itself.

    Returns:
        {machine, versions, simulator: [...], closed_loop: {...}, evaluations: {...}, generation: [...],
        growth: [...], memory: {...},
        scaling: [...], peers: [...]}. What could not be measured says so under `refused`.
    """
    facts = {"machine": machine(), "versions": versions(PACKAGES)}  # before any work of ours loads the machine
    warm_up()
    return {
        **facts,
        "simulator": kernels.simulator_rows(plan, tell),
        "closed_loop": loops.closed_loop(plan, tell),
        "evaluations": loops.evaluations(plan, tell),
        "generation": generation_rows(plan, tell),
        "growth": kernels.growth_rows(plan, tell),
        "memory": kernels.memory_facts(plan, tell),
        "scaling": loops.scaling_rows(plan, tell),
        "peers": kernels.peer_rows(plan, tell),
    }


def disagreements(document: Mapping[str, Any]) -> list[str]:
    """The measurements in which two simulators did not give the same spikes: there should be none."""
    return [
        f"{row.get('name', 'simulator')} at {row['neurons']} neurons, {row['lanes']} lanes"
        for row in _compared(document)
        if row.get("spikes_equal") is False
    ]


def _compared(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from document["simulator"]
    yield from document["peers"]
