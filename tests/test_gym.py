"""Gymnasium's spaces as arrays: every kind of action and observation, frame skips, shaping, options, refusals."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from echo import Echo, registered
from gymnasium.spaces import Box, Dict, Discrete, Graph, MultiBinary, MultiDiscrete, OneOf, Sequence, Space, Text, Tuple
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro import ControlTask, EvoNeuroError
from evoneuro.coding import decoder_from_spec, encoder_from_spec
from evoneuro.errors import PluginError
from evoneuro.keys import lane_keys
from evoneuro.network import NO_LEAK, Network
from evoneuro.report.watch import Recording, watch
from evoneuro.scene import Image

UNIT = Box(-1.0, 1.0, (2,))


class Named(ControlTask):
    """The environment is given as a parameter."""


# Actions

ACTIONS: dict[str, tuple[Space[Any], dict[str, Any], int, Any, list[Any]]] = {
    # space, decoder, outputs, what the decoder says of two lanes, what the environments get
    "discrete": (Discrete(3, start=4), {"kind": "race", "evidence": 1, "lead": 0}, 3, [2, 0], [6, 4]),
    "multi-discrete": (
        MultiDiscrete([2, 3]), {"kind": "multi-count", "sizes": [2, 3]}, 5, [[1, 2], [0, 1]], [[1, 2], [0, 1]],
    ),
    "multi-discrete from a start": (
        MultiDiscrete([2, 3], start=[5, 7]), {"kind": "multi-count", "sizes": [2, 3]}, 5,
        [[1, 2], [0, 1]], [[6, 9], [5, 8]],
    ),
    "multi-discrete of two axes": (
        MultiDiscrete([[2, 3], [4, 5]]), {"kind": "multi-count", "sizes": [2, 3, 4, 5]}, 14,
        [[1, 2, 3, 4], [0, 0, 0, 0]], [[[1, 2], [3, 4]], [[0, 0], [0, 0]]],
    ),
    "multi-binary": (
        MultiBinary(3), {"kind": "multi-count", "sizes": [2, 2, 2]}, 6, [[1, 0, 1], [0, 0, 1]], [[1, 0, 1], [0, 0, 1]]
    ),
    "box": (
        Box(np.array([-2, 0], np.float32), np.array([2, 8], np.float32)),
        {"kind": "pair", "low": [-2.0, 0.0], "high": [2.0, 8.0], "max_spikes": 8}, 4,
        [[-2.0, 8.0], [0.5, 1.25]], [[-2.0, 8.0], [0.5, 1.25]],
    ),
    "box, beyond its bounds": (
        Box(0, 1, (1,)), {"kind": "pair", "low": [0.0], "high": [1.0], "max_spikes": 8}, 2, [[1.5], [-9.0]], [[1], [0]],
    ),
    "box of two axes": (
        Box(-1, 1, (1, 2)), {"kind": "pair", "low": [-1.0, -1.0], "high": [1.0, 1.0], "max_spikes": 8}, 4,
        [[0.5, -0.5], [0, 1]], [[[0.5, -0.5]], [[0, 1]]],
    ),
    "box of integers": (
        Box(0, 9, (1,), np.int64), {"kind": "pair", "low": [0.0], "high": [9.0], "max_spikes": 8}, 2,
        [[3.6], [0.2]], [[4], [0]],
    ),
    "a box that is one number": (
        Box(0, 1, ()), {"kind": "pair", "low": [0.0], "high": [1.0], "max_spikes": 8}, 2, [[0.5], [1.0]], [0.5, 1.0],
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*Casting input x")
@pytest.mark.parametrize("case", ACTIONS)
def test_the_environment_gets_its_own_kind_of_action(case: str) -> None:
    space, decoder, outputs, said, expected = ACTIONS[case]
    with registered(observation=UNIT, action=space) as name:
        task = Named(environment=name)
        assert task.coding(0)[1] == decoder
        assert task.outputs == outputs
        state, _ = task.reset(lane_keys(0, "episodes", 2))
        task.step(state, np.array(said))
        assert [np.asarray(action).tolist() for action in Echo.got] == expected
        if not isinstance(space, Discrete):
            assert all(action.dtype == space.dtype for action in Echo.got)


@pytest.mark.parametrize(
    ("space", "decoder", "outputs"),
    [
        (Discrete(3), {"kind": "population", "members": 4}, 12),
        (Discrete(3), {"kind": "count"}, 3),
        (MultiDiscrete([2, 3]), {"kind": "multi-count", "sizes": [2, 3]}, 5),
        (UNIT, {"kind": "bins", "members": 7}, 14),
        (UNIT, {"kind": "rate", "low": [0, 0]}, 2),
    ],
)
def test_a_task_may_choose_its_decoder(space: Any, decoder: dict[str, Any], outputs: int) -> None:
    with registered(observation=UNIT, action=space) as name:
        task = Named(environment=name, decoder=decoder)
        spec = task.coding(0)[1]
        assert {key: spec[key] for key in decoder} == decoder
        assert task.outputs == outputs


@pytest.mark.parametrize(
    ("space", "decoder", "message"),
    [
        (Discrete(3), {"kind": "rate"}, "are 3, of which one is taken; decoder 'rate' gives 1 value; set one that"),
        (Discrete(3), {"kind": "multi-count"}, "'multi-count' gives choices of 2 and 2; set one that chooses"),
        (
            MultiDiscrete([2, 3]),
            {"kind": "count"},
            "are choices of 2 and 3; decoder 'count' gives one choice; use 'mul",
        ),
        (MultiDiscrete([2, 3]), {"kind": "rate"}, "gives 1 value; use 'multi-count'"),
        (MultiDiscrete([2, 3]), {"kind": "multi-count", "sizes": [3, 2]}, "the decoder gives choices of 3 and 2"),
        (
            UNIT,
            {"kind": "race", "evidence": 1},
            "are 2 values; decoder 'race' gives one choice; use one that gives val",
        ),
        (UNIT, {"kind": "multi-count"}, "gives choices of 2 and 2; use one that gives values"),
        (UNIT, {"kind": "rate", "low": [0], "high": [1]}, "are 2 values; the decoder gives 1 value"),
        (UNIT, {"kind": "rate", "low": [0]}, "low has 1 values, high has 2"),
        (UNIT, {"kind": "rate", "max_spike": 1}, "unknown parameter 'max_spike'. Did you mean 'max_spikes'"),
        (Tuple([Discrete(2)]), None, r"are Tuple\(Discrete\(2\)\); set actions, a list"),
        (Dict(a=Discrete(2)), None, "set actions, a list with the environment's action for each output"),
    ],
)
def test_a_decoder_that_does_not_give_what_actions_are_made_of(space: Any, decoder: Any, message: str) -> None:
    with registered(observation=UNIT, action=space) as name:
        task = Named(environment=name, **({} if decoder is None else {"decoder": decoder}))
        for call in (lambda: task.outputs, lambda: task.coding(0)):
            with pytest.raises(EvoNeuroError, match=message):
                call()


@pytest.mark.parametrize(
    ("space", "actions", "expected"),
    [
        (UNIT, [[0, 0], [-1, 0.5]], [[-1.0, 0.5], [0.0, 0.0]]),
        (MultiDiscrete([3, 3]), [[0, 0], [2, 1]], [[2, 1], [0, 0]]),
        (MultiBinary(2), [[0, 0], [1, 1]], [[1, 1], [0, 0]]),
        (Discrete(9), [8, 3], [3, 8]),
        (Tuple([Discrete(2), Discrete(3)]), [(0, 0), (1, 2)], [[1, 2], [0, 0]]),
    ],
)
def test_a_list_of_actions_makes_choices_of_any_space(space: Any, actions: Any, expected: Any) -> None:
    with registered(observation=UNIT, action=space) as name:
        task = Named(environment=name, actions=actions)
        assert task.outputs == 2
        assert task.coding(0)[1]["kind"] == "race"
        state, _ = task.reset(lane_keys(0, "episodes", 2))
        task.step(state, np.array([1, 0]))
        assert [np.asarray(action).tolist() for action in Echo.got] == expected


def test_a_list_of_actions_of_the_wrong_shape() -> None:
    with (
        registered(observation=UNIT, action=UNIT) as name,
        pytest.raises(EvoNeuroError, match="expected actions of Bo"),
    ):
        Named(environment=name, actions=[[0.0], [1.0]], low=[-1, -1], high=[1, 1]).step(np.arange(1), np.array([0]))


def test_actions_without_bounds_need_them() -> None:
    space = Box(np.array([-np.inf, 0], np.float32), np.array([np.inf, 1], np.float32))
    with registered(observation=UNIT, action=space) as name:
        with pytest.raises(
            EvoNeuroError, match=r"have no bounds \(low \[-inf, 0.0\], .*set action_low and action_high"
        ):
            Named(environment=name).coding(0)
        spec = Named(environment=name, action_low=[-3, 0], action_high=[3, 1]).coding(0)[1]
        assert (spec["low"], spec["high"]) == ([-3.0, 0.0], [3.0, 1.0])
        assert Named(environment=name, action_low=-1, action_high=2).coding(0)[1]["high"] == [2.0, 2.0]
        stated = {"kind": "rate", "low": [0, 0], "high": [5, 5]}
        assert Named(environment=name, decoder=stated, action_high=9).coding(0)[1]["high"] == [5.0, 5.0]
        for wrong in ([1, 2, 3], "high"):
            with pytest.raises(EvoNeuroError, match="action_high: expected 2 numbers, or one for all"):
                Named(environment=name, action_low=0, action_high=wrong).coding(0)
        with pytest.raises(EvoNeuroError, match="value 0: expected finite low < high"):
            Named(environment=name, action_low=1, action_high=1).coding(0)


# Observations

OBSERVATIONS: dict[str, Space[Any]] = {
    "box": Box(-1, 1, (3,)),
    "image": Box(0, 255, (4, 5, 3), np.uint8),
    "one number": Box(0, 1, ()),
    "discrete": Discrete(5, start=-2),
    "multi-binary": MultiBinary((2, 3)),
    "multi-discrete": MultiDiscrete([[2, 3], [4, 1]], start=[[1, 0], [0, 9]]),
    "tuple": Tuple([Discrete(3), Box(0, 2, (2, 2), np.float64), MultiBinary(2)]),
    "dict": Dict(speed=Box(-5, 5, (2,), np.float64), gear=Discrete(4), inner=Dict(b=MultiBinary(1), a=Box(0, 9, (1,)))),
}


@pytest.mark.parametrize("kind", OBSERVATIONS)
def test_observations_are_flattened_as_gymnasium_does(kind: str) -> None:
    space = OBSERVATIONS[kind]
    with registered(observation=space, action=Discrete(2)) as name:
        task, keys = Named(environment=name), lane_keys(2, "episodes", 3)
        envs = [gymnasium.make(name) for _ in keys]
        expected = [env.reset(seed=int(key % 2**31))[0] for env, key in zip(envs, keys, strict=True)]
        state, seen = task.reset(keys)
        after = task.step(state, np.array([0, 1, 0]))[1]
        later = [env.step(0)[0] for env in envs]
        for found, wanted in ((seen, expected), (after, later)):
            assert found.dtype == np.float64
            assert found.tolist() == [gymnasium.spaces.flatten(space, one).astype(float).tolist() for one in wanted]
        flat = gymnasium.spaces.flatten_space(space)
        spec = task.coding(0)[0]
        assert spec["low"] == flat.low.tolist()
        # a value that is always the same has no range
        assert spec["high"] == np.where(flat.high > flat.low, flat.high, flat.low + 1).tolist()


def test_flags_are_encoded_by_count_unless_the_task_says_otherwise() -> None:
    space = Tuple([Discrete(3), MultiBinary(2)])
    with registered(observation=space, action=Discrete(2)) as name:
        assert Named(environment=name).coding(0)[0]["kind"] == "count"
        assert Named(environment=name).inputs(0) == 5
        assert Named(environment=name, encoder={"kind": "flip-flop"}).coding(0)[0]["kind"] == "flip-flop"
    with registered(observation=Tuple([Discrete(3), UNIT]), action=Discrete(2)) as name:
        assert Named(environment=name).coding(0)[0]["kind"] == "flip-flop"


def test_columns_of_parts_can_be_selected() -> None:
    with registered(observation=Dict(b=Discrete(2), a=Box(-3, 3, (2,))), action=Discrete(2)) as name:
        task = Named(environment=name, observations=[1, 3])
        assert task.coding(0)[0]["low"] == [0.0, -3.0]
        whole = Named(environment=name).reset(lane_keys(0, "episodes", 4))[1]
        assert task.reset(lane_keys(0, "episodes", 4))[1].tolist() == whole[:, [1, 3]].tolist()


@pytest.mark.parametrize(
    "space",
    [Text(4), Sequence(Discrete(2)), Graph(UNIT, None), OneOf([Discrete(2), UNIT]), Dict(a=UNIT, b=Text(4))],
    ids=["text", "sequence", "graph", "one of", "dict with text"],
)
def test_observations_that_are_no_rows_of_numbers(space: Any) -> None:
    with (
        registered(observation=space, action=Discrete(2)) as name,
        pytest.raises(EvoNeuroError, match=r"is no row of numbers; known are Box, .* register the environment"),
    ):
        Named(environment=name).coding(0)


class Liar(Echo):
    """What it observes is not in its space."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return {"box": np.zeros(3), "discrete": 3, "below": -1}[self.what], {}

    what = ""


