"""Configuration of a run: frozen dataclasses, TOML, `--set key=value`. An unknown key fails and names the nearest."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from evoneuro.eons import Parameters
from evoneuro.errors import EvoNeuroError, check_choice, check_integer, nearest
from evoneuro.evaluation import Perturbations
from evoneuro.genome import Bounds
from evoneuro.mutations import MOVE
from evoneuro.objectives import check_measure, parse_constraint

LARGEST = 2**20  # bytes of a configuration


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
        move: standard deviation of Gaussian moves of genes, as a share of each gene's range (at least about one). Small
            moves, such as 0.01, tune a network that `start` brings along; large ones explore.
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
        config: Config = build(cls, "", document)
        return config

    def to_toml(self) -> str:
        """The configuration as TOML, as `read` takes it."""
        document = self.to_document()
        document["task"] = {"name": document.pop("task"), **document.pop("parameters")}
        scalars = {k: v for k, v in document.items() if not isinstance(v, dict)}
        lines = [f"{key} = {_toml(value)}" for key, value in scalars.items() if value is not None]
        for section, values in document.items():
            if isinstance(values, dict):
                lines += ["", f"[{section}]"]
                lines += [f"{key} = {_toml(value)}" for key, value in values.items() if value is not None]
        return "\n".join(lines) + "\n"


_SECTIONS = {
    "budget": Budget,
    "search": Search,
    "islands": Islands,
    "eons": Parameters,
    "episodes": Episodes,
    "robustness": Perturbations,
    "workers": Workers,
}


def read(target: str) -> dict[str, Any]:
    """The document of a TOML file, or of a task's name alone.

    Raises:
        EvoNeuroError: the file is missing, no TOML, or names no task.
    """
    if not target.endswith(".toml"):
        return {"task": target}
    document = normal(load(target), target)
    if "task" not in document:
        raise EvoNeuroError(f'{target}: expected the task\'s name, as task = "cartpole" or [task] name = "cartpole"')
    return document


def load(target: str) -> dict[str, Any]:
    """What a TOML file says, as it stands.

    Raises:
        EvoNeuroError: the file is missing, or no TOML.
    """
    try:
        with open(target, "rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise EvoNeuroError(f"{target}: larger than {LARGEST} bytes; expected a configuration in TOML")
        return tomllib.loads(content.decode("utf-8"))
    except RecursionError:
        raise EvoNeuroError(f"{target}: not TOML: nested too deeply") from None
    except OSError as error:
        raise EvoNeuroError(f"{target}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EvoNeuroError(f"{target}: not TOML: {error}") from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, EvoNeuroError):
            raise
        raise EvoNeuroError(f"{target}: not TOML: {error}") from None  # a date or a number that is none


def normal(document: Mapping[str, Any], target: str) -> dict[str, Any]:
    """The document of what a TOML file says: [task] as `task` and `parameters`, plugins' files named from here.

    Args:
        target: the file, beside which those of plugins may stand.

    Raises:
        EvoNeuroError: a task that is neither a name nor a table.
    """
    document = dict(document)
    task = document.pop("task", None)
    if isinstance(task, dict):
        if "parameters" in document:
            raise EvoNeuroError(f"{target}: [task] and [parameters] say the same thing; put all of it under [task]")
        document["parameters"] = dict(task)
        task = document["parameters"].pop("name", None)
    here = Path(target).parent
    document = _placed(document, here)
    if task is None:
        return document
    if not isinstance(task, str):
        raise EvoNeuroError(f'{target}: expected the task\'s name, as task = "cartpole" or [task] name = "cartpole"')
    if ".py:" in task and not Path(task).is_absolute():
        task = str(here / task)
    return {**document, "task": task}


def _placed(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The document of a file in `folder`, with the files of plugins that stand there named from here."""
    search, parameters = document.get("search"), document.get("parameters")
    if isinstance(search, dict):
        lists = {key: search[key] for key in ("objectives", "constraints") if isinstance(search.get(key), list)}
        document["search"] = {
            **search,
            **{key: [_beside(name, folder) for name in names] for key, names in lists.items()},
        }
    if isinstance(parameters, dict):
        specs = {key: parameters[key] for key in ("encoder", "decoder") if isinstance(parameters.get(key), dict)}
        placed = {key: {**spec, "kind": _beside(spec.get("kind"), folder)} for key, spec in specs.items()}
        document["parameters"] = {**parameters, **placed}
    return document


