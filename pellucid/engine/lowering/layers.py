"""The kernels of each kind of layer.

A function writes the kernels of the forward pass and returns the layer's output with a function that writes those of
the backward pass. What the reference does in `forward` and `backward` stands here a second time, as kernels: the tests
hold one to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pellucid.engine.lowering.builder import Backward, Builder
from pellucid.engine.lowering.rule import PLAIN
from pellucid.engine.plan import BLOCK, PANEL, SPARSE_STRIP, TILE_ROWS, Operation, Rows, padded
from pellucid.layers import Layer
from pellucid.layers.activation import Activation, Identity, LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout, GaussianNoise
from pellucid.randomness import key


def _dense(builder: Builder, layer: Dense, number: int, x: Rows) -> tuple[Rows, Backward]:
    matrix = builder.matrix(layer)
    inputs, outputs, batch = matrix.inputs, matrix.outputs, builder.batch_size
    kind = "sparse" if x.sparse else "dense"
    fields: dict[str, Any] = {"w": matrix.place, "inputs": inputs, "outputs": outputs}
    shapes, arithmetic = f"{inputs} -> {outputs}", 2 * inputs * outputs
    weights = matrix.size // batch  # a share of them in each example's account
    z = builder.rows(outputs, spare=True)
    builder.emit(
        f"{kind}_forward", layer.name, shapes, arithmetic, inputs + outputs + weights,
        x=x.place, y=z.place, batch=batch, meet=x.sparse, **fields,
    )  # fmt: skip
    builder.must_meet = x.sparse  # a thread has written columns, and goes on with rows

    def backward(dz: Rows, needs_dx: bool) -> Rows:
        plain = builder.rule["kind"] == PLAIN
        way = "gradient" if builder.rule["clip_norm"] else "descend" if plain else "update"
        vectors = 2 if way != "update" else 2 + 2 * sum(bool(builder.rule[name]) for name in ("first", "second"))
        builder.updates.append(
            Operation(
                f"{kind}_{way}", layer.name, shapes, arithmetic * batch,
                4 * (batch * (inputs + outputs) + vectors * matrix.size),
                x=x.place, y=dz.place, batch=batch, meet=not builder.updates, **fields,
            )
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


def _elementwise(builder: Builder, layer: Activation, number: int, x: Rows) -> tuple[Rows, Backward]:
    kind, slope = layer.kind, getattr(layer, "slope", 0.0)
    a = Rows(x.place, x.width) if x.spare else builder.rows(x.width)
    size = {"inputs": x.width, "outputs": x.width, "number": slope}
    builder.emit(f"{kind}_forward", layer.name, f"{x.width}", x.width, 2 * x.width, x=x.place, y=a.place, **size)

    def backward(da: Rows, needs_dx: bool) -> Rows:
        builder.emit(
            f"{kind}_backward", layer.name, f"{x.width}", x.width, 3 * x.width,
            x=da.place, y=da.place, w=a.place, **size,
        )  # fmt: skip
        return da

    return a, backward


def _identity(builder: Builder, layer: Layer, number: int, x: Rows) -> tuple[Rows, Backward]:
    return x, lambda dx, needs_dx: dx


def _dropout(builder: Builder, layer: Dropout, number: int, x: Rows) -> tuple[Rows, Backward]:
    mask, a = builder.rows(x.width), builder.rows(x.width, spare=True)
    size = {"inputs": x.width, "outputs": x.width, "w": mask.place}
    builder.scratch(x.width)
    builder.emit(
        "dropout_forward", layer.name, f"{x.width}", 12 * x.width, 3 * x.width, x=x.place, y=a.place,
        number=layer.rate, key=key(builder.seed, "dropout", number), **size,
    )  # fmt: skip

    def backward(da: Rows, needs_dx: bool) -> Rows:
        builder.emit("dropout_backward", layer.name, f"{x.width}", x.width, 3 * x.width, x=da.place, y=da.place, **size)
        return da

    return a, backward


def _noise(builder: Builder, layer: GaussianNoise, number: int, x: Rows) -> tuple[Rows, Backward]:
    a = builder.rows(x.width, spare=True)
    builder.scratch(2 * padded(x.width))
    builder.emit(
        "noise_forward", layer.name, f"{x.width}", 40 * x.width, 2 * x.width, x=x.place, y=a.place,
        inputs=x.width, outputs=x.width, number=layer.sigma, key=key(builder.seed, "noise", number),
    )  # fmt: skip
    return a, lambda da, needs_dx: da


LAYERS: dict[type[Layer], Callable[[Builder, Any, int, Rows], tuple[Rows, Backward]]] = {
    Dense: _dense,
    ReLU: _elementwise,
    LeakyReLU: _elementwise,
    Sigmoid: _elementwise,
    Tanh: _elementwise,
    Softmax: _elementwise,
    Identity: _identity,
    Dropout: _dropout,
    GaussianNoise: _noise,
}
