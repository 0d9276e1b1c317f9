"""A run, read from its directory: alive, finished or crashed. No plugin is imported and nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evoneuro.front import Front
from evoneuro.store import Store


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
        """state, generation, evaluations, failures, digest: readable while the run is alive and after a crash."""
        store = Store.read(self.path)
        try:
            summaries = store.summaries()
            last = summaries[-1] if summaries else {}
            return {
                "run": str(self.path),
                "state": store.state,
                "task": store.config["task"],
                "seed": store.config["seed"],
                "generation": last.get("generation"),
                "generations": store.config["budget"]["generations"],
                **store.counts(),
                "best_score": last.get("best_score"),
                "digest": last.get("digest"),
                "timing_dependent": last.get("timing_dependent", False),
            }
        finally:
            store.close()

    def failures(self) -> list[tuple[int, str, int, str]]:
        """Generation, purpose, position and reason of every candidate that failed."""
        store = Store.read(self.path)
        try:
            return store.failures()
        finally:
            store.close()
