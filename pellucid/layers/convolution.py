"""The convolution: the same small dense layer at every place of an image."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.checks import check_whole
from pellucid.initializers import Initializer
from pellucid.layers.layer import Numbers, Shape, Tensor
from pellucid.layers.window import Window


class Convolution(Window):
    """z[m, i, j] = b[m] + Σ_c Σ_u Σ_v W[m, c, u, v] x[c, s i + u − p, s j + v − p], where x is 0 outside the image.

    The windows of all places and examples, written side by side, are the columns of a matrix X; on it a convolution is
    a dense layer. M are the maps, C the channels, K·K the taps of a window, H'·W' the places of an image.

    Forward     z = W X + b          (M, H'W'B) = (M, CKK) (CKK, H'W'B) + (M, 1)
    Backward    dW = dz Xᵀ           (M, CKK) = (M, H'W'B) (H'W'B, CKK)
                db = Σ_{H'W'B} dz    (M, 1)
                dX = Wᵀ dz           (CKK, H'W'B) = (CKK, M) (M, H'W'B)
                dx                   each pixel stands in several windows and sums what it gets in them

    Args:
        maps: number of maps, M, at least 1 (UsageError).
        side: K, of the kernel.
        stride: s, pixels from one place to the next.
        padding: p, rows and columns of zeros around the image, fewer than K.
        initializer: how W is drawn, with fan_in = C·K·K and fan_out = M·K·K; by default as for a dense layer.

    Sources: Fukushima, "Neocognitron", 1980; LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to
    document recognition", 1998.
    """

    maps: int
    side: int
    stride: int = 1
    padding: int = 0
    initializer: Initializer | None = None

    kind = "conv"
    tensors: ClassVar[tuple[Tensor, ...]] = (
        Tensor("W", "maps channels K K", "parameter"),
        Tensor("b", "maps 1", "parameter"),
        Tensor("x", "channels H W B", "input"),
        Tensor("X", "channels taps rows columns B", "kept"),
        Tensor("z", "maps rows columns B", "output"),
    )

    def forward(self, t: Numbers) -> None:
        t.X = self.windows(t)
        W, X = t.W.reshape(self.maps, -1), t.X.reshape(self.fan_in, -1)
        t.z = (W @ X + t.b).reshape(*self.output_shape, -1)

    def backward(self, t: Numbers) -> None:
        W, X, dz = t.W.reshape(self.maps, -1), t.X.reshape(self.fan_in, -1), t.dz.reshape(self.maps, -1)
        t.dW[...] = (dz @ X.T).reshape(t.W.shape)
        t.db[...] = dz.sum(axis=1, keepdims=True)
        if t.needs_dx:
            t.dx = self.overlaid((W.T @ dz).reshape(t.X.shape).swapaxes(0, 1), t)

    def __post_init__(self) -> None:
        check_whole("The number of maps of a convolution", self.maps)
        super().__post_init__()

    def build(self, input_shape: Shape) -> Shape:
        channels, *area = super().build(input_shape)
        self.fan_in = channels * self.side**2
        self.sizes |= {"maps": self.maps, "K": self.side, "taps": self.side**2}
        return (self.maps, *area)

    def misfit(self, height: int, width: int) -> str:
        K, pooling = self.side, ", or leave out the pooling before it" if "pool" in self.source else ""
        smaller = (min(height, width) - 1) | 1
        return (
            f"{self.name} has a {K}×{K} kernel, but {self.source} images of {height}×{width}.\n"
            "A valid convolution of K×K needs height and width of at least K.\n"
            f"Give {self.name} padding ({self.maps}C{K}p{K // 2}), a smaller kernel ({self.maps}C{smaller}){pooling}."
        )

    def initialize(self, t: Numbers, rng: np.random.Generator, default: Initializer) -> None:
        fan_out = self.maps * self.side**2
        t.W[...] = (self.initializer or default).draw(rng, t.W.shape, self.fan_in, fan_out)

    def notation(self) -> str:
        stride, padding = (
            f"{letter}{n}" if n != usual else "" for letter, n, usual in (("s", self.stride, 1), ("p", self.padding, 0))
        )
        return f"{self.maps}C{self.side}{stride}{padding}"
