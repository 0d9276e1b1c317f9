"""Robustness: how a network does when its weights are noisy, some neurons are dead, or its input is jittered.

Every kind of perturbation is tried in some variants; the network's robustness is the lowest of the kinds' mean scores,
in the units of the score, so that no kind can be bought with another. The idea of size and resilience as objectives
beside the score is that of Dimovska, Johnston, Schuman, Mitchell and Potok, "Multi-objective optimization for size and
resilience of spiking neural networks", IEEE UEMCON 2019; kinds, strengths and this definition are ours.

A variant is a function of the seed, the stream of the cases, its kind and its number, and of the network's own shape:
neither of who else is in the batch nor of the generation, so that all candidates of a run meet the same variants.
Validation and `evaluate` draw others than selection has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases, Evaluation, Jitter, Perturbations
from evoneuro.keys import STREAMS, generator, sequence
from evoneuro.network import Network
from evoneuro.networks import Flags, Networks
from evoneuro.ragged import Positions, Starts, counts, owners, starts_of
from evoneuro.task import Task

KINDS = ("weight_noise", "dead_neurons", "input_jitter")

Scores = npt.NDArray[np.float64]


# Perturbed networks


def noisy_weights(networks: Networks, share: float, rng: np.random.Generator) -> Networks:
    """The networks with rounded normal noise on every weight; none leaves +-M, M being its network's largest |weight|.

    A network whose potentials could then leave 32 bits keeps its weights.

    Args:
        share: standard deviation as a share of M.
    """
    owner = owners(networks.synapse_starts)
    largest = np.zeros(len(networks))
    np.maximum.at(largest, owner, np.abs(networks.weight.astype(np.float64)))
    bound = largest[owner]
    # a synapse's noise depends on its place in its network alone: a longer draw begins like a shorter one
    noise = rng.standard_normal(int(networks.synapses.max(initial=0)))[_places(networks.synapse_starts)]
    weight = np.clip(np.rint(networks.weight + share * bound * noise), -bound, bound).astype(np.int32)
    found = networks.changed(weight=weight)
    wide = _too_wide(found)
    return found.changed(weight=np.where(wide[owner], networks.weight, weight)) if wide.any() else found


def _too_wide(networks: Networks) -> Flags:
    """Which networks have potentials beyond 32 bits, bool [P]; only those that come near it are looked at closely."""
    total = np.bincount(owners(networks.synapse_starts), np.abs(networks.weight.astype(np.float64)), len(networks))
    fed = np.array([settings.input_max for settings in networks.settings])
    wide: Flags = total + fed >= 2**30  # a stored potential has at most 30 bits
    for i in np.flatnonzero(wide).tolist():
        try:
            networks[i].potential_bounds()
            wide[i] = False
        except EvoNeuroError:
            continue
    return wide


def dead_neurons(networks: Networks, share: float, rng: np.random.Generator) -> Networks:
    """The networks without the synapses that leave some neurons, so that whether these fire is nowhere seen.

    Args:
        share: of a network's neurons that are no outputs, rounded up.
    """
    starts = networks.neuron_starts
    alive = np.ones(len(networks.ids), bool)
    alive[starts[owners(networks.output_starts)] + networks.outputs] = False
    draw = rng.random(int(networks.neurons.max(initial=0)))[_places(starts)]
    owner = owners(starts)
    order = np.lexsort((draw, ~alive, owner))  # network after network, outputs last
    rank = np.empty(len(order), np.int64)
    rank[order] = _places(starts)
    dead = rank < np.ceil(np.round(share * counts(starts, alive), 9))[owner]
    kept = ~dead[starts[owners(networks.synapse_starts)] + networks.pre]
    return networks.changed(
        synapse_starts=starts_of(counts(networks.synapse_starts, kept)),
        **{name: getattr(networks, name)[kept] for name in networks.PARTS["synapse_starts"]},
    )


def _places(starts: Starts) -> Positions:
    """The place of each element within its part, intp [elements]."""
    found: Positions = np.arange(starts[-1]) - starts.astype(np.intp)[owners(starts)]
    return found


# Variants


@dataclass(frozen=True)
class Variant:
    """One perturbation of a batch: what is evaluated, and on what."""

    kind: str
    number: int
    networks: Networks
    cases: Cases

    def __str__(self) -> str:
        return f"under {self.kind.replace('_', ' ')} {self.number}"


def variants(networks: Sequence[Network], cases: Cases) -> Iterator[Variant]:
    """All variants that `cases.perturbations` asks for, one kind after another."""
    asked = cases.perturbations
    assert asked is not None
    batch, plain = Networks.of(networks), replace(cases, perturbations=None)
    for kind, name in enumerate(KINDS):
        for number in range(asked.variants if _strengths(asked)[kind] else 0):
            key = cases.seed, "perturbation", 0, STREAMS[cases.stream], kind, number
            if name == "weight_noise":
                yield Variant(name, number, noisy_weights(batch, asked.weight_noise, generator(*key)), plain)
            elif name == "dead_neurons":
                yield Variant(name, number, dead_neurons(batch, asked.dead, generator(*key)), plain)
            else:
                jitter = Jitter(int(sequence(*key).generate_state(1, np.uint64)[0]), asked.jitter)
                yield Variant(name, number, batch, replace(plain, jitter=jitter))


def _strengths(asked: Perturbations) -> tuple[float, float, float]:
    """The strength of each of `KINDS`."""
    return asked.weight_noise, asked.dead, asked.jitter


# Scores


def evaluate_robust(task: Task, networks: Sequence[Network], cases: Cases) -> list[Evaluation]:
    """`evaluate`, and the robustness of each network under `cases.perturbations`.

    A network with a variant whose score is not finite fails: whoever asks for robustness has no use for it.

    Raises:
        EvoNeuroError, PluginError: as `evaluate`; a note says under which perturbation.
    """
    batch = Networks.of(networks)
    found = evaluate(task, batch, replace(cases, perturbations=None))
    sums: dict[str, Scores] = {}
    failures: dict[int, str] = {}
    for variant in variants(batch, cases):
        try:
            scores = np.array([evaluation.score for evaluation in evaluate(task, variant.networks, variant.cases)])
        except BaseException as error:
            error.add_note(str(variant))
            raise
        for i in np.flatnonzero(~np.isfinite(scores)).tolist():
            failures.setdefault(i, f"its score is {scores[i]:g} {variant}")
        sums[variant.kind] = sums.get(variant.kind, np.zeros(len(batch))) + scores
    assert cases.perturbations is not None
    robustness = np.min(list(sums.values()), axis=0) / cases.perturbations.variants
    return [
        Evaluation.failed(failures[i]) if i in failures else replace(evaluation, robustness=float(robustness[i]))
        for i, evaluation in enumerate(found)
    ]


Evaluator = Callable[[Task, Sequence[Network], Cases], list[Evaluation]]


def scores_by_kind(
    task: Task, networks: Sequence[Network], cases: Cases, evaluator: Evaluator = evaluate
) -> dict[str, Scores]:
    """Scores (variants, networks) under each kind of perturbation that is asked for; NaN where a variant failed."""
    found: dict[str, list[list[float]]] = {}
    for variant in variants(networks, cases):
        scores = [evaluation.score for evaluation in evaluator(task, variant.networks, variant.cases)]
        found.setdefault(variant.kind, []).append(scores)
    return {kind: np.array(scores) for kind, scores in found.items()}


def reports(task: Task, networks: Sequence[Network], cases: Cases, evaluator: Evaluator) -> list[dict[str, Any]]:
    """What is told of each network: its score unperturbed, mean and worst of each kind, and its robustness.

    None stands where a variant failed.
    """
    plain = evaluator(task, networks, replace(cases, perturbations=None))
    by_kind = scores_by_kind(task, networks, cases, evaluator)
    found = []
    for i, evaluation in enumerate(plain):
        kinds = {kind: {"mean": scores[:, i].mean(), "worst": scores[:, i].min()} for kind, scores in by_kind.items()}
        told = {kind: {name: _told(value) for name, value in values.items()} for kind, values in kinds.items()}
        lowest = np.min([values["mean"] for values in kinds.values()])
        found.append({"score": _told(evaluation.score), "robustness": _told(lowest), **told})
    return found


def _told(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
