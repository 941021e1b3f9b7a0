"""What freehand preprocessing does to grey images, in whole numbers, so that every language gets the same bytes.

An image is an array (height, width) of uint8. Where a division does not come out even, halves are rounded up:
`rounded(a, b)` = ⌊(2a + b) / 2b⌋. No number here is above 2⁵³, so doubles will do where there are no 64-bit integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def rounded(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator to the nearest whole number, halves up; for whole numbers, the second above 0."""
    return (2 * numerator + denominator) // (2 * denominator)


def luminance(pixels: NDArray[np.uint8]) -> Grey:
    """⌊(77 R + 150 G + 29 B + 128) / 256⌋ of pixels (H, W, 3 or more); all of it fits into 16 bits."""
    red, green, blue = (pixels[..., channel].astype(np.uint16) for channel in range(3))
    return np.asarray((77 * red + 150 * green + 29 * blue + 128) >> 8, np.uint8)


def blend(grey: Grey, opacity: Grey, ground: int) -> Grey:
    """grey where opacity is 255, the ground where it is 0, in between their mean; in 16 bits, so it cannot overflow."""
    over, under = grey.astype(np.uint16) * opacity, np.uint16(ground) * (255 - opacity)
    return np.asarray((over + under + 127) // 255, np.uint8)


def area_average(image: Grey, height: int, width: int) -> Grey:
    """The image in another size: each new pixel is the mean of the area that it covers, rounded once.

    On a line of n·m units each of n old pixels covers m units, each of m new ones n; what they share is the weight.
    """
    sums = _area_sums(_area_sums(image, width).T, height).T
    return np.asarray(rounded(sums, image.size), np.uint8)


def _area_sums(image: NDArray[Any], length: int) -> NDArray[np.int64]:
    """Along each row: the sum over each of `length` equal parts, times `length`; a part may cut a pixel."""
    rows, old = image.shape
    before = np.zeros((rows, old + 1), np.uint32 if image.dtype == np.uint8 else np.int64)
    np.cumsum(image, axis=1, out=before[:, 1:])
    pixel, share = np.divmod(np.arange(length + 1, dtype=np.int64) * old, length)
    cut = image[:, np.minimum(pixel, old - 1)].astype(np.int64)
    return np.asarray(np.diff(before[:, pixel].astype(np.int64) * length + cut * share, axis=1))


def maximum(image: Grey, radius: int) -> Grey:
    """The largest value in the square of 2·radius + 1 around each pixel, as far as it lies in the image (dilation)."""
    for _ in range(2):  # rows, then columns
        padded = np.pad(image, ((0, 0), (radius, radius)))
        image = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=1).max(axis=2).T
    return image


def closing(image: Grey, radius: int) -> Grey:
    """The image without what is dark and narrower than 2·radius + 1: `maximum`, then the minimum in the same square."""
    return 255 - maximum(255 - maximum(image, radius), radius)


def window_sums(values: NDArray[Any], radius: int) -> NDArray[np.int64]:
    """The sum over the square of 2·radius + 1 around each pixel, as far as it lies in the image."""
    height, width = values.shape
    before = np.zeros((height + 1, width + 1), np.int64)
    before[1:, 1:] = values.cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    (top, bottom), (left, right) = (
        (np.maximum(np.arange(n) - radius, 0), np.minimum(np.arange(n) + radius + 1, n)) for n in values.shape
    )
    top, bottom = top[:, None], bottom[:, None]
    return np.asarray(before[bottom, right] - before[top, right] - before[bottom, left] + before[top, left])


def otsu(values: Grey) -> int:
    """The threshold that parts values into two classes whose means differ most: maximizes n₀ · n₁ · (μ₁ − μ₀)².

    The second class has the values above the threshold. In doubles, in this order of operations; the first of several
    maxima; 0 if all values are the same.

    Source: Otsu, "A Threshold Selection Method from Gray-Level Histograms", 1979.
    """
    counts = np.bincount(values.ravel(), minlength=256).astype(np.float64)
    below, sums = counts.cumsum()[:-1], (counts * np.arange(256)).cumsum()
    above, total = values.size - below, sums[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = (total - sums[:-1]) / above - sums[:-1] / below
        between = below * above * difference * difference
    return int(np.argmax(np.nan_to_num(between, nan=0.0)))


def components(mask: Mask) -> NDArray[np.int64]:
    """For each pixel of the mask the number of its component, 1 to n in reading order of their first pixels; else 0.

    Pixels that touch at a side or a corner belong together.
    """
    nowhere = mask.size
    first = np.where(mask, np.arange(nowhere).reshape(mask.shape), nowhere)  # the earliest pixel that is known
    while True:
        near = first
        for _ in range(2):  # rows, then columns
            framed = np.pad(near, ((0, 0), (1, 1)), constant_values=nowhere)
            near = np.minimum(np.minimum(framed[:, :-2], framed[:, 1:-1]), framed[:, 2:]).T
        near = np.append(near, nowhere)[np.where(mask, near, nowhere)]  # and what that one knows
        if np.array_equal(near, first):
            break
        first = near
    number = np.unique(first[mask], return_inverse=True)[1] + 1
    numbered = np.zeros(mask.shape, np.int64)
    numbered[mask] = number
    return numbered


def extents(numbered: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each component its area (n,), its first row and column (n, 2), and those after its last (n, 2)."""
    places = np.argwhere(numbered)
    number = numbered[numbered > 0]
    order = np.argsort(number, kind="stable")
    starts = np.flatnonzero(np.diff(number[order], prepend=0))
    first, last = (reduce.reduceat(places[order], starts) for reduce in (np.minimum, np.maximum))
    return np.bincount(number)[1:], first, last + 1


def circumference(mask: Mask) -> int:
    """How many sides of pixels lie between the mask and what is around it; twice the area by it is the thickness."""
    framed = np.pad(mask, 1)
    return int(np.count_nonzero(framed[1:] != framed[:-1]) + np.count_nonzero(framed[:, 1:] != framed[:, :-1]))


def bounding_box(image: NDArray[Any]) -> tuple[int, int, int, int]:
    """Top, left, height and width of what is not 0."""
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
