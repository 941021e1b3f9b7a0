"""Layers that change no number, only how the numbers are arranged."""

from __future__ import annotations

from math import prod

from pellucid.layers.layer import Layer, Numbers, Shape, Tensor


class Flatten(Layer):
    """An image (C, H, W, B) becomes a vector (C·H·W, B), map after map, each row after row."""

    kind = "flatten"
    transparent = True
    tensors = (
        Tensor("x", "... B", "input"),
        Tensor("a", "features B", "output"),
    )

    def forward(self, t: Numbers) -> None:
        t.a = t.x.reshape(-1, t.x.shape[-1])

    def backward(self, t: Numbers) -> None:
        t.dx = t.da.reshape(t.x.shape)

    def build(self, input_shape: Shape) -> Shape:
        self.sizes = {"features": prod(input_shape)}
        return (prod(input_shape),)
