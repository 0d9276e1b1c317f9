"""What was watched, as a moving picture: the task on the left, the spikes on the right, decision by decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter

from evoneuro.errors import EvoNeuroError
from evoneuro.network import Network
from evoneuro.network_file import write_atomically
from evoneuro.report.canvas import INK, PALE, dress, new_figure
from evoneuro.report.chart import Ticks, extent, ticks
from evoneuro.report.chart_figure import COLOURS
from evoneuro.report.charts import raster_chart
from evoneuro.report.page import play_page
from evoneuro.report.scene_picture import draw_scene
from evoneuro.report.watch import Recording

SUFFIXES = (".gif", ".mp4", ".html")
RATE = {"episode": 10.0, "samples": 1.0}  # decisions per second, unless another rate is asked for
RESOLUTION = 90  # dots per inch
VISIBLE = 120  # steps that the raster shows at a time


def animate(recording: Recording, network: Network, path: Path, task: str, rate: float | None = None) -> Path:
    """Write the animation to `path` and return it: a GIF, a film, or a page, by the suffix.

    Args:
        rate: decisions per second.

    Raises:
        EvoNeuroError: another suffix, no ffmpeg for a film, or a file that cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise EvoNeuroError(f"{path}: an animation's name must end in {', '.join(SUFFIXES)}, got {path.suffix!r}")
    if rate is not None and not rate > 0:
        raise EvoNeuroError(f"--rate: expected decisions per second above 0, got {rate:g}")
    if not recording.moments:
        raise EvoNeuroError("there is no decision to show")
    if suffix == ".html":
        write_atomically(path, play_page(recording, network, task))
        return path
    rate = rate or RATE[recording.kind]
    if suffix == ".mp4" and not FFMpegWriter.isAvailable():
        raise EvoNeuroError(
            f"{path}: films need the program ffmpeg, which is not here: `apt install ffmpeg` or `brew install ffmpeg`, "
            "or write a .gif or .html, which need nothing"
        )
    kind: Any = PillowWriter if suffix == ".gif" else FFMpegWriter
    writer = kind(fps=rate)
    moving = _moving(recording, network, task)
    try:
        moving.save(str(path), writer=writer, dpi=RESOLUTION)
    except OSError as error:
        raise EvoNeuroError(f"{path}: cannot be written: {error.strerror or error}") from None
    return path


def _moving(recording: Recording, network: Network, task: str) -> FuncAnimation:
    """The animation; the raster is drawn once, and moves along under a mark of the decision."""
    chart = raster_chart(recording, network)
    height = float(np.clip(1.3 + 0.14 * chart.height / 15, 3.0, 7.0))
    figure = new_figure(9.6, height)
    stage, raster = figure.subplots(1, 2, width_ratios=(2, 3))
    figure.suptitle(task.replace("$", r"\$"), x=0.02, ha="left", fontsize=11, color=INK)
    dress(raster)
    _, (low, high) = extent(chart)
    raster.set_ylim(high, low)
    names = ticks(chart.y, (low, high), 200)
    raster.set_yticks([place for place, _ in names], [name for _, name in names], fontsize=7)
    raster.set_xlabel("step")
    for layer in chart.layers:
        if isinstance(layer, Ticks):
            raster.vlines(layer.x, layer.row - 0.4, layer.row + 0.4, color=COLOURS[layer.colour], linewidth=1.1)
    mark = raster.axvspan(0, 1, color="#E69F00", alpha=0.3, linewidth=0)
    caption = figure.text(0.02, 0.03, "", fontsize=9, color=PALE)
    figure.subplots_adjust(left=0.02, right=0.985, top=0.88, bottom=0.17, wspace=0.16)
    total = len(recording.spikes)
    visible = min(VISIBLE, max(total, 1))

    def draw(number: int) -> list[Any]:
        start, end = (float(step) for step in recording.starts[number : number + 2])
        moment = recording.moments[number]
        draw_scene(stage, moment.scene)
        left = float(np.clip((start + end - visible) / 2, 0, max(total - visible, 0)))
        raster.set_xlim(left, left + visible)
        mark.set_x(start)
        mark.set_width(end - start)
        right = "" if moment.right is None else f"   right: {moment.right}"
        word = "decision" if recording.kind == "episode" else "sample"
        caption.set_text(f"{word} {number}: {moment.said}, after {end - start:.0f} steps{right}".replace("$", r"\$"))
        return [mark, caption]

    return FuncAnimation(figure, draw, frames=len(recording.moments), blit=False)
