"""Pictures within a page: images as data addresses, heat maps and charts as SVG. Nothing is fetched from anywhere."""

from __future__ import annotations

import json
import struct
import zlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite, isqrt, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.glass.chart import ticks

BLUE, WHITE, ORANGE = (0, 90, 160), (255, 255, 255), (190, 75, 0)  # below 0, 0, above: told apart by the colour-blind
CELLS, MOST_MAPS = 4096, 16  # of a heat map, and of images beside each other in it
CELLS_IN_ALL = 120_000  # of all heat maps of a page: some 1.5 MB
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 480, 300, 58, 40, 14, 40  # of a chart
LETTER = 7  # pixels, of its width

Lengths = tuple[int, ...]


def png(pixels: NDArray[np.uint8]) -> str:
    """(height, width) grey or (height, width, 3) colour as a data address; Pillow takes ten times as long for these."""
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + prod(pixels.shape[1:])), np.uint8)  # each begins with its filter, 0
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 3)), (b"IEND", b""))
    content = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + content).decode()


def picture(pixels: NDArray[np.uint8], words: str) -> str:
    """An image, with what it shows for those who do not see it."""
    return f'<img class="picture" src="{png(pixels)}" alt="{escape(words)}">'


def coloured(values: NDArray[Any], largest: float) -> NDArray[np.uint8]:
    """(height, width) numbers as colours: blue below 0, white at 0, orange above, strongest at ±largest."""
    share = np.clip(np.nan_to_num(values / (largest or 1.0)), -1, 1)[..., None]
    ends = np.where(share < 0, np.array(BLUE), np.array(ORANGE))
    return np.asarray(np.rint(np.array(WHITE) + abs(share) * (ends - WHITE)), np.uint8)


class Layout(NamedTuple):
    """A tensor laid out in a plane.

    Args:
        shown: the plane; NaN between images.
        largest: of the scale.
        block: how many rows and columns of the plane a cell is the mean of.
        down: the lengths of the tensor's axes that lie down the plane; of images their height.
        across: of those that lie across it; of images their width.
        after: the index in the axes that are left.
        images: how many of them stand beside each other; 0 for a matrix.
    """

    shown: NDArray[np.float64]
    largest: float
    block: tuple[int, int]
    down: Lengths
    across: Lengths
    after: Lengths
    images: int


