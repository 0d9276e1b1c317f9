"""EvoNeuro: evolve small, low-latency spiking neural networks for neuromorphic and tiny hardware."""

from collections.abc import Callable
from typing import Any

from evoneuro.callbacks import Callback
from evoneuro.classification import ClassificationTask
from evoneuro.environments import ControlTask
from evoneuro.errors import EvoNeuroError
from evoneuro.faces import FACES
from evoneuro.launch import evolve, resume
from evoneuro.network import Network
from evoneuro.network_file import load
from evoneuro.record import Run
from evoneuro.regression import RegressionTask
from evoneuro.spikes import SpikeTask

__version__ = "0.1.0"

__all__ = [
    "Callback",
    "ClassificationTask",
    "ControlTask",
    "EvoNeuroError",
    "Network",
    "RegressionTask",
    "Run",
    "SpikeTask",
    "evolve",
    "load",
    "resume",
]


def _drawn(name: str) -> Callable[[Any], Any]:
    """A function of `evoneuro.report.notebook`, which is imported when something is to be shown."""

    def draw(thing: Any) -> Any:
        from evoneuro.report import notebook

        return getattr(notebook, name)(thing)

    return draw


FACES.update(
    {
        "network svg": _drawn("network_picture"),
        "front rich": _drawn("front_rich"),
        "front html": _drawn("front_html"),
        "run rich": _drawn("run_rich"),
        "run html": _drawn("run_html"),
    }
)
