"""Mutations of whole batches of genomes, each within the bounds.

A mutation is shown a batch and says what it would change in some of its genomes (an `Edit`). It comes as
`mutation(genomes, who, blueprint, rng, fresh)`: `who` int [K] are the genomes that drew it, `fresh` int64 [K] a neuron
id for each that no other genome has, above all ids that are in use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.draws import Rng, below, draw
from evoneuro.edits import Columns, Edit, Flags, pair_keys, stacked, synapse_columns
from evoneuro.express import Blueprint
from evoneuro.genome import PARAMETERS, Genomes, Ids, Range
from evoneuro.network import NEURON_GENES, SYNAPSE_GENES, Integers
from evoneuro.ragged import Positions, Starts, elements, lengths_of

TRIES = 8  # to find two neurons without a synapse
MOVE = 0.12  # sd of a Gaussian move, as a share of the gene's range
ANYWHERE = 0.3  # of new ends of synapses: at any neuron, so that outputs may send and inputs listen

Mutation = Callable[[Genomes, Positions, Blueprint, Rng, Ids], Edit]


# Parameters. A genome may stand in `who` twice; a gene that is drawn twice moves once.


def move(
    genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids, *, gene: str, share: float = MOVE
) -> Edit:
    """Gaussian moves of a few values of a gene: each moves with a chance that makes one or two of a genome's move."""
    bounds: Range = getattr(blueprint.bounds, gene)
    if not _is_open(bounds):
        return Edit()
    starts = _starts(genomes, gene)
    lengths = lengths_of(starts)[who]
    every = elements(starts, who)
    chosen = rng.random(len(every)) < np.repeat(1.5 / np.maximum(lengths, 1), lengths)
    where = np.concatenate([every[chosen], _one_of_each(genomes, gene, who, rng)])
    return Edit(values=[(gene, where, _moved(getattr(genomes, gene)[where], *bounds, share, rng))])


def redraw(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids, *, gene: str) -> Edit:
    """One value of a gene anew, uniformly in its range."""
    where = _one_of_each(genomes, gene, who, rng)
    return Edit(values=[(gene, where, draw(getattr(blueprint.bounds, gene), len(where), rng))])


