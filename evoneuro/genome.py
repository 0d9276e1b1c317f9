"""Genomes: what evolution varies, and the one place that bounds it.

A genome is a struct of arrays; a batch of genomes (`Genomes`) is the same struct with the parts of all genomes one
after another, so that a whole generation is varied and expressed at once. Neurons are named by ids: inputs 0..I-1,
outputs I..I+O-1, then hidden neurons in the order in which evolution made them. An id means the same neuron in every
genome that carries it, so that crossover can align two parents without a history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, FormatError, check_choice, check_integer
from evoneuro.network import (
    MAX_DELAY,
    MAX_WINDOW,
    NEURON_GENES,
    NO_CEILING,
    NO_FLOOR,
    NO_LEAK,
    RESETS,
    SYNAPSE_GENES,
    Integers,
)
from evoneuro.ragged import Ragged, Starts, lengths_of, starts_of

Ids = npt.NDArray[np.int64]
Range = tuple[int, int]

NO_LIMIT = 2**20  # of counts in `Bounds`: as many as there may be synapses
SHARED = ("sign", "weight", "delay")  # what all synapses out of a neuron may have to share
PARAMETERS = ("window", "evidence", "gain")  # network-level genes, in this order in `Genome.parameters`


@dataclass(frozen=True)
class Bounds:
    """Ranges [low, high] of every gene; a device profile narrows them. The default is what all hardware targets can do.

    Attributes:
        threshold, leak, refractory: neuron genes; leak -1 is none, 0 forgets everything each step.
        weight, delay: synapse genes.
        window: most steps per decision.
        evidence: spikes that end a race; 0: the whole window counts.
        gain: of the encoder, in sixteenths.
        hidden, synapses: most of each.
        fan_in, fan_out: most synapses onto a neuron, and out of one.
        neuron_kinds, weight_kinds: most different (threshold, leak, refractory), and different weights, of a network.
        shared: what all synapses out of a neuron share: any of sign, weight, delay.
        v_min, reset: of the whole network, not genes.
    """

    threshold: Range = (1, 127)
    leak: Range = (NO_LEAK, 0)
    refractory: Range = (0, 0)
    weight: Range = (-127, 127)
    delay: Range = (1, 15)
    window: Range = (24, 24)
    evidence: Range = (0, 0)
    gain: Range = (16, 16)
    hidden: int = 32
    synapses: int = 256
    fan_in: int = NO_LIMIT
    fan_out: int = NO_LIMIT
    neuron_kinds: int = NO_LIMIT
    weight_kinds: int = NO_LIMIT
    shared: tuple[str, ...] = ()
    v_min: int = -127
    reset: str = "zero"

    def __post_init__(self) -> None:
        limits = {
            "threshold": (NO_FLOOR, NO_CEILING),
            "leak": (NO_LEAK, 15),
            "refractory": (0, 255),
            "weight": (-(2**20), 2**20),
            "delay": (1, MAX_DELAY),
            "window": (1, MAX_WINDOW),
            "evidence": (0, 2**16),
            "gain": (1, 256),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not isinstance(value, list | tuple) or len(value) != 2:
                raise EvoNeuroError(f"genome.{name}: expected [low, high], got {value!r}")
            pair = tuple(check_integer(f"genome.{name}", part, low, high) for part in value)
            if pair[0] > pair[1]:
                raise EvoNeuroError(f"genome.{name}: low {pair[0]} is above high {pair[1]}")
            object.__setattr__(self, name, pair)
        most = dict.fromkeys(("synapses", "fan_in", "fan_out", "neuron_kinds", "weight_kinds"), (1, NO_LIMIT))
        for name, (low, high) in {"hidden": (0, 2**16), **most, "v_min": (NO_FLOOR, 0)}.items():
            object.__setattr__(self, name, check_integer(f"genome.{name}", getattr(self, name), low, high))
        check_choice("genome.reset", self.reset, RESETS)
        if not isinstance(self.shared, list | tuple):
            raise EvoNeuroError(f"genome.shared: expected a list of {', '.join(SHARED)}, got {self.shared!r}")
        object.__setattr__(self, "shared", tuple(check_choice("genome.shared", what, SHARED) for what in self.shared))
        if "sign" in self.shared and self.weight_kinds < NO_LIMIT:
            raise EvoNeuroError("genome.shared 'sign' and genome.weight_kinds exclude each other; set one of them")
        if self.reset == "subtract" and self.threshold[0] < 1:
            raise EvoNeuroError("genome.reset 'subtract' needs thresholds >= 1")

    @property
    def parameters(self) -> npt.NDArray[np.int32]:
        """int32 [parameters, 2]: low and high of each network-level gene."""
        return np.array([getattr(self, name) for name in PARAMETERS], np.int32)


@dataclass(frozen=True, eq=False)
class Genome:
    """Genes of one candidate; N neurons, S synapses. Arrays are read-only.

    Attributes:
        ids: int64 [N], ascending; inputs, outputs, hidden.
        threshold, leak, refractory: int32 [N].
        pre, post: int32 [S], positions (not ids) of neurons; at most one synapse per pair, sorted by (pre, post).
        weight, delay: int32 [S].
        parameters: int32 [3], in the order of `PARAMETERS`.
    """

    ids: Ids
    threshold: Integers
    leak: Integers
    refractory: Integers
    pre: Integers
    post: Integers
    weight: Integers
    delay: Integers
    parameters: Integers

    def __post_init__(self) -> None:
        for array in vars(self).values():
            array.flags.writeable = False

    @property
    def synapses(self) -> int:
        """Number of synapse genes, expressed or not."""
        return len(self.pre)

    def key(self) -> bytes:
        """All genes as bytes: equal for equal genomes, and only for them."""
        return b"".join(len(array).to_bytes(4, "little") + array.tobytes() for array in vars(self).values())

    @classmethod
    def from_key(cls, key: bytes) -> Genome:
        """The genome of `key`.

        Raises:
            FormatError: not the bytes of a genome.
        """
        arrays, start = dict[str, npt.NDArray[Any]](), 0
        for name in (f.name for f in fields(cls)):
            dtype = np.dtype("<i8" if name == "ids" else "<i4")
            count, start = int.from_bytes(key[start : start + 4], "little"), start + 4
            end = start + count * dtype.itemsize
            if end > len(key):
                raise FormatError(f"genome: cut off in {name}")
            arrays[name], start = np.frombuffer(key, dtype, count, start), end
        if start != len(key):
            raise FormatError(f"genome: expected {start} bytes, got {len(key)}")
        lengths = {name: np.array([len(arrays[name])]) for name in ("ids", "pre")}
        parameters = arrays.pop("parameters").reshape(1, -1)
        document = {**arrays, "parameters": parameters, "neurons": lengths["ids"], "synapses": lengths["pre"]}
        return Genomes.from_document(document)[0]

    def to_document(self) -> dict[str, list[int]]:
        """The genome as plain data."""
        return {name: array.tolist() for name, array in vars(self).items()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Genome:
        """The genome of `to_document`.

        Raises:
            FormatError: missing or unknown genes.
        """
        names = [f.name for f in fields(cls)]
        if sorted(document) != sorted(names):
            raise FormatError(f"genome: expected the genes {', '.join(names)}, got {', '.join(document)}")
        try:
            return cls(**{name: _column(document[name], np.int64 if name == "ids" else np.int32) for name in names})
        except (OverflowError, TypeError, ValueError) as error:
            raise FormatError(f"genome: {error}") from None


def _column(values: Any, dtype: type[np.integer[Any]]) -> npt.NDArray[Any]:
    if not isinstance(values, list) or not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        raise TypeError("expected lists of integers")
    return np.array(values, dtype)


@dataclass(frozen=True, eq=False)
class Genomes(Ragged[Genome]):
    """P genomes one after another: a sequence of `Genome`, each a view of these arrays, which are read-only.

    Attributes:
        neuron_starts, synapse_starts: int32 [P + 1], where each genome's part begins.
        ids, threshold, leak, refractory: as in `Genome`, [all neurons].
        pre, post, weight, delay: as in `Genome`, [all synapses]; positions count within their genome.
        parameters: int32 [P, 3].
    """

    PARTS: ClassVar[Mapping[str, Sequence[str]]] = {
        "neuron_starts": ("ids", *NEURON_GENES),
        "synapse_starts": ("pre", "post", *SYNAPSE_GENES),
    }
    ROWS: ClassVar[Sequence[str]] = ("parameters",)

    neuron_starts: Starts
    synapse_starts: Starts
    ids: Ids
    threshold: Integers
    leak: Integers
    refractory: Integers
    pre: Integers
    post: Integers
    weight: Integers
    delay: Integers
    parameters: Integers

    @classmethod
    def of(cls, genomes: Sequence[Genome]) -> Genomes:
        """The batch of `genomes`; of a batch, itself."""
        if isinstance(genomes, Genomes):
            return genomes
        parameters = np.array([genome.parameters for genome in genomes], np.int32).reshape(-1, len(PARAMETERS))
        return cls(**cls._columns(genomes), parameters=parameters)

    def _member(self, index: int) -> Genome:
        return Genome(**self._arrays(index), parameters=self.parameters[index])

    @property
    def neurons(self) -> Integers:
        """Neurons of each genome, int32 [P]."""
        return lengths_of(self.neuron_starts)

    @property
    def synapses(self) -> Integers:
        """Synapse genes of each genome, expressed or not, int32 [P]."""
        return lengths_of(self.synapse_starts)

    def to_document(self) -> dict[str, npt.NDArray[Any]]:
        """The genomes as arrays: all genes, and how many neurons and synapses each genome has."""
        genes = {name: value for name, value in vars(self).items() if name not in self.PARTS}
        return {**genes, "neurons": self.neurons, "synapses": self.synapses}

    @classmethod
    def from_document(cls, document: Mapping[str, npt.NDArray[Any]]) -> Genomes:
        """The genomes of `to_document`.

        Raises:
            FormatError: missing or unknown genes, or arrays that do not fit one another.
        """
        names = [f.name for f in fields(cls) if f.name not in cls.PARTS]
        if sorted(document) != sorted([*names, "neurons", "synapses"]):
            raise FormatError(f"genomes: expected {', '.join(names)}, neurons, synapses, got {', '.join(document)}")
        genes: dict[str, Any] = {name: document[name].astype(np.int64 if name == "ids" else np.int32) for name in names}
        neurons, synapses = document["neurons"], document["synapses"]
        if genes["parameters"].shape != (len(neurons), len(PARAMETERS)) or neurons.shape != synapses.shape:
            raise FormatError("genomes: their numbers do not agree")
        for lengths, columns in zip((neurons, synapses), cls.PARTS.values(), strict=True):
            total = (int(lengths.sum()),)
            if (lengths < 0).any() or any(genes[column].shape != total for column in columns):
                raise FormatError(f"genomes: {', '.join(columns)}: expected {total[0]} of each")
        most = np.repeat(neurons, synapses)
        for name in ("pre", "post"):
            if ((genes[name] < 0) | (genes[name] >= most)).any():
                raise FormatError(f"genomes: {name}: a neuron that is not there")
        return cls(neuron_starts=starts_of(neurons), synapse_starts=starts_of(synapses), **genes)
