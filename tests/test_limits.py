"""Limits that no gene's range says: counted as they are meant, kept by all operators, and free where there are none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from blueprints import BOUNDS, assert_valid, fresh_ids, grown_genomes, make_blueprint, rng_of

from evoneuro import EvoNeuroError
from evoneuro.express import Blueprint, absorb, express
from evoneuro.genome import Bounds, Genome, Genomes
from evoneuro.limits import counted, unshared, within
from evoneuro.variation import crossover, mutate, random_genomes

LIMITS: dict[str, dict[str, Any]] = {
    "fans": {"fan_in": 2, "fan_out": 3},
    "kinds": {"neuron_kinds": 2, "weight_kinds": 3, "leak": (-1, 15), "refractory": (0, 3)},
    "one kind": {"neuron_kinds": 1, "weight_kinds": 1},
    "sign": {"shared": ("sign",), "weight": (-3, 7)},
    "excitatory sign": {"shared": ("sign",), "weight": (2, 7)},
    "axons": {"shared": ("weight", "delay"), "weight_kinds": 4, "fan_in": 3},
}


def limited(name: str) -> Blueprint:
    return replace(make_blueprint(inputs=4, outputs=3), bounds=Bounds(**LIMITS[name]))


def assert_limited(genome: Genome, bounds: Bounds) -> None:
    for name, count in counted(genome).items():
        assert count <= getattr(bounds, name), name
    assert unshared(genome, bounds.shared) == []


def by_hand() -> Genome:
    def column(*values: int) -> Any:
        return np.array(values, np.int32)

    return Genome(
        ids=np.arange(4), threshold=column(1, 1, 2, 1), leak=column(-1, -1, -1, 0), refractory=column(0, 0, 0, 0),
        pre=column(0, 0, 1, 3), post=column(2, 3, 2, 2), weight=column(5, 0, -4, 5), delay=column(1, 1, 2, 3),
        parameters=column(24, 0, 16),
    )  # fmt: skip


def test_counts_by_hand() -> None:
    assert counted(by_hand()) == {"fan_in": 3, "fan_out": 2, "neuron_kinds": 3, "weight_kinds": 3}
    assert unshared(by_hand(), ("sign", "weight", "delay")) == ["weight"]
    opposed = replace(by_hand(), weight=np.array([5, -1, -4, 5], np.int32))
    assert unshared(opposed, ("sign", "delay")) == ["sign"]
    nothing = random_genomes(replace(make_blueprint(), bounds=Bounds(synapses=1)), rng_of(1), fresh_ids(0))[0]
    empty = replace(nothing, **{gene: getattr(nothing, gene)[:0] for gene in ("pre", "post", "weight", "delay")})
    assert counted(empty)["fan_in"] == counted(empty)["weight_kinds"] == 0
    assert unshared(empty, ("sign", "weight", "delay")) == []


def test_the_nearest_of_the_most_used_kinds_stays() -> None:
    genomes = Genomes.of([by_hand()])
    assert within(genomes, Bounds(weight_kinds=2), rng_of(1))[0].weight.tolist() in ([5, -4, -4, 5], [5, 0, 0, 5])
    assert within(genomes, Bounds(neuron_kinds=1), rng_of(1))[0].threshold.tolist() == [1, 1, 1, 1]
    assert within(genomes, Bounds(fan_in=1), rng_of(1))[0].synapses == 2


@pytest.mark.parametrize("name", LIMITS)
def test_operators_keep_them(name: str) -> None:
    blueprint, rng = limited(name), rng_of(3)
    genomes = random_genomes(blueprint, rng, fresh_ids(0, 60), hidden=4, synapses=30)
    for generation in range(1, 12):
        mates = genomes.take(rng.permutation(len(genomes)))
        genomes = crossover(genomes, mates, blueprint, rng)
        genomes = mutate(genomes, np.arange(len(genomes)), blueprint, rng, fresh_ids(60 * generation, len(genomes)))
        for genome in genomes:
            assert_valid(genome, blueprint)
            assert_limited(genome, blueprint.bounds)
    for network in express(genomes, blueprint):
        assert all(count <= getattr(blueprint.bounds, what) for what, count in counted(network).items())
        assert unshared(network, blueprint.bounds.shared) == []
    assert len({genome.key() for genome in genomes}) > 30, "limits leave room to search"


@pytest.mark.parametrize("name", BOUNDS)
def test_nothing_is_drawn_or_changed_without_limits(name: str) -> None:
    blueprint, rng = make_blueprint(name), rng_of(5)
    genomes = grown_genomes(blueprint, 1, 10)
    before = rng.bit_generator.state
    assert within(genomes, blueprint.bounds, rng) is genomes
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("name", LIMITS)
def test_what_keeps_them_stays_as_it_is(name: str) -> None:
    blueprint = limited(name)
    genomes = random_genomes(blueprint, rng_of(4), fresh_ids(0, 20), synapses=20)
    again = within(genomes, blueprint.bounds, rng_of(9))
    assert [genome.key() for genome in again] == [genome.key() for genome in genomes]


def test_a_network_beyond_them_is_refused() -> None:
    open_blueprint = make_blueprint()
    genomes = random_genomes(open_blueprint, rng_of(2), fresh_ids(0, 1), hidden=4, synapses=40)
    network = express(genomes, open_blueprint)[0]
    for name, said in [("fans", "fan_in"), ("one kind", "neuron_kinds"), ("sign", "differ in sign")]:
        bounds = Bounds(**{key: value for key, value in LIMITS[name].items() if key != "weight"})
        with pytest.raises(EvoNeuroError, match=said):
            absorb(network, replace(open_blueprint, bounds=bounds))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fan_in": 0}, r"genome.fan_in: expected 1 to"),
        ({"weight_kinds": "few"}, "genome.weight_kinds: expected an integer"),
        ({"shared": "sign"}, "genome.shared: expected a list of sign, weight, delay"),
        ({"shared": ["sing"]}, "Did you mean 'sign'"),
        ({"shared": ["sign"], "weight_kinds": 2}, "exclude each other"),
    ],
)
def test_mistakes(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(EvoNeuroError, match=said):
        Bounds(**changes)
