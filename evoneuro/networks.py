"""A batch of networks: what a generation expresses and what travels to the workers, as a few flat arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.network import ARRAYS, NEURON_GENES, SYNAPSE_GENES, Integers, Network, behaviour
from evoneuro.ragged import Positions, Ragged, Starts, counts, lengths_of, starts_of

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Settings:
    """Everything of a `Network` that is no array; one object is shared by all networks that agree in it."""

    reset: str
    v_min: int
    v_max: int
    input_charge: int
    input_max: int
    window: int
    encoder: Mapping[str, Any] | None
    decoder: Mapping[str, Any] | None
    task: Mapping[str, Any] | None
    provenance: Mapping[str, Any]


_SETTINGS = tuple(entry.name for entry in fields(Settings))


@dataclass(frozen=True, eq=False)
class Networks(Ragged[Network]):
    """P networks one after another: a sequence of `Network`, each made when it is asked for. Arrays are read-only.

    Attributes:
        neuron_starts, synapse_starts, input_starts, output_starts: int32 [P + 1], where each network's part begins.
        ids: int64 [all neurons].
        threshold, leak, refractory: int32 [all neurons].
        pre, post, weight, delay: int32 [all synapses]; positions of neurons count within their network.
        inputs, outputs: int32 [all inputs], [all outputs], positions within the network.
        settings: P references to few distinct objects.
    """

    PARTS: ClassVar[Mapping[str, Sequence[str]]] = {
        "neuron_starts": ("ids", *NEURON_GENES),
        "synapse_starts": ("pre", "post", *SYNAPSE_GENES),
        "input_starts": ("inputs",),
        "output_starts": ("outputs",),
    }
    ROWS: ClassVar[Sequence[str]] = ("settings",)

    neuron_starts: Starts
    synapse_starts: Starts
    input_starts: Starts
    output_starts: Starts
    ids: npt.NDArray[np.int64]
    threshold: Integers
    leak: Integers
    refractory: Integers
    pre: Integers
    post: Integers
    weight: Integers
    delay: Integers
    inputs: Integers
    outputs: Integers
    settings: tuple[Settings, ...]

    @classmethod
    def of(cls, networks: Sequence[Network]) -> Networks:
        """The batch of `networks`; of a batch, itself."""
        if isinstance(networks, Networks):
            return networks
        return cls(**cls._columns(networks), settings=_settings_of(networks))

    def _member(self, index: int) -> Network:
        return Network.trusted(**self._arrays(index), **vars(self.settings[index]))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as one bytes object per array: of arrays themselves, each would be sent as a buffer of its own."""
        arrays = {name: value for name, value in vars(self).items() if name != "settings"}
        return _arrived, ({name: array.tobytes() for name, array in arrays.items()}, self.settings)

    # Sizes

    @property
    def neurons(self) -> Integers:
        """Neurons of each network, inputs and outputs included, int32 [P]."""
        return lengths_of(self.neuron_starts)

    @property
    def hidden(self) -> Integers:
        """Neurons of each network that are neither input nor output, int32 [P]."""
        return counts(self.neuron_starts, ~(self._flags("inputs") | self._flags("outputs")))

    @property
    def synapses(self) -> Integers:
        """Synapses of each network, int32 [P]."""
        return lengths_of(self.synapse_starts)

    @property
    def out_degree(self) -> Integers:
        """Synapses that leave each neuron, int32 [all neurons]."""
        return np.bincount(self._flat("pre"), minlength=len(self.ids)).astype(np.int32)

    def _flat(self, name: str) -> Positions:
        """Positions of neurons (`pre`, `post`, `inputs` or `outputs`) as they count through the whole batch."""
        starts = next(starts for starts, columns in self.PARTS.items() if name in columns)
        flat: Positions = getattr(self, name) + np.repeat(self.neuron_starts[:-1], lengths_of(getattr(self, starts)))
        return flat

    def _flags(self, name: str) -> Flags:
        """Which neurons are `inputs` or `outputs`, bool [all neurons]."""
        flags = np.zeros(len(self.ids), bool)
        flags[self._flat(name)] = True
        return flags

    # Views

    def prune(self) -> Networks:
        """Each network without what lies on no path from an input to an output, as `Network.prune`."""
        pre, post = self._flat("pre"), self._flat("post")
        inputs, outputs = self._flags("inputs"), self._flags("outputs")
        reached, seen = _closure(inputs, pre, post), _closure(outputs, post, pre)
        kept = reached[pre] & seen[post]
        alive = reached & seen | inputs | outputs
        if kept.all() and alive.all():
            return self
        lengths = counts(self.neuron_starts, alive)
        neuron_starts = starts_of(lengths)
        place = (np.cumsum(alive) - 1 - np.repeat(neuron_starts[:-1], self.neurons)).astype(np.int32)
        return self.changed(
            neuron_starts=neuron_starts,
            synapse_starts=starts_of(counts(self.synapse_starts, kept)),
            **{name: getattr(self, name)[alive] for name in self.PARTS["neuron_starts"]},
            **{name: getattr(self, name)[kept] for name in SYNAPSE_GENES},
            pre=place[pre[kept]],
            post=place[post[kept]],
            **{name: place[self._flat(name)] for name in ("inputs", "outputs")},
        )

    def fingerprints(self) -> list[str]:
        """`Network.fingerprint` of each."""
        records, starts = self._records()
        known = {settings: behaviour(settings) for settings in set(self.settings)}
        content, bounds = memoryview(records.tobytes()), (4 * starts.astype(np.int64)).tolist()
        prints = []
        for i, settings in enumerate(self.settings):
            digest = hashlib.blake2b(content[bounds[i] : bounds[i + 1]], digest_size=16)
            digest.update(known[settings])
            prints.append(digest.hexdigest())
        return prints

    def _records(self) -> tuple[npt.NDArray[np.int32], Starts]:
        """All arrays of each network behind one another, each after its length, and where each network begins."""
        of = {column: name for name, columns in self.PARTS.items() for column in columns}
        names = ARRAYS[1:]
        lengths = {name: lengths_of(getattr(self, name)) for name in self.PARTS}
        starts = starts_of(sum(lengths[of[name]] + 1 for name in names))
        records = np.empty(starts[-1], "<i4")
        place = starts[:-1].astype(np.int64)
        order = {name: np.arange(getattr(self, name)[-1]) for name in self.PARTS}
        for name in names:
            length = lengths[of[name]]
            records[place] = length
            shift = np.repeat(place + 1 - getattr(self, of[name])[:-1], length)
            records[order[of[name]] + shift] = getattr(self, name)
            place = place + 1 + length
        return records, starts


def _closure(start: Flags, source: Positions, target: Positions) -> Flags:
    """Neurons that can be reached from `start` along synapses; what has led somewhere is not looked at again."""
    reached = start.copy()
    while True:
        waiting = ~reached[target]
        source, target = source[waiting], target[waiting]
        found = target[reached[source]]
        if not len(found):
            return reached
        reached[found] = True


def _settings_of(networks: Sequence[Network]) -> tuple[Settings, ...]:
    """The settings of each network, one object for all that agree in their numbers and share their specifications."""
    known: dict[tuple[Any, ...], Settings] = {}
    found = []
    for network in networks:
        values = [getattr(network, name) for name in _SETTINGS]
        key = tuple(id(value) if isinstance(value, Mapping) else value for value in values)
        if key not in known:
            known[key] = Settings(*values)
        found.append(known[key])
    return tuple(found)


def _arrived(arrays: Mapping[str, bytes], settings: tuple[Settings, ...]) -> Networks:
    """The batch of `Networks.__reduce__`."""
    types = {name: np.int64 if name == "ids" else np.int32 for name in arrays}
    values: dict[str, Any] = {name: np.frombuffer(raw, types[name]) for name, raw in arrays.items()}
    return Networks(**values, settings=settings)
