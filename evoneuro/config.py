"""What a run is configured by: frozen dataclasses, each of which checks its values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from evoneuro.eons import Parameters
from evoneuro.errors import EvoNeuroError, check_choice, check_integer, nearest
from evoneuro.evaluation import Perturbations
from evoneuro.genome import Bounds
from evoneuro.mutations import MOVE
from evoneuro.objectives import check_measure, parse_constraint
from evoneuro.sections import build


@dataclass(frozen=True)
class Budget:
    """When a run ends: whichever comes first. Time is looked at between generations only.

    Attributes:
        generations, evaluations, steps, hours: as many; 0 is no limit. Steps are those of all networks over all lanes,
            whatever they were simulated for.
        score: as soon as a network of the front has it on the validation cases; null: never for that.
    """

    generations: int = 100
    evaluations: int = 0
    steps: int = 0
    hours: float = 0.0
    score: float | None = None

    def __post_init__(self) -> None:
        if self.hours < 0:
            raise EvoNeuroError(f"budget.hours: expected 0 or more, got {self.hours:g}")


@dataclass(frozen=True)
class Search:
    """How evolution goes.

    Attributes:
        population: candidates of a generation, and survivors.
        objectives: any of score, neurons, hidden, synapses, latency, energy, robustness, and plugins; null: the task's
            own.
        constraints: hard limits such as "latency <= 8"; feasibility comes before all objectives.
        floor: share of the way from a generation-0 network's score to the best score so far, below which a network is
            infeasible, so that tiny useless networks do not own the population (the front shows them); 0: no floor.
        score_floor: the floor as an absolute score, instead; null if not set.
        crossover: share of children with two parents.
        linear: whether the first generation has linear classifiers of spike counts among its random genomes (see
            `evoneuro.linear`); tasks on rows of numbers say so. Without effect on tasks that have no classes or whose
            input is charges, and where `start` names networks.
        newcomers: share of the children that are random genomes; with any, the age of a lineage is one more objective,
            so that young ones live long enough to show what they are worth, and the floor holds a lineage only to
            what those as young have reached. For tasks on which runs get stuck.
        greed: share of the children whose first parent is one of the tenth that score best.
        move: standard deviation of Gaussian moves of genes, as a share of each gene's range; a gene moves by
            one step at least. Small moves, such as 0.01, tune a network that `start` brings along; large ones explore.
            Without effect on EONS, which draws anew.
        patience: generations without a better score after which the population is given up and the search starts anew
            with short episodes: by turns, from variants of the front that several mutations lie away (and have half the
            patience), and from other random genomes (or mutants of `start`). The front stays. 0: never.
        kicks: whether it takes turns so; false: all that start anew are random.
        topology: "free", or "fixed" to evolve parameters alone (needs a network to start from).
        method: "nsga2", or "eons" for the incumbent's algorithm, whose one fitness knows no objectives or constraints:
            then these say what the front keeps.
    """

    population: int = 100
    objectives: tuple[str, ...] | None = None
    constraints: tuple[str, ...] = ()
    floor: float = 0.8
    score_floor: float | None = None
    crossover: float = 0.5
    linear: bool = False
    newcomers: float = 0.0
    greed: float = 0.0
    move: float = MOVE
    patience: int = 0
    kicks: bool = True
    topology: str = "free"
    method: str = "nsga2"

    def __post_init__(self) -> None:
        check_integer("search.population", self.population, 4, 2**20)
        if self.objectives is not None:
            check_objectives("search.objectives", self.objectives)
        for text in self.constraints:
            parse_constraint(text)
        for name in ("floor", "crossover", "newcomers", "greed", "move"):
            if not 0 <= getattr(self, name) <= 1:
                raise EvoNeuroError(f"search.{name}: expected 0 to 1, got {getattr(self, name)}")
        check_integer("search.patience", self.patience, 0, 2**31)
        check_choice("search.topology", self.topology, ("free", "fixed"))
        check_choice("search.method", self.method, ("nsga2", "eons"))


def check_objectives(what: str, names: Sequence[str]) -> None:
    """Raise unless `names` are one or more different measures, or may be plugins'."""
    if not names or len(set(names)) != len(names):
        raise EvoNeuroError(f"{what}: expected one or more different names, got {list(names)}")
    for name in names:
        check_measure(what, name)


@dataclass(frozen=True)
class Islands:
    """Populations that evolve side by side and exchange their best (see `evoneuro.archipelago`).

    Attributes:
        count: of islands, each with a population of `search.population`.
        every: generations between migrations.
        migrants: how many of its best each island sends to the next one on the ring; 0: none.
    """

    count: int = 1
    every: int = 10
    migrants: int = 2

    def __post_init__(self) -> None:
        check_integer("islands.count", self.count, 1, 2**16)
        check_integer("islands.every", self.every, 1, 2**31)


