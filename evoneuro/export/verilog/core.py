"""The spatial core: every neuron and synapse is logic of its own, and a step takes one clock.

What makes it small: registers as wide as a potential can get and no wider, each potential stored so that no constant
is left to add, tables that add spikes four at a time, comparisons with constants, delay lines as long as the longest
synapse of their neuron, refractory steps that are read from them, and nothing for a neuron that can never fire.
"""

from __future__ import annotations

from dataclasses import dataclass

import evoneuro
from evoneuro.export.rendering import render
from evoneuro.export.verilog.arithmetic import (
    TABLE_BITS,
    Item,
    Lines,
    Operand,
    add,
    at_least,
    bits_of,
    combined,
    span,
    tables,
)
from evoneuro.export.verilog.layout import Bools, Layout, Ranges, firing, ranges
from evoneuro.network import NO_LEAK, Network

READ_FROM_HISTORY = 8  # refractory steps that are read from the delay line, which may be too short for them


@dataclass(frozen=True)
class Neuron:
    """What the template says of one neuron.

    Attributes:
        i: its position.
        about: its genes and synapses, for the reader.
        lines: declarations.
        fires: expression, whether it fires in this step.
        taps: bits of its history, 0 for one that can never fire.
        width: bits of its potential's register, 0 where it needs none.
        loaded: expression, whether the register becomes `rest`.
        rest: what the register holds when the potential is 0.
        after: expression, what it becomes else.
        counts: bits of a counter of refractory steps, 0 where they are read from the history.
        refractory: what the counter starts with.
    """

    i: int
    about: list[str]
    lines: list[str]
    fires: str
    taps: int
    width: int
    loaded: str
    rest: str
    after: str
    counts: int
    refractory: int


def core(network: Network) -> str:
    """The text of the module `snn_core`."""
    layout, found, able = Layout.of(network), ranges(network), firing(network)
    builders = [_Builder(network, layout, found, able, i) for i in range(network.neurons)]
    return render(
        "core.v.jinja",
        layout=layout,
        neurons=[builder.neuron() for builder in builders],
        potentials=[builders[i].potential() for i in network.outputs.tolist()] if layout.potentials else [],
        version=evoneuro.__version__,
        span=span,
    )


