"""The page of a run: what was gathered, in words, tables and pictures."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from evoneuro.config import Config
from evoneuro.config_file import to_toml
from evoneuro.errors import EvoNeuroError
from evoneuro.front import FrontMember
from evoneuro.network import NO_LEAK, Network
from evoneuro.report import charts
from evoneuro.report.ancestry import strip
from evoneuro.report.chart import Chart
from evoneuro.report.gather import Facts, Trial
from evoneuro.report.network_layout import LABELLED_SYNAPSES, shows_weights
from evoneuro.report.network_svg import first_steps, network_svg, summary
from evoneuro.report.numbers import count, duration, number
from evoneuro.report.page import NOTHING, figure, player, render

ROUTED = 3000  # sum of the squares of the synapses of networks whose synapses are kept apart, which takes time
SIZES_AND_COSTS = ("neurons", "hidden", "synapses", "latency", "energy")


def report_page(facts: Facts) -> str:
    """The page of a run."""
    members = facts.front.to_document()["front"]
    higher = [name for name, more in facts.front.own.items() if more]
    task = str(facts.status["task"])
    sections = {
        "winner": "Network",
        "front": "Front",
        "progress": "Progress",
        "lineage": "How it came about",
        "work": "At work",
        "test": "Unseen cases",
        "failures": "Failures",
        "record": "Reproduce",
    }
    if facts.winner is None:
        del sections["winner"], sections["lineage"]
    came_about, pictures = strip(facts.line, facts.champions, bool(facts.config["start"]))
    return render(
        "report.html",
        title=f"{task}: report of a run",
        kind="report",
        sections=list(sections.items()),
        task=task,
        run=facts.run.path.name,
        seed=facts.status["seed"],
        state=facts.status["state"],
        lead=_lead(facts),
        tiles=_tiles(facts),
        winner=_winner(facts),
        members=_members(facts, members),
        columns=_columns(facts),
        front=[figure(c) for c in charts.front_charts(members, facts.objectives, higher, facts.front.solved)],
        front_words=_front_words(facts),
        progress=_progress(facts),
        progress_words=(
            "Hypervolume: share of the box between the best and a tenth beyond the worst of each objective that any "
            "front of these runs ever had, that the front of the moment dominates."
        ),
        lineage=pictures,
        lineage_words=came_about,
        player=_player(facts),
        test=_test(facts),
        missing={"trial": "", "recording": "", "robustness": "", **facts.missing},
        failures=facts.failures,
        failure_words=(
            f"{facts.status['failures']:,} of {facts.status['evaluations']:,} evaluations failed; a failed candidate "
            "never enters the ranking."
        ),
        commands=_commands(facts),
        config=_toml(facts.config),
        versions=_versions(facts),
    )


# Words and numbers


def _lead(facts: Facts) -> str:
    if facts.winner is None:
        return "No generation is closed yet."
    parts = [f"Network {facts.winner.id}: {summary(facts.winner.network)}."]
    if facts.trial is not None:
        low, high = facts.trial.interval
        parts.append(
            f"It scores {number(facts.trial.evaluation.score)} on {facts.trial.cases} (95 %: {number(low)} to "
            f"{number(high)}), which neither selection nor validation saw."
        )
    if facts.front.solved is not None:
        parts.append(f"The task counts as solved from {number(facts.front.solved)} on.")
    return " ".join(parts)


def _tiles(facts: Facts) -> list[tuple[str, str, str]]:
    status = facts.status
    seconds = sum(float(s["seconds"]) for s in facts.histories[0].summaries)
    rows = []
    if facts.winner is not None:
        m = facts.winner.measures
        validation = facts.winner.validation_score
        if facts.trial is not None:
            rows.append(("test score", number(facts.trial.evaluation.score), facts.trial.cases))
        rows.append(("validation score", NOTHING if validation is None else number(validation), "unseen by selection"))
        rows += [
            ("synapses", count(m["synapses"]), f"{m['neurons']:.0f} neurons, {m['hidden']:.0f} hidden"),
            ("latency", number(m["latency"]), f"steps of at most {facts.winner.network.window}"),
            ("energy", number(m["energy"]), "synaptic events per decision"),
        ]
    generation = status["generation"]
    planned = f"of {status['generations']:,}" if status["generations"] else ""
    rows += [
        ("generations", NOTHING if generation is None else count(generation + 1), planned),
        ("evaluations", count(status["evaluations"]), f"{status['failures']:,} failed"),
        ("time", duration(seconds), f"{status['evaluations'] / seconds:,.0f} evaluations/s" if seconds else ""),
    ]
    return rows


def _front_words(facts: Facts) -> str:
    names = [name.replace("_", " ") for name in facts.objectives]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    text = f"{len(facts.front)} networks of which no other is better in {listed} at once."
    if len(names) == 1:
        return f"{len(facts.front)} networks; the run has one objective, {listed}, and pairs need two."
    return f"{text} Point at one to see it; press it to open it. In the charts, arrow keys go from one to the next."


# Networks


def _winner(facts: Facts) -> dict[str, Any] | None:
    if facts.winner is None:
        return None
    network = facts.winner.network
    activity, words = None, dict[int, str]()
    if facts.trial is not None:
        activity = facts.trial.evaluation.spikes / facts.trial.evaluation.decisions
        words = {i: f"{rate:.3g} spikes per decision" for i, rate in enumerate(activity.tolist())}
    for i, steps in enumerate(first_steps(network).tolist()):
        if steps > 0:
            words[i] = "; ".join([*([words[i]] if i in words else []), f"reached {steps} steps after an input spike"])
    plain = network.synapses > LABELLED_SYNAPSES
    numbers = "delay, and is left out here" if plain else "weight and delay" if shows_weights(network) else "delay"
    return {
        "id": facts.winner.id,
        "svg": Markup(network_svg(network, str(facts.status["task"]), activity=activity, words=words)),
        "facts": _network_facts(facts, facts.winner),
        "leaky": bool((network.leak != NO_LEAK).any()),
        "active": activity is not None,
        "numbers": numbers,
    }


def _network_facts(facts: Facts, member: FrontMember) -> list[tuple[str, str]]:
    network, m = member.network, member.measures
    rows = [("score in selection", number(m["score"]))]
    if member.validation is not None:
        low, high = member.validation["low"], member.validation["high"]
        rows.append(("validation score", f"{number(member.validation_score)} (95 %: {number(low)} to {number(high)})"))
    if member is facts.winner and facts.trial is not None:
        low, high = facts.trial.interval
        score = number(facts.trial.evaluation.score)
        rows.append(("test score", f"{score} (95 %: {number(low)} to {number(high)})"))
        rows += [(name.replace("_", " "), number(value)) for name, value in facts.trial.details.items()]
    rows += [
        (
            "neurons",
            f"{network.neurons}: {len(network.inputs)} in, {network.hidden} hidden, {len(network.outputs)} out",
        ),
        ("synapses", _synapses(network)),
        ("latency", f"{number(m['latency'])} of {network.window} steps"),
        ("energy", f"{number(m['energy'])} synaptic events per decision"),
        ("encoder", _spec(network.encoder)),
        ("decoder", _spec(network.decoder)),
        ("potentials", "{:,} to {:,}".format(*network.potential_bounds())),
    ]
    rows += [(name.replace("_", " "), number(m[name])) for name in facts.front.own]
    return rows


def _synapses(network: Network) -> str:
    if not network.synapses:
        return "0"
    weights, delays = network.weight, network.delay
    return (
        f"{network.synapses}: weights {weights.min()} to {weights.max()}, delays {delays.min()} to {delays.max()} steps"
    )


def _spec(spec: Mapping[str, Any] | None) -> str:
    """The kind of an encoder or decoder and its short parameters."""
    if spec is None:
        return "none: channels feed inputs"
    short = [f"{key} {value}" for key, value in spec.items() if isinstance(value, int | float | str) and key != "kind"]
    return ", ".join([str(spec.get("kind")), *short])


def _columns(facts: Facts) -> list[str]:
    return [
        "network",
        "score",
        "validation",
        "± 95 %",
        "neurons",
        "hidden",
        "synapses",
        "latency",
        "energy",
        *facts.front.own,
    ]


def _members(facts: Facts, documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the front's table, with what opens when they are pressed."""
    budget, rows = ROUTED, []
    for member, document in zip(facts.front, documents, strict=True):
        budget -= member.network.synapses**2
        svg = network_svg(member.network, f"Network {member.id}", quick=budget < 0)
        interval = document["interval"]
        half = None if interval is None else (interval[1] - interval[0]) / 2
        values = [document["score"], document["validation_score"], half]
        values += [document[name] for name in (*SIZES_AND_COSTS, *facts.front.own)]
        rows.append(
            {
                "id": member.id,
                "said": charts.said(document),
                "cells": [_cell(value) for value in values],
                "svg": Markup(svg),
                "facts": _network_facts(facts, member),
                "commands": _member_commands(facts, member.id),
            }
        )
    return rows


