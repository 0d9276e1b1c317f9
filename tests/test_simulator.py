"""The lane simulator: the conformance suite, 1,000 random networks, recorded rasters, and batches."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from conformance import SimulatorCases, SimulatorFactory, race, relay
from golden_data import golden_files, needs_golden
from strategies import STYLES, random_network, random_raster, random_trains

from evoneuro.coding import ENCODERS, Encoder, encoder_from_spec
from evoneuro.coding.encoders import ROUNDINGS
from evoneuro.errors import EvoNeuroError
from evoneuro.export import IMPORTERS
from evoneuro.network import Network
from evoneuro.neuron import Reference
from evoneuro.simulator import SIMULATORS, cuda, lane_simulator, native, runnable
from evoneuro.simulator import lanes as lanes_module
from evoneuro.simulator.compiled import Compiled, compile_networks
from evoneuro.simulator.lanes import decide_shared
from evoneuro.simulator.layout import Variant, choose, takes_events

needs_native = pytest.mark.skipif(not native.available(), reason="the C kernel was not built: no compiler here")


class TestNumba(SimulatorCases):
    @pytest.fixture
    def simulator(self) -> SimulatorFactory:
        return SIMULATORS["numba"]


@needs_native
@pytest.mark.parametrize(("beyond", "bits"), [(0, 16), (1, 32)])
@pytest.mark.parametrize("sign", [1, -1])
def test_lanes_are_16_bits_as_long_as_nothing_leaves_them(sign: int, beyond: int, bits: int) -> None:
    """12 spikes bring the output to 30,000 or to the floor at -30,000, and both inputs at once to 32,767 from 0."""
    network = relay(
        ids=[0, 1, 2], threshold=[1, 1, 30001], leak=[-1] * 3, refractory=[0] * 3, pre=[0, 1], post=[2, 2],
        weight=[sign * 2500, sign * (267 + beyond)], delay=[1, 1], outputs=[2], v_min=-30000 if sign < 0 else -1,
    )  # fmt: skip
    assert choose(compile_networks([network]), 64).bits == bits
    raster = np.ones((40, 64, 2), np.int32)
    raster[:12, :, 1] = 0
    raster[13:, 32:] = 0
    subject, reference = SIMULATORS["native"](network, 64), Reference(network, 64)
    spikes = reference.run(raster)
    assert np.array_equal(subject.run(raster), spikes)
    assert spikes[:, :, 2].any() == (sign > 0)
    trains = random_trains(0, network, 64)
    for got, expected in zip(subject.decide(trains), reference.decide(trains), strict=True):
        assert np.array_equal(got, expected)


@needs_native
class TestNative(SimulatorCases):
    @pytest.fixture(params=native.variants() if native.available() else [])
    def simulator(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SimulatorFactory:
        """Every instruction set, block width and lane type that runs here; 16 bits only where they are enough."""
        variant: Variant = request.param

        def chosen(compiled: Compiled, lanes: int) -> Variant:
            many = choose(compiled, 64)
            if variant.driven_by_events and not takes_events(compiled):
                return many
            return replace(variant, bits=max(variant.bits, many.bits))

        monkeypatch.setattr(native, "choose", chosen)
        return SIMULATORS["native"]


@pytest.fixture(params=["numba", pytest.param("native", marks=needs_native)])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whatever evaluation simulates with."""
    monkeypatch.setenv(lanes_module.VARIABLE, request.param)
    return str(request.param)


def test_the_registry_says_which_simulator_runs(kernel: str) -> None:
    network = random_network(0, "plain")
    assert [SIMULATORS[name](network).name for name in runnable()] == runnable()
    assert {"numpy", "numba"} <= set(runnable()) <= set(SIMULATORS)
    assert lane_simulator([network]).name == kernel


def test_the_fastest_kernel_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(lanes_module.VARIABLE, raising=False)
    assert lanes_module.chosen() == next(name for name in ("cuda", "native", "numba") if name in runnable())


def test_without_gpu_and_compiler_it_is_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "library", lambda: None)
    monkeypatch.setattr(cuda, "find_spec", lambda name: None)
    assert lanes_module.fastest.__wrapped__() == "numba"


