"""What all pictures share: the palette, a figure of its own on an Agg canvas, and the file.

No display is needed and no state is shared. The palette is Okabe and Ito's, which colour-blind readers can tell apart.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evoneuro.errors import EvoNeuroError

SUFFIXES = (".png", ".svg", ".pdf")
RESOLUTION = 200  # dots per inch of a PNG

EXCITATORY, INHIBITORY, NEUTRAL = "#0072B2", "#D55E00", "#777777"
INK, PALE = "#222222", "#8A8A8A"
TICK_STEPS = (1, 2, 5, 10)


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure of so many inches."""
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Axes) -> None:
    """Two pale spines, dark labels."""
    axes.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(PALE)
    axes.tick_params(colors=INK, labelsize=8.5, color=PALE)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def save(figure: Figure, path: Path) -> Path:
    """Write a figure in the format of the suffix: the same picture is the same file.

    Raises:
        EvoNeuroError: another suffix than .png, .svg or .pdf, or a file that cannot be written.
    """
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
