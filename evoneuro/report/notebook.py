"""How networks, runs and fronts look in a notebook, and on a terminal that rich prints to."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup, escape
from rich.console import Group
from rich.table import Table
from rich.text import Text

from evoneuro.front import Front
from evoneuro.network import Network
from evoneuro.record import Run
from evoneuro.report.network_svg import network_svg
from evoneuro.report.numbers import count, number, sparkline
from evoneuro.report.tables import front_table

SHOWN = 20  # members of a front in a notebook


def network_picture(network: Network) -> str:
    """SVG of a network, titled by its task and where it comes from."""
    task = str((network.task or {}).get("name", ""))
    member = str(network.provenance.get("id", ""))
    return network_svg(network, " ".join(part for part in (task, member) if part))


def front_rich(front: Front) -> Any:
    """A front as rich prints it."""
    return Group(Text(repr(front)), front_table(front.to_document()["front"]))


def run_rich(run: Run) -> Any:
    """A run as rich prints it: its state, and how its best score and hypervolume grew."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in _facts(run):
        grid.add_row(Text(name, style="dim"), Text(value))
    for name in ("best_score", "hypervolume"):
        values = [float(s[name]) for s in run.summaries if s[name] is not None]
        if values:
            grid.add_row(Text(name.replace("_", " "), style="dim"), Text(sparkline(values), style="cyan"))
    return Group(Text(f"run {run.path}"), grid)


def front_html(front: Front) -> str:
    """A front as a table of a notebook, the head of a long one."""
    members = front.to_document()["front"]
    names = ["id", "score", "validation_score", "neurons", "hidden", "synapses", "latency", "energy", *front.own]
    head = Markup("").join(Markup("<th>{}</th>").format(name.replace("_", " ")) for name in names)
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup("<td>{}</td>").format(member["id"] if name == "id" else number(member[name])) for name in names
            )
        )
        for member in members[:SHOWN]
    )
    more = f" ({len(members) - SHOWN} more)" if len(members) > SHOWN else ""
    return str(
        Markup("<p>{}{}</p><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(
            repr(front), more, head, rows
        )
    )


def run_html(run: Run) -> str:
    """A run as a table of a notebook."""
    rows = Markup("").join(Markup("<tr><th>{}</th><td>{}</td></tr>").format(*row) for row in _facts(run))
    return str(Markup("<table><caption>{}</caption><tbody>{}</tbody></table>").format(escape(str(run.path)), rows))


def _facts(run: Run) -> list[tuple[str, str]]:
    status = run.status()
    generation = status["generation"]
    done = "none" if generation is None else f"{generation + 1:,}"
    planned = f" of {status['generations']:,}" if status["generations"] else ""
    return [
        ("task", f"{status['task']}, seed {status['seed']}"),
        ("state", str(status["state"])),
        ("generations", done + planned),
        ("evaluations", f"{count(status['evaluations'])}, {count(status['failures'])} failed"),
        ("best score", number(status["best_score"])),
    ]
