"""Scenes as SVG, and what stands in for the look of a task that does not say how it looks."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder, is_graded, unpack
from evoneuro.samples import SampleTask
from evoneuro.scene import ROLES, Box, Disc, Image, Line, Scene, Shape
from evoneuro.tables import Tabular

WIDTH = 160.0  # pixels of a scene on the page, or less where it is tall
SPOTS = 4000  # spikes of a sample that are drawn, at most


def values_scene(values: npt.ArrayLike, low: Sequence[float], high: Sequence[float]) -> Scene:
    """Numbers as bars, each between the ends of its range."""
    v, bottom, top = (np.asarray(part, np.float64) for part in (values, low, high))
    shares = np.clip((v - bottom) / np.where(top > bottom, top - bottom, 1.0), 0.0, 1.0).tolist()
    shapes: list[Shape] = [Line([(0.0, 0.5), (float(len(shares)), 0.5)], "pale", 1.0)]
    for i, share in enumerate(shares):
        shapes.append(Box(i + 0.2, min(0.5, share), i + 0.8, max(0.5, share), "accent" if share >= 0.5 else "warm"))
    return Scene((0.0, 0.0, float(max(len(shares), 1)), 1.0), tuple(shapes))


def feed_scene(task: SampleTask, seed: int, number: int, encoder: Encoder | None, feed: npt.NDArray[Any]) -> Scene:
    """A test sample: its numbers as bars or lines, or the spikes that its inputs get.

    Args:
        feed: of the sample alone, trains (words, inputs) or charges (steps, inputs).
    """
    if isinstance(task, Tabular) and encoder is not None:
        sample = task.samples("test", seed)[number]
        if sample.ndim == 1:
            return values_scene(sample, encoder.low, encoder.high)
        return _series_scene(sample, encoder)
    raster = feed if is_graded(feed[:, :, None]) else unpack(feed[:, :, None], 32 * len(feed))[:, 0]
    return _raster_scene(raster)


def _series_scene(sample: npt.NDArray[np.float64], encoder: Encoder) -> Scene:
    times, low = np.arange(len(sample), dtype=float), np.asarray(encoder.low, np.float64)
    span = np.where(np.asarray(encoder.high) > low, np.asarray(encoder.high) - low, 1.0)
    heights = np.clip((sample - low) / span, -0.2, 1.2)
    roles = ("accent", "warm", "fill", "ink")
    lines = [
        Line(list(zip(times.tolist(), heights[:, channel].tolist(), strict=True)), roles[channel % 4])
        for channel in range(min(sample.shape[1], 8))
    ]
    return Scene((0.0, -0.2, float(max(len(sample) - 1, 1)), 1.2), tuple(lines))


def _raster_scene(raster: npt.NDArray[Any]) -> Scene:
    """Spikes (steps, inputs) as dots: time to the right, the first input on top."""
    steps, inputs = np.nonzero(raster)
    kept = slice(None, None, max(1, len(steps) // SPOTS))
    length = float(max(int(steps.max(initial=0)) + 1, 1))
    size = 0.4 * length / max(length, raster.shape[1])
    spots = [
        Box(float(t), float(raster.shape[1] - i) - 0.9, float(t) + max(size, 0.4), float(raster.shape[1] - i) - 0.1)
        for t, i in zip(steps[kept].tolist(), inputs[kept].tolist(), strict=True)
    ]
    return Scene((0.0, 0.0, length, float(raster.shape[1])), tuple(spots))


# As SVG


def scene_svg(scene: Scene, width: float = WIDTH, height: float = 96.0) -> str:
    """A scene as one `<svg>` element of at most so many pixels; a scene that is all numbers is stretched to fill it."""
    left, bottom, right, top = scene.view
    scale_x, scale_y = width / (right - left), height / (top - bottom)
    if not stretches(scene):
        scale_x = scale_y = min(scale_x, scale_y)
    wide, tall = scale_x * (right - left), scale_y * (top - bottom)

    def place(x: float, y: float) -> str:
        return f"{(x - left) * scale_x:.1f} {(top - y) * scale_y:.1f}"

    parts = []
    for shape in scene.shapes:
        if isinstance(shape, Line):
            path = "L".join(place(x, y) for x, y in shape.points)
            parts.append(f'<path class="s-{_role(shape.role)} open" stroke-width="{shape.width:g}" d="M{path}"/>')
        elif isinstance(shape, Disc):
            x, y = place(shape.x, shape.y).split()
            radius = max(shape.radius * scale_x, 1.0)
            parts.append(f'<circle class="s-{_role(shape.role)}" cx="{x}" cy="{y}" r="{radius:.1f}"/>')
        elif isinstance(shape, Box):
            x, y = place(shape.left, shape.top).split()
            size = _size((shape.right - shape.left) * scale_x, (shape.top - shape.bottom) * scale_y)
            parts.append(f'<rect class="s-{_role(shape.role)}" x="{x}" y="{y}" {size}/>')
        else:
            x, y = place(shape.left, shape.top).split()
            size = _size((shape.right - shape.left) * scale_x, (shape.top - shape.bottom) * scale_y)
            parts.append(f'<image class="pixels" x="{x}" y="{y}" {size} href="{_data(shape)}"/>')
    inner = "".join(parts)
    return (
        f'<svg class="scene" viewBox="0 0 {wide:.0f} {tall:.0f}" width="{wide:.0f}" height="{tall:.0f}" '
        f'aria-hidden="true">{inner}</svg>'
    )


def _size(width: float, height: float) -> str:
    return f'width="{width:.1f}" height="{height:.1f}"'


def stretches(scene: Scene) -> bool:
    """Whether width and height of a scene are of different kinds, so that no shape has a form to keep."""
    round_or_image = any(isinstance(shape, Disc | Image) for shape in scene.shapes)
    return not round_or_image and (scene.view[3] <= 1.4 or all(isinstance(shape, Box) for shape in scene.shapes))


def _role(role: str) -> str:
    return escape(role if role in ROLES else "ink", quote=True)


def _data(shape: Image) -> str:
    """The image as a PNG inside an address: of grey values, ink that lets the page shine through."""
    from PIL.Image import fromarray  # it comes with matplotlib, which takes a while to import; few tasks have images

    values = np.asarray(shape.values)
    if values.ndim == 2:
        ink = np.zeros((*values.shape, 4))
        ink[:, :, :3] = (0.0, 0.447, 0.698)
        ink[:, :, 3] = np.clip(values, 0.0, 1.0)
        values = np.rint(255 * ink).astype(np.uint8)
    buffer = io.BytesIO()
    fromarray(np.ascontiguousarray(values)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
