"""The charts of a report: what each shows of the facts that were gathered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.network import NO_CEILING, Network
from evoneuro.record import Census, box_shares
from evoneuro.report.chart import (
    NAMES,
    SIZES,
    Axis,
    Band,
    Bars,
    Cells,
    Chart,
    Dot,
    Dots,
    Layer,
    Line,
    Rule,
    Spans,
    Ticks,
    band,
)
from evoneuro.report.gather import History
from evoneuro.report.watch import Recording

Floats = npt.NDArray[np.float64]

HIGHER = ("score", "validation_score")
PAIRS = 10  # charts of pairs of objectives, at most
ROWS = 48  # neurons in a raster, at most: those that fire most
TRACES = 16  # potentials, at most
PIXELS_PER_STEP = 3.2
WIDEST = 1600

Member = Mapping[str, Any]


# The front


def front_charts(
    members: Sequence[Member], objectives: Sequence[str], higher: Sequence[str], solved: float | None
) -> list[Chart]:
    """A chart of every pair of objectives; the score's place is taken by the validation score where it is known.

    Args:
        members: as `evoneuro front --json` prints them.
        higher: objectives of which more is better, besides the score.
    """
    known = any(member["validation_score"] is not None for member in members)
    names = ["validation_score" if name == "score" and known else name for name in objectives]
    better = {*HIGHER, *higher}
    pairs = list(combinations(names, 2))[:PAIRS]
    # what should be high goes up, what should be low goes to the left
    turned = [(b, a) if a in better and b not in better else (a, b) for a, b in pairs]
    return [_front_chart(members, x, y, better, solved) for x, y in turned]


def _front_chart(members: Sequence[Member], x: str, y: str, better: set[str], solved: float | None) -> Chart:
    shown = [m for m in members if _finite(m.get(x)) and _finite(m.get(y))]
    best = _undominated(shown, x, y, better)
    dots = [
        Dot(
            float(m[x]),
            float(m[y]),
            str(m["id"]),
            said(m),
            i in best,
            tuple(m["interval"]) if y == "validation_score" and m.get("interval") else None,
        )
        for i, m in enumerate(shown)
    ]
    layers: list[Layer] = []
    if len(best) > 1:
        ends = np.array([[float(shown[i][x]), float(shown[i][y])] for i in best]).T
        layers.append(Line(ends[0], ends[1], colour=7, step=True, thin=True))
    if solved is not None and y == "validation_score":
        layers.append(Rule(y=solved, label=f"solved from {solved:g}"))
    layers.append(Dots(dots))
    title = f"{_short(y)} over {_short(x)}"
    words = f"{len(shown)} networks, {len(best)} of which no other beats in both."
    whole = x in SIZES
    return Chart(
        f"front-{y}-{x}".replace("_", "-"),
        title,
        Axis(NAMES.get(x, x), whole=whole),
        Axis(NAMES.get(y, y), whole=y in SIZES),
        tuple(layers),
        words,
    )


def said(member: Member) -> str:
    """A member in words."""
    score = member["validation_score"] if member["validation_score"] is not None else member["score"]
    word = "validation score" if member["validation_score"] is not None else "score"
    return (
        f"{member['id']}: {word} {score:.4g}, {member['synapses']} synapses, {member['neurons']} neurons, "
        f"latency {member['latency']:.3g} steps, {member['energy']:.3g} synaptic events"
    )


def _finite(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _short(name: str) -> str:
    return name.replace("_", " ")


def _undominated(members: Sequence[Member], x: str, y: str, better: set[str]) -> list[int]:
    """Positions of the members that no other beats in both, by x."""
    losses = [tuple(-m[key] if key in better else m[key] for key in (x, y)) for m in members]
    kept, lowest = [], math.inf
    for i in sorted(range(len(losses)), key=lambda i: losses[i]):
        if losses[i][1] < lowest:
            kept.append(i)
            lowest = losses[i][1]
    return sorted(kept, key=lambda i: members[i][x])


# Progress


def progress_charts(
    groups: Mapping[str, Sequence[History]], objectives: Sequence[str], own: Mapping[str, bool], solved: float | None
) -> list[Chart]:
    """Best score and hypervolume over evaluations: a line for a group of one run, median and quartiles of several."""
    every = [history for histories in groups.values() for history in histories if len(history.moments)]
    volumes = dict(zip(map(id, every), box_shares([loss_tables(h, objectives, own) for h in every]), strict=True))
    best: list[Layer] = []
    volume: list[Layer] = []
    for colour, (name, histories) in enumerate(groups.items()):
        alive = [history for history in histories if len(history.moments)]
        if alive:
            best += _progress(name, colour, [(h.evaluations, h.best) for h in alive])
            volume += _progress(name, colour, [(h.evaluations, volumes[id(h)]) for h in alive])
    seeds = max((len(histories) for histories in groups.values()), default=0)
    note = f"Lines are medians of {seeds} seeds, bands their quartiles." if seeds > 1 else ""
    x = Axis("evaluations", low=0.0)
    if solved is not None:
        best.insert(0, Rule(y=solved, label=f"solved from {solved:g}"))
    return [
        Chart("best-score", "Best score", x, Axis("score that selection saw"), tuple(best), note=note),
        Chart("hypervolume", "Hypervolume", x, Axis("share of the box"), tuple(volume), note=note),
    ]


def _progress(name: str, colour: int, seeds: Sequence[tuple[Floats, Floats]]) -> list[Layer]:
    if len(seeds) == 1:
        return [Line(*seeds[0], name=name, colour=colour, step=True)]
    spent, (low, middle, high) = band(seeds)
    return [Band(spent, low, high, colour, True), Line(spent, middle, name, colour, True)]


def loss_tables(history: History, objectives: Sequence[str], own: Mapping[str, bool]) -> list[Floats]:
    """Losses (members, objectives) of the front at each generation."""
    columns = ["score", "neurons", "hidden", "synapses", "latency", "energy", *own]
    places = [columns.index(name) for name in objectives if name in columns]
    sign = np.array([-1.0 if columns[i] == "score" or own.get(columns[i], False) else 1.0 for i in places])
    tables = [moment.measures[:, places] * sign for moment in history.moments]
    return [table[np.isfinite(table).all(axis=1)] for table in tables]


def census_charts(censuses: Sequence[Census]) -> list[Chart]:
    """Diversity, and sizes, of the population over generations."""
    if not censuses:
        return []
    x = np.array([census.generation for census in censuses], np.float64)
    axis = Axis("generation", low=0.0, whole=True)
    diversity = np.array([census.diversity for census in censuses])
    layers: list[Layer] = []
    for colour, name in enumerate(("synapses", "neurons")):
        low, middle, high = np.array([getattr(census, name) for census in censuses]).T
        layers += [Band(x, low, high, colour), Line(x, middle, name, colour)]
    return [
        Chart(
            "diversity",
            "Diversity",
            axis,
            Axis("synapses that another lacks", low=0.0, high=1.0),
            (Line(x, diversity, "diversity", 2),),
            "Of a candidate's synapses, the share that another one of the population lacks, in the mean.",
        ),
        Chart(
            "sizes",
            "Size of the population's networks",
            axis,
            Axis("genes, median and quartiles", low=0.0),
            tuple(layers),
            "Medians and quartiles of synapses and neurons.",
        ),
    ]


# The winner at work


def raster_chart(recording: Recording, network: Network) -> Chart:
    """Every spike, a row for each neuron, inputs on top; decisions are shaded in turn."""
    rows = _rows(recording, network)
    place = {neuron: row for row, neuron in enumerate(rows)}
    times, neurons = np.nonzero(recording.spikes)
    layers: list[Layer] = [_decisions(recording)]
    colours = {"inputs": 5, "hidden": 2, "outputs": 1}
    for name, members in _roles(network).items():
        mine = np.isin(neurons, [n for n in members if n in place])
        at = np.array([place[n] for n in neurons[mine].tolist()], np.float64)
        layers.append(Ticks(times[mine].astype(np.float64) + 0.5, at, colours[name], name))
    names = [(float(row), _neuron_name(network, neuron)) for row, neuron in enumerate(rows)]
    words = f"{int(recording.spikes.sum())} spikes of {network.neurons} neurons in {len(recording.spikes)} steps."
    return Chart(
        "raster",
        "Spikes",
        Axis("step", low=0.0, high=float(max(len(recording.spikes), 1)), whole=True),
        Axis("", low=-0.6, high=len(rows) - 0.4, names=names, flip=True),
        tuple(layers),
        words,
        width=_width(recording),
        height=60 + 15 * len(rows),
        note="" if len(rows) == network.neurons else f"The {len(rows)} neurons that fire most are shown.",
        grid=False,
    )


def potentials_chart(recording: Recording, network: Network) -> Chart:
    """The potential of neurons that have synapses, each between its lowest value and its threshold."""
    used = set(np.concatenate([network.pre, network.post, network.outputs]).tolist())
    shown = [neuron for neuron in _rows(recording, network) if neuron in used][-TRACES:]
    layers: list[Layer] = [_decisions(recording)]
    times = np.arange(len(recording.spikes), dtype=np.float64) + 0.5
    for row, neuron in enumerate(shown):
        v = recording.potentials[:, neuron].astype(np.float64)
        top = float(network.threshold[neuron]) if network.threshold[neuron] < NO_CEILING else float(v.max(initial=1))
        low, high = min(0.0, float(v.min(initial=0))), max(1.0, top, float(v.max(initial=0)))
        scale = 0.8 / (high - low)
        base = row + 0.4
        layers.append(Rule(y=base - (0.0 - low) * scale))
        fired = np.flatnonzero(recording.spikes[:, neuron])
        layers.append(Line(times, base - (v - low) * scale, colour=7, thin=True))
        layers.append(Ticks(fired.astype(np.float64) + 0.5, np.full(len(fired), float(row)), _colour(network, neuron)))
    names = [(float(row), _neuron_name(network, neuron)) for row, neuron in enumerate(shown)]
    return Chart(
        "potentials",
        "Potentials",
        Axis("step", low=0.0, high=float(max(len(recording.spikes), 1)), whole=True),
        Axis("", low=-0.6, high=len(shown) - 0.4, names=names, flip=True),
        tuple(layers),
        "Each row runs from the lowest potential to the threshold; strokes are spikes, dashes are 0.",
        width=_width(recording),
        height=60 + 26 * max(len(shown), 1),
        grid=False,
    )


def _colour(network: Network, neuron: int) -> int:
    """The colour of a neuron's spikes."""
    return 1 if neuron in network.outputs else 5 if neuron in network.inputs else 2


