"""The reference engine: the layers' own formulas, one after the other, forwards and backwards."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pellucid.data.distortion import Distortions
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.layers import Array, Numbers, sequence
from pellucid.losses import Loss
from pellucid.randomness import Draws
from pellucid.workspace import Workspace


def forward(workspace: Workspace, x: Array, random: Draws | None = None) -> Array:
    """The output of the last layer for the examples in the columns of x.

    A training pass brings what its layers draw from, `random`; a pass without is one of prediction.
    """
    return sequence.forward(workspace.layers, workspace.numbers, x, random)


def backward(workspace: Workspace, gradient: Array, *, input_gradient: bool = False) -> None:
    """Carry the gradient of the last layer's output back to the first; each layer leaves those of its parameters.

    The gradient of the network's input costs a matrix product that training never reads, so the way back ends at
    the first layer with parameters unless it is asked for.
    """
    first = -1 if input_gradient else workspace.first
    sequence.backward(workspace.layers, workspace.numbers, gradient, first)


def loss_of(
    workspace: Workspace, loss: Loss, x: Array, y: Array, random: Draws | None = None, w: Array | None = None
) -> Numbers:
    """Forward through the layers and the loss; y holds a target in each column, w the weights of the examples."""
    t = workspace.loss
    t.z, t.y = forward(workspace, x, random), y
    t.w = workspace.xp.ones_like(y[0]) if w is None else w
    loss.forward(t)
    t.loss = (t.w * t.losses).sum() / t.w.sum()
    return t


def gradient_of(
    workspace: Workspace, loss: Loss, x: Array, y: Array, random: Draws | None = None, w: Array | None = None,
    *, input_gradient: bool = False,
) -> Numbers:  # fmt: skip
    """Forward and backward: leaves the gradient of the mean loss in the workspace."""
    t = loss_of(workspace, loss, x, y, random, w)
    loss.backward(t)
    backward(workspace, t.dz, input_gradient=input_gradient)
    return t


@dataclass
class ReferenceEngine:
    """Gradient descent by the reference formulas.

    Args:
        workspace: theta, which is trained in place, and its gradient.
        loss: the loss with its output link.
        descent: what a gradient does to theta.
        images: (N, ...) the training examples.
        targets: (N, outputs) what the outputs should be.
        normalization: of the images.
        batch_size: examples a step; the last step of a run may have fewer.
        seed: of what layers draw in each step.
        threads: of the matrix products; `fit` sets them, for they are NumPy's and not this engine's.
        weights: (N,) of the examples; None weighs all alike.
    """

    name: ClassVar[str] = "reference"

    workspace: Workspace
    loss: Loss
    descent: Descent
    images: NDArray[Any]
    targets: NDArray[Any]
    normalization: Normalization
    batch_size: int
    seed: int = 0
    threads: int | None = None
    weights: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        theta = self.workspace.theta
        self.moments = [self.workspace.xp.zeros_like(theta) for _ in range(self.descent.optimizer.moments)]
        self.step = 0

    def facts(self) -> dict[str, Any]:
        """What the bits of the result depend on beside the arguments: versions, threads, instruction set."""
        from pellucid.machine import blas  # imported here: `import pellucid` brings NumPy alone

        library = blas()
        return {
            "engine": self.name,
            "threads": library.get("threads"),
            "instruction set": f"{platform.machine()} {library.get('architecture')}",
            "matrix library": f"{library.get('name')} {library.get('version')}",
            "NumPy": np.__version__,
        }

    def restore(self, moments: Sequence[Array], step: int) -> None:
        """Go on after `step` steps that left these moments; theta is there already."""
        for own, kept in zip(self.moments, moments, strict=True):
            own[...] = kept
        self.step = step

    @np.errstate(over="ignore", invalid="ignore")  # a loss that is NaN is for the caller to see
    def gradient(self, batch: NDArray[np.int64], distortions: Distortions | None = None) -> Numbers:
        """Forward and backward through these examples as in the coming step; leaves ∇L in the workspace."""
        images = distortions.of(self.images[batch]) if distortions else self.images[batch]
        x = self.normalization.columns(images, self.workspace.theta.dtype, self.workspace.input_shape)
        w = None if self.weights is None else self.weights[batch]
        random = Draws(self.seed, self.step + 1)
        return gradient_of(self.workspace, self.loss, x, self.targets[batch].T, random, w)

    @np.errstate(over="ignore", invalid="ignore")
    def run(
        self, order: NDArray[np.int64], rates: NDArray[np.float64], distortions: Distortions | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Train on the examples of `order`, a batch at a time, with one learning rate for each step.

        Where there are distortions, those of the examples of `order`, the network sees each image through its own.

        Returns:
            The mean loss of each step's batch before its update, and how many of it were classified right.
        """
        losses, correct = np.empty(len(rates)), np.empty(len(rates), dtype=np.int64)
        for i, rate in enumerate(rates.tolist()):
            part = slice(i * self.batch_size, (i + 1) * self.batch_size)
            t = self.gradient(order[part], distortions.part(part) if distortions else None)
            self.step += 1
            self.descent.update(self.workspace, self.moments, self.step, rate)
            losses[i], correct[i] = t.loss, self.loss.right(t).sum()
        return losses, correct
