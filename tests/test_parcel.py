"""What a run sends along with its plugins: workers that cannot see the plugin's folder get the same results."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import evoneuro
from evoneuro import parcel, plugins
from evoneuro.errors import EvoNeuroError, PluginError
from evoneuro.parcel import Parcel, pack
from evoneuro.workers import open_pool, pool, ray_pool, session

PLUGIN = '''
from pathlib import Path

import numpy as np

import helper
from deep.inside import SCALE
from evoneuro import ClassificationTask


class Mine(ClassificationTask):
    """Reads a table beside it."""

    table = "table.csv"
    encoder = {"kind": "coders.py:Twice"}
    copies = 1

    def load(self):
        from later import SHIFT

        rows = np.genfromtxt(Path(__file__).with_name(self.table), delimiter=",")
        return SCALE * rows[:, :-1] + SHIFT, helper.labels(rows[:, -1])
'''

CODERS = '''
from dataclasses import dataclass

from evoneuro.coding import FlipFlop


@dataclass(frozen=True)
class Twice(FlipFlop):
    """Flip-flop with half of the spikes."""

    max_spikes: int = 4
'''

FILES = {
    "mine.py": PLUGIN,
    "coders.py": CODERS,
    "helper.py": "import helped\n\n\ndef labels(column):\n    return [helped.NAMES[int(c)] for c in column]\n",
    "helped.py": "NAMES = ['low', 'high']\n",
    "later.py": "SHIFT = 1.0\n",
    "deep/__init__.py": "",
    "deep/inside.py": "from .other import SCALE\n",
    "deep/other.py": "SCALE = 2.0\n",
    "table.csv": "".join(f"{i},{i * i % 7},{i % 2}\n" for i in range(40)),
    "secret.txt": "nobody names it",
    "unrelated.py": "raise RuntimeError('nobody imports it')\n",
}


def write(folder: Path, files: dict[str, str] = FILES) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FILES:  # other tests have plugins of these names, too
        monkeypatch.delitem(sys.modules, Path(name).parts[0].partition(".")[0], raising=False)
    return write(tmp_path / "a folder")


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leaves no path and no module of these plugins behind."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(plugins, "_MOVED", {})
    yield
    for name in set(sys.modules) - before:
        if name.startswith("evoneuro_plugin_") or name.partition(".")[0] in {
            Path(f).parts[0].partition(".")[0] for f in FILES
        }:
            del sys.modules[name]


# What is in it


def test_what_a_file_needs_travels_and_nothing_else(folder: Path) -> None:
    found = pack([f"{folder}/mine.py:Mine"], {})
    assert list(found.folders) == [str(folder)]
    assert set(found.folders[str(folder)]) == set(FILES) - {"secret.txt", "unrelated.py"}
    assert found.folders[str(folder)]["mine.py"] == PLUGIN.encode()
    assert found.importable == ()
    assert "mine" not in sys.modules


def test_parameters_name_files_too(folder: Path) -> None:
    (folder / "other.csv").write_text("1,2,0\n")
    found = pack([f"{folder}/mine.py:Mine"], {"table": "other.csv", "deep": {"in": ["secret.txt", 3]}})
    assert {"other.csv", "secret.txt"} <= set(found.folders[str(folder)])


def test_nothing_outside_of_the_folder_travels(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "above.csv").write_text("1")
    (folder / "mine.py").write_text(f"A = '../above.csv'\nB = {str(tmp_path / 'above.csv')!r}\nC = '.'\nD = 'x\\0'\n")
    assert set(pack([f"{folder}/mine.py:Mine"], {}).folders[str(folder)]) == {"mine.py"}


def test_installed_plugins_stay_where_they_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pack(["iris", "evoneuro_tasks.cartpole:CartPole", "json:Task", "no_such:Task", "race"], {}) == Parcel({})
    monkeypatch.syspath_prepend(folder)
    found = pack(["helper:Task", "deep.inside:Task"], {})
    assert set(found.folders[str(folder)]) == {
        "helper.py", "helped.py", "deep/__init__.py", "deep/inside.py", "deep/other.py",
    }  # fmt: skip
    assert set(found.importable) == {str(folder)}
    site = write(folder / "site-packages", {"lone.py": ""})
    monkeypatch.syspath_prepend(site)
    assert pack(["lone:Task"], {}) == Parcel({})


def test_a_parcel_has_a_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "table.csv").write_bytes(b"1" * 3 * 2**20)
    monkeypatch.setattr(parcel, "LARGEST", 2**20)
    with pytest.raises(
        EvoNeuroError, match=r"make 3 MiB, and at most 1 MiB are sent.*table\.csv: put it.*absolute path"
    ):
        pack([f"{folder}/mine.py:Mine"], {})


def test_a_file_with_an_error_is_told_by_the_import(folder: Path) -> None:
    (folder / "mine.py").write_text("import = 3\n")
    assert set(pack([f"{folder}/mine.py:Mine"], {}).folders[str(folder)]) == {"mine.py"}


# In another process: the sender's folder is gone


def elsewhere(sent: Parcel, body: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    """Run `body` in a Python that has the parcel, in another directory."""
    temporary.mkdir(exist_ok=True)
    (temporary / "parcel").write_bytes(pickle.dumps(sent))
    program = "import pickle, sys\nfrom pathlib import Path\nfrom evoneuro.parcel import unpack\n"
    program += "unpack(pickle.loads(Path(sys.argv[1]).read_bytes()))\n" + textwrap.dedent(body)
    command = [sys.executable, "-c", program, str(temporary / "parcel")]
    environment = os.environ | {"TMPDIR": str(temporary)}
    return subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment, timeout=60)


def test_it_is_used_where_the_folder_is_not_there(folder: Path, tmp_path: Path) -> None:
    sent = pack([f"{folder}/mine.py:Mine"], {})
    shutil.move(folder, tmp_path / "hidden")
    body = f"""
    from evoneuro.task import load_task
    task = load_task({f"{folder}/mine.py:Mine"!r})
    print(len(task._loaded()[0]), task.classes, task.coding(0)[0]["kind"])
    print([p.name[:17] for p in Path({str(tmp_path / "t")!r}).iterdir() if p.is_dir()])
    """
    result = elsewhere(sent, body, tmp_path / "t")
    assert result.stderr == ""
    kind = f"{folder}/coders.py:Twice"
    assert result.stdout.splitlines() == [f"40 ['high', 'low'] {kind}", "['evoneuro-plugins-']"]
    assert [p.name for p in (tmp_path / "t").iterdir()] == ["parcel"]  # it went with the process


def test_the_same_files_are_used_where_they_are(folder: Path, tmp_path: Path) -> None:
    sent = pack([f"{folder}/mine.py:Mine"], {})
    body = f"""
    from evoneuro.task import load_task
    print(sys.modules[type(load_task({f"{folder}/mine.py:Mine"!r})).__module__].__file__)
    """
    assert elsewhere(sent, body, tmp_path / "t").stdout.strip() == f"{folder}/mine.py"
    (folder / "helper.py").write_text("# changed since\n")
    assert elsewhere(sent, body, tmp_path / "t").stdout.startswith(str(tmp_path / "t" / "evoneuro-plugins-"))


def test_what_a_killed_worker_leaves_is_removed_by_the_next(folder: Path, tmp_path: Path) -> None:
    sent = pack([f"{folder}/mine.py:Mine"], {})
    shutil.move(folder, tmp_path / "hidden")
    killed = elsewhere(sent, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path / "t")
    assert killed.returncode == -9
    left = [path for path in (tmp_path / "t").iterdir() if path.is_dir()]
    assert len(left) == 1
    assert left[0].stat().st_mode & 0o077 == 0
    body = f"print([p.name for p in Path({str(tmp_path / 't')!r}).iterdir() if p.is_dir()])"
    now = elsewhere(sent, body, tmp_path / "t").stdout
    assert now.count("evoneuro-plugins-") == 1
    assert left[0].name not in now


def test_a_traceback_names_the_senders_files(folder: Path, tmp_path: Path) -> None:
    (folder / "helper.py").write_text("def labels(column):\n    raise OSError(__file__)\n")
    sent = pack([f"{folder}/mine.py:Mine"], {})
    shutil.move(folder, tmp_path / "hidden")
    body = f"""
    from evoneuro.workers.worker import Worker
    print("\\n".join(Worker({f"{folder}/mine.py:Mine"!r}, {{}}).trouble()))
    """
    result = elsewhere(sent, body, tmp_path / "t")
    assert f"OSError: {folder}/helper.py" in result.stdout
    assert f'File "{folder}/helper.py", line 2, in labels' in result.stdout
    assert "raise OSError(__file__)" in result.stdout
    assert "evoneuro-plugins-" not in result.stdout


# On Ray


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    with session.Session.open("local", 2).undo:
        import ray

        yield ray


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders that go away as soon as a pool has read what it sends: workers cannot see them."""
    gone: list[Path] = []

    def pack_and_hide(*arguments: Any) -> Parcel:
        found = pack(*arguments)
        for path in gone:
            path.rename(path.with_name(f"{path.name}, hidden"))
        return found

    monkeypatch.setattr(parcel, "pack", pack_and_hide)
    return gone


