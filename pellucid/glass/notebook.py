"""How objects show themselves in a notebook: a matrix as a heat map, a trace as a walk through a step."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.glass.trace import Trace, Traced

TITLES = {"forward": "Forward", "backward": "Backward: the chain rule", "update": "Update"}


class Matrix:
    """Numbers that a notebook shows as colours: blue below 0, white at 0, orange above, on one symmetric scale.

    Args:
        values: an array of any shape; of images (maps, height, width, B) the first example, map beside map.
        name: what they are.
        images: whether they are images.
    """

    def __init__(self, values: NDArray[Any], name: str = "", *, images: bool = False) -> None:
        self.values, self.name, self.images = np.asarray(values), name, images

    def __repr__(self) -> str:
        return f"{self.name or 'Matrix'} {self.values.shape}\n{self.values}"

    def _repr_html_(self) -> str:
        from pellucid.glass.report.pictures import coloured, laid_out, png  # `import pellucid` brings NumPy alone

        values = np.asarray(self.values, np.float64)
        if not values.size:
            return f"<p>{escape(self.name)}: no numbers, shape {values.shape}</p>"
        layout = laid_out(values, self.images)
        down, across = layout.shown.shape
        side = max(3, min(14, 640 // across))
        shape = " × ".join(map(str, values.shape)) or "a number"
        words = f"{self.name} {shape}, from {values.min():.4g} to {values.max():.4g}".strip()
        return (
            f'<figure style="margin:.5em 0"><img src="{png(coloured(layout.shown, layout.largest))}" '
            f'alt="{escape(words)}" style="width:{across * side}px;height:{max(16, down * side)}px;max-width:none;'
            f'image-rendering:pixelated;border:1px solid #999"><figcaption>{escape(words)}</figcaption></figure>'
        )


def matrix(trace: Trace, name: str) -> Matrix:
    """A tensor of a trace."""
    values = trace[name]
    images = values.ndim == 4 and trace.tensors[name].axes.endswith("B") and min(values.shape[1:3]) > 1
    return Matrix(values, name, images=images)


def walk(trace: Trace) -> str:
    """Every tensor that a step computed, with its formula and its colours; the ways are folded up."""
    after = trace.made.loss_after
    update = "" if after is None else f", after the update {after:.6g}"
    parts = [f"<p>{escape(trace.network.architecture)}, loss {trace.made.loss:.6g}{update}</p>"]
    for way, title in TITLES.items():
        tensors = [traced for traced in trace.tensors.values() if traced.way == way and traced.formula]
        if tensors:
            rows = "".join(_row(trace, traced) for traced in tensors)
            parts.append(f"<details><summary>{title}: {len(tensors)} tensors</summary>{rows}</details>")
    return "".join(parts)


def _row(trace: Trace, traced: Traced) -> str:
    because = f", because {traced.because}" if traced.because else ""
    words = f"<b>{escape(traced.name)}</b> = {escape(traced.formula + because)}"
    return f"<p>{words}</p>{matrix(trace, traced.name)._repr_html_()}"
