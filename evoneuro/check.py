"""Check: run a network through a task, in this process, and say what is wrong in the user's words.

Every run begins with it; `evoneuro.examine` has what the command `evoneuro check` says besides.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import mtrand

from evoneuro import keys
from evoneuro.coding import DECODERS, ENCODERS, decoder_from_spec
from evoneuro.coding.kinds import is_plugin
from evoneuro.deadline import NoAnswer, deadline
from evoneuro.errors import EvoNeuroError, PluginError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.express import Blueprint, express
from evoneuro.genome import Bounds
from evoneuro.network import Network
from evoneuro.networks import Networks
from evoneuro.plugins import plugin_error
from evoneuro.simulator.lanes import warm_up
from evoneuro.task import Task, load_task
from evoneuro.variation import NEW_IDS, random_genomes

PATIENCE = 60.0  # seconds until a task counts as hanging


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        facts: (name, value) in words.
        network, evaluation: the random network, and how it did.
        seconds: that this took.
        drawn: the global generators from which the task draws; none of them is repeatable with workers.
    """

    facts: list[tuple[str, str]]
    network: Network
    evaluation: Evaluation
    seconds: float
    drawn: list[str]


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
            before = global_states()
            second = evaluate(task, [network, network], cases)[1]
            drawn = [name for name, state in global_states().items() if state != before[name]]
    except NoAnswer as error:
        raise PluginError(f"task {task.name!r} gave no answer within {patience:g} s; it was at {error.where}") from None
    except EvoNeuroError:
        raise
    except Exception as error:
        encoder, decoder = task.coding(0)
        if not (is_plugin(encoder, ENCODERS) or is_plugin(decoder, DECODERS)):
            raise  # a bug of ours
        raise plugin_error(f"task {task.name!r}: its encoder or decoder raised", error) from error
    if first != second:
        culprit = f"it draws from {' and '.join(drawn)}, which all code shares; " if drawn else ""
        raise PluginError(
            f"task {task.name!r} is not deterministic: the same network on the same episodes scored {first.score:g} "
            f"in {first.steps} steps, then {second.score:g} in {second.steps}, alone and beside another; {culprit}"
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
    return Report(facts, network, first, seconds, drawn)


def probe(task: Task) -> Network:
    """A small random network that fits `task`: always the same."""
    return probes(task, 1)[0]


def probes(task: Task, count: int) -> Networks:
    """Small random networks that fit `task`: always the same."""
    encoder, decoder = task.coding(0)
    bounds = Bounds(window=(task.window, task.window))
    silent = decoder_from_spec(decoder).silences
    blueprint = Blueprint(
        task.inputs(0), task.outputs, bounds, encoder, decoder, task.document(0), 127, silent_outputs=silent
    )
    ids = 2**20 + NEW_IDS * np.arange(count)
    return express(random_genomes(blueprint, keys.generator(0, "check"), ids), blueprint)


def global_states() -> dict[str, Any]:
    """The state of each generator that all code of a process shares, by its module; it changes with every draw.

    Only looked at: a draw of ours would change what a task gets.
    """
    numpy = mtrand._rand.get_state(legacy=False)
    return {
        "random": sys.modules["random"]._inst.getstate(),  # loaded by numpy
        "numpy.random": (numpy["state"]["key"].tobytes(), numpy["state"]["pos"], numpy["has_gauss"]),
    }
