"""What a run would do on 1 to 10,000 workers: costs measured on this machine, and a discrete-event simulation of them.

    python experiments/cluster/plan.py measure --out results/cluster_plan     # some minutes, needs Ray
    python experiments/cluster/plan.py predict --out results/cluster_plan     # table and picture from what was measured

The driver is one server: it asks for offspring, sends batches, takes answers, journals, tells and records, one thing at
a time. Workers have a queue of two batches each. Batches are sized by the pool's own code.
"""

from __future__ import annotations

import argparse
import heapq
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evoneuro.workers import pool
from evoneuro.workers.pool import Pace

WORKERS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
GENERATIONS = 4  # simulated, after one in which the pace is learned
QUEUE = 2  # batches per worker
SPREAD = 0.1  # of the seconds of a batch: standard deviation of a factor around 1
SLOW = 0.002  # share of the batches that take SLOWER times as long
SLOWER = 3.0


@dataclass(frozen=True)
class Costs:
    """Seconds of one processor, as measured.

    Attributes:
        ask, tell, record: of the driver for each candidate: breeding; measures, selection, archive; the closed record.
        journal, commit: of the driver for each evaluation, and for each batch of them.
        message, cargo: of the driver for each batch, sent and answered, and for each network in it.
        look, each: of the driver for a look at who has answered, and for each worker that it looks at.
        latency: from the end of a batch until the driver can see it.
        start, evaluation: of a worker for a batch, and for each network in it.
    """

    ask: float
    tell: float
    record: float
    journal: float
    commit: float
    message: float
    cargo: float
    look: float
    each: float
    latency: float
    start: float
    evaluation: float


# Measuring


def measure() -> Costs:
    """The costs on this machine, for networks of 14 neurons and 20 synapses; a driver's are its processor time."""
    generation = _generation_costs()
    with tempfile.TemporaryDirectory() as folder:
        messages = _message_costs(Path(folder))
    return Costs(**generation, **messages, **_evaluation_costs())


def _least(work: Callable[[], Any], clock: Callable[[], float], turns: int = 5) -> float:
    """The least time of some turns: a busy neighbour makes a turn slower, never faster."""
    work()
    found = []
    for _ in range(turns):
        start = clock()
        work()
        found.append(clock() - start)
    return min(found)


def _generation_costs(population: int = 1000) -> dict[str, float]:
    from evoneuro.bench.generation import _Generation
    from evoneuro.bench.networks import Size

    with tempfile.TemporaryDirectory() as folder:
        made = _Generation(population, Size(14, 20), Path(folder))
        parts = made.parts()
        each = {name: _least(parts[name], time.process_time) / population for name in ("ask", "record")}
        tell = sum(_least(parts[name], time.process_time) for name in ("measure", "tell", "archive")) / population
        sizes = {}
        for size in (1, 256):
            rows = list(enumerate(made.evaluations[:size]))

            def journal(rows: Any = rows) -> None:
                made.number += 1
                made.store.record(made.number, "offspring", rows)

            sizes[size] = _least(journal, time.perf_counter, 20)  # waiting for the disk, too
        made.store.close()
    one, more = sizes[1], sizes[256]
    journal_each = max((more - one) / 255, 0.0)
    return {**each, "tell": tell, "journal": journal_each, "commit": max(one - journal_each, 0.0)}


TRIVIAL = '''
import numpy as np
from evoneuro import ClassificationTask

class Trivial(ClassificationTask):
    """Hardly anything to evaluate."""
    window = 2
    def load(self):
        return np.arange(40).reshape(20, 2) % 5, np.arange(20) % 2
'''


def _message_costs(folder: Path) -> dict[str, float]:
    """What Ray and packing take of the driver, by batches that hold hardly any work."""
    from evoneuro.bench.loops import random_networks
    from evoneuro.evaluation import Cases
    from evoneuro.networks import Networks
    from evoneuro.task import load_task
    from evoneuro.workers import open_pool

    (folder / "trivial.py").write_text(TRIVIAL)
    name = f"{folder / 'trivial.py'}:Trivial"
    task = load_task(name)
    spec, _ = task.coding(0)
    networks = Networks.of(random_networks(spec, task.outputs, 2048, task.window))
    cases, real = Cases(0, "episodes", 0, 1), Pace.size
    spent = {}
    with open_pool(name, {}, 1) as pool:
        try:
            for size, batches in ((1, 1000), (64, 32)):
                Pace.size = lambda self, size=size: size
                some = networks[: size * batches]
                spent[size] = _least(lambda some=some: list(pool.evaluate(some, cases)), time.process_time) / batches
            Pace.size = lambda self: 1
            lone = [_least(lambda: list(pool.evaluate(networks[:1], cases)), time.perf_counter, 1) for _ in range(50)]
        finally:
            Pace.size = real
        looks = _look_costs()
    cargo = max((spent[64] - spent[1]) / 63, 0.0)
    return {"message": spent[1] - cargo, "cargo": cargo, "latency": statistics.median(lone), **looks}


