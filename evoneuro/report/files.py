"""The pictures of a report as files, for papers and slides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from evoneuro.errors import EvoNeuroError, check_choice
from evoneuro.report import charts
from evoneuro.report.ancestry import shown
from evoneuro.report.canvas import SUFFIXES, new_figure, save
from evoneuro.report.chart_figure import chart_figure
from evoneuro.report.gather import Facts
from evoneuro.report.network_picture import network_figure
from evoneuro.report.page import STILLS
from evoneuro.report.report_page import trial_charts
from evoneuro.report.scene_picture import draw_scene
from evoneuro.report.watch import Recording


def write_pictures(facts: Facts, folder: Path, formats: str = "png,svg") -> list[Path]:
    """Write every picture of a report into `folder`, in each of the formats; returns the paths.

    Args:
        formats: any of png, svg and pdf, with commas between them.

    Raises:
        EvoNeuroError: another format, or a file that cannot be written.
    """
    names = [name.strip().lower() for name in formats.split(",") if name.strip()]
    for name in names:
        check_choice("--format", name, [suffix[1:] for suffix in SUFFIXES])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvoNeuroError(f"{folder}: cannot be made: {error.strerror or error}") from None
    return [save(figure, folder / f"{name}.{suffix}") for name, figure in _pictures(facts) for suffix in names]


def _pictures(facts: Facts) -> Iterator[tuple[str, Figure]]:
    """Name and figure of each picture."""
    members = facts.front.to_document()["front"]
    higher = [name for name, more in facts.front.own.items() if more]
    drawn = list(charts.front_charts(members, facts.objectives, higher, facts.front.solved)) if members else []
    if facts.histories[0].moments:
        drawn += charts.progress_charts({"": facts.histories}, facts.objectives, facts.front.own, facts.front.solved)
        drawn += charts.census_charts(facts.censuses)
    if facts.trial is not None:
        drawn += trial_charts(facts.trial)
    if facts.trial is not None and facts.trial.recording is not None and facts.winner is not None:
        network = facts.winner.network
        drawn += [charts.raster_chart(facts.trial.recording, network)]
        drawn += [charts.potentials_chart(facts.trial.recording, network)]
        yield "moments", _film(facts.trial.recording)
    for chart in drawn:
        yield chart.name, chart_figure(chart)
    if facts.winner is not None:
        yield "network", network_figure(facts.winner.network, str(facts.status["task"]))
    for place in shown(facts.line):
        ancestor, network = facts.line[place]
        yield f"lineage-{ancestor.id}", network_figure(network, f"network {ancestor.id}")
    for champion in facts.champions:
        title = f"generation {champion.generation}: {champion.member.id}"
        yield f"lineage-{champion.generation}", network_figure(champion.member.network, title)


def _film(recording: Recording) -> Figure:
    """Some moments of what was watched, beside one another."""
    step = max(1, -(-len(recording.moments) // STILLS))
    moments = list(enumerate(recording.moments))[::step]
    figure = new_figure(1.9 * len(moments), 1.7)
    panels = figure.subplots(1, len(moments), squeeze=False).ravel()
    for axes, (number, moment) in zip(panels, moments, strict=True):
        draw_scene(axes, moment.scene)
        right = "" if moment.right in (None, moment.said) else f" (right: {moment.right})"
        axes.set_title(f"{number}: {moment.said}{right}".replace("$", r"\$"), fontsize=8)
    figure.tight_layout()
    return figure
