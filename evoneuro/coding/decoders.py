"""Decoders: from output spikes to a choice, and the step at which the clock stops.

Counters start at 0 with each decision. Ties go to the lowest output; a silent window chooses output 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from evoneuro.errors import EvoNeuroError, check_choice, check_integer, nearest


@dataclass(frozen=True)
class Decoder:
    """What all decoders share. `evidence` and `lead` are the stopping rule that simulators obey; 0 is never."""

    kind: ClassVar[str] = ""
    evidence = 0
    lead = 0

    def spec(self) -> dict[str, Any]:
        """The decoder as plain data, for the network file."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Count(Decoder):
    """Winner takes all: after the whole window, the output with most spikes.

    Source: TENNLab framework-open, markdown/cartpole_example.md.
    """

    kind: ClassVar[str] = "count"


@dataclass(frozen=True)
class Race(Decoder):
    """Stop at the first step in which one output has `evidence` spikes, or `lead` more than every other.

    0 switches a condition off; whoever has not decided by the end of the window is counted as in `Count`. With
    evidence 1 the first spike decides.
    """

    kind: ClassVar[str] = "race"
    evidence: int = 1
    lead: int = 0

    def __post_init__(self) -> None:
        for name in ("evidence", "lead"):
            object.__setattr__(self, name, check_integer(f"decoder 'race': {name}", getattr(self, name), 0, 2**16))
        if not (self.evidence or self.lead):
            raise EvoNeuroError("decoder 'race': evidence and lead are both 0; use 'count' to read the whole window")


DECODERS: dict[str, type[Decoder]] = {cls.kind: cls for cls in (Count, Race)}


def decoder_from_spec(spec: Mapping[str, Any] | None) -> Decoder:
    """The decoder of a specification such as `{"kind": "race", "evidence": 2, "lead": 0}`; None is `count`.

    Raises:
        EvoNeuroError: an unknown kind or parameter, or a value out of range.
    """
    parameters = dict(spec or {"kind": "count"})
    cls = DECODERS[check_choice("decoder", parameters.pop("kind", None), DECODERS)]
    decoder: Decoder = build("decoder", cls, parameters)
    return decoder


def build(what: str, cls: Any, parameters: dict[str, Any]) -> Any:
    """`cls(**parameters)` with an error that names an unknown or missing parameter."""
    names = cls.__dataclass_fields__
    for name in parameters:
        if name not in names:
            raise EvoNeuroError(f"{what} {cls.kind!r}: unknown parameter {name!r}.{nearest(name, names)}")
    try:
        return cls(**parameters)
    except TypeError as error:
        raise EvoNeuroError(f"{what} {cls.kind!r}: {error}") from None
