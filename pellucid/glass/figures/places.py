"""Points in a plane, by class: every class has its own marker, and its name where there is room for it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pellucid.glass.figures.style import COLOURS, INK, MARKERS, SMALL, bare, text_width

Places = NDArray[np.float64]
TOGETHER = 0.05  # of a panel: points that spread less are in one place


def scatter(axes: Axes, points: Places, labels: NDArray[np.int64], size: float = 7.0) -> None:
    """Points (n, 2) by class; with up to 49 classes no two share both marker and colour."""
    for label in np.unique(labels).tolist():
        own = points[labels == label]
        colour, marker = COLOURS[label % len(COLOURS)], MARKERS[(label + label // len(COLOURS)) % len(MARKERS)]
        axes.scatter(own[:, 0], own[:, 1], size, color=colour, marker=marker, alpha=0.55, linewidths=0, rasterized=True)
    bare(axes)
    for side in axes.spines.values():
        side.set_visible(True)


def name_classes(
    axes: Axes, points: Places, labels: NDArray[np.int64], names: Sequence[str], inches: tuple[float, float]
) -> int:
    """Write the names of classes at their medians or beside them, the largest class first, where none covers another.

    Where all points lie in one place, it says so instead.

    Args:
        axes: with its limits set.
        points: (n, 2).
        labels: (n,) classes of the points.
        names: of the classes.
        inches: width and height of the axes, about.

    Returns:
        How many could be written.
    """
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    across, up = (right - left) / inches[0], (high - low) / inches[1]  # of an inch
    if (np.ptp(points, axis=0) < TOGETHER * np.array([right - left, high - low])).all():
        x, y = points.mean(axis=0)
        side = 1 if x < (left + right) / 2 else -1
        _write(axes, x + side * 0.1 * across, y, "all here", "left" if side > 0 else "right")
        return 0
    taken: list[tuple[float, float, float, float]] = []
    classes, counts = np.unique(labels, return_counts=True)
    for label in classes[np.argsort(-counts, kind="stable")].tolist():
        name = names[label]
        half, rise = (text_width(name, SMALL) * 1.1 / 2 + 0.03) * across, (SMALL / 72 / 2 + 0.02) * up
        middle = np.median(points[labels == label], axis=0)
        for right_by, up_by in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)):
            x = min(max(middle[0] + right_by * 1.2 * half, left + half), right - half)
            y = min(max(middle[1] + up_by * 1.2 * rise, low + rise), high - rise)
            box = (x - half, x + half, y - rise, y + rise)
            if not any(box[0] < b[1] and b[0] < box[1] and box[2] < b[3] and b[2] < box[3] for b in taken):
                taken.append(box)
                _write(axes, x, y, name, "center")
                break
    return len(taken)


def _write(axes: Axes, x: float, y: float, name: str, side: Literal["left", "center", "right"]) -> None:
    text = axes.text(x, y, name, size=SMALL, weight="bold", color=INK, ha=side, va="center")
    text.set_path_effects([patheffects.withStroke(linewidth=2.5, foreground="white")])


def limits(
    points: Places, margin: float = 0.06, alike: bool = False
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ranges of points (n, 2), with a margin; a range of nothing becomes one of 1.

    Alike, both are as long as the longer one, so that in a square equal distances look equal.
    """
    found = []
    spreads = np.ptp(points, axis=0)
    spreads = np.full(2, spreads.max()) if alike else spreads
    ends = zip(points.min(axis=0).tolist(), points.max(axis=0).tolist(), spreads.tolist(), strict=True)
    for low, high, own in ends:
        spread = own or 1.0
        middle = (low + high) / 2
        found.append((middle - (0.5 + margin) * spread, middle + (0.5 + margin) * spread))
    return found[0], found[1]


def rising(values: Sequence[float]) -> bool:
    """Whether each is at least about the one before."""
    return all(b >= a - 0.01 for a, b in pairwise(values))
