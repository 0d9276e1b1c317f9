"""Two poles on a cart: physics against the published equations one number at a time, energy, and the 625 starts."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from evoneuro_tasks.double_pole import ANGLE_LIMIT, GRID, RANGES, DoublePole, DoublePoleNoVelocity, advance

from evoneuro import ControlTask, Network
from evoneuro.check import probe
from evoneuro.cli import main
from evoneuro.errors import EvoNeuroError, PluginError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.keys import Keys, lane_keys

Floats = npt.NDArray[np.float64]
PUBLISHED = {"cart": 1.0, "poles": [(0.1, 0.5), (0.01, 0.05)], "track": 0.0005, "hinge": 0.000002, "gravity": -9.8}


def plain_slopes(state: list[float], force: float, track: float, hinge: float) -> list[float]:
    """Wieland's equations as Gomez & Miikkulainen (1999) print them, pole by pole."""
    g = PUBLISHED["gravity"]
    speed = state[1]
    effective_force, effective_mass = 0.0, 0.0
    for (m, half), theta, turn in zip(PUBLISHED["poles"], state[2::2], state[3::2], strict=True):
        effective_force += m * half * turn**2 * math.sin(theta) + 3 / 4 * m * math.cos(theta) * (
            hinge * turn / (m * half) + g * math.sin(theta)
        )
        effective_mass += m * (1 - 3 / 4 * math.cos(theta) ** 2)
    sign = (speed > 0) - (speed < 0)
    ddx = (force - track * sign + effective_force) / (PUBLISHED["cart"] + effective_mass)
    found = [speed, ddx]
    for (m, half), theta, turn in zip(PUBLISHED["poles"], state[2::2], state[3::2], strict=True):
        found += [
            turn,
            -3 / (4 * half) * (ddx * math.cos(theta) + g * math.sin(theta) + hinge * turn / (m * half)),
        ]
    return found


def plain_step(state: list[float], force: float, track: float = 0.0005, hinge: float = 0.000002) -> list[float]:
    """0.02 s by two Runge-Kutta steps of 0.01 s."""
    h = 0.01
    for _ in range(2):
        k1 = plain_slopes(state, force, track, hinge)
        k2 = plain_slopes([s + h / 2 * k for s, k in zip(state, k1, strict=True)], force, track, hinge)
        k3 = plain_slopes([s + h / 2 * k for s, k in zip(state, k2, strict=True)], force, track, hinge)
        k4 = plain_slopes([s + h * k for s, k in zip(state, k3, strict=True)], force, track, hinge)
        state = [s + h / 6 * (a + 2 * b + 2 * c + d) for s, a, b, c, d in zip(state, k1, k2, k3, k4, strict=True)]
    return state


def energy(state: Floats) -> Floats:
    """Joule of cart and poles, uniform rods that turn about their hinges; up is angle 0. State (lanes, 6)."""
    speed = state[:, 1]
    total: Floats = 0.5 * speed**2
    for (m, half), theta, turn in zip(PUBLISHED["poles"], state.T[2::2], state.T[3::2], strict=True):
        across, down = speed + half * turn * np.cos(theta), half * turn * np.sin(theta)  # of the pole's centre
        inertia = m * (2 * half) ** 2 / 12
        total = total + 0.5 * m * (across**2 + down**2) + 0.5 * inertia * turn**2 + m * 9.8 * half * np.cos(theta)
    return total


@pytest.mark.parametrize("seed", range(5))
def test_physics_equal_the_published_equations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = rng.uniform(-1, 1, (3, 6)) * [2, 1, 0.5, 1, 0.5, 3]
    plain = state[1].tolist()
    for _ in range(50):  # beyond the limits, too; poles fall, and rounding grows with them
        force = rng.uniform(-10, 10, 3)
        state = advance(state, force)
        plain = plain_step(plain, float(force[1]))
        assert state[1] == pytest.approx(plain, rel=1e-9, abs=1e-9)


