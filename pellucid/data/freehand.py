"""Freehand preprocessing: from a photograph, scan or drawing of ink to the image that a network expects.

It ends as the images of MNIST were made (LeCun et al., "Gradient-Based Learning Applied to Document Recognition",
1998): light ink on black, fitted into a box of 20×20 with its proportions kept, anti-aliased, and placed in 28×28 by
its centre of mass. Everything is whole numbers; docs/freehand.md says each stage in a form for other languages, and
tests/golden/freehand.json holds what they must give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.imaging import Grey, area_average, blend, bounding_box, luminance, rounded
from pellucid.data.ink import find_ink, has_dark_ink, mean, select, stretch, widen

LONGEST = 256  # pixels of the longer side that everything is computed with
BOX, FRAME = 20, 28  # MNIST's: the ink fits into 20 of 28 pixels


@dataclass(frozen=True)
class Stage:
    """One step: what it is called, what it found in words and in numbers, and the image after it."""

    name: str
    words: str
    numbers: dict[str, Any]
    image: Grey


def prepare(pixels: NDArray[np.uint8], height: int = FRAME, width: int = FRAME) -> list[Stage]:
    """The stages from a picture to the image that a network reads; the last one's `image` is that.

    Args:
        pixels: (H, W) grey, (H, W, 3) colour or (H, W, 4) with opacity, uint8.
        height: of the network's image.
        width: of the network's image.

    A picture that has the network's size already is taken as it is, but inverted if most of its border is light.

    Raises:
        DataError: there is no ink in it.
    """
    grey, ground = flatten(pixels)
    size = " × ".join(map(str, grey.shape))
    if grey.shape == (height, width):
        return list(_as_it_is(grey, size))
    return list(_stages(shrink(grey), size, ground, height, width))


def resize(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The picture in the network's size, (height, width, 3), for networks that read colours, where ink is not sought.

    Each channel is averaged by area; what is transparent lies on white.
    """
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    channels = [pixels[..., channel] for channel in range(3)]
    if pixels.shape[2] == 4:
        channels = [blend(channel, pixels[..., 3], 255) for channel in channels]
    return np.stack([area_average(channel, height, width) for channel in channels], axis=2)


def _as_it_is(grey: Grey, size: str) -> Iterator[Stage]:
    yield Stage("grey", f"{size} pixels, the network's own size: taken as it is", {"size": list(grey.shape)}, grey)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    dark = 2 * np.count_nonzero(border > 127) > border.size
    words = (
        "most of the border is light: inverted" if dark else "most of the border is dark: light ink on a dark ground"
    )
    yield Stage("polarity", words, {"ink": "dark" if dark else "light"}, 255 - grey if dark else grey)


