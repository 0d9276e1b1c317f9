"""What an exporter is, for the built-in targets and for a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from evoneuro.errors import EvoNeuroError
from evoneuro.network import Network


class Exporter(Protocol):
    """Writes a network in a target's language, spike for spike, or says why it cannot.

    Attributes:
        name: the target's name on the command line.
        description: one line for the list of targets.
    """

    @property
    def name(self) -> str:
        """The target's name on the command line."""
        ...

    @property
    def description(self) -> str:
        """One line for the list of targets."""
        ...

    def check(self, network: Network) -> list[str]:
        """Every reason why `network` cannot be exact on this target; empty when it can."""
        ...

    def export(self, network: Network) -> Mapping[str, str | bytes]:
        """The files, name -> text or bytes, of a network in which `check` found nothing."""
        ...


def files_of(exporter: Exporter, network: Network) -> dict[str, str | bytes]:
    """The files, name -> text or bytes, of `network`.

    Raises:
        EvoNeuroError: the target cannot be exact; all reasons are named.
    """
    reasons = exporter.check(network)
    if reasons:
        raise EvoNeuroError(f"the network cannot be exported to {exporter.name!r} exactly: {'; '.join(reasons)}")
    return dict(exporter.export(network))