def _beside(name: Any, folder: Path) -> Any:
    """`name`, or where its file is if that stands in `folder`."""
    where, found, _ = str(name).partition(".py:")
    return str(folder / name) if found and (folder / f"{where}.py").is_file() else name


def apply(document: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """`document` with `key=value` settings applied; values are TOML (a bare word is a string).

    `task.NAME=VALUE` sets a task parameter, `SECTION.KEY=VALUE` a key of a section, `KEY=VALUE` a top-level key.
    """
    document = {key: dict(value) if isinstance(value, dict) else value for key, value in document.items()}
    for setting in settings:
        key, equals, text = setting.partition("=")
        path = key.strip().split(".")
        if not equals or not all(path) or len(path) > 2:
            raise EvoNeuroError(f"--set {setting!r}: expected key=value, as in search.population=200")
        if len(path) == 1:
            document[path[0]] = parse_value(text)
        else:
            section = "parameters" if path[0] == "task" else path[0]
            inner = document.setdefault(section, {})
            if not isinstance(inner, dict):
                raise EvoNeuroError(f"--set {setting!r}: {path[0]} is no section")
            inner[path[1]] = parse_value(text)
    return document


def parse_value(text: str) -> Any:
    """A TOML value; what is none is a string."""
    if text.strip() in ("none", "null"):
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def build(cls: Any, where: str, document: Mapping[str, Any]) -> Any:
    """The dataclass `cls` of a document with its keys; `where` stands before a key in errors, as in "search.".

    Raises:
        EvoNeuroError: an unknown key (naming the nearest), or a value of a wrong type.
    """
    known = {f.name: f for f in fields(cls)}
    values: dict[str, Any] = {}
    for key, value in document.items():
        if key not in known:
            options = [f"{where}{name}" for name in known]
            raise EvoNeuroError(f"unknown key {where}{key}.{nearest(where + key, options)}")
        values[key] = _section(key, value) if not where and key in (*_SECTIONS, "parameters", "genome") else value
    try:
        for key, value in values.items():
            values[key] = _typed(f"{where}{key}", str(known[key].type), value)
        return cls(**values)
    except TypeError as error:
        raise EvoNeuroError(f"configuration: {error}") from None


def _section(key: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise EvoNeuroError(f"{key}: expected a section [{key}], got {value!r}")
    return build(_SECTIONS[key], f"{key}.", value) if key in _SECTIONS else dict(value)


def _typed(what: str, kind: str, value: Any) -> Any:
    """`value` checked against the annotation of its field."""
    if value is None and "None" in kind:
        return None
    if kind.startswith("tuple"):
        if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
            raise EvoNeuroError(f'{what}: expected a list of strings, as ["score", "synapses"], got {value!r}')
        return tuple(value)
    if kind == "bool":
        if not isinstance(value, bool):
            raise EvoNeuroError(f"{what}: expected true or false, got {value!r}")
        return value
    if kind.startswith("int"):
        return check_integer(what, value, 0, 2**62)
    if kind.startswith("float"):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise EvoNeuroError(f"{what}: expected a number, got {value!r}")
        return float(value)
    if kind.startswith("str") and not isinstance(value, str):
        raise EvoNeuroError(f"{what}: expected a string, got {value!r}")
    return value


def _toml(value: Any) -> str:
    """A plain value as TOML: JSON's strings, numbers, booleans and lists are TOML's; tables are inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    # TOML has no escapes for halves of a character, as JSON writes those beyond 16 bits
    return json.dumps(value, ensure_ascii=False)
