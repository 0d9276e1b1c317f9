"""C99 for microcontrollers: network, encoder and decoder, without malloc, floats or libc; spike for spike.

The types are the narrowest that static bounds allow. A synapse is one word of 16 bits where presynaptic neuron, delay
and weight fit; what all neurons share is a constant, and what the network does not use is not there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import evoneuro
from evoneuro.coding import Decoder, Encoder, decoder_from_spec, encoder_from_spec
from evoneuro.coding.choices import FirstSpike, Membrane, MultiCount, Population, Trace
from evoneuro.coding.decoder import TRACE_BITS
from evoneuro.coding.values import Bins, Latency, MembraneValue, Pair, Rate, TraceValue, ValueDecoder
from evoneuro.export.fixed_point import EncoderTable, value_ranges
from evoneuro.export.registers import potential_ranges
from evoneuro.export.rendering import plain, render, table
from evoneuro.network import NO_CEILING, NO_FLOOR, NO_LEAK, Network

MOST_NEURONS = 2**15


class C:
    """The target "c": header, source, an example that reads observations and prints actions, and a Makefile."""

    name = "c"
    description = "C99 for microcontrollers: network, encoder and decoder without malloc, floats or libc"

    def check(self, network: Network) -> list[str]:
        """Every reason why the C cannot do what `network` does."""
        reasons = []
        if network.neurons > MOST_NEURONS:
            reasons.append(f"{network.neurons} neurons, at most {MOST_NEURONS}")
        if (decoder := decoder_from_spec(network.decoder)).kind not in _DECODERS:
            reasons.append(f"decoder {decoder.kind!r} is a plugin's; known are {', '.join(sorted(_DECODERS))}")
        return reasons

    def export(self, network: Network) -> dict[str, str]:
        """`snn.h`, `snn.c`, `main.c` and a `Makefile`."""
        values = values_of(network)
        return {
            "snn.h": render("snn.h.jinja", **values),
            "snn.c": render("snn.c.jinja", **values),
            "main.c": render("main.c.jinja", **values),
            "Makefile": render("Makefile.jinja", **values),
        }

    @staticmethod
    def number_fraction(network: Network) -> list[int]:
        """Bits after the binary point of each number that a decision gives; none where it gives choices."""
        found: list[int] = _reading(decoder_from_spec(network.decoder), network)["number_fraction"]
        return found

    @staticmethod
    def choices(network: Network) -> int:
        """How many choices a decision gives; 0 where it gives numbers."""
        reading = _reading(decoder_from_spec(network.decoder), network)
        return 0 if reading["numbers"] else len(reading["groups"]) or 1


def serving_program(network: Network) -> str:
    """`serve.c`, which answers what verification and closed loops ask of the network, line by line."""
    values = values_of(network)
    said = len(values["groups"]) or values["numbers"] or 1
    return render("serve.c.jinja", **values, said=said)


def table_of(network: Network) -> EncoderTable | None:
    """The encoder as a table; None where the network has none, or one that is no table of one value's trains.

    The charges of such a network come from outside, step by step.
    """
    encoder: Encoder | None = None if network.encoder is None else encoder_from_spec(network.encoder)
    if encoder is None or encoder.graded or encoder.series or not encoder.tabular:
        return None
    return EncoderTable.of(encoder, network.window)


def values_of(network: Network) -> dict[str, Any]:
    """What the templates say, name -> value."""
    low, high = potential_ranges(network)
    register = _signed(int(low.min(initial=0)), int(high.max(initial=0)))
    decoder = decoder_from_spec(network.decoder)
    encoder = table_of(network)
    events = bool((network.threshold <= 0).any())
    leak: str | bool = bool((network.leak != NO_LEAK).any())
    if leak and (network.leak == NO_LEAK).any():
        leak = "some"
    task = plain((network.task or {}).get("name", "no task"))
    return {
        "version": evoneuro.__version__,
        "title": f"A spiking network for {task}",
        "summary": f"{network.neurons} neurons, {network.synapses} synapses, {network.window} steps a decision.",
        "usage": "make && ./example < observations.txt",
        "forgets": (network.task or {}).get("keep_state", True) is False,
        "n": network.neurons,
        "s": network.synapses,
        "inputs": len(network.inputs),
        "outputs": len(network.outputs),
        "window": network.window,
        "depth": int(network.delay.max(initial=1)) + 1,
        "input_max": network.input_max,
        "input_charge": network.input_charge,
        "charge_type": _signed(-network.input_max, network.input_max),
        "v_type": register,
        "sum_type": "int32_t" if register == "int32_t" else "int",
        "count_bits": 8 if network.window < 2**8 else 16 if network.window < 2**16 else 32,
        "refractory": bool((network.refractory > 0).any()),
        "leak": leak,
        "floor": None if network.v_min == NO_FLOOR else network.v_min,
        "ceiling": network.v_max if _ceiling_acts(network) else None,
        "reset": network.reset,
        "events": events,
        "in_order": np.array_equal(network.inputs, np.arange(len(network.inputs))),
        **_synapses(network),
        "constants": _constants(network, events),
        **_reading(decoder, network),
        **_encoding(encoder, network),
    }  # fmt: skip


def _ceiling_acts(network: Network) -> bool:
    return network.v_max != NO_CEILING and (
        network.reset == "subtract" or network.v_max < int(np.maximum(network.threshold - 1, 0).max(initial=0))
    )


def _signed(low: int, high: int) -> str:
    """The narrowest type for low to high."""
    return next(f"int{bits}_t" for bits in (8, 16, 32) if -(2 ** (bits - 1)) <= low and high < 2 ** (bits - 1))


def _unsigned(high: int) -> str:
    return next(f"uint{bits}_t" for bits in (8, 16, 32) if high < 2**bits)


def _synapses(network: Network) -> dict[str, Any]:
    """Synapses by postsynaptic neuron, packed into words where they fit."""
    order = np.lexsort((network.delay, network.pre, network.post))
    pre, delay, weight = (array[order].astype(np.int64) for array in (network.pre, network.delay, network.weight))
    pre_bits = max(network.neurons - 1, 1).bit_length()
    delay_bits = int(delay.max(initial=1) - 1).bit_length()
    offset = int(weight.min(initial=0))
    weight_bits = int(weight.max(initial=0) - offset).bit_length()
    width = next((w for w in (16, 32) if pre_bits + delay_bits + weight_bits <= w), 0)
    weight_type, pre_type = _signed(offset, int(weight.max(initial=0))), _unsigned(network.neurons - 1)
    apart = 3 if (weight_type, pre_type) == ("int8_t", "uint8_t") else 4  # bytes of a structure, at least
    packed = width == 16 or (width == 32 and apart > 3)
    words = pre | (delay - 1) << pre_bits | (weight - offset) << (pre_bits + delay_bits)
    rows = [f"{{{w}, {p}, {d}}}" for p, d, w in zip(pre.tolist(), delay.tolist(), weight.tolist(), strict=True)]
    return {
        "packed": packed,
        "synapse_type": f"uint{width}_t",
        "pre_bits": pre_bits,
        "delay_bits": delay_bits,
        "pre_mask": (1 << pre_bits) - 1,
        "delay_mask": (1 << delay_bits) - 1,
        "weight_offset": offset,
        "weight_sum": "int" if weight_bits < 16 and offset >= -(2**15) else "int32_t",
        "pre_type": pre_type,
        "weight_type": weight_type,
        "synapses": table(words.tolist() if packed else rows) if len(pre) else ("    0" if packed else "    {0, 0, 1}"),
    }


def _constants(network: Network, events: bool) -> str:
    """What each neuron has, as tables or, where all have the same, as numbers."""
    channel = np.full(network.neurons, len(network.inputs), np.int64)
    channel[network.inputs] = np.arange(len(network.inputs))
    columns: dict[str, npt.NDArray[Any]] = {
        "FAN_IN": np.bincount(network.post, minlength=network.neurons),
        "THRESHOLD": network.threshold,
        "LEAK": network.leak,
        "REFRACTORY": network.refractory,
        "CHANNEL": channel,
        "OUTPUT": network.outputs,
    }
    used = {"FAN_IN", "THRESHOLD", "OUTPUT"}
    used |= {"LEAK"} if (network.leak != NO_LEAK).any() else set()
    used |= {"REFRACTORY"} if (network.refractory > 0).any() else set()
    in_order = np.array_equal(network.inputs, np.arange(len(network.inputs)))
    used |= set() if in_order else {"CHANNEL"}
    lines = []
    for name, column in columns.items():
        if name not in used:
            continue
        low, high = int(column.min(initial=0)), int(column.max(initial=0))
        if len(column) and (column == column[0]).all():
            lines.append(f"#define {name}(i) {_literal(int(column[0]))}")
            continue
        if np.array_equal(column, column[0] + np.arange(len(column))):
            lines.append(f"#define {name}(i) ((i) + {column[0]})")
            continue
        kind = _signed(low, high) if low < 0 else _unsigned(high)
        signed = (
            ""
            if name in ("FAN_IN", "CHANNEL", "OUTPUT", "REFRACTORY")
            else "(int32_t)"
            if high > 2**15 - 1 or low < -(2**15)  # int may have 16 bits
            else "(int)"
        )
        lines.append(f"TABLE {kind} {name.lower()}[{len(column)}] = {{\n{table(column.tolist())}\n}};")
        lines.append(f"#define {name}(i) {signed}{name.lower()}[i]")
    return "\n".join(lines) + "\n"


def _literal(number: int) -> str:
    return f"({number})" if number < 0 else str(number)


_DECODERS = {
    "count", "race", "first-spike", "population", "membrane", "trace", "multi-count",
    "rate", "pair", "bins", "latency", "trace-value", "membrane-value",
}  # fmt: skip


def _reading(decoder: Decoder, network: Network) -> dict[str, Any]:
    """How decisions stop and what is read."""
    groups = list(decoder.sizes) if isinstance(decoder, MultiCount) else []
    numbers = len(decoder.low) if isinstance(decoder, ValueDecoder) else 0
    found: dict[str, Any] = {
        "evidence": decoder.evidence,
        "lead": decoder.lead,
        "groups": groups,
        "numbers": numbers,
        "choices": not groups and not numbers,
        "firsts": isinstance(decoder, Latency),
        "traces": isinstance(decoder, Trace | TraceValue),
        "trace_unit": 1 << TRACE_BITS,
        "shift": getattr(decoder, "shift", 0),
        "members": decoder.members if isinstance(decoder, Population) else 1,
        "silent": decoder.silent if isinstance(decoder, FirstSpike) else "",
        "abstains": isinstance(decoder, FirstSpike) and decoder.silent == "abstain",
        "worth": _worth(decoder),
        "number_fraction": [],
    }
    return {**found, **_placing(decoder)} if isinstance(decoder, ValueDecoder) else found


def _worth(decoder: Decoder) -> Any:
    """What the chosen output has most of, as C."""
    if isinstance(decoder, Membrane):
        return "s->v[OUTPUT({})]".format
    return ("s->trace[{}]" if isinstance(decoder, Trace) else "s->count[{}]").format


def _placing(decoder: ValueDecoder) -> dict[str, Any]:
    """Ranges of the numbers in fixed point, and the fraction of the range as C."""
    bits, low, reach = value_ranges(decoder)
    return {
        "number_fraction": bits.tolist(),
        "number_low": low.tolist(),
        "number_span": reach.tolist(),
        "fraction_code": _fraction(decoder),
    }


def _fraction(decoder: ValueDecoder) -> str:
    match decoder:
        case Rate():
            return _lines(
                f"const int32_t numerator = s->count[k] < {decoder.max_spikes} ? s->count[k] : {decoder.max_spikes};",
                f"const int32_t denominator = {decoder.max_spikes};",
            )
        case Pair():
            k = decoder.max_spikes
            return _lines(
                "int32_t numerator = (int32_t)s->count[2 * k] - (int32_t)s->count[2 * k + 1];",
                f"numerator = numerator > {k} ? {k} : numerator < -{k} ? -{k} : numerator;",
                f"numerator += {k};",
                f"const int32_t denominator = {2 * k};",
            )
        case Bins():
            m = decoder.members
            return _lines(
                "int32_t numerator = 0, denominator = 0;",
                f"for (unsigned j = 0; j < {m}; j++) {{",
                f"    numerator += (int32_t)(s->count[k * {m} + j] * (uint32_t)j);",
                f"    denominator += (int32_t)(s->count[k * {m} + j] * (uint32_t){m - 1});",
                "}",
                "if (!denominator) {",
                "    numerator = 1;",
                "    denominator = 2;",
                "}",
            )
        case Latency():
            return _lines(
                "const int32_t numerator = SNN_WINDOW - (int32_t)s->first[k];",
                "const int32_t denominator = SNN_WINDOW;",
            )
        case TraceValue():
            full = 1 << (TRACE_BITS + decoder.shift)
            return _lines(
                f"const int32_t numerator = s->trace[k] < {full} ? s->trace[k] : {full};",
                f"const int32_t denominator = {full};",
            )
        case MembraneValue():
            scale = decoder.scale
            return _lines(
                "int32_t numerator = s->v[OUTPUT(k)];",
                f"numerator = numerator > {scale} ? {scale} : numerator < -{scale} ? -{scale} : numerator;",
                f"numerator += {scale};",
                f"const int32_t denominator = {2 * scale};",
            )
    raise AssertionError(decoder)


def _lines(*lines: str) -> str:
    return "\n".join(f"        {line}" for line in lines)


def _encoding(found: EncoderTable | None, network: Network) -> dict[str, Any]:
    """The encoder's table as initialisers."""
    if found is None:
        return {"table": False}
    rows, per, steps = found.trains.shape
    bits = 8 if steps <= 8 else 16 if steps <= 16 else 32
    padded = np.pad(found.trains, ((0, 0), (0, 0), (0, -steps % bits))).reshape(rows, per, -1, bits).astype(np.int64)
    words = (padded << np.arange(bits)).sum(axis=-1)
    row = [f"    {{ {', '.join('{ ' + ', '.join(map(str, w)) + ' }' for w in one)} }}," for one in words.tolist()]
    ends = [f"    {{ {', '.join(map(_least, b)) or '0'} }}," for b in found.bounds.tolist()]
    return {
        "table": True,
        "values": len(found.bounds),
        "fraction": found.fraction.tolist(),
        "rows": rows,
        "row_type": _unsigned(rows),
        "per": per,
        "words": words.shape[2],
        "train_bits": bits,
        "train_type": f"uint{bits}_t",
        "bounds": "\n".join(ends),
        "trains": "\n".join(row),
    }


def _least(number: int) -> str:
    """An int32 as C writes it: its least value is no literal."""
    return "-2147483647 - 1" if number == -(2**31) else str(number)
