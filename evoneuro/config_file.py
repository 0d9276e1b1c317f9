"""Configurations as text: TOML files, read and written, and `--set key=value`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evoneuro.config import Config
from evoneuro.errors import EvoNeuroError

LARGEST = 2**20  # bytes of a configuration


def read(target: str) -> dict[str, Any]:
    """The document of a TOML file, or of a task's name alone.

    Raises:
        EvoNeuroError: the file is missing, no TOML, or names no task.
    """
    if not target.endswith(".toml"):
        return {"task": target}
    document = normal(load(target), target)
    if "task" not in document:
        raise EvoNeuroError(f'{target}: expected the task\'s name, as task = "cartpole" or [task] name = "cartpole"')
    return document


def load(target: str) -> dict[str, Any]:
    """What a TOML file says, as it stands.

    Raises:
        EvoNeuroError: the file is missing, or no TOML.
    """
    try:
        with open(target, "rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise EvoNeuroError(f"{target}: larger than {LARGEST} bytes; expected a configuration in TOML")
        return tomllib.loads(content.decode("utf-8"))
    except RecursionError:
        raise EvoNeuroError(f"{target}: not TOML: nested too deeply") from None
    except OSError as error:
        raise EvoNeuroError(f"{target}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EvoNeuroError(f"{target}: not TOML: {error}") from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, EvoNeuroError):
            raise
        raise EvoNeuroError(f"{target}: not TOML: {error}") from None  # a date or a number that is none


def normal(document: Mapping[str, Any], target: str) -> dict[str, Any]:
    """The document of what a TOML file says: [task] as `task` and `parameters`, plugins' files named from here.

    Args:
        target: the file, beside which those of plugins may stand.

    Raises:
        EvoNeuroError: a task that is neither a name nor a table.
    """
    document = dict(document)
    task = document.pop("task", None)
    if isinstance(task, dict):
        if "parameters" in document:
            raise EvoNeuroError(f"{target}: [task] and [parameters] say the same thing; put all of it under [task]")
        document["parameters"] = dict(task)
        task = document["parameters"].pop("name", None)
    here = Path(target).parent
    document = _placed(document, here)
    if task is None:
        return document
    if not isinstance(task, str):
        raise EvoNeuroError(f'{target}: expected the task\'s name, as task = "cartpole" or [task] name = "cartpole"')
    if ".py:" in task and not Path(task).is_absolute():
        task = str(here / task)
    return {**document, "task": task}


def _placed(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The document of a file in `folder`, with the files of plugins that stand there named from here."""
    search, parameters = document.get("search"), document.get("parameters")
    if isinstance(search, dict):
        lists = {key: search[key] for key in ("objectives", "constraints") if isinstance(search.get(key), list)}
        document["search"] = {
            **search,
            **{key: [_beside(name, folder) for name in names] for key, names in lists.items()},
        }
    if isinstance(parameters, dict):
        specs = {key: parameters[key] for key in ("encoder", "decoder") if isinstance(parameters.get(key), dict)}
        placed = {key: {**spec, "kind": _beside(spec.get("kind"), folder)} for key, spec in specs.items()}
        document["parameters"] = {**parameters, **placed}
    return document


def _beside(name: Any, folder: Path) -> Any:
    """`name`, or where its file is if that stands in `folder`."""
    where, found, _ = str(name).partition(".py:")
    return str(folder / name) if found and (folder / f"{where}.py").is_file() else name


def apply(document: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """`document` with `key=value` settings applied; values are TOML (a bare word is a string).

    `task.NAME=VALUE` sets a task parameter, `SECTION.KEY=VALUE` a key of a section, `KEY=VALUE` a top-level key.
    """
    document = {key: dict(value) if isinstance(value, dict) else value for key, value in document.items()}
    for setting in settings:
        key, equals, text = setting.partition("=")
        path = key.strip().split(".")
        if not equals or not all(path) or len(path) > 2:
            raise EvoNeuroError(f"--set {setting!r}: expected key=value, as in search.population=200")
        if len(path) == 1:
            document[path[0]] = parse_value(text)
        else:
            section = "parameters" if path[0] == "task" else path[0]
            inner = document.setdefault(section, {})
            if not isinstance(inner, dict):
                raise EvoNeuroError(f"--set {setting!r}: {path[0]} is no section")
            inner[path[1]] = parse_value(text)
    return document


def parse_value(text: str) -> Any:
    """A TOML value; what is none is a string."""
    if text.strip() in ("none", "null"):
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def to_toml(config: Config) -> str:
    """The configuration as TOML, as `read` takes it."""
    document = config.to_document()
    document["task"] = {"name": document.pop("task"), **document.pop("parameters")}
    scalars = {k: v for k, v in document.items() if not isinstance(v, dict)}
    lines = [f"{key} = {format_value(value)}" for key, value in scalars.items() if value is not None]
    for section, values in document.items():
        if isinstance(values, dict):
            lines += ["", f"[{section}]"]
            lines += [f"{key} = {format_value(value)}" for key, value in values.items() if value is not None]
    return "\n".join(lines) + "\n"


def format_value(value: Any) -> str:
    """A plain value as TOML: JSON's strings, numbers, booleans and lists are TOML's; tables are inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{format_value(k)} = {format_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(format_value(v) for v in value) + "]"
    # TOML has no escapes for halves of a character, as JSON writes those beyond 16 bits
    return json.dumps(value, ensure_ascii=False)
