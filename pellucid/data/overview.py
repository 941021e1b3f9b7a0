"""What there is in a data set: how many images of each class, their mean images, their pixels, and doubles."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.data.normalization import PART


@dataclass(frozen=True)
class Overview:
    """The numbers of one part of a data set, training or test.

    Args:
        counts: (classes,) images of each class.
        means: (classes, height, width) or (classes, height, width, channels), the mean image of each class on the
            scale of its pixels, 0 to 255; NaN for a class without images.
        lowest: the smallest pixel.
        highest: the largest pixel.
        zeros: the share of pixels that are 0.
    """

    counts: NDArray[np.int64]
    means: NDArray[np.float64]
    lowest: int
    highest: int
    zeros: float

    @property
    def mean(self) -> float:
        """The mean of all pixels."""
        return float(self.counts @ np.nan_to_num(self.mean_pixels) / self.counts.sum())

    @property
    def mean_pixels(self) -> NDArray[np.float64]:
        """The mean pixel of each class, (classes,); NaN for a class without images."""
        means: NDArray[np.float64] = self.means.reshape(len(self.means), -1).mean(axis=1)
        return means

    @property
    def missing(self) -> list[int]:
        """The classes without images."""
        return [int(number) for number in np.flatnonzero(self.counts == 0)]

    def most_alike(self) -> tuple[int, int, float] | None:
        """The two classes whose mean images are nearest, and by how much their pixels differ (root mean square)."""
        rows = self.means.reshape(len(self.means), -1)
        present = np.flatnonzero(self.counts)
        distances = [
            (float(np.sqrt(((rows[one] - rows[other]) ** 2).mean())), int(one), int(other))
            for place, one in enumerate(present)
            for other in present[place + 1 :]
        ]
        if not distances:
            return None
        distance, one, other = min(distances)
        return one, other, distance


def overview(data: Dataset) -> Overview:
    """Count and average the images, in parts, so that images on a disk need not fit into memory."""
    counts = np.bincount(data.labels, minlength=len(data.classes))
    sums = np.zeros((len(data.classes), data.images[0].size))
    lowest, highest, others = 255, 0, 0
    for start, pixels in _parts(data):
        belongs = data.labels[start : start + PART] == np.arange(len(data.classes))[:, np.newaxis]
        sums += belongs.astype(np.float32) @ pixels.astype(np.float32)  # exact: whole numbers below 2²⁴
        lowest, highest = min(lowest, int(pixels.min())), max(highest, int(pixels.max()))
        others += int(np.count_nonzero(pixels))
    with np.errstate(invalid="ignore"):
        means = (sums / counts[:, np.newaxis]).reshape(-1, *data.images.shape[1:])
    return Overview(counts, means, lowest, highest, 1 - others / data.images.size)


@dataclass(frozen=True)
class Double:
    """Images whose pixels are exactly equal.

    Args:
        training: their places in the training set.
        test: their places in the test set.
        labels: the different labels that they carry, in order; more than one contradict each other.
    """

    training: tuple[int, ...]
    test: tuple[int, ...]
    labels: tuple[int, ...]


def doubles(train: Dataset, test: Dataset) -> list[Double]:
    """All images that are there more than once in the two parts, in the order in which they appear first.

    Images count as equal if their BLAKE2b digests of 128 bits are: among 10⁹ different images the chance of a
    mistake is below 10⁻²⁰.
    """
    places: dict[bytes, int] = {}  # digest -> where the image is first
    equal: dict[int, list[int]] = {}  # that place -> all places; the test set's follow the training set's
    for offset, part in ((0, train), (len(train), test)):
        for start, pixels in _parts(part):
            for place, row in enumerate(pixels, offset + start):
                first = places.setdefault(hashlib.blake2b(row.data, digest_size=16).digest(), place)
                if first != place:
                    equal.setdefault(first, [first]).append(place)
    found = []
    for _, group in sorted(equal.items()):
        training = tuple(place for place in group if place < len(train))
        in_test = tuple(place - len(train) for place in group[len(training) :])
        labels = {*train.labels[list(training)].tolist(), *test.labels[list(in_test)].tolist()}
        found.append(Double(training, in_test, tuple(sorted(labels))))
    return found


def _parts(data: Dataset) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The images in parts, as rows of pixels, each with the place of its first image."""
    for start in range(0, len(data), PART):
        part = np.ascontiguousarray(data.images[start : start + PART])
        yield start, part.reshape(len(part), -1)
