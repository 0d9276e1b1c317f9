"""Pictures of networks, fronts and spikes, as PNG, SVG or PDF by the file's suffix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from evoneuro.errors import check_shape
from evoneuro.network import Network
from evoneuro.report.canvas import (
    EXCITATORY,
    INK,
    PALE,
    TICK_STEPS,
    dress,
    new_figure,
    save,
)
from evoneuro.report.front_picture import front_figure
from evoneuro.report.network_picture import network_figure


def draw_network(network: Network, path: Path, title: str = "") -> Path:
    """Draw `network` to `path` and return it: inputs left, outputs right, hidden neurons between.

    Raises:
        EvoNeuroError: another suffix than .png, .svg or .pdf, or a file that cannot be written.
    """
    return save(network_figure(network, title), path)


def draw_front(
    members: Sequence[Mapping[str, Any]],
    path: Path,
    *,
    x: str = "synapses",
    y: str = "validation_score",
    title: str = "",
    marks: Sequence[Mapping[str, Any]] = (),
    higher: Sequence[str] = (),
) -> Path:
    """Draw members of a front to `path` and return it; see `front_figure`.

    Raises:
        EvoNeuroError: another suffix than .png, .svg or .pdf, or a file that cannot be written.
    """
    return save(front_figure(members, x=x, y=y, title=title, marks=marks, higher=higher), path)


def draw_raster(spikes: npt.ArrayLike, ids: Sequence[int] | npt.NDArray[np.int64], path: Path, title: str = "") -> Path:
    """Draw spikes uint8 (steps, neurons) to `path` and return it; `ids` names the neurons.

    Raises:
        EvoNeuroError: spikes and ids that do not fit, a suffix other than .png, .svg or .pdf, or a file that cannot
            be written.
    """
    return save(raster_figure(spikes, ids, title), path)


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
    figure = new_figure(width, height)
    axes = figure.add_axes((0.75 / width, 0.6 / height, 1 - 1.45 / width, 1 - (1.15 if title else 0.8) / height))
    dress(axes)
    time, neuron = np.nonzero(raster)
    thick = float(np.clip((width - 1.45) * 72 / max(steps, 1) * 0.5, 0.8, 2.0))
    ticks = axes.vlines(time, neuron - 0.4, neuron + 0.4, color=EXCITATORY, linewidth=thick)
    ticks.set_gid("spikes")
    for i in range(0, neurons, 2):
        axes.axhspan(i - 0.5, i + 0.5, color="#F6F6F6", linewidth=0, zorder=0)
    axes.set_xlim(-0.7, max(steps, 1) - 0.3)
    axes.set_ylim(max(neurons, 1) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=TICK_STEPS))
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
