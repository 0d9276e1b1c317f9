"""The commands that draw."""

from __future__ import annotations

import argparse
from pathlib import Path

from evoneuro.commands.output import print_files
from evoneuro.errors import EvoNeuroError, check_choice


def plot(options: argparse.Namespace) -> int:
    from evoneuro.front import Front, resolve
    from evoneuro.objectives import MEASURES
    from evoneuro.report.pictures import draw_front, draw_network
    from evoneuro.store import DATABASE

    front = Front.read(options.net) if (Path(options.net) / DATABASE).is_file() else None
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
