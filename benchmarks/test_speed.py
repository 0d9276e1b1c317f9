"""The simulator under pytest-benchmark, to compare two versions of it on one machine:

    pip install -e ".[test,bench]"
    pytest benchmarks --benchmark-autosave      # and --benchmark-compare the next time

What is measured, and beside what, is `evoneuro bench`; these are its workloads.
"""

from __future__ import annotations

from typing import Any

import pytest

from evoneuro.bench.loops import CASES, balancing_network, load_control
from evoneuro.bench.networks import Request, Size, make_workload
from evoneuro.bench.plan import FULL
from evoneuro.evaluate import evaluate
from evoneuro.simulator.lanes import decide_shared


@pytest.mark.parametrize("size", FULL.sizes, ids=str)
@pytest.mark.parametrize("activity", FULL.activities)
@pytest.mark.parametrize("lanes", FULL.lanes)
def test_decide_shared(benchmark: Any, size: Size, activity: float, lanes: int) -> None:
    workload = make_workload(Request(size, activity, lanes))
    benchmark(decide_shared, [workload.network], workload.trains)


def test_closed_loop(benchmark: Any) -> None:
    task = load_control()
    networks, _ = FULL.shared
    benchmark(evaluate, task, [balancing_network(task)] * networks, CASES)
