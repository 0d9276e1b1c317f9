"""The README as a front page: what it must have. What it says is run by tests/test_docs.py, as all pages are."""

from __future__ import annotations

import re

import pytest
from pages import ROOT, blocks, lines

FILES = ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("experiments/*/README.md"))]


def test_the_readme_has_commands_and_python() -> None:
    found = blocks(ROOT / "README.md")
    commands = [line for block in found if block.language == "bash" for line in lines(block.text)]
    assert len([line for line in commands if line.startswith("evoneuro ")]) >= 5
    assert len([block for block in found if block.language == "python"]) >= 2
    assert "pip install . && evoneuro run cartpole-hard" in (ROOT / "README.md").read_text()
    assert 'pip install -e ".[test]" && pytest -n auto --dist loadfile' in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("file", FILES)
def test_links_lead_somewhere(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert ((ROOT / file).parent / target).exists(), target
