"""What holds for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_plugin_stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget modules that a test imported from a folder of its own: others have plugins of the same names."""
    before = set(sys.modules)
    yield
    root = str(tmp_path_factory.getbasetemp())
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(root):
            del sys.modules[name]


# Files that take longest, by the clock; begun first, so that no processor waits for the last of them.
LONG = [
    "workers",
    "package",
    "simulator",
    "export_verilog",
    "cluster",
    "run",
    "parcel",
    "study",
    "cli",
    "docs",
    "own_parts",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; else as they are."""
    order = {f"test_{name}.py": number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))
