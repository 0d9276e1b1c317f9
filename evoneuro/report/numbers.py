"""Numbers in words: as many digits as say something, and human units."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

NOTHING = "-"  # in place of a number that is not known
SPARKS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 48  # characters


# Words and numbers


def number(value: Any) -> str:
    """Four significant digits, a whole number in full: `0.9733`, `487.2`, `14474`."""
    if not known(value):
        return NOTHING
    return fixed(value, decimals_of([value]))


def count(value: Any) -> str:
    """A whole number in full: `1,234,567`."""
    return f"{value:,.0f}" if known(value) else NOTHING


def rate(value: Any) -> str:
    """Something per second, to three digits or so: `0.4`, `56`, `9,812`, `12.3 k`, `1.2 M`, `3.4 G`."""
    if not known(value):
        return NOTHING
    for scale, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= 0.99995 * scale and value >= 9999.5:
            return f"{value / scale:.1f}{unit}"
    return f"{value:,.1f}" if value < 9.95 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """`0 s`, `4.2 s`, `40 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`."""
    if 0.05 <= seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def sparkline(values: Sequence[float], width: int = SPARK_WIDTH) -> str:
    """Values as a row of blocks, from the lowest to the highest; a long history is thinned out to `width` values."""
    if len(values) > width:
        values = [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]
    low, high = min(values), max(values)
    if high == low:
        return SPARKS[0] * len(values)
    return "".join(SPARKS[round((value - low) / (high - low) * (len(SPARKS) - 1))] for value in values)


def known(value: Any) -> bool:
    """Whether there is a number, and it is finite."""
    return value is not None and math.isfinite(value)


def decimals_of(values: Iterable[Any]) -> int:
    """Decimals that give the largest value four significant digits; 0 when all values are whole."""
    sizes = [abs(float(value)) for value in values if known(value)]
    if all(size == int(size) for size in sizes):
        return 0
    return min(max(3 - math.floor(math.log10(max(sizes))), 0), 4)


def fixed(value: Any, decimals: int) -> str:
    """A number with so many decimals."""
    return f"{float(value):.{decimals}f}" if known(value) else NOTHING
