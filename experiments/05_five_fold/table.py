"""Accuracy on the test folds by number of synapses, over all folds and repetitions, as a markdown table.

    python experiments/05_five_fold/table.py STUDY SYNAPSES...

STUDY is the directory of a study whose variants are folds. For each number of synapses, the network of each front that
has at most so many and does best on training, jittered copies and validation together is scored on its test fold; a
front without one falls back to the majority. The last column is the mean number of synapses of those chosen.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from evoneuro.config import Config
from evoneuro.evaluate import evaluate
from evoneuro.evaluation import Cases
from evoneuro.front import Front, FrontMember
from evoneuro.store import Store
from evoneuro.task import load_task


def main() -> None:
    """One row per number of synapses."""
    study, limits = Path(sys.argv[1]), [int(limit) for limit in sys.argv[2:]]
    runs = sorted(path.parent for path in study.glob("*/seed*/run.sqlite"))
    repeats = sorted({run.name for run in runs})
    found = {limit: {name: [] for name in repeats} for limit in limits}
    sizes = {limit: [] for limit in limits}
    for run in runs:
        scores = on_test(run)
        for limit in limits:
            able = [(member, score) for member, score in scores if member.network.synapses <= limit]
            if able:
                member, score = max(able, key=lambda pair: worth(pair[0]))
                found[limit][run.name].append(score)
                sizes[limit].append(member.network.synapses)
    print("| synapses at most | test accuracy, mean | sd over folds | sd over repetitions | runs | synapses, mean |")
    print("|---" * 6 + "|")
    for limit in limits:
        means = [np.mean(scores) for scores in found[limit].values() if scores]
        every = np.concatenate([scores for scores in found[limit].values() if scores] or [[np.nan]])
        print(
            f"| {limit} | {every.mean():.4f} | {every.std():.4f} | {np.std(means):.4f} | {len(every)} "
            f"| {np.mean(sizes[limit]) if sizes[limit] else np.nan:.1f} |"
        )


def worth(member: FrontMember) -> float:
    """The mean of the scores on training and validation: a validation split of a few samples says little alone."""
    return (member.measures["score"] + (member.validation_score or 0.0)) / 2


def on_test(run: Path) -> list[tuple[FrontMember, float]]:
    """All members of a run's front with their accuracy on the test fold."""
    store = Store.read(run)
    config = Config.from_document(store.config)
    store.close()
    members = list(Front.read(run))
    task = load_task(config.task, config.parameters)
    found = evaluate(task, [member.network for member in members], Cases(config.seed, "test"))
    return [(member, evaluation.score) for member, evaluation in zip(members, found, strict=True)]


if __name__ == "__main__":
    main()