def _decisions(recording: Recording) -> Spans:
    words = [
        f"{'decision' if recording.kind == 'episode' else 'sample'} {number}: {moment.said}"
        + ("" if moment.right is None else f", right is {moment.right}")
        for number, moment in enumerate(recording.moments)
    ]
    return Spans(recording.starts.astype(np.float64), words)


def _width(recording: Recording) -> int:
    return int(min(WIDEST, max(680, 90 + PIXELS_PER_STEP * len(recording.spikes))))


def _roles(network: Network) -> dict[str, list[int]]:
    """Positions of input, hidden and output neurons."""
    inputs, outputs = network.inputs.tolist(), network.outputs.tolist()
    ends = {*inputs, *outputs}
    hidden = [neuron for neuron in range(network.neurons) if neuron not in ends]
    return {"inputs": [n for n in inputs if n not in outputs], "hidden": hidden, "outputs": outputs}


def _rows(recording: Recording, network: Network) -> list[int]:
    """Neurons from top to bottom; of many, those that fire most, outputs always."""
    roles = _roles(network)
    order = [neuron for members in roles.values() for neuron in members]
    if len(order) <= ROWS:
        return order
    counts = recording.spikes.sum(axis=0, dtype=np.int64)
    counts[network.outputs] = counts.max() + 1
    kept = set(np.argsort(-counts, kind="stable")[:ROWS].tolist())
    return [neuron for neuron in order if neuron in kept]


