"""The residual block: its input goes two ways, whose ends are added; so do gradients on the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pellucid.engine.lowering.builder import Backward, Builder, Tensor
from pellucid.engine.lowering.layers import numbers_of, size_of
from pellucid.engine.plan import Images
from pellucid.layers import Layer
from pellucid.layers.residual import Residual
from pellucid.workspace import slots

Row = Callable[[Builder, Sequence[Layer], Any, int], tuple[Any, Callable[[Any, int], Any]]]


def residual(builder: Builder, layer: Residual, x: Tensor, row_of: Row) -> tuple[Tensor, Backward]:
    """`row_of` writes the kernels of layers in a row."""
    rim, kept = builder.rim, replace(x, spare=False)  # both ways read x, so neither may write over it
    through, through_backward = row_of(builder, layer.layers, kept, rim)
    past, past_backward = row_of(builder, layer.shortcut, kept, rim)
    builder.rim = rim
    y = next((way for way in (through, past) if way.spare), None) or _like(builder, through, past)
    _add(builder, layer, through, past, y)

    def backward(dy: Tensor, needs_dx: bool) -> Any:
        dx = through_backward(replace(dy, spare=False), _first(layer.layers, needs_dx))
        shortcut_dx = past_backward(dy, _first(layer.shortcut, needs_dx))
        if not needs_dx:
            return dy
        both = next((way for way in (dx, shortcut_dx) if way.spare), None) or builder.gradient_of(x)
        _add(builder, layer, dx, shortcut_dx, both)
        return both

    return replace(y, spare=True, **_gradient_rim(through, past)), backward


def _first(layers: Sequence[Layer], needs_dx: bool) -> int:
    """Where the way back through these layers may end: at the first with parameters, if nobody needs dx."""
    if needs_dx:
        return -1
    return next((n for n, layer in enumerate(layers) if slots([layer], "parameter")), len(layers))


def _gradient_rim(through: Tensor, past: Tensor) -> dict[str, Any]:
    """What the gradient of the sum needs around it, where it goes both ways."""
    if isinstance(through, Images) and isinstance(past, Images):
        return {"gradient_rim": max(through.gradient_rim, past.gradient_rim)}
    return {}


def _like(builder: Builder, through: Tensor, past: Tensor) -> Tensor:
    if isinstance(through, Images):
        return builder.images(through.shape, **_gradient_rim(through, past))
    return builder.rows(through.width)


def _add(builder: Builder, layer: Residual, one: Tensor, other: Tensor, to: Tensor) -> None:
    numbers = numbers_of(one)
    builder.emit(
        "add", layer.name, f"{numbers}", numbers, 3 * numbers,
        x=one.place, kept=other.place, y=to.place, **size_of(one),
    )  # fmt: skip
