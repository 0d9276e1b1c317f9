"""Evaluation by hand on tiny networks, and blindness to the batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import evoneuro
from evoneuro import ClassificationTask, ControlTask, EvoNeuroError, Network, RegressionTask, SpikeTask
from evoneuro.check import probe
from evoneuro.errors import PluginError
from evoneuro.evaluate import answers, evaluate
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.simulator.lanes import decide_shared
from evoneuro.task import load_task
from evoneuro.workers.worker import evaluate_batch

CASES = Cases(0, "episodes", 0, 3)


class Counter(ControlTask):
    """Episodes of 3, 4, 5, ... steps by lane; reward 1 for output 1. The observation is the lane's remainder."""

    low, high = (-1.0,), (1.0,)
    encoder = {"kind": "flip-flop", "max_spikes": 4, "interval": 2}
    decoder = {"kind": "count"}
    window = 8
    actions = (0, 1)
    max_steps = 100

    def reset(self, keys: Any) -> Any:
        order = np.searchsorted(np.unique(keys), keys)
        return {"left": 3 + order, "sign": np.where(order % 2, 1.0, -1.0)}, np.where(order % 2, 1.0, -1.0)[:, None]

    def step(self, state: Any, action: Any) -> Any:
        state = {**state, "left": state["left"] - 1}
        over = state["left"] == 0
        return state, state["sign"][:, None], (action == 1).astype(float), over, np.zeros(len(over), bool)


def wire(**changes: Any) -> Network:
    """Input 0 (negative values) to output 0, input 1 (positive ones) to output 1, delay 1."""
    values: dict[str, Any] = {
        "ids": range(4), "threshold": [1, 1, 1, 1], "leak": [-1] * 4, "refractory": [0] * 4,
        "pre": [0, 1], "post": [2, 3], "weight": [1, 1], "delay": [1, 1], "inputs": [0, 1], "outputs": [2, 3],
        "window": 8,
    }  # fmt: skip
    return Network(**{**values, **changes})


def test_a_horizon_cuts_episodes_that_are_longer() -> None:
    (result,) = evaluate(Counter(), [wire()], replace(CASES, horizon=4))
    assert result.decisions == 3 + 4 + 4
    assert evaluate(Counter(), [wire()], replace(CASES, horizon=1000)) == evaluate(Counter(), [wire()], CASES)


def test_scores_latency_energy_by_hand() -> None:
    (result,) = evaluate(Counter(), [wire()], CASES)
    # lanes have signs -, +, - and run 3, 4, 5 decisions; only the middle one's choice is output 1
    assert sorted(result.case_scores.tolist()) == [0.0, 0.0, 4.0]
    assert result.score == pytest.approx(4 / 3)
    assert result.decisions == 12
    assert result.steps == 12 * 8
    assert result.latency == 8
    # 4 input spikes per decision, each with one synapse; the outputs have none
    assert result.energy == 4
    assert result.spikes.tolist() == [8 * 4, 4 * 4, 8 * 4, 4 * 4]


def test_an_encoder_inside_an_encoder_is_evaluated() -> None:
    # two fields with centres at the ends: each lane's spike comes at once from the one it is at, the other is silent
    inner = {"kind": "time-to-first-spike", "threshold": 200}
    fields = {"kind": "gaussian", "low": [-1], "high": [1], "centres": "even", "neurons": 2, "inner": inner}
    race = {"kind": "race", "evidence": 1, "lead": 0}
    networks = [wire(encoder=fields | {"gain": gain}, decoder=race) for gain in (16, 40)]
    for result in evaluate(Counter(), networks, CASES):
        assert sorted(result.case_scores.tolist()) == [0.0, 0.0, 4.0]
        assert (result.latency, result.energy) == (2, 1)


def test_a_race_stops_the_clock() -> None:
    race = {"kind": "race", "evidence": 2, "lead": 0}
    first, second = evaluate(Counter(), [wire(decoder=race), wire(decoder={**race, "evidence": 1})], CASES)
    # input spikes at steps 0, 2, ..., output spikes one step later
    assert first.latency == 4
    assert second.latency == 2
    assert second.energy == 1


