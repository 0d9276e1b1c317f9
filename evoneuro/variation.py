"""Variation: random genomes, mutations and crossover, registered in a DEAP toolbox.

Every operator is pure: arrays of a genome and a generator in, a new genome out, within the bounds. Operators come as
`mutate(genome, blueprint, rng, fresh)`, where `fresh` are neuron ids that no other genome has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from deap import base

from evoneuro.express import Blueprint
from evoneuro.genome import Genome, Ids, Range
from evoneuro.network import NEURON_GENES, SYNAPSE_GENES, Integers

Rng = np.random.Generator
Mutation = Callable[[Genome, Blueprint, Rng, Ids], Genome]

NEW_IDS = 8  # fresh neuron ids that one child may use
STEP = 0.12  # sd of a Gaussian move, as a share of the gene's range


def random_genome(blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """A small random genome: a few random synapses, and up to two hidden neurons.

    Small on purpose: evolution grows what pays (NEAT's minimal start, Stanley & Miikkulainen 2002, section 3.4).
    """
    inputs, outputs, bounds = blueprint.inputs, blueprint.outputs, blueprint.bounds
    hidden = fresh[: rng.integers(0, min(2, bounds.hidden) + 1)]
    ids = np.concatenate([np.arange(inputs + outputs), hidden]).astype(np.int64)
    n = len(ids)
    wanted = int(rng.integers(outputs + len(hidden), 2 * inputs + 2 * len(hidden) + outputs + 1))
    senders = np.concatenate([ids[:inputs], ids[:inputs], hidden])
    receivers = np.concatenate([ids[inputs:], ids[inputs : inputs + outputs]])
    # positions of the pairs as one number each, so that no pair comes twice
    drawn = _pick(np.searchsorted(ids, senders), rng, wanted) * n + _pick(np.searchsorted(ids, receivers), rng, wanted)
    pairs = np.unique(drawn)
    pairs = np.sort(rng.permutation(pairs)[: bounds.synapses])
    s = len(pairs)
    low, high = bounds.parameters.T
    return Genome(
        ids=ids,
        **{gene: _draw(getattr(bounds, gene), rng, n) for gene in NEURON_GENES},
        pre=ids[pairs // n],
        post=ids[pairs % n],
        **{gene: _draw(getattr(bounds, gene), rng, s) for gene in SYNAPSE_GENES},
        parameters=rng.integers(low, high, endpoint=True, dtype=np.int32),
    )


# Parameters


def move_weights(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """Gaussian moves of a few weights."""
    return _vary(genome, "weight", blueprint.bounds.weight, rng)


def move_delays(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """Gaussian moves of a few delays."""
    return _vary(genome, "delay", blueprint.bounds.delay, rng)


def move_thresholds(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """Gaussian moves of a few thresholds."""
    return _vary(genome, "threshold", blueprint.bounds.threshold, rng)


def redraw_gene(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """One gene of one neuron or synapse anew, uniformly in its range (EONS's parameter mutation)."""
    open_genes = [gene for gene in (*NEURON_GENES, *SYNAPSE_GENES) if _open(getattr(blueprint.bounds, gene))]
    open_genes = [gene for gene in open_genes if len(getattr(genome, gene))]
    if not open_genes:
        return genome
    gene = open_genes[rng.integers(len(open_genes))]
    values = getattr(genome, gene).copy()
    values[rng.integers(len(values))] = _draw(getattr(blueprint.bounds, gene), rng, 1)[0]
    return replace(genome, **{gene: values})


def flip_weight(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """One weight changes its sign."""
    if not genome.synapses:
        return genome
    weight = genome.weight.copy()
    i = rng.integers(len(weight))
    weight[i] = np.clip(-weight[i], *blueprint.bounds.weight)
    return replace(genome, weight=weight)


def move_parameter(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """A Gaussian move of one network-level gene: window, evidence or gain."""
    ranges = blueprint.bounds.parameters
    open_genes = np.flatnonzero(ranges[:, 1] > ranges[:, 0])
    if not len(open_genes):
        return genome
    i = _pick(open_genes, rng, 1)[0]
    parameters = genome.parameters.copy()
    parameters[i] = _moved(parameters[i : i + 1], (int(ranges[i, 0]), int(ranges[i, 1])), rng)[0]
    return replace(genome, parameters=parameters)


# Topology


def add_synapse(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """A synapse between two neurons that had none; from outputs and onto inputs rarely."""
    if genome.synapses >= blueprint.bounds.synapses:
        return genome
    inputs, outputs = blueprint.inputs, blueprint.outputs
    for _ in range(8):
        senders = _without(genome.ids, inputs, inputs + outputs) if rng.random() < 0.9 else genome.ids
        receivers = genome.ids[inputs:] if rng.random() < 0.9 else genome.ids
        pre, post = _pick(senders, rng, 1), _pick(receivers, rng, 1)
        if not ((genome.pre == pre) & (genome.post == post)).any():
            genes = {gene: _draw(getattr(blueprint.bounds, gene), rng, 1) for gene in SYNAPSE_GENES}
            return _with_synapses(genome, pre, post, genes)
    return genome


def delete_synapse(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """One synapse less."""
    if genome.synapses < 2:
        return genome
    kept = np.ones(genome.synapses, bool)
    kept[rng.integers(genome.synapses)] = False
    return _keep(genome, np.ones(len(genome.ids), bool), kept)


def rewire_synapse(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """One end of a synapse moves to another neuron; weight and delay stay."""
    if not genome.synapses:
        return genome
    i = rng.integers(genome.synapses)
    pre, post = genome.pre.copy(), genome.post.copy()
    if rng.random() < 0.5:
        pre[i] = _pick(_without(genome.ids, blueprint.inputs, blueprint.inputs + blueprint.outputs), rng, 1)[0]
    else:
        post[i] = _pick(genome.ids[blueprint.inputs :], rng, 1)[0]
    if ((pre == pre[i]) & (post == post[i])).sum() > 1:
        return genome
    return _sorted(replace(genome, pre=pre, post=post))


def split_synapse(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """A hidden neuron on a synapse: it relays every spike, so behaviour stays where the delay can be cut in two."""
    bounds = blueprint.bounds
    if not genome.synapses or _hidden(genome, blueprint) >= bounds.hidden or genome.synapses + 1 > bounds.synapses:
        return genome
    i = rng.integers(genome.synapses)
    threshold = bounds.threshold[0]
    shortest = bounds.delay[0]
    first = int(rng.integers(shortest, max(shortest, int(genome.delay[i]) - shortest) + 1))
    kept = np.ones(genome.synapses, bool)
    kept[i] = False
    pre, post, weight = genome.pre[i], genome.post[i], genome.weight[i]
    grown = _with_neuron(_keep(genome, np.ones(len(genome.ids), bool), kept), fresh[0], threshold, bounds, rng)
    genes = {
        "weight": np.array([np.clip(max(threshold, 1), *bounds.weight), weight], np.int32),
        "delay": np.clip([first, int(genome.delay[i]) - first], *bounds.delay).astype(np.int32),
    }
    return _with_synapses(grown, np.array([pre, fresh[0]]), np.array([fresh[0], post]), genes)


def add_neuron(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """A hidden neuron with two random senders and one random receiver."""
    bounds = blueprint.bounds
    if _hidden(genome, blueprint) >= bounds.hidden or genome.synapses + 3 > bounds.synapses:
        return genome
    senders = _without(genome.ids, blueprint.inputs, blueprint.inputs + blueprint.outputs)
    pre = np.unique(_pick(senders, rng, 2))
    post = _pick(genome.ids[blueprint.inputs :], rng, 1)[0]
    grown = _with_neuron(genome, fresh[0], int(_draw(bounds.threshold, rng, 1)[0]), bounds, rng)
    pairs = np.append(pre, fresh[0]), np.append(np.repeat(fresh[0], len(pre)), post)
    genes = {gene: _draw(getattr(bounds, gene), rng, len(pre) + 1) for gene in SYNAPSE_GENES}
    return _with_synapses(grown, *pairs, genes)


def delete_neuron(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """One hidden neuron less, and its synapses."""
    if not _hidden(genome, blueprint):
        return genome
    gone = genome.ids[rng.integers(blueprint.inputs + blueprint.outputs, len(genome.ids))]
    return _keep(genome, genome.ids != gone, (genome.pre != gone) & (genome.post != gone))


def crossover(a: Genome, b: Genome, blueprint: Blueprint, rng: Rng) -> Genome:
    """Node-and-edge crossover with aligned ids.

    For each neuron id that a parent has, one parent gives the neuron together with its incoming synapses (a unit and
    what it listens to stay together); a hidden neuron of one parent alone is taken with even chance. Synapses from
    neurons that the child lacks are dropped; network-level genes come singly from either parent. A child beyond the
    bounds is given up for its first parent.
    """
    in_b = np.minimum(np.searchsorted(b.ids, a.ids), len(b.ids) - 1)
    shared = b.ids[in_b] == a.ids
    take_a = rng.random(len(a.ids)) < 0.5
    take_b = rng.random(len(b.ids)) < 0.5
    take_b[in_b[shared]] = ~take_a[shared]
    # a neuron of both parents is in the child anyhow, from the one or from the other
    alive_a, alive_b = take_a | shared, take_b.copy()
    alive_b[in_b[shared]] = True
    neurons = ((a, take_a), (b, take_b))
    synapses = [
        (p, take[np.searchsorted(p.ids, p.post)] & alive[np.searchsorted(p.ids, p.pre)])
        for p, take, alive in ((a, take_a, alive_a), (b, take_b, alive_b))
    ]
    order = np.argsort(_joined("ids", neurons))
    child = Genome(
        **{name: _joined(name, neurons)[order] for name in ("ids", *NEURON_GENES)},
        **{name: _joined(name, synapses) for name in ("pre", "post", *SYNAPSE_GENES)},
        parameters=np.where(rng.random(len(a.parameters)) < 0.5, a.parameters, b.parameters),
    )
    too_large = _hidden(child, blueprint) > blueprint.bounds.hidden or child.synapses > blueprint.bounds.synapses
    return a if too_large else _sorted(child)


MUTATIONS: dict[str, tuple[Mutation, float, bool]] = {
    # name: operator, relative rate, changes topology
    "move_weights": (move_weights, 3.0, False),
    "move_delays": (move_delays, 1.0, False),
    "move_thresholds": (move_thresholds, 1.5, False),
    "redraw_gene": (redraw_gene, 1.0, False),
    "flip_weight": (flip_weight, 0.5, False),
    "move_parameter": (move_parameter, 0.5, False),
    "add_synapse": (add_synapse, 1.5, True),
    "delete_synapse": (delete_synapse, 1.5, True),
    "rewire_synapse": (rewire_synapse, 1.0, True),
    "split_synapse": (split_synapse, 0.3, True),
    "add_neuron": (add_neuron, 0.4, True),
    "delete_neuron": (delete_neuron, 0.4, True),
}


def mutate(genome: Genome, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genome:
    """One to four mutations, drawn by their rates (topology ones only where the topology is free)."""
    usable = [(op, rate) for op, rate, topology in MUTATIONS.values() if not (topology and blueprint.fixed)]
    rates = np.cumsum([rate for _, rate in usable])
    count = min(int(rng.geometric(0.5)), 4)
    for i, u in enumerate(rng.random(count) * rates[-1]):
        operator = usable[int(np.searchsorted(rates, u, side="right"))][0]
        genome = operator(genome, blueprint, rng, fresh[i:])
    return genome


def make_toolbox() -> base.Toolbox:
    """DEAP's toolbox with the operators of a run: `random`, `mate`, `mutate`."""
    toolbox = base.Toolbox()
    toolbox.register("random", random_genome)
    toolbox.register("mate", crossover)
    toolbox.register("mutate", mutate)
    return toolbox


# Pieces


def _joined(name: str, parts: Sequence[tuple[Genome, npt.NDArray[np.bool_]]]) -> npt.NDArray[Any]:
    return np.concatenate([getattr(genome, name)[mask] for genome, mask in parts])


def _open(bounds: Range) -> bool:
    return bounds[1] > bounds[0]


def _pick(names: npt.NDArray[Any], rng: Rng, size: int) -> npt.NDArray[Any]:
    return names[rng.integers(len(names), size=size)]


def _draw(bounds: Range, rng: Rng, size: int) -> Integers:
    return rng.integers(bounds[0], bounds[1], size, dtype=np.int32, endpoint=True)


def _moved(values: Integers, bounds: Range, rng: Rng) -> Integers:
    """Values after a Gaussian move of at least one step each, within the bounds."""
    move = rng.normal(0, max(STEP * (bounds[1] - bounds[0]), 0.8), len(values))
    steps = np.copysign(np.ceil(np.abs(move)), move)
    return np.clip(values + steps, *bounds).astype(np.int32)


def _vary(genome: Genome, gene: str, bounds: Range, rng: Rng) -> Genome:
    """Each value moves with a chance that makes one or two of them move."""
    values: Integers = getattr(genome, gene)
    if not len(values) or not _open(bounds):
        return genome
    chosen = rng.random(len(values)) < 1.5 / len(values)
    chosen[rng.integers(len(values))] = True
    moved: Any = values.copy()
    moved[chosen] = _moved(values[chosen], bounds, rng)
    return replace(genome, **{gene: moved})


def _hidden(genome: Genome, blueprint: Blueprint) -> int:
    return len(genome.ids) - blueprint.inputs - blueprint.outputs


def _without(ids: Ids, start: int, stop: int) -> Ids:
    return np.concatenate([ids[:start], ids[stop:]])


def _keep(genome: Genome, neurons: npt.NDArray[np.bool_], synapses: npt.NDArray[np.bool_]) -> Genome:
    return replace(
        genome,
        **{name: getattr(genome, name)[neurons] for name in ("ids", *NEURON_GENES)},
        **{name: getattr(genome, name)[synapses] for name in ("pre", "post", *SYNAPSE_GENES)},
    )


def _sorted(genome: Genome) -> Genome:
    order = np.lexsort((genome.post, genome.pre))
    return replace(genome, **{name: getattr(genome, name)[order] for name in ("pre", "post", *SYNAPSE_GENES)})


def _with_synapses(genome: Genome, pre: Ids, post: Ids, genes: dict[str, Integers]) -> Genome:
    added: dict[str, npt.NDArray[Any]] = {"pre": pre, "post": post, **genes}
    return _sorted(
        replace(genome, **{name: np.concatenate([getattr(genome, name), new]) for name, new in added.items()})
    )


def _with_neuron(genome: Genome, name: int, threshold: int, bounds: Any, rng: Rng) -> Genome:
    """`genome` with hidden neuron `name`, which is above all others; no leak and no pause where the bounds allow it."""
    genes = {
        "threshold": np.int32(threshold),
        "leak": np.int32(bounds.leak[0]),
        "refractory": np.int32(bounds.refractory[0]),
    }
    where = int(np.searchsorted(genome.ids, name))
    return replace(
        genome,
        ids=np.insert(genome.ids, where, name),
        **{gene: np.insert(getattr(genome, gene), where, value) for gene, value in genes.items()},
    )
