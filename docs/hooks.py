"""What the site takes from the repository beside the pages of this folder: help texts, configuration, and linked files.

Pages link to files of the repository as they lie there, so that the links work where the pages are read as files, too.
Every file that a page links to becomes part of the site: Markdown as a page, all else as it is. A link into nowhere is
an error.
"""

from __future__ import annotations

import argparse
import posixpath
import re
from collections.abc import Iterable
from dataclasses import MISSING, Field, fields, is_dataclass
from inspect import getdoc
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from evoneuro import cli, config, config_file
from evoneuro.genome import Bounds

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is generated, the repository's own pages of the navigation, and whatever pages link to."""
    files.append(File.generated(config, "reference/commands.md", content=command_line()))
    files.append(File.generated(config, "reference/configuration.md", content=configuration()))
    waiting = [ROOT / name for name in named(config.nav or []) if files.get_file_from_path(name) is None]
    waiting += [path for file in files.documentation_pages() for path in linked(Path(file.abs_src_path or ROOT / "x"))]
    seen: set[Path] = set()
    while waiting:
        path = waiting.pop()
        where = place(path)
        if path in seen or where is None or files.get_file_from_path(where) is not None:
            continue
        seen.add(path)
        if not path.is_file():  # a folder without a README
            inside = sorted(path.parent.rglob("*.md"))
            files.append(listing(config, where, [page.relative_to(path.parent).as_posix() for page in inside]))
            waiting += inside
            continue
        file = File.generated(config, where, abs_src_path=str(path))
        file.inclusion = InclusionLevel.NOT_IN_NAV if path.suffix == ".md" else InclusionLevel.INCLUDED
        files.append(file)
        waiting += linked(path)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links from the repository's places to the site's."""
    source = source_of(page.file.src_uri)
    here = posixpath.dirname(page.file.src_uri)

    def moved(match: re.Match[str]) -> str:
        opening, target, anchor, closing = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        where = place((source.parent / target).resolve())
        if where is None:
            return match[0]
        return f"{opening}{posixpath.relpath(where, here or '.')}{anchor or ''}{closing}"

    markdown = outside_of_code(markdown, lambda text: LINK.sub(moved, text))
    return markdown.replace(' title="not run: ', ' title="Our tests do not run this: ')


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Give the theme's dialog for searching a name, for those who hear the page."""
    return output.replace(
        'data-md-component="search" role="dialog"', 'data-md-component="search" role="dialog" aria-label="Search"'
    )


def named(nav: Iterable[Any]) -> list[str]:
    """Paths in the navigation."""
    found: list[str] = []
    for item in nav:
        if isinstance(item, dict):
            for value in item.values():
                found += [value] if isinstance(value, str) else named(value)
        else:
            found.append(str(item))
    return found


def source_of(uri: str) -> Path:
    """The file of the repository that a page of the site comes from."""
    return ROOT / "docs" / uri if (ROOT / "docs" / uri).exists() or uri.startswith("reference/") else ROOT / uri


def place(path: Path) -> str | None:
    """Where a file of the repository is on the site; None: not a file of it."""
    if not path.is_relative_to(ROOT) or not (path.exists() or (path.name == "README.md" and path.parent.is_dir())):
        return None
    path = path / "README.md" if path.is_dir() else path
    if path == ROOT / "README.md":
        return "index.md"
    inside = PurePosixPath(path.relative_to(ROOT).as_posix())
    return str(inside.relative_to("docs")) if inside.parts[0] == "docs" else str(inside)


def listing(config: MkDocsConfig, where: str, pages: list[str]) -> File:
    """A page for a folder that has none: what is in it."""
    folder = posixpath.dirname(where)
    lines = [f"# {folder}", "", *(f"- [{posixpath.dirname(page) or page}]({page})" for page in pages)]
    file = File.generated(config, where, content="\n".join(lines))
    file.inclusion = InclusionLevel.NOT_IN_NAV
    return file


def linked(page: Path) -> list[Path]:
    """Files of the repository that a page links to."""
    if page.suffix != ".md" or not page.is_file():
        return []
    found: list[Path] = []

    def note(text: str) -> str:
        for match in LINK.finditer(text):
            if "://" not in match[2]:
                target = (page.parent / match[2]).resolve()
                found.append(target / "README.md" if target.is_dir() else target)
        return text

    outside_of_code(page.read_text(encoding="utf-8"), note)
    return found


def outside_of_code(markdown: str, change: Any) -> str:
    """`change` applied to what stands between blocks of code."""
    parts, last = [], 0
    for match in FENCE.finditer(markdown):
        parts += [change(markdown[last : match.start()]), match[0]]
        last = match.end()
    return "".join([*parts, change(markdown[last:])])


