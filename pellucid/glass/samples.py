"""Images with what a network said of them, in rows, as a PNG drawn with Pillow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pellucid.glass.chart import COLOURS, INK, PAPER, SCALE, font, png

SIDE, GAP, TOP, TITLE, WORDS = 56, 20, 44, 24, 24  # in pixels: of an image, between images, above the rows ...


@dataclass(frozen=True)
class Sample:
    """An image (height, width) or (height, width, 3), uint8, and what was said of it."""

    image: NDArray[np.uint8]
    words: str
    right: bool


def draw(rows: Mapping[str, Sequence[Sample]], caption: str) -> bytes:
    """The rows under their titles; what is wrong has a frame."""
    width = GAP + (SIDE + GAP) * max(map(len, rows.values()))
    height = TOP + len(rows) * (TITLE + SIDE + WORDS)
    canvas = Image.new("RGB", (width * SCALE, height * SCALE), PAPER)
    pen = ImageDraw.Draw(canvas)
    pen.text((GAP * SCALE, 12 * SCALE), f"{caption}; framed: wrong", INK, font(15))
    for number, (title, samples) in enumerate(rows.items()):
        y = TOP + number * (TITLE + SIDE + WORDS)
        pen.text((GAP * SCALE, y * SCALE), title, INK, font(13))
        for place, sample in enumerate(samples):
            _draw_sample(canvas, pen, sample, GAP + place * (SIDE + GAP), y + TITLE)
    return png(canvas)


def _draw_sample(canvas: Image.Image, pen: ImageDraw.ImageDraw, sample: Sample, x: int, y: int) -> None:
    side = SIDE * SCALE
    picture = Image.fromarray(sample.image).resize((side, side), Image.Resampling.NEAREST)
    canvas.paste(picture, (x * SCALE, y * SCALE))
    if not sample.right:
        box = [edge * SCALE for edge in (x - 3, y - 3, x + SIDE + 3, y + SIDE + 3)]
        pen.rectangle(box, outline=COLOURS[1], width=3 * SCALE)
    pen.text(((x + SIDE / 2) * SCALE, (y + SIDE + 6) * SCALE), sample.words, INK, font(11), "mt")
