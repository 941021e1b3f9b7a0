"""What a training reads, checked, and what a snapshot of it must agree with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.augment import parse
from pellucid.data.dataset import Dataset
from pellucid.descent import OPTIONS, Descent
from pellucid.epoch import Draw
from pellucid.examples import Part, check_weights, hold_out, image_size
from pellucid.losses import Loss, for_labels, make_loss
from pellucid.network import Network
from pellucid.schedules import Schedule


@dataclass(frozen=True)
class Examples:
    """The examples of a training, as an engine reads them.

    Args:
        images: (N, ...) to train on.
        targets: (N, outputs), smoothed if that is wished.
        weights: (N,) of the examples; None weighs all alike.
        loss: with its output link.
        loss_of_labels: the same for the kind of labels that came.
        held_out: what to validate on.
        augment: how images are distorted, in words; empty: not at all.
        draw: the same by their places and the epoch.
    """

    images: NDArray[Any]
    targets: NDArray[Any]
    weights: NDArray[Any] | None
    loss: Loss
    loss_of_labels: Loss
    held_out: Part | None
    augment: str
    draw: Draw | None


def prepare(
    network: Network,
    data: Dataset | NDArray[Any],
    labels: NDArray[Any] | None,
    validation: float | Dataset,
    seed: int,
    augment: str | None,
    loss: str | None,
    label_smoothing: float,
    sample_weights: NDArray[Any] | None,
    class_weights: str | Mapping[str, float],
) -> Examples:
    """The examples that the arguments of `fit` mean; the network is only asked what it reads.

    Raises:
        UsageError, ShapeError, DataError: examples that do not fit the network or the loss.
    """
    train, held_out, sample_weights = hold_out(data, labels, sample_weights, validation, seed)
    link_and_loss = make_loss(network.output, loss) if loss else network.loss
    images, targets = network.check_examples(*train, loss=link_and_loss)
    if held_out:
        network.check_examples(*held_out, loss=link_and_loss)
    weights = check_weights(sample_weights, class_weights, labels, targets, network.classes)
    loss_of_labels = for_labels(link_and_loss, labels)
    if label_smoothing:
        targets = loss_of_labels.smooth(targets, label_smoothing)
    words = parse(augment or "")
    draw = partial(words.draw, seed=int(seed), size=image_size(images)) if words else None
    return Examples(images, targets, weights, link_and_loss, loss_of_labels, held_out, str(words), draw)


def settings(
    network: Network, examples: Examples, descent: Descent, schedule: Schedule, epochs: int, batch_size: int,
    seed: int, label_smoothing: float,
) -> dict[str, Any]:  # fmt: skip
    """What must be the same where a training goes on from a snapshot; None for what is off."""
    weights = examples.weights
    return {
        "architecture": network.architecture,
        "dtype": network.dtype.name,
        "output": network.output,
        "loss": examples.loss.kind,
        "optimizer": repr(descent.optimizer),
        "batch_size": int(batch_size),
        "seed": int(seed),
        "examples": len(examples.images),
        "augment": examples.augment or None,
        "label_smoothing": label_smoothing or None,
        "weights": None if weights is None else sha256(np.ascontiguousarray(weights).data).hexdigest(),
        "schedule": str(schedule) if str(schedule) != "constant" else None,
        "epochs": int(epochs) if schedule.spans else None,
        **{name: descent.options.get(name) for name in OPTIONS},
    }
