"""What a device can do, in the words of genome and network, and what of a network is beyond it.

A profile holds what the device's own neuron does exactly as ours (`evoneuro.neuron`); what it only comes close to, such
as a leak with another rounding, is left out. Sizes are those of one core or chip, so that nothing needs to be placed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, TypeVar

from evoneuro.errors import EvoNeuroError, FormatError, nearest
from evoneuro.genome import Bounds, Range
from evoneuro.limits import counted, unshared
from evoneuro.network import NO_CEILING, Network

Value = TypeVar("Value", covariant=True)

RANGES = ("weight", "delay", "threshold", "leak", "refractory")
COUNTS = ("synapses", "fan_in", "fan_out", "neuron_kinds", "weight_kinds")
WORDS = {
    "synapses": "synapses",
    "fan_in": "synapses onto one neuron",
    "fan_out": "synapses out of one neuron",
    "neuron_kinds": "different (threshold, leak, refractory)",
    "weight_kinds": "different weights",
}


@dataclass(frozen=True)
class Stated(Generic[Value]):
    """A value, who says so, and whether we have read or measured it ourselves."""

    value: Value
    source: str
    verified: bool


@dataclass(frozen=True)
class Energy:
    """A named table of what events cost, in pJ; what is None is not counted, or is in the cost of synaptic events.

    Attributes:
        name: stands beside every figure that is made with the table.
        synaptic_event: one spike that arrives over one synapse.
        spike: one spike of a neuron, besides.
        update: one neuron in one step, whether it spikes or not.
    """

    name: str
    synaptic_event: Stated[float]
    spike: Stated[float] | None = None
    update: Stated[float] | None = None

    def picojoules(self, synaptic_events: float, spikes: float, updates: float) -> float:
        """Counts times the table, in pJ; of counts per decision, pJ per decision."""
        costs = (self.synaptic_event, self.spike, self.update)
        events = (synaptic_events, spikes, updates)
        return sum(n * cost.value for n, cost in zip(events, costs, strict=True) if cost is not None)


@dataclass(frozen=True)
class Profile:
    """What one device can do. Of what is None there is no limit, or nothing is known.

    Attributes:
        weight, threshold, v_min: [low, high]; charges.
        delay, refractory: [low, high], steps.
        leak: [low, high] of the shift: -1 none, 0 forgets everything each step.
        reset: those of "zero" and "subtract" that there are.
        charge: largest |charge| that an input gets in one step.
        neurons: most, inputs and outputs included.
        synapses, fan_in, fan_out, neuron_kinds, weight_kinds, shared: as in `Bounds`.
        step: time per step, seconds, whatever the network.
        step_neuron, step_synapse: what each adds to it where a processor does one after another, seconds.
        energy: what events cost.
    """

    name: str
    description: str
    weight: Stated[Range]
    delay: Stated[Range]
    threshold: Stated[Range]
    leak: Stated[Range]
    refractory: Stated[Range]
    v_min: Stated[Range]
    reset: Stated[tuple[str, ...]]
    charge: Stated[int]
    neurons: Stated[int] | None = None
    synapses: Stated[int] | None = None
    fan_in: Stated[int] | None = None
    fan_out: Stated[int] | None = None
    neuron_kinds: Stated[int] | None = None
    weight_kinds: Stated[int] | None = None
    shared: Stated[tuple[str, ...]] | None = None
    step: Stated[float] | None = None
    step_neuron: Stated[float] | None = None
    step_synapse: Stated[float] | None = None
    energy: Energy | None = None

    def to_document(self) -> dict[str, Any]:
        """The profile as plain data."""
        return asdict(self)

    def limits(self) -> dict[str, Stated[Any]]:
        """All that is stated of the device by name, energy excepted."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Stated)}

    # Networks

    def step_seconds(self, network: Network) -> float | None:
        """Time of the longest step of `network`; None where nothing is known."""
        if self.step is None:
            return None
        parts = ((self.step_neuron, network.neurons), (self.step_synapse, network.synapses))
        return self.step.value + sum(count * part.value for part, count in parts if part is not None)

    def violations(self, network: Network) -> list[str]:
        """What of `network` is beyond the device, each in a line: what is there, what is allowed, what to do."""
        return [*self._of_neurons(network), *self._of_genes(network), *self._of_wiring(network)]

    def _of_neurons(self, network: Network) -> Iterator[str]:
        if self.neurons is not None and network.neurons > self.neurons.value:
            ends = network.neurons - network.hidden
            yield (
                f"{network.neurons} neurons, {self.name} has {self.neurons.value}: {ends} are inputs and outputs; "
                "lower genome.hidden, or take an encoder with fewer neurons"
            )
        if network.reset not in self.reset.value:
            allowed = " or ".join(self.reset.value)
            yield f"reset {network.reset!r}, {self.name} has {allowed}: set genome.reset={self.reset.value[0]}"
        low, high = self.v_min.value
        nearest_floor = self._narrowed("v_min", network.v_min)
        if network.v_min != nearest_floor:
            yield f"v_min is {network.v_min}, {self.name} allows {_span(low, high)}: set genome.v_min={nearest_floor}"
        if network.input_max > self.charge.value:
            yield (
                f"an input may get a charge of {network.input_max}, {self.name} allows {self.charge.value}: lower the "
                "encoder's charge, or genome.threshold, whose highest value an encoder spike adds"
            )

    def _of_genes(self, network: Network) -> Iterator[str]:
        for gene in RANGES:
            values = getattr(network, gene)
            low, high = getattr(self, gene).value
            if not len(values) or (values.min() >= low and values.max() <= high):
                continue
            advice = f"keep to it with genome.{gene}=[{low}, {high}]"
            if gene == "threshold" and values.max() == NO_CEILING:
                advice = "its outputs must never fire; take a decoder that reads spikes, no potentials"
            yield f"{gene} is {_span(values.min(), values.max())}, {self.name} allows {_span(low, high)}: {advice}"

    def _of_wiring(self, network: Network) -> Iterator[str]:
        counts = {"synapses": network.synapses, **counted(network)}
        for name in COUNTS:
            most = getattr(self, name)
            if most is not None and counts[name] > most.value:
                yield (
                    f"{counts[name]} {WORDS[name]}, {self.name} has {most.value}: "
                    f"keep to it with genome.{name}={most.value}"
                )
        if self.shared is not None:
            for what in unshared(network, self.shared.value):
                yield (
                    f"synapses out of one neuron differ in {what}, on {self.name} they share it: "
                    f'keep to it with genome.shared=["{what}"]'
                )

    # Genomes

    def bounds(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The genome's settings that the profile implies: those of `document`, narrowed to what the device has.

        Nothing is widened. Where `document` says nothing, the defaults of `Bounds` are narrowed, and thresholds to
        the device's heaviest weight. Of ranges that do not meet, the device's stands.

        Args:
            document: keys of `Bounds`; the result has them, and each that had to be narrowed.

        Raises:
            EvoNeuroError: an unknown key, or a value that is none.
        """
        asked, default = _bounds(document), Bounds()
        found: dict[str, Any] = {}
        for name in (*RANGES, "v_min"):
            found[name] = self._narrowed(name, getattr(asked, name))
        if "threshold" not in document:
            low, high = found["threshold"]
            heaviest = max(abs(end) for end in self.weight.value)
            found["threshold"] = (low, max(low, min(high, heaviest)))
        for name in COUNTS:
            most = getattr(self, name)
            found[name] = getattr(asked, name) if most is None else min(getattr(asked, name), most.value)
        if self.neurons is not None:
            found["hidden"] = min(asked.hidden, self.neurons.value)
        found["reset"] = asked.reset if asked.reset in self.reset.value else self.reset.value[0]
        found["shared"] = self._shared(asked)
        changed = {name: value for name, value in found.items() if value != getattr(default, name) or name in document}
        return {**document, **changed}

    def check(self, document: Mapping[str, Any]) -> None:
        """Raise if settings of the genome that somebody asks for are beyond the device.

        Raises:
            EvoNeuroError: names all that are, with what is allowed.
        """
        asked, narrowed = _bounds(document), self.bounds(document)
        beyond = [name for name in document if getattr(asked, name) != narrowed[name]]
        if beyond:
            said = "; ".join(
                f"genome.{name} = {_plain(getattr(asked, name))}, {self.name} allows {_plain(narrowed[name])}"
                for name in beyond
            )
            raise EvoNeuroError(f"profile {self.name!r}: {said}; set less, or take another profile (evoneuro profiles)")

    def _narrowed(self, name: str, asked: Any) -> Any:
        low, high = getattr(self, name).value
        if name == "v_min":
            return min(max(asked, low), high)
        least, most = max(asked[0], low), min(asked[1], high)
        return (least, most) if least <= most else (low, high)

    def _shared(self, asked: Bounds) -> tuple[str, ...]:
        own = () if self.shared is None else self.shared.value
        return (*asked.shared, *(what for what in own if what not in asked.shared))


def _bounds(document: Mapping[str, Any]) -> Bounds:
    known = [f.name for f in fields(Bounds)]
    for key in document:
        if key not in known:
            raise EvoNeuroError(f"unknown key genome.{key}.{nearest(key, known)}")
    return Bounds(**document)


def _span(low: Any, high: Any) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


# Files


def read(name: str, document: Mapping[str, Any]) -> Profile:
    """The profile of a TOML file's document.

    Raises:
        FormatError: keys that are missing or unknown, or a value without a source.
    """
    what = f"profile {name!r}"
    try:
        values = {key: _read(f"{what}: {key}", value) for key, value in document.items()}
        return Profile(name=name, **values)
    except TypeError as error:
        raise FormatError(f"{what}: {error}") from None


def _read(what: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if "name" in value:
        return Energy(**{key: _read(f"{what}.{key}", cost) for key, cost in value.items()})
    if sorted(value) != ["source", "value", "verified"] or not value["source"]:
        raise FormatError(f"{what}: expected value, source and verified, got {', '.join(value)}")
    stated = value["value"]
    return Stated(tuple(stated) if isinstance(stated, list) else stated, value["source"], value["verified"])
