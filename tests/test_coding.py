"""Encoders against their published real-valued equations, decoders, and packed trains."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evoneuro.coding import (
    DECODERS,
    ENCODERS,
    Argyle,
    Count,
    CountEncoder,
    Encoder,
    FlipFlop,
    Race,
    TimeToFirstSpike,
    decoder_from_spec,
    encoder_from_spec,
    pack,
    unpack,
)
from evoneuro.coding.trains import words
from evoneuro.errors import EvoNeuroError

BIPOLAR = (FlipFlop, Argyle)
CARTPOLE = ((-2.4, -2.0, -0.209, -2.0), (2.4, 2.0, 0.209, 2.0))
RANGES: dict[type[Encoder], tuple[tuple[float, ...], tuple[float, ...]]] = {
    FlipFlop: CARTPOLE, Argyle: ((-2.4, -0.209), (2.4, 0.209)), CountEncoder: ((0.0, -1.0), (16.0, 3.0)),
    TimeToFirstSpike: ((0.0, -3.0), (1.0, 5.0)),
}  # fmt: skip
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


@pytest.fixture(params=ENCODERS.values(), ids=ENCODERS)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    cls: type[Encoder] = request.param
    return cls(*RANGES[cls])


def raster_of(encoder: Encoder, x: npt.ArrayLike, window: int = 64, **how: Any) -> npt.NDArray[np.uint8]:
    """Spikes (steps, lanes, inputs) of observations (lanes, values)."""
    return unpack(encoder.encode(encoder.quantise(x), window, **how), window)


def counts_of(encoder: Any, x: npt.ArrayLike, **how: Any) -> list[list[int]]:
    """Spikes of each input, by lane, in a window that holds them all."""
    return raster_of(encoder, x, encoder.max_spikes * encoder.interval, **how).sum(axis=0, dtype=int).tolist()


def ramp(low: float, high: float, points: int = 501) -> npt.NDArray[np.float64]:
    """Observations of one value, [points, 1], from beyond `low` to beyond `high`."""
    return np.linspace(low - (high - low) / 8, high + (high - low) / 8, points)[:, None]


def round_away(offset: Fraction) -> int:
    return math.ceil(offset) if offset > 0 else math.floor(offset)


ROUND = {"away": round_away, "nearest": round, "floor": math.floor}


# Quantisation


@given(
    st.integers(-800, 800),
    st.integers(1, 800),
    st.integers(-(2**14), 2**14),
    st.integers(1, 16),
    st.sampled_from(sorted(ROUND)),
)
@settings(max_examples=300)
def test_quantise_is_the_rounded_fraction_of_the_range(low: int, size: int, x: int, bits: int, rounding: str) -> None:
    # eighths and sixteenths, exact as floats
    encoder = CountEncoder((low / 8,), ((low + size) / 8,), bits=bits, rounding=rounding)
    u = (Fraction(x, 16) - Fraction(low, 8)) / Fraction(size, 8)
    half = 2 ** (bits - 1)
    expected = half + min(max(ROUND[rounding]((2 * u - 1) * half), -half), half)
    assert encoder.quantise([[x / 16]]).tolist() == [[expected]]


@pytest.mark.parametrize(
    ("rounding", "steps"), [("away", [-2, -1, 0, 1, 2]), ("nearest", [-2, 0, 0, 0, 2]), ("floor", [-2, -1, 0, 0, 1])]
)
def test_halves_go_by_the_rounding(rounding: str, steps: list[int]) -> None:
    encoder = FlipFlop((-2.0,), (2.0,), bits=2, rounding=rounding)  # half a step is 0.5
    q = encoder.quantise([[-1.5], [-0.5], [0.0], [0.5], [1.5]])
    assert (q[:, 0] - 2).tolist() == steps


@pytest.mark.parametrize("bits", [1, 8, 16])
def test_the_ends_and_the_centre_are_exact(encoder: Encoder, bits: int) -> None:
    encoder = type(encoder)(encoder.low, encoder.high, bits=bits)
    middle = [(low + high) / 2 for low, high in zip(encoder.low, encoder.high, strict=True)]
    q = encoder.quantise([encoder.low, middle, encoder.high])
    assert q.T.tolist() == [[0, 2 ** (bits - 1), 2**bits]] * len(middle)


def test_values_beyond_the_range_are_clipped(encoder: Encoder) -> None:
    far = [
        [-1e30] * len(encoder.low),
        [1e30] * len(encoder.low),
        [-math.inf] * len(encoder.low),
        [math.inf] * len(encoder.low),
    ]
    ends = raster_of(encoder, [encoder.low, encoder.high, encoder.low, encoder.high])
    assert raster_of(encoder, far).tolist() == ends.tolist()


@pytest.mark.parametrize(("row", "column"), [(0, 1), (2, 0), (3, 1)])
def test_nan_is_named_by_row_and_column(row: int, column: int) -> None:
    x = np.zeros((4, 2))
    x[row, column] = math.nan
    with pytest.raises(EvoNeuroError, match=f"observations: NaN in row {row}, column {column}"):
        CountEncoder((0, 0), (1, 1)).quantise(x)


@pytest.mark.parametrize("x", [[1.0, 2.0], [[1.0]], [[1.0, 2.0, 3.0]], [[[1.0, 2.0]]], 1.0])
def test_observations_of_another_shape_are_refused(x: Any) -> None:
    with pytest.raises(EvoNeuroError, match=r"observations: expected shape \(lanes, 2\), got "):
        CountEncoder((0, 0), (1, 1)).quantise(x)


# Flip-flop


@given(
    st.integers(0, 10).flatmap(lambda k: st.tuples(st.just(k), st.integers(k + 1, 16).filter(lambda bits: bits <= 16))),
    st.floats(1e-3, 1e3),
    st.floats(-1.5, 1.5),
)
@settings(max_examples=400)
def test_flip_flop_is_the_published_equation(k_and_bits: tuple[int, int], limit: float, part: float) -> None:
    k, bits = k_and_bits
    x = part * limit
    encoder = FlipFlop((-limit,), (limit,), bits=bits, max_spikes=2**k, interval=1)
    spikes = math.ceil(min(abs(x) / limit, 1.0) * 2**k)
    assert counts_of(encoder, [[x]]) == [[spikes, 0] if x <= 0 else [0, spikes]]


@pytest.mark.parametrize("bits", [4, 8, 16])
@pytest.mark.parametrize("spikes", [1, 2, 4, 8])
def test_flip_flop_steps_exactly_at_the_eighths(spikes: int, bits: int) -> None:
    encoder = FlipFlop((-8.0,), (8.0,), bits=bits, max_spikes=spikes)
    for j in range(-8, 9):
        for x in (j - 1e-9, float(j), j + 1e-9):
            expected = math.ceil(min(abs(Fraction(x)) / 8, 1) * spikes)
            assert counts_of(encoder, [[x]]) == [[expected, 0] if x <= 0 else [0, expected]], x


def test_flip_flop_of_cart_pole() -> None:
    # k = ceil(8 |x| / limit): 0.5/2.4 -> 2, 2.0 -> 8, 0.01/0.209 -> 1, 0 -> 0; spikes at 0, 3, 6, ... 21
    raster = raster_of(FlipFlop(*CARTPOLE), [[-0.5, 2.5, 0.01, 0.0]], 24)[:, 0]
    assert raster.shape == (24, 8)
    assert [np.flatnonzero(train).tolist() for train in raster.T] == [
        [0, 3], [], [], [0, 3, 6, 9, 12, 15, 18, 21], [], [0], [], [],
    ]  # fmt: skip


@pytest.mark.parametrize("interval", [1, 2, 3, 7])
def test_the_spikes_of_a_count_stand_at_multiples_of_the_interval(interval: int) -> None:
    encoder = CountEncoder((0.0,), (8.0,), bits=8, rounding="nearest", interval=interval)
    for k in range(9):
        train = raster_of(encoder, [[float(k)]], 64)[:, 0, 0]
        assert np.flatnonzero(train).tolist() == [j * interval for j in range(k) if j * interval < 64]


def test_what_does_not_fit_the_window_is_dropped() -> None:
    encoder = CountEncoder((0.0,), (1.0,), interval=10)
    assert encoder.encode(encoder.quantise([[1.0]]), 24).shape == (1, 1, 1)
    assert np.flatnonzero(raster_of(encoder, [[1.0]], 24)).tolist() == [0, 10, 20]
    assert np.flatnonzero(raster_of(encoder, [[1.0]], 71)).tolist() == [0, 10, 20, 30, 40, 50, 60, 70]


# Count, argyle, time to first spike: exact in the quantised value, and near the real one


@given(st.integers(1, 16), st.integers(1, 40), st.floats(0, 1))
@settings(max_examples=200)
def test_count_is_the_equation_of_the_quantised_value(bits: int, spikes: int, u: float) -> None:
    encoder = CountEncoder((0.0,), (1.0,), bits=bits, max_spikes=spikes, interval=1)
    q = int(encoder.quantise([[u]])[0, 0])
    assert counts_of(encoder, [[u]]) == [[math.ceil(Fraction(q, 2**bits) * spikes)]]


@given(st.integers(0, 7), st.floats(0, 1))
@settings(max_examples=200)
def test_count_is_within_one_level_of_the_published_equation(k: int, u: float) -> None:
    encoder = CountEncoder((0.0,), (1.0,), bits=8, max_spikes=2**k, interval=1)
    exact = Fraction(u) * 2**k
    [[count]] = counts_of(encoder, [[u]])
    if u >= 0.5:
        assert count == math.ceil(exact)
    else:
        assert math.ceil(exact - Fraction(2**k, 256)) <= count <= math.ceil(exact)


def test_argyle_of_the_published_example() -> None:
    # TENNLab cart-pole, argyle-4: x = -1.17261 in +-2.4, K = 8
    encoder = Argyle((-2.4,), (2.4,), neurons=4, max_spikes=8)
    assert counts_of(encoder, [[-1.17261]]) == [[2, 7, 0, 0]]


@given(st.integers(2, 12), st.integers(1, 20), st.integers(1, 16), st.integers(0, 2**16))
@settings(max_examples=300)
def test_argyle_is_the_equation_of_the_quantised_value(m: int, spikes: int, bits: int, q: int) -> None:
    q %= 2**bits + 1
    encoder = Argyle((-1.0,), (1.0,), bits=bits, neurons=m, max_spikes=spikes, interval=1)
    place = Fraction(q, 2**bits) * (m - 1)
    expected = [math.ceil(spikes * max(Fraction(0), 1 - abs(place - j))) for j in range(m)]
    trains = encoder.encode(np.array([[q]]), spikes)
    counts = unpack(trains, spikes).sum(axis=0).tolist()
    assert counts == [expected]
    assert sum(expected) in (spikes, spikes + 1)
    assert sum(count > 0 for count in expected) <= 2


@given(st.integers(2, 8), st.floats(-1, 1))
@settings(max_examples=200)
def test_argyle_is_near_the_published_equation(m: int, x: float) -> None:
    encoder = Argyle((-1.0,), (1.0,), neurons=m)
    place = (Fraction(x) + 1) / 2 * (m - 1)
    slack = Fraction(8 * (m - 1), 2**16)
    for j, count in enumerate(counts_of(encoder, [[x]])[0]):
        exact = 8 * max(Fraction(0), 1 - abs(place - j))
        assert exact - slack <= count < exact + slack + 1


@given(st.integers(2, 200), st.integers(1, 16), st.integers(0, 2**16))
@settings(max_examples=200)
def test_time_to_first_spike_is_the_equation_of_the_quantised_value(steps: int, bits: int, q: int) -> None:
    q %= 2**bits + 1
    encoder = TimeToFirstSpike((0.0,), (1.0,), bits=bits, steps=steps)
    train = unpack(encoder.encode(np.array([[q]]), steps), steps)[:, 0, 0]
    expected = math.floor((steps - 1) * (1 - Fraction(q, 2**bits)) + Fraction(1, 2))
    assert np.flatnonzero(train).tolist() == [expected]


def test_time_to_first_spike_by_hand() -> None:
    encoder = TimeToFirstSpike((0.0,), (4.0,), steps=5)
    raster = raster_of(encoder, [[4.0], [3.0], [2.0], [1.0], [0.0]], 5)[:, :, 0]
    assert raster.tolist() == np.eye(5, dtype=int).tolist()


# Order, gain, lanes


@pytest.mark.parametrize("gain", [1, 7, 16, 40, 256])
def test_a_larger_value_is_never_a_weaker_code(encoder: Encoder, gain: int) -> None:
    low, high = encoder.low[0], encoder.high[0]
    one = type(encoder)((low,), (high,), gain=gain)
    raster = raster_of(one, ramp(low, high))
    counts = raster.sum(axis=0, dtype=int)
    strength = {
        FlipFlop: lambda: counts[:, 1] - counts[:, 0],
        Argyle: lambda: counts[:, -1] - counts[:, 0],
        CountEncoder: lambda: counts[:, 0],
        TimeToFirstSpike: lambda: -raster[:, :, 0].argmax(axis=0),
    }[type(encoder)]()
    assert (np.diff(strength) >= 0).all()
    assert strength[-1] > strength[0] or gain < 16


def test_gain_16_is_the_identity(encoder: Encoder) -> None:
    x = np.random.default_rng(0).uniform(
        np.array(encoder.low) * 1.2 - 0.1, np.array(encoder.high) * 1.2, (200, len(encoder.low))
    )
    q = encoder.quantise(x)
    assert encoder.gain == 16
    assert (encoder.encode(q, 24, gain=16) == encoder.encode(q, 24)).all()
    assert (encoder._unipolar(q, np.array([[16]])) == q).all()
    assert (encoder._bipolar(q, np.array([[16]])) == q - 2 ** (encoder.bits - 1)).all()


@given(st.integers(1, 256), st.floats(-1, 1))
@settings(max_examples=200)
def test_gain_stretches_about_the_centre(gain: int, x: float) -> None:
    encoder = FlipFlop((-1.0,), (1.0,), gain=gain)
    offset = abs(int(encoder.quantise([[x]])[0, 0]) - 128)
    spikes = math.ceil(Fraction(min(math.ceil(Fraction(offset * gain, 16)), 128) * 8, 128))
    assert counts_of(encoder, [[x]]) == [[spikes, 0] if x <= 0 else [0, spikes]]


@given(st.integers(1, 256), st.integers(1, 16), st.floats(0, 1))
@settings(max_examples=200)
def test_gain_of_a_unipolar_value_rounds_up(gain: int, bits: int, u: float) -> None:
    encoder = CountEncoder((0.0,), (1.0,), bits=bits, max_spikes=32, interval=1, gain=gain)
    q = int(encoder.quantise([[u]])[0, 0])
    stretched = min(math.ceil(Fraction(q * gain, 16)), 2**bits)
    assert counts_of(encoder, [[u]]) == [[math.ceil(Fraction(stretched * 32, 2**bits))]]


@pytest.mark.parametrize(("gain", "count"), [(8, 2), (16, 4), (24, 6), (32, 8), (256, 8)])
def test_gain_stretches_a_unipolar_value_from_0(gain: int, count: int) -> None:
    assert counts_of(CountEncoder((0.0,), (1.0,), gain=gain), [[0.5]]) == [[count]]


def test_the_argument_gain_stands_in_for_the_encoders_own(encoder: Encoder) -> None:
    x = [encoder.high]
    assert (
        raster_of(type(encoder)(encoder.low, encoder.high, gain=3), x).tolist()
        == raster_of(encoder, x, gain=3).tolist()
    )


def test_each_lane_has_its_gain_and_is_blind_to_the_others(encoder: Encoder) -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(encoder.low, encoder.high, (40, len(encoder.low)))
    gain = rng.integers(1, 257, 40)
    together = raster_of(encoder, x, gain=gain)
    assert together.shape == (64, 40, encoder.inputs)
    for k in range(40):
        alone = raster_of(encoder, x[k : k + 1], gain=int(gain[k]))
        assert alone[:, 0].tolist() == together[:, k].tolist()


def test_a_value_owns_its_own_neurons_only(encoder: Encoder) -> None:
    base = [(low + high) / 2 for low, high in zip(encoder.low, encoder.high, strict=True)]
    m = encoder.neurons_per_value
    for i in range(len(base)):
        moved = [*base[:i], encoder.high[i], *base[i + 1 :]]
        changed = (raster_of(encoder, [base]) != raster_of(encoder, [moved])).any(axis=(0, 1))
        assert changed.any()
        assert set(np.flatnonzero(changed).tolist()) <= set(range(i * m, i * m + m))


def test_trains_have_the_documented_form(encoder: Encoder) -> None:
    trains = encoder.encode(encoder.quantise([encoder.low] * 5), 70)
    assert trains.dtype == np.uint32
    assert trains.shape == (3, encoder.inputs, 5)
    assert trains.flags.c_contiguous


# Specifications


@pytest.mark.parametrize("cls", ENCODERS.values())
def test_encoder_specifications_come_back(cls: type[Encoder]) -> None:
    for encoder in (cls(*RANGES[cls]), cls((0,), (1,), bits=5, rounding="floor", gain=40)):
        again = encoder_from_spec(json.loads(json.dumps(encoder.spec())))
        assert again == encoder
        assert type(again) is cls
        assert again.spec() == encoder.spec()


def test_own_parameters_are_in_the_specification() -> None:
    assert FlipFlop((-1,), (1,), max_spikes=4, interval=2).spec() == {
        "kind": "flip-flop", "low": [-1.0], "high": [1.0], "bits": 8, "rounding": "away", "gain": 16,
        "max_spikes": 4, "interval": 2,
    }  # fmt: skip
    assert Argyle((-1,), (1,), neurons=5).spec()["neurons"] == 5
    assert TimeToFirstSpike((0,), (1,), steps=9).spec()["steps"] == 9


def test_the_registries_know_their_kinds() -> None:
    assert {kind: cls.kind for kind, cls in ENCODERS.items()} == {kind: kind for kind in ENCODERS}
    assert sorted(ENCODERS) == ["argyle", "count", "flip-flop", "time-to-first-spike"]
    assert {kind: cls.kind for kind, cls in DECODERS.items()} == {kind: kind for kind in DECODERS}


VALID = {"kind": "flip-flop", "low": [-1], "high": [1]}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "flipflop", "low": [0], "high": [1]}, "encoder: no such name: 'flipflop'. Did you mean 'flip-flop'?"),
        ({"low": [0], "high": [1]}, "encoder: no such name: None"),
        ({"kind": ["count"]}, "encoder: no such name"),
        ({"kind": "count"}, "encoder 'count'"),
        (VALID | {"max_spike": 3}, "encoder 'flip-flop': unknown parameter 'max_spike'. Did you mean 'max_spikes'?"),
        (VALID | {"neurons": 3}, "encoder 'flip-flop': unknown parameter 'neurons'"),
        (VALID | {"bits": 0}, "bits: expected 1 to 16, got 0"),
        (VALID | {"bits": 17}, "bits: expected 1 to 16, got 17"),
        (VALID | {"bits": "8"}, "bits: expected an integer from 1 to 16, got '8'"),
        (VALID | {"bits": True}, "bits: expected an integer"),
        (VALID | {"gain": 0}, "gain: expected 1 to 256, got 0"),
        (VALID | {"gain": 257}, "gain: expected 1 to 256, got 257"),
        (VALID | {"rounding": "neerest"}, "rounding: no such name: 'neerest'. Did you mean 'nearest'?"),
        (VALID | {"max_spikes": 0}, "max_spikes: expected 1 to 1024, got 0"),
        (VALID | {"interval": 1025}, "interval: expected 1 to 1024, got 1025"),
        (VALID | {"low": [-1, 0]}, "low has 2 values, high has 1"),
        (VALID | {"low": -1}, "low: expected a list of numbers"),
        (VALID | {"low": ["x"]}, "low: expected a list of numbers"),
        (VALID | {"low": None}, "low: expected a list of numbers"),
        (VALID | {"low": [1]}, "value 0: expected finite low < high, got 1.0 and 1.0"),
        (VALID | {"low": [0, 5], "high": [1, 4]}, "value 1: expected finite low < high, got 5.0 and 4.0"),
        (VALID | {"high": [math.inf]}, "value 0: expected finite low < high"),
        (VALID | {"low": [math.nan]}, "value 0: expected finite low < high"),
        (VALID | {"kind": "argyle", "neurons": 1}, "encoder 'argyle': neurons: expected 2 to 64, got 1"),
        ({"kind": "time-to-first-spike", "low": [0], "high": [1], "steps": 1}, "steps: expected 2 to 32768, got 1"),
    ],
    ids=str,
)
def test_a_wrong_encoder_is_refused_with_a_message(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(EvoNeuroError) as caught:
        encoder_from_spec(spec)
    assert message in str(caught.value)


def test_a_whole_number_written_as_a_float_is_an_integer() -> None:
    # TOML and JSON files hold such numbers
    encoder = encoder_from_spec(VALID | {"bits": 4.0, "max_spikes": 8.0, "interval": 3.0, "gain": 16.0})
    assert counts_of(encoder, [[0.5]]) == [[0, 4]]
    assert json.dumps(encoder.spec()) == json.dumps(encoder_from_spec(VALID | {"bits": 4}).spec())
    assert json.dumps(decoder_from_spec({"kind": "race", "evidence": 2.0}).spec()) == json.dumps(Race(2).spec())


def test_encoders_cannot_be_changed(encoder: Encoder) -> None:
    with pytest.raises(AttributeError):
        encoder.bits = 3  # type: ignore[misc]


# Decoders


@pytest.mark.parametrize("decoder", [Count(), Race(), Race(3, 2), Race(0, 1)], ids=str)
def test_decoder_specifications_come_back(decoder: Any) -> None:
    assert decoder_from_spec(json.loads(json.dumps(decoder.spec()))) == decoder


def test_stopping_rules() -> None:
    rules = {
        str(spec): decoder_from_spec(spec) for spec in (None, {"kind": "count"}, {"kind": "race"}, Race(0, 4).spec())
    }
    assert [(rule.evidence, rule.lead) for rule in rules.values()] == [(0, 0), (0, 0), (1, 0), (0, 4)]
    assert Race(2, 3).spec() == {"kind": "race", "evidence": 2, "lead": 3}
    assert Count().spec() == {"kind": "count"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "rase"}, "decoder: no such name: 'rase'. Did you mean 'rate'?"),
        ({"evidence": 2}, "decoder: no such name: None"),
        ({"kind": "race", "evidense": 2}, "decoder 'race': unknown parameter 'evidense'. Did you mean 'evidence'?"),
        ({"kind": "count", "evidence": 2}, "decoder 'count': unknown parameter 'evidence'"),
        ({"kind": "race", "evidence": 0}, "evidence and lead are both 0; use 'count'"),
        ({"kind": "race", "evidence": -1}, "decoder 'race': evidence: expected 0 to 65536, got -1"),
        ({"kind": "race", "lead": 65537}, "decoder 'race': lead: expected 0 to 65536, got 65537"),
        ({"kind": "race", "lead": 1.5}, "decoder 'race': lead: expected an integer"),
    ],
    ids=str,
)
def test_a_wrong_decoder_is_refused_with_a_message(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(EvoNeuroError) as caught:
        decoder_from_spec(spec)
    assert message in str(caught.value)


# Packed trains


@given(st.integers(0, 100), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32))
@settings(max_examples=100)
def test_pack_and_unpack_are_inverse(steps: int, lanes: int, inputs: int, seed: int) -> None:
    spikes = np.random.default_rng(seed).integers(0, 2, (steps, lanes, inputs), np.uint8)
    trains = pack(spikes)
    assert trains.shape == (-(-steps // 32), inputs, lanes)
    assert trains.dtype == np.uint32
    assert unpack(trains, steps).tolist() == spikes.tolist()
    assert unpack(trains, steps).dtype == np.uint8
    assert unpack(trains, len(trains) * 32)[steps:].sum() == 0


def test_a_bit_is_a_step() -> None:
    spikes = np.zeros((70, 2, 3), int)
    spikes[0, 0, 0] = spikes[31, 0, 0] = spikes[32, 1, 2] = spikes[69, 0, 1] = 1
    trains = pack(spikes)
    assert trains[0, 0, 0] == 1 + 2**31
    assert trains[1, 2, 1] == 1
    assert trains[2, 1, 0] == 2**5
    assert np.count_nonzero(trains) == 3


@pytest.mark.parametrize("spike", [True, 5, -1, 256, 0.5])
def test_any_value_but_0_is_a_spike(spike: Any) -> None:
    assert pack([[[spike, 0]]]).tolist() == [[[1], [0]]]


def test_unpack_stops_after_the_steps_asked_for() -> None:
    assert unpack(np.full((2, 1, 1), 0xFFFFFFFF, np.uint32), 33).sum() == 33


@pytest.mark.parametrize(("steps", "expected"), [(0, 0), (1, 1), (32, 1), (33, 2), (64, 2), (65, 3)])
def test_words(steps: int, expected: int) -> None:
    assert words(steps) == expected


@given(st.lists(finite, min_size=1, max_size=3), st.lists(finite, min_size=1, max_size=3))
@settings(max_examples=100)
def test_any_finite_observation_has_a_code(low: list[float], x: list[float]) -> None:
    assume(all(value + 1 > value for value in low))
    encoder = FlipFlop(low, [value + 1 for value in low])  # type: ignore[arg-type]
    q = encoder.quantise([(x * 3)[: len(low)]])
    assert ((q >= 0) & (q <= 256)).all()
