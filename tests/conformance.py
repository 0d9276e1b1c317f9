"""Suites that an implementation passes by subclassing them and giving one fixture."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from encoded import steps_of
from remembered import Remembered
from strategies import STYLES, random_feed, random_network, random_raster, random_trains

from evoneuro.coding import Encoder, Output, encoder_from_spec, unpack
from evoneuro.errors import EvoNeuroError
from evoneuro.network import NO_CEILING, NO_FLOOR, Network

SimulatorFactory = Callable[..., Any]


def relay(delays: Sequence[int] = (1, 1), **changes: Any) -> Network:
    """Input k (thresholds 1) drives output k with weight 1 and `delays[k]`; the inputs stand first."""
    n = len(delays)
    genes: dict[str, Any] = {
        "ids": range(2 * n), "threshold": [1] * 2 * n, "leak": [-1] * 2 * n, "refractory": [0] * 2 * n,
        "pre": range(n), "post": range(n, 2 * n), "weight": [1] * n, "delay": delays,
        "inputs": range(n), "outputs": range(n, 2 * n), "window": 8,
    }  # fmt: skip
    return Network(**{name: list(v) if isinstance(v, range) else v for name, v in (genes | changes).items()})


def trains_of(*lines: str) -> npt.NDArray[np.uint32]:
    """Trains of one lane, one line of 0 and 1 for each input, step 0 first."""
    length = -(-max(len(line) for line in lines) // 32)
    numbers = [sum(1 << t for t, bit in enumerate(line) if bit == "1") for line in lines]
    words = [[number >> 32 * w & 0xFFFFFFFF for number in numbers] for w in range(length)]
    return np.array(words, np.uint32)[:, :, None]


def assert_same(got: Any, expected: Any, what: str) -> None:
    """Equal arrays, or a message that says of what."""
    np.testing.assert_array_equal(np.asarray(got), np.asarray(expected), err_msg=what, strict=False)


def charges_of(*rows: Sequence[int]) -> npt.NDArray[np.int32]:
    """Charges of one lane, one row of charges for each input, step 0 first."""
    return np.array(rows, np.int32).T[:, :, None]


def assert_same_output(got: Output, expected: Output, what: str) -> None:
    """Equal trains and potentials, with the types that were promised."""
    assert (got.trains.dtype, got.potentials.dtype, got.window) == (np.uint32, np.int32, expected.window), what
    assert_same(got.trains, expected.trains, f"recorded trains: {what}")
    assert_same(got.potentials, expected.potentials, f"recorded potentials: {what}")


def assert_same_decision(subject: Any, oracle: Any, feed: npt.NDArray[Any], what: str) -> None:
    """Both decide alike, and so do their outputs; the feed is left alone."""
    before = feed.copy()
    for name, got, expected in zip(("choice", "latency"), subject.decide(feed), oracle.decide(before), strict=True):
        assert_same(got, expected, f"{name}: {what}")
    assert_same_output(subject.output, oracle.output, what)
    assert_same(feed, before, f"the feed itself: {what}")


def race(evidence: int = 0, lead: int = 0) -> dict[str, Any]:
    return {"kind": "race", "evidence": evidence, "lead": lead}


# Decisions of `relay`, whose outputs see a train one step later: decoder, window, trains, (choice, latency)
DECISIONS = {
    "count: most spikes, after the whole window": ({"kind": "count"}, 6, ("110000", "111000"), (1, 6)),
    "count: a spike after the window does not count, and a tie goes to the lowest": (None, 3, ("110", "111"), (0, 3)),
    "count: silence chooses output 0": (None, 4, ("0000", "0000"), (0, 4)),
    "race: the first with the evidence": (race(evidence=2), 6, ("101000", "110000"), (1, 3)),
    "race: both in the same step, the lowest": (race(evidence=2), 6, ("101000", "011000"), (0, 4)),
    "race: the lowest also when it was behind": (race(evidence=1), 6, ("001000", "001000"), (0, 4)),
    "race: too little evidence is a count": (race(evidence=3), 6, ("100000", "110000"), (1, 6)),
    "race: the last step of the window decides": (race(evidence=2), 3, ("110", "000"), (0, 3)),
    "race: silence chooses output 0": (race(evidence=1), 5, ("00000", "00000"), (0, 5)),
    "race: a lead of 2 over every other": (race(lead=2), 8, ("11100000", "10000000"), (0, 4)),
    "race: a lead of 2 for the other side": (race(lead=2), 8, ("10000000", "01011000"), (1, 6)),
    "race: no lead is a count": (race(lead=2), 6, ("101010", "010100"), (0, 6)),
    "race: lead before evidence": (race(evidence=5, lead=2), 8, ("00000000", "11111111"), (1, 3)),
    "race: evidence before lead": (race(evidence=3, lead=3), 8, ("11111000", "11000000"), (0, 4)),
}


class TrainCases:
    """What any simulator owes: equal spikes and decisions on trains, lanes apart, state that persists, refusals.

    Give a fixture `simulator`: a factory (network, lanes) of objects with `name`, `run`, `decide` and `clear`.
    """

    @pytest.fixture
    def simulator(self) -> SimulatorFactory:
        raise NotImplementedError("give the factory of the simulator under test")

    # Spikes

    def test_spikes_are_uint8_steps_lanes_neurons(self, simulator: SimulatorFactory) -> None:
        subject = simulator(relay(), 3)
        for steps in (0, 1, 5):
            spikes = subject.run(np.zeros((steps, 3, 2), np.int32))
            assert spikes.shape == (steps, 3, 4)
            assert spikes.dtype == np.uint8

    @pytest.mark.parametrize("style", STYLES)
    def test_spikes_equal_the_oracle(self, simulator: SimulatorFactory, style: str) -> None:
        steps = STYLES[style].steps
        for seed in range(4 if steps > 100 else 20):
            network = random_network(seed, style)
            raster = random_raster(seed, network, steps, lanes=3)
            assert_same(simulator(network, 3).run(raster), Remembered(network, 3).run(raster), f"{style}, seed {seed}")

    @pytest.mark.parametrize("style", ["thresholds", "subtract", "delays", "mixed"])
    def test_state_persists_from_call_to_call(self, simulator: SimulatorFactory, style: str) -> None:
        for seed in range(5):
            network = random_network(seed, style)
            raster = random_raster(seed, network, 60, lanes=2)
            cuts = np.sort(np.random.default_rng(seed).integers(0, 61, 4))
            subject = simulator(network, 2)
            pieces = np.concatenate([subject.run(piece) for piece in np.split(raster, cuts)])
            assert_same(pieces, simulator(network, 2).run(raster), f"{style}, seed {seed}, cut at {cuts}")

    @pytest.mark.parametrize("lanes", [1, 2, 31, 33, 65, 130])
    def test_a_lane_is_blind_to_the_others(self, simulator: SimulatorFactory, lanes: int) -> None:
        for style in ("refractory", "thresholds", "subtract"):
            network = random_network(lanes, style)
            raster = random_raster(lanes, network, 20, lanes)
            together = simulator(network, lanes).run(raster)
            for k in {0, lanes // 2, lanes - 1}:
                alone = Remembered(network, 1).run(raster[:, k : k + 1])
                assert_same(together[:, k : k + 1], alone, f"{style}, lane {k} of {lanes}")

    def test_more_neurons_than_bits_in_a_word(self, simulator: SimulatorFactory) -> None:
        n = 70
        network = relay(
            ids=range(n), threshold=[1] * n, leak=[0] * n, refractory=[0] * n, pre=range(n - 1), post=range(1, n),
            weight=[1] * (n - 1), delay=[1] * (n - 1), inputs=[0], outputs=[n - 1],
        )  # fmt: skip
        spikes = simulator(network, 1).run(np.ones((1, 1, 1), np.int32) * np.eye(n, 1, dtype=np.int32)[:, :, None])
        assert_same(spikes[:, 0], np.eye(n, dtype=np.uint8), "a chain of 70 neurons")

    @pytest.mark.parametrize("delay", [1, 31, 32, 33, 63, 64, 65, 254, 255])
    def test_a_spike_arrives_after_its_delay_and_once(self, simulator: SimulatorFactory, delay: int) -> None:
        raster = np.zeros((3 * 255, 1, 1), np.int32)
        raster[[0, 7, 300]] = 1
        spikes = simulator(relay([delay]), 1).run(raster)[:, 0]
        assert np.flatnonzero(spikes[:, 0]).tolist() == [0, 7, 300]
        assert np.flatnonzero(spikes[:, 1]).tolist() == [delay, 7 + delay, 300 + delay]

    def test_nothing_wraps_at_the_ends_of_32_bits(self, simulator: SimulatorFactory) -> None:
        network = relay(
            [1], pre=[], post=[], weight=[], delay=[], inputs=[0, 1], outputs=[1], threshold=[NO_CEILING, 1],
            v_min=NO_FLOOR, input_max=2**30, leak=[-1, 15],
        )  # fmt: skip
        top, bottom = 2**30, -(2**30)
        up = [top - 1, 0, top, top - 1, 1]  # 2**30 - 1, and + 2**30 fires; 2**30 - 1, and + 1 fires
        down = [bottom, bottom, top, top - 2**16, 2**15]  # -2**31 climbs by its shifted part, as the oracle knows
        raster = np.array([up, down], np.int32).T[:, None]
        spikes = simulator(network, 1).run(raster)
        assert spikes[:, 0, 0].tolist() == [0, 0, 1, 0, 1]
        assert_same(spikes, Remembered(network, 1).run(raster), "at the lower end")

    def test_clear_forgets_everything(self, simulator: SimulatorFactory) -> None:
        for style in ("long refractory", "floors", "subtract", "delays"):
            network = random_network(1, style)
            raster = random_raster(1, network, 50, lanes=2)
            subject = simulator(network, 2)
            first = subject.run(raster)
            subject.clear()
            assert_same(subject.run(raster), first, style)

    @pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64])
    def test_any_integer_raster_is_read_and_left_alone(self, simulator: SimulatorFactory, dtype: type) -> None:
        raster = np.array([[1, 0, 1, 1], [0, 1, 1, 0]], dtype).T[:, None]  # not contiguous
        raster.flags.writeable = False
        before = raster.copy()
        spikes = simulator(relay(), 1).run(raster)
        assert_same(spikes[:, 0, :2], before[:, 0], "the inputs fire where the raster says")
        assert_same(raster, before, "the raster itself")

    @pytest.mark.parametrize(
        ("raster", "message"),
        [
            (np.zeros((4, 2, 3), np.int32), r"raster: expected shape \(steps, 2, 2\), got \(4, 2, 3\)"),
            (np.zeros((4, 1, 2), np.int32), r"raster: expected shape \(steps, 2, 2\), got \(4, 1, 2\)"),
            (np.zeros((4, 2), np.int32), r"raster: expected shape \(steps, 2, 2\), got \(4, 2\)"),
            (np.zeros((4, 2, 2)), "raster: expected integer charges, got dtype float64"),
            (np.full((4, 2, 2), 3, np.int32), "raster: a charge of 3; this network's input_max is 2"),
            (np.full((4, 2, 2), -3, np.int32), "raster: a charge of 3; this network's input_max is 2"),
            (np.full((4, 2, 2), -(2**31), np.int32), "raster: a charge of 2147483648"),
            (np.full((4, 2, 2), 2**32, np.int64), "raster: a charge of 4294967296"),
        ],
    )
    def test_a_raster_is_refused_and_changes_nothing(
        self, simulator: SimulatorFactory, raster: npt.NDArray[Any], message: str
    ) -> None:
        network = relay(input_max=2, threshold=[2, 2, 1, 1])
        subject = simulator(network, 2)
        subject.run(np.ones((1, 2, 2), np.int32))
        with pytest.raises(EvoNeuroError, match=message):
            subject.run(raster)
        assert subject.run(np.ones((1, 2, 2), np.int32))[0, :, :2].all()

    # Decisions

    @pytest.mark.parametrize("case", DECISIONS)
    def test_decision(self, simulator: SimulatorFactory, case: str) -> None:
        decoder, window, lines, expected = DECISIONS[case]
        choice, latency = simulator(relay(decoder=decoder, window=window), 1).decide(trains_of(*lines))
        assert (choice.tolist(), latency.tolist()) == ([expected[0]], [expected[1]])
        assert np.issubdtype(choice.dtype, np.integer)
        assert np.issubdtype(latency.dtype, np.integer)

    def test_a_lead_counts_against_the_best_other(self, simulator: SimulatorFactory) -> None:
        network = relay((1, 1, 1), decoder=race(lead=2), window=8)
        choice, latency = simulator(network, 1).decide(trains_of("10000000", "11010000", "11011110"))
        assert (choice[0], latency[0]) == (2, 7)

    def test_the_lead_of_an_only_output_is_its_count(self, simulator: SimulatorFactory) -> None:
        choice, latency = simulator(relay([1], decoder=race(lead=2)), 1).decide(trains_of("10100000"))
        assert (choice[0], latency[0]) == (0, 4)

    def test_an_input_that_is_an_output_decides_in_step_0(self, simulator: SimulatorFactory) -> None:
        network = relay(outputs=[1, 0], decoder=race(evidence=1))
        choice, latency = simulator(network, 1).decide(trains_of("10000000", "00000000"))
        assert (choice[0], latency[0]) == (1, 1)

    def test_counters_start_at_0(self, simulator: SimulatorFactory) -> None:
        subject = simulator(relay(decoder=race(evidence=2), window=4), 1)
        for _ in range(3):
            choice, latency = subject.decide(trains_of("0000", "1000"))
            assert (choice[0], latency[0]) == (1, 4)

    def test_potentials_live_on_until_clear(self, simulator: SimulatorFactory) -> None:
        subject = simulator(relay(threshold=[1, 1, 1, 2], decoder=race(evidence=1), window=4), 1)
        one = trains_of("0000", "1000")
        latencies = [int(subject.decide(one)[1][0]) for _ in range(4)]
        subject.clear()
        assert [*latencies, int(subject.decide(one)[1][0])] == [4, 2, 4, 2, 4]

    def test_spikes_in_flight_keep_their_remaining_delay(self, simulator: SimulatorFactory) -> None:
        # the input's spike of step 0 reaches output 0 at step 1 and output 1 at step 4 of the lane's clock, which
        # stands after step 1: two steps remain
        network = relay(
            [1], ids=[0, 1, 2], threshold=[1, 1, 1], leak=[-1] * 3, refractory=[0] * 3, pre=[0, 0], post=[1, 2],
            weight=[1, 1], delay=[1, 4], outputs=[1, 2], decoder=race(evidence=1), window=6,
        )  # fmt: skip
        subject = simulator(network, 1)
        results = [subject.decide(trains_of(line)) for line in ("100000", "000000", "000000")]
        assert [(int(c[0]), int(t[0])) for c, t in results] == [(0, 2), (1, 3), (0, 6)]

    def test_input_spikes_not_sent_are_dropped(self, simulator: SimulatorFactory) -> None:
        subject = simulator(relay([1], decoder=race(evidence=1), window=6), 1)
        results = [subject.decide(trains_of(line))[1][0] for line in ("100101", "000000")]
        assert results == [2, 6]

    def test_a_refractory_neuron_waits_by_its_lanes_clock(self, simulator: SimulatorFactory) -> None:
        network = relay(refractory=[0, 0, 4, 0], decoder=race(evidence=1), window=8)
        subject = simulator(network, 1)
        # fires at step 1 of the clock and ignores steps 2..5; the second decision begins with step 2
        results = [int(subject.decide(trains_of(line, "0"))[1][0]) for line in ("1", "11111111")]
        assert results == [2, 5]

    @pytest.mark.parametrize("window", [1, 31, 32, 33, 64, 70])
    def test_bits_beyond_the_window_are_not_read(self, simulator: SimulatorFactory, window: int) -> None:
        network = relay([1], outputs=[0], window=window, decoder=race(evidence=window + 1))
        words = -(-window // 32)
        trains = np.full((words + 1, 1, 1), 0xFFFFFFFF, np.uint32)
        subject = simulator(network, 1)
        choice, latency = subject.decide(trains)
        assert (choice[0], latency[0]) == (0, window)
        assert subject.run(np.zeros((3, 1, 1), np.int32))[:, 0].tolist() == [[0, 1], [0, 0], [0, 0]]

    def test_beyond_the_trains_is_silence(self, simulator: SimulatorFactory) -> None:
        network = relay([1], outputs=[0], window=100, decoder=race(evidence=33))
        choice, latency = simulator(network, 1).decide(np.full((1, 1, 1), 0xFFFFFFFF, np.uint32))
        assert (choice[0], latency[0]) == (0, 100)

    @pytest.mark.parametrize("charge", [-2, 0, 3])
    def test_a_train_spike_brings_the_input_charge(self, simulator: SimulatorFactory, charge: int) -> None:
        network = relay([1], threshold=[4, 1], input_max=5, input_charge=charge, window=4)
        subject = simulator(network, 1)
        subject.decide(trains_of("1000"))
        spikes = subject.run(np.full((3, 1, 1), 1, np.int32))[:, 0, 0]
        assert spikes.tolist() == {-2: [0, 0, 0], 0: [0, 0, 0], 3: [1, 0, 0]}[charge]

    @pytest.mark.parametrize("style", STYLES)
    def test_decisions_equal_the_oracle(self, simulator: SimulatorFactory, style: str) -> None:
        for seed in range(100, 110):
            network = random_network(seed, style)
            subject, oracle = simulator(network, 3), Remembered(network, 3)
            for i in range(4):
                trains = random_trains(10 * seed + i, network, 3)
                for name, got, expected in zip(
                    ("choice", "latency"), subject.decide(trains), oracle.decide(trains), strict=True
                ):
                    assert_same(got, expected, f"{name} of decision {i}: {style}, seed {seed}")
            raster = random_raster(seed, network, 10, 3)
            assert_same(subject.run(raster), oracle.run(raster), f"after the decisions: {style}, seed {seed}")

    @pytest.mark.parametrize("lanes", [1, 33, 130])
    def test_lanes_stop_one_by_one(self, simulator: SimulatorFactory, lanes: int) -> None:
        network = relay((1, 3), decoder=race(evidence=3, lead=2), window=40, refractory=[0, 1, 0, 2])
        subject, oracle = simulator(network, lanes), Remembered(network, lanes)
        for i in range(4):
            trains = random_trains(i, network, lanes) & random_trains(i + 9, network, lanes)
            kept = trains.copy()
            (choice, latency), expected = subject.decide(trains), oracle.decide(trains)
            assert_same(choice, expected[0], f"choice of decision {i}")
            assert_same(latency, expected[1], f"latency of decision {i}")
            assert_same(trains, kept, "the trains themselves")
        assert lanes == 1 or len(set(latency.tolist())) > 3

    @pytest.mark.parametrize("shape", [(1, 2, 3), (1, 2, 1), (1, 1, 2), (1, 3, 2), (1, 2)])
    def test_trains_of_another_shape_are_refused(self, simulator: SimulatorFactory, shape: tuple[int, ...]) -> None:
        with pytest.raises(EvoNeuroError, match="trains: expected shape"):
            simulator(relay(), 2).decide(np.zeros(shape, np.uint32))


class EncoderCases:
    """What any encoder owes: exact forms and flags, lanes apart, a gain for each, specifications that come back.

    Give a fixture `encoder`: one of at least two values.
    """

    LANES, TIMES, WINDOW = 12, 9, 70

    @pytest.fixture
    def encoder(self) -> Encoder:
        raise NotImplementedError("give the encoder under test")

    def quantised(self, encoder: Encoder) -> npt.NDArray[np.int64]:
        """Quantised values of all lanes, the ends and the centre among them; nobody may write to them."""
        shape = (self.LANES, self.TIMES, len(encoder.low)) if encoder.series else (self.LANES, len(encoder.low))
        top = 1 << encoder.bits
        q = np.random.default_rng(7).integers(0, top + 1, shape)
        q.flat[:3] = 0, top, top // 2
        q.flags.writeable = False
        return q

    def observed(self, encoder: Encoder, *rows: Any) -> npt.NDArray[np.float64]:
        """Observations of a lane for each row, of two equal samples if the encoder reads series."""
        x = np.array(rows, np.float64)
        return np.repeat(x[:, None], 2, axis=1) if encoder.series else x

    def test_quantised_values_are_integers_with_exact_ends_and_centre(self, encoder: Encoder) -> None:
        low, high = np.array(encoder.low), np.array(encoder.high)
        q = encoder.quantise(self.observed(encoder, low, (low + high) / 2, high, low - 1e30, high + 1e30))
        top = 1 << encoder.bits
        assert q.dtype == np.int64
        for lane, expected in zip(q, [0, top // 2, top, 0, top], strict=True):
            assert (lane == expected).all()

    @pytest.mark.parametrize("window", [1, 31, 32, 33, 70])
    def test_what_is_encoded_has_the_documented_form(self, encoder: Encoder, window: int) -> None:
        coded = encoder.encode(self.quantised(encoder), window)
        steps = window if encoder.graded else -(-window // 32)
        assert coded.shape == (steps, encoder.inputs, self.LANES)
        assert coded.dtype == (np.int32 if encoder.graded else np.uint32)
        assert coded.flags.c_contiguous

    def test_something_is_encoded_and_values_make_a_difference(self, encoder: Encoder) -> None:
        steps = steps_of(encoder, self.quantised(encoder), 512)
        assert steps.any()
        assert (steps != steps[:, :1]).any()

    def test_a_window_is_the_beginning_of_a_longer_one(self, encoder: Encoder) -> None:
        q = self.quantised(encoder)
        longest = steps_of(encoder, q, 512)
        for window in (1, 5, 31, 32, 33, 64, 70):
            assert_same(steps_of(encoder, q, window), longest[:window], f"window {window}")

    def test_each_lane_has_its_gain_and_is_blind_to_the_others(self, encoder: Encoder) -> None:
        q, gain = self.quantised(encoder), np.random.default_rng(1).integers(1, 257, self.LANES)
        gain[:3] = 1, 16, 256
        together = steps_of(encoder, q, self.WINDOW, gain=gain)
        for k in range(self.LANES):
            alone = steps_of(encoder, q[k : k + 1], self.WINDOW, gain=int(gain[k]))
            assert_same(together[:, k : k + 1], alone, f"lane {k}, gain {gain[k]}")

    def test_the_gain_given_stands_in_for_the_encoders_own(self, encoder: Encoder) -> None:
        q = self.quantised(encoder)
        for gain in (3, 16, 100):
            own = steps_of(replace(encoder, gain=gain), q, self.WINDOW)
            assert_same(steps_of(encoder, q, self.WINDOW, gain=gain), own, f"gain {gain}")
            assert_same(steps_of(encoder, q, self.WINDOW, gain=[gain] * self.LANES), own, f"gain {gain}, by lane")

    def test_inputs_and_tables_are_as_the_flags_say(self, encoder: Encoder) -> None:
        m = encoder.neurons_per_value
        assert encoder.inputs >= len(encoder.low) * m
        if not encoder.tabular:
            return
        assert not encoder.series
        assert encoder.inputs == len(encoder.low) * m
        q = self.quantised(encoder)
        steps = steps_of(encoder, q, self.WINDOW, gain=20)
        for v in range(len(encoder.low)):
            table = steps_of(encoder, np.repeat(q[:, v : v + 1], len(encoder.low), axis=1), self.WINDOW, gain=20)
            assert_same(steps[:, :, v * m : (v + 1) * m], table[:, :, :m], f"value {v}, by the table of the first")

    def test_a_series_is_encoded_causally(self, encoder: Encoder) -> None:
        if not encoder.series:
            return
        q, interval = self.quantised(encoder), int(encoder.interval)  # type: ignore[attr-defined]
        whole = steps_of(encoder, q, self.TIMES * interval + 40)
        assert not whole[self.TIMES * interval :].any()
        for times in range(1, self.TIMES):
            part = steps_of(encoder, q[:, :times], times * interval)
            assert_same(part, whole[: times * interval], f"the first {times} samples")

    def test_the_specification_comes_back(self, encoder: Encoder) -> None:
        for subject in (encoder, replace(encoder, rounding="floor", gain=40)):
            again = encoder_from_spec(json.loads(json.dumps(subject.spec())))
            assert again == subject
            assert hash(again) == hash(subject)
            assert type(again) is type(subject)
            assert again.spec() == subject.spec()
            assert (again.tabular, again.graded, again.series) == (subject.tabular, subject.graded, subject.series)

    def test_it_cannot_be_changed(self, encoder: Encoder) -> None:
        with pytest.raises(FrozenInstanceError):
            encoder.bits = 3  # type: ignore[misc]

    def test_nan_is_named_by_its_place(self, encoder: Encoder) -> None:
        x = self.observed(encoder, encoder.low, encoder.low, encoder.low)
        x[(2, 1, 1) if encoder.series else (2, 1)] = np.nan
        place = "row 2, time 1, column 1" if encoder.series else "row 2, column 1"
        with pytest.raises(EvoNeuroError, match=f"observations: NaN in {place}$"):
            encoder.quantise(x)

    def test_observations_of_another_shape_are_refused(self, encoder: Encoder) -> None:
        values = len(encoder.low)
        axes = f"lanes, times, {values}" if encoder.series else f"lanes, {values}"
        good = (3, 2, values) if encoder.series else (3, values)
        for shape in [(), (values,), (*good[:-1], values + 1), (*good[:-1], values - 1), (1, *good), good[1:]]:
            with pytest.raises(EvoNeuroError, match=rf"observations: expected shape \({axes}\), got "):
                encoder.quantise(np.zeros(shape))
        with pytest.raises(EvoNeuroError, match=rf"observations: expected numbers of shape \({axes}\)"):
            encoder.quantise([["x"]])
        if encoder.series:
            with pytest.raises(EvoNeuroError, match="a series of no samples"):
                encoder.quantise(np.zeros((3, 0, values)))


class SimulatorCases(TrainCases):
    """What our simulators owe on top of that: decisions on charges, and a record of what the outputs did.

    The fixture's factory takes (network, lanes, record=False), and its objects have `output` if it was true.
    """

    @pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.float64, bool])
    def test_a_feed_of_another_type_is_refused(self, simulator: SimulatorFactory, dtype: type) -> None:
        with pytest.raises(EvoNeuroError, match=r"feed: expected trains \(uint32\) or charges \(int32\), got dtype"):
            simulator(relay(), 2).decide(np.zeros((1, 2, 2), dtype))

    # Graded input

    def test_charges_come_as_they_are(self, simulator: SimulatorFactory) -> None:
        network = relay([1], threshold=[5, 1], input_max=7, input_charge=3, window=6, outputs=[0])
        subject = simulator(network, 1, record=True)
        subject.decide(charges_of([2, 2, 1, -7, 7, 5]))
        assert unpack(subject.output.trains, 6)[:, 0, 0].tolist() == [0, 0, 1, 0, 0, 1]

    def test_beyond_the_charges_is_silence(self, simulator: SimulatorFactory) -> None:
        network = relay([1], outputs=[0], window=70, input_max=2)
        for steps in (0, 1, 15, 16, 17, 40, 70):
            subject = simulator(network, 1, record=True)
            choice, latency = subject.decide(np.ones((steps, 1, 1), np.int32))
            assert (choice[0], latency[0]) == (0, 70)
            assert unpack(subject.output.trains, 70)[:, 0, 0].tolist() == [1] * steps + [0] * (70 - steps)
            trains = np.full((3, 1, 1), 0xFFFFFFFF, np.uint32)
            subject.decide(trains)  # and charges are forgotten
            assert unpack(subject.output.trains, 70).all()

    def test_charges_beyond_the_window_are_not_read(self, simulator: SimulatorFactory) -> None:
        subject = simulator(relay([1], outputs=[0], window=3, decoder=race(evidence=4)), 1, record=True)
        assert subject.decide(np.ones((9, 1, 1), np.int32))[1][0] == 3
        assert subject.output.trains.tolist() == [[[0b111]]]
        assert subject.run(np.zeros((3, 1, 1), np.int32))[:, 0].tolist() == [[0, 1], [0, 0], [0, 0]]

    def test_a_charge_is_an_event_unless_it_is_0(self, simulator: SimulatorFactory) -> None:
        network = relay([1], threshold=[-2, 9], outputs=[0], window=6, input_max=3)
        subject = simulator(network, 1, record=True)
        subject.decide(charges_of([0, -1, 0, 1, -3, 0]))  # after -3 the potential is too low, and stays
        assert unpack(subject.output.trains, 6)[:, 0, 0].tolist() == [0, 1, 0, 1, 0, 0]
        assert subject.output.potentials.tolist() == [[-3]]

    @pytest.mark.parametrize("style", STYLES)
    def test_feeds_and_records_equal_the_oracle(self, simulator: SimulatorFactory, style: str) -> None:
        for seed in range(200, 212):
            network = random_network(seed, style)
            subject, oracle = simulator(network, 3, record=True), Remembered(network, 3)
            for i in range(4):
                feed = random_feed(10 * seed + i + seed % 2, network, 3)
                assert_same_decision(subject, oracle, feed, f"decision {i}: {style}, seed {seed}")
            raster = random_raster(seed, network, 10, 3)
            assert_same(subject.run(raster), oracle.run(raster), f"after the decisions: {style}, seed {seed}")
            feed = random_feed(seed, network, 3)
            assert_same_decision(subject, oracle, feed, f"after the raster: {style}, seed {seed}")

    @pytest.mark.parametrize(
        ("charges", "message"),
        [
            (np.zeros((4, 2, 3), np.int32), r"charges: expected shape \(steps, 2, 2\), got \(4, 2, 3\)"),
            (np.zeros((4, 1, 2), np.int32), r"charges: expected shape \(steps, 2, 2\), got \(4, 1, 2\)"),
            (np.zeros((4, 2), np.int32), r"charges: expected shape \(steps, 2, 2\), got \(4, 2\)"),
            (np.full((4, 2, 2), 3, np.int32), "charges: a charge of 3; this network's input_max is 2"),
            (np.full((4, 2, 2), -3, np.int32), "charges: a charge of 3; this network's input_max is 2"),
            (np.full((4, 2, 2), -(2**31), np.int32), "charges: a charge of 2147483648"),
        ],
    )
    def test_charges_are_refused_and_change_nothing(
        self, simulator: SimulatorFactory, charges: npt.NDArray[Any], message: str
    ) -> None:
        network = relay(input_max=2, threshold=[2, 2, 1, 1], window=1, outputs=[0, 1])
        subject = simulator(network, 2, record=True)
        subject.decide(np.ones((1, 2, 2), np.int32))
        with pytest.raises(EvoNeuroError, match=message):
            subject.decide(charges)
        subject.decide(np.ones((1, 2, 2), np.int32))
        assert subject.output.trains.tolist() == [[[1, 1], [1, 1]]]

    def test_charges_need_not_be_contiguous(self, simulator: SimulatorFactory) -> None:
        network = relay(window=20, decoder=race(evidence=3), input_max=2)
        charges = random_raster(3, network, 20, 5).transpose(0, 2, 1)
        charges.flags.writeable = False
        assert not charges.flags.c_contiguous
        assert_same_decision(simulator(network, 5, record=True), Remembered(network, 5), charges, "transposed")

    # Recorded outputs

    def test_what_the_outputs_did_is_recorded(self, simulator: SimulatorFactory) -> None:
        network = relay((1, 2), threshold=[1, 1, 1, 2], window=40)
        subject = simulator(network, 1, record=True)
        subject.decide(trains_of("1" + "0" * 35 + "11", "1" + "0" * 30 + "101"))
        assert subject.output.window == 40
        spikes = unpack(subject.output.trains, 64)[:, 0]
        assert np.flatnonzero(spikes[:, 0]).tolist() == [1, 37, 38]
        assert np.flatnonzero(spikes[:, 1]).tolist() == [33]
        assert subject.output.potentials.tolist() == [[0], [1]]

    def test_a_lane_whose_clock_stands_is_recorded_no_more(self, simulator: SimulatorFactory) -> None:
        network = relay(threshold=[1, 1, 1, 9], decoder=race(evidence=2), window=40)
        subject = simulator(network, 2, record=True)
        lanes = [trains_of("11101", "11111"), trains_of("1" + "0" * 34 + "1", "0" * 35 + "111")]
        _, latency = subject.decide(np.concatenate([np.pad(t, ((0, 2 - len(t)), (0, 0), (0, 0))) for t in lanes], 2))
        assert latency.tolist() == [3, 37]
        assert subject.output.trains[:, 0].tolist() == [[0b110, 0b10], [0, 1 << 36 - 32]]
        assert not subject.output.trains[:, 1].any()
        assert subject.output.potentials.tolist() == [[0, 0], [2, 1]]

    def test_leak_and_floor_reach_a_neuron_to_which_nothing_comes(self, simulator: SimulatorFactory) -> None:
        for leak, weight, expected in ((-1, -9, -3), (0, 3, 0), (0, -9, 0), (1, 3, 2), (3, 7, 7)):
            network = relay([1], threshold=[1, 9], leak=[-1, leak], weight=[weight], v_min=-3, window=3)
            subject = simulator(network, 2, record=True)
            subject.decide(np.dstack([trains_of("1"), trains_of("0")]))
            assert subject.output.potentials.tolist() == [[expected, 0]], (leak, weight)

    @pytest.mark.parametrize("window", [1, 15, 16, 17, 31, 32, 33, 48, 64, 70])
    def test_records_of_any_window(self, simulator: SimulatorFactory, window: int) -> None:
        for decoder in (None, race(evidence=max(1, window // 3), lead=4)):
            network = relay((1, 2), window=window, decoder=decoder, refractory=[0, 1, 0, 2])
            subject, oracle = simulator(network, 3, record=True), Remembered(network, 3)
            for seed in range(4):
                feed = random_feed(seed, network, 3)
                assert_same_decision(subject, oracle, feed, f"window {window}, decision {seed}")

    @pytest.mark.parametrize("lanes", [1, 33, 130])
    def test_records_of_lanes_that_stop_one_by_one(self, simulator: SimulatorFactory, lanes: int) -> None:
        network = relay(
            (1, 3), decoder=race(evidence=3, lead=2), window=40, threshold=[1, 1, 2, 1], leak=[-1, 0, 1, 0],
            input_max=3, refractory=[0, 1, 0, 2],
        )  # fmt: skip
        subject, oracle = simulator(network, lanes, record=True), Remembered(network, lanes)
        kept = []
        for seed in range(4):
            assert_same_decision(subject, oracle, random_feed(seed, network, lanes), f"decision {seed}")
            kept.append((subject.output, oracle.output))
        for got, expected in kept:  # a decision leaves the record of the last one alone
            assert_same_output(got, expected, "kept")
