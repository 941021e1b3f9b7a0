"""Losses: how wrong the outputs are. Summed over outputs, averaged over the examples of a batch.

A loss stands at the end of the network together with the output link a = g(z). Each leaves in its tensors

    z, a, y     (outputs, B)    logits, outputs, targets
    w           (B,)            the weight of each example, 1 if nothing else is wished
    losses      (B,)            the loss of each example; Σ w·losses / Σ w is the loss of the batch
    dz          (outputs, B)    the gradient of that mean, where the backward pass of the network begins

Each example's share of the mean, w / Σ w, enters here, in `backward`, and nowhere else; without weights it is 1/B.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pellucid.errors import UsageError
from pellucid.layers import Array, Numbers
from pellucid.layers.activation import Activation, Identity, Sigmoid, Softmax, Tanh
from pellucid.names import choose


@dataclass(frozen=True)
class Loss:
    """A loss with its output link."""

    link: Activation
    kind: ClassVar[str]
    links: ClassVar[tuple[type[Activation], ...]]  # the output links that the formula is made for, first its own

    def forward(self, t: Numbers) -> None:
        """From the logits t.z and the targets t.y: the outputs t.a and the loss of each example."""
        raise NotImplementedError

    def backward(self, t: Numbers) -> None:
        """The gradient t.dz of the mean loss, by what the forward pass left."""
        raise NotImplementedError

    def smooth(self, y: Array, share: float) -> Array:
        """Targets (N, outputs) of which a share is spread evenly over all answers (label smoothing).

        Source: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception architecture", 2016.

        Raises:
            UsageError: a loss whose targets are no probabilities.
        """
        raise UsageError(f"Labels can be smoothed for cross_entropy and binary_cross_entropy, not for {self.kind}.")

    def decide(self, outputs: Array) -> Array:
        """What outputs (outputs, B) answer: a class for each example."""
        return decide(outputs)

    def right(self, t: Numbers) -> Array:
        """Which examples are answered right, (B,)."""
        return t.xp.atleast_2d(self.decide(t.a) == self.decide(t.y)).all(axis=0)


class CrossEntropy(Loss):
    """L = −Σ_k y_k log a_k with a = softmax(z), and targets that sum to 1.

    log a_k = z_k − log Σ_i e^{z_i}, so the loss is log-sum-exp(z) − Σ_k y_k z_k, and the logarithm never meets
    a zero. The Jacobian of softmax and the derivative of the logarithm cancel:  dz = (a − y) · w / Σ w.
    Smoothed by ε, the target is (1 − ε) y + ε / outputs.
    """

    kind = "cross_entropy"
    links = (Softmax,)

    def forward(self, t: Numbers) -> None:
        shifted = t.z - t.xp.max(t.z, axis=0, keepdims=True)
        e = t.xp.exp(shifted)
        sums = e.sum(axis=0, keepdims=True)
        t.a = e / sums
        t.losses = t.xp.log(sums)[0] - (t.y * shifted).sum(axis=0)

    def backward(self, t: Numbers) -> None:
        t.dz = (t.a - t.y) * t.w / t.w.sum()

    def smooth(self, y: Array, share: float) -> Array:
        return (1 - share) * y + share / y.shape[1]


class BinaryCrossEntropy(Loss):
    """L = −Σ_k [y_k log a_k + (1 − y_k) log(1 − a_k)] with a = σ(z), each output a question of its own.

    In logits it is Σ_k [max(z, 0) − y z + log(1 + e^−|z|)], which neither overflows nor takes log 0.
    Again the derivatives cancel:  dz = (a − y) · w / Σ w.  Smoothed by ε, the target is (1 − ε) y + ε / 2.
    """

    kind = "binary_cross_entropy"
    links = (Sigmoid,)

    def forward(self, t: Numbers) -> None:
        self.link.forward(t)
        log_term = t.xp.log1p(t.xp.exp(t.xp.where(t.z > 0, -t.z, t.z)))
        t.losses = (t.xp.where(t.z > 0, t.z, 0) - t.y * t.z + log_term).sum(axis=0)

    def backward(self, t: Numbers) -> None:
        t.dz = (t.a - t.y) * t.w / t.w.sum()

    def smooth(self, y: Array, share: float) -> Array:
        return (1 - share) * y + share / 2


class MultiLabel(BinaryCrossEntropy):
    """Binary cross-entropy of examples that may be of several classes or of none: each output is an answer.

    An example is answered right when all its answers are (subset accuracy).
    """

    def decide(self, outputs: Array) -> Array:
        return outputs > 0.5


class SquaredError(Loss):
    """L = Σ_k (a_k − y_k)², without a factor ½;  da = 2 (a − y) · w / Σ w, and the link takes da to dz."""

    kind = "squared_error"
    links = (Softmax, Sigmoid, Tanh, Identity)

    def forward(self, t: Numbers) -> None:
        self.link.forward(t)
        t.losses = ((t.a - t.y) ** 2).sum(axis=0)

    def backward(self, t: Numbers) -> None:
        t.da = 2 * (t.a - t.y) * t.w / t.w.sum()
        self.link.backward(t)


LOSSES: dict[str, type[Loss]] = {loss.kind: loss for loss in (CrossEntropy, BinaryCrossEntropy, SquaredError)}
OUTPUTS = {link.kind: link for link in SquaredError.links}


def make_loss(output: str | None = None, loss: str | None = None) -> Loss:
    """The loss and output link of these names; where one is missing, the one that matches the other.

    Raises:
        UsageError: an unknown name, or a loss whose formula is not made for that output.
    """
    named = choose("loss", loss.replace("-", "_"), LOSSES) if loss is not None else None
    link = choose("output", output, OUTPUTS) if output is not None else (named or CrossEntropy).links[0]
    matching = next(kind for kind in LOSSES.values() if link in kind.links)
    kind = named or matching
    if link not in kind.links:
        fitting = " or ".join(repr(fit.kind) for fit in kind.links)
        raise UsageError(
            f"The loss {kind.kind} is made for the output {fitting}, not {output!r}. "
            f"Take that output, or the loss {matching.kind}."
        )
    return kind(link())


def for_labels(loss: Loss, labels: Array | None) -> Loss:
    """The loss as these labels ask for it: rows of answers (N, outputs) for binary cross-entropy make it MultiLabel."""
    rows = labels is not None and np.ndim(labels) == 2 and np.shape(labels)[1] > 1
    return MultiLabel(loss.link) if rows and type(loss) is BinaryCrossEntropy else loss


def decide(outputs: Array) -> Array:
    """The class of each column: the largest output, or of a single output whether it is above ½."""
    return outputs.argmax(axis=0) if len(outputs) > 1 else (outputs[0] > 0.5) * 1
