"""A network as SVG that follows the page's colours: for reports and notebooks.

Neurons and synapses stand where `network_layout` puts them. Colours come from CSS variables with values of their own
to fall back on, so that the same picture is right in a light page, in a dark one and in a notebook. Everything that
comes from a file is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from evoneuro.network import NO_LEAK, Network
from evoneuro.report.network_layout import (
    LABELLED_SYNAPSES,
    MINUS,
    Plan,
    Points,
    label_spot,
    line_widths,
    make_plan,
    route,
    synapse_text,
)

SCALE = 72.0  # pixels per inch of the layout
MARGIN = 8.0  # pixels
STEP = 5  # of the points of a curve, one in so many is written

COLOURS = {
    "exc": ("var(--exc,#0072B2)", "excitatory"),
    "inh": ("var(--inh,#D55E00)", "inhibitory"),
    "nil": ("var(--mute,#777777)", "weight 0"),
}
INK, PAPER, MUTE = "var(--ink,#222222)", "var(--paper,#ffffff)", "var(--mute,#6b6b6b)"
FILLS = {"input": "var(--in,#E3EAF0)", "hidden": "var(--paper,#ffffff)", "output": "var(--out,#FBE9B7)"}
GLOW = "var(--glow,#E69F00)"


@dataclass(frozen=True)
class _Frame:
    """From inches, y up, to pixels, y down."""

    left: float
    top: float
    width: float
    height: float

    def __call__(self, points: Points) -> Points:
        return np.column_stack([points[:, 0] - self.left, self.top - points[:, 1]]) * SCALE + MARGIN


def network_svg(
    network: Network,
    title: str = "",
    *,
    activity: npt.ArrayLike | None = None,
    words: Mapping[int, str] | None = None,
    small: bool = False,
    quick: bool = False,
) -> str:
    """The network as one `<svg>` element, without a fixed size.

    Args:
        title: what the picture is called, for those who hear it.
        activity: spikes of each neuron per decision, [neurons]: the busier, the fuller its circle.
        words: position of a neuron -> what is said of it besides its genes, as it is pointed at.
        small: without labels, for strips and tips.
        quick: synapses are not kept apart, which takes time.
    """
    if not network.neurons:
        return '<svg viewBox="0 0 10 10" role="img" aria-label="a network without neurons"></svg>'
    plan = make_plan(network)
    curves = route(network, plan, quick)
    room = 0.3 if not small else 0.12
    points = [plan.centre - plan.radius.max() - room, plan.centre + plan.radius.max() + room, *curves]
    if not small:
        points += [plan.boxes[:, :2], plan.boxes[:, 2:]]
    (left, bottom), (right, top) = np.concatenate(points).min(0), np.concatenate(points).max(0)
    frame = _Frame(left, top, (right - left) * SCALE + 2 * MARGIN, (top - bottom) * SCALE + 2 * MARGIN)
    parts = [_synapses(network, plan, curves, frame, small)]
    parts.append(_neurons(network, plan, frame, _shares(network, activity), words or {}, small))
    label = escape(f"{title}: {summary(network)}" if title else summary(network), quote=True)
    size = f"0 0 {frame.width:.0f} {frame.height:.0f}"
    inner = "".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="net" viewBox="{size}" role="img" aria-label="{label}" '
        f'style="max-width:{frame.width:.0f}px" font-family="inherit" font-size="11">{inner}</svg>'
    )


def summary(network: Network) -> str:
    """The network in one sentence."""
    inhibitory = int((network.weight < 0).sum())
    return (
        f"{len(network.inputs)} inputs, {network.hidden} hidden neurons, {len(network.outputs)} outputs, "
        f"{network.synapses} synapses, {inhibitory} of them inhibitory"
    )


def first_steps(network: Network) -> npt.NDArray[np.int64]:
    """Steps until a spike of an input can reach each neuron, [neurons]; -1 where none can."""
    far = 2**40
    found = np.full(network.neurons, far)
    found[network.inputs] = 0
    for _ in range(network.neurons):
        sooner = found.copy()
        np.minimum.at(sooner, network.post, found[network.pre] + network.delay)
        if np.array_equal(sooner, found):
            break
        found = sooner
    return np.where(found >= far, -1, found)


def _shares(network: Network, activity: npt.ArrayLike | None) -> npt.NDArray[np.float64] | None:
    """How full each neuron's circle is, 0 to 1, by the roots of their rates, so that quiet ones are still seen."""
    if activity is None:
        return None
    rates = np.sqrt(np.maximum(np.asarray(activity, np.float64), 0.0))
    return np.asarray(rates / max(float(rates.max(initial=0.0)), 1e-12))


