"""GraphML, for graph tools such as Gephi, yEd and Cytoscape: everything about neurons and synapses as attributes.

Source: http://graphml.graphdrawing.org, as networkx writes it.
"""

from __future__ import annotations

import io

import networkx

from evoneuro.export.script import origin
from evoneuro.network import Network


class Graphml:
    """The target "graphml": the graph, to look at; nothing in it is run."""

    name = "graphml"
    description = "GraphML, for graph tools such as Gephi, yEd and Cytoscape"

    def check(self, network: Network) -> list[str]:
        """Nothing: a picture of a network is of any network."""
        return []

    def export(self, network: Network) -> dict[str, bytes]:
        """`network.graphml`: nodes are neuron ids; `channel` counts inputs and outputs in their order."""
        graph = network.to_networkx()
        for what, neurons in (("input_channel", network.inputs), ("output_channel", network.outputs)):
            channels = {name: channel for channel, name in enumerate(network.ids[neurons].tolist())}
            networkx.set_node_attributes(graph, channels, what)
        for _, _, synapse in graph.edges(data=True):
            synapse["kind"] = kind(synapse["weight"])
        graph.graph = {
            **{name: getattr(network, name) for name in ("reset", "v_min", "v_max", "input_charge", "window")},
            "origin": origin(network),
        }
        file = io.BytesIO()
        networkx.write_graphml(graph, file, named_key_ids=True)
        return {"network.graphml": file.getvalue()}


def kind(weight: int) -> str:
    """What a synapse does to its neuron."""
    return "inhibitory" if weight < 0 else "excitatory"
