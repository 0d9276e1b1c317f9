"""EvoNeuro: evolve small, low-latency spiking neural networks for neuromorphic and tiny hardware."""

from evoneuro.classification import ClassificationTask
from evoneuro.environments import ControlTask
from evoneuro.errors import EvoNeuroError
from evoneuro.launch import evolve, resume
from evoneuro.network import Network
from evoneuro.network_file import load
from evoneuro.record import Run
from evoneuro.regression import RegressionTask
from evoneuro.spikes import SpikeTask

__version__ = "0.1.0"

__all__ = [
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