@dataclass(frozen=True)
class Episodes:
    """Which cases candidates meet (control tasks; a data set uses its splits).

    Attributes:
        count: episodes of each candidate; null: the task's own.
        horizon: decisions of an episode at first, for tasks in which lasting is the aim: it doubles, up to the task's
            own limit, whenever the best candidate lasts through 0.7 of it in the mean. Episodes are an eighth of
            `count` at first and double with it: what lasts longer is told apart by more. null: all from the start.
        refresh: generations after which all candidates, the front too, meet new episodes.
        confirm: episodes of the front's own: whoever would join it meets them first, and is judged by them alone. The
            best of hundreds on the same few episodes is the luckiest; 0: selection's episodes must do.
        validation: episodes for the front that selection never sees.
        every: generations between validations of new front members.
    """

    count: int | None = None
    horizon: int | None = None
    refresh: int = 10
    confirm: int = 0
    validation: int = 100
    every: int = 20

    def __post_init__(self) -> None:
        for name in ("refresh", "every"):
            check_integer(f"episodes.{name}", getattr(self, name), 1, 2**31)
        check_integer("episodes.validation", self.validation, 2, 2**31)
        check_integer("episodes.confirm", self.confirm, 0, 2**20)
        for name, most in (("count", 2**20), ("horizon", 2**31)):
            if getattr(self, name) is not None:
                check_integer(f"episodes.{name}", getattr(self, name), 1, most)


@dataclass(frozen=True)
class Workers:
    """Who evaluates. None of this changes a result.

    Attributes:
        count: Ray workers; null: one per core; 0: this process, without Ray.
        address: of the Ray cluster: local, auto, HOST:PORT or ray://HOST:PORT.
        timeout: how long a batch may take at least before it counts as hung, in seconds.
        memory: what a task's code may allocate in each worker, in GiB; null: the worker's share of 80 % of the
            machine's; 0: no limit.
    """

    count: int | None = None
    address: str = "local"
    timeout: float = 60.0
    memory: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= 1e6:
            raise EvoNeuroError(f"workers.timeout: expected seconds above 0 and up to 1e6, got {self.timeout:g}")
        if self.memory is not None and not 0 <= self.memory <= 2**20:
            raise EvoNeuroError(f"workers.memory: expected GiB from 0 (no limit) to 2**20, got {self.memory:g}")


# The sections of `Config` by key, but for `parameters` and `genome`, whose keys are not fields of a class here.
SECTIONS = {
    "budget": Budget,
    "search": Search,
    "islands": Islands,
    "eons": Parameters,
    "episodes": Episodes,
    "robustness": Perturbations,
    "workers": Workers,
}


@dataclass(frozen=True)
class Config:
    """Everything that decides a run: with the seed, its result follows from the task and the sections about search.

    Attributes:
        task: a registered name, `package.module:Class` or `path/file.py:Class`.
        parameters: of the task, by name; a TOML file has them under [task].
        seed: with the configuration, it decides the result.
        start: a network file, a run's front or one of its networks to start from; null: random genomes.
        profile: the device that `genome` is bounded by (`evoneuro profiles`); null: none.
        out: parent of the run directory.
    """

    task: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    start: str | None = None
    profile: str | None = None
    out: str = "results"
    budget: Budget = Budget()
    search: Search = Search()
    islands: Islands = Islands()
    eons: Parameters = field(default_factory=Parameters)
    episodes: Episodes = Episodes()
    genome: Mapping[str, Any] = field(default_factory=dict)
    robustness: Perturbations = field(default_factory=Perturbations)
    workers: Workers = Workers()

    def __post_init__(self) -> None:
        check_integer("seed", self.seed, 0, 2**32 - 1)
        check_integer("islands.migrants", self.islands.migrants, 0, self.search.population)
        known = [f.name for f in fields(Bounds)]
        for key in self.genome:
            if key not in known:
                raise EvoNeuroError(f"unknown key genome.{key}.{nearest(key, known)}")
        for key, value in self.parameters.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError):
                raise EvoNeuroError(
                    f"task.{key}: expected text, finite numbers, or lists or tables of them, got {value!r}"
                ) from None

    def bounds(self, window: int, encoded: bool, racing: bool) -> Bounds:
        """The genome's bounds: what is set, else what fits the task's window, encoder and decoder."""
        defaults: dict[str, Any] = {"window": (window, window)}
        if encoded:
            defaults["gain"] = (8, 64)
        if racing:
            defaults["evidence"] = (0, 8)
        return Bounds(**{**defaults, **self.genome})

    def decisive(self) -> dict[str, Any]:
        """The part that decides the result, as plain data."""
        return {k: v for k, v in self.to_document().items() if k not in ("budget", "workers", "out")}

    def to_document(self) -> dict[str, Any]:
        """The configuration as plain data."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Config:
        """The configuration of a document with the keys of this class; missing keys get their defaults.

        Raises:
            EvoNeuroError: an unknown key (naming the nearest), or a value of a wrong type.
        """
        config: Config = build(cls, "", document, {**SECTIONS, "parameters": dict, "genome": dict})
        return config
