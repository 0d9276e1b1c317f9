"""The plan of a study: a TOML file with a base configuration, variants of it, seeds, and how results are judged."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from io import FileIO
from pathlib import Path
from typing import Any

from evoneuro.config import Config
from evoneuro.config_file import load, normal
from evoneuro.errors import (
    EvoNeuroError,
    FormatError,
    PluginError,
    RunError,
    check_choice,
    check_integer,
    nearest,
)
from evoneuro.launch import configured
from evoneuro.lock import lock
from evoneuro.network_file import write_atomically
from evoneuro.plugins import absolute
from evoneuro.sections import build

COSTS = ("evaluations", "steps")
RECORD = "study.json"  # in the study's directory: the configurations that its runs have
ALONE = "base"  # the variant of a study without any

MOST = 2**16  # seeds

_OUR_KEYS = ("variants", "seeds", "parallel", "held_out", "solved", "pictures")
_REFUSED = {"seed": "seeds", "out": "--out DIR"}  # keys of a run that a study has in another form
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_INDECISIVE = ("seed", "out", "workers")  # what two runs of one configuration may differ in


@dataclass(frozen=True)
class HeldOut:
    """The cases that each run's networks are scored on, the same for all runs of a control task.

    Attributes:
        episodes, seed: of a control task; a data set has the test split of the run's own seed.
        task: parameters of the task that differ from those of the run, such as max_steps.
    """

    episodes: int = 1000
    seed: int = 1000
    task: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_integer("held_out.episodes", self.episodes, 1, 2**31)
        check_integer("held_out.seed", self.seed, 0, 2**32 - 1)
        if not isinstance(self.task, Mapping):
            raise EvoNeuroError(f"held_out.task: expected a section [held_out.task], got {self.task!r}")


@dataclass(frozen=True)
class Solved:
    """What counts as solved.

    Attributes:
        score: least score on the held-out cases; null: the task's own mark.
        validation: least validation score of a front's member; null: the task's own mark.
        synapses: most synapses; null: any number.
    """

    score: float | None = None
    validation: float | None = None
    synapses: int | None = None


@dataclass(frozen=True)
class Pictures:
    """What is drawn and compared.

    Attributes:
        x, y: the measures on both axes of a front.
        hypervolume: what it is of: measures, or validation_score, where members without one count nothing; null: the
            objectives of the first variant.
        cost: what it is drawn over and compared at: "evaluations", or "steps" of all networks simulated.
    """

    x: str = "synapses"
    y: str = "validation_score"
    hypervolume: tuple[str, ...] | None = None
    cost: str = "evaluations"

    def __post_init__(self) -> None:
        check_choice("pictures.cost", self.cost, COSTS)


@dataclass(frozen=True)
class Plan:
    """A study.

    Attributes:
        source: the TOML file as it was named.
        out: the study's directory.
        variants: name -> configuration, the one that others are compared with first; seeds are set by `config`.
        parallel: runs side by side.
    """

    source: str
    out: Path
    seeds: tuple[int, ...]
    variants: Mapping[str, Config]
    held_out: HeldOut
    solved: Solved
    pictures: Pictures
    parallel: int

    def runs(self) -> list[tuple[str, int]]:
        """Variant and seed of each run, in the order in which they begin: all variants of a seed, then the next."""
        return [(variant, seed) for seed in self.seeds for variant in self.variants]

    def config(self, variant: str, seed: int) -> Config:
        """The configuration of one run."""
        return replace(self.variants[variant], seed=seed, out=str(self.out / variant))

    def path(self, variant: str, seed: int) -> Path:
        """The directory of one run."""
        return self.out / variant / f"seed{seed}"

    def settle(self) -> FileIO:
        """Write down the configurations, or see that they are those which the study's directory has; and lock it.

        Returns:
            The lock, which holds until it is closed.

        Raises:
            EvoNeuroError: a variant had another configuration.
            FormatError: the record there is damaged.
            RunError: the directory cannot be written, or another process works on the study.
        """
        recorded = _recorded(self.out / RECORD)
        for name, config in self.variants.items():
            if name in recorded:
                self._compare(name, recorded[name], config)
        variants = {**recorded, **{name: decisive(config) for name, config in self.variants.items()}}
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            held = lock(self.out, "study")
        except OSError as error:
            raise RunError(f"{self.out}: cannot be written: {error.strerror or error}") from None
        write_atomically(self.out / RECORD, json.dumps({"format": 1, "variants": variants}, indent=1) + "\n")
        return held

    def _compare(self, name: str, recorded: Mapping[str, Any], config: Config) -> None:
        before, now = _flat(decisive(Config.from_document(recorded))), _flat(decisive(config))
        different = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        if different:
            key = different[0]
            more = f" (and {len(different) - 1} more)" if len(different) > 1 else ""
            raise EvoNeuroError(
                f"{self.out}: variant {name!r} ran with {key} = {json.dumps(before.get(key))}, and {self.source} says "
                f"{json.dumps(now.get(key))}{more}: restore it, name the variant anew, or choose another --out"
            )


def read(
    target: str,
    *,
    seeds: str | None = None,
    out: str | None = None,
    workers: int | None = None,
    cores: int | None = None,
) -> Plan:
    """The plan of a TOML file.

    Args:
        seeds: instead of the file's, as `parse_seeds` takes them.
        out: the study's directory; None: results/ and the file's name, or its folder's if it is study.toml.
        workers: Ray workers of each run, instead of the file's.
        cores: of this machine, as many runs are side by side if each is one process; None: ask.

    Raises:
        EvoNeuroError: a file, key or value that does not fit; an unknown key names the nearest.
    """
    if not target.endswith(".toml"):
        raise EvoNeuroError(f"{target}: expected a study's TOML file, as experiments/04_name/study.toml")
    document = load(target)
    known = [f.name for f in fields(Config) if f.name not in ("parameters", *_REFUSED)]
    for key in document:
        if key in _REFUSED:
            raise EvoNeuroError(f"{target}: a study has no {key!r}; use {_REFUSED[key]}")
        if key not in (*known, *_OUR_KEYS):
            raise EvoNeuroError(f"{target}: unknown key {key}.{nearest(key, [*known, *_OUR_KEYS])}")
    base = {key: value for key, value in document.items() if key not in _OUR_KEYS}
    if workers is not None:
        base["workers"] = {**_table(target, "workers", base.get("workers", {})), "count": workers}
    variants = _variants(target, base, document.get("variants", {ALONE: {}}), workers)
    alone = all(config.workers.count == 0 for config in variants.values())
    parallel = document.get("parallel", (cores or os.cpu_count() or 1) if alone else 1)
    asked = seeds if seeds is not None else document.get("seeds")
    if asked is None:
        raise EvoNeuroError(f'{target}: expected seeds, as seeds = "1-10" or seeds = [1, 2, 3]')
    return Plan(
        source=target,
        out=Path(out) if out is not None else Path("results") / _named_after(Path(target)),
        seeds=parse_seeds("--seeds" if seeds is not None else f"{target}: seeds", asked),
        variants=variants,
        held_out=_section(target, "held_out", HeldOut, document),
        solved=_section(target, "solved", Solved, document),
        pictures=_section(target, "pictures", Pictures, document),
        parallel=check_integer(f"{target}: parallel", parallel, 1, 1024),
    )


def parse_seeds(what: str, value: Any) -> tuple[int, ...]:
    """Seeds: a number N for 0 to N - 1, "a-b" for a to b, or a list of them.

    Raises:
        EvoNeuroError: anything else, none, or one twice.
    """
    if isinstance(value, str) and re.fullmatch(r"\d+", value):
        value = int(value)
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+)-(\d+)", value)):
        found: Sequence[Any] = range(int(match[1]), int(match[2]) + 1)
    elif isinstance(value, int) and not isinstance(value, bool):
        found = range(value)
    elif isinstance(value, list):
        found = value
    else:
        raise EvoNeuroError(f'{what}: expected a number of seeds, "a-b" or a list of seeds, got {value!r}')
    if len(found) > MOST:
        raise EvoNeuroError(f"{what}: expected at most {MOST} seeds, got {value!r}")
    seeds = tuple(check_integer(what, seed, 0, 2**32 - 1) for seed in found)
    if not seeds or len(set(seeds)) != len(seeds):
        raise EvoNeuroError(f"{what}: expected one or more different seeds, got {value!r}")
    return seeds


def decisive(config: Config) -> dict[str, Any]:
    """What all runs of a variant have in common, as plain data."""
    return {key: value for key, value in config.to_document().items() if key not in _INDECISIVE}


def _variants(target: str, base: Mapping[str, Any], asked: Any, workers: int | None) -> dict[str, Config]:
    _table(target, "variants", asked)
    if not asked:
        raise EvoNeuroError(f"{target}: [variants] is empty: name one, as [variants.large], or leave it out")
    # files named beside the study's are found from anywhere: resolved, not as they were named
    place = str(Path(target).resolve())
    found = {}
    for name, overrides in asked.items():
        if not _NAME.fullmatch(name) or name in (RECORD, "table.md", "table.json"):
            raise EvoNeuroError(f"{target}: variant {name!r}: a name has letters, digits and . _ + - only")
        what = f"{target}: variant {name!r}" if asked != {ALONE: {}} else target
        _table(target, f"variants.{name}", overrides)
        for key in ("seed", "out", *_OUR_KEYS):
            if key in overrides:
                raise EvoNeuroError(f"{what}: {key} is the whole study's; set it above the variants")
        try:
            document = _merged(normal(base, place), normal(overrides, place))
            count = document.get("workers", {}).get("count", 0) if workers is None else workers
            document["workers"] = {**document.get("workers", {}), "count": count}
            if "task" not in document:
                raise EvoNeuroError('expected the task\'s name, as task = "cartpole" or [task] name = "cartpole"')
            config = configured(document)
        except PluginError:
            raise
        except EvoNeuroError as error:
            raise type(error)(f"{what}: {str(error).removeprefix(f'{place}: ')}") from None
        found[name] = replace(config, task=absolute(config.task))
    return found


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The base with what a variant says instead: section by section, key by key."""
    both = {**base, **overrides}
    for key, value in overrides.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            both[key] = {**base[key], **value}
    return both


def _section(target: str, name: str, cls: Any, document: Mapping[str, Any]) -> Any:
    try:
        return build(cls, f"{name}.", _table(target, name, document.get(name, {})))
    except EvoNeuroError as error:
        raise EvoNeuroError(f"{target}: {error}") from None


def _table(target: str, name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise EvoNeuroError(f"{target}: {name}: expected a section [{name}], got {value!r}")
    return value


def _named_after(path: Path) -> str:
    """The file's name, or that of its folder where the file's says nothing."""
    return path.resolve().parent.name if path.stem in ("study", "run") else path.stem


def _recorded(path: Path) -> dict[str, Any]:
    """The configurations that the study's directory has, by variant; none if it is new."""
    if not path.is_file():
        return {}
    try:
        variants = json.loads(path.read_text(encoding="utf-8"))["variants"]
        return {str(name): dict(document) for name, document in variants.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: damaged, or not a study's record: {error}") from None


def _flat(document: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Keys as they are set, as in "search.population", to values."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        name = "task" if where == "" and key == "parameters" else key
        if where == "" and isinstance(value, Mapping):
            flat.update(_flat(value, f"{name}."))
        else:
            flat[f"{where}{name}"] = value
    return flat
