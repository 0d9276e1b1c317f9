"""Tasks on fixed samples: how samples are loaded, split and fed to networks, some at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.coding import Encoder
from evoneuro.errors import EvoNeuroError, PluginError, check_integer
from evoneuro.events import Recordings
from evoneuro.keys import generator
from evoneuro.plugins import plugin_error
from evoneuro.scene import Scene
from evoneuro.task import Task

PARTS = ("train", "validation", "test")
FEED_BYTES = 2**26  # of one chunk of encoded samples
KEPT_BYTES = 2**28  # of encoded samples that a task keeps; a part that is larger is encoded anew each time

Feed = npt.NDArray[Any]  # trains, uint32 (words, inputs, lanes), or charges, int32 (steps, inputs, lanes)
Positions = npt.NDArray[np.intp]
Table = npt.NDArray[np.float64]


class SampleTask(Task):
    """What tasks on fixed samples share.

    `load` returns samples and targets, or a third array with the part of each sample, where the data come with a
    split: "train", "test" and perhaps "validation" (else validation is taken out of train).

    Attributes:
        split: shares of train, validation and test.
        folds, fold: k-fold instead: of `folds` equal parts, number `fold` is the test split, and the shares divide the
            rest; 0 for none.
        batch: training samples that selection sees at a time, others in each epoch of `episodes.refresh` generations;
            0 for all.
        temporal: whether spike times are said to carry what matters: then what counts alone reach is stated beside
            every score.
    """

    split: tuple[float, float, float] = (0.6, 0.2, 0.2)
    folds: int = 0
    fold: int = 0
    batch: int = 0
    temporal: bool = False

    def load(self) -> Any:
        """Samples and their targets; a third array may say which part each sample belongs to."""
        raise EvoNeuroError(f"task {self.name!r} has no data: write load(), which returns samples and targets")

    # What the kinds of tasks say

    def _samples(self, samples: Any) -> Any:
        """`samples` of `load` in the form that this kind of task keeps."""
        raise NotImplementedError

    def _targets(self, targets: Any) -> npt.NDArray[Any]:
        """`targets` of `load` as an array that leads with samples."""
        raise NotImplementedError

    def _strata(self, targets: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Groups that every part gets its share of: int64 [samples]."""
        return np.zeros(len(targets), np.int64)

    def _chunk(self, part: str, seed: int, lanes: slice, encoder: Encoder | None, gain: int, window: int) -> Feed:
        """Encoded samples `lanes` of a part."""
        raise NotImplementedError

    def _lane_bytes(self, encoder: Encoder | None, window: int) -> int:
        """Bytes of one encoded sample."""
        raise NotImplementedError

    def judge(self, answers: npt.NDArray[Any], targets: npt.NDArray[Any]) -> tuple[Table, Table]:
        """Scores float64 [networks] and scores of each case (networks, cases), higher is better.

        Args:
            answers: what the networks said, (networks, cases) or (networks, cases, values).
            targets: what was right, leading with cases.
        """
        raise NotImplementedError

    def details(self, answers: npt.NDArray[Any], targets: npt.NDArray[Any]) -> dict[str, float]:
        """More figures of one network's answers (cases first), for people."""
        raise NotImplementedError

    def scene(self, part: str, seed: int, number: int) -> Scene | None:
        """What a sample of a part looks like, for reports and animations; None: what its inputs get is shown instead.

        Args:
            number: of the sample within its part.
        """
        return None

    # Loading

    def _loaded(self) -> tuple[Any, npt.NDArray[Any]]:
        """Samples and targets in this task's form; loaded once."""
        if not hasattr(self, "_data"):
            before = set(vars(self))
            samples, targets, self._given = self._load()
            self._alone = set(vars(self)) - before <= {"_given"}
            kept, found = self._samples(samples), self._targets(targets)
            for what, length in (
                ("targets", len(found)),
                ("parts", len(kept) if self._given is None else len(self._given)),
            ):
                if len(kept) != length:
                    raise EvoNeuroError(f"task {self.name!r}: load() gave {len(kept)} samples and {length} {what}")
            self._data = kept, found
        return self._data

    def _unpacked(self, loaded: Any) -> Any:
        """What `load` returned, as a tuple where it came as something else."""
        if isinstance(loaded, Recordings):
            return (loaded, loaded.labels) if "all" in loaded.parts else (loaded, loaded.labels, loaded.parts)
        is_bunch = hasattr(loaded, "data") and hasattr(loaded, "target")  # as scikit-learn's loaders return it
        return (loaded.data, loaded.target) if is_bunch else loaded

    def _load(self) -> tuple[Any, Any, npt.NDArray[np.str_] | None]:
        """What `load` returns, in three; its errors come back as the plugin's."""
        try:
            loaded = self.load()
        except EvoNeuroError:
            raise
        except Exception as error:
            raise plugin_error(f"task {self.name!r}: load() raised", error) from error
        loaded = self._unpacked(loaded)
        if not isinstance(loaded, tuple | list) or len(loaded) not in (2, 3):
            raise PluginError(
                f"task {self.name!r}: load() must return (samples, labels), or (samples, labels, parts), "
                f"got {type(loaded).__name__}"
            )
        if len(loaded) == 2:
            return loaded[0], loaded[1], None
        parts = np.asarray(loaded[2]).astype(str)
        named = set(parts.ravel().tolist())
        if not {"train", "test"} <= named <= set(PARTS):
            raise EvoNeuroError(
                f"task {self.name!r}: the third array of load() says which part each sample belongs to: expected "
                f"'train' and 'test', perhaps 'validation', got {sorted(named)}"
            )
        return loaded[0], loaded[1], parts

    def loaded_arrays(self) -> dict[str, npt.NDArray[Any]] | None:
        """Samples, targets and perhaps the part of each; None where `load` has left something else in this object."""
        samples, targets = self._loaded()
        parts = {} if self._given is None else {"parts": self._given}
        return {"samples": samples, "targets": targets, **parts} if self._alone else None

    def adopt_arrays(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over samples, targets and parts that another process loaded; `load` is not called."""
        self._data, self._given, self._alone = (arrays["samples"], arrays["targets"]), arrays.get("parts"), True

    def digest(self) -> str:
        """Hash of samples and targets, so that a resumed run notices other data."""
        samples, targets = self._loaded()
        content = hashlib.sha256(np.ascontiguousarray(samples).data)
        content.update(np.ascontiguousarray(targets).data)
        return content.hexdigest()

    # Parts

    @property
    def changes(self) -> bool:
        """Whether selection sees a batch of the training samples at a time."""
        return self.batch > 0

    def members(self, part: str, seed: int) -> Positions:
        """Positions of the samples of train, validation or test; every stratum gives the same share of itself."""
        known: dict[Any, Positions] = self.__dict__.setdefault("_members", {})
        key = part, seed, self.split, self.folds, self.fold
        if key not in known:
            known[key] = self._divide(part, seed)
        return known[key]

    def _divide(self, part: str, seed: int) -> Positions:
        _, targets = self._loaded()
        shares = np.asarray(self.split, float)
        if shares.shape != (3,) or (shares <= 0).any() or not np.isclose(shares.sum(), 1):
            raise EvoNeuroError(
                f"task.split: expected three shares > 0 that sum to 1 (train, validation, test), got {self.split}"
            )
        check_integer("task.folds", self.folds, 0, len(targets))
        if self.folds:
            check_integer("task.fold", self.fold, 0, self.folds - 1)
        strata = self._strata(targets)
        chosen: list[list[Positions]] = [[], [], []]
        for number in np.unique(strata):
            rows = np.flatnonzero(strata == number)
            for found, rows_of_part in zip(chosen, self._divide_stratum(rows, int(number), seed, shares), strict=True):
                found.append(rows_of_part)
        parts = [np.sort(np.concatenate(rows)) for rows in chosen]
        if not all(len(rows) for rows in parts):
            raise EvoNeuroError(
                f"task {self.name!r}: {len(targets)} samples split by {self.split} leave train, validation and test "
                f"with {[len(rows) for rows in parts]}; give more samples of each class, or other shares as task.split"
            )
        return parts[PARTS.index(part)]

    def _divide_stratum(
        self, rows: Positions, number: int, seed: int, shares: npt.NDArray[np.float64]
    ) -> list[Positions]:
        """Train, validation and test of one stratum."""
        rows = generator(seed, "split", index=number).permutation(rows)
        if self.folds:
            test = rows[self.fold :: self.folds]
            rest = rows[np.arange(len(rows)) % self.folds != self.fold]
        elif self._given is not None:
            test, rest = rows[self._given[rows] == "test"], rows[self._given[rows] == "train"]
            if (self._given == "validation").any():
                return [rest, rows[self._given[rows] == "validation"], test]
        else:
            edges = np.rint(np.cumsum([0, *shares]) * len(rows)).astype(int)
            return [rows[a:b] for a, b in pairwise(edges)]
        cut = len(rest) - round(len(rest) * shares[1] / (shares[0] + shares[1]))
        return [rest[:cut], rest[cut:], test]

    def targets(self, part: str, seed: int) -> npt.NDArray[Any]:
        """What is right for the samples of a part, leading with samples."""
        found: npt.NDArray[Any] = self._loaded()[1][self.members(part, seed)]
        return found

    def cases(self, part: str, seed: int, generation: int) -> Positions | None:
        """Which samples of a part are asked for, as positions within it; None: all of them."""
        total = len(self.targets(part, seed))
        if part != "train" or not 0 < self.batch < total:
            return None
        return np.sort(generator(seed, "episodes", generation=generation).permutation(total)[: self.batch])

    # Feeding

    def feeds(
        self, part: str, seed: int, encoder: Encoder | None, gain: int, window: int
    ) -> Iterator[tuple[slice, Feed]]:
        """The encoded samples of a part, some lanes at a time; what is small enough is kept for the next network."""
        total = len(self.targets(part, seed))
        size = max(1, self._lane_bytes(encoder, window))
        lanes = max(1, FEED_BYTES // size)
        kept: dict[Any, Feed] = self.__dict__.setdefault("_feeds", {})
        code = repr(encoder)
        for start in range(0, total, lanes):
            chunk = slice(start, min(start + lanes, total))
            key = (part, seed, code, gain, window, start)
            feed = kept.pop(key) if key in kept else self._chunk(part, seed, chunk, encoder, gain, window)
            if total * size <= KEPT_BYTES:
                _keep(kept, key, feed)
            yield chunk, feed


def _keep(kept: dict[Any, Feed], key: Any, feed: Feed) -> None:
    """Put `feed` last, and drop those that were not used for longest until `KEPT_BYTES` hold all: gains are many."""
    kept[key] = feed
    while sum(other.nbytes for other in kept.values()) > KEPT_BYTES:
        del kept[next(iter(kept))]