def _path(points: Points) -> str:
    """A smooth path through every `STEP`th point."""
    kept = points[::STEP] if (len(points) - 1) % STEP == 0 else np.vstack([points[::STEP], points[-1:]])
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept.tolist())


def _synapses(network: Network, plan: Plan, curves: Sequence[Points], frame: _Frame, small: bool) -> str:
    widths = line_widths(network.weight)
    crowded = network.synapses > LABELLED_SYNAPSES
    opacity = np.full(network.synapses, 0.9) if not crowded else 0.35 + 0.2 * widths
    parts = []
    for i in np.argsort(widths, kind="stable").tolist():
        kind = "exc" if network.weight[i] > 0 else "inh" if network.weight[i] < 0 else "nil"
        colour, word = COLOURS[kind]
        tip, tail = _tip(curves[i], kind == "inh", float(widths[i]))
        shape = "".join(f"{x:.1f} {y:.1f} " for x, y in frame(tip).tolist())
        said = escape(
            f"{network.ids[network.pre[i]]} to {network.ids[network.post[i]]}: {word}, weight "
            f"{int(network.weight[i]):+d}, delay {int(network.delay[i])}".replace("-", MINUS)
        )
        parts.append(
            f'<g class="syn" opacity="{opacity[i]:.2f}"><title>{said}</title>'
            f'<path d="{_path(frame(tail))}" fill="none" stroke="{colour}" stroke-width="{widths[i]:.1f}"/>'
            f'<polygon points="{shape}" fill="{colour}"/></g>'
        )
    if not crowded and not small:
        parts += _synapse_labels(network, plan, curves, frame)
    return "".join(parts)


def _tip(curve: Points, bar: bool, width: float) -> tuple[Points, Points]:
    """The head of a synapse, an arrow where it excites and a bar where it inhibits, and the line that leads to it."""
    end = curve[-1]
    back = end - curve[-4]
    along = back / max(float(np.hypot(*back)), 1e-9)
    across = np.array([-along[1], along[0]])
    if bar:
        reach, thick = 0.06 + 0.008 * width, 0.016 + 0.006 * width
        corners = [end + s * reach * across - t * thick * along for s, t in ((1, 0), (1, 1), (-1, 1), (-1, 0))]
        return np.array(corners), curve
    size = 0.085 + 0.016 * width
    corners = [end, end - size * along + 0.45 * size * across, end - size * along - 0.45 * size * across]
    kept = np.hypot(*(curve - end).T) > size * 0.9
    return np.array(corners), np.vstack([curve[kept], end - 0.8 * size * along])


def _synapse_labels(network: Network, plan: Plan, curves: Sequence[Points], frame: _Frame) -> list[str]:
    placed: list[Points] = []
    parts = []
    for i, curve in enumerate(curves):
        spot = label_spot(curve, [other for k, other in enumerate(curves) if k != i], plan, placed)
        placed.append(spot)
        (x, y), text = frame(spot[None])[0], synapse_text(network, i)
        kind = "exc" if network.weight[i] > 0 else "inh" if network.weight[i] < 0 else "nil"
        wide = 5.6 * len(text) + 4
        parts.append(
            f'<rect x="{x - wide / 2:.1f}" y="{y - 6.5:.1f}" width="{wide:.1f}" height="13" rx="3" fill="{PAPER}"/>'
            f'<text x="{x:.1f}" y="{y + 3.5:.1f}" font-size="10" text-anchor="middle" fill="{COLOURS[kind][0]}" '
            f'aria-hidden="true">{escape(text)}</text>'
        )
    return parts


