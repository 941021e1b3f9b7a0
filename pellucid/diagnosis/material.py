"""What the training's images and labels show before the first step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pellucid.descent import Descent
from pellucid.diagnosis.symptoms import Symptom
from pellucid.examples import FAR, typical_size
from pellucid.layers import Array, walk
from pellucid.layers.normalization import BatchNormalization
from pellucid.losses import BinaryCrossEntropy, CrossEntropy, Loss, MultiLabel, SquaredError
from pellucid.workspace import Workspace

EXAMPLES_PER_CLASS = 10  # with fewer on average a class may be missing by chance


def of_images(images: Array, x: Array) -> Iterator[Symptom]:
    """Pixels of another scale, and images that are all the same.

    Args:
        images: (N, ...) to train on.
        x: some of them as the first layer reads them, (..., B).
    """
    size = typical_size(images)
    if size > FAR:
        yield ("unscaled images", "",
               f"the images are floats of about {size:.3g}, where the initial weights are made for about 1. Pixels of "
               "0 to 255? Divide them by 255, or give them as uint8, which the network scales itself.")  # fmt: skip
    if x.shape[-1] > 1 and (x == x[..., :1]).all():
        yield ("constant images", "",
               f"{x.shape[-1]} training images, drawn at random, are all the same, so that nothing tells one class "
               "from another. Look at them (pellucid data --pictures FOLDER), and at what reads them.")  # fmt: skip


def of_labels(loss: Loss, targets: Array, classes: Sequence[str]) -> Iterator[Symptom]:
    """Classes without examples; `targets` are (N, outputs)."""
    if isinstance(loss, MultiLabel) or max(targets.shape[1], 2) != len(classes):
        return
    numbers = targets.argmax(axis=1) if targets.shape[1] > 1 else (targets[:, 0] > 0.5).astype(np.int64)
    counts = np.bincount(numbers, minlength=len(classes))
    missing = [name for name, count in zip(classes, counts, strict=True) if not count]
    if len(missing) == len(classes) - 1 and len(numbers) > 1:
        yield ("one label", "",
               f"all {len(numbers):,} training images have the label {classes[numbers[0]]}: the network "
               "will learn to answer that, whatever it sees. Look at how the labels were read.")  # fmt: skip
    elif missing and len(numbers) >= EXAMPLES_PER_CLASS * len(classes):
        yield ("missing classes", "",
               f"no training image has the label {', '.join(missing[:10])}{' ...' * (len(missing) > 10)}: the network "
               "will never give that answer. Look at how the labels were read, or leave the class out of the "
               "network.")  # fmt: skip


def of_network(workspace: Workspace, batch_size: int, descent: Descent) -> Iterator[Symptom]:
    """Units that begin as the same, and batch normalization that has no batch."""
    weights = [slot for slot in workspace.parameters if slot.tensor.name == "W"]
    for slot in weights[:-1]:  # the targets tell the units of the last layer apart
        W = slot.view(workspace.theta)
        if len(W) > 1 and all(np.array_equal(row, W[0]) for row in W) and descent.layer_rates.get(slot.layer.name, 1):
            yield ("identical units", slot.layer.name,
                   f"all {len(W)} units begin with the same weights ({W.flat[0]:g}), so they learn the same as each "
                   "other, or nothing. Draw the weights at random: the default initializer does.")  # fmt: skip
    for layer in walk(workspace.layers):
        if isinstance(layer, BatchNormalization) and batch_size == 1:
            alone = len(layer.input_shape) == 1
            yield ("batch of one", layer.name,
                   "batch normalization measures each batch, and the batches have one example: "
                   + ("a single number becomes 0, so nothing of the image comes through. " if alone else
                      "each image is measured alone, in prediction not, so that the two do not agree. ")
                   + "Try a batch size of 32, or LN (layer normalization), which needs no batch.")  # fmt: skip


def loss_of_guessing(loss: Loss, targets: Array, weights: Array | None = None) -> float:
    """The least loss that an answer has which is the same for every image; NaN for a loss unknown here.

    That answer is the mean of the targets, ȳ, and its loss is the entropy −Σ ȳ log ȳ for cross-entropy, for binary
    cross-entropy Σ of the entropies of ȳ_k and 1 − ȳ_k, and for the squared error Σ of the variances of y_k.

    Args:
        loss: of the training.
        targets: (N, outputs).
        weights: (N,), None for 1 each.
    """
    mean = np.average(targets, axis=0, weights=weights)
    if isinstance(loss, CrossEntropy):
        return _entropy(mean)
    if isinstance(loss, BinaryCrossEntropy):
        return _entropy(mean) + _entropy(1 - mean)
    if isinstance(loss, SquaredError):
        return float(np.average(((targets - mean) ** 2).sum(axis=1), weights=weights))
    return float("nan")


def _entropy(shares: Array) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())
