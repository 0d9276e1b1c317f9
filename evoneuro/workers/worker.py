"""What a worker does: evaluate a batch so that one bad candidate costs nobody else their score.

Also the form in which evaluations travel: columns of bytes. Pickling the dataclasses themselves is many times slower,
for every one of their small arrays would be sent as a buffer of its own. Networks travel as they are, for a batch of
them (`evoneuro.networks`) is a few arrays.
"""

from __future__ import annotations

import inspect
import os
import platform
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.errors import EvoNeuroError, PluginError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.network import Network
from evoneuro.networks import Networks
from evoneuro.parcel import Parcel
from evoneuro.parcel import unpack as unpack_parcel
from evoneuro.plugins import MissingPluginError, as_sent, plugin_error
from evoneuro.robustness import evaluate_robust
from evoneuro.simulator.lanes import warm_up
from evoneuro.task import Task, load_task
from evoneuro.workers.fence import fenced, limit_memory, memory_share
from evoneuro.workers.shipment import check_versions

Packed = dict[str, Any]
Arrays = Mapping[str, npt.NDArray[Any]]

COLUMNS = {
    **dict.fromkeys(("score", "latency", "energy", "robustness"), np.float64),
    **dict.fromkeys(("decisions", "steps"), np.int64),
}
RAGGED = {"case_scores": np.float64, "spikes": np.int64}  # one array for each evaluation

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LONGEST_REASON = 300  # characters; a plugin may put a whole array into its message
OUT_OF_MEMORY = "ran out of memory"  # how such a reason begins: another machine might have had more
CRASHED = "crashed the worker"
STRIKES = 3  # times that a candidate may raise, hang or crash while it is alone; then that is its outcome


def build_task(task_name: str, parameters: Mapping[str, Any], arrays: Arrays | None = None) -> Task:
    """The named task with all that takes long done: no batch pays for it, and no deadline counts it.

    Args:
        arrays: what another process has loaded (see `Task.loaded_arrays`).

    Raises:
        EvoNeuroError, PluginError: as `evoneuro.task.load_task`, or the task's data cannot be read.
    """
    task = load_task(task_name, parameters)
    if arrays is not None:
        task.adopt_arrays(arrays)
    if task.kind != "control":
        try:
            task.inputs(0)  # reads the data set
        except EvoNeuroError:
            raise
        except Exception as error:
            raise plugin_error(f"task {task_name!r}: its data could not be read", error) from error
    warm_up()
    return task


def evaluate_batch(
    task: Task,
    networks: Sequence[Network],
    cases: Cases,
    passing: tuple[type[BaseException], ...] = (KeyboardInterrupt,),
) -> list[Evaluation]:
    """One evaluation per network, in order, whatever the task's code raises.

    If the batch raises, its networks run again one by one, so that only the culprit fails; and that three times, for
    what raises only sometimes is no fault of the network.

    Args:
        passing: exceptions that are not the task's and go through.
    """
    reason = ""
    for _ in range(STRIKES if len(networks) == 1 else 1):
        try:
            return (evaluate if cases.perturbations is None else evaluate_robust)(task, networks, cases)
        except passing:
            raise
        except BaseException as error:
            reason = _reason(task, error)
    if len(networks) == 1:
        return [Evaluation.failed(reason)]
    return [evaluate_batch(task, [network], cases, passing)[0] for network in networks]


class Worker:
    """A process that holds a task; `evoneuro.workers.ray_pool` makes an actor of it.

    Nothing here raises: a task that cannot be built is reported by `trouble`.
    """

    def __init__(
        self,
        task_name: str,
        parameters: Mapping[str, Any],
        parcel: Parcel | None = None,
        arrays: Arrays | None = None,
        versions: Mapping[str, str] | None = None,
        memory: float | None = None,
    ) -> None:
        """Build the task, with the files of `parcel` and of arrays that are loaded already.

        Args:
            versions: of packages that must be the same on every machine.
            memory: GiB that the task's code may allocate; 0: no limit; None: its share of the machine's.
        """
        self._trouble: tuple[str, str] | None = None
        try:
            check_versions(versions or {})
            if parcel is not None:
                unpack_parcel(parcel)
            with fenced():
                self._task = build_task(task_name, parameters, arrays)
            limit_memory(memory_share(memory, os.cpu_count() or 1))  # the data set does not count: it is there
        except BaseException as error:
            self._trouble = _trouble(task_name, error)

    def trouble(self) -> tuple[str, str] | None:
        """Message and traceback of why the task could not be built, or None when the worker is ready."""
        return self._trouble

    def evaluate(self, networks: Networks, cases: Cases) -> tuple[Packed, float]:
        """The networks' evaluations, packed, and the seconds that they took."""
        start = time.perf_counter()
        with fenced():
            results = evaluate_batch(self._task, networks, cases, passing=())
        return pack(results), time.perf_counter() - start