def _look_costs() -> dict[str, float]:
    """`ray.wait` on calls that are not answered yet, as a pool looks at its workers: twice each time."""
    import ray

    @ray.remote(num_cpus=0)
    class Sleeper:
        def sleep(self) -> None:
            time.sleep(600)

    sleeper = Sleeper.remote()
    calls = [sleeper.sleep.remote() for _ in range(1000)]
    times = {
        count: 2 * _least(lambda some=calls[:count]: ray.wait(some, num_returns=1, timeout=0), time.process_time, 200)
        for count in (10, 1000)
    }
    ray.kill(sleeper)
    each = max((times[1000] - times[10]) / 990, 0.0)
    return {"look": max(times[10] - 10 * each, 0.0), "each": each}


def _evaluation_costs() -> dict[str, float]:
    """A worker's seconds for networks that balance a pole through all of their episodes."""
    from evoneuro.bench.loops import CASES, CONTROL, balancing_network
    from evoneuro.evaluate import evaluate
    from evoneuro.networks import Networks
    from evoneuro.task import load_task

    task = load_task(CONTROL)
    network = balancing_network(task)
    seconds = {
        size: _least(lambda size=size: evaluate(task, Networks.of([network] * size), CASES), time.process_time, 3)
        for size in (16, 512)
    }
    each = (seconds[512] - seconds[16]) / 496
    return {"start": max(seconds[16] - 16 * each, 0.0), "evaluation": each}


# Predicting


@dataclass(frozen=True)
class Design:
    """How a generation is organised.

    Attributes:
        islands: populations; each of `population / islands` candidates.
        streamed: whether the first island's offspring are sent while those of the next are bred.
        together: whether batches that have come back at the same time are journaled at once.
        message: seconds of the driver that sizes of batches allow for each; 0: they are for the workers alone.
    """

    name: str
    population: int
    islands: int = 1
    streamed: bool = False
    together: bool = True
    message: float = pool.MESSAGE_SECONDS


class _Run:
    """A run in simulated time."""

    def __init__(self, costs: Costs, design: Design, workers: int) -> None:
        self.costs, self.design, self.workers = costs, design, workers
        self.rng = np.random.Generator(np.random.Philox(7))
        self.now = self.busy = self.worked = 0.0
        self.pace = Pace(60.0)
        self.ends = [0.0] * workers  # when each worker is through with what it has
        self.held = [0] * workers
        self.answers: list[tuple[float, int, int, float]] = []  # seen from, worker, networks, seconds

    def work(self, seconds: float) -> None:
        """The driver does something."""
        self.now += seconds
        self.busy += seconds

    def send(self, worker: int, networks: int) -> None:
        costs = self.costs
        self.work(costs.message / 2 + costs.cargo * networks / 2)
        seconds = costs.start + costs.evaluation * networks
        seconds *= max(0.2, 1 + SPREAD * self.rng.standard_normal()) * (SLOWER if self.rng.random() < SLOW else 1)
        self.ends[worker] = max(self.now + costs.latency / 2, self.ends[worker]) + seconds
        self.held[worker] += 1
        self.worked += seconds
        heapq.heappush(self.answers, (self.ends[worker] + costs.latency / 2, worker, networks, seconds))

    def size(self) -> int:
        """Networks in a batch, by the pool's rule, or by the one that knew nothing of the driver."""
        return self.pace.share(self.design.population, self.workers)

    def generation(self) -> None:
        """One generation, from asking to the closed record."""
        design, costs = self.design, self.costs
        share_of = design.population // design.islands
        unbred = design.islands
        fresh = 0
        if not design.streamed:
            self.work(costs.ask * design.population)
            unbred, fresh = 0, design.population
        free = [worker for depth in range(QUEUE) for worker in range(self.workers)]
        while unbred or fresh or self.answers:
            while unbred and not fresh and free:
                self.work(costs.ask * share_of)
                unbred, fresh = unbred - 1, share_of
            size = self.size()
            while fresh and free:
                networks = min(size, fresh)
                fresh -= networks
                self.send(free.pop(0), networks)
            self.work(costs.look + costs.each * self.workers)
            if self.answers and self.answers[0][0] > self.now and not (unbred and free):
                self.now = self.answers[0][0]
            came = False
            while self.answers and self.answers[0][0] <= self.now:
                _, worker, networks, seconds = heapq.heappop(self.answers)
                self.held[worker] -= 1
                self.pace.record(networks, seconds)
                self.work(costs.message / 2 + costs.cargo * networks / 2)
                if fresh:
                    networks_next = min(size, fresh)
                    fresh -= networks_next
                    self.send(worker, networks_next)
                else:
                    free.append(worker)
                self.work(costs.journal * networks + (0 if design.together else costs.commit))
                came = True
            if came and design.together:
                self.work(costs.commit)
        self.work((costs.tell + costs.record) * design.population)


