"""What commands print: one JSON document, or lines that people read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def print_json(document: dict[str, Any]) -> int:
    """The document on one line; returns 0, as all of these do."""
    print(json.dumps(document, allow_nan=False))
    return 0


def print_files(facts: dict[str, Any], paths: Sequence[str | Path], as_json: bool) -> int:
    """The files that were written, a line each; the facts are in the document alone."""
    if as_json:
        return print_json({**facts, "files": [str(path) for path in paths]})
    for path in paths:
        print(path)
    return 0


def print_results(results: dict[str, Any], as_json: bool) -> int:
    """Names and values, a line each."""
    if as_json:
        return print_json(results)
    for key, value in results.items():
        if key == "violations":  # sentences, each a line of its own
            for line in value:
                print(f"violation: {line}")
            continue
        if value is None:
            text = "-"
        elif isinstance(value, float):
            text = f"{value:.6g}"
        elif isinstance(value, list):
            text = " ".join(f"{part:.6g}" if isinstance(part, float) else str(part) for part in value)
        else:
            text = str(value)
        print(f"{key:18} {text}")
    return 0
