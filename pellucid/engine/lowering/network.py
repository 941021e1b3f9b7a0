"""From a network, its loss and the descent to a plan of kernels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from math import prod
from typing import Any

from pellucid.descent import Descent
from pellucid.engine.lowering.builder import Builder
from pellucid.engine.lowering.ending import finish
from pellucid.engine.lowering.rule import rule_of
from pellucid.engine.lowering.sequence import LAYERS, rim_for, row_of
from pellucid.engine.plan import PAD, Plan, Rows, sparse_size
from pellucid.layers import Layer, walk
from pellucid.layers.activation import Softmax
from pellucid.layers.dense import Dense
from pellucid.layers.normalization import BatchNormalization
from pellucid.layers.pooling import GlobalAveragePooling
from pellucid.layers.reshape import Flatten
from pellucid.layers.window import Window
from pellucid.losses import BinaryCrossEntropy, CrossEntropy, Loss, MultiLabel, SquaredError
from pellucid.workspace import slots

LOSSES: dict[type[Loss], str] = {  # those that have kernels
    CrossEntropy: "cross_entropy",
    BinaryCrossEntropy: "binary_cross_entropy",
    MultiLabel: "multi_label",
    SquaredError: "squared_error",
}
OF_IMAGES = (Window, GlobalAveragePooling, BatchNormalization, Softmax)  # what sees channels, or neighbours


def lower(
    layers: Sequence[Layer], loss: Loss, descent: Descent, batch_size: int, seed: int, sparse: bool = False,
    threads: int = 1, decay: float = 0.0,
) -> Plan:  # fmt: skip
    """The plan of a training step.

    Args:
        layers: a built network.
        loss: with its output link.
        descent: what a gradient does to theta; not all layers are frozen.
        batch_size: the examples of a step, at most.
        seed: of what is drawn for each element.
        sparse: the images are bytes that are mostly 0, and 0 stays 0 when they are normalized.
        threads: that will run it.
        decay: of the moving average of theta that is kept; 0 keeps none.
    """
    sparse, abreast = sparse and isinstance(layers[0], Dense), reads_images(layers)
    builder = Builder(
        layers, rule_of(descent, layers, decay), batch_size, seed, abreast=abreast, sparse=sparse, threads=threads,
        rates=descent.layer_rates,
    )  # fmt: skip
    x = gather(builder, layers, sparse, abreast)
    first = next(number for number, layer in enumerate(layers) if trained([layer], descent))
    z, backward = row_of(builder, layers, x)
    backward(_loss(builder, loss, z), first)
    builder.begin()
    finish(builder)
    builder.settle()
    return builder.plan


def trained(layers: Sequence[Layer], descent: Descent) -> bool:
    """Whether something of these layers is trained: it has parameters and is not frozen."""
    return any(descent.layer_rates.get(slot.layer.name, 1.0) for slot in slots(layers, "parameter"))


def reads_images(layers: Sequence[Layer]) -> bool:
    """Whether a layer reads images as such, before they are flattened."""
    image = takewhile(lambda layer: len(layer.input_shape) == 3 and not isinstance(layer, Flatten), layers)
    return any(isinstance(layer, OF_IMAGES) for layer in walk(image))


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
    dz = builder.rows(z.width, spare=True)
    builder.emit(
        LOSSES[type(loss)],
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
