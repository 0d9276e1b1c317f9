"""Genome to network and back."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from blueprints import BOUNDS as STYLES
from blueprints import as_network, grown_genome, grown_genomes, make_blueprint, output_spikes, random_blueprint, rng_of
from test_variation import BOUNDS, blueprint, genomes

from evoneuro import EvoNeuroError, Network
from evoneuro.express import Blueprint, absorb, express
from evoneuro.genome import Bounds
from evoneuro.network import NEURON_GENES, NO_CEILING


@pytest.mark.parametrize("which", range(len(BOUNDS)))
def test_an_expressed_network_is_sound_and_pruned(which: int) -> None:
    body = blueprint(which)
    for network in express(genomes(which, 20), body):
        checked = Network(**{f.name: getattr(network, f.name) for f in fields(Network)})
        assert checked == network
        assert network.prune() is network
        assert network.inputs.tolist() == list(range(4))
        assert network.outputs.tolist() == [4, 5]
        assert network.input_charge == 127
        assert network.v_max == NO_CEILING


def test_network_level_genes_reach_the_network() -> None:
    body = blueprint(2)
    genome = genomes(2, 5)[0]
    racing, silent = (replace(genome, parameters=np.array([12, evidence, 40], np.int32)) for evidence in (3, 0))
    network, counting = express([racing, silent], body)
    assert network.window == 12
    assert network.decoder == {"kind": "race", "evidence": 3, "lead": 0}
    assert network.encoder["gain"] == 40
    assert counting.decoder == {"kind": "count"}


@pytest.mark.parametrize(("charge", "input_max"), [(None, 20), (5, 20), (300, 300)])
def test_inputs_have_room_for_a_spike_and_for_a_graded_encoder(charge: int | None, input_max: int) -> None:
    encoder = {"kind": "any", "gain": 16} if charge is None else {"kind": "any", "gain": 16, "charge": charge}
    body = make_blueprint(encoder=encoder, input_charge=20)
    (network,) = express([grown_genome(body, 0)], body)
    assert (body.input_max, network.input_max, network.input_charge) == (input_max, input_max, 20)


def test_charges_count_in_the_bounds_of_potentials() -> None:
    make_blueprint(encoder={"kind": "any", "charge": 2**30})
    with pytest.raises(EvoNeuroError, match="beyond 32 bits"):
        make_blueprint(encoder={"kind": "any", "charge": 2**31 - 100})


@pytest.mark.parametrize("which", range(len(BOUNDS)))
def test_absorbed_and_expressed_again_it_is_the_same_network(which: int) -> None:
    body = blueprint(which)
    networks = express(genomes(which, 20), body)
    again = express([absorb(network, body) for network in networks], body)
    assert again.fingerprints() == networks.fingerprints()


@pytest.mark.parametrize("style", STYLES)
def test_a_batch_is_expressed_as_one_by_one(style: str) -> None:
    body = random_blueprint(3, style)
    found = grown_genomes(body, 3, 20)
    networks = express(found, body)
    for network, genome in zip(networks, found, strict=True):
        assert network == express([genome], body)[0]
        plain = as_network(genome, body, task=body.task, decoder=network.decoder, v_max=body.v_max)
        assert network == plain.prune()
    assert len(set(networks.settings)) == len(np.unique(found.parameters, axis=0))


@pytest.mark.parametrize("style", STYLES)
def test_outputs_do_not_notice_expression_or_absorption(style: str) -> None:
    for seed in range(8):
        body = random_blueprint(seed, style)
        genome = grown_genome(body, seed)
        (network,) = express([genome], body)
        assert Network(**{f.name: getattr(network, f.name) for f in fields(Network)}) == network
        expected = output_spikes(as_network(genome, body), seed)
        assert np.array_equal(output_spikes(network, seed), expected)
        # the same network with its neurons in any other order
        order = rng_of(seed).permutation(network.neurons)
        place = np.argsort(order)
        genes = {name: getattr(network, name)[order] for name in ("ids", *NEURON_GENES)}
        ends = {name: place[getattr(network, name)] for name in ("pre", "post", "inputs", "outputs")}
        (again,) = express([absorb(Network(**{**vars(network), **genes, **ends}), body)], body)
        assert np.array_equal(output_spikes(again, seed), expected)


def test_silent_outputs_never_fire_and_keep_their_genes() -> None:
    loud, silent = (make_blueprint(decoder={"kind": "membrane"}, silent_outputs=flag) for flag in (False, True))
    batch = grown_genomes(loud, 12, 8)
    genes = batch.threshold.copy()
    for network in express(batch, silent):
        assert (network.threshold[network.outputs] == NO_CEILING).all()
        again = express([absorb(network, silent)], silent)[0]
        assert again.fingerprint() == network.fingerprint()
    assert np.array_equal(batch.threshold, genes)
    with pytest.raises(EvoNeuroError, match="'membrane' reads potentials"):
        make_blueprint("subtract", decoder={"kind": "membrane"}, silent_outputs=True)


def test_what_is_on_no_path_is_left_out() -> None:
    body = make_blueprint(inputs=1, outputs=1)
    whole = as_network(grown_genome(body, 0), body)
    # 0 -> 2 -> 1, and: 3 is never driven, 4 drives nobody, 5 drives itself alone
    network = replace(
        whole, ids=range(6), threshold=[1] * 6, leak=[-1] * 6, refractory=[0] * 6,
        pre=[0, 2, 3, 0, 5], post=[2, 1, 1, 4, 5], weight=[1] * 5, delay=[1] * 5,
    )  # fmt: skip
    (pruned,) = express([absorb(network, body)], body)
    assert pruned.ids.tolist() == [0, 1, 2]
    assert list(zip(pruned.pre.tolist(), pruned.post.tolist(), strict=True)) == [(0, 2), (2, 1)]


def test_absorb_puts_foreign_neurons_in_order() -> None:
    network = Network(
        ids=[7, 3, 9, 1, 5, 2, 8], threshold=[1, 2, 3, 4, 5, 6, 7], leak=[-1] * 7, refractory=[0] * 7,
        pre=[4, 5, 6, 2], post=[0, 0, 1, 1], weight=[1, -2, 3, 4], delay=[1, 2, 3, 4],
        inputs=[4, 5, 6, 2], outputs=[1, 0], input_charge=127, input_max=127, v_min=-127,
    )  # fmt: skip
    body = blueprint(0)
    genome = absorb(network, body)
    assert genome.threshold.tolist() == [5, 6, 7, 3, 2, 1, 4]
    assert list(zip(genome.pre.tolist(), genome.post.tolist(), genome.weight.tolist(), strict=True)) == [
        (0, 5, 1), (1, 5, -2), (2, 4, 3), (3, 4, 4),
    ]  # fmt: skip


def test_what_absorb_refuses() -> None:
    network = express(genomes(0, 3), blueprint(0))[1]
    with pytest.raises(EvoNeuroError, match="4 inputs and 2 outputs; the task needs 8 and 3"):
        absorb(network, blueprint(0, inputs=8, outputs=3))
    heavy = replace(network, weight=np.full(network.synapses, 500))
    with pytest.raises(EvoNeuroError, match=r"weight spans 500 to 500, the run allows -127 to 127; .*\[-127,500\]"):
        absorb(heavy, blueprint(0))
    double = replace(network, **{n: np.repeat(getattr(network, n), 2) for n in ("pre", "post", "weight", "delay")})
    with pytest.raises(EvoNeuroError, match="two synapses between one pair"):
        absorb(double, blueprint(0))
    both = replace(network, outputs=[0, 5])
    with pytest.raises(EvoNeuroError, match="both input and output"):
        absorb(both, blueprint(0))
    subtract = replace(network, reset="subtract", v_max=300)
    with pytest.raises(EvoNeuroError, match=r"reset is 'subtract', the run's 'zero'; .* --set genome.reset=subtract"):
        absorb(subtract, blueprint(0))
    large = max(express(grown_genomes(make_blueprint(), 3, 9), make_blueprint()), key=lambda network: network.hidden)
    assert large.hidden
    for name in ("hidden", "synapses"):
        count = getattr(large, name)
        small = replace(make_blueprint(), bounds=Bounds(**{name: count - 1}))
        with pytest.raises(EvoNeuroError, match=rf"{name} are {count}, the run allows .* --set genome.{name}={count}"):
            absorb(large, small)


@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(threshold=(1, 2**30)),
        Bounds(threshold=(1, 2**30), reset="subtract"),
        Bounds(weight=(0, 2**20), hidden=4000, synapses=4000),
        Bounds(weight=(-(2**20), 0), hidden=4000, synapses=4000),
    ],
    ids=str,
)
def test_no_potential_may_leave_32_bits(bounds: Bounds) -> None:
    with pytest.raises(EvoNeuroError, match="beyond 32 bits"):
        replace(make_blueprint(), bounds=bounds, input_charge=bounds.threshold[1])


def test_the_widest_bounds_make_sound_networks() -> None:
    body = replace(make_blueprint(), bounds=Bounds(threshold=(2**29, 2**29), reset="subtract"), input_charge=2**29)
    (network,) = express([grown_genome(body, 1)], body)
    assert Network(**{f.name: getattr(network, f.name) for f in fields(Network)}).v_max == NO_CEILING - 1


def test_a_blueprint_survives_json() -> None:
    import json

    body = blueprint(1)
    assert Blueprint.from_document(json.loads(json.dumps(body.to_document()))) == body
