"""The network file: what is written is read back, and anything else is refused with a reason."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import networks

from evoneuro import network_file
from evoneuro.errors import EvoNeuroError, FormatError
from evoneuro.network import NO_CEILING, NO_FLOOR, Network
from evoneuro.network_file import from_document, load, read_json, save, to_document, write_atomically

NETWORK = Network(
    ids=[3, 7, 20],  # type: ignore[arg-type]
    threshold=[1, 2, 0],  # type: ignore[arg-type]
    leak=[-1, 0, 7],  # type: ignore[arg-type]
    refractory=[0, 1, 0],  # type: ignore[arg-type]
    pre=[0, 0, 1],  # type: ignore[arg-type]
    post=[1, 2, 2],  # type: ignore[arg-type]
    weight=[5, -6, 0],  # type: ignore[arg-type]
    delay=[1, 2, 255],  # type: ignore[arg-type]
    inputs=[0],  # type: ignore[arg-type]
    outputs=[2, 1],  # type: ignore[arg-type]
    encoder={"kind": "count", "low": [-0.5], "high": [1.5]},
    decoder={"kind": "race", "evidence": 2, "lead": 0},
    task={"name": "xor", "version": 1, "parameters": {}},
    provenance={"seed": 1, "scores": [0.25, 1e-7], "note": "\u00e9t\u00e9 \u2713"},
)


def signed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a fitting checksum, computed here from the definition."""
    content = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**content, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def changed(*path: str, value: Any) -> dict[str, Any]:
    """The document of `NETWORK` with one entry changed, signed anew."""
    document: Any = json.loads(json.dumps(to_document(NETWORK)))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return signed(document)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.json"


@pytest.fixture
def written(path: Path) -> Path:
    save(NETWORK, path)
    return path


# Round trip


def test_round_trip(written: Path) -> None:
    assert load(written) == NETWORK
    assert load(str(written)).fingerprint() == NETWORK.fingerprint()


def test_the_method_writes_the_same_file(written: Path, tmp_path: Path) -> None:
    NETWORK.save(str(tmp_path / "other.json"))
    assert (tmp_path / "other.json").read_bytes() == written.read_bytes()


@given(networks())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_round_trip_of_any_network(path: Path, network: Network) -> None:
    save(network, path)
    assert load(path) == network


def test_the_file_is_what_its_description_says(written: Path) -> None:
    document = json.loads(written.read_text())
    assert (document["format"], document["version"]) == ("evoneuro-network", 1)
    assert document["neurons"] == {
        "id": [3, 7, 20],
        "threshold": [1, 2, 0],
        "leak": [None, 0, 7],
        "refractory": [0, 1, 0],
    }
    assert document["synapses"] == {"pre": [3, 3, 7], "post": [7, 20, 20], "weight": [5, -6, 0], "delay": [1, 2, 255]}
    assert (document["inputs"], document["outputs"], document["v_min"], document["v_max"]) == ([3], [20, 7], -127, None)
    assert document == signed(document)


@pytest.mark.parametrize("bounds", [(NO_FLOOR, NO_CEILING), (0, 5)])
def test_null_stands_for_no_floor_and_no_ceiling(bounds: tuple[int, int]) -> None:
    document = to_document(Network(**{**vars(NETWORK), "v_min": bounds[0], "v_max": bounds[1]}))
    assert (document["v_min"], document["v_max"]) == ((None, None) if bounds[0] else bounds)
    again = from_document(document)
    assert (again.v_min, again.v_max) == bounds


def test_text_outside_ascii_survives(written: Path) -> None:
    assert load(written).provenance["note"] == "\u00e9t\u00e9 \u2713"


# Damage


def damage(text: str, at: int, how: int, rng: np.random.Generator) -> str:
    """One character replaced, dropped or inserted."""
    other = chr(int(rng.integers(32, 127)))
    return text[:at] + ("" if how == 1 else other) + text[at + (how != 2) :]


def reading(path: Path) -> Any:
    """The network, or why there is none."""
    try:
        return load(path)
    except FormatError as error:
        return str(error)


def test_one_wrong_character_is_refused_or_harmless(written: Path, path: Path) -> None:
    text = written.read_text()
    rng = np.random.default_rng(0)
    refused = 0
    for i in range(600):
        bad = damage(text, int(rng.integers(len(text))), i % 3, rng)
        path.write_text(bad)
        outcome = reading(path)
        assert outcome == NETWORK or str(path) in outcome or "network file" in outcome, bad
        refused += isinstance(outcome, str)
    assert refused > 400


def test_one_wrong_byte_is_refused_or_harmless(written: Path, path: Path) -> None:
    data = written.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(300):
        at, mask = int(rng.integers(len(data))), 1 << int(rng.integers(8))
        path.write_bytes(data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :])
        outcome = reading(path)
        assert outcome == NETWORK or isinstance(outcome, str), (at, mask)


