"""MNIST-1D: ten digits as short waveforms, shifted, stretched, sheared and noisy.

Greydanus & Kobak, "Scaling down deep learning with MNIST-1D", ICML 2024, and their package mnist1d 0.0.2.post1
(Apache-2.0), whose `make_dataset()` the seed here reproduces to the last bit. The templates are theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro import ClassificationTask

TEMPLATES = (  # of the digits 0 to 9
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
SEED = 42
TRAIN, TEST = 4000, 1000  # samples; every digit has the same share of all of them
PADDING = 36, 60  # fewest and most zeros after a template
LENGTH = 12 + PADDING[1]  # points of a padded template, once it is stretched
TIMES = 40  # points of a sample
SCALE, SHEAR = 0.4, 0.75  # widths of the ranges of amplitudes and of slopes
SHIFT = 48  # shifts, from 0 on
SMOOTH_NOISE, WHITE_NOISE = 0.25, 0.02  # standard deviations, that of the smooth one before it is smoothed
SMOOTHING = 2  # standard deviation of the kernel, in points

Series = npt.NDArray[np.float64]


class Mnist1d(ClassificationTask):
    """MNIST-1D: waveforms of 40 points, 10 digits, shifted and noisy (Greydanus & Kobak 2024)."""

    name = "mnist-1d"
    solved = 0.5
    copies = 0
    temporal = True
    encoder = {"kind": "send-on-delta", "interval": 1}
    window = 56

    def load(self) -> tuple[Any, Any, Any]:
        """The published samples, (5000, 40, 1), their digits and their parts."""
        rng = np.random.RandomState(SEED)  # numpy's old generator, which the published samples were made with
        digits = np.repeat(np.arange(10), (TRAIN + TEST) // 10)
        x = waveforms(templates()[digits], rng)
        order = rng.permutation(len(x))
        x, digits = x[order], digits[order]
        x = (x - x.mean()) / x.std()
        return x[:, :, None], digits, np.repeat(["train", "test"], [TRAIN, TEST])


def templates() -> Series:
    """The digits' templates (10, 12): of one mean and spread before they are moved to begin at 0."""
    x = np.array(TEMPLATES)
    x -= x.mean(axis=1, keepdims=True)
    x /= x.std(axis=1, keepdims=True)
    return (x - x[:, :1]) / 6


def waveforms(shapes: Series, rng: np.random.RandomState) -> Series:
    """A random waveform of each of `shapes` (samples, 12): (samples, 40)."""
    from scipy.ndimage import gaussian_filter1d

    # all that is drawn for a sample comes before anything of the next one
    drawn = [
        (rng.rand(), rng.rand(), rng.randint(SHIFT), rng.randn(LENGTH), rng.randn(LENGTH), rng.rand()) for _ in shapes
    ]
    padding, scale, shift, smooth, white, slope = (np.array(column) for column in zip(*drawn, strict=True))
    padding = PADDING[0] + (padding * (PADDING[1] - PADDING[0] + 1)).astype(int)
    # what is exactly 0 later on is padding: points of a template that are 0 are moved away from it
    padded = (np.append(shape, np.zeros(zeros)) for shape, zeros in zip(shapes + 1e-8, padding, strict=True))
    x = np.stack([resampled(shape, LENGTH) for shape in padded]) * (1 + SCALE * (scale[:, None] - 0.5))
    x = np.take_along_axis(x, (np.arange(LENGTH) - shift[:, None]) % LENGTH, axis=1)
    x = np.where(x != 0, x, gaussian_filter1d(SMOOTH_NOISE * smooth, SMOOTHING, axis=1)) + WHITE_NOISE * white
    x = x - SHEAR * (slope[:, None] - 0.5) * np.linspace(-0.5, 0.5, LENGTH)
    return np.stack([resampled(row, TIMES) for row in x])


def resampled(x: Series, points: int) -> Series:
    """`points` values at equal distances along `x`, between whose values lines are drawn."""
    return np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(x)), x)