def test_an_unknown_kernel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(lanes_module.VARIABLE, "nmba")
    with pytest.raises(EvoNeuroError, match=r"EVONEURO_SIMULATOR.*nmba.*numba"):
        lanes_module.chosen()


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("block", range(10))
def test_equals_the_reference_on_1000_random_networks(block: int) -> None:
    styles = list(STYLES)
    for seed in range(100 * block, 100 * (block + 1)):
        network = random_network(seed, styles[seed % len(styles)])
        lanes = (1, 2, 9)[seed % 3]
        ours, reference = lane_simulator([network], lanes), Reference(network, lanes)
        for part in range(2):  # state lives on from the one to the other
            raster = random_raster(seed + part, network, 25, lanes)
            assert np.array_equal(ours.run(raster), reference.run(raster)), (seed, part)
            trains = random_trains(seed + part, network, lanes)
            for got, expected in zip(ours.decide(trains), reference.decide(trains), strict=True):
                assert np.array_equal(got, expected), (seed, part)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("lanes", [1, 7, 8, 31, 33, 127, 128, 129, 300])
def test_any_number_of_lanes(lanes: int) -> None:
    for seed, style in enumerate(STYLES):
        network = random_network(seed, style)
        ours, reference = lane_simulator([network], lanes), Reference(network, lanes)
        for part in range(2):
            trains = random_trains(seed + part, network, lanes)
            for got, expected in zip(ours.decide(trains), reference.decide(trains), strict=True):
                assert np.array_equal(got, expected), style


@needs_golden
@pytest.mark.parametrize("name", runnable())
def test_reproduces_the_recorded_risp_rasters(name: str) -> None:
    files = golden_files("risp/*.json")
    assert len(files) == 33
    for path in files:
        record = json.loads(path.read_text())
        network = IMPORTERS["tennlab"](record["network"])
        raster = np.zeros((record["steps"], 1, len(network.inputs)), np.int32)
        for step, channel, charge in record["input"]:
            raster[step, 0, channel] += charge
        spikes = SIMULATORS[name](network).run(raster)[:, 0]
        found = sorted([int(t), int(network.ids[i])] for t, i in np.argwhere(spikes))
        assert found == record["spikes"], path.name


# Batches


def batch(count: int, seed: int = 0) -> list[Network]:
    """Networks with equally many inputs, of several styles."""
    found: list[Network] = []
    while len(found) < count:
        seed += 1
        network = random_network(seed, list(STYLES)[seed % len(STYLES)])
        if not found or len(network.inputs) == len(found[0].inputs):
            found.append(network)
    return found


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("seed", range(4))
def test_a_network_is_blind_to_the_batch_and_to_lanes_that_go(seed: int) -> None:
    networks, lanes, rng = batch(7, 100 * seed), 11, np.random.default_rng(seed)
    together = lane_simulator(networks, lanes)
    alone = [Reference(network, lanes) for network in networks]
    running = np.ones((len(networks), lanes), bool)
    for decision in range(4):
        inputs = len(networks[0].inputs)
        trains = rng.integers(0, 2**32, (2, inputs, len(networks) * lanes), dtype=np.uint32)
        trains &= rng.integers(0, 2**32, trains.shape, dtype=np.uint32)
        live = np.flatnonzero(running)
        choice, latency = together.decide(np.ascontiguousarray(trains[:, :, live]))
        own = [net.decide(trains[:, :, k * lanes : (k + 1) * lanes]) for k, net in enumerate(alone)]
        assert np.array_equal(choice, np.concatenate([c for c, _ in own])[live]), decision
        assert np.array_equal(latency, np.concatenate([s for _, s in own])[live]), decision
        keep = rng.random(len(live)) < 0.7
        together.repack(keep)
        running.flat[live[~keep]] = False


@pytest.mark.usefixtures("kernel")
def test_a_network_goes_on_when_all_lanes_of_others_have_gone() -> None:
    networks, lanes = batch(3, 7), 150  # more than a block of the kernel
    together, alone = lane_simulator(networks, lanes), Reference(networks[1], lanes)
    keep = np.zeros((3, lanes), bool)
    keep[1, 5::2] = True
    width = len(networks[0].inputs)
    rng = np.random.default_rng(0)
    for words in (1, 3, 2):  # the trains may change their length
        trains = rng.integers(0, 2**32, (words, width, lanes), dtype=np.uint32)
        trains &= rng.integers(0, 2**32, trains.shape, dtype=np.uint32)
        expected = alone.decide(trains)
        if words == 1:  # everybody still runs
            choice, latency = (part[lanes : 2 * lanes] for part in together.decide(np.tile(trains, 3)))
            together.repack(keep.ravel())
            assert together.live.tolist() == [0, keep[1].sum(), 0]
        else:
            choice, latency = together.decide(np.ascontiguousarray(trains[:, :, keep[1]]))
            expected = expected[0][keep[1]], expected[1][keep[1]]
        assert np.array_equal(choice, expected[0]), words
        assert np.array_equal(latency, expected[1]), words
    together.forget()
    alone.clear()
    trains = random_trains(1, networks[1], lanes)
    for got, expected in zip(
        together.decide(np.ascontiguousarray(trains[:, :, keep[1]])), alone.decide(trains), strict=True
    ):
        assert np.array_equal(got, expected[keep[1]])


