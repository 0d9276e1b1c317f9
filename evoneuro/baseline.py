"""What can be had without spike times: classic models on counts alone, and a constant answer.

A claim that a network reads the times of spikes needs these numbers beside it: where counts alone do as well, the task
leaks what it was to hide.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.classification import Labelled
from evoneuro.coding import encoder_from_spec
from evoneuro.coding.encoder import UNIT_GAIN
from evoneuro.coding.trains import WORD
from evoneuro.keys import generator
from evoneuro.network import Network
from evoneuro.samples import PARTS, Feed, Positions, SampleTask, Table
from evoneuro.tables import Tabular

MOST = 4000  # training samples that the models are fitted on: a support vector machine takes the square of it
TREES = 300

Answers = npt.NDArray[Any]


def baselines(task: SampleTask, network: Network, seed: int) -> dict[str, float]:
    """Scores on the test split, by the task's own measure, of answers that no spike time went into.

    A model is that of three of scikit-learn's which does best on the validation split: logistic regression, a support
    vector machine with an RBF kernel, a random forest; for values linear regression, kernel ridge regression, a random
    forest. They are fitted on the training split without jittered copies, or on 4,000 samples of it.

    Returns:
        count_only: a model sees what each input neuron gets within the network's window: its spikes, or the sum of its
            charges.
        mean_only: of series, a model sees each channel's mean over time.
        chance: the most frequent class of the training split, or the mean of its values.
    """
    chosen = {part: np.arange(len(task.members(part, seed))) for part in PARTS}
    chosen["train"] = _some(task, seed)
    found = {"count_only": _best(task, seed, chosen, lambda part: counts(task, network, part, seed, chosen[part]))}
    if isinstance(task, Tabular) and (x := task._loaded()[0]).ndim == 3:
        means = x.mean(axis=1, dtype=np.float64)
        found["mean_only"] = _best(task, seed, chosen, lambda part: means[task.members(part, seed)[chosen[part]]])
    found["chance"] = _chance(task, seed)
    return found


def counts(task: SampleTask, network: Network, part: str, seed: int, chosen: Positions) -> Table:
    """What each input neuron of `network` gets in its window: float64 (samples, inputs).

    Args:
        chosen: positions of samples within the part, in their order.
    """
    spec = task.coding(seed)[0] if network.encoder is None else network.encoder
    encoder = None if spec is None else encoder_from_spec(spec)
    gain = UNIT_GAIN if encoder is None else encoder.gain
    found = []
    for lanes, feed in task.feeds(part, seed, encoder, gain, network.window):
        here = chosen[(chosen >= lanes.start) & (chosen < lanes.stop)] - lanes.start
        found.append(sums(feed[:, :, here], network.window).T)
    return np.concatenate(found).astype(np.float64)


def sums(feed: Feed, window: int) -> npt.NDArray[np.int64]:
    """Spikes of trains, or the sum of charges, in the first `window` steps: int64 (inputs, lanes)."""
    if feed.dtype != np.uint32:  # charges, a step each
        total: npt.NDArray[np.int64] = feed[:window].sum(axis=0, dtype=np.int64)
        return total
    last = window // WORD
    spikes: npt.NDArray[np.int64] = np.bitwise_count(feed[:last]).sum(axis=0, dtype=np.int64)
    if last < len(feed):
        spikes += np.bitwise_count(feed[last] & np.uint32((1 << window % WORD) - 1))
    return spikes


def _some(task: SampleTask, seed: int) -> Positions:
    """Which training samples the models are fitted on: all, or `MOST` of them, of each class at least one."""
    count = len(task.members("train", seed))
    order = generator(seed, "baseline").permutation(count)
    if count > MOST and isinstance(task, Labelled):
        _, first = np.unique(task.targets("train", seed)[order], return_index=True)
        order = np.concatenate([order[first], np.delete(order, first)])
    return np.sort(order[:MOST])


def _best(task: SampleTask, seed: int, chosen: dict[str, Positions], rows: Callable[[str], Table]) -> float:
    """The score on the test split of the model that does best on the validation split."""
    right = {part: task.targets(part, seed)[chosen[part]] for part in PARTS}
    seen = {part: rows(part) for part in PARTS}
    scores = []
    for model in _models(isinstance(task, Labelled), seed):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a fit has not converged: its score says how good it is
            model.fit(seen["train"], right["train"])
        scores.append([_score(task, model.predict(seen[part]), right[part]) for part in ("validation", "test")])
    return max(scores, key=lambda score: score[0])[1]


def _models(classes: bool, seed: int) -> list[Any]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    state = int(generator(seed, "baseline", index=1).integers(2**31))  # none may draw from numpy's global generator
    if not classes:
        forest = RandomForestRegressor(TREES, random_state=state)
        return [LinearRegression(), make_pipeline(StandardScaler(), KernelRidge(alpha=0.1, kernel="rbf")), forest]
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=state))
    machine = make_pipeline(StandardScaler(), SVC(C=10, random_state=state))
    return [logistic, machine, RandomForestClassifier(TREES, random_state=state)]


def _chance(task: SampleTask, seed: int) -> float:
    """The score of the same answer to everything."""
    train, right = task.targets("train", seed), task.targets("test", seed)
    answer = np.bincount(train).argmax() if isinstance(task, Labelled) else train.mean(axis=0)
    return _score(task, np.broadcast_to(answer, right.shape), right)


def _score(task: SampleTask, said: Answers, right: Answers) -> float:
    return float(task.judge(said.reshape(1, *right.shape), right)[0][0])
