"""Horizontal bars as a PNG, drawn with Pillow: each bar with its number beside it, so that nothing needs measuring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from pellucid.glass.chart import COLOURS, GREY, INK, PAPER, SCALE, font, png

WIDTH, LEFT, RIGHT, LINE, GAP, TOP = 860, 130, 70, 20, 34, 52


@dataclass(frozen=True)
class Bar:
    """A name and a number."""

    name: str
    value: float


@dataclass(frozen=True)
class Group:
    """Bars under a title, each group on a scale of its own."""

    title: str
    bars: Sequence[Bar]


def draw(groups: Sequence[Group], caption: str) -> bytes:
    """The groups below each other; the first bar of each in another colour."""
    height = TOP + sum(GAP + LINE * len(group.bars) for group in groups) + 10
    image = Image.new("RGB", (WIDTH * SCALE, height * SCALE), PAPER)
    canvas = ImageDraw.Draw(image)
    canvas.text((16 * SCALE, 14 * SCALE), caption, INK, font(15))
    y = TOP
    for group in groups:
        canvas.text((16 * SCALE, (y + 8) * SCALE), group.title, INK, font(13))
        y += GAP - 4
        longest = max(bar.value for bar in group.bars)
        for number, bar in enumerate(group.bars):
            length = max(2.0, (WIDTH - LEFT - RIGHT) * bar.value / longest)
            box = (LEFT, y + 3, LEFT + length, y + LINE - 3)
            canvas.rectangle([side * SCALE for side in box], fill=COLOURS[min(number, 1)])
            canvas.text(((LEFT - 8) * SCALE, (y + LINE / 2) * SCALE), bar.name, INK, font(12), "rm")
            place = ((LEFT + length + 6) * SCALE, (y + LINE / 2) * SCALE)
            canvas.text(place, f"{bar.value:.1f}", GREY, font(12), "lm")
            y += LINE
        y += 4
    return png(image)
