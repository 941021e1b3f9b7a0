"""From pixels to numbers, and from rows to columns: the one place where the outside meets the inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.names import choose


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

    def columns(self, images: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Images (B, ...) as the columns of X: (features, B); the transposed view costs nothing."""
        rows = images.reshape(len(images), -1)
        if rows.dtype != np.uint8:
            return rows.astype(dtype, copy=False).T
        scaled: NDArray[Any] = rows * dtype.type(self.scale)
        if self.offset:
            scaled += dtype.type(self.offset)
        return scaled.T


NORMALIZATIONS = ("unit", "symmetric", "standard")


def normalization(kind: str, images: NDArray[Any]) -> Normalization:
    """The normalization of that name; 'standard' measures the images, which are the training data.

    Raises:
        UsageError: unknown name.
        DataError: 'standard' without pixels to measure, or with pixels that are all the same.
    """
    choose("normalization", kind, dict.fromkeys(NORMALIZATIONS))
    if kind == "unit":
        return Normalization()
    if kind == "symmetric":
        return Normalization("symmetric", 2 / 255, -1.0)
    if images.dtype != np.uint8:
        raise DataError("normalize='standard' measures pixels of 0 to 255 (uint8); these images are floats.")
    counts = np.bincount(images.reshape(-1), minlength=256)
    values = np.arange(256)
    mean = float(counts @ values) / images.size
    deviation = float(np.sqrt(counts @ (values - mean) ** 2 / images.size))
    if deviation == 0:
        raise DataError(f"normalize='standard' divides by the deviation, but all pixels are {mean:g}.")
    return Normalization("standard", 1 / deviation, -mean / deviation)