def _stages(grey: Grey, size: str, ground: int | None, height: int, width: int) -> Iterator[Stage]:
    shrunk = " × ".join(map(str, grey.shape))
    words = f"{size} pixels" + (f", averaged to {shrunk}" if shrunk != size else "")
    words += {None: "", 0: ", on black", 255: ", on white"}.get(ground, f", on a ground of {ground}")
    yield Stage("grey", words, {"size": list(grey.shape), "ground": ground}, grey)

    dark = has_dark_ink(grey)
    on_light = grey if dark else 255 - grey
    words = "dark ink on light paper" if dark else "light ink on dark paper: inverted"
    yield Stage("polarity", words, {"ink": "dark" if dark else "light"}, on_light)

    paper, contrast, threshold = find_ink(on_light)
    words = f"the brightness of the paper alone: {paper.min()} to {paper.max()} of 255"
    yield Stage("paper", words, {"darkest": int(paper.min()), "lightest": int(paper.max())}, paper)

    mask = contrast > threshold
    level = mean(contrast[~mask])
    words = f"how much darker than the paper; above {threshold} of 255 is ink (Otsu), the paper has {level} on average"
    yield Stage("contrast", words, {"threshold": threshold, "paper": level}, contrast)

    strokes, spots, kept = select(mask)
    ink = stretch(contrast, level, mean(contrast[strokes]), strokes)
    words = f"{kept} of {spots} spots are strokes" + ("; the others are specks, or at the border" * (kept < spots))
    yield Stage("ink", words, {"spots": spots, "strokes": kept, "level": mean(contrast[strokes])}, ink)

    box_size = rounded(BOX * height, FRAME), rounded(BOX * width, FRAME)
    ink, radius, thick = widen(ink, strokes, max(box_size))
    top, left, *extent = box = bounding_box(ink)
    cropped = ink[top : top + extent[0], left : left + extent[1]]
    words = f"{extent[0]} × {extent[1]} pixels around the ink; strokes {thick:.1f} pixels thick"
    words += f", widened by {radius} on each side" if radius else ""
    yield Stage("crop", words, {"box": list(box), "thickness": round(thick, 3), "widened": radius}, cropped)

    small = fit(cropped, *box_size)
    scale = max(small.shape) / max(extent)
    words = f"{small.shape[0]} × {small.shape[1]}, by a factor of {scale:.3f}, into {box_size[0]} × {box_size[1]}"
    yield Stage("scale", words, {"size": list(small.shape), "factor": round(scale, 4)}, small)

    shift = place(small, height, width)
    image = np.zeros((height, width), np.uint8)
    image[shift[0] : shift[0] + small.shape[0], shift[1] : shift[1] + small.shape[1]] = small
    centre = [round(value, 2) for value in centre_of_mass(small)]
    words = f"its centre of mass ({centre[0]}, {centre[1]}) goes to ({height // 2}, {width // 2}): shifted by {shift}"
    yield Stage("centre", words, {"mass": centre, "shift": list(shift)}, image)


def flatten(pixels: NDArray[np.uint8]) -> tuple[Grey, int | None]:
    """The picture in grey, and the ground that what is transparent got; None if nothing is.

    If most of it is opaque, the ground is the median of that; else what is opaque is ink, and lies on white or black.
    """
    if pixels.ndim == 2:
        return pixels, None
    grey = luminance(pixels)
    if pixels.shape[2] == 3 or pixels[..., 3].min() == 255:
        return grey, None
    counts = np.bincount(grey[pixels[..., 3] > 127], minlength=256)
    opaque = int(counts.sum())
    if 2 * opaque > grey.size:
        ground = int(np.argmax(2 * counts.cumsum() >= opaque))
    else:
        ground = 255 if counts @ np.arange(256) < 128 * opaque or not opaque else 0
    return blend(grey, pixels[..., 3], ground), ground


def shrink(grey: Grey) -> Grey:
    """The picture with a longer side of at most 256; what is smaller stays as it is."""
    longest = max(grey.shape)
    if longest <= LONGEST:
        return grey
    return area_average(grey, *(max(1, rounded(LONGEST * side, longest)) for side in grey.shape))


def fit(ink: Grey, height: int, width: int) -> Grey:
    """The ink as large as it fits into the box, by area averaging, and with 255 as its lightest."""
    if ink.shape[0] * width >= ink.shape[1] * height:
        size = height, max(1, rounded(ink.shape[1] * height, ink.shape[0]))
    else:
        size = max(1, rounded(ink.shape[0] * width, ink.shape[1])), width
    small = area_average(ink, *size)
    return np.asarray(rounded(255 * small.astype(np.int64), int(small.max())), np.uint8)


def place(small: Grey, height: int, width: int) -> tuple[int, int]:
    """Top and left, so that the centre of mass, in pixels from 0, comes to half of the height and width, rounded.

    As in MNIST, where it lies in 13.5 to 14.5. The ink stays within the frame.
    """
    total, moments = _mass(small)
    top, left = (
        min(max(rounded(side // 2 * total - moment, total), 0), side - length)
        for side, moment, length in zip((height, width), moments, small.shape, strict=True)
    )
    return top, left


def centre_of_mass(image: Grey) -> tuple[float, float]:
    """Row and column, counted from 0."""
    total, (rows, columns) = _mass(image)
    return rows / total, columns / total


def _mass(image: Grey) -> tuple[int, tuple[int, int]]:
    rows, columns = (image.sum(axis=axis, dtype=np.int64) for axis in (1, 0))
    return int(rows.sum()), (int(rows @ np.arange(len(rows))), int(columns @ np.arange(len(columns))))
