"""What in a picture is ink: its polarity, the paper behind it, the threshold between both, strokes and specks."""

from __future__ import annotations

import numpy as np

from pellucid.data import imaging
from pellucid.data.imaging import Grey, Mask, rounded
from pellucid.errors import DataError

NEIGHBOURHOOD = 5  # a fifth of the longer side: the radius within which ink is rarer than paper
WIDEST_STROKE = 6  # a sixth of it: half the width that no stroke has
PAPER = 20  # a twentieth of it: the radius over which the brightness of paper is averaged
ROUNDS = 12  # of finding ink and averaging what is left, at most
LEAST_CONTRAST = 32  # by which ink differs from paper, in 255ths of the paper's brightness
THINNEST = 2  # pixels of the finished image; MNIST's strokes have 1.3 to 3.1 (5% and 95%)


def has_dark_ink(grey: Grey) -> bool:
    """Whether what differs from its neighbourhood is darker: Σ (pixel − mean around it)³ < 0.

    Ink is rarer than paper, so it lies further from the mean; shadows and edges cancel out.
    """
    radius = max(1, max(grey.shape) // NEIGHBOURHOOD)
    means = rounded(imaging.window_sums(grey, radius), imaging.window_sums(np.ones_like(grey), radius))
    return int(((grey - means) ** 3).sum()) <= 0


def find_ink(on_light: Grey) -> tuple[Grey, Grey, int]:
    """The brightness of the paper, by how much each pixel is darker, in 255ths of it, and the threshold of ink.

    The paper is at first the picture without what is dark and narrow (closing). Then, until nothing changes, ink is
    found, and the paper becomes the mean of what is at least 3 pixels away from ink, where enough of it is near.
    """
    longest = max(on_light.shape)
    paper = imaging.closing(on_light, max(1, longest // WIDEST_STROKE))
    radius = max(1, longest // PAPER)
    blank = np.zeros(on_light.shape, bool)
    for _ in range(ROUNDS):
        contrast = darker(on_light, paper)
        before, blank = blank, imaging.maximum(np.asarray(contrast > ink_threshold(contrast), np.uint8), 2) == 0
        if np.array_equal(blank, before):
            break
        count = imaging.window_sums(blank, radius)
        means = rounded(imaging.window_sums(on_light * blank, radius), np.maximum(count, 1))
        paper = np.where(16 * count >= (2 * radius + 1) ** 2, means, paper).astype(np.uint8)
    contrast = darker(on_light, paper)
    return paper, contrast, ink_threshold(contrast)


def darker(on_light: Grey, paper: Grey) -> Grey:
    """255 · (paper − pixel) / paper, at least 0."""
    difference = np.maximum(paper.astype(np.int64) - on_light, 0)
    return np.asarray(rounded(255 * difference, np.maximum(paper, 1).astype(np.int64)), np.uint8)


def ink_threshold(contrast: Grey) -> int:
    """Otsu's threshold; where the classes are too alike, it has parted noise, and what is above is parted again.

    Raises:
        DataError: nothing is left to part.
    """
    values = contrast.ravel()
    while True:
        threshold = imaging.otsu(values)
        above = values > threshold
        if above.all() or not above.any():
            raise DataError("it shows no ink: nothing stands out from the paper around it.")
        if mean(values[above]) - mean(values[~above]) >= LEAST_CONTRAST:
            return threshold
        values = values[above]


def select(mask: Mask) -> tuple[Mask, int, int]:
    """The strokes among what is above the threshold, how many components there were, and how many are left.

    Where something at least an eighth of the picture long keeps off the border, what touches the border goes if it is
    shorter, lies along the border with half of its length, or goes from one side to the other: the edge of a table, a
    shadow, a line. Then specks go: less than a fifth as long as the longest, or a twentieth as large as the largest.
    """
    numbered = imaging.components(mask)
    area, begin, end = imaging.extents(numbered)
    on_border = area - np.bincount(numbered[1:-1, 1:-1].ravel(), minlength=len(area) + 1)[1:]
    long = (end - begin).max(axis=1)
    crosses = (end - begin == mask.shape).any(axis=1)
    keep = np.ones(len(area), bool)
    longest_free = long[on_border == 0].max(initial=0)
    if 8 * longest_free >= max(mask.shape):
        keep = (on_border == 0) | ~(crosses | (2 * on_border >= long) | (long < longest_free))
    keep &= (5 * long >= long[keep].max()) & (20 * area >= area[keep].max())
    return np.append(False, keep)[numbered], len(keep), int(keep.sum())


def stretch(contrast: Grey, low: int, high: int, strokes: Mask) -> Grey:
    """255 · (contrast − low) / (high − low), in 0 … 255, on the strokes and one pixel around them; elsewhere 0."""
    ink = np.clip(rounded(255 * (contrast.astype(np.int64) - low), high - low), 0, 255)
    return np.asarray(ink * imaging.maximum(strokes.astype(np.uint8), 1), np.uint8)


def widen(ink: Grey, strokes: Mask, box_side: int) -> tuple[Grey, int, float]:
    """The ink with strokes that will be at least 2 pixels thick in the box, the radius added, and the thickness before.

    The thickness is 2 · area / circumference. The image grows by the radius on each side.
    """
    double_area, sides = 2 * int(np.count_nonzero(strokes)), imaging.circumference(strokes)
    longest = max(imaging.bounding_box(ink)[2:])
    radius = max(0, rounded(THINNEST * longest * sides - double_area * box_side, 2 * box_side * sides))
    return imaging.maximum(np.pad(ink, radius), radius) if radius else ink, radius, double_area / sides


def mean(values: Grey) -> int:
    """The mean, rounded; 0 of nothing."""
    return int(rounded(int(values.sum(dtype=np.int64)), max(1, values.size)))
