"""Encoder and decoder in integer arithmetic, of either core, and the module that joins them with it.

Both look at one value or one output after another. That takes a few clocks more than doing all at once, and so little
logic that the network remains the larger part.
"""

from __future__ import annotations

from typing import Any

import evoneuro
from evoneuro.coding import Decoder, decoder_from_spec
from evoneuro.coding.choices import FirstSpike, Membrane, MultiCount, Population, Trace
from evoneuro.coding.decoder import TRACE_BITS
from evoneuro.coding.values import Bins, Latency, MembraneValue, Pair, Rate, TraceValue, ValueDecoder
from evoneuro.export.c import table_of
from evoneuro.export.fixed_point import BITS, EncoderTable, value_ranges
from evoneuro.export.rendering import plain, render
from evoneuro.export.verilog.arithmetic import bits_of, span
from evoneuro.export.verilog.layout import Layout
from evoneuro.network import Network

MOST_BITS = 2**22  # of an encoder's table; more than the block RAM of the largest of its boards
PER_LINE = 4


def encoder(network: Network) -> str | None:
    """The text of the module `snn_encoder`; None where the charges of each step come from outside."""
    table = table_of(network)
    return None if table is None else render("encoder.v.jinja", **encoder_sizes(network, table), **_memories(table))


def encoder_sizes(network: Network, table: EncoderTable) -> dict[str, Any]:
    """Widths of the encoder."""
    rows, per, steps = table.trains.shape
    values = len(table.bounds)
    return {
        "version": evoneuro.__version__,
        "inputs": len(network.inputs),
        "values": values,
        "per": per,
        "rows": rows,
        "row_bits": _width(rows),
        "value_bits": _width(values),
        "step_bits": _width(steps),
        "charge_width": Layout.of(network).charge_width,
        "input_charge": network.input_charge % (1 << Layout.of(network).charge_width),
    }


def table_bits(table: EncoderTable) -> int:
    """Bits of memory that an encoder takes."""
    rows, per, steps = table.trains.shape
    return int(per) * (1 << (_width(rows) + _width(steps))) + BITS * (1 << (_width(len(table.bounds)) + _width(rows)))


def _memories(table: EncoderTable) -> dict[str, Any]:
    """What stands in the encoder's memories."""
    rows, _, steps = table.trains.shape
    row_bits, step_bits = _width(rows), _width(steps)
    bounds = [
        f"bounds[{value << row_bits | row}] = 32'h{bound % (1 << BITS):08x};"
        for value, ends in enumerate(table.bounds.tolist())
        for row, bound in enumerate(ends, 1)
    ]
    per = table.trains.shape[1]
    trains = [
        f"trains[{row << step_bits | t}] = {per}'b{''.join(map(str, table.trains[row, ::-1, t].tolist()))};"
        for row in range(rows)
        for t in range(steps)
    ]
    return {
        "bounds": _ruled(bounds),
        "trains": _ruled(trains),
        "bound_words": 1 << (row_bits + _width(len(table.bounds))),
        "train_words": 1 << (row_bits + step_bits),
    }


def _ruled(words: list[str]) -> str:
    return "\n".join(f"    {' '.join(words[k : k + PER_LINE])}" for k in range(0, len(words), PER_LINE))


def _width(count: int) -> int:
    """Bits that number so many things."""
    return max(count - 1, 1).bit_length()


def decoder(network: Network) -> str:
    """The text of the module `snn_decoder`."""
    return render("decoder.v.jinja", **decoder_values(network))


def top(network: Network) -> str:
    """The text of the module `snn`: encoder, core and decoder."""
    return render("top.v.jinja", **top_values(network))


def top_values(network: Network) -> dict[str, Any]:
    """What templates around the whole network say."""
    table = table_of(network)
    task = plain((network.task or {}).get("name", "no task"))
    return {
        "title": f"A spiking network for {task}: {network.neurons} neurons, {network.synapses} synapses.",
        "layout": Layout.of(network),
        "outputs_at": network.outputs.tolist(),
        "input_max": network.input_max,
        "table": table is not None,
        **({} if table is None else {**encoder_sizes(network, table), "fraction": table.fraction.tolist()}),
        **decoder_values(network),
        "number_fraction": number_fraction(network),
    }


def number_fraction(network: Network) -> list[int]:
    """Bits after the binary point of each number that a decision gives; none where it gives choices."""
    found = decoder_from_spec(network.decoder)
    return value_ranges(found)[0].tolist() if isinstance(found, ValueDecoder) else []