@pytest.mark.usefixtures("kernel")
def test_what_a_cleared_simulator_decides_is_what_a_new_one_does() -> None:
    networks = batch(4, 31)
    together, lanes = lane_simulator(networks, 9), 9
    trains = np.tile(random_trains(3, networks[0], lanes), 4)
    first = together.decide(trains)
    together.repack(np.arange(4 * lanes) % 3 == 0)
    together.clear()
    assert together.live.tolist() == [lanes] * 4
    for got, expected in zip(together.decide(trains), first, strict=True):
        assert np.array_equal(got, expected)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("lanes", [1, 5, 130])
def test_shared_trains_give_what_each_network_gives_alone(lanes: int) -> None:
    networks = batch(5, 50)
    trains = random_trains(1, networks[0], lanes)
    choice, latency, spikes = decide_shared(networks, trains)
    start = 0
    for k, network in enumerate(networks):
        simulator = lane_simulator([network], lanes)
        expected = simulator.decide(trains)
        assert np.array_equal(choice[k], expected[0])
        assert np.array_equal(latency[k], expected[1])
        assert np.array_equal(spikes[start : start + network.neurons], simulator.spikes)
        start += network.neurons


@pytest.mark.usefixtures("kernel")
def test_spikes_are_counted_over_lanes_that_ran() -> None:
    network = random_network(5, "plain")
    simulator = lane_simulator([network], 40)
    raster = random_raster(5, network, 50, 40)
    spikes = simulator.run(raster)
    assert np.array_equal(simulator.spikes, spikes.sum(axis=(0, 1), dtype=np.int64))
    simulator.clear()
    assert not simulator.spikes.any()


def acting_encoders() -> list[Encoder]:
    """Encoders of all kinds that give trains for observations (lanes, values)."""
    ranges = {"low": [-1.0, 0.1], "high": [2.0, 0.3], "bits": 6}
    others = [
        {"kind": "time-to-first-spike", "complement": True, "threshold": 20},
        {"kind": "time-to-first-spike", "bias": 5},
        {"kind": "log-latency", "form": "rc", "threshold": 9},
        {"kind": "gaussian", "inner": {"kind": "regular"}},
    ]
    made = [encoder_from_spec(ranges | spec) for spec in [*({"kind": kind} for kind in ENCODERS), *others]]
    return [encoder for encoder in made if not (encoder.graded or encoder.series)]


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("encoder", acting_encoders(), ids=lambda encoder: encoder.kind)
def test_acting_is_deciding_on_encoded_observations(encoder: Encoder, rounding: str) -> None:
    encoder, gains = replace(encoder, rounding=rounding), np.array([16, 40])
    delays = 1 + np.arange(encoder.inputs) % 3
    networks = [relay(delays, window=24), relay(delays, window=40, decoder=race(lead=2))]
    acting, deciding = lane_simulator(networks, 20, encoder, gains), lane_simulator(networks, 20)
    rng = np.random.default_rng(0)
    for lanes in (40, 25):
        keep = np.arange(len(acting.live) * 20)[: int(acting.live.sum())] < lanes
        acting.repack(keep)
        deciding.repack(keep)
        edges = np.array([[-1, 0.1], [2, 0.3], [0.5, 0.2], [-9, 9], [1e300, -1e300]])
        seen = np.concatenate([edges, rng.uniform([-1.2, 0.08], [2.2, 0.32], (lanes - len(edges), 2))])
        trains = encoder.encode(encoder.quantise(seen), 40, np.repeat(gains, deciding.live))
        for got, expected in zip(acting.act(seen), deciding.decide(trains), strict=True):
            assert np.array_equal(got, expected)
    assert np.array_equal(acting.spikes, deciding.spikes)


@pytest.mark.usefixtures("kernel")
def test_a_batch_with_different_inputs_is_refused() -> None:
    one = next(n for n in (random_network(s, "plain") for s in range(99)) if len(n.inputs) == 1)
    two = next(n for n in (random_network(s, "plain") for s in range(99)) if len(n.inputs) == 2)
    with pytest.raises(EvoNeuroError, match="equally many inputs"):
        lane_simulator([one, two], 2)
    with pytest.raises(EvoNeuroError, match=r"trains: expected shape"):
        decide_shared([one], np.zeros((1, 3, 4), np.uint32))
