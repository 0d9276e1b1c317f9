"""What a network is put on a board with: a serial line, constraints of two boards, and a Makefile."""

from __future__ import annotations

from collections.abc import Iterable

from evoneuro.export.rendering import render, source
from evoneuro.export.verilog.coding import top_values
from evoneuro.network import Network

CONSTRAINTS = ("icebreaker.pcf", "ulx3s.lpf")


def shell(network: Network, sources: Iterable[str]) -> dict[str, str]:
    """Files, name -> text, around the network whose own files are `sources`."""
    return {
        "snn_uart.v": render("uart.v.jinja", **top_values(network)),
        **{name: source(name) for name in CONSTRAINTS},
        "Makefile": render("verilog.mk.jinja", sources=list(sources)),
    }
