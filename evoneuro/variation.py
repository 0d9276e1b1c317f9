"""Variation: random genomes, mutation and crossover of whole batches, registered in a DEAP toolbox.

Everything is pure: genomes and a generator in, new genomes within the bounds out.
"""

from __future__ import annotations

import numpy as np
from deap import base

from evoneuro.draws import Rng, below, draw
from evoneuro.edits import Columns, Flags, apply, flat_ends, pair_keys, stacked, synapse_columns
from evoneuro.express import Blueprint
from evoneuro.genome import PARAMETERS, Genomes, Ids
from evoneuro.limits import within
from evoneuro.mutations import MOVE, MUTATIONS, Menu, mutations
from evoneuro.network import NEURON_GENES, SYNAPSE_GENES
from evoneuro.ragged import Positions, counts, lengths_of, owners, starts_of

MOST = 4  # mutations of one child
NONE = -1  # no mutation
NEW_IDS = 32  # fresh neuron ids that one child may use


def random_genomes(
    blueprint: Blueprint, rng: Rng, fresh: Ids, *, hidden: int | None = None, synapses: int | None = None
) -> Genomes:
    """A small random genome for each of the ids `fresh` [P]: a few random synapses, and up to two hidden neurons.

    Small on purpose: evolution grows what pays (NEAT's minimal start, Stanley & Miikkulainen 2002, section 3.4).

    Args:
        hidden: neurons of each, at most `NEW_IDS`; None: zero to two.
        synapses: drawn for each, those between one pair being one; None: one for some of the neurons up to two for all.
    """
    inputs, outputs, bounds = blueprint.inputs, blueprint.outputs, blueprint.bounds
    ends, population = inputs + outputs, len(fresh)
    least, most = (0, min(2, bounds.hidden)) if hidden is None else (min(hidden, bounds.hidden),) * 2
    inner = rng.integers(least, most, population, endpoint=True)
    neuron_starts = starts_of(ends + inner)
    place = np.arange(neuron_starts[-1]) - np.repeat(neuron_starts[:-1], ends + inner)
    ids = np.where(place < ends, place, np.repeat(fresh - ends, ends + inner) + place)
    fewest, many = (outputs + inner, 2 * inputs + 2 * inner + outputs) if synapses is None else (synapses, synapses)
    wanted = rng.integers(fewest, many, population, endpoint=True)
    owner = np.repeat(np.arange(population), wanted)
    # inputs are drawn twice as often as hidden neurons, as senders; so are outputs, as receivers
    sender = below(2 * inputs + inner[owner], rng)
    pre = np.where(sender < 2 * inputs, sender % inputs, sender - 2 * inputs + ends)
    receiver = below(2 * outputs + inner[owner], rng)
    post = inputs + np.where(receiver < 2 * outputs, receiver % outputs, receiver - outputs)
    size = ends + most
    pairs = np.unique(pair_keys(owner, pre, post, size))
    pairs = _at_most(bounds.synapses, pairs, pairs // size**2, rng)
    low, high = bounds.parameters.T
    genomes = Genomes(
        neuron_starts=neuron_starts,
        synapse_starts=starts_of(np.bincount(pairs // size**2, minlength=population)),
        ids=ids,
        **{gene: draw(getattr(bounds, gene), len(ids), rng) for gene in NEURON_GENES},
        pre=(pairs // size % size).astype(np.int32),
        post=(pairs % size).astype(np.int32),
        **{gene: draw(getattr(bounds, gene), len(pairs), rng) for gene in SYNAPSE_GENES},
        parameters=rng.integers(low, high, (population, len(PARAMETERS)), endpoint=True, dtype=np.int32),
    )
    return within(genomes, bounds, rng)


def mutate(
    genomes: Genomes,
    who: Positions,
    blueprint: Blueprint,
    rng: Rng,
    fresh: Ids,
    *,
    menu: Menu | None = None,
    count: int | None = None,
) -> Genomes:
    """The batch, with mutations of each of the genomes `who`, drawn by their rates.

    Topology changes only where it is free, and one mutation after the other; the other mutations of a genome act on
    what it was before.

    Args:
        fresh: int64 [K], the first of `NEW_IDS` ids for each of `who`.
        menu: what is drawn from; None: `MUTATIONS`.
        count: of each genome, at most `MOST`; None: one to four, each half as often as the one before.
    """
    usable = [mutation for mutation in (menu or MUTATIONS).values() if not (mutation[2] and blueprint.fixed)]
    rates = np.cumsum([rate for _, rate, _ in usable])
    drawn = np.searchsorted(rates, rng.random((len(who), MOST)) * rates[-1], side="right")
    many = rng.geometric(0.5, (len(who), 1)) if count is None else np.full((len(who), 1), count)
    drawn[np.arange(MOST) >= many] = NONE
    topology = np.array([changes for *_, changes in usable])[drawn] & (drawn != NONE)
    turn = np.where(topology, np.cumsum(topology, axis=1) - 1, 0)

    def after(now: int, batch: Genomes, places: Positions, rows: Positions) -> Genomes:
        """`batch` after what is in turn `now`; its genomes at `places` drew the `rows` of `drawn`."""
        mine = np.where(turn[rows] == now, drawn[rows], NONE)
        edits = []
        for i in np.unique(mine[mine != NONE]).tolist():
            found = np.nonzero(mine == i)[0]
            edits.append(usable[i][0](batch, places[found], blueprint, rng, fresh[rows[found]] + now))
        return apply(batch, edits)

    genomes = after(0, genomes, who, np.arange(len(who)))
    late = np.flatnonzero((turn > 0).any(axis=1))  # few, so that the others need not be copied again
    some = genomes.take(who[late])
    for now in range(1, MOST):
        some = after(now, some, np.arange(len(late)), late)
    return within(genomes.replaced(who[late], some), blueprint.bounds, rng)


def crossover(a: Genomes, b: Genomes, blueprint: Blueprint, rng: Rng) -> Genomes:
    """Node-and-edge crossover of each genome of `a` with the one of `b` in its place, with aligned ids.

    For each neuron id that a parent has, one parent gives the neuron together with its incoming synapses (a unit and
    what it listens to stay together); a hidden neuron of one parent alone is taken with even chance. Synapses from
    neurons that the child lacks are dropped; network-level genes come singly from either parent. A child beyond the
    bounds is given up for its first parent.
    """
    span = 1 + max(int(a.ids.max()), int(b.ids.max()))
    name_a, name_b = (owners(parent.neuron_starts) * span + parent.ids for parent in (a, b))
    in_b = np.minimum(np.searchsorted(name_b, name_a), len(name_b) - 1)
    shared = name_b[in_b] == name_a
    take_a, take_b = rng.random(len(name_a)) < 0.5, rng.random(len(name_b)) < 0.5
    take_b[in_b[shared]] = ~take_a[shared]
    # a neuron of both parents is in the child anyhow, from the one or from the other
    alive_a, alive_b = take_a | shared, take_b.copy()
    alive_b[in_b[shared]] = True

    names = np.concatenate([name_a[take_a], name_b[take_b]])
    order = np.argsort(names, kind="stable")
    names = names[order]
    neuron_starts = starts_of(counts(a.neuron_starts, take_a) + counts(b.neuron_starts, take_b))
    places = [
        np.searchsorted(names, name) - np.repeat(neuron_starts[:-1], parent.neurons)
        for parent, name in ((a, name_a), (b, name_b))
    ]
    synapses = stacked([_given(a, take_a, alive_a, places[0]), _given(b, take_b, alive_b, places[1])])
    size = int(lengths_of(neuron_starts).max())
    edges = np.argsort(pair_keys(synapses["owner"], synapses["pre"], synapses["post"], size), kind="stable")
    child = Genomes(
        neuron_starts=neuron_starts,
        synapse_starts=starts_of(np.bincount(synapses["owner"], minlength=len(a))),
        **{
            name: np.concatenate([getattr(a, name)[take_a], getattr(b, name)[take_b]])[order]
            for name in Genomes.PARTS["neuron_starts"]
        },
        **{name: synapses[name][edges] for name in Genomes.PARTS["synapse_starts"]},
        parameters=np.where(rng.random(a.parameters.shape) < 0.5, a.parameters, b.parameters),
    )
    return within(_instead_of_too_large(child, a, blueprint), blueprint.bounds, rng)


def make_toolbox(move: float = MOVE) -> base.Toolbox:
    """DEAP's toolbox with the operators of a run: `random`, `mate`, `mutate`; for `move` see `mutations`."""
    toolbox = base.Toolbox()
    toolbox.register("random", random_genomes)
    toolbox.register("mate", crossover)
    toolbox.register("mutate", mutate, menu=mutations(move))
    return toolbox


# Pieces


def _given(parents: Genomes, taken: Flags, alive: Flags, place: Positions) -> Columns:
    """The synapses that parents give: onto neurons that are taken, from ones that are alive; `place` in the child."""
    pre, post = flat_ends(parents)
    given = np.flatnonzero(taken[post] & alive[pre])
    genes = {gene: getattr(parents, gene)[given] for gene in SYNAPSE_GENES}
    return synapse_columns(owners(parents.synapse_starts)[given], place[pre[given]], place[post[given]], **genes)


def _instead_of_too_large(children: Genomes, parents: Genomes, blueprint: Blueprint) -> Genomes:
    """The children, with its parent in the place of each that is beyond the bounds."""
    most = blueprint.inputs + blueprint.outputs + blueprint.bounds.hidden
    too_large = np.flatnonzero((children.neurons > most) | (children.synapses > blueprint.bounds.synapses))
    return children.replaced(too_large, parents.take(too_large))


def _at_most(limit: int, pairs: Ids, owner: Positions, rng: Rng) -> Ids:
    """At most `limit` pairs of each owner, drawn alike; owners ascend."""
    order = np.lexsort((rng.random(len(pairs)), owner))
    nth = np.arange(len(pairs)) - np.searchsorted(owner, owner)
    return np.sort(pairs[order[nth < limit]])
