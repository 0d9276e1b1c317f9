"""Begin a run, or go on with one: everything that is checked before the first evaluation."""

from __future__ import annotations

import hashlib
import inspect
import platform
import re
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from evoneuro.callbacks import Callback, Several
from evoneuro.check import check_task, load_within
from evoneuro.coding import DECODERS, ENCODERS, decoder_from_spec, encoder_from_spec
from evoneuro.coding.kinds import is_plugin
from evoneuro.config import Config, check_objectives
from evoneuro.config_file import to_toml
from evoneuro.database import DATABASE
from evoneuro.errors import EvoNeuroError
from evoneuro.express import Blueprint, absorb, express
from evoneuro.front import Front, resolve, run_in
from evoneuro.genome import Bounds, Genome
from evoneuro.hardware import Profile, profile
from evoneuro.keys import generator
from evoneuro.linear import linear_genomes
from evoneuro.network import Network
from evoneuro.network_file import write_atomically
from evoneuro.objectives import Own, described, find_own, measure, parse_constraint, plugged
from evoneuro.parcel import files
from evoneuro.plugins import absolute
from evoneuro.presets import preset
from evoneuro.record import Run
from evoneuro.run import Observer, Session, Silent
from evoneuro.store import Store
from evoneuro.task import Task, task_class
from evoneuro.variation import random_genomes


