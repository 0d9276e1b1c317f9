"""DOT, for Graphviz: a drawing of the network.

Source: https://graphviz.org/doc/info/lang.html. In a quoted string only a quote must be escaped, and backslashes would
start escapes of labels; both are.
"""

from __future__ import annotations

from evoneuro.export.graphml import kind
from evoneuro.network import NO_LEAK, Network

_SHAPES = {"input": "invtriangle", "hidden": "ellipse", "output": "doublecircle"}
_STYLES = {
    "excitatory": 'color="#1f5fa8", arrowhead=normal',
    "inhibitory": 'color="#b3402e", arrowhead=tee',
}


class Dot:
    """The target "dot": a drawing; nothing in it is run."""

    name = "dot"
    description = "Graphviz drawing: dot -Tsvg network.dot -o network.svg"

    def check(self, network: Network) -> list[str]:
        """Nothing: a picture of a network is of any network."""
        return []

    def export(self, network: Network) -> dict[str, str]:
        """`network.dot`: neurons with threshold, leak and refractory steps, synapses with weight and delay."""
        graph = network.to_networkx()
        task = (network.task or {}).get("name", "network")
        lines = ["digraph network {", f"  label={quoted(task)};", "  rankdir=LR;"]
        for name, neuron in graph.nodes(data=True):
            genes = [f"threshold {neuron['threshold']}"]
            genes += [f"leak {neuron['leak']}"] if neuron["leak"] != NO_LEAK else []
            genes += [f"refractory {neuron['refractory']}"] if neuron["refractory"] else []
            label = quoted("\n".join([str(name), *genes]))
            lines.append(f"  {name} [label={label}, shape={_SHAPES[neuron['role']]}];")
        for pre, post, synapse in graph.edges(data=True):
            label = quoted(f"{synapse['weight']:+d} @ {synapse['delay']}")
            lines.append(f"  {pre} -> {post} [label={label}, {_STYLES[kind(synapse['weight'])]}];")
        return {"network.dot": "\n".join([*lines, "}"]) + "\n"}


def quoted(text: object) -> str:
    """A DOT string that shows `text` as it is, its lines one below another; what has no picture becomes a ?."""
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    lines = ("".join(c if c.isprintable() else "?" for c in line) for line in escaped.splitlines())
    return '"' + "\\n".join(lines) + '"'