@pytest.mark.parametrize(
    ("what", "space", "message"),
    [
        ("box", UNIT, r"has 3 values; its space, Box\(.*\), has 2"),
        ("discrete", Discrete(3), r"the observation of lane 0 is not in Discrete\(3\)"),
        ("below", Discrete(3), r"the observation of lane 0 is not in Discrete\(3\)"),
    ],
)
def test_observations_that_are_not_in_their_space(
    what: str, space: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Liar, "what", what)
    with registered(Liar, observation=space, action=Discrete(2)) as name, pytest.raises(PluginError, match=message):
        Named(environment=name).reset(lane_keys(0, "episodes", 2))


# Frames, shaping, options


@pytest.mark.parametrize("frames", [2, 4, 9])
def test_a_decision_can_last_for_several_frames(frames: int) -> None:
    with registered(observation=UNIT, action=Discrete(3)) as name:
        keys, said = lane_keys(1, "episodes", 4), [0, 1, 2, 2]
        task = Named(environment=name, frame_skip=frames)
        state, _ = task.reset(keys)
        _, seen, reward, terminated, truncated = task.step(state, np.array(said))
        for lane, key in enumerate(keys):
            env, total, over = gymnasium.make(name), 0.0, False
            env.reset(seed=int(key % 2**31))
            for _ in range(frames):
                expected, gained, over, _, _ = env.step(said[lane])
                total += gained
                if over:
                    break
            assert (seen[lane].tolist(), reward[lane], terminated[lane]) == (expected.tolist(), total, over)
        assert not truncated.any()
        assert frames != 9 or terminated.all()


