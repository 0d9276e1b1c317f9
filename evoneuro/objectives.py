"""Objectives and constraints by name; the only place where "higher is better" becomes "lower is better".

Measures are a table, float64 (candidates, measures), with a column for each entry of `MEASURES`, in that order, and
then one for each objective of the run's own: those `ON_REQUEST`, and plugins, which the configuration names by entry
point (group `evoneuro.objectives`), as `package.module:Class` or as `path/file.py:Class`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro import plugins
from evoneuro.errors import EvoNeuroError, PluginError, check_choice
from evoneuro.evaluation import Evaluation
from evoneuro.hardware import area
from evoneuro.network import Network
from evoneuro.networks import Networks
from evoneuro.pareto import Losses
from evoneuro.population import Measures


@dataclass(frozen=True)
class Measure:
    """A quantity of candidates: how it is read of all of them, and whether more of it is better."""

    read: Callable[[Networks, Sequence[Evaluation]], npt.ArrayLike]
    maximise: bool = False


MEASURES: dict[str, Measure] = {
    "score": Measure(lambda networks, evaluations: [e.score for e in evaluations], maximise=True),
    "neurons": Measure(lambda networks, evaluations: networks.neurons),
    "hidden": Measure(lambda networks, evaluations: networks.hidden),
    "synapses": Measure(lambda networks, evaluations: networks.synapses),
    "latency": Measure(lambda networks, evaluations: [e.latency for e in evaluations]),
    "energy": Measure(lambda networks, evaluations: [e.energy for e in evaluations]),
}
COLUMN = {name: column for column, name in enumerate(MEASURES)}

GROUP = "evoneuro.objectives"
TAKEN = ("id", "validation_score", "interval")  # keys of a front's members besides the measures

_CONSTRAINT = re.compile(r"\s*([^<>=]*[^<>=\s])\s*(<=|>=)\s*([-+0-9.eE]+)\s*")


class Objective:
    """A measure of a user's own; a subclass needs no more than `read`.

    Class attributes:
        name: the key in documents and tables; the class's name in snake_case if not set.
        maximise: whether more of it is better.
    """

    name: ClassVar[str] = ""
    maximise: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        if not cls.__dict__.get("name"):
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    def read(self, networks: Sequence[Network], evaluations: Sequence[Evaluation]) -> npt.ArrayLike:
        """The measure of each network, a finite number each: [networks].

        Args:
            networks: of candidates that did not fail.
            evaluations: theirs, in the same order.
        """
        raise NotImplementedError


class Robustness(Objective):
    """The score under noise on weights, dead neurons and jittered input: see `evoneuro.robustness`."""

    maximise = True

    def read(self, networks: Sequence[Network], evaluations: Sequence[Evaluation]) -> npt.ArrayLike:
        """Lowest mean score over the kinds of perturbation, as evaluated."""
        return [evaluation.robustness for evaluation in evaluations]


class Cells(Objective):
    """Logic cells of the network's spatial core on an iCE40, in closed form: see `evoneuro.hardware.area`."""

    def read(self, networks: Sequence[Network], evaluations: Sequence[Evaluation]) -> npt.ArrayLike:
        """Logic cells of an iCE40, estimated."""
        return area.cells(networks)


class Flash(Objective):
    """Bytes of flash of the network's C on a Cortex-M0, in closed form: see `evoneuro.hardware.area`."""

    def read(self, networks: Sequence[Network], evaluations: Sequence[Evaluation]) -> npt.ArrayLike:
        """Bytes of flash of a Cortex-M0, estimated."""
        return area.flash(networks)


# Ours, and measured only where they are chosen: no run that does without has a column for them.
ON_REQUEST: Mapping[str, type[Objective]] = {"robustness": Robustness, "cells": Cells, "flash": Flash}

Own = Mapping[str, Objective]  # the run's own objectives, by the name that the configuration has for them

NONE: Own = {}


def check_measure(what: str, name: str) -> str:
    """Return `name` if it is one of ours or can be a plugin's; nothing is imported.

    Raises:
        EvoNeuroError: neither; names the nearest.
    """
    return name if ":" in name else check_choice(what, name, [*MEASURES, *ON_REQUEST, *plugins.registered(GROUP)])


def find_own(names: Iterable[str]) -> Own:
    """The objectives among `names` that are no `MEASURES`, in the order in which they are named; imports plugins.

    Raises:
        EvoNeuroError: no such plugin, or a name that is taken.
        PluginError: the plugin raised.
    """
    own: dict[str, Objective] = {}
    for source in names:
        if source in MEASURES or source in own:
            continue
        cls = ON_REQUEST.get(source) or plugins.find("objective", source, GROUP, Objective)
        try:
            made = cls()
        except Exception as error:
            raise plugins.plugin_error(f"objective {source!r} could not be made", error) from error
        taken = {**dict.fromkeys((*MEASURES, *TAKEN), "evoneuro"), **{o.name: key for key, o in own.items()}}
        if made.name in taken:
            raise EvoNeuroError(
                f"objective {source!r}: its name {made.name!r} is that of {taken[made.name]}'s; set name"
            )
        own[source] = made
    return own


