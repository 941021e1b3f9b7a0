"""Normalization: numbers of mean 0 and deviation 1, which a gain and a bias then spread and shift as training likes."""

from __future__ import annotations

from math import prod
from typing import ClassVar

import numpy as np

from pellucid.initializers import Initializer
from pellucid.layers.layer import Array, Layer, Numbers, Shape, Tensor

EPSILON = 1e-5  # so that numbers that are all the same are not divided by 0
MOMENTUM = 0.1  # weight of the new in the running statistics


class Normalization(Layer):
    """n = (x − μ) / σ with σ = √(variance + ε), and a = gain · n + bias, on x as a matrix (rows, m).

    Where μ and σ are those of x itself, each x_i moves both: ∂μ/∂x_i = 1/m and ∂σ/∂x_i = n_i/m, with m the count of
    numbers over which they are taken. So, with g = gain · da and means over the same numbers,

        dx = (g − mean(g) − n · mean(g n)) / σ          and where they are constants:  dx = g / σ

    The variance takes two passes, as the mean of (x − μ)²; mean(x²) − μ² would lose its digits where μ is large.
    """

    axis: ClassVar[int]  # of the matrix, over which the means are taken
    running: ClassVar[bool]  # whether passes other than training take the statistics of training
    transparent = True
    tensors: ClassVar[tuple[Tensor, ...]] = (
        Tensor("gain", "rows 1", "parameter"),
        Tensor("bias", "rows 1", "parameter"),
        Tensor("x", "... B", "input"),
        Tensor("n", "... B", "kept"),
        Tensor("a", "... B", "output"),
    )  # and center and deviation, μ and σ, one for each set of numbers that are normalized together

    def forward(self, t: Numbers) -> None:
        x = t.x.reshape(len(t.gain), -1)
        t.center, variance = self.statistics(t, x)
        t.deviation = (variance + EPSILON) ** 0.5
        n = (x - t.center) / t.deviation
        t.n, t.a = n.reshape(t.x.shape), (t.gain * n + t.bias).reshape(t.x.shape)

    def backward(self, t: Numbers) -> None:
        da, n = t.da.reshape(len(t.gain), -1), t.n.reshape(len(t.gain), -1)
        t.dgain[...] = (da * n).sum(axis=1, keepdims=True)
        t.dbias[...] = da.sum(axis=1, keepdims=True)
        g = t.gain * da
        if t.training or not self.running:
            g = g - self.average(g) - n * self.average(g * n)
        t.dx = (g / t.deviation).reshape(t.x.shape)

    def statistics(self, t: Numbers, x: Array) -> tuple[Array, Array]:
        """Mean and variance."""
        mean = self.average(x)
        return mean, self.average((x - mean) ** 2)

    def average(self, x: Array) -> Array:
        return x.mean(axis=self.axis, keepdims=True)

    def build(self, input_shape: Shape) -> Shape:
        self.sizes = {"rows": input_shape[0] if self.axis else prod(input_shape)}
        return input_shape

    def initialize(self, t: Numbers, rng: np.random.Generator, default: Initializer) -> None:
        t.gain[...] = 1

    def notation(self) -> str:
        return self.kind.upper()


class BatchNormalization(Normalization):
    """Each feature, or each map of an image, normalized over the batch (and over the places of the image).

    In training the statistics are those of the batch, and the running ones follow them:

        mean ← mean + 0.1 (μ − mean)          variance ← variance + 0.1 (m/(m−1) · mean((x − μ)²) − variance)

    where m/(m−1) makes of the batch's variance an unbiased estimate. In any other pass the running ones are taken, so
    that an answer does not depend on what else is in the batch. A single number (m = 1) has no variance: it becomes 0,
    and leaves the running statistics as they are.

    Source: Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift", 2015.
    """

    kind = "bn"
    axis, running = 1, True
    tensors = (
        *Normalization.tensors,
        Tensor("center", "rows 1", "kept"),
        Tensor("deviation", "rows 1", "kept"),
        Tensor("mean", "rows 1", "state"),
        Tensor("variance", "rows 1", "state"),
    )

    def statistics(self, t: Numbers, x: Array) -> tuple[Array, Array]:
        if not t.training:
            return t.mean, t.variance
        mean, variance = super().statistics(t, x)
        if (m := x.shape[1]) > 1:
            t.mean += MOMENTUM * (mean - t.mean)
            t.variance += MOMENTUM * (m / (m - 1) * variance - t.variance)
        return mean, variance

    def initialize(self, t: Numbers, rng: np.random.Generator, default: Initializer) -> None:
        t.gain[...] = t.variance[...] = 1


class LayerNormalization(Normalization):
    """Each example normalized over all its features, whatever else is in the batch; each feature has its own gain.

    Source: Ba, Kiros, Hinton, "Layer normalization", 2016.
    """

    kind = "ln"
    axis, running = 0, False
    tensors = (*Normalization.tensors, Tensor("center", "1 B", "kept"), Tensor("deviation", "1 B", "kept"))
