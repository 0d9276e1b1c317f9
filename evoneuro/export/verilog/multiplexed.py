"""The time-multiplexed core: one datapath does the neurons one after another, with tables and state in block RAM.

What it does is a program, a walk through words in block RAM; the template says what an operation is. Every step walks
through all of it, so that a step takes as many cycles whatever fires.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import evoneuro
from evoneuro.export.registers import signed_bits
from evoneuro.export.rendering import render
from evoneuro.export.verilog.layout import Layout, Ranges, firing, ranges
from evoneuro.network import Network

MOST_NEURONS = 1024
FILL, DRAIN = 1, 1  # cycles of a step before its first operation and after its last

LINK, STATE, FIRE, CHARGE = range(4)  # as the template numbers them


@dataclass(frozen=True)
class Operation:
    """One cycle of a step.

    Attributes:
        kind: `LINK`, `STATE`, `FIRE` or `CHARGE`.
        constant: the weight, which shift, or the negative threshold.
        pre: place of the presynaptic neuron, or the channel of a charge.
        delay: steps.
        rest: refractory steps.
        positive: whether the neuron fires without an event.
        last: whether the step ends here.
    """

    kind: int
    constant: int = 0
    pre: int = 0
    delay: int = 1
    rest: int = 0
    positive: bool = True
    last: bool = False


def check(network: Network) -> list[str]:
    """Every reason why the core cannot do what `network` does."""
    if network.neurons > MOST_NEURONS:
        return [f"{network.neurons} neurons, at most {MOST_NEURONS} share a datapath"]
    return []


def cycles_per_step(network: Network) -> int:
    """Clock cycles from the step strobe to the done strobe."""
    return FILL + len(_program(network)) + DRAIN


def core(network: Network) -> str:
    """The text of module `snn_core`."""
    program, layout, found = _program(network), Layout.of(network), ranges(network)
    order = _order(network)
    wide = _widths(network, program, found)
    values: dict[str, Any] = {
        "version": evoneuro.__version__,
        "synapses": network.synapses,
        "n": layout.neurons,
        "inputs": layout.inputs,
        "outputs": layout.outputs,
        "charge_bits": layout.charge_width,
        "potential_bits": layout.potential_width if layout.potentials else 0,
        "cycles": FILL + len(program) + DRAIN,
        "places": np.argsort(order)[::-1].tolist(),
        "shifts": _shifts(network),
        "floor": network.v_min if int(found.kept_low.min(initial=0)) < network.v_min else None,
        "ceiling": network.v_max if int(found.kept_high.max(initial=0)) > network.v_max else None,
        "reset": network.reset,
        "events": not all(op.positive for op in program),
        **wide,
    }  # fmt: skip
    words, fields = _words(program, wide)
    rows = [f"    words[{k}] = {fields['word_bits']}'h{word:x};" for k, word in enumerate(words)]
    return render("core_multiplexed.v.jinja", **values, **fields, words=words, table="\n".join(rows))


def _order(network: Network) -> npt.NDArray[np.int64]:
    """The neurons as they take their turn: outputs last, in the decoder's order."""
    others = np.setdiff1d(np.arange(network.neurons), network.outputs)
    return np.concatenate([others, network.outputs]).astype(np.int64)


def _program(network: Network) -> list[Operation]:
    order, able = _order(network), firing(network)
    place = np.argsort(order)
    heard = np.flatnonzero(able[network.pre])
    by_post = {i: heard[network.post[heard] == i] for i in np.unique(network.post[heard]).tolist()}
    channel = {neuron: k for k, neuron in enumerate(network.inputs.tolist())}
    thresholds = _thresholds(network, ranges(network))
    shifts = _shifts(network)
    program: list[Operation] = []
    for i in order.tolist():
        links = by_post.get(i, ())
        body = [
            Operation(LINK, int(network.weight[k]), int(place[network.pre[k]]), int(network.delay[k])) for k in links
        ]
        body += [Operation(CHARGE, pre=channel[i])] if i in channel else []
        if body and (shift := int(network.leak[i])):
            body.append(Operation(STATE, shifts.index(shift)))
        body = body or [Operation(LINK)]  # nothing arrives: a weight of 0
        rest, positive = int(network.refractory[i]), bool(network.threshold[i] > 0) or not able[i]
        program += [*body, Operation(FIRE, -int(thresholds[i]), rest=rest, positive=positive)]
    return [*program[:-1], replace(program[-1], last=True)]


def _thresholds(network: Network, found: Ranges) -> npt.NDArray[np.int64]:
    """Thresholds within what potentials can be: one that is never reached is one above."""
    reachable = np.clip(network.threshold, found.low, found.high + 1)
    return np.where(firing(network), reachable, found.high + 1)


def _shifts(network: Network) -> list[int]:
    """The leaks that there are, most frequent first; leak 0 keeps nothing and needs no shift."""
    kinds, counts = np.unique(network.leak[network.leak != 0], return_counts=True)
    return [int(kind) for kind in kinds[np.argsort(-counts, kind="stable")]]


def _widths(network: Network, program: list[Operation], found: Ranges) -> dict[str, int]:
    """Bits of registers and of the fields of a word."""
    thresholds = _thresholds(network, found)
    low = np.minimum(found.low, found.low - thresholds).min(initial=0)
    high = np.maximum(found.high, found.high - thresholds).max(initial=0)
    constants = [op.constant for op in program]
    v_bits = signed_bits(int(found.kept_low.min(initial=0)), int(found.kept_high.max(initial=0)))
    rest_bits = int(network.refractory.max(initial=0)).bit_length()
    delays = [op.delay for op in program]
    return {
        "sum_bits": max(signed_bits(int(low), int(high)), v_bits),
        "v_bits": v_bits,
        "rest_bits": rest_bits,
        "state_bits": v_bits + rest_bits,
        "constant_bits": signed_bits(min(0, *constants), max(0, *constants)),
        "shift_bits": (len(_shifts(network)) - 1).bit_length(),
        "place_bits": max((network.neurons - 1).bit_length(), 1),
        "channel_bits": (len(network.inputs) - 1).bit_length(),
        "delay_bits": (max(delays) - 1).bit_length(),
        "time_bits": max(delays).bit_length(),
        "pc_bits": len(program).bit_length(),
    }


def _words(program: list[Operation], wide: dict[str, int]) -> tuple[list[int], dict[str, int]]:
    """The program as words, and where the fields are: what an operation fetches stands in the word before."""
    events = not all(op.positive for op in program)
    sizes = {
        "constant": max(wide["constant_bits"], wide["shift_bits"]), "rest": wide["rest_bits"], "positive": int(events),
        "kind": 2, "last": 1, "pre": wide["place_bits"], "delay": wide["delay_bits"],
    }  # fmt: skip
    starts = dict(zip(sizes, np.cumsum([0, *sizes.values()])[:-1].tolist(), strict=True))

    def pack(**fields: int) -> int:
        return sum((value & (1 << sizes[name]) - 1) << starts[name] for name, value in fields.items())

    fetched = [pack(pre=op.pre, delay=op.delay - 1) for op in program]
    done = [
        pack(constant=op.constant, rest=op.rest, positive=int(op.positive), kind=op.kind, last=int(op.last))
        for op in program
    ]
    words = [early | late for early, late in zip([*fetched, 0], [0, *done], strict=True)]
    return words, {"word_bits": sum(sizes.values()), **{f"{name}_at": start for name, start in starts.items()}}
