"""Pictures of networks, fronts and spikes, as PNG, SVG or PDF by the file's suffix.

Each picture is a `Figure` of its own on an Agg canvas: no display is needed and no state is shared. The palette is
Okabe and Ito's, which colour-blind readers can tell apart; what a colour says, a shape says too.

A network is laid out in inches, one data unit being one inch, so that text, circles and lines keep their size
whatever the network's. Neurons stand in columns by distance from the inputs; synapses are routed one after the
other, each along the least crowded of a few curves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerBase
from matplotlib.patches import Circle, PathPatch, Polygon
from matplotlib.path import Path as Curve
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from evoneuro.coding import encoder_from_spec
from evoneuro.errors import EvoNeuroError, check_shape
from evoneuro.network import NO_LEAK, Network

Points = npt.NDArray[np.float64]  # (points, 2), inches

SUFFIXES = (".png", ".svg", ".pdf")
RESOLUTION = 200  # dots per inch of a PNG

EXCITATORY, INHIBITORY, NEUTRAL = "#0072B2", "#D55E00", "#777777"
MINUS = "\N{MINUS SIGN}"
INK, PALE = "#222222", "#8A8A8A"
FILLS = {"input": "#E3EAF0", "hidden": "#FFFFFF", "output": "#FBE9B7"}

LABELLED_SYNAPSES = 40  # up to here every synapse carries its delay
WEIGHTED_SYNAPSES = 20  # up to here also its weight
TALLEST = 24  # inputs that may stand in one column
CROWDED_SYNAPSES = 150  # beyond, keeping synapses apart is hopeless, and slow

_SAMPLES = 64  # points along a curve
_CHARACTER = 0.068  # inches, width of a character of a label, roughly
_FORWARD_BENDS = (0.0, 0.05, -0.05, 0.1, -0.1, 0.17, -0.17, 0.25, -0.25, 0.36, -0.36)
_BACK_BENDS = (0.1, -0.1, 0.17, -0.17, 0.25, -0.25, 0.34, -0.34, 0.45, -0.45, 0.6, -0.6)
_LOOP_ANGLES = tuple(math.radians(angle) for angle in (90, 270, 45, 135, 225, 315, 0, 180))


def draw_network(network: Network, path: Path, title: str = "") -> Path:
    """Draw `network` to `path` and return it: inputs left, outputs right, hidden neurons between.

    Raises:
        EvoNeuroError: another suffix than .png, .svg or .pdf, or a file that cannot be written.
    """
    return _save(network_figure(network, title), path)


def draw_front(
    members: Sequence[Mapping[str, Any]],
    path: Path,
    *,
    x: str = "synapses",
    y: str = "validation_score",
    title: str = "",
    marks: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Draw members of a front to `path` and return it; see `front_figure`.

    Raises:
        EvoNeuroError: another suffix than .png, .svg or .pdf, or a file that cannot be written.
    """
    return _save(front_figure(members, x=x, y=y, title=title, marks=marks), path)


def draw_raster(spikes: npt.ArrayLike, ids: Sequence[int] | npt.NDArray[np.int64], path: Path, title: str = "") -> Path:
    """Draw spikes uint8 (steps, neurons) to `path` and return it; `ids` names the neurons.

    Raises:
        EvoNeuroError: spikes and ids that do not fit, a suffix other than .png, .svg or .pdf, or a file that cannot
            be written.
    """
    return _save(raster_figure(spikes, ids, title), path)


def _save(figure: Figure, path: Path) -> Path:
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise EvoNeuroError(f"{path}: a picture's name must end in {', '.join(SUFFIXES)}, got {path.suffix!r}")
    undated = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[suffix]
    try:
        # The same picture is the same file: no date, no random ids.
        with matplotlib.rc_context({"svg.hashsalt": "evoneuro", "pdf.fonttype": 42}):
            figure.savefig(path, dpi=RESOLUTION, format=suffix[1:], metadata=undated, facecolor="white")
    except OSError as error:
        raise EvoNeuroError(f"{path}: cannot be written: {error.strerror or error}") from None
    return path


def _new_figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


# Networks


@dataclass(frozen=True)
class _Plan:
    """Where a network's neurons stand.

    Attributes:
        centre: (neurons, 2), inches.
        radius: [neurons], inches.
        column: [neurons], 0 for inputs.
        faint: [neurons], has no synapse at all.
        label: (text, side) per neuron; side is -1 left, 1 right, 0 above the circle.
        boxes: (labels, 4), left, bottom, right, top of the labels, inches.
    """

    centre: Points
    radius: npt.NDArray[np.float64]
    column: npt.NDArray[np.int64]
    faint: npt.NDArray[np.bool_]
    label: Sequence[tuple[str, int]]
    boxes: npt.NDArray[np.float64]


