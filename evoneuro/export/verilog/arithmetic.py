"""Sums of weighted spikes in few logic cells.

A cell of an FPGA is a table of four bits and a stage of a carry chain. So spikes are added four at a time by a table,
and the tables' results by chains no wider than what they can be. Everything is modulo a power of two that holds the
final sum; what is in between may wrap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from evoneuro.export.registers import signed_bits

TABLE_BITS = 4
PASSES = 2  # over all pairs of items, in search of better tables


@dataclass(frozen=True)
class Item:
    """Bits that together stand for a number, such as a spike that weighs something.

    Attributes:
        bits: expressions, the lowest first.
        values: int of each combination of the bits.
    """

    bits: tuple[str, ...]
    values: tuple[int, ...]


@dataclass(frozen=True)
class Operand:
    """A wire in a sum.

    Attributes:
        name: of the wire.
        width: its bits; two's complement where it can be below 0.
        low, high: what it can be.
        minus: whether it is subtracted.
    """

    name: str
    width: int
    low: int
    high: int
    minus: bool = False

    def to(self, width: int) -> str:
        """The wire in so many bits."""
        if width <= self.width:
            return self.name if width == self.width else f"{self.name}[{width - 1}:0]"
        more = width - self.width
        if self.low >= 0:
            return f"{{{more}'d0, {self.name}}}"
        sign = self.name if self.width == 1 else f"{self.name}[{self.width - 1}]"
        return f"{{{{{more}{{{sign}}}}}, {self.name}}}"


@dataclass
class Lines:
    """Verilog under construction; names of wires begin with `prefix`."""

    prefix: str
    text: list[str] = field(default_factory=list)
    count: int = 0

    def wire(self, width: int, expression: str) -> str:
        """A new wire for an expression."""
        name = f"{self.prefix}_{self.count}"
        self.count += 1
        self.text.append(f"wire {span(width)}{name} = {expression};")
        return name

    def table(self, bits: Sequence[str], values: Sequence[int], width: int) -> str:
        """A new wire whose value depends on `bits`, the lowest first."""
        name = f"{self.prefix}_{self.count}"
        self.count += 1
        rows = [f"{len(bits)}'d{k}: {name}_of = {width}'d{value};" for k, value in enumerate(values)]
        lines = [f"        {'  '.join(rows[k : k + 4])}" for k in range(0, len(rows), 4)]
        head = f"function {span(width)}{name}_of(input [{len(bits) - 1}:0] s);"
        self.text += [head, "    case (s)", *lines, "    endcase", "endfunction"]
        self.text.append(f"wire {span(width)}{name} = {name}_of({{{', '.join(reversed(bits))}}});")
        return name


def span(width: int) -> str:
    """The range of a wire's declaration."""
    return "" if width == 1 else f"[{width - 1}:0] "


def bits_of(low: int, high: int) -> int:
    """Bits of a number from low to high: two's complement where it can be below 0."""
    return signed_bits(low, max(high, 0)) if low < 0 else max(high.bit_length(), 1)


def tables(items: Sequence[Item]) -> list[list[Item]]:
    """The items in groups of at most `TABLE_BITS` bits, so that tables and chains are narrow."""
    order = sorted(items, key=lambda item: (len(item.bits) > 1, max(map(abs, item.values)), item.bits))
    if not order:
        return []
    starts = [_chunks(order), [group[::-1] for group in _chunks(order[::-1])]]
    groups = min(starts, key=_cost)
    cost = _cost(groups)
    for _ in range(PASSES):
        before = cost
        for a in range(len(groups)):
            for b in range(a + 1, len(groups)):
                groups, cost = _swapped(groups, a, b, cost)
        if cost == before:
            break
    return groups


def _chunks(items: Sequence[Item]) -> list[list[Item]]:
    groups: list[list[Item]] = []
    room = 0
    for item in items:
        if len(item.bits) > room:
            groups.append([])
            room = TABLE_BITS
        groups[-1].append(item)
        room -= len(item.bits)
    return groups


