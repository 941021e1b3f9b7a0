"""Freehand strokes: 300 digits drawn with a computer's pens, to measure networks by, and never to train them on.

Thirty of each digit, in five styles of six: open and closed fours, sevens with and without a bar, ones with and without
a flag; drawn with a stylus, a mouse and a finger, small and large, beside the middle, narrow, slanted, unsteady. They
are kept as polylines, which `benchmarks/make_strokes.py` draws, always the same ones. A network whose training or
whose settings saw them has no claim to its figure. Pillow's versions may differ in single pixels.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.data.freehand import prepare
from pellucid.data.imaging import Grey

FILE = Path(__file__).with_name("strokes.json")
BOX = 1000  # units that the paper is wide and high
CANVAS = 128  # pixels
FINER = 4  # times as many while the pen moves, which are averaged then
PAPER, INK = 245, 30


@dataclass(frozen=True)
class Drawing:
    """One digit, as a pen drew it.

    Args:
        digit: which it is.
        style: how this digit is built, such as "open" or "flag and bar".
        pen: stylus, mouse or finger.
        width: of the pen's line, in units of the box.
        strokes: the pen's ways, each (points, 2): x to the right and y down, from 0 to 1000.
    """

    digit: int
    style: str
    pen: str
    width: int
    strokes: tuple[NDArray[np.int64], ...]


@cache
def drawings() -> tuple[Drawing, ...]:
    """All drawings, sorted by digit and style."""
    return tuple(
        Drawing(
            one["digit"], one["style"], one["pen"], one["width"],
            tuple(np.array(numbers).reshape(-1, 2) for numbers in one["strokes"]),
        )
        for one in json.loads(FILE.read_text(encoding="utf-8"))["drawings"]
    )  # fmt: skip


def draw(drawing: Drawing) -> Grey:
    """The drawing on light paper, (128, 128), by a round pen; anti-aliased."""
    from PIL import Image, ImageDraw

    side = CANVAS * FINER
    image = Image.new("L", (side, side), PAPER)
    canvas = ImageDraw.Draw(image)
    width = drawing.width * side / BOX
    for stroke in drawing.strokes:
        points = [(float(x), float(y)) for x, y in stroke * (side / BOX)]
        canvas.line(points, INK, round(width))
        for x, y in points:  # round ends and joints
            canvas.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), INK)
    return np.asarray(image.reduce(FINER))


@cache
def load() -> Dataset:
    """The drawings as networks that read MNIST are given them: drawn, and prepared as a photograph is.

    The preparation is that of `pellucid.data.freehand`. It takes some seconds, once.
    """
    images = np.stack([prepare(draw(drawing))[-1].image for drawing in drawings()])
    labels = np.array([drawing.digit for drawing in drawings()], np.int64)
    images.flags.writeable = labels.flags.writeable = False
    return Dataset(images, labels, name="freehand strokes", source="drawings that come with pellucid")
