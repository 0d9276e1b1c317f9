"""Events that hypothesis draws, and the folders of published data sets in small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from evoneuro.events import EVENT, Events, make_events, write_bin, write_gesture


def recordings(
    x: int = 2**16 - 1, y: int = 2**16 - 1, t: tuple[int, int] = (-(2**50), 2**50), least: int = 0, most: int = 40
) -> st.SearchStrategy[Events]:
    """Events with x and y up to these and times between these, in any order."""
    event = st.tuples(st.integers(0, x), st.integers(0, y), st.integers(*t), st.integers(0, 1))
    return hnp.arrays(EVENT, st.integers(least, most), elements=event, fill=st.nothing())


def recording(seed: int = 0, number: int = 200, width: int = 34, height: int = 34, end: int = 300_000) -> Events:
    """Random events of a sensor, sorted by time."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, end, number))
    return make_events(rng.integers(0, width, number), rng.integers(0, height, number), t, rng.integers(0, 2, number))


def make_nmnist(root: Path) -> None:
    number = 0
    for part, names in (("Train", ("00002", "00011")), ("Test", ("00001",))):
        for digit in range(10):
            folder = root / part / str(digit)
            folder.mkdir(parents=True)
            for name in names:
                number += 1
                write_bin(folder / f"{name}.bin", recording(number, number))


def make_gesture(root: Path) -> None:
    number = 0
    for part, users in (
        ("ibmGestureTrain", ("user02_led", "user01_fluorescent")),
        ("ibmGestureTest", ("user24_lab",)),
    ):
        for user in users:
            (root / part / user).mkdir(parents=True)
            for label in range(11):
                number += 1
                write_gesture(root / part / user / f"{label}.npy", recording(number, number, 128, 128))
