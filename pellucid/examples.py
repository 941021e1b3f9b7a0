"""Rows between the outside and the network, checked once: images, labels and outputs that fit, or an error."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset, one_hot
from pellucid.errors import DataError, NumericError, ShapeError, UsageError


def check_images(images: NDArray[Any], input_shape: tuple[int, ...]) -> NDArray[Any]:
    """The images, if they are examples of that shape, uint8 or finite floats.

    For (784,) an example may have any shape of 784 numbers; for (1, 28, 28) it is (784,), (28, 28) or (28, 28, 1),
    for (3, 28, 28) it is (2352,) or (28, 28, 3). A single example without its axis for N is refused, not guessed at.

    Raises:
        ShapeError: examples of another shape.
        DataError: values that are neither uint8 nor finite floats.
    """
    images = np.asarray(images)
    features = prod(input_shape)
    fits = images.ndim > 1 and len(images) > 0 and prod(images.shape[1:]) == features
    if len(input_shape) == 3:
        channels, *area = input_shape
        fits = fits and images.shape[1:] in ((features,), (*area, channels), tuple(area) if channels == 1 else None)
    if not fits:
        remedy = "For a single example write images[None]." if images.size == features else "An example is a row."
        raise ShapeError(
            f"The network reads examples of shape {input_shape}, {features} numbers, as an array (N, {features}) or "
            f"(N, height, width). An array of shape {images.shape} came, {prod(images.shape[1:])} numbers an example. "
            f"{remedy}"
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
    if not labels.ndim or len(labels) != count:
        raise ShapeError(f"{count} images came with labels of shape {labels.shape}; one label for each is expected.")
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


def check_classes(data: Dataset, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """The labels of a data set as numbers of the network's classes.

    Classes are matched by name, so a data set may lack some. Where one side has no names but 0, 1, ..., as many
    classes on the other are matched in their order.

    Raises:
        ShapeError: the classes are others; naming both.
    """
    if set(data.classes) <= set(classes):
        places = np.array([classes.index(name) for name in data.classes], np.int64)
        return data.labels if data.classes == classes else places[data.labels]
    numbers = tuple(map(str, range(len(classes))))
    if len(data.classes) != len(classes) or numbers not in (data.classes, classes):
        raise ShapeError(
            f"The network tells {len(classes)} classes apart ({', '.join(classes)}), but "
            f"{data.name} has {len(data.classes)} ({', '.join(data.classes)})."
        )
    return data.labels


def check_outputs(outputs: NDArray[Any]) -> NDArray[Any]:
    """The outputs of a network, if they are finite."""
    bad = int((~np.isfinite(outputs)).any(axis=1).sum())
    if bad:
        raise NumericError(
            f"The outputs for {bad} of {len(outputs)} examples are NaN or infinite: the weights of the network, or the "
            "values of the examples, are too large."
        )
    return outputs
