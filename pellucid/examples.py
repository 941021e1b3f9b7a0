"""Rows from outside, checked once where they enter: images and labels that fit a network, or an error."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset, one_hot
from pellucid.errors import DataError, ShapeError, UsageError


def check_images(images: NDArray[Any], input_shape: tuple[int, ...]) -> NDArray[Any]:
    """The images, if they are examples of that shape: (N, 784) or (N, 28, 28) for (784,), uint8 or finite floats.

    A single example without its axis for N is refused, not guessed at.

    Raises:
        ShapeError: examples of another size.
        DataError: values that are neither uint8 nor finite floats.
    """
    images = np.asarray(images)
    features = prod(input_shape)
    if images.ndim < 2 or not len(images) or prod(images.shape[1:]) != features:
        came = f"{' × '.join(map(str, images.shape[1:]))} = {prod(images.shape[1:])} numbers"
        remedy = "For a single example write images[None]." if images.size == features else "An example is a row."
        raise ShapeError(
            f"The network reads examples of {features} numbers: an array (N, {features}), or (N, height, width) of "
            f"as many pixels. An array of shape {images.shape} came, examples of {came}. {remedy}"
        )
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise DataError(f"Images are uint8 pixels or floats; these are {images.dtype}. Convert them first.")
    if not np.isfinite(images).all():
        raise DataError(f"{int((~np.isfinite(images)).sum())} values of the images are NaN or infinite.")
    return images


def check_targets(
    labels: NDArray[Any] | None, count: int, classes: int, outputs: int, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Labels as the rows of Y, (N, outputs): class numbers (N,) become one-hot rows, rows are taken as they are.

    Two classes with a single output: the row says whether it is the second.

    Raises:
        UsageError: no labels.
        ShapeError: labels of another shape or number; (N, 1) is not (N,).
        DataError: class numbers out of range, or targets that are not finite.
    """
    if labels is None:
        raise UsageError("Images need their labels: give a Dataset, or images and labels.")
    labels = np.asarray(labels)
    if len(labels) != count:
        raise ShapeError(f"{count} images came with {len(labels)} labels.")
    if labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer):
        return one_hot(labels, classes)[:, classes - outputs :].astype(dtype)
    if labels.shape != (count, outputs) or not np.issubdtype(labels.dtype, np.floating):
        raise ShapeError(
            f"Labels are whole numbers of shape (N,), or float targets of shape (N, {outputs}); "
            f"{labels.dtype} of shape {labels.shape} came."
        )
    if not np.isfinite(labels).all():
        raise DataError("The targets hold NaN or infinity.")
    return labels.astype(dtype, copy=False)


def check_classes(data: Dataset, classes: tuple[str, ...]) -> None:
    """Refuse a data set whose number of classes is not the network's, naming both."""
    if len(data.classes) != len(classes):
        raise ShapeError(
            f"The network tells {len(classes)} classes apart ({', '.join(classes)}), but "
            f"{data.name} has {len(data.classes)} ({', '.join(data.classes)})."
        )
