"""Operators: pure, within the bounds, and what each promises; of a genome alone and in a batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from blueprints import BOUNDS as STYLES
from blueprints import (
    as_network,
    assert_valid,
    changed,
    fresh_ids,
    grown_genomes,
    make_blueprint,
    output_spikes,
    random_blueprint,
    relatives,
    rng_of,
)

from evoneuro import variation
from evoneuro.edits import Edit, apply
from evoneuro.express import Blueprint, express
from evoneuro.genome import Bounds, Genome, Genomes
from evoneuro.mutations import MUTATIONS, mutations
from evoneuro.network import NEURON_GENES, SYNAPSE_GENES
from evoneuro.neuron import Reference
from evoneuro.variation import crossover, make_toolbox, mutate, random_genomes

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


def everyone(genomes: Genomes) -> Any:
    return np.arange(len(genomes))


def genomes(which: int, count: int = 40) -> Genomes:
    """Random genomes, most of them varied many times."""
    body, rng = blueprint(which), rng_of(which, 7)
    found = random_genomes(body, rng, fresh_ids(0, count))
    for generation in range(1, 7):
        mated = np.where(everyone(found) % 3 == 0, everyone(found) - 1, everyone(found))
        found = crossover(found, found.take(mated), body, rng)
        found = mutate(found, everyone(found), body, rng, fresh_ids(count * generation, count))
    return found


def pairs(genome: Genome) -> list[tuple[int, int]]:
    """Ids of each synapse's neurons."""
    return list(zip(genome.ids[genome.pre].tolist(), genome.ids[genome.post].tolist(), strict=True))


def synapses(genome: Genome) -> dict[tuple[int, int], tuple[int, int]]:
    """Weight and delay of each pair of ids."""
    return dict(zip(pairs(genome), zip(genome.weight.tolist(), genome.delay.tolist(), strict=True), strict=True))


def neurons(genome: Genome) -> dict[int, tuple[int, ...]]:
    """Neuron genes of each id."""
    genes = (getattr(genome, gene).tolist() for gene in NEURON_GENES)
    return dict(zip(genome.ids.tolist(), zip(*genes, strict=True), strict=True))


def alike(one: Genomes, other: Genomes) -> bool:
    return [genome.key() for genome in one] == [genome.key() for genome in other]


# Random genomes


@pytest.mark.parametrize("style", STYLES)
def test_random_genomes_are_small_and_within_the_bounds(style: str) -> None:
    for seed in range(4):
        body = random_blueprint(seed, style)
        found = random_genomes(body, rng_of(seed), fresh_ids(0, 50))
        assert alike(found, random_genomes(body, rng_of(seed), fresh_ids(0, 50)))
        hidden = [set(genome.ids[body.inputs + body.outputs :].tolist()) for genome in found]
        assert {len(mine) for mine in hidden} == set(range(min(2, body.bounds.hidden) + 1))
        for i, (genome, mine) in enumerate(zip(found, hidden, strict=True)):
            assert_valid(genome, body)
            assert mine <= {fresh_ids(i)[0], fresh_ids(i)[0] + 1}
            assert genome.synapses >= 1
            assert not set(genome.pre.tolist()) & set(range(body.inputs, body.inputs + body.outputs))
            assert not set(genome.post.tolist()) & set(range(body.inputs))


def test_where_synapses_are_few_each_pair_has_its_chance() -> None:
    body = make_blueprint("few synapses", inputs=2, outputs=2)
    seen = {pair for genome in random_genomes(body, rng_of(0), fresh_ids(0, 400)) for pair in pairs(genome)}
    assert {(i, o) for i in (0, 1) for o in (2, 3)} <= seen


# Mutations


@pytest.mark.parametrize("which", range(len(BOUNDS)))
def test_everything_stays_within_the_bounds(which: int) -> None:
    for genome in genomes(which):
        assert_valid(genome, blueprint(which))


@pytest.mark.parametrize("which", range(len(BOUNDS)))
@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation(name: str, which: int) -> None:
    body, parents = blueprint(which), genomes(which)
    before = [genome.key() for genome in parents]
    children = [changed(name, parents, body, rng_of(1), fresh_ids(9999, len(parents))) for _ in range(2)]
    assert [genome.key() for genome in parents] == before  # parents are never written into
    assert alike(*children)  # the same key, the same children
    can_change = which < 2 or name in ("move_thresholds", "redraw_gene", "move_parameter", "delete_synapse")
    if which == 3:
        can_change = name not in ("add_neuron", "split_synapse", "delete_neuron", "move_parameter")
    if can_change and not (which == 0 and name == "move_parameter"):
        assert [genome.key() for genome in children[0]] != before


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", MUTATIONS)
def test_in_every_style_a_mutation_changes_what_it_says(name: str, style: str) -> None:
    for seed in range(3):
        body = random_blueprint(seed, style)
        parents = grown_genomes(body, seed, 12)
        children = changed(name, parents, body, rng_of(seed, 9), fresh_ids(99_000, 12))
        for i, (parent, child) in enumerate(zip(parents, children, strict=True)):
            assert_valid(child, body)
            if parent.key() != child.key():
                CHANGES[name](parent, child, int(fresh_ids(99_000 + i)[0]))


