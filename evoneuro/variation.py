"""Variation: random genomes, mutations and crossover of whole batches, registered in a DEAP toolbox.

Everything is pure: genomes and a generator in, new genomes within the bounds out. A mutation is shown a batch and says
what it would change in some of its genomes (an `Edit`); `apply` makes the changes of all of them at once. It comes as
`mutation(genomes, who, blueprint, rng, fresh)`: `who` int [K] are the genomes that drew it, `fresh` int64 [K] a neuron
id for each that no other genome has, above all ids that are in use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from deap import base

from evoneuro.express import Blueprint
from evoneuro.genome import PARAMETERS, Genomes, Ids, Range
from evoneuro.network import NEURON_GENES, SYNAPSE_GENES, Integers
from evoneuro.ragged import Positions, Starts, counts, elements, lengths_of, owners, starts_of

Rng = np.random.Generator
Flags = npt.NDArray[np.bool_]
Columns = Mapping[str, npt.NDArray[Any]]

MOST = 4  # mutations of one child
NONE = -1  # no mutation
NEW_IDS = MOST  # fresh neuron ids that one child may use
TRIES = 8  # to find two neurons without a synapse
STEP = 0.12  # sd of a Gaussian move, as a share of the gene's range

NOTHING = np.zeros(0, np.int64)
NO_NEURONS: Columns = {"owner": NOTHING, "ids": NOTHING, **dict.fromkeys(NEURON_GENES, NOTHING.astype(np.int32))}
NO_SYNAPSES: Columns = {"owner": NOTHING, **dict.fromkeys(("pre", "post", *SYNAPSE_GENES), NOTHING.astype(np.int32))}


@dataclass(frozen=True)
class Edit:
    """Changes of a batch, in its own numbering; a position counts through the whole flat array.

    Attributes:
        values: new values of genes, as (gene, positions, values).
        lost_neurons, lost_synapses: positions; the synapses of a lost neuron go with it.
        neurons: `owner` (which genome) and neuron genes; a new neuron stands last in its genome.
        synapses: `owner`, `pre` and `post` (positions within the genome) and synapse genes; pairs that had none.
    """

    values: Sequence[tuple[str, Positions, npt.NDArray[Any]]] = ()
    lost_neurons: Positions = field(default_factory=lambda: NOTHING)
    lost_synapses: Positions = field(default_factory=lambda: NOTHING)
    neurons: Columns = field(default_factory=lambda: NO_NEURONS)
    synapses: Columns = field(default_factory=lambda: NO_SYNAPSES)

    @property
    def changes_topology(self) -> bool:
        """Whether anything is lost or new."""
        parts = (self.lost_neurons, self.lost_synapses, self.neurons["owner"], self.synapses["owner"])
        return any(map(len, parts))


Mutation = Callable[[Genomes, Positions, Blueprint, Rng, Ids], Edit]


# Parameters. A genome may stand in `who` twice; a gene that is drawn twice moves once.


def move_weights(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """Gaussian moves of a few weights."""
    return _moves(genomes, "weight", who, blueprint, rng)


def move_delays(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """Gaussian moves of a few delays."""
    return _moves(genomes, "delay", who, blueprint, rng)


def move_thresholds(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """Gaussian moves of a few thresholds."""
    return _moves(genomes, "threshold", who, blueprint, rng)


def redraw_gene(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """One gene of one neuron or synapse anew, uniformly in its range (EONS's parameter mutation)."""
    genes = [gene for gene in (*NEURON_GENES, *SYNAPSE_GENES) if _is_open(getattr(blueprint.bounds, gene))]
    if not genes:
        return Edit()
    which = _below(np.full(len(who), len(genes)), rng)
    values = []
    for i, gene in enumerate(genes):
        where = _one_of_each(genomes, gene, who[which == i], rng)
        values.append((gene, where, _draw(getattr(blueprint.bounds, gene), len(where), rng)))
    return Edit(values=values)


def flip_weight(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """One weight changes its sign."""
    where = _one_of_each(genomes, "weight", who, rng)
    low, high = blueprint.bounds.weight
    return Edit(values=[("weight", where, np.clip(-genomes.weight[where], low, high))])


def move_parameter(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """A Gaussian move of one network-level gene: window, evidence or gain."""
    low, high = blueprint.bounds.parameters.T
    genes = np.flatnonzero(high > low)
    if not len(genes):
        return Edit()
    gene = genes[_below(np.full(len(who), len(genes)), rng)]
    values = _moved(genomes.parameters[who, gene], low[gene], high[gene], rng)
    return Edit(values=[("parameters", who * len(PARAMETERS) + gene, values)])


# Topology. Each genome stands in `who` once.


def add_synapse(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """A synapse between two neurons that had none; from outputs and onto inputs rarely."""
    who = who[genomes.synapses[who] < blueprint.bounds.synapses]
    neurons = np.repeat(genomes.neurons[who], TRIES)
    rare = rng.random((2, len(neurons))) >= 0.9
    pre = np.where(rare[0], _below(neurons, rng), _senders(neurons, blueprint, rng))
    post = np.where(rare[1], _below(neurons, rng), _receivers(neurons, blueprint, rng))
    free = ~_connected(genomes, who, pre.reshape(-1, TRIES), post.reshape(-1, TRIES))
    found = np.flatnonzero(free.any(axis=1))
    chosen = found * TRIES + free[found].argmax(axis=1)
    return Edit(
        synapses=_synapses(who[found], pre[chosen], post[chosen], **_drawn_synapses(len(found), blueprint, rng))
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
    return Edit(lost_synapses=where[free], synapses=_synapses(who[free], pre[free], post[free], **genes))


def split_synapse(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """A hidden neuron on a synapse: it relays every spike, so behaviour stays where the delay can be cut in two."""
    bounds, threshold = blueprint.bounds, blueprint.bounds.threshold[0]
    able = (genomes.synapses[who] > 0) & _has_room(genomes, who, blueprint, synapses=1)
    who, fresh = who[able], fresh[able]
    where = _one_of_each(genomes, "weight", who, rng)
    middle, delay, shortest = genomes.neurons[who], genomes.delay[where], bounds.delay[0]
    first = shortest + _below(np.maximum(delay - 2 * shortest, 0) + 1, rng)
    relay = np.full(len(who), min(max(threshold, 1, bounds.weight[0]), bounds.weight[1]))
    onto = _synapses(who, genomes.pre[where], middle, weight=relay, delay=first)
    onward = _synapses(
        who, middle, genomes.post[where], weight=genomes.weight[where], delay=np.clip(delay - first, *bounds.delay)
    )
    neurons = _neurons(who, fresh, np.full(len(who), threshold), blueprint)
    return Edit(lost_synapses=where, neurons=neurons, synapses=_stacked([onto, onward]))


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
    neurons = _neurons(who, fresh, _draw(blueprint.bounds.threshold, len(who), rng), blueprint)
    return Edit(neurons=neurons, synapses=_synapses(owner, pre, post, **_drawn_synapses(len(owner), blueprint, rng)))


def delete_neuron(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Edit:
    """One hidden neuron less, and its synapses."""
    ends = blueprint.inputs + blueprint.outputs
    who = who[genomes.neurons[who] > ends]
    return Edit(lost_neurons=genomes.neuron_starts[who] + ends + _below(genomes.neurons[who] - ends, rng))


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


# What a run calls


def random_genomes(blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genomes:
    """A small random genome for each of the ids `fresh` [P]: a few random synapses, and up to two hidden neurons.

    Small on purpose: evolution grows what pays (NEAT's minimal start, Stanley & Miikkulainen 2002, section 3.4).
    """
    inputs, outputs, bounds = blueprint.inputs, blueprint.outputs, blueprint.bounds
    ends, population = inputs + outputs, len(fresh)
    hidden = rng.integers(0, min(2, bounds.hidden), population, endpoint=True)
    neuron_starts = starts_of(ends + hidden)
    place = np.arange(neuron_starts[-1]) - np.repeat(neuron_starts[:-1], ends + hidden)
    ids = np.where(place < ends, place, np.repeat(fresh - ends, ends + hidden) + place)
    wanted = rng.integers(outputs + hidden, 2 * inputs + 2 * hidden + outputs, endpoint=True)
    owner = np.repeat(np.arange(population), wanted)
    # inputs are drawn twice as often as hidden neurons, as senders; so are outputs, as receivers
    sender = _below(2 * inputs + hidden[owner], rng)
    pre = np.where(sender < 2 * inputs, sender % inputs, sender - 2 * inputs + ends)
    receiver = _below(2 * outputs + hidden[owner], rng)
    post = inputs + np.where(receiver < 2 * outputs, receiver % outputs, receiver - outputs)
    size = ends + 2
    pairs = np.unique(_pair_keys(owner, pre, post, size))
    pairs = _at_most(bounds.synapses, pairs, pairs // size**2, rng)
    low, high = bounds.parameters.T
    return Genomes(
        neuron_starts=neuron_starts,
        synapse_starts=starts_of(np.bincount(pairs // size**2, minlength=population)),
        ids=ids,
        **{gene: _draw(getattr(bounds, gene), len(ids), rng) for gene in NEURON_GENES},
        pre=(pairs // size % size).astype(np.int32),
        post=(pairs % size).astype(np.int32),
        **{gene: _draw(getattr(bounds, gene), len(pairs), rng) for gene in SYNAPSE_GENES},
        parameters=rng.integers(low, high, (population, len(PARAMETERS)), endpoint=True, dtype=np.int32),
    )


def mutate(genomes: Genomes, who: Positions, blueprint: Blueprint, rng: Rng, fresh: Ids) -> Genomes:
    """The batch, with one to four mutations of each of the genomes `who`, drawn by their rates.

    Topology changes only where it is free, and one mutation after the other; the other mutations of a genome act on
    what it was before. `fresh` [K] is the first of `NEW_IDS` ids for each of `who`.
    """
    usable = [mutation for mutation in MUTATIONS.values() if not (mutation[2] and blueprint.fixed)]
    rates = np.cumsum([rate for _, rate, _ in usable])
    drawn = np.searchsorted(rates, rng.random((len(who), MOST)) * rates[-1], side="right")
    drawn[np.arange(MOST) >= rng.geometric(0.5, (len(who), 1))] = NONE
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
    return genomes.replaced(who[late], some)


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
    synapses = _stacked([_given(a, take_a, alive_a, places[0]), _given(b, take_b, alive_b, places[1])])
    size = int(lengths_of(neuron_starts).max())
    edges = np.argsort(_pair_keys(synapses["owner"], synapses["pre"], synapses["post"], size), kind="stable")
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
    return _instead_of_too_large(child, a, blueprint)


def make_toolbox() -> base.Toolbox:
    """DEAP's toolbox with the operators of a run: `random`, `mate`, `mutate`."""
    toolbox = base.Toolbox()
    toolbox.register("random", random_genomes)
    toolbox.register("mate", crossover)
    toolbox.register("mutate", mutate)
    return toolbox


# Changes


def apply(genomes: Genomes, edits: Sequence[Edit]) -> Genomes:
    """The batch with all `edits`; those of topology must be of different genomes."""
    values: dict[str, npt.NDArray[Any]] = {}
    for edit in edits:
        for gene, where, new in edit.values:
            values.setdefault(gene, getattr(genomes, gene).copy()).reshape(-1)[where] = new
    genomes = genomes.changed(**values)
    topology = [edit for edit in edits if edit.changes_topology]
    return _rebuilt(genomes, topology) if topology else genomes


def _rebuilt(genomes: Genomes, edits: Sequence[Edit]) -> Genomes:
    """The batch with changes of topology: survivors in their order, new neurons last, new synapses in theirs."""
    alive, kept = np.ones(len(genomes.ids), bool), np.ones(len(genomes.pre), bool)
    for edit in edits:
        alive[edit.lost_neurons] = False
        kept[edit.lost_synapses] = False
    if not alive.all():
        pre, post = _flat_ends(genomes)
        kept &= alive[pre] & alive[post]
        before = np.cumsum(alive) - alive
        place = (before - np.repeat(before[genomes.neuron_starts[:-1]], genomes.neurons)).astype(np.int32)
        genomes = genomes.changed(pre=place[pre], post=place[post])
    neurons, synapses = (_stacked([getattr(edit, name) for edit in edits]) for name in ("neurons", "synapses"))
    last = np.searchsorted(np.flatnonzero(alive), genomes.neuron_starts[neurons["owner"] + 1])
    size = int(genomes.neurons.max()) + 1
    old = np.flatnonzero(kept)
    there = _pair_keys(owners(genomes.synapse_starts)[old], genomes.pre[old], genomes.post[old], size)
    added = _pair_keys(synapses["owner"], synapses["pre"], synapses["post"], size)
    order = np.argsort(added)
    synapses = {name: column[order] for name, column in synapses.items()}
    return genomes.changed(
        **_spliced(genomes, "neuron_starts", alive, neurons, last),
        **_spliced(genomes, "synapse_starts", kept, synapses, np.searchsorted(there, added[order])),
    )


def _spliced(genomes: Genomes, starts: str, kept: Flags, new: Columns, where: Positions) -> dict[str, npt.NDArray[Any]]:
    """Starts and flat arrays without what is not kept, and with `new` before the places `where` among the rest."""
    old = np.flatnonzero(kept)
    order = np.insert(old, where, len(kept) + np.arange(len(where)))
    lengths = counts(getattr(genomes, starts), kept) + np.bincount(new["owner"], minlength=len(genomes))
    columns = {name: np.concatenate([getattr(genomes, name), new[name]])[order] for name in Genomes.PARTS[starts]}
    return {starts: starts_of(lengths), **columns}


def _given(parents: Genomes, taken: Flags, alive: Flags, place: Positions) -> Columns:
    """The synapses that parents give: onto neurons that are taken, from ones that are alive; `place` in the child."""
    pre, post = _flat_ends(parents)
    given = np.flatnonzero(taken[post] & alive[pre])
    genes = {gene: getattr(parents, gene)[given] for gene in SYNAPSE_GENES}
    return _synapses(owners(parents.synapse_starts)[given], place[pre[given]], place[post[given]], **genes)


def _instead_of_too_large(children: Genomes, parents: Genomes, blueprint: Blueprint) -> Genomes:
    """The children, with its parent in the place of each that is beyond the bounds."""
    most = blueprint.inputs + blueprint.outputs + blueprint.bounds.hidden
    too_large = np.flatnonzero((children.neurons > most) | (children.synapses > blueprint.bounds.synapses))
    return children.replaced(too_large, parents.take(too_large))


# Pieces


def _is_open(bounds: Range) -> bool:
    return bounds[1] > bounds[0]


def _below(limits: npt.NDArray[Any], rng: Rng) -> Positions:
    """An integer from 0 to below each limit."""
    drawn: Positions = (rng.random(limits.shape) * limits).astype(np.intp)
    return drawn


def _draw(bounds: Range, size: int, rng: Rng) -> Integers:
    return rng.integers(bounds[0], bounds[1], size, dtype=np.int32, endpoint=True)


def _moved(values: Integers, low: npt.ArrayLike, high: npt.ArrayLike, rng: Rng) -> npt.NDArray[np.float64]:
    """Values after a Gaussian move of at least one step each, within the bounds."""
    move = rng.standard_normal(len(values)) * np.maximum(STEP * np.subtract(high, low), 0.8)
    steps = np.copysign(np.ceil(np.abs(move)), move)
    return np.clip(values + steps, low, high)


def _moves(genomes: Genomes, gene: str, who: Positions, blueprint: Blueprint, rng: Rng) -> Edit:
    """Each value moves with a chance that makes one or two of a genome's move."""
    bounds: Range = getattr(blueprint.bounds, gene)
    if not _is_open(bounds):
        return Edit()
    starts = _starts(genomes, gene)
    lengths = lengths_of(starts)[who]
    every = elements(starts, who)
    chosen = rng.random(len(every)) < np.repeat(1.5 / np.maximum(lengths, 1), lengths)
    where = np.concatenate([every[chosen], _one_of_each(genomes, gene, who, rng)])
    return Edit(values=[(gene, where, _moved(getattr(genomes, gene)[where], *bounds, rng))])


def _one_of_each(genomes: Genomes, gene: str, who: Positions, rng: Rng) -> Positions:
    """A position of one gene of each of the genomes `who`, but of none that has no such gene."""
    starts = _starts(genomes, gene)
    lengths = lengths_of(starts)[who]
    return starts[who][lengths > 0] + _below(lengths[lengths > 0], rng)


def _starts(genomes: Genomes, gene: str) -> Starts:
    return genomes.neuron_starts if gene in NEURON_GENES else genomes.synapse_starts


def _senders(neurons: Integers, blueprint: Blueprint, rng: Rng) -> Positions:
    """For each genome of so many neurons, the position of an input or hidden one."""
    drawn = _below(neurons - blueprint.outputs, rng)
    return np.where(drawn < blueprint.inputs, drawn, drawn + blueprint.outputs)


def _receivers(neurons: Integers, blueprint: Blueprint, rng: Rng) -> Positions:
    """For each genome of so many neurons, the position of an output or hidden one."""
    return blueprint.inputs + _below(neurons - blueprint.inputs, rng)


def _has_room(genomes: Genomes, who: Positions, blueprint: Blueprint, synapses: int) -> Flags:
    """Which of `who` may grow by a neuron and `synapses`."""
    most = blueprint.inputs + blueprint.outputs + blueprint.bounds.hidden
    return (genomes.neurons[who] < most) & (genomes.synapses[who] + synapses <= blueprint.bounds.synapses)


def _pair_keys(owner: Positions, pre: npt.NDArray[Any], post: npt.NDArray[Any], size: int) -> Ids:
    """One number for each pair of neurons of a genome, in the order of genomes and synapses; `size` is above all."""
    pairs: Ids = (owner.astype(np.int64) * size + pre) * size + post
    return pairs


def _connected(genomes: Genomes, who: Positions, pre: Positions, post: Positions) -> Flags:
    """Which pairs of neurons [K, tries] of the genomes `who` [K] have a synapse already."""
    size, slot = int(genomes.neurons.max(initial=1)), np.arange(len(who))
    index = elements(genomes.synapse_starts, who)
    there = _pair_keys(np.repeat(slot, genomes.synapses[who]), genomes.pre[index], genomes.post[index], size)
    asked = _pair_keys(slot[:, None], pre, post, size)
    found: Flags = np.append(there, -1)[np.searchsorted(there, asked)] == asked
    return found


def _flat_ends(genomes: Genomes) -> tuple[Positions, Positions]:
    """Positions of each synapse's neurons as they count through the whole batch."""
    first = np.repeat(genomes.neuron_starts[:-1], genomes.synapses)
    return genomes.pre + first, genomes.post + first


def _neurons(owner: Positions, ids: Ids, threshold: npt.NDArray[Any], blueprint: Blueprint) -> Columns:
    """New hidden neurons; no leak and no pause where the bounds allow it."""
    leak, refractory = (
        np.full(len(owner), bounds[0], np.int32) for bounds in (blueprint.bounds.leak, blueprint.bounds.refractory)
    )
    return {"owner": owner, "ids": ids, "threshold": threshold.astype(np.int32), "leak": leak, "refractory": refractory}


def _synapses(owner: Positions, pre: npt.NDArray[Any], post: npt.NDArray[Any], **genes: npt.NDArray[Any]) -> Columns:
    return {
        "owner": owner,
        **{name: column.astype(np.int32) for name, column in {"pre": pre, "post": post, **genes}.items()},
    }


def _drawn_synapses(size: int, blueprint: Blueprint, rng: Rng) -> dict[str, Integers]:
    return {gene: _draw(getattr(blueprint.bounds, gene), size, rng) for gene in SYNAPSE_GENES}


def _stacked(parts: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _at_most(limit: int, pairs: Ids, owner: Positions, rng: Rng) -> Ids:
    """At most `limit` pairs of each owner, drawn alike; owners ascend."""
    order = np.lexsort((rng.random(len(pairs)), owner))
    nth = np.arange(len(pairs)) - np.searchsorted(owner, owner)
    return np.sort(pairs[order[nth < limit]])
