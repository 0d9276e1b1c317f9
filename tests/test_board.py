"""The whole way to a bitstream that is read back, with a task in the loop."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evoneuro.environments import ControlTask
from evoneuro.errors import EvoNeuroError
from evoneuro.export.board import built, played
from evoneuro.front import resolve
from evoneuro.task import load_task

NETWORK = Path(__file__).resolve().parents[1] / "experiments" / "09_fpga" / "network.json"
TOOLS = ("make", "yosys", "nextpnr-ice40", "icepack", "iceunpack", "icebox_vlog", "iverilog")

needs_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS), reason=f"not all of {', '.join(TOOLS)}"
)


@needs_tools
def test_a_bitstream_balances_as_the_simulator_does(tmp_path: Path) -> None:
    network, task = resolve(str(NETWORK)), load_task("cartpole-hard")
    assert isinstance(task, ControlTask)
    report = built(network, "verilog", tmp_path)
    assert report["cells"] < 5280 / 4
    assert report["fmax_mhz"] > 12
    episode = played(network, task, tmp_path, most=6)
    assert (episode.decisions, episode.mismatches, episode.score) == (6, 0, 6.0)


@pytest.mark.slow
@needs_tools
def test_another_network_on_the_board_is_found_out(tmp_path: Path) -> None:
    network, task = resolve(str(NETWORK)), load_task("cartpole-hard")
    assert isinstance(task, ControlTask)
    built(replace(network, outputs=np.roll(network.outputs, 1)), "verilog", tmp_path)
    assert played(network, task, tmp_path, most=4).mismatches > 0


def test_a_network_that_takes_charges_is_refused(tmp_path: Path) -> None:
    task = load_task("cartpole-hard")
    assert isinstance(task, ControlTask)
    with pytest.raises(EvoNeuroError, match="takes charges, no observations"):
        played(replace(resolve(str(NETWORK)), encoder=None), task, tmp_path, most=1)