def test_energy_is_conserved_without_friction_and_force() -> None:
    state = np.random.default_rng(0).uniform(-1, 1, (20, 6)) * [2, 1, 0.5, 1, 0.5, 1]
    before = energy(state)
    for _ in range(50):
        state = advance(state, np.zeros(20), 0.0, 0.0)
    # the error of the method: the short pole falls within 0.1 s, and a step is a tenth of that
    assert energy(state) == pytest.approx(before, rel=2e-3)
    assert np.abs(state[:, 2:]).max() > 1
    halting = np.array([[0, 1.0, 0, 0, 0, 0]])
    assert energy(advance(halting, np.zeros(1), 10.0, 0.0)) < energy(halting)
    turning = np.array([[0, 0.0, 0, 1.0, 0, 1.0]])
    assert energy(advance(turning, np.zeros(1), 0.0, 1e-4)) < energy(turning)


def test_a_force_does_its_work() -> None:
    state = np.array([[0.0, 0.5, 0.02, 0.1, -0.02, 0.2]])
    after = advance(state, np.array([3.0]), 0.0, 0.0)
    assert energy(after) - energy(state) == pytest.approx(3.0 * (after[:, 0] - state[:, 0]), rel=1e-4)


@pytest.mark.parametrize("lanes", [1, 2, 7, 8, 9, 33])
def test_a_lane_is_blind_to_the_others(lanes: int) -> None:
    task = DoublePoleNoVelocity()
    state = task.reset(lane_keys(lanes, "episodes", lanes))[0]
    action = np.linspace(-10, 10, lanes)[:, None]
    alone = [state[k : k + 1] for k in range(lanes)]
    for _ in range(20):
        state, seen, _, fallen, _ = task.step(state, action)
        own = [task.step(one, action[k : k + 1]) for k, one in enumerate(alone)]
        alone = [result[0] for result in own]
        assert np.array_equal(state, np.concatenate(alone))
        assert np.array_equal(seen, np.concatenate([result[1] for result in own]))
        assert np.array_equal(fallen, np.concatenate([result[3] for result in own]))


def test_an_episode_is_over_beyond_the_track_or_36_degrees() -> None:
    task = DoublePole()
    limits = [(2.399, 0, 0), (2.41, 0, 0), (-2.41, 0, 0), (0, ANGLE_LIMIT + 0.01, 0), (0, 0, -ANGLE_LIMIT - 0.01)]
    state = np.zeros((5, 6))
    state[:, [0, 2, 4]] = limits
    _, _, reward, fallen, truncated = task.step(state, np.zeros((5, 1)))
    assert fallen.tolist() == [False, True, True, True, True]
    assert reward.tolist() == [1.0] * 5
    assert not truncated.any()


# Networks


def proportional(task: ControlTask, weights: tuple[int, ...], threshold: int) -> Network:
    """A network whose force is a weighted sum of its observations: each pair of inputs drives both outputs."""
    count = len(weights)
    up, down = 2 * count, 2 * count + 1
    wires = [
        (2 * value + above, output, weight * (1 if above else -1) * (1 if output == up else -1), 1)
        for value, weight in enumerate(weights)
        for above in (0, 1)
        for output in (up, down)
    ]
    pre, post, weight, delay = np.array(wires).T
    encoder, decoder = task.coding(0)
    return Network(
        ids=np.arange(2 * count + 2), threshold=np.array([1] * 2 * count + [threshold] * 2),
        leak=np.full(2 * count + 2, -1), refractory=np.zeros(2 * count + 2, int), pre=pre, post=post, weight=weight,
        delay=delay, inputs=np.arange(2 * count), outputs=np.array([up, down]), window=task.window, encoder=encoder,
        decoder=decoder, reset="subtract", v_min=-127, v_max=2**20,
    )  # fmt: skip


def test_a_proportional_network_balances_most_starts() -> None:
    # weights: of the best linear controller of a short search, in which the numbers of the encoder's spikes count
    task = DoublePole(starts="grid", max_steps=400)
    network = proportional(task, (-3, -7, -21, -25, 21, 26), 20)
    scores = evaluate(task, [network], Cases(0, "test", count=625))[0].case_scores
    assert task.summary(scores)["balanced"] > 400
    backward = proportional(task, (3, 7, 21, 25, -21, -26), 20)
    assert evaluate(task, [backward], Cases(0, "test", count=625))[0].score < 40