# The command line


def command_line() -> str:
    """A page with what each command's `--help` says."""
    parser = cli._parser()
    commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    about = {choice.dest: choice.help for choice in commands._choices_actions}
    lines = [
        "# The command line",
        "",
        "What `evoneuro COMMAND --help` says, for every command. This page is made from the program itself.",
        "",
        "`TASK` is a registered name (`evoneuro tasks`), `package.module:Class` or `path/file.py:Class`.",
        "`RUN` is a run directory, or a folder with one run in it. `NET` is a network file, or `RUN:ID`, `RUN:best`",
        "(the highest validation score), `RUN:smallest` (the fewest synapses that solve the task).",
        "",
        "Results go to stdout, progress to stderr; `--json` prints one JSON document. Exit status: 0 done, 1 failed,",
        "2 wrong usage or input, 130 interrupted.",
        "",
        "| command | what it does |",
        "|---|---|",
        *(f"| [`{name}`](#{name}) | {about[name]} |" for name in commands.choices),
        "",
    ]
    for name, sub in commands.choices.items():
        lines += [f"## {name}", "", sub.description.capitalize() + ".", "", "```text", usage(sub), "```", ""]
        rows = [(invocation(action), action.help or "") for action in sub._actions if action.dest != "help"]
        lines += [
            "| argument | what it does |",
            "|---|---|",
            *(f"| `{cell(a)}` | {cell(text)} |" for a, text in rows),
            "",
        ]
        if sub.epilog:
            lines += [sub.epilog.replace("Example: ", "Example: `") + "`", ""]
    return "\n".join(lines)


def usage(parser: argparse.ArgumentParser) -> str:
    """The line that says how a command is called."""
    formatter = argparse.HelpFormatter(parser.prog, width=100)
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups, prefix="")
    return formatter.format_help().strip()


def invocation(action: argparse.Action) -> str:
    """An argument as it is written."""
    value = "" if action.nargs == 0 else str(action.metavar or action.dest)
    return f"{', '.join(action.option_strings)} {value}".strip()


def cell(text: str) -> str:
    """Text for a table's cell."""
    return text.replace("|", "\\|")


# Configuration

SECTIONS = {**config.SECTIONS, "genome": Bounds}


def configuration() -> str:
    """A page with every key of a configuration, its default and what it says."""
    lines = [
        "# Configuration",
        "",
        "Every key of a run's configuration, as a TOML file has it or `--set section.key=value`. This page is made",
        "from the program itself. What you do not set comes from a preset, then from the task, then from the defaults",
        "below; the resolved configuration is in the run directory. An unknown key is an error that names the nearest.",
        "",
        "`task` is the task's name, or the section `[task]` with `name` and the task's parameters; see",
        "[Write your own task](../own-task.md).",
        "",
    ]
    elsewhere = {"task", "parameters", *SECTIONS}
    lines += described("Top level", config.Config, lambda key: key not in elsewhere)
    for name, cls in SECTIONS.items():
        lines += described(f"[{name}]", cls)
    return "\n".join(lines)


def described(title: str, cls: type, wanted: Any = lambda key: True) -> list[str]:
    """A section's keys as a table: name, default, and what the class's docstring says."""
    assert is_dataclass(cls)
    texts, summary = attributes(cls)
    lines = [f"## {title}", "", summary, "", "| key | default | what it says |", "|---|---|---|"]
    for field in fields(cls):
        if wanted(field.name):
            lines.append(f"| `{field.name}` | `{default(field)}` | {cell(texts.get(field.name, ''))} |")
    return [*lines, ""]


def default(field: Field[Any]) -> str:
    """A field's default, as TOML would have it."""
    value = field.default if field.default is not MISSING else None
    if field.default_factory is not MISSING:
        value = field.default_factory()
    if value is None:
        return "-"
    if isinstance(value, tuple):
        value = list(value)
    return config_file.format_value(value)


def attributes(cls: type) -> tuple[dict[str, str], str]:
    """What a docstring says of each attribute, and its text before them; names that share a text share it here, too."""
    head, _, tail = (getdoc(cls) or "").partition("Attributes:\n")
    body, _, rest = tail.partition("\n\n")
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in body.splitlines():
        match = re.match(r"    (\w+(?:, \w+)*): (.*)", line)
        if match:
            names = match[1].split(", ")
            texts.update(dict.fromkeys(names, match[2]))
        else:
            texts.update({name: f"{texts[name]} {line.strip()}" for name in names})
    return texts, " ".join(part for part in (head.strip(), rest.strip()) if part)
