"""An oracle that remembers: a dozen kernels are compared with it on the same networks, and plain Python is slow."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
from oracle import Oracle

from evoneuro.network import Network
from evoneuro.network_file import to_document

_MEMORY: dict[bytes, Any] = {}


class Remembered:
    """Answers from memory what an oracle of the same network was asked before, after the same questions."""

    name = "oracle"

    def __init__(self, network: Network, lanes: int = 1) -> None:
        self.network, self.lanes = network, lanes
        self._oracle = Oracle(network, lanes)
        self._waiting: list[tuple[str, npt.NDArray[Any]]] = []  # questions that the oracle itself has not been asked
        self._key = hashlib.sha256(f"{lanes} {json.dumps(to_document(network))}".encode()).digest()

    def run(self, charges: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        spikes: npt.NDArray[np.uint8] = self._said("run", np.array(charges))
        return spikes

    def decide(self, feed: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        decided, self.output = self._said("decide", feed.copy())
        choice, latency = decided
        return choice, latency

    def _said(self, method: str, argument: npt.NDArray[Any]) -> Any:
        self._waiting.append((method, argument))
        told = f"{method} {argument.dtype} {argument.shape}".encode() + np.ascontiguousarray(argument).tobytes()
        self._key = hashlib.sha256(self._key + told).digest()
        if self._key not in _MEMORY:
            for name, asked in self._waiting:
                answer = getattr(self._oracle, name)(asked)
            self._waiting.clear()
            _MEMORY[self._key] = (answer, self._oracle.output) if method == "decide" else answer
        return _MEMORY[self._key]
