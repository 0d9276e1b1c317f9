"""Hostile files: mutations of good ones, by seed. The tests try some dozens, `experiments/faults/fuzz.py` thousands."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from evoneuro import config_file, network_file, schema
from evoneuro.config import Config
from evoneuro.database import DATABASE
from evoneuro.documents import pack, unpack
from evoneuro.errors import EvoNeuroError
from evoneuro.export import import_network, tennlab
from evoneuro.front import Front
from evoneuro.launch import configured
from evoneuro.record import Run
from evoneuro.store import Store

RUN = Path(__file__).parent / "formats" / str(schema.VERSION) / DATABASE
PLAIN: list[Any] = [None, True, -1, 0, 1, 2**31, 2**63 - 1, 2**70, 1e308, -0.5, "", "x", "x.py:Y", "\x1b[2J", [], {}]
PLAIN += [[1], {"a": 1}, [[1, 2]], [0] * 100_000, 1e-300]
WHOLE = [-1, 0, 1, 127, 2**31, 2**40, -(2**31), -(2**62), 2**62]
REAL = [np.nan, np.inf, -np.inf, -1.0, 1e300, 0.0]


def changed_bytes(content: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, cut, splice, or make a number huge."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 10))):
        at = rng.randrange(len(data)) if data else 0
        match rng.randrange(6):
            case 0 if data:
                data[at] ^= 1 << rng.randrange(8)
            case 1 if data:
                data[at] = rng.randrange(256)
            case 2:
                del data[at:]
            case 3:
                del data[at : at + rng.randrange(1, 40)]
            case 4:
                start = rng.randrange(len(data)) if data else 0
                data[at:at] = data[start : start + rng.randrange(1, 60)]
            case _:
                data[at:at] = rng.choice((b"9" * 400, b"1e999", b"[" * 3000, b"\0\0", b"\xff", b'"', b"{", b"-"))
    return bytes(data)


def changed_value(value: Any, rng: random.Random) -> Any:
    """Plain data with one place dropped, added to or replaced."""
    whole = json.loads(json.dumps(value))
    node = whole
    while True:
        keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return whole
        key = rng.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.75:
            node = node[key]
            continue
        chance = rng.random()
        if chance < 0.2:
            del node[key]
        elif chance < 0.3 and isinstance(node, dict):
            node[f"{key}x"] = rng.choice(PLAIN)
        else:
            node[key] = rng.choice(PLAIN)
        return whole


def changed_document(document: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """A document with one array or value changed, reshaped, dropped or replaced."""
    changed = dict(document)
    name = rng.choice(list(changed))
    value, chance = changed[name], rng.random()
    if chance < 0.1:
        del changed[name]
    elif isinstance(value, np.ndarray) and chance < 0.8:
        real = value.dtype.kind == "f"
        array = value.astype(np.float64 if real else np.int64)
        if array.size and rng.random() < 0.7:
            for _ in range(rng.choice((1, 1, 5))):
                array.flat[rng.randrange(array.size)] = rng.choice(REAL if real else WHOLE)
            changed[name] = array
        else:
            shapes = (array[:-1], array[:0], array[None], array.reshape(-1), np.concatenate([array, array]))
            changed[name] = rng.choice((*shapes, array.astype(float), np.ones(())))
    else:
        changed[name] = rng.choice([*PLAIN[:13], np.zeros(3), np.zeros((2, 2), int)])
    return changed


class Hostile:
    """One format: a good file, ways to spoil it, and what reads it.

    Attributes:
        names: of the kinds of mutations.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copyfile(RUN, folder / DATABASE)
        self._run = (folder / DATABASE).read_bytes()
        store = Store.read(folder)
        self._document = unpack((store.last_generation() or (0, b""))[1])
        self._meta, self._config = store.meta, store.config
        store.close()
        self._network = network_file.to_document(Front.read(folder).best().network)
        self._toml = config_file.to_toml(Config.from_document(self._config)).encode()
        self.kinds: dict[str, Callable[[random.Random], None]] = {
            "network, bytes": self.network_bytes,
            "network, signed": self.network_signed,
            "configuration, bytes": self.configuration_bytes,
            "configuration, values": self.configuration_values,
            "TENNLab network, values": self.tennlab,
            "run, bytes": self.run_bytes,
            "run, signed": self.run_signed,
            "run, meta": self.run_meta,
        }

    @property
    def by_bytes(self) -> dict[str, tuple[bytes, Callable[[bytes], None]]]:
        """A good file of each format, and what reads its bytes."""
        network = network_file.from_document(self._network)
        return {
            "network": (json.dumps(self._network, indent=1).encode(), self._load),
            "configuration": (self._toml, self._configure),
            "tennlab": (json.dumps(tennlab.to_document(network)).encode(), self._import),
            "run": (self._run, self._look_at),
        }

    def network_bytes(self, rng: random.Random) -> None:
        self._load(changed_bytes(json.dumps(self._network, indent=1).encode(), rng))

    def network_signed(self, rng: random.Random) -> None:
        document = changed_value({k: v for k, v in self._network.items() if k != "sha256"}, rng)
        document["sha256"] = network_file._digest(document)
        self._load(json.dumps(document).encode())

    def _load(self, content: bytes) -> None:
        path = self.folder / "net.json"
        path.write_bytes(content)
        network_file.load(path)

    def configuration_bytes(self, rng: random.Random) -> None:
        self._configure(changed_bytes(self._toml, rng))

    def _configure(self, content: bytes) -> None:
        path = self.folder / "run.toml"
        path.write_bytes(content)
        document = config_file.read(str(path))
        if ":" not in str(document["task"]):  # a name that stands for a plugin is a wish to run it
            configured(document)

    def configuration_values(self, rng: random.Random) -> None:
        Config.from_document(changed_value(self._config, rng))

    def tennlab(self, rng: random.Random) -> None:
        good = tennlab.to_document(network_file.from_document(self._network))
        self._import(json.dumps(changed_value(good, rng)).encode())

    def _import(self, content: bytes) -> None:
        path = self.folder / "risp.json"
        path.write_bytes(content)
        import_network(path, "tennlab")

    def run_bytes(self, rng: random.Random) -> None:
        self._look_at(changed_bytes(self._run, rng))

    def _look_at(self, content: bytes) -> None:
        (self.folder / DATABASE).write_bytes(content)
        self._look()

    def run_signed(self, rng: random.Random) -> None:
        try:
            document = pack(changed_document(self._document, rng))
        except (TypeError, ValueError, OverflowError, StopIteration):
            return  # nothing that could stand in a file
        blob, front = zlib.compress(document, 1), schema.front_of(document)
        whole = hashlib.sha256(blob).hexdigest()
        with self._database() as database:
            row = database.execute("SELECT * FROM generations WHERE generation = 2").fetchone()
            digest = schema.row_digest(2, row[1], front, tuple(row[3:6]), whole)
            database.execute(
                "UPDATE generations SET front = ?, document_sha256 = ?, sha256 = ? WHERE generation = 2",
                (front, whole, digest),
            )
            database.execute("UPDATE documents SET document = ? WHERE generation = 2", (blob,))
        self._look()

    def run_meta(self, rng: random.Random) -> None:
        key, value = rng.choice((("meta", self._meta), ("config", self._config)))
        with self._database() as database:
            text = json.dumps(changed_value(value, rng))
            database.execute("UPDATE meta SET value = ? WHERE key = ?", (text, key))
        self._look()

    def _database(self) -> sqlite3.Connection:
        (self.folder / DATABASE).write_bytes(self._run)
        return sqlite3.connect(self.folder / DATABASE)

    def _look(self) -> None:
        """All that looks at a run; the first error is that of the file, and the others must be errors of it, too."""
        run, errors = Run(self.folder), []
        for look in (run.status, run.history, run.failures, run.lineage, lambda: run.front.to_document()):
            try:
                look()
            except EvoNeuroError as error:
                errors.append(error)
        if errors:
            raise errors[0]


def attack(hostile: Hostile, kind: str, seeds: range) -> tuple[int, int]:
    """Try the mutations of one kind; how many were refused, and how many read as something.

    Raises:
        AssertionError: an error of more than one line.
        Exception: what a reader should have made an EvoNeuroError of; a note says which seed it was.
    """
    refused = 0
    for seed in seeds:
        try:
            hostile.kinds[kind](random.Random(seed))
        except EvoNeuroError as error:
            if "\n" in str(error) or len(str(error)) > 5000:
                raise AssertionError(f"{kind}, seed {seed}: {str(error)[:5000]}") from error
            refused += 1
        except BaseException as error:
            error.add_note(f"{kind}, seed {seed}")
            raise
    return refused, len(seeds) - refused
