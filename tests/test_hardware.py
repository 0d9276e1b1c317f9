"""Device profiles: every value has a source, genomes stay within them, and networks beyond them are told why."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from blueprints import assert_valid, fresh_ids, rng_of

from evoneuro import EvoNeuroError
from evoneuro.evaluation import Evaluation
from evoneuro.express import Blueprint, express
from evoneuro.genome import Bounds
from evoneuro.hardware import Energy, Profile, Stated, names, profile, profiles
from evoneuro.hardware.estimate import estimate
from evoneuro.hardware.profile import COUNTS, RANGES, read
from evoneuro.network import NO_CEILING, Network
from evoneuro.variation import crossover, mutate, random_genomes

EXPECTED = {
    "risp-1", "risp-7", "risp-127", "risp-15+", "risp-255+", "caspian", "loihi-1", "loihi-2", "truenorth",
    "spinnaker-1", "spinnaker-2", "odin", "ice40-up5k", "ice40-hx8k", "ecp5-25k", "mcu-8k", "generic-int8",
}  # fmt: skip


def blueprint_of(device: Profile, inputs: int = 4, outputs: int = 3, **settings: Any) -> Blueprint:
    """What a run with this profile has, where nothing but `settings` is said."""
    bounds = Bounds(**device.bounds(settings))
    charge = min(max(1, bounds.threshold[1]), device.charge.value)
    decoder = {"kind": "race", "evidence": 1, "lead": 0}
    return Blueprint(inputs, outputs, bounds, None, decoder, {"name": "toy", "version": "1"}, charge)


def network_of(name: str = "generic-int8", **changes: Any) -> Network:
    blueprint = blueprint_of(profile(name))
    return replace(express(random_genomes(blueprint, rng_of(1), fresh_ids(0)), blueprint)[0], **changes)


def test_all_are_there() -> None:
    assert set(names()) == EXPECTED
    assert [device.name for device in profiles()] == names()


@pytest.mark.parametrize("name", names())
def test_every_value_has_its_source(name: str) -> None:
    device = profile(name)
    costs = [] if device.energy is None else [c for c in vars(device.energy).values() if isinstance(c, Stated)]
    for stated in (*device.limits().values(), *costs):
        assert stated.source
        assert isinstance(stated.verified, bool)
    for gene in (*RANGES, "v_min"):
        low, high = getattr(device, gene).value
        assert low <= high
    assert set(device.limits()) <= {f.name for f in fields(Profile)}
    assert json.loads(json.dumps(device.to_document()))["name"] == name


@pytest.mark.parametrize("name", names())
def test_the_whole_range_makes_bounds(name: str) -> None:
    """What a user may ask for at most is a setting that the genome takes."""
    device = profile(name)
    widest = {gene: getattr(device, gene).value for gene in RANGES}
    widest |= {what: getattr(device, what).value for what in COUNTS if getattr(device, what) is not None}
    device.check(widest)
    assert {key: device.bounds(widest)[key] for key in widest} == widest
    Bounds(**device.bounds(widest))


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("wide", [False, True], ids=["as it is", "as wide as it goes"])
def test_evolution_never_leaves_it(name: str, wide: bool) -> None:
    """Random genomes, and children of ten generations of crossover and mutation: thousands, none with a violation."""
    device, rng, count = profile(name), rng_of(len(name), wide), 60
    settings = {gene: getattr(device, gene).value for gene in RANGES} if wide else {}
    blueprint = blueprint_of(device, **settings)
    genomes = random_genomes(blueprint, rng, fresh_ids(0, count), hidden=4, synapses=20)
    for generation in range(1, 11):
        mates = genomes.take(rng.permutation(count))
        genomes = mutate(
            crossover(genomes, mates, blueprint, rng),
            np.arange(count),
            blueprint,
            rng,
            fresh_ids(count * generation, count),
        )
        for network in express(genomes, blueprint):
            assert device.violations(network) == []
    for genome in genomes:
        assert_valid(genome, blueprint)


def test_small_limits_are_kept_too() -> None:
    """Fans and sizes that our small networks reach."""
    limits = {what: Stated(value, "test", True) for what, value in
              {"fan_in": 2, "fan_out": 2, "synapses": 12, "neurons": 10, "neuron_kinds": 2}.items()}  # fmt: skip
    device, rng = replace(profile("ice40-up5k"), **limits), rng_of(2)
    blueprint = blueprint_of(device)
    blueprint = replace(blueprint, bounds=replace(blueprint.bounds, hidden=3))
    genomes = random_genomes(blueprint, rng, fresh_ids(0, 100), hidden=3, synapses=30)
    for generation in range(1, 11):
        genomes = crossover(genomes, genomes.take(rng.permutation(100)), blueprint, rng)
        genomes = mutate(genomes, np.arange(100), blueprint, rng, fresh_ids(100 * generation, 100))
        assert [line for network in express(genomes, blueprint) for line in device.violations(network)] == []


def test_bounds_narrow_and_never_widen() -> None:
    risp = profile("risp-7")
    assert risp.bounds({}) == {"weight": (-7, 7), "threshold": (1, 7), "v_min": -7}
    found = risp.bounds({"weight": [-3, 31], "leak": [2, 4], "reset": "subtract", "gain": [16, 16], "hidden": 5})
    assert found["weight"] == (-3, 7)
    assert found["leak"] == (-1, 0), "where nothing is left, what the device has"
    assert found["reset"] == "zero"
    assert found["hidden"] == 5
    assert found["gain"] == [16, 16]
    assert profile("odin").bounds({})["threshold"] == (1, 7), "no higher than the heaviest weight, as by default"
    assert profile("generic-int8").bounds({}) == {}, "our defaults are generic"


@pytest.mark.parametrize("name", names())
def test_what_it_narrowed_it_allows(name: str) -> None:
    """A run's resolved configuration runs again under its own profile."""
    device = profile(name)
    narrowed = json.loads(json.dumps(device.bounds({"weight": [-200, 200], "hidden": 40})))
    device.check(narrowed)
    assert json.loads(json.dumps(device.bounds(narrowed))) == narrowed


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("risp-7", {"weight": [-9, 7]}, r"genome.weight = \[-9, 7\], risp-7 allows \[-7, 7\]"),
        ("risp-7", {"v_min": -8, "delay": [1, 99]}, r"genome.v_min = -8.*genome.delay = \[1, 99\]"),
        ("risp-7", {"reset": "subtract"}, "genome.reset = subtract, risp-7 allows zero"),
        ("ice40-up5k", {"synapses": 400}, "genome.synapses = 400, ice40-up5k allows 300"),
        ("loihi-1", {"neuron_kinds": 9}, "genome.neuron_kinds = 9, loihi-1 allows 8"),
        ("odin", {"shared": []}, r"genome.shared = \[\], odin allows \['sign'\]"),
        ("truenorth", {"hidden": 300}, "genome.hidden = 300, truenorth allows 256"),
        ("odin", {"wieght": [1, 2]}, "Did you mean 'weight'"),
        ("odin", {"weight": 3}, r"genome.weight: expected \[low, high\]"),
    ],
)
def test_asking_for_more_is_a_mistake(name: str, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(EvoNeuroError, match=said):
        profile(name).check(asked)


def test_an_unknown_profile() -> None:
    with pytest.raises(EvoNeuroError, match="Did you mean 'loihi-1'"):
        profile("loihi1")


def columns(*rows: tuple[int, ...]) -> dict[str, Any]:
    return dict(
        zip(("pre", "post", "weight", "delay"), (list(column) for column in zip(*rows, strict=True)), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("risp-7", {"v_min": -127}, "v_min is -127, risp-7 allows -7: set genome.v_min=-7"),
        ("odin", {"v_min": -3}, "v_min is -3, odin allows 0"),
        ("risp-7", {"reset": "subtract", "v_max": 999}, "reset 'subtract', risp-7 has zero: set genome.reset=zero"),
        ("risp-7", {"input_max": 8}, "an input may get a charge of 8, risp-7 allows 7"),
        (
            "risp-7",
            columns((0, 4, -9, 1)),
            "weight is -9, risp-7 allows -7 to 7: keep to it with genome.weight=[-7, 7]",
        ),
        ("odin", columns((0, 4, 1, 2), (0, 5, 1, 1)), "delay is 1 to 2, odin allows 1"),
        ("odin", columns((0, 4, 1, 1), (0, 5, -1, 1)), "differ in sign, on odin they share it"),
        ("truenorth", columns((0, 4, 1, 1), (0, 5, 1, 2)), "differ in delay, on truenorth they share it"),
        ("truenorth", columns(*((i, 5, i, 1) for i in range(5))), "5 different weights, truenorth has 4"),
        ("risp-7", {"threshold": [9] * 7}, "threshold is 9, risp-7 allows 0 to 7"),
        ("risp-7", {"threshold": [1] * 4 + [NO_CEILING] * 3}, "its outputs must never fire; take a decoder"),
        ("risp-7", {"refractory": [1] * 7}, "refractory is 1, risp-7 allows 0"),
        ("caspian", {"leak": [0] * 7}, "leak is 0, caspian allows -1"),
    ],
)
def test_violations_say_what_is_there_and_what_is_allowed(name: str, changes: dict[str, Any], said: str) -> None:
    plain = {"ids": range(7), "threshold": [1] * 7, "leak": [-1] * 7, "refractory": [0] * 7, "inputs": range(4),
             "outputs": [4, 5, 6], "v_min": profile(name).v_min.value[1], **columns((0, 4, 1, 1))}  # fmt: skip
    plain = {key: list(value) if isinstance(value, range) else value for key, value in plain.items()}
    assert profile(name).violations(Network(**plain)) == []
    (found,) = profile(name).violations(Network(**{**plain, **changes}))
    assert said in found


def test_sizes_that_are_beyond() -> None:
    network = network_of()
    few = {what: Stated(1, "test", True) for what in ("neurons", "synapses", "fan_in", "fan_out")}
    found = profile("generic-int8").violations(network)
    assert found == []
    found = replace(profile("generic-int8"), **few).violations(network)
    assert f"{network.neurons} neurons, generic-int8 has 1: 7 are inputs and outputs" in found[0]
    assert any(f"{network.synapses} synapses, generic-int8 has 1" in line for line in found)
    assert any("synapses onto one neuron, generic-int8 has 1" in line for line in found)


def test_energy_is_counts_times_the_table() -> None:
    loihi = profile("loihi-1").energy
    assert loihi is not None
    assert loihi.picojoules(synaptic_events=10, spikes=2, updates=30) == pytest.approx(
        10 * 35.5 + 2 * 180.3 + 30 * 72.8
    )
    events_alone = Energy("x", Stated(2.0, "test", True))
    assert events_alone.picojoules(3, 100, 100) == 6.0


def evaluation_of(network: Network) -> Evaluation:
    """Ten decisions of 8 steps and 6 synaptic events each, in which every neuron fired once."""
    return Evaluation(1.0, np.ones(1), 8.0, 6.0, np.ones(network.neurons, np.int64), decisions=10)


def test_an_estimate_by_hand() -> None:
    network = network_of("loihi-1")
    found = estimate(profile("loihi-1"), network, evaluation_of(network), period=0.02)
    neurons = network.neurons
    assert found["energy_pj"] == pytest.approx(6 * 35.5 + neurons / 10 * 180.3 + 8 * neurons * 72.8)
    assert found["energy_table"] == "Loihi in SANA-FE"
    assert found["decision_seconds"] == pytest.approx(8e-5)
    assert found["worst_seconds"] == pytest.approx(network.window * 1e-5)
    assert (found["period"], found["keeps_period"]) == (0.02, True)


def test_one_processor_takes_longer_for_larger_networks() -> None:
    network = network_of("mcu-8k", window=24)
    step = 2.5e-5 + network.neurons * 4.9e-6 + network.synapses * 5.4e-6
    found = estimate(profile("mcu-8k"), network, evaluation_of(network), period=24 * step * 1.001)
    assert found["decision_seconds"] == pytest.approx(8 * step)
    assert found["worst_seconds"] == pytest.approx(24 * step)
    assert found["keeps_period"]


@pytest.mark.parametrize(("period", "keeps"), [(0.02, False), (0.024, True), (None, None)])
def test_the_worst_decision_is_held_against_the_period(period: float | None, keeps: bool | None) -> None:
    network = network_of("truenorth", window=24)
    assert estimate(profile("truenorth"), network, evaluation_of(network), period)["keeps_period"] is keeps


def test_what_is_unknown_is_none() -> None:
    network = network_of("risp-7")
    found = estimate(profile("risp-7"), network, evaluation_of(network), period=0.02)
    assert {key for key, value in found.items() if value is None} == {
        "energy_pj", "energy_table", "decision_seconds", "worst_seconds", "keeps_period",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weight": {"value": [1, 2], "verified": True}}, "weight: expected value, source and verified"),
        ({"weight": {"value": [1, 2], "verified": True, "source": ""}}, "weight: expected value, source"),
        ({"wieght": {"value": 1, "verified": True, "source": "x"}}, "wieght"),
    ],
)
def test_a_file_that_is_none(changes: dict[str, Any], said: str) -> None:
    document = {"description": "x", **changes}
    with pytest.raises(EvoNeuroError, match=said):
        read("mine", document)
