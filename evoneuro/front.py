"""The front of a run: networks with what selection saw of them and what it never saw. Reads the store alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from evoneuro import network_file
from evoneuro.archive import VALIDATION, Archive
from evoneuro.database import DATABASE
from evoneuro.documents import section, sound, unpack
from evoneuro.errors import EvoNeuroError, FormatError, check_choice, nearest
from evoneuro.express import Blueprint, express
from evoneuro.faces import face
from evoneuro.network import Network
from evoneuro.objectives import MEASURES, named
from evoneuro.population import Population
from evoneuro.store import Store

Z = 1.959964  # two-sided 95 % of the normal distribution


@dataclass(frozen=True)
class FrontMember:
    """One network of the front: `measures` on selection's episodes, `validation` on others (None: not yet).

    `island` is where it was born; None in a run that has but one.
    """

    id: str
    network: Network
    measures: dict[str, float]
    validation: dict[str, float] | None
    island: int | None = None

    @property
    def validation_score(self) -> float | None:
        """Mean score on episodes or samples that selection never saw."""
        return None if self.validation is None else self.validation["score"]

    def to_document(self) -> dict[str, Any]:
        """The member as `evoneuro front --json` prints it."""
        whole = {name: int(self.measures[name]) for name in ("neurons", "hidden", "synapses")}
        interval = None if self.validation is None else [self.validation["low"], self.validation["high"]]
        return {
            "id": self.id,
            "score": self.measures["score"],
            "validation_score": self.validation_score,
            "interval": interval,
            **whole,
            "latency": self.measures["latency"],
            "energy": self.measures["energy"],
            **({} if self.island is None else {"island": self.island}),
            **{name: value for name, value in self.measures.items() if name not in MEASURES},
        }

    def save(self, path: str) -> None:
        """Write the network's file."""
        self.network.save(path)


@dataclass(frozen=True)
class Front(Sequence[FrontMember]):
    """Non-dominated networks, the highest validation score first.

    Attributes:
        own: the run's own objectives by name, and whether more of each is better.
    """

    run: str
    members: tuple[FrontMember, ...]
    solved: float | None = None
    own: Mapping[str, bool] = field(default_factory=dict)

    def __getitem__(self, index: Any) -> Any:
        return self.members[index]

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[FrontMember]:
        return iter(self.members)

    def __repr__(self) -> str:
        if not self.members:
            return f"Front of {self.run}: no networks yet"
        sizes = [int(member.measures["synapses"]) for member in self.members]
        scores = [m.measures["score"] if m.validation_score is None else m.validation_score for m in self.members]
        return (
            f"Front of {self.run}: {len(self)} networks, scores {min(scores):.4g} to {max(scores):.4g}, "
            f"{min(sizes)} to {max(sizes)} synapses"
        )

    def __rich__(self) -> Any:
        return face("front rich", self) or repr(self)

    def _repr_html_(self) -> str | None:
        table: str | None = face("front html", self)
        return table

    def best(self, measure: str = "score") -> FrontMember:
        """The best member by a measure: the highest validation score, or the least of a size, latency or energy.

        Of an objective of the run's own, the highest or least, as its class says.
        """
        check_choice("front.best", measure, [*MEASURES, *self.own])
        if not self.members:
            raise EvoNeuroError(f"the front of {self.run} is empty: no network has been evaluated yet")
        if measure == "score":
            return self.members[0]
        sign = -1 if self.own.get(measure, False) else 1
        return min(self.members, key=lambda m: (sign * m.measures[measure], _order(m)))

    def smallest(self) -> FrontMember:
        """The member with fewest synapses among those whose validation score reaches the task's `solved` mark.

        Raises:
            EvoNeuroError: none does, or the task has no mark.
        """
        if self.solved is None:
            raise EvoNeuroError(f"{self.run}: the task states no `solved` mark; name a member by its id")
        solvers = [m for m in self.members if m.validation_score is not None and m.validation_score >= self.solved]
        if not solvers:
            raise EvoNeuroError(f"{self.run}: no member's validation score reaches {self.solved:g}")
        return min(solvers, key=lambda m: (m.measures["synapses"], _order(m)))

    def member(self, name: str) -> FrontMember:
        """The member of an id, or "best" or "smallest"."""
        if name == "best":
            return self.best()
        if name == "smallest":
            return self.smallest()
        found = next((m for m in self.members if m.id == name), None)
        if found is None:
            names = ["best", "smallest", *(m.id for m in self.members)]
            raise EvoNeuroError(f"{self.run} has no front member {name!r}.{nearest(name, names)}")
        return found

    def to_document(self) -> dict[str, Any]:
        """The front as `evoneuro front --json` prints it."""
        return {"run": self.run, "front": [m.to_document() for m in self.members]}

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """The front of a run directory, at any moment: alive, crashed or finished. No plugin is imported.

        Raises:
            EvoNeuroError: no run there, or a damaged one.
        """
        store = Store.read(Path(path))
        try:
            last = store.last_generation()
            with sound(f"{path}: front"):
                return cls.of(store, None if last is None else section(unpack(last[1]), "archive"))
        finally:
            store.close()

    @classmethod
    def of(cls, store: Store, document: Mapping[str, Any] | None) -> Self:
        """The front that a generation's document of the archive holds; of None, an empty one."""
        blueprint = Blueprint.from_document(store.meta["blueprint"])
        members = [] if document is None else _members(document, blueprint, store)
        own = {str(objective["name"]): bool(objective["maximise"]) for objective in _own(store)}
        return cls(str(store.path), tuple(sorted(members, key=_order)), store.meta["solved"], own)


