"""The command line: documents, exit statuses, and one clear line for each mistake."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_data import golden_files, needs_golden

import evoneuro
from evoneuro.check import probe
from evoneuro.cli import main
from evoneuro.record import Run
from evoneuro.task import load_task

TINY = ["--generations", "2", "--population", "12", "--workers", "0", "--quiet"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small finished run of iris."""
    out = tmp_path_factory.mktemp("runs")
    assert main(["run", "iris", "--seed", "1", "--out", str(out), *TINY]) == 0
    return next(out.iterdir())


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What a command prints with --json, which is one line."""
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    result: dict[str, Any] = json.loads(output)
    return result


def exit_status(*arguments: str) -> Any:
    try:
        return main(list(arguments))
    except SystemExit as error:  # argparse
        return error.code


def mistake(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    """The one line on stderr of a command that must fail with `status`."""
    capsys.readouterr()
    assert exit_status(*arguments) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_run_ends_with_its_directory(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["run", "iris", "--out", str(tmp_path), *TINY]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert Path(lines[-1]) == next(tmp_path.iterdir())
    assert "validation" in lines[0]
    assert (Path(lines[-1]) / "config.toml").is_file()


def test_run_prints_one_document(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = document(capsys, "run", "iris", "--out", str(tmp_path), *TINY)
    assert found["state"] == "finished"
    assert found["front"]


def test_a_resolved_configuration_runs_again_to_the_same_bits(run: Path, tmp_path: Path) -> None:
    assert main(["run", str(run / "config.toml"), "--out", str(tmp_path), "--quiet"]) == 0
    again = next(tmp_path.iterdir())
    assert Run(again).status()["digest"] == Run(run).status()["digest"]


def test_a_folder_with_one_run_stands_for_it(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "one" / run.name)
    folder = tmp_path / "one"
    assert document(capsys, "status", str(folder))["run"] == str(folder / run.name)
    assert document(capsys, "front", str(folder))["front"] == document(capsys, "front", str(run))["front"]
    assert document(capsys, "check", f"{folder}:best") == document(capsys, "check", f"{run}:best")
    shutil.copytree(run, folder / "another")
    for words in (["status", str(folder)], ["front", str(folder)], ["plot", f"{folder}:best"]):
        said = mistake(capsys, 2, *words)
        assert "holds 2 runs" in said
        assert str(folder / "another") in said or str(folder / run.name) in said


def test_documents(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    front = document(capsys, "front", str(run))
    assert front["run"] == str(run)
    wanted = {"id", "score", "validation_score", "neurons", "hidden", "synapses", "latency", "energy"}
    assert all(wanted <= set(member) for member in front["front"])

    status = document(capsys, "status", str(run))
    assert {"state", "generation", "evaluations", "failures"} <= set(status)
    assert (status["state"], status["generation"], status["failures"]) == ("finished", 1, 0)

    member = front["front"][0]
    for name in ("best", member["id"]):
        result = document(capsys, "evaluate", f"{run}:{name}")
        assert {"score", "std", "episodes", "neurons", "hidden", "synapses", "latency", "energy"} <= set(result)
        assert result["episodes"] == 30
        assert result["synapses"] == member["synapses"]

    tasks = {task["name"]: task for task in document(capsys, "tasks")["tasks"]}
    assert {"cartpole", "iris", "temporal-xor"} <= set(tasks)
    assert tasks["cartpole-hard"]["kind"] == "control"
    assert document(capsys, "check", "wine")["ok"] is True
    assert document(capsys, "check", f"{run}:best")["exports"]["tennlab"] == "exact"


def test_evaluate_takes_parameters_of_the_task(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["run", "cartpole", "--out", str(tmp_path), *TINY]) == 0
    net = f"{next(tmp_path.iterdir())}:best"
    arguments = ["evaluate", net, "--episodes", "7", "--seed", "3", "--set", "task.max_steps=20"]
    result = document(capsys, *arguments)
    assert result["episodes"] == 7
    assert result["score"] <= 20
    assert document(capsys, *arguments) == result
    assert document(capsys, "evaluate", net, "--episodes", "7", "--set", "task.starts=wide")["score"] != result["score"]


def test_evaluate_says_more_of_a_data_set(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = document(capsys, "evaluate", f"{run}:best")
    assert result["accuracy"] == pytest.approx(result["score"])
    assert result["balanced_accuracy"] == pytest.approx(result["score"])  # as many samples of each class
    assert 0 < result["f1"] <= 1
    assert not {"count_only", "chance"} & set(result)
    folds = [
        document(capsys, "evaluate", f"{run}:best", "--set", "task.folds=4", "--set", f"task.fold={fold}")
        for fold in range(4)
    ]
    assert sum(fold["episodes"] for fold in folds) == 150
    weighted = document(capsys, "evaluate", f"{run}:best", "--set", "task.class_weights=[1, 1, 9]")
    assert weighted["accuracy"] == result["accuracy"]
    assert document(capsys, "evaluate", f"{run}:best", "--set", "task.metric=f1")["score"] == result["f1"]

    # where times are said to matter, what counts alone reach stands beside the score
    probe(load_task("temporal-xor")).save(tmp_path / "net.json")
    timed = document(capsys, "evaluate", str(tmp_path / "net.json"))
    assert {"score", "accuracy", "balanced_accuracy", "f1", "count_only", "chance"} <= set(timed)
    assert timed["count_only"] < 0.65
    assert main(["evaluate", str(tmp_path / "net.json")]) == 0
    text = capsys.readouterr().out
    assert f"{'count_only':18} {timed['count_only']:.6g}" in text
    assert f"{'chance':18} {timed['chance']:.6g}" in text

    # of values, how far off they are
    probe(load_task("mackey-glass")).save(tmp_path / "net.json")
    values = document(capsys, "evaluate", str(tmp_path / "net.json"))
    assert values["r2"] == pytest.approx(values["score"])
    assert 0 < values["mae"] < values["rmse"] < 0.5


def test_people_read_it_too(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments, word in [
        (["status", str(run)], "finished"),
        (["front", str(run)], "synapses"),
        (["evaluate", f"{run}:best"], "latency"),
        (["tasks"], "cartpole-hardest"),
        (["check", "temporal-xor"], "deterministic"),
        (["resume", str(run), "--quiet"], str(run)),
        (["plot", str(run), "--out", str(tmp_path / "front.png")], "front.png"),
        (["plot", f"{run}:best", "--out", str(tmp_path / "net.svg")], "net.svg"),
    ]:
        capsys.readouterr()
        assert main(arguments) == 0
        assert word in capsys.readouterr().out
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "net.svg").read_text()


@needs_golden
def test_simulate_a_recorded_raster(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record = json.loads(golden_files("risp/*.json")[3].read_text())
    (tmp_path / "risp.json").write_text(json.dumps(record["network"]))
    net = str(tmp_path / "net.json")
    assert main(["import", str(tmp_path / "risp.json"), "--format", "tennlab", "--out", net]) == 0
    raster = np.zeros((record["steps"], len(record["network"]["Inputs"])), np.int64)
    for step, channel, charge in record["input"]:
        raster[step, channel] += charge
    np.save(tmp_path / "in.npy", raster)
    files = ["--input", str(tmp_path / "in.npy"), "--output", str(tmp_path / "out.npy")]
    result = document(capsys, "simulate", net, *files)
    spikes = np.load(tmp_path / "out.npy")
    assert spikes.dtype == np.uint8
    found = sorted([int(t), result["neuron_ids"][i]] for t, i in np.argwhere(spikes))
    assert found == record["spikes"]
    assert result["steps"] == record["steps"]
    assert result["spikes"] == len(record["spikes"])
    sources = [edge["from"] for edge in record["network"]["Edges"]]
    assert result["synaptic_events"] == sum(sources.count(name) for _, name in record["spikes"])

    out = tmp_path / "export"
    assert main(["export", net, "--target", "tennlab", "--out", str(out)]) == 0
    again = str(tmp_path / "again.json")
    arguments = ["import", str(out / "network.json"), "--format", "tennlab", "--out", again]
    assert document(capsys, *arguments)["files"] == [again]
    assert document(capsys, "simulate", again, *files) == result


# Devices


@pytest.fixture(scope="module")
def device_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of cartpole on TrueNorth, whose steps of 1 ms and window of 24 are longer than the task's 20 ms."""
    out = tmp_path_factory.mktemp("runs")
    assert main(["run", "cartpole", "--profile", "truenorth", "--seed", "1", "--out", str(out), *TINY]) == 0
    return next(out.iterdir())


