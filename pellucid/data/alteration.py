"""Test images altered in one way at a time, each by a fixed strength: what a network knows beyond its own test set.

Lengths are pixels of an image of 28 × 28 and grow with it: a shift of 2 moves an image of 56 × 56 by 4. What comes in
from outside is ground: black, or white where most pixels at the borders are light; then all is done to the negatives.
What is drawn depends on the seed, the kind and the image's place in the data set alone. An altered pixel is rounded, a
half upwards, and stays in 0 to 255. A strength near 0 changes nothing.

Source of the idea: Hendrycks, Dietterich, "Benchmarking neural network robustness to common corruptions and
perturbations", 2019; Mu, Gilmer, "MNIST-C: a robustness benchmark for computer vision", 2019; not their images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from math import cos, floor, pi, radians, sin, tan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.distortion import Distortions, gaussian
from pellucid.randomness import generator

SIDE = 28  # of the image whose pixels lengths are given in
PART = 1000  # images that are altered at once
AROUND = 8  # directions in which thickness looks for ink

Images = NDArray[np.uint8]  # (N, height, width) or (N, height, width, channels)
Floats = NDArray[np.float32]
Change = Callable[[Images, float, np.random.Generator], NDArray[Any]]


@dataclass(frozen=True)
class Alteration:
    """One way in which images are altered.

    Args:
        name: as tables have it.
        kind: a key of `KINDS`, whose functions say what is done.
        strength: how much of it.
    """

    name: str
    kind: str
    strength: float

    def of(self, images: Images, seed: int = 0) -> Images:
        """The images altered; of the same shape and type."""
        rng = generator(seed, "alter", list(KINDS).index(self.kind))
        negative = np.uint8(255 if has_light_ground(images) else 0)
        altered = np.empty_like(images)
        for start in range(0, len(images), PART):
            part = slice(start, start + PART)
            changed = KINDS[self.kind](np.asarray(images[part]) ^ negative, self.strength, rng)
            altered[part] = np.clip(np.floor(changed + np.float32(0.5)), 0, 255).astype(np.uint8) ^ negative
        return altered

    def unfit(self, images: Images) -> str | None:
        """Why it makes no sense for such images; None where it does."""
        if self.kind in ("thicker", "thinner") and images.shape[3:] not in ((), (1,)):
            return "strokes are made thicker and thinner in grey images only"
        return None


def has_light_ground(images: Images) -> bool:
    """Whether most pixels at the borders of these images are light."""
    borders = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    light = sum(int(np.count_nonzero(border > 127)) for border in borders)
    return 2 * light > sum(border.size for border in borders)


def shift(images: Images, pixels: float, rng: np.random.Generator) -> NDArray[Any]:
    """Moved by so many pixels up or down and as many to the left or right, both drawn; sampled bilinearly."""
    lengths = pixels / SIDE * np.array(images.shape[1:3])
    return _mapped(images, np.eye(2), rng.choice((-1, 1), (len(images), 2)) * lengths)


def rotate(images: Images, degrees: float, rng: np.random.Generator) -> NDArray[Any]:
    """Turned about the centre, to a side that is drawn."""
    angles = np.radians(degrees) * rng.choice((-1, 1), len(images))
    cosine, sine = np.cos(angles), np.sin(angles)
    return _mapped(images, np.array([[cosine, sine], [-sine, cosine]]).transpose(2, 0, 1))


def scale(images: Images, share: float, rng: np.random.Generator) -> NDArray[Any]:
    """Height and width times 1 + share, about the centre."""
    return _mapped(images, np.eye(2) / (1 + share))


def shear(images: Images, degrees: float, rng: np.random.Generator) -> NDArray[Any]:
    """What stands upright is slanted, to a side that is drawn."""
    inverse = np.tile(np.eye(2), (len(images), 1, 1))
    inverse[:, 1, 0] = tan(radians(degrees)) * rng.choice((-1, 1), len(images))
    return _mapped(images, inverse)


def blur(images: Images, sigma: float, rng: np.random.Generator) -> NDArray[Any]:
    """Smoothed by a Gaussian of so many pixels' deviation."""
    height, width = images.shape[1:3]
    return _along(images, gaussian(height, sigma * height / SIDE), gaussian(width, sigma * width / SIDE))


def noise(images: Images, deviation: float, rng: np.random.Generator) -> NDArray[Any]:
    """Gaussian noise of that deviation added, where black is 0 and white 1."""
    return images + np.float32(255 * deviation) * rng.standard_normal(images.shape, np.float32)


