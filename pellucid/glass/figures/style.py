"""How all figures look: letters, colours, margins, and the sentence below.

Colours are told apart by the colour-blind, and none of them says anything alone: signed numbers go from dark blue over
grey to light yellow, so that they are told apart by their lightness too; lines differ by their dashes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from numpy.typing import NDArray

INK, GREY, RULE = "#222222", "#5a5a5a", "#d9d9d9"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe, Ito, 2008
DASHES = ("-", "--", ":", "-.")
MARKERS = "os^Dv*P"
SIGNED = "cividis"  # Nuñez, Anderton, Renslow, "Optimizing colormaps", 2018: blue, grey, yellow, ever lighter
AMOUNT: Colormap = LinearSegmentedColormap.from_list("amount", ["#ffffff", "#9ecae1", "#0072b2", "#00304d"])
IMAGE = "gray"  # 0 is black, as in the data
DPI = 110
WIDTH = 8.0  # inches
MARGIN, TITLE, LINE = 0.14, 0.42, 0.19  # inches: around, for the title, for a line of the caption
SIZE, SMALL, TITLE_SIZE = 9.5, 8.0, 12.5  # points
LONGEST = 16  # letters of the name of a class
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans", "font.size": SIZE, "text.color": INK, "text.parse_math": False,
    "axes.edgecolor": GREY, "axes.labelcolor": INK, "axes.titlesize": SIZE + 0.5, "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "axes.unicode_minus": True,
    "axes.formatter.useoffset": False, "grid.color": RULE, "grid.linewidth": 0.7,
    "xtick.color": GREY, "ytick.color": GREY, "xtick.labelsize": SMALL, "ytick.labelsize": SMALL,
    "legend.frameon": False, "legend.fontsize": SMALL, "lines.linewidth": 1.8, "lines.markersize": 4.5,
    "image.interpolation": "nearest", "image.cmap": SIGNED, "savefig.facecolor": "white", "figure.facecolor": "white",
    "svg.hashsalt": "pellucid", "svg.fonttype": "path", "hatch.linewidth": 0.6,
}  # fmt: skip


@contextmanager
def style() -> Iterator[None]:
    """Figures drawn within look like this, whatever matplotlibrc says."""
    with matplotlib.style.context(["default", STYLE]):
        yield


def sheet(height: float, rows: int = 1, columns: int = 1, width: float = WIDTH, **options: Any) -> tuple[Figure, Any]:
    """A figure of so many inches without its title and caption, and its axes (rows, columns)."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def finish(figure: Figure, title: str, words: str) -> Figure:
    """Add the title above and the sentence below, each in as many lines as it needs."""
    width, height = figure.get_size_inches()
    inner = width - 2 * MARGIN  # a vector format may set letters a little wider
    title, words = drawable(title), drawable(words)
    heading = wrap(title, 0.98 * inner, TITLE_SIZE)
    caption = wrap(words, 0.98 * inner, SIZE)
    top = TITLE + (len(heading) - 1) * 0.22
    bottom = MARGIN + LINE * len(caption) + 0.1
    whole = height + top + bottom
    figure.set_size_inches(width, whole)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(MARGIN / width, bottom / whole, inner / width, height / whole))  # type: ignore[call-arg]
    figure.text(MARGIN / width, 1 - 0.12 / whole, "\n".join(heading), size=TITLE_SIZE, va="top", linespacing=1.25)
    figure.text(MARGIN / width, MARGIN / whole, "\n".join(caption), size=SIZE, va="bottom", linespacing=1.35)
    return figure


def text_width(text: str, size: float) -> float:
    """Inches that a line of text takes."""
    pen: Any = _pen()
    return float(pen.get_text_width_height_descent(text, FontProperties(size=size), False)[0]) / DPI


@cache
def _pen() -> Any:
    return RendererAgg(1, 1, DPI)  # type: ignore[no-untyped-call]


def wrap(text: str, width: float, size: float) -> list[str]:
    """The text in lines that are no wider, in inches, than this; words too long for a line are cut."""
    lines = [""]
    for word in text.split():
        while text_width(word, size) > width:
            fits = next(n for n in range(len(word), 0, -1) if n == 1 or text_width(word[:n], size) <= width)
            lines, word = [*lines, word[:fits]], word[fits:]
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [line for line in lines if line] or [""]


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap())


def drawable(text: str) -> str:
    """The text with a question mark for each letter that the font does not have."""
    return "".join(letter if ord(letter) in _glyphs() or letter.isspace() else "?" for letter in text)


def fit(text: str, width: float, size: float) -> str:
    """As much of a line of text as is no wider, in inches, than this."""
    kept = len(text)
    while kept > 1 and text_width(shorten(text, kept), size) > width:
        kept -= 1
    return shorten(text, kept)


def legible(names: Sequence[str], longest: int = LONGEST) -> list[str]:
    """Names of classes as figures write them: as long as there is room, and different if they were.

    What the letters at hand do not have, such as Japanese, is written as the number of the class.
    """
    found = []
    for number, name in enumerate(names):
        name = " ".join(name.split())
        readable = name and all(ord(letter) in _glyphs() for letter in name)
        found.append(shorten(name, longest) if readable else f"class {number}")
    twice = {name for name in found if found.count(name) > 1}
    return [
        f"{name[: max(1, longest - len(str(number)) - 1)].rstrip('…')}…{number}" if name in twice else name
        for number, name in enumerate(found)
    ]


def shorten(name: str, longest: int) -> str:
    """The name, or its beginning with an ellipsis."""
    return name if len(name) <= longest else name[: longest - 1].rstrip() + "…"


def bare(axes: Axes) -> None:
    """Without scales and frame, for an image."""
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def show_image(axes: Axes, image: NDArray[Any]) -> None:
    """An image (height, width), or (height, width, 3), as it is in the data: 0 is black."""
    white = 255 if image.dtype == np.uint8 else 1.0
    axes.imshow(image, cmap=IMAGE, vmin=0, vmax=white)
    bare(axes)


def hide(axes: Sequence[Axes]) -> None:
    """Leave places of a grid empty."""
    for own in axes:
        own.set_axis_off()


def symmetric(values: NDArray[Any]) -> float:
    """The bound of a scale with 0 in its middle; 1 where all is 0."""
    return float(abs(values).max()) or 1.0


def percent(share: float, digits: int = 1) -> str:
    """12.3%; 100% and 0% only where they are exact."""
    text = f"{share:.{digits}%}"
    if 0 < share < 1 and float(text[:-1]) in (0.0, 100.0):
        least = 10.0**-digits
        return f"under {least:g}%" if share < 0.5 else f"over {100 - least:g}%"
    return text.replace(f".{'0' * digits}%", "%")


def counted(number: int, one: str, many: str = "") -> str:
    """1 image, 2 images, no image."""
    word = one if number in (0, 1) else many or f"{one}s"
    return f"{number or 'no':,} {word}" if number else f"no {word}"


def signed(number: float) -> str:
    """+1.23, −1.23, 0."""
    return f"{number:+.3g}".replace("-", "−") if number else "0"
