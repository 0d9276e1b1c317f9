"""Pages of documentation: their blocks of code, and how a test runs them, in order, in one folder, at a small size.

A block that starts with `# name.py` or `# name.toml` is written as that file. `bash` runs line by line, `evoneuro` in
this process, with a small budget. A block whose fence says `title="not run: WHY"` is not run; its `evoneuro` lines are
parsed all the same, and so is its TOML. Runs and networks that a page speaks of without making them are those of `kit`.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

from evoneuro import cli, launch
from evoneuro.config import Config
from evoneuro.config_file import normal

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(r'^( *)```(\w*)(?: title="not run: ([^"\n]+)")?( [^\n]*)?\n(.*?)^\1```$', re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"# (\S+\.(?:py|toml))\n")
NEWLINE = "\n"
PLAIN = ("text", "verilog", "c", "json")  # shown, not run
TINY = ["--generations", "2", "--population", "8", "--quiet"]
STUDY_KEYS = ("variants", "seeds", "parallel", "held_out", "solved", "pictures")  # of a study alone
SHELL = ("cat", "ls", "echo", "make")  # programs that are run as they stand


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        reason: why it is not run; None: it is.
        output: what it prints: a block of text that follows at once, with nothing in between; None: nothing is said.
        where: page and line, for messages.
    """

    language: str
    text: str
    reason: str | None
    where: str
    output: str | None = None

    @property
    def file(self) -> str | None:
        """The file that the block is, if it is one."""
        match = NAMED.match(self.text)
        return match[1] if match else None


def pages() -> list[Path]:
    """All pages that are written by hand: the README and those in docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    end = 0
    for match in FENCE.finditer(text):
        indent, language, reason, _, body = match.groups()
        where = f"{page.name}:{text.count(NEWLINE, 0, match.start()) + 1}"
        body = re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
        if language == "text" and found and not text[end : match.start()].strip():
            found[-1] = replace(found[-1], output=body)
        found.append(Block(language, body, reason, where))
        end = match.end()
    return found


def lines(text: str) -> list[str]:
    """The commands of a block of bash: without comments, `\\` at an end and `&&` undone."""
    joined = text.replace("\\\n", " ").splitlines()
    return [part.strip() for line in joined for part in line.split(" && ") if shlex.split(part, comments=True)]


def kit(folder: Path) -> Path:
    """A folder with small finished runs and a network, for pages that go on with one."""
    (folder / "results").mkdir()
    for task, seed in (("cartpole", 1), ("cartpole", 2), ("iris", 1)):
        run = launch.evolve(
            task,
            generations=3,
            seed=seed,
            workers=0,
            out=str(folder / "made"),
            search={"population": 12},
            episodes={"validation": 5, "every": 2},
        )
        if (task, seed) == ("cartpole", 1):
            run.front.best("score").save(folder / "net.json")
        shutil.move(run.path, folder / "results" / f"{task}-20000101-000000-seed{seed}")
    return folder


class Reader:
    """Somebody who does what a page says, in the current directory."""

    def __init__(self) -> None:
        self.did: Counter[str] = Counter()
        self.names: dict[str, object] = {"__name__": "page"}  # what Python blocks of a page share

    def follow(self, page: Path, elsewhere: bool = False) -> None:
        """All blocks of a page; those that another test runs are only parsed."""
        for block in blocks(page):
            if block.reason or elsewhere:
                self.parse(block)
            else:
                self.do(block)

    def parse(self, block: Block) -> None:
        """Raise if a block that is not run cannot be right."""
        self.did["parsed"] += 1
        if block.language == "bash":
            for line in lines(block.text):
                if line.startswith("evoneuro "):
                    parse(shlex.split(line, comments=True)[1:], block.where)
        elif block.language == "toml":
            check_toml(block)
        elif block.language == "python":
            compile(block.text, block.where, "exec")
        else:
            assert block.language in ("", *PLAIN), f"{block.where}: a block of {block.language!r}"

    def do(self, block: Block) -> None:
        """Run a block, or write the file that it is."""
        if block.language == "toml":
            check_toml(block)
        if block.file:
            Path(block.file).write_text(small(block.text), encoding="utf-8")
            self.did["file"] += 1
        elif block.language == "python":
            text = re.sub(r"generations=\d+", "generations=2", block.text)
            with redirect_stdout(StringIO()) as said:
                exec(compile(text, block.where, "exec"), self.names)
            assert block.output in (None, said.getvalue()), f"{block.where}: it printed {said.getvalue()}"
            self.did["python"] += 1
        elif block.language == "bash":
            for line in lines(block.text):
                self.run(line, block.where)
        else:
            assert block.language in PLAIN, f"{block.where}: a block of {block.language!r}: text, bash, python or toml?"

    def run(self, line: str, where: str) -> None:
        """One command."""
        program, *words = shlex.split(line, comments=True)
        self.did[program] += 1
        if program == "evoneuro":
            words = budgeted([found(word) for word in words])
            fine = (0, 1) if words[0] == "check" and "--profile" in words else (0,)  # 1: beyond the device, and says so
            assert cli.main(words) in fine, f"{where}: {shlex.join(words)}"
        elif program == "pip":
            check_install(words, where)
        elif program == "pytest" and not Path(words[0]).exists():  # of our own tests, which the gate runs
            assert words[0].startswith("-") or (ROOT / words[0]).exists(), f"{where}: {words[0]}"
        elif program in ("pytest", "python", *SHELL):
            ours = {"python": [], "pytest": ["-m", "pytest", "-q", "-p", "no:cacheprovider"]}
            command = [sys.executable, *ours[program], *words] if program in ours else ["bash", "-c", line]
            result = subprocess.run(command, capture_output=True, text=True)
            assert result.returncode == 0, f"{where}: {line}: {result.stdout}{result.stderr}"
        else:
            raise AssertionError(f'{where}: {program!r} is not run by tests; mark the block title="not run: WHY"')


def found(word: str) -> str:
    """A word with the run directory that exists in place of the page's: dots for the time, or RUN for the last one."""
    runs = sorted(Path("results").glob("*/run.sqlite"), key=lambda path: (path.parent.stat().st_mtime, path))
    if match := re.match(r"^(results/[\w-]+)-\.\.\.-(seed\d+)", word):
        (*_, newest) = sorted(Path().glob(f"{match[1]}-*-{match[2]}"))
        word = str(newest) + word[match.end() :]
    elif re.match(r"^RUN(:|$)", word):
        word = runs[-1].parent.as_posix() + word.removeprefix("RUN")
    return re.sub(r"(^|:)smallest$", r"\1best", word)  # so small a run solves nothing


