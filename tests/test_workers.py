"""Workers: the same results from every pool, one bad candidate costs nobody else, and Ray is neither seen nor left."""

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from evoneuro import deadline
from evoneuro.errors import EvoNeuroError, PluginError, RunError
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases, Evaluation
from evoneuro.network import Network
from evoneuro.networks import Networks
from evoneuro.task import load_task
from evoneuro.workers import local, open_pool, pool, ray_pool, session, worker

POSIX = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="alarm signals")
PROC = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="finds processes in /proc")

# What a network does is decided by its output: two are decent, each of the others is a way to fail.
GOOD, BETTER, EXITS, HANGS, RAISES, LEAVES, INTERRUPTS, NAPS = range(8)
PLUGIN = """
import os, signal, sys, time
import numpy as np
from evoneuro import ControlTask

class Trap(ControlTask):
    low, high = (0.0,), (1.0,)
    actions = tuple(range(8))
    max_steps = 3
    diary = ""

    def reset(self, keys):
        state = (keys % np.uint64(1000)).astype(float)
        return state, np.ones((len(keys), 1))

    def step(self, state, action):
        for trap in (2, 3, 4, 5, 6, 7):
            if (action == trap).any():
                self.note(trap)
                self.spring(trap)
        no = np.zeros(len(state), bool)
        return state + 1, np.ones((len(state), 1)), state + action, no, no

    def note(self, trap):
        if self.diary:
            with open(self.diary, "a") as file:
                file.write(f"{trap} {os.getpid()}\\n")

    def spring(self, trap):
        if trap == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        while trap == 3:
            pass
        if trap == 4:
            raise ValueError("no such\\nangle")  # the line that is reported
        if trap == 5:
            sys.exit(3)
        if trap == 6:
            raise KeyboardInterrupt
        time.sleep(0.2)

class Unbuilt(Trap):
    def __init__(self, **parameters):
        raise OSError("no data here")

class Deadly(Trap):
    def __init__(self, **parameters):
        os.kill(os.getpid(), signal.SIGKILL)
"""
CASES = Cases(seed=5, stream="episodes", generation=2, count=3)
LINE = 1 + PLUGIN.splitlines().index('            raise ValueError("no such\\nangle")  # the line that is reported')


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """The plugin's file; its folder is where the diary is."""
    path = tmp_path_factory.mktemp("plugin with spaces") / "trap.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture(scope="module")
def task(plugin):
    return load_task(f"{plugin}:Trap")


@pytest.fixture(scope="module")
def ray():
    """Ray as pools start it, with room for all pools of this file; pools that find it use it and leave it running."""
    with session.Session.open("local", 5).undo:
        import ray

        yield ray
    assert not ray.is_initialized()


@pytest.fixture(scope="module")
def diary(plugin):
    return plugin.parent / "diary"


@pytest.fixture(scope="module")
def two(ray, plugin, diary):
    """Two Ray workers, which hang after 2 s."""
    with open_pool(f"{plugin}:Trap", {"diary": str(diary)}, 2, timeout=2) as workers:
        yield workers


def network(task, output, delay=1):
    """A network that always chooses `output`; its delay shows in latency and spikes."""
    encoder, decoder = task.coding(0)
    inputs = task.inputs(0)
    neurons = inputs + task.outputs
    return Network(
        ids=np.arange(neurons),
        threshold=np.ones(neurons, int),
        leak=np.full(neurons, -1),
        refractory=np.zeros(neurons, int),
        pre=np.arange(inputs),
        post=np.full(inputs, inputs + output),
        weight=np.full(inputs, 5),
        delay=np.full(inputs, delay),
        inputs=np.arange(inputs),
        outputs=np.arange(inputs, neurons),
        encoder=encoder,
        decoder=decoder,
    )


def population(task, count, traps=None):
    """Decent networks, all different in what they get, with `traps` {position: output} among them."""
    return [network(task, (traps or {}).get(i, i % 2), 1 + i % 5) for i in range(count)]


def gathered(batches, count):
    """The evaluations in order, each of which came exactly once."""
    found = {}
    for batch in batches:
        for position, evaluation in batch:
            assert position not in found
            found[position] = evaluation
    assert sorted(found) == list(range(count))
    return [found[i] for i in range(count)]


def check_only(results, task, traps, reasons):
    """The trapped networks failed for their reasons, and all others have the scores that they get alone."""
    assert {i: e.failure for i, e in enumerate(results) if e.failure} == {i: reasons[trap] for i, trap in traps.items()}
    networks = population(task, len(results))
    for i in set(range(len(results))) - set(traps):
        assert results[i] == evaluate(task, [networks[i]], CASES)[0]


