"""Scenes on axes of matplotlib, for files and animations."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Rectangle

from evoneuro.report.canvas import INK
from evoneuro.report.scenes import stretches
from evoneuro.scene import Box, Disc, Line, Scene

COLOURS = {"ink": INK, "pale": "#B5B5B5", "accent": "#0072B2", "warm": "#D55E00", "fill": "#E69F00"}


def draw_scene(axes: Axes, scene: Scene) -> None:
    """Draw a scene on axes, which then show nothing else."""
    left, bottom, right, top = scene.view
    axes.clear()
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect("auto" if stretches(scene) else "equal")
    axes.set_axis_off()
    for shape in scene.shapes:
        if isinstance(shape, Line):
            x, y = zip(*shape.points, strict=True)
            axes.plot(x, y, color=COLOURS.get(shape.role, INK), linewidth=shape.width, solid_capstyle="round")
        elif isinstance(shape, Disc):
            axes.add_patch(Circle((shape.x, shape.y), shape.radius, color=COLOURS.get(shape.role, INK), zorder=3))
        elif isinstance(shape, Box):
            size = shape.right - shape.left, shape.top - shape.bottom
            axes.add_patch(
                Rectangle((shape.left, shape.bottom), *size, color=COLOURS.get(shape.role, INK), linewidth=0)
            )
        else:
            extent = (shape.left, shape.right, shape.bottom, shape.top)
            look: dict[str, Any] = {"cmap": "Blues", "vmin": 0, "vmax": 1} if np.ndim(shape.values) == 2 else {}
            axes.imshow(shape.values, extent=extent, interpolation="nearest", aspect="auto", **look)
