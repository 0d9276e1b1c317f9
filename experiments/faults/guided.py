"""Mutations of one format, guided by the lines of our readers that they reach: for hours, each night.

    pip install atheris
    python experiments/faults/guided.py network --seconds 600

Formats: network, configuration, tennlab, run. It starts from a good file, ends with status 0 when the time is over, and
at the first input that is neither read nor refused in one line; that one it leaves as crash-... in the current folder.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import atheris

# What reads files; the rest stays as it is, for numba would not know what it compiles.
CONFIGURATION = {"config", "config_file", "sections"}
FILES = CONFIGURATION | {"network_file", "store", "record", "front", "documents", "schema", "database", "columns"}
TENNLAB = {"tennlab", "tennlab_risp", "tennlab_elements", "tennlab_extras", "tennlab_checks"}
CONTENTS = {"archive", "genome", "network", "networks", "population", "lineage", "parcel"}
PACKAGE = Path(__file__).parents[2] / "evoneuro"
OTHERS = [
    ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for file in PACKAGE.rglob("*.py")
    if file.stem not in FILES | TENNLAB | CONTENTS
]

with atheris.instrument_imports(include=["evoneuro"], exclude=OTHERS):
    from fuzzing import Hostile

    from evoneuro.errors import EvoNeuroError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("format", choices=["network", "configuration", "tennlab", "run"])
    parser.add_argument("--seconds", type=int, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, corpus = Path(name) / "at", Path(name) / "corpus"
        folder.mkdir()
        corpus.mkdir()
        hostile = Hostile(folder)
        good, read = hostile.by_bytes[options.format]
        (corpus / "good").write_bytes(good)
        arguments = [f"-max_total_time={options.seconds}", "-timeout=20", "-rss_limit_mb=2048", "-max_len=200000"]
        atheris.Setup([sys.argv[0], *arguments, str(corpus)], lambda content: attempt(read, content))
        atheris.Fuzz()


def attempt(read: Callable[[bytes], None], content: bytes) -> None:
    """Read it; whatever is not an error of one line goes through."""
    try:
        read(content)
    except EvoNeuroError as error:
        if "\n" in str(error) or len(str(error)) > 5000:
            raise AssertionError(str(error)[:5000]) from error


if __name__ == "__main__":
    main()