# The same from all


@pytest.mark.parametrize("size", [1, 3, 16, 1000])
def test_local_pool_gives_what_evaluate_gives(task, monkeypatch, size):
    monkeypatch.setattr(local, "FIRST_BATCH", 1)
    monkeypatch.setattr(pool.Pace, "size", lambda self: size)
    networks = population(task, 20)
    batches = list(local.LocalPool(task).evaluate(networks, CASES))
    assert gathered(batches, 20) == evaluate(task, networks, CASES)
    assert {len(batch) for batch in batches[:-1]} <= {size}


def test_networks_of_the_test_differ(task):
    scores = {(e.score, e.latency) for e in evaluate(task, population(task, 20), CASES)}
    assert len(scores) == 10


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_ray_pool_gives_what_evaluate_gives(two, task, monkeypatch, size):
    sizes = []
    monkeypatch.setattr(pool.Pace, "share", lambda self, total, workers: size)
    monkeypatch.setattr(pool.Pace, "record", lambda self, networks, seconds: sizes.append(networks))
    networks = population(task, 20)
    assert gathered(two.evaluate(networks, CASES), 20) == evaluate(task, networks, CASES)
    assert max(sizes) == min(size, 20)


def test_one_worker_gives_the_same_and_leaves_the_users_ray_running(ray, plugin, task, monkeypatch):
    monkeypatch.chdir(plugin.parent)
    networks = population(task, 20)
    one = open_pool("trap.py:Trap", {"max_steps": 4}, 1)
    assert one.workers == 1
    other = load_task(f"{plugin}:Trap", {"max_steps": 4})
    assert gathered(one.evaluate(networks, CASES), 20) == evaluate(other, networks, CASES)
    assert one.alive == 1
    one.close()
    one.close()
    assert ray.is_initialized()
    with pytest.raises(RunError, match="closed"):
        list(one.evaluate(networks, CASES))


def test_nothing_to_evaluate(task, two):
    assert list(two.evaluate([], CASES)) == []
    assert list(local.LocalPool(task).evaluate([], CASES)) == []


def test_a_pool_goes_on_after_the_caller_gave_up(two, task, monkeypatch):
    monkeypatch.setattr(pool.Pace, "share", lambda self, total, workers: 2)
    networks = population(task, 20)
    for _ in two.evaluate(networks, CASES):
        break
    others = population(task, 6)[::-1]
    assert gathered(two.evaluate(others, CASES), 6) == evaluate(task, others, CASES)


# Bad candidates

RAISED = {
    RAISES: f"raised ValueError: no such angle (trap.py, line {LINE})",
    LEAVES: f"raised SystemExit: 3 (trap.py, line {LINE + 2})",
    INTERRUPTS: f"raised KeyboardInterrupt (trap.py, line {LINE + 4})",
}


def test_local_pool_isolates_what_raises(task):
    traps = {3: RAISES, 11: LEAVES, 17: RAISES}
    results = gathered(local.LocalPool(task).evaluate(population(task, 20, traps), CASES), 20)
    check_only(results, task, traps, RAISED)


def test_local_pool_lets_an_interrupt_through(task):
    with pytest.raises(KeyboardInterrupt):
        list(local.LocalPool(task).evaluate(population(task, 4, {2: INTERRUPTS}), CASES))


def test_ray_pool_isolates_what_raises_and_keeps_its_workers(two, task):
    before = {id(member) for member in two._members}
    traps = {3: RAISES, 11: LEAVES, 17: INTERRUPTS}
    check_only(gathered(two.evaluate(population(task, 20, traps), CASES), 20), task, traps, RAISED)
    assert {id(member) for member in two._members} == before


def test_the_recursion_limit_and_memory_are_failures_too(task, monkeypatch):
    def endless(task, networks, cases):
        if len(networks) > 1 or networks[0].outputs[0] == networks[0].post[0]:
            return endless(task, networks, cases)
        raise MemoryError

    monkeypatch.setattr(worker, "evaluate", endless)
    failures = [e.failure for e in worker.evaluate_batch(task, population(task, 2), CASES)]
    assert failures[0].startswith("raised RecursionError: maximum recursion depth")
    assert failures[1] == "ran out of memory"


def test_what_a_plugin_returns_wrongly_is_told_as_such(task, monkeypatch):
    monkeypatch.setattr(type(task), "reset", lambda self, keys: (keys, np.full((len(keys), 1), np.nan)))
    (result,) = worker.evaluate_batch(task, population(task, 1), CASES)
    assert result.failure == "task 'trap': observation[0, 0] is nan; it must be finite"