def redraw_gene(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """One gene of one neuron or synapse anew, uniformly in its range (EONS's parameter mutation)."""
    genes = [gene for gene in (*NEURON_GENES, *SYNAPSE_GENES) if _is_open(getattr(blueprint.bounds, gene))]
    if not genes:
        return Edit()
    which = below(np.full(len(who), len(genes)), rng)
    edits = [redraw(genomes, who[which == i], blueprint, rng, fresh, gene=gene) for i, gene in enumerate(genes)]
    return Edit(values=[value for edit in edits for value in edit.values])


def flip_weight(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """One weight changes its sign."""
    where = _one_of_each(genomes, "weight", who, rng)
    low, high = blueprint.bounds.weight
    return Edit(values=[("weight", where, np.clip(-genomes.weight[where], low, high))])


def move_parameter(
    genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids, *, share: float = MOVE
) -> Edit:
    """A Gaussian move of one network-level gene: window, evidence or gain."""
    low, high = blueprint.bounds.parameters.T
    genes = np.flatnonzero(high > low)
    if not len(genes):
        return Edit()
    gene = genes[below(np.full(len(who), len(genes)), rng)]
    values = _moved(genomes.parameters[who, gene], low[gene], high[gene], share, rng)
    return Edit(values=[("parameters", who * len(PARAMETERS) + gene, values)])


# Topology. Each genome stands in `who` once.


def add_synapse(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """A synapse between two neurons that had none."""
    who = who[genomes.synapses[who] < blueprint.bounds.synapses]
    neurons = np.repeat(genomes.neurons[who], TRIES)
    pre, post = _senders(neurons, blueprint, rng), _receivers(neurons, blueprint, rng)
    free = ~_connected(genomes, who, pre.reshape(-1, TRIES), post.reshape(-1, TRIES))
    found = np.flatnonzero(free.any(axis=1))
    chosen = found * TRIES + free[found].argmax(axis=1)
    return Edit(
        synapses=synapse_columns(who[found], pre[chosen], post[chosen], **_drawn_synapses(len(found), blueprint, rng))
    )


def delete_synapse(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """One synapse less."""
    return Edit(lost_synapses=_one_of_each(genomes, "weight", who[genomes.synapses[who] > 1], rng))


def rewire_synapse(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """One end of a synapse moves to another neuron; weight and delay stay."""
    who = who[genomes.synapses[who] > 0]
    where = _one_of_each(genomes, "weight", who, rng)
    neurons, first = genomes.neurons[who], rng.random(len(who)) < 0.5
    pre = np.where(first, _senders(neurons, blueprint, rng), genomes.pre[where])
    post = np.where(first, genomes.post[where], _receivers(neurons, blueprint, rng))
    free = ~_connected(genomes, who, pre[:, None], post[:, None])[:, 0]
    genes = {gene: getattr(genomes, gene)[where[free]] for gene in SYNAPSE_GENES}
    return Edit(lost_synapses=where[free], synapses=synapse_columns(who[free], pre[free], post[free], **genes))


def split_synapse(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """A hidden neuron on a synapse: it relays every spike, so behaviour stays where the delay can be cut in two."""
    bounds, threshold = blueprint.bounds, blueprint.bounds.threshold[0]
    able = (genomes.synapses[who] > 0) & _has_room(genomes, who, blueprint, synapses=1)
    who, fresh = who[able], fresh[able]
    where = _one_of_each(genomes, "weight", who, rng)
    middle, delay, shortest = genomes.neurons[who], genomes.delay[where], bounds.delay[0]
    first = shortest + below(np.maximum(delay - 2 * shortest, 0) + 1, rng)
    relay = np.full(len(who), min(max(threshold, 1, bounds.weight[0]), bounds.weight[1]))
    onto = synapse_columns(who, genomes.pre[where], middle, weight=relay, delay=first)
    onward = synapse_columns(
        who, middle, genomes.post[where], weight=genomes.weight[where], delay=np.clip(delay - first, *bounds.delay)
    )
    neurons = _neurons(who, fresh, np.full(len(who), threshold), blueprint)
    return Edit(lost_synapses=where, neurons=neurons, synapses=stacked([onto, onward]))


def add_neuron(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """A hidden neuron with two random senders (or twice the same, which is one) and one random receiver."""
    able = _has_room(genomes, who, blueprint, synapses=3)
    who, fresh = who[able], fresh[able]
    middle = genomes.neurons[who]
    one, other = _senders(middle, blueprint, rng), _senders(middle, blueprint, rng)
    two = np.flatnonzero(one != other)
    owner = np.concatenate([who, who[two], who])
    pre = np.concatenate([one, other[two], middle])
    post = np.concatenate([middle, middle[two], _receivers(middle, blueprint, rng)])
    neurons = _neurons(who, fresh, draw(blueprint.bounds.threshold, len(who), rng), blueprint)
    return Edit(
        neurons=neurons, synapses=synapse_columns(owner, pre, post, **_drawn_synapses(len(owner), blueprint, rng))
    )


def delete_neuron(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """One hidden neuron less, and its synapses."""
    ends = blueprint.inputs + blueprint.outputs
    who = who[genomes.neurons[who] > ends]
    return Edit(lost_neurons=genomes.neuron_starts[who] + ends + below(genomes.neurons[who] - ends, rng))


Menu = Mapping[str, tuple[Mutation, float, bool]]  # name: operator, relative rate, whether it changes topology


def mutations(share: float = MOVE) -> Menu:
    """All mutations of a run; `share` is the standard deviation of Gaussian moves, of a gene's range."""
    return {
        "move_weights": (partial(move, gene="weight", share=share), 3.0, False),
        "move_delays": (partial(move, gene="delay", share=share), 1.0, False),
        "move_thresholds": (partial(move, gene="threshold", share=share), 1.5, False),
        "redraw_gene": (redraw_gene, 1.0, False),
        "flip_weight": (flip_weight, 0.5, False),
        "move_parameter": (partial(move_parameter, share=share), 0.5, False),
        "add_synapse": (add_synapse, 1.5, True),
        "delete_synapse": (delete_synapse, 1.5, True),
        "rewire_synapse": (rewire_synapse, 1.0, True),
        "split_synapse": (split_synapse, 0.3, True),
        "add_neuron": (add_neuron, 0.4, True),
        "delete_neuron": (delete_neuron, 0.4, True),
    }


MUTATIONS = mutations()

# Pieces


def _is_open(bounds: Range) -> bool:
    return bounds[1] > bounds[0]


def _moved(
    values: Integers, low: npt.ArrayLike, high: npt.ArrayLike, share: float, rng: Rng
) -> npt.NDArray[np.float64]:
    """Values after a Gaussian move of at least one step each, within the bounds."""
    move = rng.standard_normal(len(values)) * np.maximum(share * np.subtract(high, low), 0.8)
    steps = np.copysign(np.ceil(np.abs(move)), move)
    return np.clip(values + steps, low, high)


def _one_of_each(genomes: Genomes, gene: str, who: Positions, rng: Rng) -> Positions:
    """A position of one gene of each of the genomes `who`, but of none that has no such gene."""
    starts = _starts(genomes, gene)
    lengths = lengths_of(starts)[who]
    return starts[who][lengths > 0] + below(lengths[lengths > 0], rng)


def _starts(genomes: Genomes, gene: str) -> Starts:
    return genomes.neuron_starts if gene in NEURON_GENES else genomes.synapse_starts


def _senders(neurons: Integers, blueprint: Blueprint, rng: Rng) -> Positions:
    """For each genome of so many neurons, the position of an input or hidden one, mostly."""
    drawn = below(neurons - blueprint.outputs, rng)
    drawn = np.where(drawn < blueprint.inputs, drawn, drawn + blueprint.outputs)
    return np.where(rng.random(len(neurons)) < ANYWHERE, below(neurons, rng), drawn)


def _receivers(neurons: Integers, blueprint: Blueprint, rng: Rng) -> Positions:
    """For each genome of so many neurons, the position of an output or hidden one, mostly."""
    drawn = blueprint.inputs + below(neurons - blueprint.inputs, rng)
    return np.where(rng.random(len(neurons)) < ANYWHERE, below(neurons, rng), drawn)


def _has_room(genomes: Genomes, who: Positions, blueprint: Blueprint, synapses: int) -> Flags:
    """Which of `who` may grow by a neuron and `synapses`."""
    most = blueprint.inputs + blueprint.outputs + blueprint.bounds.hidden
    return (genomes.neurons[who] < most) & (genomes.synapses[who] + synapses <= blueprint.bounds.synapses)


def _connected(genomes: Genomes, who: Positions, pre: Positions, post: Positions) -> Flags:
    """Which pairs of neurons [K, tries] of the genomes `who` [K] have a synapse already."""
    size, slot = int(genomes.neurons.max(initial=1)), np.arange(len(who))
    index = elements(genomes.synapse_starts, who)
    there = pair_keys(np.repeat(slot, genomes.synapses[who]), genomes.pre[index], genomes.post[index], size)
    asked = pair_keys(slot[:, None], pre, post, size)
    found: Flags = np.append(there, -1)[np.searchsorted(there, asked)] == asked
    return found


def _neurons(owner: Positions, ids: Ids, threshold: npt.NDArray[Any], blueprint: Blueprint) -> Columns:
    """New hidden neurons; no leak and no pause where the bounds allow it."""
    leak, refractory = (
        np.full(len(owner), bounds[0], np.int32) for bounds in (blueprint.bounds.leak, blueprint.bounds.refractory)
    )
    return {"owner": owner, "ids": ids, "threshold": threshold.astype(np.int32), "leak": leak, "refractory": refractory}


def _drawn_synapses(size: int, blueprint: Blueprint, rng: Rng) -> dict[str, Integers]:
    return {gene: draw(getattr(blueprint.bounds, gene), size, rng) for gene in SYNAPSE_GENES}