def _cell(value: Any) -> tuple[str, str]:
    """A number as it is shown, and as it is sorted."""
    if value is None or not math.isfinite(value):
        return NOTHING, "-1e308"
    return number(value), repr(float(value))


# Charts


def _progress(facts: Facts) -> list[dict[str, Any]]:
    if not facts.histories[0].moments:
        return []
    drawn = charts.progress_charts({"": facts.histories}, facts.objectives, facts.front.own, facts.front.solved)
    return [figure(chart) for chart in [*drawn, *charts.census_charts(facts.censuses)]]


def _player(facts: Facts) -> dict[str, Any] | None:
    if facts.trial is None or facts.trial.recording is None or facts.winner is None:
        return None
    return player(facts.trial.recording, facts.winner.network)


def trial_charts(trial: Trial) -> list[Chart]:
    """What the winner did on unseen cases, as charts."""
    drawn = []
    if trial.classes and trial.said is not None and trial.right is not None:
        drawn.append(charts.confusion_chart(trial.said, trial.right, trial.classes))
    elif np.ptp(trial.evaluation.case_scores) > 0:
        scores = trial.evaluation.case_scores
        drawn.append(charts.histogram("scores", "Scores", "score of a case", scores, colour=2))
    if trial.recording is not None and np.ptp(trial.recording.latency) > 0:
        label = "steps until the decision"
        drawn.append(charts.histogram("latency", "Latency", label, trial.recording.latency, whole=True))
    if trial.robustness is not None:
        drawn.append(charts.robustness_chart(trial.robustness))
    return drawn


