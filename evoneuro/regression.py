"""Regression and prediction of time series: the outputs are read as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import decoder_from_spec
from evoneuro.errors import EvoNeuroError
from evoneuro.samples import Table
from evoneuro.tables import Tabular


class RegressionTask(Tabular):
    """A task whose targets are numbers: `load` returns X and y, y being (samples,) or (samples, values).

    The score is R squared, the share of the targets' variance that the network explains, in the mean of all values: 1
    is perfect, 0 is as good as always saying the mean.

    Attributes:
        decoder: one that gives values; its ranges are those of the training split's targets, unless it states them.
    """

    kind = "regression"

    objectives = ("score", "synapses")
    encoder: Mapping[str, Any] = {"kind": "argyle", "neurons": 4, "max_spikes": 4, "interval": 2}
    decoder: Mapping[str, Any] = {"kind": "bins", "members": 5}

    def _targets(self, targets: Any) -> Table:
        try:
            y = np.asarray(targets, np.float64)
        except (TypeError, ValueError) as error:
            raise EvoNeuroError(f"task {self.name!r}: load() must give numbers as targets: {error}") from None
        if y.ndim not in (1, 2):
            raise EvoNeuroError(
                f"task {self.name!r}: load() must give y of shape (samples,) or (samples, values), got {y.shape}"
            )
        y = y.reshape(len(y), -1)
        if not np.isfinite(y).all():
            row, column = np.argwhere(~np.isfinite(y))[0]
            raise EvoNeuroError(f"task {self.name!r}: y[{row}, {column}] is {y[row, column]}; it must be finite")
        return y

    @property
    def outputs(self) -> int:
        """Output neurons that the decoder needs for the values.

        Raises:
            EvoNeuroError: the decoder makes choices.
        """
        decoder = decoder_from_spec(self.decoder)
        if not decoder.continuous:
            raise EvoNeuroError(
                f"task {self.name!r}: decoder {decoder.kind!r} makes choices; regression needs one that gives values: "
                "rate, pair, bins, latency, trace-value or membrane-value"
            )
        return decoder.neurons(self._loaded()[1].shape[1])

    def coding(self, seed: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Specifications of encoder and decoder; the decoder's range is that of the training targets, unless set."""
        encoder, _ = super().coding(seed)
        train = self.targets("train", seed)
        low, high = train.min(axis=0), train.max(axis=0)
        high = np.where(high > low, high, low + 1)  # a constant target
        decoder = decoder_from_spec({"low": low.tolist(), "high": high.tolist(), **self.decoder})
        return encoder, decoder.spec()

    def judge(self, answers: npt.NDArray[Any], targets: npt.NDArray[Any]) -> tuple[Table, Table]:
        """R squared, float64 [networks], the mean over values; a case's share of it (networks, cases)."""
        variance = targets.var(axis=0)
        variance = np.where(variance > 0, variance, 1.0)  # of a constant, 1 - the mean squared error
        cases: Table = (1 - (answers - targets) ** 2 / variance).mean(axis=2)
        return cases.mean(axis=1), cases

    def details(self, answers: npt.NDArray[Any], targets: npt.NDArray[Any]) -> dict[str, float]:
        """R squared, and the root mean square and mean absolute error in the targets' unit."""
        error = answers - targets
        return {
            "r2": float(self.judge(answers[None], targets)[0][0]),
            "rmse": float(np.sqrt(np.mean(error**2))),
            "mae": float(np.abs(error).mean()),
        }
