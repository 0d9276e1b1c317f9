"""The commands that draw."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from evoneuro.commands.output import print_files
from evoneuro.errors import EvoNeuroError, check_choice


def plot(options: argparse.Namespace) -> int:
    """`evoneuro plot`: a picture of a network, or of a run's front."""
    from evoneuro.database import DATABASE
    from evoneuro.front import Front, resolve, run_in
    from evoneuro.objectives import MEASURES
    from evoneuro.report.pictures import draw_front, draw_network

    run = run_in(options.net)
    front = Front.read(run) if (run / DATABASE).is_file() else None
    own = {} if front is None else front.own
    for flag, measure in (("--x", options.x), ("--y", options.y)):
        check_choice(flag, measure, [*MEASURES, "validation_score", *own])
    if front is not None:
        out = Path(options.out or "front.png")
        members = front.to_document()["front"]
        if not members:
            raise EvoNeuroError(f"{options.net}: the front is empty: no generation is closed yet")
        higher = [name for name, maximise in own.items() if maximise]
        draw_front(members, out, x=options.x, y=options.y, title=Path(options.net).name, higher=higher)
    else:
        network = resolve(options.net)
        out = Path(options.out or "network.png")
        draw_network(network, out, title=str((network.task or {}).get("name", "")))
    return print_files({}, [out], options.json)


def report(options: argparse.Namespace) -> int:
    """`evoneuro report`: a run, or one task's runs, as one HTML page; pictures as files where asked for."""
    from evoneuro.network_file import write_atomically
    from evoneuro.report.gather import gather
    from evoneuro.report.report_page import report_page
    from evoneuro.study.compare import seeds

    facts = gather(seeds(options.run), member=options.network, task=options.task, execute=not options.no_task)
    out = Path(options.out or "report.html")
    write_atomically(out, report_page(facts))
    pictures = []
    if options.pictures:
        from evoneuro.report.files import write_pictures  # matplotlib takes as long to import as a small page to make

        pictures = write_pictures(facts, Path(options.pictures), options.format)
    for part, reason in facts.missing.items():
        print(f"evoneuro: left out: {part}: {reason}", file=sys.stderr)
    return print_files({"missing": facts.missing}, [out, *pictures], options.json)


def compare(options: argparse.Namespace) -> int:
    """`evoneuro compare`: runs and studies beside one another on one HTML page."""
    from evoneuro.network_file import write_atomically
    from evoneuro.record import box_shares
    from evoneuro.report.charts import loss_tables
    from evoneuro.report.compare_page import compare_page
    from evoneuro.study.compare import comparisons, entries, shared_objectives

    found = entries(options.runs)
    objectives = shared_objectives([entry.history.run.config for entry in found])
    volumes = box_shares([loss_tables(entry.history, objectives, {}) for entry in found])
    rows = [entry.row(float(volume[-1]) if len(volume) else 0.0) for entry, volume in zip(found, volumes, strict=True)]
    names = list(dict.fromkeys(entry.group for entry in found))
    groups = {name: [entry.history for entry in found if entry.group == name] for name in names}
    fronts = {name: [entry.front.to_document()["front"] for entry in found if entry.group == name] for name in names}
    marks = {entry.front.solved for entry in found}
    compared = comparisons(rows)
    out = Path(options.out or "compare.html")
    page = compare_page(
        rows,
        compared,
        groups,
        fronts,
        objectives=objectives,
        solved=marks.pop() if len(marks) == 1 else None,
        command=shlex.join(["evoneuro", "compare", *options.runs]),
    )
    write_atomically(out, page)
    return print_files({"runs": rows, "comparisons": compared}, [out], options.json)


def play(options: argparse.Namespace) -> int:
    """`evoneuro play`: a network at its task as a GIF, a film or a page."""
    from evoneuro.commands.networks import held_out
    from evoneuro.report.animation import animate
    from evoneuro.report.watch import watch

    network, task, cases = held_out(options)
    recording = watch(task, network, seed=cases.seed, limit=options.decisions)
    out = animate(recording, network, Path(options.out or "play.gif"), task.name, options.rate)
    facts = {"score": recording.score, "decisions": len(recording.moments), "steps": len(recording.spikes)}
    return print_files(facts, [out], options.json)
