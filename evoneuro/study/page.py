"""The table of a study in Markdown, with how each number is defined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NOTHING = "-"
NEVER = "never"

MEASURES = {
    "score": "held-out score",
    "evaluations_to_solve": "evaluations to solve",
    "steps_to_solve": "steps to solve",
    "synapses": "synapses of the smallest solver",
    "hypervolume": "hypervolume",
}


def page(document: Mapping[str, Any], pictures: Sequence[str] = ()) -> str:
    """The page of a study's document (`summary.document`); `pictures` are the names of PNG files beside it."""
    parts = [f"# {document['study']}\n\n```\n{document['command']}\n```\n"]
    parts.append(_table(_VARIANTS, [_variant(name, row) for name, row in document["variants"].items()]))
    if document["comparisons"]:
        first = document["comparisons"][0]["with"]
        parts.append(f"## Compared with {first}, paired over seeds\n")
        parts.append(_table(_COMPARISONS, [_comparison(row) for row in document["comparisons"]]))
    parts += [f"![{name.removesuffix('.png')}]({name})\n" for name in pictures]
    parts.append("## Runs\n")
    more = sorted({name for row in document["runs"] for name in row["best"]["summary"]})
    parts.append(_table([*_RUNS, *more], [_run(row, more) for row in document["runs"]]))
    if document["failures"]:
        rows = [[f["variant"], str(f["seed"]), f["reason"].replace("|", "\\|")] for f in document["failures"]]
        parts.append("## Runs that failed\n")
        parts.append(_table(["variant", "seed", "reason"], rows))
    parts.append("## How it is counted\n")
    parts.append("\n".join(f"- {line}" for line in _definitions(document)) + "\n")
    return "\n".join(parts)


def overview(document: Mapping[str, Any]) -> str:
    """The variants and comparisons alone, as aligned text."""
    parts = [_aligned(_VARIANTS, [_variant(name, row) for name, row in document["variants"].items()])]
    if document["comparisons"]:
        parts.append(_aligned(_COMPARISONS, [_comparison(row) for row in document["comparisons"]]))
    return "\n".join(parts)


_VARIANTS = (
    "variant",
    "runs",
    "held-out score, mean ± sd",
    "median",
    "solved",
    "evaluations to solve",
    "steps to solve",
    "solver's synapses",
    "neurons",
    "latency",
    "smallest",
    "hypervolume",
    "seconds",
)
_COMPARISONS = ("measure", "variant", "pairs", "differ", "median difference", "p", "p (Holm)", "A12", "rank-biserial")
_RUNS = (
    "variant",
    "seed",
    "held-out score",
    "validation",
    "neurons",
    "synapses",
    "latency",
    "solved",
    "evaluations to solve",
    "smallest solver",
    "evaluations",
    "hypervolume",
    "seconds",
)


def _variant(name: str, row: Mapping[str, Any]) -> list[str]:
    sd = "" if row["score_sd"] is None else f" ± {number(row['score_sd'])}"
    reached = "" if row["reached"] == row["runs"] else f" ({row['reached']} of {row['runs']})"
    asked = row["solved_at"] is not None and row["solved_at"]["validation"] is not None
    least = row["smallest_solver"]
    return [
        name,
        str(row["runs"]),
        number(row["score"]) + sd,
        number(row["score_median"]),
        NOTHING if row["solved"] is None else f"{row['solved']:.0%}",
        whole(row["evaluations_to_solve"], NEVER) + reached if asked else NOTHING,
        whole(row["steps_to_solve"], NEVER) if asked else NOTHING,
        number(row["synapses"]),
        number(row["neurons"]),
        number(row["latency"]),
        NOTHING if least is None else _sizes(least),
        number(row["hypervolume"]),
        number(row["seconds"]),
    ]


def _comparison(row: Mapping[str, Any]) -> list[str]:
    return [
        MEASURES[row["measure"]],
        row["variant"],
        str(row["pairs"]),
        str(row["differing"]),
        number(row["median_difference"]),
        f"{row['p']:.3g}",
        f"{row['p_holm']:.3g}",
        f"{row['a12']:.2f}",
        f"{row['rank_biserial']:.2f}",
    ]


