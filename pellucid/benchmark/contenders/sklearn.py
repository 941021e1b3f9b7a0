"""scikit-learn: MLPClassifier on float32, an epoch for each partial_fit. It has dense networks with ReLU only."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from pellucid.benchmark.contenders import Contender, Examples, Predictor, channels_last
from pellucid.benchmark.work import Work
from pellucid.layers.activation import ReLU
from pellucid.layers.dense import Dense

neural_network: Any = importlib.import_module("sklearn.neural_network")


def _can(work: Work) -> bool:
    return all(isinstance(layer, Dense | ReLU) for layer in work.layers)


def _classifier(work: Work, examples: Examples) -> Any:
    """At the same beginning as all; a first fit on a few images is what makes its arrays."""
    arrays = [own for own in channels_last.parameters(work.layers) if own]
    classifier = neural_network.MLPClassifier(
        [len(bias) for _, bias in arrays[:-1]], solver="adam" if work.optimizer == "adam" else "sgd", alpha=0.0,
        batch_size=work.batch_size, learning_rate_init=work.learning_rate, momentum=work.momentum,
        nesterovs_momentum=False, random_state=0,
    )  # fmt: skip
    classifier.partial_fit(
        examples.rows[: work.batch_size], examples.labels[: work.batch_size], classes=np.arange(len(arrays[-1][1]))
    )
    for number, own in enumerate(arrays):
        classifier.coefs_[number][...], classifier.intercepts_[number][...] = own
    return classifier


def contenders(work: Work, examples: Examples, threads: int) -> list[Contender]:
    """On NumPy's matrix products, whose threads the race has set."""
    if not _can(work):
        return []
    classifier = _classifier(work, examples)

    def epoch(number: int) -> None:
        classifier.partial_fit(examples.rows, examples.labels)

    def accuracy() -> float:
        return float((classifier.predict(examples.test_rows) == examples.test_labels).mean())

    return [Contender("scikit-learn", "MLPClassifier", epoch, accuracy)]


def predictors(work: Work, examples: Examples, images: int) -> list[Predictor]:
    """predict_proba on rows."""
    if not _can(work):
        return []
    classifier, rows = _classifier(work, examples), examples.test_rows[:images]
    return [Predictor("scikit-learn", "MLPClassifier", lambda: classifier.predict_proba(rows))]
