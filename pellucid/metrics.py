"""What a test says: accuracy, loss, the confusion matrix, each class by itself, the surest mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import UsageError


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
        labels: (N,) the true classes, or (N, outputs) the true answers, 0 and 1, of examples that may be of several.
        predicted: the classes it chose, or its answers.
        loss: the mean loss.
        classes: the names of the classes.
    """

    outputs: NDArray[Any]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    loss: float
    classes: tuple[str, ...]

    @property
    def right(self) -> NDArray[np.bool_]:
        """(N,): which examples were classified right; of several answers all must be."""
        return np.asarray((self.predicted == self.labels).reshape(len(self.labels), -1).all(axis=1))

    @property
    def accuracy(self) -> float:
        """The share of examples that were classified right."""
        return float(self.right.mean())

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(classes, classes): entry [i, j] counts the examples of class i that were taken for class j.

        Raises:
            UsageError: the examples may be of several classes.
        """
        if self.labels.ndim > 1:
            raise UsageError(
                "Examples of several classes have no confusion matrix; precision and recall say each class."
            )
        n = len(self.classes)
        return np.bincount(self.labels * n + self.predicted, minlength=n * n).reshape(n, n)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Of the examples taken for a class, the share that were of it; 0 where none were."""
        right, taken, _ = self._counts
        return _share(right, taken)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Of the examples of a class, the share that were recognized; 0 where there are none."""
        right, _, there = self._counts
        return _share(right, there)

    @property
    def _counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Of each class: examples recognized, taken for it, and there."""
        if self.labels.ndim > 1:
            return (self.labels * self.predicted).sum(axis=0), self.predicted.sum(axis=0), self.labels.sum(axis=0)
        return np.diag(self.confusion), self.confusion.sum(axis=0), self.confusion.sum(axis=1)

    @property
    def confidence(self) -> NDArray[Any]:
        """(N,): the output for the class that was chosen; of a single output how far it is on the side it chose."""
        if self.outputs.shape[1] == 1:
            return np.asarray(np.abs(self.outputs[:, 0] - 0.5) + 0.5)
        return np.asarray(self.outputs.max(axis=1))

    def calibration_error(self, bins: int = 15) -> float:
        """The expected calibration error: Σ (n_b / N) |accuracy_b − confidence_b| over bins of equal width.

        Bin b has the n_b examples whose confidence lies in ((b − 1) / bins, b / bins], and their mean accuracy and
        confidence. 0 is best: of the answers given with 80% confidence, 80% are right. Outputs are probabilities.

        Source: Guo et al., "On calibration of modern neural networks", 2017.
        """
        confidence = self.confidence.astype(np.float64)
        place = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1).astype(np.int64)
        return float(np.abs(np.bincount(place, self.right - confidence, bins)).sum() / len(confidence))

    def mistakes(self, count: int) -> list[Mistake]:
        """The mistakes that the network was surest of, where each example is of one class."""
        wrong = np.flatnonzero(~self.right)
        sure = self.confidence[wrong]
        worst = np.argsort(-sure, kind="stable")[:count]
        return [
            Mistake(int(wrong[i]), int(self.labels[wrong[i]]), int(self.predicted[wrong[i]]), float(sure[i]))
            for i in worst
        ]


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)