def test_limits_count_decisions() -> None:
    class Skipping(ControlTask):
        environment = "CartPole-v1"
        actions = (0,)

    assert Skipping(frame_skip=3).step_limit == 167  # of 500 frames
    task = Skipping(frame_skip=3, max_steps=2)
    assert task.step_limit == 2
    state, _ = task.reset(lane_keys(0, "episodes", 1))
    ends = [bool(task.step(state, np.array([0]))[4][0]) for _ in range(2)]
    assert ends == [False, True]
    for name, wrong in (("frame_skip", 0), ("max_steps", 0)):
        with pytest.raises(EvoNeuroError, match=f"task.{name}: expected 1 to"):
            Skipping(**{name: wrong}).coding(0)


class Shaped(Named):
    observations = (1,)
    what: str = "each"

    def reward(self, observation: Any, action: Any, reward: Any, terminated: Any) -> Any:
        assert observation.shape == (len(reward), 2)  # also what the network does not see
        assert terminated.dtype == bool
        return {
            "each": reward + 10 * action + observation[:, 0],
            "one": -1,
            "two": [1.0, 2.0],
            "columns": reward[:, None],
        }[self.what]


def test_rewards_can_be_shaped() -> None:
    with registered(observation=UNIT, action=Discrete(3)) as name:
        keys, said = lane_keys(0, "episodes", 3), np.array([0, 1, 2])
        plain, shaped = Named(environment=name), Shaped(environment=name)
        state, _ = plain.reset(keys)
        shaped.reset(keys)
        seen = plain.step(state, said)[1]
        found = shaped.step(state, said)
        assert found[1].tolist() == seen[:, [1]].tolist()
        assert found[2].tolist() == (said + 10 * said + seen[:, 0]).tolist()
        one = Shaped(environment=name, what="one")
        one.reset(keys)
        assert one.step(state, said)[2].tolist() == [-1, -1, -1]
        for what in ("two", "columns"):
            wrong = Shaped(environment=name, what=what)
            wrong.reset(keys)
            with pytest.raises(PluginError, match=r"reward\(\) gave an array of shape .*, expected \(3,\), one number"):
                wrong.step(state, said)


