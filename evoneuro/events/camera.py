"""An event camera in front of a film: frames -> events.

Every pixel remembers the logarithm of the brightness at its last event and has an event for every `contrast` that the
logarithm moves away from it; between two frames the logarithm moves on a straight line, and an event has the time at
which it crosses. With L in contrasts since the first frame, the memory after a frame is the old one, clipped to
[floor(L), ceil(L)], so that the pixels of all films and both polarities are one array, and only frames are a loop.

After H. Rebecq, D. Gehrig, D. Scaramuzza, ESIM: an open event camera simulator, CoRL 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, check_integer, check_shape
from evoneuro.events.form import EVENT, LATEST, Events

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_SECOND = 1_000_000
_VALUES_AT_ONCE = 2**16  # brightnesses of films that are worked on together: they fit the processor's cache
_LEAST = 0.1  # of the contrast: however far a pixel is from the others, it does not fire all the time


@dataclass(frozen=True)
class Camera:
    """What a camera's pixels are like.

    Attributes:
        contrast: change of the logarithm of the brightness that makes an event.
        mismatch: standard deviation of the contrast from pixel to pixel; no pixel is below a tenth of `contrast`.
        refractory: microseconds after an event in which a pixel's events are lost; its memory moves on all the same.
        noise: events per pixel and second that have no cause.
        dark: brightness that is added to every pixel, so that black has a logarithm.
    """

    contrast: float = 0.25
    mismatch: float = 0.0
    refractory: int = 0
    noise: float = 0.0
    dark: float = 1e-3

    def __post_init__(self) -> None:
        for name, low in (("contrast", 1e-6), ("mismatch", 0.0), ("noise", 0.0), ("dark", 1e-12)):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= low):
                raise EvoNeuroError(f"camera: {name}: expected {low:g} or more, got {value!r}")
        check_integer("camera: refractory", self.refractory, 0, LATEST)

    def thresholds(self, height: int, width: int, rng: np.random.Generator) -> Floats:
        """Contrast of each pixel (height, width)."""
        drawn = rng.normal(self.contrast, self.mismatch, (height, width))
        return np.maximum(drawn, _LEAST * self.contrast)

    def record(
        self,
        frames: npt.ArrayLike,
        times: npt.ArrayLike,
        rng: np.random.Generator | None = None,
        thresholds: Floats | None = None,
    ) -> Events:
        """Events [N] of a film (times, height, width), sorted by time.

        Args:
            frames: brightness >= 0 in any unit.
            times: of the frames, whole microseconds, rising.
            rng: draws the thresholds, unless they are given, and then the noise.
            thresholds: contrast of each pixel (height, width), for films that one camera takes.
        """
        return self.record_all(np.asarray(frames)[None], times, None if rng is None else [rng], thresholds)[0]

    def record_all(
        self,
        films: npt.ArrayLike,
        times: npt.ArrayLike,
        rngs: Sequence[np.random.Generator] | None = None,
        thresholds: Floats | None = None,
    ) -> list[Events]:
        """Events [N] of each film (films, times, height, width): what `record` says of it, with its own of `rngs`."""
        films, times = _film(films), _clock(times)
        number, frames, height, width = films.shape
        check_shape("times", times.shape, (frames,))
        if thresholds is not None:
            thresholds = np.asarray(thresholds, np.float64)
            check_shape("thresholds", thresholds.shape, (height, width))
            if not (np.isfinite(thresholds).all() and (thresholds > 0).all()):
                raise EvoNeuroError("thresholds: expected numbers > 0")
        drawn = self.noise > 0 or (self.mismatch > 0 and thresholds is None)
        if drawn and (rngs is None or len(rngs) != number):
            raise EvoNeuroError(f"camera: noise and mismatch are drawn: expected {number} generators")
        some = max(1, _VALUES_AT_ONCE // (frames * height * width))
        span = int(times[-1] - times[0]) + 1
        if some * height * width * (span + self.refractory) >= 2**62:
            raise EvoNeuroError(f"camera: {height} x {width} pixels for {span} us are too many; cut the film in pieces")
        events: list[Events] = []
        for first in range(0, number, some):
            chosen = slice(first, first + some)
            events += self._record(films[chosen], times, (rngs or ())[chosen], thresholds)
        return events

    def _record(
        self, films: Floats, times: Integers, rngs: Sequence[np.random.Generator], thresholds: Floats | None
    ) -> list[Events]:
        """Events of each of a few films, which are one array up to the end."""
        number, frames, height, width = films.shape
        if thresholds is not None:
            contrast = thresholds.reshape(1, -1)
        elif self.mismatch > 0:
            contrast = np.stack([self.thresholds(height, width, rng).reshape(-1) for rng in rngs])
        else:
            contrast = np.full((1, 1), self.contrast)
        pixel, t, p = self._crossings(films.reshape(number, frames, height * width), times, contrast)
        if self.noise > 0:
            noise = [self._noise(film, height * width, times, rng) for film, rng in enumerate(rngs)]
            pixel, t, p = (np.concatenate(columns) for columns in zip((pixel, t, p), *noise, strict=True))
        if self.refractory:
            kept = _rested(pixel, t - times[0], int(times[-1] - times[0]) + 1, self.refractory)
            pixel, t, p = pixel[kept], t[kept], p[kept]
        return _events(pixel, t, p, (number, height, width))

    def _crossings(self, films: Floats, times: Integers, contrast: Floats) -> tuple[Integers, Integers, Integers]:
        """Pixel (counted through all films), time and polarity of all events of films (films, times, pixels)."""
        level = np.log(films + self.dark)
        level -= level[:, :1].copy()
        level /= contrast[:, None]
        memory = np.zeros_like(level)
        below, above = np.floor(level), np.ceil(level)
        for frame in range(1, level.shape[1]):
            np.clip(memory[:, frame - 1], below[:, frame], above[:, frame], out=memory[:, frame])

        steps = np.diff(memory, axis=1)
        film, earlier, pixel = np.nonzero(steps)
        step = steps[film, earlier, pixel]
        before, after = level[film, earlier, pixel], level[film, earlier + 1, pixel]
        per_level = (times[earlier + 1] - times[earlier]) / (after - before)

        count = np.abs(step).astype(np.int64)
        nth = np.arange(1, count.sum() + 1) - np.repeat(np.cumsum(count) - count, count)
        sign = np.sign(step)
        since = np.repeat((memory[film, earlier, pixel] - before) * per_level, count)
        since += np.repeat(sign * per_level, count) * nth
        t = np.repeat(times[earlier], count) + np.rint(since).astype(np.int64)
        place = np.repeat(film * films.shape[2] + pixel, count)
        return place, t, np.repeat((sign > 0).astype(np.int64), count)

    def _noise(
        self, film: int, pixels: int, times: Integers, rng: np.random.Generator
    ) -> tuple[Integers, Integers, Integers]:
        first, last = int(times[0]), int(times[-1])
        number = rng.poisson(self.noise * pixels * (last - first) / _SECOND)
        pixel = film * pixels + rng.integers(0, pixels, number)
        return pixel, rng.integers(first, last + 1, number), rng.integers(0, 2, number)


def _film(films: npt.ArrayLike) -> Floats:
    try:
        array = np.asarray(films, np.float64)
    except (TypeError, ValueError) as error:
        raise EvoNeuroError(f"frames: expected numbers: {error}") from None
    check_shape("frames", array.shape, ("films", "times", "height", "width"))
    if not array.size or max(array.shape[2:]) > 2**16:
        raise EvoNeuroError(f"frames: expected at least one frame and pixel, and sides to {2**16}, got {array.shape}")
    if not (np.isfinite(array).all() and array.min() >= 0):
        raise EvoNeuroError("frames: brightness is a finite number >= 0")
    return array


def _clock(times: npt.ArrayLike) -> Integers:
    array = np.asarray(times)
    right = (
        array.dtype.kind in "iuf" and array.ndim == 1 and array.size and -LATEST <= array.min() <= array.max() <= LATEST
    )
    clock = array.astype(np.int64) if right else array
    if not right or (clock != array).any() or (np.diff(clock) <= 0).any():
        raise EvoNeuroError("times: expected whole microseconds, one for each frame, rising")
    return clock


def _rested(pixel: Integers, since: Integers, span: int, refractory: int) -> npt.NDArray[np.bool_]:
    """Which events are kept if each silences its pixel for `refractory`; `since` is from the first frame on."""
    key = pixel * (span + refractory) + since  # a pixel's keys end at least `refractory` before the next one's begin
    order = np.argsort(key, kind="stable")
    key = key[order]
    rested = np.diff(key, prepend=-refractory) >= refractory  # since the event before, whether that is kept or not
    following = np.searchsorted(key, key + refractory)
    at = np.flatnonzero(rested)
    while len(at):  # from every such event on, the first that finds its pixel rested, as far as the next such event
        at = following[at]
        at = at[at < len(key)]
        at = at[~rested[at]]
        rested[at] = True
    kept = np.empty_like(rested)
    kept[order] = rested
    return kept


def _events(pixel: Integers, t: Integers, p: Integers, shape: tuple[int, int, int]) -> list[Events]:
    """Events of each film, sorted by time; at one time, as they came."""
    films, height, width = shape
    film, place = np.divmod(pixel, height * width)
    since = t - t.min(initial=LATEST)
    order = np.argsort(film * (since.max(initial=0) + 1) + since, kind="stable")
    events = np.empty(len(order), EVENT)
    events["y"], events["x"] = (axis[order] for axis in np.divmod(place, width))
    events["t"] = t[order]
    events["p"] = p[order]
    ends = np.cumsum(np.bincount(film, minlength=films))[:-1]
    return np.split(events, ends)
