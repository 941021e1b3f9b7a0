"""Rows between the outside and the network, checked once: images, labels, weights and outputs that fit, or an error."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, prod, sqrt
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.checks import check_number
from pellucid.data.dataset import Dataset, one_hot
from pellucid.errors import DataError, ShapeError, UsageError
from pellucid.losses import BinaryCrossEntropy, CrossEntropy, Loss
from pellucid.names import assignments, choose

Part = tuple[Any, Any]  # a Dataset and None, or images and labels
FAR = 10  # times the size that networks are made for; pixels of 0 to 255 with a tenth of ink have 80
SAMPLE = 64  # images that tell the scale of all


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
    if not _surely_finite(images) and not np.isfinite(images).all():
        raise DataError(f"{int((~np.isfinite(images)).sum())} values of the images are NaN or infinite.")
    return images


def _surely_finite(images: NDArray[Any]) -> bool:
    """Whether the squares of the numbers have a finite sum, which takes less time than to ask each number."""
    return images.flags.c_contiguous and isfinite(np.vdot(images, images))


def typical_size(images: NDArray[Any]) -> float:
    """The root of the mean square of floating-point images, by the first ones; 0 for uint8, which are scaled later.

    Weights are drawn for numbers of about 1: pixels in [0, 1] have about 0.3, standardized features 1.
    """
    if images.dtype == np.uint8:
        return 0.0
    numbers = images[:SAMPLE].reshape(-1)
    return sqrt(np.vdot(numbers, numbers) / numbers.size)


def targets_of(
    labels: NDArray[Any] | None, count: int, classes: int, outputs: int, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Labels as the rows of Y, (N, outputs): class numbers (N,) become one-hot rows, rows are taken as they are.

    Whole numbers in rows are answers, 0 or 1, as of examples that may be of several classes.

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
    answers = labels.dtype.kind in "bui" and labels.ndim == 2 and bool(((labels == 0) | (labels == 1)).all())
    if labels.shape != (count, outputs) or not (answers or np.issubdtype(labels.dtype, np.floating)):
        raise ShapeError(
            f"Labels are whole numbers of shape (N,), or float targets or answers 0 and 1 of shape (N, {outputs}); "
            f"{labels.dtype} of shape {labels.shape} came."
        )
    if not np.isfinite(labels).all():
        raise DataError("The targets hold NaN or infinity.")
    return labels.astype(dtype, copy=False)


def check_targets(y: NDArray[Any], loss: Loss) -> None:
    """Refuse targets (N, outputs) that the formula of the loss is not made for (DataError)."""
    if isinstance(loss, CrossEntropy) and (y.min() < 0 or abs(y.sum(axis=1) - 1).max() > 1e-3):
        row = int((abs(y.sum(axis=1) - 1) + (y < 0).any(axis=1)).argmax())
        raise DataError(f"Targets of cross_entropy are shares of 1; row {row} is {y[row].tolist()}.")
    if isinstance(loss, BinaryCrossEntropy) and (y.min() < 0 or y.max() > 1):
        raise DataError(f"Targets of binary_cross_entropy lie in [0, 1]; these go from {y.min()} to {y.max()}.")


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


def hold_out(
    data: Dataset | NDArray[Any],
    labels: NDArray[Any] | None,
    weights: NDArray[Any] | None,
    validation: float | Dataset,
    seed: int,
) -> tuple[Part, Part | None, NDArray[Any] | None]:
    """What to train on, what to validate on if that is wished, and the weights of the former.

    Class numbers are drawn by class; rows of targets have none, so they are drawn from all.

    Raises:
        UsageError: a fraction that is none.
        ShapeError: not one weight for each example.
    """
    if weights is not None and np.shape(weights) != (len(data),):
        raise ShapeError(
            f"{len(data)} examples came with sample_weights of shape {np.shape(weights)}, not one for each."
        )
    if isinstance(validation, Dataset):
        return (data, labels), (validation, None), weights
    if not isinstance(validation, Real) or not 0 <= validation < 1:
        raise UsageError(f"validation is a fraction from 0 to below 1, or a Dataset; {validation!r} came.")
    if validation == 0:
        return (data, labels), None, weights
    classes = data.labels if isinstance(data, Dataset) else np.asarray(labels)
    if not classes.ndim:
        raise UsageError("A validation fraction is drawn by class, so it needs labels.")
    if classes.ndim > 1:
        classes = np.zeros(len(classes), np.int64)
    Dataset(data.images if isinstance(data, Dataset) else np.asarray(data), classes)  # as many labels as images
    kept, held = (part.images for part in Dataset(np.arange(len(classes)), classes).split(validation, seed))
    weights = None if weights is None else np.asarray(weights)[kept]
    if isinstance(data, Dataset):
        return (data.subset(kept), None), (data.subset(held), None), weights
    images, labels = np.asarray(data), np.asarray(labels)
    return (images[kept], labels[kept]), (images[held], labels[held]), weights


def check_weights(
    sample_weights: NDArray[Any] | None,
    class_weights: str | Mapping[str, float],
    labels: NDArray[Any] | None,
    targets: NDArray[Any],
    classes: tuple[str, ...],
) -> NDArray[Any] | None:
    """The weights of the examples (N,), their own times those of their classes; None if all weigh the same.

    `balanced` gives every class the same weight in all, N / (K · n_c) for each of the n_c examples of one of K classes
    (King, Zeng, "Logistic regression in rare events data", 2001).

    Args:
        sample_weights: (N,) or None.
        class_weights: "balanced", or numbers by the names of classes, as a table or as "5=2,8=3"; others weigh 1.
        labels: as they came: rows have no class.
        targets: (N, outputs) what became of them.
        classes: the names of the classes.

    Raises:
        UsageError, DataError: an unknown class, a weight that is not above 0, or class weights where there is no class.
    """
    weights = np.ones(1) if sample_weights is None else np.asarray(sample_weights, np.float64)
    if not np.isfinite(weights).all() or not (weights > 0).all():
        raise DataError("sample_weights are finite numbers above 0. Leave out examples that shall not count.")
    if class_weights:
        if labels is not None and np.ndim(labels) > 1:
            raise UsageError(
                "class_weights need a class of each example; rows of targets have none. Take sample_weights."
            )
        numbers = targets.argmax(axis=1) if targets.shape[1] > 1 else targets[:, 0].astype(np.int64)
        if class_weights == "balanced":
            counts = np.bincount(numbers, minlength=len(classes))
            factors = len(numbers) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        else:
            factors = np.ones(len(classes))
            for name, weight in class_table(class_weights).items():
                factors[choose("class", name, {name: place for place, name in enumerate(classes)})] = weight
        weights = weights * factors[numbers]
    return None if sample_weights is None and not class_weights else weights.astype(targets.dtype)


def class_table(class_weights: str | Mapping[str, float]) -> dict[str, float]:
    """The numbers of class_weights by class; none for "balanced" (UsageError: a weight that is not above 0)."""
    if class_weights == "balanced":
        return {}
    words = assignments(class_weights) if isinstance(class_weights, str) else class_weights
    table = {str(name): weight for name, weight in words.items()}
    for name, weight in table.items():
        check_number(f"The weight of the class {name}", weight, positive=True)
    return table


def image_size(images: NDArray[Any]) -> tuple[int, int]:
    """Height and width of images that are to be distorted.

    Raises:
        UsageError: they are no images.
    """
    if images.ndim not in (3, 4):
        raise UsageError(
            "augment distorts images (N, height, width) or (N, height, width, channels); an array of shape "
            f"{images.shape} came. Give it the shape of the images; the network reads them alike."
        )
    return images.shape[1], images.shape[2]
