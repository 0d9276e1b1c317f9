"""The exporters: a core, and all that surrounds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evoneuro.coding import decoder_from_spec
from evoneuro.coding.decoders import DECODERS
from evoneuro.export.c import table_of
from evoneuro.export.verify import sent_to
from evoneuro.export.verilog import bench, coding, core, multiplexed, shell
from evoneuro.network import Network


@dataclass(frozen=True)
class Verilog:
    """A target whose files have one of the cores.

    Attributes:
        core: gives the text of `snn_core`.
        limits: gives reasons why that core cannot do what a network does.
    """

    name: str
    description: str
    core: Callable[[Network], str]
    limits: Callable[[Network], list[str]]

    def check(self, network: Network) -> list[str]:
        """Every reason why the target cannot do what `network` does."""
        reasons = self.limits(network)
        reasons += [f"no {what}" for what in ("inputs", "outputs") if not len(getattr(network, what))]
        if (decoder := decoder_from_spec(network.decoder)).kind not in DECODERS:
            reasons.append(f"decoder {decoder.kind!r} is a plugin's; known are {', '.join(sorted(DECODERS))}")
        if (table := table_of(network)) is not None and (bits := coding.table_bits(table)) > coding.MOST_BITS:
            reasons.append(
                f"encoder {(network.encoder or {}).get('kind')!r} takes {bits} bits of memory, at most "
                f"{coding.MOST_BITS}; lower its bits"
            )
        return reasons

    def export(self, network: Network) -> dict[str, str]:
        """The network's modules, a serial line and constraints for two boards, benches, and a `Makefile`."""
        sources = self.sources(network)
        sent = sent_to(network, table_of(network))
        return {
            **sources,
            **shell.shell(network, sources),
            **bench.bench(network, sent),
            **bench.uart_bench(network, sent),
        }

    def sources(self, network: Network) -> dict[str, str]:
        """The modules of the network alone."""
        encoder = coding.encoder(network)
        return {
            "snn.v": coding.top(network),
            "snn_core.v": self.core(network),
            **({} if encoder is None else {"snn_encoder.v": encoder}),
            "snn_decoder.v": coding.decoder(network),
        }


SPATIAL = Verilog(
    "verilog", "Verilog for FPGAs, a step in one clock: every neuron is logic of its own", core.core, lambda network: []
)
MULTIPLEXED = Verilog(
    "verilog-multiplexed",
    "Verilog for FPGAs, a synapse in one clock: one datapath for all neurons, tables in block RAM",
    multiplexed.core,
    multiplexed.check,
)
