"""Decoders: from output spikes to a choice, and the step at which the clock stops.

Counters start at 0 with each decision. Ties go to the lowest output; a silent window chooses output 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from evoneuro import plugins
from evoneuro.coding.trains import Trains
from evoneuro.errors import EvoNeuroError, check_choice, check_integer, nearest

GROUP = "evoneuro.decoders"


class Output(NamedTuple):
    """What the output neurons did in one decision: what simulators record and decoders read.

    Attributes:
        trains: uint32 (words, outputs, lanes), their spikes, bit t % 32 of word t // 32 being step t.
        potentials: int32 (outputs, lanes), their potentials after the last step.
        window: steps that a decision could take.
    """

    trains: Trains
    potentials: npt.NDArray[np.int32]
    window: int


@dataclass(frozen=True)
class Decoder:
    """What all decoders share. `evidence` and `lead` are the stopping rule that simulators obey; 0 is never.

    Class attributes:
        records: whether `read` decides from a record of the whole decision; otherwise the simulator has decided.
        continuous: whether values come out, and not a choice.
    """

    kind: ClassVar[str] = ""
    records: ClassVar[bool] = False
    continuous: ClassVar[bool] = False
    evidence = 0
    lead = 0

    def neurons(self, choices: int) -> int:
        """Output neurons for so many classes or actions, or so many values."""
        return choices

    def read(self, output: Output) -> npt.NDArray[Any]:
        """What the outputs say: int [lanes], the choice, or float64 (lanes, values)."""
        raise NotImplementedError

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
    cls = by_kind("decoder", parameters.pop("kind", None), DECODERS, GROUP, Decoder)
    decoder: Decoder = build("decoder", cls, parameters)
    return decoder


def by_kind(what: str, kind: Any, own: Mapping[str, type[Any]], group: str, base: type[Any]) -> type[Any]:
    """The class of a kind: one of ours, of an installed package, `package.module:Class` or `path/file.py:Class`."""
    if isinstance(kind, str) and kind not in own and (":" in kind or kind in plugins.registered(group)):
        return plugins.find(what, kind, group, base)
    return own[check_choice(what, kind, own)]


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
