"""The lane simulator: the conformance suite, 1,000 random networks, recorded rasters, and batches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest
from conformance import SimulatorCases, SimulatorFactory, assert_same_output, race, relay
from golden_data import golden_files, needs_golden
from strategies import STYLES, random_charges, random_feed, random_network, random_raster, random_trains

from evoneuro.coding import ENCODERS, Encoder, Feed, Output, Trains, encoder_from_spec, unpack
from evoneuro.coding.encoders import ROUNDINGS, Quantised
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
@pytest.mark.parametrize(("beyond", "bits"), [(0, 16), (1, 32)])
@pytest.mark.parametrize("sign", [1, -1])
def test_lanes_are_16_bits_as_long_as_charges_fit_them(sign: int, beyond: int, bits: int) -> None:
    """From 4,767 or -4,767 a charge of 28,000 brings the potential to the end of 16 bits."""
    network = relay(
        [1], threshold=[4768, 1] if sign > 0 else [32767, 1], v_min=-4767, input_max=28000 + beyond, outputs=[0],
        window=40,
    )  # fmt: skip
    assert choose(compile_networks([network]), 64).bits == (bits if sign > 0 else 32)
    network = replace(network, threshold=[4768, 1])
    subject, reference = SIMULATORS["native"](network, 64, record=True), Reference(network, 64, record=True)
    charges = np.zeros((40, 1, 64), np.int32)
    charges[0], charges[1, :, 32:], charges[20] = sign * 4767, sign * (28000 + beyond), 12000
    for got, expected in zip(subject.decide(charges), reference.decide(charges), strict=True):
        assert np.array_equal(got, expected)
    assert_same_output(subject.output, reference.output, "at the end of a lane")


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
@pytest.mark.parametrize("block", [*range(3), *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 10))])
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
    choice, latency, spikes, _ = decide_shared(networks, trains)
    start = 0
    for k, network in enumerate(networks):
        simulator = lane_simulator([network], lanes)
        expected = simulator.decide(trains)
        assert np.array_equal(choice[k], expected[0])
        assert np.array_equal(latency[k], expected[1])
        assert np.array_equal(spikes[start : start + network.neurons], simulator.spikes)
        start += network.neurons


def recordable(count: int, seed: int) -> list[Network]:
    """Networks with equally many inputs and outputs, of several styles."""
    pool = batch(8 * count, seed)
    return [network for network in pool if len(network.outputs) == len(pool[0].outputs)][:count]


def columns(output: Output, which: npt.NDArray[np.intp] | slice) -> Output:
    """The record of some of the lanes."""
    return Output(output.trains[:, :, which], output.potentials[:, which], output.window)


def counts_of(output: Output) -> npt.NDArray[np.int64]:
    """Spikes of each output (lanes, outputs)."""
    return unpack(output.trains, output.window).sum(axis=0, dtype=np.int64)


def side_by_side(outputs: Sequence[Output]) -> Output:
    """One record of many, with the words of the longest window."""
    words, window = max(len(o.trains) for o in outputs), max(o.window for o in outputs)
    trains = [np.pad(o.trains, ((0, words - len(o.trains)), (0, 0), (0, 0))) for o in outputs]
    return Output(np.concatenate(trains, axis=2), np.concatenate([o.potentials for o in outputs], axis=1), window)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lanes", [11, 70])
def test_records_of_a_batch_follow_its_lanes(seed: int, lanes: int) -> None:
    networks, rng = recordable(5, 1000 * seed), np.random.default_rng(seed)
    networks = [replace(network, window=window) for network, window in zip(networks, (20, 33, 1, 70, 64), strict=True)]
    together = lane_simulator(networks, lanes, record=True)
    alone = [Reference(network, lanes, record=True) for network in networks]
    running = np.ones((len(networks), lanes), bool)
    for decision in range(5):
        live = np.flatnonzero(running)
        if decision % 2:
            feeds = [random_charges(seed, network, lanes) for network in networks]
            steps = max(len(feed) for feed in feeds)
            feeds = [np.pad(feed, ((0, steps - len(feed)), (0, 0), (0, 0))) for feed in feeds]
        else:
            feeds = [random_trains(decision, networks[3], lanes) for _ in networks]
        choice, latency = together.decide(np.ascontiguousarray(np.concatenate(feeds, axis=2)[:, :, live]))
        own = [net.decide(feed) for net, feed in zip(alone, feeds, strict=True)]
        assert np.array_equal(choice, np.concatenate([c for c, _ in own])[live]), decision
        assert np.array_equal(latency, np.concatenate([s for _, s in own])[live]), decision
        expected = columns(side_by_side([net.output for net in alone]), live)
        assert_same_output(together.output, expected, f"decision {decision}")
        keep = rng.random(len(live)) < 0.7
        together.repack(keep)
        running.flat[live[~keep]] = False
        if decision == 2:
            together.forget()
            for net in alone:
                net.clear()
    together.repack(np.zeros(int(together.live.sum()), bool))
    assert [len(part) for part in together.decide(np.zeros((4, len(networks[0].inputs), 0), np.int32))] == [0, 0]
    assert together.output.potentials.shape == (len(networks[0].outputs), 0)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("lanes", [0, 1, 5, 130])
@pytest.mark.parametrize("count", [1, 5])
def test_shared_feeds_are_recorded_as_each_network_does_alone(count: int, lanes: int) -> None:
    networks = [
        replace(n, input_max=max(60, n.input_max), window=w)
        for n, w in zip(recordable(count, 9), (9, 40, 64, 1, 33), strict=False)
    ]
    for seed in range(3):
        feed = random_feed(seed, replace(networks[0], window=70), lanes)
        decided, silent = decide_shared(networks, feed, record=True), decide_shared(networks, feed)
        assert silent.output == ()
        assert len(decided.output) == count
        for got, expected in zip(silent[:3], decided[:3], strict=True):
            assert np.array_equal(got, expected)
        for k, network in enumerate(networks):
            reference = Reference(network, lanes, record=True)
            choice, latency = reference.decide(feed) if lanes else (np.empty(0), np.empty(0))
            assert np.array_equal(decided.choice[k], choice)
            assert np.array_equal(decided.latency[k], latency)
            if lanes:
                got = decided.output[k]
                used = len(reference.output.trains)
                assert not got.trains[used:].any()
                assert_same_output(got._replace(trains=got.trains[:used]), reference.output, f"network {k}")


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("lanes", [1, 5, 70])
def test_a_record_of_all_neurons_adds_up_to_the_spikes_counted(lanes: int) -> None:
    network = relay((1, 2), outputs=[0, 1, 2, 3], decoder=race(evidence=9), window=40, input_max=3)
    simulator = lane_simulator([network], lanes, record=True)
    expected = np.zeros(4, np.int64)
    for seed in range(4):
        feed = random_feed(seed, network, lanes)
        simulator.decide(feed)
        expected += counts_of(simulator.output).sum(axis=0)
        assert np.array_equal(simulator.spikes, expected)
        decided = decide_shared([network] * 2, feed, record=True)
        assert np.array_equal(decided.spikes, np.concatenate([counts_of(o).sum(axis=0) for o in decided.output]))


@pytest.mark.usefixtures("kernel")
def test_charges_are_bounded_by_the_network_that_gets_them() -> None:
    networks = [relay(input_max=5), relay(input_max=9, window=3)]
    simulator = lane_simulator(networks, 2)
    charges = np.zeros((3, 2, 4), np.int32)
    charges[1, 0, 2:] = -9
    simulator.decide(charges)
    with pytest.raises(EvoNeuroError, match="charges: a charge of 9; this network's input_max is 5"):
        decide_shared(networks, charges)
    charges[1, 0, 1] = 6
    with pytest.raises(EvoNeuroError, match="charges: a charge of 6; this network's input_max is 5"):
        simulator.decide(charges)
    simulator.repack(np.array([True, False, True, True]))
    simulator.decide(np.ascontiguousarray(charges[:, :, [0, 2, 3]]))


@pytest.mark.usefixtures("kernel")
def test_nothing_is_recorded_unless_it_is_asked_for() -> None:
    simulator = lane_simulator([relay()], 2)
    simulator.decide(np.zeros((1, 2, 2), np.uint32))
    assert not hasattr(simulator, "output")


@pytest.mark.usefixtures("kernel")
def test_a_recorded_batch_with_different_outputs_is_refused() -> None:
    networks = [relay(), relay(outputs=[2])]
    with pytest.raises(EvoNeuroError, match=r"equally many outputs, got \[1, 2\]"):
        lane_simulator(networks, 2, record=True)
    with pytest.raises(EvoNeuroError, match="equally many outputs"):
        decide_shared(networks, np.zeros((1, 2, 4), np.uint32), record=True)
    decide_shared(networks, np.zeros((1, 2, 4), np.uint32))
    lane_simulator(networks, 2)


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


@needs_native
def test_a_table_of_trains_is_made_once_whoever_leads_the_batch() -> None:
    encoder = encoder_from_spec({"kind": "argyle", "bits": 7, "low": [-1.0], "high": [1.0]})
    networks = [relay([1, 2, 3, 4], window=24)] * 2
    native._table.cache_clear()
    for gain in (16, 24, 40):
        lane_simulator(networks, 2, replace(encoder, gain=gain), np.array([gain, 56]))
    assert native._table.cache_info().misses == 4


@dataclass(frozen=True)
class Level(Encoder):
    """Each value as a constant charge, in proportion to it."""

    charge: int = 40

    kind: ClassVar[str] = "level"
    graded: ClassVar[bool] = True

    @property
    def neurons_per_value(self) -> int:
        return 1

    def encode(self, q: Quantised, window: int, gain: npt.ArrayLike | None = None) -> Feed:
        g = np.asarray(self.gain if gain is None else gain, np.int64).reshape(-1, 1)
        charges = self._unipolar(q, g) * self.charge >> self.bits
        return np.tile(charges.T.astype(np.int32), (window, 1, 1))


@dataclass(frozen=True)
class Chase(Encoder):
    """Each value fires at the step that the value before it says, so that no table of one value can hold its train."""

    kind: ClassVar[str] = "chase"
    tabular: ClassVar[bool] = False

    @property
    def neurons_per_value(self) -> int:
        return 1

    def _coded(self, q: Quantised, gain: npt.NDArray[np.int64], window: int) -> Trains:
        step = np.roll(self._unipolar(q, gain), 1, axis=1) % 32
        trains = np.zeros((*q.shape, -(-window // 32)), np.uint32)
        trains[:, :, 0] = np.uint32(1) << step.astype(np.uint32)
        return trains


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("record", [False, True])
@pytest.mark.parametrize("kind", [Level, Chase])
def test_acting_where_no_table_of_trains_will_do(kind: type[Encoder], record: bool) -> None:
    encoder, gains = kind((-1.0, 0.1, 0.0), (2.0, 0.3, 1.0), bits=6), np.array([16, 40])
    networks = [
        relay((1, 2, 3), window=24, input_max=40, threshold=[20, 20, 20, 1, 2, 1]),
        relay((3, 1, 2), window=40, input_max=40, decoder=race(lead=2), threshold=[1, 50, 70, 1, 1, 3]),
    ]
    acting = lane_simulator(networks, 20, encoder, gains, record)
    deciding = lane_simulator(networks, 20, record=True)
    rng = np.random.default_rng(0)
    for lanes in (40, 25):
        keep = np.arange(len(acting.live) * 20)[: int(acting.live.sum())] < lanes
        acting.repack(keep)
        deciding.repack(keep)
        seen = rng.uniform([-1.2, 0.08, -0.2], [2.2, 0.32, 1.2], (lanes, 3))
        feed = encoder.encode(encoder.quantise(seen), 40, np.repeat(gains, deciding.live))
        for got, expected in zip(acting.act(seen), deciding.decide(feed), strict=True):
            assert np.array_equal(got, expected)
        if record:
            assert_same_output(acting.output, deciding.output, "acting")
    assert np.array_equal(acting.spikes, deciding.spikes)
    assert acting.spikes.any()


@pytest.mark.usefixtures("kernel")
def test_acting_is_recorded() -> None:
    encoder = encoder_from_spec({"kind": "count", "low": [0, 0], "high": [1, 1], "max_spikes": 8, "interval": 3})
    acting = lane_simulator([relay(window=24)], 3, encoder, record=True)
    acting.act(np.array([[0, 1], [0.5, 0.25], [1, 0]]))
    assert counts_of(acting.output).tolist() == [[0, 8], [4, 2], [8, 0]]


@pytest.mark.usefixtures("kernel")
def test_a_batch_with_different_inputs_is_refused() -> None:
    one = next(n for n in (random_network(s, "plain") for s in range(99)) if len(n.inputs) == 1)
    two = next(n for n in (random_network(s, "plain") for s in range(99)) if len(n.inputs) == 2)
    with pytest.raises(EvoNeuroError, match="equally many inputs"):
        lane_simulator([one, two], 2)
    with pytest.raises(EvoNeuroError, match=r"trains: expected shape"):
        decide_shared([one], np.zeros((1, 3, 4), np.uint32))
