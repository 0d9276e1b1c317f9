"""The registry of what can be verified, and verification as the command line asks for it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from evoneuro.errors import EvoNeuroError, check_choice
from evoneuro.export import EXPORTERS, exporter_of, import_network, tennlab
from evoneuro.export.c import table_of
from evoneuro.export.contract import files_of
from evoneuro.export.verify import Sent, Tool, Verified, Verifier, compare, sent_to
from evoneuro.export.verify_arduino import ArduinoVerifier
from evoneuro.export.verify_c import CVerifier
from evoneuro.export.verify_scripts import NirDelaysVerifier, NirVerifier, ScriptVerifier
from evoneuro.export.verify_verilog import ECP5, STAGES, VerilogVerifier
from evoneuro.export.verilog import target as verilog
from evoneuro.network import Network
from evoneuro.neuron import Reference
from evoneuro.task import Task


class RoundTrip:
    """TENNLab's file read back: the network in it gives the same spikes."""

    def tools(self) -> list[Tool]:
        """None."""
        return []

    def verify(self, network: Network, sent: Sent, folder: Path) -> list[Verified]:
        """Write, read, simulate."""
        text = files_of(tennlab.Tennlab(), network)[tennlab.FILE]
        assert isinstance(text, str)
        (folder / tennlab.FILE).write_text(text, encoding="utf-8")
        again = import_network(folder / tennlab.FILE, "tennlab")
        spikes = Reference(again).run(sent.charges[:, None])[:, 0]
        wrong = compare(Sent(sent.charges, sent.spikes, sent.observations, sent.said[:0]), spikes, sent.said[:0], [])
        return [Verified("round trip", len(sent.charges), int(sent.spikes.sum()), 0, wrong)]


VERIFIERS: dict[str, Verifier] = {
    "c": CVerifier(),
    "arduino": ArduinoVerifier(),
    "verilog": VerilogVerifier(verilog.SPATIAL),
    "verilog-multiplexed": VerilogVerifier(verilog.MULTIPLEXED, [name for name in STAGES if name != ECP5]),
    "tennlab": RoundTrip(),
    "nir": NirVerifier(),
    "nir-delays": NirDelaysVerifier(),
    **{name: ScriptVerifier(EXPORTERS[name]) for name in ("nest", "pynn", "brian2", "lava")},
}


def verify(network: Network, target: str, task: Task | None = None) -> list[Verified]:
    """What every machine that is here makes of the export, each compared with our simulator.

    Args:
        task: whose episode the export is tried on, besides random input.

    Raises:
        EvoNeuroError: the target cannot be verified or not be exact, no tool for it is here, or a tool failed.
    """
    verifier = VERIFIERS[check_choice("target to verify", target, VERIFIERS)]
    files_of(exporter_of(target), network)  # refuses what cannot be exact
    with tempfile.TemporaryDirectory(prefix="evoneuro-verify-") as folder:
        found = verifier.verify(network, sent_to(network, table_of(network), task), Path(folder))
    if not found:
        missing = "; ".join(f"{tool.name}: {tool.source}" for tool in verifier.tools() if tool.path is None)
        raise EvoNeuroError(f"nothing on this machine can run the target {target!r}. Missing are {missing}")
    return found