def _test(facts: Facts) -> dict[str, Any] | None:
    trial = facts.trial
    if trial is None:
        return None
    low, high = trial.interval
    words = (
        f"Score {number(trial.evaluation.score)} on {trial.cases}, 95 %: {number(low)} to {number(high)}. Mean latency "
        f"{number(trial.evaluation.latency)} steps, {number(trial.evaluation.energy)} synaptic events per decision."
    )
    if not np.ptp(trial.evaluation.case_scores):
        words += " All cases have the same score."
    if trial.recording is not None and not np.ptp(trial.recording.latency):
        words += f" All decisions take {trial.recording.latency[0]} steps."
    return {
        "words": words,
        "charts": [figure(chart) for chart in trial_charts(trial)],
        "devices": [_device(row) for row in sorted(trial.estimates, key=lambda row: len(row["violations"]) > 0)],
    }


def _device(row: Mapping[str, Any]) -> dict[str, Any]:
    keeps = {None: NOTHING, True: "yes", False: "no"}[row["keeps_period"]]
    return {
        "device": str(row["profile"]),
        "table": row["energy_table"] or NOTHING,
        "energy": NOTHING if row["energy_pj"] is None else f"{row['energy_pj']:,.4g}",
        "mean": _seconds(row["decision_seconds"]),
        "longest": _seconds(row["worst_seconds"]),
        "keeps": keeps,
        "beyond": row["violations"],
    }


def _seconds(value: float | None) -> str:
    if value is None:
        return NOTHING
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


# The record


def _commands(facts: Facts) -> list[tuple[str, str]]:
    run, config = str(facts.run.path), facts.run.path / "config.toml"
    rows = [("Run it again, to the same bits", f"evoneuro run {shlex.quote(str(config))}")]
    if facts.winner is not None:
        rows += _member_commands(facts, facts.winner.id)
    report = f"evoneuro report {shlex.quote(run)}"
    return [*rows, ("Make this page", report)]


def _member_commands(facts: Facts, member: str) -> list[tuple[str, str]]:
    net = shlex.quote(f"{facts.run.path}:{member}")
    return [
        ("Evaluate it on unseen cases", f"evoneuro evaluate {net}"),
        (
            "Export it to C, and compare every spike",
            f"evoneuro export {net} --target c --out {member}-c\nevoneuro verify {net} --target c",
        ),
    ]


def _toml(config: Mapping[str, Any]) -> str:
    """The configuration as TOML, or, where another version wrote it, as JSON."""
    try:
        return to_toml(Config.from_document(config))
    except EvoNeuroError:
        return json.dumps(config, indent=1)


def _versions(facts: Facts) -> list[tuple[str, str]]:
    parts = {name: facts.meta.get(name) for name in ("versions", "machine", "task")}
    rows = [
        (f"task {name}" if part == "task" else str(name), str(value))
        for part, values in parts.items()
        if isinstance(values, Mapping)
        for name, value in values.items()
    ]
    digest = facts.status["digest"]
    if digest:
        rows.append(("digest of the result", str(digest)))
    if facts.status["timing_dependent"]:
        rows.append(("timing dependent", "yes: a candidate ran out of time or memory"))
    return rows