def salt_and_pepper(images: Images, share: float, rng: np.random.Generator) -> NDArray[Any]:
    """Such a share of the pixels white or black, as often one as the other."""
    drawn = rng.random(images.shape[:3], np.float32).reshape(*images.shape[:3], *[1] * (images.ndim - 3))
    return np.where(drawn < share / 2, 0, np.where(drawn >= 1 - share / 2, 255, images))


def thicker(images: Images, pixels: float, rng: np.random.Generator) -> NDArray[Any]:
    """Each pixel the lightest of itself and eight places in a circle of that radius around it."""
    return reduce(np.maximum, _around(images, pixels))


def thinner(images: Images, pixels: float, rng: np.random.Generator) -> NDArray[Any]:
    """Each pixel the darkest of itself and eight places in a circle of that radius around it."""
    return reduce(np.minimum, _around(images, pixels))


def less_contrast(images: Images, share: float, rng: np.random.Generator) -> NDArray[Any]:
    """That share of each pixel's difference from the mean of its image taken away, so that the ground turns grey."""
    means = images.mean(axis=tuple(range(1, images.ndim)), keepdims=True, dtype=np.float32)
    nearer: Floats = means + np.float32(1 - share) * (images - means)
    return nearer


def invert(images: Images, share: float, rng: np.random.Generator) -> NDArray[Any]:
    """Pixels on their way to their negatives: wholly there with a share of 1."""
    return images + np.float32(share) * (np.float32(255) - np.float32(2) * images)


KINDS: dict[str, Change] = {
    "shift": shift,
    "rotate": rotate,
    "scale": scale,
    "shear": shear,
    "blur": blur,
    "noise": noise,
    "salt and pepper": salt_and_pepper,
    "thicker": thicker,
    "thinner": thinner,
    "contrast": less_contrast,
    "invert": invert,
}

ALTERATIONS = (
    Alteration("shifted by 2", "shift", 2),
    Alteration("shifted by 4", "shift", 4),
    Alteration("rotated by 15°", "rotate", 15),
    Alteration("rotated by 30°", "rotate", 30),
    Alteration("scaled by 0.75", "scale", -0.25),
    Alteration("scaled by 1.25", "scale", 0.25),
    Alteration("sheared by 20°", "shear", 20),
    Alteration("blurred by 1", "blur", 1),
    Alteration("blurred by 2", "blur", 2),
    Alteration("Gaussian noise of 0.1", "noise", 0.1),
    Alteration("Gaussian noise of 0.3", "noise", 0.3),
    Alteration("salt and pepper of 10%", "salt and pepper", 0.1),
    Alteration("thicker by 1", "thicker", 1),
    Alteration("thinner by 0.5", "thinner", 0.5),
    Alteration("contrast of 0.3", "contrast", 0.7),
    Alteration("inverted", "invert", 1),
)


def _mapped(images: Images, inverse: NDArray[np.float64], moved: NDArray[np.float64] | float = 0.0) -> NDArray[Any]:
    """The pixel at p is the old image at A⁻¹ (p − centre − moved) + centre; A⁻¹ is (2, 2) or (N, 2, 2)."""
    centre = (np.array(images.shape[1:3]) - 1) / 2
    maps = np.empty((len(images), 2, 3), np.float32)
    maps[..., :2] = inverse
    maps[..., 2] = centre - np.einsum("...ij,...j->...i", np.broadcast_to(inverse, (len(images), 2, 2)), centre + moved)
    return Distortions(maps, np.zeros((len(images), 4), np.int64)).of(images)


def _along(images: Images, rows: Floats, columns: Floats) -> Floats:
    """Each plane x of an image as R x Cᵀ."""
    planes = np.moveaxis(images, -1, 1) if images.ndim == 4 else images
    mixed: Floats = rows @ planes.astype(np.float32) @ columns.T
    return np.moveaxis(mixed, 1, -1) if images.ndim == 4 else mixed


def _around(images: Images, pixels: float) -> list[Floats]:
    """The images, and what they show at so many pixels' distance in each direction."""
    height, width = images.shape[1:3]
    angles = (2 * pi * step / AROUND for step in range(AROUND))
    places = [(pixels * sin(angle) * height / SIDE, pixels * cos(angle) * width / SIDE) for angle in angles]
    return [images.astype(np.float32), *(_along(images, _moving(height, y), _moving(width, x)) for y, x in places)]


def _moving(size: int, by: float) -> Floats:
    """The matrix (size, size) that looks up each of a row's numbers so far behind its place, between two linearly."""
    whole = floor(by)
    return ((1 - by + whole) * np.eye(size, k=whole) + (by - whole) * np.eye(size, k=whole + 1)).astype(np.float32)
