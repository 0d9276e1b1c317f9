"""GraphML and DOT: everything about the network is there, and words of the user stay words."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import networkx
import pytest
from conformance import relay
from strategies import random_network

from evoneuro.export import render
from evoneuro.network import Network

HOSTILE = '"]; evil [label="\\" <b>&amp;\x00\n\u2028}'


def graphml(network: Network) -> Any:
    content = render(network, "graphml")["network.graphml"]
    assert isinstance(content, bytes)
    return networkx.read_graphml(io.BytesIO(content), node_type=int, force_multigraph=True)


def dot(network: Network) -> str:
    text = render(network, "dot")["network.dot"]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("style", ["plain", "mixed", "loops"])
def test_graphml_has_every_gene(style: str) -> None:
    for seed in range(5):
        network = random_network(seed, style)
        graph = graphml(network)
        assert list(graph) == network.ids.tolist()
        for i, (_, neuron) in enumerate(graph.nodes(data=True)):
            assert [neuron[gene] for gene in ("threshold", "leak", "refractory")] == [
                network.threshold[i], network.leak[i], network.refractory[i],
            ]  # fmt: skip
        for what, neurons in (("input_channel", network.inputs), ("output_channel", network.outputs)):
            channels = networkx.get_node_attributes(graph, what)
            assert sorted(channels, key=channels.__getitem__) == network.ids[neurons].tolist()
        columns = (network.ids[network.pre], network.ids[network.post], network.weight, network.delay)
        edges = sorted((pre, post, s["weight"], s["delay"]) for pre, post, s in graph.edges(data=True))
        assert edges == sorted(zip(*(column.tolist() for column in columns), strict=True))
        assert all(s["kind"] == ("inhibitory" if s["weight"] < 0 else "excitatory") for *_, s in graph.edges(data=True))
        assert (graph.graph["reset"], graph.graph["v_min"]) == (network.reset, network.v_min)


def test_graphml_keeps_words_as_json() -> None:
    graph = graphml(relay(task={"name": HOSTILE}, provenance={HOSTILE: HOSTILE}))
    assert json.loads(graph.graph["origin"]) == {"task": {"name": HOSTILE}, "provenance": {HOSTILE: HOSTILE}}


def test_dot_by_hand() -> None:
    network = relay(weight=[3, -2], delay=[1, 4], leak=[-1, 2, -1, -1], refractory=[0, 0, 0, 5], task={"name": "Toy"})
    assert dot(network).splitlines() == [
        "digraph network {",
        '  label="Toy";',
        "  rankdir=LR;",
        '  0 [label="0\\nthreshold 1", shape=invtriangle];',
        '  1 [label="1\\nthreshold 1\\nleak 2", shape=invtriangle];',
        '  2 [label="2\\nthreshold 1", shape=doublecircle];',
        '  3 [label="3\\nthreshold 1\\nrefractory 5", shape=doublecircle];',
        '  0 -> 2 [label="+3 @ 1", color="#1f5fa8", arrowhead=normal];',
        '  1 -> 3 [label="-2 @ 4", color="#b3402e", arrowhead=tee];',
        "}",
    ]


def test_dot_keeps_words_within_their_quotes() -> None:
    plain = dot(relay(task={"name": "x"})).splitlines()
    hostile = dot(relay(task={"name": HOSTILE})).splitlines()
    changed = [line for line in hostile if line not in plain]
    assert len(hostile) == len(plain)
    assert len(changed) == 1
    assert re.fullmatch(r'  label="(?:[^"\\]|\\.)*";', changed[0])
    assert changed[0].isprintable()


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_draws_it() -> None:
    network = replace(random_network(4, "mixed"), task={"name": HOSTILE})
    drawn = subprocess.run(["dot", "-Tsvg"], input=dot(network), capture_output=True, text=True, check=True)
    assert drawn.stdout.count('class="node"') == network.neurons
    assert drawn.stdout.count('class="edge"') == network.synapses
