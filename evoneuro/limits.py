"""Limits of whole networks that no gene's range says: synapses that meet, kinds of neurons, what synapses share.

Devices have them (`evoneuro.hardware`), `Bounds` states them, and whoever varies genomes keeps them by `within`. It
draws nothing where there is no limit, so that a run without any is what it would be without this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from evoneuro.draws import Rng
from evoneuro.edits import Edit, apply, flat_ends
from evoneuro.genome import NO_LIMIT, Bounds, Genome, Genomes
from evoneuro.network import NEURON_GENES, Network
from evoneuro.ragged import Positions, owners

Parts = Network | Genome


# Looking


def counted(parts: Parts) -> dict[str, int]:
    """What `Bounds` limits by these names: the most synapses onto and out of a neuron, and how many kinds there are."""
    kinds = np.stack([getattr(parts, gene) for gene in NEURON_GENES], axis=1)
    return {
        "fan_in": int(np.bincount(parts.post).max(initial=0)),
        "fan_out": int(np.bincount(parts.pre).max(initial=0)),
        "neuron_kinds": len(np.unique(kinds, axis=0)),
        "weight_kinds": len(np.unique(parts.weight)),
    }


def unshared(parts: Parts, shared: Iterable[str]) -> list[str]:
    """Those of `shared` (sign, weight, delay) in which synapses out of a neuron differ. A weight of 0 has any sign."""
    return [what for what in shared if _differ(parts, what)]


def _differ(parts: Parts, what: str) -> bool:
    if what == "sign":
        return bool(np.isin(parts.pre[parts.weight < 0], parts.pre[parts.weight > 0]).any())
    pairs = np.unique(np.stack([parts.pre, getattr(parts, what)], axis=1), axis=0)
    return len(np.unique(parts.pre)) < len(pairs)


# Keeping


def within(genomes: Genomes, bounds: Bounds, rng: Rng) -> Genomes:
    """The batch within the limits: those that keep them as they are, of the others what has to go drawn alike.

    Kinds beyond the limit become the nearest of the most used; of the synapses out of a neuron one, drawn alike, says
    what all of them share; of too many at one neuron some are dropped.
    """
    genomes = _of_few_kinds(genomes, "synapse_starts", ("weight",), bounds.weight_kinds, rng)
    genomes = _of_few_kinds(genomes, "neuron_starts", NEURON_GENES, bounds.neuron_kinds, rng)
    for what in bounds.shared:
        genomes = _sharing(genomes, what, bounds, rng)
    genomes = _thinned(genomes, "post", bounds.fan_in, rng)
    return _thinned(genomes, "pre", bounds.fan_out, rng)


def _of_few_kinds(genomes: Genomes, starts: str, genes: Sequence[str], most: int, rng: Rng) -> Genomes:
    """Each genome with at most so many different rows of `genes`."""
    if most >= NO_LIMIT:
        return genomes
    rows = np.stack([owners(getattr(genomes, starts)), *(getattr(genomes, gene) for gene in genes)], axis=1)
    kinds, of, uses = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    owner = kinds[:, 0]
    first = np.searchsorted(owner, owner)
    used = np.lexsort((rng.random(len(kinds)), -uses, owner))
    kept = np.zeros(len(kinds), bool)
    kept[used[np.arange(len(kinds)) - first < most]] = True
    place = np.arange(len(kinds))
    for i in np.flatnonzero(~kept).tolist():
        mine = first[i] + np.flatnonzero(kept[first[i] : np.searchsorted(owner, owner[i], side="right")])
        place[i] = mine[np.abs(kinds[mine] - kinds[i]).sum(axis=1).argmin()]
    values = kinds[place[of.reshape(-1)], 1:]
    return genomes.changed(**{gene: values[:, i].astype(np.int32) for i, gene in enumerate(genes)})


def _sharing(genomes: Genomes, what: str, bounds: Bounds, rng: Rng) -> Genomes:
    """The batch in which all synapses out of a neuron have the same weight or delay, or the same sign."""
    gene = "weight" if what == "sign" else what
    pre, _ = flat_ends(genomes)
    values = getattr(genomes, gene)
    last = 2 * pre + ((values == 0) if what == "sign" else 0)  # a weight of 0 shows no sign
    order = _drawn_first(last, rng)
    shown = values[order[np.searchsorted(last[order], 2 * pre)]]
    if what == "sign":
        shown = np.clip(np.abs(values) * np.where(shown < 0, -1, 1), *bounds.weight).astype(np.int32)
    return genomes.changed(**{gene: shown})


def _thinned(genomes: Genomes, end: str, most: int, rng: Rng) -> Genomes:
    """The batch with at most so many synapses at one `end`, "pre" or "post", of each neuron."""
    if most >= NO_LIMIT:
        return genomes
    pre, post = flat_ends(genomes)
    at = pre if end == "pre" else post
    order = _drawn_first(at, rng)
    nth = np.arange(len(at)) - np.searchsorted(at[order], at[order])
    lost = np.sort(order[nth >= most])
    return apply(genomes, [Edit(lost_synapses=lost)]) if len(lost) else genomes


def _drawn_first(groups: npt.NDArray[np.intp], rng: Rng) -> Positions:
    """Positions of all elements, group after group, in a random order within each."""
    order: Positions = np.lexsort((rng.random(len(groups)), groups))
    return order
