"""Ray as this process uses it: started on this machine, joined on a cluster, or the user's own.

What is started here is quiet, listens to this user's processes alone and leaves nothing behind. What is joined stays
as it is; workers there run the package that runs here, which is sent to them (`evoneuro.workers.shipment`).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evoneuro.errors import EvoNeuroError, RunError
from evoneuro.parcel import hold, remove_left
from evoneuro.workers.shipment import pack, versions
from evoneuro.workers.worker import Worker

STORE_BYTES = 100 * 2**20  # of Ray's object store, beside a data set; batches are small
CONNECT_SECONDS = 5.0
STARTS = 3  # of Ray on this machine, where it is too busy for the half minute that Ray allows itself
HEART_SECONDS, HEART_FAILURES = 4.0, 3  # from one look at a cluster's head to the next; so many say that it is dead

FOLDER = "evoneuro-ray-"
TOKEN = "evoneuro-token-"  # and the process whose secret is in the file

# One thread per worker: results must not depend on how many there are, and the workers are the parallelism.
THREADS = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
# Ray: no usage reports, and no history of calls that would grow with every batch (some 30 MiB per 10 000).
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_METRICS_ENABLED": "0",
    "RAY_SCHEDULER_EVENTS": "0",
    "RAY_task_events_report_interval_ms": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@dataclass(frozen=True)
class Session:
    """Ray as this process uses it: started here, joined, or the user's own, which stays as it is.

    Attributes:
        ray: the module.
        workers: how many actors to keep; None: as many as the cluster has processors.
        environment: of the actors' processes.
        undo: what ends it.
        versions: of packages that workers must have, if they may be on other machines.
        address: "local", or of the cluster.
        alive: whether the head is; without one nothing works, and a minute later Ray ends this process.
    """

    ray: Any
    workers: int | None
    environment: dict[str, str]
    undo: contextlib.ExitStack
    versions: dict[str, str] | None = None
    address: str = "local"
    alive: Callable[[], bool] = lambda: True

    @classmethod
    def open(cls, address: str, workers: int | None, stored: int = 0) -> Session:
        """Use the Ray that the process already uses, else start or join one.

        Args:
            stored: bytes that will be put into the object store.
        """
        ray = sys.modules.get("ray")
        if ray is not None and ray.is_initialized():
            return cls(ray, workers, THREADS, contextlib.ExitStack())
        with contextlib.ExitStack() as undo, _sigterm_kept():
            for name, value in QUIET.items():
                os.environ.setdefault(name, value)
            if address == "local":
                workers = workers or _processors_here()
                ray = _start(workers, stored, undo)
                environment = THREADS | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
            else:
                ray, environment = _join(address, undo), THREADS
            needed = None if address == "local" else versions()
            alive = _processes_alive(ray) if address == "local" else _Heartbeat(ray)
            return cls(ray, workers, environment, undo.pop_all(), needed, address, alive)

    def count(self) -> int:
        """How many actors to keep now."""
        return self.workers or max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def actor_class(self) -> Any:
        """What makes actors of `Worker`. Ray must never repeat a call by itself: the pool decides what runs again."""
        return self.ray.remote(Worker).options(
            num_cpus=1,
            max_restarts=0,
            max_task_retries=0,
            enable_task_events=False,
            runtime_env={"env_vars": self.environment},
        )


def _start(workers: int, stored: int, undo: contextlib.ExitStack) -> Any:
    """Ray on this machine alone: quiet, behind a token, in a folder of its own that goes when it ends."""
    _protect()
    ray = _import_ray()
    # short, for the sockets in it may have about 100 characters; private, for Ray makes its own folders public
    base = os.environ.get("RAY_TMPDIR") or ("/tmp" if os.access("/tmp", os.W_OK) else None)
    remove_left(Path(base or tempfile.gettempdir()), FOLDER)
    folder = tempfile.TemporaryDirectory(prefix=FOLDER, dir=base, ignore_cleanup_errors=True)
    undo.enter_context(folder)
    hold(Path(folder.name))  # a process that is killed leaves it to the next one
    _hush(undo)
    undo.callback(ray.shutdown)
    for attempt in range(1, STARTS + 1):
        try:
            ray.init(
                address="local",
                num_cpus=workers,
                include_dashboard=False,
                dashboard_host="127.0.0.1",
                log_to_driver=False,
                logging_level="ERROR",
                object_store_memory=STORE_BYTES + stored,
                _temp_dir=os.path.join(folder.name, f"ray{attempt}"),
            )
            break
        except Exception as error:
            if attempt == STARTS or "timed out" not in str(error):
                raise RunError(f"Ray did not start: {_brief(error)}. --workers 0 does without") from error
            ray.shutdown()
    return ray


def _join(address: str, undo: contextlib.ExitStack) -> Any:
    """Ray on a running cluster, whose workers will run the package that runs here."""
    target = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    ray = _import_ray()
    _check_reachable(target)
    _hush(undo)
    undo.callback(ray.shutdown)
    try:
        with tempfile.TemporaryDirectory(prefix="evoneuro-shipment-") as folder:
            environment = {"py_modules": pack(Path(folder))}
            ray.init(address=target, log_to_driver=False, logging_level="ERROR", runtime_env=environment)
    except EvoNeuroError:
        raise
    except (Exception, SystemExit) as error:  # Ray ends the process when a cluster refuses it
        raise EvoNeuroError(
            f"cannot join a Ray cluster at {target}: {_brief(error)}. Start one with `ray start --head`, or leave "
            "--address out to use this machine"
        ) from error
    return ray


def _processes_alive(ray: Any) -> Callable[[], bool]:
    """Whether the processes that this one has started for Ray's head live."""
    node = ray._private.worker._global_node
    started = getattr(node, "all_processes", {})
    heads = [found.process for kind in ("gcs_server", "raylet") for found in started.get(kind, [])]
    return lambda: all(head.poll() is None for head in heads)


