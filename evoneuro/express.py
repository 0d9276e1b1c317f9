"""Express: genomes -> networks, and network -> genome so that a network from elsewhere can seed a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evoneuro.errors import EvoNeuroError
from evoneuro.genome import Bounds, Genome, Genomes
from evoneuro.limits import counted, unshared
from evoneuro.network import NEURON_GENES, NO_CEILING, SYNAPSE_GENES, Network
from evoneuro.networks import Networks, Settings
from evoneuro.ragged import starts_of


@dataclass(frozen=True)
class Blueprint:
    """What all networks of a run have in common; genomes hold the rest.

    Attributes:
        inputs, outputs: number of input and output neurons.
        bounds: of the genes.
        encoder, decoder: specifications; their gain and evidence come from the genome.
        task: what the network file says of the task.
        input_charge: what an encoder spike adds to its input neuron.
        fixed: keep the topology of the first genomes and vary parameters alone.
        silent_outputs: outputs integrate and never fire, whatever their genes say; the decoder reads potentials.
    """

    inputs: int
    outputs: int
    bounds: Bounds
    encoder: Mapping[str, Any] | None
    decoder: Mapping[str, Any]
    task: Mapping[str, Any]
    input_charge: int
    fixed: bool = False
    silent_outputs: bool = False

    def __post_init__(self) -> None:
        """Refuse bounds within which a potential could leave 32 bits: `express` makes networks that nobody checks."""
        bounds = self.bounds
        if self.silent_outputs and bounds.reset != "zero":
            raise EvoNeuroError(f"decoder {self.decoder['kind']!r} reads potentials: it needs genome.reset = 'zero'")
        # at most one synapse per pair
        incoming = min(bounds.synapses, self.inputs + self.outputs + bounds.hidden)
        kept = bounds.threshold[1] if bounds.reset == "zero" else self.v_max
        if self.silent_outputs:
            kept = NO_CEILING
        low = bounds.v_min + min(bounds.weight[0], 0) * incoming - self.input_max
        high = kept + max(bounds.weight[1], 0) * incoming + self.input_max
        if low < -(2**31) or high > 2**31 - 1:
            raise EvoNeuroError(
                f"genome: a potential could reach {low} or {high}, beyond 32 bits; "
                "narrow genome.weight, threshold, v_min, hidden or synapses, or the encoder's charge"
            )

    @property
    def input_max(self) -> int:
        """Largest |charge| that an input may get: that of an encoder spike, or a graded encoder's full range."""
        return max(abs(self.input_charge), int((self.encoder or {}).get("charge", 0)))

    @property
    def v_max(self) -> int:
        """Ceiling of the stored potential: none with reset "zero", twice the highest threshold with "subtract"."""
        bounds = self.bounds
        return NO_CEILING if bounds.reset == "zero" else min(2 * bounds.threshold[1], NO_CEILING - 1)

    def to_document(self) -> dict[str, Any]:
        """The blueprint as plain data."""
        return {**vars(self), "bounds": asdict(self.bounds)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Blueprint:
        """The blueprint of `to_document`."""
        return cls(**{**document, "bounds": Bounds(**document["bounds"])})


def express(genomes: Sequence[Genome], blueprint: Blueprint) -> Networks:
    """The networks of genomes, each without what lies on no path from an input to an output."""
    genomes = Genomes.of(genomes)
    population = len(genomes)
    inputs, outputs = blueprint.inputs, blueprint.outputs
    known: dict[tuple[int, ...], Settings] = {}
    settings = []
    for row in map(tuple, genomes.parameters.tolist()):
        if row not in known:
            known[row] = _settings(row, blueprint)
        settings.append(known[row])
    genes = {name: getattr(genomes, name) for names in Genomes.PARTS.values() for name in names}
    if blueprint.silent_outputs:
        genes["threshold"] = genes["threshold"].copy()
        genes["threshold"][genomes.neuron_starts[:-1, None] + np.arange(inputs, inputs + outputs)] = NO_CEILING
    return Networks(
        neuron_starts=genomes.neuron_starts,
        synapse_starts=genomes.synapse_starts,
        input_starts=starts_of(np.full(population, inputs)),
        output_starts=starts_of(np.full(population, outputs)),
        **genes,
        inputs=np.tile(np.arange(inputs, dtype=np.int32), population),
        outputs=np.tile(np.arange(inputs, inputs + outputs, dtype=np.int32), population),
        settings=tuple(settings),
    ).prune()


def _settings(parameters: tuple[int, ...], blueprint: Blueprint) -> Settings:
    """What networks with these network-level genes have besides their arrays."""
    window, evidence, gain = parameters
    encoder, decoder = blueprint.encoder, blueprint.decoder
    if encoder is not None:
        encoder = {**encoder, "gain": gain}
    if decoder["kind"] == "race":
        decoder = {**decoder, "evidence": evidence} if evidence or decoder["lead"] else {"kind": "count"}
    return Settings(
        reset=blueprint.bounds.reset,
        v_min=blueprint.bounds.v_min,
        v_max=blueprint.v_max,
        input_charge=blueprint.input_charge,
        input_max=blueprint.input_max,
        window=window,
        encoder=encoder,
        decoder=decoder,
        task=blueprint.task,
        provenance={},
    )


def absorb(network: Network, blueprint: Blueprint) -> Genome:
    """The genome of a network from elsewhere, its neurons renamed to the genome's order.

    Nothing is rescaled: a gene outside the bounds is refused. Only window, evidence and gain are moved into their
    bounds, for the task and its coding may be others.

    Raises:
        EvoNeuroError: inputs or outputs that do not fit the task, another reset, too many neurons or synapses, or
            genes outside the bounds, each named.
    """
    expected = (blueprint.inputs, blueprint.outputs)
    if (len(network.inputs), len(network.outputs)) != expected:
        raise EvoNeuroError(
            f"the network has {len(network.inputs)} inputs and {len(network.outputs)} outputs; "
            f"the task needs {expected[0]} and {expected[1]}"
        )
    if len(np.intersect1d(network.inputs, network.outputs)):
        raise EvoNeuroError("a neuron of the network is both input and output; genomes keep them apart")
    _check_limits(network, blueprint.bounds)
    rest = np.setdiff1d(np.arange(network.neurons), np.concatenate([network.inputs, network.outputs]))
    order = np.concatenate([network.inputs, network.outputs, rest])
    place = np.argsort(order).astype(np.int32)
    pre, post = place[network.pre], place[network.post]
    edges = np.lexsort((post, pre))
    if len(np.unique(np.stack([pre, post]), axis=1).T) != len(pre):
        raise EvoNeuroError("the network has two synapses between one pair of neurons; genomes have one")
    parameters = _parameters(network, blueprint)
    genes = {gene: getattr(network, gene)[order] for gene in NEURON_GENES}
    if blueprint.silent_outputs:  # their thresholds are not the genes'
        of_outputs = slice(len(network.inputs), sum(expected))
        genes["threshold"][of_outputs] = np.minimum(genes["threshold"][of_outputs], blueprint.bounds.threshold[1])
    genome = Genome(
        ids=np.arange(network.neurons, dtype=np.int64),
        **genes,
        pre=pre[edges],
        post=post[edges],
        **{gene: getattr(network, gene)[edges] for gene in SYNAPSE_GENES},
        parameters=np.array(parameters, np.int32),
    )
    _check_bounds(genome, blueprint.bounds)
    return genome


def _parameters(network: Network, blueprint: Blueprint) -> list[int]:
    evidence = int((network.decoder or {}).get("evidence", 0))
    gain = int((network.encoder or {}).get("gain", 16))
    values = [network.window, evidence, gain]
    low, high = blueprint.bounds.parameters.T
    return [int(value) for value in np.clip(values, low, high)]


def _check_bounds(genome: Genome, bounds: Bounds) -> None:
    for gene in (*NEURON_GENES, *SYNAPSE_GENES):
        low, high = getattr(bounds, gene)
        values = getattr(genome, gene)
        if len(values) and (values.min() < low or values.max() > high):
            raise EvoNeuroError(
                f"the network's {gene} spans {values.min()} to {values.max()}, the run allows {low} to {high}; "
                f"widen it with --set genome.{gene}=[{min(low, values.min())},{max(high, values.max())}]"
            )


def _check_limits(network: Network, bounds: Bounds) -> None:
    if network.reset != bounds.reset:
        raise EvoNeuroError(
            f"the network's reset is {network.reset!r}, the run's {bounds.reset!r}; "
            f"change it with --set genome.reset={network.reset}"
        )
    counts = {"hidden": network.hidden, "synapses": network.synapses, **counted(network)}
    for name, count in counts.items():
        most = getattr(bounds, name)
        if count > most:
            raise EvoNeuroError(
                f"the network's {name} are {count}, the run allows {most}; widen it with --set genome.{name}={count}"
            )
    for what in unshared(network, bounds.shared):
        raise EvoNeuroError(
            f"the network's synapses out of one neuron differ in {what}, which the run has them share; leave it out of "
            "genome.shared"
        )
