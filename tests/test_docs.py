"""The README and the pages in docs/: every block and command runs, in order, or says why not; links and tables hold."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pages import ROOT, Reader, blocks, kit, pages, parse

from evoneuro import cli, load
from evoneuro.check import probes
from evoneuro.cli import main
from evoneuro.coding import unpack
from evoneuro.config import Config
from evoneuro.config_file import read as read_config
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.genome import Bounds
from evoneuro.hardware import profiles
from evoneuro.plugins import registered
from evoneuro.report.device_tables import LIMITS, cell
from evoneuro.task import load_task
from evoneuro.workers import session

OWN_TASK = ROOT / "docs" / "own-task.md"
ELSEWHERE = {  # pages that tests of their own run, with what they need; here they are parsed
    "export.md": "test_docs_export.py",
    "deploy.md": "test_microcontroller.py",
    "cluster.md": "test_cluster_files.py",
}


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def files() -> dict[str, str]:
    """The blocks of the page on tasks that are files, by name."""
    return {block.file: block.text for block in blocks(OWN_TASK) if block.file}


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Stands for the cluster: a run joins the Ray that its process uses."""
    with session.Session.open("local", 1).undo:
        import ray

        yield ray


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs and networks that pages go on with."""
    return kit(tmp_path_factory.mktemp("kit"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)
    yield tmp_path
    for module in set(sys.modules) & ({Path(file).stem for file in files()} - before):
        del sys.modules[module]


@pytest.mark.parametrize("page", [page for page in pages() if blocks(page)], ids=name)
def test_pages_run_from_top_to_bottom(page: Path, folder: Path, made: Path, request: pytest.FixtureRequest) -> None:
    shutil.copytree(made, folder, dirs_exist_ok=True)
    if "--address auto" in page.read_text() and page.name not in ELSEWHERE:
        request.getfixturevalue("ray")
    reader = Reader()
    reader.follow(page, elsewhere=page.name in ELSEWHERE)
    assert reader.did.total()


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    """Their anchors, and pages that are generated, are what the strict build of the site looks at."""
    generated = {"commands.md", "configuration.md"}
    for target in re.findall(r"\]\(([^)#\s]+)", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.S | re.M)):
        if "://" in target:
            assert re.fullmatch(r"https://[\w.-]+(/\S*)?", target), target
        else:
            assert (page.parent / target).exists() or Path(target).name in generated, target


def test_code_in_text_names_commands_that_exist() -> None:
    """`evoneuro COMMAND` in the middle of a sentence."""
    known = {*cli._parser()._subparsers._group_actions[0].choices, "COMMAND"}  # type: ignore[union-attr, index]
    for page in pages():
        for command in re.findall(r"`evoneuro ([\w-]+)", page.read_text()):
            assert command in known or command.startswith("-"), f"{name(page)}: evoneuro {command}"


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


def module(file: str) -> ModuleType:
    """A script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{Path(file).stem}", ROOT / "docs" / file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def test_the_gallery_is_what_its_script_makes() -> None:
    gallery = module("gallery.py")
    page = "\n".join([gallery.HEAD, *(entry.markdown() for entry in gallery.entries())])
    assert (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8") == page
    for entry in gallery.entries():
        picture = (ROOT / "docs" / entry.picture).read_text(encoding="utf-8")
        assert picture.count("<path") > load(ROOT / entry.file).synapses
        for line in entry.markdown().splitlines():
            if line.startswith("evoneuro "):
                parse(shlex.split(line)[1:], entry.file)
    two = next(entry for entry in gallery.entries() if entry.file.endswith("two_synapses.json"))
    assert two.measured() == two.figures


def test_every_key_of_the_configuration_is_explained() -> None:
    """The page of the reference is made of docstrings: each field has its line."""
    pytest.importorskip("mkdocs", reason="the extra `docs`")
    hooks = module("hooks.py")
    for cls in (Config, *hooks.SECTIONS.values()):
        texts, _ = hooks.attributes(cls)
        for field in fields(cls):
            assert field.name in hooks.SECTIONS or len(texts.get(field.name, "")) > 4, f"{cls.__name__}.{field.name}"
    assert all(f"## {name}\n" in hooks.command_line() for name in ("run", "report", "export"))