def pack(evaluations: Sequence[Evaluation]) -> Packed:
    """Evaluations as columns: bytes, and the reasons of failures."""
    values: dict[str, Any] = {
        name: np.array([getattr(evaluation, name) for evaluation in evaluations], kind).tobytes()
        for name, kind in COLUMNS.items()
    }
    for name, kind in RAGGED.items():
        arrays = [getattr(evaluation, name) for evaluation in evaluations]
        lengths = np.array([len(array) for array in arrays], np.int64)
        content = _narrowed(np.concatenate([np.empty(0, kind), *arrays]))
        values[name] = lengths.tobytes(), content.tobytes(), content.dtype.str
    values["failure"] = [evaluation.failure for evaluation in evaluations]
    return values


def unpack(packed: Packed) -> list[Evaluation]:
    """The evaluations of `pack`; their arrays are read-only views."""
    columns: dict[str, Iterable[Any]] = {
        name: np.frombuffer(packed[name], kind).tolist() for name, kind in COLUMNS.items()
    }
    for name, kind in RAGGED.items():
        raw_lengths, raw, found = packed[name]
        lengths, content = np.frombuffer(raw_lengths, np.int64), np.frombuffer(raw, found).astype(kind, copy=False)
        content.flags.writeable = False
        starts = np.concatenate([[0], np.cumsum(lengths)]).tolist()
        columns[name] = [content[start:stop] for start, stop in pairwise(starts)]
    columns["failure"] = packed["failure"]
    evaluations = []
    for row in zip(*columns.values(), strict=True):
        evaluation = object.__new__(Evaluation)  # its constructor would take longer than the journey
        vars(evaluation).update(zip(columns, row, strict=True))
        evaluations.append(evaluation)
    return evaluations


def _narrowed(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same values in bytes, where all of them are such small numbers: the scores of samples are 0 and 1."""
    with np.errstate(invalid="ignore"):
        small = array.astype(np.uint8)
    equal = (small == array).all() and not np.signbit(array).any()  # -0.0 would lose its sign
    return small if equal else array


def _reason(task: Task, error: BaseException) -> str:
    """'raised ValueError: message (file.py, line 12)', with the deepest line of the task's own code, and any notes."""
    notes = "".join(f" {note}" for note in getattr(error, "__notes__", []))
    cause = error.__cause__ if isinstance(error, PluginError) else None
    if isinstance(error, EvoNeuroError) and cause is None:
        return _shortened(str(error)) + notes  # ours: it says what the plugin returned, or what does not fit
    cause = cause or error
    line = _line(task, cause)
    what = OUT_OF_MEMORY if isinstance(cause, MemoryError) else f"raised {_described(cause)}"
    return what + (f" ({line})" if line else "") + notes


def _described(error: BaseException) -> str:
    """'ValueError: message'; an exception of a plugin may even fail to describe itself."""
    try:
        message = str(error)
    except Exception:
        message = ""
    return _shortened(as_sent(f"{type(error).__name__}: {message}" if message else type(error).__name__))


def _shortened(text: str) -> str:
    """One line, of a length that a table can take."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 3] + "..."


def _line(task: Task, error: BaseException) -> str:
    """'file.py, line 12' of the deepest frame in the task's files; '' when none of its code was running."""
    files = set()
    for kind in type(task).__mro__:
        try:
            file = os.path.abspath(inspect.getfile(kind))
        except (TypeError, OSError):
            continue
        if not file.startswith(_PACKAGE + os.sep):
            files.add(file)
    frames: list[tuple[FrameType, int]] = list(traceback.walk_tb(error.__traceback__))
    for frame, number in reversed(frames):
        if os.path.abspath(frame.f_code.co_filename) in files:
            return f"{os.path.basename(frame.f_code.co_filename)}, line {number}"
    return ""


def _trouble(task_name: str, error: BaseException) -> tuple[str, str]:
    """Message and the plugin's own traceback of an error while the task was built."""
    if isinstance(error, MissingPluginError):
        return (
            f"worker on {platform.node()}: {error} The package that brings it must be installed on every machine of "
            "the cluster; only files, and modules that are not installed, are sent along",
            "",
        )
    if not isinstance(error, EvoNeuroError):
        error = plugin_error(f"task {task_name!r} could not be made", error)
    return str(error), error.trace if isinstance(error, PluginError) else ""
