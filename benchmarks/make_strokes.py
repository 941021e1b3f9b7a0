"""Draws the freehand strokes that come with pellucid, always the same ones, and pictures of them.

python benchmarks/make_strokes.py                                  writes pellucid/data/strokes.json
python benchmarks/make_strokes.py --picture docs/strokes.png       draws what is in it, and what networks are given

Each drawing is a style of stroke_styles.py in somebody's hand: control points moved, a smooth curve through them, a
slow and a fast wobble across it, then narrowed, slanted, turned, enlarged and placed. Points are complex numbers.
"""

from __future__ import annotations

import argparse
import cmath
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import pi, radians, sin, tan
from pathlib import Path
from random import Random  # whose uniform numbers are the same in every version of Python

import numpy as np
from PIL import Image
from stroke_styles import STYLES

from pellucid.data import strokes
from pellucid.files.atomic import write_atomic

EACH = 6  # drawings of each style, two with each pen
MARGIN = 15  # of the box, beyond the pen
PARTS = 40  # of a curve between two control points

Curve = list[complex]


@dataclass(frozen=True)
class Pen:
    """What somebody draws with; lengths in hundredths of the digit's height.

    Args:
        narrowest: width of its line.
        widest: width of its line.
        slow: amplitude of the slow wobble.
        fast: amplitude of the fast one, a tremor.
        step: between the points that are stored; a mouse that moves fast gives few.
    """

    narrowest: float
    widest: float
    slow: float
    fast: float
    step: float


PENS = {
    "stylus": Pen(3, 8, slow=2.0, fast=0.1, step=2.5),
    "mouse": Pen(4, 10, slow=3.0, fast=0.6, step=6.0),
    "finger": Pen(9, 16, slow=2.0, fast=0.2, step=3.5),
}
LOOSE = 4.5  # how far a control point is moved to each side, at most, by a hand of ordinary haste
HASTE = 0.4, 1.6  # of a hand: its looseness and its slow wobble are multiplied by it


def drawing(digit: int, style: str, number: int) -> dict[str, object]:
    """One drawing, as it is stored."""
    rng = Random(f"{digit} {style} {number}")
    kind = list(PENS)[number % len(PENS)]
    pen = PENS[kind]
    haste = rng.uniform(*HASTE)
    curves = [_wobbled(_curve(line, haste * LOOSE, rng), pen, haste, rng) for line in STYLES[digit][style]]
    height = rng.uniform(260, 880)
    width = max(8, round(rng.uniform(pen.narrowest, pen.widest) * height / 100))
    placed = _placed([_thinned(curve, pen.step) for curve in _posed(curves, rng)], height, width, rng)
    lines = [[number for point in curve for number in (round(point.real), round(point.imag))] for curve in placed]
    return {"digit": digit, "style": style, "pen": kind, "width": width, "strokes": lines}


def _curve(line: str, loose: float, rng: Random) -> Curve:
    """A smooth curve through control points that were moved a little; it turns corners at those with a `!`."""
    pieces: list[Curve] = [[]]
    for word in line.split():
        x, y = map(float, word.rstrip("!").split(","))
        pieces[-1].append(complex(x + rng.uniform(-loose, loose), y + rng.uniform(-loose, loose)))
        if word.endswith("!"):
            pieces.append([pieces[-1][-1]])
    return [pieces[0][0], *(point for piece in pieces for point in _spline(piece))]


def _spline(points: Curve) -> Iterator[complex]:
    """The centripetal Catmull-Rom spline through the points, without the first.

    Source: Barry, Goldman, "A recursive evaluation algorithm for a class of Catmull-Rom splines", 1988.
    """
    padded = [2 * points[0] - points[1], *points, 2 * points[-1] - points[-2]]
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        t1 = abs(p1 - p0) ** 0.5
        t2 = t1 + abs(p2 - p1) ** 0.5
        t3 = t2 + abs(p3 - p2) ** 0.5
        for part in range(1, PARTS + 1):
            t = t1 + part / PARTS * (t2 - t1)
            a1, a2, a3 = (
                p0 + (p1 - p0) * t / t1,
                p1 + (p2 - p1) * (t - t1) / (t2 - t1),
                p2 + (p3 - p2) * (t - t2) / (t3 - t2),
            )
            b1, b2 = a1 + (a2 - a1) * t / t2, a2 + (a3 - a2) * (t - t1) / (t3 - t1)
            yield b1 + (b2 - b1) * (t - t1) / (t2 - t1)