def decoder_values(network: Network) -> dict[str, Any]:
    """What the decoder's template says."""
    found, layout = decoder_from_spec(network.decoder), Layout.of(network)
    groups = list(found.sizes) if isinstance(found, MultiCount) else []
    numbers = len(found.low) if isinstance(found, ValueDecoder) else 0
    members = found.members if isinstance(found, Population) else 1
    trace_bits = TRACE_BITS + int(getattr(found, "shift", 0)) + 1
    values: dict[str, Any] = {
        "version": evoneuro.__version__,
        "kind": found.kind,
        "window": network.window,
        "outputs": layout.outputs,
        "output_bits": _width(layout.outputs),
        "latency_bits": network.window.bit_length(),
        "count_bits": network.window.bit_length(),
        "evidence": found.evidence,
        "lead": found.lead,
        "potentials": layout.potentials,
        "potential_width": layout.potential_width,
        "firsts": isinstance(found, Latency),
        "traces": isinstance(found, Trace | TraceValue),
        "trace_bits": trace_bits,
        "trace_unit": 1 << TRACE_BITS,
        "shift": getattr(found, "shift", 0),
        "groups": groups,
        "ends": " || ".join(f"k == {sum(groups[: g + 1]) - 1}" for g in range(len(groups))),
        "numbers": numbers,
        "choices": not groups and not numbers,
        "members": members,
        "silent": found.silent if isinstance(found, FirstSpike) else "",
        "worth": "potential" if isinstance(found, Membrane) else "trace" if isinstance(found, Trace) else "count",
        **_words(found, network),
    }
    values["worth_range"] = span(trace_bits) if values["worth"] == "trace" else f"signed {span(layout.potential_width)}"
    values["tracks_counts"] = bool(found.evidence or found.lead) or (
        values["choices"] and values["worth"] == "count" and members == 1
    )
    remembered = [name for name, used in (("first", values["firsts"]), ("trace", values["traces"])) if used]
    widths = {"first": values["latency_bits"], "trace": trace_bits}
    values["remembered"] = f"{{{', '.join([*remembered, 'count'])}}}"
    values["memory_width"] = values["count_bits"] + sum(widths[name] for name in remembered)
    if members > 1:
        values |= {"member_bits": _width(members), "vote_bits": (network.window * members).bit_length()}
    return {**values, **(_numbers(found, network, layout) if isinstance(found, ValueDecoder) else {})}


def _words(found: Decoder, network: Network) -> dict[str, Any]:
    """The port on which a decision is told."""
    if isinstance(found, ValueDecoder):
        return {"said": "values", "words": len(found.low), "word_width": BITS, "signed": True}
    if isinstance(found, MultiCount):
        return {
            "said": "choices",
            "words": len(found.sizes),
            "word_width": max(map(_width, found.sizes)),
            "signed": False,
        }
    pick = _width(len(network.outputs) // (found.members if isinstance(found, Population) else 1))
    silent = found.silent if isinstance(found, FirstSpike) else ""
    chosen = {
        "potential": "best == 0 ? instead : pick",
        "abstain": f"best == 0 ? {{{pick + 1}{{1'b1}}}} : {{1'b0, pick}}",
    }.get(silent, "pick")
    abstains = silent == "abstain"
    return {
        "said": "choice", "words": 1, "word_width": pick + abstains, "signed": abstains,
        "pick_bits": pick, "chosen": chosen,
    }  # fmt: skip


def _numbers(found: ValueDecoder, network: Network, layout: Layout) -> dict[str, Any]:
    """How the numbers of a decision come about; see `ValueDecoder`."""
    _, low, spans = value_ranges(found)
    span_bits = max(int(spans.max()).bit_length(), 1)
    most, reach = _reach(found, network, layout)
    sum_bits = max(bits_of(-reach, reach), 8)  # Yosys 0.23 errs where a signed number of four bits meets a constant
    gathered, numerator, denominator = _fraction(found, network, sum_bits)
    return {
        "members": found.neurons_per_value,
        "member_bits": _width(found.neurons_per_value),
        "number_bits": _width(len(low)),
        "votes": isinstance(found, Bins),
        "gathered": gathered,
        "numerator": numerator,
        "denominator": denominator,
        "fraction_bits": most.bit_length(),
        "sum_bits": sum_bits,
        "span_bits": span_bits,
        "places": [
            f"{k}: begin low <= 32'h{a % (1 << BITS):08x}; span <= {span_bits}'d{b}; end"
            for k, (a, b) in enumerate(zip(low.tolist(), spans.tolist(), strict=True))
        ],
    }


def _reach(found: ValueDecoder, network: Network, layout: Layout) -> tuple[int, int]:
    """The highest denominator, and what no number of the sum is beyond."""
    window = network.window
    match found:
        case Rate():
            return found.max_spikes, max(window, found.max_spikes)
        case Pair():
            return 2 * found.max_spikes, window + 2 * found.max_spikes
        case Bins():
            most = max(window * found.members * (found.members - 1), 2)
            return most, most
        case Latency():
            return window, window
        case TraceValue():
            full = 1 << (TRACE_BITS + found.shift)
            return full, 2 * full
        case MembraneValue():
            return 2 * found.scale, (1 << layout.potential_width) + 2 * found.scale
    raise AssertionError(found)


def _fraction(found: ValueDecoder, network: Network, sum_bits: int) -> tuple[str, str, str]:
    """What the sum becomes with each output, then the numerator and the denominator."""
    count = network.window.bit_length()

    def capped(k: int) -> str:
        return f"sum > {sum_bits}'sd{k} ? {sum_bits}'sd{k} : sum"

    def centred(k: int) -> str:
        number = f"{sum_bits}'sd{k}"
        return f"sum > {number} ? {sum_bits}'sd{2 * k} : sum < -{number} ? {sum_bits}'sd0 : sum + {number}"

    match found:
        case Rate():
            return "n", capped(found.max_spikes), f"{found.max_spikes}"
        case Pair():
            return "member == 0 ? n : sum - n", centred(found.max_spikes), f"{2 * found.max_spikes}"
        case Bins():
            return "sum + n * member", "votes == 0 ? 1 : sum", f"votes == 0 ? 2 : votes * {found.members - 1}"
        case Latency():
            return f"{network.window} - word[{2 * count - 1}:{count}]", "sum", f"{network.window}"
        case TraceValue():
            full = 1 << (TRACE_BITS + found.shift)
            return f"word[{count + TRACE_BITS + found.shift}:{count}]", capped(full), f"{full}"
        case MembraneValue():
            return "potential", centred(found.scale), f"{sum_bits}'d{2 * found.scale}"
    raise AssertionError(found)