def plugged(own: Own) -> Own:
    """Those of `own` that are plugins."""
    return {source: objective for source, objective in own.items() if source not in ON_REQUEST}


def described(own: Own) -> list[dict[str, Any]]:
    """What the record of a run says of its own objectives, so that nobody needs to import them to read it."""
    return [{"name": o.name, "maximise": bool(o.maximise), "source": source} for source, o in own.items()]


@dataclass(frozen=True)
class Constraint:
    """`measure <= bound` (sense +1) or `measure >= bound` (sense -1)."""

    measure: str
    sense: int
    bound: float

    def __str__(self) -> str:
        return f"{self.measure} {'<=' if self.sense > 0 else '>='} {self.bound!r}"


def parse_constraint(text: str) -> Constraint:
    """The constraint of a text such as "latency <= 8".

    Raises:
        EvoNeuroError: another form, or a measure that does not exist.
    """
    match = _CONSTRAINT.fullmatch(str(text))
    try:
        name, operator, bound = match.groups() if match else ("", "", "")
        number = float(bound)
        if not math.isfinite(number):
            raise ValueError
    except ValueError:
        raise EvoNeuroError(
            f"constraint {text!r}: expected MEASURE <= NUMBER or MEASURE >= NUMBER, as in 'latency <= 8'"
        ) from None
    return Constraint(check_measure(f"constraint {text!r}", name), 1 if operator == "<=" else -1, number)


def measure(networks: Sequence[Network], evaluations: Sequence[Evaluation], own: Own = NONE) -> Measures:
    """All measures of the candidates, as people read them; every NaN is the same NaN, as the journal has it.

    Raises:
        PluginError: an objective of the run's own raised or did not give a finite number for each.
    """
    batch = Networks.of(networks)
    table = np.empty((len(evaluations), len(MEASURES) + len(own)))
    for column, m in enumerate(MEASURES.values()):
        table[:, column] = m.read(batch, evaluations)
    table[:, len(MEASURES) :] = np.nan
    sound = np.flatnonzero(~_failed(table))
    if len(sound):
        networks, evaluations = batch.take(sound.tolist()), [evaluations[i] for i in sound.tolist()]
        for column, (source, objective) in enumerate(own.items(), len(MEASURES)):
            table[sound, column] = _read(source, objective, networks, evaluations)
    table[np.isnan(table)] = np.nan
    return table


def _read(
    source: str, objective: Objective, networks: Sequence[Network], evaluations: Sequence[Evaluation]
) -> npt.NDArray[np.float64]:
    """What a user's objective says: float64 [networks]."""
    try:
        values = np.asarray(objective.read(networks, evaluations), np.float64)
    except Exception as error:
        raise plugins.plugin_error(f"objective {source!r}: read() raised", error) from error
    if values.shape != (len(networks),):
        raise PluginError(
            f"objective {source!r}: read() gave shape {values.shape}, expected ({len(networks)},): one for each network"
        )
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise PluginError(f"objective {source!r}: read()[{row}] is {values[row]}; it must be finite")
    return values


def named(row: npt.NDArray[np.float64], own: Sequence[str] = ()) -> dict[str, float]:
    """The measures of one candidate by name; `own` are the names of the run's own objectives."""
    return dict(zip([*MEASURES, *own], row.tolist(), strict=True))


def losses(measures: Measures, names: Sequence[str], own: Own = NONE) -> Losses:
    """Losses (candidates, objectives), lower is better; +inf in every column where the score is not finite."""
    sign = np.array([-1.0 if (own.get(name) or MEASURES[name]).maximise else 1.0 for name in names])
    table: Losses = measures[:, [_column(name, own) for name in names]] * sign
    table[_failed(measures)] = np.inf
    return table


def _column(name: str, own: Own) -> int:
    return COLUMN[name] if name in COLUMN else len(COLUMN) + list(own).index(name)


def violation(
    measures: Measures, constraints: Sequence[Constraint], floor: float | npt.NDArray[np.float64], own: Own = NONE
) -> npt.NDArray[np.float64]:
    """How far each candidate is from feasible, 0 if it is: float64 [candidates]; +inf where it failed.

    Each constraint counts by its excess relative to its bound. Whoever scores below `floor` (one for all, or each
    candidate's own) is infeasible too, and more so than anybody who only breaks a constraint: first the task, then the
    limits.
    """
    total = np.zeros(len(measures))
    for c in constraints:
        excess = c.sense * (measures[:, _column(c.measure, own)] - c.bound)
        total += np.maximum(excess, 0.0) / max(1.0, abs(c.bound))
    total = total / (1.0 + total)
    score = measures[:, COLUMN["score"]]
    below = score < floor
    total[below] += 1.0 + (floor - score)[below]
    total[_failed(measures)] = np.inf
    return total


def _failed(measures: Measures) -> npt.NDArray[np.bool_]:
    return ~np.isfinite(measures[:, COLUMN["score"]])
