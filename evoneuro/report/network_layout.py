"""Where a picture of a network has its neurons and synapses: for matplotlib and for SVG alike.

It is laid out in inches, so that text, circles and lines keep their size whatever the network's. Neurons stand in
columns by distance from the inputs; synapses are routed one after the other, each along the least crowded of a few
curves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import encoder_from_spec
from evoneuro.errors import EvoNeuroError
from evoneuro.network import Network

Points = npt.NDArray[np.float64]  # (points, 2), inches

MINUS = "\N{MINUS SIGN}"

LABELLED_SYNAPSES = 40  # up to here every synapse carries its delay
WEIGHTED_SYNAPSES = 20  # up to here also its weight
TALLEST = 24  # inputs that may stand in one column
CROWDED_SYNAPSES = 150  # beyond, keeping synapses apart is hopeless, and slow
QUICK_SYNAPSES = 40  # of a network that must be drawn quickly, whose ends are kept apart

SAMPLES = 64  # points along a curve
_CHARACTER = 0.068  # inches, width of a character of a label, roughly
_FORWARD_BENDS = (0.0, 0.05, -0.05, 0.1, -0.1, 0.17, -0.17, 0.25, -0.25, 0.36, -0.36)
_BACK_BENDS = (0.1, -0.1, 0.17, -0.17, 0.25, -0.25, 0.34, -0.34, 0.45, -0.45, 0.6, -0.6)
_LOOP_ANGLES = tuple(math.radians(angle) for angle in (90, 270, 45, 135, 225, 315, 0, 180))


@dataclass(frozen=True)
class Plan:
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


def make_plan(network: Network) -> Plan:
    """Where the neurons of `network` stand, and their names."""
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
    return Plan(centre, radius, column, faint, label, _label_boxes(label, centre, radius))


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
    if network.encoder is None or names_code(network.encoder):
        return None  # to look at a network runs no code of others
    try:
        encoder = encoder_from_spec(network.encoder)
    except EvoNeuroError:
        return None
    per_value = encoder.neurons_per_value
    return per_value if len(network.inputs) == encoder.inputs == len(encoder.low) * per_value else None


def names_code(value: Any) -> bool:
    """Whether plain data name a module or a file: `package.module:Class`, `file.py:Class`, also inside of lists."""
    if isinstance(value, Mapping):
        return any(names_code(part) for part in value.values())
    if isinstance(value, list | tuple):
        return any(names_code(part) for part in value)
    return isinstance(value, str) and (":" in value or value.endswith(".py"))


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


def route(network: Network, plan: Plan, quick: bool = False) -> list[Points]:
    """The curve of each synapse, from rim to rim; simple ones first, since the others can go around them.

    Args:
        quick: take the plainest curve of each, whatever it runs through, and where they are many, let their ends meet.
    """
    pre, post = network.pre, network.post
    span = plan.column[post] - plan.column[pre]
    length = np.hypot(*(plan.centre[post] - plan.centre[pre]).T) if len(pre) else np.zeros(0)
    curves: list[Points] = [np.zeros((0, 2))] * len(pre)
    taken = np.zeros((0, 2))
    for i in np.lexsort((length, span <= 0)).tolist():
        a, b = int(pre[i]), int(post[i])
        if quick:
            curves[i] = _trim(next(iter(_candidates(plan, a, b))), plan, a, b)
            continue
        options = [_trim(curve, plan, a, b) for curve in _candidates(plan, a, b)]
        costs = [_cost(curve, plan, (a, b), taken) + 0.6 * k for k, curve in enumerate(options)]
        curves[i] = options[int(np.argmin(costs))]
        if len(pre) <= CROWDED_SYNAPSES:
            taken = np.concatenate([taken, curves[i][::4]])
    if not quick or len(pre) <= QUICK_SYNAPSES:
        _spread(network, plan, curves)
    return curves


def _candidates(plan: Plan, a: int, b: int) -> Iterable[Points]:
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
    t = np.linspace(0, 1, SAMPLES)[:, None]
    p0, p1, p2, p3 = control
    return np.asarray((1 - t) ** 3 * p0 + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * p3)


def _trim(curve: Points, plan: Plan, a: int, b: int) -> Points:
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
    stops = np.linspace(0, walked[-1], SAMPLES)
    return np.column_stack([np.interp(stops, walked, visible[:, axis]) for axis in (0, 1)])


def _between(p: Points, q: Points, at_p: float, at_q: float) -> Points:
    """Where a quantity that is `at_p` in p and `at_q` in q passes 0."""
    return np.asarray(p + (q - p) * (at_p / (at_p - at_q) if at_p != at_q else 0.0))


def _spread(network: Network, plan: Plan, curves: list[Points]) -> None:
    """Move the ends of curves along their neuron's rim until they are apart, bending the curves along."""
    along = np.linspace(0, 1, SAMPLES)[:, None] ** 4
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


def _cost(curve: Points, plan: Plan, ends: tuple[int, int], taken: Points) -> float:
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


# Words beside the synapses


def line_widths(weight: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Points, 0.7 to 2.8, linear in |weight|; 1.4 when all are the same."""
    size = np.abs(weight.astype(np.float64))
    if not len(size) or size.min() == size.max():
        return np.full(len(size), 1.4)
    return np.asarray(0.7 + 2.1 * size / size.max())


def shows_weights(network: Network) -> bool:
    """Whether weights are written at synapses: there are few synapses, and the weights differ in size."""
    return network.synapses <= WEIGHTED_SYNAPSES and len(np.unique(np.abs(network.weight))) > 1


def synapse_text(network: Network, i: int) -> str:
    """What is written at synapse i: its delay in steps, after its weight where weights are shown."""
    delay = str(int(network.delay[i]))
    if not shows_weights(network):
        return delay
    return f"{int(network.weight[i]):+d} · {delay}".replace("-", MINUS)


def label_spot(curve: Points, others: Sequence[Points], plan: Plan, placed: Sequence[Points]) -> Points:
    """The point of the curve's middle part that is farthest from all else, the middle itself being preferred."""
    places = np.arange(SAMPLES // 6, SAMPLES - SAMPLES // 5, 2)
    spots = curve[places]
    room = np.full(len(spots), 0.3)
    for crowd in (*others, np.array(placed).reshape(-1, 2)):
        if len(crowd):
            apart = (spots[:, None] - crowd[None]) / (1.6, 1.0)  # labels are wider than high
            room = np.minimum(room, np.hypot(*apart.transpose(2, 0, 1)).min(1))
    rim = np.hypot(*(spots[:, None] - plan.centre[None]).transpose(2, 0, 1)) - plan.radius
    room = np.minimum(room, rim.min(1) + 0.05)
    off_centre = np.abs(places - (SAMPLES - 1) / 2) / SAMPLES
    return np.asarray(spots[int(np.argmax(room - 0.12 * off_centre))])
