"""A self-checking test bench: recorded rasters into a core, and recorded observations into a whole network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import evoneuro
from evoneuro.coding import decoder_from_spec
from evoneuro.export.c import table_of
from evoneuro.export.rendering import render
from evoneuro.export.verify import DENSITY, Sent
from evoneuro.export.verilog.arithmetic import span
from evoneuro.export.verilog.coding import number_fraction, top_values
from evoneuro.export.verilog.layout import Layout
from evoneuro.keys import generator
from evoneuro.network import Network
from evoneuro.simulator.lanes import lane_simulator

BENCH, UART_BENCH = "snn_tb.v", "snn_uart_tb.v"
DECISIONS = 12  # through the serial line, which takes its time
MOST_CLOCKS = 2_000_000  # for one step or decision, before the bench gives up
CHARGED = 10  # decisions on charges
AGAIN = 20  # steps that are repeated after a reset


def core_bench(network: Network, sent: Sent) -> dict[str, str]:
    """Files, name -> text, of a bench that puts the raster of `sent` through `snn_core`.

    It prints the spikes of each step with `+print`, and in the end `PASS` or `FAIL`.
    """
    return _bench(network, sent, sources="snn_core.v", decisions=0)


def bench(network: Network, sent: Sent) -> dict[str, str]:
    """Files of a bench that does this, and has `snn` decide on the observations of `sent` besides.

    A network without a table of an encoder decides on random charges instead.
    """
    rows, said = recorded(network, sent)
    values = _recorded_values(network, rows, said)
    return {
        **_bench(network, sent, sources="snn*.v", **values),
        "sent.hex": words(rows.tolist(), values["number_width"]),
        "answers.hex": words(integers(network, said).tolist(), 32),
    }


def uart_bench(network: Network, sent: Sent, most: int = DECISIONS) -> dict[str, str]:
    """Files of a bench that sends the first `most` of these decisions through the serial line of `snn_uart`.

    It needs the data of `bench` beside it.
    """
    rows, said = recorded(network, sent)
    values = _recorded_values(network, rows, said)
    values["decisions"] = min(values["decisions"], most)
    return {UART_BENCH: render("uart_bench.v.jinja", **values, most_clocks=MOST_CLOCKS)}


def _recorded_values(network: Network, rows: npt.NDArray[np.int64], said: npt.NDArray[np.float64]) -> dict[str, Any]:
    """What a bench says of decisions."""
    values, layout = top_values(network), Layout.of(network)
    per, width = (values["values"], 32) if values["table"] else (layout.inputs, layout.charge_width)
    sizes = {
        "decisions": len(said),
        "answer_rows": len(said),
        "sent_rows": len(rows),
        "sent_width": per * width,
        "number_width": width,
    }
    return {**values, **sizes, "tolerance": 1 if values["numbers"] else 0}


def recorded(network: Network, sent: Sent) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """What decisions are made on, int64 (rows, values or inputs), and steps and words of each of them.

    A row is an observation, or the charges of a step, a window for each decision.
    """
    if network.encoder is not None and table_of(network) is not None:
        return sent.observations, sent.said
    decoder, rng = decoder_from_spec(network.decoder), generator(0, "verify", 1)
    most = network.input_max
    fed = rng.integers(-most, most + 1, (CHARGED, network.window, len(network.inputs)))
    fed = (fed * (rng.random(fed.shape) < DENSITY)).astype(np.int32)
    simulator = lane_simulator([network], 1, record=decoder.records)
    said = []
    for charges in fed:
        choice, latency = simulator.decide(np.ascontiguousarray(charges[:, :, None]))
        told = np.ravel(decoder.read(simulator.output)) if decoder.records else choice
        said.append(np.concatenate([latency, told]).astype(np.float64))
    return fed.reshape(-1, len(network.inputs)).astype(np.int64), np.array(said)


def _bench(network: Network, sent: Sent, **values: Any) -> dict[str, str]:
    layout = Layout.of(network)
    steps = len(sent.charges)
    text = render(
        "bench.v.jinja",
        **{"layout": layout, "version": evoneuro.__version__, "span": span, **values},
        steps=steps,
        again=min(AGAIN, steps),
        most_clocks=MOST_CLOCKS,
    )
    return {
        BENCH: text,
        "charges.hex": words(sent.charges.tolist(), layout.charge_width),
        "spikes.hex": words(sent.spikes.tolist(), 1),
    }


def integers(network: Network, said: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Steps and words of decisions as integers: numbers in fixed point."""
    fraction = number_fraction(network)
    scale = np.array([0, *(fraction or [0] * (said.shape[1] - 1))])
    found: npt.NDArray[np.int64] = np.rint(np.ldexp(said, scale)).astype(np.int64)
    return found


def words(rows: Iterable[Sequence[int]], width: int) -> str:
    """Rows of integers for $readmemh: each row one word, its first integer in the lowest `width` bits."""
    lines = []
    for row in rows:
        whole = sum((int(number) & ((1 << width) - 1)) << (k * width) for k, number in enumerate(row))
        lines.append(f"{whole:0{-(-max(len(row), 1) * width // 4)}x}")
    return "\n".join(lines) + "\n"
