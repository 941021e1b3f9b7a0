"""A sheet of images in a grid, each under its title, as a PNG drawn with Pillow; their pixels stay square and sharp."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pellucid.glass.chart import GREY, INK, PAPER, font

MARGIN, GAP, LINE = 16, 12, 16  # pixels: around the sheet, between tiles, for a line of a title
SIZE = 12  # of the letters
NARROWEST = 96  # pixels of a tile, so that its title can be read


@dataclass(frozen=True)
class Tile:
    """An image and the lines above it; the first in black, the others grey.

    Args:
        image: (height, width) or (height, width, channels), uint8.
        title: one string for each line; what is wider than the tile is cut.
    """

    image: NDArray[np.uint8]
    title: Sequence[str]


def draw(tiles: Sequence[Tile], caption: str, columns: int, scale: int = 1) -> bytes:
    """The tiles row by row under a caption, as the bytes of a PNG; grey where all images are.

    Args:
        tiles: at least one.
        caption: what the sheet shows.
        columns: how many tiles in a row.
        scale: how many pixels wide and high a pixel of an image becomes.
    """
    width = max(NARROWEST, *(tile.image.shape[1] * scale for tile in tiles))
    lines = max(len(tile.title) for tile in tiles)
    height = max(tile.image.shape[0] for tile in tiles) * scale + lines * LINE
    caption, columns = " ".join(caption.split()), min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    top = MARGIN + 28
    across = max(columns * (width + GAP) - GAP, round(font(15, 1).getlength(caption)))
    size = (2 * MARGIN + across, top + rows * (height + GAP) - GAP + MARGIN)
    grey = all(tile.image.ndim == 2 or tile.image.shape[2] == 1 for tile in tiles)
    sheet = Image.new("L" if grey else "RGB", size, PAPER)
    canvas = ImageDraw.Draw(sheet)
    canvas.text((MARGIN, MARGIN - 4), caption, INK, font(15, 1))
    for number, tile in enumerate(tiles):
        left = MARGIN + number % columns * (width + GAP)
        upper = top + number // columns * (height + GAP)
        for line, text in enumerate(tile.title):
            canvas.text((left, upper + line * LINE), _cut(text, width), GREY if line else INK, font(SIZE, 1))
        sheet.paste(_enlarged(tile.image, scale), (left, upper + lines * LINE))
    output = io.BytesIO()
    sheet.save(output, "PNG")
    return output.getvalue()


def strip(images: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Images (N, height, width, ...) side by side, a white pixel between them, with room for `count` of them."""
    height, width, *channels = images.shape[1:]
    row = np.full((height, count * (width + 1) - 1, *channels), 255, np.uint8)
    for number, image in enumerate(images[:count]):
        row[:, number * (width + 1) : number * (width + 1) + width] = image
    return row


def _enlarged(image: NDArray[np.uint8], scale: int) -> Image.Image:
    pixels = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    return Image.fromarray(np.repeat(np.repeat(pixels, scale, axis=0), scale, axis=1))


def _cut(text: str, width: int) -> str:
    """The text as one line, and as much of it as fits."""
    text = " ".join(text.split())
    if font(SIZE, 1).getlength(text) <= width:
        return text
    kept = len(text)
    while kept and font(SIZE, 1).getlength(text[:kept] + "…") > width:
        kept -= 1
    return text[:kept].rstrip() + "…"