def evolve(
    task: str,
    *,
    generations: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    out: str = "results",
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> Run:
    """Evolve networks for a task, in Python: `evolve("iris", generations=100, seed=1).front.best("score")`.

    Args:
        task: a registered name, `package.module:Class` or `path/file.py:Class`.
        generations: None: as many as the task suggests, else 100.
        workers: Ray workers; None: one per core; 0: this process, without Ray.
        callbacks: who is told of each generation.
        settings: sections of the configuration, as in search={"population": 200}, parameters={"max_steps": 1000}.

    Raises:
        EvoNeuroError: a task, key or value that does not fit.
        RunError: the run directory cannot be written, or no worker can be kept alive.
    """
    document: dict[str, Any] = {"task": task, "seed": seed, "out": out, **settings}
    if generations is not None:
        document["budget"] = {"generations": generations, **settings.get("budget", {})}
    document["workers"] = {"count": workers, **settings.get("workers", {})}
    return start(configured(document), Several(Silent(), callbacks, warnings.warn) if callbacks else None)


def configured(document: Mapping[str, Any]) -> Config:
    """The configuration of a document: where it is silent, what its preset says, and then what its task suggests.

    A profile narrows all of that to what its device has, and refuses what the document itself asks for beyond.

    Raises:
        EvoNeuroError: a task, preset, profile, key or value that does not fit, or a suggestion of the task that does
            not.
    """
    said = {key: value for key, value in document.items() if key != "preset"}
    asked = Config.from_document(said)
    layers = [task_class(asked.task).configuration]
    if document.get("preset") is not None:
        layers.append(preset(str(document["preset"])))
    sections: dict[str, dict[str, Any]] = {}
    for layer in (*layers, said):
        for name, values in layer.items():
            if isinstance(values, Mapping):
                sections[name] = {**sections.get(name, {}), **values}
    if asked.profile is not None:
        device = profile(asked.profile)
        device.check(asked.genome)
        sections["genome"] = device.bounds(sections.get("genome", {}))
    return Config.from_document({**said, **sections})


def start(config: Config, display: Observer | None = None, path: Path | None = None) -> Run:
    """Begin a run in a new directory below `config.out`, and see it through.

    Args:
        path: the run directory, instead of one named after task, time and seed.

    Raises:
        EvoNeuroError: a task, key or network that does not fit; nothing has been written then.
        RunError: the directory cannot be written, or no worker can be kept alive.
    """
    config = replace(config, task=absolute(config.task))
    task = load_within(config.task, config.parameters, config.workers.timeout, config.seed)
    if "data" in config.parameters:  # a file that means the same in any directory, as the task does
        config = replace(config, parameters={**config.parameters, "data": task.changed["data"]})
    config = _absolute(config, task)
    own = find_own(_measures(config, task))
    seeds = _starting_networks(config)
    blueprint = make_blueprint(config, task, seeds)
    genomes = [absorb(network, blueprint) for network in seeds]
    if config.search.linear and not seeds:
        genomes = linear_genomes(task, blueprint, config.seed)
    check_objectives(f"task {task.name!r}: objectives", config.search.objectives or task.objectives)
    report = check_task(task, config.workers.timeout)
    measure([report.network], [report.evaluation], plugged(own))
    stamp = time.strftime("%Y%m%d-%H%M%S")
    path = path or _free(Path(config.out) / f"{_plain(task.name)}-{stamp}-seed{config.seed}")
    document = config.to_document()
    store = Store.create(path, document, _meta(config, task, blueprint, genomes, own))
    try:
        write_atomically(path / "config.toml", to_toml(config))
        Session(store, config, task, blueprint, own, display or Silent()).go(genomes)
    finally:
        store.close()
    return Run(path)


def resume(
    path: str | Path,
    display: Observer | None = None,
    workers: int | None = None,
    allow_changed_task: bool = False,
    address: str | None = None,
) -> Run:
    """Go on with a run that was interrupted, from what its journal holds, to the same end.

    Args:
        workers: instead of the run's own number; the result does not depend on it.
        allow_changed_task: go on although the task's source or data are not those that the run began with.
        address: of a Ray cluster, instead of the run's own; the result does not depend on it either.

    Raises:
        EvoNeuroError: no run there, or its task has changed.
        RunError: the run is in use, or its directory cannot be written.
    """
    store = Store.open(Path(path))
    try:
        config = Config.from_document(store.config)
        if workers is not None:
            config = replace(config, workers=replace(config.workers, count=workers))
        if address is not None:
            config = replace(config, workers=replace(config.workers, address=address))
        task = load_within(config.task, config.parameters, config.workers.timeout, None)
        own = find_own(_measures(config, task))
        blueprint = Blueprint.from_document(store.meta["blueprint"])
        if not allow_changed_task:
            _check_pinned(path, store.meta["task"], task, config, blueprint, own)
        if described(own) != store.meta.get("objectives", []):
            raise EvoNeuroError(
                f"{path}: objectives {described(own)} have other names or senses than the run began with"
            )
        genomes = [Genome.from_document(document) for document in store.meta["genomes"]]
        Session(store, config, task, blueprint, own, display or Silent()).go(genomes)
    except BaseException:
        store.close()
        raise
    store.close()
    return Run(Path(path))


def _starting_networks(config: Config) -> list[Network]:
    """The networks of `--from`: a network file, RUN:ID, or a whole run's front."""
    if config.start is None:
        if config.search.topology == "fixed":
            raise EvoNeuroError("search.topology = 'fixed' needs a network to start from: --from NET")
        return []
    run = run_in(config.start)
    if (run / DATABASE).is_file():
        networks = [member.network for member in Front.read(run)]
        if not networks:
            raise EvoNeuroError(f"--from {config.start}: its front is empty")
        return networks
    return [resolve(config.start)]


def make_blueprint(config: Config, task: Task, seeds: Sequence[Network] = ()) -> Blueprint:
    """What the run's networks share; a network to start from brings its own floor and input charge.

    Raises:
        EvoNeuroError: bounds, coding or networks that do not fit one another, or the profile.
    """
    encoder, decoder = task.coding(config.seed)
    device = None if config.profile is None else profile(config.profile)
    if seeds and "v_min" not in config.genome:
        config = replace(config, genome={**config.genome, "v_min": seeds[0].v_min})
    bounds = config.bounds(task.window, encoder is not None, decoder["kind"] == "race")
    if config.search.topology == "fixed" and len(seeds) > 1:
        raise EvoNeuroError("search.topology = 'fixed' needs one network to start from: --from RUN:ID")
    inputs, outputs = task.inputs(config.seed), task.outputs
    # an encoder spike alone makes any input neuron fire that holds no negative potential
    charge = max(1, bounds.threshold[1])
    if device is not None:
        bounds = _with_room(device, bounds, inputs + outputs, asked="hidden" in config.genome)
        charge = min(charge, device.charge.value)
    blueprint = Blueprint(
        inputs=inputs,
        outputs=outputs,
        bounds=bounds,
        encoder=encoder,
        decoder=decoder,
        task={**task.document(config.seed), "source": config.task},
        input_charge=seeds[0].input_charge if seeds else charge,
        fixed=config.search.topology == "fixed",
        silent_outputs=decoder_from_spec(decoder).silences,
    )
    if device is not None:
        _check_device(device, task, blueprint, seeds)
    return blueprint


def _with_room(device: Profile, bounds: Bounds, ends: int, asked: bool) -> Bounds:
    """The bounds with no more hidden neurons than the device has beside inputs and outputs.

    Args:
        ends: inputs and outputs.
        asked: whether the configuration says how many hidden neurons there may be.
    """
    if device.neurons is None or ends + bounds.hidden <= device.neurons.value:
        return bounds
    room = device.neurons.value - ends
    if room < 0:
        raise EvoNeuroError(
            f"profile {device.name!r} has {device.neurons.value} neurons, the task needs {ends} for inputs and outputs "
            "alone; take an encoder with fewer neurons, or another profile"
        )
    if asked:
        raise EvoNeuroError(
            f"genome.hidden: {bounds.hidden}, but profile {device.name!r} has {device.neurons.value} neurons, {room} "
            f"beside the task's inputs and outputs; set genome.hidden={room}"
        )
    return replace(bounds, hidden=room)


def _check_device(device: Profile, task: Task, blueprint: Blueprint, seeds: Sequence[Network]) -> None:
    """Raise if networks to start from, or the coding that all networks of the run have, are beyond the device."""
    example = express(random_genomes(blueprint, generator(0, "check"), np.array([2**20])), blueprint)[0]
    whose = [("the network to start from", network) for network in seeds]
    for what, network in [*whose, (f"task {task.name!r}", example)]:
        found = device.violations(network)
        if found:
            raise EvoNeuroError(f"{what} is beyond profile {device.name!r}: {'; '.join(found)}")


def _absolute(config: Config, task: Task) -> Config:
    """The configuration with the files of its plugins named so that they are found from anywhere."""
    parameters = {key: task.changed[key] for key in ("encoder", "decoder", "objectives") if key in config.parameters}
    objectives, constraints = config.search.objectives, []
    for text in config.search.constraints:
        constraint = parse_constraint(text)
        (name,) = task.absolute_objectives([constraint.measure])
        constraints.append(text if name == constraint.measure else str(replace(constraint, measure=name)))
    search = replace(
        config.search,
        objectives=None if objectives is None else task.absolute_objectives(objectives),
        constraints=tuple(constraints),
    )
    return replace(config, search=search, parameters={**config.parameters, **parameters})


def _measures(config: Config, task: Task) -> list[str]:
    """The names of all measures that a run is about."""
    constraints = [parse_constraint(text).measure for text in config.search.constraints]
    return [*(config.search.objectives or task.objectives), *constraints]


def _meta(config: Config, task: Task, blueprint: Blueprint, genomes: Sequence[Genome], own: Own) -> dict[str, Any]:
    return {
        "blueprint": blueprint.to_document(),
        "genomes": [genome.to_document() for genome in genomes],
        "solved": task.solved,
        "objectives": described(own),
        "task": {
            "name": task.name,
            "version": task.version,
            "digest": _task_digest(task, blueprint, own),
            "files": _file_digests(config, blueprint, own),
        },
        "versions": {name: version(name) for name in ("evoneuro", "numpy", "numba", "deap", "moocore")},
        "machine": {"python": platform.python_version(), "platform": platform.platform(), "host": platform.node()},
    }


def _task_digest(task: Task, blueprint: Blueprint, own: Own) -> str:
    """Hash of the task's source file and, of a data set, its data; and of the files of other plugins that it uses."""
    coding: list[Any] = []
    if is_plugin(blueprint.encoder, ENCODERS):
        coding.append(encoder_from_spec(blueprint.encoder or {}))
    if is_plugin(blueprint.decoder, DECODERS):
        coding.append(decoder_from_spec(blueprint.decoder))
    sources = [inspect.getsourcefile(type(plugin)) for plugin in (task, *coding, *plugged(own).values())]
    code = b"".join(Path(source).read_bytes() for source in sources if source is not None)
    data = getattr(task, "digest", lambda: "")()
    return hashlib.sha256(code + data.encode()).hexdigest()


def _file_digests(config: Config, blueprint: Blueprint, own: Own) -> dict[str, str]:
    """Hash of each module that belongs to the run's plugins, by its path from theirs.

    Other files that they name may be ones that they write; a data set has its own digest.
    """
    kinds = [str(spec["kind"]) for spec in (blueprint.encoder, blueprint.decoder) if spec is not None]
    found, _ = files([config.task, *kinds, *plugged(own)], config.parameters)
    digests: dict[str, str] = {}
    for folder, paths in found.items():
        modules = (path for path in sorted(paths) if path.suffix == ".py")
        digests |= {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in modules
        }
    return digests


def _check_pinned(
    path: str | Path, pinned: Mapping[str, Any], task: Task, config: Config, blueprint: Blueprint, own: Own
) -> None:
    """Raise unless the run's task is what it began with.

    Args:
        pinned: what the run's record says of its task; older ones say nothing of the files beside it.
    """
    before, now = pinned.get("files", {}), _file_digests(config, blueprint, own)
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if _task_digest(task, blueprint, own) == pinned["digest"] and not (changed and "files" in pinned):
        return
    which = f"{', '.join(changed[:3])} changed" if changed and "files" in pinned else "its source or data changed"
    raise EvoNeuroError(
        f"{path}: task {task.name!r} is not what the run began with ({which}, or the source of its encoder, decoder or "
        "objectives); restore it, or give --allow-changed-task"
    )


def _plain(name: str) -> str:
    """A name as part of a file's: nothing that leads elsewhere."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:64] or "task"


def _free(path: Path) -> Path:
    """`path`, or with a number behind it if it exists: two runs may start in one second."""
    candidate, n = path, 2
    while candidate.exists():
        candidate = path.with_name(f"{path.name}-{n}")
        n += 1
    return candidate
