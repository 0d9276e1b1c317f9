"""Linear classifiers as genomes: what they answer, their bounds, and runs that start from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evoneuro import evolve
from evoneuro.baseline import sums
from evoneuro.coding import encoder_from_spec
from evoneuro.config import Config
from evoneuro.evaluate import answers
from evoneuro.evaluation import Cases
from evoneuro.express import Blueprint, express
from evoneuro.genome import Genome
from evoneuro.launch import make_blueprint, resume
from evoneuro.limits import counted
from evoneuro.linear import linear_genomes
from evoneuro.record import Run
from evoneuro.task import load_task

EXACT = {"leak": [-1, -1], "gain": [16, 16], "v_min": -(2**30)}
MEMBRANE = {"decoder": {"kind": "membrane"}}


def started(name: str, parameters: dict[str, Any], **genome: Any) -> tuple[Any, Blueprint, list[Genome]]:
    task = load_task(name, parameters)
    blueprint = make_blueprint(Config(name, parameters, 3, genome={**EXACT, **genome}), task)
    return task, blueprint, linear_genomes(task, blueprint, 3)


def test_a_series_from_few_synapses_to_many_that_answers_as_the_classifier_does() -> None:
    task, blueprint, genomes = started("wine", MEMBRANE)
    sizes = [genome.synapses for genome in genomes]
    assert sizes == sorted(sizes)
    assert sizes[0] <= 5
    assert sizes[-1] >= 30
    encoder = encoder_from_spec(blueprint.encoder or {})
    counts = np.concatenate([sums(feed, 24).T for _, feed in task.feeds("test", 3, encoder, 16, 24)])
    for genome, network in zip(genomes, express(genomes, blueprint), strict=True):
        weights = np.zeros((blueprint.outputs, blueprint.inputs), np.int64)
        weights[genome.post - blueprint.inputs, genome.pre] = genome.weight
        said, _ = answers(task, network, Cases(3, "test"))
        assert said.tolist() == (counts @ weights.T).argmax(axis=1).tolist()


def test_it_is_as_good_as_a_linear_classifier_is() -> None:
    for name, least in (("wine", 0.93), ("breast-cancer", 0.93)):
        task, blueprint, genomes = started(name, MEMBRANE)
        said, right = answers(task, express(genomes, blueprint)[-1], Cases(3, "test"))
        assert (said == right).mean() > least


def test_outputs_that_fire_come_close() -> None:
    task, blueprint, genomes = started("breast-cancer", {})
    scores = [
        float(np.mean(np.equal(*answers(task, network, Cases(3, "test"))))) for network in express(genomes, blueprint)
    ]
    assert max(scores) > 0.88


def test_bounds_hold() -> None:
    _, _, genomes = started("wine", MEMBRANE, weight=[-3, 5], synapses=7, delay=[2, 4], threshold=[6, 9])
    assert all(0 < genome.synapses <= 7 for genome in genomes)
    for genome in genomes:
        assert genome.weight.min() >= -3
        assert genome.weight.max() <= 5
        assert set(genome.delay.tolist()) == {2}
        assert (genome.threshold >= 6).all()
        assert 0 not in genome.weight
    assert all(genome.weight.max() == 5 or genome.weight.min() == -3 for genome in genomes)  # they fill their range


def test_members_of_a_population_share_their_class() -> None:
    _, blueprint, genomes = started("iris", {"decoder": {"kind": "population", "members": 2}})
    weights = np.zeros((blueprint.outputs, blueprint.inputs), np.int64)
    genome = genomes[-1]
    weights[genome.post - blueprint.inputs, genome.pre] = genome.weight
    assert np.array_equal(weights[0::2], weights[1::2])
    assert weights.any()


def test_there_are_none_without_classes_or_without_spikes_or_without_weights() -> None:
    task = load_task("cartpole")
    assert linear_genomes(task, make_blueprint(Config("cartpole"), task), 0) == []
    assert started("iris", {"encoder": {"kind": "current"}})[2] == []
    assert started("wine", MEMBRANE, weight=[0, 0])[2] == []


def test_they_are_among_random_genomes_and_make_way_for_networks_to_start_from(tmp_path: Path) -> None:
    small: dict[str, Any] = {"seed": 1, "workers": 0, "search": {"population": 60, "floor": 0.0}}
    random = {**small, "search": {**small["search"], "linear": False}}
    run = evolve("wine", generations=1, out=str(tmp_path / "a"), **small)
    plain = evolve("wine", generations=1, out=str(tmp_path / "b"), **random)
    assert run.history()[0].measures[:, 0].max() > plain.history()[0].measures[:, 0].max() + 0.1
    seeded = evolve("wine", generations=1, out=str(tmp_path / "c"), start=f"{plain.path}:{plain.front[0].id}", **small)
    assert seeded.history()[0].measures[:, 0].max() < run.history()[0].measures[:, 0].max()


def test_a_run_starts_from_them_and_goes_on_without_fitting_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {
        "seed": 1, "workers": 0, "parameters": MEMBRANE, "genome": EXACT,
        "search": {"population": 40, "floor": 0.0},
    }  # fmt: skip
    run = evolve("iris", generations=3, out=str(tmp_path), **settings)
    again = evolve("iris", generations=3, out=str(tmp_path / "again"), **settings)
    assert run.status()["digest"] == again.status()["digest"]
    first = run.history()[0].measures
    assert first[:, 0].max() > 0.7
    monkeypatch.setattr("evoneuro.launch.linear_genomes", None)
    assert resume(run.path).status()["digest"] == run.status()["digest"]
    assert isinstance(Run(run.path).front[0].network.synapses, int)


def test_the_fit_depends_on_the_seed_alone() -> None:
    task, blueprint, genomes = started("iris", MEMBRANE)
    assert [g.key() for g in genomes] == [g.key() for g in linear_genomes(task, replace(blueprint), 3)]


def test_weights_of_one_sign_leave_none() -> None:
    for weight in ([1, 15], [-5, -1]):
        assert started("iris", {}, weight=weight)[2] == []


def test_limits_of_the_whole_network_are_kept() -> None:
    _, _, genomes = started("iris", {}, fan_in=3, weight_kinds=4)
    assert genomes
    for genome in genomes:
        found = counted(genome)
        assert found["fan_in"] <= 3
        assert found["weight_kinds"] <= 4