@np.errstate(over="ignore", invalid="ignore")  # infinite numbers have no mean
def laid_out(values: NDArray[np.float64], images: bool, cells: int = CELLS) -> Layout:
    """Of images (maps, height, width, B) the first example, as many beside each other as there is room for in so many
    cells; any other tensor as a matrix, a large one averaged over blocks.
    """
    if images and prod(values.shape[1:3]) <= cells:
        maps, height, width, _ = values.shape
        count = min(maps, MOST_MAPS, cells // (height * width))
        shown = np.full((height, count * (width + 1) - 1), np.nan)
        for one in range(count):
            shown[:, one * (width + 1) : one * (width + 1) + width] = values[one, ..., 0]
        return Layout(shown, _largest(values), (1, 1), (height,), (width,), (0,), count)
    matrix, down, across, after = _as_matrix(values)
    most = isqrt(cells // 4)  # rows, and a quarter of the columns
    block = (-(-matrix.shape[0] // most), -(-matrix.shape[1] // (4 * most)))
    shown = _blocks(matrix, *block)
    return Layout(shown, _largest(shown), block, down, across, after, 0)


def heat(name: str, number: int, values: NDArray[Any], images: bool, cells: int = CELLS) -> str:
    """A tensor as colours on one symmetric scale; pointer and arrow keys read the number of each cell."""
    values = np.asarray(values, np.float64)
    layout = laid_out(values, images, cells)
    some = f", the first {layout.images} images" if 0 < layout.images < len(values) else ""
    words = f"{name}, {' × '.join(map(str, values.shape))}{some}, from {values.min():.3g} to {values.max():.3g}"
    down, across = layout.shown.shape
    side = max(3, min(14, 640 // across))
    numbers = [[float(f"{value:.4g}") if isfinite(value) else None for value in row] for row in layout.shown]
    place = "".join(
        f'data-{axes}="{" ".join(map(str, getattr(layout, axes)))}" ' for axes in ("block", "down", "across", "after")
    )
    return (
        f'<svg class="heat" tabindex="0" role="application" aria-roledescription="heat map" '
        f'aria-label="{escape(words)}; arrow keys read the numbers" aria-describedby="o{number}" '
        f'width="{across * side}" height="{max(down * side, 16)}" viewBox="0 0 {across} {down}" '
        f'preserveAspectRatio="none" data-name="{escape(name)}" data-images="{layout.images}" {place}'
        f'data-values="{json.dumps(numbers, separators=(",", ":"))}">'
        f'<image href="{png(coloured(layout.shown, layout.largest))}" width="{across}" height="{down}" '
        f'preserveAspectRatio="none"/><rect width="1" height="1"/></svg><output id="o{number}"></output>'
    )


def _as_matrix(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], Lengths, Lengths, Lengths]:
    """A tensor as rows and columns, with the axes down, across, and the index in those that are left.

    Of windows channels and taps are rows, places columns; a column lies down, to fit the page.
    """
    if values.ndim == 5:
        windows = values[..., 0].reshape(prod(values.shape[:2]), -1)
        return windows, values.shape[:2], values.shape[2:4], (0,)
    values = np.atleast_1d(values)
    matrix = values.reshape(len(values), -1)
    if matrix.shape[1] == 1:
        return matrix.T, (), values.shape[:1], (0,) * (values.ndim - 1)
    return matrix, values.shape[:1], values.shape[1:], ()


def _largest(values: NDArray[np.float64]) -> float:
    """The largest size of a finite number."""
    return float(np.max(abs(values), initial=0.0, where=np.isfinite(values)))


def _blocks(matrix: NDArray[np.float64], tall: int, wide: int) -> NDArray[np.float64]:
    """The mean of each block of so many rows and columns; those at the end may be smaller."""
    rows, columns = (np.arange(0, length, step) for length, step in zip(matrix.shape, (tall, wide), strict=True))
    sums = np.add.reduceat(np.add.reduceat(matrix, rows, axis=0), columns, axis=1)
    counts = np.add.reduceat(np.add.reduceat(np.ones_like(matrix), rows, axis=0), columns, axis=1)
    return np.asarray(sums / counts)


def chart(title: str, lines: Mapping[str, Sequence[float]], words: str) -> str:
    """Lines over the epochs, the second dashed; each point says its number."""
    values = [value for line in lines.values() for value in line if isfinite(value)] or [0.0]
    low, high = min(values), max(values)
    bottom = max(min(low - 0.05 * (high - low), 0.9 * high), 0.0)  # room is made below: an accuracy ends at 1
    marks = ticks(bottom, max(high, bottom + 1e-6))
    count = max(map(len, lines.values()))

    def x(point: int) -> float:
        share = point / (count - 1) if count > 1 else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - marks[0]) / (marks[-1] - marks[0]) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(words)}">'
        f'<text x="{LEFT}" y="16" style="font-size:14px">{escape(title)}</text>'
    ]
    for mark in marks:
        parts.append(
            f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
            f'<text class="soft" x="{LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:g}</text>'
        )
    for point in sorted({0, count - 1, *(int(tick) - 1 for tick in ticks(1, count + 0.1, 6) if 1 <= tick <= count)}):
        near_the_end = 0 < count - 1 - point < (count - 1) / 12
        if not near_the_end:
            parts.append(
                f'<text class="soft" x="{x(point):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
                f"{point + 1}</text>"
            )
    parts.append(
        f'<text class="soft" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">epoch</text>'
    )
    left, letters = float(LEFT), ((WIDTH - LEFT - RIGHT) // len(lines) - 52) // LETTER
    for (name, line), kind in zip(lines.items(), ("one", "two"), strict=False):
        places = [(x(point), y(value), point, value) for point, value in enumerate(line) if isfinite(value)]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py, _, _ in places)
        parts.append(f'<polyline class="{kind}" points="{path}" fill="none" stroke-width="2"/>')
        if len(places) <= 60:
            parts.extend(
                f'<circle class="dot-{kind}" cx="{px:.1f}" cy="{py:.1f}" r="3.5"><title>{escape(name)}, epoch '
                f"{point + 1}: {value:.5g}</title></circle>"
                for px, py, point, value in places
            )
        short = name if len(name) <= letters else f"{name[: letters // 2 - 1]}…{name[-(letters // 2) :]}"
        parts.append(
            f'<line class="{kind}" x1="{left}" x2="{left + 26}" y1="29" y2="29" stroke-width="2"/>'
            f'<text x="{left + 32}" y="33">{escape(short)}</text>'
        )
        left += 52 + LETTER * len(short)
    return "".join([*parts, "</svg>"])
