"""Linear classifiers as genomes to start from: evolution shrinks them, and finds what they cannot say.

Each input has one synapse at most onto each class, with the quantised weight that a logistic regression on spike counts
gives it. L1 penalties from strong to weak make a series from a few synapses to many. Where the outputs integrate and
never fire (decoder `membrane`), the network answers as the classifier does; where they fire, it comes close.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.baseline import sums
from evoneuro.classification import Labelled
from evoneuro.coding import Encoder, decoder_from_spec, encoder_from_spec
from evoneuro.coding.encoder import UNIT_GAIN
from evoneuro.express import Blueprint
from evoneuro.genome import PARAMETERS, Genome, Genomes
from evoneuro.keys import generator
from evoneuro.limits import within
from evoneuro.task import Task

STRENGTHS = np.geomspace(1.5, 600, 24)  # of the fits, as multiples of the least that leaves any weight
ITERATIONS = 300  # of each fit, which begins where the last one ended
MOST, MOST_NUMBERS = 4000, 10**6  # samples that the classifiers are fitted on, and numbers in them
FIRINGS = 6  # of an output that fires, in the median over what it is right for

Weights = npt.NDArray[np.float64]  # (classes, inputs)


def linear_genomes(task: Task, blueprint: Blueprint, seed: int) -> list[Genome]:
    """Genomes of linear classifiers of the training split, from few synapses to many, within the blueprint's bounds.

    None for a task without classes, for one whose input is charges and no spikes, and where bounds leave no weights.
    """
    encoder = None if blueprint.encoder is None else encoder_from_spec(blueprint.encoder)
    if not isinstance(task, Labelled) or blueprint.fixed or (encoder is not None and encoder.graded):
        return []
    x, y = _counted(task, encoder, blueprint, seed)
    members = blueprint.outputs // (int(y.max()) + 1)
    genomes, known, rng = [], set(), generator(seed, "baseline", index=4)
    for weights in _series(x, y, seed):
        of = np.repeat(np.arange(len(weights)), members)
        genome = within(Genomes.of([_genome(weights[of], x, of, y, blueprint)]), blueprint.bounds, rng)[0]
        if genome.synapses and genome.key() not in known:
            known.add(genome.key())
            genomes.append(genome)
        if np.count_nonzero(weights[of]) > blueprint.bounds.synapses:
            break
    return genomes


def _counted(
    task: Labelled, encoder: Encoder | None, blueprint: Blueprint, seed: int
) -> tuple[Weights, npt.NDArray[np.int64]]:
    """Spike counts of the inputs (samples, inputs), and the classes, of the training split as selection sees it."""
    window, gain = blueprint.bounds.window[1], _gain(blueprint)
    feeds = task.feeds("train", seed, encoder, gain, window)
    x = np.concatenate([sums(feed, window).T for _, feed in feeds]).astype(np.float64)
    y = task.targets("train", seed)
    most = min(MOST, max(MOST_NUMBERS // x.shape[1], 1))
    order = generator(seed, "baseline", index=2).permutation(len(y))
    _, first = np.unique(y[order], return_index=True)  # one of each class at least
    some = np.sort(np.concatenate([order[first], np.delete(order, first)])[:most])
    return x[some], y[some]


def _gain(blueprint: Blueprint) -> int:
    return int(np.clip(UNIT_GAIN, *blueprint.bounds.gain))


def _series(x: Weights, y: npt.NDArray[np.int64], seed: int) -> Iterator[Weights]:
    """Weights of classifiers without an intercept, which no network has, from the strongest penalty to the weakest."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import l1_min_c

    least = l1_min_c(x, y, loss="log", fit_intercept=False)
    state = int(generator(seed, "baseline", index=3).integers(2**31))
    model: Any = LogisticRegression(
        l1_ratio=1,
        solver="saga",
        fit_intercept=False,
        warm_start=True,
        tol=1e-3,
        max_iter=ITERATIONS,
        random_state=state,
    )
    for strength in STRENGTHS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a fit has not converged: evolution goes on from anything
            model.set_params(C=least * strength).fit(x, y)
        weights = model.coef_.copy()
        # of two classes the first needs none: it wins with the lower output where the other stays at 0 or below
        yield weights if len(weights) > 1 else np.concatenate([np.zeros_like(weights), weights])


def _genome(
    weights: Weights, x: Weights, of: npt.NDArray[np.intp], y: npt.NDArray[np.int64], blueprint: Blueprint
) -> Genome:
    """The classifier as a genome: weights fill their range, the smallest go where there are too many.

    Args:
        of: int [outputs], the class that each output stands for.
    """
    bounds, inputs, outputs = blueprint.bounds, blueprint.inputs, blueprint.outputs
    low, high = min(bounds.weight[0], 0), max(bounds.weight[1], 0)  # without both signs nothing is left
    scale = min(high / max(weights.max(), 1e-9), low / min(weights.min(), -1e-9))
    scaled = np.rint(weights * scale)
    smallest = np.sort(np.abs(scaled), axis=None)[::-1][: bounds.synapses + 1]
    if len(smallest) > bounds.synapses:
        scaled[np.abs(scaled) <= smallest[-1]] = 0
    pre, output = np.nonzero(scaled.T)
    thresholds = np.full(inputs + outputs, bounds.threshold[0])
    if not decoder_from_spec(blueprint.decoder).silences:
        drive = [float(np.median((x @ scaled[k])[y == cls])) for k, cls in enumerate(of.tolist())]
        thresholds[inputs:] = np.clip(np.max(drive) / FIRINGS, *bounds.threshold)
    parameters = {"window": bounds.window[1], "evidence": bounds.evidence[0], "gain": _gain(blueprint)}

    def same(value: int, count: int) -> npt.NDArray[np.int32]:
        return np.full(count, value, np.int32)

    return Genome(
        ids=np.arange(inputs + outputs),
        threshold=thresholds.astype(np.int32),
        leak=same(bounds.leak[0], inputs + outputs),
        refractory=same(bounds.refractory[0], inputs + outputs),
        pre=pre.astype(np.int32),
        post=(inputs + output).astype(np.int32),
        weight=scaled.T[pre, output].astype(np.int32),
        delay=same(bounds.delay[0], len(pre)),
        parameters=np.array([parameters[name] for name in PARAMETERS], np.int32),
    )
