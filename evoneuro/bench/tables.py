"""The tables of a bench document, for the terminal and as markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Document = Mapping[str, Any]


class Table(NamedTuple):
    """A title, columns, rows of text, and what the reader must know."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""


def tables(document: Document) -> list[Table]:
    """All tables, in the order in which they are read."""
    return [
        _machine(document),
        _simulator(document["simulator"]),
        _closed_loop(document["closed_loop"]),
        _evaluations(document["evaluations"]),
        _generation(document["generation"]),
        _scaling(document["scaling"]),
        _growth(document["growth"]),
        _memory(document["memory"]),
        _peers(document["peers"]),
    ]


def markdown(document: Document, command: str) -> str:
    """All tables as one page that names its command and shows the picture beside it."""
    parts = ["# Speed", f"```\n{command}\n```", "![cost as sizes grow](growth.png)"]
    for table in tables(document):
        lines = [f"| {' | '.join(table.columns)} |", "|---" * len(table.columns) + "|"]
        lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in table.rows]
        parts += [f"## {table.title}", "\n".join(lines), *([table.note] if table.note else [])]
    return "\n\n".join(parts) + "\n"


def _machine(document: Document) -> Table:
    facts = {**document["machine"], **{k: v or "not installed" for k, v in document["versions"].items()}}
    return Table("Machine", ("what", "value"), [(name, str(value)) for name, value in facts.items()])


def _simulator(rows: Sequence[Document]) -> Table:
    reasons = {row["ceiling_refused"] for row in rows} - {None}
    columns = ("neurons", "synapses", "lanes", "activity", "network steps/s", "synaptic events/s")
    return Table(
        "Simulator, one core",
        (*columns, "times the event-driven loop", "share of the C kernel", "spikes equal"),
        [
            (
                *_sizes(row, "neurons", "synapses", "lanes"),
                f"{row['activity']:.1%}",
                short(row["network_steps_per_s"]),
                short(row["synaptic_events_per_s"]),
                f"{row['times_event_driven']:.2f}",
                "-" if row["share_of_ceiling"] is None else f"{row['share_of_ceiling']:.2f}",
                _yes(row["spikes_equal"]),
            )
            for row in rows
        ],
        "Activity is spikes per neuron and step. The event-driven loop is compiled and runs one lane at a time. "
        + " ".join(f"No C kernel: {reason}." for reason in sorted(reasons)),
    )


def _closed_loop(found: Document) -> Table:
    neat = found["neat_python"]
    rows = [
        (
            row["name"],
            f"{row['networks']} x {row['episodes']}",
            f"{row['score']:.1f}",
            short(row["decisions_per_s"]),
            short(row["network_steps_per_s"]),
        )
        for row in found["rows"]
    ]
    rows.append(("neat-python", "1 x 1", "", neat["refused"] or short(neat["steps_per_s"]), ""))
    return Table(
        f"Closed loop, {found['task']}, one core",
        ("what", "networks x episodes", "score", "decisions/s", "network steps/s"),
        rows,
        "Encoder, simulator, count decoder and physics, through `evaluate`. neat-python: its feed-forward network in "
        "Gymnasium's CartPole, one process, a decision per environment step."
        + (f" The first row is {neat['times']:.1f} times as fast." if neat["times"] else ""),
    )


def _evaluations(found: Document) -> Table:
    rows: list[tuple[str, ...]] = [
        (
            row["name"],
            str(row["networks"]),
            short(row["evaluations_per_s"]),
            f"{row['microseconds_per_candidate']:.0f}",
            f"{row['simulation']:.0f}",
            f"{row['physics']:.0f}",
            f"{row['neither']:.0f}",
            f"{row['share_neither']:.0%}",
        )
        for row in found["batches"]
    ]
    run = found["run"]
    name = f"a run of {run['task']}, {run['generations']} generations of {run['population']}"
    rows.append((name, str(run["evaluations"]), short(run["evaluations_per_s"]), *[""] * 5))
    columns = ("what", "networks", "evaluations/s", "us per candidate", "simulation", "physics", "neither")
    return Table(
        "Evaluations, one core",
        (*columns, "neither, share"),
        rows,
        "Microseconds per candidate. Simulation: encoder, simulator and decoder. Cart-pole: 8 episodes each. "
        "The run is timed from its first genome to its closed "
        "record, in one process without Ray.",
    )


