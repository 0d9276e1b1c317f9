"""Text from templates, and what keeps a user's words from becoming code."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

LINE = 112


@cache
def _environment() -> Environment:
    folder = files("evoneuro.export") / "templates"
    texts = {path.name: path.read_text("utf-8") for path in folder.iterdir() if path.name.endswith(".jinja")}
    return Environment(
        loader=DictLoader(texts),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # what comes from a user goes through `plain`
    )


def render(template: str, **values: Any) -> str:
    """The text of a template in evoneuro/export/templates."""
    return _environment().get_template(template).render(**values)


def source(name: str) -> str:
    """A file of evoneuro/export/templates that is used as it is."""
    return (files("evoneuro.export") / "templates" / name).read_text("utf-8")


def plain(text: object) -> str:
    """A user's words as they may stand in a comment of any language: letters, digits and a few signs, on one line."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in " -_.:,=()") else "?" for c in str(text))
    return kept[:120].strip()


def table(numbers: Iterable[object], indent: str = "    ") -> str:
    """Numbers as lines of a C initialiser."""
    lines, line = [], indent
    for number in numbers:
        word = f"{number}, "
        if len(line) + len(word) > LINE:
            lines.append(line.rstrip())
            line = indent
        line += word
    lines.append(line.rstrip().rstrip(",") if line.strip() else f"{indent}0")
    return "\n".join(lines)
