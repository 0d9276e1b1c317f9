"""What networks take of a device, in closed form: counts of their parts times what one of each costs.

The costs have been fitted to what the devices' own tools made of random networks (`area.toml` says how). They are of
the network alone: encoder and decoder are the same for all networks of a run. Nothing is synthesised or compiled here;
a whole generation takes milliseconds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from evoneuro.network import NO_FLOOR, NO_LEAK, Network
from evoneuro.networks import Networks
from evoneuro.ragged import lengths_of, owners

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TABLE_INPUTS = 4  # of an iCE40's look-up table
HISTORY = 8  # refractory steps that are read from a delay line; more are counted


def cells(networks: Sequence[Network]) -> Floats:
    """Logic cells of an iCE40 for each network's spatial core, float64 [networks]."""
    return _priced(cell_counts(Networks.of(networks)), "cells")


def flash(networks: Sequence[Network]) -> Floats:
    """Bytes of flash for each network's C on a Cortex-M0, float64 [networks]."""
    return _priced(flash_counts(Networks.of(networks)), "flash")


@cache
def costs(name: str) -> dict[str, float]:
    """What one part costs, of `area.toml`."""
    document = tomllib.loads((files(__package__) / "area.toml").read_text(encoding="utf-8"))
    return {part: float(cost) for part, cost in document[name].items() if part != "source"}


def _priced(counts: dict[str, Floats], name: str) -> Floats:
    total = np.zeros(len(next(iter(counts.values()))))
    for part, cost in costs(name).items():
        total += cost * counts[part]
    return total


# Cells


def cell_counts(networks: Networks) -> dict[str, Floats]:
    """What a spatial core has of each part, name -> float64 [networks]; neurons that can never fire have no part in it.

    table_bits: bits that tables of arriving spikes give, a table having four inputs. tree_bits: of the chains that add
    tables. shift_bits: of those that leaks 1 and 2 take, none for 1; difference_bits: of those that longer leaks take.
    wide_bits: of those that add a charge of many bits. compared_bits: of potentials whose threshold is no power of two.
    open_bits, early_bits, bottomless_bits, clipped_bits: of registers of potentials that nothing clips, that are
    clipped when they are stored (with and without a floor), or after their leak; with the chain that adds to them.
    taps: of delay lines, which also tell who rests.
    """
    found = _potentials(networks)
    heard = _heard(networks, found.firing)
    arriving, item_bits = _items(networks, found, heard)
    remembers, leak, wide = networks.leak != 0, networks.leak, ~found.narrow
    tables = np.ceil(arriving / TABLE_INPUTS)
    table_width = item_bits + np.log2(np.clip(arriving, 1, TABLE_INPUTS))
    full = np.floor(arriving / TABLE_INPUTS) + (arriving % TABLE_INPUTS > 1) * (arriving % TABLE_INPUTS) / TABLE_INPUTS
    one_table = ~remembers & found.narrow & (tables < 2)
    above = np.maximum(tables - 1, 0)
    width, stored, placed = _registers(networks, found, arriving)
    early = found.floored & (leak == NO_LEAK) & ~found.subtracts
    parts = {
        "table_bits": ~one_table * full * table_width,
        "tree_bits": above * (table_width + 1 + np.log2(np.maximum(tables, 1)) / 2),
        "shift_bits": (leak == 2) * stored,
        "difference_bits": (leak > 2) * np.maximum(stored - leak, table_width + 1),
        "wide_bits": (wide & (tables > 0)) * np.maximum(found.charge_bits, table_width),
        "compared_bits": ~placed * width,
        "open_bits": ~found.floored * stored,
        "early_bits": early * stored * ~found.bottomless,
        "bottomless_bits": early * stored * found.bottomless,
        "clipped_bits": (found.floored & ~early) * stored,
        "taps": _taps(networks, heard),
    }
    owner = owners(networks.neuron_starts)
    counts: dict[str, Floats] = {}
    for name, part in parts.items():
        counts[name] = np.bincount(owner, part * found.firing, len(networks)).astype(np.float64)
    return counts


