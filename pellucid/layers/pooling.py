"""Pooling: what matters of a window, wherever exactly it stands there."""

from __future__ import annotations

from typing import ClassVar

from pellucid.layers.layer import Array, Layer, Numbers, Shape, Tensor
from pellucid.layers.window import Window, image_shape


class Pooling(Window):
    """One number for each window, each map by itself."""

    side: int
    stride: int = 0

    kind = "pool"
    transparent = True
    letters: ClassVar[str]  # in the notation

    def __post_init__(self) -> None:
        self.stride = self.stride or self.side
        super().__post_init__()

    def notation(self) -> str:
        return f"{self.letters}{self.side}" + (f"s{self.stride}" if self.stride != self.side else "")


class MaxPooling(Pooling):
    """a[c, i, j] = max_{u, v} x[c, s i + u, s j + v];  all of da goes to the pixel that won.

    Where several are the largest, the first one wins, row by row.

    Args:
        side: K, of the windows.
        stride: s, pixels from one window to the next; by default K, so that windows do not overlap.

    Source: Riesenhuber, Poggio, "Hierarchical models of object recognition in cortex", 1999.
    """

    letters = "MP"
    tensors = (*Window.tensors, Tensor("winner", "channels rows columns B", "kept"))  # the number of its tap

    def forward(self, t: Numbers) -> None:
        windows = self.windows(t)
        t.winner = windows.argmax(axis=1)
        t.a = t.xp.max(windows, axis=1)

    def backward(self, t: Numbers) -> None:
        t.dx = self.overlaid((t.xp.where(t.winner == tap, t.da, 0) for tap in range(self.side**2)), t)

    def branches(self, t: Numbers) -> Array:
        return t.winner


class AveragePooling(Pooling):
    """a[c, i, j] = Σ_{u, v} x[c, s i + u, s j + v] / K²;  each of the K² pixels gets da / K².

    Args:
        side: K, of the windows.
        stride: s, pixels from one window to the next; by default K, so that windows do not overlap.

    Source: LeCun and others, "Handwritten digit recognition with a back-propagation network", 1990.
    """

    letters = "AP"

    def forward(self, t: Numbers) -> None:
        t.a = self.windows(t).mean(axis=1)

    def backward(self, t: Numbers) -> None:
        t.dx = self.overlaid([t.da / self.side**2] * self.side**2, t)


class GlobalAveragePooling(Layer):
    """a[c] = Σ_{i, j} x[c, i, j] / HW: a vector with one number for each map;  each pixel gets da / HW.

    Source: Lin, Chen, Yan, "Network in network", 2014.
    """

    kind = "pool"
    transparent = True
    tensors = (
        Tensor("x", "channels H W B", "input"),
        Tensor("a", "channels B", "output"),
    )

    def forward(self, t: Numbers) -> None:
        t.a = t.x.mean(axis=(1, 2))

    def backward(self, t: Numbers) -> None:
        _, height, width, _ = t.x.shape
        t.dx = t.xp.zeros_like(t.x) + t.da[:, None, None] / (height * width)

    def build(self, input_shape: Shape) -> Shape:
        channels, height, width = image_shape(self, input_shape)
        self.sizes = {"channels": channels, "H": height, "W": width}
        return (channels,)

    def notation(self) -> str:
        return "GAP"
