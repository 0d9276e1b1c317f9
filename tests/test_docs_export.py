"""docs/export.md: its commands and its Python run, and its tables name what there is."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from simulators import CORE, core_network, core_raster

from evoneuro.cli import main
from evoneuro.export import EXPORTERS
from evoneuro.export.machines import HOST
from evoneuro.export.verifiers import VERIFIERS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def has(*modules: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in modules)


NEST = has("nest")  # asked before there is a folder of this name


def test_the_tables_name_the_targets() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    assert set(EXPORTERS) <= named
    assert named <= set(EXPORTERS) | {"network.nir"}
    table = PAGE[PAGE.index("## Verification") : PAGE.index("## Scripts")]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    verified = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    assert verified <= set(VERIFIERS)
    assert {"c", "arduino", "tennlab", "nir", "nir-delays", "nest", "pynn", "brian2", "lava"} <= verified


@pytest.mark.skipif(not HOST.here, reason="no gcc")
def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, in one folder with a network of the portable core and a raster for it."""
    monkeypatch.chdir(tmp_path)
    network = core_network(1, CORE)
    network.save("net.json")
    np.save("raster.npy", core_raster(1, network, 40))
    ran = {"evoneuro": 0, "python": 0, "pytest": 0, "cd": 0}
    for language, text in BLOCKS:
        if language != "bash":
            continue
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            settings = [word for word in words if word.startswith("EVONEURO_")]
            program, *arguments = words[len(settings) :]
            ran[program] += 1
            if program == "evoneuro" and arguments[0] == "verify" and "verilog" in arguments:
                continue  # takes a minute; tests/test_export_verilog.py does it, and the folder's `make test`
            if program == "evoneuro":
                assert main(arguments) == 0, line
            elif program == "cd":
                assert (tmp_path / arguments[0]).is_dir(), line
            elif program == "python":
                assert Path(arguments[0]).exists(), line
                if NEST:
                    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            else:
                assert (ROOT / arguments[0]).exists(), line
    assert ran == {"evoneuro": 7, "python": 1, "pytest": 3, "cd": 1}


def test_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    network = core_network(1, CORE)
    charges = core_raster(1, network, 40)[:, None]
    lifting, reading, _ = (text for language, text in BLOCKS if language == "python")  # the last one needs a board
    exec(compile(lifting, "export.md", "exec"), {"network": network, "charges": charges})
    assert Path("unbounded.json").exists()
    if has("torch", "nir", "norse", "snntorch"):
        assert main(["export", "unbounded.json", "--target", "nir", "--out", ".", "--force"]) == 0
        import torch

        exec(compile(reading, "export.md", "exec"), {"charges": torch.zeros(1, len(network.inputs)), "state": None})


def test_links_lead_somewhere() -> None:
    for page in ("export.md", "deploy.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)", text):
            assert target.startswith("http") or (ROOT / "docs" / target).exists(), target
