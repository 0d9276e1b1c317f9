"""The run: where the evolution chain and the evaluation chain meet.

Each generation asks for offspring, evaluates them through the pool, and tells what came back. Everything that decides
the result is a function of configuration and seed; everything that was evaluated is journaled before it is used, so
that a run that was killed goes on as if it had not been.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evoneuro import pareto
from evoneuro.archipelago import Archipelago
from evoneuro.archive import VALIDATION, Archive
from evoneuro.config import Config
from evoneuro.documents import filed, pack, section, unpack
from evoneuro.eons import Eons
from evoneuro.errors import RunError
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.evolution import Beginning, Evolution, Origins, Violations
from evoneuro.express import Blueprint, express
from evoneuro.front import confidence_interval
from evoneuro.genome import Genome
from evoneuro.horizon import Horizon
from evoneuro.lineage import Kin
from evoneuro.measuring import measure_each
from evoneuro.networks import Networks
from evoneuro.objectives import COLUMN, MEASURES, Own, losses, named, parse_constraint, violation
from evoneuro.pareto import Losses
from evoneuro.patience import Patience
from evoneuro.population import Measures, Population
from evoneuro.stopping import Stop, stoppable
from evoneuro.store import Store
from evoneuro.task import Task
from evoneuro.workers import Pool, open_pool
from evoneuro.workers.worker import OUT_OF_MEMORY

FRONT_LIMIT = 128
CONFIRMING = 2**31  # added to the epochs of episodes that only the front meets
TIMED = ("no answer within", OUT_OF_MEMORY)  # reasons of failures that another machine might not see


class Observer(Protocol):
    """What a run tells while it goes on; `evoneuro.report.live` has the displays."""

    def start(self, header: Mapping[str, Any]) -> None:
        """The run begins, or goes on: its directory, task and seed."""
        ...

    def generation(self, summary: Mapping[str, Any]) -> None:
        """A generation is closed; `evoneuro.callbacks.Callback.generation` says what a summary has."""
        ...

    def finish(self) -> None:
        """The run ends, however it does."""
        ...


class Silent:
    """An observer that does nothing."""

    def start(self, header: Mapping[str, Any]) -> None:
        """Nothing."""

    def generation(self, summary: Mapping[str, Any]) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""


class Session:
    """One process's work on a run, from the last closed generation to the end of the budget."""

    def __init__(
        self, store: Store, config: Config, task: Task, blueprint: Blueprint, own: Own, display: Observer
    ) -> None:
        self.store, self.config, self.task, self.blueprint, self.display = store, config, task, blueprint, display
        self.own = own
        self.objectives = config.search.objectives or task.objectives
        self.constraints = [parse_constraint(text) for text in config.search.constraints]
        self.evolution = _archipelago(config, blueprint)
        self.archive = Archive.empty(len(MEASURES) + len(own), FRONT_LIMIT)
        self.perturbations = config.robustness if "robustness" in own else None
        self.baseline = 0.0
        self.reference: list[float] = []
        self.horizon = Horizon(config.episodes, task)
        self.patience = Patience(config.search.patience, config.search.kicks)
        self.evaluations = self.simulated = 0  # asked for, and their steps: what the budget counts, on resumes too
        self.steps = 0  # that this process has simulated
        self.champion = (-math.inf, -math.inf)  # validation score and -synapses of the best member so far

    def go(self, seeds: Sequence[Genome]) -> None:
        """All generations that the budget leaves."""
        self.first = self._restore()
        self.began = time.monotonic()
        past = self.store.summaries()
        self.earlier = sum(summary["seconds"] for summary in past)
        self.counts = Counter(self.store.counts())
        self.done_before = self.counts["evaluations"]
        self.asked_before = self.evaluations, self.simulated
        self.timed = any(summary.get("timing_dependent") for summary in past[-1:])
        self.timed = self.timed or any(reason.startswith(TIMED) for *_, reason in self.store.failures())
        state = "failed"
        try:
            with stoppable(self._say_stopping) as self.stopping:
                if not self._over(self.first):
                    self._generations(seeds)
            state = "finished"
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        finally:
            self.display.finish()
            # an error of the disk is already on its way; a second one would hide it
            with nullcontext() if state == "finished" else suppress(RunError):
                self.store.finish(state)

    def _generations(self, seeds: Sequence[Genome]) -> None:
        workers = self.config.workers
        task, parameters = self.config.task, self.config.parameters
        coding = [str(spec["kind"]) for spec in (self.blueprint.encoder, self.blueprint.decoder) if spec is not None]
        with open_pool(
            task,
            parameters,
            workers.count,
            workers.address,
            workers.timeout,
            coding=coding,
            arrays=self.task.loaded_arrays(),
            memory=workers.memory,
            notes=self.store.path,
        ) as pool:
            pool.draining = lambda: self.stopping.asked
            islands = {"islands": self.config.islands.count} if self.config.islands.count > 1 else {}
            header = {"run": str(self.store.path), "task": self.task.name, "seed": self.config.seed, **islands}
            self.display.start(header)
            generation, last = self.first, False
            while not last:
                last = self._generation(generation, pool, seeds)
                generation += 1
                if self.stopping.asked and not last:
                    raise Stop

    def _say_stopping(self) -> None:
        """What the user is told after the first Ctrl-C, if the display can tell it."""
        message = getattr(self.display, "message", lambda text: None)
        message("evoneuro: stopping when what is in flight has been journaled; once more stops at once")

    def _restore(self) -> int:
        """The state after the last closed generation; returns the next one."""
        last = self.store.last_generation()
        if last is None:
            return 0
        generation, document = last[0], unpack(last[1])
        self.evolution.restore(document, self.blueprint)
        self.archive = Archive.from_document(section(document, "archive"), self.blueprint, FRONT_LIMIT)
        self.baseline, self.reference = document["baseline"], document["reference"]
        self.evaluations, self.simulated = document["evaluations"], document["steps"]
        self.horizon.restore(document)
        self.patience.restore(document)
        self._improved()
        return generation + 1

    def _over(self, generation: int) -> bool:
        budget = self.config.budget
        hours = (self.earlier + time.monotonic() - self.began) / 3600
        return (
            (budget.generations > 0 and generation >= budget.generations)
            or (budget.evaluations > 0 and self.evaluations >= budget.evaluations)
            or (budget.steps > 0 and self.simulated >= budget.steps)
            or (budget.hours > 0 and generation > 0 and hours >= budget.hours)
            or (budget.score is not None and bool((self.archive.validation[:, 0] >= budget.score).any()))
        )

    # One generation

    def _generation(self, generation: int, pool: Pool, seeds: Sequence[Genome]) -> bool:
        """One generation, from asking to the closed record; whether it was the last that the budget allows."""
        started = time.monotonic()
        beginning = Beginning(seeds, mutants=self.config.start is not None)
        if self.patience.exhausted(generation):
            self._give_up(generation)
            if self.patience.kicked:
                beginning = replace(beginning, front=self.archive.members)
        if generation and (self.horizon.grown or self._new_episodes(generation)):
            self._rescore(generation, pool)
        offspring, networks = self.evolution.ask(generation, self._judge, beginning)
        evaluations = self._evaluate(generation, "offspring", networks, pool)
        offspring = offspring.measured(self._measured(generation, "offspring", networks, evaluations))
        if generation == 0:
            self._set_baseline(offspring.measures)
        self.evolution.tell(offspring, self._judge)
        self._update_archive(generation, offspring, pool)
        scores = self.evolution.population.measures[:, COLUMN["score"]]
        self.patience.note(generation, self.horizon.length or 0, max(scores[np.isfinite(scores)], default=np.nan))
        self.horizon.grow(evaluations)
        last = self._over(generation + 1)
        if last or generation % self.config.episodes.every == 0:
            self._validate(generation, pool)
            last = last or self._over(generation + 1)
        self._close(generation, offspring, time.monotonic() - started, (pool.workers, pool.alive))
        return last

    def _new_episodes(self, generation: int) -> bool:
        return self.task.changes and generation % self.config.episodes.refresh == 0

    def _give_up(self, generation: int) -> None:
        """Nobody, and short episodes, as before generation 0; the front stays."""
        self.evolution.clear()
        self.horizon.start_anew()
        self.patience.start_anew(generation)

    def _cases(self, generation: int, purpose: str) -> Cases:
        """The episodes of selection change with each epoch of `refresh` generations; validation's never do."""
        episodes = self.config.episodes
        if purpose == "validation":
            return Cases(self.config.seed, "validation", 0, episodes.validation)
        fronts = purpose in ("archive", "confirm")  # the front has met the longest, whatever a new population meets
        epoch, length = generation // episodes.refresh, self.horizon.longest if fronts else self.horizon.length
        count = self.horizon.count(length)
        if fronts and self._confirms:
            epoch, count = epoch + CONFIRMING, episodes.confirm
        return Cases(self.config.seed, "episodes", epoch, count, length, perturbations=self.perturbations)

    @property
    def _confirms(self) -> bool:
        """Whether the front has episodes of its own, by which nobody came to be one of the best."""
        return self.config.episodes.confirm > 0 and self.task.changes

    def _rescore(self, generation: int, pool: Pool) -> None:
        """Survivors and front meet the new episodes, so that all are compared on the same ones."""
        population, members = self.evolution.population, self.archive.members
        if len(population):
            networks = express(population.genomes, self.blueprint)
            evaluations = self._evaluate(generation, "rescore", networks, pool)
            self.evolution.rescore(self._measured(generation, "rescore", networks, evaluations))
        networks = express(members.genomes, self.blueprint)
        evaluations = self._evaluate(generation, "archive", networks, pool)
        self.archive = self.archive.rescore(self._measured(generation, "archive", networks, evaluations))

    def _update_archive(self, generation: int, newcomers: Population, pool: Pool) -> None:
        """The front takes who is among the best and, with `episodes.confirm`, still is on episodes of its own."""
        archive = self._front_with(newcomers)
        if self._confirms:
            arrived = archive.members.take(np.flatnonzero(~np.isin(archive.members.names, self.archive.members.names)))
            networks = express(arrived.genomes, self.blueprint)
            evaluations = self._evaluate(generation, "confirm", networks, pool)
            measures = self._measured(generation, "confirm", networks, evaluations)
            archive = self._front_with(arrived.measured(measures))
        self.archive = archive

    def _front_with(self, newcomers: Population) -> Archive:
        """The front keeps limits; the floor is the population's alone, so that all sizes stand where they are best."""
        measures = np.concatenate([self.archive.members.measures, newcomers.measures])
        table = losses(measures, self.objectives, self.own)
        table[violation(measures, self.constraints, -np.inf, self.own) > 0] = np.inf
        return self.archive.update(newcomers, table)

    def _validate(self, generation: int, pool: Pool) -> None:
        """Front members that have not been yet meet episodes that selection never sees."""
        positions = self.archive.unvalidated
        networks = express(self.archive.members.genomes.take(positions), self.blueprint)
        evaluations = self._evaluate(generation, "validation", networks, pool)
        found = {
            position: (evaluation.score, *confidence_interval(evaluation.case_scores), len(evaluation.case_scores))
            for position, evaluation in zip(positions.tolist(), evaluations, strict=True)
            if evaluation.failure is None
        }
        if found:
            self.archive = self.archive.validated(list(found), list(found.values()))

    def _evaluate(self, generation: int, purpose: str, networks: Networks, pool: Pool) -> list[Evaluation]:
        """Evaluations of `networks`: journaled ones are read, the others made and journaled batch by batch."""
        done = self.store.evaluations(generation, purpose)
        todo = [i for i in range(len(networks)) if i not in done]
        cases = self._cases(generation, purpose)
        self.evaluations += len(networks)
        left = networks.take(todo) if done else networks
        for batch in pool.evaluate(left, cases) if todo else ():
            # of selection's cases only the score is used: thousands of samples each would fill the disk
            keep = purpose == "validation"
            results = [(todo[k], evaluation if keep else evaluation.without_cases()) for k, evaluation in batch]
            self.store.record(generation, purpose, results)
            done.update(results)
            failures = [evaluation.failure for _, evaluation in results if evaluation.failure is not None]
            self.counts.update(evaluations=len(results), failures=len(failures))
            self.timed = self.timed or any(reason.startswith(TIMED) for reason in failures)
            self.steps += sum(evaluation.steps for _, evaluation in results)
        if self.stopping.asked and len(done) < len(networks):
            raise Stop  # the pool has drained
        found = [done[i] for i in range(len(networks))]
        self.simulated += sum(evaluation.steps for evaluation in found)
        return found

    def _measured(
        self, generation: int, purpose: str, networks: Networks, evaluations: Sequence[Evaluation]
    ) -> Measures:
        """What `evaluations` mean; who cannot be measured has failed, and the journal says why."""
        measures, reasons = measure_each(networks, evaluations, self.own, self.config.workers.timeout)
        if reasons:
            self.store.charge(generation, purpose, reasons)
            self.counts.update(failures=len(reasons))
            self.timed = self.timed or any(reason.startswith(TIMED) for reason in reasons.values())
        return measures

    # Judgement

    def _set_baseline(self, measures: Measures) -> None:
        """What a network scores that nobody has evolved: the middle of the random ones; the hypervolume's reference."""
        scores = measures[:, COLUMN["score"]]
        scores = scores[np.isfinite(scores)]
        if not len(scores):
            _, _, _, reason = self.store.failures()[0]
            raise RunError(f"all {len(measures)} networks of generation 0 failed; the first: {reason}")
        self.baseline = float(np.median(scores))
        table = losses(measures, self.objectives, self.own)
        self.reference = (table[np.isfinite(table).all(axis=1)].max(axis=0) + 1).tolist()

    def _judge(self, measures: Measures, origins: Origins | None = None, /) -> tuple[Losses, Violations]:
        """Losses and violations of candidates that are compared with one another: see `evolution.Judge`."""
        search = self.config.search
        floor: float | npt.NDArray[np.float64] = -np.inf
        if search.score_floor is not None:
            floor = search.score_floor
        elif search.floor:
            scores = np.fmax(measures[:, COLUMN["score"]], self.baseline)  # the floor is never below the baseline
            # what breaks a limit sets no mark for those that keep it, or nobody would be left where limits are tight
            scores[violation(measures, self.constraints, -np.inf, self.own) > 0] = self.baseline
            best = scores.max(initial=self.baseline) if origins is None else _best_as_young(scores, origins)
            floor = self.baseline + search.floor * (best - self.baseline)
        return losses(measures, self.objectives, self.own), violation(measures, self.constraints, floor, self.own)

    # Record

    def _close(self, generation: int, offspring: Population, seconds: float, workers: tuple[int, int]) -> None:
        document = pack(
            {
                **self.evolution.to_document(),
                **filed("archive", self.archive.to_document()),
                "baseline": self.baseline,
                "reference": self.reference,
                "evaluations": self.evaluations,
                "steps": self.simulated,
                **self.horizon.to_document(),
                **self.patience.to_document(),
            }
        )
        measures = self.archive.members.measures
        summary = {
            "generation": generation,
            "seconds": seconds,
            "best_score": max(measures[:, COLUMN["score"]].tolist(), default=None),
            "front_size": len(measures),
            "hypervolume": pareto.hypervolume(losses(measures, self.objectives, self.own), self.reference),
            **self.counts,
            "timing_dependent": self.timed,
            "digest": hashlib.sha256(document).hexdigest(),
            **_of_islands(self.evolution),
            **({"restarts": self.patience.restarts} if self.patience.limit else {}),
        }
        kin = Kin.of(offspring, self.evolution.population, self.archive.members)
        self.store.close_generation(generation, document, summary, keep=self._improved(), kin=kin)
        elapsed = time.monotonic() - self.began
        self.display.generation(
            {
                **summary,
                "generations": self.config.budget.generations or None,
                "evaluations_per_second": (self.counts["evaluations"] - self.done_before) / elapsed,
                "steps_per_second": self.steps / elapsed,
                "seconds": self.earlier + elapsed,
                "seconds_left": self._seconds_left(generation + 1, elapsed),
                "workers": workers[0],
                "workers_alive": workers[1],
                "front": _shown(self.archive, [objective.name for objective in self.own.values()]),
            }
        )

    def _seconds_left(self, generations: int, elapsed: float) -> float | None:
        """Until the first of the budgets is used up at this process's pace so far; None if nothing but a score ends it.

        Args:
            generations: that are closed.
            elapsed: seconds of this process's work.
        """
        budget, (asked, simulated) = self.config.budget, self.asked_before
        used = [
            (budget.generations, generations, generations - self.first),
            (budget.evaluations, self.evaluations, self.evaluations - asked),
            (budget.steps, self.simulated, self.simulated - simulated),
            (budget.hours * 3600, self.earlier + elapsed, elapsed),
        ]
        left = [max(total - done, 0) * elapsed / max(here, 1e-9) for total, done, here in used if total > 0]
        return min(left, default=None)

    def _improved(self) -> bool:
        """Whether the front has a member that validated better than all before, or as well with fewer synapses."""
        scores = self.archive.validation[:, VALIDATION.index("score")]
        synapses = self.archive.members.measures[:, COLUMN["synapses"]]
        found = [(scores[i], -synapses[i]) for i in np.flatnonzero(np.isfinite(scores))]
        before, self.champion = self.champion, max([self.champion, *found])
        return self.champion > before


