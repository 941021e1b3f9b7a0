"""Lowering: from layers, loss and optimizer to a plan of kernels.

LAYERS holds a function for each kind of layer. It writes the kernels of the forward pass into the plan and returns the
layer's output with a function that writes those of the backward pass; the plan calls these in reverse order. What the
reference does in `forward` and `backward` stands here a second time, as kernels: the tests hold one to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engine.plan import BLOCK, SUMMED, TILE_ROWS, Matrix, Operation, Plan, Rows, padded
from pellucid.layers import (
    Activation,
    Dense,
    Disturbance,
    Dropout,
    GaussianNoise,
    Identity,
    Layer,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from pellucid.losses import Loss, SquaredError
from pellucid.optimizers import SGD, Adam, AdamW, Optimizer
from pellucid.randomness import key
from pellucid.workspace import slots

RULE = np.dtype(
    [
        ("kind", "i8"), ("gradient", "i8"), ("first", "i8"), ("second", "i8"), ("momentum", "f8"), ("beta1", "f8"),
        ("beta2", "f8"), ("epsilon", "f8"), ("weight_decay", "f8"), ("shrink", "f8"), ("clip_norm", "f8"),
    ]
)  # fmt: skip
PLAIN, MOMENTUM, NESTEROV, ADAM = range(4)  # enum optimizer_kind in kernels/plan.h

Backward = Callable[[Rows, bool], Rows]  # the gradient of a layer's output, whether dx is wanted -> dx


class Builder:
    """Writes a plan, operation by operation."""

    def __init__(self, layers: Sequence[Layer], rule: NDArray[Any], batch_size: int, seed: int) -> None:
        self.seed, self.batch_size, self.rule = seed, batch_size, rule
        self.plan = Plan(batch_size, rule, [])
        self.updates: list[Operation] = []  # they come last: every gradient is read before a parameter moves
        for slot in slots(layers, "parameter"):
            if slot.tensor.name == "W":
                outputs, inputs = slot.shape
                matrix = Matrix(slot.layer.name, self.plan.size, slot.start, inputs, outputs)
                self.plan.matrices.append(matrix)
                self.claim(matrix.size)
        self.parameters = self.plan.size
        vectors = [name for name in ("gradient", "first", "second") if rule[name]]
        for name in vectors:
            rule[name] = self.claim(self.parameters)

    def claim(self, floats: int) -> int:
        """So many floats of the arena."""
        place = self.plan.size
        self.plan.size += padded(floats)
        return place

    def rows(self, width: int, spare: bool = False) -> Rows:
        """A new tensor of the batch."""
        return Rows(self.claim(self.batch_size * padded(width)), width, spare)

    def matrix(self, layer: Layer) -> Matrix:
        """Where a layer's parameters lie."""
        return next(matrix for matrix in self.plan.matrices if matrix.layer == layer.name)

    def emit(self, kernel: str, layer: str, shapes: str, arithmetic: int, floats: int, **fields: Any) -> None:
        """The next operation; `arithmetic` and `floats` (read and written) are those of one example."""
        size = self.batch_size
        self.plan.operations.append(Operation(kernel, layer, shapes, arithmetic * size, 4 * floats * size, **fields))

    def scratch(self, floats: int) -> None:
        """Each thread needs so many floats of scratch."""
        self.plan.scratch = max(self.plan.scratch, padded(floats))


def lower(
    layers: Sequence[Layer], loss: Loss, optimizer: Optimizer, clip_norm: float | None, batch_size: int, seed: int,
    sparse: bool = False,
) -> Plan:  # fmt: skip
    """The plan of a training step.

    Args:
        layers: a built network.
        loss: with its output link.
        optimizer: what a gradient does to theta.
        clip_norm: the gradient is shortened to this norm; None takes it as it is.
        batch_size: the examples of a step, at most.
        seed: of what is drawn for each element.
        sparse: the images are bytes that are mostly 0, and 0 stays 0 when they are normalized.
    """
    builder = Builder(layers, rule_of(optimizer, clip_norm), batch_size, seed)
    x = _gather(builder, prod(layers[0].input_shape), sparse and isinstance(layers[0], Dense))
    backwards: list[Backward] = []
    for number, layer in enumerate(layers):
        x, backward = LAYERS[type(layer)](builder, layer, number, x)
        backwards.append(backward)
    gradient = _loss(builder, loss, x)
    first = next(number for number, layer in enumerate(layers) if isinstance(layer, Dense))
    for number in reversed(range(first, len(layers))):
        gradient = backwards[number](gradient, number > first)
    _finish(builder)
    return builder.plan


