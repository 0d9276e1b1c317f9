"""NeuroBench's metrics of a network, and what we count ourselves.

Source of the metrics: Yik et al., "The neurobench framework for benchmarking neuromorphic computing algorithms and
systems", Nature Communications 16:1545, 2025; the definitions are those of the harness, version 2.3.

Three of them depend on the dense float64 matrices of the model and not on the network, so nothing of ours stands beside
them: Footprint (bytes of parameters and buffers), ConnectionSparsity and Dense. The others must be ours exactly:

- ClassificationAccuracy: the share of samples whose class the output spikes choose.
- ActivationSparsity: 1 - spikes / (neurons * ticks * samples). The ticks are those of the longest sample, in whole
  windows: where a decoder stops the clock early, or an episode is over, neurons are silent and their ticks count.
- Effective_ACs: accumulations per sample, one for each synapse that a spike leaves by. This is our energy times the
  decisions of a sample, save that NeuroBench does not see synapses of weight 0. The encoder's input is no synapse.
- Effective_MACs: 0, as every connection carries spikes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, RunError
from evoneuro.evaluation import Cases
from evoneuro.judge.held_out import HeldOut, held_out
from evoneuro.network import Network
from evoneuro.task import Task

PACKAGES = ("torch", "snntorch", "tqdm", "neurobench.benchmarks")  # the harness needs the first three
MEMORY = 2**29  # bytes, about what NeuroBench's hooks may keep of one batch
KEPT = 5  # tensors (lanes, ticks, neurons) that the hooks and the model keep
STATIC = ("Footprint", "ConnectionSparsity", "ParameterCount")
WORKLOAD = ("ActivationSparsity", "SynapticOperations")


def check_installed() -> None:
    """Raise unless NeuroBench can be imported.

    Raises:
        EvoNeuroError: with how to install it.
    """
    for name in PACKAGES:
        try:
            import_module(name)
        except Exception as error:  # a package may not work beside our versions
            raise EvoNeuroError(
                f"NeuroBench cannot be imported ({type(error).__name__}: {error}): "
                'pip install "evoneuro[neurobench]"; to do without CUDA, first install the CPU builds of torch and '
                "torchaudio, as PyTorch's installation page says"
            ) from None


def judge(task: Task, network: Network, cases: Cases) -> dict[str, Any]:
    """NeuroBench's metrics of a network on held-out cases, beside ours.

    Returns:
        {task, neurobench (its version), samples, decisions, ticks (of each sample), score, neurons, hidden, synapses,
        zero_weights, latency, energy, acs_per_decision, metrics: {metric: NeuroBench's value}, counts: {metric:
        ours}, agree: {metric: whether both stand for the same whole number}}.

    Raises:
        EvoNeuroError: NeuroBench is not installed, or the network does not fit the task.
        RunError: NeuroBench gave no value of a metric.
    """
    check_installed()
    held = held_out(task, network, cases)
    metrics = measure(held)
    samples, evaluation = len(held.decisions), held.evaluation
    cells = network.neurons * held.ticks * samples
    counted = {
        "ActivationSparsity": (cells - int(evaluation.spikes.sum()), cells),
        "Effective_ACs": (_visible_events(network, evaluation.spikes), samples),
        "Effective_MACs": (0, samples),
    }
    if held.labels is not None:
        counted["ClassificationAccuracy"] = int(evaluation.case_scores.sum()), samples
    return {
        "task": task.name,
        "neurobench": version("neurobench"),
        "samples": samples,
        "decisions": evaluation.decisions,
        "ticks": held.ticks,
        "score": evaluation.score,
        "neurons": network.neurons,
        "hidden": network.hidden,
        "synapses": network.synapses,
        "zero_weights": int((network.weight == 0).sum()),
        "latency": evaluation.latency,
        "energy": evaluation.energy,
        "acs_per_decision": metrics["Effective_ACs"] * samples / evaluation.decisions,
        "metrics": metrics,
        "counts": {name: count / total for name, (count, total) in counted.items()},
        # shares are compared as the whole numbers behind them: NeuroBench's means round, in float32 some of them
        "agree": {name: round(metrics[name] * total) == count for name, (count, total) in counted.items()},
    }


def _visible_events(network: Network, spikes: Any) -> int:
    """Synaptic events of `spikes`, int64 [neurons], at synapses whose weight is not 0."""
    visible = np.bincount(network.pre[network.weight != 0], minlength=network.neurons)
    return int(spikes @ visible)


def measure(held: HeldOut) -> dict[str, float]:
    """What NeuroBench measures, by the names of its metrics; the parts of SynapticOperations each by its own."""
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics import static, workload
    from neurobench.models import TorchModel

    from evoneuro.judge.model import Judged, Neurons

    # a model serves one Benchmark: the harness takes its hooks away when the Benchmark goes
    model = TorchModel(Judged(held.network, held.keep_state))
    model.add_activation_module(Neurons)
    asked = WORKLOAD if held.labels is None else (*WORKLOAD, "ClassificationAccuracy")
    metrics = [[getattr(static, name) for name in STATIC], [getattr(workload, name) for name in asked]]
    found = Benchmark(model, _loader(held), [], [_chooser(held.network)], metrics).run(quiet=True)
    for name in (*STATIC, *asked):  # the harness prints what a metric raised, and goes on with None or 0.0
        if found[name] is None or (name == "SynapticOperations") != isinstance(found[name], Mapping):
            raise RunError(f"NeuroBench failed to compute {name}: it says why in Benchmark.run(quiet=False)")
    operations = found.pop("SynapticOperations")
    return {**found, **operations}


class _Samples:
    """Samples for torch's loader: float64 charges (ticks, inputs) and the class, 0 for control."""

    def __init__(self, held: HeldOut) -> None:
        self._held = held

    def __len__(self) -> int:
        return len(self._held.decisions)

    def __getitem__(self, sample: int) -> tuple[npt.NDArray[np.float64], int]:
        return self._held.charges(sample), 0 if self._held.labels is None else int(self._held.labels[sample])


def _loader(held: HeldOut) -> Any:
    """The samples in batches that fit `MEMORY`."""
    from torch.utils.data import DataLoader

    lane = 8 * held.ticks * (len(held.network.inputs) + KEPT * held.network.neurons)
    return DataLoader(_Samples(held), batch_size=max(1, MEMORY // lane))


def _chooser(network: Network) -> Callable[[Any], Any]:
    """From spikes (lanes, ticks, neurons) to classes [lanes]: most spikes of an output; ties go to the lowest."""

    def choose(spikes: Any) -> Any:
        return spikes[:, :, network.outputs.tolist()].sum(dim=1).argmax(dim=1)

    return choose
