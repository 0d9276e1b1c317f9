"""Watch one network on its task: every spike, every potential and what the task looked like, decision by decision.

The episode is played by `evaluate`, as any score is; what the task showed the network is then given to the reference
simulator, which keeps everything. The two must decide alike, and that is checked: they are the same integers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.classification import Labelled
from evoneuro.coding import Decoder, Encoder, decoder_from_spec, encoder_from_spec
from evoneuro.documents import one_line
from evoneuro.environments import ControlTask
from evoneuro.errors import EvoNeuroError
from evoneuro.evaluate import answers, evaluate
from evoneuro.evaluation import Cases
from evoneuro.network import Network
from evoneuro.networks import Networks
from evoneuro.neuron import Reference
from evoneuro.report.scenes import feed_scene, values_scene
from evoneuro.samples import SampleTask
from evoneuro.scene import Scene
from evoneuro.simulator.lanes import decide_shared, lane_simulator
from evoneuro.task import Task

DECISIONS = 80  # of an episode that are watched
SAMPLES = 12  # of a data set that are watched


@dataclass(frozen=True, eq=False)
class Moment:
    """One decision: what the task looked like, what was said, and what would have been right (None: nobody knows)."""

    scene: Scene
    said: str
    right: str | None = None


@dataclass(frozen=True, eq=False)
class Recording:
    """What a network did.

    Attributes:
        kind: "episode" (one decision after another) or "samples" (each from silence).
        moments: the decisions that were watched.
        starts: int64 [decisions + 1], the step at which each decision begins.
        spikes: uint8 (steps, neurons).
        potentials: int64 (steps, neurons), after each step.
        score: of the whole episode, or of all samples.
        latency: int64 [all decisions], steps of each, also of those beyond `moments`, which were not watched.
        title: what was watched, in a sentence.
    """

    kind: str
    moments: Sequence[Moment]
    starts: npt.NDArray[np.int64]
    spikes: npt.NDArray[np.uint8]
    potentials: npt.NDArray[np.int64]
    score: float
    latency: npt.NDArray[np.int64]
    title: str


class _Watched(Reference):
    """The reference simulator, which notes each step: spikes and potentials (lanes, neurons), and who was running."""

    def __init__(self, network: Network, lanes: int, record: bool) -> None:
        super().__init__(network, lanes, record)
        self.seen: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint8], npt.NDArray[np.int64]]] = []

    def step(self, charge: Any, running: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        spikes = super().step(charge, running)
        self.seen.append((running.copy(), spikes, self.v.copy()))
        return spikes

    def lane(self, lane: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """Spikes and potentials (steps, neurons) of a lane while it was running."""
        mine = [(spikes[lane], v[lane]) for running, spikes, v in self.seen if running[lane]]
        neurons = self.network.neurons
        spikes = np.array([s for s, _ in mine], np.uint8).reshape(-1, neurons)
        return spikes, np.array([v for _, v in mine], np.int64).reshape(-1, neurons)


def watch(task: Task, network: Network, *, seed: int = 0, limit: int | None = None) -> Recording:
    """The first test episode of `seed`, or some of the test samples.

    Args:
        seed: of the episode; of a data set, the seed that its split was made with.
        limit: most decisions that are watched (80), or samples (12).

    Raises:
        EvoNeuroError: a network that does not fit the task.
        PluginError: the task's code raised.
    """
    if isinstance(task, ControlTask):
        return _watch_episode(task, network, Cases(seed, "test", 0, 1), limit or DECISIONS)
    if isinstance(task, SampleTask):
        return _watch_samples(task, network, Cases(seed, "test"), limit or SAMPLES)
    raise EvoNeuroError(f"task {task.name!r}: expected a ControlTask, ClassificationTask, ...")


def _encoder(task: Task, network: Network, seed: int) -> Encoder | None:
    spec: Mapping[str, Any] | None = network.encoder if network.encoder is not None else task.coding(seed)[0]
    return None if spec is None else encoder_from_spec(spec)


# Control


@dataclass
class _Diary:
    """What a control task showed and was told, in one episode."""

    observations: list[npt.NDArray[np.float64]] = field(default_factory=list)
    scenes: list[Scene | None] = field(default_factory=list)
    actions: list[Any] = field(default_factory=list)
    undrawn: str = ""  # why its environment could not draw itself

    def _scene(self, task: ControlTask, state: Any, observation: Any) -> Scene | None:
        if type(task).scene is not ControlTask.scene:
            return task.scene(state, observation)
        if self.undrawn:
            return None
        try:
            return task.scene(state, observation)
        except Exception as error:  # what an environment draws with may be missing, or want a screen
            self.undrawn = one_line(error)
            return None

    @contextlib.contextmanager
    def of(self, task: ControlTask, limit: int) -> Iterator[None]:
        """Keep it while the body runs."""
        reset, step = task.reset, task.step

        def noted(state: Any, observation: Any) -> None:
            self.observations.append(np.array(observation, np.float64)[0])
            if len(self.scenes) < limit:
                self.scenes.append(self._scene(task, state, observation))

        def noted_reset(keys: Any) -> Any:
            found = reset(keys)
            noted(*found[:2])
            return found

        def noted_step(state: Any, action: Any) -> Any:
            self.actions.append(np.array(action)[0])
            found = step(state, action)
            noted(*found[:2])
            return found

        vars(task).update(reset=noted_reset, step=noted_step)
        try:
            yield
        finally:
            del vars(task)["reset"], vars(task)["step"]


def _watch_episode(task: ControlTask, network: Network, cases: Cases, limit: int) -> Recording:
    diary = _Diary()
    with task.drawn(), diary.of(task, limit):
        (evaluation,) = evaluate(task, [network], cases)
    watched = min(limit, len(diary.actions))
    encoder = _encoder(task, network, cases.seed)
    assert encoder is not None, "a control task's observations are numbers"
    decoder = _action_decoder(task, network)
    simulator = _Watched(network, 1, decoder.records)
    starts, moments = [0], []
    for number in range(watched):
        seen = diary.observations[number]
        feed = encoder.encode(encoder.quantise(seen[None]), network.window)
        choice, _ = simulator.decide(feed)
        said = np.maximum(decoder.read(simulator.output), 0) if decoder.records and not decoder.continuous else choice
        if decoder.continuous:
            said = decoder.read(simulator.output)
        if not np.array_equal(np.asarray(said)[0], diary.actions[number]):
            raise EvoNeuroError(
                f"decision {number}: the reference simulator says {said[0]}, the evaluation {diary.actions[number]}"
            )
        starts.append(sum(int(running[0]) for running, *_ in simulator.seen))
        if not task.keep_state:
            simulator.clear()
        scene = diary.scenes[number] or values_scene(seen, encoder.low, encoder.high)
        moments.append(Moment(scene, _action(task, diary.actions[number])))
    spikes, potentials = simulator.lane(0)
    count = len(diary.actions)
    title = f"test episode of seed {cases.seed}: {count:,} decisions" + (
        f", of which the first {watched} are shown" if watched < count else ""
    )
    if diary.undrawn:
        title += f"; its values are shown, because {task.environment} could not draw itself ({diary.undrawn})"
    latency = _latencies(task, network, encoder, diary.observations[:count])
    begins = np.array(starts, np.int64)
    return Recording("episode", moments, begins, spikes, potentials, evaluation.score, latency, title)


def _latencies(
    task: ControlTask, network: Network, encoder: Encoder, observations: Sequence[npt.NDArray[np.float64]]
) -> npt.NDArray[np.int64]:
    """Steps of every decision of an episode, by the fast simulator."""
    simulator = lane_simulator([network], 1, encoder, np.array([encoder.gain]))
    steps = []
    for seen in observations:
        _, latency = simulator.act(seen[None])
        steps.append(int(latency[0]))
        if not task.keep_state:
            simulator.forget()
    return np.array(steps, np.int64)


def _action_decoder(task: ControlTask, network: Network) -> Decoder:
    own = task.action_decoder
    return own if network.decoder is None and own.records else decoder_from_spec(network.decoder)


def _action(task: ControlTask, action: Any) -> str:
    """An action in a few characters: the entry of the task's list, else what the decoder said."""
    if np.ndim(action) == 0 and task.actions is not None:
        entry = task.actions[int(action)]
        return f"{entry:+g}" if isinstance(entry, int | float) else str(entry)
    return " ".join(f"{value:.2f}" if isinstance(value, float) else str(value) for value in np.ravel(action).tolist())


