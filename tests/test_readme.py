"""What the README says, works: its commands run at a small size, its Python runs as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from evoneuro.cli import main

ROOT = Path(__file__).resolve().parents[1]
TINY = ["--generations", "2", "--population", "8", "--workers", "0", "--quiet"]
FILES = ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("experiments/*/README.md"))]


def blocks(language: str, file: str = "README.md") -> list[str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands() -> list[list[str]]:
    """The README's `evoneuro` commands, one after another."""
    lines = [line for block in blocks("bash") for line in block.replace("\\\n", " ").splitlines()]
    parts = [part for line in lines for part in line.split("&&")]
    return [shlex.split(part, comments=True)[1:] for part in parts if part.strip().startswith("evoneuro ")]


def test_the_readme_has_commands_and_python() -> None:
    assert len(commands()) >= 5
    assert len(blocks("python")) >= 2
    assert "pip install . && evoneuro run cartpole-hard" in (ROOT / "README.md").read_text()
    assert 'pip install -e ".[test]" && pytest -n auto --dist loadfile' in (ROOT / "README.md").read_text()


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, with the run that the first of them makes in place of the README's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mytask.py").write_text(blocks("python")[1])
    small = re.sub(r"(generations|episodes) = \d+", r"\1 = 4", blocks("toml")[0])
    (tmp_path / "study.toml").write_text(small)
    made: dict[str, str] = {}
    for arguments in commands():
        if arguments[0] == "run":
            arguments = [*without(arguments, "--generations"), *TINY]
        arguments = [re.sub(r"^(\S*?)results/([\w-]+?)-\.\.\.-seed0", lambda m: made[m[2]], a) for a in arguments]
        if arguments[0] == "study":
            arguments = [*arguments, "--seeds", "1", "--quiet"]
        if arguments[0] == "evaluate":
            arguments += ["--episodes", "5", "--set", "task.max_steps=30"]
        arguments = [a.replace(":smallest", ":best") for a in arguments]  # so small a run solves nothing
        assert main(arguments) == 0, arguments
        for path in tmp_path.glob("results/*/run.sqlite"):
            made.setdefault(path.parent.name.rsplit("-", 3)[0], str(path.parent))


def without(arguments: list[str], flag: str) -> list[str]:
    if flag not in arguments:
        return arguments
    where = arguments.index(flag)
    return arguments[:where] + arguments[where + 2 :]


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = blocks("python")[number]
    exec(compile(code, f"README.md, block {number}", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("file", FILES)
def test_links_lead_somewhere(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert ((ROOT / file).parent / target).exists(), target
