"""From pixels to numbers, and from images in rows to examples in columns."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, UsageError
from pellucid.names import choose

NORMALIZATIONS = ("unit", "symmetric", "standard")
PART = 1000  # images that are counted at once


@dataclass(frozen=True)
class Normalization:
    """x = pixel · scale + offset, for pixels of 0 to 255; floating-point images are taken as they are.

    Args:
        kind: 'unit' [0, 1], 'symmetric' [−1, 1], or 'standard': mean 0, deviation 1 over the training data.
        scale: multiplies a pixel.
        offset: is added then.
    """

    kind: str = "unit"
    scale: float = 1 / 255
    offset: float = 0.0

    def __post_init__(self) -> None:
        choose("normalization", self.kind, dict.fromkeys(NORMALIZATIONS))
        if not all(isinstance(number, float) and isfinite(number) for number in (self.scale, self.offset)):
            raise UsageError(f"A normalization has a finite scale and offset, not {self.scale}, {self.offset}.")

    def columns(self, images: NDArray[Any], dtype: np.dtype[Any], shape: tuple[int, ...] = (-1,)) -> NDArray[Any]:
        """Images (B, ...) as x, with the example as the last axis: (*shape, B); the view costs nothing.

        Colours (B, height, width, channels) are turned to channels first, as everywhere inside. The shape is what the
        first layer reads: (channels, height, width), or (features,), as it is by default.
        """
        if images.ndim == 4:
            images = np.moveaxis(images, -1, 1)
        examples = images.reshape(len(images), *shape)
        if examples.dtype != np.uint8:
            return np.moveaxis(examples.astype(dtype, copy=False), 0, -1)
        scaled: NDArray[Any] = examples * dtype.type(self.scale)
        if self.offset:
            scaled += dtype.type(self.offset)
        return np.moveaxis(scaled, 0, -1)


def normalization(kind: str, images: NDArray[Any]) -> Normalization:
    """The normalization of that name; 'standard' measures the images, which are the training data.

    Raises:
        UsageError: unknown name.
        DataError: images that are floats already, or pixels that are all the same.
    """
    choose("normalization", kind, dict.fromkeys(NORMALIZATIONS))
    if kind == "unit":
        return Normalization()
    if images.dtype != np.uint8:
        raise DataError(f"normalize={kind!r} is for pixels of 0 to 255 (uint8); floats are taken as they are.")
    if kind == "symmetric":
        return Normalization("symmetric", 2 / 255, -1.0)
    parts = (images[start : start + PART].reshape(-1) for start in range(0, len(images), PART))
    counts = np.sum([np.bincount(part, minlength=256) for part in parts], axis=0)
    values = np.arange(256)
    mean = float(counts @ values) / images.size
    deviation = float(np.sqrt(counts @ (values - mean) ** 2 / images.size))
    if deviation == 0:
        raise DataError(f"normalize='standard' divides by the deviation, but all pixels are {mean:g}.")
    return Normalization("standard", 1 / deviation, -mean / deviation)
