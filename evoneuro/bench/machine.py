"""What was measured on: a number without its machine is none."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from evoneuro.simulator import native
from evoneuro.simulator.lanes import chosen

PACKAGES = ("evoneuro", "numpy", "numba", "llvmlite", "ray", "gymnasium")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, Python, lane kernel, and how busy it is (None where that is unknown)."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory(),
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": _kernel(),
        "load_average": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
    }


def versions(peers: tuple[str, ...] = ()) -> dict[str, str | None]:
    """Versions of what is measured and of its peers; None: not installed."""
    return {name: installed(name) for name in (*PACKAGES, *peers)}


def installed(name: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def peak_memory() -> int | None:
    """Most bytes that this process has held so far, or None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _kernel() -> str:
    """The lane kernel that is measured, with the vectors that it uses."""
    name = chosen()
    return f"{name}, {native.instruction_set()}" if name == "native" else name


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
