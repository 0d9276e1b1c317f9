"""What all pages share: one HTML file that needs no network, its charts, and the player of what was watched.

Everything goes through Jinja's escaping, and what is drawn escapes its own text; besides, a page allows no script but
its own, by its digest, so that nothing which comes from a run or a network file can run.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evoneuro import __version__
from evoneuro.network import Network
from evoneuro.report import charts
from evoneuro.report.chart import Chart, Line
from evoneuro.report.chart_svg import chart_svg
from evoneuro.report.network_svg import network_svg
from evoneuro.report.numbers import number
from evoneuro.report.scenes import scene_svg
from evoneuro.report.watch import Recording

STILLS = 8  # moments in the film
PAUSES = {"episode": 120, "samples": 900}  # milliseconds that the player shows each moment
NOTHING = "\N{EN DASH}"


def render(template: str, **values: Any) -> str:
    """A page of one of the templates, with style and script inside it."""
    environment = Environment(
        loader=PackageLoader("evoneuro.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    folder = files("evoneuro.report") / "templates"
    script = (folder / "script.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(template).render(
        style=Markup((folder / "style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
        footer=f"Made by EvoNeuro {__version__}. This page is one file and needs no network.",
        **values,
    )


def figure(chart: Chart, least: int = 0) -> dict[str, Any]:
    """A chart as the templates take it.

    Args:
        least: pixels below which it is not shrunk, but can be moved sideways.
    """
    named = [layer for layer in chart.layers if isinstance(layer, Line) and layer.name]
    legend = [{"name": layer.name, "colour": layer.colour} for layer in named] if len(named) > 1 else []
    return {
        "title": chart.title,
        "svg": Markup(chart_svg(chart)),
        "legend": legend,
        "note": " ".join(part for part in (chart.said, chart.note) if part),
        "wide": least,
    }


# A network at work


def play_page(recording: Recording, network: Network, task: str) -> str:
    """A page with what was watched alone."""
    activity = recording.spikes.sum(axis=0, dtype=np.int64)
    return render(
        "play.html",
        title=f"{task}: a network at work",
        kind="at work",
        sections=[("play", "At work"), ("network-picture", "Network")],
        task=task,
        player=player(recording, network),
        svg=Markup(network_svg(network, task, activity=activity)),
    )


def player(recording: Recording, network: Network) -> dict[str, Any]:
    """What was watched, as the templates take it."""
    episode = recording.kind == "episode"
    frames = [
        {"svg": Markup(scene_svg(m.scene, 320, 170)), "said": _said(recording, i)}
        for i, m in enumerate(recording.moments)
    ]
    chosen = np.unique(np.linspace(0, len(recording.moments) - 1, STILLS).round().astype(int)).tolist()
    film = [
        {"svg": Markup(scene_svg(recording.moments[i].scene, 116, 70)), "said": _short(recording, i)} for i in chosen
    ]
    drawn = [charts.raster_chart(recording, network), charts.potentials_chart(recording, network)]
    score = number(recording.score)
    return {
        "title": recording.title[:1].upper() + recording.title[1:],
        "words": f"The episode's score is {score}." if episode else f"The score of all is {score}.",
        "unit": "decision" if episode else "sample",
        "pause": PAUSES[recording.kind],
        "frames": frames,
        "film": film,
        "charts": [figure(chart, chart.width) for chart in drawn],
    }


def _said(recording: Recording, number_: int) -> str:
    moment, steps = recording.moments[number_], int(recording.starts[number_ + 1] - recording.starts[number_])
    what = "Decision" if recording.kind == "episode" else "Sample"
    verdict = "" if moment.right is None else " ✓" if moment.right == moment.said else f" ✗ (right: {moment.right})"
    return f"{what} {number_}: {moment.said}{verdict}, after {steps} steps"


def _short(recording: Recording, number_: int) -> str:
    moment = recording.moments[number_]
    verdict = "" if moment.right is None else " ✓" if moment.right == moment.said else f" ✗ {moment.right}"
    return f"{number_}: {moment.said}{verdict}"
