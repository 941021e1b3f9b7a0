"""What augmentation does to pixels: an affine map, an elastic field, bilinear sampling, a rectangle that is erased.

The pixel at p = (row, column) of the distorted image is the old image at

    q = M p + o + d(p)

where M and o are the inverse of the image's affine map and d is its elastic field: one map, sampled once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor

import numpy as np
from numpy.typing import NDArray

from pellucid.philox import philox

PART = 32  # images that are distorted at once, so that their numbers stay in the cache
TRUNCATION = 4.0  # deviations after which a Gaussian ends

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ElasticField:
    """Random displacements of all pixels, smoothed: d = α G u Gᵀ, one u for rows and one for columns.

    u is a random byte b for each pixel, (b + ½) / 128 − 1: the 256 middles of equal parts of [−1, 1]. The Gaussian
    takes the mean of about 4πσ² of them, so that more digits would not show. Byte j of an image, counted through the
    rows of both u one after the other, is byte j mod 16 of Philox's words, the lowest byte of each word first, at the
    counter (j // 16, index of the image, 1, 0).

    Source: Simard, Steinkraus, Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", 2003.

    Args:
        alpha: how strong, in pixels.
        sigma: deviation of the Gaussian, in pixels.
        key: of Philox, for the seed and the epoch.
        indices: (N,) places of the images in the data set.
    """

    alpha: float
    sigma: float
    key: tuple[int, int]
    indices: NDArray[np.int64]

    def displacements(self, height: int, width: int) -> Floats:
        """(N, 2, height, width): how far below and to the right of its place each pixel is looked up."""
        count = 2 * height * width
        words = philox((np.arange(-(-count // 16)), self.indices[:, np.newaxis], 1, 0), self.key)
        drawn = np.stack(words, axis=-1).astype("<u4", copy=False).view(np.uint8).reshape(len(self.indices), -1)
        u = (drawn[:, :count].reshape(-1, 2, height, width) - np.float32(127.5)) / np.float32(128)
        smoothed: Floats = gaussian(height, self.sigma) @ u @ gaussian(width, self.sigma).T
        return smoothed * np.float32(self.alpha)


def gaussian(size: int, sigma: float) -> Floats:
    """The matrix G, (size, size), that smooths a row of numbers: G[i, j] = g(i − j) / Σ g, g(k) = exp(−k² / 2σ²).

    g ends at |k| = ⌊4σ + ½⌋ and the sum runs over all those k, so beyond the edges there are zeros.
    """
    reach = radius(sigma)
    distances = np.subtract.outer(np.arange(size), np.arange(size))
    total = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).sum()
    weights = np.exp(-0.5 * (distances / sigma) ** 2) / total
    return np.where(abs(distances) <= reach, weights, 0).astype(np.float32)


def radius(sigma: float) -> int:
    """The distance after which a Gaussian ends."""
    return floor(TRUNCATION * sigma + 0.5)


@dataclass(frozen=True)
class Distortions:
    """What happens to each of some images.

    Args:
        maps: (N, 2, 3) M and beside it o, for rows first: where the pixels come from.
        rectangles: (N, 4) top, left, height and width of what is erased after that.
        field: of elastic distortion, if there is one.
    """

    maps: Floats
    rectangles: NDArray[np.int64]
    field: ElasticField | None = None

    def part(self, part: slice) -> Distortions:
        """Those of a few of the images."""
        field = replace(self.field, indices=self.field.indices[part]) if self.field else None
        return Distortions(self.maps[part], self.rectangles[part], field)

    def of(self, images: NDArray[np.generic]) -> NDArray[np.generic]:
        """The images (N, height, width) or (N, height, width, channels) distorted, of the same type.

        Bytes are rounded, a half upwards, and stay bytes: what follows reads them as it reads the data set.
        """
        distorted = np.empty_like(images)
        for start in range(0, len(images), PART):
            part = slice(start, start + PART)
            self.part(part)._distort(images[part], distorted[part])
        return distorted

    def _distort(self, images: NDArray[np.generic], distorted: NDArray[np.generic]) -> None:
        height, width = images.shape[1:3]
        places = self._places(height, width)
        planes = images.reshape(*images.shape[:3], -1)
        results = distorted.reshape(planes.shape)
        kept = ~self._erased(height, width)
        for channel in range(planes.shape[-1]):
            sampled = bilinear(planes[..., channel], places) * kept
            results[..., channel] = sampled + np.float32(0.5) if images.dtype == np.uint8 else sampled

    def _places(self, height: int, width: int) -> Floats:
        """q of each pixel: (N, 2, height, width)."""
        rows, columns = np.arange(height, dtype=np.float32)[:, np.newaxis], np.arange(width, dtype=np.float32)
        maps = self.maps[..., np.newaxis, np.newaxis]
        places: Floats = maps[:, :, 0] * rows + maps[:, :, 1] * columns + maps[:, :, 2]
        return places + self.field.displacements(height, width) if self.field else places

    def _erased(self, height: int, width: int) -> NDArray[np.bool_]:
        """(N, height, width): the pixels in the rectangles."""
        top, left, tall, wide = self.rectangles.T[..., np.newaxis]
        rows, columns = np.arange(height), np.arange(width)
        down, across = (top <= rows) & (rows < top + tall), (left <= columns) & (columns < left + wide)
        both: NDArray[np.bool_] = down[:, :, np.newaxis] & across[:, np.newaxis, :]
        return both


def bilinear(images: NDArray[np.generic], places: Floats) -> Floats:
    """Images (N, height, width) at places (N, 2, rows, columns) between their pixels; 0 outside of them.

    With a, b above and c, d below: upper = a + (b − a) f, lower = c + (d − c) f, upper + (lower − upper) g, where
    f and g say how far the place is to the right of a and below it.
    """
    count, height, width = images.shape
    padded = np.zeros((count, height + 3, width + 3), np.float32)  # a row and column before, two behind
    padded[:, 1:-2, 1:-2] = images
    rows, columns = np.clip(places[:, 0], -1, height), np.clip(places[:, 1], -1, width)
    top, left = np.floor(rows), np.floor(columns)
    below, right = rows - top, columns - left
    first = (np.arange(count) * padded[0].size + width + 4)[:, np.newaxis, np.newaxis]
    corner = (top * np.float32(width + 3) + left).astype(np.intp) + first
    flat = padded.reshape(-1)
    a, b, c, d = (flat.take(corner + step, mode="clip") for step in (0, 1, width + 3, width + 4))
    upper, lower = a + (b - a) * right, c + (d - c) * right
    sampled: Floats = upper + (lower - upper) * below
    return sampled