# Samples


def _watch_samples(task: SampleTask, network: Network, cases: Cases, limit: int) -> Recording:
    said, right = answers(task, network, cases)
    (evaluation,) = evaluate(task, [network], cases)
    chosen = _chosen(said, right, limit)
    encoder = _encoder(task, network, cases.seed)
    gain = int((network.encoder or {}).get("gain", 16))
    parts, latencies = [], []
    for part, feed in task.feeds("test", cases.seed, encoder, gain, network.window):
        here = chosen[(chosen >= part.start) & (chosen < part.stop)]
        parts.append(np.ascontiguousarray(feed[:, :, here - part.start]))
        latencies.append(decide_shared(Networks.of([network]), feed).latency[0])
    feed = np.concatenate(parts, axis=2)
    decoder = decoder_from_spec(network.decoder)
    simulator = _Watched(network, len(chosen), decoder.records)
    choice, _ = simulator.decide(feed)
    found = decoder.read(simulator.output) if decoder.records else choice
    if not np.array_equal(found, said[chosen]):
        raise EvoNeuroError(f"the reference simulator says {found}, the evaluation {said[chosen]}")
    lanes = [simulator.lane(lane) for lane in range(len(chosen))]
    starts = np.concatenate([[0], np.cumsum([len(spikes) for spikes, _ in lanes])])
    moments = []
    for lane, number in enumerate(chosen.tolist()):
        scene = task.scene("test", cases.seed, number) or feed_scene(
            task, cases.seed, number, encoder, feed[:, :, lane]
        )
        moments.append(Moment(scene, _answer(task, said[number]), _answer(task, right[number])))
    title = f"{len(chosen)} of the {len(said):,} test samples of seed {cases.seed}"
    return Recording(
        "samples",
        moments,
        starts.astype(np.int64),
        np.concatenate([spikes for spikes, _ in lanes]),
        np.concatenate([potentials for _, potentials in lanes]),
        evaluation.score,
        np.concatenate(latencies).astype(np.int64),
        title,
    )


def _chosen(said: npt.NDArray[Any], right: npt.NDArray[Any], limit: int) -> npt.NDArray[np.int64]:
    """Samples to look at: of classes, the first of each that was told right, and what was told wrong; else the first.

    A third at most are wrong ones, however many there are.
    """
    if said.ndim > 1:
        return np.arange(min(limit, len(said)))
    good = [int(np.flatnonzero((said == right) & (right == kind))[0]) for kind in np.unique(right[said == right])]
    wrong = np.flatnonzero(said != right)[: max(1, limit // 3)].tolist()
    more = [i for i in np.flatnonzero(said == right).tolist() if i not in good]
    kept = good[: limit - len(wrong)] + wrong
    return np.sort(np.array((kept + more)[: min(limit, len(said))], np.int64))


def _answer(task: SampleTask, value: Any) -> str:
    if isinstance(task, Labelled):
        return task.classes[int(value)] if int(value) >= 0 else "none"
    return " ".join(f"{number:.3g}" for number in np.ravel(value).tolist())