def lower_prediction(layers: Sequence[Layer], link: Activation, batch_size: int) -> Plan:
    """The plan of a prediction: forwards only, through the output link, with the parameters read from theta itself."""
    builder = Builder(layers, np.zeros(1, RULE)[0], batch_size, seed=0)
    x = _gather(builder, prod(layers[0].input_shape), sparse=False)
    for number, layer in enumerate([*layers, link]):
        if isinstance(layer, Dense):
            x = _predict(builder, layer, x)
        elif not isinstance(layer, Disturbance):  # which lets everything through in prediction
            x, _ = LAYERS[type(layer)](builder, layer, number, x)
    return builder.plan


def _predict(builder: Builder, layer: Dense, x: Rows) -> Rows:
    matrix = builder.matrix(layer)
    z = builder.rows(matrix.outputs, spare=True)
    builder.emit(
        "dense_predict", layer.name, f"{matrix.inputs} -> {matrix.outputs}", 2 * matrix.inputs * matrix.outputs,
        matrix.inputs + matrix.outputs + matrix.size // builder.batch_size,
        x=x.place, y=z.place, w=matrix.start, inputs=matrix.inputs, outputs=matrix.outputs,
    )  # fmt: skip
    return z


def rule_of(optimizer: Optimizer, clip_norm: float | None) -> NDArray[Any]:
    """The optimizer as the kernels read it; `gradient`, `first` and `second` say for now whether there is such."""
    rule = np.zeros(1, RULE)[0]
    rule["clip_norm"] = clip_norm or 0
    rule["gradient"], rule["first"], rule["second"] = bool(clip_norm), optimizer.moments > 0, optimizer.moments > 1
    rule["shrink" if isinstance(optimizer, AdamW) else "weight_decay"] = optimizer.weight_decay
    if isinstance(optimizer, Adam):
        rule["kind"] = ADAM
        rule["beta1"], rule["beta2"], rule["epsilon"] = optimizer.beta1, optimizer.beta2, optimizer.epsilon
    elif isinstance(optimizer, SGD):
        rule["kind"] = NESTEROV if optimizer.nesterov else MOMENTUM if optimizer.momentum else PLAIN
        rule["momentum"] = optimizer.momentum
    return rule


def _gather(builder: Builder, features: int, sparse: bool) -> Rows:
    if not sparse:
        x = builder.rows(features, spare=True)
        builder.emit("gather", "input", f"{features}", 2 * features, 2 * features, y=x.place, outputs=features, meet=True)
        return x
    batch = builder.batch_size  # X by examples, Xᵀ by pixels, as pairs of place and number, and how many there are
    x = Rows(builder.claim(4 * batch * features + batch + features), features, sparse=True)
    builder.emit(
        "gather_sparse", "input", f"{features}", features, features // 2, y=x.place, inputs=features, number=batch, meet=True
    )
    return x


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
        x=x.place, y=z.place, number=batch, **fields,
    )  # fmt: skip

    def backward(dz: Rows, needs_dx: bool) -> Rows:
        plain = builder.rule["kind"] == PLAIN
        way = "gradient" if builder.rule["clip_norm"] else "descend" if plain else "update"
        vectors = 2 if way != "update" else 2 + 2 * sum(bool(builder.rule[name]) for name in ("first", "second"))
        builder.updates.append(
            Operation(
                f"{kind}_{way}", layer.name, shapes, arithmetic * batch, 4 * (batch * (inputs + outputs) + vectors * matrix.size),
                x=x.place, y=dz.place, number=batch, meet=not builder.updates, **fields,
            )
        )  # fmt: skip
        builder.scratch(max(outputs * BLOCK, TILE_ROWS * padded(outputs)))
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
        builder.emit(
            "dropout_backward", layer.name, f"{x.width}", x.width, 3 * x.width, x=da.place, y=da.place, **size
        )
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


def _loss(builder: Builder, loss: Loss, z: Rows) -> Rows:
    """The loss with its link; returns where dz lies."""
    if isinstance(loss, SquaredError):  # it works on outputs: its link stands before it, and behind it in reverse
        z, backward = LAYERS[type(loss.link)](builder, loss.link, -1, z)
    dz = builder.rows(z.width)
    builder.emit(
        loss.kind, "loss", f"{z.width}", 5 * z.width, 3 * z.width, x=z.place, y=dz.place, inputs=z.width, outputs=z.width
    )
    return backward(dz, True) if isinstance(loss, SquaredError) else dz


def _finish(builder: Builder) -> None:
    """What stands at the end of a step: gradients with their updates, or gradients, their norm, and then updates."""
    plan, count = builder.plan, builder.parameters
    plan.operations += builder.updates
    if builder.rule["clip_norm"]:
        sums = builder.claim(2 * -(-count // SUMMED))  # of squares, in float64
        for kernel, arithmetic, vectors in (("square_sum", 2, 1), ("clipped_update", 6, 3)):
            plan.operations.append(
                Operation(
                    kernel, "optimizer", f"{count}", arithmetic * count, 4 * vectors * count, y=sums, outputs=count, meet=True
                )
            )
