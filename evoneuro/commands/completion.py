"""Completion of the command line in shells: a script that shtab makes of the parser, and what the arguments can be.

Names are those of the plugins that are installed when the script is printed: a shell that asked for them at every key
would wait for Python each time.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from evoneuro import callbacks, plugins, presets
from evoneuro.errors import nearest

SHELLS = ("bash", "zsh", "fish")

Complete = dict[str, Any]  # of each shell, what completes an argument


class PrintCompletion(argparse.Action):
    """Prints the script of a shell, and ends the program as `--version` does."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Print the script of the shell that was asked for, and exit."""
        if values not in SHELLS:
            parser.error(f"argument {option}: expected {', '.join(SHELLS)}, got {values!r}.{nearest(values, SHELLS)}")
        sys.stdout.write(script(parser, values))
        parser.exit()


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that completes the command line of `parser` in a shell of `SHELLS`."""
    import shtab  # needed by nobody else

    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    names = _names()
    for sub in commands.choices.values():
        for action in sub._actions:
            found = _values(action, names)
            if found is not None:
                action.complete = found
    text: str = shtab.complete(parser, shell)
    return text


def _names() -> dict[str, Sequence[str]]:
    """What goes by a name: its kind, as in an option, and the names."""
    from evoneuro.export import targets
    from evoneuro.hardware import profiles
    from evoneuro.new_task import KINDS
    from evoneuro.task import registered_tasks

    return {
        "profile": [profile.name for profile in profiles()],
        "preset": presets.names(),
        "callback": list(plugins.registered(callbacks.GROUP)),
        "target": list(targets()),
        "kind": KINDS,
        "task": list(registered_tasks()),
    }


def _values(action: argparse.Action, names: Mapping[str, Sequence[str]]) -> Complete | str | None:
    """What completes an argument; None where nobody can know."""
    if action.option_strings and action.option_strings[0].removeprefix("--") in names:
        kind = action.option_strings[0].removeprefix("--")
        return _words(kind, names[kind], files=kind in ("task", "callback"))
    parts = re.split(r"[|_]", str(action.metavar))
    if "TASK" in parts:
        return _words("task", names["task"], files=True)
    if parts == ["DIR"] or parts == ["RUN"]:
        return "directory"
    return "file" if {"NET", "FILE", "FILE.npy", "STUDY.toml"} & set(parts) else None


def _words(kind: str, words: Sequence[str], files: bool) -> Complete:
    """One of some words, or, with `files`, a file."""
    listed = " ".join(word for word in words if re.fullmatch(r"[\w.+-]+", word))  # a name must not be shell code
    name, fish = f"_evoneuro_{kind}", "; __fish_complete_path (commandline -ct)" if files else ""
    return {
        "bash": name,
        "zsh": name,
        "fish": f"({name})",
        "preamble": {
            "bash": f"{name}() {{ compgen -W '{listed}' -- $1{'; compgen -f -- $1' if files else ''}; }}",
            "zsh": f"{name}() {{ _alternative 'names:{kind}:({listed})'{' files:file:_files' if files else ''} }}",
            "fish": f"function {name}; printf '%s\\n' {listed}{fish}; end",
        },
    }