def _neuron_name(network: Network, neuron: int) -> str:
    inputs, outputs = network.inputs.tolist(), network.outputs.tolist()
    if neuron in inputs:
        return f"in {inputs.index(neuron)}"
    return f"out {outputs.index(neuron)}" if neuron in outputs else f"#{int(network.ids[neuron])}"


def confusion_chart(chosen: npt.NDArray[Any], right: npt.NDArray[Any], classes: Sequence[str]) -> Chart:
    """How often each class was taken for which; a last column counts answers that were none."""
    count = len(classes)
    none = bool((chosen < 0).any())
    counts = np.zeros((count, count + none), np.int64)
    np.add.at(counts, (right.astype(int), np.where(chosen < 0, count, chosen).astype(int)), 1)
    names = [(i + 0.5, name[:14]) for i, name in enumerate(classes)]
    columns = [*names, *([(count + 0.5, "none")] if none else [])]
    accuracy = float((chosen == right).mean())
    side = int(min(420, max(210, 34 * count)))
    return Chart(
        "confusion",
        "Confusion matrix",
        Axis("answer", low=0.0, high=float(count + none), names=columns),
        Axis("right", low=0.0, high=float(count), names=names, flip=True),
        (Cells(counts),),
        f"{accuracy:.1%} of {len(right)} samples are told right.",
        height=side,
        grid=False,
    )


