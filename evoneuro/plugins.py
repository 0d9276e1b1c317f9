"""Plugins: classes of other people, found by entry point, as `package.module:Class` or as `path/file.py:Class`.

Tasks, encoders, decoders and objectives are all found here. To find one imports its module, which runs its code with
the user's rights; `registered` only lists names and imports nothing.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from evoneuro.errors import EvoNeuroError, PluginError, nearest

Kind = TypeVar("Kind")

_INERT: ContextVar[bool] = ContextVar("inert", default=False)
_MOVED: dict[str, str] = {}  # folder on the machine that sent a plugin -> where its files stand on this one


class MissingPluginError(EvoNeuroError):
    """No such plugin, or no such module, on this machine."""


@contextmanager
def inert() -> Iterator[None]:
    """In the body no plugin is run that a file names, be it a network or a run: whoever looks at one need not trust it.

    Plugins of installed packages are the user's own choice and are found as ever.
    """
    token = _INERT.set(True)
    try:
        yield
    finally:
        _INERT.reset(token)


def registered(group: str) -> dict[str, EntryPoint]:
    """Plugins of installed packages in an entry-point group, by name; nothing is imported."""
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda p: p.name)}


def find(what: str, name: str, group: str, base: type[Kind]) -> type[Kind]:
    """The subclass of `base` that `name` stands for; its module is imported.

    Args:
        what: the word for it in errors, such as "task".

    Raises:
        EvoNeuroError: no such plugin, module, file or class.
        PluginError: the module raised while it was imported.
    """
    if ":" in name and _INERT.get():
        raise EvoNeuroError(
            f"{what} {name!r} is a plugin that the file names, and this command runs no code of plugins; "
            "`evaluate` and `resume` do"
        )
    module, attribute = _module(what, name, group)
    cls = getattr(module, attribute, None)
    if not (inspect.isclass(cls) and issubclass(cls, base)):
        found = [n for n, value in vars(module).items() if inspect.isclass(value) and issubclass(value, base)]
        where = name.rpartition(":")[0] or module.__name__
        raise EvoNeuroError(f"{where} has no {what} class {attribute!r}.{nearest(attribute, found)}")
    return cls


def _module(what: str, name: str, group: str) -> tuple[ModuleType, str]:
    points = registered(group)
    if name in points:
        target = points[name].value
    elif ":" in name:
        target = name
    else:
        raise MissingPluginError(
            f"no {what} {name!r}.{nearest(name, points)} Or give package.module:Class or file.py:Class."
        )
    where, _, attribute = target.rpartition(":")
    return (_import_file(where) if where.endswith(".py") else _import_module(where)), attribute


def function(what: str, name: str) -> Callable[..., Any]:
    """The function that `package.module:function` or `path/file.py:function` stands for; its module is imported.

    Args:
        what: the word for it in errors, such as "data set".

    Raises:
        EvoNeuroError: no such module, file or function.
        PluginError: the module raised while it was imported.
    """
    where, _, attribute = name.rpartition(":")
    module = _import_file(where) if where.endswith(".py") else _import_module(where)
    found = getattr(module, attribute, None)
    if not callable(found):
        there = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
        raise EvoNeuroError(f"{what}: {where} has no function {attribute!r}.{nearest(attribute, there)}")
    return cast(Callable[..., Any], found)


def absolute(name: str) -> str:
    """`name` with the path of a file plugin made absolute, so that it means the same in any directory."""
    where, colon, attribute = name.rpartition(":")
    return f"{Path(where).resolve()}:{attribute}" if colon and where.endswith(".py") else name


def beside(what: str, name: str, owner: type) -> str:
    """`name` with the path of a file plugin made absolute: beside the file of `owner`, else in the current directory.

    Raises:
        EvoNeuroError: there is no such file in either place.
    """
    where, colon, attribute = name.rpartition(":")
    if not (colon and where.endswith(".py")) or Path(where).is_absolute():
        return name
    folders = [Path(as_sent(str(Path(file).parent))) for file in map(_source, owner.__mro__) if file is not None]
    for folder in (*folders, Path.cwd()):
        if here(folder / where).is_file():
            return f"{(folder / where).resolve()}:{attribute}"
    raise EvoNeuroError(
        f"{what}: no file {where} in {' or '.join(map(str, dict.fromkeys([*folders[:1], Path.cwd()])))}"
    )


def _source(cls: type) -> str | None:
    try:
        return inspect.getsourcefile(cls)
    except (TypeError, OSError):  # a class of Python itself, or of a notebook
        return None


def moved(folder: str, to: str) -> None:
    """Note that plugins which name files in `folder`, on the machine that sent them, have those in `to` on this one."""
    _MOVED[folder] = to


def here(path: Path) -> Path:
    """Where a file of the sender's machine stands on this one."""
    for folder, to in _MOVED.items():
        if path.is_relative_to(folder):
            return Path(to) / path.relative_to(folder)
    return path


def as_sent(text: str) -> str:
    """`text` with the paths of the machine that sent the plugins."""
    for folder, to in _MOVED.items():
        text = text.replace(to, folder)
    return text


def plugin_error(message: str, error: BaseException) -> PluginError:
    """A PluginError with the plugin's own traceback: frames of this package in front are left out."""
    frames = traceback.extract_tb(error.__traceback__)
    own = str(Path(__file__).parent)
    first = next((i for i, f in enumerate(frames) if not f.filename.startswith((own, "<frozen"))), len(frames))
    plugin_frames = traceback.StackSummary.from_list(frames[first:])
    lines = ["Traceback (most recent call last):\n", *plugin_frames.format()] if plugin_frames else []
    trace = "".join([*lines, *traceback.format_exception_only(error)])
    try:
        said = f": {error}"
    except Exception:  # a plugin's exception may even fail to describe itself
        said = ""
    return PluginError(as_sent(f"{message}: {type(error).__name__}{said}"), as_sent(trace))


def _import_module(where: str) -> ModuleType:
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name is not None and (where == error.name or where.startswith(error.name + ".")):
            raise MissingPluginError(f"no module {where!r} (for a file, give path/file.py:Class)") from None
        raise plugin_error(f"{where} could not be imported", error) from error
    except (Exception, SystemExit) as error:
        raise plugin_error(f"{where} could not be imported", error) from error


def _import_file(where: str) -> ModuleType:
    named = Path(where).resolve()
    path = here(named)
    if not path.is_file():
        raise EvoNeuroError(f"no file {where}")
    # one module per path and content, so that a changed file is read anew
    name = f"evoneuro_plugin_{hashlib.sha256(os.fsencode(named) + path.read_bytes()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise plugin_error(f"{where} could not be imported", error) from error
    finally:
        sys.path.remove(str(path.parent))
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))  # for what its functions import later
    return module
