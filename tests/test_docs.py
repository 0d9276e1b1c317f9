"""The pages in docs/: every code block and command of a page runs, in order, in one folder, at a small size."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evoneuro.check import probes
from evoneuro.cli import main
from evoneuro.coding import unpack
from evoneuro.config import Config
from evoneuro.config import read as read_config
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.genome import Bounds
from evoneuro.hardware import profiles
from evoneuro.plugins import registered
from evoneuro.report.device_tables import LIMITS, cell
from evoneuro.task import load_task
from evoneuro.workers import session

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "own-task.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"# (\S+\.(?:py|toml))\n")
TINY = ["--generations", "2", "--population", "8", "--quiet"]


def files() -> dict[str, str]:
    """The blocks that are files, by name."""
    return {match[1]: text for _, text in BLOCKS if (match := NAMED.match(text))}


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Stands for the cluster: a run joins the Ray that its process uses."""
    with session.Session.open("local", 1).undo:
        import ray

        yield ray


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) & ({Path(file).stem for file in files()} - before):
        del sys.modules[name]


def test_the_page_runs_from_top_to_bottom(folder: Path, ray: Any) -> None:
    ran = {"python": 0, "file": 0, "evoneuro": 0, "pytest": 0}
    for number, (language, text) in enumerate(BLOCKS):
        if match := NAMED.match(text):
            (folder / match[1]).write_text(text)
            ran["file"] += 1
        elif language == "python":
            text = text.replace("generations=5", "generations=2")
            exec(compile(text, f"own-task.md, block {number}", "exec"), {"__name__": "page"})
            ran["python"] += 1
        else:
            assert language == "bash"
            for line in text.splitlines():
                program, *arguments = shlex.split(line, comments=True)
                ran[program] += 1
                run(program, arguments, folder)
    assert ran == {"python": 4, "file": 13, "evoneuro": 17, "pytest": 1}


def run(program: str, arguments: list[str], folder: Path) -> None:
    if program == "pytest":
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        assert result.returncode == 0, result.stdout
        return
    if arguments[0] == "run":
        arguments = [*arguments, *TINY, *([] if "--address" in arguments else ["--workers", "0"])]
    arguments = [
        re.sub(r"^(results/[\w-]+)-\.\.\.-(seed\d+)$", lambda m: made(folder, m[1], m[2]), a) for a in arguments
    ]
    assert main(arguments) == 0, arguments


def made(folder: Path, name: str, seed: str) -> str:
    """The run directory that a page writes with dots for the time."""
    return str(next(folder.glob(f"{name}-*-{seed}")))


def test_regression_passes_its_check_too(folder: Path) -> None:
    (folder / "line.py").write_text(files()["line.py"])
    assert main(["check", "line.py:Line"]) == 0


def test_compiled_physics_give_the_episodes_of_the_others(folder: Path) -> None:
    for name in ("chase.py", "fast_chase.py"):
        (folder / name).write_text(files()[name])
    slow, fast = load_task("chase.py:Chase"), load_task("fast_chase.py:FastChase")
    networks, cases = list(probes(slow, 12)), Cases(1, "test", 0, 9)
    assert evaluate(slow, networks, cases) == evaluate(fast, networks, cases)


def test_the_four_kinds_are_short(folder: Path) -> None:
    kinds = {}
    for name, text in files().items():
        (folder / name).write_text(text)
        if name in ("balance.py", "chase.py", "flowers.py", "taps.py", "line.py"):
            assert text.count("\n") - 1 <= 25, name
            task = load_task(f"{name}:{name[:-3].capitalize()}")
            assert task.description
            kinds[name] = task.kind
    assert set(kinds.values()) == {"control", "classification", "spikes", "regression"}


def test_the_decoder_of_the_page_reads_what_it_says(folder: Path) -> None:
    from conformance import trains_of

    from evoneuro.coding import Output, decoder_from_spec

    (folder / "parts.py").write_text(files()["parts.py"])
    decoder = decoder_from_spec({"kind": "parts.py:LastWord"})
    trains = trains_of("101100", "000010", "000000")
    assert unpack(trains, 6).sum() == 4
    assert decoder.read(Output(trains, trains[0].astype("int32"), 6)).tolist() == [1]
    assert decoder.read(Output(trains, trains[0].astype("int32"), 4)).tolist() == [0]


def test_the_toml_files_say_what_exists(folder: Path) -> None:
    points = tomllib.loads(files()["pyproject.toml"])["project"]["entry-points"]
    assert set(points) == {f"evoneuro.{what}" for what in ("tasks", "encoders", "decoders", "objectives")}
    assert registered("evoneuro.tasks")
    (folder / "flowers.toml").write_text(files()["flowers.toml"])
    assert Config.from_document(read_config("flowers.toml")).search.population == 50


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert target.startswith("http") or (ROOT / "docs" / target).exists(), target


def test_the_page_on_search_names_settings_that_exist() -> None:
    page = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
    document = Config("iris").to_document()
    named = re.findall(r"`(search|episodes|genome|budget)\.(\w+)", page)
    assert len(named) > 8
    for section, key in named:
        known = document[section] if section != "genome" else vars(Bounds())
        assert key in known, f"{section}.{key}"


def test_the_page_on_devices_has_the_values_of_their_files() -> None:
    page = (ROOT / "docs" / "hardware.md").read_text(encoding="utf-8")
    rows = {line for line in page.splitlines() if line.startswith("|")}
    assert "| profile | " + " | ".join(LIMITS.values()) + " |" in rows
    for device in profiles():
        assert f"| `{device.name}` | " + " | ".join(cell(device, name) for name in LIMITS) + " |" in rows
        if (energy := device.energy) is not None:
            costs = [
                "-" if cost is None else f"{cost.value:g}" + ("" if cost.verified else "?")
                for cost in (energy.synaptic_event, energy.spike, energy.update)
            ]
            assert f"| `{device.name}` | {energy.name} | " + " | ".join(costs) + " |" in rows
        for name in ("neuron_kinds", "weight_kinds", "shared"):
            if (stated := getattr(device, name)) is not None:
                said = str(list(stated.value)) if isinstance(stated.value, tuple) else str(stated.value)
                assert f"genome.{name}" in page, f"{device.name}: {name}"
                assert said.replace("'", '"') in page[page.index(f"- `{device.name}`") :], f"{device.name}: {name}"
    for device in ("Xylo", "Speck", "Akida", "NorthPole", "Analogue"):
        assert f"- **{device}" in page
    for target in re.findall(r"\]\(([^)#]+)\)", page):
        assert (ROOT / "docs" / target).exists(), target
