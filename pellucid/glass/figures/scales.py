"""Scales of axes, and numbers beside them that tell values apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

FAR = 30  # times the smallest value: then a scale is logarithmic
MOST_DIGITS = 6


def far_apart(values: Iterable[float]) -> bool:
    """Whether the values are all above 0, and so far apart that a linear scale would hide the smaller ones."""
    finite = [value for value in values if np.isfinite(value)]
    return bool(finite) and min(finite) > 0 and max(finite) > FAR * min(finite)


def logarithmic(axes: Axes) -> None:
    """A logarithmic scale upwards, with numbers as people write them."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def scale_of_losses(axes: Axes, losses: Sequence[float]) -> None:
    """From 0 to above the largest loss, or logarithmic where they are far apart; the title says so."""
    title = "Loss"
    finite = [loss for loss in losses if np.isfinite(loss)]
    if far_apart(finite):
        logarithmic(axes)
        title = "Loss, on a logarithmic scale"
    elif finite:
        axes.set_ylim(0, 1.08 * max(finite) or 1.0)
    axes.set_title(title)


def apart(values: Sequence[float], digits: int) -> list[str]:
    """Numbers with so many digits, or with as many more as tell different ones apart, six at most."""
    different = {value for value in values if np.isfinite(value)}
    while digits < MOST_DIGITS and len({f"{value:.{digits}g}" for value in different}) < len(different):
        digits += 1
    return [f"{value:.{digits}g}" for value in values]
