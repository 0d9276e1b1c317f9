"""Export to other tools and chips, and import from them: the registries.

A user's exporter is an entry point of the group `evoneuro.exporters`: an `Exporter` (see `contract`), or a class
that makes one. It is loaded only when its name is asked for.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from evoneuro.errors import EvoNeuroError, FormatError, PluginError, check_choice
from evoneuro.export import brian2, dot, graphml, lava, nest, nir, pynn, tennlab
from evoneuro.export.arduino import Arduino
from evoneuro.export.c import C
from evoneuro.export.contract import Exporter, files_of
from evoneuro.export.verilog import target as verilog
from evoneuro.network import Network
from evoneuro.network_file import read_json, write_atomically

GROUP = "evoneuro.exporters"

_BUILT_IN: tuple[Exporter, ...] = (
    C(),
    Arduino(),
    verilog.SPATIAL,
    verilog.MULTIPLEXED,
    tennlab.Tennlab(),
    nir.Nir(),
    nir.NirDelays(),
    nest.Nest(),
    pynn.Pynn(),
    brian2.Brian2(),
    lava.Lava(),
    graphml.Graphml(),
    dot.Dot(),
)
EXPORTERS: dict[str, Exporter] = {exporter.name: exporter for exporter in _BUILT_IN}
IMPORTERS: dict[str, Callable[[Any], Network]] = {"tennlab": tennlab.from_document}

Result = TypeVar("Result")


def targets() -> dict[str, str]:
    """Name -> description of every target; a user's own is described by where it lives, without loading it."""
    built_in = {name: exporter.description for name, exporter in EXPORTERS.items()}
    return built_in | {name: f"plugin {entry.value}" for name, entry in _plugins().items()}


def exporter_of(target: str) -> Exporter:
    """The exporter of a target.

    Raises:
        EvoNeuroError: an unknown target; the nearest known one is named.
        PluginError: a user's exporter cannot be loaded.
    """
    if target in EXPORTERS:
        return EXPORTERS[target]
    plugins = _plugins()
    entry = plugins[check_choice("export target", target, [*EXPORTERS, *plugins])]
    found = _guarded(target, entry.load)
    exporter: Exporter = _guarded(target, found) if isinstance(found, type) else found
    missing = [name for name in ("name", "description", "check", "export") if not hasattr(exporter, name)]
    if missing:
        raise PluginError(f"exporter {target!r} ({entry.value}): lacks {', '.join(missing)}; an exporter has all four")
    return exporter


def render(network: Network, target: str) -> dict[str, str | bytes]:
    """The files, name -> content, that `target` makes of `network`.

    Raises:
        EvoNeuroError: an unknown target, or the target cannot be exact.
        PluginError: a user's exporter failed.
    """
    exporter = exporter_of(target)
    if target in EXPORTERS:
        return files_of(exporter, network)
    return _guarded(target, lambda: files_of(exporter, network))


def export(network: Network, target: str, out: Path, force: bool = False) -> list[Path]:
    """Write `network` for `target` into the directory `out`, and return the paths of the files.

    Args:
        force: also write into a directory that is not empty; other files in it stay.

    Raises:
        EvoNeuroError: what `render` raises, `out` is in use, or it cannot be written.
    """
    files = render(network, target)
    for name in files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise EvoNeuroError(f"exporter {target!r}: file name {name!r} leads out of the directory")
    try:
        if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not force)):
            hint = "is not empty; choose another directory, or --force" if out.is_dir() else "is not a directory"
            raise EvoNeuroError(f"{out}: {hint}")
        written = [out / name for name in files]
        for path, content in zip(written, files.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
    except OSError as error:
        raise EvoNeuroError(f"{out}: cannot be written: {error.strerror or error}") from None
    return written


def import_network(path: Path, format: str) -> Network:
    """The network in a file of another tool.

    Raises:
        EvoNeuroError: an unknown format; the nearest known one is named.
        FormatError: the file cannot be read, or cannot be exact here.
    """
    importer = IMPORTERS[check_choice("import format", format, IMPORTERS)]
    document = read_json(path)
    try:
        return importer(document)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


def _plugins() -> dict[str, EntryPoint]:
    """A user's exporters by name; a built-in target keeps its name."""
    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in EXPORTERS}


def _guarded(target: str, call: Callable[[], Result]) -> Result:
    """What `call`, a user's code, returns; its failure is a `PluginError` with its traceback."""
    try:
        return call()
    except EvoNeuroError:
        raise
    except Exception as error:
        inside = error.__traceback__.tb_next if error.__traceback__ else None
        trace = "".join(traceback.format_exception(type(error), error, inside))
        raise PluginError(f"exporter {target!r} failed: {type(error).__name__}: {error}", trace) from None