def _order(member: FrontMember) -> tuple[Any, ...]:
    m = member.measures
    validation = -math.inf if member.validation_score is None else member.validation_score
    return -validation, -m["score"], m["synapses"], m["latency"], m["energy"], member.id


def _members(document: Mapping[str, Any], blueprint: Blueprint, store: Store) -> list[FrontMember]:
    """The members of an archive's document."""
    archive = Archive.from_document(document, blueprint, 0)
    members = archive.members
    if not np.isfinite(members.measures).all():
        raise FormatError(f"{store.path}: front: damaged: a measure that is no number")
    own = [objective["name"] for objective in _own(store)]
    islands = _birthplaces(members, store)
    found = []
    for i, network in enumerate(express(members.genomes, blueprint)):
        values = archive.validation[i].tolist()
        validation = None if math.isnan(values[0]) else dict(zip(VALIDATION, values, strict=True))
        provenance = {
            "run": store.path.name,
            "id": members.names[i],
            "seed": store.config["seed"],
            "measures": named(members.measures[i], own),
            "validation": validation,
            "versions": store.meta["versions"],
        }
        network = replace(network, provenance=provenance)
        measures = named(members.measures[i], own)
        found.append(FrontMember(members.names[i], network, measures, validation, islands[i]))
    return found


def _birthplaces(members: Population, store: Store) -> list[int] | list[None]:
    """The island on which each was born; None of a run that has but one. Children are numbered through all islands."""
    if store.config.get("islands", {}).get("count", 1) == 1:
        return [None] * len(members)
    found: list[int] = (members.births[:, 1] // store.config["search"]["population"]).tolist()
    return found


def _own(store: Store) -> list[dict[str, Any]]:
    """What the run's record says of its own objectives; older runs have none."""
    own: list[dict[str, Any]] = store.meta.get("objectives", [])
    return own


def confidence_interval(cases: npt.NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of the mean of independent case scores.

    Of shares (every case 0 or 1) Wilson's score interval (Wilson, JASA 22, 1927), else the normal one.
    """
    n, mean = len(cases), float(cases.mean())
    if np.isin(cases, (0.0, 1.0)).all():
        centre = (mean + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z * math.sqrt(mean * (1 - mean) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
        # the bounds are exact at the ends, where rounding would leave a speck
        return (0.0 if mean == 0 else centre - half), (1.0 if mean == 1 else centre + half)
    half = Z * float(cases.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    return mean - half, mean + half


def run_in(path: str | Path) -> Path:
    """The run directory that `path` names: itself, or the only one in it; what is neither comes back as it is.

    Raises:
        EvoNeuroError: several runs lie in it.
    """
    path = Path(path)
    if (path / DATABASE).is_file():
        return path
    runs = sorted(found.parent for found in path.glob(f"*/{DATABASE}"))
    if len(runs) > 1:
        raise EvoNeuroError(f"{path} holds {len(runs)} runs; name one of them, such as {runs[-1]}")
    return runs[0] if runs else path


def resolve(target: str) -> Network:
    """The network of NET: a network file, or `RUN:ID`, `RUN:best`, `RUN:smallest`.

    Raises:
        EvoNeuroError: neither, or a file or run that cannot be read.
    """
    run, colon, name = target.rpartition(":")
    if colon and (run_in(run) / DATABASE).is_file():
        return Front.read(run_in(run)).member(name).network
    if colon and Path(run).is_dir():
        raise EvoNeuroError(f"{run} is no run directory")
    if Path(target).is_dir():
        raise EvoNeuroError(
            f"{target} is a directory; of a run, name a member: {target}:best, {target}:smallest or {target}:ID"
        )
    return network_file.load(target)
