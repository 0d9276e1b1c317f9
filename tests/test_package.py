"""The wheel: away from the checkout it has the built-in tasks and everything they need."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from importlib.metadata import entry_points, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


KERNEL = "evoneuro/simulator/_lanes."


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return build(tmp_path_factory.mktemp("wheel"), {})


def build(out: Path, environment: dict[str, str]) -> zipfile.ZipFile:
    source = out / "source"  # a build leaves files beside the sources, and would pick up those of an older one
    left_out = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "results", "tests", "*.so")
    shutil.copytree(ROOT, source, ignore=left_out)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    if "No matching distribution found for setuptools" in result.stderr:
        pytest.skip("no network to fetch the build's setuptools from")
    assert result.returncode == 0, result.stderr
    return zipfile.ZipFile(next(out.glob("*.whl")))


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


def test_is_built_without_a_compiler(tmp_path: Path) -> None:
    plain = build(tmp_path, {"CC": "/nonexistent/cc"})
    assert not [name for name in plain.namelist() if name.startswith(KERNEL)]
    assert "evoneuro/simulator/native.py" in plain.namelist()


def test_names_its_command_and_its_tasks(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    points = ConfigParser()
    points.optionxform = str  # type: ignore[assignment,method-assign]
    points.read_string(wheel.read(name).decode())
    assert dict(points["console_scripts"]) == {"evoneuro": "evoneuro.cli:main"}
    installed = {point.name: point.value for point in entry_points(group="evoneuro.tasks") if point.dist}
    built_in = {name: value for name, value in installed.items() if value.startswith("evoneuro_tasks.")}
    assert dict(points["evoneuro.tasks"]) == built_in


def test_runs_away_from_the_checkout(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    site = tmp_path / "site"
    wheel.extractall(site)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import evoneuro, evoneuro_tasks; "
        "assert evoneuro.__file__.startswith(sys.argv[1]) and evoneuro_tasks.__file__.startswith(sys.argv[1]); "
        "from evoneuro.cli import main; sys.exit(main(['run', 'wine', '--workers', '0', '--generations', '1', "
        "'--population', '8', '--quiet', '--out', sys.argv[2]]))"
    )
    command = [sys.executable, "-c", code, str(site), str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.splitlines()[-1]).is_dir()


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
