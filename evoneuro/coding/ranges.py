"""The range of each value, which encoders clip to and decoders spread over."""

from __future__ import annotations

from typing import Any

import numpy as np

from evoneuro.errors import EvoNeuroError

Bounds = tuple[float, ...]


def checked_ranges(what: str, low: Any, high: Any, least: int = 0) -> tuple[Bounds, Bounds]:
    """`low` and `high` as equally many finite numbers, at least `least`, each low below its high.

    Raises:
        EvoNeuroError: they are not; `what` says whose they are.
    """
    lows, highs = (_numbers(what, name, given, least) for name, given in (("low", low), ("high", high)))
    if len(lows) != len(highs):
        raise EvoNeuroError(f"{what}: low has {len(lows)} values, high has {len(highs)}")
    for i, (bottom, top) in enumerate(zip(lows, highs, strict=True)):
        if not (np.isfinite(top - bottom) and bottom < top):
            raise EvoNeuroError(f"{what}: value {i}: expected finite low < high, got {bottom} and {top}")
    return lows, highs


def _numbers(what: str, name: str, given: Any, least: int) -> Bounds:
    try:
        if isinstance(given, str) or len(given) < least:
            raise TypeError
        return tuple(float(value) for value in given)
    except (TypeError, ValueError):
        raise EvoNeuroError(f"{what}: {name}: expected a list of numbers, got {given!r:.80}") from None
