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
from pellucid.engine.plan import BLOCK, PAD, PANEL, SPARSE_STRIP, TILE_ROWS, Images, Rows, padded
from pellucid.layers import Layer
from pellucid.layers.activation import GELU, Activation, SiLU, Softmax
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
    """An activation: in the place of z where nobody else needs z."""
    of_z = isinstance(layer, SiLU | GELU)  # whose way back needs z and not a
    kind = "softmax_abreast" if isinstance(layer, Softmax) and isinstance(x, Images) else layer.kind
    a = x if x.spare and not of_z else like(builder, x)
    numbers, fields = numbers_of(x), {**size_of(x), "number": getattr(layer, "slope", 0.0)}
    builder.emit(f"{kind}_forward", layer.name, f"{numbers}", numbers, 2 * numbers, x=x.place, y=a.place, **fields)

    def backward(da: Tensor, needs_dx: bool) -> Tensor:
        return elementwise_backward(builder, kind, layer.name, da, x if of_z else a, **fields)

    return replace(a, spare=of_z), backward


def elementwise_backward(builder: Builder, kind: str, name: str, da: Tensor, kept: Tensor, **options: Any) -> Tensor:
    """dz, in the place of da where nobody else needs da, by what the forward pass left."""
    dz = da if da.spare else builder.gradient_of(kept)
    numbers = numbers_of(kept)
    builder.emit(
        f"{kind}_backward", name, f"{numbers}", numbers, 3 * numbers,
        x=da.place, y=dz.place, kept=kept.place, **{**size_of(kept), **options},
    )  # fmt: skip
    return dz


def identity(builder: Builder, layer: Layer, x: Tensor) -> tuple[Tensor, Backward]:
    return x, lambda dx, needs_dx: dx


def dropout(builder: Builder, layer: Dropout, x: Tensor) -> tuple[Tensor, Backward]:
    mask, a, numbers = like(builder, x), like(builder, x), numbers_of(x)
    kernel = "dropout_forward" if isinstance(x, Rows) else "dropout_abreast_forward"
    builder.scratch(numbers if isinstance(x, Rows) else 0)
    builder.emit(
        kernel, layer.name, f"{numbers}", 12 * numbers, 3 * numbers, x=x.place, y=a.place, kept=mask.place,
        number=layer.rate, key=key(builder.seed, "dropout", builder.index[layer.name]), **size_of(x),
    )  # fmt: skip
    return a, lambda da, needs_dx: elementwise_backward(builder, "dropout", layer.name, da, mask)


def noise(builder: Builder, layer: GaussianNoise, x: Tensor) -> tuple[Tensor, Backward]:
    a, numbers = like(builder, x), numbers_of(x)
    kernel = "noise_forward" if isinstance(x, Rows) else "noise_abreast_forward"
    builder.scratch(2 * padded(numbers) if isinstance(x, Rows) else 0)
    builder.emit(
        kernel, layer.name, f"{numbers}", 40 * numbers, 2 * numbers, x=x.place, y=a.place,
        number=layer.sigma, key=key(builder.seed, "noise", builder.index[layer.name]), **size_of(x),
    )  # fmt: skip
    return a, lambda da, needs_dx: da