def _swapped(groups: list[list[Item]], a: int, b: int, cost: int) -> tuple[list[list[Item]], int]:
    """The groups after all exchanges of an item of `a` for one of `b` that save cells."""
    for i in range(len(groups[a])):
        for j in range(len(groups[b])):
            if len(groups[a][i].bits) != len(groups[b][j].bits):
                continue
            tried = [list(group) for group in groups]
            tried[a][i], tried[b][j] = groups[b][j], groups[a][i]
            if (less := _cost(tried)) < cost:
                groups, cost = tried, less
    return groups, cost


def _cost(groups: Sequence[Sequence[Item]]) -> int:
    """Cells of the tables, and of the chains that add them."""
    measured = [_measure(tuple(item.values for item in group)) for group in groups]
    cells = sum(table for table, _ in measured)
    highs = sorted(high for _, high in measured)
    while len(highs) > 1:
        both = highs[0] + highs[1]
        cells += both.bit_length()
        highs = sorted([both, *highs[2:]])
    return cells + highs[0].bit_length()


@lru_cache(maxsize=2**16)
def _measure(items: tuple[tuple[int, ...], ...]) -> tuple[int, int]:
    """Cells of a table of these items, and its highest value when the lowest is 0."""
    values = combined(items)
    low, high = min(values), max(values)
    inputs = [sum((k >> bit & 1) << k for k in range(len(values))) for bit in range(len(values).bit_length() - 1)]
    plain = {0, (1 << len(values)) - 1, *inputs}
    found = {sum(((v - low) >> bit & 1) << k for k, v in enumerate(values)) for bit in range((high - low).bit_length())}
    return len(found - plain), high - low


def combined(items: Sequence[Sequence[int]]) -> list[int]:
    """The sum for each combination of the items' bits; the first item has the lowest ones."""
    values = [0]
    for item in items:
        values = [known + more for more in item for known in values]
    return values


def add(lines: Lines, operands: Sequence[Operand], carries: Sequence[str], width: int) -> Operand:
    """The sum of operands, and of single bits that ride in the chains' carries, modulo 2**width.

    The narrowest are added first. At most one operand is subtracted.
    """
    left, riders = list(operands), list(carries)
    if not left:
        left.append(Operand("1'd0", 1, 0, 0))
    while len(left) > 1 or left[0].minus or riders:
        left.sort(key=lambda one: (one.width, one.minus))
        a = left.pop(0)
        b = left.pop(0) if left else Operand("1'd0", 1, 0, 0)
        if a.minus:
            a, b = b, a
        left.append(_pair(lines, a, b, riders.pop() if riders and not b.minus else None, width))
    return left[0]


def _pair(lines: Lines, a: Operand, b: Operand, carry: str | None, width: int) -> Operand:
    """a + b + carry, or a - b."""
    if b.minus:
        low, high = a.low - b.high, a.high - b.low
    else:
        low, high = a.low + b.low, a.high + b.high + (carry is not None)
    own = min(bits_of(low, high), width)
    left, right = a.to(own), b.to(own)
    if carry is None:
        return Operand(lines.wire(own, f"{left} {'-' if b.minus else '+'} {right}"), own, low, high)
    wide = lines.wire(own + 1, f"{{{left}, 1'b1}} + {{{right}, {carry}}}")
    return Operand(lines.wire(own, f"{wide}[{own}:1]"), own, low, high)


def at_least(name: str, width: int, signed: bool, least: int) -> str:
    """Whether a wire is at least a constant, as a chain of and and or: it takes a third of a comparator's cells."""
    if signed:
        least += 1 << (width - 1)
    if least <= 0:
        return "1'b1"
    if least >= 1 << width:
        return "1'b0"
    found = ""
    for bit in range(width):
        one = name if width == 1 else f"{name}[{bit}]"
        if signed and bit == width - 1:
            one = f"~{one}"
        if least >> bit & 1:
            found = f"{one} & ({found})" if found else one
        elif found:
            found = f"{one} | {found}"
    return found