def same_except(parent: Genome, child: Genome, *genes: str) -> None:
    for gene, values in vars(parent).items():
        assert gene in genes or np.array_equal(values, getattr(child, gene)), gene


def moved(gene: str) -> Any:
    return lambda parent, child, fresh: same_except(parent, child, gene)


def one_value(parent: Genome, child: Genome, fresh: int) -> None:
    same_except(parent, child, *NEURON_GENES, *SYNAPSE_GENES)
    assert sum(int((getattr(parent, g) != getattr(child, g)).sum()) for g in (*NEURON_GENES, *SYNAPSE_GENES)) == 1


def one_flipped(parent: Genome, child: Genome, fresh: int) -> None:
    same_except(parent, child, "weight")
    (where,) = np.flatnonzero(parent.weight != child.weight)
    assert child.weight[where] == -parent.weight[where] or abs(child.weight[where]) < abs(parent.weight[where])


def one_parameter(parent: Genome, child: Genome, fresh: int) -> None:
    same_except(parent, child, "parameters")
    assert (parent.parameters != child.parameters).sum() == 1


def one_more(parent: Genome, child: Genome, fresh: int) -> None:
    assert neurons(parent) == neurons(child)
    assert synapses(parent).items() < synapses(child).items()
    assert child.synapses == parent.synapses + 1


def one_less(parent: Genome, child: Genome, fresh: int) -> None:
    assert neurons(parent) == neurons(child)
    assert synapses(child).items() < synapses(parent).items()
    assert child.synapses == parent.synapses - 1 >= 1


def one_rewired(parent: Genome, child: Genome, fresh: int) -> None:
    assert neurons(parent) == neurons(child)
    ((old, genes),) = synapses(parent).items() - synapses(child).items()
    ((new, same),) = synapses(child).items() - synapses(parent).items()
    assert genes == same
    assert (old[0] == new[0]) != (old[1] == new[1])  # one end


def one_split(parent: Genome, child: Genome, fresh: int) -> None:
    (((pre, post), (weight, _)),) = synapses(parent).items() - synapses(child).items()
    added = dict(synapses(child).items() - synapses(parent).items())
    assert set(added) == {(pre, fresh), (fresh, post)}
    assert added[fresh, post][0] == weight
    assert neurons(parent).items() < neurons(child).items()
    assert set(neurons(child)) - set(neurons(parent)) == {fresh}


def one_neuron_more(parent: Genome, child: Genome, fresh: int) -> None:
    assert neurons(parent).items() < neurons(child).items()
    assert set(neurons(child)) - set(neurons(parent)) == {fresh}
    assert synapses(parent).items() < synapses(child).items()
    added = set(synapses(child)) - set(synapses(parent))
    assert sum(post == fresh for _, post in added) in (1, 2, 3)  # three where it feeds itself
    assert sum(pre == fresh for pre, _ in added) == 1
    assert all(fresh in pair for pair in added)


def one_neuron_less(parent: Genome, child: Genome, fresh: int) -> None:
    (gone,) = set(neurons(parent)) - set(neurons(child))
    assert neurons(child) == {name: genes for name, genes in neurons(parent).items() if name != gone}
    assert synapses(child) == {pair: genes for pair, genes in synapses(parent).items() if gone not in pair}


CHANGES = {
    "move_weights": moved("weight"),
    "move_delays": moved("delay"),
    "move_thresholds": moved("threshold"),
    "redraw_gene": one_value,
    "flip_weight": one_flipped,
    "move_parameter": one_parameter,
    "add_synapse": one_more,
    "delete_synapse": one_less,
    "rewire_synapse": one_rewired,
    "split_synapse": one_split,
    "add_neuron": one_neuron_more,
    "delete_neuron": one_neuron_less,
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_genome_changes_in_a_batch_as_it_does_alone(name: str) -> None:
    body, parents = blueprint(1), genomes(1)
    operator = MUTATIONS[name][0]
    for i in range(0, 40, 3):
        fresh = fresh_ids(9999)
        together = apply(parents, [operator(parents, np.array([i]), body, rng_of(i), fresh)])
        alone = parents[i : i + 1]
        alone = apply(alone, [operator(alone, np.array([0]), body, rng_of(i), fresh)])
        assert together[i].key() == alone[0].key()
        others = [k for k in range(40) if k != i]
        assert alike(together.take(others), parents.take(others))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.12])
