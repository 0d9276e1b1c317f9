"""Classic small data sets, from scikit-learn."""

from __future__ import annotations

from typing import Any

from evoneuro import ClassificationTask


class Iris(ClassificationTask):
    """Iris flowers: 150 samples, 4 features, 3 species (Fisher 1936)."""

    solved = 0.95

    def load(self) -> tuple[Any, Any]:
        from sklearn.datasets import load_iris

        return load_iris(return_X_y=True)


class Wine(ClassificationTask):
    """Wine: 178 samples, 13 chemical features, 3 growers (Forina et al. 1991)."""

    solved = 0.95
    copies = 8  # many features, few samples: without much jitter, evolution learns the samples
    jitter = 0.5

    def load(self) -> tuple[Any, Any]:
        from sklearn.datasets import load_wine

        return load_wine(return_X_y=True)


class BreastCancer(ClassificationTask):
    """Wisconsin diagnostic breast cancer: 569 samples, 30 features, 2 classes (Wolberg et al. 1995)."""

    solved = 0.95

    def load(self) -> tuple[Any, Any]:
        from sklearn.datasets import load_breast_cancer

        return load_breast_cancer(return_X_y=True)


class Digits(ClassificationTask):
    """Handwritten digits: 1,797 images of 8 x 8 pixels, 10 classes (Alpaydin & Kaynak 1998)."""

    solved = 0.9
    encoder = {"kind": "count", "max_spikes": 4, "interval": 4}
    window = 20
    copies = 0
    low = (0.0,) * 64
    high = (16.0,) * 64

    def load(self) -> tuple[Any, Any]:
        from sklearn.datasets import load_digits

        return load_digits(return_X_y=True)
