"""Mistakes in the gradients of losses, where the backward pass begins."""

from __future__ import annotations

import numpy as np

from pellucid.glass.planted.mistake import LOSS, backward_of
from pellucid.layers import Numbers
from pellucid.losses import Loss

NETWORK = "6-7:tanh-4"


@backward_of(LOSS, NETWORK)
def missing_batch_size(loss: Loss, t: Numbers) -> None:
    """dz = a − y instead of (a − y) / B."""
    t.dz = t.a - t.y


@backward_of(LOSS, NETWORK)
def batch_size_twice(loss: Loss, t: Numbers) -> None:
    """dz = (a − y) / B² instead of (a − y) / B."""
    t.dz = t.dz / t.w.sum()


@backward_of(LOSS, NETWORK)
def mean_over_the_outputs(loss: Loss, t: Numbers) -> None:
    """dz divided by the number of outputs too, though the loss sums over them."""
    t.dz = t.dz / len(t.z)


@backward_of(LOSS, NETWORK, weighted=True)
def forgotten_weights(loss: Loss, t: Numbers) -> None:
    """dz = (a − y) / B, though the loss weighs its examples."""
    t.dz = (t.a - t.y) / t.w.size


@backward_of(LOSS, NETWORK, weighted=True)
def weights_not_summed(loss: Loss, t: Numbers) -> None:
    """dz = (a − y) · w / B instead of (a − y) · w / Σ w."""
    t.dz = t.dz * t.w.sum() / t.w.size


@backward_of(LOSS, NETWORK)
def forgotten_smoothing(loss: Loss, t: Numbers) -> None:
    """dz = a − (1 for the likeliest label, else 0), though the targets are shares."""
    t.dz = (t.a - (t.y == t.y.max(axis=0))) * t.w / t.w.sum()


@backward_of(LOSS, NETWORK)
def derivative_of_softmax_twice(loss: Loss, t: Numbers) -> None:
    """dz = (a − y) · a (1 − a), though a − y has the derivative of softmax in it."""
    t.dz = t.dz * t.a * (1 - t.a)


@backward_of(LOSS, NETWORK, output="sigmoid")
def derivative_of_sigmoid_twice(loss: Loss, t: Numbers) -> None:
    """dz = (a − y) · a (1 − a), though a − y has the derivative of σ in it."""
    t.dz = t.dz * t.a * (1 - t.a)


@backward_of(LOSS, NETWORK, output="sigmoid")
def only_the_true_label(loss: Loss, t: Numbers) -> None:
    """dz = (a − 1) · y: outputs that should be 0 are never pushed there."""
    t.dz = (t.a - 1) * t.y * t.w / t.w.sum()


@backward_of(LOSS, NETWORK, output="identity")
def forgotten_two(loss: Loss, t: Numbers) -> None:
    """da = a − y instead of 2 (a − y): the loss has no factor ½."""
    t.dz = t.dz / 2


@backward_of(LOSS, NETWORK, output="tanh")
def forgotten_link(loss: Loss, t: Numbers) -> None:
    """dz = 2 (a − y), without the derivative of the output's tanh."""
    t.dz = 2 * (t.a - t.y) * t.w / t.w.sum()


@backward_of(LOSS, NETWORK, output="softmax", loss="squared_error")
def link_of_another_loss(loss: Loss, t: Numbers) -> None:
    """dz = a − y, right for cross-entropy, of the squared error of a softmax."""
    t.dz = (t.a - t.y) * t.w / t.w.sum()


@backward_of(LOSS, NETWORK, output="sigmoid", loss="squared_error")
def sign_of_the_difference(loss: Loss, t: Numbers) -> None:
    """dz = sign(a − y) · a (1 − a), the gradient of |a − y|."""
    t.dz = np.sign(t.a - t.y) * t.a * (1 - t.a) * t.w / t.w.sum()
