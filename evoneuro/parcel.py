"""Parcels: what a run sends along with its plugins, so that workers of other machines can import them.

Of a plugin that is a file, or a module that is not installed, these travel: its file; the modules beside it that it
imports, and theirs; and the files beside it that it names in a string, such as "flowers.csv". A worker that finds the
same files at the same place uses those, else a copy in a folder of its own. Packages that are installed stay where
they are: they must be installed on every machine.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import importlib
import importlib.util
import os
import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from evoneuro import plugins
from evoneuro.errors import EvoNeuroError

LARGEST = 32 * 2**20  # bytes of one parcel: it goes to every worker
PREFIX = "evoneuro-plugins-"
LOCK = ".lock"
CODE = (".py",)
OURS = ("evoneuro", "evoneuro_tasks")

_NAMED = re.compile(r"(.+\.py):\w+")


@dataclass(frozen=True)
class Parcel:
    """Files that plugins need.

    Attributes:
        folders: absolute path of a folder on the sender's machine -> path within it -> content.
        importable: the folders from which modules are imported by name.
    """

    folders: Mapping[str, Mapping[str, bytes]]
    importable: tuple[str, ...] = ()


def pack(names: Iterable[str], parameters: Mapping[str, Any], kinds: tuple[str, ...] | None = None) -> Parcel:
    """The parcel of the plugins of these names; nothing is imported.

    Args:
        names: as `evoneuro.plugins.find` takes them.
        parameters: of the task; they may name files beside it, too.
        kinds: ends of names of the files that travel, such as `CODE`; None: all that are found.

    Raises:
        EvoNeuroError: more than a parcel holds.
    """
    paths, importable = files(names, parameters)
    if kinds is not None:
        paths = {folder: {path for path in found if path.suffix in kinds} for folder, found in paths.items()}
    _check_size(paths)
    folders = {
        str(folder): {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(found)}
        for folder, found in paths.items()
        if found
    }
    return Parcel(folders, importable)


def files(names: Iterable[str], parameters: Mapping[str, Any]) -> tuple[dict[Path, set[Path]], tuple[str, ...]]:
    """What belongs to the plugins of these names: folder -> its files, and the folders from which modules are imported.

    The arguments are those of `pack`; nothing is imported.
    """
    paths: dict[Path, set[Path]] = {}
    importable = []
    for name in names:
        where, colon, _ = name.rpartition(":")
        if colon and where.endswith(".py"):
            path = Path(where).resolve()
            folder, starts = path.parent, [path]
        elif colon and (found := _loose_module(where)):
            folder, starts = found
            importable.append(str(folder))
        else:
            continue
        for start in (*starts, *_files(folder, _strings(parameters))):
            _gather(start, folder, paths.setdefault(folder, set()))
    return paths, tuple(importable)


def unpack(parcel: Parcel) -> None:
    """Make what is in a parcel importable in this process under the names that the sender uses."""
    for folder, files in parcel.folders.items():
        if not all(_is_same(Path(folder) / name, content) for name, content in files.items()):
            plugins.moved(folder, _written(files))
    for folder in parcel.importable:
        here = plugins.here(Path(folder))
        if str(here) not in sys.path:
            sys.path.append(str(here))
    importlib.invalidate_caches()


# What belongs to a plugin


def _loose_module(where: str) -> tuple[Path, list[Path]] | None:
    """Folder and files of a module or package that is not installed."""
    top = where.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if top in OURS or spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin).resolve()
    folder = path.parent.parent if spec.submodule_search_locations else path.parent
    if _is_installed(folder):
        return None
    return folder, sorted(path.parent.rglob("*.py")) if spec.submodule_search_locations else [path]


def _is_installed(folder: Path) -> bool:
    places = {Path(place).resolve() for place in sysconfig.get_paths().values()}
    return folder in places or bool({"site-packages", "dist-packages"} & set(folder.parts))


def _gather(path: Path, folder: Path, found: set[Path]) -> None:
    """Add to `found` the file `path`, and what it imports and names within `folder`."""
    if path in found or not path.is_file():
        return
    found.add(path)
    if path.suffix != ".py":
        return
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return  # the import will say so
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            mentioned = [m for alias in node.names for m in _modules(folder, alias.name)]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            mentioned = [m for name in names for m in _modules(folder, name)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            mentioned = _files(path.parent, [node.value])
        else:
            continue
        for other in mentioned:
            if other.is_relative_to(folder):
                _gather(other, folder, found)


def _modules(folder: Path, name: str) -> list[Path]:
    """The file of a module in `folder`, or all modules of its package."""
    top = folder / name.partition(".")[0]
    if (top / "__init__.py").is_file():
        return sorted(top.rglob("*.py"))
    deep = folder.joinpath(*name.split("."))  # a namespace package, one module at a time
    return [path for path in (top.with_suffix(".py"), deep.with_suffix(".py")) if path.is_file()]


def _files(folder: Path, texts: Iterable[str]) -> list[Path]:
    """The files below `folder` that these texts name, as "data.csv" or "coders.py:Class"."""
    found = []
    for text in texts:
        match = _NAMED.fullmatch(text)
        with contextlib.suppress(OSError, ValueError):  # most texts are no paths
            path = (folder / (match[1] if match else text)).resolve()
            if path.is_file() and path.is_relative_to(folder):
                found.append(path)
    return found


def _strings(value: Any) -> Iterator[str]:
    """All texts in plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _strings(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)


def _check_size(paths: Mapping[Path, set[Path]]) -> None:
    sizes = {path: path.stat().st_size for found in paths.values() for path in found}
    if sum(sizes.values()) > LARGEST:
        largest = max(sizes, key=lambda path: sizes[path])
        raise EvoNeuroError(
            f"the task's files make {sum(sizes.values()) / 2**20:.0f} MiB, and at most {LARGEST / 2**20:.0f} MiB are "
            f"sent to the workers of a cluster; the largest is {largest}: put it in one place on every machine, and "
            "name it there by its absolute path"
        )


# On the worker


def _is_same(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _written(files: Mapping[str, bytes]) -> str:
    """A folder of this process with the files; it goes with the process, or with the next that makes one."""
    remove_left(Path(tempfile.gettempdir()), PREFIX)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    hold(folder)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return str(folder)


def hold(folder: Path) -> None:
    """Lock the folder for as long as this process lives, however it ends."""
    file = FileIO(folder / f"{LOCK}-new", "x")
    _held.append(file)
    if _try_lock(file):
        os.rename(file.name, folder / LOCK)  # from here on others look at it, and find it locked


_held: list[FileIO] = []  # open files; to close one would unlock it


def remove_left(place: Path, prefix: str) -> None:
    """Remove the folders of processes that were killed: workers always are."""
    for lock in place.glob(f"{prefix}*/{LOCK}"):
        with contextlib.suppress(OSError), FileIO(lock) as file:
            if _try_lock(file):
                shutil.rmtree(lock.parent, ignore_errors=True)


def _try_lock(file: FileIO) -> bool:
    """Take the lock if it is free; where files have none, nobody else's is ever free."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
