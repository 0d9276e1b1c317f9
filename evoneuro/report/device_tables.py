"""Device profiles, and what networks would take on one, as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich import box
from rich.table import Table
from rich.text import Text

from evoneuro.hardware import Profile, Stated
from evoneuro.report.numbers import NOTHING
from evoneuro.report.tables import print_table

LIMITS = {
    "neurons": "neurons",
    "synapses": "synapses",
    "weight": "weight",
    "delay": "delay",
    "threshold": "threshold",
    "leak": "leak",
    "refractory": "refractory",
    "reset": "reset",
    "step": "step (s)",
}
LEAKS = ("none", "full", "shift")


def print_profiles(profiles: Sequence[Profile], stream: TextIO) -> None:
    """The devices, one a row; values that nobody has verified end in "?".

    Raises:
        OSError: the stream cannot be written.
    """
    table = _table("profile", *LIMITS.values(), "energy table")
    for device in profiles:
        cells = [cell(device, name) for name in LIMITS]
        energy = NOTHING if device.energy is None else device.energy.name + _mark(device.energy.synaptic_event)
        table.add_row(*map(Text, [device.name, *cells, energy]))
    print_table(table, stream)


def cell(device: Profile, name: str) -> str:
    """What is stated of a device under `name`, in few characters: "-7 to 7", "none, full", "8192?", "any".

    A time per step that grows with the network ends in "+".
    """
    stated: Stated[Any] | None = getattr(device, name)
    if stated is None:
        return NOTHING if name == "step" else "any"
    grows = "+" if name == "step" and device.step_neuron is not None else ""
    return _words(name, stated.value) + grows + _mark(stated)


def print_estimates(rows: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """What `evoneuro.hardware.estimate` says, with an `id` each, one a row, after the names of device and table.

    Raises:
        OSError: the stream cannot be written.
    """
    for row in rows[:1]:
        named = "no energy table" if row["energy_table"] is None else f"energy: counts x {row['energy_table']!r}"
        period = "the task has no period" if row["period"] is None else f"period {row['period']:g} s"
        stream.write(f"profile {row['profile']}; {named}; {period}\n")
    table = _table("id", "energy_pj", "decision (s)", "worst (s)", "keeps period", "violations")
    for row in rows:
        numbers = [row[name] for name in ("energy_pj", "decision_seconds", "worst_seconds")]
        keeps = {None: NOTHING, True: "yes", False: "no"}[row["keeps_period"]]
        cells = [NOTHING if number is None else f"{number:.4g}" for number in numbers]
        table.add_row(*map(Text, [str(row["id"]), *cells, keeps, str(len(row["violations"]))]))
    print_table(table, stream)


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _words(name: str, value: Any) -> str:
    if name == "leak":
        return ", ".join(LEAKS[max(0, value[0] + 1) : min(2, value[1] + 1) + 1])
    if name == "reset":
        return ", ".join(value)
    if isinstance(value, tuple):
        return str(value[0]) if value[0] == value[1] else f"{value[0]} to {value[1]}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _mark(stated: Stated[Any]) -> str:
    return "" if stated.verified else "?"