def _run(row: Mapping[str, Any], more: Sequence[str]) -> list[str]:
    """One run; `more` are the figures of its best network that its task states besides the score."""
    solver = row["smallest_solver"]
    return [
        row["variant"],
        str(row["seed"]),
        number(row["score"]),
        number(row["validation_score"]),
        str(row["best"]["neurons"]),
        str(row["best"]["synapses"]),
        number(row["best"]["latency"]),
        NOTHING if row["solved"] is None else "yes" if row["solved"] else "no",
        whole(row["evaluations_to_solve"], NOTHING),
        NOTHING if solver is None else _sizes(solver),
        whole(row["evaluations"], NOTHING),
        number(row["hypervolume"]),
        number(row["seconds"]),
        *(number(row["best"]["summary"].get(name)) for name in more),
    ]


def _sizes(solver: Mapping[str, Any]) -> str:
    return f"{solver['synapses']} synapses, {solver['neurons']} neurons, latency {number(solver['latency'])}"


def _definitions(document: Mapping[str, Any]) -> list[str]:
    held = document["held_out"]
    changed = "".join(f", {key} = {value}" for key, value in held["task"].items())
    marks = [row["solved_at"] for row in document["variants"].values() if row["solved_at"] is not None]
    lines = [
        "held-out score: of the network with the highest validation score; for control tasks the mean of "
        f"{held['episodes']:,} fresh episodes (seed {held['seed']}{changed}), the same for all runs, for data sets the "
        "test split of the run's seed.",
    ]
    if marks and marks[0]["score"] is not None:
        most = "" if marks[0]["synapses"] is None else f" with at most {marks[0]['synapses']} synapses"
        lines.append(
            f"solved: on the held-out cases that network, or the one with fewest synapses whose validation score "
            f"reaches {number(marks[0]['validation'])}, reaches {number(marks[0]['score'])}{most}; the smaller of "
            "those that do is the run's smallest solver. Its synapses, neurons and latency are medians over the runs "
            "that have one, and `smallest` is the smallest of all."
        )
    if marks and marks[0]["validation"] is not None:
        lines.append(
            "evaluations and steps to solve: networks evaluated, for whatever purpose, and network-steps simulated for "
            "them, until the close of the first generation in whose front a member's validation score reaches "
            f"{number(marks[0]['validation'])}. Fronts are validated every `episodes.every` generations and in the "
            "last. Medians over all seeds; a run that never gets there counts as larger than all."
        )
    lines += [
        f"hypervolume: of the front's {', '.join(document['hypervolume_objectives'])} (scores as selection saw them, "
        "validation scores of those members that have one), as a "
        "share of the box from the best of each that any front ever had to a tenth of the range beyond the worst, the "
        "same for all runs; in the table, of the last generation closed by the "
        f"{document['hypervolume_at']:,} {document['cost']} that all runs have made.",
        "p: Wilcoxon's signed-rank test, two-sided, exact; with n pairs that differ it cannot be below 2 / 2^n. Holm's "
        "correction is over the variants, within a measure. A12 (Vargha and Delaney) and the matched-pairs rank-"
        "biserial correlation are above 0.5 and above 0 where the variant does better than the first.",
        "seconds: mean over the runs, from generation 0 to the end, side by side as they ran.",
        "versions: " + ", ".join(f"{name} {version}" for name, version in document["versions"].items()) + ".",
    ]
    return [*lines, *(f"note: {note}." for note in document["notes"])]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[i]) for line in (head, *rows)) for i in range(len(head))]
    lines = [[text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in (head, *rows)]
    return "".join("  ".join(line).rstrip() + "\n" for line in lines)


def number(value: float | None) -> str:
    """Four significant digits, a large whole number in full."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def whole(value: float | None, nothing: str) -> str:
    """A count in full."""
    return nothing if value is None else f"{value:,.0f}"
