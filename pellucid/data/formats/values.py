"""Arrays of any type as images and labels.

Pixels are whole numbers from 0 to 255; floats that all lie between 0 and 1 are taken times 255 and rounded, and that is
said; truth values become 0 and 255. Labels are whole numbers or text.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.formats.part import check_shape, flat_shape, text_labels
from pellucid.errors import DataError

PIECE = 2**20  # pixels that are looked at together
log = logging.getLogger("pellucid")


def to_images(array: NDArray[Any], source: str) -> NDArray[np.uint8]:
    """An array as images (N, height, width) or (N, height, width, 3), uint8; the head of this file says how.

    Raises:
        DataError: another shape, or values that are no pixels; the first bad image is named, counted from 0.
    """
    if array.ndim < 2:
        raise DataError(f"{source} has shape {array.shape}; images are (N, height, width) or (N, pixels).")
    if array.ndim == 2:
        array = array.reshape(len(array), *flat_shape(array.shape[1], source))
    elif array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] != 3:
        raise DataError(
            f"{source} has shape {array.shape}, channels before pixels; (N, height, width, channels) is expected: "
            "np.moveaxis(images, 1, -1) gives it."
        )
    check_shape(array.shape[1:], source)
    if array.dtype.kind not in "buif":
        raise DataError(f"{source} is of type {array.dtype}; pixels are numbers from 0 to 255.")
    return array if array.dtype == np.uint8 else _to_bytes(array, source)


def _to_bytes(array: NDArray[Any], source: str) -> NDArray[np.uint8]:
    """Numbers of any type as uint8, a piece at a time."""
    scale = 255 if array.dtype.kind == "b" or (array.dtype.kind == "f" and _lie_between_0_and_1(array)) else 1
    images = np.empty(array.shape, np.uint8)
    for start, piece in _pieces(array):
        values = np.rint(piece * float(scale)) if scale == 255 else piece
        with np.errstate(invalid="ignore"):
            images[start : start + len(piece)] = values.astype(np.uint8)
        wrong = (images[start : start + len(piece)] != values).reshape(len(piece), -1)
        if wrong.any():
            number = int(wrong.any(axis=1).argmax())
            value = values[number].reshape(-1)[wrong[number].argmax()]
            raise DataError(
                f"{source}: image {start + number} has a pixel of {value:g}. Whole numbers from 0 to 255 are expected, "
                "or floats that all lie between 0 and 1."
            )
    if scale == 255 and array.dtype.kind == "f":
        log.warning("%s holds floats from 0 to 1; they are taken times 255 and rounded.", source)
    return images


def _lie_between_0_and_1(array: NDArray[Any]) -> bool:
    """Whether all of its numbers do; NaN and infinity, which are none, are found later."""
    for _, piece in _pieces(array):
        finite = np.isfinite(piece)
        if piece.min(initial=0, where=finite) < 0 or piece.max(initial=0, where=finite) > 1:
            return False
    return True


def _pieces(array: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    step = max(1, PIECE // prod(array.shape[1:]))
    for start in range(0, len(array), step):
        yield start, array[start : start + step]


def to_labels(array: NDArray[Any], source: str) -> NDArray[Any]:
    """An array as labels (N,), int64 or text.

    Raises:
        DataError: another shape, or values that are neither whole numbers nor text; the first is named, from 0.
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"{source} has shape {array.shape}; one label for each image is expected, (N,). "
            "Of one-hot rows np.argmax(labels, axis=1) makes such."
        )
    if array.dtype.kind in "US":
        return _text(array, source)
    if array.dtype.kind not in "buif":
        raise DataError(f"{source} is of type {array.dtype}; labels are whole numbers or text.")
    with np.errstate(invalid="ignore"):
        labels = array.astype(np.int64)
    wrong = labels != array
    if wrong.any():
        first = int(wrong.argmax())
        raise DataError(
            f"{source}: label {first} is {array[first]}, no whole number.{_of(int(wrong.sum()), len(array))}"
        )
    return labels


def _text(array: NDArray[Any], source: str) -> NDArray[Any]:
    try:
        labels = [str(text).strip() for text in (np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array)]
    except UnicodeDecodeError:
        raise DataError(f"{source} has a label that is no UTF-8 text.") from None
    if "" in labels:
        raise DataError(f"{source}: label {labels.index('')} is missing.{_of(labels.count(''), len(labels))}")
    return text_labels(labels)


def _of(bad: int, count: int) -> str:
    return f" {bad:,} of {count:,} labels are bad." if bad > 1 else ""
