"""The wheel: away from the checkout it has the built-in tasks and everything they need."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email import message_from_bytes
from importlib.metadata import entry_points, requires
from pathlib import Path

import pytest

import evoneuro

ROOT = Path(__file__).resolve().parents[1]


KERNEL = "evoneuro/simulator/_lanes."


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution, and the wheel that was made of it."""
    out = tmp_path_factory.mktemp("distributions")
    source = out / "source"  # a build leaves files beside the sources, and would pick up those of an older one
    left_out = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "results", "*.so")
    shutil.copytree(ROOT, source, ignore=left_out)
    run("-m", "build", "--outdir", str(out), str(source))
    return next(out.glob("*.tar.gz")), next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(distributions: tuple[Path, Path]) -> zipfile.ZipFile:
    return zipfile.ZipFile(distributions[1])


def run(*arguments: str, **environment: str) -> None:
    """Run Python; where it finds no network to build in, the test is skipped."""
    command = [sys.executable, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    if "No matching distribution found for setuptools" in result.stdout + result.stderr:
        pytest.skip("no network to fetch the build's setuptools from")
    assert result.returncode == 0, result.stderr + result.stdout[-2000:]


def test_holds_every_module_and_no_test(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    own = {str(p.relative_to(ROOT)) for p in (ROOT / "evoneuro").rglob("*.py")}
    tasks = {f"evoneuro_tasks/{p.name}" for p in (ROOT / "tasks").glob("*.py")}
    templates = {str(p.relative_to(ROOT)) for p in (ROOT / "evoneuro" / "templates").iterdir()}
    exports = {str(p.relative_to(ROOT)) for p in (ROOT / "evoneuro" / "export" / "templates").iterdir()}
    presets = {str(p.relative_to(ROOT)) for p in (ROOT / "evoneuro" / "presets").glob("*.toml")}
    devices = {str(p.relative_to(ROOT)) for p in (ROOT / "evoneuro" / "hardware").rglob("*.toml")}
    pages = {str(p.relative_to(ROOT)) for p in (ROOT / "evoneuro" / "report" / "templates").iterdir()}
    found = {name for name in names if ".dist-info/" not in name and not name.startswith(KERNEL)}
    assert len(templates) == 5
    assert found == own | tasks | templates | exports | presets | devices | pages | {"evoneuro/py.typed"}


def test_holds_the_c_kernel_where_there_is_a_compiler(wheel: zipfile.ZipFile) -> None:
    kernels = [name for name in wheel.namelist() if name.startswith(KERNEL)]
    assert len(kernels) == (shutil.which("cc") is not None or shutil.which("gcc") is not None)


def test_its_name_says_where_it_runs(distributions: tuple[Path, Path], wheel: zipfile.ZipFile) -> None:
    """The kernel is a shared library that calls nothing of Python's: it runs with any CPython from 3.11 on."""
    tag = distributions[1].stem.split("-", 2)[2]
    assert tag.startswith("cp311-abi3-")
    kernels = [name for name in wheel.namelist() if name.startswith(KERNEL)]
    assert all(b"Py_" not in wheel.read(name) and b"PyInit" not in wheel.read(name) for name in kernels)


def test_its_description_is_whole(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("METADATA"))
    metadata = message_from_bytes(wheel.read(name))
    found = [metadata[key] for key in ("Name", "Version", "License-Expression")]
    assert found == ["evoneuro", evoneuro.__version__, "BSD-3-Clause"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["Author"] == "EvoNeuro developers"
    assert "pip install" in metadata.get_payload()
    assert not metadata.get_all("Project-URL")


def test_the_source_distribution_has_what_a_wheel_is_made_of_and_no_test(distributions: tuple[Path, Path]) -> None:
    with tarfile.open(distributions[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for path in (
        "evoneuro/simulator/native/lanes.c",
        "tasks/cartpole.py",
        "CITATION.cff",
        "CONTRIBUTING.md",
        "LICENSE",
    ):
        assert path in names
    assert not [name for name in names if name.startswith(("tests", "results", "experiments", ".ci"))]


@pytest.mark.slow
def test_is_built_without_a_compiler(distributions: tuple[Path, Path], tmp_path: Path) -> None:
    options = ["--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(distributions[0])]
    run("-m", "pip", "wheel", *options, CC="/nonexistent/cc")
    plain = zipfile.ZipFile(next(tmp_path.glob("*.whl")))
    assert not [name for name in plain.namelist() if name.startswith(KERNEL)]
    assert "evoneuro/simulator/native.py" in plain.namelist()


def test_names_its_command_and_its_tasks(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    points = ConfigParser()
    points.optionxform = str  # type: ignore[assignment,method-assign]
    points.read_string(wheel.read(name).decode())
    assert dict(points["console_scripts"]) == {"evoneuro": "evoneuro.__main__:command"}
    installed = {point.name: point.value for point in entry_points(group="evoneuro.tasks") if point.dist}
    built_in = {name: value for name, value in installed.items() if value.startswith("evoneuro_tasks.")}
    assert dict(points["evoneuro.tasks"]) == built_in


@pytest.fixture(scope="module")
def installed(distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of a fresh environment with the wheel, and, after it on the path, the packages that are here."""
    place = tmp_path_factory.mktemp("fresh") / "venv"
    run("-m", "venv", "--without-pip", str(place))
    (site,) = place.glob("lib/python*/site-packages")
    python = str(place / "bin" / "python")
    run("-m", "pip", "--python", python, "install", "--quiet", "--no-deps", str(distributions[1]))
    here = [path for path in sys.path if path.endswith("-packages")]  # plain paths: nothing that is editable is seen
    (site / "others.pth").write_text("\n".join(here))
    return place / "bin"


def say(installed: Path, folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(installed / "evoneuro"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_runs_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = "import evoneuro, evoneuro_tasks; print(evoneuro.__file__, evoneuro_tasks.__file__)"
    found = subprocess.run([installed / "python", "-c", where], capture_output=True, text=True, cwd=tmp_path).stdout
    assert [Path(path).is_relative_to(installed.parent) for path in found.split()] == [True, True]
    tiny = ("--workers", "0", "--generations", "1", "--population", "8", "--quiet", "--preset", "eons-nand")
    run_directory = say(installed, tmp_path, "run", "wine", *tiny).splitlines()[-1]
    say(installed, tmp_path, "report", run_directory)
    assert "</html>" in (tmp_path / "report.html").read_text(encoding="utf-8")
    say(installed, tmp_path, "export", f"{run_directory}:best", "--target", "c", "--out", "c")
    assert (tmp_path / "c" / "snn.c").is_file()
    say(installed, tmp_path, "new-task", "mine", "--kind", "spikes")
    assert "loihi-2" in say(installed, tmp_path, "profiles")


def test_entry_points_load() -> None:
    points = {point.name: point for point in entry_points(group="evoneuro.tasks")}
    assert len(points) >= 9
    for name, point in points.items():
        assert point.load().name == name


def test_dependencies_are_few_and_none_is_gpl() -> None:
    needed = {re.split(r"[<>=;, ]", r)[0] for r in requires("evoneuro") or () if "extra ==" not in r}
    assert needed == {
        "numpy", "numba", "deap", "moocore", "networkx", "gymnasium", "scikit-learn", "matplotlib", "jinja2",
        "rich", "shtab", "ray",
    }  # fmt: skip
