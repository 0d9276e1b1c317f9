"""Classification: which class a row of numbers, or a series of them, belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import decoder_from_spec
from evoneuro.errors import EvoNeuroError, check_choice, check_integer
from evoneuro.keys import generator
from evoneuro.samples import SampleTask, Table
from evoneuro.tables import Tabular

METRICS = ("accuracy", "balanced-accuracy", "f1")


class Labelled(SampleTask):
    """What tasks share whose targets are classes.

    Attributes:
        metric: the score: "accuracy"; "balanced-accuracy", the mean of each class's own; "f1", the mean over classes of
            2 right / (2 right + wrongly chosen + missed).
        class_weights: weight of each class in the accuracy, in the order of the sorted labels; None for equal ones.
    """

    metric: str = "accuracy"
    class_weights: tuple[float, ...] | None = None

    def _targets(self, targets: Any) -> npt.NDArray[np.int64]:
        classes, numbers = np.unique(np.asarray(targets), return_inverse=True)
        if len(classes) < 2:
            raise EvoNeuroError(f"task {self.name!r}: load() gave {len(classes)} class; at least 2 are needed")
        self.classes = [str(c) for c in classes]
        return numbers.reshape(-1).astype(np.int64)

    def _strata(self, targets: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        return targets

    @property
    def outputs(self) -> int:
        decoder = decoder_from_spec(self.decoder)
        if decoder.continuous:
            raise EvoNeuroError(
                f"task {self.name!r}: decoder {decoder.kind!r} gives values; classes need one that chooses, such as "
                "race or count"
            )
        return decoder.neurons(int(self._loaded()[1].max()) + 1)

    def labels(self, part: str, seed: int) -> npt.NDArray[np.int64]:
        """Class numbers of the samples of train, validation or test: int64 [samples]."""
        return self.targets(part, seed)

    def judge(self, answers: npt.NDArray[Any], targets: npt.NDArray[Any]) -> tuple[Table, Table]:
        check_choice("task.metric", self.metric, METRICS)
        cases = (answers == targets) * self._weights(targets)
        return (f1(answers, targets) if self.metric == "f1" else cases.mean(axis=1)), cases

    def _weights(self, targets: npt.NDArray[np.int64]) -> Table:
        """Weight of each case, 1 in the mean: float64 [cases]."""
        weights = np.ones(len(targets))
        if self.metric == "balanced-accuracy":
            counts = np.bincount(targets)
            weights = 1.0 / counts[targets]
        elif self.class_weights is not None:
            given = np.asarray(self.class_weights, float)
            classes = len(self.classes)
            if given.shape != (classes,) or not (np.isfinite(given).all() and (given > 0).all()):
                raise EvoNeuroError(
                    f"task.class_weights: expected {classes} numbers > 0, for {', '.join(self.classes)}, "
                    f"got {list(self.class_weights)}"
                )
            weights = given[targets]
        balanced: Table = weights / weights.mean()
        return balanced

    def details(self, answers: npt.NDArray[Any], targets: npt.NDArray[Any]) -> dict[str, float]:
        right = answers == targets
        recalls = [float(right[targets == number].mean()) for number in np.unique(targets)]
        return {
            "accuracy": float(right.mean()),
            "balanced_accuracy": float(np.mean(recalls)),
            "f1": float(f1(answers[None], targets)[0]),
        }


def f1(answers: npt.NDArray[Any], targets: npt.NDArray[np.int64]) -> Table:
    """Macro F1 of each network: the mean over classes of 2 TP / (2 TP + FP + FN), 0 where a class has none of them.

    Args:
        answers: (networks, cases) class numbers.
        targets: [cases].
    """
    scores = []
    for number in np.unique(targets):
        chosen, true = answers == number, targets == number
        both = (chosen & true).sum(axis=1)
        scores.append(2 * both / np.maximum(chosen.sum(axis=1) + true.sum(), 1))
    mean: Table = np.mean(scores, axis=0)
    return mean


class ClassificationTask(Tabular, Labelled):
    """A task on rows of numbers or on series: `load` returns X and y.

    X is (samples, features), or (samples, times, channels) for series. Instead of writing `load`, set `data`.

    Attributes:
        copies: jittered copies of the training split that selection sees besides it, so that a network that is right
            by a hair is found out; 0 for none.
        jitter: standard deviation of their noise, in standard deviations of each feature.
    """

    kind = "classification"

    objectives = ("score", "synapses")
    copies: int = 4
    jitter: float = 0.2

    def samples(self, part: str, seed: int) -> Table:
        """Rows of train (with its jittered copies), validation or test: float64 (samples, features)."""
        x = super().samples(part, seed)
        check_integer("task.copies", self.copies, 0, 1000)
        if self.jitter < 0:
            raise EvoNeuroError(f"task.jitter: expected 0 or more, got {self.jitter:g}")
        if part != "train" or not self.copies:
            return x
        deviation = self.jitter * x.std(axis=0)
        noise = [generator(seed, "jitter", index=copy).normal(size=x.shape) for copy in range(self.copies)]
        return np.concatenate([x, *(x + deviation * n for n in noise)])

    def targets(self, part: str, seed: int) -> npt.NDArray[Any]:
        targets = super().targets(part, seed)
        return np.tile(targets, 1 + self.copies) if part == "train" else targets