def _heard(networks: Networks, firing: Flags) -> Flags:
    """Which synapses matter: they weigh something, and both ends may fire."""
    heard: Flags = firing[_flat(networks, "pre")] & firing[_flat(networks, "post")] & (networks.weight != 0)
    return heard


def _items(networks: Networks, found: _Potentials, heard: Flags) -> tuple[Floats, Floats]:
    """How many bits go into each neuron's tables, of spikes and of charges of few bits; and the mean bits of their
    weights, for tables are of items alike."""
    post, neurons = _flat(networks, "post")[heard], len(networks.ids)
    weight_bits = 1 + np.log2(np.abs(networks.weight[heard].astype(np.float64)))
    charge_bits = np.where(found.narrow, found.charge_bits, 0).astype(np.float64)
    arriving: Floats = np.bincount(post, minlength=neurons) + charge_bits
    total = np.bincount(post, weight_bits, neurons) + charge_bits * (1 + np.log2(np.maximum(found.charge, 1)))
    mean: Floats = total / np.maximum(arriving, 1)
    return arriving, mean


def _registers(networks: Networks, found: _Potentials, arriving: Floats) -> tuple[Longs, Longs, Flags]:
    """Bits of each potential within a step, and from step to step; and whose threshold is put at a power of two.

    As the exporter has it: something is added to each potential, so that the highest bit of a sum says whether the
    threshold is reached, or so that no constant is left to add.
    """
    unleaking = networks.leak == NO_LEAK
    early = found.floored & unleaking & ~found.subtracts
    clips = (found.floored & ~early) | found.capped
    placed = ~found.subtracts & ~clips & ((arriving > 0) | unleaking)
    threshold, none = networks.threshold.astype(np.int64), np.zeros(len(early), np.int64)
    power = np.int64(1) << _bits(none, np.maximum(threshold - found.low - 1, 0))
    shift = np.maximum(networks.leak, 0).astype(np.int64)
    offset = np.where(placed, power - threshold, np.where(unleaking, -found.low, -found.least << shift))
    kept_low = np.where(early, found.v_min, found.kept_low)
    stored = (networks.leak != 0) * np.maximum(_bits(kept_low + offset, found.kept_high + offset), 1)
    return _bits(found.low + offset, found.high + offset), stored, placed


def _taps(networks: Networks, heard: Flags) -> Longs:
    """Bits of each neuron's delay line; from that of a neuron that rests for long, 8 are read."""
    taps = np.ones(len(networks.ids), np.int64)
    np.maximum.at(taps, _flat(networks, "pre")[heard], networks.delay[heard])
    return np.maximum(taps, np.minimum(networks.refractory, HISTORY))


@dataclass(frozen=True)
class _Potentials:
    """Of all neurons of a batch.

    Attributes:
        firing: which can ever fire.
        low, high: bounds of potentials within a step.
        kept_low, kept_high: and from one step to the next.
        least: what spikes and narrow charges bring in a step at least.
        charge, charge_bits: the largest |charge|, and its bits.
        narrow: whether that is few enough for tables.
        subtracts: which reset by subtraction.
        bottomless: where there is no floor.
        floored, capped: where floor and ceiling can act.
        v_min: the floor.
    """

    firing: Flags
    low: Longs
    high: Longs
    kept_low: Longs
    kept_high: Longs
    least: Longs
    charge: Longs
    charge_bits: Longs
    narrow: Flags
    subtracts: Flags
    bottomless: Flags
    floored: Flags
    capped: Flags
    v_min: Longs


def _potentials(networks: Networks) -> _Potentials:
    """Bounds as the exporter of the spatial core has them: from what can arrive of neurons that can fire."""
    firing = np.ones(len(networks.ids), bool)
    while True:
        found = _bounded(networks, firing)
        if (found.firing == firing).all():
            return found
        firing = found.firing