def test_options_reach_the_environment() -> None:
    with registered(observation=UNIT, action=Discrete(2)) as name:
        keys = lane_keys(0, "episodes", 2)
        task = Named(environment=name, options={"shift": 5.0})
        assert task.document(0)["parameters"]["options"] == {"shift": 5.0}
        state, _ = task.reset(keys)
        assert task.step(state, np.array([0, 1]))[2].tolist() == [5.0, 6.0]
        with pytest.raises(EvoNeuroError, match=r"cannot be made: .*unexpected keyword argument 'shft'"):
            Named(environment=name, options={"shft": 5.0}).coding(0)


# Episodes

EPISODES = {
    "discrete": (Discrete(3), UNIT),
    "groups": (MultiDiscrete([2, 3]), Dict(a=UNIT, b=Discrete(3))),
    "values": (Box(-1, 1, (2,)), Tuple([Discrete(2), Box(0, 1, (1,))])),
}


@pytest.mark.parametrize("kind", EPISODES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_an_episode_depends_on_its_own_key_alone(kind: str, data: st.DataObject) -> None:
    action, observation = EPISODES[kind]
    all_keys = lane_keys(7, "episodes", 6)
    chosen = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=8))
    frames = data.draw(st.integers(1, 3))
    with registered(observation=observation, action=action) as name:
        together = episodes(Named(environment=name, frame_skip=frames), all_keys[chosen])
        task = Named(environment=name, frame_skip=frames)  # one that has played before
        alone = [episodes(task, all_keys[k : k + 1])[0] for k in chosen]
    assert together == alone


