"""A spiking network: frozen integer arrays, and everything needed to deploy it alone.

A `Network` is what evolution produces, what simulators compile and what exporters write. It says what
the network *is*; what a neuron *does* in a step stands in `evoneuro.neuron`, and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, check_choice, check_integer, check_shape
from evoneuro.faces import face

if TYPE_CHECKING:
    import networkx

Integers = npt.NDArray[np.int32]

NO_LEAK = -1  # in `leak`: the potential keeps what it has
NO_FLOOR = -(2**30)  # as `v_min`: there is none
NO_CEILING = 2**30  # as `v_max`: there is none
RESETS = ("zero", "subtract")
MAX_DELAY = 255
MAX_WINDOW = 2**16
NEURON_GENES = ("threshold", "leak", "refractory")
SYNAPSE_GENES = ("weight", "delay")


@dataclass(frozen=True, eq=False)
class Network:
    """Neurons, synapses and coding of one network; N neurons, S synapses, I inputs, O outputs.

    Attributes:
        ids: int64 [N], the neurons' names in files and rasters; unique, not negative.
        threshold: int32 [N], potential at which a neuron fires; <= 0 fires only when an event arrives.
        leak: int32 [N], shift 0..15, or `NO_LEAK`.
        refractory: int32 [N], steps 0..255 in which a neuron that fired ignores what arrives.
        pre, post: int32 [S], positions (not ids) of a synapse's neurons; sorted by (pre, post, delay).
        weight: int32 [S].
        delay: int32 [S], steps 1..255.
        inputs, outputs: int32 [I], [O], positions of the neurons that the encoder feeds and the decoder
            reads; the order is the order of the encoder's channels and of the actions or classes.
        reset: "zero", or "subtract" (needs thresholds >= 1 and a finite `v_max`).
        v_min, v_max: bounds of the stored potential; `NO_FLOOR`, `NO_CEILING` for none.
        input_charge: what one spike of the encoder adds to its input neuron.
        input_max: largest |charge| that an input may get in one step.
        window: most steps per decision.
        encoder, decoder: specifications as `evoneuro.coding` reads them, or None.
        task: name, version and parameters of the task that the network is for, or None.
        provenance: where the network comes from (run, seed, id, scores, versions).

    Raises:
        EvoNeuroError: a value out of its range, or arrays whose lengths disagree.
    """

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
    reset: str = "zero"
    v_min: int = -127
    v_max: int = NO_CEILING
    input_charge: int = 1
    input_max: int = 1
    window: int = 24
    encoder: Mapping[str, Any] | None = None
    decoder: Mapping[str, Any] | None = None
    task: Mapping[str, Any] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ARRAYS:
            object.__setattr__(self, name, _integers(name, getattr(self, name)))
        order = np.lexsort((self.delay, self.post, self.pre)) if len(self.pre) == len(self.post) else None
        if order is not None and len(self.delay) == len(self.weight) == len(order):
            for name in ("pre", "post", "weight", "delay"):
                array = getattr(self, name)[order]
                array.flags.writeable = False
                object.__setattr__(self, name, array)
        self._check()

    def _check(self) -> None:
        n, s = len(self.ids), len(self.pre)
        for name in NEURON_GENES:
            check_shape(f"network: {name}", getattr(self, name).shape, (n,))
        for name in ("post", *SYNAPSE_GENES):
            check_shape(f"network: {name}", getattr(self, name).shape, (s,))
        if len(np.unique(self.ids)) != n or (n and self.ids.min() < 0):
            raise EvoNeuroError("network: neuron ids must be unique and not negative")
        for name in ("pre", "post", "inputs", "outputs"):
            _check_within(name, getattr(self, name), 0, n - 1)
        for name in ("inputs", "outputs"):
            if len(np.unique(getattr(self, name))) != len(getattr(self, name)):
                raise EvoNeuroError(f"network: a neuron stands twice in {name}")
        _check_within("threshold", self.threshold, NO_FLOOR, NO_CEILING)
        _check_within("leak", self.leak, NO_LEAK, 15)
        _check_within("refractory", self.refractory, 0, 255)
        _check_within("weight", self.weight, NO_FLOOR, NO_CEILING)
        _check_within("delay", self.delay, 1, MAX_DELAY)
        check_choice("network: reset", self.reset, RESETS)
        highest = int(self.threshold.max(initial=0))
        self._settle("v_min", NO_FLOOR, 0)
        self._settle("v_max", max(highest - 1, 0), NO_CEILING, " (at least the highest threshold - 1)")
        self._settle("input_max", 0, NO_CEILING)
        self._settle("input_charge", -self.input_max, self.input_max)
        self._settle("window", 1, MAX_WINDOW)
        if self.reset == "subtract" and (self.threshold.min(initial=1) < 1 or self.v_max == NO_CEILING):
            raise EvoNeuroError("network: reset 'subtract' needs every threshold >= 1 and a finite v_max")
        self.potential_bounds()

    @classmethod
    def trusted(cls, **values: Any) -> Network:
        """A network whose values keep all that the constructor would check, of the right types and sorted.

        Expression and pruning make hundreds of thousands of them from parts that have been checked.
        """
        for name in ARRAYS:
            values[name].flags.writeable = False
        network = object.__new__(cls)
        vars(network).update(values)
        return network

    def _settle(self, name: str, low: int, high: int, hint: str = "") -> None:
        object.__setattr__(self, name, check_integer(f"network: {name}{hint}", getattr(self, name), low, high))

    # Sizes

    @property
    def neurons(self) -> int:
        """Number of neurons, inputs and outputs included."""
        return len(self.ids)

    @property
    def hidden(self) -> int:
        """Number of neurons that are neither input nor output."""
        return self.neurons - len(np.union1d(self.inputs, self.outputs))

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return len(self.pre)

    @property
    def out_degree(self) -> Integers:
        """Synapses that leave each neuron, int32 [N]: the synaptic events that one spike of it makes."""
        return np.bincount(self.pre, minlength=self.neurons).astype(np.int32)

    def potential_bounds(self) -> tuple[int, int]:
        """Lowest and highest value that any potential can take within a step; what sets register widths.

        Raises:
            EvoNeuroError: beyond 32 bits, where a register would wrap.
        """
        weight = self.weight.astype(np.int64)
        most = np.bincount(self.post, np.maximum(weight, 0), minlength=self.neurons)
        least = np.bincount(self.post, np.minimum(weight, 0), minlength=self.neurons)
        fed = np.zeros(self.neurons)
        fed[self.inputs] = self.input_max
        low = int(self.v_min + (least - fed).min(initial=0))
        high = int(self._highest_stored() + (most + fed).max(initial=0))
        if low < -(2**31) or high > 2**31 - 1:
            raise EvoNeuroError(
                f"network: a potential could reach {low} or {high}, beyond 32 bits; "
                "lower the weights, input_max or v_max"
            )
        return low, high

    def _highest_stored(self) -> int:
        """Highest potential that a neuron can carry into a step.

        With reset "zero" whatever reaches the threshold has fired, and a threshold <= 0 leaves at most -1 behind
        after an event and 0 at the start.
        """
        below_threshold = int(np.maximum(self.threshold - 1, 0).max(initial=0))
        return min(self.v_max, below_threshold) if self.reset == "zero" else self.v_max

    # Views

    def prune(self) -> Network:
        """Without what lies on no path from an input to an output; inputs and outputs stay.

        No output spike changes: what is dropped cannot be driven, or cannot be seen.
        """
        reached = self._closure(self.inputs, self.pre, self.post)
        seen = self._closure(self.outputs, self.post, self.pre)
        kept = reached[self.pre] & seen[self.post]
        alive = reached & seen
        alive[self.inputs] = alive[self.outputs] = True
        if kept.all() and alive.all():
            return self
        position = (np.cumsum(alive) - 1).astype(np.int32)
        pruned = {
            **{name: getattr(self, name)[alive] for name in ("ids", *NEURON_GENES)},
            **{name: getattr(self, name)[kept] for name in SYNAPSE_GENES},
            **{name: position[getattr(self, name)[kept]] for name in ("pre", "post")},
            **{name: position[getattr(self, name)] for name in ("inputs", "outputs")},
        }
        return Network.trusted(**{**vars(self), **pruned})

    def _closure(self, start: Integers, source: Integers, target: Integers) -> npt.NDArray[np.bool_]:
        reached = np.zeros(self.neurons, bool)
        reached[start] = True
        count = -1
        while count != (count := int(reached.sum())):
            reached[target[reached[source]]] = True
        return reached

    def to_networkx(self) -> networkx.MultiDiGraph[int]:
        """The graph: nodes are neuron ids with their genes and `role`, edges carry weight and delay."""
        import networkx

        graph: networkx.MultiDiGraph[int] = networkx.MultiDiGraph()
        role = dict.fromkeys(range(self.neurons), "hidden")
        role |= dict.fromkeys(self.outputs.tolist(), "output") | dict.fromkeys(self.inputs.tolist(), "input")
        for i, name in enumerate(self.ids.tolist()):
            genes = {gene: int(getattr(self, gene)[i]) for gene in NEURON_GENES}
            graph.add_node(name, role=role[i], **genes)
        for pre, post, weight, delay in zip(
            self.ids[self.pre].tolist(),
            self.ids[self.post].tolist(),
            self.weight.tolist(),
            self.delay.tolist(),
            strict=True,
        ):
            graph.add_edge(pre, post, weight=weight, delay=delay)
        return graph

    def fingerprint(self) -> str:
        """Digest of everything that decides the network's behaviour (not of ids, task or provenance)."""
        digest = hashlib.blake2b(digest_size=16)
        for name in ARRAYS[1:]:
            array = getattr(self, name)
            digest.update(len(array).to_bytes(4, "little") + array.astype("<i4").tobytes())
        digest.update(behaviour(self))
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, f.name), getattr(other, f.name))
            if f.name in ARRAYS
            else getattr(self, f.name) == getattr(other, f.name)
            for f in fields(self)
        )

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def __repr__(self) -> str:
        return (
            f"Network({len(self.inputs)} inputs, {self.hidden} hidden, {len(self.outputs)} outputs, "
            f"{self.synapses} synapses, window {self.window})"
        )

    def _repr_svg_(self) -> str | None:
        picture: str | None = face("network svg", self)
        return picture

    def save(self, path: str) -> None:
        """Write the network's JSON file (see `evoneuro.network_file`)."""
        from evoneuro import network_file

        network_file.save(self, path)


