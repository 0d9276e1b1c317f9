"""The commands that measure: studies over seeds, and this machine."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from evoneuro.commands.output import print_files, print_json

BENCH_FOLDER = "results/bench"


def study(options: argparse.Namespace) -> int:
    """`evoneuro study`: configurations over seeds, with table, tests and pictures."""
    from evoneuro.study import held_out, page, plan, runner, show, summary

    def tell(text: str) -> None:
        if not (options.json or options.quiet):
            print(text, file=sys.stderr, flush=True)

    planned = plan.read(options.study, seeds=options.seeds, out=options.out, workers=options.workers)
    held_out.check(planned)
    command = ["evoneuro", "study", options.study, *(["--seeds", options.seeds] if options.seeds else [])]
    with planned.settle():
        outcomes = runner.conduct(planned, tell)
        found = summary.results(planned, outcomes)
        document = summary.document(planned, outcomes, found, shlex.join(command))
        paths = show.write(planned, document, found)
    if options.json:
        print_json({**document, "files": [str(path) for path in paths]})
    else:
        print(page.overview(document))
        print_files({}, paths, as_json=False)
    for failure in document["failures"]:
        text = f"{failure['variant']}, seed {failure['seed']}: {failure['reason']}"
        print(f"evoneuro: error: {text}", file=sys.stderr)
    return 1 if document["failures"] else 0


def bench(options: argparse.Namespace) -> int:
    """`evoneuro bench`: this machine's speed, beside the peers that are installed; status 1 where spikes differ."""
    from evoneuro.bench.document import disagreements, measure
    from evoneuro.bench.plan import FULL, QUICK
    from evoneuro.bench.show import print_tables, write_folder

    def tell(text: str) -> None:
        if not options.json:
            print(text, file=sys.stderr, flush=True)

    document = measure(QUICK if options.quick else FULL, tell)
    # a quick run is a look; it replaces no published table unless it is told to
    folder = options.out or (None if options.quick else BENCH_FOLDER)
    command = "evoneuro bench --quick" if options.quick else "evoneuro bench"
    paths = write_folder(document, Path(folder), command) if folder else []
    if options.json:
        print_json(document)
    else:
        print_tables(document, sys.stdout)
        print_files({}, paths, as_json=False)
    different = disagreements(document)
    for text in different:
        print(f"evoneuro: error: spikes differ: {text}", file=sys.stderr)
    return 1 if different else 0