class _Builder:
    """The logic of one neuron, in the order of the neuron step."""

    def __init__(self, network: Network, layout: Layout, found: Ranges, able: Bools, i: int) -> None:
        self.network, self.layout, self.i = network, layout, i
        self.threshold, self.leak = int(network.threshold[i]), int(network.leak[i])
        self.refractory, self.able = int(network.refractory[i]), bool(able[i])
        self.low, self.high = int(found.low[i]), int(found.high[i])
        self.kept_low, self.kept_high = int(found.kept_low[i]), int(found.kept_high[i])
        self.read = layout.potentials and i in network.outputs
        self.weights: dict[tuple[int, int], int] = {}
        incoming = (network.post == i) & able[network.pre]
        columns = (network.pre, network.delay, network.weight)
        for pre, delay, weight in zip(*(column[incoming].tolist() for column in columns), strict=True):
            self.weights[pre, delay] = self.weights.get((pre, delay), 0) + weight
        channels = [k for k, place in enumerate(network.inputs.tolist()) if place == i and network.input_max]
        self.channel = channels[0] if channels else None
        self.lines = Lines(f"n{i}")
        self.remembers = self.read or (self.able and self.leak != 0)
        self._place()

    def _place(self) -> None:
        """Where the register's zero is, how wide it is, and which table adds what."""
        narrow = self.channel is not None and self.layout.charge_width <= TABLE_BITS
        items = [Item((_tap(*key),), (0, weight)) for key, weight in self.weights.items() if weight]
        items += [self._charge()] if narrow else []
        self.wide = self.channel is not None and not narrow
        left = self._leaked(self.kept_low), self._leaked(self.kept_high)
        self.floored, self.capped = left[0] < self.network.v_min, left[1] > self.network.v_max
        # what neither leaks nor is read may be clipped when it is stored, and takes fewer bits
        self.early = self.floored and self.leak == NO_LEAK and not self.read and self.network.reset == "zero"
        self.clips = (self.floored and not self.early) or self.capped
        if self.early:
            self.kept_low = self.network.v_min
        more = self._offset(items)
        self.width = bits_of(self.low + self.offset, self.high + self.offset)
        kept = self.kept_low + self.offset, self.kept_high + self.offset
        self.kept = Operand(f"u{self.i}", bits_of(*kept), *kept)
        self.riders = self._riders()
        room = 0 if self.clips else -sum(len(item.bits) for item in items) % TABLE_BITS
        items += [Item((rider,), (0, 1)) for rider in self.riders[:room]]
        self.riders = self.riders[room:]
        self.groups = tables(items)
        least = [min(_values(group)) for group in self.groups]
        self.added = [0] * len(least) if self.leak == NO_LEAK else [-low for low in least]
        if more:
            self.added[max(range(len(least)), key=lambda g: max(map(abs, _values(self.groups[g]))))] += more

    def _offset(self, items: list[Item]) -> int:
        """Choose what the register has on top of the potential; what tables must have on top of what they sum.

        Where it can be done, the threshold comes to stand at a power of two: then the highest bit of the sum says that
        it is reached, all others go straight into the register, and both the comparison and a cell for each bit of the
        register are saved. With K on top and q its lowest bits, v >> leak is (u >> leak) - (K >> leak), less 1 where
        the lowest bits of u are below q.
        """
        least = sum(min(item.values) for item in items)
        self.below = 0
        if self.able and self.network.reset == "zero" and not self.clips and (items or self.leak == NO_LEAK):
            self.offset = (1 << max(self.threshold - self.low - 1, 0).bit_length()) - self.threshold
            if self.leak == NO_LEAK:
                return 0
            self.below = self.offset & ((1 << self.leak) - 1)
            return (self.offset >> self.leak) + least + (self.leak in (1, 2) and self.below > 0)
        self.offset = -self.low if self.leak == NO_LEAK else -least << self.leak
        return 0

    def _riders(self) -> list[str]:
        """Bits that u - (u >> leak) has on top of what is added for it; for small leaks that is u/2, or u/2 + u/4."""
        if not self.remembers or self.leak <= 0:
            return []
        u, below = self.kept, self.below
        if self.leak == 1:
            return [] if below else [_bit(u, 0)]
        if self.leak == 2:  # less the 1 that is in a table
            u0, u1 = _bit(u, 0), _bit(u, 1)
            return {0: [u0, u1], 1: [f"({u0} & {u1})"], 2: [u0], 3: [f"({u0} | {u1})"]}[below]
        return [f"~({at_least(u.name, min(self.leak, u.width), False, below)})"] if below else []

    def _charge(self) -> Item:
        """A charge of few bits, as an item of a table."""
        width, most = self.layout.charge_width, self.network.input_max
        codes = (code - (code >> (width - 1) << width) for code in range(1 << width))
        bits = tuple(f"charge[{(self.channel or 0) * width + bit}]" for bit in range(width))
        return Item(bits, tuple(min(max(code, -most), most) for code in codes))

    def _leaked(self, v: int) -> int:
        return v if self.leak == NO_LEAK else v - (v >> self.leak)

    def neuron(self) -> Neuron:
        """All of it."""
        if not (self.able or self.read):
            return Neuron(self.i, self._about(), [], "1'b0", 0, 0, "", "", "", 0, 0)
        arriving, carries = self._integrated()
        total = add(self.lines, arriving, carries, self.width)
        v = Operand(f"v{self.i}", self.width, self.low + self.offset, self.high + self.offset)
        self.lines.text.append(f"wire {span(v.width)}{v.name} = {total.to(v.width)};")
        reached = at_least(v.name, v.width, v.low < 0, self.threshold + self.offset) if self.able else "1'b0"
        if self.threshold <= 0 and self.able:
            reached = f"({reached}) & ({self._event()})"
        self.lines.text.append(f"wire g{self.i} = {reached};  // v >= {self.threshold}")
        taps, counts, resting = self._resting()
        fires = f"g{self.i} & ~{resting}" if resting else f"g{self.i}"
        width = self.kept.width if self.remembers else 0
        stored = self._stored(v, resting) if width else ("", "", "")
        return Neuron(self.i, self._about(), self.lines.text, fires, taps, width, *stored, counts, self.refractory)

    def _resting(self) -> tuple[int, int, str]:
        """Bits of the history, bits of a counter of refractory steps, and the wire that says whether it is in them."""
        if not self.able:
            return 0, 0, ""
        taps = int(self.network.delay[self.network.pre == self.i].max(initial=1))
        if not self.refractory:
            return taps, 0, ""
        counts = self.refractory.bit_length() if self.refractory > max(taps, READ_FROM_HISTORY) else 0
        taps = taps if counts else max(taps, self.refractory)
        past = f"c{self.i}" if counts else f"t{self.i}[{self.refractory - 1}:0]"
        self.lines.text.append(f"wire r{self.i} = |{past};  // fired in the last {self.refractory} steps")
        return taps, counts, f"r{self.i}"

    def _integrated(self) -> tuple[list[Operand], list[str]]:
        """What is summed: what the leak and the clip leave, and what arrives."""
        operands, riders = self._left() if self.remembers and self.leak != 0 else ([], [])
        groups = sorted(zip(self.groups, self.added, strict=True), key=lambda one: max(map(abs, _values(one[0]))))
        for group, added in groups:
            values = [value + added for value in _values(group)]
            bits = [bit for item in group for bit in item.bits]
            if operands and operands[-1].minus:
                operands[-1] = self._difference(bits, values, operands[-1])
                continue
            low, high = min(values), max(values)
            width = bits_of(low, high)
            name = self.lines.table(bits, [value % (1 << width) for value in values], width)
            operands.insert(0, Operand(name, width, low, high))
        if self.wide:
            width, most, k = self.layout.charge_width, self.network.input_max, self.channel or 0
            name = self.lines.wire(width, f"charge[{(k + 1) * width - 1}:{k * width}]")
            operands.insert(0, Operand(name, width, -most, most))
        return operands, riders

    def _difference(self, bits: list[str], values: list[int], down: Operand) -> Operand:
        """A table less an operand, as ~(~table + operand): the operand's bits need no cells to be inverted."""
        low, high = min(values) - down.high, max(values) - down.low
        width = min(bits_of(low, high), self.width)
        inverted = self.lines.table(bits, [~value % (1 << width) for value in values], width)
        return Operand(self.lines.wire(width, f"~({inverted} + {down.to(width)})"), width, low, high)

    def _left(self) -> tuple[list[Operand], list[str]]:
        """u - (u >> leak), which for small leaks is u/2 or u/2 + u/4 and what rounding took; then the clip."""
        u = self.kept
        if self.leak == NO_LEAK:
            operands = [u]
        elif self.leak <= 2:
            operands = [self._shifted(u, shift) for shift in range(1, self.leak + 1)]
        else:
            down = self._shifted(u, self.leak)
            operands = [u, Operand(down.name, down.width, down.low, down.high, minus=True)]
        if not self.clips:
            return operands, self.riders
        base = self.offset - (0 if self.leak == NO_LEAK else self.offset >> self.leak)
        low, high = self._leaked(self.kept_low) + base, self._leaked(self.kept_high) + base
        total = add(self.lines, operands, self.riders, bits_of(low, high))
        left = Operand(total.name, bits_of(low, high), low, high)
        if total.width < left.width:
            left = Operand(self.lines.wire(left.width, total.to(left.width)), left.width, low, high)
        return [self._clipped(left, base)], []

    def _clipped(self, left: Operand, base: int) -> Operand:
        floor, ceiling = self.network.v_min + base, self.network.v_max + base
        low, high = max(left.low, floor), min(left.high, ceiling)
        width = bits_of(low, high)
        text, signed = left.to(width), left.low < 0
        if self.capped:
            over = at_least(left.name, left.width, signed, ceiling + 1)
            text = f"({over}) ? {_constant(ceiling, width)} : {text}"
        if self.floored and not self.early:
            enough = at_least(left.name, left.width, signed, floor)
            text = f"~({enough}) ? {_constant(floor, width)} : {text}"
        return Operand(self.lines.wire(width, text), width, low, high)

    def _shifted(self, u: Operand, shift: int) -> Operand:
        """u >> shift."""
        low, high = u.low >> shift, u.high >> shift
        width = bits_of(low, high)
        if u.width > shift:
            text = _slice(u, u.width - 1, shift)
            width = u.width - shift
        else:
            text = _bit(u, u.width - 1) if u.low < 0 else "1'b0"
            width = 1
        return Operand(self.lines.wire(width, text), width, low, high)

    def _event(self) -> str:
        """Whether anything arrives; a neuron with such a threshold fires only then."""
        taps = [_tap(*key) for key in self.weights]
        if self.channel is not None:
            width = self.layout.charge_width
            taps.append(f"(|charge[{(self.channel + 1) * width - 1}:{self.channel * width}])")
        return " | ".join(taps)

    def _stored(self, v: Operand, resting: str) -> tuple[str, str, str]:
        """When the register goes to rest, what that is, and what it becomes else."""
        i, width = self.i, self.kept.width
        rest, after = _constant(self.offset, width), v.to(width)
        if self.network.reset == "subtract":
            after = f"g{i} ? {v.name} - {_constant(self.threshold, v.width)} : {after}"
            if self.able and width != v.width:
                self.lines.text.append(f"wire {span(v.width)}d{i} = {v.name} - {_constant(self.threshold, v.width)};")
                after = f"g{i} ? d{i}[{width - 1}:0] : {v.to(width)}"
            return "rst", rest, f"{resting} ? u{i} : {after}" if resting else after
        if self.early:
            enough = at_least(v.name, v.width, v.low < 0, self.network.v_min + self.offset)
            after = f"~({enough}) ? {_constant(self.network.v_min + self.offset, width)} : {after}"
        return " | ".join(["rst", f"g{i}", *([resting] if resting else [])]), rest, after

    def potential(self) -> str:
        """The potential of this output as the port has it: what is kept, without its offset."""
        width = self.layout.potential_width
        return f"{self.kept.to(width)} - {_constant(self.offset, width)}"

    def _about(self) -> list[str]:
        """Genes and synapses in words."""
        leak = "none" if self.leak == NO_LEAK else str(self.leak)
        channel = "" if self.channel is None else f", input {self.channel}"
        head = f"neuron {self.i} (id {self.network.ids[self.i]}): threshold {self.threshold}, leak {leak}"
        head += f", refractory {self.refractory}{channel}"
        if not self.able:
            head += "; can never fire"
        return [head, *(f"{weight:+d} from {pre} after {delay}" for (pre, delay), weight in self.weights.items())]


def _values(group: list[Item]) -> list[int]:
    return combined([item.values for item in group])


def _tap(pre: int, delay: int) -> str:
    return f"t{pre}[{delay - 1}]"


def _bit(u: Operand, bit: int) -> str:
    if bit >= u.width:
        return _bit(u, u.width - 1) if u.low < 0 else "1'b0"
    return u.name if u.width == 1 else f"{u.name}[{bit}]"


def _slice(u: Operand, high: int, low: int) -> str:
    return u.name if u.width == 1 else f"{u.name}[{high}:{low}]"


def _constant(number: int, width: int) -> str:
    return f"{width}'d{number % (1 << width)}"