def test_a_torn_file_is_refused(written: Path, path: Path) -> None:
    text = written.read_text().rstrip("\n")
    for length in range(0, len(text), 7):
        path.write_text(text[:length])
        with pytest.raises(FormatError):
            load(path)


# Strict JSON


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8 text"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        (b'{"a": NaN}', "NaN is not a number that JSON knows"),
        (b'{"a": -Infinity}', "-Infinity is not a number that JSON knows"),
        (b'{"a": 1e999}', "is not a number that JSON knows|infin"),
        (b'{"a": 1, "a": 1}', "one key twice"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "one key twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
    ids=lambda x: repr(x)[:30],
)
def test_json_is_strict(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(FormatError, match=f"{re.escape(str(path))}: .*({message})"):
        read_json(path)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [5, 200, 800, 900, 940, 980, 1000, 1100, 10_000, 300_000])
def test_deep_nesting_is_refused_and_never_crashes(path: Path, opening: str, depth: int) -> None:
    deep = opening * depth + "1" + {"[": "]", '{"a":': "}"}[opening] * depth
    path.write_text(json.dumps({**to_document(NETWORK), "provenance": {"x": 0}}).replace('"x": 0', f'"x": {deep}'))
    with pytest.raises(FormatError, match=r"nested too deeply|does not match its sha256"):
        load(path)


def test_a_file_that_is_too_large_is_refused_unread(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_file, "LARGEST", 100)
    with pytest.raises(FormatError, match=r"bytes; expected at most 100"):
        load(written)


def test_a_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json", tmp_path / "x" / "y.json"):
        with pytest.raises(FormatError, match=f"{re.escape(str(path))}: cannot be read"):
            load(path)


# Documents


@pytest.mark.parametrize(
    "document", [None, [], "text", 3, {}, {"format": "other"}, {"Nodes": [], "Edges": []}], ids=str
)
def test_what_is_no_network_file_is_refused(document: Any) -> None:
    with pytest.raises(FormatError, match=r"not a network file.*evoneuro import"):
        from_document(document)


@pytest.mark.parametrize("version", [2, 0, "1", None])
def test_another_version_is_refused_before_anything_else(version: Any) -> None:
    with pytest.raises(FormatError, match=f"network file version {version!r}; this program reads version 1"):
        from_document({"format": "evoneuro-network", "version": version, "novelty": 1})


@pytest.mark.parametrize("key", sorted(to_document(NETWORK)))
def test_a_missing_key_is_named(key: str) -> None:
    document = {k: v for k, v in to_document(NETWORK).items() if k != key}
    with pytest.raises(FormatError, match=f"'{key}' is missing|not a network file|version None"):
        from_document(document if key == "sha256" else {**signed(document)})


@pytest.mark.parametrize(("group", "key"), [("neurons", "leak"), ("synapses", "delay")])
def test_a_missing_column_is_named(group: str, key: str) -> None:
    columns = {k: v for k, v in to_document(NETWORK)[group].items() if k != key}
    with pytest.raises(FormatError, match=f"{group}: key '{key}' is missing"):
        from_document(changed(group, value=columns))


def test_an_unknown_key_is_named_with_the_nearest() -> None:
    with pytest.raises(FormatError, match=r"unknown key 'windows'\. Did you mean 'window'\?"):
        from_document(signed({**to_document(NETWORK), "windows": 3}))
    with pytest.raises(FormatError, match=r"neurons: unknown key 'thresold'\. Did you mean 'threshold'\?"):
        from_document(changed("neurons", "thresold", value=[1, 2, 3]))


