"""Measurements of the evolution side: what a generation costs apart from evaluating it."""

from __future__ import annotations

import copy
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from evoneuro import objectives
from evoneuro.archive import Archive
from evoneuro.bench.kernels import Row, Tell
from evoneuro.bench.networks import Size
from evoneuro.bench.plan import Plan
from evoneuro.bench.timing import in_turns
from evoneuro.documents import filed, pack
from evoneuro.evaluation import Evaluation
from evoneuro.evolution import Beginning, Evolution, Origins
from evoneuro.express import Blueprint, express
from evoneuro.genome import Bounds, Genome
from evoneuro.keys import generator
from evoneuro.networks import Networks
from evoneuro.pareto import Losses
from evoneuro.population import Measures, Population
from evoneuro.store import Store
from evoneuro.workers import worker

INPUTS, OUTPUTS = 8, 4
OBJECTIVES = ("score", "synapses", "latency")
PARTS = ("ask", "measure", "tell", "archive", "transport", "journal", "record")
IN_ASK = ("express", "fingerprints")


def generation_rows(plan: Plan, tell: Tell) -> list[Row]:
    """A row for each population and size of genome: microseconds per candidate of each part of a generation."""
    rows = []
    for population, size in plan.generation_sizes:
        tell(f"a generation of {population}, {size} each")
        with tempfile.TemporaryDirectory(prefix="evoneuro-") as folder:
            seconds = in_turns(_Generation(population, size, Path(folder)).parts(), plan.patience)
        each = {name: value / population * 1e6 for name, value in seconds.items()}
        rows.append(
            {
                "population": population,
                "neurons": size.neurons,
                "synapses": size.synapses,
                "microseconds": each,
                "evolution_ms": sum(seconds[name] for name in ("ask", "measure", "tell", "archive")) * 1e3,
                "total": sum(each[name] for name in PARTS),
            }
        )
    return rows


class _Generation:
    """A generation in its middle: parents that are measured, and offspring with made-up evaluations."""

    def __init__(self, population: int, size: Size, folder: Path) -> None:
        low = [-1.0] * (INPUTS // 2)
        self.blueprint = Blueprint(
            INPUTS,
            OUTPUTS,
            Bounds(hidden=size.neurons, synapses=2 * size.synapses),
            {"kind": "flip-flop", "low": low, "high": [1.0] * len(low)},
            {"kind": "count"},
            {"name": "bench"},
            127,
        )
        self.evolution = Evolution(self.blueprint, 0, population)
        self.parents, networks = self.evolution.ask(0, _judge, Beginning(_genomes(population, size)))
        self.parents = self.parents.measured(objectives.measure(networks, _evaluations(networks)))
        self.evolution.tell(self.parents, _judge)
        self.survivors = self.evolution.population
        self.offspring, self.networks = self.evolution.ask(1, _judge)
        self.evaluations = _evaluations(self.networks)
        self.offspring = self.offspring.measured(objectives.measure(self.networks, self.evaluations))
        self.archive = Archive.empty(len(objectives.MEASURES))
        self.archive = self._archived(self.parents)
        self.store = Store.create(folder / "run", {}, {})
        self.number = 1

    def parts(self) -> dict[str, Any]:
        """What is timed, by name."""
        return {
            "ask": lambda: self.evolution.ask(1, _judge),
            "express": lambda: express(self.offspring.genomes, self.blueprint),
            "fingerprints": self.networks.fingerprints,
            "measure": lambda: objectives.measure(self.networks, self.evaluations),
            "tell": self._tell,
            "archive": lambda: self._archived(self.offspring),
            "transport": self._transport,
            "journal": self._journal,
            "record": self._record,
        }

    def _tell(self) -> None:
        self.evolution.population = self.survivors
        self.evolution.tell(self.offspring, _judge)
        self.evolution.population = self.survivors

    def _archived(self, newcomers: Population) -> Archive:
        table, violations = _judge(np.concatenate([self.archive.members.measures, newcomers.measures]))
        table[violations > 0] = np.inf
        return self.archive.update(newcomers, table)

    def _transport(self) -> None:
        """What sending networks to a worker and evaluations back costs on both sides."""
        copy.copy(self.networks)  # reduces and restores them, as a message does
        worker.unpack(worker.pack(self.evaluations))

    def _journal(self) -> None:
        self.number += 1
        self.store.record(self.number, "offspring", list(enumerate(self.evaluations)))

    def _record(self) -> None:
        self.number += 1
        parts = filed("population", self.survivors.to_document()) | filed("archive", self.archive.to_document())
        document = pack(parts)
        self.store.close_generation(self.number, document, {"digest": hashlib.sha256(document).hexdigest()})


def _genomes(count: int, size: Size) -> list[Genome]:
    """Random genomes of one size."""
    n, s = size
    hidden = INPUTS + OUTPUTS + 2**20 + np.arange(n - INPUTS - OUTPUTS)
    ids = np.concatenate([np.arange(INPUTS + OUTPUTS), hidden]).astype(np.int64)
    found = []
    for index in range(count):
        rng = generator(0, "check", index=index)
        pairs = np.sort(rng.choice(n * n, s, replace=False))
        pre, post = (pairs // n).astype(np.int32), (pairs % n).astype(np.int32)
        genes = {"leak": np.full(n, -1, np.int32), "refractory": np.zeros(n, np.int32)}
        found.append(
            Genome(
                ids=ids.copy(),
                threshold=rng.integers(1, 127, n, dtype=np.int32),
                **genes,
                pre=pre,
                post=post,
                weight=rng.integers(-127, 127, s, dtype=np.int32),
                delay=rng.integers(1, 15, s, dtype=np.int32),
                parameters=np.array([24, 0, 16], np.int32),
            )
        )
    return found


def _evaluations(networks: Networks) -> list[Evaluation]:
    rng = generator(0, "check")
    return [
        Evaluation(
            float(rng.integers(0, 100)),
            rng.random(8),
            float(rng.integers(1, 24)),
            float(rng.random() * 50),
            rng.integers(0, 99, int(neurons)),
            100,
            1000,
        )
        for neurons in networks.neurons
    ]


def _judge(measures: Measures, origins: Origins | None = None, /) -> tuple[Losses, Any]:
    return objectives.losses(measures, OBJECTIVES), objectives.violation(measures, [], 20.0)
