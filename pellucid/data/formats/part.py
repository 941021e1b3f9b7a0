"""What a reader of any format gives, and the bounds that all of them keep."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError

LARGEST_SIDE = 64  # pixels
MOST_CLASSES = 100
LARGEST = 2**31  # bytes that something packed (gzip, zip, PNG) may unpack to; plain arrays are mapped at any size


@dataclass(frozen=True)
class Part:
    """The images of a file, as they are there.

    Args:
        images: (N, height, width) grey or (N, height, width, 3) colour, uint8.
        labels: (N,) as the file has them, int64 or text; with `classes` they are numbers into it. None if it has none.
        classes: the names of the classes, where the file gives them.
    """

    images: NDArray[np.uint8]
    labels: NDArray[Any] | None = None
    classes: tuple[str, ...] | None = None


def flat_shape(pixels: int, source: str) -> tuple[int, ...]:
    """The shape of an image given as a row of numbers: (S, S) for S·S of them, (S, S, 3) for S·S·3.

    No number is both, because the root of 3 is irrational.

    Raises:
        DataError: neither fits, or S is above 64.
    """
    for channels in (1, 3):
        side = math.isqrt(pixels // channels)
        if pixels and side * side * channels == pixels:
            return check_shape((side, side) if channels == 1 else (side, side, 3), source)
    raise DataError(
        f"{source} has {pixels:,} pixels an image, which is no square: S·S of them are expected, or S·S·3 in colour, "
        "such as 784 for 28×28."
    )


def check_shape(shape: tuple[int, ...], source: str) -> tuple[int, ...]:
    """The shape of one image, if it is (height, width) or (height, width, 3), from 1×1 to 64×64.

    Raises:
        DataError: another shape.
    """
    sizes = "×".join(map(str, shape))
    if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise DataError(f"{source} has images of {sizes}; height×width are expected, or height×width×3 for colour.")
    if not min(shape):
        raise DataError(f"{source} has images of {sizes}: without pixels.")
    if max(shape[:2]) > LARGEST_SIDE:
        most = f"{LARGEST_SIDE}×{LARGEST_SIDE}"
        raise DataError(f"{source} has images of {sizes}; at most {most} are read. Make them smaller first.")
    return shape