def network_figure(network: Network, title: str = "") -> Figure:
    """The picture of `network`: one artist with gid `neuron-ID` per neuron and one `synapse-INDEX` per synapse.

    Raises:
        EvoNeuroError: a network without neurons.
    """
    if not network.neurons:
        raise EvoNeuroError("draw: expected a network with at least one neuron, got none")
    plan = _plan(network)
    curves = _route(network, plan)
    points = np.concatenate([plan.centre - 0.3, plan.centre + 0.3, plan.boxes[:, :2], plan.boxes[:, 2:], *curves])
    (left, bottom), (right, top) = points.min(0), points.max(0)
    width = max(right - left, 5.6) + 0.3
    keys = _legend_keys(network, plan)
    columns = len(keys) if width > 1.75 * len(keys) else -(-len(keys) // 2)
    footer = 0.2 + 0.2 * -(-len(keys) // columns)
    height = top - bottom + 0.2 + footer + (0.35 if title else 0.0)
    figure = _new_figure(width, height)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    middle = (left + right) / 2
    axes.set_xlim(middle - width / 2, middle + width / 2)
    axes.set_ylim(bottom - 0.1 - footer, bottom - 0.1 - footer + height)
    _draw_synapses(axes, network, plan, curves)
    _draw_neurons(axes, network, plan, curves)
    if title:
        figure.text(0.5, 1 - 0.1 / height, title, ha="center", va="top", fontsize=11, color=INK)
    figure.legend(
        handles=keys,
        handler_map={_Key: _KeyHandler()},
        loc="lower center",
        ncols=columns,
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        handlelength=2.6,
        columnspacing=1.6,
        borderaxespad=0.4,
    )
    return figure


def _plan(network: Network) -> _Plan:
    layer = _layers(network)
    synapse_ends = np.concatenate([network.pre, network.post])
    faint = np.bincount(synapse_ends, minlength=network.neurons) == 0
    columns = _columns(network, layer)
    rows = max((len(members) for members in columns), default=1)
    pitch = float(np.clip(6.6 / max(rows, 1), 0.34, 0.72))
    gap = float(np.clip(5.4 / max(len(set(layer.tolist())) - 1, 1), 1.25, 3.4))
    radius = np.full(network.neurons, min(0.21, 0.34 * pitch))
    shrunk = faint & (layer == 0) & (len(network.inputs) > 16)
    radius[shrunk] *= 0.5
    weight = np.where(shrunk, 0.5, 1.0) * pitch
    centre = np.zeros((network.neurons, 2))
    column = np.zeros(network.neurons, np.int64)
    folded = int((layer[np.array([members[0] for members in columns], int)] == 0).sum())
    place = np.maximum(np.arange(len(columns)) - folded + 1, 0) * gap
    place[:folded] -= 4.4 * radius.max(initial=0) * np.arange(folded)[::-1]
    for i, members in enumerate(columns):
        column[members] = i
        centre[members, 0] = place[i]
        centre[members, 1] = _stack(members, weight, _breaks(network, members, pitch) if folded == 1 > i else None)
    _untangle(network, columns[folded:], centre)
    for members in (*columns[1:folded:2], *columns[folded + 1 : -1 : 2]):
        centre[members, 1] += pitch / 2  # every second one by half a row, so that synapses pass between neurons
    label = _labels(network, shrunk, folded > 1)
    return _Plan(centre, radius, column, faint, label, _label_boxes(label, centre, radius))


def _layers(network: Network) -> npt.NDArray[np.int64]:
    """Layer of each neuron [N]: 0 inputs, then hidden neurons by distance from the inputs, outputs last."""
    far = network.neurons + 1
    distance = np.full(network.neurons, far)
    distance[network.inputs] = 0
    for _ in range(network.neurons):
        closer = distance.copy()
        np.minimum.at(closer, network.post, distance[network.pre] + 1)
        if np.array_equal(closer, distance):
            break
        distance = closer
    hidden = np.ones(network.neurons, bool)
    hidden[network.inputs] = hidden[network.outputs] = False
    distance[hidden & (distance >= far)] = 1  # undriven: no distance
    levels = np.unique(distance[hidden])
    layer = np.zeros(network.neurons, np.int64)
    layer[hidden] = np.searchsorted(levels, distance[hidden]) + 1
    layer[network.outputs] = len(levels) + 1
    layer[network.inputs] = 0
    return layer


def _columns(network: Network, layer: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Neurons of each column from top to bottom; a layer too tall for one column takes several."""
    inputs, outputs = network.inputs.astype(np.int64), network.outputs.astype(np.int64)
    limit = int(np.clip(max(len(inputs), len(outputs)), 12, 20))
    columns = np.array_split(inputs, 1 if len(inputs) <= TALLEST else -(-len(inputs) // limit))
    ends = np.union1d(inputs, outputs)
    for level in range(1, int(layer.max(initial=0)) + 1):
        members = np.setdiff1d(np.flatnonzero(layer == level), ends)
        columns += np.array_split(members, max(1, -(-len(members) // limit)))
    columns.append(outputs[layer[outputs] > 0])
    return [members for members in columns if len(members)]


def _breaks(network: Network, members: npt.NDArray[np.int64], pitch: float) -> npt.NDArray[np.float64]:
    """Space above each input [members], so that the neurons of one value stand together."""
    per_value = _neurons_per_value(network) or 1
    first = np.arange(len(members)) % per_value == 0
    return np.where(first & (per_value > 1), 0.3 * pitch, 0.0)


def _stack(
    members: npt.NDArray[np.int64], weight: npt.NDArray[np.float64], above: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64]:
    """Heights of a column's neurons, the first on top, centred on 0."""
    tall = weight[members]
    below_top = np.cumsum(tall) - tall / 2
    if above is not None:
        below_top += np.cumsum(above) - above[0]
    return np.asarray((below_top[0] + below_top[-1]) / 2 - below_top)


def _untangle(network: Network, columns: Sequence[npt.NDArray[np.int64]], centre: Points) -> None:
    """Sort hidden columns by the mean height of their neighbours (the barycentre rule of Sugiyama et al., 1981)."""
    ends = np.union1d(network.inputs, network.outputs)
    inner = [members for members in columns if not np.isin(members, ends).any()]
    for sweep in range(8):
        for members in inner if sweep % 2 == 0 else inner[::-1]:
            wanted = [_neighbour_height(network, int(i), centre[:, 1]) for i in members]
            order = np.argsort(-np.array(wanted), kind="stable")
            centre[members[order], 1] = np.sort(centre[members, 1])[::-1]


def _neighbour_height(network: Network, neuron: int, height: npt.NDArray[np.float64]) -> float:
    near = np.concatenate([network.pre[network.post == neuron], network.post[network.pre == neuron]])
    near = near[near != neuron]
    return float(height[near].mean()) if len(near) else float(height[neuron])


def _neurons_per_value(network: Network) -> int | None:
    """Input neurons per value of the encoder; None when there is no encoder, or one that is not known here."""
    if network.encoder is None:
        return None
    try:
        encoder = encoder_from_spec(network.encoder)
    except EvoNeuroError:
        return None
    return encoder.neurons_per_value if encoder.inputs == len(network.inputs) else None


def _labels(network: Network, shrunk: npt.NDArray[np.bool_], folded: bool) -> list[tuple[str, int]]:
    names = [(str(name) if network.neurons <= 80 else "", 0) for name in network.ids.tolist()]
    for i, neuron in enumerate(network.outputs.tolist()):
        names[neuron] = (f"out {i}", 1)
    per_value = _neurons_per_value(network)
    for i, neuron in enumerate(network.inputs.tolist()):
        name = f"in {i}"
        if per_value is not None:
            value, part = divmod(i, per_value)
            sign = f"{MINUS}+"[part] if per_value == 2 else f"[{part}]"
            name = f"$x_{{{value}}}$" if per_value == 1 else f"$x_{{{value}}}$ {sign}"
        both = f" = {names[neuron][0]}" if names[neuron][1] == 1 else ""
        names[neuron] = ("" if shrunk[neuron] else name + both, 0 if folded else -1)
    return names


def _label_boxes(
    labels: Sequence[tuple[str, int]], centre: Points, radius: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    boxes = [np.array([*centre[i], *centre[i]]) for i in range(len(labels))]
    for i, (text, side) in enumerate(labels):
        (x, y), r = centre[i], radius[i]
        width = _CHARACTER * len(text.replace("$", "").replace("{", "").replace("}", "").replace("_", ""))
        if text and side:
            near, far = x + side * (r + 0.04), x + side * (r + 0.08 + width)
            boxes[i] = np.array([min(near, far), y - 0.08, max(near, far), y + 0.08])
    return np.array(boxes).reshape(-1, 4)


# Routing


def _route(network: Network, plan: _Plan) -> list[Points]:
    """The curve of each synapse, from rim to rim; simple ones first, since the others can go around them."""
    pre, post = network.pre, network.post
    span = plan.column[post] - plan.column[pre]
    length = np.hypot(*(plan.centre[post] - plan.centre[pre]).T) if len(pre) else np.zeros(0)
    curves: list[Points] = [np.zeros((0, 2))] * len(pre)
    taken = np.zeros((0, 2))
    for i in np.lexsort((length, span <= 0)).tolist():
        a, b = int(pre[i]), int(post[i])
        options = [_trim(curve, plan, a, b) for curve in _candidates(plan, a, b)]
        costs = [_cost(curve, plan, (a, b), taken) + 0.6 * k for k, curve in enumerate(options)]
        curves[i] = options[int(np.argmin(costs))]
        if len(pre) <= CROWDED_SYNAPSES:
            taken = np.concatenate([taken, curves[i][::4]])
    _spread(network, plan, curves)
    return curves


def _candidates(plan: _Plan, a: int, b: int) -> Iterable[Points]:
    """Curves from neuron a to neuron b, the plainest first."""
    start, end = plan.centre[a], plan.centre[b]
    if a == b:
        reach = 4.6 * plan.radius[a]
        for angle in _LOOP_ANGLES:
            sides = [start + reach * np.array([math.cos(angle + s), math.sin(angle + s)]) for s in (0.55, -0.55)]
            yield _bezier(start, sides[0], sides[1], end)
        return
    along = end - start
    across = np.array([-along[1], along[0]])
    if plan.column[b] > plan.column[a]:
        bends: Sequence[float] = _FORWARD_BENDS
    else:
        # Neighbours in a column are so near that only a bow leaves room for a tip and a label.
        least = 0.16 / float(np.hypot(*along))
        bends = [bend + math.copysign(least, bend) for bend in _BACK_BENDS]
    for bend in bends:
        # The control points of a cubic have 3/4 of their offset at its middle.
        shift = across * bend / 0.75
        yield _bezier(start, start + along * 0.25 + shift, end - along * 0.25 + shift, end)


def _bezier(*control: Points) -> Points:
    t = np.linspace(0, 1, _SAMPLES)[:, None]
    p0, p1, p2, p3 = control
    return np.asarray((1 - t) ** 3 * p0 + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * p3)


def _trim(curve: Points, plan: _Plan, a: int, b: int) -> Points:
    """The part of a curve outside the circles of its neurons, resampled at equal distances."""
    outside_a = np.hypot(*(curve - plan.centre[a]).T) - plan.radius[a]
    outside_b = np.hypot(*(curve - plan.centre[b]).T) - plan.radius[b] - 0.02
    half = len(curve) // 2
    first = int(np.flatnonzero(outside_a[:half] <= 0)[-1])
    last = half + int(np.flatnonzero(outside_b[half:] <= 0)[0])
    start = _between(curve[first], curve[first + 1], outside_a[first], outside_a[first + 1])
    end = _between(curve[last - 1], curve[last], outside_b[last - 1], outside_b[last])
    visible = np.vstack([start, curve[first + 1 : last], end])
    walked = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(visible, axis=0).T))])
    stops = np.linspace(0, walked[-1], _SAMPLES)
    return np.column_stack([np.interp(stops, walked, visible[:, axis]) for axis in (0, 1)])