def test_a_long_message_is_shortened(task, monkeypatch):
    def loud(task, networks, cases):
        raise ValueError("x" * 10_000)

    monkeypatch.setattr(worker, "evaluate", loud)
    (result,) = worker.evaluate_batch(task, population(task, 1), CASES)
    assert len(result.failure) < 320
    assert result.failure.endswith("xxx...")


def test_a_crash_costs_the_culprit_only(two, task, diary):
    diary.unlink(missing_ok=True)
    traps = {7: EXITS}
    results = gathered(two.evaluate(population(task, 20, traps), CASES), 20)
    check_only(results, task, traps, {EXITS: "crashed the worker 3 times"})
    # once among others, then three times alone, each time in another process
    assert len(set(diary.read_text().split("\n")[:-1])) == 4


def test_a_hang_costs_the_culprit_only(two, task):
    traps = {2: HANGS}
    start = time.monotonic()
    results = gathered(two.evaluate(population(task, 6, traps), CASES), 6)
    check_only(results, task, traps, {HANGS: "no answer within 2 s"})
    assert time.monotonic() - start > 4 * 2


def test_a_worker_killed_from_outside_costs_nothing(two, task, diary):
    diary.unlink(missing_ok=True)
    networks = population(task, 6, dict.fromkeys(range(6), NAPS))
    batches = two.evaluate(networks, CASES)
    found = next(batches)
    os.kill(int(diary.read_text().split()[-1]), signal.SIGKILL)
    assert gathered([found, *batches], 6) == evaluate(task, networks, CASES)


@POSIX
def test_signals_are_seen_while_a_worker_hangs(two, task):
    class StopError(Exception):
        pass

    def stop(number, frame):
        raise StopError

    before = signal.signal(signal.SIGALRM, stop)
    try:
        start = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(StopError):
            list(two.evaluate(population(task, 1, {0: HANGS}), CASES))
        assert time.monotonic() - start < 1.8
    finally:
        signal.signal(signal.SIGALRM, before)
    assert gathered(two.evaluate(population(task, 2), CASES), 2) == evaluate(task, population(task, 2), CASES)


@POSIX
def test_local_pool_interrupts_a_hang(task):
    def ours(number, frame):
        raise AssertionError("the alarm of others came early")

    before = signal.signal(signal.SIGALRM, ours)
    signal.setitimer(signal.ITIMER_REAL, 100)
    try:
        traps = {4: HANGS}
        results = gathered(local.LocalPool(task, timeout=0.3).evaluate(population(task, 8, traps), CASES), 8)
        assert signal.getsignal(signal.SIGALRM) is ours
        assert 90 < signal.getitimer(signal.ITIMER_REAL)[0] < 99.5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    check_only(results, task, traps, {HANGS: "no answer within 0.3 s"})


@POSIX
def test_the_alarm_rings_again_for_code_that_swallowed_it(monkeypatch):
    def swallow():
        with deadline.deadline(0.1):
            try:
                time.sleep(5)
            except BaseException:
                time.sleep(5)

    monkeypatch.setattr(deadline, "REPEAT_SECONDS", 0.1)
    start = time.monotonic()
    with pytest.raises(deadline.NoAnswer):
        swallow()
    assert 0.15 < time.monotonic() - start < 4


# Sizes and journeys


def test_batches_are_sized_by_time():
    pace = pool.Pace(timeout=60)
    assert pace.size() == pool.FIRST_BATCH
    pace.record(10, 10 * 0.0001)
    assert pace.size() == int(pool.TARGET_SECONDS / 0.0001)
    for _ in range(30):
        pace.record(10, 10 * 0.01)
    assert pace.size() == pool.LEAST_BATCH  # 5 s: longer than the target, but fewer networks would cost more each
    for _ in range(30):
        pace.record(10, 10 * 0.1)
    assert pace.size() == int(pool.LONGEST_SECONDS / 0.1)
    assert pace.line is None  # all were of one size
    for _ in range(60):
        pace.record(2, 2 * 10.0)
    assert pace.size() == 1
    assert pace.limit(1) == 60
    assert pace.limit(4) == pytest.approx(4 * 5 * 10.0, rel=1e-3)


@pytest.mark.parametrize(
    ("start", "each", "seconds"),
    [(0.0, 0.001, 0.2), (0.01, 0.001, 0.2), (0.1, 0.001, 1.0), (0.001, 0.05, 0.2), (2.0, 0.001, 10.0)],
)
def test_a_batch_is_as_long_as_its_start_makes_necessary(start, each, seconds):
    """50 to 200 ms of work; longer only where the start would be more than a tenth of it, up to 10 s."""
    pace = pool.Pace(timeout=60)
    for networks in (16, 100, 64, 100, 40):
        pace.record(networks, start + networks * each)
    assert pace.line == pytest.approx((start, each), abs=1e-6)
    assert start + pace.size() * each == pytest.approx(seconds, rel=0.3)


