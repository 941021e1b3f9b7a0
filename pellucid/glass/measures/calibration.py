"""Is a network as often right as it is sure: answers by their confidence."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from pellucid.metrics import Evaluation

Z = 1.959964  # of the normal distribution, of which 95% lie within


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies in (low, high].

    Args:
        low, high: the bounds.
        count: how many.
        confidence: their mean confidence.
        accuracy: the share that is right.
        interval: where that share may lie for all answers of this confidence, with 95% certainty.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float
    interval: tuple[float, float]


def reliability(evaluation: Evaluation, bins: int = 15) -> list[Bin]:
    """The bins that hold an answer, the least sure first: those of `Evaluation.calibration_error`.

    Source: DeGroot, Fienberg, "The comparison and evaluation of forecasters", 1983.
    """
    confidence = evaluation.confidence.astype(np.float64)
    right = (evaluation.predicted == evaluation.labels).reshape(len(evaluation.labels), -1).all(axis=1)
    place = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1).astype(np.int64)
    found = []
    for number in np.unique(place).tolist():
        own = place == number
        count, hits = int(own.sum()), int(right[own].sum())
        found.append(Bin(
            number / bins, (number + 1) / bins, count, float(confidence[own].mean()), hits / count,
            wilson(hits, count),
        ))  # fmt: skip
    return found


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The interval that holds, with 95% certainty, the chance of a hit, of which so many out of `count` were seen.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    share, square = hits / count, Z**2 / count
    middle, half = share + square / 2, Z * sqrt(share * (1 - share) / count + square / (4 * count))
    return (middle - half) / (1 + square), (middle + half) / (1 + square)
