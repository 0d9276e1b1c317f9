"""The Task contract, and how tasks are found.

A task is a batch: samples of a data set and episodes of an environment are both lanes. A user writes a subclass of
`ClassificationTask`, `SpikeTask` or `ControlTask` (in `evoneuro.environments`); everything that is not set on the class
has a good default. Public class attributes are the task's parameters: `--set task.NAME=VALUE` and `[task]` in TOML set
them.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro import plugins
from evoneuro.coding import Encoder, decoder_from_spec, encoder_from_spec
from evoneuro.errors import EvoNeuroError, PluginError, check_integer, nearest
from evoneuro.keys import generator
from evoneuro.plugins import plugin_error

GROUP = "evoneuro.tasks"
SPREAD = 2.0  # standard deviations of a feature that its encoder's range holds to each side


class Task:
    """What all tasks share.

    Attributes:
        name, version: as results and network files state them; raise the version when results change.
        encoder: kind and parameters as `evoneuro.coding` knows them, ranges excepted (they come from `low`, `high`).
        decoder: kind and parameters; evolution may set its scalars.
        window: most steps per decision.
        solved: score from which on the task counts as solved, or None.
        objectives: what evolution trades off, unless the run says otherwise.
        low, high: range of each observed value; None: the environment's, or from the training split.
    """

    kind: ClassVar[str] = ""
    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"

    encoder: Mapping[str, Any] = {"kind": "flip-flop"}
    decoder: Mapping[str, Any] = {"kind": "race", "evidence": 1}
    window: int = 24
    solved: float | None = None
    objectives: tuple[str, ...] = ("score", "synapses", "latency")
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None

    def __init_subclass__(cls) -> None:
        if not cls.__dict__.get("name"):
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(self, **parameters: Any) -> None:
        known = self.parameters()
        for key, value in parameters.items():
            if key not in known:
                raise EvoNeuroError(f"task {self.name!r} has no parameter {key!r}.{nearest(key, known)}")
            setattr(self, key, _like(known[key], value, f"task.{key}"))
        self.changed = {key: getattr(self, key) for key in sorted(parameters)}

    def parameters(self) -> dict[str, Any]:
        """Name -> value of every public class attribute that is plain data."""
        names = [n for n in dir(type(self)) if not n.startswith("_") and n not in ("kind", "name", "version")]
        values = {n: getattr(self, n) for n in names if not isinstance(inspect.getattr_static(type(self), n), property)}
        return {
            n: v
            for n, v in values.items()
            if v is None or isinstance(v, bool | int | float | str | tuple | list | dict)
        }

    @property
    def description(self) -> str:
        """First line of the class's docstring."""
        return (inspect.getdoc(type(self)) or "").partition("\n")[0]

    @property
    def outputs(self) -> int:
        """Number of output neurons: one for each action or class."""
        raise NotImplementedError

    def coding(self, seed: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Specifications of encoder (None: the data are spikes) and decoder, as the network file carries them."""
        raise NotImplementedError

    def inputs(self, seed: int) -> int:
        """Number of input neurons."""
        encoder, _ = self.coding(seed)
        assert encoder is not None
        return encoder_from_spec(encoder).inputs

    def document(self, seed: int) -> dict[str, Any]:
        """What a network file says of the task; the seed keeps a data set's test split apart for good."""
        return {"name": self.name, "version": self.version, "parameters": _plain(self.changed), "seed": seed}

    def _decoder(self) -> dict[str, Any]:
        return decoder_from_spec(self.decoder).spec()

    def _encoder(self, low: npt.ArrayLike, high: npt.ArrayLike) -> Encoder:
        ranges = {"low": np.asarray(low, float).tolist(), "high": np.asarray(high, float).tolist()}
        return encoder_from_spec({**ranges, **self.encoder})


class _DataTask(Task):
    """What tasks on fixed samples share: labels, and a stratified split that is a function of the seed."""

    split: tuple[float, float, float] = (0.6, 0.2, 0.2)

    def load(self) -> tuple[Any, Any]:
        """Samples and their labels."""
        raise NotImplementedError

    def _loaded(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """Samples as an array and labels as class numbers 0, 1, ...; loaded once."""
        if not hasattr(self, "_data"):
            samples, labels = self._load()
            classes, numbers = np.unique(np.asarray(labels), return_inverse=True)
            if len(samples) != len(numbers):
                raise EvoNeuroError(f"task {self.name!r}: load() gave {len(samples)} samples and {len(numbers)} labels")
            if len(classes) < 2:
                raise EvoNeuroError(f"task {self.name!r}: load() gave {len(classes)} class; at least 2 are needed")
            self.classes = [str(c) for c in classes]
            self._data = self._checked(samples), numbers.reshape(-1).astype(np.int64)
        return self._data

    def _load(self) -> tuple[Any, Any]:
        """What `load` returns; its errors come back as the plugin's."""
        try:
            loaded = self.load()
        except EvoNeuroError:
            raise
        except Exception as error:
            raise plugin_error(f"task {self.name!r}: load() raised", error) from error
        if not isinstance(loaded, tuple | list) or len(loaded) != 2:
            raise PluginError(f"task {self.name!r}: load() must return (samples, labels)")
        return loaded[0], loaded[1]

    def _checked(self, samples: Any) -> npt.NDArray[Any]:
        raise NotImplementedError

    @property
    def outputs(self) -> int:
        return int(self._loaded()[1].max()) + 1

    def labels(self, part: str, seed: int) -> npt.NDArray[np.int64]:
        """Class numbers of the samples of train, validation or test: int64 [samples]."""
        return self._loaded()[1][self.members(part, seed)]

    def members(self, part: str, seed: int) -> npt.NDArray[np.intp]:
        """Positions of the samples of train, validation or test: each class split by the same shares, by the seed."""
        _, labels = self._loaded()
        shares = np.asarray(self.split, float)
        if shares.shape != (3,) or (shares <= 0).any() or not np.isclose(shares.sum(), 1):
            raise EvoNeuroError(
                f"task.split: expected three shares > 0 that sum to 1 (train, validation, test), got {self.split}"
            )
        which = ("train", "validation", "test").index(part)
        chosen, sizes = [], np.zeros(3, int)
        for number in range(int(labels.max()) + 1):
            rows = np.flatnonzero(labels == number)
            rows = generator(seed, "split", index=number).permutation(rows)
            edges = np.rint(np.cumsum([0, *shares]) * len(rows)).astype(int)
            chosen.append(rows[edges[which] : edges[which + 1]])
            sizes += np.diff(edges)
        if not sizes.all():
            raise EvoNeuroError(
                f"task {self.name!r}: {len(labels)} samples split by {self.split} leave train, validation and test "
                f"with {sizes.tolist()}; give more samples of each class, or other shares as task.split"
            )
        return np.sort(np.concatenate(chosen))

    def digest(self) -> str:
        """Hash of samples and labels, so that a resumed run notices other data."""
        samples, labels = self._loaded()
        return hashlib.sha256(np.ascontiguousarray(samples).tobytes() + labels.tobytes()).hexdigest()


class ClassificationTask(_DataTask):
    """A task on rows of numbers: `load` returns X (samples, features) and y (samples,).

    The encoder's ranges are the training split's mean +- two standard deviations: what is beyond is clipped, and no
    outlier moves the centre.

    Attributes:
        copies: jittered copies of the training split that selection sees besides it, so that a network that is right
            by a hair is found out; 0 for none.
        jitter: standard deviation of their noise, in standard deviations of each feature.
    """

    kind = "classification"

    objectives = ("score", "synapses")
    copies: int = 4
    jitter: float = 0.2

    encoder: Mapping[str, Any] = {"kind": "flip-flop"}

    def _checked(self, samples: Any) -> npt.NDArray[np.float64]:
        try:
            x = np.asarray(samples, np.float64)
        except (TypeError, ValueError) as error:
            raise EvoNeuroError(f"task {self.name!r}: load() must give numbers: {error}") from None
        if x.ndim != 2:
            raise EvoNeuroError(f"task {self.name!r}: load() must give X of shape (samples, features), got {x.shape}")
        if not np.isfinite(x).all():
            row, column = np.argwhere(~np.isfinite(x))[0]
            raise EvoNeuroError(
                f"task {self.name!r}: X[{row}, {column}] is {x[row, column]}; every value must be finite"
            )
        return x

    def coding(self, seed: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        x, _ = self._loaded()
        train = x[self.members("train", seed)]
        mean, reach = train.mean(axis=0), SPREAD * train.std(axis=0)
        reach = np.where(reach > 0, reach, 1.0)  # a constant feature
        low = mean - reach if self.low is None else np.asarray(self.low, float)
        high = mean + reach if self.high is None else np.asarray(self.high, float)
        return self._encoder(low, high).spec(), self._decoder()

    def samples(self, part: str, seed: int) -> npt.NDArray[np.float64]:
        """Rows of train (with its jittered copies), validation or test: float64 (samples, features)."""
        x: npt.NDArray[np.float64] = self._loaded()[0][self.members(part, seed)]
        check_integer("task.copies", self.copies, 0, 1000)
        if self.jitter < 0:
            raise EvoNeuroError(f"task.jitter: expected 0 or more, got {self.jitter:g}")
        if part != "train" or not self.copies:
            return x
        deviation = self.jitter * x.std(axis=0)
        noise = [generator(seed, "jitter", index=copy).normal(size=x.shape) for copy in range(self.copies)]
        return np.concatenate([x, *(x + deviation * n for n in noise)])

    def labels(self, part: str, seed: int) -> npt.NDArray[np.int64]:
        labels = super().labels(part, seed)
        return np.tile(labels, 1 + self.copies) if part == "train" else labels


class SpikeTask(_DataTask):
    """A task on spikes: `load` returns samples and labels; there is no encoder, channels feed input neurons directly.

    Samples are a raster (samples, steps, channels), or a list with one array-like of (time, channel) events each,
    times in steps. The window must hold the longest of them.

    Attributes:
        channels: number of input neurons; None: that of the data.
    """

    kind = "spikes"

    channels: int | None = None

    def _checked(self, samples: Any) -> npt.NDArray[np.uint8]:
        if isinstance(samples, np.ndarray) and samples.ndim == 3:
            dense: npt.NDArray[np.uint8] = (samples != 0).astype(np.uint8)
            return dense
        events = [self._events(i, sample) for i, sample in enumerate(samples)]
        steps = int(max((sample[:, 0].max(initial=0) for sample in events), default=0)) + 1
        channels = self.channels or int(max((sample[:, 1].max(initial=0) for sample in events), default=0)) + 1
        raster = np.zeros((len(events), steps, channels), np.uint8)
        for i, sample in enumerate(events):
            if (sample[:, 1] >= channels).any():
                raise EvoNeuroError(
                    f"task {self.name!r}: sample {i}: channel {int(sample[:, 1].max())}, there are {channels}"
                )
            raster[i, sample[:, 0].astype(int), sample[:, 1].astype(int)] = 1
        return raster

    def _events(self, i: int, sample: Any) -> npt.NDArray[np.float64]:
        """Sample i as (events, 2): time and channel."""
        what = f"task {self.name!r}: sample {i}"
        try:
            events = np.asarray(sample, np.float64)
        except (TypeError, ValueError) as error:
            raise EvoNeuroError(f"{what}: expected (time, channel) pairs of numbers: {error}") from None
        if not events.size:
            return np.zeros((0, 2))
        if events.ndim != 2 or events.shape[1] != 2:
            raise EvoNeuroError(
                f"{what}: expected (time, channel) pairs, an array (events, 2), got shape {events.shape}; "
                "rasters come as one array (samples, steps, channels)"
            )
        if not np.isfinite(events).all() or (events < 0).any():
            raise EvoNeuroError(f"{what}: times and channels must be numbers >= 0")
        return events

    def coding(self, seed: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        steps = self._loaded()[0].shape[1]
        if steps > self.window:
            raise EvoNeuroError(
                f"task {self.name!r}: its samples last {steps} steps, its window is {self.window} and would cut them; "
                f"set window to {steps} or more"
            )
        return None, self._decoder()

    def inputs(self, seed: int) -> int:
        return int(self._loaded()[0].shape[2])

    def raster(self, part: str, seed: int) -> npt.NDArray[np.uint8]:
        """Spikes of train, validation or test: uint8 (steps, samples, channels)."""
        return self._loaded()[0][self.members(part, seed)].transpose(1, 0, 2)


# Finding tasks


def registered_tasks() -> dict[str, EntryPoint]:
    """Tasks of installed packages, by name; nothing is imported."""
    return plugins.registered(GROUP)


def load_task(name: str, parameters: Mapping[str, Any] | None = None) -> Task:
    """The task of a registered name, `package.module:Class` or `path/file.py:Class`, with its parameters set.

    Raises:
        EvoNeuroError: no such task, class or parameter.
        PluginError: the plugin's module or constructor raised.
    """
    cls = task_class(name)
    try:
        return cls(**(parameters or {}))
    except EvoNeuroError:
        raise
    except Exception as error:
        raise plugin_error(f"task {name!r} could not be made", error) from error


def task_class(name: str) -> type[Task]:
    """The class that `name` stands for; its module is imported, which runs the plugin's code."""
    return plugins.find("task", name, GROUP, Task)


# Parameters


def _like(default: Any, value: Any, what: str) -> Any:
    """`value` in the type of `default`, where that loses nothing; a default of None takes anything."""
    if default is None or value is None:
        return tuple(value) if isinstance(value, list) else copy.deepcopy(value)
    if isinstance(default, bool) != isinstance(value, bool):
        raise EvoNeuroError(f"{what}: expected {type(default).__name__}, got {value!r}")
    if isinstance(default, float) and isinstance(value, int):
        return float(value)
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(default, int) and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(default, dict) and isinstance(value, Mapping):
        return dict(value)
    if not isinstance(value, type(default)):
        raise EvoNeuroError(f"{what}: expected {type(default).__name__} such as {default!r}, got {value!r}")
    return value


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON keeps them."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