def test_many_workers_do_not_make_batches_that_the_driver_cannot_send():
    pace = pool.Pace(timeout=60)
    for networks in (10, 20):
        pace.record(networks, networks * 0.001)
    assert pace.share(10_000, 2) == 200  # 25 rounds of 0.2 s
    assert pace.share(10_000, 40) == 250  # one round
    for workers in (1_000, 10_000):
        each = pace.share(10_000, workers)
        assert each * 0.001 == pytest.approx(10_000 / each * pool.MESSAGE_SECONDS, rel=0.05)
    assert pace.share(3, 10_000) == 3
    for networks in (1, 2):
        pace.record(networks, networks * 60.0)
    assert pace.share(10_000, 10_000) == 1


def test_batches_survive_the_journey(task):
    networks = [*population(task, 3), Network([0, 4], [1, 2], [-1, 3], [0, 9], [], [], [], [], [0], [1])]
    networks[0] = Network(**{**vars(networks[0]), "provenance": {"run": "r", "scores": [1.5]}, "reset": "zero"})
    back = pickle.loads(pickle.dumps(Networks.of(networks), protocol=5))
    assert list(back) == networks
    results = [*evaluate(task, networks[:2], CASES), Evaluation.failed("raised ValueError")]
    sent = worker.pack(results)
    found = worker.unpack(pickle.loads(pickle.dumps(sent, protocol=5)))
    assert found == results
    assert {name: type(value) for name, value in vars(found[0]).items()} == {
        name: type(value) for name, value in vars(results[0]).items()
    }
    assert {(e.case_scores.dtype, e.spikes.dtype) for e in found} == {(np.dtype(float), np.dtype(np.int64))}
    assert worker.unpack(worker.pack([])) == []


def test_a_batch_of_networks_is_evaluated_like_a_list(task, two, monkeypatch):
    monkeypatch.setattr(pool.Pace, "size", lambda self: 3)
    monkeypatch.setattr(pool.Pace, "share", lambda self, total, workers: 3)
    networks = population(task, 20)
    expected = evaluate(task, networks, CASES)
    for workers in (two, local.LocalPool(task)):
        assert gathered(workers.evaluate(Networks.of(networks), CASES), 20) == expected


# Opening


@pytest.mark.slow
def test_a_task_that_cannot_be_built_shows_the_plugins_own_traceback(ray, plugin):
    with pytest.raises(PluginError, match="no data here") as caught:
        open_pool(f"{plugin}:Unbuilt", {}, 1)
    assert 'raise OSError("no data here")' in caught.value.trace
    assert "ray" not in caught.value.trace.replace("trap", "")
    with pytest.raises(EvoNeuroError, match="no parameter 'depth'"):
        open_pool(f"{plugin}:Trap", {"depth": 3}, 1)


@pytest.mark.slow
def test_a_task_that_kills_every_worker_ends_the_run(ray, plugin, monkeypatch):
    monkeypatch.setattr(ray_pool, "STARTS", 2)
    with pytest.raises(RunError, match="2 workers in a row died while they built task"):
        open_pool(f"{plugin}:Deadly", {}, 1)


def test_ray_that_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EvoNeuroError, match=r"pip install ray.*--workers 0"):
        open_pool("cartpole", {}, 2)


@pytest.mark.parametrize(
    ("failures", "said"), [([], ""), (["timed out"], ""), (["timed out"] * 3, "timed"), (["no"], "no")]
)
def test_a_busy_machine_gets_ray_to_start_in_the_end(failures, said, monkeypatch, tmp_path):
    class Ray:
        inits, shutdowns = 0, 0

        def init(self, **settings):
            self.inits += 1
            if self.inits <= len(failures):
                raise RuntimeError(failures[self.inits - 1])

        def shutdown(self):
            self.shutdowns += 1

    ray = Ray()
    monkeypatch.setattr(session, "_import_ray", lambda: ray)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    with contextlib.ExitStack() as undo:
        if said:
            with pytest.raises(RunError, match=f"Ray did not start: {said}.*--workers 0"):
                session._start(2, 0, undo)
        else:
            assert session._start(2, 0, undo) is ray
    assert ray.inits == (len(failures) if said else len(failures) + 1)
    assert ray.shutdowns == ray.inits
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": -1}, "workers: expected 0"),
        ({"workers": 1, "timeout": 0}, "timeout: expected seconds above 0"),
        ({"workers": 0, "address": "auto"}, "uses no cluster"),
        ({"workers": 1, "address": "nonsense"}, "expected local, auto, HOST:PORT or ray://HOST:PORT, got 'nonsense'"),
        ({"workers": 1, "address": "127.0.0.1:1"}, "cannot join a Ray cluster at 127.0.0.1:1: .*refused"),
        ({"workers": 1, "address": "ray://[::1]:99999"}, "cannot join a Ray cluster at ray://"),
    ],
)
def test_wrong_arguments(arguments, message, monkeypatch):
    if "ray" in sys.modules:
        monkeypatch.setattr(sys.modules["ray"], "is_initialized", lambda: False)
    start = time.monotonic()
    with pytest.raises(EvoNeuroError, match=message):
        open_pool("cartpole", {}, **arguments)
    assert time.monotonic() - start < 5


