"""Linear projections: principal components, and how far the classes lie apart before anything is projected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]


@dataclass(frozen=True)
class Components:
    """The directions in which points vary most, from their mean on.

    Args:
        mean: (features,) of the points.
        axes: (k, features) of length 1, orthogonal, the first with the most variance.
        shares: (k,) of the whole variance; 0 where all points are the same.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    shares: NDArray[np.float64]

    def of(self, points: Floats) -> NDArray[np.float64]:
        """Points (n, features) in these directions: (n, k)."""
        return (points.astype(np.float64) - self.mean) @ self.axes.T


def principal_components(points: Floats, count: int = 2) -> Components:
    """The first principal components of points (n, features), by the eigenvectors of XXᵀ or XᵀX, whichever is smaller.

    The sign of an axis is free; its largest entry is positive here. Where there are fewer directions, axes of length 0
    take their place.

    Source: Pearson, "On lines and planes of closest fit to systems of points in space", 1901.
    """
    mean = points.mean(axis=0, dtype=np.float64)
    X = points.astype(np.float64) - mean
    n, features = X.shape
    wide = features > n
    values, vectors = np.linalg.eigh(X @ X.T if wide else X.T @ X)
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    rows = vectors.T @ X if wide else vectors.T
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.where(values[:, None] > 1e-12 * max(values[0], 1e-300), rows / np.maximum(lengths, 1e-300), 0.0)
    rows *= np.sign(rows[np.arange(len(rows)), abs(rows).argmax(axis=1)] + 1e-300)[:, None]
    axes = np.zeros((count, features))
    axes[: len(rows)] = rows
    total = (X**2).sum()
    shares = ((X @ axes.T) ** 2).sum(axis=0) / total if total else np.zeros(count)
    return Components(mean, axes, shares)


def between_classes(points: Floats, labels: NDArray[np.int64]) -> float:
    """The share of the variance of points (n, features) that is between classes: tr S_B / tr S_T, from 0 to 1.

    S_B is the scatter of the means of the classes, weighed by their numbers, S_T that of all points. It is measured in
    all dimensions, where a projection shows two.

    Source: Fisher, "The use of multiple measurements in taxonomic problems", 1936.
    """
    X = points.reshape(len(points), -1).astype(np.float64)
    X -= X.mean(axis=0)
    total = float((X**2).sum())
    classes = [X[labels == label] for label in np.unique(labels)]
    between = sum(len(own) * float((own.mean(axis=0) ** 2).sum()) for own in classes)
    return between / total if total else 0.0
