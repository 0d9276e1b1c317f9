"""A self-checking test bench: recorded rasters into a core, and recorded observations into a whole network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import evoneuro
from evoneuro.export.rendering import render
from evoneuro.export.verify import Sent
from evoneuro.export.verilog.arithmetic import span
from evoneuro.export.verilog.layout import Layout
from evoneuro.network import Network

BENCH = "snn_tb.v"
MOST_CLOCKS = 2_000_000  # for one step or decision, before the bench gives up
AGAIN = 20  # steps that are repeated after a reset


def core_bench(network: Network, sent: Sent) -> dict[str, str]:
    """Files, name -> text, of a bench that puts the raster of `sent` through `snn_core`.

    It prints the spikes of each step with `+print`, and in the end `PASS` or `FAIL`.
    """
    layout = Layout.of(network)
    steps = len(sent.charges)
    text = render(
        "bench.v.jinja",
        layout=layout,
        steps=steps,
        again=min(AGAIN, steps),
        most_clocks=MOST_CLOCKS,
        version=evoneuro.__version__,
        span=span,
    )
    return {
        BENCH: text,
        "charges.hex": words(sent.charges.tolist(), layout.charge_width),
        "spikes.hex": words(sent.spikes.tolist(), 1),
    }


def words(rows: Iterable[Sequence[int]], width: int) -> str:
    """Rows of integers for $readmemh: each row one word, its first integer in the lowest `width` bits."""
    lines = []
    for row in rows:
        whole = sum((int(number) & ((1 << width) - 1)) << (k * width) for k, number in enumerate(row))
        lines.append(f"{whole:0{-(-max(len(row), 1) * width // 4)}x}")
    return "\n".join(lines) + "\n"
