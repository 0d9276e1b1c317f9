"""Random blueprints and genomes, and what every genome must be: for the tests of variation, expression, evolution."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.edits import apply
from evoneuro.express import Blueprint
from evoneuro.genome import Bounds, Genome, Genomes
from evoneuro.mutations import MUTATIONS
from evoneuro.network import NEURON_GENES, NO_FLOOR, SYNAPSE_GENES, Network
from evoneuro.neuron import Reference
from evoneuro.variation import NEW_IDS, random_genomes

BOUNDS: dict[str, dict[str, Any]] = {
    "default": {},
    "open": {"leak": (-1, 15), "refractory": (0, 4), "window": (4, 40), "evidence": (0, 8), "gain": (8, 64)},
    "negative thresholds": {"threshold": (-20, 20), "weight": (-9, 9), "v_min": NO_FLOOR},
    "subtract": {"reset": "subtract", "threshold": (1, 9), "delay": (1, 4), "leak": (-1, 3)},
    "excitatory": {"weight": (0, 5), "threshold": (2, 3), "delay": (1, 2)},
    "inhibitory": {"weight": (-5, -1)},
    "no hidden": {"hidden": 0, "synapses": 9},
    "one hidden": {"hidden": 1, "synapses": 14},
    "one synapse": {"synapses": 1},
    "few synapses": {"synapses": 5, "hidden": 3},
    "long delays": {"delay": (3, 255), "threshold": (5, 5)},
    "one value": {
        "threshold": (3, 3), "leak": (0, 0), "weight": (4, 4), "delay": (2, 2), "hidden": 2, "synapses": 12
    },
    "wide": {"weight": (-(2**20), 2**20), "threshold": (1, 2**20), "v_min": NO_FLOOR},
}  # fmt: skip


def rng_of(*seed: int) -> np.random.Generator:
    return np.random.default_rng(list(seed))


def make_blueprint(name: str = "default", inputs: int = 3, outputs: int = 2, **changes: Any) -> Blueprint:
    """A blueprint with the bounds of that name."""
    bounds = Bounds(**BOUNDS[name])
    values: dict[str, Any] = {
        "encoder": None,
        "decoder": {"kind": "race", "evidence": 1, "lead": 0},
        "task": {"name": "toy", "version": "1"},
        "input_charge": max(1, bounds.threshold[1]),
    }
    return Blueprint(inputs=inputs, outputs=outputs, bounds=bounds, **{**values, **changes})


def random_blueprint(seed: int, name: str) -> Blueprint:
    """Another number of inputs and outputs for each seed."""
    rng = rng_of(seed, 1)
    return make_blueprint(name, int(rng.integers(1, 6)), int(rng.integers(1, 5)))


def fresh_ids(number: int, count: int = 1) -> npt.NDArray[np.int64]:
    """The first neuron id of each of `count` children, from child `number` on."""
    return 2**20 + NEW_IDS * np.arange(number, number + count)


def changed(
    name: str, genomes: Genomes, blueprint: Blueprint, rng: np.random.Generator, fresh: npt.NDArray[np.int64]
) -> Genomes:
    """The batch after the mutation of that name of every genome."""
    operator, _, _ = MUTATIONS[name]
    return apply(genomes, [operator(genomes, np.arange(len(genomes)), blueprint, rng, fresh)])


def grown_genomes(blueprint: Blueprint, seed: int, count: int, mutations: int = 25) -> Genomes:
    """Random genomes after some mutations, each operator alike."""
    rng = rng_of(seed, 2)
    genomes = random_genomes(blueprint, rng, fresh_ids(0, count))
    return history(genomes, blueprint, rng, 1, mutations)


def history(genomes: Genomes, blueprint: Blueprint, rng: np.random.Generator, first: int, mutations: int) -> Genomes:
    """Genomes after `mutations` more; `first` numbers the first of them."""
    names = list(MUTATIONS)
    for number in range(first, first + mutations):
        fresh = fresh_ids(number * len(genomes), len(genomes))
        genomes = changed(names[rng.integers(len(names))], genomes, blueprint, rng, fresh)
    return genomes


def grown_genome(blueprint: Blueprint, seed: int, mutations: int = 25) -> Genome:
    """A random genome after some mutations, each operator alike."""
    return grown_genomes(blueprint, seed, 1, mutations)[0]


def relatives(blueprint: Blueprint, seed: int, count: int = 1, mutations: int = 10) -> tuple[Genomes, Genomes]:
    """Two batches of genomes with common ancestors and a history of their own."""
    rng = rng_of(seed, 3)
    ancestors = grown_genomes(blueprint, seed, count, mutations)
    return (
        history(ancestors, blueprint, rng, 1000, mutations),
        history(ancestors, blueprint, rng, 2000, mutations),
    )


def assert_valid(genome: Genome, blueprint: Blueprint) -> None:
    """Everything that the rest of the program takes for granted of a genome."""
    bounds, fixed = blueprint.bounds, blueprint.inputs + blueprint.outputs
    ids = genome.ids
    assert (np.diff(ids) > 0).all(), "ids ascend"
    assert ids[:fixed].tolist() == list(range(fixed)), "inputs and outputs stay"
    assert len(ids) - fixed <= bounds.hidden
    assert genome.synapses <= bounds.synapses
    for name, length in ((NEURON_GENES, len(ids)), (SYNAPSE_GENES, len(genome.pre))):
        for gene in name:
            values = getattr(genome, gene)
            low, high = getattr(bounds, gene)
            assert values.shape == (length,), gene
            assert ((values >= low) & (values <= high)).all(), (gene, values, low, high)
    for ends in (genome.pre, genome.post):
        assert ((ends >= 0) & (ends < len(ids))).all()
    pairs = list(zip(genome.pre.tolist(), genome.post.tolist(), strict=True))
    assert pairs == sorted(set(pairs)), "sorted by (pre, post), no pair twice"
    low, high = bounds.parameters.T
    assert ((genome.parameters >= low) & (genome.parameters <= high)).all()
    for gene, values in vars(genome).items():
        assert values.dtype == (np.int64 if gene == "ids" else np.int32), gene
        assert not values.flags.writeable, gene


def as_network(genome: Genome, blueprint: Blueprint, **changes: Any) -> Network:
    """The whole genome as a network through the checked constructor, nothing pruned; decoder and encoder are none."""
    bounds = blueprint.bounds
    values: dict[str, Any] = {
        "ids": genome.ids,
        **{gene: getattr(genome, gene) for gene in (*NEURON_GENES, *SYNAPSE_GENES)},
        "pre": genome.pre,
        "post": genome.post,
        "inputs": list(range(blueprint.inputs)),
        "outputs": list(range(blueprint.inputs, blueprint.inputs + blueprint.outputs)),
        "reset": bounds.reset,
        "v_min": bounds.v_min,
        "input_charge": blueprint.input_charge,
        "input_max": blueprint.input_charge,
        "window": int(genome.parameters[0]),
    }
    if bounds.reset == "subtract":
        values["v_max"] = 2 * bounds.threshold[1]
    return Network(**{**values, **changes})


def output_spikes(network: Network, seed: int, steps: int = 60, lanes: int = 4) -> npt.NDArray[np.uint8]:
    """What the outputs do (steps, lanes, outputs) on a random raster that the seed and the sizes alone decide."""
    rng = rng_of(seed, 4)
    shape = (steps, lanes, len(network.inputs))
    charges = rng.integers(-network.input_max // 3, network.input_max, shape, endpoint=True)
    raster = np.where(rng.random(shape) < 0.4, np.where(rng.random(shape) < 0.5, network.input_max, charges), 0)
    return Reference(network, lanes).run(raster)[:, :, network.outputs]
