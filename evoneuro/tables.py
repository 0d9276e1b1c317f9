"""Samples that are numbers: arrays, CSV and Parquet files, scikit-learn's loaders; their ranges, and their encoding."""

from __future__ import annotations

from typing import Any

import numpy as np

from evoneuro.coding import Encoder
from evoneuro.coding.trains import words
from evoneuro.errors import EvoNeuroError
from evoneuro.samples import Feed, SampleTask, Table

SPREAD = 2.0  # standard deviations of a feature that its encoder's range holds to each side


class Tabular(SampleTask):
    """What tasks share whose samples are rows of numbers (samples, features) or series (samples, times, channels).

    The encoder's ranges are the training split's mean +- two standard deviations of each feature or channel: what is
    beyond is clipped, and no outlier moves the centre.
    """

    def _samples(self, samples: Any) -> Table:
        try:
            x = np.asarray(samples, np.float64)
        except (TypeError, ValueError) as error:
            raise EvoNeuroError(f"task {self.name!r}: load() must give numbers: {error}") from None
        if x.ndim not in (2, 3):
            raise EvoNeuroError(
                f"task {self.name!r}: load() must give X of shape (samples, features), "
                f"or (samples, times, channels) for series, got {x.shape}"
            )
        if not np.isfinite(x).all():
            where = np.argwhere(~np.isfinite(x))[0]
            raise EvoNeuroError(
                f"task {self.name!r}: X[{', '.join(map(str, where))}] is {x[tuple(where)]}; every value must be finite"
            )
        return x

    def coding(self, seed: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        x, _ = self._loaded()
        train = x[self.members("train", seed)].reshape(-1, x.shape[-1])
        mean, reach = train.mean(axis=0), SPREAD * train.std(axis=0)
        reach = np.where(reach > 0, reach, 1.0)  # a constant feature
        low = mean - reach if self.low is None else np.asarray(self.low, float)
        high = mean + reach if self.high is None else np.asarray(self.high, float)
        encoder = self._encoder(low, high)
        if encoder.series != (x.ndim == 3):
            raise EvoNeuroError(
                f"task {self.name!r}: X of shape {x.shape} are {'series' if x.ndim == 3 else 'rows'}, encoder "
                f"{encoder.kind!r} reads {'series' if encoder.series else 'rows'}"
            )
        return encoder.spec(), self._decoder()

    def samples(self, part: str, seed: int) -> Table:
        """Rows of train, validation or test: float64 (samples, features) or (samples, times, channels)."""
        x: Table = self._loaded()[0][self.members(part, seed)]
        return x

    def _chunk(self, part: str, seed: int, lanes: slice, encoder: Encoder | None, gain: int, window: int) -> Feed:
        assert encoder is not None
        known: dict[Any, Table] = self.__dict__.setdefault("_rows", {})
        if (part, seed) not in known:
            known.clear()
            known[part, seed] = self.samples(part, seed)
        return encoder.encode(encoder.quantise(known[part, seed][lanes]), window, gain)

    def _lane_bytes(self, encoder: Encoder | None, window: int) -> int:
        assert encoder is not None
        return 4 * encoder.inputs * (window if encoder.graded else words(window))
