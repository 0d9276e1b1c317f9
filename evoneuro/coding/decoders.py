"""Decoders by kind: from output spikes to a choice or to values.

Counters start at 0 with each decision. A plugin subclasses `Decoder` and is named by its entry point in the group
`evoneuro.decoders`, as `package.module:Class` or as `path/file.py:Class`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evoneuro.coding.choices import Count, FirstSpike, Membrane, MultiCount, Population, Race, Trace
from evoneuro.coding.decoder import Decoder
from evoneuro.coding.kinds import from_spec
from evoneuro.coding.values import Bins, Latency, MembraneValue, Pair, Rate, TraceValue

GROUP = "evoneuro.decoders"

DECODERS: dict[str, type[Decoder]] = {
    cls.kind: cls
    for cls in (
        Count, Race, FirstSpike, Population, Membrane, Trace, MultiCount,
        Rate, Pair, Bins, Latency, TraceValue, MembraneValue,
    )
}  # fmt: skip


def decoder_from_spec(spec: Mapping[str, Any] | None) -> Decoder:
    """The decoder of a specification such as `{"kind": "race", "evidence": 2, "lead": 0}`; None is `count`.

    Raises:
        EvoNeuroError: an unknown kind or parameter, or a value out of range.
    """
    decoder: Decoder = from_spec("decoder", spec or {"kind": "count"}, DECODERS, GROUP, Decoder)
    return decoder
