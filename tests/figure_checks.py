"""What a reader would see at once in a figure: text that is cut off, or that lies over other text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

SLACK = 1.0  # pixels


def texts(figure: Any) -> Iterator[tuple[str, Any]]:
    """Every text that is drawn, with its box in pixels."""
    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # all is in its place
    renderer = canvas.get_renderer()
    hidden: set[int] = set()
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            drawn = {
                id(label)
                for tick in axis._update_ticks()
                for label in (tick.label1, tick.label2)
                if label.get_visible() and axes.axison
            }
            every = {id(label) for tick in (*axis.majorTicks, *axis.minorTicks) for label in (tick.label1, tick.label2)}
            hidden |= every - drawn
            if not axes.axison:
                hidden |= {id(axis.label), id(axis.offsetText)}
    for text in figure.findobj(Text):
        if id(text) in hidden or not text.get_visible() or not text.get_text().strip():
            continue
        yield text.get_text(), text.get_window_extent(renderer)


def faults(figure: Any) -> list[str]:
    """Texts that leave the figure, and pairs that overlap."""
    found, boxes = [], list(texts(figure))
    width, height = figure.bbox.width, figure.bbox.height
    for text, box in boxes:
        if box.x0 < -SLACK or box.y0 < -SLACK or box.x1 > width + SLACK or box.y1 > height + SLACK:
            found.append(f"cut off: {text!r}")
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        if min(a.x1, b.x1) - max(a.x0, b.x0) > SLACK and min(a.y1, b.y1) - max(a.y0, b.y0) > SLACK:
            found.append(f"overlap: {one!r} and {other!r}")
    return found