def test_energy_counts_every_synapse_of_every_spike() -> None:
    network = wire(pre=[0, 1, 0, 1], post=[2, 3, 3, 2], weight=[1, 1, 0, 0], delay=[1, 1, 3, 3])
    assert evaluate(Counter(), [network], CASES)[0].energy == 8


def test_state_lives_on_or_is_cleared() -> None:
    # the threshold of the outputs is reached only by what 6 decisions' worth of spikes add up to
    network = wire(threshold=[1, 1, 10, 10])
    kept = evaluate(Counter(), [network], CASES)[0]
    cleared = evaluate(Counter(keep_state=False), [network], CASES)[0]
    assert kept.spikes[2:].sum() > 0
    assert cleared.spikes[2:].sum() == 0


def test_gains_may_differ_by_network() -> None:
    spec = {**Counter().coding(0)[0], "gain": 16}
    networks = [wire(encoder={**spec, "gain": gain}) for gain in (16, 4, 8)]
    assert [e.energy for e in evaluate(Counter(), networks, CASES)] == [4, 1, 2]
    # one without an encoder gets the task's, whoever stands before it
    mixed = [networks[1], wire(), wire(encoder={k: v for k, v in spec.items() if k != "gain"})]
    assert [e.energy for e in evaluate(Counter(), mixed, CASES)] == [1, 4, 4]
    with pytest.raises(EvoNeuroError, match="encoder: gain: expected 1 to 256, got 0"):
        evaluate(Counter(), [wire(), wire(encoder={**spec, "gain": 0})], CASES)


@pytest.mark.parametrize("name", ["cartpole", "cartpole-hardest", "iris", "temporal-xor"])
def test_blind_to_the_batch_and_its_order(name: str) -> None:
    task = load_task(name)
    base = probe(task)
    networks = [replace(base, weight=np.roll(base.weight, k), window=base.window - k) for k in range(6)]
    cases = Cases(4, "episodes", 2, 4)
    together = evaluate(task, networks, cases)
    assert [evaluate(task, [network], cases)[0] for network in networks] == together
    assert evaluate(task, networks[::-1], cases) == together[::-1]
    assert len({(e.score, e.latency, e.energy) for e in together}) > 1


def test_streams_are_different_episodes() -> None:
    task = load_task("cartpole")
    network = probe(task)
    scores = [
        evaluate(task, [network], Cases(0, stream, generation, 5))[0].case_scores.tolist()
        for stream, generation in [("episodes", 0), ("episodes", 1), ("validation", 0), ("test", 0)]
    ]
    assert len({tuple(s) for s in scores}) == 4


def test_a_data_set_takes_its_split() -> None:
    task = load_task("iris", {"copies": 0})
    network = probe(task)
    sizes = [len(evaluate(task, [network], Cases(1, s))[0].case_scores) for s in ("episodes", "validation", "test")]
    assert sizes == [90, 30, 30]
    copies = evaluate(load_task("iris", {"copies": 2}), [network], Cases(1, "episodes"))[0]
    assert len(copies.case_scores) == 270
    clean = evaluate(task, [network], Cases(1, "episodes"))[0]
    assert copies.case_scores[:90].tolist() == clean.case_scores.tolist()


def test_a_network_that_does_not_fit() -> None:
    with pytest.raises(EvoNeuroError, match="2 inputs and 2 outputs; task 'cartpole' needs 8 and 2"):
        evaluate(load_task("cartpole"), [wire()], CASES)


