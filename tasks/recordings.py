"""Published recordings of event cameras and cochleas, on a folder that the user has."""

from __future__ import annotations

from evoneuro import EvoNeuroError, SpikeTask
from evoneuro.events import Recordings, dvs_gesture, nmnist, shd


class _Published(SpikeTask):
    """What they share.

    Attributes:
        path: the folder that the archive unpacks to.
    """

    path: str | None = None

    def _folder(self) -> str:
        if self.path is None:
            raise EvoNeuroError(f"task {self.name!r}: say where the recordings lie: --set task.path=FOLDER")
        return self.path


class NMnist(_Published):
    """N-MNIST: digits before a moving event camera, 34 x 34 pixels, 10 classes (Orchard et al. 2015); your folder.

    The first of three saccades, pooled to 12 x 12.
    """

    name = "nmnist"
    window = 40
    solved = 0.9
    batch = 2000
    binning = {"size": (34, 34), "steps": 35, "step": 3000, "duration": 105_000, "pool": 3, "polarity": "merge"}

    def load(self) -> Recordings:
        """The recordings in the folder `path`, with the published split."""
        return nmnist(self._folder())


class DvsGesture(_Published):
    """DVSGesture: 11 hand and arm gestures, 128 x 128 pixels (Amir et al. 2017); your folder of tonic's pieces.

    The first 1.5 s, pooled to 8 x 8.
    """

    name = "dvs-gesture"
    window = 60
    solved = 0.8
    binning = {"size": (128, 128), "steps": 60, "step": 25_000, "start": None, "pool": 16, "threshold": 4}

    def load(self) -> Recordings:
        """The recordings in the folder `path`, with the published split."""
        return dvs_gesture(self._folder())


class Shd(_Published):
    """Spiking Heidelberg Digits: spoken digits through a cochlea of 700 channels, 20 classes (Cramer et al. 2022).

    One second, pooled to 35 channels; needs h5py (extra "events") and your folder.
    """

    name = "shd"
    window = 100
    solved = 0.6
    batch = 2000
    binning = {"size": 700, "steps": 100, "step": 10_000, "pool": 20}

    def load(self) -> Recordings:
        """The recordings in the folder `path`, with the published split."""
        return shd(self._folder())