def _bounded(networks: Networks, firing: Flags) -> _Potentials:
    """Bounds when no others than `firing` fire."""
    owner, neurons = owners(networks.neuron_starts), len(firing)
    v_min, v_max, input_max = (
        np.array([getattr(s, name) for s in networks.settings], np.int64)[owner]
        for name in ("v_min", "v_max", "input_max")
    )
    subtracts = np.array([s.reset == "subtract" for s in networks.settings], bool)[owner]
    pre, post, inputs = _flat(networks, "pre"), _flat(networks, "post"), _inputs(networks)
    weight = np.where(firing[pre], networks.weight, 0).astype(np.int64)
    charge = np.where(inputs, input_max, 0)
    spikes_most = np.bincount(post, np.maximum(weight, 0), neurons).astype(np.int64)
    spikes_least = np.bincount(post, np.minimum(weight, 0), neurons).astype(np.int64)
    most, least = spikes_most + charge, spikes_least - charge
    leaky, shift = networks.leak != NO_LEAK, np.maximum(networks.leak, 0).astype(np.int64)
    threshold = networks.threshold.astype(np.int64)
    low = np.where(leaky, np.maximum(((least + 1) << shift) - 1, v_min + least), v_min + least)
    low = np.where(least < 0, low, 0)
    ceiling = v_max + most
    free = np.where(leaky, np.minimum(most << shift, ceiling), np.where(most > 0, ceiling, 0))
    kept = np.minimum(free, np.maximum(threshold - 1, 0))
    kept = np.where(subtracts, np.maximum(kept, free - threshold), kept)
    high = np.minimum(np.where(leaky, kept - (kept >> shift), kept), v_max) + most
    fed = (np.bincount(post, firing[pre], neurons) > 0) | (charge > 0)
    charge_bits = np.where(charge > 0, _bits(-charge, charge), 0)
    narrow = charge_bits <= TABLE_INPUTS
    kept_high = np.minimum(kept, high)
    return _Potentials(
        firing=firing & fed & (high >= threshold),
        low=np.minimum(low, 0),
        high=np.maximum(high, 0),
        kept_low=low,
        kept_high=kept_high,
        least=spikes_least - np.where(narrow, charge, 0),
        charge=charge,
        charge_bits=charge_bits,
        narrow=narrow,
        subtracts=subtracts,
        bottomless=v_min == NO_FLOOR,
        floored=np.where(leaky, low - (low >> shift), low) < v_min,
        capped=np.where(leaky, kept_high - (kept_high >> shift), kept_high) > v_max,
        v_min=v_min,
    )


def _flat(networks: Networks, name: str) -> npt.NDArray[np.intp]:
    """Positions `pre` or `post` as they count through the batch."""
    places: npt.NDArray[np.intp] = getattr(networks, name) + np.repeat(networks.neuron_starts[:-1], networks.synapses)
    return places


def _inputs(networks: Networks) -> Flags:
    """Which neurons of the batch are inputs."""
    flags = np.zeros(len(networks.ids), bool)
    flags[networks.inputs + np.repeat(networks.neuron_starts[:-1], lengths_of(networks.input_starts))] = True
    return flags


def _bits(low: Longs, high: Longs) -> Longs:
    """Bits of a register for low to high, without a sign where low >= 0."""
    return np.ceil(np.log2(np.maximum(high + 1, -low) + 0.0)).astype(np.int64) + (low < 0)


# Flash


