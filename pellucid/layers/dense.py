"""The dense layer: every output sees every input."""

from __future__ import annotations

from math import prod

import numpy as np

from pellucid.checks import check_whole
from pellucid.errors import ShapeError
from pellucid.initializers import Initializer
from pellucid.layers.layer import Layer, Numbers, Shape, Tensor


class Dense(Layer):
    """z = W x + b, for a batch of B examples, one in each column.

    Forward     z = W x + b          (out, B) = (out, in) (in, B) + (out, 1)
    Backward    dW = dz xᵀ           (out, in) = (out, B) (B, in)
                db = Σ_B dz          (out, 1)
                dx = Wᵀ dz           (in, B) = (in, out) (out, B)

    W_ij meets x_j on its way to z_i, so dW_ij = Σ_B dz_i x_j: an outer product, summed over the batch.
    x_j reaches every z_i through column j of W, which is row j of Wᵀ.

    Args:
        units: number of outputs, at least 1 (UsageError).
        initializer: how W is drawn; by default He before a (leaky) ReLU, Xavier otherwise. b starts at 0.

    Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", 1986.
    """

    units: int
    initializer: Initializer | None = None

    kind = "dense"
    tensors = (
        Tensor("W", "out in", "parameter"),
        Tensor("b", "out 1", "parameter"),
        Tensor("x", "in B", "input"),
        Tensor("z", "out B", "output"),
    )

    def forward(self, t: Numbers) -> None:
        t.z = t.W @ t.x + t.b

    def backward(self, t: Numbers) -> None:
        t.dW[...] = t.dz @ t.x.T
        t.db[...] = t.dz.sum(axis=1, keepdims=True)
        if t.needs_dx:
            t.dx = t.W.T @ t.dz

    def __post_init__(self) -> None:
        check_whole("The number of units of a dense layer", self.units)

    def build(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise ShapeError(
                f"{self.name} reads a vector, but {self.source} shape {input_shape}.\n"
                f"Put pl.Flatten() before it, or give flat images, input_shape=({prod(input_shape)},)."
            )
        self.sizes = {"in": input_shape[0], "out": self.units}
        return (self.units,)

    def initialize(self, t: Numbers, rng: np.random.Generator, default: Initializer) -> None:
        fan_in, fan_out = self.sizes["in"], self.sizes["out"]
        t.W[...] = (self.initializer or default).draw(rng, (fan_out, fan_in), fan_in, fan_out)

    def notation(self) -> str:
        return str(self.units)
