"""Figures of a model and its training, drawn with matplotlib: `pellucid show KIND MODEL`.

Each kind is a function that takes a `Subject` and returns a `Picture`. What it draws is measured in `glass/measures`.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pellucid.errors import UsageError
from pellucid.names import choose

if TYPE_CHECKING:
    from pellucid.glass.figures.subject import Picture, Subject

FORMATS = (".png", ".svg")


@dataclass(frozen=True)
class Kind:
    """A kind of figure.

    Args:
        module: where its function is, which has the name of the kind.
        line: what it shows.
        options: that it takes.
    """

    module: str
    line: str
    options: tuple[str, ...] = ()


KINDS: dict[str, Kind] = {
    "curves": Kind("curves", "loss and accuracy over the epochs"),
    "learning-curve": Kind("curves", "accuracy against the number of training examples; trains the recipe anew",
                           ("limit",)),
    "weights": Kind("weights", "the weights of the first layer as images"),
    "feature-maps": Kind("weights", "what each convolution makes of an image", ("index",)),
    "confusion": Kind("answers", "which classes are taken for which"),
    "calibration": Kind("answers", "whether the model is as often right as it is sure"),
    "mistakes": Kind("examples", "the wrong answers that the model was surest of"),
    "predictions": Kind("examples", "test images with what the model says of them", ("index",)),
    "layers": Kind("units", "activations, gradients and update ratios, layer by layer"),
    "dead-units": Kind("units", "for how many images each unit is active, and which never are"),
    "preferred-input": Kind("units", "inputs that classes or units like best, by gradient ascent", ("layer", "unit")),
    "saliency": Kind("reasons", "which pixels an answer depends on, by its gradient", ("index", "class")),
    "occlusion": Kind("reasons", "what becomes of an answer when a patch is covered", ("index", "class")),
    "contributions": Kind("reasons", "which weights of the last layer decided", ("index", "class")),
    "pca": Kind("geometry", "how the layers untangle the classes"),
    "logits": Kind("geometry", "the logits of the test images over the epochs, in one projection"),
    "loss-line": Kind("landscape", "the loss around the weights, in a random direction"),
    "loss-plane": Kind("landscape", "the loss around the weights, in two random directions"),
    "loss-path": Kind("landscape", "the loss along the path of training, in the plane that holds most of it"),
    "distance": Kind("way", "how far the weights went from their start, layer by layer"),
}  # fmt: skip


def kind_called(name: str) -> Kind:
    """The kind of that name.

    Raises:
        UsageError: there is none; with the nearest, and all in a line each.
    """
    try:
        return choose("figure", name, KINDS)
    except UsageError as error:
        nearest = str(error).partition(" Known:")[0]
        raise UsageError(f"{nearest} There are:\n{listing()}") from None


def listing() -> str:
    """All kinds, a line each."""
    width = max(map(len, KINDS))
    return "\n".join(f"  {name:<{width}}  {kind.line}" for name, kind in KINDS.items())


def draw(name: str, subject: Subject) -> Picture:
    """The figure of that kind.

    Raises:
        UsageError: no such kind, matplotlib is missing, or the model cannot have this figure.
        ModelFileError: the run lacks what the figure is of.
    """
    kind = kind_called(name)
    if find_spec("matplotlib") is None:
        raise UsageError("Figures are drawn with matplotlib, which is not installed: pip install 'pellucid[plot]'")
    from pellucid.glass.figures.style import style

    module = import_module(f"pellucid.glass.figures.{kind.module}")
    with style():
        picture: Picture = getattr(module, name.replace("-", "_"))(subject)
    return picture


def content(picture: Picture, suffix: str) -> bytes:
    """The figure as the content of a .png or .svg file; the same figure is the same bytes."""
    from pellucid.glass.figures.style import style

    output = io.BytesIO()
    with style():
        metadata = {"Date": None, "Creator": None} if suffix == ".svg" else {"Software": None}
        picture.figure.savefig(output, format=suffix.removeprefix("."), metadata=metadata)
    return _renamed(output.getvalue()) if suffix == ".svg" else output.getvalue()


def _renamed(drawing: bytes) -> bytes:
    """An SVG whose parts are numbered in their order: matplotlib names some by where they lie in memory."""
    names: dict[bytes, bytes] = {}
    return re.sub(
        rb'(id="|url\(#|href="#)([a-z]+[0-9a-f]{10})(?=["\)])',
        lambda found: found[1] + names.setdefault(found[2], b"part%d" % len(names)),
        drawing,
    )
