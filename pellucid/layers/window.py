"""What convolution and pooling share: a square window that slides over an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from pellucid.checks import check_whole
from pellucid.errors import ShapeError
from pellucid.layers.layer import Array, Layer, Numbers, Shape, Tensor


class Window(Layer):
    """A window of K×K pixels that moves s pixels at a time over an image (C, H, W, B) with a rim of p zeros.

    The window of output (i, j) has at its place (u, v), a 'tap', the pixel x[:, s i + u − p, s j + v − p]; u and v go
    from 0 to K − 1. So what all windows have at one tap is one strided view of the image. A window that does not fit
    whole is left out: there are H' = ⌊(H + 2p − K) / s⌋ + 1 of them in a column of the image. Each kind of window has
    its hyperparameters `side`, `stride` and, where it is not 0, `padding`: K, s, p.
    """

    padding = 0

    tensors: ClassVar[tuple[Tensor, ...]] = (
        Tensor("x", "channels H W B", "input"),
        Tensor("a", "channels rows columns B", "output"),
    )

    def windows(self, t: Numbers) -> Array:
        """Every window of t.x: (C, K·K, H', W', B), the taps in row-major order."""
        return t.xp.stack(list(self.taps(self.rimmed(t.x, t.xp))), axis=1)

    def overlaid(self, gradients: Iterable[Array], t: Numbers) -> Array:
        """The gradient of t.x, of those of each tap (C, H', W', B): a pixel sums over the windows that it is in."""
        dx = self.rimmed(t.xp.zeros_like(t.x), t.xp)
        for tap, gradient in zip(self.taps(dx), gradients, strict=True):
            tap += gradient
        return self.inner(dx)

    def taps(self, image: Array) -> Iterator[Array]:
        """What all windows have at tap (0, 0), (0, 1), ...: a view (C, H', W', B) for each."""
        _, rows, columns = self.output_shape
        for u in range(self.side):
            for v in range(self.side):
                yield image[:, u : u + self.stride * rows : self.stride, v : v + self.stride * columns : self.stride]

    def rimmed(self, image: Array, xp: Any) -> Array:
        """The image within its rim of zeros."""
        if not self.padding:
            return image
        channels, height, width, examples = image.shape
        shape = (channels, height + 2 * self.padding, width + 2 * self.padding, examples)
        result = xp.zeros(shape, dtype=image.dtype)
        self.inner(result)[...] = image
        return result

    def inner(self, rimmed: Array) -> Array:
        """The image in its rim, as a view."""
        p = self.padding
        return rimmed[:, p:-p, p:-p] if p else rimmed

    def __post_init__(self) -> None:
        check_whole("The side of a window", self.side)
        check_whole("The stride of a window", self.stride)
        check_whole(f"The padding of a window of side {self.side}", self.padding, 0, self.side - 1)

    def build(self, input_shape: Shape) -> Shape:
        channels, height, width = image_shape(self, input_shape)
        rows, columns = ((length + 2 * self.padding - self.side) // self.stride + 1 for length in (height, width))
        if min(rows, columns) < 1:
            raise ShapeError(self.misfit(height, width))
        self.sizes = {"channels": channels, "H": height, "W": width, "rows": rows, "columns": columns}
        return (channels, rows, columns)

    def misfit(self, height: int, width: int) -> str:
        """What to say of images smaller than the window."""
        return (
            f"{self.name} has windows of {self.side}×{self.side}, but {self.source} images of {height}×{width}.\n"
            f"Give {self.name} smaller windows, or leave out a pooling before it."
        )


def image_shape(layer: Layer, shape: Shape) -> Shape:
    """The shape (channels, height, width) that a layer reads, or a ShapeError."""
    if len(shape) != 3:
        raise ShapeError(
            f"{layer.name} reads images (channels, height, width), but {layer.source} shape {shape}.\n"
            "An architecture for images begins with channels x height x width, such as 1x28x28, and its dense layers "
            "come last."
        )
    return shape
