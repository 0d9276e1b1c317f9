"""The network file: versioned, checksummed JSON that is deployable alone.

Columns of numbers, neuron ids instead of positions, `null` for "none" (leak, floor, ceiling). `sha256` is the
digest of the canonical JSON (sorted keys, no spaces) of everything else, so that a flipped digit is refused
instead of being another network.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from evoneuro.errors import EvoNeuroError, FormatError, nearest
from evoneuro.network import NO_CEILING, NO_FLOOR, NO_LEAK, Network

FORMAT = "evoneuro-network"
VERSION = 1
LARGEST = 64 * 2**20  # bytes; a larger file is no small network

_SCALARS = ("reset", "input_charge", "input_max", "window", "encoder", "decoder", "task", "provenance")
_KEYS = {"format", "version", "sha256", "neurons", "synapses", "inputs", "outputs", "v_min", "v_max", *_SCALARS}
_NEURON_KEYS = ("id", "threshold", "leak", "refractory")
_SYNAPSE_KEYS = ("pre", "post", "weight", "delay")


def to_document(network: Network) -> dict[str, Any]:
    """The network as plain data, checksum included."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "neurons": {
            "id": network.ids.tolist(),
            "threshold": network.threshold.tolist(),
            "leak": [None if leak == NO_LEAK else leak for leak in network.leak.tolist()],
            "refractory": network.refractory.tolist(),
        },
        "synapses": {
            "pre": network.ids[network.pre].tolist(),
            "post": network.ids[network.post].tolist(),
            "weight": network.weight.tolist(),
            "delay": network.delay.tolist(),
        },
        "inputs": network.ids[network.inputs].tolist(),
        "outputs": network.ids[network.outputs].tolist(),
        "v_min": None if network.v_min == NO_FLOOR else network.v_min,
        "v_max": None if network.v_max == NO_CEILING else network.v_max,
        **{name: getattr(network, name) for name in _SCALARS},
    }
    document["sha256"] = _digest(document)
    return document


def from_document(document: Any) -> Network:
    """The network of a document that `to_document` made.

    Raises:
        FormatError: another format, a newer version, a missing or unknown key, a wrong checksum or value.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FormatError(
            f"not a network file: expected a JSON object with format {FORMAT!r} (TENNLab networks: evoneuro import)"
        )
    if document.get("version") != VERSION:
        raise FormatError(f"network file version {document.get('version')!r}; this program reads version {VERSION}")
    _check_keys("network file", document, _KEYS)
    if document["sha256"] != _digest({k: v for k, v in document.items() if k != "sha256"}):
        raise FormatError("network file is damaged: its content does not match its sha256")
    try:
        return _build(document)
    except FormatError:
        raise
    except (EvoNeuroError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise FormatError(f"network file: {error}") from None


def _build(document: dict[str, Any]) -> Network:
    neurons, synapses = document["neurons"], document["synapses"]
    _check_keys("neurons", neurons, _NEURON_KEYS)
    _check_keys("synapses", synapses, _SYNAPSE_KEYS)
    columns = {
        **{f"neurons.{key}": neurons[key] for key in _NEURON_KEYS},
        **{f"synapses.{key}": synapses[key] for key in _SYNAPSE_KEYS},
        "inputs": document["inputs"],
        "outputs": document["outputs"],
    }
    for name, column in columns.items():
        if not isinstance(column, list) or not all(
            _is_integer(v) or (v is None and name.endswith("leak")) for v in column
        ):
            raise FormatError(f"network file: {name}: expected a list of integers")
    position = {name: i for i, name in enumerate(neurons["id"])}

    def positions(column: str) -> list[int]:
        missing = next((name for name in columns[column] if name not in position), None)
        if missing is not None:
            raise FormatError(f"network file: {column} names neuron {missing}, which does not exist")
        return [position[name] for name in columns[column]]

    for key in ("encoder", "decoder", "task"):
        if not isinstance(document[key], dict | None):
            raise FormatError(f"network file: {key}: expected an object or null")
    if not isinstance(document["provenance"], dict):
        raise FormatError("network file: provenance: expected an object")
    return Network(
        ids=neurons["id"],
        threshold=neurons["threshold"],
        leak=[NO_LEAK if leak is None else leak for leak in neurons["leak"]],  # type: ignore[arg-type]
        refractory=neurons["refractory"],
        pre=positions("synapses.pre"),  # type: ignore[arg-type]
        post=positions("synapses.post"),  # type: ignore[arg-type]
        weight=synapses["weight"],
        delay=synapses["delay"],
        inputs=positions("inputs"),  # type: ignore[arg-type]
        outputs=positions("outputs"),  # type: ignore[arg-type]
        v_min=NO_FLOOR if document["v_min"] is None else document["v_min"],
        v_max=NO_CEILING if document["v_max"] is None else document["v_max"],
        **{name: document[name] for name in _SCALARS},
    )


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write `network` to `path`: whole or not at all."""
    write_atomically(path, json.dumps(to_document(network), indent=1, allow_nan=False) + "\n")


def load(path: str | os.PathLike[str]) -> Network:
    """Read a network file.

    Raises:
        FormatError: the file is missing, unreadable or not a valid network.
    """
    return from_document(read_json(path))


def read_json(path: str | os.PathLike[str]) -> Any:
    """Strict JSON from a file: no NaN or infinity, no key twice, bounded size and depth.

    Raises:
        FormatError: with the file's name and what is wrong with it.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = b"" if size > LARGEST else file.read(LARGEST + 1)  # a device has no size, and no end
        if max(size, len(content)) > LARGEST:
            raise FormatError(f"{path}: {max(size, len(content))} bytes; expected at most {LARGEST}")
        text = content.decode("utf-8")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not JSON (not UTF-8 text)") from None
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_object)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except RecursionError:
        raise FormatError(f"{path}: nested too deeply") from None
    except ValueError as error:
        raise FormatError(f"{path}: not JSON: {error}") from None


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write `content`, text as UTF-8, so that a reader sees the old file or the new one, through any crash.

    Names of files in it become the bytes that they are, also where the locale has no letters for them.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        sync_folder(target.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise EvoNeuroError(f"{path}: cannot be written: {error.strerror or error}") from None
        raise


def sync_folder(folder: Path) -> None:
    """Make what the folder names durable: a file that was renamed may else have its old name after a power loss."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems have no such thing
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(document: dict[str, Any]) -> str:
    try:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise FormatError(f"network file: {error}") from None
    return hashlib.sha256(text.encode()).hexdigest()


def _check_keys(what: str, document: Any, keys: Any) -> None:
    if not isinstance(document, dict):
        raise FormatError(f"{what}: expected an object")
    for key in keys:
        if key not in document:
            raise FormatError(f"{what}: key {key!r} is missing")
    for key in document:
        if key not in keys:
            raise FormatError(f"{what}: unknown key {key!r}.{nearest(key, keys)}")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53


def _refuse_constant(name: str) -> NoReturn:
    raise FormatError(f"{name} is not a number that JSON knows")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_constant(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise FormatError("an object has one key twice")
    return result