def _neurons(
    network: Network,
    plan: Plan,
    frame: _Frame,
    shares: npt.NDArray[np.float64] | None,
    words: Mapping[int, str],
    small: bool,
) -> str:
    role = np.full(network.neurons, "hidden", object)
    role[network.outputs] = "output"
    role[network.inputs] = "input"
    parts = []
    for i, name in enumerate(network.ids.tolist()):
        (x, y), r = frame(plan.centre[i : i + 1])[0], float(plan.radius[i]) * SCALE
        faint = ' opacity="0.4"' if plan.faint[i] else ""
        dash = "" if network.leak[i] == NO_LEAK else ' stroke-dasharray="3.5 2"'
        parts.append(f'<g class="neuron {role[i]}"{faint}><title>{escape(_said(network, i, role[i], words))}</title>')
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{FILLS[role[i]]}" stroke="{INK}" '
            f'stroke-width="1.1"{dash}/>'
        )
        if shares is not None and shares[i] > 0 and not plan.faint[i]:
            inner = (r - 0.6) * max(0.18, float(np.sqrt(shares[i])))
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{inner:.1f}" fill="{GLOW}" opacity="0.75"/>')
        if not small:
            parts.append(_neuron_text(network, plan, i, x, y, r, name))
        parts.append("</g>")
    return "".join(parts)


def _said(network: Network, i: int, role: str, words: Mapping[int, str]) -> str:
    leak = int(network.leak[i])
    text = f"{role} neuron {int(network.ids[i])}: threshold {int(network.threshold[i])}".replace("-", MINUS)
    text += ", no leak" if leak == NO_LEAK else f", leak {leak}"
    if network.refractory[i]:
        text += f", refractory {int(network.refractory[i])}"
    return f"{text}; {words[i]}" if i in words else text


def _neuron_text(network: Network, plan: Plan, i: int, x: float, y: float, r: float, name: int) -> str:
    """The threshold inside the circle, and the neuron's name at its side or above."""
    threshold = str(int(network.threshold[i])).replace("-", MINUS)
    size = min(11.0, 2 * r * 0.82 / (0.6 * max(len(threshold), 2)))
    parts = []
    if size >= 4.5:
        parts.append(
            f'<text x="{x:.1f}" y="{y + size * 0.36:.1f}" font-size="{size:.1f}" text-anchor="middle" '
            f'fill="{INK}" aria-hidden="true">{threshold}</text>'
        )
    text, side = plan.label[i]
    text = _plain(text)
    if text and side:
        anchor = "start" if side > 0 else "end"
        parts.append(
            f'<text x="{x + side * (r + 5):.1f}" y="{y + 4:.1f}" font-size="12" text-anchor="{anchor}" '
            f'fill="{INK}" aria-hidden="true">{escape(text)}</text>'
        )
    elif text:
        parts.append(
            f'<text x="{x:.1f}" y="{y - r - 3:.1f}" font-size="9" text-anchor="middle" fill="{MUTE}" '
            f'stroke="{PAPER}" stroke-width="2.5" paint-order="stroke" aria-hidden="true">{name}</text>'
        )
    return "".join(parts)


def _plain(label: str) -> str:
    """A label of the layout without TeX: "$x_{2}$ +" becomes "x2 +", with a subscript that every font has."""
    digits = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    head, brace, rest = label.partition("_{")
    if not brace:
        return label.replace("$", "")
    number, _, tail = rest.partition("}")
    return f"{head.replace('$', '')}{number.translate(digits)}{tail.replace('$', '')}"
