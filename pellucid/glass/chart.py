"""A line chart as a PNG, drawn with Pillow: training draws one at its end and should not wait for a plotting library.

Colours are told apart by the colour-blind, and lines also by their dashes and a legend.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont

SCALE = 3  # drawn so many times larger and then reduced, which smooths the lines
INK, GREY, RULE, PAPER = "#222222", "#666666", "#dddddd", "#ffffff"
COLOURS = ("#0072b2", "#d55e00", "#009e73")  # Okabe, Ito, "Color universal design", 2008
COLOURS_KEPT = 256  # in a file; lines and letters shade into the paper
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 62, 22, 62, 46


@dataclass(frozen=True)
class Panel:
    """One set of axes: named lines over 1, 2, 3, ...

    Args:
        title: what the lines measure.
        lines: name -> values; a second line is dashed.
        horizontal: what is counted along the bottom.
        number: how values are written along the left side.
        marks: what stands along the bottom, and at which points; by default whole numbers.
        rule: a point with an upright line, and what stands beside it.
        from_zero: whether the left side begins at 0, so that heights can be compared.
    """

    title: str
    lines: Mapping[str, Sequence[float]]
    horizontal: str = "epoch"
    number: Callable[[float], str] = "{:g}".format
    marks: Mapping[float, str] = field(default_factory=dict)
    rule: tuple[float, str] | None = None
    from_zero: bool = False


def draw(panels: Sequence[Panel], caption: str, width: int = 520, height: int = 380, columns: int = 0) -> bytes:
    """The panels side by side under a caption, so many in a row (0: all), as the bytes of a PNG."""
    columns = columns or len(panels)
    rows = -(-len(panels) // columns)
    size = (width * columns * SCALE, (height * rows + 34) * SCALE)
    image = Image.new("RGB", size, PAPER)
    canvas = ImageDraw.Draw(image)
    canvas.text((16 * SCALE, 12 * SCALE), caption, INK, font(15))
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        _Axes(canvas, panel, column * width, 34 + row * height, width, height).draw()
    return png(image)


def png(image: Image.Image) -> bytes:
    """A drawing, SCALE times as large as it shall be, as the bytes of a PNG of a few colours, which is short."""
    small = image.reduce(SCALE)
    output = io.BytesIO()
    small.quantize(COLOURS_KEPT, dither=Image.Dither.NONE).save(output, "PNG", optimize=True)
    return output.getvalue()


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that span low to high."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


class _Axes:
    """Places a panel's numbers on the canvas."""

    def __init__(
        self, canvas: ImageDraw.ImageDraw, panel: Panel, left: float, top: float, width: float, height: float
    ) -> None:
        self.canvas, self.panel = canvas, panel
        self.left, self.right = left + MARGIN_LEFT, left + width - MARGIN_RIGHT
        self.top, self.bottom = top + MARGIN_TOP, top + height - MARGIN_BOTTOM
        values = [value for line in panel.lines.values() for value in line if math.isfinite(value)] or [0.0]
        low, high = min([0.0, *values] if panel.from_zero else values), max(values)
        spread = high - low or abs(high) or 1.0
        self.ticks = ticks(max(low - 0.05 * spread, 0.0 if low >= 0 else -math.inf), max(high, low + 0.1 * spread))
        self.points = max(len(line) for line in panel.lines.values())

    def x(self, point: float) -> float:
        """Pixels from the left for point 1, 2, ...; a single point stands in the middle."""
        share = (point - 1) / (self.points - 1) if self.points > 1 else 0.5
        return (self.left + share * (self.right - self.left)) * SCALE

    def y(self, value: float) -> float:
        """Pixels from the top for a value."""
        low, high = self.ticks[0], self.ticks[-1]
        return (self.bottom - (value - low) / (high - low) * (self.bottom - self.top)) * SCALE

    def draw(self) -> None:
        """Title, legend, scales, then the lines on top."""
        self.canvas.text((self.left * SCALE, (self.top - 50) * SCALE), self.panel.title, INK, font(17))
        for value in self.ticks:
            y = self.y(value)
            self.canvas.line((self.left * SCALE, y, self.right * SCALE, y), RULE, SCALE)
            self._text(self.left - 8, y / SCALE, self.panel.number(value), "rm")
        for point, text in (self.panel.marks or {point: str(point) for point in self._points()}).items():
            self._text(self.x(point) / SCALE, self.bottom + 8, text, "mt")
        self._text((self.left + self.right) / 2, self.bottom + 28, self.panel.horizontal, "mt")
        legend = self.left
        for number, line in reversed(list(enumerate(self.panel.lines.values()))):  # the first comes to lie on top
            self._curve(line, COLOURS[number % len(COLOURS)], dashed=number > 0)
        for number, name in enumerate(self.panel.lines):
            self._stroke(
                [(legend * SCALE, (self.top - 15) * SCALE), ((legend + 26) * SCALE, (self.top - 15) * SCALE)],
                COLOURS[number % len(COLOURS)],
                dashed=number > 0,
            )
            self._text(legend + 32, self.top - 15, name, "lm", INK)
            legend += 56 + font(13).getlength(name) / SCALE

        if self.panel.rule:
            point, text = self.panel.rule
            self.canvas.line([(self.x(point), self.top * SCALE), (self.x(point), self.bottom * SCALE)], INK, 2 * SCALE)
            self._text(self.x(point) / SCALE + 6, self.top + 4, text, "lt", INK)

    def _points(self) -> list[int]:
        if self.points <= 2:
            return list(range(1, self.points + 1))
        whole = [int(tick) for tick in ticks(1, self.points, 6) if tick == int(tick) and 1 < tick < self.points]
        step = whole[1] - whole[0] if len(whole) > 1 else 1
        return [1, *(point for point in whole if point - 1 > step / 2 and self.points - point > step / 2), self.points]

    def _curve(self, values: Sequence[float], colour: str, dashed: bool) -> None:
        places = [(self.x(i), self.y(value)) for i, value in enumerate(values, 1) if math.isfinite(value)]
        self._stroke(places, colour, dashed)
        if len(places) <= 40:
            for x, y in places:
                self.canvas.ellipse((x - 3 * SCALE, y - 3 * SCALE, x + 3 * SCALE, y + 3 * SCALE), colour)

    def _stroke(self, places: list[tuple[float, float]], colour: str, dashed: bool) -> None:
        if len(places) < 2:
            return
        if not dashed:
            self.canvas.line(places, colour, 2 * SCALE, joint="curve")
            return
        dash, travelled = 7.0 * SCALE, 0.0
        for (x0, y0), (x1, y1) in itertools.pairwise(places):
            length = math.hypot(x1 - x0, y1 - y0)
            done = 0.0
            while done < length:
                piece = min(dash - travelled % dash, length - done)
                if int(travelled / dash) % 2 == 0:
                    a, b = done / length, (done + piece) / length
                    ends = (x0 + a * (x1 - x0), y0 + a * (y1 - y0), x0 + b * (x1 - x0), y0 + b * (y1 - y0))
                    self.canvas.line(ends, colour, 2 * SCALE)
                done, travelled = done + max(piece, 1e-6), travelled + max(piece, 1e-6)

    def _text(self, x: float, y: float, text: str, anchor: str, colour: str = GREY) -> None:
        self.canvas.text((x * SCALE, y * SCALE), text, colour, font(13), anchor)


def font(size: int, scale: int = SCALE) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * scale)
