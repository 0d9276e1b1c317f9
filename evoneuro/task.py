"""The Task contract, and how tasks are found and called.

A task is a batch: samples of a data set and episodes of an environment are both lanes. A user writes a subclass of
`ClassificationTask`, `RegressionTask`, `SpikeTask` or `ControlTask`; everything that is not set on the class has a good
default. Public class attributes are the task's parameters: `--set task.NAME=VALUE` and `[task]` in TOML set them.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evoneuro import plugins
from evoneuro.coding import Encoder, decoder_from_spec, encoder_from_spec, kinds
from evoneuro.errors import EvoNeuroError, nearest
from evoneuro.plugins import plugin_error

GROUP = "evoneuro.tasks"

_FIXED = ("kind", "name", "version", "configuration")  # class attributes that are no parameters
_SAME = ("encoder", "decoder", "window", "objectives", "low", "high", "training")  # in training as elsewhere


class Task:
    """What all tasks share.

    Attributes:
        name, version: as results and network files state them; raise the version when results change.
        encoder: kind and parameters as `evoneuro.coding` knows them, ranges excepted (they come from `low`, `high`).
            The file of a kind "file.py:Class" is looked for beside the task's file, then in the current directory.
        decoder: kind and parameters; evolution may set its scalars.
        window: most steps per decision.
        solved: score from which on the task counts as solved, or None.
        period: seconds from one decision to the next, repeated steps included, which a device has for it
            (`--profile`); None: no such time.
        objectives: what evolution trades off, unless the run says otherwise; files as in `encoder`.
        low, high: range of each observed value; None: the environment's, or from the training split.
        training: parameters that are others where selection looks, such as {"max_steps": 500}, or a reward that says
            more. Validation and `evaluate` meet the task as it is.

    Class attributes:
        configuration: what suits runs on this task, in sections as in TOML, such as {"search": {"floor": 0.97}}; what
            a user sets goes before it.
    """

    kind: ClassVar[str] = ""
    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    configuration: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    encoder: Mapping[str, Any] = {"kind": "flip-flop"}
    decoder: Mapping[str, Any] = {"kind": "race", "evidence": 1}
    window: int = 24
    solved: float | None = None
    period: float | None = None
    objectives: tuple[str, ...] = ("score", "synapses", "latency")
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    training: Mapping[str, Any] = {}

    def __init_subclass__(cls) -> None:
        if not cls.__dict__.get("name"):
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(self, **parameters: Any) -> None:
        known = self.parameters()
        for key, value in parameters.items():
            if key not in known:
                raise EvoNeuroError(f"task {self.name!r} has no parameter {key!r}.{nearest(key, known)}")
            setattr(self, key, _like(known[key], value, f"task.{key}"))
        for key in ("encoder", "decoder"):
            spec = getattr(self, key)
            if isinstance(spec, Mapping) and isinstance(spec.get("kind"), str):
                kind = plugins.beside(f"task {self.name!r}: {key}", spec["kind"], type(self))
                if kind != spec["kind"]:
                    setattr(self, key, {**spec, "kind": kind})
        self.objectives = self.absolute_objectives(self.objectives)
        self.changed = {key: getattr(self, key) for key in sorted(parameters)}
        self._in_training = self._trained(parameters) if self.training else None

    def parameters(self) -> dict[str, Any]:
        """Name -> value of every public class attribute that is plain data."""
        names = [n for n in dir(type(self)) if not n.startswith("_") and n not in _FIXED]
        values = {n: getattr(self, n) for n in names if not isinstance(inspect.getattr_static(type(self), n), property)}
        return {
            n: v
            for n, v in values.items()
            if v is None or isinstance(v, bool | int | float | str | tuple | list | dict)
        }

    def absolute_objectives(self, names: Sequence[str]) -> tuple[str, ...]:
        """Names of objectives with the paths of file plugins absolute: beside this task's file, else from here."""
        return tuple(plugins.beside(f"task {self.name!r}: objectives", str(name), type(self)) for name in names)

    def for_stream(self, stream: str) -> Task:
        """The task as the cases of a stream meet it: on "episodes", which selection sees, as `training` has it."""
        return self if self._in_training is None or stream != "episodes" else self._in_training

    def _trained(self, parameters: Mapping[str, Any]) -> Task:
        for key in self.training:
            if key in _SAME:
                raise EvoNeuroError(f"task.training: {key!r} belongs to the networks and is the same wherever they run")
        try:
            return type(self)(**{**parameters, **self.training, "training": {}})
        except EvoNeuroError as error:
            error.args = (f"task.training: {error}",)
            raise

    @property
    def description(self) -> str:
        """First line of the class's docstring."""
        return (inspect.getdoc(type(self)) or "").partition("\n")[0]

    @property
    def outputs(self) -> int:
        """Number of output neurons: what the decoder needs for the actions, classes or values."""
        raise NotImplementedError

    @property
    def changes(self) -> bool:
        """Whether the cases that selection sees change as a run goes on."""
        return False

    def coding(self, seed: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Specifications of encoder (None: the data are spikes) and decoder, as the network file carries them."""
        raise NotImplementedError

    def inputs(self, seed: int) -> int:
        """Number of input neurons."""
        encoder, _ = self.coding(seed)
        assert encoder is not None
        return encoder_from_spec(encoder).inputs

    def loaded_arrays(self) -> dict[str, npt.NDArray[Any]] | None:
        """What has been loaded, for workers to adopt instead of loading it, too; None: each loads by itself."""
        return None

    def adopt_arrays(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what `loaded_arrays` of another process gave; the arrays may be read-only."""
        raise NotImplementedError

    def document(self, seed: int) -> dict[str, Any]:
        """What a network file says of the task; the seed keeps a data set's test split apart for good.

        Where a decision leaves nothing for the next one, as with samples, it says so: `keep_state` is false.
        """
        forgets = {} if getattr(self, "keep_state", False) else {"keep_state": False}
        return {"name": self.name, "version": self.version, "parameters": _plain(self.changed), "seed": seed, **forgets}

    def _decoder(self) -> dict[str, Any]:
        return decoder_from_spec(self.decoder).spec()

    def _encoder(self, low: npt.ArrayLike, high: npt.ArrayLike) -> Encoder:
        ranges = {"low": np.asarray(low, float).tolist(), "high": np.asarray(high, float).tolist()}
        return encoder_from_spec({**ranges, **self.encoder})


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
    kinds.forget()
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


# Calling tasks


def call(task: Task, member: str, *arguments: Any) -> Any:
    """A call into the task's code, or the value of one of its properties; its own errors come back as the plugin's."""
    try:
        found = getattr(task, member)
        return found(*arguments) if arguments else found
    except EvoNeuroError:
        raise
    except Exception as error:
        what = f"{member}()" if arguments else member
        raise plugin_error(f"task {task.name!r}: {what} raised", error) from error


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
