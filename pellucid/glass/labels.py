"""Labels that are unlikely: what networks that never saw an image say of the label it carries.

Each half of the training images is judged by a small network that was trained on the other half, so that no network
has learned the label it judges. A class counts as present in an image where its probability is at least the mean
probability of that class over the images that carry its label; a label is unlikely where the likeliest class so
present is another one. Where the networks are wrong themselves they doubt labels that are right: the list says where
to look, not what is wrong. Doubles that lie in different halves vouch for each other's labels.

Source: Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels", 2021.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.network import Network
from pellucid.optimizers import Adam
from pellucid.randomness import generator
from pellucid.training import fit

ARCHITECTURE = "*-D0.2-128-D0.2-*"
BATCH_SIZE, STEPS, EPOCHS = 32, 1000, 4  # of each training about so many steps, but at least so many epochs
FEWEST = 20  # images of a class, below which its labels are not judged
MOST_PIXELS = 10**8  # that are judged; of more, images are drawn at random
Float = NDArray[np.float32]


@dataclass(frozen=True)
class Doubt:
    """A label that the network does not believe.

    Args:
        index: of the image in the training set.
        label: the class it carries.
        suggested: the class that the network sees in it.
        probability: what the network gives the label.
        probability_suggested: what it gives the class that it sees.
    """

    index: int
    label: int
    suggested: int
    probability: float
    probability_suggested: float


@dataclass(frozen=True)
class Verdict:
    """What came of judging the labels.

    Args:
        judged: how many images.
        agreement: the share of their labels that are also the networks' answers; nan if none was judged.
        doubts: the unlikely labels, the least likely first.
        few: classes with too few images to be judged.
    """

    judged: int
    agreement: float
    doubts: tuple[Doubt, ...]
    few: tuple[int, ...]


def judge(data: Dataset, seed: int = 0, progress: Callable[[int], None] = lambda half: None) -> Verdict:
    """Judge the labels of a training set; the same seed gives the same verdict.

    Classes with fewer than 20 images are left out; unless at least two classes are left nothing is judged.

    Args:
        data: the training set.
        seed: of the halves and the networks.
        progress: is told 1 and 2 before each half is learned.
    """
    counts = np.bincount(data.labels, minlength=len(data.classes))
    few = tuple(int(label) for label in np.flatnonzero((counts > 0) & (counts < FEWEST)))
    if np.count_nonzero(counts >= FEWEST) < 2:
        return Verdict(0, np.nan, (), few)
    halves = _halves(data, counts, seed)
    indices = np.concatenate(halves)
    probabilities = np.concatenate([
        _learned(data.subset(other), data.images[half], seed, progress, number)
        for number, (half, other) in enumerate((halves, halves[::-1]), 1)
    ])  # fmt: skip
    order = np.argsort(indices)
    indices, probabilities = indices[order], probabilities[order]
    labels = data.labels[indices]
    doubts = tuple(
        Doubt(
            int(indices[row]),
            int(labels[row]),
            int(suggested),
            *map(float, probabilities[row, [labels[row], suggested]]),
        )
        for row, suggested in unlikely(probabilities, labels)
    )
    return Verdict(len(indices), float((probabilities.argmax(axis=1) == labels).mean()), doubts, few)


def unlikely(probabilities: Float, labels: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The rows whose label is unlikely, each with the class that is there instead; the least likely label first.

    Args:
        probabilities: (N, classes), of networks that did not see these labels.
        labels: (N,) as they are given.
    """
    thresholds = np.full(probabilities.shape[1], np.inf)
    for label in np.unique(labels):
        thresholds[label] = probabilities[labels == label, label].mean(dtype=np.float64)
    present = np.where(probabilities >= thresholds, probabilities, -1)
    suggested = present.argmax(axis=1)
    rows = np.flatnonzero((present.max(axis=1) >= 0) & (suggested != labels))
    rows = rows[np.argsort(probabilities[rows, labels[rows]], kind="stable")]
    return [(int(row), int(suggested[row])) for row in rows]


def _halves(data: Dataset, counts: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of the images to judge, in two halves with as many images of each class, give or take one."""
    order = generator(seed, "split").permutation(np.flatnonzero(counts[data.labels] >= FEWEST))
    order = order[: max(1, MOST_PIXELS // data.images[0].size)]
    order = order[np.argsort(data.labels[order], kind="stable")]
    return np.sort(order[::2]), np.sort(order[1::2])


def _learned(data: Dataset, images: NDArray[np.uint8], seed: int, progress: Callable[[int], None], half: int) -> Float:
    """The probabilities that a network trained on `data` gives the classes of other images."""
    progress(half)
    network = Network(ARCHITECTURE, input_shape=data.input_shape, classes=data.classes, seed=seed)
    epochs = max(EPOCHS, STEPS * BATCH_SIZE // len(data))
    fit(network, data, epochs=epochs, batch_size=BATCH_SIZE, optimizer=Adam(), seed=seed, diagnosis=False)
    outputs: Float = network.predict(images)
    return outputs
