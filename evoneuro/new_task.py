"""A new task: a commented plugin that works, and its test, from the templates of this package."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from importlib.resources import files
from pathlib import Path
from string import Template

from evoneuro.errors import EvoNeuroError, check_choice

KINDS = ("control", "classification", "regression", "spikes")


@dataclass(frozen=True)
class NewTask:
    """What was written: the plugin, its test, and how the command line names the task."""

    files: tuple[Path, Path]
    task: str

    @property
    def commands(self) -> tuple[str, str]:
        """What to do next."""
        quoted = f"'{self.task}'" if re.search(r"[^\w./:-]", self.task) else self.task
        return f"evoneuro check {quoted}", f"evoneuro run {quoted}"


def write(name: str, kind: str, folder: Path) -> NewTask:
    """Write NAME.py and test_NAME.py into `folder`; "my-task", "my_task" and "MyTask" are one name.

    Raises:
        EvoNeuroError: a name that no module can have or that one has, an unknown kind, or a file that exists or
            cannot be written.
    """
    check_choice("--kind", kind, KINDS)
    module = _module(name)
    cls = "".join(part.capitalize() for part in module.split("_"))
    plugin, test = folder / f"{module}.py", folder / f"test_{module}.py"
    words = {
        "title": module.replace("_", " ").strip().capitalize(),
        "file": plugin.name,
        "test": test.name,
        "module": module,
        "cls": cls,
    }
    for path in (plugin, test):
        if path.exists():
            raise EvoNeuroError(f"{path} exists already; choose another name, or another folder with --out DIR")
    if module in {*sys.stdlib_module_names, *packages_distributions(), "evoneuro", "evoneuro_tasks"}:
        raise EvoNeuroError(
            f"new-task: there is a Python module {module!r} already, which {module}.py would hide; choose another name"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, template in ((plugin, kind), (test, "test")):
            text = (files("evoneuro") / "templates" / f"{template}.py.txt").read_text(encoding="utf-8")
            with path.open("x", encoding="utf-8") as file:
                file.write(Template(text).substitute(words))
    except OSError as error:
        raise EvoNeuroError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
    return NewTask((plugin, test), f"{plugin}:{cls}")


def _module(name: str) -> str:
    """The module's name in snake_case."""
    module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.replace("-", "_")).lower()
    if not module.isascii() or not module.isidentifier() or keyword.iskeyword(module) or not module.strip("_"):
        raise EvoNeuroError(
            f"new-task: {name!r} is no name for a Python module: expected letters, digits and - or _, "
            "not a digit first, as in my-task"
        )
    return module