ARRAYS = tuple(f.name for f in fields(Network) if "NDArray" in str(f.type) or f.type == "Integers")


def _integers(name: str, value: Any) -> npt.NDArray[Any]:
    """A read-only array of the field's type, if `value` is one dimension of integers that fit it."""
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        array = np.zeros((0, 0))
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise EvoNeuroError(f"network: {name}: expected integers, a list of them, got {str(value)[:80]}")
    if array.size and name != "ids" and (int(array.min()) < NO_FLOOR or int(array.max()) > NO_CEILING):
        raise EvoNeuroError(
            f"network: {name}: values from {array.min()} to {array.max()}, beyond {NO_FLOOR} to {NO_CEILING}"
        )
    if array.size and int(array.max()) > 2**63 - 1:
        raise EvoNeuroError(f"network: {name}: {array.max()} is beyond 63 bits")
    array = array.astype(np.int64 if name == "ids" else np.int32)
    array.flags.writeable = False
    return array


def behaviour(settings: Any) -> bytes:
    """What decides a network's behaviour besides its arrays, in one form; of a network or of its settings alone."""
    scalars = [settings.reset, settings.v_min, settings.v_max, settings.input_charge, settings.window]
    return repr([*scalars, _ordered(settings.encoder), _ordered(settings.decoder)]).encode()


def _ordered(spec: Mapping[str, Any] | None) -> list[tuple[str, str]] | None:
    """A specification in one form, whatever the order of its keys and whether a number is written 0 or 0.0."""
    if spec is None:
        return None
    plain = json.loads(json.dumps(spec), parse_int=float)
    return sorted((key, json.dumps(value, sort_keys=True)) for key, value in plain.items())


def _check_within(name: str, array: npt.NDArray[Any], low: int, high: int) -> None:
    if array.ndim != 1:
        raise EvoNeuroError(f"network: {name}: expected one dimension, got shape {array.shape}")
    outside = np.flatnonzero((array < low) | (array > high))
    if len(outside):
        i = int(outside[0])
        raise EvoNeuroError(f"network: {name}[{i}] is {int(array[i])}, expected {low} to {high}")