@pytest.mark.parametrize("key", ["window", "provenance", "sha256"])
def test_a_wrong_checksum_is_refused(key: str) -> None:
    document = to_document(NETWORK)
    document[key] = {"window": 23, "provenance": {"seed": 2}, "sha256": "0" * 64}[key]
    with pytest.raises(FormatError, match="damaged: its content does not match its sha256"):
        from_document(document)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("neurons",), [1], "neurons: expected an object"),
        (("synapses",), None, "synapses: expected an object"),
        (("neurons", "id"), [3, 7, 7], "synapses.post names neuron 20, which does not exist|must be unique"),
        (("neurons", "id"), [3, 7, 20, 20], "threshold: expected shape|must be unique"),
        (("neurons", "id"), [3, 7, None], "neurons.id: expected a list of integers"),
        (("neurons", "threshold"), [1, 2], "threshold: expected shape"),
        (("neurons", "threshold"), [1, 2, 0.5], "neurons.threshold: expected a list of integers"),
        (("neurons", "threshold"), [1, 2, 2.0], "neurons.threshold: expected a list of integers"),
        (("neurons", "threshold"), [1, True, 2], "neurons.threshold: expected a list of integers"),
        (("neurons", "threshold"), "123", "neurons.threshold: expected a list of integers"),
        (("neurons", "threshold"), {"0": 1}, "neurons.threshold: expected a list of integers"),
        (("neurons", "leak"), [None, 16, 0], "leak"),
        (("neurons", "refractory"), [0, 0, 256], "refractory"),
        (("synapses", "weight"), [5, "6", 7], "synapses.weight: expected a list of integers"),
        (("synapses", "weight"), [5, 2**32, 0], "weight"),
        (("synapses", "weight"), [5, 2**80, 0], "weight"),
        (("synapses", "weight"), [[5], [6], [7]], "synapses.weight: expected a list of integers"),
        (("synapses", "delay"), [0, 1, 1], "delay"),
        (("synapses", "pre"), [3, 3, 8], "synapses.pre names neuron 8, which does not exist"),
        (("synapses", "post"), [7, 20], "expected shape"),
        (("inputs",), [4], "inputs names neuron 4, which does not exist"),
        (("inputs",), [3, 3], "twice in inputs"),
        (("outputs",), None, "outputs: expected a list of integers"),
        (("reset",), "none", "reset: no such name: 'none'"),
        (("reset",), ["zero"], "reset"),
        (("v_min",), 1, "v_min"),
        (("v_min",), "-5", "v_min"),
        (("v_max",), 0, "v_max"),
        (("v_max",), False, "v_max"),
        (("window",), None, "window"),
        (("window",), 1.5, "window"),
        (("input_max",), 2**31, "input_max"),
        (("input_charge",), 2, "input_charge"),
        (("encoder",), "count", "encoder: expected an object or null"),
        (("decoder",), [], "decoder: expected an object or null"),
        (("task",), 3, "task: expected an object or null"),
        (("provenance",), None, "provenance: expected an object"),
    ],
    ids=str,
)
def test_a_signed_but_wrong_value_is_refused(path: tuple[str, ...], value: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        from_document(changed(*path, value=value))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-300, 300)
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
PLACES = [(key,) for key in to_document(NETWORK) if key != "sha256"] + [
    (group, key) for group in ("neurons", "synapses") for key in to_document(NETWORK)[group]
]


@given(st.sampled_from(PLACES), JSON)
@settings(max_examples=300, deadline=None)
def test_any_value_in_any_place_is_a_network_or_a_format_error(path: tuple[str, ...], value: Any) -> None:
    try:
        network = from_document(changed(*path, value=value))
    except FormatError:
        return
    assert from_document(to_document(network)) == network


# Writing


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x"], ids=repr)
def test_what_json_cannot_say_is_refused_and_leaves_no_file(path: Path, value: Any) -> None:
    with pytest.raises(EvoNeuroError):
        save(Network(**{**vars(NETWORK), "provenance": {"x": value}}), path)
    assert os.listdir(path.parent) == []


def test_saving_replaces_and_leaves_nothing_else(written: Path) -> None:
    other = Network(**{**vars(NETWORK), "window": 7})
    save(other, written)
    assert load(written) == other
    assert os.listdir(written.parent) == ["net.json"]


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(
    written: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(EvoNeuroError, match=r"net\.json: cannot be written: No space left on device"):
            save(Network(**{**vars(NETWORK), "window": 7}), written)
    assert load(written) == NETWORK
    assert os.listdir(written.parent) == ["net.json"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()], ids=repr)
def test_an_interrupted_write_leaves_no_other_file(
    written: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def stop(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", stop)
        with pytest.raises(type(error)):
            write_atomically(written, "new")
    assert load(written) == NETWORK
    assert os.listdir(written.parent) == ["net.json"]


PLACES_TO_FAIL: dict[str, Callable[[Path], Path]] = {
    "a directory": lambda path: path.parent,
    "in no directory": lambda path: path.parent / "none" / "net.json",
    "under a file": lambda path: path / "net.json",
    "of too long a name": lambda path: path.parent / ("n" * 255),
}


@pytest.mark.parametrize("place", PLACES_TO_FAIL)
def test_a_place_that_cannot_be_written_is_named(written: Path, place: str) -> None:
    target = PLACES_TO_FAIL[place](written)
    with pytest.raises(EvoNeuroError, match=f"{re.escape(str(target))}: cannot be written"):
        save(NETWORK, target)
    assert os.listdir(written.parent) == ["net.json"]


def test_the_text_is_on_disk_before_the_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append(f"fsync {os.fstat(fd).st_size}"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b)))
    write_atomically(path, "four")
    assert calls[:2] == ["fsync 4", "replace"]
