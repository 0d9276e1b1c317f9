"""A batch of networks is its networks, whatever is asked of it."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.network import NEURON_GENES, SYNAPSE_GENES, Network
from evoneuro.networks import Networks

batches = st.lists(strategies.networks(), max_size=5)


def sample(count: int = 12) -> list[Network]:
    styles = list(strategies.STYLES)
    return [strategies.random_network(seed, styles[seed % len(styles)]) for seed in range(count)]


def pruned(network: Network) -> tuple[list[int], list[tuple[int, ...]]]:
    """Ids of the neurons and synapses (pre id, post id, weight, delay) from inputs to outputs, by plain search."""
    pairs = list(zip(network.pre.tolist(), network.post.tolist(), strict=True))

    def search(start: list[int], edges: list[tuple[int, int]]) -> set[int]:
        found, waiting = set(start), list(start)
        while waiting:
            here = waiting.pop()
            for a, b in edges:
                if a == here and b not in found:
                    found.add(b)
                    waiting.append(b)
        return found

    ends = {*network.inputs.tolist(), *network.outputs.tolist()}
    reached = search(network.inputs.tolist(), pairs)
    seen = search(network.outputs.tolist(), [(b, a) for a, b in pairs])
    ids = [int(network.ids[i]) for i in range(network.neurons) if i in ends or i in reached & seen]
    synapses = [
        (int(network.ids[a]), int(network.ids[b]), int(network.weight[k]), int(network.delay[k]))
        for k, (a, b) in enumerate(pairs)
        if a in reached and b in seen
    ]
    return ids, synapses


@given(batches)
@settings(max_examples=60, deadline=None)
def test_a_batch_is_a_sequence_of_its_networks(networks: list[Network]) -> None:
    batch = Networks.of(networks)
    assert len(batch) == len(networks)
    assert list(batch) == networks
    assert list(batch[1:3]) == networks[1:3]
    assert list(batch[::-2]) == networks[::-2]
    assert list(batch.take(range(len(networks)))[::-1]) == networks[::-1]
    assert list(batch.joined(batch)) == [*networks, *networks]
    assert Networks.of(batch) is batch


@given(batches)
@settings(max_examples=60, deadline=None)
def test_what_is_said_of_a_batch_is_said_of_each(networks: list[Network]) -> None:
    batch = Networks.of(networks)
    for name in ("neurons", "hidden", "synapses"):
        assert getattr(batch, name).tolist() == [getattr(network, name) for network in networks]
    assert batch.out_degree.tolist() == [degree for network in networks for degree in network.out_degree.tolist()]
    assert batch.out_degree.dtype == np.int32
    assert batch.fingerprints() == [network.fingerprint() for network in networks]


@given(batches)
@settings(max_examples=60, deadline=None)
def test_pruned_together_they_are_as_pruned_alone(networks: list[Network]) -> None:
    together = Networks.of(networks).prune()
    assert list(together) == [network.prune() for network in networks]
    assert together.prune() is together
    for network, whole in zip(together, networks, strict=True):
        ids = network.ids
        synapses = zip(ids[network.pre], ids[network.post], network.weight, network.delay, strict=True)
        assert (ids.tolist(), [tuple(map(int, synapse)) for synapse in synapses]) == pruned(whole)


def test_networks_of_a_batch_are_sound_views() -> None:
    networks = sample()
    batch = Networks.of(networks)
    for network in batch:
        assert Network(**vars(network)) == network
    assert np.shares_memory(batch[3].weight, batch.weight)
    with pytest.raises(ValueError, match="read-only"):
        batch[3].weight[0] = 1
    with pytest.raises(IndexError):
        batch[len(networks)]
    assert batch[-1] == networks[-1]


def test_settings_are_shared() -> None:
    network = sample(1)[0]
    shared = [replace(network, weight=-network.weight), network, replace(network, window=network.window + 1)]
    settings = Networks.of(shared).settings
    assert settings[0] is settings[1]
    assert settings[2].window == network.window + 1


def test_a_batch_travels_as_a_few_buffers() -> None:
    network = sample(1)[0]
    batch = Networks.of([replace(network, provenance={"run": "r"}), *sample(300)])
    raw = pickle.dumps(batch, protocol=5)
    back = pickle.loads(raw)
    assert list(back) == list(batch)
    assert [getattr(back, name).dtype for name in ("ids", *NEURON_GENES, *SYNAPSE_GENES)] == [np.int64] + [np.int32] * 5
    assert not back.weight.flags.writeable
    alike = pickle.dumps(Networks.of([network] * 1000), protocol=5)
    content = sum(value.nbytes for value in vars(network).values() if isinstance(value, np.ndarray))
    assert len(alike) < 1000 * content + 30_000