class _Heartbeat:
    """Whether the head of a cluster can be reached; asked now and then, and dead after some failures in a row."""

    def __init__(self, ray: Any) -> None:
        address = ray.get_runtime_context().gcs_address
        host, _, port = address.rpartition(":")
        self._head = (host.strip("[]"), int(port))
        self._failures, self._next = 0, 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + HEART_SECONDS
            try:
                socket.create_connection(self._head, HEART_SECONDS / 2).close()
                self._failures = 0
            except OSError:
                self._failures += 1
        return self._failures < HEART_FAILURES


def _check_reachable(address: str) -> None:
    """Raise unless something listens at HOST:PORT; Ray itself would try for two minutes."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if address == "auto":
        return
    if not colon or not port.isdecimal():
        raise EvoNeuroError(f"address: expected local, auto, HOST:PORT or ray://HOST:PORT, got {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise EvoNeuroError(f"cannot join a Ray cluster at {address}: {error}") from error


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise EvoNeuroError(
            "Ray is not installed: `pip install ray` to use several processors, or --workers 0 to stay in this process"
        ) from None
    return ray


def _protect() -> None:
    """Let only this user's processes talk to the Ray that is started here: its ports are open to the network."""
    if "ray" not in sys.modules:  # else Ray has read the setting, and sets it itself from 2.59 on
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    if not os.environ.get("RAY_AUTH_TOKEN") and not os.environ.get("RAY_AUTH_TOKEN_PATH"):
        os.environ["RAY_AUTH_TOKEN_PATH"] = _token_file()


@cache
def _token_file() -> str:
    """A file with a secret that only this user can read; one per process, since Ray keeps what it has read."""
    _forget_the_dead()
    descriptor, path = tempfile.mkstemp(prefix=f"{TOKEN}{os.getpid()}-")
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    atexit.register(_remove, path, os.getpid())
    return path


def _forget_the_dead() -> None:
    """Remove the files of processes that were killed: nothing asks for these secrets any more."""
    for path in Path(tempfile.gettempdir()).glob(f"{TOKEN}*-*"):
        with contextlib.suppress(OSError, ValueError):
            process = int(path.name.removeprefix(TOKEN).split("-")[0])
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                path.unlink()


def _remove(path: str, process: int) -> None:
    if os.getpid() == process:  # not in a fork of it
        Path(path).unlink(missing_ok=True)


def _hush(undo: contextlib.ExitStack) -> None:
    """Keep Ray's notes on dead workers off stdout, where results go; the pool reports them as failures."""
    printer = sys.modules.get("ray._private.worker")
    if getattr(printer, "_worker_logs_enabled", False):
        undo.callback(setattr, printer, "_worker_logs_enabled", True)
        printer._worker_logs_enabled = False  # type: ignore[union-attr]


@contextlib.contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Put the handler of SIGTERM back, which `ray.init` replaces."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _processors_here() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _brief(error: BaseException) -> str:
    """The first line of an error of Ray, which may come with pages."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