class Broken(Counter):
    what: str = ""

    def reset(self, keys: Any) -> Any:
        state, seen = super().reset(keys)
        if self.what == "observation":
            seen[1] = np.nan
        return state, seen[:, [0, 0]] if self.what == "values" else seen

    def step(self, state: Any, action: Any) -> Any:
        state, seen, reward, over, truncated = super().step(state, action)
        if self.what == "reward":
            reward[2] = np.inf
        if self.what == "raises":
            raise ZeroDivisionError("on purpose")
        if self.what == "four":
            return state, seen, reward, over
        if self.what == "one flag":
            return state, seen, reward, over, False
        if self.what == "ragged":
            return state, [[1.0], [1.0, 2.0], [3.0]], reward, over, truncated
        if self.what == "state":
            return {**state, "left": state["left"][:1]}, seen, reward, np.ones(len(over), bool), truncated
        return state, seen, ["a"] * len(reward) if self.what == "text" else reward, over, truncated


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("observation", r"observation\[1, 0\] is nan"),
        ("values", r"observation has shape \(3, 2\), expected \(3, 1\)"),
        ("reward", r"reward\[2\] is inf"),
        ("text", "reward has dtype"),
        ("raises", r"step\(\) raised: ZeroDivisionError: on purpose"),
        ("four", r"step\(\) must return \(state, observation, reward, terminated, truncated\)"),
        ("one flag", r"truncated has shape \(\), expected \(3,\) \(one for each lane\)"),
        ("ragged", r"observation: expected an array \(3, 1\)"),
        ("state", r"state: expected arrays that lead with 3 lanes"),
    ],
)
def test_what_a_task_must_not_return(what: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        evaluate(Broken(what=what), [wire()], CASES)


def test_the_plugins_traceback_is_kept() -> None:
    with pytest.raises(PluginError) as error:
        evaluate(Broken(what="raises"), [wire()], CASES)
    assert "in step" in error.value.trace
    assert "ZeroDivisionError: on purpose" in error.value.trace
    assert str(Path(evoneuro.__file__).parent) not in error.value.trace


class Memory(NamedTuple):
    left: Any
    sign: Any


class Shaped(Counter):
    """The same episodes; the state comes in another shape, all else as lists."""

    shape: str = ""

    def reset(self, keys: Any) -> Any:
        state, seen = super().reset(keys)
        return self.packed(state), seen.tolist()

    def step(self, state: Any, action: Any) -> Any:
        if self.shape == "list":
            state = {"left": np.array([s[0] for s in state]), "sign": np.array([s[1] for s in state])}
        elif self.shape == "array":
            state = {"left": state[:, 0], "sign": state[:, 1]}
        elif self.shape == "named":
            state = state._asdict()
        else:
            state = {"left": state[0], "sign": state[1][0]}
        state, *rest = super().step(state, action)
        return [self.packed(state), *(part.tolist() for part in rest)]

    def packed(self, state: Any) -> Any:
        left, sign = state["left"], state["sign"]
        return {
            "list": list(zip(left, sign, strict=True)),
            "array": np.c_[left, sign],
            "named": Memory(left, sign),
            "nested": (left, (sign,)),
        }[self.shape]


@pytest.mark.parametrize("shape", ["list", "array", "named", "nested"])
def test_state_may_be_any_nest_of_what_leads_with_lanes(shape: str) -> None:
    assert evaluate(Shaped(shape=shape), [wire()], CASES) == evaluate(Counter(), [wire()], CASES)


class Trap(Counter):
    """Raises when any network chooses output 1."""

    def step(self, state: Any, action: Any) -> Any:
        if (action == 1).any():
            raise ValueError("stepped into it")
        return super().step(state, action)


def test_only_the_culprit_fails() -> None:
    harmless = wire(weight=[1, 0])
    results = evaluate_batch(Trap(), [harmless, wire(), harmless], CASES)
    assert [r.failure is None for r in results] == [True, False, True]
    assert "stepped into it" in str(results[1].failure)
    assert np.isnan(results[1].score)
    assert results[0] == results[2] == evaluate(Trap(), [harmless], CASES)[0]


# Decoders that read a record


class Wheel(ControlTask):
    """Three steps; the reward is what was said, in one number; the observation is the lane's sign: -, -, + in CASES."""

    low, high, max_steps, window = (-1.0,), (1.0,), 3, 8
    encoder = {"kind": "flip-flop", "max_spikes": 4, "interval": 2}

    def reset(self, keys: Any) -> Any:
        sign = np.where(np.searchsorted(np.unique(keys), keys) % 2, 1.0, -1.0)
        return sign, sign[:, None]

    def step(self, state: Any, action: Any) -> Any:
        assert len(action) == len(state)
        parts = np.asarray(action, float).reshape(len(state), -1)
        never = np.zeros(len(state), bool)
        return state, state[:, None], parts @ 10.0 ** np.arange(parts.shape[1]), never, never


PAIR = {"kind": "pair", "low": [-4.0], "high": [4.0], "max_spikes": 4}
GROUPS = {"kind": "multi-count", "sizes": [1, 1]}


def test_values_are_read_from_the_record() -> None:
    task = Wheel(action_low=-4, action_high=4)
    # negative lanes feed output 0 (up) four spikes, positive ones output 1 (down)
    full, half = wire(decoder=PAIR), wire(decoder={**PAIR, "max_spikes": 8})
    results = evaluate(task, [full, half, wire(decoder=PAIR, weight=[0, 1])], CASES)
    assert [r.case_scores.tolist() for r in results] == [[12.0, 12.0, -12.0], [6.0, 6.0, -6.0], [0.0, 0.0, -12.0]]
    assert [r.latency for r in results] == [8, 8, 8]
    assert [evaluate(task, [n], CASES)[0] for n in (full, half)] == results[:2]


def test_several_choices_are_read_from_the_record() -> None:
    task = Wheel(decoder={"kind": "multi-count", "sizes": [2, 2]})
    network = wire(
        ids=range(6), threshold=[1] * 6, leak=[-1] * 6, refractory=[0] * 6, pre=[0, 0, 1], post=[3, 5, 4],
        weight=[1] * 3, delay=[1] * 3, outputs=[2, 3, 4, 5], decoder={"kind": "multi-count", "sizes": [2, 2]},
    )  # fmt: skip
    # negative lanes choose 1 and 1, positive ones 0 and 0
    assert evaluate(task, [network], CASES)[0].case_scores.tolist() == [33.0, 33.0, 0.0]


@pytest.mark.parametrize("silent", ["abstain", "first"])
def test_who_abstains_takes_the_first_action(silent: str) -> None:
    task = Wheel(actions=[0, 1], decoder={"kind": "first-spike", "silent": silent})
    network = wire(weight=[0, 1], decoder={"kind": "first-spike", "silent": silent})
    result = evaluate(task, [network], CASES)[0]
    assert result.case_scores.tolist() == [0.0, 0.0, 3.0]
    assert result.latency == pytest.approx((8 + 8 + 2) / 3)


def test_networks_with_and_without_a_record_in_one_batch() -> None:
    task = Wheel(actions=[0, 1])
    first = {"kind": "first-spike", "silent": "potential"}
    race = {"kind": "race", "evidence": 1, "lead": 0}
    networks = [wire(decoder=spec) for spec in (race, first, {"kind": "trace", "shift": 2}, race, None)]
    results = evaluate(task, networks, CASES)
    assert [r.case_scores.tolist() for r in results] == [[0.0, 0.0, 3.0]] * 5
    assert [r.latency for r in results] == [2, 2, 8, 2, 8]


@pytest.mark.parametrize("spec", [{"kind": "latency"}, {"kind": "trace-value", "shift": 1}, {"kind": "pair"}])
def test_what_is_read_is_blind_to_the_windows_of_others(spec: Any) -> None:
    values = 1 if spec["kind"] == "pair" else 2
    task = Wheel(action_low=[-1] * values, action_high=1, decoder=spec)
    decoder = task.coding(0)[1]
    networks = [wire(decoder=decoder, window=window) for window in (8, 3, 5, 8, 40)]
    together = evaluate(task, networks, CASES)
    assert together == [evaluate(task, [network], CASES)[0] for network in networks]
    assert len({e.score for e in together}) > 2


def test_a_network_without_a_decoder_is_read_as_the_task_needs_it() -> None:
    task = Wheel(action_low=-4, action_high=4, decoder={"kind": "pair", "max_spikes": 4})
    assert evaluate(task, [wire()], CASES)[0] == evaluate(task, [wire(decoder=PAIR)], CASES)[0]


@pytest.mark.parametrize(
    ("parameters", "decoder", "message"),
    [
        ({"actions": [0, 1]}, PAIR, "the network's decoder 'pair' gives 1 value; task 'wheel' needs one choice"),
        (
            {"action_low": -4, "action_high": 4},
            {"kind": "count"},
            "'count' gives one choice; task 'wheel' needs 1 value",
        ),
        ({"action_low": [-4, 0], "action_high": 4}, PAIR, "'pair' gives 1 value; task 'wheel' needs 2 values"),
        ({"actions": [0, 1]}, GROUPS, "'multi-count' gives choices of 1 and 1; task 'wheel' needs one choice"),
    ],
)
def test_a_decoder_that_does_not_fit(parameters: Any, decoder: Any, message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        evaluate(Wheel(**parameters), [wire(), wire(decoder=decoder)], CASES)


def test_evaluations_compare_by_value() -> None:
    first, second = (evaluate(Counter(), [wire()], CASES)[0] for _ in range(2))
    assert first == second
    assert first != replace(second, energy=0.0)
    assert Evaluation.failed("x") == Evaluation.failed("x")
    assert Evaluation.failed("x") != Evaluation.failed("y")


class Taps(SpikeTask):
    window = 8

    def load(self) -> Any:
        return [[(0, 0), (5, 1)], [(0, 1), (5, 0)]] * 20, ["left", "right"] * 20


class Unreadable(ClassificationTask):
    def load(self) -> Any:
        raise KeyError("column")


def test_data_that_cannot_be_read() -> None:
    with pytest.raises(PluginError, match=r"task 'unreadable': load\(\) raised: KeyError: 'column'") as error:
        evaluate(Unreadable(), [wire()], Cases(0, "test"))
    assert "in load" in error.value.trace
    (failed,) = evaluate_batch(Unreadable(), [wire()], Cases(0, "test"))
    assert str(failed.failure).startswith("raised KeyError: 'column' (test_evaluate.py, line ")


class Rows(ClassificationTask):
    encoder = {"kind": "flip-flop", "max_spikes": 4, "interval": 2}
    window = 8

    def load(self) -> Any:
        x = np.repeat([[-1.0], [1.0]], 20, axis=0)
        return x, np.repeat(["low", "high"], 20)


def test_spikes_and_rows_reach_the_inputs() -> None:
    # the first tap decides: channel 0 first is "left", class 0
    race = {"kind": "race", "evidence": 1, "lead": 0}
    result = evaluate(Taps(), [wire(decoder=race)], Cases(0, "test"))[0]
    assert result.score == 1
    assert result.latency == 2
    # "high" is class 0, and high values feed input 1: the wires are crossed
    assert evaluate(Rows(copies=0), [wire()], Cases(0, "test"))[0].score == 0
    assert evaluate(Rows(copies=0), [wire(outputs=[3, 2])], Cases(0, "test"))[0].score == 1


# What networks answer


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether a record was asked for, call by call."""
    asked: list[bool] = []

    def decide(networks: Any, feed: Any, record: bool = False) -> Any:
        asked.append(record)
        return decide_shared(networks, feed, record=record)

    monkeypatch.setattr("evoneuro.answers.decide_shared", decide)
    return asked


class Values(RegressionTask):
    """The target is x itself, which the encoder writes as 0 to 4 spikes, and a decoder of rates reads back."""

    encoder = {"kind": "count", "max_spikes": 4, "interval": 2}
    decoder = {"kind": "rate", "max_spikes": 4}
    low, high = (0.0,), (4.0,)
    window = 8
    split = (0.4, 0.3, 0.3)

    def load(self) -> Any:
        x = np.arange(40)[:, None] % 5
        return x, x[:, 0]


def through(task: Any, **changes: Any) -> Network:
    """Every input drives an output of its own, with the task's encoder and decoder."""
    encoder, decoder = task.coding(0)
    count = task.inputs(0)
    return wire(
        ids=range(2 * count), threshold=[1] * 2 * count, leak=[-1] * 2 * count, refractory=[0] * 2 * count,
        pre=list(range(count)), post=list(range(count, 2 * count)), weight=[1] * count, delay=[1] * count,
        inputs=list(range(count)), outputs=list(range(count, 2 * count)),
        encoder=encoder, decoder=decoder, window=task.window, **changes,
    )  # fmt: skip


def test_values_of_samples_are_read_from_the_record(recording: list[bool]) -> None:
    task, cases = Values(), Cases(0, "test")
    network = through(task)
    (result,) = evaluate(task, [network], cases)
    assert recording == [True]
    assert result.score == 1
    assert result.case_scores.tolist() == [1] * 12
    assert result.latency == 8
    said, right = answers(task, network, cases)
    assert said.shape == right.shape == (12, 1)
    assert np.array_equal(said, right)
    # of a network whose decoder has other ranges, those count
    other = replace(network, decoder={**network.decoder, "high": [2.0 * network.decoder["high"][0]]})
    assert np.array_equal(answers(task, other, cases)[0], 2 * right)
    together = evaluate(task, [network, other], cases)
    assert together == [evaluate(task, [member], cases)[0] for member in (network, other)]
    assert together[1].score < 0


def test_values_at_several_gains_and_in_chunks(recording: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evoneuro.samples.FEED_BYTES", 16)
    task, cases = Values(), Cases(0, "test")
    networks = [through(task), through(task), through(task)]
    networks[1] = replace(networks[1], encoder={**networks[1].encoder, "gain": 4})
    first, second, third = evaluate(task, networks, cases)
    assert len(recording) == 2 * 3
    assert (first.score, third) == (1, first)
    said, right = answers(task, networks[1], cases)
    assert np.array_equal(said, np.ceil(right / 4) * np.array([1]))
    assert second.score == pytest.approx(1 - ((said - right) ** 2).mean() / right.var())


def test_choices_may_be_read_from_the_record_too(recording: list[bool]) -> None:
    class Same(ClassificationTask):
        encoder = Values.encoder
        window, low, high = 8, (0.0, 0.0), (4.0, 4.0)
        decoder = {"kind": "first-spike", "silent": "abstain"}
        copies = 0

        def load(self) -> Any:
            x = np.repeat([[4, 0], [0, 4], [0, 0]], 10, axis=0)
            return x, np.repeat([0, 1, 1], 10)

    task, cases = Same(), Cases(0, "test")
    network = through(task)
    said, right = answers(task, network, cases)
    assert evaluate(task, [network], cases)[0].score == (said == right).mean()
    assert set(zip(said.tolist(), right.tolist(), strict=True)) == {(0, 0), (1, 1), (-1, 1)}
    assert recording == [True, True]
    plain = replace(network, decoder={"kind": "count"})  # the simulator decides; who records does not change that
    evaluate(task, [plain], cases)
    assert recording.pop() is False
    assert evaluate(task, [plain, network], cases)[1] == evaluate(task, [network], cases)[0]


def test_decoders_of_another_kind_are_refused() -> None:
    task = Values()
    with pytest.raises(EvoNeuroError, match="decoder 'count' gives a choice; task 'values' asks for values"):
        evaluate(task, [replace(through(task), decoder={"kind": "count"})], Cases(0, "test"))
    rows = Rows(copies=0)
    with pytest.raises(EvoNeuroError, match="decoder 'rate' gives values; task 'rows' asks for a choice"):
        evaluate(rows, [replace(wire(), decoder={"kind": "rate", "low": [0, 0], "high": [1, 1]})], Cases(0, "test"))


def test_answers_are_those_that_are_scored() -> None:
    task = load_task("iris")
    network = probe(task)
    for stream in ("episodes", "validation", "test"):
        said, right = answers(task, network, Cases(3, stream))
        result = evaluate(task, [network], Cases(3, stream))[0]
        assert np.array_equal(said == right, result.case_scores > 0)
        assert (said == right).mean() == pytest.approx(result.score)


def test_a_batch_of_samples_is_what_is_judged() -> None:
    task = load_task("iris", {"batch": 20, "copies": 0})
    network = probe(task)
    whole = evaluate(load_task("iris", {"copies": 0}), [network], Cases(3, "episodes"))[0]
    for generation in (0, 1):
        some = evaluate(task, [network], Cases(3, "episodes", generation))[0]
        chosen = task.cases("train", 3, generation)
        assert some.case_scores.tolist() == whole.case_scores[chosen].tolist()
        assert len(answers(task, network, Cases(3, "episodes", generation))[0]) == 20
    assert len(evaluate(task, [network], Cases(3, "test"))[0].case_scores) == 30