def predict(costs: Costs, design: Design, workers: int) -> dict[str, Any]:
    """Evaluations per second, idle share of the workers and load of the driver."""
    run, message = _Run(costs, design, workers), pool.MESSAGE_SECONDS
    pool.MESSAGE_SECONDS = design.message
    try:
        run.generation()
        start, busy, worked = run.now, run.busy, run.worked
        for _ in range(GENERATIONS):
            run.generation()
    finally:
        pool.MESSAGE_SECONDS = message
    elapsed = run.now - start
    return {
        "design": design.name,
        "workers": workers,
        "evaluations_per_s": GENERATIONS * design.population / elapsed,
        "idle_share": max(0.0, 1 - (run.worked - worked) / (workers * elapsed)),
        "driver_load": (run.busy - busy) / elapsed,
    }


DESIGNS = (
    Design("one population of 1,000", 1_000),
    Design("one population of 10,000, if batches were for workers alone", 10_000, together=False, message=0.0),
    Design("one population of 10,000", 10_000),
    Design("10 islands of 1,000", 10_000, 10),
    Design("100 islands of 1,000", 100_000, 100),
    Design("100 islands of 1,000, if some were bred while others are evaluated", 100_000, 100, streamed=True),
)
EVALUATIONS = (None, 0.05)  # seconds of a network; None: as measured


def table(measured: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each length of evaluation, design and number of workers."""
    rows = []
    for seconds in EVALUATIONS:
        costs = dict(measured)
        if seconds is not None:
            costs |= {"evaluation": seconds, "start": 0.0}
        for design in DESIGNS:
            for workers in WORKERS:
                row = predict(Costs(**costs), design, workers)
                rows.append({"evaluation": costs["evaluation"], **row})
    return rows


def page(measured: dict[str, Any], machine: str, rows: Sequence[dict[str, Any]]) -> str:
    """The tables as Markdown."""
    lines = [
        "# A cluster, predicted",
        "",
        "A discrete-event simulation with costs that were measured on one machine; nothing here ran on a cluster.",
        "",
        "    python experiments/cluster/plan.py measure --out results/cluster_plan",
        "    python experiments/cluster/plan.py predict --out results/cluster_plan",
        "",
        f"Measured on {machine}, in microseconds:",
        "",
        "| cost | microseconds |",
        "|---|---|",
        *(f"| {name} | {value * 1e6:,.1f} |" for name, value in measured.items()),
        "",
        "`plan.py` says what each is. Idle: share of the workers' time in which they have nothing to do. Driver: share",
        "of its time in which the driver works; at 100% it is the bottleneck.",
        "",
        "![evaluations per second](plan.png)",
    ]
    for seconds in dict.fromkeys(row["evaluation"] for row in rows):
        lines += ["", f"## {seconds * 1e3:.3g} ms for each network", ""]
        for design in DESIGNS:
            some = [row for row in rows if row["evaluation"] == seconds and row["design"] == design.name]
            lines += ["", f"{design.name}:", "", "| workers | evaluations/s | idle | driver |", "|---|---|---|---|"]
            lines += [
                f"| {row['workers']:,} | {row['evaluations_per_s']:,.0f} | {row['idle_share']:.0%} | "
                f"{row['driver_load']:.0%} |"
                for row in some
            ]
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Evaluations per second over workers, a picture for each length of evaluation."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    lengths = list(dict.fromkeys(row["evaluation"] for row in rows))
    figure, axes = pyplot.subplots(1, len(lengths), figsize=(11, 4.5), squeeze=False, layout="constrained")
    for axis, seconds in zip(axes[0], lengths, strict=True):
        for design in DESIGNS:
            some = [row for row in rows if row["evaluation"] == seconds and row["design"] == design.name]
            axis.loglog(
                [row["workers"] for row in some], [row["evaluations_per_s"] for row in some], "o-", label=design.name
            )
        ideal = [workers / seconds for workers in WORKERS]
        axis.loglog(WORKERS, ideal, "k:", label="no cost but evaluation")
        axis.set(title=f"{seconds * 1e3:.3g} ms for each network", xlabel="workers", ylabel="evaluations / s")
        axis.set_ylim(top=max(row["evaluations_per_s"] for row in rows) * 4)
        axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize=7)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "predict"))
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    known = options.out / "measured.json"
    if options.what == "measure":
        machine = f"{platform.machine()}, Python {platform.python_version()}, {platform.system()}"
        document = {"machine": machine, "costs": asdict(measure())}
        known.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(document["costs"]))
        return 0
    document = json.loads(known.read_text(encoding="utf-8"))
    rows = table(document["costs"])
    (options.out / "plan.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    text = page(document["costs"], document["machine"], rows)
    (options.out / "README.md").write_text(text, encoding="utf-8")
    draw(rows, options.out / "plan.png")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
