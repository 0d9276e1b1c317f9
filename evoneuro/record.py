"""A run, read from its directory: alive, finished or crashed. No plugin is imported and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro import pareto
from evoneuro.archive import VALIDATION
from evoneuro.documents import section, sound, unpack
from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.express import Blueprint, express
from evoneuro.faces import face
from evoneuro.front import Front, FrontMember
from evoneuro.genome import Genomes
from evoneuro.lineage import Ancestor
from evoneuro.network import Network
from evoneuro.objectives import COLUMN
from evoneuro.pareto import Losses
from evoneuro.population import Measures
from evoneuro.ragged import owners
from evoneuro.store import Store

ROOM = 0.1  # how far beyond the worst of each loss the hypervolume's reference lies, as a share of its range
COLUMNS = ("births", "origins", "measures")  # of a population's document, besides its genomes


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


@dataclass(frozen=True, eq=False)
class Census:
    """The population when a generation closed.

    Attributes:
        evaluations: networks evaluated until then, for whatever purpose.
        diversity: of a candidate's synapses, the share that another one of the population lacks, in the mean over all
            pairs; 0 where all are wired alike. A synapse is the same where evolution made both its neurons as one.
        synapses, neurons, score: quartiles of the candidates that did not fail, float64 [3].
        oldest, youngest: generations in which the lineages of the population began.
    """

    generation: int
    evaluations: int
    diversity: float
    synapses: npt.NDArray[np.float64]
    neurons: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]
    oldest: int
    youngest: int


@dataclass(frozen=True)
class Champion:
    """A network that was the best of the front until a better one came."""

    generation: int
    evaluations: int
    member: FrontMember


@dataclass(frozen=True)
class Run:
    """A run directory, by its path. `front` is read anew each time."""

    path: Path

    def __repr__(self) -> str:
        try:
            status = self.status()
        except EvoNeuroError as error:
            return f"Run({str(self.path)!r}): {error}"
        best = status["best_score"]
        score = "no score yet" if best is None else f"best score {best:.4g}"
        return f"Run({str(self.path)!r}): {status['state']}, {status['evaluations']:,} evaluations, {score}"

    def __rich__(self) -> Any:
        return face("run rich", self) or repr(self)

    def _repr_html_(self) -> str | None:
        table: str | None = face("run html", self)
        return table

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
    def meta(self) -> dict[str, Any]:
        """What else was known at the run's creation: solved, objectives of its own, task, versions, machine."""
        store = Store.read(self.path)
        try:
            return {name: value for name, value in store.meta.items() if name not in ("blueprint", "genomes")}
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

        Of several islands also island_scores, the best score on each; with `search.patience` also restarts.
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
                **{key: last[key] for key in ("island_scores", "restarts") if key in last},
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

    def censuses(self, most: int = 200) -> list[Census]:
        """The populations of about `most` closed generations, the first and the last among them, in order.

        Raises:
            FormatError: a damaged generation.
        """
        store = Store.read(self.path)
        try:
            spent, found, due = _spent(store), list[Census](), 0
            last = max(spent, default=0)
            for generation, blob in store.generations():
                if generation >= due or generation == last:
                    what = f"{self.path}: generation {generation}"
                    found.append(_census(generation, spent[generation], unpack(blob), what))
                    due = generation + -(-(last + 1) // most)
            return found
        finally:
            store.close()

    def champions(self) -> list[Champion]:
        """The members of the front that were better than all before them, by validation score, then by synapses.

        The last one is the best of the front as it is now, whose validation score some that have left it may exceed.

        Raises:
            FormatError: a damaged generation.
        """
        store = Store.read(self.path)
        try:
            spent, found, record = _spent(store), list[Champion](), (-np.inf, -np.inf)
            best = Front.read(self.path).members[:1]
            for generation, blob in store.generations():
                document = unpack(blob)
                measures, validation = _front(document, f"{self.path}: generation {generation}")
                known = np.flatnonzero(np.isfinite(validation))
                keys = [(float(validation[i]), -float(measures[i, COLUMN["synapses"]]), int(i)) for i in known]
                if keys and max(keys)[:2] > record:
                    score, size, place = max(keys)
                    record = (score, size)
                    born = "-".join(map(str, document["archive.births"][place].tolist()))
                    member = Front.of(store, section(document, "archive")).member(born)
                    found.append(Champion(generation, spent[generation], member))
            if best and (not found or found[-1].member.id != best[0].id):
                last = max(spent)
                found.append(Champion(last, spent[last], best[0]))
            return found
        finally:
            store.close()

    def lineage(self, member: str = "best") -> list[tuple[Ancestor, Network]]:
        """The line of ancestors of a member of the front, the oldest first and itself last, with their networks.

        Empty for one that was born before runs wrote down who its parents were.

        Args:
            member: an id, "best" or "smallest".

        Raises:
            EvoNeuroError: no such member.
            FormatError: a damaged record.
        """
        name = self.front.member(member).id
        store = Store.read(self.path)
        try:
            line = store.line(name)
            with sound(f"{self.path}: lineage"):
                blueprint = Blueprint.from_document(store.meta["blueprint"])
                networks = express(Genomes.of([one.genome for one in line]), blueprint)
                return list(zip(line, networks, strict=True))
        finally:
            store.close()

    def failures(self) -> list[tuple[int, str, int, str]]:
        """Generation, purpose, position and reason of every candidate that failed."""
        store = Store.read(self.path)
        try:
            return store.failures()
        finally:
            store.close()


def _spent(store: Store) -> dict[int, int]:
    """Closed generation -> networks evaluated until its end."""
    work, spent, total = store.work(), dict[int, int](), 0
    for summary in store.summaries():
        total += work.get(summary["generation"], (0, 0))[0]
        spent[summary["generation"]] = total
    return spent


def _census(generation: int, evaluations: int, document: Mapping[str, Any], what: str) -> Census:
    population = section(document, "population")
    with sound(f"{what}: population"):
        genomes = Genomes.from_document({name: value for name, value in population.items() if name not in COLUMNS})
        measures, origins = population["measures"].astype(np.float64), population["origins"]
    scored = measures[np.isfinite(measures[:, COLUMN["score"]])]

    def quartiles(name: str) -> npt.NDArray[np.float64]:
        return np.percentile(scored[:, COLUMN[name]], (25, 50, 75)) if len(scored) else np.full(3, np.nan)

    return Census(
        generation,
        evaluations,
        _diversity(genomes),
        quartiles("synapses"),
        quartiles("neurons"),
        quartiles("score"),
        int(origins.min(initial=generation)),
        int(origins.max(initial=0)),
    )


def _diversity(genomes: Genomes) -> float:
    """See `Census.diversity`: from how often each synapse occurs, so that no pair has to be looked at."""
    if len(genomes) < 2 or not len(genomes.pre):
        return 0.0
    start = genomes.neuron_starts[owners(genomes.synapse_starts)]
    ends = np.stack([genomes.ids[start + genomes.pre], genomes.ids[start + genomes.post]], axis=1)
    _, counts = np.unique(ends, axis=0, return_counts=True)
    shared = float((counts * (counts - 1.0)).sum()) / (len(genomes) - 1)
    return 1.0 - shared / len(genomes.pre)


def _front(document: Mapping[str, Any], what: str) -> tuple[Measures, npt.NDArray[np.float64]]:
    """Measures and validation scores of a generation's archive; the genomes stay packed."""
    measures, validation = document.get("archive.measures"), document.get("archive.validation")
    if measures is None or validation is None or validation.shape != (len(measures), len(VALIDATION)):
        raise FormatError(f"{what}: archive: measures and validation do not fit each other")
    return measures.astype(np.float64), validation[:, VALIDATION.index("score")].astype(np.float64)


# Runs beside one another


def box_shares(runs: Sequence[Sequence[Losses]]) -> list[npt.NDArray[np.float64]]:
    """Of each run, the share of the box of all that its front dominates at each generation."""
    every = np.concatenate([table for run in runs for table in run])
    every = every[np.isfinite(every).all(axis=1)]
    if not len(every):
        return [np.zeros(len(run)) for run in runs]
    low, high = every.min(axis=0), every.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    reference = np.full(len(low), 1.0 + ROOM)
    box = float(np.prod(reference))
    return [np.array([pareto.hypervolume((t - low) / span, reference) / box for t in run]) for run in runs]
