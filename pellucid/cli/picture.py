"""Images in the terminal, in five shades that need no colour."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.freehand import Stage
from pellucid.data.imaging import Grey, area_average

BLOCKS, LETTERS = " ░▒▓█", " .:*#"  # the second where the terminal's encoding lacks the first
WIDEST, HIGHEST = 56, 18  # characters
EXACT = 28  # pixels of an image that is shown pixel by pixel, each two characters wide


def show_stages(stages: Sequence[Stage]) -> str:
    """Of each its name, what it found, and its image, unless it is the one before."""
    before = [None, *[stage.image for stage in stages]]
    return "\n\n".join(
        f"{stage.name}: {stage.words}" + ("" if stage.image is image else f"\n{draw(stage.image)}")
        for stage, image in zip(stages, before, strict=False)
    )


def show_image(image: NDArray[Any], shape: tuple[int, int, int]) -> str:
    """An example as a network of that shape (channels, height, width) reads it; colours become grey.

    Floats go from their smallest to their largest value.
    """
    channels, height, width = shape
    pixels = image.reshape(shape) if image.ndim == 1 else np.moveaxis(image.reshape(height, width, channels), -1, 0)
    grey = pixels.mean(axis=0, dtype=np.float64)
    if image.dtype != np.uint8:
        grey = (grey - grey.min()) * (255 / max(float(np.ptp(grey)), 1e-300))
    return draw(np.asarray(grey + 0.5, np.uint8))


def draw(image: Grey) -> str:
    """The image in shades, dark as blank, in a frame: so large that it fits the terminal and a screen's height."""
    width = min(WIDEST, shutil.get_terminal_size().columns - 2)
    rows, columns = image.shape
    lines = rows if rows <= EXACT else HIGHEST
    across = max(1, round(2 * columns * lines / rows))  # a character is twice as high as wide
    if across > width:
        lines, across = max(1, round(lines * width / across)), width
    shades = BLOCKS if _can_print(BLOCKS) else LETTERS
    levels = (area_average(image, lines, across).astype(int) * len(shades)) // 256
    edge = "+" + "-" * across + "+"
    return "\n".join([edge, *("|" + "".join(shades[level] for level in row) + "|" for row in levels), edge])


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
