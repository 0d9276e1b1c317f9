"""How a network came about, as a strip: its ancestors, and what changed from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from markupsafe import Markup

from evoneuro.lineage import Ancestor
from evoneuro.network import NEURON_GENES, SYNAPSE_GENES, Network
from evoneuro.record import Champion
from evoneuro.report.network_svg import network_svg
from evoneuro.report.numbers import number

Line = Sequence[tuple[Ancestor, Network]]

STEPS = 12  # pictures of a strip, at most
CHAMPIONS = (
    "The networks of the front that were better than all before them, by validation score and then by synapses. The "
    "run was begun before journals said who the parents were, so these need not descend from one another."
)
NAMES = {"refractory": ("refractory time", "refractory times"), "leak": ("leak", "leaks")}


def strip(line: Line, champions: Sequence[Champion], started: bool) -> tuple[str, list[dict[str, Any]]]:
    """Words, and the pictures as the template takes them: of the ancestors, or, without a line, of who was best.

    Args:
        started: whether the run began with networks that it was given.
    """
    if not line:
        return CHAMPIONS, [_champion(champions[i]) for i in spread(len(champions), STEPS)]
    chosen = shown(line)
    first, count = line[0][0], births(line, 0, len(line) - 1)
    began = "one of those that the run began with" if started else "which was made at random"
    words = (
        f"Network {line[-1][0].id} descends from {first.id}, "
        f"{'whose parents are not known' if first.parent else began}, through {count} "
        f"{'birth' if count == 1 else 'births'}. Shown are {len(chosen)} of the line, where the wiring changed. Of a "
        "child of two, the line follows the parent that came first. A score is that of the cases at birth, which may "
        "have been easier or harder than others."
    )
    return words, [_ancestor(line, *step) for step in pairwise([None, *chosen])]


def spread(count: int, most: int) -> list[int]:
    """Positions of at most so many of `count`, spread evenly: the first, the last, and some between."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int)).tolist() if count else []


def shown(line: Line) -> list[int]:
    """Positions of those that are shown: the first and last, and where the wiring changed; of too many, some."""
    wirings = [_wiring(network) for _, network in line]
    changed = [i for i in range(len(line)) if i in (0, len(line) - 1) or wirings[i] != wirings[i - 1]]
    return [changed[i] for i in spread(len(changed), STEPS)]


def changes(old: Network, new: Network) -> list[str]:
    """What of a network another one has changed, as `+2 synapses`, `3 weights`; empty for the same network."""
    found = []
    gone, come = (len(set(a.ids.tolist()) - set(b.ids.tolist())) for a, b in ((old, new), (new, old)))
    found += _counted("neuron", come, gone)
    before, after = _synapses(old), _synapses(new)
    found += _counted("synapse", len(after.keys() - before.keys()), len(before.keys() - after.keys()))
    both = before.keys() & after.keys()
    for i, gene in enumerate(SYNAPSE_GENES):
        found += _differing(gene, sum(before[pair][i] != after[pair][i] for pair in both))
    here, there = np.intersect1d(old.ids, new.ids, return_indices=True)[1:]
    for gene in NEURON_GENES:
        found += _differing(gene, int((getattr(old, gene)[here] != getattr(new, gene)[there]).sum()))
    if old.window != new.window:
        found.append(f"window {new.window}")
    found += [what for what in ("encoder", "decoder") if getattr(old, what) != getattr(new, what)]
    return found


def births(line: Line, before: int, after: int) -> int:
    """How many births lead from one position of a line to a later one."""
    return sum(1 + ancestor.skipped for ancestor, _ in line[before + 1 : after + 1])


def _ancestor(line: Line, before: int | None, place: int | None) -> dict[str, Any]:
    assert place is not None
    one, network = line[place]
    words, step = f"{one.id}: score {number(one.score)}, {network.synapses} synapses.", ""
    if before is not None:
        count, mates = births(line, before, place), [a.mate for a, _ in line[before + 1 : place + 1] if a.mate]
        changed = ", ".join(changes(line[before][1], network)) or "nothing that is expressed"
        crossed = f"; crossed with {', '.join(mates[:2])}{' and others' if len(mates) > 2 else ''}" if mates else ""
        step = f"{'A child' if count == 1 else f'{count} births on'}: {changed}{crossed}."
    return {"svg": _picture(network, one.id), "generation": one.id.split("-")[0], "words": words, "step": step}


def _champion(champion: Champion) -> dict[str, Any]:
    member = champion.member
    score = member.measures["score"] if member.validation_score is None else member.validation_score
    return {
        "svg": _picture(member.network, member.id),
        "generation": champion.generation,
        "words": f"{member.id}: {number(score)}, {member.measures['synapses']:.0f} synapses, "
        f"latency {number(member.measures['latency'])}; {champion.evaluations:,} evaluations",
        "step": "",
    }


def _picture(network: Network, name: str) -> Markup:
    return Markup(network_svg(network, f"Network {name}", small=True, quick=True))


def _wiring(network: Network) -> frozenset[tuple[int, int]]:
    return frozenset(_synapses(network))


def _synapses(network: Network) -> dict[tuple[int, int], tuple[int, ...]]:
    """The genes of each synapse, by the ids of its neurons."""
    genes = (getattr(network, gene).tolist() for gene in SYNAPSE_GENES)
    ends = zip(network.ids[network.pre].tolist(), network.ids[network.post].tolist(), strict=True)
    return dict(zip(ends, zip(*genes, strict=True), strict=True))


def _counted(name: str, come: int, gone: int) -> list[str]:
    signed = [f"{sign}{count}" for count, sign in ((come, "+"), (gone, "\N{MINUS SIGN}")) if count]
    return [f"{' '.join(signed)} {name}{'' if come + gone == 1 else 's'}"] if signed else []


def _differing(gene: str, count: int) -> list[str]:
    one, several = NAMES.get(gene, (gene, f"{gene}s"))
    return [f"{count} {one if count == 1 else several}"] if count else []
