"""The picture of a network by matplotlib: inputs left, outputs right, hidden neurons between.

One data unit is one inch. What a colour says, a shape says too. Where things stand is said by `network_layout`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerBase
from matplotlib.patches import Circle, PathPatch, Polygon
from matplotlib.path import Path as Curve
from matplotlib.text import Text

from evoneuro.errors import EvoNeuroError
from evoneuro.network import NO_LEAK, Network
from evoneuro.report.canvas import EXCITATORY, INHIBITORY, INK, NEUTRAL, PALE, new_figure
from evoneuro.report.network_layout import (
    LABELLED_SYNAPSES,
    MINUS,
    SAMPLES,
    Plan,
    Points,
    label_spot,
    line_widths,
    make_plan,
    route,
    shows_weights,
    synapse_text,
)

FILLS = {"input": "#E3EAF0", "hidden": "#FFFFFF", "output": "#FBE9B7"}


def network_figure(network: Network, title: str = "") -> Figure:
    """The picture of `network`: one artist with gid `neuron-ID` per neuron and one `synapse-INDEX` per synapse.

    Raises:
        EvoNeuroError: a network without neurons.
    """
    if not network.neurons:
        raise EvoNeuroError("draw: expected a network with at least one neuron, got none")
    plan = make_plan(network)
    curves = route(network, plan)
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


# Drawing


def _draw_synapses(axes: Axes, network: Network, plan: Plan, curves: Sequence[Points]) -> None:
    widths = line_widths(network.weight)
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
        text = synapse_text(network, i)
        spot = label_spot(curve, [c for k, c in enumerate(curves) if k != i], plan, placed)
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


def _draw_neurons(axes: Axes, network: Network, plan: Plan, curves: Sequence[Points]) -> None:
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


def _draw_label(axes: Axes, plan: Plan, i: int, alpha: float, crowd: Points) -> Points:
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
            line = np.column_stack([np.linspace(x0, x1, SAMPLES), np.full(SAMPLES, y)]) / 72
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


def _legend_keys(network: Network, plan: Plan) -> list[_Key]:
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
    if len(size) > 1 and not shows_weights(network):
        keys.append(_Key("width", f"|weight| {size[0]} to {size[-1]}"))
    elif len(size) == 1:
        keys.append(_Key(f"±{size[0]}", "every weight"))
    if 0 < network.synapses <= LABELLED_SYNAPSES:
        both = shows_weights(network)
        keys.append(_Key("w · d" if both else "d", "weight · delay (steps)" if both else "delay (steps)"))
    keys.append(_Key("circle", "threshold"))
    if (network.leak != NO_LEAK).any():
        keys.append(_Key("dashed", "leaky neuron"))
    return keys
