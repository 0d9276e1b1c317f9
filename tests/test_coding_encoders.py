"""Every registered encoder owes the same; encoders made of others; specifications and their errors."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conformance import EncoderCases
from encoded import counts_of, raster_of, steps_of, times_of
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.coding import (
    ENCODERS,
    Argyle,
    Encoder,
    FlipFlop,
    Gaussian,
    Stream,
    TimeToFirstSpike,
    encoder_from_spec,
)
from evoneuro.errors import EvoNeuroError

RANGES: dict[str, Any] = {"low": [-1.0, 0.125], "high": [2.0, 0.375]}  # whose centres are exact as floats
OTHERS: list[dict[str, Any]] = [
    {"kind": "time-to-first-spike", "bias": 3, "complement": True, "threshold": 40, "start": 2},
    {"kind": "time-to-first-spike", "complement": True, "steps": 60},
    {"kind": "log-latency", "form": "rc", "threshold": 20, "steps": 40},
    {"kind": "bernoulli", "offset": -20, "seed": 9, "bits": 16},
    {"kind": "current", "charge": 40, "bias": -20},
    {"kind": "phase", "charge": 32768, "phases": 16, "bits": 4},
    {"kind": "gaussian", "centres": "even", "neurons": 2, "inner": {"kind": "regular"}},
    {"kind": "gaussian", "inner": {"kind": "bernoulli"}},
    {"kind": "gaussian", "inner": {"kind": "time-to-first-spike", "bias": 0, "complement": True}},
    {"kind": "gaussian", "inner": {"kind": "current", "charge": 9}},
    {"kind": "stream", "inner": {"kind": "argyle", "interval": 1}, "interval": 9},
    {"kind": "stream", "inner": {"kind": "charge"}, "interval": 33},
    {"kind": "stream", "inner": {"kind": "gaussian", "inner": {"kind": "rank-order"}}, "interval": 40},
    {"kind": "send-on-delta", "interval": 5, "delta": 3, "bits": 16},
    {"kind": "moving-window", "interval": 2, "samples": 1},
    {"kind": "delta", "padding": True, "delta": 2, "bits": 2},
    {"kind": "crossing", "interval": 3, "spikes": 3, "bits": 1},
]


class TestRegistered(EncoderCases):
    @pytest.fixture(params=[*({"kind": kind} for kind in ENCODERS), *OTHERS], ids=str)
    def encoder(self, request: pytest.FixtureRequest) -> Encoder:
        return encoder_from_spec(RANGES | request.param)


def test_the_registry_knows_its_kinds() -> None:
    assert {kind: cls.kind for kind, cls in ENCODERS.items()} == {kind: kind for kind in ENCODERS}
    assert sorted(ENCODERS) == [
        "argyle", "bernoulli", "bins", "charge", "count", "crossing", "current", "delta", "flip-flop", "gaussian",
        "log-latency", "moving-window", "phase", "rank-order", "regular", "send-on-delta", "step-forward", "stream",
        "time-to-first-spike",
    ]  # fmt: skip


def test_what_the_kinds_are() -> None:
    made = {kind: encoder_from_spec(RANGES | {"kind": kind}) for kind in ENCODERS}
    assert sorted(kind for kind, encoder in made.items() if encoder.graded) == ["charge", "current", "phase"]
    series = ["crossing", "delta", "moving-window", "send-on-delta", "step-forward", "stream"]
    assert sorted(kind for kind, encoder in made.items() if encoder.series) == series
    assert sorted(k for k, encoder in made.items() if not encoder.tabular) == sorted(
        [*series, "bernoulli", "rank-order"]
    )


# Gaussian receptive fields


def activations(centres: str, m: int, u: float, beta: float = 1.5) -> list[float]:
    """As published: Bohte counts the fields from 1, PopSAN from 0."""
    if centres == "bohte":
        mu, sigma = [(2 * i - 3) / 2 / (m - 2) for i in range(1, m + 1)], 1 / beta / (m - 2)
    else:
        mu, sigma = [i / (m - 1) for i in range(m)], 1 / beta / (m - 1)
    return [math.exp(-((u - c) ** 2) / (2 * sigma**2)) for c in mu]


@given(
    st.sampled_from(["bohte", "even"]),
    st.integers(3, 12),
    st.integers(4, 12),
    st.floats(0.5, 3),
    st.integers(0, 2**12),
)
@settings(max_examples=200)
def test_gaussian_fields_are_the_equation(centres: str, m: int, bits: int, beta: float, q: int) -> None:
    q %= 2**bits + 1
    inner = {"kind": "charge", "charge": 2**bits}
    encoder = Gaussian((0,), (1,), bits=bits, neurons=m, centres=centres, beta=beta, inner=inner)
    expected = [a * 2**bits for a in activations(centres, m, q / 2**bits, beta)]
    assert steps_of(encoder, np.array([[q]]), 1)[0, 0].tolist() == pytest.approx(expected, abs=0.5 + 1e-6)


def test_gaussian_without_inner_is_bohtes_latency() -> None:
    encoder = Gaussian((0,), (1,), neurons=4)  # centres -1/4, 1/4, 3/4, 5/4, s = 1/3
    assert (encoder.inner.steps, encoder.inner.threshold) == (16, 26)
    for u in (0.0, 0.25, 0.5, 1.0):
        expected = [[math.floor((1 - a) * 15 + 0.5)] if a >= 0.1 else [] for a in activations("bohte", 4, u)]
        assert times_of(encoder, [[u]]) == expected
    assert times_of(encoder, [[0.25]])[1] == [0]


def test_gaussian_with_inner_regular_is_popsans() -> None:
    encoder = Gaussian((0,), (1,), neurons=5, centres="even", bits=16, inner={"kind": "regular"})
    for u in (0.0, 0.3, 0.75):
        counts = raster_of(encoder, [[u]], 50)[:, 0].sum(axis=0, dtype=int)
        for a, count in zip(activations("even", 5, u), counts, strict=True):
            potential, spikes = 0.0, 0
            for _ in range(50):
                potential += a
                fires = potential > 0.999
                potential -= 0.999 * fires
                spikes += fires
            assert abs(count - spikes) <= 1


def test_gaussian_fields_lie_symmetrically_and_the_gain_stretches_about_the_centre() -> None:
    encoder = Gaussian((-1,), (1,), neurons=6, inner={"kind": "charge"})
    q = np.arange(257)[:, None]
    fields = steps_of(encoder, q, 1)[0]
    assert (fields == fields[::-1, ::-1]).all()
    assert (steps_of(encoder, q, 1, gain=32)[0, 64:193] == fields[::2]).all()


# Stream


@given(st.sampled_from(["flip-flop", "count", "rank-order", "current", "bernoulli"]), st.integers(1, 40))
@settings(max_examples=60)
def test_a_stream_is_its_samples_encoded_one_by_one(kind: str, interval: int) -> None:
    shared: dict[str, Any] = {"low": [0, 0], "high": [1, 4], "bits": 6, "rounding": "nearest"}
    encoder = Stream(**shared, inner={"kind": kind}, interval=interval)
    inner = encoder_from_spec(shared | {"kind": kind})
    x = np.random.default_rng(interval).uniform(0, 4, (5, 7, 2))
    gain = np.arange(5) * 10 + 1
    parts = [raster_of(inner, x[:, k], interval, gain=gain) for k in range(7)]
    assert (raster_of(encoder, x, 7 * interval, gain=gain) == np.concatenate(parts)).all()


def test_a_stream_by_hand() -> None:
    encoder = Stream((-1,), (1,), interval=8)  # flip-flop with 4 spikes, 2 steps apart
    assert times_of(encoder, [[[-1.0], [0.5], [0.0]]], 24) == [[0, 2, 4, 6], [8, 10]]


def test_a_composed_encoder_keeps_its_inner_one_when_something_else_changes() -> None:
    encoder = Stream((0,), (1,), inner={"kind": "count", "max_spikes": 3})
    changed = replace(encoder, bits=5, rounding="up")
    assert (changed.inner.max_spikes, changed.inner.bits, changed.inner.rounding) == (3, 5, "up")
    assert changed.spec()["inner"] == {"kind": "count", "max_spikes": 3, "interval": 3}


def test_flags_of_composed_encoders_are_those_of_the_inner_one() -> None:
    assert Gaussian((0,), (1,)).tabular
    assert not Gaussian((0,), (1,), inner={"kind": "bernoulli"}).tabular
    assert Gaussian((0,), (1,), inner={"kind": "current"}).graded
    assert Stream((0,), (1,), inner={"kind": "phase"}).graded
    assert not Stream((0,), (1,)).graded


# Specifications


def test_own_parameters_are_in_the_specification() -> None:
    assert FlipFlop((-1,), (1,), max_spikes=4, interval=2).spec() == {
        "kind": "flip-flop", "low": [-1.0], "high": [1.0], "bits": 8, "rounding": "away", "gain": 16,
        "max_spikes": 4, "interval": 2,
    }  # fmt: skip
    assert Argyle((-1,), (1,), neurons=5).spec()["neurons"] == 5
    assert TimeToFirstSpike((0,), (1,), steps=9).spec()["steps"] == 9
    assert Gaussian((0,), (1,), inner={"kind": "regular"}).spec() == {
        "kind": "gaussian", "low": [0.0], "high": [1.0], "bits": 8, "rounding": "nearest", "gain": 16,
        "inner": {"kind": "regular"}, "neurons": 8, "centres": "bohte", "beta": 1.5,
    }  # fmt: skip


VALID = {"kind": "flip-flop", "low": [-1], "high": [1]}
ONE: dict[str, Any] = {"low": [0], "high": [1]}


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
        (ONE | {"kind": "time-to-first-spike", "threshold": 257}, "threshold: expected 0 to 256, got 257"),
        (ONE | {"kind": "time-to-first-spike", "bias": -2}, "bias: expected -1 to 65536, got -2"),
        (ONE | {"kind": "time-to-first-spike", "start": -1}, "start: expected 0 to 32768, got -1"),
        (ONE | {"kind": "time-to-first-spike", "complement": 1}, "complement: expected true or false, got 1"),
        (ONE | {"kind": "log-latency", "form": "linear"}, "encoder 'log-latency': form: no such name: 'linear'"),
        (ONE | {"kind": "log-latency", "form": "rc"}, "form 'rc' charges to the threshold: expected 1 to 255"),
        (ONE | {"kind": "log-latency", "form": "rc", "threshold": 256}, "quantised steps, got 256"),
        (ONE | {"kind": "rank-order", "interval": 0}, "encoder 'rank-order': interval: expected 1 to 1024, got 0"),
        (ONE | {"kind": "bernoulli", "offset": 257}, "offset: expected -256 to 256, got 257"),
        (ONE | {"kind": "bernoulli", "seed": 2**32}, "seed: expected 0 to 4294967295, got 4294967296"),
        (ONE | {"kind": "bins", "neurons": 1}, "encoder 'bins': neurons: expected 2 to 1024, got 1"),
        (ONE | {"kind": "charge", "charge": 0}, "encoder 'charge': charge: expected 1 to 32768, got 0"),
        (ONE | {"kind": "current", "charge": 5, "bias": 6}, "encoder 'current': bias: expected -5 to 5, got 6"),
        (ONE | {"kind": "phase", "phases": 8}, "127 >> 7 = 0; expected a charge of at least 128, or at most 7 phases"),
        (ONE | {"kind": "phase", "phases": 17}, "phases: expected 1 to 16, got 17"),
        (ONE | {"kind": "gaussian", "centres": "uniform"}, "encoder 'gaussian': centres: no such name: 'uniform'"),
        (ONE | {"kind": "gaussian", "neurons": 2}, "encoder 'gaussian': neurons: expected 3 to 64, got 2"),
        (ONE | {"kind": "gaussian", "beta": 0}, "beta: expected a number from 0.01 to 100, got 0"),
        (ONE | {"kind": "gaussian", "beta": "wide"}, "beta: expected a number from 0.01 to 100, got 'wide'"),
        (ONE | {"kind": "gaussian", "inner": "count"}, "inner: expected a specification such as {'kind': 'count'}"),
        (ONE | {"kind": "gaussian", "inner": {"kind": "delta"}}, "inner: 'delta' reads series; expected one of values"),
        (ONE | {"kind": "stream", "inner": {"kind": "cont"}}, "no such name: 'cont'. Did you mean 'count'?"),
        (ONE | {"kind": "stream", "inner": {"interval": 2}}, "encoder: no such name: None"),
        (ONE | {"kind": "stream", "inner": {"kind": "count", "bits": 4}}, "inner: 'bits' is the outer encoder's"),
        (ONE | {"kind": "stream", "inner": {"kind": "stream"}}, "inner: 'stream' reads series"),
        (ONE | {"kind": "stream", "interval": 0}, "encoder 'stream': interval: expected 1 to 32768, got 0"),
        (ONE | {"kind": "send-on-delta", "delta": 0}, "encoder 'send-on-delta': delta: expected 1 to 65536, got 0"),
        (ONE | {"kind": "step-forward", "interval": 1025}, "interval: expected 1 to 1024, got 1025"),
        (ONE | {"kind": "delta", "padding": "yes"}, "encoder 'delta': padding: expected true or false, got 'yes'"),
        (ONE | {"kind": "moving-window", "samples": 0}, "samples: expected 1 to 32768, got 0"),
        (ONE | {"kind": "crossing", "thresholds": 1}, "thresholds: expected 2 to 256, got 1"),
        (ONE | {"kind": "crossing", "spikes": 2}, "2 spikes per event do not fit 1 steps per sample; raise interval"),
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