def _between(p: Points, q: Points, at_p: float, at_q: float) -> Points:
    """Where a quantity that is `at_p` in p and `at_q` in q passes 0."""
    return np.asarray(p + (q - p) * (at_p / (at_p - at_q) if at_p != at_q else 0.0))


def _spread(network: Network, plan: _Plan, curves: list[Points]) -> None:
    """Move the ends of curves along their neuron's rim until they are apart, bending the curves along."""
    along = np.linspace(0, 1, _SAMPLES)[:, None] ** 4
    for neuron in range(network.neurons):
        ends = [(int(i), -1) for i in np.flatnonzero(network.post == neuron)]
        ends += [(int(i), 0) for i in np.flatnonzero(network.pre == neuron)]
        if len(ends) < 2:
            continue
        arms = np.array([curves[i][end] - plan.centre[neuron] for i, end in ends])
        angle = np.arctan2(arms[:, 1], arms[:, 0])
        turned = _push_apart(angle, min(0.17 / plan.radius[neuron], 4.0 / len(ends)))
        turned = angle + np.clip(turned - angle, -1.0, 1.0)
        length = np.hypot(*arms.T)
        moved = length[:, None] * np.column_stack([np.cos(turned), np.sin(turned)]) - arms
        for (i, end), shift in zip(ends, moved, strict=True):
            curves[i] = curves[i] + shift * (along if end else along[::-1])


