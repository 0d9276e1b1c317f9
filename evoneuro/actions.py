"""Actions: what the output neurons of a control task stand for, and the decoder that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Decoder, decoder_from_spec
from evoneuro.coding.choices import MultiCount
from evoneuro.errors import EvoNeuroError
from evoneuro.task import Task

Said = npt.NDArray[Any]  # by a decoder: int [lanes], a choice; int (lanes, groups); or float64 (lanes, values)


@dataclass(frozen=True)
class Actions:
    """What all kinds of actions share.

    Attributes:
        what: how errors name them, such as "task 'swing': the actions of 'Pendulum-v1'".
    """

    what: str

    default: ClassVar[Mapping[str, Any]] = {}  # decoder of a task that sets none

    @property
    def count(self) -> int:
        """What `Decoder.neurons` takes: how many choices or values there are."""
        raise NotImplementedError

    def decoder(self, spec: Mapping[str, Any] | None) -> Decoder:
        """The decoder of a specification, completed by what the actions say of it; of None, the default.

        Raises:
            EvoNeuroError: it does not say what such actions are made of.
        """
        raise NotImplementedError

    def random(self, decoder: Decoder, rng: np.random.Generator) -> Said:
        """What a network that acts at random might say, for one lane."""
        raise NotImplementedError


@dataclass(frozen=True)
class Choices(Actions):
    """One action of `choices`."""

    choices: int

    default: ClassVar[Mapping[str, Any]] = Task.decoder

    @property
    def count(self) -> int:
        """Actions to choose from, an output neuron or group for each."""
        return self.choices

    def decoder(self, spec: Mapping[str, Any] | None) -> Decoder:
        """The decoder of a specification, race if there is none; it must give one choice.

        Raises:
            EvoNeuroError: it gives values, or several choices.
        """
        decoder = decoder_from_spec(self.default if spec is None else spec)
        if says(decoder) != "one choice":
            raise EvoNeuroError(
                f"{self.what} are {self.choices}, of which one is taken; decoder {decoder.kind!r} gives "
                f"{says(decoder)}; set one that chooses, such as race or count"
            )
        return decoder

    def random(self, decoder: Decoder, rng: np.random.Generator) -> Said:
        """One choice, int [1]."""
        return rng.integers(self.choices, size=1)


@dataclass(frozen=True)
class Groups(Actions):
    """Several choices at once, of `sizes` possibilities each."""

    sizes: tuple[int, ...]

    default: ClassVar[Mapping[str, Any]] = {"kind": "multi-count"}

    @property
    def count(self) -> int:
        """Choices of all groups together."""
        return sum(self.sizes)

    def decoder(self, spec: Mapping[str, Any] | None) -> Decoder:
        """A `multi-count` decoder that knows the sizes of the groups.

        Raises:
            EvoNeuroError: another kind was asked for.
        """
        spec = self.default if spec is None else spec
        plain = decoder_from_spec({key: value for key, value in spec.items() if key != "sizes"})
        if not isinstance(plain, MultiCount):
            raise EvoNeuroError(
                f"{self.what} are choices of {_listed(self.sizes)}; decoder {plain.kind!r} gives {says(plain)}; use "
                "'multi-count', the default, or set actions, a list with the environment's action for each output"
            )
        decoder = decoder_from_spec({"sizes": self.sizes, **spec})
        wanted = f"choices of {_listed(self.sizes)}"
        if says(decoder) != wanted:
            raise EvoNeuroError(f"{self.what} are {wanted}; the decoder gives {says(decoder)}")
        return decoder

    def random(self, decoder: Decoder, rng: np.random.Generator) -> Said:
        """A choice in each group, int (1, groups)."""
        return rng.integers(self.sizes)[None]


@dataclass(frozen=True)
class Values(Actions):
    """Numbers from `low` to `high`; infinite where nothing is known."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    default: ClassVar[Mapping[str, Any]] = {"kind": "pair"}

    @property
    def count(self) -> int:
        """Values of an action."""
        return len(self.low)

    def decoder(self, spec: Mapping[str, Any] | None) -> Decoder:
        """The decoder of values, with the ranges of the actions in it.

        Raises:
            EvoNeuroError: the decoder makes choices.
        """
        spec = self.default if spec is None else spec
        plain = decoder_from_spec({key: value for key, value in spec.items() if key not in ("low", "high")})
        if not plain.continuous:
            raise EvoNeuroError(
                f"{self.what} are {_count(self.count)}; decoder {plain.kind!r} gives {says(plain)}; use one that gives "
                "values (pair, the default, rate, bins, latency, trace-value, membrane-value), or set actions, a list "
                "with the environment's action for each output"
            )
        if not all(np.isfinite(getattr(self, name)).all() for name in ("low", "high") if name not in spec):
            raise EvoNeuroError(
                f"{self.what} have no bounds (low {list(self.low)}, high {list(self.high)}); "
                "set action_low and action_high"
            )
        decoder = decoder_from_spec({"low": self.low, "high": self.high, **spec})
        if says(decoder) != _count(self.count):
            raise EvoNeuroError(f"{self.what} are {_count(self.count)}; the decoder gives {says(decoder)}")
        return decoder

    def random(self, decoder: Decoder, rng: np.random.Generator) -> Said:
        """A value for each, within its range, float64 (1, values)."""
        spec = decoder.spec()
        said: Said = rng.uniform(spec["low"], spec["high"])[None]
        return said


def says(decoder: Decoder) -> str:
    """What a decoder gives, in words: "one choice", "choices of 2 and 3", "4 values". Equal words fit."""
    if decoder.continuous:
        return _count(len(decoder.spec()["low"]))
    return f"choices of {_listed(decoder.sizes)}" if isinstance(decoder, MultiCount) else "one choice"


def _count(values: int) -> str:
    return "1 value" if values == 1 else f"{values} values"


def _listed(sizes: tuple[int, ...]) -> str:
    *others, last = map(str, sizes)
    return f"{', '.join(others)} and {last}" if others else last
