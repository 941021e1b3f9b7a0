"""From a network, its loss and the optimizer to a plan of kernels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from pellucid.engine.lowering.builder import Backward, Builder
from pellucid.engine.lowering.layers import LAYERS
from pellucid.engine.lowering.rule import RULE, rule_of
from pellucid.engine.plan import SUMMED, Operation, Plan, Rows, sparse_size
from pellucid.layers import Layer
from pellucid.layers.activation import Activation
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Disturbance
from pellucid.losses import BinaryCrossEntropy, CrossEntropy, Loss, SquaredError
from pellucid.optimizers import Optimizer

LOSSES = (CrossEntropy, BinaryCrossEntropy, SquaredError)  # those that have kernels


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
    sparse = sparse and isinstance(layers[0], Dense)
    builder = Builder(layers, rule_of(optimizer, clip_norm), batch_size, seed, sparse=sparse)
    x = _gather(builder, prod(layers[0].input_shape), sparse)
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
    builder = Builder(layers, np.zeros(1, RULE)[0], batch_size, seed=0, training=False)
    x = _gather(builder, prod(layers[0].input_shape), sparse=False)
    for number, layer in enumerate([*layers, link]):
        if isinstance(layer, Dense):
            x = _predict(builder, layer, x)
        elif not isinstance(layer, Disturbance):  # which lets everything through in prediction
            x, _ = LAYERS[type(layer)](builder, layer, number, x)
    return builder.plan


def _gather(builder: Builder, features: int, sparse: bool) -> Rows:
    if not sparse:
        x = builder.rows(features, spare=True)
        builder.emit(
            "gather", "input", f"{features}", 2 * features, 2 * features, y=x.place, outputs=features, meet=True
        )
        return x
    batch = builder.batch_size
    x = Rows(builder.claim(2 * sparse_size(batch, features)), features, sparse=True)
    fields = {"y": x.place, "inputs": features, "batch": batch}
    builder.emit("gather_sparse", "input", f"{features}", features, features // 2, **fields)
    return x


def _predict(builder: Builder, layer: Dense, x: Rows) -> Rows:
    matrix = builder.matrix(layer)
    z = builder.rows(matrix.outputs, spare=True)
    builder.emit(
        "dense_predict", layer.name, f"{matrix.inputs} -> {matrix.outputs}", 2 * matrix.inputs * matrix.outputs,
        matrix.inputs + matrix.outputs + matrix.size // builder.batch_size,
        x=x.place, y=z.place, w=matrix.start, inputs=matrix.inputs, outputs=matrix.outputs,
    )  # fmt: skip
    return z


def _loss(builder: Builder, loss: Loss, z: Rows) -> Rows:
    """The loss with its link; returns where dz lies."""
    if isinstance(loss, SquaredError):  # it works on outputs: its link stands before it, and behind it in reverse
        z, backward = LAYERS[type(loss.link)](builder, loss.link, -1, z)
    dz = builder.rows(z.width)
    builder.emit(
        loss.kind,
        "loss",
        f"{z.width}",
        5 * z.width,
        3 * z.width,
        x=z.place,
        y=dz.place,
        inputs=z.width,
        outputs=z.width,
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
                    kernel,
                    "optimizer",
                    f"{count}",
                    arithmetic * count,
                    4 * vectors * count,
                    y=sums,
                    outputs=count,
                    meet=True,
                )
            )
