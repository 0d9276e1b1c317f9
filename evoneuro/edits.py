"""Edits: what is to change in a batch of genomes, and the batch with all of it changed at once.

Mutations and crossover say what they want in flat arrays; nothing else writes genomes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.genome import Genomes, Ids
from evoneuro.network import NEURON_GENES, SYNAPSE_GENES
from evoneuro.ragged import Positions, counts, owners, starts_of

Flags = npt.NDArray[np.bool_]
Columns = Mapping[str, npt.NDArray[Any]]

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
        pre, post = flat_ends(genomes)
        kept &= alive[pre] & alive[post]
        before = np.cumsum(alive) - alive
        place = (before - np.repeat(before[genomes.neuron_starts[:-1]], genomes.neurons)).astype(np.int32)
        genomes = genomes.changed(pre=place[pre], post=place[post])
    neurons, synapses = (stacked([getattr(edit, name) for edit in edits]) for name in ("neurons", "synapses"))
    last = np.searchsorted(np.flatnonzero(alive), genomes.neuron_starts[neurons["owner"] + 1])
    size = int(genomes.neurons.max()) + 1
    old = np.flatnonzero(kept)
    there = pair_keys(owners(genomes.synapse_starts)[old], genomes.pre[old], genomes.post[old], size)
    added = pair_keys(synapses["owner"], synapses["pre"], synapses["post"], size)
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


# Columns


def pair_keys(owner: Positions, pre: npt.NDArray[Any], post: npt.NDArray[Any], size: int) -> Ids:
    """One number for each pair of neurons of a genome, in the order of genomes and synapses; `size` is above all."""
    pairs: Ids = (owner.astype(np.int64) * size + pre) * size + post
    return pairs


def flat_ends(genomes: Genomes) -> tuple[Positions, Positions]:
    """Positions of each synapse's neurons as they count through the whole batch."""
    first = np.repeat(genomes.neuron_starts[:-1], genomes.synapses)
    return genomes.pre + first, genomes.post + first


def synapse_columns(
    owner: Positions, pre: npt.NDArray[Any], post: npt.NDArray[Any], **genes: npt.NDArray[Any]
) -> Columns:
    """Columns of synapses, owner, pre, post and genes, each [synapses]; all but the owner as int32."""
    return {
        "owner": owner,
        **{name: column.astype(np.int32) for name, column in {"pre": pre, "post": post, **genes}.items()},
    }


def stacked(parts: Sequence[Columns]) -> Columns:
    """The columns of several parts, one after another; all have those of the first."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
