"""The equations of a residual block: what goes around is added to what goes through."""

from __future__ import annotations

from collections.abc import Iterator

from pellucid.glass.equations.cells import Equation, Tensors
from pellucid.layers.residual import Residual


def residual(layer: Residual, t: Tensors) -> Iterator[Equation]:
    """y = x + f(x), or projection(x) + f(x)."""
    first, last = layer.layers[0], layer.layers[-1]
    around = layer.shortcut[0] if layer.shortcut else None
    after, before = f"{last.name}/{last.output}", f"{first.name}/d{first.input}"
    x = f"{around.name}/{around.output}" if around else f"{t.layer}/x"
    dx = f"{around.name}/d{around.input}" if around else f"{t.layer}/dy"
    yield Equation(
        "y", "projection(x) + f(x)" if around else "x + f(x)", "the two at the same place", (x, after),
        lambda *at: [t.cells(x)[at], t.cells(after)[at]],
    )  # fmt: skip
    yield Equation(
        "dx", "both ways' gradients, added" if around else "dy + what f carries back", "the two at the same place",
        (dx, before), lambda *at: [t.cells(dx)[at], t.cells(before)[at]], "y is a sum: each part gets all of dy",
    )  # fmt: skip
