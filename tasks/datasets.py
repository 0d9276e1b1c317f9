"""Classic small data sets, from scikit-learn."""

from __future__ import annotations

from evoneuro import ClassificationTask
from evoneuro.scene import Scene, picture


class Iris(ClassificationTask):
    """Iris flowers: 150 samples, 4 features, 3 species (Fisher 1936)."""

    data = "sklearn.datasets:load_iris"
    solved = 0.95
    encoder = {"kind": "argyle", "neurons": 3, "max_spikes": 8, "interval": 3}  # the second species lies in the middle


class Wine(ClassificationTask):
    """Wine: 178 samples, 13 chemical features, 3 growers (Forina et al. 1991)."""

    data = "sklearn.datasets:load_wine"
    solved = 0.95
    copies = 8  # many features, few samples: without much jitter, evolution learns the samples
    jitter = 0.5


class BreastCancer(ClassificationTask):
    """Wisconsin diagnostic breast cancer: 569 samples, 30 features, 2 classes (Wolberg et al. 1995)."""

    data = "sklearn.datasets:load_breast_cancer"
    solved = 0.95


class Digits(ClassificationTask):
    """Handwritten digits: 1,797 images of 8 x 8 pixels, 10 classes (Alpaydin & Kaynak 1998)."""

    data = "sklearn.datasets:load_digits"
    solved = 0.9
    encoder = {"kind": "count", "max_spikes": 4, "interval": 4}
    window = 20
    copies = 0
    low = (0.0,) * 64
    high = (16.0,) * 64

    def scene(self, part: str, seed: int, number: int) -> Scene:
        """The image."""
        return picture(self.samples(part, seed)[number].reshape(8, 8) / 16.0)