def _push_apart(angle: npt.NDArray[np.float64], least: float) -> npt.NDArray[np.float64]:
    """Angles that are `least` radians apart where there is room, in the same order around the circle."""
    order = np.argsort(angle, kind="stable")
    a = angle[order]
    for _ in range(200):
        lack = np.maximum(least - np.diff(a, append=a[:1] + 2 * math.pi), 0) / 2
        if lack.max() < 1e-3:
            break
        a = a - lack + np.roll(lack, 1)
    turned = np.empty_like(a)
    turned[order] = a
    return turned


def _cost(curve: Points, plan: _Plan, ends: tuple[int, int], taken: Points) -> float:
    """How crowded a curve is: neurons and labels it runs through, and how long it runs along others."""
    curve = curve[::2]
    others = np.ones(len(plan.centre), bool)
    others[list(ends)] = False
    away = np.hypot(*(curve[:, None] - plan.centre[None, others]).transpose(2, 0, 1)) - plan.radius[others]
    hits = 14.0 * float((away < 0.03).any(0).sum()) + 3.0 * float((away < 0.09).any(0).sum())
    x, y = curve[:, :1], curve[:, 1:]
    left, bottom, right, top = plan.boxes.T
    hits += 5.0 * float(((x > left) & (x < right) & (y > bottom) & (y < top)).any(0).sum())
    if len(taken):
        near = np.hypot(*(curve[2:-2, None] - taken[None]).transpose(2, 0, 1)).min(1) < 0.08
        hits += 0.04 * float(near.sum()) ** 2
    # A detour beyond the neurons costs what it lengthens the picture.
    low, high = plan.centre.min(0) - 0.4, plan.centre.max(0) + 0.4
    return hits + 10.0 * float(np.maximum(np.maximum(low - curve, curve - high), 0).max())


# Drawing


