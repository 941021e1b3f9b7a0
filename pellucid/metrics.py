"""What a test says: accuracy, loss, the confusion matrix, each class by itself, the surest mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Mistake:
    """One example that was classified wrong: its place in the data, its label, the answer, and how sure it was."""

    index: int
    label: int
    predicted: int
    output: float  # for the class that was chosen


@dataclass(frozen=True)
class Evaluation:
    """The answers of a network on labelled examples.

    Args:
        outputs: (N, outputs) what the network said.
        labels: (N,) the true classes.
        predicted: (N,) the classes it chose.
        loss: the mean loss.
        classes: the names of the classes.
    """

    outputs: NDArray[Any]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    loss: float
    classes: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """The share of examples that were classified right."""
        return float((self.predicted == self.labels).mean())

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(classes, classes): entry [i, j] counts the examples of class i that were taken for class j."""
        n = len(self.classes)
        return np.bincount(self.labels * n + self.predicted, minlength=n * n).reshape(n, n)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Of the examples taken for a class, the share that were of it; 0 where none were."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """Of the examples of a class, the share that were recognized; 0 where there are none."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=1))

    def mistakes(self, count: int) -> list[Mistake]:
        """The mistakes that the network was surest of."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        single = self.outputs.shape[1] == 1
        sure = np.abs(self.outputs[wrong, 0] - 0.5) + 0.5 if single else self.outputs[wrong].max(axis=1)
        worst = np.argsort(-sure, kind="stable")[:count]
        return [
            Mistake(int(wrong[i]), int(self.labels[wrong[i]]), int(self.predicted[wrong[i]]), float(sure[i]))
            for i in worst
        ]


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)
