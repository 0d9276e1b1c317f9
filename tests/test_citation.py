"""How to cite: the file is what the Citation File Format asks for, and tells the truth about the package."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_citation_agrees_with_the_package() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    values = dict(re.findall(r"^([\w-]+): *(.+)$", text, flags=re.M))
    assert {"cff-version", "message", "title", "type"} <= set(values)  # what version 1.2.0 requires, and authors
    assert (values["version"], values["license"]) == (project["version"], project["license"])
    assert [author["name"] for author in project["authors"]] == re.findall(r"^  - name: (.+)$", text, flags=re.M)
