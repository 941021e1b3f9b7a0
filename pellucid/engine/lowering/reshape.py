"""From images abreast to the rows of a dense layer."""

from __future__ import annotations

from math import prod
from typing import Any

from pellucid.engine.lowering.builder import Backward, Builder, Tensor
from pellucid.engine.plan import PAD, Images, Rows
from pellucid.layers.pooling import GlobalAveragePooling
from pellucid.layers.reshape import Flatten


def flatten(builder: Builder, layer: Flatten, x: Tensor) -> tuple[Rows, Backward]:
    """Images abreast become rows; rows, of a network that has no images abreast, are so already."""
    if isinstance(x, Rows):
        return x, lambda da, needs_dx: da
    return _rows_of(builder, "flatten", layer.name, x, prod(x.shape))


def global_average_pooling(builder: Builder, layer: GlobalAveragePooling, x: Images) -> tuple[Rows, Backward]:
    return _rows_of(builder, "global_average", layer.name, x, x.channels)


def _rows_of(builder: Builder, kind: str, name: str, x: Images, width: int) -> tuple[Rows, Backward]:
    """A kernel that makes rows of images, and one that makes images of their gradient."""
    a, numbers = builder.rows(width, spare=True), prod(x.shape)
    arithmetic, floats = numbers * (width < numbers), numbers + width
    fields: dict[str, Any] = {
        "inputs": x.channels, "outputs": width, "height": x.height, "width": x.width, "carry": PAD,
    }  # fmt: skip
    builder.emit(f"{kind}_forward", name, f"{numbers} -> {width}", arithmetic, floats, x=x.place, y=a.place, **fields)

    def backward(da: Rows, needs_dx: bool) -> Images:
        dx: Images = builder.gradient_of(x)
        shapes = f"{width} -> {numbers}"
        builder.emit(f"{kind}_backward", name, shapes, arithmetic, floats, x=da.place, y=dx.place, **fields)
        return dx

    return a, backward
