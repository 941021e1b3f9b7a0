"""A data set: images with their labels, and how to split and batch them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, UsageError
from pellucid.randomness import generator


@dataclass(frozen=True)
class Dataset:
    """Labelled images.

    Args:
        images: (N, height, width) or (N, height, width, channels), uint8.
        labels: (N,) int64, numbers of classes.
        classes: the names of the classes.
        name: what it is: "mnist".
        source: where it came from, in words.
        verified: whether the content is known to be the original, by its SHA-256.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...] = tuple("0123456789")
    name: str = "images"
    source: str = "memory"
    verified: bool = False

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise DataError(f"{self.name} has {len(self.images)} images, but {len(self.labels)} labels.")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, height, width) of one image."""
        height, width, *channels = self.images.shape[1:]
        return (*channels, height, width) if channels else (1, height, width)

    @property
    def description(self) -> str:
        """Name, size and origin in a line."""
        trust = "verified" if self.verified else "unverified"
        return f"{self.name}: {len(self):,} images from {self.source} ({trust})"

    def sha256(self) -> str:
        """The digest of its content: images, labels and the names of the classes."""
        digest = hashlib.sha256(repr((self.images.shape, str(self.images.dtype), self.classes)).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels, "<i8").data)
        return digest.hexdigest()

    def subset(self, indices: NDArray[np.int64] | slice) -> Dataset:
        """The examples at these places, in this order."""
        return replace(self, images=self.images[indices], labels=self.labels[indices])

    def split(self, fraction: float, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Hold out a fraction of each class, drawn at random: (the rest, the held-out part).

        Both parts have the classes in the same proportions (stratified): round(fraction · N) examples are held
        out, each class gives its share rounded down, and those that lost most by it give one more. The examples
        keep their order.

        Raises:
            UsageError: a fraction outside (0, 1), or one that leaves a part empty.
        """
        if not 0 < fraction < 1:
            raise UsageError(f"The fraction to hold out lies between 0 and 1, not at {fraction}.")
        rng = generator(seed, "split")
        held_out = np.zeros(len(self), dtype=bool)
        labels, counts = np.unique(self.labels, return_counts=True)
        gives = np.floor(fraction * counts).astype(int)
        rest = np.argsort(gives - fraction * counts, kind="stable")  # most lost by rounding down first
        gives[rest[: round(fraction * len(self)) - gives.sum()]] += 1
        for label, number in zip(labels, gives, strict=True):
            members = rng.permutation(np.flatnonzero(self.labels == label))
            held_out[members[:number]] = True
        if held_out.all() or not held_out.any():
            raise UsageError(f"Holding out {fraction} of {len(self)} examples leaves a part empty.")
        return self.subset(np.flatnonzero(~held_out)), self.subset(np.flatnonzero(held_out))

    def batches(
        self, batch_size: int, seed: int | None = None, epoch: int = 1
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """Images and labels in batches, each example once; with a seed shuffled as `fit` does in that epoch.

        The last batch has what is left.
        """
        if batch_size < 1:
            raise UsageError(f"A batch has at least one example, not {batch_size}.")
        rng = generator(seed, "shuffle", epoch) if seed is not None else None
        order = rng.permutation(len(self)) if rng else np.arange(len(self))
        for start in range(0, len(self), batch_size):
            batch = order[start : start + batch_size]
            yield self.images[batch], self.labels[batch]


def one_hot(labels: NDArray[Any], classes: int = 10) -> NDArray[np.float32]:
    """Labels (N,) as rows (N, classes) with a 1 at the label and 0 elsewhere.

    Raises:
        DataError: labels that are no whole numbers from 0 to classes − 1.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"Labels are whole numbers of shape (N,); {labels.dtype} of {labels.shape} came.")
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        wrong = int(np.flatnonzero((labels < 0) | (labels >= classes))[0])
        raise DataError(f"Labels of {classes} classes go from 0 to {classes - 1}; label {wrong} is {labels[wrong]}.")
    rows = np.zeros((len(labels), classes), dtype=np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows
