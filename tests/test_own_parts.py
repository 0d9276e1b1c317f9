"""Encoders, decoders and objectives of a user's own: by file, module and entry point, from check to `evaluate`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evoneuro
from evoneuro import EvoNeuroError, plugins
from evoneuro.cli import main
from evoneuro.coding import Encoder, decoder_from_spec, encoder_from_spec
from evoneuro.config import Config
from evoneuro.config_file import read
from evoneuro.errors import PluginError
from evoneuro.evaluation import Evaluation
from evoneuro.launch import resume, start
from evoneuro.measuring import measure_each
from evoneuro.networks import Networks
from evoneuro.objectives import MEASURES, Objective, described, find_own, losses, measure, named, violation
from evoneuro.objectives import parse_constraint as parse
from evoneuro.record import Run
from evoneuro.store import Store
from evoneuro.task import load_task

PLUGIN = '''
"""A task with an encoder, a decoder and objectives of its own, all in one file."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evoneuro import ClassificationTask
from evoneuro.coding import Decoder, Encoder
from evoneuro.objectives import Objective


@dataclass(frozen=True)
class Sign(Encoder):
    """One spike in step 0, on the first input of a value below the centre of its range, on the second above."""

    late: int = 0

    @property
    def neurons_per_value(self):
        return 2

    def _coded(self, q, gain, window):
        above = self._bipolar(q, gain) > 0
        trains = np.zeros((len(q), self.inputs, -(-window // 32)), np.uint32)
        trains[:, 0::2, 0] = np.where(above, 0, 1 << self.late)
        trains[:, 1::2, 0] = np.where(above, 1 << self.late, 0)
        return trains


@dataclass(frozen=True)
class Patient(Decoder):
    """The clock stops at `evidence` spikes of one output."""

    evidence: int = 2


class LongestDelay(Objective):
    """Steps that the slowest synapse takes."""

    def read(self, networks, evaluations):
        return [network.delay.max(initial=0) for network in networks]


class Spread(Objective):
    """Number of different thresholds: more is better."""

    name = "thresholds"
    maximise = True

    def read(self, networks, evaluations):
        return [len(set(network.threshold.tolist())) for network in networks]


class Signs(ClassificationTask):
    """Which side a point lies on."""

    encoder = {"kind": "parts.py:Sign", "late": 1}
    decoder = {"kind": "parts.py:Patient"}
    objectives = ("score", "synapses", "parts.py:LongestDelay")
    copies = 0

    def load(self):
        X = np.random.default_rng(0).normal(size=(80, 2))
        return X, (X[:, 0] > 0).astype(int)
'''

SMALL: dict[str, Any] = {"search": {"population": 12}, "episodes": {"every": 1}}


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    folder = tmp_path / "my parts"
    folder.mkdir()
    (folder / "parts.py").write_text(PLUGIN)
    return folder / "parts.py"


def begin(task: str, out: Path, workers: int = 0, **changes: Any) -> Run:
    settings: dict[str, Any] = {**SMALL, **changes}
    return evoneuro.evolve(task, generations=3, seed=4, workers=workers, out=str(out), **settings)


# Encoders and decoders


@pytest.fixture
def run(parts: Path, tmp_path: Path) -> Run:
    return begin(f"{parts}:Signs", tmp_path / "0")


def test_from_check_to_evaluate(
    run: Run, parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # not beside the plugin: a network file must not depend on it
    assert main(["check", f"{parts}:Signs"]) == 0
    assert re.search(r"random network's longest_delay \d+ \(.*parts\.py:LongestDelay\)", capsys.readouterr().out)
    member = run.front.best()
    assert member.network.encoder["kind"] == f"{parts}:Sign"
    assert member.network.encoder["late"] == 1
    assert member.network.decoder == {"kind": f"{parts}:Patient", "evidence": 2}
    assert member.measures["score"] > 0.8

    member.save("net.json")
    network = evoneuro.load("net.json")
    assert network == member.network
    encoder, decoder = encoder_from_spec(network.encoder), decoder_from_spec(network.decoder)
    assert encoder_from_spec(encoder.spec()) == encoder
    assert decoder_from_spec(decoder.spec()) == decoder
    assert main(["evaluate", "net.json", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["evaluate", f"{run.path}:best", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == first


@pytest.mark.slow
def test_workers_give_the_same(run: Run, parts: Path, tmp_path: Path) -> None:
    workers = begin(f"{parts}:Signs", tmp_path / "1", workers=1)
    assert workers.status()["digest"] == run.status()["digest"]
    assert workers.front.to_document()["front"] == run.front.to_document()["front"]


def test_relative_names(parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    task = load_task(f"{parts}:Signs")
    assert task.encoder["kind"] == f"{parts}:Sign"
    other = tmp_path / "other.py"
    other.write_text("from dataclasses import dataclass\nfrom evoneuro.coding import FlipFlop\n\n\n"
                     "@dataclass(frozen=True)\nclass Flip(FlipFlop):\n    max_spikes: int = 2\n")  # fmt: skip
    task = load_task(f"{parts}:Signs", {"encoder": {"kind": "other.py:Flip"}})
    assert task.encoder["kind"] == f"{other}:Flip"  # from the current directory
    assert task.changed["encoder"]["kind"] == f"{other}:Flip"
    (parts.parent / "other.py").write_text(other.read_text())
    task = load_task(f"{parts}:Signs", {"encoder": {"kind": "other.py:Flip"}})
    assert task.encoder["kind"] == f"{parts.parent / 'other.py'}:Flip"  # beside the task comes first
    with pytest.raises(
        EvoNeuroError, match=rf"task 'signs': encoder: no file none\.py in {parts.parent} or {tmp_path}"
    ):
        load_task(f"{parts}:Signs", {"encoder": {"kind": "none.py:Flip"}})


def test_a_setting_of_a_run_means_the_same_elsewhere(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(parts.parent)
    config = Config.from_document({
        "task": "iris", "out": str(tmp_path), "workers": {"count": 0}, "budget": {"generations": 1}, **SMALL,
        "parameters": {"encoder": {"kind": "parts.py:Sign"}, "objectives": ["score", "parts.py:Spread"]},
    })  # fmt: skip
    run = start(config)
    monkeypatch.chdir("/")
    store = Store.read(run.path)
    assert store.config["parameters"]["encoder"] == {"kind": f"{parts}:Sign"}
    assert store.config["parameters"]["objectives"] == ["score", f"{parts}:Spread"]
    store.close()
    assert resume(run.path).status()["state"] == "finished"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("class Sign(Encoder)", "class Sine(Encoder)"), "has no encoder class 'Sign'. Did you mean 'Sine'?"),
        (("class Sign(Encoder)", "class Sign"), "has no encoder class 'Sign'"),
        (('"late": 1', '"latte": 1'), "parts.py:Sign': unknown parameter 'latte'. Did you mean 'late'?"),
        (("    def _coded(", "    def _codes("), "its encoder or decoder raised: NotImplementedError"),
        (("return trains\n", "return trains[0]\n"), "its encoder or decoder raised: ValueError"),
        (
            ("late: int = 0", "late: int = 0\n    def __post_init__(self):\n        {}['x']"),
            "could not be made: KeyError",
        ),
        (("Patient(Decoder)", "Patient"), "has no decoder class 'Patient'"),
    ],
)
def test_mistakes_are_told_in_the_users_terms(
    parts: Path, change: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PLUGIN.replace(*change)
    assert text != PLUGIN
    parts.write_text(text)
    assert main(["check", f"{parts}:Signs"]) == 2
    errors = capsys.readouterr().err
    assert said in errors.splitlines()[-1]
    assert "check.py" not in errors


def test_a_network_whose_encoder_is_gone(run: Run, parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = str(parts.parent / "net.json")
    run.front.best().save(net)
    parts.rename(parts.with_name("elsewhere.py"))
    assert main(["evaluate", net, "--task", "iris"]) == 2
    assert capsys.readouterr().err == f"evoneuro: error: no file {parts}\n"


def test_an_edit_during_a_run_changes_nothing_in_it(parts: Path) -> None:
    load_task(f"{parts}:Signs")
    spec = {"kind": f"{parts}:Patient"}
    before = decoder_from_spec(spec)
    parts.write_text(PLUGIN.replace("evidence: int = 2", "evidence: int = 3"))
    assert decoder_from_spec(spec) == before
    load_task(f"{parts}:Signs")
    assert decoder_from_spec(spec).evidence == 3


# Entry points


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package that brings a task, an encoder, a decoder and an objective."""
    site = tmp_path / "site"
    (site / "signs_package").mkdir(parents=True)
    text = PLUGIN.replace("parts.py:Sign", "sign").replace("parts.py:Patient", "patient")
    (site / "signs_package" / "__init__.py").write_text(text.replace("parts.py:LongestDelay", "longest-delay"))
    information = site / "signs_package-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: signs-package\nVersion: 1.0\n")
    points = {"tasks": "signs = Signs", "encoders": "sign = Sign", "decoders": "patient = Patient",
              "objectives": "longest-delay = LongestDelay"}  # fmt: skip
    lines = [f"[evoneuro.{group}]\n{line.replace('= ', '= signs_package:')}\n" for group, line in points.items()]
    (information / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(site)
    yield site
    sys.modules.pop("signs_package", None)


@pytest.mark.slow
@pytest.mark.usefixtures("package")
def test_by_entry_point(tmp_path: Path) -> None:
    run = begin("signs", tmp_path / "0", search={"population": 12, "constraints": ["longest-delay <= 14"]})
    member = run.front.best()
    assert (member.network.encoder["kind"], member.network.decoder["kind"]) == ("sign", "patient")
    assert len(run.front) >= 1
    assert all(m.measures["longest_delay"] <= 14 for m in run.front)
    workers = begin(
        "signs", tmp_path / "1", workers=1, search={"population": 12, "constraints": ["longest-delay <= 14"]}
    )
    assert workers.status()["digest"] == run.status()["digest"]


@pytest.mark.usefixtures("package")
def test_by_module() -> None:
    assert isinstance(encoder_from_spec({"kind": "signs_package:Sign", "low": [0], "high": [1]}), Encoder)
    assert find_own(["signs_package:Spread"])["signs_package:Spread"].name == "thresholds"
    with pytest.raises(EvoNeuroError, match="Did you mean 'sign'"):
        encoder_from_spec({"kind": "sing", "low": [0], "high": [1]})


# Objectives


def test_a_runs_own_objectives(parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search = {
        "population": 12,
        "objectives": ["score", f"{parts}:LongestDelay", f"{parts}:Spread"],
        "constraints": [f"{parts}:LongestDelay <= 14", "synapses <= 30"],
        "floor": 0,
    }
    run = begin(f"{parts}:Signs", tmp_path / "0", search=search)
    front = run.front
    assert len(front) >= 2
    assert dict(front.own) == {"longest_delay": False, "thresholds": True}
    for member in front:
        assert member.measures["longest_delay"] == member.network.delay.max(initial=0) <= 14
        assert member.measures["thresholds"] == len(set(member.network.threshold.tolist()))
        assert member.network.provenance["measures"] == member.measures
    assert front.best("longest_delay").measures["longest_delay"] == min(m.measures["longest_delay"] for m in front)
    assert front.best("thresholds").measures["thresholds"] == max(m.measures["thresholds"] for m in front)
    with pytest.raises(EvoNeuroError, match="Did you mean 'thresholds'"):
        front.best("treshold")

    assert main(["front", str(run.path), "--json"]) == 0
    for shown, member in zip(json.loads(capsys.readouterr().out)["front"], front, strict=True):
        assert (shown["longest_delay"], shown["thresholds"]) == tuple(list(member.measures.values())[-2:])
    assert main(["front", str(run.path)]) == 0
    assert capsys.readouterr().out.split()[8:10] == ["longest_delay", "thresholds"]
    picture = str(tmp_path / "front.svg")
    assert main(["plot", str(run.path), "--x", "longest_delay", "--y", "thresholds", "--out", picture]) == 0
    assert "thresholds" in Path(picture).read_text()


def test_resume_ends_with_the_same_bits(parts: Path, tmp_path: Path) -> None:
    search = {"population": 12, "objectives": ["score", f"{parts}:LongestDelay"]}
    whole = begin(f"{parts}:Signs", tmp_path / "whole", search=search)
    part = evoneuro.evolve(f"{parts}:Signs", generations=2, seed=4, workers=0, out=str(tmp_path / "part"),
                           **{**SMALL, "search": search})  # fmt: skip
    from test_run import extend

    extend(part.path, 3)
    assert resume(part.path).status()["digest"] == whole.status()["digest"]
    parts.write_text(PLUGIN + "# changed\n")
    with pytest.raises(EvoNeuroError, match=r"source of its encoder, decoder or objectives.*--allow-changed-task"):
        resume(part.path)
    parts.write_text(
        PLUGIN.replace("class LongestDelay(Objective):", "class LongestDelay(Objective):\n    maximise = True")
    )
    with pytest.raises(EvoNeuroError, match="other names or senses"):
        resume(part.path, allow_changed_task=True)


def test_runs_without_any_are_read_as_before(tmp_path: Path) -> None:
    run = begin("iris", tmp_path)
    store = Store.open(run.path)
    meta = {key: value for key, value in store.meta.items() if key != "objectives"}  # as older versions wrote it
    store._database.execute("UPDATE meta SET value = ? WHERE key = 'meta'", (json.dumps(meta),))
    store.finish("finished")
    store.close()
    assert run.front.own == {}
    assert list(run.front[0].measures) == list(MEASURES)
    assert resume(run.path).status()["state"] == "finished"


def test_looking_at_a_run_imports_no_plugin(run: Run, parts: Path, tmp_path: Path) -> None:
    """Whoever gets a run directory from somebody may look at it: nothing of the plugin is run."""
    mark = tmp_path / "it was run"
    parts.write_text(f"open({str(mark)!r}, 'w')\n")
    for arguments in (["status"], ["front"], ["front", "--json"], ["plot", "--out", str(tmp_path / "front.png")]):
        command = [sys.executable, "-m", "evoneuro", arguments[0], str(run.path), *arguments[1:]]
        result = subprocess.run(command, capture_output=True, text=True, cwd=parts.parent)
        assert result.returncode == 0, result.stderr
        assert not mark.exists(), arguments
    shutil.rmtree(parts.parent)
    assert len(run.front) >= 1


def test_a_toml_file_names_what_stands_beside_it(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    path = parts.parent / "run.toml"
    path.write_text(
        '[task]\nname = "parts.py:Signs"\nencoder = { kind = "parts.py:Sign" }\n'
        '[search]\nobjectives = ["score", "parts.py:Spread", "none.py:X"]\nconstraints = ["parts.py:Spread <= 3"]\n'
    )
    assert read(str(path)) == {
        "task": f"{parts}:Signs",
        "parameters": {"encoder": {"kind": f"{parts}:Sign"}},
        "search": {
            "objectives": ["score", f"{parts}:Spread", "none.py:X"],
            "constraints": [f"{parts}:Spread <= 3"],
        },
    }


class Reads(Objective):
    answer: Any = None

    def read(self, networks: Any, evaluations: Any) -> Any:
        self.seen = len(networks), len(evaluations)
        return self.answer(networks) if callable(self.answer) else self.answer


def tried(answer: Any) -> tuple[np.ndarray, Reads]:
    from test_evaluate import wire

    objective = Reads()
    objective.answer = answer
    good = Evaluation(0.5, np.ones(2), 3.0, 7.0, np.zeros(4, np.int64), 2, 6)
    return measure([wire()] * 3, [good, Evaluation.failed("raised"), good], {"x.py:Reads": objective}), objective


def test_a_failed_candidate_is_not_shown_to_it() -> None:
    table, objective = tried([1, 2])
    assert objective.seen == (2, 2)
    assert table[[0, 2], -1].tolist() == [1, 2]
    assert np.isnan(table[1, -1])
    assert named(table[0], ["reads"])["reads"] == 1
    own = {"x.py:Reads": objective}
    assert described(own) == [{"name": "reads", "maximise": False, "source": "x.py:Reads"}]
    assert losses(table, ["score", "x.py:Reads"], own).tolist() == [[-0.5, 1], [np.inf, np.inf], [-0.5, 2]]
    found = violation(table, [parse("x.py:Reads <= 1")], -np.inf, own)
    assert found.tolist() == [0, np.inf, 0.5]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([1.0], r"read\(\) gave shape \(1,\), expected \(2,\): one for each network"),
        ([[1.0], [2.0]], r"read\(\) gave shape \(2, 1\)"),
        ([1.0, float("nan")], r"read\(\)\[1\] is nan; it must be finite"),
        ([-float("inf"), 1], r"read\(\)\[0\] is -inf"),
        (["a", "b"], r"read\(\) raised: ValueError"),
        (lambda networks: networks[5], r"read\(\) raised: IndexError"),
    ],
)
def test_what_it_must_not_say(answer: Any, said: str) -> None:
    with pytest.raises(PluginError, match=f"objective 'x.py:Reads': {said}"):
        tried(answer)


def test_an_objective_that_is_wrong_is_told_before_a_run(parts: Path, tmp_path: Path) -> None:
    parts.write_text(PLUGIN.replace("network.delay.max(initial=0)", "1 / 0"))
    with pytest.raises(PluginError, match="ZeroDivisionError") as error:
        begin(f"{parts}:Signs", tmp_path / "out")
    assert "in <listcomp>" in error.value.trace or "in read" in error.value.trace
    assert "objectives.py" not in error.value.trace
    assert not (tmp_path / "out").exists()


FAILING = """
import os, sys, time
from evoneuro.objectives import Objective

class Trap(Objective):
    calls = 0

    def read(self, networks, evaluations):
        Trap.calls += 1
        if Trap.calls > 1:  # after the check before the run
            for network in networks:
                if len(network.pre) % 3 == 0:
                    {}
        return [0.0] * len(networks)
"""


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (
            "raise ValueError('no\\nsuch thing')",
            r"objective '.*trap.py:Trap': read\(\) raised: ValueError: no such thing",
        ),
        ("return [float('nan')] * len(networks)", r"objective '.*': read\(\)\[0\] is nan; it must be finite"),
        ("sys.exit(3)", "an objective raised SystemExit"),
        ("os._exit(3)", "an objective raised ProcessExit"),
    ],
)
def test_an_objective_that_fails_costs_the_candidate(parts: Path, tmp_path: Path, what: str, reason: str) -> None:
    trap = tmp_path / "trap.py"
    trap.write_text(FAILING.format(what))
    settings: dict[str, Any] = {"search": {"population": 12, "objectives": ["score", "synapses", f"{trap}:Trap"]}}
    run = begin(f"{parts}:Signs", tmp_path / "out", **settings)
    failures = run.failures()
    assert 0 < len(failures) < 36
    assert all(re.fullmatch(reason, text) for *_, text in failures), failures
    status = run.status()
    assert (status["state"], status["failures"]) == ("finished", len(failures))
    assert not status["timing_dependent"]
    assert {len(member.network.pre) % 3 for member in run.front} <= {1, 2}

    class Stopper:
        def start(self, header: Any) -> None: ...

        def generation(self, summary: Any) -> None:
            raise KeyboardInterrupt

        def finish(self) -> None: ...

    with pytest.raises(KeyboardInterrupt):
        start(Config.from_document({**Store.read(run.path).config, "out": str(tmp_path / "again")}), Stopper())
    again = resume(next((tmp_path / "again").iterdir()))
    assert again.status()["digest"] == status["digest"]
    assert again.failures() == failures


def test_an_objective_that_hangs_costs_the_candidate() -> None:
    from test_evaluate import wire

    class Hangs(Objective):
        def read(self, networks: Any, evaluations: Any) -> Any:
            while any(evaluation.latency == 2 for evaluation in evaluations):
                pass
            return [7.0] * len(networks)

    good, slow = (Evaluation(0.5, np.array([0.5]), latency, 3.0, np.zeros(1, int), 1, 1) for latency in (1.0, 2.0))
    table, reasons = measure_each(Networks.of([wire()] * 3), [good, slow, good], {"x.py:Hangs": Hangs()}, 0.05)
    assert reasons == {1: "no answer within 0.05 s from an objective"}
    assert np.isnan(table[:, 0]).tolist() == [False, True, False]
    assert table[[0, 2], -1].tolist() == [7, 7]


def test_an_objective_that_fails_sometimes_costs_nothing(parts: Path, tmp_path: Path) -> None:
    digests = []
    for what in ("pass", "if Trap.calls % 3 == 2: raise OSError"):
        (tmp_path / "trap.py").write_text(FAILING.format(what))
        objectives = ["score", "synapses", f"{tmp_path / 'trap.py'}:Trap"]
        run = begin(f"{parts}:Signs", tmp_path / what[:4], search={"population": 12, "objectives": objectives})
        assert run.failures() == []
        digests.append(run.status()["digest"])
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Score(Objective):\n    pass\n", "its name 'score' is that of evoneuro's"),
        ("class Mine(Objective):\n    name = 'interval'\n", "its name 'interval' is that of"),
        ("class Mine(Objective):\n    def __init__(self):\n        {}['x']\n", "could not be made: KeyError"),
        ("class Mine:\n    pass\n", "has no objective class"),
    ],
)
def test_objectives_that_cannot_be(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.py"
    path.write_text("from evoneuro.objectives import Objective\n\n\n" + text)
    with pytest.raises(EvoNeuroError, match=said):
        find_own([f"{path}:{'Score' if 'Score' in text else 'Mine'}"])


def test_two_of_one_name(tmp_path: Path) -> None:
    text = "from evoneuro.objectives import Objective\n\n\nclass Depth(Objective):\n    pass\n"
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(text)
    with pytest.raises(EvoNeuroError, match=r"its name 'depth' is that of .*a\.py:Depth's; set name"):
        find_own([f"{tmp_path}/a.py:Depth", f"{tmp_path}/b.py:Depth"])


def test_names_of_measures() -> None:
    constraint = parse("my folder/x.py:Depth<=8")
    assert (constraint.measure, constraint.bound) == ("my folder/x.py:Depth", 8.0)
    assert parse(str(constraint)) == constraint
    with pytest.raises(EvoNeuroError, match="Did you mean 'latency'"):
        parse("latncy <= 8")
    assert plugins.absolute("score") == "score"


def test_our_kinds_are_made_without_a_look_at_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes as long as simulating a small network, and a generation makes a decoder for each of its networks."""

    def looked(group: str) -> dict[str, Any]:
        raise AssertionError(f"looked for {group}")

    monkeypatch.setattr(plugins, "registered", looked)
    assert decoder_from_spec({"kind": "race", "evidence": 2}).spec()["evidence"] == 2
    assert encoder_from_spec({"kind": "flip-flop", "low": [0.0], "high": [1.0]}).inputs == 2
