"""Operators: pure, within the bounds, and what each promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from blueprints import BOUNDS as STYLES
from blueprints import (
    as_network,
    assert_valid,
    fresh_ids,
    grown_genome,
    make_blueprint,
    output_spikes,
    random_blueprint,
    relatives,
    rng_of,
)

from evoneuro import keys
from evoneuro.express import Blueprint, express
from evoneuro.genome import Bounds, Genome
from evoneuro.network import NEURON_GENES, SYNAPSE_GENES
from evoneuro.neuron import Reference
from evoneuro.variation import (
    MUTATIONS,
    NEW_IDS,
    crossover,
    make_toolbox,
    mutate,
    random_genome,
    split_synapse,
)

BOUNDS = [
    Bounds(),
    Bounds(threshold=(1, 7), weight=(-7, 7), leak=(-1, 6), refractory=(0, 3), delay=(1, 4), evidence=(0, 5)),
    Bounds(threshold=(0, 1), weight=(1, 1), delay=(1, 1), hidden=2, synapses=9, gain=(4, 64), window=(8, 30)),
    Bounds(hidden=0, synapses=3),
]


def blueprint(which: int = 0, inputs: int = 4, outputs: int = 2, **changes: Any) -> Blueprint:
    encoder = {"kind": "flip-flop", "low": [-1.0] * (inputs // 2), "high": [1.0] * (inputs // 2)}
    values: dict[str, Any] = {"decoder": {"kind": "race", "evidence": 1, "lead": 0}, "task": {}, "input_charge": 127}
    return Blueprint(inputs, outputs, BOUNDS[which], encoder, **{**values, **changes})


def fresh(index: int) -> Any:
    return np.arange(10_000 + NEW_IDS * index, 10_000 + NEW_IDS * (index + 1), dtype=np.int64)


def genomes(which: int, count: int = 40) -> list[Genome]:
    """Random genomes, most of them varied many times."""
    body = blueprint(which)
    found = [random_genome(body, keys.generator(which, "initial", index=i), fresh(i)) for i in range(count)]
    for generation in range(6):
        for i in range(count):
            rng = keys.generator(which, "variation", generation=generation, index=i)
            found[i] = crossover(found[i], found[i - 1], body, rng) if i % 3 == 0 else found[i]
            found[i] = mutate(found[i], body, rng, fresh(count * (generation + 1) + i))
    return found


def check(genome: Genome, body: Blueprint) -> None:
    bounds = body.bounds
    assert (np.diff(genome.ids) > 0).all()
    assert genome.ids[: body.inputs + body.outputs].tolist() == list(range(body.inputs + body.outputs))
    assert len(genome.ids) - body.inputs - body.outputs <= bounds.hidden
    assert genome.synapses <= bounds.synapses
    pairs = list(zip(genome.pre.tolist(), genome.post.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    assert np.isin(genome.pre, genome.ids).all()
    assert np.isin(genome.post, genome.ids).all()
    for gene in (*NEURON_GENES, *SYNAPSE_GENES):
        low, high = getattr(bounds, gene)
        values = getattr(genome, gene)
        assert len(values) == (len(genome.ids) if gene in NEURON_GENES else genome.synapses)
        assert ((low <= values) & (values <= high)).all(), gene
    low, high = bounds.parameters.T
    assert ((low <= genome.parameters) & (genome.parameters <= high)).all()
    for array in vars(genome).values():
        assert not array.flags.writeable


@pytest.mark.parametrize("which", range(len(BOUNDS)))
def test_everything_stays_within_the_bounds(which: int) -> None:
    body = blueprint(which)
    for genome in genomes(which):
        check(genome, body)


@pytest.mark.parametrize("which", range(len(BOUNDS)))
@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation(name: str, which: int) -> None:
    body = blueprint(which)
    operator, _, topology = MUTATIONS[name]
    changed = 0
    for i, genome in enumerate(genomes(which, 20)):
        before = genome.key()
        children = [operator(genome, body, keys.generator(1, "variation", index=i), fresh(9999)) for _ in range(2)]
        assert genome.key() == before  # parents are never written into
        assert children[0].key() == children[1].key()  # the same key, the same child
        check(children[0], body)
        changed += children[0].key() != before
        if not topology:
            assert np.array_equal(children[0].ids, genome.ids)
            assert np.array_equal(children[0].pre, genome.pre)
            assert np.array_equal(children[0].post, genome.post)
    can_change = which < 2 or name in ("move_thresholds", "redraw_gene", "move_parameter", "delete_synapse")
    if which == 3:
        can_change = name not in ("add_neuron", "split_synapse", "delete_neuron", "move_parameter")
    if can_change and not (which == 0 and name == "move_parameter"):
        assert changed > 0


def test_a_fixed_topology_is_never_changed() -> None:
    body = blueprint(1, fixed=True)
    genome = genomes(1, 8)[5]
    for i in range(60):
        child = mutate(genome, body, keys.generator(2, "variation", index=i), fresh(i))
        assert np.array_equal(child.pre, genome.pre)
        assert np.array_equal(child.post, genome.post)


def test_a_split_synapse_of_delay_2_or_more_behaves_as_before() -> None:
    body = blueprint(1)
    rng = np.random.default_rng(0)
    splits = 0
    for i, genome in enumerate(genomes(1, 60)):
        child = split_synapse(genome, body, keys.generator(3, "variation", index=i), fresh(7777))
        if child is genome:
            continue
        before = set(zip(genome.pre.tolist(), genome.post.tolist(), strict=True))
        after = set(zip(child.pre.tolist(), child.post.tolist(), strict=True))
        (gone,) = before - after
        where = list(zip(genome.pre.tolist(), genome.post.tolist(), strict=True)).index(gone)
        if genome.delay[where] < 2:
            continue
        old, new = express(genome, body), express(child, body)
        raster = (rng.random((60, 1, 4)) < 0.3).astype(int) * 127
        outputs = [Reference(net).run(raster)[:, 0, net.outputs] for net in (old, new)]
        assert np.array_equal(*outputs)
        splits += 1
    assert splits > 10


@pytest.mark.parametrize("style", STYLES)
def test_every_style_of_bounds_is_kept(style: str) -> None:
    for seed in range(6):
        body = random_blueprint(seed, style)
        genome = grown_genome(body, seed)
        assert_valid(genome, body)
        for name, (operator, _, _) in MUTATIONS.items():
            before = genome.key()
            twins = [operator(genome, body, rng_of(seed, 9), fresh_ids(500)).key() for _ in range(2)]
            assert twins[0] == twins[1], name
            assert genome.key() == before, name
            assert_valid(operator(genome, body, rng_of(seed, 9), fresh_ids(500)), body)
        a, b = relatives(body, seed)
        assert_valid(crossover(a, b, body, rng_of(seed, 5)), body)
        assert crossover(a, a, body, rng_of(seed, 6)).key() == a.key()


@pytest.mark.parametrize("shortest", [1, 3])
def test_a_delay_that_can_be_cut_in_two_keeps_its_length(shortest: int) -> None:
    bounds = Bounds(delay=(shortest, 15), weight=(1, 9), threshold=(1, 4))
    body = replace(make_blueprint(), bounds=bounds)
    spikes = 0
    for seed in range(40):
        genome = random_genome(body, rng_of(seed), fresh_ids(0))
        genome = replace(genome, delay=np.maximum(genome.delay, np.int32(2 * shortest)))
        child = split_synapse(genome, body, rng_of(seed, 1), fresh_ids(1))
        assert child.synapses == genome.synapses + 1
        assert child.delay.sum() == genome.delay.sum()
        outputs = [output_spikes(as_network(g, body), seed) for g in (genome, child)]
        assert np.array_equal(*outputs)
        spikes += int(outputs[0].sum())
    assert spikes > 1000


# Crossover


def test_a_child_of_equal_parents_is_their_equal() -> None:
    for i, genome in enumerate(genomes(0, 20)):
        twin = Genome.from_document(genome.to_document())
        assert crossover(genome, twin, blueprint(0), keys.generator(0, "variation", index=i)).key() == genome.key()


def test_every_gene_comes_from_a_parent_and_units_stay_together() -> None:
    body, found = blueprint(1), genomes(1, 30)
    for i in range(1, len(found)):
        a, b = found[i - 1], found[i]
        child = crossover(a, b, body, keys.generator(4, "variation", index=i))
        check(child, body)
        for k, name in enumerate(child.ids.tolist()):
            mine = [int(getattr(child, gene)[k]) for gene in NEURON_GENES]
            givers = []
            for parent in (a, b):
                where = np.flatnonzero(parent.ids == name)
                if len(where) and [int(getattr(parent, gene)[where[0]]) for gene in NEURON_GENES] == mine:
                    kept = (parent.post == name) & np.isin(parent.pre, child.ids)
                    theirs = [getattr(parent, g)[kept].tolist() for g in ("pre", "weight", "delay")]
                    own = [getattr(child, g)[child.post == name].tolist() for g in ("pre", "weight", "delay")]
                    givers.append(theirs == own)
            assert any(givers), name
        assert all(value in pair for value, *pair in zip(child.parameters, a.parameters, b.parameters, strict=True))


def test_crossover_takes_from_both() -> None:
    body, found = blueprint(0), genomes(0, 30)
    children = [crossover(found[i - 1], found[i], body, keys.generator(5, "variation", index=i)) for i in range(1, 30)]
    parents = {genome.key() for genome in found}
    assert sum(child.key() not in parents for child in children) > 20


def test_the_toolbox_holds_the_operators() -> None:
    toolbox, body = make_toolbox(), blueprint(0)
    rng = keys.generator(0, "initial")
    genome = toolbox.random(body, rng, fresh(0))
    check(toolbox.mutate(toolbox.mate(genome, genome, body, rng), body, rng, fresh(1)), body)
