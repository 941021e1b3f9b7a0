"""What a reader of any format gives, and the bounds that all of them keep."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
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
        note: what was done to the images beside reading them, for people; it follows their source.
    """

    images: NDArray[np.uint8]
    labels: NDArray[Any] | None = None
    classes: tuple[str, ...] | None = None
    note: str = ""


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


def text_labels(labels: Sequence[str]) -> NDArray[Any]:
    """Labels written as text: int64 if all are whole numbers, otherwise as they are."""
    if all(re.fullmatch(r"[+-]?[0-9]{1,18}(\.0*)?", text) for text in set(labels)):
        return np.array([int(text.partition(".")[0]) for text in labels], np.int64)
    return np.array(labels)


def visible(folder: Path) -> list[Path]:
    """What is in a folder, without hidden files and what macOS puts beside them, sorted by name."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX")))


def order(name: str) -> tuple[int, int, str]:
    """For sorting names: numbers by their value, then words by the alphabet."""
    number = re.match(r"-?[0-9]{1,18}(?=\.|$)", name)
    return (0, int(number[0]), name) if number else (1, 0, name)


def trouble(error: Exception) -> str:
    """What a reader of the standard library or the system says, in a few words."""
    if isinstance(error, zlib.error):
        return "it is damaged"
    return getattr(error, "strerror", None) or str(error).partition("\n")[0] or "it ends too early"
