"""The picture of a network: inputs left, outputs right, hidden neurons between.

It is laid out in inches, one data unit being one inch, so that text, circles and lines keep their size whatever the
network's. Neurons stand in columns by distance from the inputs; synapses are routed one after the other, each along
the least crowded of a few curves. What a colour says, a shape says too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerBase
from matplotlib.patches import Circle, PathPatch, Polygon
from matplotlib.path import Path as Curve
from matplotlib.text import Text

from evoneuro.coding import encoder_from_spec
from evoneuro.errors import EvoNeuroError
from evoneuro.network import NO_LEAK, Network
from evoneuro.report.canvas import (
    EXCITATORY,
    INHIBITORY,
    INK,
    NEUTRAL,
    PALE,
    new_figure,
)

Points = npt.NDArray[np.float64]  # (points, 2), inches

MINUS = "\N{MINUS SIGN}"
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
    figure = new_figure(width, height)
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
    """Input neurons per value of the encoder; None when there is none, none known here, or one with a bias neuron."""
    if network.encoder is None:
        return None
    try:
        encoder = encoder_from_spec(network.encoder)
    except EvoNeuroError:
        return None
    per_value = encoder.neurons_per_value
    return per_value if len(network.inputs) == encoder.inputs == len(encoder.low) * per_value else None


def _labels(network: Network, shrunk: npt.NDArray[np.bool_], folded: bool) -> list[tuple[str, int]]:
    names = [(str(name) if network.neurons <= 80 else "", 0) for name in network.ids.tolist()]
    for i, neuron in enumerate(network.outputs.tolist()):
        names[neuron] = (f"out {i}", 1)
    per_value = _neurons_per_value(network)
    signed = (network.encoder or {}).get("kind") == "flip-flop"
    for i, neuron in enumerate(network.inputs.tolist()):
        name = f"in {i}"
        if per_value is not None:
            value, part = divmod(i, per_value)
            sign = f"{MINUS}+"[part] if signed else f"[{part}]"
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