def budgeted(words: list[str]) -> list[str]:
    """The words of an `evoneuro` command with a small budget."""
    if words[0] == "run" and words[1].endswith("/config.toml"):
        return [*words, "--quiet"]  # a small run, once more
    if words[0] == "run":
        return [*words, *TINY, *([] if {"--address", "--workers"} & set(words) else ["--workers", "0"])]
    if words[0] == "study":
        return [*words, "--seeds", "1", "--quiet"]
    if words[0] == "evaluate" and "--episodes" in words:
        return [*words, "--episodes", "5"]
    if words[0] == "play":
        return [*words, "--decisions", "4"]
    return words


def small(text: str) -> str:
    """A file's text with a small budget."""
    return re.sub(r"^((?:budget\.)?generations|population|episodes) = \d+", r"\1 = 4", text, flags=re.MULTILINE)


def parse(words: list[str], where: str) -> None:
    """Raise unless the command line knows these words."""
    said = StringIO()
    try:
        with redirect_stderr(said):
            cli._parser().parse_args(words)
    except SystemExit as stop:
        raise AssertionError(f"{where}: evoneuro {shlex.join(words)}: {said.getvalue()}") from stop


def check_toml(block: Block) -> None:
    """Raise unless the block is TOML, and a configuration's keys exist."""
    document = tomllib.loads(block.text)
    if block.file == "pyproject.toml" or "project" in document:
        return
    known = normal({key: value for key, value in document.items() if key not in STUDY_KEYS}, "page.toml")
    Config.from_document({"task": "iris", **known})


def check_install(words: Iterable[str], where: str) -> None:
    """Raise unless `pip install` names this package and extras that it has."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in words:
        if match := re.match(r"^(?:\.|evoneuro)\[([\w,-]+)\]$", word):
            assert set(match[1].split(",")) <= set(extras), f"{where}: {word}"