SMALL: dict[str, Any] = {"generations": 2, "seed": 3, "search": {"population": 12}, "episodes": {"every": 1}}


@pytest.mark.usefixtures("ours")
def test_a_run_does_not_depend_on_where_its_plugins_are(
    ray: Any, folder: Path, tmp_path: Path, hidden: list[Path]
) -> None:
    task = f"{folder}/mine.py:Mine"
    alone = evoneuro.evolve(task, workers=0, out=str(tmp_path / "0"), **SMALL)
    hidden.append(folder)
    sent = evoneuro.evolve(task, workers=2, out=str(tmp_path / "2"), **SMALL)
    assert not folder.exists()
    assert sent.status()["digest"] == alone.status()["digest"]
    assert sent.status()["failures"] == 0
    assert sent.front[0].network.encoder["kind"] == f"{folder}/coders.py:Twice"


@pytest.mark.usefixtures("ours")
def test_a_module_of_the_users_directory_is_sent(
    ray: Any, folder: Path, tmp_path: Path, hidden: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder)
    hidden.append(folder)
    with open_pool("mine:Mine", {}, 1) as workers:
        assert not folder.exists()
        assert workers.workers == 1


@pytest.mark.usefixtures("ours")
def test_a_failure_on_a_worker_names_the_senders_file(ray: Any, folder: Path, hidden: list[Path]) -> None:
    (folder / "helper.py").write_text("def labels(column):\n    raise OSError('no labels')\n")
    hidden.append(folder)
    with pytest.raises(PluginError, match="OSError: no labels") as error:
        open_pool(f"{folder}/mine.py:Mine", {}, 1)
    assert f'File "{folder}/helper.py", line 2, in labels' in error.value.trace
    assert f'File "{folder}/mine.py"' in error.value.trace


@pytest.mark.slow
def test_what_is_not_installed_on_a_worker(ray: Any) -> None:
    message = r"worker on .*: no task 'my-package-task'.* must be installed on every machine of the cluster"
    with pytest.raises(PluginError, match=message):
        open_pool("my-package-task", {}, 1)
    with pytest.raises(PluginError, match=r"worker on .*: no module 'not_installed_here' .* on every machine"):
        open_pool("not_installed_here:Task", {}, 1)


@pytest.mark.usefixtures("ours")
def test_too_much_to_send_is_no_matter_on_this_machine(ray: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcel, "LARGEST", 10)
    with pytest.raises(EvoNeuroError, match="are sent to the workers of a cluster"):
        open_pool(f"{folder}/mine.py:Mine", {}, 1, address="127.0.0.1:1")
    with open_pool(f"{folder}/mine.py:Mine", {}, 1) as workers:
        assert isinstance(workers, ray_pool.RayPool)
        assert isinstance(workers._pace, pool.Pace)