def histogram(name: str, title: str, label: str, values: npt.ArrayLike, whole: bool = False, colour: int = 0) -> Chart:
    """How often values fall where; a bar for each whole number where they are few."""
    v = np.asarray(values, np.float64)
    low, high = float(v.min(initial=np.inf)), float(v.max(initial=-np.inf))
    if whole and high - low <= 64:
        edges = np.arange(low - 0.5, high + 1.0)
    elif high > low:
        edges = np.linspace(low, high, 25)
    else:
        edges = np.array([low - 0.5, high + 0.5])
    counts, edges = np.histogram(v, edges)
    names = [
        f"{round(a + 0.5)}: {n}" if whole and high - low <= 64 else f"{a:.4g} to {b:.4g}: {n}"
        for a, b, n in zip(edges[:-1], edges[1:], counts.tolist(), strict=True)
    ]
    words = f"{len(v)} values, mean {v.mean():.4g}, from {low:.4g} to {high:.4g}."
    return Chart(
        name,
        title,
        Axis(label, whole=whole),
        Axis("count", low=0.0, whole=True),
        (
            Bars(edges, counts.astype(np.float64), colour, names=names),
            Rule(x=float(v.mean()), label=f"mean {v.mean():.4g}"),
        ),
        words,
    )


def robustness_chart(report: Mapping[str, Any]) -> Chart:
    """The score unperturbed and under each kind of perturbation: means as bars, worst as dots."""
    kinds = [name for name, value in report.items() if isinstance(value, Mapping)]
    names = ["unperturbed", *(kind.replace("_", " ") for kind in kinds)]
    means = [report["score"], *(report[kind]["mean"] for kind in kinds)]
    worst = [report["score"], *(report[kind]["worst"] for kind in kinds)]
    heights = np.array([math.nan if value is None else value for value in means])
    lows = [math.nan if value is None else value for value in worst]
    finite = [value for value in [*heights.tolist(), *lows] if math.isfinite(value)]
    low = min([0.0, *finite])
    dots = [
        Dot(value, i + 0.5, said=f"{names[i]}: worst {value:.4g}", colour=1) for i, value in enumerate(lows) if i > 0
    ]
    return Chart(
        "robustness",
        "Robustness",
        Axis("score: mean (bar) and worst (dot)", low=low),
        Axis("", low=0.0, high=float(len(names)), names=[(i + 0.5, name) for i, name in enumerate(names)], flip=True),
        (
            Bars(
                np.arange(len(names) + 1, dtype=np.float64),
                np.nan_to_num(heights),
                lying=True,
                names=[f"{name}: mean {value:.4g}" for name, value in zip(names, heights.tolist(), strict=True)],
            ),
            Dots([dot for dot in dots if math.isfinite(dot.x)]),
        ),
        ". ".join(f"{name} {value:.4g}" for name, value in zip(names, heights.tolist(), strict=True)) + ".",
        height=70 + 34 * len(names),
        grid=False,
    )