def _draw_synapses(axes: Axes, network: Network, plan: _Plan, curves: Sequence[Points]) -> None:
    widths = _line_widths(network.weight)
    # In a thicket weak synapses step back, so that the strong ones can be followed.
    alpha = np.full(network.synapses, 0.9) if network.synapses <= LABELLED_SYNAPSES else 0.35 + 0.2 * widths
    for i in np.argsort(widths, kind="stable").tolist():
        weight = int(network.weight[i])
        for artist in _synapse(curves[i], weight, float(widths[i]), float(alpha[i])):
            axes.add_patch(artist)
        axes.patches[-1].set_gid(f"synapse-{i}")
    if network.synapses > LABELLED_SYNAPSES:
        return
    placed: list[Points] = []
    for i, curve in enumerate(curves):
        text = _synapse_text(network, i)
        spot = _label_spot(curve, [c for k, c in enumerate(curves) if k != i], plan, placed)
        placed.append(spot)
        label = axes.text(
            spot[0],
            spot[1],
            text,
            ha="center",
            va="center",
            fontsize=7,
            color=_colour(int(network.weight[i])),
            zorder=4,
        )
        label.set_bbox({"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.9})
        label.set_gid(f"label-{i}")


def _synapse(curve: Points, weight: int, width: float, alpha: float) -> list[PathPatch | Polygon]:
    """Tip and line, the line last: an arrow head where a synapse excites, a bar where it inhibits."""
    end = curve[-1]
    back = end - curve[-4]
    along = back / max(float(np.hypot(*back)), 1e-9)
    across = np.array([-along[1], along[0]])
    look = {"color": _colour(weight), "alpha": alpha, "zorder": 2, "linewidth": 0}
    if weight < 0:
        reach, thick = 0.055 + 0.008 * width, 0.012 + 0.006 * width
        corners = [end + s * reach * across - t * thick * along for s, t in ((1, 0), (1, 1), (-1, 1), (-1, 0))]
        tail = curve
    else:
        size = 0.075 + 0.016 * width
        corners = [end, end - size * along + 0.45 * size * across, end - size * along - 0.45 * size * across]
        # The line ends inside the head, so that its blunt end stays hidden.
        kept = np.hypot(*(curve - end).T) > size * 0.9
        tail = np.vstack([curve[kept], end - 0.8 * size * along])
    line = PathPatch(Curve(tail), fill=False, edgecolor=_colour(weight), alpha=alpha, linewidth=width, zorder=2)
    line.set_capstyle("butt")
    return [Polygon(corners, closed=True, **look), line]


def _colour(weight: int) -> str:
    return EXCITATORY if weight > 0 else INHIBITORY if weight < 0 else NEUTRAL


def _line_widths(weight: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Points, 0.7 to 2.8, linear in |weight|; 1.4 when all are the same."""
    size = np.abs(weight.astype(np.float64))
    if not len(size) or size.min() == size.max():
        return np.full(len(size), 1.4)
    return np.asarray(0.7 + 2.1 * size / size.max())


def _shows_weights(network: Network) -> bool:
    return network.synapses <= WEIGHTED_SYNAPSES and len(np.unique(np.abs(network.weight))) > 1


def _synapse_text(network: Network, i: int) -> str:
    delay = str(int(network.delay[i]))
    if not _shows_weights(network):
        return delay
    return f"{int(network.weight[i]):+d} · {delay}".replace("-", MINUS)


def _label_spot(curve: Points, others: Sequence[Points], plan: _Plan, placed: Sequence[Points]) -> Points:
    """The point of the curve's middle part that is farthest from all else, the middle itself being preferred."""
    places = np.arange(_SAMPLES // 6, _SAMPLES - _SAMPLES // 5, 2)
    spots = curve[places]
    room = np.full(len(spots), 0.3)
    for crowd in (*others, np.array(placed).reshape(-1, 2)):
        if len(crowd):
            apart = (spots[:, None] - crowd[None]) / (1.6, 1.0)  # labels are wider than high
            room = np.minimum(room, np.hypot(*apart.transpose(2, 0, 1)).min(1))
    rim = np.hypot(*(spots[:, None] - plan.centre[None]).transpose(2, 0, 1)) - plan.radius
    room = np.minimum(room, rim.min(1) + 0.05)
    off_centre = np.abs(places - (_SAMPLES - 1) / 2) / _SAMPLES
    return np.asarray(spots[int(np.argmax(room - 0.12 * off_centre))])


def _draw_neurons(axes: Axes, network: Network, plan: _Plan, curves: Sequence[Points]) -> None:
    labels = [text.get_position() for text in axes.texts]
    crowd = np.concatenate([plan.centre, np.array(labels).reshape(-1, 2), *curves])
    role = ["hidden"] * network.neurons
    for name, members in (("output", network.outputs), ("input", network.inputs)):
        for i in members.tolist():
            role[i] = name
    for i, name in enumerate(network.ids.tolist()):
        (x, y), r = plan.centre[i], float(plan.radius[i])
        alpha = 0.35 if plan.faint[i] else 1.0
        circle = Circle((x, y), r, facecolor=FILLS[role[i]], edgecolor=INK, linewidth=0.9, alpha=alpha, zorder=5)
        circle.set_linestyle("-" if network.leak[i] == NO_LEAK else (0, (2.5, 1.5)))
        circle.set_gid(f"neuron-{name}")
        axes.add_patch(circle)
        threshold = str(int(network.threshold[i])).replace("-", MINUS)
        size = min(8.0, r * 72 * 2 * 0.82 / (0.62 * max(len(threshold), 2)))
        if size >= 3:
            axes.text(
                x, y, threshold, ha="center", va="center_baseline", fontsize=size, color=INK, alpha=alpha, zorder=6
            )
        crowd = np.vstack([crowd, _draw_label(axes, plan, i, alpha, crowd)])


def _draw_label(axes: Axes, plan: _Plan, i: int, alpha: float, crowd: Points) -> Points:
    """Write the name of neuron i at its side, or, for a hidden one, small and where the crowd is thinnest.

    Returns where it stands, so that the next one keeps away.
    """
    text, side = plan.label[i]
    (x, y), r = plan.centre[i], float(plan.radius[i])
    if side:
        where = "left" if side > 0 else "right"
        axes.text(x + side * (r + 0.06), y, text, ha=where, va="center", fontsize=9, color=INK, alpha=alpha, zorder=6)
    elif text:
        angles = np.radians(np.arange(45, 405, 15))
        around = plan.centre[i] + (r + 0.085) * np.column_stack([np.cos(angles), np.sin(angles)])
        around[:, 0] += 0.03 * np.cos(angles)
        room = np.hypot(*(around[:, None] - crowd[None]).transpose(2, 0, 1))
        spot = around[int(np.argmax(np.minimum(room.min(1), 0.11)))]
        axes.text(spot[0], spot[1], text, ha="center", va="center", fontsize=6.5, color=PALE, alpha=alpha, zorder=6)
        return np.asarray(spot)
    return np.asarray(plan.centre[i])


class _Key(Artist):
    """An entry of the legend: what is drawn ("+", "-", "0", "width", "circle", "dashed", or text) and what it means."""

    def __init__(self, shape: str, label: str) -> None:
        super().__init__()
        self.shape = shape
        self.set_label(label)


class _KeyHandler(HandlerBase):
    """Draws a `_Key` with the same hand as the network itself, in points instead of inches."""

    def create_artists(
        self,
        legend: Any,
        orig_handle: Any,
        xdescent: Any,
        ydescent: Any,
        width: Any,
        height: Any,
        fontsize: Any,
        trans: Any,
    ) -> list[Artist]:
        x0, x1, y = -xdescent, -xdescent + width, -ydescent + height / 2
        shape = orig_handle.shape
        artists: list[Any]
        if shape in "+-0":
            line = np.column_stack([np.linspace(x0, x1, _SAMPLES), np.full(_SAMPLES, y)]) / 72
            artists = list(_synapse(line, {"+": 1, "-": -1, "0": 0}[shape], 1.6, 1.0))
            for artist in artists:
                if isinstance(artist, Polygon):
                    artist.set_xy(np.asarray(artist.get_xy()) * 72)
                else:
                    artist.set_path(Curve(artist.get_path().vertices * 72))
        elif shape == "width":
            corners = [(x0, y - 0.35), (x1, y - 1.4), (x1, y + 1.4), (x0, y + 0.35)]
            artists = [Polygon(corners, closed=True, facecolor=INK, linewidth=0)]
        elif shape in ("circle", "dashed"):
            style = "-" if shape == "circle" else (0, (2.5, 1.5))
            artists = [Circle(((x0 + x1) / 2, y), 5.5, fill=False, edgecolor=INK, linewidth=0.9, linestyle=style)]
            if shape == "circle":
                artists.append(Text((x0 + x1) / 2, y, "n", ha="center", va="center_baseline", fontsize=7, color=INK))
        else:
            artists = [Text((x0 + x1) / 2, y, shape, ha="center", va="center_baseline", fontsize=7, color=INK)]
        for artist in artists:
            artist.set_transform(trans)
        return artists


def _legend_keys(network: Network, plan: _Plan) -> list[_Key]:
    """Entries for what the picture shows, and for nothing else."""
    weight = network.weight
    keys = []
    if (weight > 0).any():
        keys.append(_Key("+", "excitatory"))
    if (weight < 0).any():
        keys.append(_Key("-", "inhibitory"))
    if (weight == 0).any():
        keys.append(_Key("0", "weight 0"))
    size = np.unique(np.abs(weight))
    if len(size) > 1 and not _shows_weights(network):
        keys.append(_Key("width", f"|weight| {size[0]} to {size[-1]}"))
    elif len(size) == 1:
        keys.append(_Key(f"±{size[0]}", "every weight"))
    if 0 < network.synapses <= LABELLED_SYNAPSES:
        both = _shows_weights(network)
        keys.append(_Key("w · d" if both else "d", "weight · delay (steps)" if both else "delay (steps)"))
    keys.append(_Key("circle", "threshold"))
    if (network.leak != NO_LEAK).any():
        keys.append(_Key("dashed", "leaky neuron"))
    return keys


# Fronts

NAMES = {
    "score": "score",
    "validation_score": "validation score",
    "latency": "latency (steps per decision)",
    "energy": "energy (synaptic events per decision)",
}
SIZES = {"neurons", "hidden", "synapses"}
_HIGHER_IS_BETTER = {"score", "validation_score"}
_FRACTIONAL = {"latency", "energy", *_HIGHER_IS_BETTER}
_STEPS = (1, 2, 5, 10)  # of ticks


def front_figure(
    members: Sequence[Mapping[str, Any]],
    *,
    x: str = "synapses",
    y: str = "validation_score",
    title: str = "",
    marks: Sequence[Mapping[str, Any]] = (),
) -> Figure:
    """The picture of a front: a staircase through the members that no other beats in `x` and `y`, the others faint.

    Args:
        members: with `id`, the keys `x` and `y`, `latency` (colour) and perhaps `interval`, [low, high] of the
            validation score. A member whose x or y is None or not finite is left out, and counted below the axes.
            When no member has a validation score, the score takes its place.
        marks: for comparison, each a `label` and values at `x` and `y`: a point where both are given, else a line at
            the one (such as the score at which a task counts as solved). "smallest" is the member with the least x
            that reaches the highest such line, if any does.
    """
    if members and y == "validation_score" and not any(_finite(member, y) for member in members):
        y = "score"
    shown = [member for member in members if _finite(member, x) and _finite(member, y)]
    figure = _new_figure(6.4, 4.2)
    axes = figure.add_axes((0.13, 0.14, 0.82, 0.76 if title else 0.82))
    _dress(axes)
    axes.set_xlabel(NAMES.get(x, x))
    axes.set_ylabel(NAMES.get(y, y))
    if title:
        axes.set_title(title, fontsize=11, color=INK, loc="left")
    _draw_marks(axes, marks, x, y)
    if shown:
        best = _undominated(shown, x, y)
        _draw_members(figure, axes, shown, best, (x, y))
        points = [m[x] for m in (*shown, *(mark for mark in marks if _finite(mark, x)))]
        _set_limits(axes, np.array(points, np.float64), x in _FRACTIONAL)
        _annotate(axes, [shown[i] for i in best], marks, (x, y))
    else:
        axes.text(0.5, 0.5, "no member to show", transform=axes.transAxes, ha="center", color=PALE)
    if len(shown) < len(members):
        note = f"{len(members) - len(shown)} of {len(members)} members have no {NAMES.get(y, y)} and are not shown"
        figure.text(0.99, 0.01, note, ha="right", va="bottom", fontsize=7, color=PALE)
    return figure


def _finite(member: Mapping[str, Any], key: str) -> bool:
    value = member.get(key)
    return value is not None and math.isfinite(value)


def _dress(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(PALE)
    axes.tick_params(colors=INK, labelsize=8.5, color=PALE)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def _undominated(members: Sequence[Mapping[str, Any]], x: str, y: str) -> list[int]:
    """Positions of the members that no other beats in x and y, best x first."""
    loss = np.array([[-m[key] if key in _HIGHER_IS_BETTER else m[key] for key in (x, y)] for m in members], np.float64)
    kept: list[int] = []
    lowest = math.inf
    for i in np.lexsort((loss[:, 1], loss[:, 0])).tolist():
        if loss[i, 1] < lowest:
            kept.append(i)
            lowest = float(loss[i, 1])
    return kept


def _draw_members(
    figure: Figure, axes: Axes, members: Sequence[Mapping[str, Any]], best: Sequence[int], keys: tuple[str, str]
) -> None:
    x, y = keys
    places = np.array([[m[x], m[y]] for m in members], np.float64)
    latency = np.array([m["latency"] if _finite(m, "latency") else math.nan for m in members], np.float64)
    known = latency[np.isfinite(latency)]
    colours, norm = matplotlib.colormaps["viridis"], Normalize(*((known.min(), known.max()) if len(known) else (0, 1)))
    staircase = axes.step(*places[best].T, where="post", color=PALE, linewidth=1.1, zorder=2)[0]
    staircase.set_gid("staircase")
    front = np.isin(np.arange(len(members)), best)
    _draw_intervals(axes, [m.get("interval") if y == "validation_score" else None for m in members], places, front)
    for group, name, alpha, size in ((~front, "others", 0.3, 20), (front, "front", 1.0, 46)):
        if group.any():
            points = axes.scatter(places[group, 0], places[group, 1], s=size, zorder=4, alpha=alpha, linewidth=0.7)
            points.set_gid(name)
            points.set_facecolor([tuple(c) for c in _point_colours(colours, norm, latency[group], alpha).tolist()])
            points.set_edgecolor(INK if name == "front" else "none")
    if len(known) and known.min() < known.max():
        mappable = matplotlib.cm.ScalarMappable(norm, colours)
        bar = figure.colorbar(mappable, ax=axes, pad=0.03, aspect=30)
        bar.set_label(NAMES["latency"], color=INK, fontsize=8.5)
        bar.ax.tick_params(labelsize=8, colors=INK)
        bar.outline.set_visible(False)
    elif len(known):
        text = f"latency of all: {known[0]:.4g} steps per decision"
        axes.text(0.99, 0.02, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=7.5, color=PALE)


def _point_colours(
    colours: Colormap, norm: Normalize, latency: npt.NDArray[np.float64], alpha: float
) -> npt.NDArray[np.float64]:
    rgba = np.array(colours(norm(np.nan_to_num(latency))))
    if norm.vmin == norm.vmax:
        rgba[:] = to_rgba(EXCITATORY)
    rgba[~np.isfinite(latency)] = to_rgba("#B3B3B3")
    rgba[:, 3] = alpha
    return rgba


def _draw_intervals(axes: Axes, intervals: Sequence[Any], places: Points, front: npt.NDArray[np.bool_]) -> None:
    """Bars from low to high of each member's interval; None draws nothing."""
    for group, alpha, name in ((~front, 0.15, "intervals of others"), (front, 0.8, "intervals")):
        known = [
            i for i in np.flatnonzero(group).tolist() if intervals[i] is not None and np.isfinite(intervals[i]).all()
        ]
        if known:
            low, high = np.array([intervals[i] for i in known], np.float64).T
            bars = axes.vlines(places[known, 0], low, high, color=PALE, alpha=alpha, linewidth=1.3, zorder=3)
            bars.set_gid(name)


def _set_limits(axes: Axes, x: npt.NDArray[np.float64], fractional: bool) -> None:
    """Some room around the points; a logarithmic x where it spans more than a factor of 30."""
    low, high = float(x.min()), float(x.max())
    if low > 0 and high / low > 30:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(low / (high / low) ** 0.06, high * (high / low) ** 0.06)
    else:
        room = max(high - low, (0.1 * abs(low) or 1.0) if fractional else 4.0)
        middle = (low + high) / 2
        axes.set_xlim(middle - 0.56 * room, middle + 0.56 * room)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=not fractional, steps=_STEPS))
    axes.margins(y=0.14)
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)


def _draw_marks(axes: Axes, marks: Sequence[Mapping[str, Any]], x: str, y: str) -> None:
    line: dict[str, Any] = {"color": INHIBITORY, "linewidth": 1.0, "linestyle": (0, (4, 3)), "zorder": 1}
    for mark in marks:
        place: tuple[Any, Any]
        if _finite(mark, x) and _finite(mark, y):
            axes.plot(mark[x], mark[y], marker="D", markersize=5.5, color=INHIBITORY, linestyle="none", zorder=5)
            place, offset, coordinates, side = (mark[x], mark[y]), (6, -10), axes.transData, "left"
        elif _finite(mark, y):
            axes.axhline(mark[y], **line)
            place, offset, coordinates, side = (1.0, mark[y]), (0, 2), axes.get_yaxis_transform(), "right"
        elif _finite(mark, x):
            axes.axvline(mark[x], **line)
            place, offset, coordinates, side = (mark[x], 0.0), (3, 4), axes.get_xaxis_transform(), "left"
        else:
            continue
        name = axes.annotate(str(mark.get("label", "")), place, offset, coordinates, "offset points")
        name.set(color=INHIBITORY, fontsize=8, horizontalalignment=side)


def _annotate(
    axes: Axes, front: Sequence[Mapping[str, Any]], marks: Sequence[Mapping[str, Any]], keys: tuple[str, str]
) -> None:
    """Names the best and the smallest member: above the staircase, where nothing can be, or below its left end."""
    x, y = keys
    levels = [mark[y] for mark in marks if _finite(mark, y) and not _finite(mark, x)]
    good = [m for m in front if y not in _HIGHER_IS_BETTER or not levels or m[y] >= max(levels)]
    best, smallest = front[-1], (good or front)[0]
    least = "highest score" if x in _HIGHER_IS_BETTER else "smallest" if x in SIZES else f"least {x}"
    names = [(best, f"best: {best.get('id')}"), (smallest, f"{least}: {smallest.get('id')}")]
    if best is smallest:
        names = [(best, f"best and {least}: {best.get('id')}")]
    for member, text in names:
        place = axes.transAxes.inverted().transform(axes.transData.transform((member[x], member[y])))
        above = place[0] > 0.3
        axes.annotate(
            text,
            (member[x], member[y]),
            (-9, 9) if above else (9, -9),
            textcoords="offset points",
            ha="right" if above else "left",
            va="bottom" if above else "top",
            fontsize=8.5,
            color=INK,
            zorder=6,
            arrowprops={"arrowstyle": "-", "color": PALE, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4},
        )


# Spikes


def raster_figure(spikes: npt.ArrayLike, ids: Sequence[int] | npt.NDArray[np.int64], title: str = "") -> Figure:
    """The picture of spikes uint8 (steps, neurons): a row per neuron, the first on top, with its number of spikes.

    Raises:
        EvoNeuroError: spikes that are not (steps, neurons), or another number of ids than of neurons.
    """
    raster = np.asarray(spikes)
    check_shape("spikes", raster.shape, ("steps", len(ids)))
    steps, neurons = raster.shape
    row = 0.2 if neurons <= 60 else max(12 / neurons, 0.02)
    width, height = float(np.clip(2.2 + steps * 0.06, 5, 12)), max(1.1, neurons * row) + (1.15 if title else 0.8)
    figure = _new_figure(width, height)
    axes = figure.add_axes((0.75 / width, 0.6 / height, 1 - 1.45 / width, 1 - (1.15 if title else 0.8) / height))
    _dress(axes)
    time, neuron = np.nonzero(raster)
    thick = float(np.clip((width - 1.45) * 72 / max(steps, 1) * 0.5, 0.8, 2.0))
    ticks = axes.vlines(time, neuron - 0.4, neuron + 0.4, color=EXCITATORY, linewidth=thick)
    ticks.set_gid("spikes")
    for i in range(0, neurons, 2):
        axes.axhspan(i - 0.5, i + 0.5, color="#F6F6F6", linewidth=0, zorder=0)
    axes.set_xlim(-0.7, max(steps, 1) - 0.3)
    axes.set_ylim(max(neurons, 1) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=_STEPS))
    named = range(0, neurons, max(1, -(-neurons // 60)))
    axes.set_yticks(list(named), [str(ids[i]) for i in named])
    axes.set_xlabel("step")
    axes.set_ylabel("neuron")
    counts = (raster != 0).sum(0)
    for i in named:
        text = f"{counts[i]:d}"
        axes.text(1.01, i, text, transform=axes.get_yaxis_transform(), va="center", fontsize=7.5, color=PALE)
    axes.text(1.01, -0.02, "spikes", transform=axes.transAxes, va="top", fontsize=7.5, color=PALE)
    if title:
        axes.set_title(title, fontsize=11, color=INK, loc="left")
    return figure
