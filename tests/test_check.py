"""Check: what it says of a good task, of one that is hardly meant so, and of one that is wrong."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evoneuro import ClassificationTask, ControlTask, SpikeTask
from evoneuro.check import check_task, probe
from evoneuro.cli import main
from evoneuro.errors import EvoNeuroError, PluginError
from evoneuro.examine import Findings, examine
from evoneuro.task import load_task


def test_a_report() -> None:
    report = check_task(load_task("cartpole"))
    facts = dict(report.facts)
    assert facts["inputs"] == "8 neurons"
    assert facts["outputs"] == "2 neurons"
    assert facts["encoder"] == "flip-flop"
    assert facts["decoder"] == "race"
    assert float(facts["random network's score"]) == pytest.approx(report.evaluation.score, rel=1e-3)


@pytest.mark.parametrize("name", ["cartpole", "wine", "temporal-xor"])
def test_the_probe_fits_and_is_always_the_same(name: str) -> None:
    task = load_task(name)
    network = probe(task)
    assert (len(network.inputs), len(network.outputs)) == (task.inputs(0), task.outputs)
    assert network.window == task.window
    assert probe(load_task(name)) == network


class Dice(ControlTask):
    """Takes its randomness from a place of its own."""

    low, high, actions, max_steps = (-1.0,), (1.0,), (0, 1), 5
    rng = np.random.default_rng(0)

    def reset(self, keys: Any) -> Any:
        return np.zeros(len(keys)), np.zeros((len(keys), 1))

    def step(self, state: Any, action: Any) -> Any:
        never = np.zeros(len(state), bool)
        return state, np.zeros((len(state), 1)), self.rng.random(len(state)), never, never


def test_a_task_that_is_not_a_function_of_its_keys() -> None:
    with pytest.raises(PluginError, match=r"task 'dice' is not deterministic: .* the keys that reset\(\) gets"):
        check_task(Dice())


class Sleeper(ControlTask):
    low, high, actions = (-1.0,), (1.0,), (0, 1)

    def reset(self, keys: Any) -> Any:
        time.sleep(60)

    def step(self, state: Any, action: Any) -> Any:
        raise AssertionError("never reached")


def test_a_task_that_hangs_is_interrupted_and_located() -> None:
    start = time.monotonic()
    with pytest.raises(PluginError, match=r"no answer within 0\.3 s; it was at .*test_check\.py, line \d+"):
        check_task(Sleeper(), patience=0.3)
    assert time.monotonic() - start < 20


# What the command says besides


def examined(task: Any) -> tuple[dict[str, str], list[str]]:
    findings: Findings = examine(task, 100)
    facts = dict(findings.facts)
    assert len(facts) == len(findings.facts)
    return facts, findings.warnings


@pytest.mark.parametrize("name", ["cartpole", "iris", "wine"])
def test_good_tasks_get_no_warning(name: str) -> None:
    facts, warnings = examined(load_task(name))
    assert warnings == []
    assert "decisions/s" in facts["speed"]
    assert facts["a generation"].startswith("of 100 takes about ")
    assert facts["solved"].startswith("from a score of ")


class Plain(ControlTask):
    """Counts; sees the count, a constant and a number far beyond its range."""

    low, high, actions, max_steps = (0.0, 0.0, -1.0), (10.0, 1.0, 1.0), (0, 1), 7
    episodes = 3

    def reset(self, keys: Any) -> Any:
        return np.zeros(len(keys)), self.seen(np.zeros(len(keys)))

    def seen(self, state: Any) -> Any:
        return np.stack([state, np.full(len(state), 0.5), 1 + state], axis=1)

    def step(self, state: Any, action: Any) -> Any:
        state = state + 1
        over = (state >= 4) & (action == 1)
        return state, self.seen(state), 0.5 * state, over, np.zeros(len(state), bool)


def test_control_is_looked_at() -> None:
    facts, warnings = examined(Plain())
    assert facts["observation"] == "float64 (lanes, 3)"
    assert facts["value 1"] == "0.5 to 0.5, encoder 0 to 1, clipped 0.0% below, 0.0% above"
    assert facts["value 0"].startswith("0 to 7, encoder 0 to 10")
    assert facts["reward"] == "float64 [lanes], 0.5 to 3.5"
    lengths = facts["episodes"]
    assert lengths.startswith("4 to 7 decisions, limit 7; ")
    assert lengths.endswith("of 24 reached the limit")
    assert "in a window" in facts["spikes per input"]
    assert any(w.startswith("values that never vary: 1; leave them out") for w in warnings)
    assert any(w.startswith("value 2: 8") and "beyond the encoder's range -1 to 1" in w for w in warnings)
    assert any(w.startswith("inputs that never fire: ") for w in warnings)


def test_the_task_is_left_as_it_was() -> None:
    task = Plain()
    before = set(vars(task))
    examine(task, 100)
    assert set(vars(task)) == before


def test_a_range_that_is_too_wide() -> None:
    class Wide(Plain):
        low, high = (0.0, 0.0, -1e4), (10.0, 1.0, 1e4)

    _, warnings = examined(Wide())
    assert any(w.startswith("value 2: 1 to 8 is 0.0% of the encoder's range") for w in warnings)


def test_a_score_that_is_always_the_same() -> None:
    class Flat(Plain):
        def step(self, state: Any, action: Any) -> Any:
            never = np.zeros(len(state), bool)
            return state + 1, self.seen(state + 1), np.zeros(len(state)), never, never

    _, warnings = examined(Flat())
    assert any(w.startswith("8 random networks all scored 0: ") for w in warnings)


def test_spikes_after_the_window() -> None:
    class Short(Plain):
        window = 6

    _, warnings = examined(Short())
    late = [w for w in warnings if "cuts off" in w]
    assert late
    assert late[0].startswith("the encoder fires up to step 21, and the window of 6 steps cuts off ")


class Unseeded(Plain):
    def reset(self, keys: Any) -> Any:
        seen = self.seen(np.zeros(len(keys)))
        seen[:, 0] = np.random.default_rng().uniform(size=len(keys))
        return np.zeros(len(keys)), seen


class Shared(Plain):
    def reset(self, keys: Any) -> Any:
        seen = self.seen(np.zeros(len(keys)))
        seen[:, 0] = len(keys)
        return np.zeros(len(keys)), seen


@pytest.mark.parametrize(("task", "when"), [(Unseeded, "a second time"), (Shared, "beside fewer episodes")])
def test_a_reset_that_is_no_function_of_its_keys(task: Any, when: str) -> None:
    with pytest.raises(PluginError, match=rf"reset\(\) is not deterministic: value 0 of .* was .* and, {when}, "):
        examine(task(), 100)


class Wrong(Plain):
    how = ""

    def step(self, state: Any, action: Any) -> Any:
        state, seen, reward, over, cut = super().step(state, action)
        if self.how == "nan" and state.max() == 3:
            seen[0, 2] = np.nan
        if self.how == "inf":
            reward[-1] = np.inf
        if self.how == "dtype":
            seen = seen.astype(str)
        if self.how == "shape":
            reward = reward[:, None]
        return state, seen, reward, over, cut


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("nan", "observation[0, 2] is nan; it must be finite"),
        ("inf", "reward[1] is inf; it must be finite"),
        ("dtype", "observation has dtype <U32, expected numbers"),
        ("shape", "reward has shape (2, 1), expected (2,) (one for each lane)"),
    ],
)
def test_what_is_wrong_is_located(how: str, said: str) -> None:
    with pytest.raises(PluginError) as error:
        examine(Wrong(how=how), 100)
    assert said in str(error.value)


class GlobalDraws(Plain):
    source = "numpy.random"

    def step(self, state: Any, action: Any) -> Any:
        draw = np.random.rand() if self.source == "numpy.random" else random.random()
        state, seen, reward, over, cut = super().step(state, action)
        return state, seen, reward + self.share * draw, over, cut

    share = 0.0


@pytest.mark.parametrize("source", ["numpy.random", "random"])
def test_draws_from_a_global_generator(source: str) -> None:
    _, warnings = examined(GlobalDraws(source=source))
    assert any(w.startswith(f"the task draws from {source}, ") for w in warnings)
    with pytest.raises(PluginError, match=f"not deterministic: .*it draws from {source}, which all code shares"):
        check_task(GlobalDraws(source=source, share=1.0))


class Table(ClassificationTask):
    rows, copies, window = 60, 0, 30

    def load(self) -> Any:
        rng = np.random.default_rng(1)
        x = rng.normal(size=(self.rows, 3))
        x[:, 2] = 7
        return x, np.where(np.arange(self.rows) % 10 == 0, "rare", "common")


def test_samples_are_looked_at() -> None:
    facts, warnings = examined(Table())
    assert facts["samples"] == "36 train, 12 validation, 12 test"
    assert facts["classes"] == "common 54, rare 6"
    assert facts["sample"] == "float64 (3,)"
    assert any(
        w.startswith("class 'common' has 54 samples, class 'rare' 6: always saying 'common' scores 0.90")
        for w in warnings
    )
    assert any(w.startswith("values that never vary: 2; load() may drop") for w in warnings)
    assert not any("'balanced-accuracy'" in w for w in examined(Table(metric="balanced-accuracy"))[1])


class Loads(Table):
    seeded = False

    def load(self) -> Any:
        rng = np.random if not self.seeded else np.random.RandomState(3)
        np.random.rand()
        return rng.normal(size=(40, 2)), np.arange(40) % 2


def test_a_load_that_gives_other_data_each_time() -> None:
    with pytest.raises(PluginError, match=r"load\(\) gave other data the second time \(it draws from numpy\.random\)"):
        examine(Loads(), 100)
    _, warnings = examined(Loads(seeded=True))
    assert any(w.startswith("load() uses numpy.random") for w in warnings)


class Taps(SpikeTask):
    window = 9

    def load(self) -> Any:
        return [[(0, 0), (5, 3)], [(0, 3), (8, 0)]] * 20, [0, 1] * 20


def test_spikes_are_looked_at() -> None:
    facts, warnings = examined(Taps())
    assert facts["samples' steps"] == "9, of a window of 9"
    assert facts["spikes per input"] == "0.50 in a window, 0.00 to 1.00 by input, 1 at most"
    assert "inputs that never fire: 1, 2" in warnings
    with pytest.raises(EvoNeuroError, match="set window to 9 or more"):
        examine(Taps(window=8), 100)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "iris", "--set", "task.window=12"]) == 0
    printed = capsys.readouterr().out
    assert "window                   12 steps" in printed
    assert "\nwarning: the encoder fires up to step 21, and the window of 12 steps cuts off" in printed
    assert printed.endswith("\nok\n")
    assert main(["check", "iris", "--set", "task.window=12", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert found["window"] == "12 steps"
    assert len(found["warnings"]) == 1
    assert main(["check", "cartpole", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []
    for setting, said in [
        ("search.population=3", "check sets task.NAME=VALUE"),
        ("task.windw=3", "Did you mean 'window'?"),
        ("task.objectives=['scor']", "Did you mean 'score'?"),
        ("workers.timeout=0", "workers.timeout"),
    ]:
        assert main(["check", "iris", "--set", setting]) == 2
        assert said in capsys.readouterr().err
