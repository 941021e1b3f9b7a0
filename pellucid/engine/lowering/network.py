"""From a network, its loss and the optimizer to a plan of kernels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from math import prod
from typing import Any

from pellucid.engine.lowering.builder import Builder
from pellucid.engine.lowering.rule import rule_of
from pellucid.engine.lowering.sequence import LAYERS, rim_for, row_of
from pellucid.engine.plan import PAD, SUMMED, Operation, Plan, Rows, sparse_size
from pellucid.layers import Layer
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.pooling import MaxPooling
from pellucid.layers.reshape import Flatten
from pellucid.losses import BinaryCrossEntropy, CrossEntropy, Loss, SquaredError
from pellucid.optimizers import Optimizer
from pellucid.workspace import slots

LOSSES = (CrossEntropy, BinaryCrossEntropy, SquaredError)  # those that have kernels


def lower(
    layers: Sequence[Layer], loss: Loss, optimizer: Optimizer, clip_norm: float | None, batch_size: int, seed: int,
    sparse: bool = False, threads: int = 1,
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
        threads: that will run it.
    """
    sparse, abreast = sparse and isinstance(layers[0], Dense), reads_images(layers)
    rule = rule_of(optimizer, clip_norm)
    builder = Builder(layers, rule, batch_size, seed, abreast=abreast, sparse=sparse, threads=threads)
    x = gather(builder, layers, sparse, abreast)
    first = next(number for number, layer in enumerate(layers) if slots([layer], "parameter"))
    z, backward = row_of(builder, layers, x)
    backward(_loss(builder, loss, z), first)
    _finish(builder)
    return builder.plan


def reads_images(layers: Sequence[Layer]) -> bool:
    """Whether a layer reads images as such, before they are flattened."""
    image = takewhile(lambda layer: not isinstance(layer, Flatten), layers)
    return any(isinstance(layer, Convolution | MaxPooling) for layer in image)


def gather(builder: Builder, layers: Sequence[Layer], sparse: bool, abreast: bool) -> Any:
    """The batch, as the first layer reads it."""
    shape = layers[0].input_shape
    features = prod(shape)
    if abreast:
        builder.rim = rim_for(layers, 0)
        images = builder.images(shape, spare=True)
        size = {"outputs": images.channels, "rows": images.height, "columns": images.width, "carry": PAD}
        builder.emit(
            "gather_abreast", "input", f"{features}", 2 * features, 2 * features, y=images.place, meet=True, **size
        )
        return images
    if not sparse:
        x = builder.rows(features, spare=True)
        builder.emit(
            "gather", "input", f"{features}", 2 * features, 2 * features, y=x.place, outputs=features, meet=True
        )
        return x
    batch = builder.batch_size
    x = Rows(builder.claim(2 * sparse_size(batch, features)), features, sparse=True)
    fields = {"y": x.place, "inputs": features, "batch": batch, "carry": 0}
    builder.emit("gather_sparse", "input", f"{features}", features, features // 2, **fields)
    return x


def _loss(builder: Builder, loss: Loss, z: Rows) -> Rows:
    """The loss with its link; returns where dz lies."""
    if isinstance(loss, SquaredError):  # it works on outputs: its link stands before it, and behind it in reverse
        z, backward = LAYERS[type(loss.link)](builder, loss.link, z)
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
                    y=(sums, 0, 0, 0, 0),
                    outputs=count,
                    meet=True,
                )
            )
