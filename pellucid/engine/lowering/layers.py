"""The kernels of layers whose examples are rows, and of those that take rows and images alike.

A function writes the kernels of the forward pass and returns the layer's output with a function that writes those of
the backward pass. What the reference does in `forward` and `backward` stands here a second time, as kernels: the tests
hold one to the other.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from pellucid.engine.lowering.builder import Backward, Builder, Tensor
from pellucid.engine.plan import BLOCK, PAD, PANEL, SPARSE_STRIP, TILE_ROWS, Rows, padded
from pellucid.layers import Layer
from pellucid.layers.activation import Activation
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout, GaussianNoise
from pellucid.randomness import key


def dense(builder: Builder, layer: Dense, x: Rows) -> tuple[Rows, Backward]:
    matrix = builder.parameters_of(layer.name)
    inputs, outputs, batch = matrix.inputs, matrix.outputs, builder.batch_size
    kind = "sparse" if x.sparse else "dense"
    fields: dict[str, Any] = {"w": matrix.place, "inputs": inputs, "outputs": outputs}
    shapes, arithmetic = f"{inputs} -> {outputs}", 2 * inputs * outputs
    weights = matrix.size // batch  # a share of them in each example's account
    z = builder.rows(outputs, spare=True)
    own = {"carry": 0} if x.sparse else {}  # it shares out W's columns itself
    builder.emit(
        f"{kind}_forward", layer.name, shapes, arithmetic, inputs + outputs + weights,
        x=x.place, y=z.place, batch=batch, meet=x.sparse, **fields, **own,
    )  # fmt: skip
    builder.must_meet = x.sparse  # a thread has written columns, and goes on with rows

    def backward(dz: Rows, needs_dx: bool) -> Rows:
        builder.update(
            kind, layer.name, shapes, arithmetic * batch, batch * (inputs + outputs),
            x=x.place, y=dz.place, batch=batch, **fields,
        )  # fmt: skip
        builder.scratch(max(outputs * BLOCK, TILE_ROWS * padded(outputs), SPARSE_STRIP * PANEL))
        if not needs_dx:
            return dz
        dx = builder.rows(inputs, spare=True)
        builder.emit(
            "dense_backward", layer.name, f"{outputs} -> {inputs}", arithmetic, inputs + outputs + weights,
            x=dz.place, y=dx.place, **fields,
        )  # fmt: skip
        return dx

    return z, backward


def size_of(x: Tensor) -> dict[str, Any]:
    """What an operation that goes through all numbers of x, one by one, must know."""
    if isinstance(x, Rows):
        return {"inputs": x.width, "outputs": x.width}
    return {"inputs": x.channels, "outputs": x.channels, "rows": x.height, "columns": x.width, "carry": PAD}


def numbers_of(x: Tensor) -> int:
    """How many numbers an example has in x."""
    return x.width if isinstance(x, Rows) else prod(x.shape)


def like(builder: Builder, x: Tensor) -> Tensor:
    """A new tensor of the same shape."""
    if isinstance(x, Rows):
        return builder.rows(x.width, spare=True)
    return builder.images(x.shape, spare=True, gradient_rim=x.gradient_rim)


def elementwise(builder: Builder, layer: Activation, x: Tensor) -> tuple[Tensor, Backward]:
    kind, slope = layer.kind, getattr(layer, "slope", 0.0)
    a = replace(x, spare=False) if x.spare else replace(like(builder, x), spare=False)
    numbers, fields = numbers_of(x), {**size_of(x), "number": slope}
    builder.emit(f"{kind}_forward", layer.name, f"{numbers}", numbers, 2 * numbers, x=x.place, y=a.place, **fields)

    def backward(da: Tensor, needs_dx: bool) -> Tensor:
        elementwise_backward(builder, kind, layer.name, da, a, number=slope)
        return da

    return a, backward


def elementwise_backward(builder: Builder, kind: str, name: str, da: Tensor, a: Tensor, **options: float) -> None:
    """da becomes dz, in its place, by what the forward pass left."""
    numbers = numbers_of(a)
    builder.emit(
        f"{kind}_backward", name, f"{numbers}", numbers, 3 * numbers,
        x=da.place, y=da.place, kept=a.place, **size_of(a), **options,
    )  # fmt: skip


def identity(builder: Builder, layer: Layer, x: Tensor) -> tuple[Tensor, Backward]:
    return x, lambda dx, needs_dx: dx


def dropout(builder: Builder, layer: Dropout, x: Rows) -> tuple[Rows, Backward]:
    mask, a = builder.rows(x.width), builder.rows(x.width, spare=True)
    size = {"inputs": x.width, "outputs": x.width, "kept": mask.place}
    builder.scratch(x.width)
    builder.emit(
        "dropout_forward", layer.name, f"{x.width}", 12 * x.width, 3 * x.width, x=x.place, y=a.place,
        number=layer.rate, key=key(builder.seed, "dropout", builder.index[layer.name]), **size,
    )  # fmt: skip

    def backward(da: Rows, needs_dx: bool) -> Rows:
        builder.emit("dropout_backward", layer.name, f"{x.width}", x.width, 3 * x.width, x=da.place, y=da.place, **size)
        return da

    return a, backward


def noise(builder: Builder, layer: GaussianNoise, x: Rows) -> tuple[Rows, Backward]:
    a = builder.rows(x.width, spare=True)
    builder.scratch(2 * padded(x.width))
    builder.emit(
        "noise_forward", layer.name, f"{x.width}", 40 * x.width, 2 * x.width, x=x.place, y=a.place,
        inputs=x.width, outputs=x.width, number=layer.sigma, key=key(builder.seed, "noise", builder.index[layer.name]),
    )  # fmt: skip
    return a, lambda da, needs_dx: da