def test_profiles(capsys: pytest.CaptureFixture[str]) -> None:
    found = {device["name"]: device for device in document(capsys, "profiles")["profiles"]}
    assert len(found) == 17
    assert found["risp-7"]["weight"]["value"] == [-7, 7]
    assert "risp_7.txt" in found["risp-7"]["weight"]["source"]
    assert found["loihi-1"]["energy"]["synaptic_event"]["value"] == 35.5
    assert main(["profiles"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert set(found) < set(rows)
    assert "256?" in rows["caspian"]


def test_a_run_keeps_to_its_profile(device_run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert document(capsys, "status", str(device_run))["profile"] == "truenorth"
    assert 'profile = "truenorth"' in (device_run / "config.toml").read_text()
    front = document(capsys, "front", str(device_run), "--profile", "truenorth")["front"]
    for member in front:
        assert document(capsys, "check", f"{device_run}:{member['id']}", "--profile", "truenorth")["violations"] == []
        assert member["violations"] == []
        assert member["energy_table"] == "TrueNorth, whole chip"
        assert member["energy_pj"] > 0 or member["energy"] == 0
        assert member["worst_seconds"] == pytest.approx(0.024)
        assert member["period"] == 0.02
        assert member["keeps_period"] is False
    arguments = ["evaluate", f"{device_run}:best", "--episodes", "5"]
    plain, found = document(capsys, *arguments), document(capsys, *arguments, "--profile", "truenorth")
    assert {key: found[key] for key in plain} == plain
    assert found["energy_pj"] == pytest.approx(26 * found["energy"])
    assert found["decision_seconds"] == pytest.approx(found["latency"] / 1000)

    assert main(["front", str(device_run), "--profile", "truenorth"]) == 0
    text = capsys.readouterr().out
    assert "profile truenorth; energy: counts x 'TrueNorth, whole chip'; period 0.02 s" in text
    assert main([*arguments, "--profile", "risp-7"]) == 0
    assert "violation: weight is" in capsys.readouterr().out

    # the resolved configuration runs again, to the same bits
    assert main(["run", str(device_run / "config.toml"), "--out", str(tmp_path), "--quiet"]) == 0
    assert Run(next(tmp_path.iterdir())).status()["digest"] == Run(device_run).status()["digest"]


def test_violations_are_listed_and_exit_with_1(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    net = f"{run}:best"
    assert main(["check", net, "--profile", "risp-7", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert found["violations"][0] == "v_min is -127, risp-7 allows -7: set genome.v_min=-7"
    assert main(["check", net, "--profile", "risp-7"]) == 1
    assert f"violation: {found['violations'][0]}" in capsys.readouterr().out.splitlines()
    assert "violations" not in document(capsys, "check", net)
    assert document(capsys, "check", net, "--profile", "generic-int8")["violations"] == []

    export = ["export", net, "--target", "tennlab", "--out", str(tmp_path / "out"), "--profile"]
    assert "is beyond profile 'risp-7': v_min is -127" in mistake(capsys, 2, *export, "risp-7")
    assert not (tmp_path / "out").exists()
    assert main([*export, "generic-int8"]) == 0
    assert document(capsys, "check", "iris", "--profile", "risp-7")["profile"].startswith("risp-7: ")


def test_mistakes_with_devices(capsys: pytest.CaptureFixture[str], run: Path, tmp_path: Path) -> None:
    small = ["--out", str(tmp_path), *TINY]
    membrane = 'task.decoder={kind = "membrane"}'
    for arguments, said in [
        (["run", "iris", "--profile", "rsp-7", *small], "Did you mean 'risp-7'?"),
        (["check", f"{run}:best", "--profile", "rsp-7"], "Did you mean 'risp-7'?"),
        (["evaluate", f"{run}:best", "--profile", "rsp-7"], "Did you mean 'risp-7'?"),
        (
            ["run", "iris", "--profile", "risp-7", "--set", "genome.weight=[-9, 7]", *small],
            "profile 'risp-7': genome.weight = [-9, 7], risp-7 allows [-7, 7]; set less",
        ),
        (["run", "iris", "--profile", "odin", "--set", "genome.hidden=250", *small], "set genome.hidden=241"),
        (["run", "iris", "--profile", "risp-7", "--set", membrane, *small], "take a decoder that reads spikes"),
        (["run", "iris", "--profile", "risp-7", "--from", f"{run}:best", *small], "beyond profile 'risp-7': v_min"),
        (["check", "digits", "--profile", "odin", "--set", 'task.encoder={kind="bins"}'], "has 256 neurons"),
    ]:
        text = mistake(capsys, 2, *arguments)
        assert said in text, text
        assert text.count("\n") == 1
    assert not list(tmp_path.iterdir())


# Mistakes

PLUGIN = """
import time
import numpy as np
from evoneuro import ControlTask


class Base(ControlTask):
    low, high, max_steps = (-1.0,), (1.0,), 4
    actions = (0, 1)

    def reset(self, keys):
        return np.zeros(len(keys)), np.zeros((len(keys), 1))

    def step(self, state, action):
        none = np.zeros(len(state), bool)
        return state, np.zeros((len(state), 1)), np.ones(len(state)), none, none


class Raises(Base):
    def step(self, state, action):
        raise KeyError("no such angle")


class Hangs(Base):
    def step(self, state, action):
        while True:
            time.sleep(0.01)


class Nan(Base):
    def step(self, state, action):
        state, seen, reward, a, b = super().step(state, action)
        return state, seen, reward * np.nan, a, b


class Wide(Base):
    def step(self, state, action):
        return (state, np.zeros((len(state), 3)), *super().step(state, action)[2:])


class Dice(Base):
    def step(self, state, action):
        state, seen, reward, a, b = super().step(state, action)
        return state, seen, reward * time.perf_counter(), a, b


class Slow(Base):
    @property
    def outputs(self):
        return 2

    def coding(self, seed):
        while True:
            time.sleep(0.01)


class Quits(Base):
    def coding(self, seed):
        raise SystemExit(3)


class Bad(Base):
    encoder = {"kind": "flipflop"}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN)
    return str(path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Raises", "no such angle"),
        ("Hangs", "no answer within 2 s"),
        ("Slow", "did not load within 2 s"),
        ("Quits", "SystemExit: 3"),
        ("Nan", "reward[0] is nan"),
        ("Wide", "observation has shape (2, 3), expected (2, 1)"),
        ("Dice", "not deterministic"),
        ("Bad", "'flip-flop'"),
        ("Nobody", "no task class 'Nobody'"),
    ],
)
def test_a_broken_plugin(capsys: pytest.CaptureFixture[str], plugin: str, name: str, said: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = ["--set", "workers.timeout=2"]
    text = mistake(capsys, 2, "run", f"{plugin}:{name}", "--out", str(out), *TINY, *settings)
    assert said in text.splitlines()[-1]
    assert text.splitlines()[-1].startswith("evoneuro: error: ")
    assert not out.exists()
    if name in ("Raises", "Quits"):  # the plugin's own traceback, and none of ours
        assert "Traceback" in text
        assert "plugin.py" in text
        assert str(Path(evoneuro.__file__).parent) not in text
    elif name != "Dice":
        assert "Traceback" not in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("import nonsense_that_is_not_there\n", "nonsense_that_is_not_there"),
        ("class Task(\n", "SyntaxError"),
        ("raise RuntimeError('broken on purpose')\n", "broken on purpose"),
        ("import sys; sys.exit(3)\n", "SystemExit"),
    ],
)
def test_a_plugin_that_does_not_import(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "broken.py"
    path.write_text(content)
    text = mistake(capsys, 2, "check", f"{path}:Task")
    assert said in text.splitlines()[-1]
    assert "broken.py" in text


def test_mistakes(capsys: pytest.CaptureFixture[str], run: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.json"
    assert main(["resume", str(run), "--quiet"]) == 0
    from evoneuro.front import resolve

    resolve(f"{run}:best").save(str(damaged))
    damaged.write_text(damaged.read_text().replace('"window": 24', '"window": 25'))
    (tmp_path / "text.json").write_text("hello")
    (tmp_path / "bad.toml").write_text('task = "iris"\n[serch]\npopulation = 3\n')
    np.save(tmp_path / "wrong.npy", np.zeros((5, 3)))
    cases = [
        (["run", "cartpol"], "Did you mean 'cartpole'?"),
        (["run", "iris", "--set", "serch.population=8"], "Did you mean 'search'?"),
        (["run", "iris", "--set", "search.populaton=8"], "Did you mean 'search.population'?"),
        (["run", "iris", "--set", "genome.wieght=[1,2]"], "Did you mean 'weight'?"),
        (["run", "iris", "--set", "task.windw=8"], "Did you mean 'window'?"),
        (["run", "iris", "--set", "search.population=two"], "search.population"),
        (["run", "iris", "--set", 'search.objectives=["speed"]'], "speed"),
        (["run", "iris", "--set", 'search.constraints=["latency < 8"]'], "latency <= 8"),
        (["run", str(tmp_path / "bad.toml")], "search"),
        (["run", str(tmp_path / "none.toml")], "cannot be read"),
        (["run", "no.such.module:Task"], "no module 'no.such.module'"),
        (["run", str(tmp_path / "none.py") + ":Task"], "no file"),
        (["evaluate", str(damaged)], "sha256"),
        (["evaluate", str(tmp_path / "text.json")], "not JSON"),
        (["evaluate", str(tmp_path / "none.json")], "none.json"),
        (["evaluate", f"{run}:bset"], "Did you mean 'best'?"),
        (["evaluate", str(run)], f"{run}:best"),
        (["evaluate", f"{run}:best", "--task", "cartpole"], "inputs"),
        (["evaluate", f"{run}:best", "--set", "search.population=3"], "task.NAME=VALUE"),
        (["simulate", f"{run}:best", "--input", str(tmp_path / "wrong.npy"), "--output", "x.npy"], "shape"),
        (["export", f"{run}:best", "--target", "tenlab", "--out", str(tmp_path / "x")], "tennlab"),
        (["status", str(tmp_path)], "no run here"),
        (["front", str(tmp_path / "nowhere")], "no run here"),
        (["resume", str(tmp_path)], "no run here"),
        (["plot", f"{run}:best", "--out", str(tmp_path / "picture.xyz")], "xyz"),
        (["plot", str(run), "--x", "synapse"], "Did you mean 'synapses'?"),
        (["simulate", f"{run}:best", "--input", str(damaged), "--output", "x.npy"], "not a raster: expected .npy"),
        (["import", str(damaged), "--format", "tenlab", "--out", "x.json"], "tennlab"),
        (["import", str(tmp_path / "text.json"), "--format", "tennlab", "--out", "x.json"], "not JSON"),
        (["run", "iris", "--from", str(tmp_path / "none.json")], "none.json"),
        (["run", "cartpole", "--from", str(run)], "the task needs"),
        (["run", "iris", "--budget-hours", "nan"], "budget.hours"),
        (["run", "iris", "--set", "search.floor=nan"], "search.floor"),
        (["run", "iris", "--set", "genome.weight=5"], "[low, high]"),
        (["run", "iris", "--workers", "0", "--address", "auto"], "no cluster"),
    ]
    for arguments, said in cases:
        text = mistake(capsys, 2, *arguments)
        assert said in text, (arguments, text)
        assert text.count("\n") == 1, (arguments, text)
        assert text.startswith("evoneuro: error: "), (arguments, text)


def test_mistakes_leave_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong is told before anything is written."""
    for setting in ("search.objectives=[]", "task.split=[1, 2]", "genome.weight=[3, 1]", "task.window=0"):
        mistake(capsys, 2, "run", "iris", "--out", str(tmp_path / "out"), *TINY, "--set", setting)
        assert not (tmp_path / "out").exists(), setting


PICKY = """

class Picky(Base):
    def step(self, state, action):
        if len(state) > 4 and (action == {}).any():  # the check before a run has fewer lanes
            raise ValueError("not that one")
        state = state + 1
        return state, np.sin(3 * state)[:, None], *super().step(state, action)[2:]
"""


@pytest.mark.parametrize("refused", ["1", "action"])
def test_candidates_that_fail(capsys: pytest.CaptureFixture[str], plugin: str, refused: str, tmp_path: Path) -> None:
    """A few cost themselves only; a run of nothing else ends, and says why."""
    Path(plugin).write_text(PLUGIN + PICKY.format(refused))
    arguments = ["run", f"{plugin}:Picky", "--out", str(tmp_path / "out"), *TINY]
    if refused == "1":
        assert main(arguments) == 0
    else:
        text = mistake(capsys, 1, *arguments)
        assert text.count("\n") == 1
        assert "all 12 networks of generation 0 failed; the first: raised ValueError: not that one" in text
    run = next((tmp_path / "out").iterdir())
    status = document(capsys, "status", str(run))
    line = 1 + (PLUGIN + PICKY).splitlines().index('            raise ValueError("not that one")')
    assert status["last_failures"][-1]["reason"] == f"raised ValueError: not that one (plugin.py, line {line})"
    assert main(["status", str(run)]) == 0
    assert "not that one" in capsys.readouterr().out
    members = document(capsys, "front", str(run))["front"]
    if refused == "1":
        assert 0 < status["failures"] < status["evaluations"]
        assert members
        assert all(member["score"] == 4 for member in members)
    else:
        assert (status["state"], status["failures"], members) == ("failed", 12, [])


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["run"], ["dance"], ["run", "iris", "--seed", "-1"], ["evaluate", "x.json", "--episodes", "0"]):
        assert "usage:" in mistake(capsys, 2, *arguments)


@pytest.mark.parametrize(
    ("command", "function", "goes_on"),
    [
        (["verify", "net.json", "--target", "c"], "verify_net", ""),
        (["evaluate", "net.json"], "evaluate", ""),
        (["resume", "results/x"], "resume", "; everything journaled is safe: evoneuro resume RUN goes on"),
    ],
)
def test_what_is_interrupted_says_how_it_goes_on(
    command: list[str], function: str, goes_on: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"evoneuro.commands.{function}", interrupted)
    assert main(command) == 130
    assert capsys.readouterr().err == f"evoneuro: interrupted{goes_on}\n"


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["run", "resume", "status", "front", "evaluate", "simulate", "export", "import", "tasks", "check", "plot"]
    for name in [*names, "new-task", "study"]:
        with pytest.raises(SystemExit) as error:
            main([name, "--help"])
        assert error.value.code == 0
        assert f"Example: evoneuro {name}" in " ".join(capsys.readouterr().out.split())


# The world outside


def shell(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)


def has_private_mounts() -> bool:
    if shutil.which("unshare") is None:
        return False
    return shell("unshare -rm sh -c 'mount -t tmpfs -o size=1m none /mnt'").returncode == 0


needs_mounts = pytest.mark.skipif(not has_private_mounts(), reason="no private mounts (unshare -rm) on this machine")


@needs_mounts
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    evoneuro = f"{sys.executable} -m evoneuro"
    copy = tmp_path / "copy"
    script = f"""
    unshare -rm bash -c '
      mount -t tmpfs -o size=2m none /mnt
      {evoneuro} run iris --workers 0 --generations 500 --population 24 --out /mnt --quiet
      echo "status $?"
      cp -r /mnt {copy}
    '"""
    result = shell(script)
    assert "status 1" in result.stdout
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("evoneuro: error: ")
    assert "evoneuro resume /mnt/iris-" in result.stderr
    path = next(copy.iterdir())
    before = Run(path).status()
    assert before["generation"] > 3
    assert before["state"] == "failed" or before["state"] == "interrupted"
    # with room again, it goes on where it was
    from test_run import extend

    extend(path, before["generation"] + 3)
    assert main(["resume", str(path), "--quiet"]) == 0
    assert Run(path).status()["generation"] == before["generation"] + 2


@needs_mounts
def test_a_read_only_directory_is_refused_before_work_and_readable(run: Path) -> None:
    evoneuro = f"{sys.executable} -m evoneuro"
    script = f"""
    unshare -rm bash -c '
      mount --bind {run.parent} /mnt && mount -o remount,bind,ro /mnt
      {evoneuro} run iris --workers 0 --out /mnt/new --quiet; echo "run $?"
      {evoneuro} resume /mnt/{run.name} --quiet; echo "resume $?"
      {evoneuro} front /mnt/{run.name} --json > /dev/null; echo "front $?"
      {evoneuro} status /mnt/{run.name}
    '"""
    result = shell(script)
    assert "run 1" in result.stdout
    assert "resume 1" in result.stdout
    assert "front 0" in result.stdout
    assert "finished" in result.stdout
    assert result.stderr.count("\n") == result.stderr.count("evoneuro: error: ") == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_results_that_cannot_be_printed_are_one_line(run: Path) -> None:
    for arguments in (f"front {run}", f"status {run} --json", "tasks"):
        result = shell(f"{sys.executable} -m evoneuro {arguments} > /dev/full")
        assert result.returncode == 1
        assert result.stderr == "evoneuro: error: No space left on device\n"


def test_a_reader_that_goes_away_is_no_error(run: Path) -> None:
    evoneuro = f"{sys.executable} -m evoneuro"
    result = shell(f"{evoneuro} front {run} | head -1; {evoneuro} front {run} >&-; echo done $?")
    assert "done 0" in result.stdout
    assert result.stderr == ""


def test_nobody_listens_and_the_work_is_done(tmp_path: Path) -> None:
    """Neither a display nor results can be written, and neither is worth a run."""
    command = f"{sys.executable} -m evoneuro run iris {' '.join(TINY[:-1])}"
    for number, streams in enumerate((">&- 2>&-", "2>/dev/full", "2>&1 | true")):
        out = tmp_path / str(number)
        result = shell(f"set -o pipefail; {command} --out '{out}' {streams}")
        assert "Traceback" not in result.stdout + result.stderr
        assert Run(next(out.iterdir())).status()["state"] == "finished", streams
