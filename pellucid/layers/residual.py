"""The residual block: layers that learn what is to be added to their input."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.errors import ShapeError, UsageError
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.layer import Layer, Numbers, Shape, Tensor
from pellucid.layers.sequence import backward, connect, forward


class Residual(Layer):
    """y = x + f(x), where f is a row of layers;  dx = dy + (the gradient that f carries back of dy).

    However small the gradient through f becomes, dy itself reaches the layers before the block. Where f changes the
    shape, x goes through a projection instead: a 1×1 convolution whose stride skips what f has left out, or a dense
    layer.

    Args:
        layers: f, first to last; at least one (UsageError).

    Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2016.
    """

    layers: Sequence[Layer]

    kind = "residual"
    transparent = True
    tensors = (
        Tensor("x", "... B", "input"),
        Tensor("y", "... B", "output"),
    )

    def forward(self, t: Numbers) -> None:
        n = len(self.shortcut)
        t.y = forward(self.shortcut, t.parts[:n], t.x, t.random) + forward(self.layers, t.parts[n:], t.x, t.random)

    def backward(self, t: Numbers) -> None:
        n = len(self.shortcut)
        t.dx = backward(self.shortcut, t.parts[:n], t.dy) + backward(self.layers, t.parts[n:], t.dy)

    def __post_init__(self) -> None:
        if not self.layers:
            raise UsageError("A residual block needs at least one layer: pl.Residual([pl.Dense(64), pl.ReLU()]).")

    def build(self, input_shape: Shape) -> Shape:
        self.sizes = {}
        output_shape = connect(self.layers, input_shape, self.name)
        self.shortcut = self.projection(input_shape, output_shape)
        connect(self.shortcut, input_shape, self.name)
        for layer in self.shortcut:
            layer.name = f"{self.name}.projection"
        self.parts = (*self.shortcut, *self.layers)
        return output_shape

    def projection(self, x: Shape, y: Shape) -> list[Layer]:
        """What leads from the shape of x to that of f(x); nothing where they are the same."""
        if x == y:
            return []
        if len(x) == len(y) == 1:
            return [Dense(*y)]
        for stride in range(1, max(x) + 1):
            if len(x) == len(y) == 3 and all((a - 1) // stride + 1 == b for a, b in zip(x[1:], y[1:], strict=True)):
                return [Convolution(y[0], 1, stride)]
        raise ShapeError(
            f"{self.name} adds x, {x}, to f(x), {y}, but no 1×1 convolution of x has that shape.\n"
            "Give its convolutions padding that keeps the size (8C3p1, 8C5p2), or a stride that divides it (8C3s2p1)."
        )
