"""The package that runs here, as folders that Ray sends to the machines of a cluster.

Workers import what the driver imports, with its compiled kernel, whatever is installed on their machines: another
version there, or none, would give other results, or no answer at all. The folder with the package's metadata goes
along, for that is where its tasks have their names.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from evoneuro.errors import EvoNeuroError

PACKAGES = ("evoneuro", "evoneuro_tasks")
METADATA = ("METADATA", "entry_points.txt")  # what says which version this is, and what its parts are called
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")
MATCHING = ("numpy", "numba")  # installed on every machine, each in one version: random numbers and compiled code


def pack(folder: Path) -> list[str]:
    """Copies of the packages and of their metadata in `folder`: a list for Ray's `py_modules`.

    Raises:
        EvoNeuroError: a package or its metadata is not on this machine as files.
    """
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise EvoNeuroError(f"{name} is not here as a folder, and cannot be sent to the workers of a cluster")
        shutil.copytree(spec.submodule_search_locations[0], folder / name, ignore=LEFT_OUT)
    try:
        found = distribution(PACKAGES[0])
    except PackageNotFoundError:
        raise EvoNeuroError(f"{PACKAGES[0]} is not installed here: `pip install -e .` where its source is") from None
    metadata = folder / f"{PACKAGES[0]}-{found.version}.dist-info"
    metadata.mkdir()
    for name in METADATA:
        (metadata / name).write_text(found.read_text(name) or "", encoding="utf-8")
    return [str(folder / name) for name in (*PACKAGES, metadata.name)]


def versions() -> dict[str, str]:
    """The versions here of what must be the same on every machine."""
    return {name: version(name) for name in MATCHING}


def check_versions(expected: Mapping[str, str]) -> None:
    """Raise unless this machine has the versions that the driver's has."""
    for name, wanted in expected.items():
        if (here := version(name)) != wanted:
            raise EvoNeuroError(
                f"worker on {platform.node()}: {name} {here} is installed, and this run's is {wanted}; results would "
                "depend on where a network is evaluated: install one version on every machine of the cluster"
            )
