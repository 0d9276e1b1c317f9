"""Classification: which class a row of numbers, or a series of them, belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import decoder_from_spec
from evoneuro.columns import cells, is_missing
from evoneuro.errors import EvoNeuroError, check_choice, check_integer
from evoneuro.keys import generator
from evoneuro.samples import SampleTask, Table
from evoneuro.tables import PIECE, Tabular, blocks, moments

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
        labels = np.asarray(targets)
        if labels.ndim != 1:
            raise EvoNeuroError(f"task {self.name!r}: load() must give one label for each sample, got {labels.shape}")
        if labels.dtype.kind not in "biuSU":
            labels = cells(labels)
        if labels.dtype == object:
            if missing := [row for row, label in enumerate(labels) if is_missing(label)]:
                raise EvoNeuroError(f"task {self.name!r}: the label of sample {missing[0]} is missing; drop the sample")
            labels = labels.astype(str)
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise EvoNeuroError(f"task {self.name!r}: load() gave {len(classes)} class; at least 2 are needed")
        self.classes = [str(c) for c in classes]
        return numbers.reshape(-1).astype(np.int64)

    def _strata(self, targets: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        return targets

    @property
    def outputs(self) -> int:
        """Output neurons that the decoder needs for the classes.

        Raises:
            EvoNeuroError: the decoder gives values.
        """
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
        """Scores by the metric, float64 [networks], and of cases (networks, cases): the weight of the class, or 0.

        Raises:
            EvoNeuroError: an unknown metric, or class weights that do not fit the classes.
        """
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
        """Accuracy, balanced accuracy (the mean recall of the classes that are there) and macro F1, each 0 to 1."""
        right = answers == targets
        recalls = [float(right[targets == number].mean()) for number in np.unique(targets)]
        return {
            "accuracy": float(right.mean()),
            "balanced_accuracy": float(np.mean(recalls)),
            "f1": float(f1(answers[None], targets)[0]),
        }


def f1(answers: npt.NDArray[Any], targets: npt.NDArray[np.int64]) -> Table:
    """Macro F1 of each network, as scikit-learn's `f1_score` has it: the mean of 2 TP / (2 TP + FP + FN) over classes.

    Classes that are neither right nor chosen for any case are left out, and -1, to abstain, is no class.

    Args:
        answers: (networks, cases) class numbers.
        targets: [cases].
    """
    total, classes = np.zeros(len(answers)), np.zeros(len(answers))
    for number in range(max(int(targets.max()), int(answers.max())) + 1):
        chosen, true = answers == number, targets == number
        concerned = chosen.sum(axis=1) + true.sum()
        total += 2 * (chosen & true).sum(axis=1) / np.maximum(concerned, 1)
        classes += concerned > 0
    mean: Table = total / np.maximum(classes, 1)
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
    configuration = {"search": {"linear": True}}

    objectives = ("score", "synapses")
    copies: int = 4
    jitter: float = 0.2

    def _rows(self, part: str, seed: int, lanes: slice) -> Table:
        """Samples `lanes` of a part, float64; behind those of train stand their jittered copies."""
        check_integer("task.copies", self.copies, 0, 1000)
        if self.jitter < 0:
            raise EvoNeuroError(f"task.jitter: expected 0 or more, got {self.jitter:g}")
        count = len(self.members(part, seed))
        found = []
        for copy in range(lanes.start // count, -(-lanes.stop // count)):
            here = slice(max(lanes.start - copy * count, 0), min(lanes.stop - copy * count, count))
            rows = super()._rows(part, seed, here)
            found.append(rows + self._noise(seed, copy - 1, here) if copy else rows)
        return np.concatenate(found)

    def _noise(self, seed: int, copy: int, rows: slice) -> Table:
        """Noise on rows of a copy of the training split: float64, shaped as they are.

        It is drawn in blocks with keys of their own, so that some rows need not draw for all that stand before them.
        """
        x, members = self._loaded()[0], self.members("train", seed)
        if (seed, self.fold) not in (known := self.__dict__.setdefault("_deviation", {})):
            known[seed, self.fold] = moments(lambda: blocks(x, members))[1]
        size = max(1, PIECE // x[0].size)
        drawn = [
            generator(seed, "jitter", index=copy, sub=block).normal(
                size=(min(size, len(members) - block * size), *x.shape[1:])
            )
            for block in range(rows.start // size, -(-rows.stop // size))
        ]
        first = rows.start // size * size
        noise = np.concatenate(drawn)[rows.start - first : rows.stop - first]
        scaled: Table = self.jitter * known[seed, self.fold] * noise
        return scaled

    def targets(self, part: str, seed: int) -> npt.NDArray[Any]:
        """Classes of a part's samples, int64 [samples]; of training samples once for each copy, too."""
        targets = super().targets(part, seed)
        return np.tile(targets, 1 + self.copies) if part == "train" else targets
