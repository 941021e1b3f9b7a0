"""Labels as files have them become numbers of classes, the same in the training and the test part.

A class is what occurs in the labels of the training part, or what the file names as its classes. Whole numbers are in
the order of their values, words in that of the alphabet, numbers first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.data.formats.part import MOST_CLASSES, Part, order
from pellucid.errors import DataError, UsageError

HELD_OUT = 1 / 6  # the share of the training part that tests where there is no test part


def label(train: Part, test: Part | None, where: str) -> tuple[Dataset, Dataset | None]:
    """Both parts as data sets with the same classes; `where` names them in errors and as their source.

    Raises:
        DataError: no labels, a single class or more than 100, or parts that differ in size, colour or classes.
    """
    for part in (train, test):
        _check_count(part, where)
    if test is not None and train.images.shape[1:] != test.images.shape[1:]:
        sizes = ["×".join(map(str, part.images.shape[1:])) for part in (train, test)]
        raise DataError(f"{where} has training images of {sizes[0]} and test images of {sizes[1]}.")
    names, labels = _named(train, where)
    if len(names) < 2:
        raise DataError(f"{where} has a single class, {names[0]!r}; there is nothing to tell apart.")
    training = Dataset(train.images, labels, names, source=where)
    if test is None:
        return training, None
    others, numbers = _named(test, where)
    if strangers := [name for name in others if name not in names]:
        index = int(np.argmax(numbers == others.index(strangers[0])))
        raise DataError(
            f"{where}: the test part has the class {strangers[0]!r} (image {index}), which the training part does not "
            f"have; its classes are {_listed(names)}."
        )
    places = np.array([names.index(name) for name in others], np.int64)
    return training, Dataset(test.images, places[numbers], names, source=where)


def hold_out(train: Dataset, why: str) -> tuple[Dataset, Dataset]:
    """One sixth of the training part as the test part, stratified; the source says so and why.

    Raises:
        DataError: there are too few images.
    """
    try:
        rest, test = train.split(HELD_OUT)
    except UsageError:
        raise DataError(f"{train.source} has {why}, and {len(train)} images are too few to hold some out.") from None
    source = f"{train.source} ({why}: one sixth held out)"
    return replace(rest, source=source), replace(test, source=source)


def _check_count(part: Part | None, where: str) -> None:
    if part is None:
        return
    if part.labels is None:
        raise DataError(f"{where} has images without labels; nothing can be learned from them.")
    if len(part.images) != len(part.labels):
        raise DataError(f"{where} has {len(part.images):,} images, but {len(part.labels):,} labels.")
    if not len(part.labels):
        raise DataError(f"{where} has no images.")


def _named(part: Part, where: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The names of the classes of a part, and its labels as numbers into them."""
    labels: NDArray[Any] = np.asarray(part.labels)
    if part.classes is not None:
        names = part.classes
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"{where} names two classes {twice!r}.")
        numbers = labels
    else:
        values, numbers = np.unique(labels, return_inverse=True)
        if labels.dtype.kind == "i" and len(values) <= MOST_CLASSES:
            _check_range(labels, where)
        texts = [str(value) for value in values.tolist()]
        names = tuple(sorted(texts, key=order))
        numbers = np.array([names.index(text) for text in texts], np.int64)[numbers]
    if len(names) > MOST_CLASSES:
        raise DataError(
            f"{where} has {len(names):,} classes, {_listed(names)}; at most {MOST_CLASSES} are possible. Is another "
            "column the label?"
        )
    return names, numbers.astype(np.int64)


def _check_range(labels: NDArray[np.int64], where: str) -> None:
    """Numbers of at most 100 classes lie close together; one far away is a slip or damage."""
    far = np.abs(labels - np.median(labels)) >= MOST_CLASSES
    if far.any():
        index = int(far.argmax())
        raise DataError(
            f"{where}: label {index} is {labels[index]}, far from the others, whose middle is {np.median(labels):g}. "
            f"Numbers of classes lie within {MOST_CLASSES} of it. Correct it, or name the classes in words."
        )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
