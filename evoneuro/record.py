"""A run, read from its directory: alive, finished or crashed. No plugin is imported and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.archive import VALIDATION
from evoneuro.documents import sound, unpack
from evoneuro.errors import FormatError
from evoneuro.front import Front
from evoneuro.population import Measures
from evoneuro.store import Store


@dataclass(frozen=True, eq=False)
class Moment:
    """The front as it was when a generation closed.

    Attributes:
        evaluations, steps: networks evaluated until then, for whatever purpose, and network-steps simulated for them.
        measures: float64 (members, measures), the columns of `objectives.MEASURES` and of the run's own objectives.
        validation: float64 [members], validation score; NaN where it has not been measured.
    """

    generation: int
    evaluations: int
    steps: int
    measures: Measures
    validation: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """A run directory, by its path. `front` is read anew each time."""

    path: Path

    @property
    def front(self) -> Front:
        """The Pareto front as of the last closed generation."""
        return Front.read(self.path)

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """One record per closed generation: best score, front size, hypervolume, evaluations, seconds."""
        store = Store.read(self.path)
        try:
            return store.summaries()
        finally:
            store.close()

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration, as `evoneuro.config.Config.from_document` takes it."""
        store = Store.read(self.path)
        try:
            return store.config
        finally:
            store.close()

    def status(self) -> dict[str, Any]:
        """state, generation, evaluations, failures, digest: readable while the run is alive and after a crash.

        Of several islands also island_scores, the best score on each.
        """
        store = Store.read(self.path)
        try:
            summaries = store.summaries()
            last = summaries[-1] if summaries else {}
            with sound(f"{self.path}: configuration"):
                generations = store.config["budget"]["generations"]
            return {
                "run": str(self.path),
                "state": store.state,
                "task": store.config.get("task"),
                "seed": store.config.get("seed"),
                "profile": store.config.get("profile"),  # runs of before there were any have no such key
                "generation": last.get("generation"),
                "generations": generations,
                **store.counts(),
                "best_score": last.get("best_score"),
                **{key: last[key] for key in ("island_scores",) if key in last},
                "digest": last.get("digest"),
                "timing_dependent": last.get("timing_dependent", False),
            }
        finally:
            store.close()

    def history(self) -> list[Moment]:
        """The front at the end of each closed generation, in order, with what it had cost.

        Raises:
            FormatError: a damaged generation.
        """
        store = Store.read(self.path)
        try:
            work, moments = store.work(), []
            evaluations = steps = 0
            for generation, blob in store.fronts():
                made, simulated = work.get(generation, (0, 0))
                evaluations, steps = evaluations + made, steps + simulated
                with sound(f"{self.path}: generation {generation}"):
                    measures, scores = _front(unpack(blob), f"{self.path}: generation {generation}")
                moments.append(Moment(generation, evaluations, steps, measures, scores))
            return moments
        finally:
            store.close()

    def failures(self) -> list[tuple[int, str, int, str]]:
        """Generation, purpose, position and reason of every candidate that failed."""
        store = Store.read(self.path)
        try:
            return store.failures()
        finally:
            store.close()


def _front(document: Mapping[str, Any], what: str) -> tuple[Measures, npt.NDArray[np.float64]]:
    """Measures and validation scores of a generation's archive; the genomes stay packed."""
    measures, validation = document.get("archive.measures"), document.get("archive.validation")
    if measures is None or validation is None or validation.shape != (len(measures), len(VALIDATION)):
        raise FormatError(f"{what}: archive: measures and validation do not fit each other")
    return measures.astype(np.float64), validation[:, VALIDATION.index("score")].astype(np.float64)
