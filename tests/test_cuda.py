"""The simulator on a GPU: the conformance suite, and batches beside those of the lane simulator.

Without a GPU, one test runs this file again in a process of its own, in which numba simulates one. The variable that
asks for it is read when numba is imported, and must not reach the other tests.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conformance import SimulatorCases, SimulatorFactory, assert_same_output, race, relay
from strategies import STYLES, random_network, random_raster, random_trains

from evoneuro.errors import EvoNeuroError
from evoneuro.network import Network
from evoneuro.simulator import SIMULATORS, cuda, jit, lanes, runnable
from evoneuro.simulator.cuda import CudaSimulator
from evoneuro.simulator.jit import JitSimulator

INSTALLED = importlib.util.find_spec("numba_cuda") is not None
WHY = "no GPU: test_in_the_simulator_of_numba runs it" if INSTALLED else "numba-cuda is not installed (extra `cuda`)"
SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
needs_gpu = pytest.mark.skipif(not cuda.available(), reason=WHY)


@needs_gpu
class TestCudaSimulator(SimulatorCases):
    @pytest.fixture
    def simulator(self) -> SimulatorFactory:
        return SIMULATORS["cuda"]


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason=WHY)
@pytest.mark.skipif(SIMULATED or cuda.available(), reason="the tests run on the GPU, or in the simulator already")
def test_in_the_simulator_of_numba() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "", __file__]
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    root = Path(__file__).parents[1]
    result = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-1000:]
    assert " passed, 1 skipped" in result.stdout, "all but this one test run"


def batch(count: int, seed: int, outputs: tuple[int, ...] = (1, 2, 3)) -> list[Network]:
    """Networks with two inputs and one of these numbers of outputs, one of each style in turn."""
    found: list[Network] = []
    while len(found) < count:
        seed += 1
        network = random_network(seed, list(STYLES)[seed % len(STYLES)])
        if len(network.inputs) == 2 and len(network.outputs) in outputs:
            found.append(network)
    return found


def sparse_trains(rng: np.random.Generator, words: int, total: int) -> np.ndarray:
    """Random trains uint32 (words, 2, total), a quarter of the bits set."""
    first, second = rng.integers(0, 2**32, (2, words, 2, total), dtype=np.uint32)
    return first & second


@needs_gpu
def test_the_registry_gives_the_gpu() -> None:
    simulator = SIMULATORS["cuda"](random_network(0, "plain"))
    assert type(simulator) is CudaSimulator
    assert simulator.name == "cuda"
    assert "cuda" in runnable()


@needs_gpu
@pytest.mark.parametrize("seed", range(3))
def test_a_batch_decides_as_on_the_lane_simulator_while_lanes_go(seed: int) -> None:
    racing = [relay(decoder=race(evidence=2), window=40), relay((3, 32), decoder=race(lead=2), window=40)]
    networks, width, rng = [*racing, *batch(4, 100 * seed, (2,))], (11, 20, 40)[seed], np.random.default_rng(seed)
    ours, theirs = (kind(networks, width, record=True) for kind in (CudaSimulator, JitSimulator))
    for decision in range(6):
        total = int(theirs.live.sum())
        feed = sparse_trains(rng, decision % 3, total)  # the trains may change their length, and be silent
        if decision % 3 == 2:
            feed = rng.integers(-1, 1, (15 * decision, 2, total), np.int32, endpoint=True)
        for got, expected in zip(ours.decide(feed), theirs.decide(feed), strict=True):
            assert got.dtype == expected.dtype
            assert np.array_equal(got, expected), decision
        assert np.array_equal(ours.spikes, theirs.spikes), decision
        assert_same_output(ours.output, theirs.output, f"decision {decision}")
        if decision == 3:
            ours.forget()
            theirs.forget()
        keep = rng.random(total) < 0.7
        keep[: theirs.live[0]] &= decision < 2  # the first network's lanes all go
        ours.repack(keep)
        theirs.repack(keep)
        assert np.array_equal(ours.live, theirs.live)
    assert not ours.live[0]
    assert ours.live.any()


@needs_gpu
def test_what_a_cleared_simulator_decides_is_what_a_new_one_does() -> None:
    networks, rng = batch(3, 31), np.random.default_rng(0)
    simulator, trains = CudaSimulator(networks, 9), sparse_trains(rng, 2, 27)
    first, spikes = simulator.decide(trains), simulator.spikes
    simulator.repack(np.arange(27) % 3 == 0)
    simulator.decide(sparse_trains(rng, 1, 9))
    simulator.clear()
    assert simulator.live.tolist() == [9, 9, 9]
    assert not simulator.spikes.any()
    for got, expected in zip(simulator.decide(trains), first, strict=True):
        assert np.array_equal(got, expected)
    assert np.array_equal(simulator.spikes, spikes)


@needs_gpu
def test_nobody_is_left() -> None:
    simulator = CudaSimulator(batch(2, 5), 2)
    simulator.decide(np.zeros((1, 2, 4), np.uint32))
    simulator.repack(np.zeros(4, bool))
    assert simulator.live.tolist() == [0, 0]
    choice, latency = simulator.decide(np.zeros((1, 2, 0), np.uint32))
    assert len(choice) == len(latency) == 0


@needs_gpu
@pytest.mark.parametrize("width", [1, 5, 150])  # with few residents, 150 are more lanes than columns
def test_shared_trains_decide_as_on_the_lane_simulator(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "RESIDENT", 1)
    networks = [relay(decoder=race(evidence=2), window=40), *batch(3, 50, (1, 3))]
    alike, rng = [networks[0], *batch(2, 50, (2,))], np.random.default_rng(width)
    for feed in (sparse_trains(rng, 2, width), rng.integers(-1, 1, (30, 2, width), np.int32, endpoint=True)):
        for record, chosen in ((False, networks), (True, alike), (True, alike[:1])):
            ours, theirs = (module.decide_shared(chosen, feed, record) for module in (cuda, jit))
            for got, expected in zip(ours[:3], theirs[:3], strict=True):
                assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
                assert np.array_equal(got, expected)
            assert len(ours.output) == (len(chosen) if record else 0)
            for mine, yours in zip(ours.output, theirs.output, strict=True):
                assert_same_output(mine, yours, f"{width} lanes")


@needs_gpu
def test_no_lane_and_no_network() -> None:
    choice, latency, spikes, _ = cuda.decide_shared(batch(2, 0), np.zeros((1, 2, 0), np.uint32))
    assert choice.shape == latency.shape == (2, 0)
    assert not spikes.any()
    assert cuda.decide_shared([], np.zeros((1, 2, 3), np.uint32))[0].shape == (0, 3)


@needs_gpu
def test_no_lane_is_recorded() -> None:
    networks = batch(2, 5, (2,))
    simulator = CudaSimulator(networks, 2, record=True)
    simulator.repack(np.zeros(4, bool))
    simulator.decide(np.zeros((1, 2, 0), np.int32))
    words = max(
        len(output.trains) for output in cuda.decide_shared(networks, np.zeros((0, 2, 0), np.int32), True).output
    )
    assert simulator.output.trains.shape == (words, 2, 0)
    assert simulator.output.potentials.shape == (2, 0)
    assert cuda.decide_shared([], np.zeros((1, 2, 3), np.int32), record=True).output == ()


@needs_gpu
def test_spikes_are_counted_over_lanes() -> None:
    network = random_network(5, "plain")
    simulator = CudaSimulator([network], 40)
    spikes = simulator.run(random_raster(5, network, 10, 40))
    assert np.array_equal(simulator.spikes, spikes.sum(axis=(0, 1), dtype=np.int64))


@needs_gpu
def test_what_does_not_fit_is_refused() -> None:
    two = batch(1, 0)[0]
    one = next(n for n in (random_network(s, "plain") for s in range(99)) if len(n.inputs) == 1)
    with pytest.raises(EvoNeuroError, match="equally many inputs"):
        CudaSimulator([one, two], 2)
    with pytest.raises(EvoNeuroError, match=r"trains: expected shape"):
        cuda.decide_shared([one], random_trains(0, two, 3))


# The choice of a simulator


@needs_gpu
def test_the_gpu_is_taken_where_there_is_one() -> None:
    assert lanes.fastest.__wrapped__() == "cuda"
    assert lanes.lane_simulator([relay()]).name == lanes.chosen()


@pytest.mark.parametrize(
    ("spec", "message"), [(None, "numba-cuda is not installed; pip install"), (object(), "finds no NVIDIA GPU")]
)
def test_what_is_missing_is_said(spec: object, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "available", lambda: False)
    monkeypatch.setattr(cuda, "find_spec", lambda name: spec)
    with pytest.raises(EvoNeuroError, match=message) as error:
        SIMULATORS["cuda"](relay())
    assert "pip install 'evoneuro[cuda]'" in str(error.value)
    with pytest.raises(EvoNeuroError, match=message):
        cuda.decide_shared([relay()], np.zeros((1, 2, 3), np.uint32))


def test_without_numba_cuda_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "find_spec", lambda name: None)
    assert not cuda.available()


def test_numba_cuda_is_imported_only_when_it_is_asked_for() -> None:
    code = "import sys, evoneuro, evoneuro.simulator.cuda; sys.exit('numba.cuda' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1]).returncode == 0