def test_gaussian_moves_have_the_size_that_they_are_told(share: float) -> None:
    """Weights that start in the middle of a wide range, so that no end is in the way; rounding is away from nought."""
    body, parents = blueprint(0), genomes(0, 400)
    body = replace(body, bounds=replace(body.bounds, weight=(-1000, 1000)))
    parents = replace(parents, weight=np.zeros_like(parents.weight))
    operator = mutations(share)["move_weights"][0]
    moves = apply(parents, [operator(parents, everyone(parents), body, rng_of(1), fresh_ids(0, 400))]).weight
    moves = moves[moves != 0]
    assert len(moves) > 300
    assert np.sqrt(np.mean(moves**2.0)) == pytest.approx(max(2000 * share, 1.3), rel=0.1)


def test_edits_of_different_genomes_are_made_together() -> None:
    body, parents = blueprint(1), genomes(1, 48)
    edits, one_by_one = [], parents
    for k, (operator, _, _) in enumerate(MUTATIONS.values()):
        who = np.arange(k, 48, len(MUTATIONS))
        fresh = fresh_ids(9000 + 100 * k, len(who))
        edits.append(operator(parents, who, body, rng_of(k), fresh))
        one_by_one = apply(one_by_one, [operator(one_by_one, who, body, rng_of(k), fresh)])
    assert alike(apply(parents, edits), one_by_one)
    assert not alike(parents, one_by_one)


def test_mutations_come_by_their_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, int] = dict.fromkeys(MUTATIONS, 0)

    def counter(name: str) -> Any:
        def operator(genomes: Genomes, who: Any, *rest: Any) -> Edit:
            drawn[name] += len(who)
            return Edit()

        return operator

    rates = {name: rate for name, (_, rate, _) in MUTATIONS.items()}
    counted = {name: (counter(name), rate, topology) for name, (_, rate, topology) in MUTATIONS.items()}
    monkeypatch.setattr(variation, "MUTATIONS", counted)
    some = genomes(0, 10).take(np.zeros(20_000, int))
    mutate(some, everyone(some), blueprint(0), rng_of(5), fresh_ids(0, len(some)))
    total = sum(drawn.values())
    assert total / len(some) == pytest.approx(1.875, rel=0.02)  # 1/2 + 2/4 + 3/8 + 4/8
    for name, rate in rates.items():
        assert drawn[name] / total == pytest.approx(rate / sum(rates.values()), rel=0.12), name


def test_only_who_is_named_is_mutated() -> None:
    body, parents = blueprint(1), genomes(1)
    children = mutate(parents, np.array([3, 8]), body, rng_of(0), fresh_ids(9999, 2))
    unchanged = [child.key() == parent.key() for child, parent in zip(children, parents, strict=True)]
    assert [i for i, same in enumerate(unchanged) if not same] == [3, 8]
    nobody = mutate(parents, np.array([], int), body, rng_of(0), fresh_ids(9999, 0))
    assert alike(nobody, parents)


def test_a_fixed_topology_is_never_changed() -> None:
    body, parents = blueprint(1, fixed=True), genomes(1)
    children = mutate(parents, everyone(parents), body, rng_of(2), fresh_ids(9999, len(parents)))
    assert not alike(children, parents)
    for child, parent in zip(children, parents, strict=True):
        assert pairs(child) == pairs(parent)
        assert child.ids.tolist() == parent.ids.tolist()


def test_a_split_synapse_of_delay_2_or_more_behaves_as_before() -> None:
    body, parents = blueprint(1), genomes(1, 60)
    rng = np.random.default_rng(0)
    children = changed("split_synapse", parents, body, rng_of(3), fresh_ids(7777, 60))
    splits = 0
    for parent, child in zip(parents, children, strict=True):
        gone = set(pairs(parent)) - set(pairs(child))
        if not gone or synapses(parent)[gone.pop()][1] < 2:
            continue
        raster = (rng.random((60, 1, 4)) < 0.3).astype(int) * 127
        outputs = [Reference(net).run(raster)[:, 0, net.outputs] for net in express([parent, child], body)]
        assert np.array_equal(*outputs)
        splits += 1
    assert splits > 10


