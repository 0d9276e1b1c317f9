"""Experiment 10 at a small size: evolved within a device, exported, in the loop with the cart-pole on a processor."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from evoneuro import load
from evoneuro.cli import main
from evoneuro.export.machines import HOST, MACHINES
from evoneuro.hardware import profile

FOLDER = Path(__file__).resolve().parents[1] / "experiments" / "10_microcontroller"
PAGE = FOLDER.parents[1] / "docs" / "deploy.md"
SMALL = ["--generations", "3", "--population", "12", "--workers", "0", "--quiet"]


FPGA = "## An FPGA"


def commands(page: str) -> list[list[str]]:
    """The evoneuro commands of a page, in order, with RUN as it stands."""
    blocks = re.findall(r"^```bash\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("evoneuro ")]


@pytest.mark.skipif(not HOST.here, reason="no gcc")
@pytest.mark.parametrize(
    ("page", "part"),
    [(FOLDER / "README.md", 0), (PAGE, 0), (PAGE, 1)],
    ids=["experiment", "docs/deploy.md", "its FPGA"],
)
def test_the_whole_way_at_a_small_size(page: Path, part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the page, with the run that its first one makes; of an FPGA's tools Icarus Verilog alone."""
    (tmp_path / "results").mkdir()
    shutil.copytree(FOLDER.parent, tmp_path / "experiments")
    monkeypatch.chdir(tmp_path)
    asked = commands(page.read_text().split(FPGA)[part])
    assert [words[0] for words in asked][:1] == ["run"]
    assert {"export", "verify"} <= {words[0] for words in asked}
    if part:
        if shutil.which("iverilog") is None:
            pytest.skip("no iverilog")
        which = shutil.which
        monkeypatch.setattr("shutil.which", lambda name: which(name) if name == "iverilog" else None)
    for words in asked:
        made = sorted(Path("results").glob("*/run.sqlite"))
        words = [
            made[0].parent.as_posix() + word.removeprefix("RUN") if word.startswith("RUN") else word for word in words
        ]
        extra = SMALL if words[0] == "run" else ["--episodes", "4"] if words[0] == "evaluate" else []
        assert main([*words, *extra]) == 0, words


@pytest.mark.skipif(not all(machine.here for machine in MACHINES[:2]), reason="no toolchain for Arm")
def test_the_published_network_balances_on_a_cortex_m0(capsys: pytest.CaptureFixture[str]) -> None:
    """The whole episode, decision for decision, at the size that the README states."""
    path = FOLDER / "network.json"
    network = load(str(path))
    assert profile("mcu-8k").violations(network) == []
    assert main(["verify", str(path), "--target", "c", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    machines = {row["machine"]: row for row in document["machines"]}
    assert all(row["mismatches"] == 0 for row in machines.values())
    figures = machines["cortex-m0"]["figures"]
    assert figures["loop_decisions"] == machines["host"]["figures"]["loop_decisions"] >= 100
    row = re.search(r"^\| cortex-m0 \|(.*)\|$", (FOLDER / "README.md").read_text(), flags=re.MULTILINE)
    assert row is not None
    said = [float(re.sub(r"[^\d.]", "", cell)) for cell in row[1].split("|")[:4]]
    names = ("flash_bytes", "ram_bytes", "instructions_per_decision_mean", "instructions_per_decision_most")
    assert said == pytest.approx([figures[name] for name in names], rel=0.1)  # compilers differ