def _archipelago(config: Config, blueprint: Blueprint) -> Archipelago:
    """What the configuration's method evolves, before its first generation."""
    islands = config.islands
    return Archipelago(
        [_island(config, blueprint, number) for number in range(islands.count)], islands.every, islands.migrants
    )


def _island(config: Config, blueprint: Blueprint, number: int) -> Evolution:
    search, which = config.search, {"island": number, "islands": config.islands.count}
    if search.method == "eons":
        return Eons(blueprint, config.seed, search.population, search.crossover, config.eons, **which)
    newcomers = round(search.newcomers * search.population)
    ways = (search.crossover, newcomers, search.greed, search.move)
    return Evolution(blueprint, config.seed, search.population, *ways, **which)


def _of_islands(evolution: Archipelago) -> dict[str, Any]:
    """What a summary says of several islands: the best score on each; None where everybody failed."""
    if len(evolution.islands) == 1:
        return {}
    scores = [island.population.measures[:, COLUMN["score"]] for island in evolution.islands]
    return {"island_scores": [max(found[np.isfinite(found)].tolist(), default=None) for found in scores]}


def _best_as_young(scores: npt.NDArray[np.float64], origins: Origins) -> npt.NDArray[np.float64]:
    """For each candidate the best score of those whose lineage is no older, itself included: float64 [candidates]."""
    began, which = np.unique(origins, return_inverse=True)
    best = np.full(len(began), -np.inf)
    np.maximum.at(best, which, scores)
    return np.maximum.accumulate(best[::-1])[::-1][which]


def _shown(archive: Archive, own: Sequence[str]) -> list[dict[str, Any]]:
    """The members as the displays get them; `own` are the names of the run's own objectives."""
    members = archive.members
    return [
        {
            "id": name,
            **named(measures, own),
            "validation_score": None if math.isnan(score) else score,
            "interval": None if math.isnan(score) else [low, high],
        }
        for name, measures, (score, low, high, _) in zip(
            members.names, members.measures, archive.validation.tolist(), strict=True
        )
    ]