def _generation(rows: Sequence[Document]) -> Table:
    parts = list(rows[0]["microseconds"]) if rows else []
    return Table(
        "A generation apart from its evaluation, one core",
        ("population", "neurons", "synapses", *parts, "all", "ask, measure, tell and archive, ms"),
        [
            (
                *_sizes(row, "population", "neurons", "synapses"),
                *(f"{row['microseconds'][name]:.1f}" for name in parts),
                f"{row['total']:.0f}",
                f"{row['evolution_ms']:.0f}",
            )
            for row in rows
        ],
        "Microseconds per candidate. Expressing and fingerprints are part of ask. Transport: to a worker and back. "
        "Journal: evaluations into the database. Record: the closed generation.",
    )


def _scaling(rows: Sequence[Document]) -> Table:
    columns = ("workers", "networks", "batches", "ms per batch", "evaluations/s", "speed-up", "Ray's share")
    return Table(
        "Workers",
        columns,
        [
            (
                *_sizes(row, "workers", "networks", "batches"),
                f"{row['batch_seconds'] * 1e3:.0f}",
                short(row["evaluations_per_s"]),
                f"{row['speed_up']:.2f}",
                f"{row['ray_share']:.0%}",
            )
            for row in rows
        ],
        "The same networks through the Ray pool, fastest of many calls. Ray's share is wall time less the workers' own "
        "seconds per worker: messages, and waiting for the slowest.",
    )


def _growth(rows: Sequence[Document]) -> Table:
    return Table(
        "Cost as sizes grow",
        ("axis", "from", "to", "activity", "exponent", "of the event-driven loop"),
        [
            (
                row["axis"],
                str(row["values"][0]),
                str(row["values"][-1]),
                f"{min(row['activity']):.1%} to {max(row['activity']):.1%}",
                f"{row['slopes']['decide_shared']:.2f}",
                f"{row['slopes']['event_driven']:.2f}",
            )
            for row in rows
        ],
        "Exponent: slope of log seconds over log value, upper half of the values; 1 is linear.",
    )


def _memory(found: Document) -> Table:
    peak = found["process_peak_bytes"]
    return Table(
        "Memory",
        ("neurons", "synapses", "lanes", "inputs, MiB", "a data set's decisions, MiB", "kept lanes, MiB", "B per lane"),
        [
            (
                *_sizes(row, "neurons", "synapses", "lanes"),
                *(f"{row[key] / 2**20:.1f}" for key in ("input_bytes", "decide_shared_bytes", "kept_bytes")),
                f"{row['kept_bytes_per_lane']:.0f}",
            )
            for row in found["simulator"]
        ],
        "Most bytes held at once, inputs not counted."
        + (f" The whole process up to here, compiler included: {peak / 2**20:.0f} MiB." if peak else ""),
    )


def _peers(rows: Sequence[Document]) -> Table:
    return Table(
        "Peers, the same networks and inputs",
        (
            "peer",
            "neurons",
            "synapses",
            "delays to",
            "lanes",
            "network steps/s",
            "ours",
            "ours at best",
            "spikes equal",
        ),
        [
            (
                row["name"],
                *_sizes(row, "neurons", "synapses", "longest_delay", "lanes"),
                *(
                    (f"refused: {row['refused']}", "", "", "")
                    if "refused" in row
                    else (
                        short(row["network_steps_per_s"]),
                        f"{row['ours_times_faster']:.3g} x",
                        f"{row['ours_at_best_times_faster']:.3g} x",
                        _yes(row["spikes_equal"]),
                    )
                ),
            )
            for row in rows
        ],
        "Ours: on as many lanes, every spike recorded. Ours at best: decisions only, on the most lanes of any peer. "
        "Networks: integers, leak none or full, no floor, no refractory neurons, reset to zero.",
    )


def _sizes(row: Document, *names: str) -> tuple[str, ...]:
    return tuple(f"{row[name]:,}" for name in names)


def _yes(equal: bool) -> str:
    return "yes" if equal else "NO"


def short(value: float) -> str:
    """Three digits and a unit: 21.4 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"