# Starts


def test_the_grid_has_625_different_starts_within_the_published_ranges() -> None:
    assert GRID.shape == (625, 4)
    assert len(np.unique(GRID, axis=0)) == 625
    assert sorted({round(x, 9) for x in GRID[:, 0]}) == pytest.approx([-1.944, -1.08, 0, 1.08, 1.944])
    assert sorted({round(x, 9) for x in GRID[:, 1]}) == pytest.approx([-1.215, -0.675, 0, 0.675, 1.215])
    assert np.rad2deg(GRID[:, 2:]).max(axis=0) == pytest.approx([3.24, 7.74])


def test_625_episodes_on_the_grid_are_every_start_once() -> None:
    task = DoublePole(starts="grid")
    state, _ = task.reset(task.episode_keys(5, "test", 625))
    assert np.array_equal(np.unique(state[:, :4], axis=0), np.unique(GRID, axis=0))
    assert not state[:, 4:].any()
    assert np.array_equal(task.reset(task.episode_keys(6, "episodes", 626, 3))[0][[0, 624, 625]], state[[0, 624, 0]])


def test_random_starts_fill_the_ranges_and_leaning_ones_are_all_alike() -> None:
    keys = lane_keys(3, "episodes", 400)
    state, seen = DoublePoleNoVelocity().reset(keys)
    assert (np.abs(state[:, :4]) <= RANGES).all()
    assert (np.abs(state[:, :4]).max(axis=0) > 0.95 * RANGES).all()
    assert not state[:, 4:].any()
    assert np.array_equal(seen, state[:, [0, 2, 4]])
    assert np.array_equal(DoublePole().reset(keys[::-1])[0], state[::-1])
    leaning, _ = DoublePole(starts="lean").reset(keys)
    assert np.array_equal(leaning, np.tile([0, 0, 0.07, 0, 0, 0], (400, 1)))


def test_unknown_starts_are_refused() -> None:
    with pytest.raises(EvoNeuroError, match=r"task\.starts.*'wide'"):
        DoublePole(starts="wide").reset(lane_keys(0, "episodes", 1))


def test_evaluate_counts_the_starts_that_are_balanced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = DoublePole(starts="grid", max_steps=12)
    network = probe(task)
    result = evaluate(task, [network], Cases(0, "test", count=625))[0]
    again = evaluate(task, [network], Cases(9, "test", count=625))[0]
    assert np.array_equal(result.case_scores, again.case_scores)  # whatever the seed
    network.save(tmp_path / "net.json")
    sets = ["--set", "task.starts=grid", "--set", "task.max_steps=12", "--episodes", "625", "--json"]
    assert main(["evaluate", str(tmp_path / "net.json"), "--task", task_path(), *sets]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["episodes"] == 625
    assert document["balanced"] == (result.case_scores == 12).sum()
    assert 0 < document["balanced"] < 625


def task_path() -> str:
    return f"{Path(__file__).resolve().parents[1] / 'tasks' / 'double_pole.py'}:DoublePole"


def test_keys_of_a_wrong_shape_or_type_are_refused() -> None:
    class Signed(DoublePole):
        def episode_keys(self, seed: int, stream: str, count: int, generation: int = 0) -> Keys:
            return np.arange(count)  # type: ignore[return-value]

    task = Signed()
    with pytest.raises(PluginError, match=r"'signed': episode_keys\(\) must return uint64 \[3\]"):
        evaluate(task, [probe(task)], Cases(0, "test", count=3))


def test_episodes_are_keyed_as_ever_unless_a_task_lists_them() -> None:
    assert np.array_equal(ControlTask().episode_keys(3, "episodes", 5, 2), lane_keys(3, "episodes", 5, 2))
    assert ControlTask().summary(np.ones(3)) == {}