def episodes(task: ControlTask, keys: Any) -> list[list[Any]]:
    """What each lane went through, lanes dropped as they end; the actions follow from what was observed."""
    decoder = decoder_from_spec(task.coding(0)[1])
    state, seen = task.reset(keys)
    lane = np.arange(len(keys))
    stories: list[list[Any]] = [[] for _ in keys]
    while len(lane):
        said: Any = (np.abs(seen[:, 0]) * 997).astype(int) % 2
        if decoder.kind == "multi-count":
            said = np.stack([said, 2 * said], axis=1)
        elif decoder.continuous:
            said = np.stack([seen[:, -1], -seen[:, -1]], axis=1)
        state, seen, reward, terminated, truncated = task.step(state, said)
        for k, row in enumerate(lane):
            stories[row].append((seen[k].tolist(), reward[k], bool(terminated[k])))
        kept = ~(terminated | truncated)
        state, seen, lane = state[kept], seen[kept], lane[kept]
    return stories


# Pictures


class Painter(Echo):
    """It draws how many steps it has made, as wide as it is told."""

    metadata = {"render_modes": ["rgb_array"]}

    def __init__(self, observation: Any, action: Any, render_mode: str | None = None, width: int = 640) -> None:
        super().__init__(observation, action)
        self.render_mode, self.width = render_mode, width

    def render(self) -> Any:
        return np.full((self.width // 2, self.width, 3), self.steps, np.uint8)


class Blind(Painter):
    """It says that it can draw, and cannot."""

    def render(self) -> Any:
        raise ImportError("pygame is not installed")


def watched(name: str, **options: Any) -> Recording:
    """An episode of a network that hears nothing, and so says the first action all the time."""
    task = Named(environment=name, options=options, observations=(0,))
    encoder, decoder = task.coding(0)
    neurons = encoder_from_spec(encoder).inputs + 3
    genes = {"threshold": [1] * neurons, "leak": [NO_LEAK] * neurons, "refractory": [0] * neurons}
    ends = {"inputs": range(neurons - 3), "outputs": range(neurons - 3, neurons)}
    nothing = {"pre": [], "post": [], "weight": [], "delay": []}
    network = Network(ids=range(neurons), **genes, **nothing, **ends, encoder=encoder, decoder=decoder)
    return watch(task, network)


def test_an_environment_that_draws_itself_is_seen_and_plays_the_same_episode() -> None:
    with registered(Painter, observation=UNIT, action=Discrete(3)) as name:
        recording = watched(name)
        for number, moment in enumerate(recording.moments):
            (image,) = moment.scene.shapes
            assert isinstance(image, Image)
            assert image.values.shape == (160, 320, 3)
            assert (np.asarray(image.values) == number).all()
        small = watched(name, width=31).moments[0].scene.shapes[0]
        assert isinstance(small, Image)
        assert small.values.shape == (15, 31, 3)
    with registered(observation=UNIT, action=Discrete(3)) as name:
        plain = watched(name)
        assert not isinstance(plain.moments[0].scene.shapes[0], Image)
    assert plain.score == recording.score
    assert len(plain.moments) == len(recording.moments) > 0


def test_an_environment_that_cannot_draw_itself_after_all_is_shown_by_its_values() -> None:
    with registered(Blind, observation=UNIT, action=Discrete(3)) as name:
        recording = watched(name)
    assert "could not draw itself (ImportError: pygame is not installed)" in recording.title
    assert not isinstance(recording.moments[0].scene.shapes[0], Image)
