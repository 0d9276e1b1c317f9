"""Check: run a task or a network through once, in this process, and say what is wrong in the user's words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evoneuro import keys
from evoneuro.deadline import NoAnswer, deadline
from evoneuro.errors import EvoNeuroError, PluginError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.express import Blueprint, express
from evoneuro.genome import Bounds
from evoneuro.network import Network
from evoneuro.plugins import plugin_error
from evoneuro.simulator.lanes import warm_up
from evoneuro.task import Task, load_task
from evoneuro.variation import random_genomes

PATIENCE = 60.0  # seconds until a task counts as hanging


@dataclass(frozen=True)
class Report:
    """What a check found: facts as (name, value) in words, and how a random network did."""

    facts: list[tuple[str, str]]
    evaluation: Evaluation


def load_within(name: str, parameters: Mapping[str, Any], patience: float = PATIENCE, seed: int | None = 0) -> Task:
    """The named task with its data read, or its environment made.

    Args:
        seed: of the run, whose observation ranges are found, too; None: they are known.

    Raises:
        EvoNeuroError, PluginError: as `evoneuro.task.load_task`, or it took longer than `patience` seconds.
    """
    try:
        with deadline(patience):
            task = load_task(name, parameters)
            if seed is None:
                _ = task.outputs
            else:
                task.coding(seed)
    except NoAnswer as error:
        raise PluginError(
            f"task {name!r} did not load within {patience:g} s (--set workers.timeout=N gives it longer); "
            f"it was at {error.where}"
        ) from None
    except (EvoNeuroError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise plugin_error(f"task {name!r} could not be loaded", error) from error
    return task


def check_task(task: Task, patience: float = PATIENCE) -> Report:
    """Run one small random network through `task`, twice, and compare.

    Raises:
        PluginError: the task raises, hangs, returns wrong shapes or NaN, or is not a function of its keys.
        EvoNeuroError: its encoder, decoder, window or ranges are wrong.
    """
    warm_up()
    try:
        with deadline(patience):
            network = probe(task)
            cases = Cases(0, "episodes", 0, 2)
            start = time.monotonic()
            first = evaluate(task, [network], cases)[0]
            seconds = time.monotonic() - start
            second = evaluate(task, [network, network], cases)[1]
    except NoAnswer as error:
        raise PluginError(f"task {task.name!r} gave no answer within {patience:g} s; it was at {error.where}") from None
    if first != second:
        raise PluginError(
            f"task {task.name!r} is not deterministic: the same network on the same episodes scored {first.score:g} "
            f"in {first.steps} steps, then {second.score:g} in {second.steps}, alone and beside another; "
            "take all randomness from the keys that reset() gets, and let no lane look at others"
        )
    facts = [
        ("task", f"{task.name} (version {task.version}, {task.kind})"),
        ("inputs", f"{len(network.inputs)} neurons"),
        ("outputs", f"{task.outputs} neurons"),
        ("encoder", str((network.encoder or {"kind": "none: the data are spikes"})["kind"])),
        ("decoder", task.coding(0)[1]["kind"]),
        ("window", f"{task.window} steps"),
        ("random network's score", f"{first.score:g}"),
        ("decisions", f"{first.decisions} in {seconds:.2f} s"),
        ("deterministic", "yes: two tries, equal to the last bit"),
    ]
    return Report(facts, first)


def probe(task: Task) -> Network:
    """A small random network that fits `task`: always the same."""
    encoder, decoder = task.coding(0)
    bounds = Bounds(window=(task.window, task.window))
    blueprint = Blueprint(task.inputs(0), task.outputs, bounds, encoder, decoder, task.document(0), 127)
    return express(random_genomes(blueprint, keys.generator(0, "check"), np.array([2**20])), blueprint)[0]