def flash_counts(networks: Networks) -> dict[str, Floats]:
    """What the C has of each part, name -> float64 [networks].

    code: 1. table_bytes: of synapses, and of what neurons do not share. All others: 1 where there is code for it: for
    synapses, delays above 1, several outputs, leaks, leaks of only some, a floor, refractory steps, events where
    thresholds are <= 0, words with all of a synapse, inputs that are not the first neurons.
    """
    n, s = networks.neurons.astype(np.int64), networks.synapses.astype(np.int64)
    pre_bits = _bits(np.zeros_like(n), np.maximum(n - 1, 1))
    delay_bits = _bits(np.zeros_like(n), _most(networks, "delay") - 1)
    heaviest, lightest = _most(networks, "weight", 0), _least(networks, "weight", 0)
    word = pre_bits + delay_bits + _bits(np.zeros_like(n), heaviest - lightest)
    apart = np.where((_bytes(lightest, heaviest) == 1) & (n <= 256), 3, np.where(_bytes(lightest, heaviest) == 4, 8, 4))
    short = word <= 16
    packed = short | ((word <= 32) & (apart > 3))
    synapse = np.where(short, 2, np.where(packed, 4, apart))
    fan_in = np.bincount(_flat(networks, "post"), minlength=len(networks.ids))
    owner = owners(networks.neuron_starts)
    leaky = _any(networks.leak != NO_LEAK, owner, len(networks))
    leaks = _any(networks.leak == NO_LEAK, owner, len(networks)) & leaky
    rests = _any(networks.refractory > 0, owner, len(networks))
    tables = s * synapse
    for column, used in (
        (fan_in, True),
        (networks.threshold, True),
        (networks.leak, leaky),
        (networks.refractory, rests),
    ):
        tables += np.where(used, _column_bytes(column, networks.neuron_starts), 0)
    places = np.arange(len(networks.inputs)) - np.repeat(networks.input_starts[:-1], lengths_of(networks.input_starts))
    apart_inputs = _any(networks.inputs != places, owners(networks.input_starts), len(networks))
    tables += np.where(apart_inputs, n, 0)
    floors = np.array([s.v_min > NO_FLOOR for s in networks.settings], bool)
    counts = {
        "code": np.ones(len(networks)),
        "wired": s > 0,
        "delays": _most(networks, "delay") > 1,
        "outputs": lengths_of(networks.output_starts) > 1,
        "table_bytes": tables,
        "leak": leaky,
        "some_leak": leaks,
        "floor": floors,
        "resting": rests,
        "events": _any(networks.threshold <= 0, owner, len(networks)),
        "packed": packed,
        "channels": apart_inputs,
    }
    return {name: np.asarray(count, np.float64) for name, count in counts.items()}


def _any(flags: Flags, owner: npt.NDArray[np.intp], parts: int) -> Flags:
    return np.bincount(owner, flags, parts) > 0


def _most(networks: Networks, name: str, least: int = 1) -> Longs:
    """The highest of each network's values of a synapse gene, at least `least`."""
    found = np.full(len(networks), least, np.int64)
    np.maximum.at(found, owners(networks.synapse_starts), getattr(networks, name))
    return found


def _least(networks: Networks, name: str, most: int) -> Longs:
    found = np.full(len(networks), most, np.int64)
    np.minimum.at(found, owners(networks.synapse_starts), getattr(networks, name))
    return found


def _bytes(low: Longs, high: Longs) -> Longs:
    """Of the narrowest signed type for low to high."""
    reach = np.maximum(-low - 1, high)
    return np.where(reach < 2**7, 1, np.where(reach < 2**15, 2, 4))


def _column_bytes(column: npt.NDArray[np.integer], starts: npt.NDArray[np.int32]) -> Longs:
    """Bytes of a table of one value for each neuron; none where all have the same."""
    owner, parts = owners(starts), len(starts) - 1
    low, high = np.full(parts, 2**31 - 1, np.int64), np.full(parts, -(2**31), np.int64)
    np.minimum.at(low, owner, column)
    np.maximum.at(high, owner, column)
    unsigned = np.where(high < 2**8, 1, np.where(high < 2**16, 2, 4))
    width = np.where(low < 0, _bytes(low, high), unsigned)
    return np.where(low == high, 0, width * lengths_of(starts))