@pytest.mark.parametrize("shortest", [1, 3])
def test_a_delay_that_can_be_cut_in_two_keeps_its_length(shortest: int) -> None:
    bounds = Bounds(delay=(shortest, 15), weight=(1, 9), threshold=(1, 4))
    body = replace(make_blueprint(), bounds=bounds)
    parents = random_genomes(body, rng_of(0), fresh_ids(0, 40))
    parents = parents.changed(delay=np.maximum(parents.delay, np.int32(2 * shortest)))
    children = changed("split_synapse", parents, body, rng_of(1), fresh_ids(100, 40))
    spikes = 0
    for seed, (parent, child) in enumerate(zip(parents, children, strict=True)):
        assert child.synapses == parent.synapses + 1
        assert child.delay.sum() == parent.delay.sum()
        outputs = [output_spikes(as_network(g, body), seed) for g in (parent, child)]
        assert np.array_equal(*outputs)
        spikes += int(outputs[0].sum())
    assert spikes > 1000


# Crossover


def bred(a: Genome, b: Genome, take_a: list[bool], take_b: list[bool]) -> tuple[dict[int, Any], dict[Any, Any]]:
    """Neurons and synapses of a child in plain Python; `take_b` counts where `a` has no such neuron."""
    names_a, names_b = a.ids.tolist(), b.ids.tolist()
    giver = {name: a for name, take in zip(names_a, take_a, strict=True) if take}
    giver |= {name: b for name, take in zip(names_b, take_b, strict=True) if take and name not in names_a}
    giver |= {name: b for name in names_b if name in names_a and name not in giver}
    found = {name: neurons(parent)[name] for name, parent in giver.items()}
    edges = {
        pair: genes
        for parent in (a, b)
        for pair, genes in synapses(parent).items()
        if pair[0] in giver and giver.get(pair[1]) is parent
    }
    return found, edges


@pytest.mark.parametrize("style", STYLES)
def test_crossover_is_the_plain_one_of_each_pair(style: str) -> None:
    for seed in range(3):
        body = random_blueprint(seed, style)
        a, b = relatives(body, seed, 8)
        children = crossover(a, b, body, rng_of(seed, 5))
        rng = rng_of(seed, 5)
        take_a, take_b = rng.random(len(a.ids)) < 0.5, rng.random(len(b.ids)) < 0.5
        for i, child in enumerate(children):
            assert_valid(child, body)
            first, second = a[i], b[i]
            mine = take_a[a.neuron_starts[i] : a.neuron_starts[i + 1]].tolist()
            theirs = take_b[b.neuron_starts[i] : b.neuron_starts[i + 1]].tolist()
            found, edges = bred(first, second, mine, theirs)
            hidden = len(found) - body.inputs - body.outputs
            if hidden > body.bounds.hidden or len(edges) > body.bounds.synapses:
                assert child.key() == first.key()
                continue
            assert neurons(child) == found
            assert synapses(child) == edges
            parameters = zip(child.parameters, first.parameters, second.parameters, strict=True)
            assert all(value in pair for value, *pair in parameters)


def test_children_of_equal_parents_are_their_equals() -> None:
    parents = genomes(0)
    twins = Genomes.of([Genome.from_document(genome.to_document()) for genome in parents])
    assert alike(crossover(parents, twins, blueprint(0), rng_of(0)), parents)


def test_a_child_beyond_the_bounds_is_given_up() -> None:
    body, (a, b) = make_blueprint(), relatives(make_blueprint(), 0, 60, mutations=40)
    free = crossover(a, b, body, rng_of(0))
    most = int(np.median(free.synapses))
    children = crossover(a, b, replace(body, bounds=replace(body.bounds, synapses=most)), rng_of(0))
    too_large = free.synapses > most
    assert too_large.any()
    assert alike(children, free.joined(a).take(np.where(too_large, 60 + np.arange(60), np.arange(60))))


def test_crossover_takes_from_both() -> None:
    found = genomes(0)
    children = crossover(found.take(everyone(found) - 1), found, blueprint(0), rng_of(5))
    parents = {genome.key() for genome in found}
    assert sum(child.key() not in parents for child in children) > 20


def test_the_toolbox_holds_the_operators() -> None:
    toolbox, body, rng = make_toolbox(), blueprint(0), rng_of(0)
    found = toolbox.random(body, rng, fresh_ids(0, 3))
    found = toolbox.mutate(toolbox.mate(found, found, body, rng), np.arange(3), body, rng, fresh_ids(3, 3))
    for genome in found:
        assert_valid(genome, body)
