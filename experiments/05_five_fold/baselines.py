"""Accuracy of scikit-learn's models, ten repetitions of stratified five folds, as a markdown table.

python experiments/05_five_fold/baselines.py
"""

from __future__ import annotations

import warnings

from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

DATA = {"iris": load_iris, "wine": load_wine, "breast-cancer": load_breast_cancer, "digits": load_digits}
MODELS = {
    "logistic regression": LogisticRegression(max_iter=2000),
    "MLP of 4 hidden": MLPClassifier((4,), max_iter=1000, random_state=0),
}


def main() -> None:
    """One row per data set; rows of data are standardised by their training folds."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=10, random_state=0)
    print(f"| data | {' | '.join(MODELS)} |")
    print("| --- " * (1 + len(MODELS)) + "|")
    for name, load in DATA.items():
        rows, labels = load(return_X_y=True)
        found = [
            cross_val_score(make_pipeline(StandardScaler(), model), rows, labels, cv=folds).mean()
            for model in MODELS.values()
        ]
        print(f"| {name} | {' | '.join(f'{accuracy:.3f}' for accuracy in found)} |", flush=True)


if __name__ == "__main__":
    main()
