"""Events per second of the readers, of binning and of the camera, opening of files included, on one core:

    python benchmarks/events.py            # on Linux: taskset -c 0 python benchmarks/events.py

The files are made first, in a temporary folder, and are in the system's cache when they are read. A large file has
2,000,000 events, a small one 5,000 (an N-MNIST digit). Each number is the median of 7 repetitions.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from evoneuro.errors import EvoNeuroError
from evoneuro.events import (
    Binning,
    Camera,
    Events,
    SpikeFile,
    make_events,
    read_aedat2,
    read_aedat3,
    read_bin,
    read_gesture,
    read_poker,
    write_aedat2,
    write_aedat3,
    write_bin,
    write_gesture,
    write_heidelberg,
    write_poker,
)

LARGE, SMALL = 2_000_000, 5_000
REPETITIONS = 7
SPOKEN = 8_000  # events of one recording of SHD
FILES: dict[str, tuple[Callable[..., None], Callable[..., Events]]] = {
    "N-MNIST .bin": (write_bin, read_bin),
    "DVSGesture .npy": (write_gesture, read_gesture),
    "POKER-DVS .npy": (write_poker, read_poker),
    "AEDAT 2.0": (write_aedat2, read_aedat2),
    "AEDAT 3.1": (write_aedat3, read_aedat3),
}
BINNINGS = {
    "34 x 34 x 2": Binning((34, 34), steps=300, step=1000),
    "pooled by 2": Binning((34, 34), steps=64, pool=2),
    "merged": Binning((34, 34), steps=64, polarity="merge"),
    "threshold 2": Binning((34, 34), steps=64, threshold=2),
}


def made(number: int) -> Events:
    """Events of a 34 x 34 sensor in 0.3 s."""
    rng = np.random.default_rng(number)
    x, y = rng.integers(0, 34, (2, number))
    return make_events(x, y, np.sort(rng.integers(0, 300_000, number)), rng.integers(0, 2, number))


def rate(number: int, function: Callable[[], object]) -> float:
    """Millions of events per second."""
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return number / statistics.median(times) / 1e6


def readers(folder: Path) -> Iterator[tuple[str, float, float]]:
    for name, (write, read) in FILES.items():
        rates = []
        for number in (LARGE, SMALL):
            path = folder / f"{number}"
            write(path, made(number))
            rates.append(rate(number, lambda path=path, read=read: read(path)))
        yield name, rates[0], rates[1]


def spoken(folder: Path) -> Iterator[tuple[str, float, float]]:
    path = folder / "shd_train.h5"
    number = LARGE // SPOKEN
    write_heidelberg(path, [made(SPOKEN)] * number, [0] * number, ["zero"])

    def everything() -> None:
        with SpikeFile(path) as file:
            for _ in file.stream(range(len(file))):
                pass

    def one() -> None:
        with SpikeFile(path) as file:
            file[number // 2]

    yield f"SHD .h5, {number} recordings; one", rate(LARGE, everything), rate(SPOKEN, one)


def binnings() -> Iterator[tuple[str, float, float]]:
    large, small = made(LARGE), made(SMALL)
    for name, binning in BINNINGS.items():
        yield (
            f"trains, {name}",
            rate(LARGE, lambda binning=binning: binning.trains(large)),
            rate(SMALL, lambda binning=binning: binning.trains(small)),
        )


def cameras() -> Iterator[tuple[str, float, float]]:
    """Films of 24 frames of 8 x 8 pixels; a large batch and one film."""
    rng = np.random.default_rng(1)
    films = np.exp(rng.normal(0, 1, (1000, 24, 8, 8)))
    times = np.arange(24) * 1000
    plain, real = Camera(), Camera(mismatch=0.02, refractory=100, noise=5.0)

    def film(camera: Camera, number: int) -> Callable[[], list[Events]]:
        return lambda: camera.record_all(films[:number], times, [np.random.default_rng(i) for i in range(number)])

    for name, camera in (("camera", plain), ("camera with mismatch, rest, noise", real)):
        events = [sum(map(len, film(camera, number)())) for number in (1000, 1)]
        yield f"{name}, 1000 films; one", rate(events[0], film(camera, 1000)), rate(events[1], film(camera, 1))


def main() -> None:
    print(f"{'million events/s':42}{f'{LARGE:,} events':>18}{f'{SMALL:,} events':>16}")
    with tempfile.TemporaryDirectory() as name:
        for part in (readers(Path(name)), spoken(Path(name)), binnings(), cameras()):
            try:
                for row, large, small in part:
                    print(f"{row:42}{large:18.1f}{small:16.1f}")
            except EvoNeuroError as error:
                print(f"not measured: {error}")


if __name__ == "__main__":
    main()
