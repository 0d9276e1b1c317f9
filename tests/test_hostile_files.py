"""Hostile network, configuration and run files: one clear error, in bounded time and memory, and never code."""

from __future__ import annotations

import resource
import time

import pytest
from fuzzing import Hostile, attack

KINDS = [
    "network, bytes",
    "network, signed",
    "configuration, bytes",
    "configuration, values",
    "TENNLab network, values",
    "run, bytes",
    "run, signed",
    "run, meta",
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    return Hostile(tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoiled_file_is_refused_in_one_line(hostile: Hostile, kind: str) -> None:
    assert list(hostile.kinds) == KINDS
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    refused, read = attack(hostile, kind, range(60))
    assert refused > 5
    assert refused + read == 60
    assert time.process_time() - start < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024  # KiB


@pytest.mark.parametrize(("kind", "seed"), [("run, bytes", 606)])  # a row that one query names and another cannot find
def test_what_was_not_refused_once(hostile: Hostile, kind: str, seed: int) -> None:
    assert attack(hostile, kind, range(seed, seed + 1)) == (1, 0)
