"""scikit-learn: MLPClassifier on float32, an epoch for each partial_fit."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from pellucid.benchmark.contenders import Contender, Examples, Predictor
from pellucid.benchmark.work import Work

neural_network: Any = importlib.import_module("sklearn.neural_network")


def _classifier(work: Work) -> Any:
    return neural_network.MLPClassifier(
        work.widths[1:-1], solver="adam" if work.optimizer == "adam" else "sgd", alpha=0.0, batch_size=work.batch_size,
        learning_rate_init=work.learning_rate, momentum=work.momentum, nesterovs_momentum=False, random_state=0,
    )  # fmt: skip


def contenders(work: Work, examples: Examples, threads: int) -> list[Contender]:
    """On NumPy's matrix products, whose threads the race has set."""
    classifier = _classifier(work)

    def epoch(number: int) -> None:
        classifier.partial_fit(examples.rows, examples.labels, classes=np.arange(work.widths[-1]))

    def accuracy() -> float:
        return float((classifier.predict(examples.test_rows) == examples.test_labels).mean())

    return [Contender("scikit-learn", "MLPClassifier", epoch, accuracy)]


def predictors(work: Work, examples: Examples) -> list[Predictor]:
    """predict_proba on a row."""
    classifier, image = _classifier(work), examples.test_rows[:1]
    classifier.partial_fit(examples.rows[:1000], examples.labels[:1000], classes=np.arange(work.widths[-1]))
    return [Predictor("scikit-learn", "MLPClassifier", lambda: classifier.predict_proba(image))]
