"""The notebooks in examples/ run from top to bottom, and are kept without what they printed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra `notebooks`")
nbclient = pytest.importorskip("nbclient", reason="notebooks need the extra `notebooks`")
pytest.importorskip("ipykernel", reason="notebooks need the extra `notebooks`")

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.ipynb"))


# A verifier uses every compiler and emulator that it finds; tests of exports do that, and here one is enough.
PROGRAMS = ("bash", "sh", "env", "ls", "grep", "cat", "cc", "gcc", "as", "ld", "make")


def programs(folder: Path) -> Path:
    """A folder with `evoneuro` and the few programs that notebooks need."""
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        if found is not None:
            (folder / name).symlink_to(found)
    command = folder / "evoneuro"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m evoneuro "$@"\n')
    command.chmod(0o755)
    return folder


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "export" in path.stem and shutil.which("cc") is None:
        pytest.skip("no C compiler here")
    monkeypatch.setenv("PATH", str(programs(tmp_path / "bin")))
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    kinds = {kind for cell in notebook.cells for out in cell.get("outputs", ()) for kind in out.get("data", ())}
    assert "image/svg+xml" in kinds or "image/png" in kinds


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells
    assert not any(cell.outputs or cell.execution_count for cell in cells)