def script(body, plugin, environment):
    """Run `body` in a fresh Python that has the plugin's name and this file's helpers; it must end well."""
    program = f"""
import json, os, sys
sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})
from test_workers import CASES, EXITS, children, gathered, population
from evoneuro.task import load_task
from evoneuro.workers import open_pool
PLUGIN = {f"{plugin}:Trap"!r}
task = load_task(PLUGIN)
"""
    command = [sys.executable, "-c", program + textwrap.dedent(body)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    return done


def children(process):
    """All processes below `process`."""
    found = []
    for thread in Path(f"/proc/{process}/task").iterdir():
        for child in (thread / "children").read_text().split():
            found += [int(child), *children(child)]
    return found


def test_a_pool_joins_a_running_cluster_and_leaves_it(ray, plugin, task):
    body = f"""
    with open_pool(PLUGIN, {{}}, 1, address={ray.get_runtime_context().gcs_address!r}) as pool:
        import ray
        scores = [e.score for e in gathered(pool.evaluate(population(task, 5), CASES), 5)]
        print(json.dumps([scores, ray.cluster_resources()["CPU"]]))
    assert not ray.is_initialized()
    """
    done = script(body, plugin, os.environ)
    assert json.loads(done.stdout) == [[e.score for e in evaluate(task, population(task, 5), CASES)], 5]
    assert done.stderr == ""
    assert ray.is_initialized()


def test_the_secret_of_a_killed_process_is_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f"evoneuro-token-{dead.pid}-x").write_text("secret")
    (tmp_path / f"evoneuro-token-{os.getppid()}-x").write_text("secret")
    session._token_file.__wrapped__()
    left = sorted(path.name.split("-")[2] for path in tmp_path.iterdir())
    assert left == sorted(map(str, (os.getppid(), os.getpid())))


@PROC
def test_ray_is_not_heard_and_nothing_of_it_stays(plugin):
    folder = tempfile.mkdtemp(dir="/tmp")  # short, for sockets
    body = f"""
    import signal, stat, time
    kept = lambda number, frame: None
    signal.signal(signal.SIGTERM, kept)
    pool = open_pool(PLUGIN, {{}}, 1)
    results = gathered(pool.evaluate(population(task, 3, {{1: EXITS}}), CASES), 3)
    token = os.environ["RAY_AUTH_TOKEN_PATH"]
    report = dict(
        failures=[e.failure for e in results],
        kept=signal.getsignal(signal.SIGTERM) is kept,
        mode=stat.S_IMODE(os.stat(token).st_mode),
        private=[stat.S_IMODE(os.stat(os.path.join({folder!r}, name)).st_mode) for name in os.listdir({folder!r})],
        processes=children(os.getpid()),
    )
    pool.close()
    limit = time.monotonic() + 60
    while (left := [p for p in report["processes"] if os.path.exists(f"/proc/{{p}}")]) and time.monotonic() < limit:
        time.sleep(0.1)
    pool.close()
    with open({str(plugin.parent / "report")!r}, "w") as file:
        json.dump(report | dict(left=left), file)
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = script(body, plugin, clean | {"RAY_TMPDIR": folder, "TMPDIR": folder, "HOME": folder})
    assert (done.stdout, done.stderr) == ("", "")
    found = json.loads((plugin.parent / "report").read_text())
    assert found["failures"] == [None, "crashed the worker 3 times", None]
    assert found["kept"]
    assert found["mode"] == 0o600
    assert sorted(found["private"]) == [0o600, 0o700]
    assert len(found["processes"]) > 3
    assert found["left"] == []
    os.rmdir(folder)  # raises unless empty