def _wobbled(curve: Curve, pen: Pen, haste: float, rng: Random) -> Curve:
    """Each point moved in both directions by sines of its distance from the beginning: slow ones and fast ones."""
    waves = [
        [(haste * pen.slow / 2, rng.uniform(40, 120), rng.uniform(0, 1)) for _ in range(2)]
        + [(pen.fast / 2, rng.uniform(4, 12), rng.uniform(0, 1)) for _ in range(2)]
        for _ in range(2)
    ]
    moved, distance = [], 0.0
    for before, point in zip([curve[0], *curve], curve, strict=False):
        distance += abs(point - before)
        x, y = (sum(high * sin(2 * pi * (distance / long + at)) for high, long, at in some) for some in waves)
        moved.append(point + complex(x, y))
    return moved


def _posed(curves: list[Curve], rng: Random) -> list[Curve]:
    """Narrow or wide, slanted and turned as a whole."""
    aspect, slant, turned = rng.uniform(0.6, 1.25), tan(radians(rng.uniform(-14, 26))), radians(rng.uniform(-10, 10))
    return [
        [cmath.rect(1, turned) * complex(aspect * point.real - slant * point.imag, point.imag) for point in curve]
        for curve in curves
    ]


def _thinned(curve: Curve, step: float) -> Curve:
    """Points at least so far apart, and both ends."""
    kept = [curve[0]]
    for point in curve:
        if abs(point - kept[-1]) >= step:
            kept.append(point)
    return [*kept[:-1], curve[-1]] if len(kept) > 1 and abs(curve[-1] - kept[-1]) < step / 2 else [*kept, curve[-1]]


def _placed(curves: list[Curve], height: float, width: int, rng: Random) -> list[Curve]:
    """As high, somewhere in the box."""
    points = [point for curve in curves for point in curve]
    left, right = min(point.real for point in points), max(point.real for point in points)
    top, bottom = min(point.imag for point in points), max(point.imag for point in points)
    room = strokes.BOX - 2 * MARGIN - width
    scale = min(min(height, room) / (bottom - top), room / (right - left))
    x, y = (
        MARGIN + width / 2 + rng.uniform(0, 1) * max(0.0, room - scale * length)
        for length in (right - left, bottom - top)
    )
    return [[scale * (point - complex(left, top)) + complex(x, y) for point in curve] for curve in curves]


def stored() -> bytes:
    """The file: one JSON object, with a drawing on each line."""
    drawings = [drawing(digit, style, number) for digit in STYLES for style in STYLES[digit] for number in range(EACH)]
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in drawings)
    return f'{{"box":{strokes.BOX},"drawings":[\n{lines}\n]}}\n'.encode()


def contact_sheet(scale: int = 2) -> bytes:
    """Two rows for each digit: its drawings as they were drawn, and below them what a network is given."""
    side = 28 * scale
    drawings, images = strokes.drawings(), strokes.load().images
    across = len(drawings) // 10
    sheet = np.full((20 * (side + 2) + 10 * 6, across * (side + 2)), 255, np.uint8)
    for number, (one, image) in enumerate(zip(drawings, images, strict=True)):
        top, left = number // across * (2 * side + 10), number % across * (side + 2)
        canvas = Image.fromarray(strokes.draw(one)).resize((side, side), Image.Resampling.BOX)
        sheet[top : top + side, left : left + side] = np.asarray(canvas)
        sheet[top + side + 1 : top + 2 * side + 1, left : left + side] = image.repeat(scale, 0).repeat(scale, 1)
    output = io.BytesIO()
    Image.fromarray(sheet).quantize(16).save(output, "PNG", optimize=True)
    return output.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, help="draw a contact sheet there, instead")
    options = parser.parse_args()
    if options.picture:
        write_atomic(options.picture, contact_sheet())
    else:
        write_atomic(strokes.FILE, stored())
